"""The kinds of outputs of a network: one, or one per head, each with its loss."""

from typing import Any, NamedTuple

import numpy as np

from ..kernels import load
from ..kernels.functions import ACTIVATIONS
from ..kernels.interface import CUSTOM, GAUSSIAN


class Kind(NamedTuple):
    """Outputs with a loss of their own.

    `units` and `targets` are their columns in the outputs and in Y, and `weight` is what their
    loss is multiplied by. `plan` has what the functions of the reference ask of a plan.
    """

    plan: Any
    units: slice
    targets: slice
    weight: float
    activation: Any
    loss: Any

    @property
    def record(self):
        """The layer as kernels see it, with the columns of these outputs alone."""
        return self.plan.layers[-1]

    @property
    def is_gaussian(self) -> bool:
        """Whether they are means and variances."""
        return self.plan.loss == GAUSSIAN

    @property
    def loss_parameter(self) -> float:
        """Of the loss; 0 where it has none."""
        return float(self.plan.loss_parameter)

    @property
    def loss_name(self) -> str:
        """Of built-in losses the name of the row."""
        return self.loss if isinstance(self.loss, str) else self.loss.name


def kinds_of(net) -> list[Kind]:
    """In the order of the outputs."""
    plan, last = net.plan, net.layers[-1]
    n = last.n_out
    if plan.heads is None:
        return [Kind(plan, slice(0, n), slice(0, n), 1.0, last.activation, net._loss)]
    reference = load("reference")
    return [
        Kind(
            reference.net_of_head(record), reference.columns_of_head(record),
            reference.columns_of_head(record, "first_target", record["n_targets"]),
            float(record["weight"]), head.activation, head.loss,
        )
        for record, (_, head) in zip(plan.heads, last.heads, strict=True)
    ]  # fmt: skip


def has_slope(record) -> bool:
    """Whether a unit of this layer depends on its own z alone."""
    code = record["activation"]
    return code == CUSTOM or list(ACTIVATIONS.values())[code].slope is not None


def slope_of(record, z, a) -> np.ndarray | None:
    """f'(z), or None where every unit depends on every z."""
    return load("reference").activation_slope(record, z, a) if has_slope(record) else None


def slope_of_outputs(kinds, z, a) -> np.ndarray | None:
    """The same of the outputs; nan where only some have none."""
    if len(kinds) == 1 and not kinds[0].is_gaussian:
        return slope_of(kinds[0].record, z, a)
    found = np.full_like(z, np.nan)
    for kind in kinds:
        own_z, own_a = z[:, kind.units], a[:, kind.units]
        if kind.is_gaussian:  # m = z and v = exp(z)
            half = own_z.shape[1] // 2
            found[:, kind.units] = np.hstack([np.ones_like(own_z[:, :half]), own_a[:, half:]])
            continue
        slope = slope_of(kind.record, own_z, own_a)
        if slope is not None:
            found[:, kind.units] = slope
    return found


def slope_of_loss(kinds, a, Y) -> np.ndarray:
    """dC/da of the outputs, for the loss C of each single sample."""
    dC_da = np.empty_like(a)
    for kind in kinds:
        own = _slope(kind, a[:, kind.units], Y[:, kind.targets])
        dC_da[:, kind.units] = a.dtype.type(kind.weight) * own
    return dC_da


def _slope(kind, a, Y):
    """Of outputs of one kind, without their weight."""
    if kind.is_gaussian:  # 1/2 (log v + (y - m)^2 / v)
        m, v = np.hsplit(a, 2)
        return np.hstack([(m - Y) / v, (1 - np.square(m - Y) / v) / (2 * v)])
    return load("reference").loss_slope(kind.plan, a, Y)[1]


def jacobian_of_outputs(record, a) -> np.ndarray:
    """da_k/dz_j of one sample of softmax or log_softmax, at [k, j]; a has shape (n_out,)."""
    name = list(ACTIVATIONS)[record["activation"]]
    one = np.eye(len(a), dtype=a.dtype)
    # softmax: a_k ([j = k] - a_j); log_softmax: [j = k] - exp(a_j)
    return a[:, None] * (one - a) if name == "softmax" else one - np.exp(a)
