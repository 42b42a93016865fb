"""Last layers whose units belong to several heads: the heads, and the targets of all of them."""

from itertools import pairwise

import numpy as np

import cases
import deltaloop as dl
from deltaloop.kernels import functions

GAUSSIAN = "gaussian_nll"
WIDTHS = (1, 1, 2, 3, 4, 5, 8, 17)
WEIGHTS = (1.0, 1.0, 0.5, 2.0, 0.0)
# a logarithm of outputs that leave (0, 1) would ask for a last layer of its own: see cases.case
PAIRS = [
    (activation, loss)
    for activation, loss in cases.PAIRS
    if loss not in cases.LIMITED
    or activation in ("sigmoid", "softmax")
    or (activation, loss) in cases.CANONICAL
]


def drawn_heads(draw) -> dict:
    """One to three heads by their names, any of them with means and variances."""
    return {f"h{number}": _head(draw) for number in range(draw.choice((1, 2, 2, 3)))}


def _head(draw):
    n_out, weight = draw.choice(WIDTHS), draw.choice(WEIGHTS)
    if draw.chance(0.3):
        return dl.Head(n_out, loss=GAUSSIAN, weight=weight)
    activation, loss = draw.choice(PAIRS)
    loss = cases.loss_named(loss, activation)
    return dl.Head(n_out, activation, loss=loss, weight=weight)


def loss_of(head) -> str:
    """The name of its loss."""
    return GAUSSIAN if head.is_gaussian else head.loss.name


def row_of(loss: str):
    """The row of a loss; means and variances take the targets of mse."""
    return functions.LOSSES["mse" if loss == GAUSSIAN else loss]


def parts(Y: np.ndarray, heads) -> list:
    """(loss, its columns of Y) of every head; the last one also has columns too many."""
    ends = [0, *np.cumsum([head.n_out for head in heads])]
    ends[-1] = max(ends[-1], Y.shape[-1])
    return [
        (loss_of(head), Y[..., first:end])
        for head, (first, end) in zip(heads, pairwise(ends), strict=True)
    ]


def as_dict(Y: np.ndarray, names, heads) -> dict:
    """Targets as a dict: a vector where there is one."""
    columns = [part for _, part in parts(Y, heads)]
    return {
        name: part[:, 0] if part.shape[1] == 1 and number % 2 else part
        for number, (name, part) in enumerate(zip(names, columns, strict=True))
    }
