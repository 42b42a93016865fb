"""Activation functions by name: what each one computes and what it may output.

TABLE

The slope at a kink at z = 0 is the one of the left side; where hard_sigmoid and hard_tanh end it
is 0. Every backend computes f within 5 units in the last place for every z (tested; at most 3.5
were seen), gelu within 8 (6.5 were seen). gelu_tanh has 6, and 2 |log |f|| on top where |f| < 1,
since the argument of its exponential is rounded. sin is accurate up to |z| = 10^4 in float32 and
10^6 in float64; beyond, it is some number from -1 to 1. NaN comes through, and exponentials below
the smallest normal number become 0.
Sources: SOURCES.
"""

from dataclasses import dataclass

from ..errors import InvalidInputError, InvalidTypeError, instead, shown, unknown_name
from ..inputs.checks import check_held, within
from ..kernels.functions import ACTIVATIONS
from ..text import table

_SOURCES = dict.fromkeys(row.source for row in ACTIVATIONS.values())
__doc__ = (__doc__ or "").replace(
    "TABLE",
    table(
        ("name", "f(z)", "slope f'(z), where a = f(z)"),
        [(row.name, row.formula, row.slope_formula) for row in ACTIVATIONS.values()],
    ),
).replace("SOURCES", "; ".join(_SOURCES))  # fmt: skip


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
        bounds = ACTIVATIONS[self.name].alpha
        if bounds is None:
            if self.alpha is not None:
                others = sorted(row.name for row in ACTIVATIONS.values() if row.alpha)
                raise InvalidInputError(
                    f"activation {self.name!r} has no alpha, got alpha={self.alpha!r}; "
                    f"only {others} have one"
                )
            return
        alpha = bounds.default if self.alpha is None else self.alpha
        object.__setattr__(self, "alpha", within(f"alpha of {self.name}", alpha, bounds))

    @property
    def range(self) -> tuple[float, float]:
        """The open interval of the outputs: a target outside can never be reached."""
        row = ACTIVATIONS[self.name]
        low, high = map(float, row.range)
        return (low * self.alpha if row.scales and self.alpha else low), high

    def for_plan(self, dtype):
        """What Plan.build takes."""
        bounds = ACTIVATIONS[self.name].alpha
        if bounds is not None and self.alpha is not None:
            check_held(f"alpha of {self.name}", self.alpha, bounds, dtype)
        return self.name

    def __str__(self):
        bounds = None if self.alpha is None else ACTIVATIONS[self.name].alpha
        if bounds is None or self.alpha == bounds.default:
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
