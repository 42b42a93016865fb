"""Limits of the gradient, penalties and bounds of weights: in every backend as in the formulas."""

from dataclasses import replace

import numpy as np
import pytest

import cases
from deltaloop.kernels import reference
from deltaloop.kernels.interface import Regularization
from deltaloop.kernels.memory import Work
from tolerances import are_useful, assert_within, expected_within

# numbers that act in the cases below, and do not act on everything
KINDS = {
    "l1": Regularization(l1=0.02),
    "l2": Regularization(l2=0.3),
    "weight_decay": Regularization(weight_decay=0.5),
    "clip_value": Regularization(clip_value=0.02),
    "clip_norm": Regularization(clip_norm=0.1),
    "max_norm": Regularization(max_norm=0.9),
    "all": Regularization(
        l1=0.02, l2=0.3, weight_decay=0.5, clip_value=0.05, clip_norm=0.2, max_norm=0.9
    ),
}
RULES = {name: optimizer.rule() for name, optimizer in cases.RULES.items() if name != "rprop"}


def case_of(dtype, n_samples=24):
    sizes, activations = [6, 9, 20, 4], ["sigmoid", "tanh", "identity"]
    return cases.case(5, sizes, activations, "mse", dtype, n_samples, [True, False, True])


# every rule with all of them at once, each of them with rules whose steps are and are not as long
# as the gradient
@pytest.mark.parametrize(
    ("rule", "kind", "batch_size"),
    [*((rule, "all", 7) for rule in RULES), *(("sgd", kind, 1) for kind in KINDS),
     *((rule, kind, 7) for rule in ("sgd", "adam") for kind in KINDS if kind != "all")],
)  # fmt: skip
def test_an_epoch_agrees_with_the_reference(every_compiled, dtype, rule, kind, batch_size):
    case, how = case_of(dtype), replace(RULES[rule], regularization=KINDS[kind])

    def epoch(theta, X, Y):
        shaken = cases.Case(case.plan, theta, X, Y)
        return cases.trained(reference, shaken, how, None, batch_size)

    n_terms = cases.longest_sum(case.plan, batch_size) + 24
    expected, tolerance = expected_within(epoch, *case[1:], n_terms)
    assert are_useful(expected, tolerance)
    plain = cases.trained(reference, case, RULES[rule], None, batch_size)
    acts = [np.abs(plain[k] - expected[k]).max() > 10 * tolerance[k] for k in ("W1", "W2", "W3")]
    assert any(acts)
    for backend in every_compiled:
        assert_within(cases.trained(backend, case, how, None, batch_size), expected, tolerance)


@pytest.mark.parametrize("batch_size", [1, 7])
@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_squares_are_those_of_the_weights_before_every_step(backend, dtype, rule, batch_size):
    case, how = case_of(dtype), replace(RULES[rule], regularization=Regularization(l2=0.3))
    theta = cases.aligned_zeros(case.plan.n_theta, dtype)
    theta[:] = case.theta
    state = cases.aligned_zeros((how.n_slots, case.plan.n_theta), dtype)
    work, expected, found = Work(case.plan, batch_size), 0.0, np.full(1, 2.0)
    for step, start in enumerate(range(0, 24, batch_size)):
        weights = [case.plan.W(theta, k).astype(np.float64) for k in range(3)]
        expected += sum((W**2).sum() for W in weights)
        stop = min(start + batch_size, 24)
        backend.train_epoch(
            case.plan, theta, state, how, case.X, case.Y, None, start, stop, batch_size, work,
            0.0, step,
        )  # fmt: skip
    cases.trained(backend, case, how, None, batch_size, squares=found)
    # sums of up to 20 x 9 squares in the dtype, then in float64
    assert found[0] - 2 == pytest.approx(expected, rel=20 * float(np.finfo(dtype).eps), abs=0)


def moved(backend, W, g, regularization, learning_rate=0.5):
    """W (n_out, n_in) after a step of SGD whose gradient is g, and b after it, with gradient 1."""
    W, g = np.array(W, np.float64), np.array(g, np.float64)
    n_out, n_in = W.shape
    plan = cases.Plan.build(n_in, [(n_out, "identity", 0.0, True)], "mse", "float64")
    theta = cases.aligned_zeros(plan.n_theta, "float64")
    plan.W(theta, 0)[:] = W
    # mse: delta_j = a_j - y_j = g_j1 x_1 with x = (1, 0, ...) and the like; one sample per input
    X = np.eye(n_in)
    Y = X @ W.T - n_in * g.T  # the mean of n_in samples
    rule = replace(cases.SGD(learning_rate).rule(), regularization=regularization)
    state = cases.aligned_zeros((rule.n_slots, plan.n_theta), "float64")
    backend.train_epoch(plan, theta, state, rule, X, Y, None, 0, n_in, n_in, Work(plan, n_in))
    return plan.W(theta, 0), plan.b(theta, 0)


