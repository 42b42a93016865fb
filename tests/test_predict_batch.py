"""Some samples at a time, with few checks."""

import numpy as np
import pytest

import deltaloop as dl
from embedded_networks import BACKENDS, SCALINGS, network, samples
from handles import Called


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", [1, 2, 8, 300, 700])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outputs_are_those_of_predict(backend, n, dtype):
    net = network(backend=backend, dtype=dtype)
    X, _ = samples(n, dtype=dtype)
    expected = net.predict(X)
    tolerance = 8 * np.finfo(dtype).eps
    found = net.predict_batch(X)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
    out = np.empty_like(expected)
    assert net.predict_batch(X, out) is out
    np.testing.assert_array_equal(out, found)
    np.testing.assert_allclose(net.predict_one(X[0]), expected[0], rtol=tolerance, atol=tolerance)
    net.predict_batch(X.tolist(), out)
    np.testing.assert_array_equal(out, found)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scaling", SCALINGS)
def test_scaling_is_applied(backend, scaling):
    net = network(backend=backend)
    net.scaling = SCALINGS[scaling]
    X, _ = samples(9)
    expected = net.predict(X)
    np.testing.assert_allclose(net.predict_batch(X), expected, rtol=1e-5, atol=1e-5)
    out = np.empty(expected.shape, expected.dtype)
    np.testing.assert_allclose(net.predict_batch(X, out), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_learning_goes_on_between_predictions_of_any_number(backend):
    one, other = network(backend=backend), network(backend=backend)
    X, Y = samples(400)
    for n in (1, 5, 300, 2):
        one.predict_batch(X[:n])
        one.learn_one(X[n], Y[n])
        other.learn_one(X[n], Y[n])
        one.learn_batch(X[:n], Y[:n])
        other.learn_batch(X[:n], Y[:n])
    np.testing.assert_array_equal(one.theta, other.theta)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_does_not_fit_is_refused(backend):
    net = network(backend=backend)
    X, _ = samples(4)
    out = np.empty((4, 3), np.float32)
    for wrong, text in [
        ((X[:, :3],), r"X must have shape \(4, 5\)"),
        ((X[:0],), "X is empty"),
        ((X, out[:3]), "out must be a writable contiguous array of 12 values of float32"),
        ((X, out.astype(float)), "out must be a writable contiguous array of 12 values"),
    ]:
        with pytest.raises(dl.InvalidInputError, match=text):
            net.predict_batch(*wrong)


def test_a_network_for_all_samples_at_once_predicts_them():
    net = network()
    X, _ = samples(4)
    expected = net.predict_batch(X)
    net.optimizer = dl.SCG()
    np.testing.assert_array_equal(net.predict_batch(X), expected)


@pytest.mark.parametrize(
    "scaling", [None, dl.Scaling([0.0] * 5, [2.0, 0.5, 1, 3, 1], [1.0, 2, 3], [5.0, 4, 3])]
)
def test_rows_of_scipy_sparse_are_those_written_out(scaling):
    sparse = pytest.importorskip("scipy.sparse")
    net = network()
    net.scaling = scaling
    X, _ = samples(9)
    X[X < 0.5] = 0
    np.testing.assert_allclose(net.predict_batch(sparse.csr_array(X)), net.predict_batch(X), 1e-6)


@pytest.mark.parametrize("backend", ["cython", "numba"])
def test_predictions_leave_the_room_that_a_handle_promises(backend):
    net = network(backend=backend)
    X, Y = samples(100)
    net.learn_batch(X[:64], Y[:64])
    handle = Called(net._session).handle
    key = object()
    net._turns.queue[key] = 0, False  # another thread reads: predictions take turns
    try:
        for n in (1, 3, 100, 2):
            net.predict_batch(X[:n])
            assert handle.batch_size == (100 if n == 100 else max(64, handle.batch_size))
        net.predict_one(X[0])
        assert handle.batch_size == 100
    finally:
        del net._turns.queue[key]
