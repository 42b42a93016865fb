"""Short cuts are taken, and only where they may be: shown by memory that they leave as it was, that
they alone write, or that they do not read. The results are the same without them.
"""

import numpy as np
import pytest

import cases
from deltaloop import SGD
from deltaloop.kernels import functions, reference
from deltaloop.kernels.interface import Plan, padded_width
from deltaloop.kernels.memory import PIECE, Work, aligned_zeros
from deltaloop.kernels.sparse_rows import SparseRows
from tolerances import are_useful, assert_within, expected_within
from watching import watched_case

RULES = {name: optimizer.rule() for name, optimizer in cases.RULES.items()}
MARK = 7  # what is in memory before


def is_flat(rule):
    return not functions.RULES[rule].is_fused


def marked(plan, batch_size, n_threads=1):
    work = Work(plan, batch_size, n_threads)
    work.buffer[:] = MARK
    work.costs[:] = MARK
    return work


def room(work, name, length):
    start = int(work.places[0][name])
    return work.buffer[start : start + length]


def hidden_values(work, n_samples=1):
    """z, a and delta of all layers but the last."""
    layers = range(len(work.plan.layers) - 1)
    return np.concatenate(
        [work.rows(kind, k, n_samples).ravel() for k in layers for kind in ("z", "a", "delta")]
    )


# Nets of up to 8 layers of up to 8 units learn single samples without memory for z, a and delta.


def tiny_case(dtype, sizes, loss="mse", output="identity"):
    activations = [*["tanh"] * (len(sizes) - 2), output]
    return cases.case(2, sizes, activations, loss, dtype, 5)


def learned(backend, case, rule="sgd", order=None):
    work = marked(case.plan, 1)
    cases.trained(backend, case, RULES[rule], order, 1, work=work)
    return work


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("sizes", [[2, 4, 1], [8, 8, 8], [4, 5, 4], [3] * 9, [8] * 9])
def test_tiny_nets_write_no_memory(compiled, dtype, sizes, shuffled):
    order = np.arange(5)[::-1].copy() if shuffled else None
    work = learned(compiled, tiny_case(dtype, sizes), order=order)
    assert (work.buffer == MARK).all()
    assert (work.costs == MARK).all()


@pytest.mark.parametrize(
    ("loss", "output"), [("binary_cross_entropy", "sigmoid"), ("cross_entropy", "softmax")]
)
def test_of_tiny_nets_other_losses_see_the_output_alone(compiled, dtype, loss, output):
    work = learned(compiled, tiny_case(dtype, [4, 6, 3], loss, output))
    assert (hidden_values(work) == MARK).all()
    assert not (work.rows("a", 1, 1) == MARK).any()


@pytest.mark.parametrize("sizes", [[9, 8, 1], [8, 9, 1], [8, 8, 9], [3] * 10])
def test_larger_nets_use_memory(compiled, dtype, sizes):
    assert not (hidden_values(learned(compiled, tiny_case(dtype, sizes))) == MARK).any()


def test_what_is_tiny_but_not_plain_uses_memory(compiled, dtype):
    case = tiny_case(dtype, [4, 4, 2])
    for rule in set(RULES) - {"sgd"}:
        assert not (hidden_values(learned(compiled, case, rule)) == MARK).any()
    sparse = case._replace(X=SparseRows.from_dense(case.X))
    assert not (hidden_values(learned(compiled, sparse)) == MARK).any()
    _, *custom = watched_case(dtype, 5, (4, 4, 2))
    assert not (hidden_values(learned(compiled, cases.Case(*custom))) == MARK).any()


def assert_steps_agree(compiled, case):
    """Single steps on 5 samples are those of the reference."""
    expected, tolerance = expected_within(
        lambda *arrays: cases.trained(
            reference, cases.Case(case.plan, *arrays), RULES["sgd"], None, 1
        ),
        *case[1:], cases.longest_sum(case.plan, 1) + 5,
    )  # fmt: skip
    assert are_useful(expected, tolerance)
    assert_within(cases.trained(compiled, case, RULES["sgd"], None, 1), expected, tolerance)


@pytest.mark.parametrize("n", range(1, 9))
@pytest.mark.parametrize("place", [0, 1, 2])
def test_tiny_nets_of_every_size_agree_with_equations(compiled, dtype, n, place):
    sizes = [5, 4, 3]
    sizes[place] = n
    case = tiny_case(dtype, sizes)
    assert_steps_agree(compiled, case)


@pytest.mark.parametrize("hidden", cases.HIDDEN)
def test_tiny_nets_of_every_activation_agree_with_equations(compiled, dtype, hidden):
    case = cases.case(4, [4, 5, 3, 2], [hidden, "tanh", "identity"], "mse", dtype, 5)
    assert_steps_agree(compiled, case)


