"""What is wrong with a network, and with the data that it is to learn from."""

from dataclasses import dataclass

import numpy as np

from ..inputs.checks import any_size
from ..parts.losses import Loss
from ..text import aligned
from .columns import Columns
from .constants import best_constant, is_no_better
from .units import Layer, look

MANY = 0.2  # of the units of a layer
FLAT = 1e-3  # of the deviation of the targets: outputs that differ less are the same
RATIO = 1e3  # between deltas of the first and the last layer


@dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Attributes
    ----------
    kind : str
        'inputs', 'targets', 'unreachable', 'dead', 'saturated', 'vanishing', 'exploding', 'step',
        'constant_outputs', 'loss' or
        'not_finite'.
    text : str
        What, and what to do.
    """

    kind: str
    text: str


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """What `Network.diagnose` has found; printed, a table and the findings.

    Attributes
    ----------
    n_samples : int
    loss : float
        As `Network.loss` has it.
    constant_loss : float or None
        Loss of the best prediction that is the same for every sample; None where no formula is
        known (softmax outputs with a loss of their own).
    constant : ndarray of float64, shape (n_out,), or None
        That prediction, in the units of the network.
    layers : tuple of Layer
        Dead and saturated units, norms of gradient and parameters, size of dC/dz.
    inputs, targets : Columns
        Mean, deviation and largest magnitude per column, in the units of the network.
    outputs : tuple of two ndarray, shape (n_out,)
        Smallest and largest value of every output, in the units of the network.
    unreachable : float
        Share of the targets that the output activation cannot give.
    findings : tuple of Finding
        What is wrong, causes first; empty where nothing is.
    """

    n_samples: int
    loss: float
    constant_loss: float | None
    constant: np.ndarray | None
    layers: tuple[Layer, ...]
    inputs: Columns
    targets: Columns
    outputs: tuple[np.ndarray, np.ndarray]
    unreachable: float
    findings: tuple[Finding, ...] = ()

    def __repr__(self) -> str:
        samples = f"{self.n_samples} sample" + ("" if self.n_samples == 1 else "s")
        head = f"Diagnosis: {samples}, loss {self.loss:.6g}"
        if self.constant_loss is not None:
            head += f", of the best constant prediction {self.constant_loss:.6g}"
        rows: list[tuple] = [
            ("layer", "units", "activation", "dead", "saturated", "|gradient|", "|parameters|",
             "dC/dz")
        ]  # fmt: skip
        for layer in self.layers:
            rows.append(
                (
                    layer.number, layer.n_out, layer.activation, len(layer.dead),
                    len(layer.saturated), f"{layer.gradient:.3g}", f"{layer.parameters:.3g}",
                    f"{layer.delta:.3g}",
                )
            )  # fmt: skip
        found = [f"- {each.text}" for each in self.findings] or ["nothing is conspicuous"]
        return "\n".join([head, *aligned(rows, ">><>>>>>"), *found])


@any_size
def diagnose(net, X, Y, weights) -> Diagnosis:
    """Of rows that have passed the door; see `Network.diagnose`."""
    looked = look(net, X, Y)
    loss = looked.loss if weights is None else net._loss_gradient(net._theta, X, Y, None, weights)
    best = best_constant(net, Y, weights)
    constant_loss, constant = best or (None, None)
    found = Diagnosis(
        len(X), loss, constant_loss, constant, looked.layers, Columns.of(X), Columns.of(Y),
        looked.outputs, _unreachable(net, Y),
    )  # fmt: skip
    object.__setattr__(found, "findings", tuple(_findings(net, found)))
    return found


def _unreachable(net, Y):
    if not _is_distance(net):
        return 0.0
    low, high = net.layers[-1].activation.range
    return float(np.mean((low > Y) | (high < Y)))


def _is_distance(net):
    return isinstance(net._loss, Loss) and net._loss.row.is_distance


def _findings(net, found):
    yield from _of_data(net, found)
    if not np.isfinite(net._theta).all():
        yield Finding(
            "not_finite",
            "parameters are nan or infinite; assign finite W and b, or make a new network",
        )
        return
    for layer in found.layers:
        yield from _of_units(layer)
    yield from _of_gradients(net, found)
    if net.layers[-1].heads is None:  # else targets are not outputs one by one
        yield from _of_outputs(found)


def _of_data(net, found):
    text = columns_text(found.inputs, "input", net)
    if text:
        yield Finding("inputs", text)
    if _is_distance(net) and len(found.targets.off) and found.targets.deviation.any():
        yield Finding("targets", columns_text(found.targets, "target", net))
    if found.unreachable:
        output = net.layers[-1].activation
        low, high = output.range
        yield Finding(
            "unreachable",
            f"{_percent(found.unreachable)} of the targets lie outside of {low:g} to {high:g}, "
            f"which is all that output={str(output)!r} gives; use output='identity', or rescale Y",
        )


def columns_text(columns, what, net):
    """What to do about columns that are far from mean 0 and deviation 1; '' for none."""
    if not len(columns.off):
        return ""
    worst, n = columns.worst(), len(columns.mean)
    some = _some(len(columns.off), n, what)
    which = f"number {worst} " if n > 1 else "it "
    call = "X" if what == "input" else "X, Y"
    if net.scaling is not None and (what == "input" or net.scaling.y_mean is not None):
        advice = f"net.scaling was taken from other data: Scaling.standardize({call}) of these"
    else:
        advice = f"standardise: net.scaling = deltaloop.Scaling.standardize({call})"
    return (
        f"{some} far from mean 0 and deviation 1 ({which}has mean {columns.mean[worst]:.4g} and "
        f"deviation {columns.deviation[worst]:.3g}); {advice}"
    )


def _of_units(layer):
    n = layer.n_out
    if len(layer.dead) > MANY * n:
        yield Finding(
            "dead",
            f"{len(layer.dead)} of {n} units of layer {layer.number} give 0 for every sample and "
            "learn no more; lower learning_rate, use init='he_normal', or 'leaky_relu'",
        )
    if len(layer.saturated) > MANY * n:
        yield Finding(
            "saturated",
            f"{len(layer.saturated)} of {n} units of layer {layer.number} are saturated: their "
            "slope is nearly 0 for almost every sample; standardise inputs, start from smaller "
            "weights, or lower learning_rate",
        )


def _of_gradients(net, found):
    first, last = found.layers[0], found.layers[-1]
    if len(found.layers) > 2 and first.delta * last.delta > 0:
        ratio = first.delta / last.delta
        if ratio < 1 / RATIO:
            yield Finding(
                "vanishing",
                f"dC/dz vanishes on its way to the inputs: in layer 1 it is {ratio:.1g} times that "
                "of the outputs; use 'relu' or 'tanh' with init='he_normal' or 'glorot_uniform', "
                "or fewer layers",
            )
        if ratio > RATIO:
            yield Finding(
                "exploding",
                f"dC/dz explodes on its way to the inputs: in layer 1 it is {ratio:.1g} times that "
                "of the outputs; start from smaller weights",
            )
    rate = net.optimizer.learning_rate if type(net.optimizer).__name__ == "SGD" else 0.0
    for layer in found.layers:
        if rate * layer.gradient > layer.parameters > 0:
            times = rate * layer.gradient / layer.parameters
            yield Finding(
                "step",
                f"one step of net.optimizer moves layer {layer.number} by {times:.2g} times its "
                "own length; standardise inputs and targets, or lower learning_rate",
            )


def _of_outputs(found):
    low, high = found.outputs
    varies = found.targets.deviation > 0
    same = np.flatnonzero(varies & (high - low <= FLAT * found.targets.deviation))
    if len(same):
        n = len(low)
        some = _some(len(same), n, "output")
        which = f", number {same[0]} always {low[same[0]]:.4g}" if n > 1 else f", {low[0]:.4g}"
        yield Finding("constant_outputs", f"{some} the same for every sample{which}")
    known = found.constant_loss is not None and found.targets.deviation.any()
    if known and is_no_better(found.loss, found.constant_loss):
        yield Finding(
            "loss",
            f"the loss {found.loss:.4g} is no better than that of a constant prediction, "
            f"{found.constant_loss:.4g}: nothing has been learned from the inputs yet",
        )


def _some(k, n, what):
    """'2 of 5 inputs are', or 'the input is'."""
    return f"{k} of {n} {what}s {'is' if k == 1 else 'are'}" if n > 1 else f"the {what} is"


def _percent(share):
    return f"{100 * share:.2g} %"
