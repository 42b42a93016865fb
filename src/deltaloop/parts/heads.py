"""Heads: outputs of several kinds, each with a loss of its own, on the units of one last layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError, shown
from ..inputs.calls import explained
from ..inputs.checks import number, whole_number
from ..kernels.interface import GAUSSIAN
from .activations import Activation, as_activation
from .losses import Loss, check_loss, loss_with

GAUSSIAN_NLL = "gaussian_nll"


class MeanVariance(NamedTuple):
    """What a head with the loss gaussian_nll gives: arrays of shape (n_samples, n_out)."""

    mean: np.ndarray
    variance: np.ndarray


@explained("write Head(2, 'softmax', loss='cross_entropy', weight=0.5)")
@dataclass(frozen=True)
class Head:
    """One kind of outputs of a network that has several, see `heads` of `Dense`.

    Parameters
    ----------
    n_out : int
        Outputs, >= 1.
    activation : str or Activation, optional
        Of these outputs; left out, the one that belongs to the loss.
    loss : str, Loss or CustomLoss, default 'mse'
        As that of a `Network`, for these outputs; or 'gaussian_nll', for n_out means m and as
        many variances v, which follow them in what `predict` gives:

            C = sum over j of 1/2 (log v_j + (y_j - m_j)^2 / v_j),  m = z, v = exp(z'),

        with z and z' of 2 n_out units. The constant 1/2 log(2 pi) is left out, as in PyTorch's
        GaussianNLLLoss, whose limit of v from below it does not need. Targets are n_out numbers.
        Source: Nix & Weigend (1994), Estimating the mean and variance of the target probability
        distribution.
    weight : float, default 1
        >= 0. The loss of the network is the sum over the heads of weight times loss.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        An unknown name, a value that is not accepted, or an activation beside gaussian_nll.

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.Head(3, loss="cross_entropy").activation.name
    'softmax'
    """

    n_out: int
    activation: Any = None
    loss: Any = "mse"
    weight: float = 1.0

    def __post_init__(self):
        object.__setattr__(self, "n_out", whole_number("n_out of a head", self.n_out))
        object.__setattr__(self, "weight", number("weight of a head", self.weight, 0.0))
        if self.is_gaussian:
            if self.activation is not None:
                raise InvalidInputError(
                    f"a head with the loss {GAUSSIAN_NLL} gives means and variances, which have "
                    "their activations: leave activation out"
                )
            object.__setattr__(self, "activation", Activation("identity"))
            return
        loss = check_loss(self.loss)
        partner = loss.row.partner if isinstance(loss, Loss) else "identity"
        activation = partner if self.activation is None else self.activation
        object.__setattr__(self, "loss", loss)
        object.__setattr__(self, "activation", as_activation(activation))

    @property
    def is_gaussian(self) -> bool:
        """Whether it has means and variances."""
        return isinstance(self.loss, str) and self.loss == GAUSSIAN_NLL

    @property
    def n_units(self) -> int:
        """Columns in what the network predicts."""
        return 2 * self.n_out if self.is_gaussian else self.n_out

    def as_network(self, dtype) -> SimpleNamespace:
        """What the door asks of a network, where it looks at targets."""
        loss = self.loss if isinstance(self.loss, str) else self.loss.name
        layer = SimpleNamespace(heads=None)
        return SimpleNamespace(
            sizes=(self.n_out,), layers=(layer,), loss_name=loss, dtype=dtype, scaling=None
        )

    def for_plan(self, dtype) -> tuple:
        """What Plan.build takes."""
        if self.is_gaussian:
            return self.n_out, "identity", 0.0, GAUSSIAN, 0.0, self.weight
        of_activation = self.activation.for_plan(dtype), self.activation.alpha or 0.0
        return self.n_out, *of_activation, *self.loss.for_plan(dtype), self.weight


@dataclass(frozen=True)
class LossOfHeads:
    """The loss of a network with heads: the sum of weight times loss of each of them."""

    heads: tuple
    name: str = "heads"
    parameter: float | None = None

    def for_plan(self, dtype) -> tuple[str, float]:
        """What Plan.build takes, and kernels do not use."""
        return "mse", 0.0

    def __str__(self):
        terms = (
            f"{'' if head.weight == 1 else f'{head.weight:g} '}{head.loss}({name})"
            for name, head in self.heads
        )
        return " + ".join(terms)


def checked_heads(heads) -> tuple[tuple[str, Head], ...]:
    """Names and heads from a mapping."""
    if not isinstance(heads, Mapping):
        raise InvalidTypeError(
            "heads must be a dict of names and Head, such as {'policy': Head(2, "
            f"loss='cross_entropy'), 'value': Head(1)}}, got {shown(heads)}"
        )
    for name, head in heads.items():
        if not isinstance(name, str) or not name:
            raise InvalidTypeError(f"names of heads must be texts, got {shown(name)}")
        if not isinstance(head, Head):
            raise InvalidTypeError(
                f"heads[{name!r}] must be a Head, got {shown(head)}; write Head(1, 'identity')"
            )
    if not heads:
        raise InvalidInputError("heads is empty; give at least one Head")
    return tuple(heads.items())


def loss_of_heads(heads, loss):
    """The loss of a network whose last layer has heads; `loss` is that of the network."""
    if loss != Loss("mse"):
        raise InvalidInputError(
            f"loss={str(loss)!r} was given, but every head has a loss of its own; leave loss out"
        )
    return LossOfHeads(heads)


def parted(outputs: np.ndarray, heads) -> dict[str, Any]:
    """The outputs of each head, as views: {name: array, or MeanVariance}."""
    found: dict[str, Any] = {}
    first = 0
    for name, head in heads:
        own = outputs[..., first : first + head.n_units]
        first += head.n_units
        n = head.n_out
        found[name] = MeanVariance(own[..., :n], own[..., n:]) if head.is_gaussian else own
    return found


def heads_in_file(heads) -> list[dict]:
    """Heads in plain types, for files."""
    return [
        {
            "name": name, "n_out": head.n_out, "activation": head.activation.name,
            "alpha": head.activation.alpha, "weight": head.weight,
            "loss": GAUSSIAN_NLL if head.is_gaussian else head.loss.name,
            "loss_parameter": None if head.is_gaussian else head.loss.parameter,
        }
        for name, head in heads
    ]  # fmt: skip


def heads_of_file(entries) -> dict[str, Head]:
    """What `heads_in_file` wrote."""
    found = {}
    for entry in entries:
        is_gaussian = entry["loss"] == GAUSSIAN_NLL
        found[entry["name"]] = Head(
            entry["n_out"],
            None if is_gaussian else Activation(entry["activation"], entry["alpha"]),
            GAUSSIAN_NLL if is_gaussian else loss_with(entry["loss"], entry["loss_parameter"]),
            entry["weight"],
        )
    return found
