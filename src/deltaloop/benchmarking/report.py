"""Results as tables: on the terminal with rich, in files as Markdown."""

from collections.abc import Iterable, Sequence

from ..console.figures import duration, significant
from .jobs import Job
from .machine import Machine
from .results import JobResult, Results, Row, curves

_LATENCY = 20e-9  # a floor below this says nothing: the latency of the layers decides

_VERDICT_STYLE = {"at target": "green", "faster": "yellow", "slower": "bold red"}
_STATUS = {
    "missing": "not installed",
    "unsupported": "does not offer the job",
    "disagrees": "disagrees with the reference and was not timed",
    "failed": "failed",
    "left out": "left out",
}


def microseconds(seconds: float) -> str:
    """A time in µs with three digits."""
    return significant(1e6 * seconds)


def floor_text(result: JobResult) -> str:
    """The floor in µs, or 'latency' where it is far below what one layer costs."""
    return "latency" if result.floor < _LATENCY else microseconds(result.floor)


def over_floor(result: JobResult, row: Row) -> str:
    """How many times the floor, where that means something."""
    return "" if result.floor < _LATENCY else significant(row.minimum / result.floor)


def target_text(job: Job) -> str:
    """What is to be reached: of the fastest peer, or of the floor."""
    if job.share is not None:
        return f"{1 / job.share:.2f} floor"
    return "" if job.target is None else f"{job.target:.2f}"


# ---------------------------------------------------------------------- the terminal


def print_results(results: Results, width: int | None = None) -> None:
    """The whole report on stdout."""
    from rich.console import Console

    console = Console(width=width)
    for renderable in terminal_parts(results):
        console.print(renderable)


def terminal_parts(results: Results) -> list:
    """Tables and lines for rich, in their order."""
    parts: list = [_machine_line(results.machine)]
    plain = [one for one in results.jobs if one.curve is None]
    if plain:
        parts += [_headline(plain), _everybody(plain)]
    parts += [_curve(name, points) for name, points in curves(results.jobs).items()]
    if results.starts:
        parts.append(_starts(results))
    parts += notes(results)
    return parts


def _machine_line(machine: Machine) -> str:
    levels = ", ".join(
        f"{level.name} {level.read:.0f} read {level.modify:.0f} modify" for level in machine.levels
    )
    return (
        f"{machine.processor}, {machine.system}, {machine.python}\n"
        f"{machine.instruction_set}; {machine.gflops:.0f} GFLOP/s; GB/s: {levels}"
    )


