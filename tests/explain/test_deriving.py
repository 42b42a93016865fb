"""Activations, gradients of single samples and products with the Hessian."""

import numpy as np
import pytest

import cases
import deltaloop as dl

RNG = np.random.default_rng(5)
MASK = np.array([[True, False, True], [False, True, True], [True] * 3, [True, False, False]])


def made(dtype="float64", backend="auto", **more):
    layers = [
        dl.Dense(4, "tanh", mask=MASK),
        dl.Dense(5, "silu", bias=False),
        dl.Dense(2, "softmax"),
    ]
    return dl.Network(3, layers, loss="cross_entropy", dtype=dtype, backend=backend, seed=1, **more)


def rows(n=7):
    return RNG.normal(size=(n, 3)), RNG.integers(0, 2, n)


@pytest.mark.parametrize("backend", ["reference", "cython"])
def test_activations_are_those_of_the_equations(backend):
    net, (X, _) = made(backend=backend), rows(500)
    a = np.tanh(X @ net.W[0].T + net.b[0])
    assert net.activations(X, 0) == pytest.approx(a, rel=1e-12)
    z = a @ net.W[1].T
    assert net.activations(X, 1) == pytest.approx(z / (1 + np.exp(-z)), rel=1e-12)
    assert (net.activations(X, 2) == net.predict(X)).all()
    assert (net.activations(X, -2) == net.activations(X, 1)).all()


def test_activations_take_sparse_rows_and_scaling():
    sparse = pytest.importorskip("scipy.sparse")
    net, (X, _) = made(), rows()
    dense = net.activations(X, 1)
    assert net.activations(sparse.csr_array(X), 1) == pytest.approx(dense, rel=1e-12)
    net.scaling = dl.Scaling([1.0, 2.0, 3.0], [2.0, 2.0, 2.0])
    assert net.activations(2 * X + [1, 2, 3], 1) == pytest.approx(dense, rel=1e-12)


@pytest.mark.parametrize("layer", [3, -4, 1.0, "1", None, np.array([1, 2])])
def test_layer_that_is_not_there_is_refused(layer):
    with pytest.raises(dl.InvalidInputError, match="layer must be a whole number from 0 to 2"):
        made().activations(rows()[0], layer)


@pytest.mark.parametrize("backend", ["reference", "cython"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_of_samples_are_those_of_samples_alone(backend, dtype):
    net, (X, Y) = made(dtype, backend), rows(300)
    found, norms = net.per_sample_gradients(X, Y), net.per_sample_gradient_norms(X, Y)
    assert found.shape == (300, net.theta.size)
    assert found.dtype == net.dtype
    tolerance = 1e-4 if dtype == "float32" else 1e-12
    for t in (0, 191, 192, 299):
        alone = net.gradient(X[t : t + 1], Y[t : t + 1])
        assert found[t] == pytest.approx(alone, rel=tolerance, abs=tolerance / 100)
        assert norms[t] == pytest.approx(np.linalg.norm(alone.astype(float)), rel=tolerance)
    assert found.mean(axis=0) == pytest.approx(net.gradient(X, Y), abs=tolerance)
    padding = cases.padding(net.plan, np.ones(net.theta.size, bool) & (found != 0).any(axis=0))
    assert not padding.any()


def test_norms_without_masks_are_those_of_the_gradients():
    net = dl.Network([6, 9, 3], activation="relu", dtype="float64")
    X, Y = RNG.normal(size=(20, 6)), RNG.normal(size=(20, 3))
    expected = np.linalg.norm(net.per_sample_gradients(X, Y), axis=1)
    assert net.per_sample_gradient_norms(X, Y) == pytest.approx(expected, rel=1e-12)


def hessian(net, X, Y):
    """H of the parameters, column by column, from central differences of the gradient."""
    at, h = net.parameters, 1e-5
    columns = []
    for k in range(net.n_parameters):
        gradients = []
        for sign in (1, -1):
            moved = at.copy()
            moved[k] += sign * h
            gradients.append(net.plan.packed(net.loss_and_gradient(moved, X, Y)[1]))
        columns.append((gradients[0] - gradients[1]) / (2 * h))
    there = net.plan.packed(net.plan.mask)
    return np.array(columns).T * there * there[:, None]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_product_with_the_hessian(dtype):
    net, (X, Y) = made(dtype), rows()
    twin = made("float64")
    twin.parameters = net.parameters
    H, v = hessian(twin, X.astype(dtype), Y), RNG.normal(size=net.n_parameters).astype(dtype)
    found = net.hessian_vector_product(X, Y, v)
    assert found == pytest.approx(H @ v, rel=1e-6, abs=1e-8)
    assert H == pytest.approx(H.T, abs=1e-8)
    flat = net._laid_out("v", v)
    assert net.plan.packed(net.hessian_vector_product(X, Y, flat)) == pytest.approx(found)
    assert found.dtype == np.float64


@pytest.mark.parametrize(("size", "error"), [(1, 1e-11), (1000, 1e-8)])  # about 1e4 eps |x|
def test_product_of_a_quadratic(size, error):
    X, Y = RNG.normal(size=(9, 3)) * size, RNG.normal(size=(9, 1))  # 1/2n |X w - Y|^2
    net = dl.Network(3, [dl.Dense(1, "identity", bias=False)], dtype="float64")
    v = RNG.normal(size=3)
    expected = X.T @ (X @ v) / 9
    close = error * np.abs(expected).max()
    assert net.hessian_vector_product(X, Y, v) == pytest.approx(expected, rel=0, abs=close)
    weights = np.arange(9.0)
    expected = X.T @ (weights * (X @ v)) / weights.sum()
    found = net.hessian_vector_product(X, Y, v, sample_weight=weights)
    assert found == pytest.approx(expected, rel=0, abs=2 * close)
    assert not net.hessian_vector_product(X, Y, 0 * v).any()
    with pytest.raises(dl.InvalidInputError, match="v must have shape"):
        net.hessian_vector_product(X, Y, v[:2])
