"""What a run has found, and its JSON form."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from ..errors import FileFormatError
from ..interop.whole_file import whole_file
from .jobs import Job
from .machine import Level, Machine

FORMAT = 1


@dataclass
class Row:
    """One peer on one job.

    Attributes
    ----------
    peer, label : str
    status : {'timed', 'missing', 'unsupported', 'disagrees', 'failed', 'left out'}
    note : str
        Why it was not timed.
    repeats : list of float
        Seconds per step (or call) of every turn.
    compile_seconds : float or None
    error : float or None
        Largest error relative to the movement of the parameters; see `agreement`.
    loss : float or None
        Of all samples after the first epoch.
    """

    peer: str
    label: str
    status: str = "timed"
    note: str = ""
    repeats: list[float] = field(default_factory=list)
    compile_seconds: float | None = None
    error: float | None = None
    loss: float | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it is the package itself."""
        return self.peer.split("-")[0] == "deltaloop"

    @property
    def minimum(self) -> float:
        """Seconds of the fastest turn."""
        return min(self.repeats)

    @property
    def median(self) -> float:
        """Seconds of the median turn."""
        return median(self.repeats)


@dataclass
class JobResult:
    """One job with all its peers; `curve` and `x` where it is a point of a scaling curve."""

    job: Job
    floor: float
    rows: list[Row]
    curve: str | None = None
    x: float | None = None

    @property
    def timed(self) -> list[Row]:
        """Rows with times, fastest first."""
        return sorted((row for row in self.rows if row.repeats), key=lambda row: row.minimum)

    @property
    def ours(self) -> Row | None:
        """The package with the instruction set in use."""
        return next((row for row in self.timed if row.peer == "deltaloop"), None)

    @property
    def fastest_peer(self) -> Row | None:
        """The fastest that is not the package itself."""
        return next((row for row in self.timed if not row.is_ours), None)

    @property
    def ratio(self) -> float | None:
        """The package's time over that of the fastest peer."""
        if self.ours is None or self.fastest_peer is None:
            return None
        return self.ours.minimum / self.fastest_peer.minimum

    @property
    def verdict(self) -> str:
        """'at target', 'faster' (than every peer, not at its target), 'slower', or ''."""
        if self.ratio is None or self.ours is None:
            return ""
        if self.ratio > 1:
            return "slower"
        reached = self.job.target is None or self.ratio <= self.job.target
        if self.job.share is not None:
            reached = reached and self.floor / self.ours.minimum >= self.job.share
        return "at target" if reached else "faster"


@dataclass
class Start:
    """One library from nothing: seconds to import it and to the first epoch, peak memory in MiB."""

    label: str
    library: str
    import_seconds: float
    total_seconds: float
    peak_mib: float
    installed_mib: float


@dataclass
class Results:
    """A whole run, or what there was of it when it was interrupted."""

    version: str
    date: str
    quick: bool
    machine: Machine
    peers: dict[str, str | None]
    jobs: list[JobResult]
    starts: list[Start] = field(default_factory=list)
    interrupted: bool = False

    def missing(self) -> list[str]:
        """Labels of the peers that are not installed."""
        return [label for label, version in self.peers.items() if version is None]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write JSON, whole or not at all."""
        with whole_file(path, "w") as file:
            json.dump({"format": FORMAT, **asdict(self)}, file, indent=1)
            file.write("\n")


def load(path: str | os.PathLike[str]) -> Results:
    """Read what `Results.save` wrote.

    Raises
    ------
    FileFormatError
        Something else, or of a newer version.
    """
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        if content.pop("format") != FORMAT:
            raise FileFormatError(f"{path}: written by another version; run the benchmark again")
        return Results(
            machine=_machine(content.pop("machine")),
            jobs=[_job_result(one) for one in content.pop("jobs")],
            starts=[Start(**one) for one in content.pop("starts")],
            **content,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"{path}: no results of `deltaloop bench --json`") from error


def _machine(content: dict[str, Any]) -> Machine:
    levels = tuple(Level(**level) for level in content.pop("levels"))
    return Machine(levels=levels, **content)


def _job_result(content: dict[str, Any]) -> JobResult:
    job = content.pop("job")
    job["sizes"] = tuple(job["sizes"])
    rows = [Row(**row) for row in content.pop("rows")]
    return JobResult(job=Job(**job), rows=rows, **content)


def curves(results: Iterable[JobResult]) -> dict[str, list[JobResult]]:
    """The points of every scaling curve, in order."""
    found: dict[str, list[JobResult]] = {}
    for one in results:
        if one.curve is not None:
            found.setdefault(one.curve, []).append(one)
    return found
