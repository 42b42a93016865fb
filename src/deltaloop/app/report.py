"""The report of a training run and the description of a saved network, as rows of text."""

import platform
from collections.abc import Sequence
from statistics import median

import numpy as np

from .. import kernels
from ..console.figures import duration, sign, significant
from ..console.sparkline import sparkline
from ..network import Network
from ..tables.cells import shortened
from ..tabular import Preparation
from ..tabular.preparation import of_metadata
from ..tabular.scores import Score, of_dict, with_constant
from ..tabular.targets import class_name
from ..text import cut
from ..training.history import History
from ..version import __version__
from .intervals import half_widths
from .modelling import Comparison

Rows = list[tuple[str, str]]

_MOST_COLUMNS = 50

_STOPPED = {
    "interrupted": "stopped by Ctrl-C",
    "tol": "the loss stopped falling",
    "patience": "the loss stopped falling",
    "target_loss": "the target loss was reached",
    "max_seconds": "the time was over",
    "gradient": "the gradient is next to 0",
    "mu": "no step lowers the loss",
    "no_progress": "no step lowers the loss",
}


def model_rows(net: Network, history: History, n_epochs: int) -> Rows:
    """What was trained, and for how long."""
    return [
        ("layers", layers_text(net)),
        ("parameters", f"{net.n_parameters:,}"),
        ("epochs", _epochs(history, n_epochs)),
        *curve_rows(history),
    ]


def recipe_rows(net: Network, notes: Sequence[str], history: History | None) -> Rows:
    """What was trained by the recipe, and for how long."""
    rows = [("trained", note) for note in notes]
    rows.append(("parameters", f"{net.n_parameters:,}"))
    return rows if history is None else [*rows, *curve_rows(history)]


