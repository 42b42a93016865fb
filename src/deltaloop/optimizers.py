"""Optimisers: the rule that turns a gradient g = dC/dw into a step of w."""

from dataclasses import dataclass

from .checks import number, switch
from .errors import InvalidInputError
from .kernels.interface import RULES, Rule


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
        for name, value in (
            ("learning_rate", number("learning_rate", self.learning_rate, low=0.0)),
            ("momentum", number("momentum", self.momentum, low=0.0, below=1.0)),
            ("nesterov", switch("nesterov", self.nesterov)),
        ):
            object.__setattr__(self, name, value)
        if self.nesterov and self.momentum == 0:
            raise InvalidInputError("nesterov=True needs a momentum in (0, 1), got momentum=0")

    def rule(self) -> Rule:
        """What the kernels are told."""
        name = "nesterov" if self.nesterov else "momentum" if self.momentum else "sgd"
        return Rule(
            RULES.index(name), (self.learning_rate, self.momentum), 0 if name == "sgd" else 1
        )


OPTIMIZERS = {"sgd": SGD}
