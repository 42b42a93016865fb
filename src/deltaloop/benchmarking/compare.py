"""Two results of `deltaloop bench --json`, side by side."""

from collections.abc import Iterator
from math import exp, log

from ..errors import InvalidInputError
from .report import microseconds, plain_table
from .results import JobResult, Results, Row


def pairs(earlier: Results, later: Results) -> Iterator[tuple[JobResult, Row, JobResult, Row]]:
    """Each job that both have timed deltaloop on, with its row, in the order of the later one."""
    before = {_key(one): (one, one.ours) for one in earlier.jobs}
    for one in later.jobs:
        same, old = before.get(_key(one), (None, None))
        if same is not None and old is not None and one.ours is not None:
            yield same, old, one, one.ours


def _key(one: JobResult) -> tuple:
    return one.job.name, one.curve, one.x


def print_comparison(earlier: Results, later: Results, width: int | None = None) -> None:
    """A table on stdout: deltaloop on every job that both have, and the mean of the ratios.

    Raises
    ------
    InvalidInputError
        They have no job in common.
    """
    from rich.console import Console

    both = list(pairs(earlier, later))
    if not both:
        raise InvalidInputError("the two files have no job in common; nothing to compare")
    console = Console(width=width)
    columns = ("before", "after", "ratio", "medians", "peer")
    table = plain_table(
        "deltaloop, µs per step or call: minima", [("job", "<"), *((name, ">") for name in columns)]
    )
    ratios = []
    for before, old, after, new in both:
        ratios.append(new.minimum / old.minimum)
        table.add_row(
            after.job.name, microseconds(old.minimum), microseconds(new.minimum),
            f"{ratios[-1]:.3f}", f"{new.median / old.median:.3f}", _of_peer(before, after),
        )  # fmt: skip
    console.print(table)
    mean = exp(sum(map(log, ratios)) / len(ratios))
    console.print("ratio: after / before; peer: the same of the one that was fastest before")
    console.print(f"geometric mean of after / before: {mean:.3f} over {len(ratios)} jobs")
    for line in notes(earlier, later, len(both)):
        console.print(line)


def notes(earlier: Results, later: Results, n_both: int) -> list[str]:
    """What the two are, and what makes their times less than comparable."""
    lines = [
        f"{name}: deltaloop {one.version}, {one.date}, {one.machine.processor}, "
        f"{one.machine.instruction_set}"
        for name, one in (("before", earlier), ("after", later))
    ]
    if earlier.machine.processor != later.machine.processor:
        lines.append("the processors differ: the ratios compare machines, too")
    if earlier.quick != later.quick:
        lines.append("one of them was made with --quick: fewer turns, higher minima")
    left_out = len(earlier.jobs) + len(later.jobs) - 2 * n_both
    if left_out:
        lines.append(f"{left_out} jobs are in one of them alone, or not timed, and left out")
    return lines


def _of_peer(before: JobResult, after: JobResult) -> str:
    """How the same peer did, which tells a changed machine from a changed package."""
    old = before.fastest_peer
    new = next((row for row in after.timed if old is not None and row.peer == old.peer), None)
    return "" if old is None or new is None else f"{new.minimum / old.minimum:.3f}"