def speed_rows(net: Network, history: History, n_samples: int, batch_size: int) -> Rows:
    """What a step costs, and what computed it."""
    rows = []
    if history.seconds:
        epoch = max(median(history.seconds), 1e-9)
        n_steps = -(-n_samples // batch_size)
        rows = [
            ("samples per second", f"{float(significant(n_samples / epoch)):,.0f}"),
            (
                "microseconds per step",
                f"{significant(1e6 * epoch / n_steps)} (batch size {batch_size})",
            ),
        ]
    return [*rows, ("backend", backend_text(net.backend_name))]


def notes_of(preparation: Preparation) -> dict[str, str]:
    """What was done with each column, by its name."""
    names = sorted([*preparation.names, *preparation.dropped], key=len, reverse=True)
    found = {}
    for note in preparation.notes:  # "name: what was done"
        name = next((name for name in names if note.startswith(f"{name}: ")), None)
        if name is not None:
            found[name] = note[len(name) + 2 :]
    return found


def column_lines(preparation: Preparation) -> list[str]:
    """What was done to which column; columns of one fate on one line."""
    fates: dict[str, list[str]] = {}
    for name, note in notes_of(preparation).items():
        fates.setdefault(note, []).append(name)
    return [f"columns: {shortened(names)}: {note}" for note, names in fates.items()]


def curve_rows(history: History) -> Rows:
    """The losses over the epochs, each as a line of blocks where the output can show them."""
    rows = []
    for label, values in (
        ("learning curve", history.loss),
        ("validation curve", history.validation_loss),
    ):
        if len(values) > 1:
            line = sparkline(values)
            ends = f"{significant(values[0])} to {significant(values[-1])}"
            rows.append((label, f"{line} {ends}" if sign(line, "") else ends))
    return rows


def loss_row(part: str, loss: float, net: Network) -> tuple[str, str]:
    """The loss that was trained on, of one part of the rows."""
    scaled = net.scaling is not None and net.scaling.y_mean is not None
    note = " of standardised targets" if scaled else ""
    return f"{part} loss", f"{significant(loss, 4)} ({net._loss}{note})"


def score_rows(part: str, scores: Sequence[Score]) -> Rows:
    """Scores of one part of the rows, the constant answer beside each of them."""
    return [(f"{part} {_label(score)}", with_constant(score)) for score in scores]


def _label(score):
    name, of, target = score.name.partition(" of ")
    squared = sign("²", "2")
    return f"{name.replace('R2', f'R{squared}', 1)}{of}{cut(target)}"


def comparison_rows(net: Network, comparison: Comparison) -> Rows:
    """The same epoch with the network's backend and with the reference."""
    part = "one epoch"
    if comparison.fraction < 1:
        part = f"{100 * comparison.fraction:.2g} % of an epoch"
    ratio = comparison.reference_seconds / comparison.seconds
    return [
        (f"{part}, {net.backend_name}", duration(comparison.seconds)),
        (
            f"{part}, reference",
            f"{duration(comparison.reference_seconds)}, ratio {significant(ratio)}",
        ),
    ]


def layers_text(net: Network) -> str:
    """Widths and activations on one line."""
    units = (
        f"{layer.n_out} {layer.activation}{'' if layer.bias else ' without bias'}"
        for layer in net.layers
    )
    n_in = net.sizes[0]
    return " - ".join([f"{n_in} input{'s' if n_in > 1 else ''}", *units])


def _epochs(history, asked):
    """How many epochs were run, and why no more."""
    if history.stop_reason == "epochs":
        return f"{len(history):,}"
    reason = _STOPPED.get(history.stop_reason, history.stop_reason)
    return f"{len(history):,} of {asked:,} ({reason})"


def watched_rows(history: History) -> Rows:
    """What was watched, after the best epoch."""
    if not history.best_epoch or not (history.validation_loss or history.metrics):
        return []
    best, part = history.best_epoch, "validation" if history.validation_loss else "train"
    columns = {"loss": history.validation_loss} if history.validation_loss else {}
    found = (
        f"{name.replace('_', ' ')} {significant(values[best - 1], 4)}"
        for name, values in (columns | history.metrics).items()
    )
    return [(f"{part}, epoch {best}", ", ".join(found))]


def backend_text(name: str) -> str:
    """What computes, as the backend called `name` puts it."""
    described = kernels.load(name).describe()
    return described if name in described.casefold() else f"{described} ({name})"


def installation_rows() -> Rows:
    """Versions, and every backend with the instruction sets that were found."""
    rows = [
        ("deltaloop", __version__),
        ("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        ("NumPy", np.__version__),
    ]
    for name in kernels.available():
        try:
            rows.append((f"backend {name}", backend_text(name)))
        except ImportError as error:
            rows.append((f"backend {name}", f"not usable: {error}"))
        else:
            rows += _instruction_sets(kernels.load(name))
    return rows


def _instruction_sets(backend):
    """The levels that a compiled backend can use here, and the one in use."""
    if not hasattr(backend, "levels"):
        return []
    return [
        ("instruction sets found", ", ".join(map(backend.level_name, backend.levels()))),
        ("instruction set used", backend.level_name(backend.level)),
    ]


def network_rows(net: Network, version: int) -> Rows:
    """What travels with a saved network."""
    rows = [
        ("format version", str(version)),
        ("layers", layers_text(net)),
        ("parameters", f"{net.n_parameters:,}"),
        ("loss", str(net._loss)),
        ("dtype", net.dtype.name),
        *([("reproducible", "the same bits on every processor")] if net.reproducible else []),
    ]
    metadata = net.metadata or {}
    if "task" in metadata:
        rows.append(("task", str(metadata["task"])))
    preparation = of_metadata(metadata)
    if preparation is not None:
        rows.append(("inputs", shortened(preparation.inputs)))
        rows += _column_rows(preparation)
    target, targets = metadata.get("target"), _targets(metadata)
    if isinstance(target, str):
        rows.append(("target", repr(target)))
    elif targets:
        rows.append(("targets", shortened(targets)))
    rows += [("log", "the network predicts log(1 + y)")] if metadata.get("logs") else []
    notes = metadata.get("notes")
    rows += [("training", str(note)) for note in notes] if isinstance(notes, list) else []
    rows += _kept_scores(metadata.get("scores"))
    rows += interval_rows(net)
    if net.classes is not None:
        rows.append(("classes", shortened(net.classes)))
    for name, values in zip(targets, _kinds(metadata), strict=False):  # no kinds: values all
        if values is not None:
            rows.append((f"classes of {name}", shortened(list(map(class_name, values)))))
    return [*rows, ("scaling", _scaling(net))]


def _targets(metadata):
    """Names of several targets; none where another program keeps something else there."""
    found = metadata.get("target")
    is_ours = isinstance(found, list) and all(isinstance(name, str) for name in found)
    return found if is_ours else []


def _kinds(metadata):
    """Of each of several targets its classes, or None for values; see `_targets`."""
    found = metadata.get("kinds")
    is_ours = isinstance(found, list) and len(found) == len(_targets(metadata))
    return found if is_ours and all(map(_is_kind, found)) else []


def _is_kind(found):
    return found is None or (
        isinstance(found, list) and all(isinstance(value, str | int | float) for value in found)
    )


def _kept_scores(found):
    """Scores on rows that were not trained on, as the file has them."""
    if not isinstance(found, dict):
        return []
    values = {name: value for name, value in found.items() if isinstance(value, float)}
    return score_rows("held-out", of_dict(values))


def _column_rows(preparation):
    """What becomes of each column, and which are no inputs."""
    notes = notes_of(preparation)
    rows = [(f"column {name!r}", note) for name, note in notes.items()]
    left = len(rows) - _MOST_COLUMNS
    return rows if left <= 0 else [*rows[:_MOST_COLUMNS], ("more columns", str(left))]


def interval_rows(net: Network) -> Rows:
    """How far predictions of values are off."""
    metadata = net.metadata or {}
    kinds = _kinds(metadata)
    widths = half_widths(metadata, kinds.count(None) if kinds else net.sizes[-1])
    if widths is None:
        return []
    found = metadata["interval"]
    off = ", ".join(f"{sign('±', '+-')}{significant(width)}" for width in widths)
    held = f"holds {100 * found['coverage']:.0f} % of true values"
    return [("interval", f"{off} around a prediction {held} (from {found['from']})")]


def _scaling(net):
    """What is standardised."""
    if net.scaling is None:
        return "none"
    if net.scaling.y_mean is None:
        return "inputs standardised"
    return "inputs and targets standardised"
