"""The one table of exact activations: every test that needs a value or a slope takes it from here.

test_functions.py misses a row by its name.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from functools import lru_cache

import numpy as np

FAR = Decimal(10**4)  # beyond, exp(-z) is 0 for all purposes and needlessly slow


@dataclass(frozen=True)
class Exact:
    """One activation.

    Attributes
    ----------
    f : callable
        f(z, alpha) of decimals, to the digits of the context.
    slope : callable
        slope(z, a, alpha) = f'(z) of arrays of float64, where a = f(z).
    ends : callable
        ends(alpha) = (f(-inf), f(inf)).
    has_kink : bool
        Whether f' jumps at 0.
    known : callable
        known(a): to how many eps of 1 the slope is known.
    """

    f: Callable
    slope: Callable
    ends: Callable
    has_kink: bool = False
    known: Callable = lambda a: 4


def _expm1(z):
    """exp(z) - 1 without cancellation: z + z^2/2 + ... where z is tiny."""
    return z.exp() - 1 if abs(z) > Decimal("1e-15") else z * (1 + z / 2 * (1 + z / 3))


def _logistic(z):
    return 1 / (1 + (-min(max(z, -FAR), FAR)).exp())


def _tanh(z, alpha):
    twice = 2 * min(max(z, -FAR), FAR)
    return _expm1(twice) / (_expm1(twice) + 2)


def _softplus(z, alpha):
    z = max(z, -FAR)
    return z if z > FAR else (1 + z.exp()).ln() if z > -40 else z.exp() * (1 - z.exp() / 2)


def _slope_of_silu(z, a, alpha):
    s = 1 / (1 + np.exp(-np.maximum(z, -700)))
    return s + a * (1 - s)


EXACT = {
    "identity": Exact(
        lambda z, alpha: z,
        lambda z, a, alpha: np.ones_like(a),
        lambda alpha: (-math.inf, math.inf),
    ),
    "sigmoid": Exact(
        lambda z, alpha: _logistic(z), lambda z, a, alpha: a * (1 - a), lambda alpha: (0, 1)
    ),
    "tanh": Exact(_tanh, lambda z, a, alpha: 1 - a * a, lambda alpha: (-1, 1)),
    "relu": Exact(
        lambda z, alpha: max(z, Decimal(0)),
        lambda z, a, alpha: np.where(z > 0, 1.0, 0.0),
        lambda alpha: (0, math.inf),
        has_kink=True,
    ),
    "leaky_relu": Exact(
        lambda z, alpha: z if z > 0 else alpha * z,
        lambda z, a, alpha: np.where(z > 0, 1.0, alpha),
        lambda alpha: (-math.inf if alpha else 0, math.inf),
        has_kink=True,
    ),
    "elu": Exact(
        lambda z, alpha: z if z > 0 else alpha * _expm1(max(z, -FAR)),
        lambda z, a, alpha: np.where(z > 0, 1.0, a + alpha),
        lambda alpha: (-alpha, math.inf),
        has_kink=True,
    ),
    "softplus": Exact(
        _softplus, lambda z, a, alpha: -np.expm1(-a), lambda alpha: (0, math.inf)
    ),
    "silu": Exact(
        lambda z, alpha: max(z, -FAR) * _logistic(z),
        _slope_of_silu,
        lambda alpha: (0, math.inf),
        # 1 - s is known to half an eps, and times a
        known=lambda a: 4 + np.minimum(np.abs(a), 40),
    ),
}  # fmt: skip


@lru_cache(maxsize=100_000)
def value(name: str, z: float, alpha: float) -> Decimal:
    """f(z) to 60 digits."""
    with localcontext(Context(prec=60, Emax=10**9, Emin=-(10**9))):
        return EXACT[name].f(Decimal(z), Decimal(alpha))


def values(name: str, z, alpha: float) -> np.ndarray:
    """f(z) of an array, in float64."""
    z = np.asarray(z, np.float64)
    return np.array([float(value(name, x, alpha)) for x in z.ravel().tolist()]).reshape(z.shape)


def slopes(name: str, z, alpha: float) -> np.ndarray:
    """f'(z) of an array, in float64; at a kink that of the left side."""
    z = np.asarray(z, np.float64)
    return EXACT[name].slope(z, values(name, z, alpha), alpha)