@pytest.mark.parametrize("batch_size", [1, 5])
def test_functions_of_users_see_the_units_and_no_padding(compiled, dtype, batch_size):
    watched, *custom = watched_case(dtype, 5, (7, 9, 3))
    cases.trained(compiled, cases.Case(*custom), RULES["sgd"], None, batch_size)
    assert watched.units == {"f": {9}, "slope": {9}}


# The step of the first layer and z of the next sample are one pass over W.


def overlapping(dtype, n_out, n_in=40):
    """One layer, and two samples that lie in memory behind W (the first one) and within W."""
    width = padded_width(n_out, dtype)
    plan = Plan.build(n_in, [(n_out, "identity", 0.0, True)], "mse", dtype)
    memory = aligned_zeros(plan.n_theta + 2 * n_in * width, dtype)
    theta = memory[: plan.n_theta]
    generator = np.random.default_rng(n_out)
    plan.W(theta, 0)[:] = generator.uniform(-1, 1, (n_out, n_in))
    plan.b(theta, 0)[:] = generator.uniform(-1, 1, n_out)
    within = (n_in - 8) * width - n_in  # the second sample ends eight rows before the end of W
    behind = plan.n_theta + 8
    X = np.lib.stride_tricks.as_strided(
        memory[within:], (2, n_in), ((behind - within) * dtype.itemsize, dtype.itemsize)
    )
    X[1] = generator.uniform(0.5, 1, n_in)
    return plan, theta, X, within + np.arange(n_in)


@pytest.mark.parametrize("n_out", [3, 7, 16, 30, 48, 64, 128, 200])
def test_the_first_layer_is_passed_once(compiled, dtype, n_out):
    """The second sample is made of weights. One pass meets value i as it was before the first
    step where i is less than the row that holds it; two passes meet all as they are after it.
    """
    plan, theta, X, places = overlapping(dtype, n_out)
    n_in, width, rate = X.shape[1], padded_width(n_out, dtype), 0.01
    rows, columns = np.divmod(places, width)
    inputs, Y = np.arange(n_in), np.zeros((2, n_out), dtype)
    W, b = plan.W(theta, 0).copy(), plan.b(theta, 0).copy()
    # as several rows are read at once, what is met about the same time should not move
    close = abs(inputs - rows) < 8
    if width < 32:
        X[1][rows[close]] = 0
    else:
        still = columns[close][columns[close] < n_out]
        Y[1, still] = (W @ X[1] + b)[still]
    delta = W @ X[1] + b - Y[1]
    new_W, new_b = W - rate * np.outer(delta, X[1]), b - rate * delta
    padded = np.zeros((n_in, width), dtype)
    padded[:, :n_out] = new_W.T
    before, after = X[0].copy(), padded.ravel()[places]
    in_one_pass, in_two = (
        0.5 * (delta @ delta + ((new_W @ x + new_b) ** 2).sum())
        for x in (np.where(inputs < rows, before, after), after)
    )
    assert abs(in_one_pass / in_two - 1) > 1e-4
    state, rule = aligned_zeros((0, plan.n_theta), dtype), SGD(rate).rule()
    total = compiled.train_epoch(
        plan, theta, state, rule, X, Y, np.array([1, 0]), 0, 2, 1, Work(plan, 1)
    )
    assert total == pytest.approx(in_one_pass, rel=1e-5)


# Inactive ReLU units, and values that sparse rows do not list: their weights are not read.


def relu_case(dtype, n_out, n_samples=6):
    """Every third of the hidden units never wakes; and their numbers."""
    case = cases.case(5, [12, 40, n_out], ["relu", "identity"], "mse", dtype, n_samples)
    asleep = np.arange(0, 40, 3)
    case.plan.b(case.theta, 0)[asleep] = -100
    return case, asleep


@pytest.mark.parametrize(("n_out", "listed"), [(16, False), (25, True), (32, True), (70, True)])
def test_weights_of_units_that_sleep_are_not_read(compiled, dtype, n_out, listed):
    case, asleep = relu_case(dtype, n_out)
    expected = cases.trained(compiled, case, RULES["sgd"], None, 1)["loss"]
    case.plan.W(case.theta, 1)[:, asleep] = np.nan
    out = cases.forward_of(compiled, case.plan, case.theta, case.X[:1])
    found = cases.trained(compiled, case, RULES["sgd"], None, 1)
    assert np.isfinite(out).all() == listed
    assert (found["loss"] == expected) == listed
    assert np.isnan(found["W2"][:, asleep]).all()
    assert np.isfinite(np.delete(found["W2"], asleep, axis=1)).all() == listed


