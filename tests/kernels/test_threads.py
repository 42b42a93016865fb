"""Threads change the time that a result takes, and not one bit of it."""

from dataclasses import replace

import numpy as np
import pytest

import cases
from deltaloop.kernels import interface
from deltaloop.kernels.memory import PIECE, Work
from deltaloop.kernels.sparse_rows import SparseRows

RULES = {name: optimizer.rule() for name, optimizer in cases.RULES.items()}
SIZES, ACTIVATIONS = [100, 70, 130, 5], ["relu", "tanh", "softmax"]


def make_case(dtype, n_samples):
    return cases.case(8, SIZES, ACTIVATIONS, "cross_entropy", dtype, n_samples)


# every rule with one size, rules of each kind with all: fused, fused with a state, flat
@pytest.mark.parametrize(
    ("rule", "batch_size"),
    [*((rule, n) for rule in ("sgd", "adam", "rmsprop") for n in (2, 48, 50, 97, 300)),
     *((rule, 97) for rule in RULES if rule not in ("sgd", "adam", "rmsprop"))],
)  # fmt: skip
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("shuffled", [False, True])
def test_training(threaded, dtype, rule, batch_size, sparse, shuffled):
    n_samples = 611 if batch_size > 2 else 121
    case = make_case(dtype, n_samples)
    if sparse:
        case = case._replace(X=SparseRows.from_dense(case.X))
    order = np.random.default_rng(1).permutation(n_samples) if shuffled else None
    expected = cases.trained(threaded, case, RULES[rule], order, batch_size)
    for n_threads in (2, 3, 8):
        work = Work(case.plan, batch_size, n_threads)
        found = cases.trained(threaded, case, RULES[rule], order, batch_size, work=work)
        cases.assert_same_bits(found, expected)


@pytest.mark.parametrize("sparse", [False, True])
def test_squares_and_a_penalty_in_the_step(threaded, dtype, sparse):
    case = make_case(dtype, 300)
    if sparse:
        case = case._replace(X=SparseRows.from_dense(case.X))
    rule = replace(RULES["adam"], regularization=interface.Regularization(l2=0.1))
    results = []
    for n_threads in (1, 2, 3):
        work, squares = Work(case.plan, 97, n_threads), np.zeros(1)
        found = cases.trained(
            threaded, case, rule, None, 97, slices=[(0, 194), (194, 300)], work=work,
            squares=squares,
        )  # fmt: skip
        results.append(found | {"squares": squares})
    assert results[0]["squares"] > 0
    for found in results[1:]:
        cases.assert_same_bits(found, results[0])


def test_every_rule_is_tried():
    assert tuple(RULES) == interface.RULES


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("n_threads", [2, 3, 5])
def test_training_of_tall_layers(threaded, dtype, rule, n_threads):
    """A thread's share of the rows of W ends in tiles of another height."""
    case = cases.case(8, [784, 30, 10], ["sigmoid", "softmax"], "cross_entropy", dtype, 64)
    expected = cases.trained(threaded, case, RULES[rule], None, 32)
    work = Work(case.plan, 32, n_threads)
    cases.assert_same_bits(
        cases.trained(threaded, case, RULES[rule], None, 32, work=work), expected
    )


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("batch_size", [64, 256])
@pytest.mark.parametrize("sizes", [[10, 64, 64, 1], [10, 256, 1]])
def test_training_of_a_single_output(threaded, dtype, sizes, batch_size, rule):
    """One unit is summed in a way of its own, in scratch that belongs to the thread."""
    activations = [*["tanh"] * (len(sizes) - 2), "identity"]
    case = cases.case(8, sizes, activations, "mse", dtype, 8 * batch_size)
    expected = cases.trained(threaded, case, RULES[rule], None, batch_size)
    for n_threads in (2, 4):
        for _ in range(3):
            work = Work(case.plan, batch_size, n_threads)
            found = cases.trained(threaded, case, RULES[rule], None, batch_size, work=work)
            cases.assert_same_bits(found, expected)


