"""Results as pictures: bars per job and curves, on logarithmic axes. Needs matplotlib."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import InvalidInputError, missing
from ..interop.whole_file import whole_file
from .report import floor_text, microseconds
from .results import JobResult, Results, Row, curves

_OURS = "#c8102e"
_COLORS = {  # by the beginning of a peer's name; the first that fits
    "deltaloop-": "#e9a0aa",
    "deltaloop": _OURS,
    "numba": "#4c9f70",
    "jax": "#7d5ba6",
    "pytorch": "#e08b3e",
    "scikit": "#3f88c5",
    "onnx": "#66788a",
    "numpy": "#b3a369",
}
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
_GRID = {"color": "#d9d9d9", "linewidth": 0.6, "zorder": 0}
_COLUMNS = 3


def save(results: Results, path: str | os.PathLike[str]) -> None:
    """Write one picture, whole or not at all: a panel of bars per job, and one per scaling curve.

    The ending of the name decides the format (.png, .svg, .pdf).

    Raises
    ------
    MissingDependencyError
        matplotlib is not installed.
    InvalidInputError
        Nothing was timed, or a format that matplotlib does not know.
    """
    figure = draw(results)
    ending = Path(path).suffix.lower().removeprefix(".") or "png"
    try:
        with whole_file(path) as file:
            figure.savefig(file, format=ending, dpi=110)
    except ValueError as error:
        raise InvalidInputError(f"--plot {os.fspath(path)!r}: {error}") from None


def draw(results: Results) -> Any:
    """The picture as a matplotlib figure that belongs to no window."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise missing("matplotlib", "plot", "drawing the results") from None
    bars = [one for one in results.jobs if one.curve is None and one.timed]
    lines = {
        name: points
        for name, points in curves(results.jobs).items()
        if any(one.timed for one in points)
    }
    n_panels = len(bars) + len(lines)
    if not n_panels:
        raise InvalidInputError("nothing was timed, so there is nothing to draw")
    n_columns = min(_COLUMNS, n_panels)
    n_rows = -(-n_panels // n_columns)
    most = max([len(one.timed) for one in bars] or [8])
    height = max(0.24 * most + 1.0, 3.6 if lines else 0)
    figure = Figure(figsize=(5.6 * n_columns, height * n_rows + 0.6), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for panel, one in zip(panels, bars, strict=False):
        _bars(panel, one)
    for panel, (name, points) in zip(panels[len(bars) :], lines.items(), strict=False):
        _lines(panel, name, points)
    for panel in panels[n_panels:]:
        panel.set_axis_off()
    figure.suptitle(
        f"deltaloop {results.version} and its peers: µs, minimum, one core; dashed: the floor\n"
        f"{results.machine.processor}, {results.machine.instruction_set}",
        fontsize=11,
    )
    return figure


def _bars(panel: Any, one: JobResult) -> None:
    """Who takes how long, fastest on top; the dashed line is the floor."""
    rows = one.timed
    values = [1e6 * row.minimum for row in rows]
    panel.set_axisbelow(True)
    panel.barh(range(len(rows)), values, color=[_color(row) for row in rows], height=0.72)
    panel.set_xscale("log")
    shown = floor_text(one) != "latency"
    low = min([*values, *([1e6 * one.floor] if shown else [])]) / 2
    panel.set_xlim(low, max(values) * 5)  # room for the numbers
    for k, row in enumerate(rows):
        weight = "bold" if row.is_ours else "normal"
        panel.text(values[k] * 1.08, k, microseconds(row.minimum), va="center", fontsize=8,
                   fontweight=weight)  # fmt: skip
    panel.set_yticks(range(len(rows)), [row.label for row in rows], fontsize=8)
    for label, row in zip(panel.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if row.peer == "deltaloop" else "normal")
    panel.invert_yaxis()
    if shown:
        panel.axvline(1e6 * one.floor, color="black", linestyle="--", linewidth=1)
    ratio = "" if one.ratio is None else f"   {one.ratio:.2f} of the fastest peer"
    panel.set_title(f"{one.job.name}{ratio}", fontsize=9, loc="left",
                    color=_OURS if one.verdict == "slower" else "black")  # fmt: skip
    panel.tick_params(axis="x", labelsize=8)
    panel.grid(axis="x", which="major", **_GRID)
    _bare(panel)


def _lines(panel: Any, name: str, points: list[JobResult]) -> None:
    """One line per peer over the axis of the curve; the dashed line is the floor."""
    found: dict[str, list[tuple[float, Row]]] = {}
    for one in points:
        for row in one.rows:
            if row.repeats and one.x is not None:
                found.setdefault(row.label, []).append((one.x, row))
    for k, (label, pairs) in enumerate(found.items()):
        is_ours = pairs[0][1].peer == "deltaloop"
        panel.plot(
            [x for x, _ in pairs], [1e6 * row.minimum for _, row in pairs], label=label,
            color=_color(pairs[0][1]), marker=_MARKERS[k % len(_MARKERS)], markersize=4,
            linewidth=2.6 if is_ours else 1.2, zorder=3 if is_ours else 2,
        )  # fmt: skip
    panel.plot([one.x for one in points], [1e6 * one.floor for one in points], "k--", linewidth=1,
               label="floor", zorder=1)  # fmt: skip
    panel.set_yscale("log")
    if name not in ("depth", "threads"):
        panel.set_xscale("log")
    panel.set_xlabel({"density": "inputs that are not zero, %"}.get(name, name), fontsize=8)
    panel.set_ylabel("µs per step", fontsize=8)
    panel.set_title(f"{name}: {points[0].job.name} ...", fontsize=9, loc="left")
    panel.tick_params(labelsize=8)
    panel.grid(which="major", **_GRID)
    panel.legend(fontsize=7, frameon=False, ncols=2)
    _bare(panel)


def _color(row: Row) -> str:
    return next((c for begin, c in _COLORS.items() if row.peer.startswith(begin)), "#888888")


def _bare(panel: Any, sides: Sequence[str] = ("top", "right")) -> None:
    for side in sides:
        panel.spines[side].set_visible(False)
