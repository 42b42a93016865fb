"""Where peers run: jobs are prepared, checked and timed inside one process."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from .data import inputs_and_targets, parameters
from .jobs import Job
from .peers import Peer, Session, Unsupported

_TURN = 0.005  # seconds that one turn lasts at least; a slow epoch is a turn of its own
_WARM_UP = 0.01  # seconds of epochs that bring the caches back before a turn


@dataclass
class Prepared:
    """What a peer has to show after its first epoch; `refusal` says why it has nothing."""

    arrays: list[np.ndarray]
    loss: float | None = None
    compile_seconds: float | None = None
    refusal: str | None = None


class Host:
    """Sessions of several peers for one job.

    Parameters
    ----------
    peers : mapping of str to Peer
        By name; what may be asked for.
    """

    def __init__(self, peers: Mapping[str, Peer]):
        self.peers = peers
        self.job: Job | None = None
        self.data: tuple[np.ndarray, np.ndarray] | None = None
        self.sessions: dict[str, tuple[Session, float]] = {}  # and seconds of an epoch

    def prepare(self, name: str, job: Job) -> Prepared:
        """Set a peer up and run its first epoch, which compiles what there is to compile."""
        if job != self.job:
            self.job, self.data, self.sessions = job, inputs_and_targets(job), {}
        assert self.data is not None
        begin = perf_counter()
        try:
            session = self.peers[name].prepare(job, parameters(job), *self.data)
            loss = session.run()
        except Unsupported as reason:
            return Prepared([], refusal=str(reason))
        first = perf_counter() - begin
        arrays = session.arrays()
        begin = perf_counter()
        session.run()
        epoch = perf_counter() - begin
        compiling: Any = getattr(session, "compile_seconds", first - epoch)
        self.sessions[name] = session, max(epoch, 1e-9)
        return Prepared(arrays, loss, max(compiling, 0.0) if self.peers[name].compiles else None)

    def turn(self, name: str) -> float:
        """Seconds per epoch in one turn of a peer."""
        if name not in self.sessions:
            raise LookupError("the process of its library has ended")
        session, epoch = self.sessions[name]
        if epoch < _WARM_UP:
            end = perf_counter() + _WARM_UP
            while perf_counter() < end:
                session.run()
        n_epochs = max(1, int(_TURN / max(epoch, 1e-9)))
        begin = perf_counter()
        for _ in range(n_epochs):
            session.run()
        epoch = (perf_counter() - begin) / n_epochs
        self.sessions[name] = session, epoch  # the next turn knows it better
        return epoch

    def release(self, name: str) -> None:
        """Forget a session."""
        self.sessions.pop(name, None)

    def close(self) -> None:
        """Forget everything."""
        self.job, self.data, self.sessions = None, None, {}
