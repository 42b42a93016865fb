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
    kinks : tuple
        Where f' jumps.
    known : callable
        known(a): to how many eps of 1 the slope is known.
    """

    f: Callable
    slope: Callable
    ends: Callable
    kinks: tuple = ()
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


PI = Decimal(
    "3.141592653589793238462643383279502884197169399375105820974944592307816406286208998628"
)
SELU = Decimal("1.0507009873554804934193349852946"), Decimal("1.6732632423543772848170429916717")


def _normal(z):
    """The normal distribution function F.

    F(z) = 1/2 + F'(z) (z + z^3 / 3 + z^5 / (3 5) + ...), all terms of one sign, near 0; else
    F(-x) = F'(x) / (x + 1 / (x + 2 / (x + 3 / (x + ...)))).
    """
    if abs(z) > 60:  # F(-60) = 1e-784 is 0 for all purposes
        return Decimal(int(z > 0))
    density = (-z * z / 2).exp() / (2 * PI).sqrt()
    if abs(z) < 5:
        term = total = z
        n = 1
        while abs(term) > Decimal("1e-75"):
            n += 2
            term = term * z * z / n
            total += term
        return Decimal("0.5") + density * total
    x = abs(z)
    below = x
    for n in range(400, 0, -1):
        below = x + n / below
    return density / below if z < 0 else 1 - density / below


def _sin(z):
    """z - z^3 / 3! + ... of z less a multiple of 2 pi; z up to 1e7."""
    z -= (z / (2 * PI)).to_integral_value() * 2 * PI
    term = total = z
    n = 1
    while abs(term) > Decimal("1e-70"):
        n += 2
        term = -term * z * z / (n * (n - 1))
        total += term
    return total


def _gelu_tanh(z, alpha):
    z = max(z, -FAR)
    return z * _logistic((8 / PI).sqrt() * (z + Decimal("0.044715") * z**3)) if z < FAR else z


def _mish(z, alpha):
    if z > FAR:
        return z
    z = max(z, -FAR)
    e = z.exp()
    n = e * (e + 2)
    return z * n / (n + 2)


def _gaussian(z, alpha):
    z = min(abs(z), Decimal(100))
    return (-z * z).exp()


def _slope_of_gelu(z, a, alpha):
    normal = np.vectorize(math.erfc, otypes=[float])(-z / math.sqrt(2)) / 2
    return normal + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def _slope_of_gelu_tanh(z, a, alpha):
    z = np.clip(z, -1e3, 1e3)
    w = math.sqrt(8 / math.pi) * (z + 0.044715 * z**3)
    e = np.exp(-np.abs(w))
    r = 1 / (1 + e)  # the sigmoid of |w|, and e r that of -|w|
    return (
        np.where(w > 0, r, e * r)
        + z * math.sqrt(8 / math.pi) * (1 + 3 * 0.044715 * z * z) * e * r * r
    )


def _slope_of_mish(z, a, alpha):
    z = np.clip(z, -700, 100)
    e = np.exp(z)
    t = np.tanh(np.log1p(e))
    rest = 2 * (1 + e) / (2 + 2 * e + e * e)  # 1 / cosh(log(1 + e))
    return t + z * rest * rest * e / (1 + e)


def _slope_of_silu(z, a, alpha):
    e = np.exp(-np.minimum(np.abs(z), 700))
    r = 1 / (1 + e)  # the sigmoid of |z|, and e r that of -|z|
    return np.where(z > 0, r, e * r) + np.clip(z, -700, 700) * e * r * r


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
        kinks=(0,),
    ),
    "leaky_relu": Exact(
        lambda z, alpha: z if z > 0 else alpha * z,
        lambda z, a, alpha: np.where(z > 0, 1.0, alpha),
        lambda alpha: (-math.inf if alpha else 0, math.inf),
        kinks=(0,),
    ),
    "elu": Exact(
        lambda z, alpha: z if z > 0 else alpha * _expm1(max(z, -FAR)),
        lambda z, a, alpha: np.where(z > 0, 1.0, a + alpha),
        lambda alpha: (-alpha, math.inf),
        kinks=(0,),
    ),
    "softplus": Exact(
        _softplus, lambda z, a, alpha: -np.expm1(-a), lambda alpha: (0, math.inf)
    ),
    "silu": Exact(
        lambda z, alpha: max(z, -FAR) * _logistic(z),
        _slope_of_silu,
        lambda alpha: (0, math.inf),
    ),
    "selu": Exact(
        lambda z, alpha: SELU[0] * (z if z > 0 else SELU[1] * _expm1(max(z, -FAR))),
        lambda z, a, alpha: np.where(z > 0, float(SELU[0]), a + float(SELU[0] * SELU[1])),
        lambda alpha: (-float(SELU[0] * SELU[1]), math.inf),
        kinks=(0,),
    ),
    "gelu": Exact(
        lambda z, alpha: max(z, -FAR) * _normal(z), _slope_of_gelu, lambda alpha: (0, math.inf)
    ),
    "gelu_tanh": Exact(_gelu_tanh, _slope_of_gelu_tanh, lambda alpha: (0, math.inf)),
    "mish": Exact(_mish, _slope_of_mish, lambda alpha: (0, math.inf)),
    "softsign": Exact(
        lambda z, alpha: z / (1 + abs(z)),
        lambda z, a, alpha: np.square(1 - np.abs(a)),
        lambda alpha: (-1, 1),
    ),
    "hard_sigmoid": Exact(
        lambda z, alpha: min(max((z + 3) / 6, Decimal(0)), Decimal(1)),
        lambda z, a, alpha: np.where(np.abs(z) < 3, 1 / 6, 0.0),
        lambda alpha: (0, 1),
        kinks=(-3, 3),
    ),
    "hard_tanh": Exact(
        lambda z, alpha: min(max(z, Decimal(-1)), Decimal(1)),
        lambda z, a, alpha: np.where(np.abs(z) < 1, 1.0, 0.0),
        lambda alpha: (-1, 1),
        kinks=(-1, 1),
    ),
    "lecun_tanh": Exact(
        lambda z, alpha: Decimal("1.7159") * _tanh(2 * z / 3, alpha),
        lambda z, a, alpha: 2 / 3 * (1.7159 - a * a / 1.7159),
        lambda alpha: (-1.7159, 1.7159),
    ),
    "gaussian": Exact(_gaussian, lambda z, a, alpha: -2 * z * a, lambda alpha: (0, 0)),
    "sin": Exact(
        lambda z, alpha: _sin(z), lambda z, a, alpha: np.cos(z), lambda alpha: (math.nan, math.nan)
    ),
    "exp": Exact(
        lambda z, alpha: min(max(z, -FAR), FAR).exp(),
        lambda z, a, alpha: a,
        lambda alpha: (0, math.inf),
        known=lambda a: 4 * (1 + np.abs(a)),
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
