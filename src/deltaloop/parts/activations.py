"""Activation functions by name: what each one computes and what it may output.

| name       | f(z)                              | slope f'(z) from a = f(z) |
|------------|-----------------------------------|---------------------------|
| identity   | z                                 | 1                         |
| sigmoid    | 1 / (1 + exp(-z))                 | a (1 - a)                 |
| tanh       | tanh(z)                           | 1 - a^2                   |
| relu       | max(z, 0)                         | 1 where a > 0, else 0     |
| leaky_relu | z where z > 0, else alpha z       | 1 where a > 0, else alpha |
| elu        | z where z > 0, else alpha (e^z-1) | 1 where a > 0, else a + alpha |
| softplus   | log(1 + exp(z))                   | 1 - exp(-a)               |
| softmax    | exp(z_j) / sum_k exp(z_k)         | output layer only         |

The slope of relu, leaky_relu and elu at z = 0 is the one of the left side. Every backend
computes f within 4 units in the last place for every z (tested; at most 2.9 were seen), NaN
comes through, and exponentials below the smallest normal number become 0.
Sources: Goodfellow, Bengio & Courville, Deep Learning (2016), chapter 6; elu: Clevert,
Unterthiner & Hochreiter (2016).
"""

import math
from dataclasses import dataclass

from ..errors import InvalidInputError, InvalidTypeError, instead, shown, unknown_name
from ..inputs.checks import number
from ..kernels.interface import ACTIVATIONS

_DEFAULT_ALPHA = {"leaky_relu": 0.01, "elu": 1.0}

_RANGE = {
    "sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "relu": (0.0, math.inf),
    "softplus": (0.0, math.inf),
}


@dataclass(frozen=True)
class Activation:
    """An activation function, where its name alone does not say everything.

    Parameters
    ----------
    name : str
        One of the names in the table of this module.
    alpha : float, optional
        Slope of leaky_relu for z < 0 (default 0.01, must be >= 0) or the limit -alpha of elu
        (default 1, must be > 0). Other activations have none.

    Raises
    ------
    InvalidInputError
        Unknown name, or an alpha that the activation does not accept.

    Examples
    --------
    >>> from deltaloop import Activation, Dense
    >>> Dense(8, Activation("leaky_relu", alpha=0.2)).activation.alpha
    0.2
    """

    name: str
    alpha: float | None = None

    def __post_init__(self):
        if not isinstance(self.name, str):
            raise InvalidTypeError(
                f"an activation has a name such as 'relu', got {shown(self.name)}"
                + instead("activation", self.name, ACTIVATIONS)
            )
        if self.name not in ACTIVATIONS:
            raise unknown_name("activation", self.name, ACTIVATIONS)
        if self.name not in _DEFAULT_ALPHA:
            if self.alpha is not None:
                raise InvalidInputError(
                    f"activation {self.name!r} has no alpha, got alpha={self.alpha!r}; "
                    f"only {sorted(_DEFAULT_ALPHA)} have one"
                )
            return
        alpha = _DEFAULT_ALPHA[self.name] if self.alpha is None else self.alpha
        low = 0.0 if self.name == "leaky_relu" else -math.inf
        alpha = number(f"alpha of {self.name}", alpha, low)
        if self.name == "elu" and alpha <= 0:
            raise InvalidInputError(f"alpha of elu must be > 0, got {alpha:g}; for 0 use 'relu'")
        object.__setattr__(self, "alpha", alpha)

    @property
    def range(self) -> tuple[float, float]:
        """The open interval of the outputs: a target outside can never be reached."""
        if self.name == "elu" and self.alpha is not None:
            return -self.alpha, math.inf
        return _RANGE.get(self.name, (-math.inf, math.inf))

    def for_plan(self, dtype):
        """What Plan.build takes."""
        return self.name

    def __str__(self):
        if self.alpha in (None, _DEFAULT_ALPHA.get(self.name)):
            return self.name
        return f"{self.name}({self.alpha:g})"


def as_activation(spec) -> Activation:
    """The Activation meant by a name or an Activation."""
    if isinstance(spec, Activation):
        return spec
    if isinstance(spec, str):
        return Activation(spec)
    if isinstance(spec, list | tuple):
        hint = "; for several give the layers one by one: Network(4, [Dense(8, 'relu'), Dense(3)])"
    elif spec is None:
        hint = "; for none use 'identity'"
    else:
        hint = instead("activation", spec, ACTIVATIONS)
    raise InvalidTypeError(
        f"an activation is a name such as 'relu' or an Activation, got {type(spec).__name__}{hint}"
    )