@pytest.mark.parametrize("room", [1, 2, 3])
def test_a_prediction_with_more_threads_than_room_ends(threaded, dtype, room):
    case = make_case(dtype, 7)
    out = np.full((7, 5), np.nan, dtype)
    threaded.forward(case.plan, case.theta, case.X, out, Work(case.plan, room, 8))
    expected = cases.forward_of(threaded, *case[:3])
    np.testing.assert_allclose(out, expected, rtol=0, atol=10 * np.finfo(dtype).eps)


@pytest.mark.parametrize("n_samples", [1, 129, 1000])
@pytest.mark.parametrize("sparse", [False, True])
def test_prediction(threaded, dtype, n_samples, sparse):
    case = make_case(dtype, n_samples)
    X = SparseRows.from_dense(case.X) if sparse else case.X
    outs = [np.full((n_samples, 5), np.nan, dtype) for _ in range(3)]
    for out, n_threads in zip(outs, (1, 2, 5), strict=True):
        threaded.forward(case.plan, case.theta, X, out, Work(case.plan, 64 * n_threads, n_threads))
    assert np.isfinite(outs[0]).all()
    assert outs[0].tobytes() == outs[1].tobytes() == outs[2].tobytes()


def test_lists_of_samples_are_those_of_each_thread(threaded, dtype):
    """A first layer that neither registers nor the first cache hold is summed block by block."""
    case = cases.case(8, [90, 700, 3], ["relu", "softmax"], "cross_entropy", dtype, 300)
    X = np.where(np.random.default_rng(2).random(case.X.shape) < 0.3, case.X, 0).astype(dtype)
    case = case._replace(X=SparseRows.from_dense(X))
    rule, found = RULES["sgd"], []
    for n_threads in (1, 2, 3):
        work = Work(case.plan, 150, n_threads)
        found.append(cases.trained(threaded, case, rule, None, 150, work=work))
    cases.assert_same_bits(found[1], found[0])
    cases.assert_same_bits(found[2], found[0])
    dense = cases.trained(threaded, case._replace(X=X), rule, None, 150)
    for name, array in found[0].items():
        np.testing.assert_allclose(array, dense[name], rtol=2e-3, atol=200 * np.finfo(dtype).eps)


def test_a_loss_that_is_not_finite_stops_all_threads(threaded, dtype):
    case = make_case(dtype, 200)
    case.X[120, 0] = np.nan
    totals = []
    for n_threads in (1, 3):
        found = cases.trained(
            threaded, case, RULES["sgd"], None, 50, work=Work(case.plan, 50, n_threads)
        )
        totals.append(found.pop("loss"))
    assert np.isnan(totals).all()


@pytest.mark.parametrize("n_threads", [1, 2, 3, 11])
@pytest.mark.parametrize("batch_size", [16, 32, 48, 96, 256])
def test_threads_without_samples_write_nothing(threaded, dtype, batch_size, n_threads):
    """Where mini-batch and widest layer fill their blocks, more would be written behind them."""
    case = cases.case(8, [10, 64, 2], ["tanh", "softmax"], "cross_entropy", dtype, batch_size)
    work = Work(case.plan, batch_size, n_threads)
    n = len(work.buffer)
    room = np.full(n + 64, 7, dtype)
    work.buffer = room[:n]
    expected = cases.trained(threaded, case, RULES["sgd"], None, batch_size)
    found = cases.trained(threaded, case, RULES["sgd"], None, batch_size, work=work)
    cases.assert_same_bits(found, expected)
    assert (room[n:] == 7).all()


def test_more_threads_than_rows(threaded, dtype):
    case = cases.case(1, [2, 3, 1], ["tanh", "identity"], "mse", dtype, 5)
    expected = cases.trained(threaded, case, RULES["sgd"], None, 5)
    found = cases.trained(threaded, case, RULES["sgd"], None, 5, work=Work(case.plan, 5, 16))
    cases.assert_same_bits(found, expected)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shuffled", [False, True])
def test_pieces_of_a_mini_batch(threaded, dtype, rule, shuffled):
    case = make_case(dtype, 1100)
    order = np.random.default_rng(1).permutation(1100) if shuffled else None
    expected = cases.trained(threaded, case, RULES[rule], order, 700)
    for room in (PIECE, PIECE + 100, 2 * PIECE):
        work = Work(case.plan, room, n_threads=3)
        found = cases.trained(threaded, case, RULES[rule], order, 700, work=work)
        cases.assert_same_bits(found, expected)
