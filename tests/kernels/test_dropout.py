"""Dropout: the same masks in every backend, for any number of threads, and without a pattern."""

from itertools import combinations

import numpy as np
import pytest

import cases
from deltaloop import kernels
from deltaloop.kernels import reference
from deltaloop.kernels.interface import Plan
from deltaloop.kernels.memory import Work, aligned_zeros
from tolerances import are_useful, assert_within, expected_within

SIZES, ACTIVATIONS = [6, 9, 40, 4], ["tanh", "silu", "identity"]
DROPOUT = [(0.0, 0.5), (0.3, 0.0, 0.2), (0.1, 0.2, 0.6)]  # inputs, then hidden layers
RULES = {name: cases.RULES[name].rule() for name in ("sgd", "momentum", "adam", "adagrad")}


def case_of(dtype, dropout, n_samples=60, sizes=SIZES):
    plain = cases.case(5, sizes, ACTIVATIONS[-(len(sizes) - 1) :], "mse", dtype, n_samples)
    units = [
        (int(n_out), name, 0.0, True)
        for n_out, name in zip(sizes[1:], ACTIVATIONS[-(len(sizes) - 1) :], strict=True)
    ]
    plan = Plan.build(sizes[0], units, "mse", dtype, None, dropout)
    return plain._replace(plan=plan)


def trained(backend, case, rule, batch_size, order=None, noise=7, work=None, weights=None):
    plan, theta, X, Y = case
    after = aligned_zeros(plan.n_theta, theta.dtype)
    after[:] = theta
    state = aligned_zeros((rule.n_slots, plan.n_theta), theta.dtype)
    loss = backend.train_epoch(
        plan, after, state, rule, X, Y, order, 0, len(X), batch_size,
        work or Work.for_batches(plan, X, rule, batch_size, 1), 0.0, 3, weights, None, noise,
    )  # fmt: skip
    return {"loss": loss, **cases.blocks(plan, after), "padding": cases.padding(plan, after)}


@pytest.mark.parametrize(
    ("rule", "batch_size", "shuffled"),
    [(rule, n, shuffled) for rule, n in (("sgd", 1), ("momentum", 7), ("adam", 60), ("adam", 1),
                                         ("adagrad", 1), ("adagrad", 7))
     for shuffled in (False, True)],
)  # fmt: skip
@pytest.mark.parametrize("dropout", DROPOUT, ids=str)
def test_an_epoch_agrees_with_the_reference(
    every_compiled, dtype, rule, dropout, batch_size, shuffled
):
    case, how = case_of(dtype, dropout), RULES[rule]
    order = np.random.default_rng(0).permutation(60) if shuffled else None
    expected, tolerance = expected_within(
        lambda *shaken: trained(reference, cases.Case(case.plan, *shaken), how, batch_size, order),
        *case[1:], cases.longest_sum(case.plan, batch_size) + 60,
    )  # fmt: skip
    assert are_useful(expected, tolerance)
    for backend in every_compiled:
        assert_within(trained(backend, case, how, batch_size, order), expected, tolerance)
        other = trained(backend, case, how, batch_size, order, noise=2**64 - 8)
        assert np.abs(other["W1"] - expected["W1"]).max() > 10 * tolerance["W1"]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dropout", DROPOUT, ids=str)
@pytest.mark.parametrize("batch_size", [1, 7, 60])
def test_numba_gives_the_bits_of_cython(dtype, rule, dropout, batch_size):
    case, order = case_of(dtype, dropout), np.random.default_rng(0).permutation(60)
    found, expected = (
        trained(kernels.load(name), case, RULES[rule], batch_size, order, noise=2**64 - 8)
        for name in ("numba", "cython")
    )
    cases.assert_same_bits(found, expected)


def test_sparse_rows_are_those_written_out(compiled, dtype):
    case = case_of(dtype, (0.2, 0.3, 0.0))
    rows = case._replace(X=compiled.sparse_rows(case.X))
    for rule in RULES.values():
        dense = trained(compiled, case, rule, 7)
        found = trained(compiled, rows, rule, 7)
        for name, array in dense.items():
            np.testing.assert_allclose(found[name], array, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rule", ["sgd", "adam", "adagrad"])
def test_threads_and_pieces_change_no_bit(threaded, dtype, rule):
    case, how = case_of(dtype, (0.2, 0.5, 0.3), 700), RULES[rule]
    expected = trained(threaded, case, how, 600, work=Work(case.plan, 600))
    for room, n_threads in ((600, 2), (600, 5), (256, 1), (512, 2)):
        found = trained(threaded, case, how, 600, work=Work(case.plan, room, n_threads))
        cases.assert_same_bits(found, expected)


def test_a_step_is_that_of_the_network_without_what_is_dropped(backend, dtype):
    case = case_of(dtype, (0.4, 0.5), 1, [5, 8, 3])
    plan, theta, X, Y = case
    found = trained(backend, case, cases.SGD(0.1).rule(), 1)
    keep_x = reference.kept(7, 4, 0, 1, 5, 0.4)[0]
    keep_a = reference.kept(7, 4, 1, 1, 8, 0.5)[0]
    W1, b1, W2, b2 = (np.array(v, np.float64) for v in cases.blocks(plan, theta).values())
    x = X[0] * keep_x / 0.6
    z = W1 @ x + b1
    s = 1 / (1 + np.exp(-z))
    a = z * s * keep_a / 0.5
    delta2 = W2 @ a + b2 - Y[0]
    delta1 = (W2.T @ delta2) * keep_a / 0.5 * (s + z * s * (1 - s))
    steps = {"W1": np.outer(delta1, x), "b1": delta1, "W2": np.outer(delta2, a), "b2": delta2}
    for name, before in cases.blocks(plan, theta).items():
        expected = before - 0.1 * steps[name]
        np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-6)
    assert 0 < keep_a.sum() < 8


