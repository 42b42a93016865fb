"""Adam in every backend against its equations, step by step on gradients of the reference."""

from itertools import pairwise

import numpy as np
import pytest

from deltaloop import Adam, Network, kernels
from deltaloop.kernels.memory import Work, aligned_zeros

N_SAMPLES = 23
OPTIMIZER = Adam(learning_rate=0.01, beta1=0.8, beta2=0.95, epsilon=1e-3)


def problem(sizes, dtype):
    generator = np.random.default_rng(3)
    net = Network(sizes, activation="tanh", dtype=dtype, seed=4)
    for W in net.W:
        W[:] = generator.uniform(-0.5, 0.5, W.shape)
    X = generator.normal(size=(N_SAMPLES, sizes[0])).astype(dtype)
    Y = generator.normal(size=(N_SAMPLES, sizes[-1])).astype(dtype)
    return net.plan, net.theta, X, Y


def by_the_equations(plan, theta, X, Y, batch_size, n_epochs):
    """theta after Kingma & Ba (2015), algorithm 1, in plain float64."""
    reference, work = kernels.load("reference"), Work(plan, N_SAMPLES)
    theta, m, v, t = theta.astype(np.float64), 0.0, 0.0, 0
    for _ in range(n_epochs):
        for first in range(0, N_SAMPLES, batch_size):
            batch = slice(first, first + batch_size)
            g = aligned_zeros(plan.n_theta, plan.dtype)
            rounded = theta.astype(plan.dtype)
            reference.loss_gradient(plan, rounded, X[batch], Y[batch], g, work)
            t, g = t + 1, g.astype(np.float64)
            m = 0.8 * m + (1 - 0.8) * g
            v = 0.95 * v + (1 - 0.95) * g * g
            m_hat, v_hat = m / (1 - 0.8**t), v / (1 - 0.95**t)
            theta = theta - 0.01 * m_hat / (np.sqrt(v_hat) + 1e-3)
    return theta


def by_backend(backend, plan, theta, X, Y, batch_size, n_epochs, borders=()):
    after = aligned_zeros(plan.n_theta, plan.dtype)
    after[:] = theta
    rule, work = OPTIMIZER.rule(), Work(plan, batch_size)
    state = aligned_zeros((rule.n_slots, plan.n_theta), plan.dtype)
    steps_per_epoch = -(-N_SAMPLES // batch_size)
    for epoch in range(n_epochs):
        edges = [0, *borders, N_SAMPLES]
        for start, stop in pairwise(edges):
            step = epoch * steps_per_epoch + start // batch_size
            backend.train_epoch(
                plan, after, state, rule, X, Y, None, start, stop, batch_size, work, 0.0, step
            )
    return after


@pytest.mark.parametrize("sizes", [(3, 2), (5, 4, 1), (7, 20, 33, 10)], ids=str)
@pytest.mark.parametrize("batch_size", [1, 5, N_SAMPLES])
def test_epochs_of_adam_are_those_of_the_equations(backend, dtype, sizes, batch_size):
    plan, theta, X, Y = problem(sizes, dtype)
    expected = by_the_equations(plan, theta, X, Y, batch_size, 2)
    found = by_backend(backend, plan, theta, X, Y, batch_size, 2)
    # a step moves a weight by at most about learning_rate; epsilon = 1e-3 bounds how far the
    # rounding of a gradient g, about 10 eps, can turn m_hat / (sqrt(v_hat) + epsilon)
    steps = 2 * -(-N_SAMPLES // batch_size)
    tolerance = steps * 0.01 * 10 * np.finfo(dtype).eps / 1e-3 + 4 * np.finfo(dtype).eps
    assert np.abs(found - theta).max() > 100 * tolerance
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def quotients(backend, dtype, n, x, epsilon, gradient=0.0):
    """n / (sqrt(x) + epsilon) as a step of Adam takes it off weights that are 0."""
    net = Network((len(n), 1), dtype=dtype)
    theta = aligned_zeros(net.plan.n_theta, dtype)
    state = aligned_zeros((2, net.plan.n_theta), dtype)
    net.plan.W(state[0], 0)[0], net.plan.W(state[1], 0)[0] = 2 * n, 2 * x
    # with a gradient of 0 both means halve, and after so many steps nothing is left of their bias
    rule = Adam(learning_rate=1, beta1=0.5, beta2=0.5, epsilon=epsilon).rule()
    grad = np.zeros_like(theta)
    net.plan.W(grad, 0)[0] = gradient
    backend.apply_gradient(net.plan, theta, state, rule, grad, 10_000)
    return -net.plan.W(theta, 0)[0]


@pytest.mark.parametrize("epsilon", [1e-8, 1e-3, 1.0, 1e-30])
def test_the_quotient_of_a_step_is_right_to_twice_epsilon(backend, dtype, epsilon):
    generator, limits = np.random.default_rng(8), np.finfo(dtype)
    exact = np.longdouble if dtype == np.float64 else np.float64
    if np.finfo(exact).nmant < limits.nmant + 8:
        pytest.skip("no numbers that are more precise")
    low, high = np.log2(limits.tiny) + 2, np.log2(limits.max) - 2
    x = np.exp2(generator.uniform(low, high, 20_000)).astype(dtype)
    x[:2000] = np.linspace(0.25, 1, 2000)  # every part of two binades
    n = generator.normal(size=len(x)).astype(dtype)
    found = quotients(backend, dtype, n, x, epsilon)
    expected = n.astype(exact) / (np.sqrt(x.astype(exact)) + exact(dtype.type(epsilon)))
    relative = np.abs(found - expected) / np.abs(expected) / limits.eps
    normal = np.abs(expected) > limits.tiny / limits.eps
    assert normal.mean() > 0.9
    assert relative[normal].max() <= 2  # root, sum and quotient, half of it each, and as much again


def test_a_step_with_squares_of_zero_and_infinity_is_that_of_the_formula(backend, dtype):
    n = np.array([0, 3, -2, 1, np.nan, 1], dtype)
    x = np.array([0, 0, 1, np.nan, 1, 4], dtype)
    # the square of one gradient is infinite
    gradient = np.array([0, 0, np.finfo(dtype).max / 4, 0, 0, 0], dtype)
    found = quotients(backend, dtype, n, x, 0.5, gradient)
    expected = np.array([0, 6, 0, np.nan, np.nan, 0.4], dtype)
    np.testing.assert_allclose(found, expected, rtol=2 * np.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("batch_size", [1, 5])
def test_slices_compose_when_the_step_is_handed_on(backend, dtype, batch_size):
    plan, theta, X, Y = problem((4, 6, 2), dtype)
    whole = by_backend(backend, plan, theta, X, Y, batch_size, 2)
    sliced = by_backend(backend, plan, theta, X, Y, batch_size, 2, borders=(5, 20))
    assert whole.tobytes() == sliced.tobytes()
