"""What `predict` makes of inputs that are not finite: the kernels notice them on the way."""

import numpy as np
import pytest

import deltaloop as dl


def network(backend, n_in=40, **more):
    net = dl.Network([n_in, 20, 2], activation="relu", output="sigmoid", seed=1, **more)
    net.use_backend(backend)
    return net


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(1, 40), (3, 40), (1000, 40)])
@pytest.mark.parametrize("place", [0, -1])
def test_inputs_that_are_not_finite_are_refused(backend, dtype, wrong, shape, place):
    net = network(backend, dtype=dtype)
    X = np.ones(shape, dtype)
    X[place, place] = wrong
    text = rf"X must be finite, got {wrong} at sample {place % shape[0]}, value {place % 40}"
    for rows in (X, X.astype("float64"), np.asfortranarray(X)):
        with pytest.raises(dl.InvalidInputError, match=text):
            net.predict(rows)


def test_threads_find_them_too(threaded):
    X = np.ones((2000, 40), "float32")
    X[1500, 7] = np.nan
    with pytest.raises(dl.InvalidInputError, match="got nan at sample 1500, value 7"):
        network(threaded).predict(X, n_threads=3)


def test_no_weight_hides_an_input_that_is_not_finite(backend):
    net = network(backend)
    net.W[0][:] = 0
    with pytest.raises(dl.InvalidInputError, match="X must be finite"):
        net.predict(np.full((300, 40), np.inf, "float32"))


def test_finite_inputs_may_overflow(backend, dtype):
    net = network(backend, dtype=dtype)
    X = np.full((300, 40), np.finfo(dtype).max, dtype)
    X[0] = 1
    net.W[0][:] = 1
    net.b[0][:] = 0
    assert net.predict(X).shape == (300, 2)
