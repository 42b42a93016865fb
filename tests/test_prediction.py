"""What `predict` makes of inputs that are not finite: the kernels notice them on the way."""

from types import SimpleNamespace

import numpy as np
import pytest

import deltaloop as dl
from watching import noting_threads


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
    net = network(threaded)
    asked = noting_threads(net)
    with pytest.raises(dl.InvalidInputError, match="got nan at sample 1500, value 7"):
        net.predict(X, n_threads=3)
    assert asked == [("forward", 3)]


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


@pytest.mark.parametrize("n_samples", [1, 95, 97, 193, 200, 1000])
@pytest.mark.parametrize("n_threads", [2, 3])
def test_threads_share_the_samples_evenly(n_samples, n_threads):
    work = dl.Network([40, 20, 2])._work(n_samples, n_threads)
    per_thread = work.batch_size // work.n_threads
    assert per_thread <= -(-n_samples // n_threads) + 15
    assert work.n_threads == min(n_threads, -(-n_samples // per_thread))


def test_functions_of_users_do_not_meet_what_is_not_finite():
    seen = []
    own = dl.custom_activation("own", lambda z: z / 2, lambda z, a: 0.5)
    net = dl.Network([40, 3, 1], activation=own, backend="cython")
    forward = net.backend.forward
    net._backend = SimpleNamespace(NAME="spy", forward=lambda *a: seen.append(a) or forward(*a))
    with pytest.raises(dl.InvalidInputError, match="X must be finite"):
        net.predict(np.full((3, 40), np.inf, "float32"))
    assert not seen
