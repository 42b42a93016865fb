"""Steps with gradients from elsewhere, and learning rates that change between steps."""

from dataclasses import replace

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels
from deltaloop.kernels.memory import Work, aligned_zeros
from embedded_networks import OPTIMIZERS, network, samples

BACKENDS = kernels.available()


def nets(optimizer, backend, dtype="float64", **more):
    """Two networks that are the same."""
    found = [network(dtype=dtype, backend=backend, **more) for _ in range(2)]
    for net in found:
        net.optimizer = optimizer
    return found


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("more", [{}, {"l2": 0.1, "clip_norm": 0.5}], ids=["plain", "regularized"])
def test_own_gradients_make_the_steps_of_learn_batch(backend, name, more):
    one, other = nets(replace(OPTIMIZERS[name], **more), backend)
    X, Y = samples(24, dtype="float64")
    for first in range(0, 24, 6):
        rows = X[first : first + 6], Y[first : first + 6]
        one.learn_batch(*rows)
        other.apply_gradient(other.gradient(*rows))
    np.testing.assert_allclose(other.theta, one.theta, rtol=1e-9, atol=1e-12)
    one.learn_batch(X, Y)
    other.learn_batch(X, Y)  # the state is that of the same optimiser
    np.testing.assert_allclose(other.theta, one.theta, rtol=1e-9, atol=1e-12)
    assert (other.theta == 0).any()  # the padding


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_gradient_may_be_laid_out_as_parameters(backend):
    one, other = nets(dl.Adam(0.01), backend)
    gradient = one.gradient(*samples(8, dtype="float64"))
    vector = network(dtype="float64")
    vector.theta = gradient
    before = gradient.copy()
    one.apply_gradient(gradient)
    other.apply_gradient(list(vector.parameters))
    np.testing.assert_array_equal(one.theta, other.theta)
    np.testing.assert_array_equal(gradient, before)


def test_what_does_not_fit_is_refused_and_changes_nothing():
    net = network()
    before = net.theta.copy()
    gradient = np.ones_like(before)
    gradient[3] = np.nan
    for wrong, error, text in [
        (gradient, dl.InvalidInputError, "gradient must be finite"),
        (np.ones(3), dl.InvalidInputError, "gradient must have shape"),
        ("abc", dl.InvalidTypeError, "gradient must"),
        (None, dl.InvalidTypeError, "gradient must"),
    ]:
        with pytest.raises(error, match=text):
            net.apply_gradient(wrong)
    np.testing.assert_array_equal(net.theta, before)


def test_a_step_beyond_all_numbers_is_an_error():
    net = network()
    net.optimizer = dl.SGD(1e30)
    with pytest.raises(dl.DivergenceError, match="parameters became infinite in this step"):
        net.apply_gradient(np.full_like(net.theta, 1e20))


def test_padding_of_the_gradient_does_not_matter():
    one, other = nets(dl.SGD(0.1), "cython")
    gradient = one.gradient(*samples(8, dtype="float64"))
    padded = gradient.copy()
    padded[gradient == 0] = 7
    for net in (one, other):
        net.W[0][:] += 1
    one.apply_gradient(gradient)
    other.apply_gradient(padded)
    np.testing.assert_array_equal(one.parameters, other.parameters)
    np.testing.assert_array_equal(one.theta, other.theta)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_learning_rate_changes_between_steps_and_the_state_goes_on(backend, name):
    one, other = nets(OPTIMIZERS[name], backend)
    X, Y = samples(24, dtype="float64")
    rates = [0.01, 0.02, 0.005, 0.04]
    for rate, first in zip(rates, range(0, 24, 6), strict=True):
        one.learning_rate = rate
        one.learn_batch(X[first : first + 6], Y[first : first + 6])
    assert one.optimizer == replace(OPTIMIZERS[name], learning_rate=0.04)
    assert one.learning_rate == 0.04

    rule, n_theta = OPTIMIZERS[name].rule(), other.plan.n_theta
    theta, state = aligned_zeros(n_theta, "float64"), aligned_zeros((rule.n_slots, n_theta), "f8")
    theta[:] = other.theta
    other.backend.train_epoch(
        other.plan, theta, state, rule, X, Y, None, 0, 24, 6, Work(other.plan, 6), 0.0, 0, None,
        np.array(rates),
    )  # fmt: skip
    np.testing.assert_array_equal(one.theta, theta)


def test_learning_rates_out_of_range_are_refused():
    net = network()
    for wrong in (-1.0, np.nan, "fast", None):
        with pytest.raises((dl.InvalidInputError, dl.InvalidTypeError), match="learning_rate"):
            net.learning_rate = wrong
    assert net.learning_rate == dl.SGD().learning_rate


@pytest.mark.parametrize("sizes", [[15, 16, 16], [7, 32], [3, 4, 4, 8]])
@pytest.mark.parametrize("bias", [False, True])
def test_layouts_of_the_same_number_of_values_are_told_apart(sizes, bias):
    """Where no row of W needs padding, only the length says how a flat array is laid out."""
    layers = [dl.Dense(n, "tanh", bias=bias) for n in sizes[1:]]
    nets = [dl.Network(sizes[0], layers, dtype="float64", seed=1) for _ in range(3)]
    X, Y = np.random.default_rng(0).random((2, 9, 16))
    X, Y = X[:, : sizes[0]], np.hstack([Y, Y])[:, : sizes[-1]]
    gradient = nets[0].gradient(X, Y)
    assert gradient.size == nets[0].theta.size != nets[0].n_parameters
    nets[0].learn_batch(X, Y)
    nets[1].apply_gradient(gradient)
    nets[2].apply_gradient(nets[2].plan.packed(gradient))
    for net in nets[1:]:
        np.testing.assert_allclose(net.theta, nets[0].theta, rtol=1e-12, atol=1e-15)
