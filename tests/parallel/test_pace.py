"""What is measured of steps and exchanges, with a clock and ranks that the tests make up."""

from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from deltaloop import InvalidInputError
from deltaloop.parallel import Pace, measure, pace


class Net:
    """Fits in 6, 2 and 4 seconds an epoch."""

    theta, dtype = np.zeros(5, np.float32), np.dtype("float32")
    asked: ClassVar = {}

    def fit(self, X, Y, **settings):
        self.asked.update(settings, n=len(X))
        return SimpleNamespace(seconds=[6.0, 2.0, 4.0])


class Middle:
    """Rank 1 of 3; the others say how long a step and an exchange took there."""

    rank, size = 1, 3

    def __init__(self, first=(0.0, 0.0), last=(0.0, 0.0)):
        self.others, self.flats = [*first, 0, 0, *last], []

    def allreduce(self, flat):
        self.flats.append(flat.copy())
        if len(flat) == 2 * self.size:
            flat += self.others


@pytest.fixture
def _clock(monkeypatch):
    """Exchanges that take 9, 8, ... 3, 4, 5, ... seconds."""
    times = [0.0]
    for k in range(pace._TIMES):
        times += [times[-1] + abs(k - 6) + 3, times[-1] + abs(k - 6) + 3 + 100]
    ticks = iter(times)
    monkeypatch.setattr(pace, "perf_counter", lambda: next(ticks))


@pytest.mark.usefixtures("_clock")
def test_the_quickest_step_and_exchange_count():
    comm = Middle()
    X = np.zeros((20, 2))
    # 7 of 20 samples are the share of a third, so an epoch is 3 steps
    assert measure(Net(), X, X, comm=comm, batch_size=20) == Pace(2.0 / 3, 3.0, 3)
    assert Net.asked == {"batch_size": 7, "optimizer": None, "epochs": 3, "n": 20}
    *exchanges, told = comm.flats
    assert {(len(flat), flat.dtype.name) for flat in exchanges} == {(5, "float32")}
    np.testing.assert_array_equal(told, [0, 0, 2.0 / 3, 3.0, 0, 0])


@pytest.mark.usefixtures("_clock")
def test_of_all_ranks_the_slowest_counts():
    X = np.zeros((20, 2))
    assert measure(Net(), X, X, comm=Middle((7.0, 1.0), (0.1, 50.0)), batch_size=20) == (7, 50, 3)


@pytest.mark.usefixtures("_clock")
def test_a_rank_has_no_more_samples_than_it_gives():
    X = np.zeros((4, 2))
    assert measure(Net(), X, X, comm=Middle(), batch_size=20).step == 2.0
    assert Net.asked["batch_size"] == 4


def test_a_batch_has_a_sample_for_every_rank():
    X = np.zeros((4, 2))
    with pytest.raises(InvalidInputError, match="batch_size=2 counts the samples of all 3 ranks"):
        measure(Net(), X, X, comm=Middle(), batch_size=2)


def test_averages_begin_where_exchanges_take_more_than_a_twentieth():
    assert Pace(19.0, 1.0, 2).average_every is None
    assert Pace(18.9, 1.0, 2).average_every == 2
    assert Pace(1.0, 1.0, 2).average_every == 19
    assert Pace(4.0, 1.0, 2).average_every == 5
    assert Pace(1.0, 5.0, 2).average_every == 95
    assert Pace(1.0, 6.0, 2).average_every == 100
