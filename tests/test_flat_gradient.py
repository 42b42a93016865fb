"""The gradient in the layout of theta, at the parameters of the network and at others."""

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels
from deltaloop.kernels import functions
from embedded_networks import SCALINGS, network, samples

BACKENDS = kernels.available()
LOSSES = list(functions.LOSSES)


def by_layers(net, X, Y):
    """The same from `gradients`, put where theta has the parameters."""
    flat = np.zeros_like(net.theta)
    _, dW, db, _ = net.gradients(X, Y)
    for layer in range(len(net.layers)):
        net.plan.W(flat, layer)[:] = dW[layer]
        if db[layer] is not None:
            net.plan.b(flat, layer)[:] = db[layer]
    return flat


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n", [1, 7, 500])
def test_gradient_is_that_of_the_layers(backend, loss, n):
    net = network(sizes=(5, 9, 17, 3), loss=loss, backend=backend, dtype="float64")
    X, Y = samples(n, dtype="float64", loss=loss)
    before = net.theta.copy()
    found = net.gradient(X, Y)
    assert found == pytest.approx(by_layers(net, X, Y), rel=1e-12, abs=1e-15)
    assert (net.theta == before).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradient_goes_into_out(backend):
    net = network(backend=backend)
    X, Y = samples(20)
    expected = net.gradient(X, Y)
    for out in (np.full_like(net.theta, 7), np.full((1, len(net.theta)), 7, np.float32)):
        assert net.gradient(X, Y, out) is out
        assert (np.ravel(out) == expected).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "out", [np.zeros(3, "f"), np.zeros(400), [0.0] * 400, np.zeros(800, "f")[::2]], ids=str
)
def test_an_out_that_does_not_fit_is_refused(backend, out):
    X, Y = samples(2)
    with pytest.raises(dl.InvalidInputError, match="out must be a writable contiguous array"):
        network(backend=backend).gradient(X, Y, out)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("loss", LOSSES)
def test_loss_and_gradient_elsewhere_are_those_of_a_network_there(backend, loss):
    net = network(loss=loss, backend=backend, dtype="float64")
    there = network(loss=loss, backend=backend, dtype="float64", seed=9)
    X, Y = samples(30, dtype="float64", loss=loss)
    before = net.theta.copy()
    value, gradient = net.loss_and_gradient(there.theta, X, Y)
    assert value == pytest.approx(there.loss(X, Y), rel=1e-14)
    assert gradient == pytest.approx(there.gradient(X, Y), rel=1e-14, abs=1e-16)
    assert (net.theta == before).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_padding_of_a_given_theta_does_not_matter(backend):
    net = network(sizes=(5, 9, 3), backend=backend)
    X, Y = samples(10)
    expected = net.loss_and_gradient(net.theta, X, Y)
    theta = np.where(by_layers(net, X, Y) == 0, 1e30, net.theta).astype(np.float32)
    theta[net.theta != 0] = net.theta[net.theta != 0]
    for layer in range(2):
        net.plan.b(theta, layer)[:] = net.b[layer]
    found = net.loss_and_gradient(theta, X, Y)
    assert found[0] == expected[0]
    assert (found[1] == expected[1]).all()


@pytest.mark.parametrize("wrong", [np.zeros(3), "theta", None, [np.nan] * 3])
def test_a_theta_that_does_not_fit_is_refused(wrong):
    X, Y = samples(2)
    with pytest.raises((dl.InvalidInputError, dl.InvalidTypeError), match="theta"):
        network().loss_and_gradient(wrong, X, Y)


def test_scipy_finds_the_least_squares_of_a_linear_network():
    from scipy.optimize import minimize

    X, Y = samples(40, sizes=(5, 3), dtype="float64")
    net = dl.Network(5, [dl.Dense(3, "identity")], dtype="float64")
    result = minimize(net.loss_and_gradient, net.theta, args=(X, Y), jac=True, method="L-BFGS-B",
                      options={"ftol": 0, "gtol": 1e-10})  # fmt: skip
    net.theta = result.x
    A = np.column_stack([X, np.ones(40)])
    solution = np.linalg.lstsq(A, Y, rcond=None)[0]
    assert net.W[0] == pytest.approx(solution[:5].T, abs=1e-7)
    assert net.b[0] == pytest.approx(solution[5], abs=1e-7)


def test_a_gradient_is_that_of_the_scaled_network():
    net = network(dtype="float64")
    net.scaling = SCALINGS["both"]
    X, Y = samples(20, dtype="float64")
    assert net.gradient(X, Y) == pytest.approx(by_layers(net, X, Y), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
def test_out_may_be_the_memory_of_what_is_read(backend):
    net = network(sizes=(5, 9, 3), backend=backend)
    X, Y = samples(6)
    expected, slopes = net.gradient(X, Y), net.backward(X, Y)
    memory = np.zeros(max(net.theta.size, X.size), np.float32)
    memory[: X.size] = X.reshape(-1)
    inside = memory[: X.size].reshape(X.shape)
    out = memory[: net.theta.size]
    assert net.gradient(inside, Y, out) is out
    assert np.array_equal(out, expected)
    memory[: X.size] = X.reshape(-1)
    assert np.array_equal(net.backward(inside, Y, out), slopes)
    assert np.array_equal(net.gradient(X, Y, net.theta), expected)
