"""Descriptions of layers: what `Network` is built from."""

from dataclasses import dataclass, field
from typing import Any

from .activations import Activation, as_activation
from .checks import switch, whole_number


@dataclass(frozen=True)
class Dense:
    """A fully connected layer: z = W a_prev + b, a = f(z).

    Parameters
    ----------
    n_out : int
        Units, >= 1.
    activation : str or Activation, default 'sigmoid'
        f, see `deltaloop.activations`; 'softmax' in the last layer only.
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
        object.__setattr__(self, "n_out", whole_number("n_out", self.n_out))
        object.__setattr__(self, "activation", as_activation(self.activation))
        object.__setattr__(self, "bias", switch("bias", self.bias))
