"""How many threads take part: as many as pay, by the clock."""

from collections.abc import Callable

from ..kernels.memory import Work

_PROBES = 0.01  # share of the time that is spent on finding out whether another number is faster


class Crew:
    """Chooses the number of threads for every slice of an epoch.

    The result has the same bits for any number, so the choice is one of time alone. Every number
    is tried; then the fastest is taken, and the others are tried again from time to time: what pays
    depends on what else the processors do.

    Parameters
    ----------
    most : int
        Threads that may be used.
    first : int
        The number that is tried first.
    room : callable
        Work for so many threads.
    """

    def __init__(self, most: int, first: int, room: Callable[[int], Work]):
        self.room = room
        self.counts = sorted({1, max(1, most // 2), most}, key=lambda n: (n != first, n))
        self.used = first
        self.works: dict[int, Work] = {}
        self.pace: dict[int, float] = {}  # seconds per sample
        self.tried = dict.fromkeys(self.counts, 0.0)  # clock when it was last measured
        self.clock = 0.0  # seconds of all slices

    def work(self, n_samples: int) -> Work:
        """Room for the next slice, of so many samples, and for its number of threads."""
        if len(self.counts) > 1:
            self.used = self._chosen(n_samples)
        if self.used not in self.works:
            self.works[self.used] = self.room(self.used)
        return self.works[self.used]

    def moves(self, room: Callable[[int], Work]) -> None:
        """The next slices are of other samples."""
        self.room = room
        self.works.clear()

    def _chosen(self, n_samples):
        for n_threads in self.counts:
            if n_threads not in self.pace:
                return n_threads
        fastest = min(self.pace, key=self.pace.__getitem__)
        for n_threads, pace in self.pace.items():
            idle = self.clock - self.tried[n_threads]
            if n_threads != fastest and idle * _PROBES > pace * n_samples:
                return n_threads
        return fastest

    def measured(self, n_samples: int, seconds: float) -> None:
        """A slice took so long."""
        if len(self.counts) > 1:
            self.clock += seconds
            self.tried[self.used] = self.clock
            self.pace[self.used] = seconds / n_samples
