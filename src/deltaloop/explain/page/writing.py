"""One HTML file from a network and a sample: numbers, styles and scripts, and nothing else."""

import html
import json
import math
import re
from importlib import resources

import numpy as np

from ...errors import InvalidInputError
from ...inputs.checks import all_finite, number
from ...interop.whole_file import whole_file
from ...kernels.functions import ACTIVATIONS, LOSSES
from ...kernels.sparse_rows import SparseRows
from ...parts.custom import refuse_custom
from ..chain_rule import notes
from ..kinds import kinds_of
from ..passes import one_sample
from . import javascript

MOST_UNITS, MOST_WEIGHTS = 16, 400  # what a page has room for
_SCRIPTS = ("page.js", "picture.js", "words.js", "controls.js")  # in this order
_TITLE = "Backpropagation, step by step"


def write(net, path, x, y, learning_rate, title) -> None:
    """See `Network.explain_page`."""
    with_numbers = page(net, x, y, learning_rate, title)
    with whole_file(path, "w") as file:
        file.write(with_numbers)


def page(net, x, y, learning_rate=None, title=None) -> str:
    """The text of the file."""
    refuse_custom(net, "the page has no formula for it", "explain and trace show its numbers")
    n_weights = sum(W.size for W in net.W)
    if max(net.sizes) > MOST_UNITS or n_weights > MOST_WEIGHTS:
        raise InvalidInputError(
            f"the page has room for {MOST_UNITS} units side by side and {MOST_WEIGHTS} weights, "
            f"the network has up to {max(net.sizes)} and {n_weights}; explain and trace show "
            "those of any size"
        )
    if learning_rate is None:
        learning_rate = net.learning_rate if math.isfinite(net.learning_rate) else 0.1
    learning_rate = number("learning_rate", learning_rate, 0.0)
    X, Y = one_sample(net, x, y)
    data = net._turns.read(_data, net, X, Y) | {"learning_rate": learning_rate}
    title = html.escape(_TITLE if title is None else str(title))
    parts = {
        "/*TITLE*/": title, "/*CSS*/": _file("page.css"), "/*ARITHMETIC*/": arithmetic(),
        "/*DATA*/": as_script(data), "/*PAGE*/": "\n".join(map(_file, _SCRIPTS)),
    }  # fmt: skip
    # in one pass: a title or a name that looks like a mark stays what it is
    return re.sub(r"/\*[A-Z]+\*/", lambda mark: parts[mark[0]], _file("page.html"))


def arithmetic() -> str:
    """The JavaScript that computes: `compute(model, x, y, rate)` gives all numbers of a step."""
    rows = f"{javascript.activations()}\n\n{javascript.losses()}"
    return _file("arithmetic.js").replace("//FUNCTIONS//", rows)


def as_script(data) -> str:
    """JSON that may stand in a script of HTML."""
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")


def _file(name):
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def model_of(net) -> dict:
    """Layers, parameters and loss as plain lists."""
    layers = [
        {
            "activation": layer.activation.name,
            "alpha": layer.activation.alpha or 0.0,
            "sources": [k, *layer.shortcuts],  # layers of units that enter, 0 for the inputs
            "W": W.astype(float).tolist(),
            "b": None if b is None else b.astype(float).tolist(),
            # a layer that is frozen has no rate
            "rate_of_W": layer.rate_of_W * layer.trainable,
            "rate_of_b": layer.rate_of_b * layer.trainable,
            "mask": None if layer.mask is None else layer.mask.tolist(),
        }
        for k, (layer, W, b) in enumerate(zip(net.layers, net.W, net.b, strict=True))
    ]
    if net.layers[-1].heads is not None:
        return {"layers": layers, "loss": str(net._loss), "heads": _heads(net)}
    loss = {"loss": net.loss_name, "p": float(net.plan.loss_parameter)}
    return {"layers": layers, **loss, "heads": None}


def _heads(net):
    """Outputs of several kinds, with the columns of their units and targets."""
    return [
        {
            "name": name,
            "activation": "mean_and_variance" if kind.is_gaussian else kind.activation.name,
            "alpha": 0.0 if kind.is_gaussian else kind.activation.alpha or 0.0,
            "loss": kind.loss_name,
            "p": kind.loss_parameter,
            "weight": kind.weight,
            "first": kind.units.start,
            "n": kind.units.stop - kind.units.start,
            "first_target": kind.targets.start,
            "n_targets": kind.targets.stop - kind.targets.start,
        }
        for (name, _), kind in zip(net.layers[-1].heads, kinds_of(net), strict=True)
    ]


def _suitable(loss, n):
    """Activations of n outputs that a loss takes."""
    row = LOSSES.get(loss)
    return [
        one.name for one in ACTIVATIONS.values()
        if row is not None
        and (not row.outputs or one.name in row.outputs)
        and (one.is_positive or not row.needs_positive)
        and (one.name != "softmax" or n > 1)
    ]  # fmt: skip


def _data(net, X, Y):
    if not all_finite(net._theta):
        raise InvalidInputError("parameters are nan or infinite; assign finite W and b first")
    X = X.dense() if isinstance(X, SparseRows) else X
    hidden = [row.name for row in ACTIVATIONS.values() if row.f is not None]
    return {
        "model": model_of(net),
        "x": X[0].astype(float).tolist(),
        "y": Y[0].astype(float).tolist(),
        "hidden": hidden,
        "outputs": [
            _suitable(kind.loss_name, kind.units.stop - kind.units.start) for kind in kinds_of(net)
        ],
        "alphas": {row.name: row.alpha.default for row in ACTIVATIONS.values() if row.alpha},
        "chosen": _chosen(net),
        "notes": [f"{note}." for note in notes(net)],
    }


def _chosen(net):
    """The weight whose chain rule is shown first: w^2_22, or one that a mask leaves."""
    k = min(1, len(net.layers) - 1)
    j, i = min(1, net.sizes[k + 1] - 1), min(1, net.W[k].shape[1] - 1)
    mask = net.layers[k].mask
    if mask is not None and not mask[j, i]:
        j, i = np.argwhere(mask)[-1].tolist() if mask.any() else (j, i)
    return {"k": k, "j": j, "i": i}