def test_predictions_losses_and_gradients_use_all_units(backend, dtype):
    case = case_of(dtype, (0.4, 0.5))
    plain = case._replace(plan=case_of(dtype, ()).plan)
    np.testing.assert_array_equal(
        cases.forward_of(backend, *case[:3]), cases.forward_of(backend, *plain[:3])
    )
    found, expected = (cases.gradient_of(backend, *which) for which in (case, plain))
    cases.assert_same_bits(found, expected)


def test_sessions_drop_what_an_epoch_drops(backend, dtype):
    case = case_of(dtype, (0.2, 0.5, 0.1), 12)
    plan, theta, X, Y = case
    rule = cases.RULES["momentum"].rule()
    for n in (1, 4):
        session_theta = aligned_zeros(plan.n_theta, dtype)
        session_theta[:] = theta
        session = backend.session(plan, session_theta)
        session.set_rule(rule, 11)
        for first in range(0, 12, n):
            rows = X[first : first + n], Y[first : first + n]
            _ = session.learn_one(rows[0][0], rows[1][0]) if n == 1 else session.learn_batch(*rows)
        other = aligned_zeros(plan.n_theta, dtype)
        other[:] = theta
        state = aligned_zeros((rule.n_slots, plan.n_theta), dtype)
        backend.train_epoch(
            plan, other, state, rule, X, Y, None, 0, 12, n, Work(plan, n), 0.0, 0, None, None, 11
        )
        np.testing.assert_array_equal(session_theta, other)


def test_a_weight_of_0_leaves_no_trace(backend, dtype):
    case = case_of(dtype, (0.2, 0.5, 0.1), 12)
    X = case.X.copy()
    X[3] = np.finfo(dtype).max / 2  # z of the hidden units becomes infinite
    weights = np.ones(12)
    weights[3] = 0
    rule = cases.RULES["sgd"].rule()
    found = trained(backend, case._replace(X=X), rule, 6, weights=weights)
    expected = trained(backend, case, rule, 6, weights=weights)
    cases.assert_same_bits(found, expected)


@pytest.mark.parametrize(("p", "share"), [
    (2**-16, 2**-16), (2**-14, 2**-14), (1 - 2**-14, 1 - 2**-14), (1 - 2**-16, 1 - 2**-16),
    (1 - 2**-20, 1 - 2**-16),  # something always stays
])  # fmt: skip
def test_the_rarest_are_as_rare_as_they_should_be(p, share):
    """Of 2^16 numbers, as many as p has parts drop a unit, down to one."""
    n = 2**22
    dropped = n - np.count_nonzero(reference.kept(3, 1, 1, 2**11, 2**11, p))
    assert abs(dropped - share * n) < 4 * np.sqrt(n * share * (1 - share))


@pytest.mark.parametrize("p", [2**-16, 1 - 2**-16])
def test_rare_units_are_those_of_the_reference(every_compiled, p):
    case = case_of(np.dtype("float64"), (0.0, p), 300, [1, 1500, 1])
    rule = RULES["sgd"]
    expected = trained(reference, case, rule, 300)
    assert np.abs(expected["W1"]).max() > 0
    for backend in every_compiled:
        found = trained(backend, case, rule, 300)
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.93])
def test_masks_have_their_probability_and_no_pattern(p):
    n, units = 400, 256
    masks = {
        name: reference.kept(*arguments, n, units, p).astype(float)
        for name, arguments in {
            "one": (1, 1, 0), "next step": (1, 2, 0), "next layer": (1, 1, 1), "other": (2, 1, 0),
        }.items()
    }  # fmt: skip
    spread = np.sqrt(p * (1 - p))
    for mask in masks.values():
        assert abs(mask.mean() - (1 - p)) < 4 * spread / np.sqrt(mask.size)
        # means of units and of samples vary as those of independent draws
        for axis in (0, 1):
            ratio = mask.mean(axis).var() * mask.shape[axis] / spread**2
            assert 0.7 < ratio < 1.35
        for shift in (1, 2, 3, 16, 64):
            for a, b in ((mask[:, shift:], mask[:, :-shift]), (mask[shift:], mask[:-shift])):
                assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / np.sqrt(a.size)
    for a, b in combinations(masks.values(), 2):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / np.sqrt(n * units)
