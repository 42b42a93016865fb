"""Descriptions of layers: what `Network` is built from."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError, shown
from ..inputs.calls import explained
from ..inputs.checks import number, switch, whole_number
from .activations import Activation, as_activation


@explained(
    "write Dense(8, 'relu', bias=True, init='he_normal')",
    kernel_initializer="write init='he_normal'", bias_initializer="write bias_init='zeros'",
    use_bias="write bias=False",
)  # fmt: skip
@dataclass(frozen=True)
class Dense:
    """A fully connected layer: z = W a_prev + b, a = f(z).

    Parameters
    ----------
    n_out : int
        Units, >= 1; left out where there are `heads`.
    activation : str or Activation, default 'sigmoid'
        f, see `deltaloop.activations`; 'softmax' and 'log_softmax' in the
        last layer only.
    bias : bool, default True
        Whether the layer has b.
    init : str, tuple, array or (array, array), optional
        Initial W: the name of an initializer, a name with its numbers such as ("normal", 0.05)
        (see `deltaloop.initializers`), the array, shape (n_out, n_in), or (W, b); left out, the
        one of the network.
    bias_init : str, tuple, number or array, optional
        Initial b, in the same way; left out, that of the network.
    dropout : float, default 0
        Probability, in [0, 1), that a unit of a hidden layer is 0 for a sample of a mini-batch in
        training; those that stay are divided by 1 - dropout. Predictions, `loss` and gradients
        use all units. Source: Srivastava et al. (2014), Dropout.
    trainable : bool, default True
        Whether training moves W and b; see `Network.trainable`, which can be assigned.
    rate_of_W, rate_of_b : float, default 1
        What the learning rate of the optimiser is multiplied by for W and for b, >= 0; weight
        decay of W, which is a part of its learning rate, follows. LevenbergMarquardt, SCG and
        LBFGS, which have no learning rate, refuse factors other than 1.
    heads : dict of str and Head, optional
        Of the last layer alone: outputs of several kinds side by side, each with an activation and
        a loss of its own, which take the places of n_out, `activation` and the loss of the network.
        Targets are a dict of arrays by the same names (or one array with all their columns), and
        `Network.part` parts predictions.
    shortcuts : sequence of int, default ()
        Numbers of earlier layers whose activations enter as well, beside those of the layer before:
        0 for the inputs, 1 for the first hidden layer, and so on. W then has their columns too,
        behind those of the layer before and in the order of the numbers. Source: Lang & Witbrock
        (1988), Learning to tell two spirals apart.
    mask : array_like of bool, shape (n_out, n_in), optional
        The connections that there are. All other weights are 0 and stay it: in training they and
        their gradients are set to 0. (What is assigned to them counts until the next step.)

    Raises
    ------
    InvalidInputError, InvalidTypeError
        An unknown name, or a value that is not accepted. What has to fit the other layers (softmax,
        shortcuts, shapes of arrays) is refused by `Network`.

    Examples
    --------
    >>> from deltaloop import Dense
    >>> Dense(3, "tanh").n_out
    3
    """

    n_out: int = None  # type: ignore[assignment]
    activation: Activation | str = "sigmoid"
    bias: bool = True
    init: Any = field(default=None, compare=False, repr=False)
    bias_init: Any = field(default=None, compare=False, repr=False)
    dropout: float = field(default=0.0, kw_only=True)
    trainable: bool = field(default=True, kw_only=True)
    mask: Any = field(default=None, compare=False, repr=False, kw_only=True)
    rate_of_W: float = field(default=1.0, kw_only=True)
    rate_of_b: float = field(default=1.0, kw_only=True)
    heads: Any = field(default=None, repr=False, kw_only=True)
    shortcuts: Any = field(default=(), kw_only=True)

    def __post_init__(self):
        self._check_order()
        if self.heads is not None:
            self._take_heads()
        if self.n_out is None:
            raise InvalidTypeError(
                "Dense is missing 1 argument, 'n_out'; write Dense(8, 'relu'), or "
                "Dense(heads={...}), which counts the units of its heads"
            )
        object.__setattr__(self, "n_out", whole_number("n_out", self.n_out))
        object.__setattr__(self, "activation", as_activation(self.activation))
        object.__setattr__(self, "bias", switch("bias", self.bias))
        object.__setattr__(self, "dropout", number("dropout", self.dropout, 0.0, 1.0))
        object.__setattr__(self, "trainable", switch("trainable", self.trainable))
        object.__setattr__(self, "shortcuts", _layer_numbers(self.shortcuts))
        for name in ("rate_of_W", "rate_of_b"):
            object.__setattr__(self, name, number(name, getattr(self, name), 0.0))

    def _take_heads(self):
        """Heads as pairs of names and Head, and the units that they need."""
        from .heads import checked_heads

        heads = self.heads if isinstance(self.heads, tuple) else checked_heads(self.heads)
        n_units = sum(head.n_units for _, head in heads)
        if self.n_out not in (None, n_units):
            raise InvalidInputError(
                f"n_out={shown(self.n_out)}, but the heads have {n_units} units; leave n_out out"
            )
        if self.activation not in ("sigmoid", Activation("identity")):
            raise InvalidInputError(
                f"activation={str(self.activation)!r} was given, but every head has one of its "
                "own; leave it out"
            )
        object.__setattr__(self, "heads", heads)
        object.__setattr__(self, "n_out", n_units)
        object.__setattr__(self, "activation", "identity")

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
                "keyword: init='zeros', bias_init='zeros'"
            )


def _layer_numbers(shortcuts) -> tuple[int, ...]:
    """Different numbers of layers, ascending."""
    if isinstance(shortcuts, str | bytes) or not np.iterable(shortcuts):
        raise InvalidTypeError(
            f"shortcuts must be a list of numbers of layers such as [0, 1], got {shown(shortcuts)}"
        )
    numbers = [whole_number("every number in shortcuts", one, low=0) for one in shortcuts]
    if len(set(numbers)) < len(numbers):
        raise InvalidInputError(f"shortcuts must be different layers, got {numbers}")
    return tuple(sorted(numbers))
