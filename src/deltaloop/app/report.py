"""The report of a training run and the description of a saved network, as rows of text."""

import platform
from statistics import median

import numpy as np

from .. import kernels
from ..console.figures import duration, sign, significant
from ..network import Network
from ..tables import FeatureEncoding
from ..tables.cells import shortened
from ..training.history import History
from ..version import __version__
from .modelling import Comparison, Scores

Rows = list[tuple[str, str]]

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


def training_rows(
    net: Network,
    history: History,
    n_epochs: int,
    n_samples: int,
    batch_size: int,
    train: Scores,
    test: Scores | None,
) -> Rows:
    """What was trained, for how long, and how well it does."""
    rows = [
        ("layers", layers_text(net)),
        ("parameters", f"{net.n_parameters:,}"),
        ("epochs", _epochs(history, n_epochs)),
        *_scores("train", train, net),
        *(_scores("test", test, net) if test else [("test", "no test part")]),
        *_watched(history),
    ]
    if history.seconds:
        epoch = max(median(history.seconds), 1e-9)
        n_steps = -(-n_samples // batch_size)
        rows += [
            ("samples per second", f"{float(significant(n_samples / epoch)):,.0f}"),
            (
                "microseconds per step",
                f"{significant(1e6 * epoch / n_steps)} (batch size {batch_size})",
            ),
        ]
    return [*rows, ("backend", backend_text(net.backend_name))]


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


def _watched(history):
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


def _scores(part, scores, net):
    """Loss and accuracy, or RMSE and R², of one part of the data."""
    scaled = net.scaling is not None and net.scaling.y_mean is not None
    note = " of standardised targets" if scaled else ""
    rows = [(f"{part} loss", f"{significant(scores.loss, 4)} ({net._loss}{note})")]
    if scores.accuracy is not None:
        rows.append((f"{part} accuracy", f"{100 * scores.accuracy:.2f} %"))
    if scores.rmse is not None:
        rows.append((f"{part} RMSE", significant(scores.rmse, 4)))
        rows.append((f"{part} R{sign('²', '2')}", _r2(scores.r2)))
    return rows


def _r2(value):
    """R² as text; far below 0 its order of magnitude says it all."""
    if value is None:
        return "undefined, these targets are all the same"
    return f"{value:.4f}" if value > -100 else f"{value:.3g}"


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
    ]
    metadata = net.metadata if isinstance(net.metadata, dict) else {}
    if "task" in metadata:
        rows.append(("task", str(metadata["task"])))
    if "encoding" in metadata:
        names = FeatureEncoding.from_dict(metadata["encoding"]).feature_names
        rows.append(("inputs", shortened(names)))
    if metadata.get("target") is not None:
        rows.append(("target", repr(metadata["target"])))
    if net.classes is not None:
        rows.append(("classes", shortened(net.classes)))
    return [*rows, ("scaling", _scaling(net))]


def _scaling(net):
    """What is standardised."""
    if net.scaling is None:
        return "none"
    if net.scaling.y_mean is None:
        return "inputs standardised"
    return "inputs and targets standardised"
