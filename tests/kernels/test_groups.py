"""Mini-batches of PIECE samples or more, whose gradient is added up in groups of samples."""

from dataclasses import replace

import numpy as np
import pytest

import cases
from deltaloop import kernels
from deltaloop.kernels.interface import Regularization
from deltaloop.kernels.memory import GROUPS, MOST_GROUPED, PIECE, Work

FUSED = {name: cases.RULES[name].rule() for name in ("sgd", "momentum", "nesterov", "adam")}
SIZES = [PIECE, PIECE + 1, 300, 512, 700, 1000, GROUPS * PIECE, GROUPS * PIECE + 1, 5000]


def make_case(dtype, n_samples, hidden=20):
    return cases.case(
        8, [30, hidden, 5, 3], ["relu", "tanh", "softmax"], "cross_entropy", dtype, n_samples,
        biases=[True, False, True],
    )  # fmt: skip


def works(plan, size):
    """Room for one piece, for some, for the whole mini-batch, and for several threads."""
    yield Work(plan, PIECE)
    yield Work(plan, PIECE + 100)
    yield Work(plan, size)
    for n_threads in (2, 3, 4, 8):
        yield Work(plan, PIECE * n_threads, n_threads)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shuffled", [False, True])
def test_room_and_threads_change_no_bit(threaded, dtype, size, shuffled):
    n_samples = size + 290
    case, expected = make_case(dtype, n_samples), None
    order = np.random.default_rng(1).permutation(n_samples) if shuffled else None
    for work in works(case.plan, size):
        found = cases.trained(threaded, case, FUSED["adam"], order, size, work=work)
        if expected is None:
            expected = found
        cases.assert_same_bits(found, expected)


@pytest.mark.parametrize("rule", FUSED)
@pytest.mark.parametrize("size", [300, 1000, 2500])
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_numba_has_the_same_bits(dtype, rule, size, l2):
    pytest.importorskip("numba")
    rule, case = FUSED[rule], make_case(dtype, size + 300)
    if l2 and len(rule.row.slots):
        rule = replace(rule, regularization=Regularization(l2=l2))
    order = np.random.default_rng(1).permutation(size + 300)
    found = [
        cases.trained(
            kernels.load(name), case, rule, order, size, work=Work(case.plan, PIECE)
        )
        for name in ("cython", "numba")
    ]  # fmt: skip
    cases.assert_same_bits(*found)


@pytest.mark.parametrize("rule", FUSED)
@pytest.mark.parametrize("size", [300, 2500])
def test_it_is_the_step_of_the_reference(threaded, rule, size):
    case = make_case(np.dtype("float64"), size)
    expected = cases.trained(kernels.load("reference"), case, FUSED[rule], None, size)
    found = cases.trained(threaded, case, FUSED[rule], None, size, work=Work(case.plan, PIECE))
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-11, atol=1e-14, err_msg=name)


def test_large_layers_are_not_grouped(dtype):
    small, large = (make_case(dtype, 10, hidden).plan for hidden in (20, 2000))
    assert large.n_theta * dtype.itemsize > MOST_GROUPED
    assert Work(small, PIECE).places[0]["groups"] > 0
    assert Work(large, PIECE).places[0]["groups"] == -1
    assert Work(small, PIECE - 1).places[0]["groups"] == -1