@pytest.mark.parametrize(
    ("regularization", "W", "g", "expected"),
    [
        (Regularization(l1=0.1), [[2, -2, 0]], [[0, 0, 0]], [[1.95, -1.95, 0]]),
        (Regularization(l2=0.1), [[2, -2, 0]], [[0, 1, 0]], [[1.9, -2.4, 0]]),
        (Regularization(weight_decay=0.1), [[2, -4, 0]], [[0, 1, 0]], [[1.9, -4.3, 0]]),
        (Regularization(clip_value=0.5), [[0, 0, 0]], [[3, -4, 0.2]], [[-0.25, 0.25, -0.1]]),
        (Regularization(max_norm=1), [[3, 4], [0.6, 0.2]], [[0, 0], [0, 0]],
         [[0.6, 0.8], [0.6, 0.2]]),
    ],
    ids=["l1", "l2", "weight_decay", "clip_value", "max_norm"],
)  # fmt: skip
def test_a_step_is_that_of_the_formula(backend, regularization, W, g, expected):
    found, _ = moved(backend, W, g, regularization)
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-14)


def test_the_norm_that_is_limited_is_that_of_all_gradients(backend):
    g = np.array([[3.0, 0, 4]])
    free_W, free_b = moved(backend, np.zeros((1, 3)), g, Regularization())
    norm = np.sqrt((free_W**2).sum() + (free_b**2).sum()) / 0.5
    W, b = moved(backend, np.zeros((1, 3)), g, Regularization(clip_norm=norm / 4))
    np.testing.assert_allclose(W, free_W / 4, rtol=1e-14)
    np.testing.assert_allclose(b, free_b / 4, rtol=1e-14)
    at_the_limit, _ = moved(backend, np.zeros((1, 3)), g, Regularization(clip_norm=2 * norm))
    np.testing.assert_array_equal(at_the_limit, free_W)


def test_gradients_whose_squares_are_no_floats_are_limited_too(backend):
    for size in (1e200, 1e-200):
        g = np.array([[3.0, 0, 4]]) * size
        W, _ = moved(backend, np.zeros((1, 3)), g, Regularization(clip_norm=size))
        assert 0 < np.abs(W).max() < size


@pytest.mark.parametrize("kind", KINDS)
def test_biases_have_no_penalty(backend, kind):
    case = case_of(np.dtype("float64"))
    how = replace(cases.SGD(0.0).rule(), regularization=KINDS[kind])
    found = cases.trained(backend, case, how, None, 8)
    np.testing.assert_array_equal(found["b1"], case.plan.b(case.theta, 0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rule", ["sgd", "adam", "adadelta"])
def test_threads_change_no_bit(threaded, dtype, rule, kind):
    sizes = [70, 90, 33]
    case = cases.case(3, sizes, ["tanh", "identity"], "mse", dtype, 200)
    how = replace(RULES[rule], regularization=KINDS[kind])
    expected = cases.trained(threaded, case, how, None, 64)
    for n_threads in (2, 3, 5):
        work = Work(case.plan, 64, n_threads)
        cases.assert_same_bits(cases.trained(threaded, case, how, None, 64, work=work), expected)


@pytest.mark.parametrize("rule", cases.RULES)
@pytest.mark.parametrize("batch_size", [1, 5])
def test_the_rates_of_mini_batches_are_those_of_the_steps(backend, dtype, rule, batch_size):
    case, optimizer = case_of(dtype), cases.RULES[rule]
    rates = np.geomspace(0.001, 0.02, -(-24 // batch_size))
    plan, work = case.plan, Work(case.plan, batch_size)

    def start(rule):
        theta = cases.aligned_zeros(plan.n_theta, dtype)
        theta[:] = case.theta
        return theta, cases.aligned_zeros((rule.n_slots, plan.n_theta), dtype)

    theta, state = start(optimizer.rule())
    total = backend.train_epoch(
        plan, theta, state, optimizer.rule(), case.X, case.Y, None, 0, 24, batch_size, work, 0.0, 0,
        None, rates,
    )  # fmt: skip
    other, other_state = start(optimizer.rule())
    expected = 0.0
    for step, rate in enumerate(rates):
        first = step * batch_size
        expected = backend.train_epoch(
            plan, other, other_state, replace(optimizer, learning_rate=rate).rule(), case.X, case.Y,
            None, first, min(first + batch_size, 24), batch_size, work, expected, step,
        )  # fmt: skip
    assert total == expected
    np.testing.assert_array_equal(theta, other)
    np.testing.assert_array_equal(state, other_state)
    assert np.abs(theta - case.theta).max() > 0