def plain_table(title: str, columns: Sequence[tuple[str, str]]):
    """A table for rich, '<' and '>' for the sides of its columns; long cells are folded."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for name, side in columns:
        table.add_column(name, justify="right" if side == ">" else "left", overflow="fold")
    return table


def _headline(results: Iterable[JobResult]):
    table = plain_table(
        "µs per step or call: minimum (median), one core",
        [
            ("job", "<"), ("deltaloop", ">"), ("fastest peer", ">"), ("ratio", ">"),
            ("target", ">"), ("x floor", ">"),
        ],
    )  # fmt: skip
    for one in results:
        ours, peer = one.ours, one.fastest_peer
        table.add_row(
            one.job.name,
            f"{microseconds(ours.minimum)} ({microseconds(ours.median)})" if ours else "",
            f"{microseconds(peer.minimum)} {peer.label}" if peer else "",
            _ratio(one),
            target_text(one.job),
            over_floor(one, ours) if ours else "",
        )
    return table


def _everybody(results: Iterable[JobResult]):
    table = plain_table("all, fastest first", [("job", "<"), ("minimum, µs", "<")])
    for one in results:
        # spaces that do not break keep a name and its time together
        times = (f"{row.label} {microseconds(row.minimum)}" for row in one.timed)
        table.add_row(one.job.name, ", ".join(text.replace(" ", "\u00a0") for text in times))
    return table


def _curve(name: str, points: list[JobResult]):
    """One line per point; every peer is in the file and in the picture."""
    columns = [
        (name, ">"), ("deltaloop", ">"), ("fastest peer", ">"), ("ratio", ">"), ("x floor", ">")
    ]  # fmt: skip
    table = plain_table(f"{name}: {points[0].job.name} and so on, µs per step", columns)
    for one in points:
        ours, peer = one.ours, one.fastest_peer
        table.add_row(
            _x(one),
            microseconds(ours.minimum) if ours else "",
            f"{microseconds(peer.minimum)} {peer.label}" if peer else "",
            _ratio(one),
            over_floor(one, ours) if ours else "",
        )
    return table


def _ratio(one: JobResult) -> str:
    """With the colour of the verdict."""
    if one.ratio is None:
        return ""
    return f"[{_VERDICT_STYLE[one.verdict]}]{one.ratio:.2f}[/]"


def _starts(results: Results):
    table = plain_table("from process start to the first epoch of 4-4-4-1", _START_COLUMNS)
    for cells in _start_rows(results):
        table.add_row(*cells)
    return table


# ---------------------------------------------------------------------- Markdown


def markdown_table(columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]]) -> str:
    """A table with '<' and '>' for the sides of its columns."""
    lines = [
        "| " + " | ".join(name for name, _ in columns) + " |",
        "|" + "|".join("---:" if side == ">" else "---" for _, side in columns) + "|",
    ]
    lines += ["| " + " | ".join(cells) + " |" for cells in rows]
    return "\n".join(lines)


def markdown_headline(results: Iterable[JobResult]) -> str:
    """One line per job: the package, the fastest peer, the ratio and its target."""
    columns = [
        ("job", "<"), ("deltaloop", ">"), ("median", ">"), ("fastest peer", ">"), ("", "<"),
        ("ratio", ">"), ("target", ">"), ("floor", ">"), ("× floor", ">"), ("", "<"),
    ]  # fmt: skip
    rows = []
    for one in results:
        ours, peer = one.ours, one.fastest_peer
        rows.append(
            (
                one.job.name,
                f"**{microseconds(ours.minimum)}**" if ours else "",
                microseconds(ours.median) if ours else "",
                microseconds(peer.minimum) if peer else "",
                peer.label if peer else "",
                "" if one.ratio is None else f"{one.ratio:.2f}",
                target_text(one.job),
                floor_text(one),
                over_floor(one, ours) if ours else "",
                "" if one.verdict == "at target" else one.verdict,
            )
        )
    return markdown_table(columns, rows)


def markdown_matrix(results: list[JobResult]) -> str:
    """Every peer on every job: minimum / median in µs, or why there is none."""
    labels = _labels(results)
    columns = [("job", "<"), *((label, ">") for label in labels)]
    return markdown_table(
        columns, [(one.job.name, *_cells(one, labels, medians=True)) for one in results]
    )


def markdown_curve(name: str, points: list[JobResult]) -> str:
    """One scaling curve, minimum in µs."""
    labels = _labels(points)
    columns = [(name, ">"), *((label, ">") for label in labels), ("ratio", ">"), ("floor", ">")]
    rows = [
        (
            _x(one),
            *_cells(one, labels),
            "" if one.ratio is None else f"{one.ratio:.2f}",
            floor_text(one),
        )
        for one in points
    ]
    return markdown_table(columns, rows)


def markdown_compilation(results: Iterable[JobResult]) -> str:
    """Seconds of compilation before the first step, least and most over the jobs."""
    found: dict[str, list[float]] = {}
    for one in results:
        for row in one.timed:
            if row.compile_seconds is not None:
                found.setdefault(row.label, []).append(row.compile_seconds)
    rows = [
        (label, f"{significant(min(s), 2)} to {significant(max(s), 2)}")
        for label, s in found.items()
    ]
    return markdown_table([("peer", "<"), ("compilation, s", ">")], rows)


def markdown_starts(results: Results) -> str:
    """Import, first epoch, memory and size on disk."""
    return markdown_table(_START_COLUMNS, _start_rows(results))


def markdown_machine(machine: Machine) -> str:
    """The machine and what it was seen to reach."""
    columns = [("", "<"), ("size", ">"), ("read, GB/s", ">"), ("modify, GB/s", ">")]
    rows = [
        (
            level.name,
            "" if level.size is None else f"{level.size >> 10:,} KB",
            f"{level.read:.0f}",
            f"{level.modify:.0f}",
        )
        for level in machine.levels
    ]
    return (
        f"{machine.processor}, {machine.n_cpus} processors, {machine.system}, {machine.python}. "
        f"Backend: {machine.instruction_set}. Fused multiply-adds: {machine.gflops:.0f} GFLOP/s "
        f"(float32, one core).\n\n{markdown_table(columns, rows)}"
    )


# ---------------------------------------------------------------------- both


def notes(results: Results) -> list[str]:
    """What others published; who is missing, who was refused and why, each reason once."""
    lines = [f"{one.job.name}: {one.job.published}" for one in results.jobs if one.job.published]
    for status in ("missing", "disagrees", "failed", "left out", "unsupported"):
        said: dict[tuple[str, str], list[str]] = {}
        for one in results.jobs:
            for row in one.rows:
                if row.status == status:
                    said.setdefault((row.label, row.note), []).append(one.job.name)
        for (label, note), names in said.items():
            where = "" if len(names) == len(results.jobs) else f" ({_shortened(names)})"
            lines.append(f"{label}: {_STATUS[status]}: {note}{where}")
    return lines


def _shortened(names: list[str]) -> str:
    return "; ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def _labels(results: Iterable[JobResult]) -> list[str]:
    """Everybody who was timed at least once, in the order of the table of peers."""
    labels: dict[str, None] = {}
    for one in results:
        labels.update((row.label, None) for row in one.rows if row.repeats)
    return list(labels)


def _cells(one: JobResult, labels: list[str], medians: bool = False) -> list[str]:
    rows = {row.label: row for row in one.rows}
    cells = []
    for label in labels:
        row = rows.get(label)
        if row is None or row.status == "unsupported":
            cells.append("-")
        elif not row.repeats:
            cells.append(row.status)
        elif medians:
            cells.append(f"{microseconds(row.minimum)} / {microseconds(row.median)}")
        else:
            cells.append(microseconds(row.minimum))
    return cells


def _x(one: JobResult) -> str:
    return "" if one.x is None else f"{one.x:g}"


_START_COLUMNS = [
    ("", "<"), ("import", ">"), ("first epoch", ">"), ("peak memory, MiB", ">"),
    ("installed, MiB", ">"),
]  # fmt: skip


def _start_rows(results: Results) -> list[tuple[str, ...]]:
    return [
        (
            one.label,
            duration(one.import_seconds),
            duration(one.total_seconds),
            f"{one.peak_mib:.0f}",
            significant(one.installed_mib),
        )
        for one in sorted(results.starts, key=lambda one: one.total_seconds)
    ]
