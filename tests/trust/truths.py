"""Every activation, slope and primitive in float64, for arguments that are float32.

A result in float64 is right to a few units of its own last place, of which 2^29 are one of
float32. These are written to lose nothing to cancellation, and share no code with the kernels.
"""

import math

import numpy as np
from scipy.special import ndtr

LARGEST = float(np.finfo(np.float32).max)
_ROOT_8_PI = math.sqrt(8 / math.pi)
SELU, SELU_BELOW = 1.0507009873554805, 1.0507009873554805 * 1.6732632423543772


def _sigmoid(z):
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def _softplus(z):
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def _least(z):
    """z, but not so far below 0 that 0 times it is nan."""
    return np.maximum(z, -1e4)


def _bent(z):
    """sqrt(8 / pi) (z + 0.044715 z^3), where its exponential is neither 0 nor infinite"""
    z = np.clip(z, -1e3, 1e3)
    return _ROOT_8_PI * z * (1 + 0.044715 * z * z)


def _mish(z):
    e = np.exp(np.clip(z, -1e4, 40))
    n = e * (e + 2)
    return _least(z) * (n / (n + 2))


def _softsign(z):
    return np.where(np.isinf(z), np.sign(z), z / (1 + np.abs(np.where(np.isinf(z), 0, z))))


ACTIVATIONS = {
    "identity": lambda z, alpha: z,
    "sigmoid": lambda z, alpha: _sigmoid(z),
    "tanh": lambda z, alpha: np.tanh(z),
    "relu": lambda z, alpha: np.maximum(z, 0),
    "leaky_relu": lambda z, alpha: np.where(z > 0, z, alpha * z),
    "elu": lambda z, alpha: np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0))),
    "softplus": lambda z, alpha: _softplus(z),
    "silu": lambda z, alpha: _least(z) * _sigmoid(z),
    "selu": lambda z, alpha: np.where(z > 0, SELU * z, SELU_BELOW * np.expm1(np.minimum(z, 0))),
    "gelu": lambda z, alpha: _least(z) * ndtr(z),
    "gelu_tanh": lambda z, alpha: _least(z) * _sigmoid(_bent(z)),
    "mish": lambda z, alpha: _mish(z),
    "softsign": lambda z, alpha: _softsign(z),
    "hard_sigmoid": lambda z, alpha: np.clip((z + 3) / 6, 0, 1),
    "hard_tanh": lambda z, alpha: np.clip(z, -1, 1),
    "lecun_tanh": lambda z, alpha: 1.7159 * np.tanh(2 / 3 * z),
    "gaussian": lambda z, alpha: np.exp(-np.square(np.clip(z, -1e4, 1e4))),
    "sin": lambda z, alpha: np.sin(z),
    "exp": lambda z, alpha: np.exp(z),
}


def _logistic_bell(w):
    """s (1 - s) of the sigmoid s of w"""
    e = np.exp(-np.abs(w))
    return e / np.square(1 + e)


def _silu_slope(z):
    z = np.clip(z, -1e4, 1e4)
    return _sigmoid(z) + z * _logistic_bell(z)


def _gelu_slope(z):
    z = np.clip(z, -1e4, 1e4)
    return ndtr(z) + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def _gelu_tanh_slope(z):
    near, w = np.clip(z, -1e3, 1e3), _bent(z)
    return _sigmoid(w) + near * _logistic_bell(w) * _ROOT_8_PI * (1 + 3 * 0.044715 * near * near)


def _mish_slope(z):
    """t + z (1 - t^2) s, where t = tanh(log(1 + e^z)) and s is the sigmoid of z"""
    z = np.clip(z, -700, 40)
    e = np.exp(z)
    rest = 2 * (1 + e) / (2 + 2 * e + e * e)  # 1 / cosh(log(1 + e))
    return e * (e + 2) / (e * (e + 2) + 2) + z * rest * rest * e / (1 + e)


def _tanh_bell(z):
    """1 - tanh(z)^2"""
    e = np.exp(-2 * np.abs(z))
    return 4 * e / np.square(1 + e)


SLOPES = {
    "identity": lambda z, alpha: np.ones_like(z),
    "sigmoid": lambda z, alpha: _logistic_bell(z),
    "tanh": lambda z, alpha: _tanh_bell(z),
    "relu": lambda z, alpha: np.where(z > 0, 1.0, 0.0),
    "leaky_relu": lambda z, alpha: np.where(z > 0, 1.0, alpha),
    "elu": lambda z, alpha: np.where(z > 0, 1.0, alpha * np.exp(np.minimum(z, 0))),
    "softplus": lambda z, alpha: _sigmoid(z),
    "silu": lambda z, alpha: _silu_slope(z),
    "selu": lambda z, alpha: np.where(z > 0, SELU, SELU_BELOW * np.exp(np.minimum(z, 0))),
    "gelu": lambda z, alpha: _gelu_slope(z),
    "gelu_tanh": lambda z, alpha: _gelu_tanh_slope(z),
    "mish": lambda z, alpha: _mish_slope(z),
    "softsign": lambda z, alpha: 1 / np.square(1 + np.abs(z)),
    "hard_sigmoid": lambda z, alpha: np.where(np.abs(z) < 3, 1 / 6, 0.0),
    "hard_tanh": lambda z, alpha: np.where(np.abs(z) < 1, 1.0, 0.0),
    "lecun_tanh": lambda z, alpha: 1.7159 * 2 / 3 * _tanh_bell(2 / 3 * z),
    "gaussian": lambda z, alpha: (
        -2 * np.clip(z, -1e4, 1e4) * np.exp(-np.square(np.clip(z, -1e4, 1e4)))
    ),
    "sin": lambda z, alpha: np.cos(z),
    "exp": lambda z, alpha: np.exp(z),
}

# name: (function, the closed interval of its arguments)
PRIMITIVES = {
    "exp": (np.exp, -math.inf, math.inf),
    "exp_of_negative": (np.exp, -math.inf, 0),
    "expm1_of_negative": (np.expm1, -math.inf, 0),
    "exp_of_square": (lambda x: np.exp(-np.square(np.clip(x, -1e4, 1e4))), -math.inf, math.inf),
    "exp_of_half_square": (
        lambda x: np.exp(-np.square(np.clip(x, -1e4, 1e4)) / 2), -math.inf, math.inf,
    ),
    "log1p_of_fraction": (np.log1p, 0, 1),
    "log": (np.log, float(np.finfo(np.float32).tiny), math.inf),
    "log1p": (np.log1p, float(np.nextafter(np.float32(-1), np.float32(0))), LARGEST),
    "logistic": (_sigmoid, -math.inf, math.inf),
    "tanh": (np.tanh, -math.inf, math.inf),
    "normal": (ndtr, -math.inf, math.inf),
    "sin": (np.sin, -1e4, 1e4),
    "cos": (np.cos, -1e4, 1e4),
    "root": (np.sqrt, 0, math.inf),
    "logistic_of_lanes": (_sigmoid, -math.inf, math.inf),  # of ensembles
    "tanh_of_lanes": (np.tanh, -math.inf, math.inf),
    "over_root": (lambda x: 1 / (np.sqrt(x) + 1), 0, math.inf),
}  # fmt: skip
