"""What `reproducible=True` asks of a network: kernels, initial values, and what it goes without."""

from types import ModuleType

import numpy as np

from ..errors import InvalidInputError
from ..kernels import load
from ..kernels.interface import CUSTOM, LOSSES
from .initializers import is_named
from .whole_batch import WholeBatch

_OTHERWISE = "leave reproducible=True out, whose promise this cannot keep"


class Draws:
    """What initial values draw from a generator, in the order and from the bits that it has.

    NumPy's own `uniform` adds its product with or without a rounding between, as the compiler had
    it; tails of its normal numbers come from the log1p of the C library. Rounded to 24 bits, the
    normal numbers of all libraries are the same but for one in 10^12 at most.
    """

    def __init__(self, generator: np.random.Generator):
        self.generator = generator

    def uniform(self, low, high, size):
        """As low + (high - low) u for u from [0, 1)."""
        return low + (high - low) * self.generator.random(size)

    def normal(self, mean, deviation, size):
        """As mean + deviation z, z rounded to 24 bits."""
        drawn = self.generator.standard_normal(size)
        return mean + deviation * drawn.astype(np.float32).astype(np.float64)


def reproducible_kernels(name: str) -> ModuleType:
    """The kernels of a reproducible network; `name` is the backend that was asked for.

    Raises
    ------
    InvalidInputError
        Another backend than 'cython'.
    ImportError
        This processor has no fused products, or the kernels were built for none.
    """
    if name != "cython":
        raise InvalidInputError(
            f"reproducible=True is a mode of the backend 'cython', got {name!r}; leave backend and "
            "the variable DELTALOOP_BACKEND out"
        )
    return load("cython").reproducible_backend()


def check_plan(plan) -> None:
    """Refuse functions of the user, which compute as their compiler has them."""
    own = CUSTOM in plan.layers["activation"] or plan.loss >= len(LOSSES)
    if own or (plan.heads is not None and _own(plan.heads)):
        raise InvalidInputError(
            "reproducible=True goes with the activations and losses of deltaloop; functions of "
            f"your own may round in another way on another processor. {_OTHERWISE.capitalize()}"
        )


def _own(heads):
    return CUSTOM in heads["layer"]["activation"] or (heads["loss"] >= len(LOSSES)).any()


def check_inits(inits) -> None:
    """Refuse initial values from libraries of linear algebra."""
    for init, bias_init, _ in inits:
        for given in (init, bias_init):
            name = given if isinstance(given, str) else given[0] if is_named(given) else None
            if name in ("orthogonal", "nguyen_widrow"):
                raise InvalidInputError(
                    f"init={name!r} computes with libraries that round in another way on another "
                    "processor; with reproducible=True draw weights from 'glorot_uniform' or the "
                    "like, or give arrays"
                )


def check_optimizer(optimizer) -> None:
    """Refuse optimisers of whole batches, whose sums are those of a library."""
    if isinstance(optimizer, WholeBatch):
        raise InvalidInputError(
            f"reproducible=True does not cover {type(optimizer).__name__}, whose sums are those of "
            "a library of linear algebra; use SGD, Adam or another optimiser of mini-batches, or "
            f"{_OTHERWISE}"
        )
