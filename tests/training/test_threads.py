"""n_threads of fit and predict; that results keep their bits is tested with the kernels."""

import os
import threading

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.inputs import threads
from deltaloop.kernels import memory
from watching import Watched

rng = np.random.default_rng(2)
X, Y = rng.normal(size=(1500, 30)), rng.normal(size=(1500, 2))


def network(activation="relu", **more):
    return dl.Network([30, 64, 2], activation=activation, seed=3, backend="cython", **more)


@pytest.fixture
def seven(monkeypatch):
    """As many processors, for whom they count."""
    for module in (memory, threads):
        monkeypatch.setattr(module, "processors", lambda: 7)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("optimizer", [dl.SGD(0.01), dl.Adam(), dl.RMSprop()])
def test_several_threads_train_where_that_pays(seven, sparse, shuffle, optimizer):
    watched = Watched(seconds=1e-4)  # in which other threads run
    net = network(watched)
    net.fit(
        X[:112], Y[:112], epochs=10**6, batch_size=112, n_threads=7, sparse=sparse, shuffle=shuffle,
        optimizer=optimizer, callbacks=[lambda _: len(watched.calls) > 1], max_seconds=30,
    )  # fmt: skip
    assert 2 <= len(watched.calls) <= 7


def test_no_more_threads_than_processors(monkeypatch):
    monkeypatch.setattr(memory, "processors", lambda: 1)
    watched = Watched(seconds=1e-4)
    network(watched).fit(X[:112], Y[:112], epochs=30, batch_size=112, n_threads=7)
    watched.assert_shared(1)


@pytest.mark.parametrize(
    ("n_samples", "n_threads", "expected"), [(1500, 1, 1), (1500, 2, 2), (1500, 7, 7), (20, 3, 2)]
)
def test_so_many_threads_predict(n_samples, n_threads, expected):
    watched = Watched(n_threads=expected)
    network(watched).predict(X[:n_samples], n_threads=n_threads)
    assert sum(watched.calls.values()) == n_samples
    watched.assert_shared(expected)


def test_the_same_bits_with_any_number_of_threads():
    found = []
    for n_threads in (1, 2, 7):
        net = network()
        net.fit(X, Y, epochs=2, batch_size=256, n_threads=n_threads)
        found.append((net.theta.tobytes(), net.predict(X, n_threads=n_threads).tobytes()))
    assert found[0] == found[1] == found[2]


def test_single_samples_cannot_use_threads():
    net = network()
    before = net.theta.copy()
    with pytest.raises(dl.InvalidInputError, match="n_threads=2 cannot be used with batch_size=1"):
        net.fit(X, Y, batch_size=1, n_threads=2)
    assert (net.theta == before).all()


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", True])
def test_what_is_no_number_of_threads(wrong):
    for call in (
        lambda: network().fit(X, Y, n_threads=wrong),
        lambda: network().predict(X, n_threads=wrong),
    ):
        with pytest.raises((dl.InvalidInputError, dl.InvalidTypeError), match="n_threads"):
            call()


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads in /proc")
def test_no_thread_is_left_behind(seven):
    before, watched = len(os.listdir("/proc/self/task")), Watched(seconds=1e-4)
    network(watched).fit(
        X[:256], Y[:256], epochs=10**6, batch_size=256, n_threads=5,
        callbacks=[lambda _: len(watched.calls) > 1], max_seconds=30,
    )  # fmt: skip
    assert len(watched.calls) > 1
    watched = Watched(n_threads=5)
    network(watched).predict(X, n_threads=5)
    watched.assert_shared(5)
    assert len(os.listdir("/proc/self/task")) == before


def test_two_networks_train_with_threads_in_threads(seven):
    nets = [network() for _ in range(3)]
    workers = [
        threading.Thread(
            target=net.fit, args=(X, Y),
            kwargs={"epochs": 50, "batch_size": 500, "n_threads": 2},
        )
        for net in nets
    ]  # fmt: skip
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert nets[0].theta.tobytes() == nets[1].theta.tobytes() == nets[2].theta.tobytes()
