"""Ranks that are threads of this process, for tests of what does not depend on the library."""

import threading
from itertools import pairwise

import numpy as np


class Meeting:
    """Where `size` threads add up their arrays."""

    def __init__(self, size):
        self.size, self.flats, self.n_sums = size, [None] * size, 0
        self.barrier = threading.Barrier(size)


class ThreadComm:
    """One rank; `dies_after` exchanges it is gone."""

    def __init__(self, meeting, rank, dies_after=None):
        self.meeting, self.rank, self.size = meeting, rank, meeting.size
        self.dies_after, self.n = dies_after, 0

    def allreduce(self, flat):
        self.n += 1
        if self.dies_after is not None and self.n > self.dies_after:
            self.meeting.barrier.abort()
            raise SystemExit
        meeting = self.meeting
        meeting.flats[self.rank] = flat
        meeting.barrier.wait(20)
        lengths = {len(other) for other in meeting.flats}
        assert len(lengths) == 1, lengths
        total = np.array(meeting.flats[0])
        for other in meeting.flats[1:]:
            total += other
        meeting.barrier.wait(20)
        flat[:] = total
        meeting.n_sums += self.rank == 0


def on_ranks(size, work, **options):
    """What work(comm) returns, or raises, on every rank."""
    meeting, found = Meeting(size), [None] * size

    def one(rank):
        try:
            comm = ThreadComm(meeting, rank, options.get("dies", {}).get(rank))
            found[rank] = work(comm)
        except BaseException as error:
            found[rank] = error

    threads = [threading.Thread(target=one, args=(rank,), daemon=True) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads), "a rank hangs"
    return found


def parts(n, size, borders=None):
    """The samples of every rank, as slices; of unequal numbers."""
    if borders is None:
        borders = [round(n * (k / size) ** 1.5) for k in range(size + 1)]
    return [slice(a, b) for a, b in pairwise(borders)]


def same(results):
    """The result of rank 0, of which all others have the same parameters and losses."""
    for one in results:
        if isinstance(one, BaseException):
            raise one
    net, history = results[0]
    for other, its in results[1:]:
        np.testing.assert_array_equal(other.theta, net.theta)
        assert its.loss == history.loss
        assert its.validation_loss == history.validation_loss
        assert its.stop_reason == history.stop_reason
    return net, history
