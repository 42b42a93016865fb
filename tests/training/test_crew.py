"""How many threads take part: what pays by the clock."""

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.inputs import threads
from deltaloop.training import descent
from deltaloop.training.crew import Crew

SLICE = 100


def seconds_of(crew, pace, n_slices):
    """Seconds of slices where pace(threads, clock) is that of one, and the threads taken."""
    clock, taken = 0.0, []
    for _ in range(n_slices):
        n_threads = crew.work(SLICE)
        taken.append(n_threads)
        seconds = pace(n_threads, clock)
        clock += seconds
        crew.measured(SLICE, seconds)
    return clock, taken


def crew(most, first=None):
    return Crew(most, most if first is None else first, lambda n_threads: n_threads)


def test_threads_that_do_not_pay_are_left_out():
    n = 2000
    clock, taken = seconds_of(crew(2), lambda n_threads, _: {1: 1.0, 2: 3.7}[n_threads], n)
    assert clock < 1.03 * n
    assert taken[0] == 2
    assert taken.count(2) >= 2  # they are tried again


def test_threads_that_pay_are_taken():
    n = 2000
    clock, _ = seconds_of(crew(4, first=1), lambda n_threads, _: 1 / n_threads, n)
    assert clock < 1.03 * n / 4


def test_threads_begin_and_cease_to_pay():
    def pace(n_threads, clock):
        return 1.0 if n_threads == 1 else 3.0 if 500 < clock < 1500 else 0.5

    n = 4000
    clock, taken = seconds_of(crew(2), pace, n)
    # 1000 slices in the first 500 seconds, 1000 in the next 1000, then 2000 in 1000
    assert clock < 1.05 * 2500
    assert taken[-1] == 2
    middle = taken[1200:1700]
    assert middle.count(1) > 0.95 * len(middle)


def test_one_thread_is_measured_by_nobody():
    only = crew(1)
    assert seconds_of(only, lambda *_: 1.0, 5)[1] == [1] * 5
    assert not only.pace


def test_every_number_gets_its_own_room_once():
    made = []

    def room(n_threads):
        made.append(n_threads)
        return n_threads

    several = Crew(8, 8, room)
    seconds_of(several, lambda n_threads, _: 1.0, 50)
    assert sorted(made) == [1, 4, 8]
    several.moves(room)
    seconds_of(several, lambda n_threads, _: 1.0, 50)
    assert sorted(set(made)) == [1, 4, 8]
    assert len(made) > 3


# ---------------------------------------------------------------- 'auto'


@pytest.fixture
def asked(monkeypatch):
    """The threads and the first choice of every Crew that is made, on four processors."""
    found = []

    def made(most, first, room):
        found.append((most, first))
        return Crew(most, first, room)

    monkeypatch.setattr(descent, "Crew", made)
    monkeypatch.setattr(threads, "processors", lambda: 4)
    return found


X, Y = np.random.default_rng(0).normal(size=(96, 6)), np.zeros((96, 2))


@pytest.mark.parametrize(
    ("hidden", "batch_size", "expected"),
    [(8, 96, (4, 1)), (8, 32, (2, 1)), (8, 1, (1, 1)), (7000, 96, (4, 4))],
)
def test_auto_is_the_processors_and_begins_with_one_thread_where_steps_are_short(
    asked, hidden, batch_size, expected
):
    dl.Network([6, hidden, 2]).fit(X, Y, epochs=1, batch_size=batch_size, n_threads="auto")
    assert asked == [expected]


def test_what_is_asked_for_is_tried_first(asked):
    dl.Network([6, 8, 2]).fit(X, Y, epochs=1, batch_size=96, n_threads=3)
    assert asked == [(3, 3)]


def test_auto_is_one_thread_where_the_backend_has_no_more(asked):
    pytest.importorskip("numba")
    dl.Network([6, 8, 2], backend="numba").fit(X, Y, epochs=1, batch_size=96, n_threads="auto")
    assert asked == [(1, 1)]


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
