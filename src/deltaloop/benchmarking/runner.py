"""The run itself: agreement, then turns of all peers, one job after the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from ..version import __version__
from . import agreement
from .host import Prepared
from .jobs import Job
from .machine import Machine
from .peers import Peer
from .results import JobResult, Results, Row
from .workers import WorkerError


class Place(Protocol):
    """Where a peer runs: a `Host` here or a `Worker` elsewhere."""

    def prepare(self, name: str, job: Job) -> Prepared:
        """Set a peer up and run its first epoch."""

    def turn(self, name: str) -> float:
        """Seconds per epoch."""

    def release(self, name: str) -> None:
        """Forget the session."""


class Places(Protocol):
    """Finds the place of a peer."""

    def host(self, peer: Peer, n_threads: int) -> Place:
        """Where this peer runs."""

    def discard(self, peer: Peer, n_threads: int) -> None:
        """It has failed."""


@dataclass(frozen=True)
class Settings:
    """How long to look.

    Attributes
    ----------
    repeats : int
        Turns of every peer.
    fewest : int
        Turns that even the slowest peer gets.
    seconds : float
        After which a peer gets no more turns for a job.
    with_slow_starts : bool
        Whether peers that compile for many seconds take part.
    """

    repeats: int = 25
    fewest: int = 3
    seconds: float = 2.0
    with_slow_starts: bool = True


QUICK = Settings(repeats=6, fewest=2, seconds=0.3, with_slow_starts=False)
SCALING = Settings(repeats=12, fewest=2, seconds=0.5, with_slow_starts=False)

# (done, all, text): how far a run is
Report = Callable[[int, int, str], None]


def run(
    jobs: Sequence[tuple[Job, str | None, float | None]],
    peers: Sequence[Peer],
    settings: Settings,
    machine: Machine,
    places: Places,
    report: Report = lambda done, total, text: None,
    quick: bool = False,
) -> Results:
    """Time every job with every peer.

    Parameters
    ----------
    jobs : sequence of (Job, curve, x)
        Curve and its value, or None, for each job.
    peers : sequence of Peer
        Those that are missing, or that do not agree with the reference, are named and not timed.
    settings : Settings
    machine : Machine
        For the floors.
    places : Places
        Where the peers run.
    report : callable, optional
        Gets (done, total, text) as the run goes on.
    quick : bool, default False
        Recorded with the results.

    Returns
    -------
    Results
        After Ctrl-C those of the jobs that were finished, if there are any.
    """
    versions = {peer.label: peer.available() for peer in peers}
    results = Results(
        version=__version__,
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        quick=quick,
        machine=machine,
        peers=versions,
        jobs=[],
    )
    steps = 2 * len(peers)
    for index, (job, curve, x) in enumerate(jobs):

        def tell(step: float, text: str, index=index, job=job) -> None:
            report(int(index * steps + step), len(jobs) * steps, f"{job.name}: {text}")

        try:
            rows = time_job(job, peers, settings, places, tell)
        except KeyboardInterrupt:
            if not results.jobs:
                raise
            results.interrupted = True
            return results
        results.jobs.append(JobResult(job, machine.floor(job), rows, curve, x))
    report(len(jobs) * steps, len(jobs) * steps, "done")
    return results


def time_job(
    job: Job,
    peers: Sequence[Peer],
    settings: Settings,
    places: Places,
    tell: Callable[[float, str], None] = lambda step, text: None,
) -> list[Row]:
    """Rows of all peers for one job: agreement first, then interleaved turns."""
    expected = agreement.truth(job)
    rows, ready = [], []
    for index, peer in enumerate(peers):
        tell(index, f"preparing {peer.label}")
        row = Row(peer.name, peer.label)
        rows.append(row)
        if peer.available() is None:
            row.status, row.note = "missing", f"{peer.missing()} is not installed"
        elif peer.slow_start and not settings.with_slow_starts:
            row.status, row.note = "left out", "compiles for too long; name it with --peers"
        elif _prepared(job, peer, row, expected, places):
            ready.append((peer, row))
    for turn in range(settings.repeats):
        tell(len(peers) * (1 + turn / settings.repeats), f"turn {turn + 1}")
        for peer, row in _rotated(ready, turn):
            enough = sum(row.repeats) * job.n_steps > settings.seconds
            if row.status == "timed" and not (enough and turn >= settings.fewest):
                _take_turn(job, peer, row, places)
    for peer, row in ready:
        if row.status == "timed":
            places.host(peer, job.n_threads).release(peer.name)
    return rows


def _prepared(job: Job, peer: Peer, row: Row, expected: agreement.Truth, places: Places) -> bool:
    """Whether the peer is ready and agrees; what it says goes into its row."""
    try:
        place = places.host(peer, job.n_threads)
        prepared = place.prepare(peer.name, job)
    except WorkerError as error:
        row.status, row.note = "failed", str(error)
        places.discard(peer, job.n_threads)
        return False
    if prepared.refusal is not None:
        row.status, row.note = "unsupported", prepared.refusal
        return False
    verdict = agreement.check(job, expected, prepared.arrays, prepared.loss)
    row.error, row.loss, row.compile_seconds = verdict.error, verdict.loss, prepared.compile_seconds
    if verdict.complaint is not None:
        row.status, row.note = "disagrees", verdict.complaint
        place.release(peer.name)
    return verdict.complaint is None


def _take_turn(job: Job, peer: Peer, row: Row, places: Places) -> None:
    try:
        row.repeats.append(places.host(peer, job.n_threads).turn(peer.name) / job.n_steps)
    except WorkerError as error:
        row.status, row.note = "failed", str(error)
        row.repeats.clear()
        places.discard(peer, job.n_threads)


def _rotated(pairs: list, turn: int) -> list:
    """Another peer begins every time."""
    start = turn % len(pairs) if pairs else 0
    return pairs[start:] + pairs[:start]
