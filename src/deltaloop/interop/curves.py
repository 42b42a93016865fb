"""Which activation a chain of elementwise operators is: told by its values, not by its spelling."""

import math
from collections.abc import Callable

import numpy as np

from ..errors import FileFormatError
from ..kernels import reference
from ..kernels.functions import ACTIVATIONS
from ..parts.activations import Activation

_half = np.concatenate([np.linspace(0, 8, 129)[1:], [10.0, 13.7, 20.0, 50.0, 300.0, 1e4]])
POINTS = np.concatenate([-_half[::-1], [0.0], _half])
_TOLERANCE = 4e-6  # constants may be rounded to float32
_AT_MINUS_1 = int(np.flatnonzero(POINTS == -1.0)[0])

_erf = np.vectorize(math.erf, otypes=[float])


def _where(condition, above, other):
    return np.where(condition, above, other)


def _gelu(z, approximate=b"none"):
    name = "gelu_tanh" if approximate == b"tanh" else "gelu"
    return reference.activated(name, z)


def _hard_sigmoid(z, alpha=0.2, beta=0.5):
    return np.clip(alpha * z + beta, 0, 1)


def _selu(z, alpha=1.6732632423543772, gamma=1.0507009873554805):
    return gamma * np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def _clip(z, low=None, high=None, *, min=None, max=None):
    low, high = (min if low is None else low), (max if high is None else high)
    return np.clip(z, -np.inf if low is None else low, np.inf if high is None else high)


# by the names of operators, with their attributes: functions of one number or several
OPERATORS: dict[str, Callable] = {
    "Abs": np.abs, "Neg": np.negative, "Exp": np.exp, "Log": np.log, "Sqrt": np.sqrt,
    "Sin": np.sin, "Tanh": np.tanh, "Erf": _erf, "Reciprocal": np.reciprocal,
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide, "Pow": np.power,
    "Max": np.maximum, "Min": np.minimum,
    "Greater": np.greater, "Less": np.less, "GreaterOrEqual": np.greater_equal,
    "LessOrEqual": np.less_equal, "Where": _where, "Clip": _clip,
    "Sigmoid": lambda z: reference.activated("sigmoid", z),
    "Relu": lambda z: np.maximum(z, 0),
    "LeakyRelu": lambda z, alpha=0.01: np.where(z > 0, z, alpha * z),
    "Elu": lambda z, alpha=1.0: reference.activated("elu", z, alpha),
    "Selu": _selu, "HardSigmoid": _hard_sigmoid, "Gelu": _gelu,
    "Softplus": lambda z: reference.activated("softplus", z),
    "Softsign": lambda z: reference.activated("softsign", z),
    "Mish": lambda z: reference.activated("mish", z),
}  # fmt: skip


def evaluated(operator: str, values: list, attributes: dict) -> np.ndarray:
    """An operator at the points; `values` are arrays like POINTS, or numbers.

    Raises
    ------
    FileFormatError
        Wrong attributes, or as many values as it does not take.
    """
    with np.errstate(all="ignore"):
        try:
            found = np.asarray(OPERATORS[operator](*values, **attributes))
        except (TypeError, ValueError):
            raise FileFormatError(
                f"a node {operator} has {len(values)} inputs and the attributes "
                f"{sorted(attributes)}, which it cannot have"
            ) from None
    if found.shape != POINTS.shape:
        raise FileFormatError(f"a node {operator} has inputs that are no numbers")
    return found


def activation_of(y: np.ndarray) -> Activation | None:
    """The activation whose values at the points these are, if there is one."""
    if y.dtype.kind != "f" or np.isnan(y).any():
        return None
    with np.errstate(all="ignore"):
        for name, row in ACTIVATIONS.items():
            if row.f is None:
                continue
            alpha = None
            if row.alpha is not None:
                alpha = _alpha(name, y)
                if not (math.isfinite(alpha) and alpha > row.alpha.low):
                    continue
            if _same(y, reference.activated(name, POINTS, alpha or 0.0)):
                return Activation(name, alpha)
    return None


def _alpha(name, y):
    """The parameter of leaky_relu or elu from the value at -1."""
    below = float(y[_AT_MINUS_1])
    alpha = -below if name == "leaky_relu" else below / math.expm1(-1.0)
    as_float = float(np.float32(alpha))  # most are numbers of few digits, rounded to float32
    short = float(f"{alpha:.6g}")
    return short if math.isclose(short, alpha, rel_tol=1e-7) and as_float != 0 else alpha


def _same(y, expected):
    infinite = np.isinf(expected) | np.isinf(y)
    if (y[infinite] != expected[infinite]).any():
        return False
    y, expected = y[~infinite], expected[~infinite]
    return bool((np.abs(y - expected) <= _TOLERANCE * np.maximum(1, np.abs(expected))).all())
