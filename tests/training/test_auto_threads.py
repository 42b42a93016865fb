"""n_threads of fit and predict: what may be asked for, and what 'auto' means."""

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.inputs import threads
from deltaloop.kernels import memory
from deltaloop.kernels.memory import Work


@pytest.fixture
def asked(monkeypatch):
    """The threads of every Work that is made for mini-batches, on four processors."""
    found, made = [], Work.for_batches

    def noted(*arguments):
        work = made(*arguments)
        found.append((work.n_threads, work.chooses))
        return work

    monkeypatch.setattr(Work, "for_batches", noted)
    for module in (memory, threads):
        monkeypatch.setattr(module, "processors", lambda: 4)
    return found


X, Y = np.random.default_rng(0).normal(size=(96, 6)), np.zeros((96, 2))


@pytest.mark.parametrize(("batch_size", "expected"), [(96, 4), (32, 2), (1, 1)])
def test_auto_is_the_processors_and_no_more_than_there_are_samples_for(asked, batch_size, expected):
    dl.Network([6, 8, 2]).fit(X, Y, epochs=1, batch_size=batch_size, n_threads="auto")
    assert asked == [(expected, True)]


def test_what_is_asked_for_is_the_most_that_may_take_part(asked):
    dl.Network([6, 8, 2]).fit(X, Y, epochs=1, batch_size=96, n_threads=3)
    dl.Network([6, 8, 2]).fit(X, Y, epochs=1, batch_size=96, n_threads=5)
    assert asked == [(3, True), (4, True)]


def test_batches_as_they_come_keep_their_helpers(asked):
    def batches():
        for n in (96, 64, 96):
            yield X[:n], Y[:n]

    dl.Network([6, 8, 2]).fit(batches, epochs=2, n_threads=2)
    assert asked == [(2, True)]


def test_auto_is_one_thread_where_the_backend_has_no_more(asked):
    pytest.importorskip("numba")
    dl.Network([6, 8, 2], backend="numba").fit(X, Y, epochs=1, batch_size=96, n_threads="auto")
    assert asked == [(1, True)]


def test_auto_works_where_threads_do_not(asked):
    dl.Network([6, 8, 2]).fit(X, Y, epochs=2, optimizer=dl.SCG(), n_threads="auto")
    assert asked == []


def test_auto_predicts_and_trains_the_same_bits(asked):
    nets = [dl.Network([6, 40, 2], seed=1) for _ in range(2)]
    for net, n_threads in zip(nets, (1, "auto"), strict=True):
        net.fit(X, Y, epochs=30, batch_size=48, n_threads=n_threads)
    assert (nets[0].theta == nets[1].theta).all()
    assert (nets[0].predict(X) == nets[1].predict(X, n_threads="auto")).all()


@pytest.mark.parametrize("n_threads", ["all", "2", 0, -1, 1.5, None])
def test_other_numbers_are_refused(n_threads):
    net = dl.Network([6, 8, 2])
    for call in (
        lambda: net.fit(X, Y, batch_size=96, n_threads=n_threads),
        lambda: net.predict(X, n_threads=n_threads),
    ):
        with pytest.raises(dl.DeltaloopError, match="n_threads must be a whole number"):
            call()
