"""Products that are cut into parts: wide layers, whose rows are laid side by side first."""

import numpy as np
import pytest

import cases
from deltaloop.kernels import reference
from deltaloop.kernels.memory import CUT, PIECE, Work
from tolerances import are_useful, assert_within, expected_within

RULES = {name: optimizer.rule() for name, optimizer in cases.RULES.items()}
# more inputs than a part is deep, more units than it is wide, and widths that no tile divides
WIDE = [
    ([60, 64, 48, 10], 130),  # W is transposed on the way back, and not the two deltas
    ([9, 5, 7, 1], 40),
    ([530, 272, 600, 5], 96),
    ([300, 513, 20], 130),
    ([40, 1100, 130], 16),
    ([700, 48, 33, 300], PIECE + 40),
    ([701, 280, 3], 200),  # more rows of a part of A than there is room for
    ([64, 100, 10], 200),  # rows that do not collide: parts of B in place
]


def wide_case(sizes, dtype, n_samples, hidden="tanh"):
    activations = [*[hidden] * (len(sizes) - 2), "identity"]
    return cases.case(3, sizes, activations, "mse", dtype, n_samples)


def room(plan, batch_size, cuts, n_threads=1):
    work = Work(plan, batch_size, n_threads)
    assert work.places["parts"] > 0
    if not cuts:
        work.places["parts"] = -1
    return work


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("sizes", "batch_size"), WIDE)
def test_no_bit_depends_on_cuts(threaded, dtype, sizes, batch_size, rule):
    case = wide_case(sizes, dtype, 2 * batch_size + 17)
    whole = room(case.plan, batch_size, cuts=False)
    expected = cases.trained(threaded, case, RULES[rule], None, batch_size, work=whole)
    for n_threads in (1, 2, 3):
        work = room(case.plan, batch_size, True, n_threads)
        found = cases.trained(threaded, case, RULES[rule], None, batch_size, work=work)
        cases.assert_same_bits(found, expected)


@pytest.mark.parametrize(("sizes", "batch_size"), WIDE)
def test_units_of_relu_are_those_of_products_that_are_not_cut(threaded, dtype, sizes, batch_size):
    """ReLU and its slope are applied as the last part of a sum is stored."""
    case = wide_case(sizes, dtype, batch_size, "relu")
    works = [room(case.plan, batch_size, cuts) for cuts in (False, True)]
    expected, found = (
        cases.trained(threaded, case, RULES["sgd"], None, batch_size, work=work) for work in works
    )
    cases.assert_same_bits(found, expected)


@pytest.mark.parametrize(("sizes", "batch_size"), WIDE)
def test_wide_layers_agree_with_equations(every_compiled, dtype, sizes, batch_size):
    plan, theta, X, Y = wide_case(sizes, dtype, batch_size)
    expected, tolerance = expected_within(
        lambda *arrays: cases.gradient_of(reference, plan, *arrays),
        theta, X, Y, cases.longest_sum(plan, batch_size),
    )  # fmt: skip
    assert are_useful(expected, tolerance)
    for backend in every_compiled:
        assert_within(cases.gradient_of(backend, plan, theta, X, Y), expected, tolerance)


@pytest.mark.parametrize(("sizes", "batch_size"), WIDE)
def test_prediction_of_many_rows(threaded, dtype, sizes, batch_size):
    plan, theta, X, _ = wide_case(sizes, dtype, 5 * batch_size)
    outs = []
    for cuts in (False, True):
        out = np.full((len(X), sizes[-1]), np.nan, dtype)
        threaded.forward(plan, theta, X, out, room(plan, batch_size, cuts))
        outs.append(out)
    assert np.isfinite(outs[0]).all()
    assert outs[0].tobytes() == outs[1].tobytes()


def test_small_networks_need_no_room_for_parts(dtype):
    plan = cases.case(1, [10, 1], ["identity"], "mse", dtype, 1).plan
    assert Work(plan, 256).places["parts"] < 0
    assert Work(wide_case([530, 272, 5], dtype, 1).plan, 1).places["parts"] < 0


@pytest.mark.parametrize(("sizes", "batch_size"), WIDE)
def test_wide_layers_are_cut(threaded, dtype, sizes, batch_size):
    """The room for parts is used: without that, the comparisons above compare nothing."""
    case = wide_case(sizes, dtype, batch_size)
    work = room(case.plan, batch_size, cuts=True)
    start = int(work.places[0]["parts"])
    parts = work.buffer[start : start + CUT // dtype.itemsize]
    assert not parts.any()
    cases.trained(threaded, case, RULES["sgd"], None, batch_size, work=work)
    assert parts.any()


@pytest.mark.parametrize(("sizes", "batch_size"), WIDE)
def test_copies_of_parts_stay_in_their_room(threaded, dtype, sizes, batch_size):
    """Behind them are the rows in order, which nobody needs where there is no order."""
    case = wide_case(sizes, dtype, batch_size)
    work = room(case.plan, batch_size, cuts=True)
    behind = work.buffer[int(work.places[0]["parts"]) + CUT // dtype.itemsize :]
    assert behind.size
    behind[:] = 7
    cases.trained(threaded, case, RULES["sgd"], None, batch_size, work=work)
    assert (behind == 7).all()