def test_units_that_count_are_listed_once_more_on_the_way_back(compiled, dtype):
    """The list of the last sample, as it stands in memory after the step."""
    case, asleep = relu_case(dtype, 32, 1)
    work = marked(case.plan, 1)
    cases.trained(compiled, case, RULES["sgd"], None, 1, work=work)
    a = work.rows("a", 0, 1)[0]
    awake = np.flatnonzero(a)
    assert len(awake) and not set(awake) & set(asleep)
    index = room(work, "turned", 40).view(np.int32)
    assert index[: len(awake)].tolist() == awake.tolist()
    assert (room(work, "turned_prev", len(awake)) == a[awake]).all()


@pytest.mark.parametrize("hidden", ["tanh", "leaky_relu"])
def test_other_activations_make_no_list(compiled, dtype, hidden):
    case = cases.case(5, [12, 40, 32], [hidden, "identity"], "mse", dtype, 4)
    work = marked(case.plan, 1)
    cases.trained(compiled, case, RULES["sgd"], None, 1, work=work)
    assert (room(work, "turned", 40) == MARK).all()


@pytest.mark.parametrize("width", [3, 8, 20, 70])
@pytest.mark.parametrize("batch_size", [1, 5, 20])
@pytest.mark.parametrize("rule", RULES)
def test_weights_of_inputs_that_are_not_listed_are_not_read(
    compiled, dtype, width, batch_size, rule
):  # fmt: skip
    case = cases.case(5, [30, width, 2], ["tanh", "identity"], "mse", dtype, 20)
    case.X[:, ::3] = 0
    rows = SparseRows.from_dense(case.X)
    expected = cases.trained(compiled, case._replace(X=rows), RULES[rule], None, batch_size)
    case.plan.W(case.theta, 0)[:, ::3] = np.nan
    found = cases.trained(compiled, case._replace(X=rows), RULES[rule], None, batch_size)
    assert found["loss"] == expected["loss"]
    assert np.isnan(found["W1"][:, ::3]).all()
    dense = cases.trained(compiled, case, RULES[rule], None, batch_size)
    assert np.isnan(dense["loss"])


# Mini-batches: rows in random order are copied together, large ones go through piece by piece, and
# a single output unit has its weights side by side.


def test_rows_in_order_are_read_where_they_are(threaded, dtype):
    case = cases.case(5, [30, 20, 2], ["tanh", "identity"], "mse", dtype, 20)
    for order in (None, np.arange(20)):
        work = marked(case.plan, 20)
        cases.trained(threaded, case, RULES["sgd"], order, 20, work=work)
        gathered = room(work, "gathered", 20 * 32).reshape(20, 32)[:, :30]
        if order is None:
            assert (gathered == MARK).all()
        else:
            np.testing.assert_array_equal(gathered, case.X)


@pytest.mark.parametrize("batch_size", [PIECE, PIECE + 1])
def test_sums_of_pieces_are_put_aside(compiled, dtype, batch_size):
    """Of layers that are too large for groups of samples."""
    case = cases.case(5, [300, 150, 2], ["tanh", "identity"], "mse", dtype, batch_size)
    work = marked(case.plan, PIECE)
    cases.trained(compiled, case, RULES["sgd"], None, batch_size, work=work)
    partial = room(work, "partial", case.plan.n_theta)
    n_marks = (partial == MARK).sum()
    assert n_marks == (case.plan.n_theta if batch_size == PIECE else gaps(case.plan))


def gaps(plan):
    """Elements of theta between its layers."""
    used = sum(
        int(layer["width"]) * (int(layer["n_in"]) + int(layer["b"] >= 0)) for layer in plan.layers
    )
    return plan.n_theta - used


@pytest.mark.parametrize(("n_out", "alone"), [(1, True), (2, False)])
def test_one_unit_has_its_weights_side_by_side(threaded, dtype, n_out, alone):
    """In the room of delta below, which is free on the way forward."""
    case = cases.case(5, [12, 30, n_out], ["tanh", "identity"], "mse", dtype, 20)
    work = marked(case.plan, 20)
    out = np.empty((20, n_out), dtype)
    threaded.forward(case.plan, case.theta, case.X, out, work)
    expected = cases.forward_of(reference, case.plan, case.theta, case.X)
    np.testing.assert_allclose(out, expected, rtol=0, atol=100 * np.finfo(dtype).eps)
    found = work.rows("delta", 0, 1)[0]
    expected = case.plan.W(case.theta, 1)[0] if alone else np.full(30, MARK)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("rule", RULES)
def test_flat_rules_take_the_whole_gradient_first(compiled, dtype, rule):
    case = cases.case(5, [12, 30, 2], ["tanh", "identity"], "mse", dtype, 20)
    expected = cases.gradient_of(compiled, *case)
    found = cases.trained(compiled, case, RULES[rule], None, 20)
    same = "v0 W1" in found and np.allclose(found["v0 W1"], expected["dC/dW1"], atol=1e-6)
    assert same == (
        is_flat(rule) or rule in ("momentum", "nesterov")
    )  # v = 0 mu + g in the first step
