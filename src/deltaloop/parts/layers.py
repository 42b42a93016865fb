"""Descriptions of layers: what `Network` is built from."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import InvalidTypeError, shown
from ..inputs.calls import explained
from ..inputs.checks import switch, whole_number
from .activations import Activation, as_activation


@explained("write Dense(8, 'relu', bias=True, init='he_normal')")
@dataclass(frozen=True)
class Dense:
    """A fully connected layer: z = W a_prev + b, a = f(z).

    Parameters
    ----------
    n_out : int
        Units, >= 1.
    activation : str or Activation, default 'sigmoid'
        f, see `deltaloop.activations`; 'softmax' and 'log_softmax' in the
        last layer only.
    bias : bool, default True
        Whether the layer has b.
    init : str, array or (array, array), optional
        Initial W, shape (n_out, n_in), or (W, b), or the name of an initializer; left out,
        the one of the network.

    Examples
    --------
    >>> from deltaloop import Dense
    >>> Dense(3, "tanh").n_out
    3
    """

    n_out: int
    activation: Activation | str = "sigmoid"
    bias: bool = True
    init: Any = field(default=None, compare=False, repr=False)

    def __post_init__(self):
        self._check_order()
        object.__setattr__(self, "n_out", whole_number("n_out", self.n_out))
        object.__setattr__(self, "activation", as_activation(self.activation))
        object.__setattr__(self, "bias", switch("bias", self.bias))

    def _check_order(self):
        """Refuse arguments in the order of other libraries."""
        if isinstance(self.n_out, str | Activation):
            raise InvalidTypeError(
                f"n_out must be a whole number, got {shown(self.n_out)} of type "
                f"{type(self.n_out).__name__}; the units come first: Dense(8, 'relu')"
            )
        if isinstance(self.activation, int | np.integer):
            raise InvalidTypeError(
                "an activation is a name such as 'relu' or an Activation, got "
                f"{type(self.activation).__name__}; Dense takes its own units alone, "
                "its inputs are the units of the layer before"
            )
        if isinstance(self.bias, str):
            raise InvalidTypeError(
                f"bias must be True or False, got {self.bias!r}; initial values are given by "
                "keyword: init='zeros'"
            )
