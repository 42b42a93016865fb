"""Optimisers: the rule that turns a gradient g = dC/dw into a step of w."""

import math
from dataclasses import dataclass

from .errors import InvalidInputError, InvalidTypeError
from .kernels.interface import RULES, Rule


def check_number(name: str, value, low: float, high: float = math.inf, remedy: str = "") -> float:
    """`value` as a finite float in [low, high)."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InvalidTypeError(f"{name} must be a number, got {value!r}") from None
    if not (low <= number < high):
        accepted = f">= {low:g}" if high == math.inf else f"in [{low:g}, {high:g})"
        raise InvalidInputError(f"{name} must be finite and {accepted}, got {value!r}{remedy}")
    return number


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent, with classical or Nesterov momentum.

    With g the mean gradient of the mini-batch, mu the momentum, eps the learning rate:

        plain      w := w - eps g
        momentum   v := mu v + g,  w := w - eps v
        nesterov   v := mu v + g,  w := w - eps (g + mu v)

    v starts at zero in every call of `fit`.

    Parameters
    ----------
    learning_rate : float, default 0.1
        eps >= 0.
    momentum : float, default 0
        mu, in [0, 1).
    nesterov : bool, default False
        Needs a momentum above 0.

    Raises
    ------
    InvalidInputError
        A value outside its range, or nesterov without momentum.

    References
    ----------
    Sutskever, Martens, Dahl & Hinton (2013), On the importance of initialization and momentum
    in deep learning; the velocity is kept in units of the gradient.

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.SGD(learning_rate=0.5, momentum=0.9)
    SGD(learning_rate=0.5, momentum=0.9, nesterov=False)
    """

    learning_rate: float = 0.1
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self):
        check_number("learning_rate", self.learning_rate, 0.0)
        check_number("momentum", self.momentum, 0.0, 1.0)
        if self.nesterov and self.momentum == 0:
            raise InvalidInputError("nesterov=True needs a momentum in (0, 1), got momentum=0")

    def rule(self) -> Rule:
        """What the kernels are told."""
        name = "nesterov" if self.nesterov else "momentum" if self.momentum else "sgd"
        hyper = (float(self.learning_rate), float(self.momentum))
        return Rule(RULES.index(name), hyper, 0 if name == "sgd" else 1)


OPTIMIZERS = {"sgd": SGD}
