"""Optimisers: the rule that turns a gradient g = dC/dw into a step of w."""

from dataclasses import dataclass, fields

from ..errors import InvalidInputError, InvalidTypeError, shown
from ..inputs.calls import explained
from ..inputs.checks import number, switch
from ..kernels.interface import Rule
from .whole_batch import LBFGS, SCG, LevenbergMarquardt

_FROM_0, _UP_TO_1 = {"low": 0.0}, {"low": 0.0, "below": 1.0}
_ACCEPTED = {
    "learning_rate": _FROM_0,
    **dict.fromkeys(("momentum", "beta1", "beta2", "rho"), _UP_TO_1),
    # the smallest normal number of float32: one that rounds to 0 would divide 0 by 0
    "epsilon": {"low": 2.0**-126},
}


def _check_settings(optimizer) -> None:
    """Make numbers of the settings of an optimiser, and refuse those out of range."""
    for field in fields(optimizer):
        value = getattr(optimizer, field.name)
        if field.name in _ACCEPTED:
            value = number(field.name, value, **_ACCEPTED[field.name])
        else:
            value = switch(field.name, value)
        object.__setattr__(optimizer, field.name, value)


@explained(
    "write SGD(learning_rate=0.1, momentum=0.9, nesterov=True)",
    lr="write SGD(learning_rate=0.1)",
)
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
        _check_settings(self)
        if self.nesterov and self.momentum == 0:
            raise InvalidInputError("nesterov=True needs a momentum in (0, 1), got momentum=0")

    def rule(self) -> Rule:
        """What the kernels are told."""
        name = "nesterov" if self.nesterov else "momentum" if self.momentum else "sgd"
        return Rule.of(name, self.learning_rate, self.momentum)


@explained(
    "write Adam(learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8)",
    lr="write Adam(learning_rate=0.001)",
)
@dataclass(frozen=True)
class Adam:
    """Gradient descent with a step size of its own for every parameter.

    With g the mean gradient of the mini-batch and t the number of the step, from 1:

        m := beta1 m + (1 - beta1) g          m_hat = m / (1 - beta1^t)
        v := beta2 v + (1 - beta2) g^2        v_hat = v / (1 - beta2^t)
        w := w - learning_rate m_hat / (sqrt(v_hat) + epsilon)

    epsilon is added after the bias correction, as in PyTorch and Optax. m, v and t start at
    zero in every call of `fit`.

    Parameters
    ----------
    learning_rate : float, default 0.001
        >= 0.
    beta1, beta2 : float, default 0.9 and 0.999
        In [0, 1).
    epsilon : float, default 1e-8
        >= 2^-126, the smallest normal number of float32.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        A value outside its range, or no number.

    References
    ----------
    Kingma & Ba (2015), Adam: a method for stochastic optimization, algorithm 1.

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.Adam(learning_rate=0.01)
    Adam(learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-08)
    """

    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self):
        _check_settings(self)

    def rule(self) -> Rule:
        """What the kernels are told."""
        return Rule.of("adam", self.learning_rate, self.beta1, self.beta2, self.epsilon)


@explained(
    "write RMSprop(learning_rate=0.001, rho=0.99, epsilon=1e-8)",
    lr="write RMSprop(learning_rate=0.001)",
    alpha="write RMSprop(rho=0.99)",
)
@dataclass(frozen=True)
class RMSprop:
    """Gradient descent that divides by the root of a running mean of squares.

    With g the mean gradient of the mini-batch:

        v := rho v + (1 - rho) g^2
        w := w - learning_rate g / (sqrt(v) + epsilon)

    epsilon is added after the root, as in PyTorch. v starts at zero in every call of `fit`.

    Parameters
    ----------
    learning_rate : float, default 0.001
        >= 0.
    rho : float, default 0.99
        In [0, 1).
    epsilon : float, default 1e-8
        >= 2^-126, the smallest normal number of float32.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        A value outside its range, or no number.

    References
    ----------
    Tieleman & Hinton (2012), Neural networks for machine learning, lecture 6.5.

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.RMSprop(learning_rate=0.01)
    RMSprop(learning_rate=0.01, rho=0.99, epsilon=1e-08)
    """

    learning_rate: float = 0.001
    rho: float = 0.99
    epsilon: float = 1e-8

    def __post_init__(self):
        _check_settings(self)

    def rule(self) -> Rule:
        """What the kernels are told."""
        return Rule.of("rmsprop", self.learning_rate, self.rho, 1 - self.rho, self.epsilon)


Optimizer = SGD | Adam | RMSprop | LevenbergMarquardt | SCG | LBFGS
OPTIMIZERS: dict[str, type] = {
    "sgd": SGD,
    "adam": Adam,
    "rmsprop": RMSprop,
    "levenberg_marquardt": LevenbergMarquardt,
    "scg": SCG,
    "lbfgs": LBFGS,
}


def check_optimizer(optimizer):
    """`optimizer`, if it is one."""
    if isinstance(optimizer, tuple(OPTIMIZERS.values())):
        return optimizer
    raise InvalidTypeError(
        "optimizer must be an optimiser such as SGD(learning_rate=0.1), got "
        + shown(optimizer)
        + _instead(optimizer)
    )


def is_optimizer(value) -> bool:
    """Whether it is an optimiser, or the class of one."""
    classes = tuple(OPTIMIZERS.values())
    return isinstance(value, classes) or (isinstance(value, type) and issubclass(value, classes))


def _instead(value):
    """What to write for a name, a learning rate, or an optimiser of another library."""
    from ..synonyms import meant, same_as

    if isinstance(value, float):
        return f"; write SGD(learning_rate={value})"
    if isinstance(value, str):
        near = meant("optimizer", value, OPTIMIZERS)
    else:
        name = getattr(value, "__name__", type(value).__name__)
        near = same_as("optimizer", str(name), OPTIMIZERS) or []
    return "".join(f"; write {OPTIMIZERS[name].__name__}()" for name in near)
