"""The meaning of the contract, in whole-array NumPy: slow, short, and right.

z = a W^T + b          a = f(z)
delta = dC/dz          delta_prev = (delta W) * f'(z_prev)
dC/dW = delta^T a / n  dC/db = sum(delta) / n
"""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from .interface import ACTIVATIONS, CUSTOM, FUNCTIONS, GAUSSIAN, LOSSES, RULES, Plan, Rule
from .least_squares import REASONS, SMALLEST_MU, Search, columns_of
from .memory import Work
from .session import Session
from .sparse_rows import SparseRows
from .turns import Turns

NAME = "reference"


def describe() -> str:
    """The library that computes, for reports."""
    return f"NumPy {np.__version__}"


def _sigmoid(z):
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def _softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _log_softmax(z):
    from_top = z - z.max(axis=-1, keepdims=True)
    return from_top - np.log(np.exp(from_top).sum(axis=-1, keepdims=True))


def _exp_of_square(z, c):
    """exp(c z^2): in more digits, since the error of the exponent counts z^2 times."""
    return np.exp(c * np.square(z.astype(np.longdouble))).astype(z.dtype)


def _normal(z):
    """The normal distribution function, erfc(-z / sqrt 2) / 2.

    What rounding takes from z / sqrt 2 is given back with the slope of erfc.
    """
    x = -z.astype(np.longdouble) / np.sqrt(np.longdouble(2))
    near = x.astype(np.float64)
    erfc = np.vectorize(math.erfc, otypes=[np.float64])(near)
    lost = (x - near).astype(np.float64) * np.exp(-np.square(near)) * (2 / math.sqrt(math.pi))
    return ((erfc - np.where(np.isfinite(near), lost, 0)) / 2).astype(z.dtype)


def _least(z):
    """What is multiplied by a function that is 0 there: z, but not -inf."""
    return np.maximum(z, -1e4).astype(z.dtype)


def _silu_slope(z):
    """Of silu: s + z s (1 - s), where 1 - s is the sigmoid of -z."""
    z = np.clip(z, -1e4, 1e4).astype(z.dtype)
    return _sigmoid(z) + z * _sigmoid(z) * _sigmoid(-z)


def _gelu_slope(z):
    z = np.clip(z, -1e4, 1e4).astype(z.dtype)
    return _normal(z) + z * _exp_of_square(z, -0.5) / math.sqrt(2 * math.pi)


_ROOT_8_PI, _CUBIC = math.sqrt(8 / math.pi), 0.044715


def _gelu_tanh_slope(z):
    z = np.clip(z, -1e4, 1e4).astype(z.dtype)
    w = z * (_ROOT_8_PI + _ROOT_8_PI * _CUBIC * z * z)
    s = _sigmoid(w)
    return s + z * s * _sigmoid(-w) * (_ROOT_8_PI + 3 * _ROOT_8_PI * _CUBIC * z * z)


def _mish_slope(z):
    """With e = exp(z), the sigmoid of z is s = e / (1 + e), and with n = e (e + 2)
    tanh(log(1 + e)) is t = n / (n + 2), and 1 - t^2 = 4 (1 + e)^2 / (n + 2)^2.
    """
    z = np.clip(z, -1e4, 20).astype(z.dtype)
    e = np.exp(z)
    n = e * (e + 2)
    return n / (n + 2) + z * 4 * e * (1 + e) / np.square(n + 2)


_SELU, _SELU_BELOW = 1.0507009873554805, 1.7580993408473768


# name: (f(z, alpha), slope(z, a, alpha) = f'(z), where a = f(z))
CURVES = {
    "identity": (lambda z, alpha: z, lambda z, a, alpha: np.ones_like(a)),
    "sigmoid": (lambda z, alpha: _sigmoid(z), lambda z, a, alpha: a * (1 - a)),
    "tanh": (lambda z, alpha: np.tanh(z), lambda z, a, alpha: 1 - a * a),
    "relu": (
        lambda z, alpha: np.maximum(z, 0),
        lambda z, a, alpha: (a > 0).astype(a.dtype),
    ),
    "leaky_relu": (
        lambda z, alpha: np.where(z > 0, z, alpha * z),
        lambda z, a, alpha: np.where(a > 0, 1, alpha).astype(a.dtype),
    ),
    "elu": (
        lambda z, alpha: np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0))),
        lambda z, a, alpha: np.where(a > 0, 1, a + alpha).astype(a.dtype),
    ),
    "softplus": (
        lambda z, alpha: np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))),
        lambda z, a, alpha: -np.expm1(-a),
    ),
    "silu": (
        # the sigmoid in more digits: four roundings in a row would exceed the bound of the row
        lambda z, alpha: (_least(z) * _sigmoid(z.astype(np.float64))).astype(z.dtype),
        lambda z, a, alpha: _silu_slope(z),
    ),
    # no slopes of their own: see _through_softmax
    "softmax": (lambda z, alpha: _softmax(z), None),
    "log_softmax": (lambda z, alpha: _log_softmax(z), None),
    "selu": (
        lambda z, alpha: np.where(
            z > 0, _SELU * z, _SELU_BELOW * np.expm1(np.minimum(z, 0))
        ).astype(z.dtype),
        lambda z, a, alpha: np.where(a > 0, _SELU, a + _SELU_BELOW).astype(a.dtype),
    ),
    "gelu": (lambda z, alpha: _least(z) * _normal(z), lambda z, a, alpha: _gelu_slope(z)),
    "gelu_tanh": (
        lambda z, alpha: _least(z) * _sigmoid(z * (_ROOT_8_PI + _ROOT_8_PI * _CUBIC * z * z)),
        lambda z, a, alpha: _gelu_tanh_slope(z),
    ),
    "mish": (
        lambda z, alpha: _least(z) * np.tanh(np.log1p(np.exp(z))),
        lambda z, a, alpha: _mish_slope(z),
    ),
    "softsign": (
        lambda z, alpha: np.where(np.isinf(z), np.sign(z), z / (1 + np.abs(z))),
        lambda z, a, alpha: np.square(1 - np.abs(a)),
    ),
    "hard_sigmoid": (
        lambda z, alpha: np.clip((z + 3) / 6, 0, 1),
        lambda z, a, alpha: np.where((a > 0) & (a < 1), 1 / 6, 0).astype(a.dtype),
    ),
    "hard_tanh": (
        lambda z, alpha: np.clip(z, -1, 1),
        lambda z, a, alpha: (np.abs(a) < 1).astype(a.dtype),
    ),
    "lecun_tanh": (
        lambda z, alpha: 1.7159 * np.tanh(2 / 3 * z),
        lambda z, a, alpha: 2 / 3 * (1.7159 - np.square(a) / 1.7159),
    ),
    "gaussian": (
        lambda z, alpha: _exp_of_square(z, -1),
        lambda z, a, alpha: -2 * np.clip(z, -1e4, 1e4).astype(z.dtype) * a,
    ),
    "sin": (lambda z, alpha: np.sin(z), lambda z, a, alpha: np.cos(z)),
    "exp": (lambda z, alpha: np.exp(z), lambda z, a, alpha: a),
}


def _of_user(function, *arrays):
    """A user's function of one unit on every element, computed in float64."""
    return np.vectorize(function, otypes=[arrays[0].dtype])(*arrays)


def _limited(a, most=1.0):
    """What a logarithm sees of a: [eps, most - eps]. Outside, the loss is constant."""
    eps = np.finfo(a.dtype).eps
    return np.clip(a, eps, most - eps)


def _inside(a, slope, most=1.0):
    """The slope of such a loss: 0 where a was limited."""
    limited = _limited(a, most)
    return np.where((limited == a) | np.isnan(a), slope(limited), 0)


def _log_cosh(d):
    """|d| + log((1 + exp(-2 |d|)) / 2)."""
    return np.abs(d) + np.log1p(np.expm1(-2 * np.abs(d)) / 2)


def _y_log_ratio(Y, a):
    """In float64, y log(y / a): divergences are small differences; 0 where y is."""
    ratio = np.divide(Y, a, dtype=np.float64)
    return Y * np.log(np.where(Y > 0, ratio, 1))


def _itakura_saito(ratio):
    return ratio - np.log(ratio) - 1


def _focal(a, log_a, log_q, Y, p):
    """-y (1 - a)^gamma log a - (1 - y) a^gamma log(1 - a), with q = 1 - a."""
    return -Y * np.exp(p * log_q) * log_a - (1 - Y) * np.exp(p * log_a) * log_q


def _focal_slope(a, Y, p):
    of_one = (1 - a) ** p * (p * np.log(a) / (1 - a) - 1 / a)
    of_zero = a**p * (1 / (1 - a) - p * np.log1p(-a) / a)
    return Y * of_one + (1 - Y) * of_zero


def _exponential(s, p):
    """Of the sum s over the units tau exp(s / tau), and its derivative by s."""
    e = np.exp(s / np.float64(p))
    return p * e, e


# losses that are a function of the sum over the units
_OUTER = {"exponential": _exponential}


# name: (value(a, Y, p), dC/da as slope(a, Y, p)) of every unit, with p the parameter
TERMS = {
    "mse": (
        lambda a, Y, p: np.square(a - Y, dtype=np.float64) / 2,
        lambda a, Y, p: a - Y,
    ),
    "binary_cross_entropy": (
        lambda a, Y, p: -(Y * np.log(_limited(a)) + (1 - Y) * np.log1p(-_limited(a))),
        lambda a, Y, p: _inside(a, lambda q: (q - Y) / (q * (1 - q))),
    ),
    "cross_entropy": (
        lambda a, Y, p: -Y * np.log(_limited(a, np.inf)),
        lambda a, Y, p: _inside(a, lambda q: -Y / q, np.inf),
    ),
    "mae": (lambda a, Y, p: np.abs(a - Y), lambda a, Y, p: np.sign(a - Y)),
    "log_cosh": (
        lambda a, Y, p: _log_cosh((a - Y).astype(np.float64)),
        lambda a, Y, p: np.tanh(a - Y),
    ),
    "quantile": (
        lambda a, Y, p: np.where(a > Y, (1 - p) * (a - Y), p * (Y - a)),
        lambda a, Y, p: np.where(a > Y, 1 - p, np.where(a < Y, -p, a - Y)),
    ),
    "poisson": (
        lambda a, Y, p: a - Y * np.log(_limited(a, np.inf)),
        lambda a, Y, p: _inside(a, lambda q: 1 - Y / q, np.inf),
    ),
    "nll": (lambda a, Y, p: -Y * a, lambda a, Y, p: -Y),
    "binary_focal": (
        lambda a, Y, p: _focal(_limited(a), np.log(_limited(a)), np.log1p(-_limited(a)), Y, p),
        lambda a, Y, p: _inside(a, lambda q: _focal_slope(q, Y, p)),
    ),
    "hinge": (
        lambda a, Y, p: np.maximum(0, 1 - Y * a),
        lambda a, Y, p: np.where(Y * a < 1, -Y, 0),
    ),
    "squared_hinge": (
        lambda a, Y, p: np.square(np.maximum(0, 1 - Y * a), dtype=np.float64),
        lambda a, Y, p: -2 * Y * np.maximum(0, 1 - Y * a),
    ),
    "exponential": (
        lambda a, Y, p: np.square(a - Y, dtype=np.float64),
        lambda a, Y, p: 2 * (a - Y),
    ),
    "hellinger": (
        lambda a, Y, p: np.square(np.sqrt(_limited(a, np.inf)) - np.sqrt(Y)) / math.sqrt(2),
        lambda a, Y, p: _inside(a, lambda q: (np.sqrt(q) - np.sqrt(Y)) / np.sqrt(2 * q), np.inf),
    ),
    "kullback_leibler": (
        lambda a, Y, p: _y_log_ratio(Y, _limited(a, np.inf)),
        lambda a, Y, p: _inside(a, lambda q: -Y / q, np.inf),
    ),
    "generalized_kullback_leibler": (
        lambda a, Y, p: _y_log_ratio(Y, _limited(a, np.inf)) + (a - Y),
        lambda a, Y, p: _inside(a, lambda q: 1 - Y / q, np.inf),
    ),
    "itakura_saito": (
        lambda a, Y, p: _itakura_saito(np.divide(Y, _limited(a, np.inf), dtype=np.float64)),
        lambda a, Y, p: _inside(a, lambda q: (1 - Y / q) / q, np.inf),
    ),
    "huber": (
        lambda a, Y, p: np.where(
            np.abs(a - Y) > p,
            np.float64(p) * (np.abs(a - Y) - p / 2),
            np.square(a - Y, dtype=np.float64) / 2,
        ),
        lambda a, Y, p: np.clip(a - Y, -p, p),
    ),
}


def activated(name, z, alpha=0.0):
    """f(z) of an activation by its name."""
    return CURVES[name][0](z, z.dtype.type(alpha))


def activate(layer, z):
    """f(z) of the units of a layer."""
    if layer["activation"] == CUSTOM:
        return _of_user(FUNCTIONS[int(layer["f"])], z)
    return activated(ACTIVATIONS[layer["activation"]], z, layer["alpha"])


def activation_slope(layer, z, a):
    """f'(z) of units that depend on their own z alone."""
    if layer["activation"] == CUSTOM:
        return _of_user(FUNCTIONS[int(layer["slope"])], z, a)
    return CURVES[ACTIVATIONS[layer["activation"]]][1](z, a, a.dtype.type(layer["alpha"]))


def _through_softmax(a, dC_da):
    # da_k/dz_j = a_k ([j = k] - a_j)
    return a * (dC_da - (dC_da * a).sum(axis=-1, keepdims=True))


def _through_log_softmax(a, dC_da):
    # da_k/dz_j = [j = k] - exp(a_j)
    return dC_da - np.exp(a) * dC_da.sum(axis=-1, keepdims=True)


_THROUGH_ALL = {"softmax": _through_softmax, "log_softmax": _through_log_softmax}


def _through(layer, z, a, dC_da):
    """dC/dz of the output layer."""
    name = (*ACTIVATIONS, "custom")[layer["activation"]]
    if name in _THROUGH_ALL:
        return _THROUGH_ALL[name](a, dC_da)
    return dC_da * activation_slope(layer, z, a)


def columns_of_head(head, first="first", n=None):
    """Slice of its units in the outputs; with 'first_target', n_targets of its targets in Y."""
    start = int(head[first])
    return slice(start, start + int(head["layer"]["n_out"] if n is None else n))


def net_of_head(head):
    """What the functions here ask of a plan, of one head."""
    return SimpleNamespace(
        layers=[head["layer"]], loss=int(head["loss"]), loss_parameter=head["loss_parameter"],
        heads=None,
    )  # fmt: skip


def _activate_outputs(plan, z):
    """A of the last layer: head by head, where there are any."""
    if plan.heads is None:
        return activate(plan.layers[-1], z)
    a = np.empty_like(z)
    for head in plan.heads:
        own = z[:, columns_of_head(head)]
        if head["loss"] == GAUSSIAN:
            n = own.shape[1] // 2
            a[:, columns_of_head(head)] = np.hstack([own[:, :n], np.exp(own[:, n:])])
        else:
            a[:, columns_of_head(head)] = activate(head["layer"], own)
    return a


def _through_outputs(plan, z, a, dC_da):
    """The same for `_through`."""
    if plan.heads is None:
        return _through(plan.layers[-1], z, a, dC_da)
    delta = np.empty_like(z)
    for head in plan.heads:
        part = columns_of_head(head)
        if head["loss"] == GAUSSIAN:
            n = head["n_targets"]
            slope = np.hstack([np.ones_like(a[:, part][:, :n]), a[:, part][:, n:]])
            delta[:, part] = dC_da[:, part] * slope
        else:
            delta[:, part] = _through(head["layer"], z[:, part], a[:, part], dC_da[:, part])
    return delta


def _gaussian_delta(z, Y):
    """Of means m = z_j and variances v = exp(z_(n + j)): 1/2 (log v + (y - m)^2 / v)."""
    mean, log_v = np.hsplit(z.astype(np.float64), 2)
    off, precision = mean - Y, np.exp(-log_v)
    squares = off * off * precision
    delta = np.hstack([off * precision, 0.5 - 0.5 * squares])
    return 0.5 * (log_v + squares).sum(axis=-1), delta.astype(z.dtype)


def _delta_of_heads(plan, z, a, Y):
    """Loss of every sample, and delta, as weighted sums over the heads."""
    losses, delta = np.zeros(len(z)), np.empty_like(z)
    for head in plan.heads:
        part = columns_of_head(head)
        y = Y[:, columns_of_head(head, "first_target", head["n_targets"])]
        if head["loss"] == GAUSSIAN:
            own, of_head = _gaussian_delta(z[:, part], y)
        else:
            own, of_head = _output_delta(net_of_head(head), z[:, part], a[:, part], y)
        losses += head["weight"] * own
        delta[:, part] = z.dtype.type(head["weight"]) * of_head
    return losses, delta


def _softmax_cross_entropy(z, a, Y, p, loss):
    top = z.max(axis=-1, keepdims=True)
    log_sum = top + np.log(np.exp(z - top).sum(axis=-1, keepdims=True))
    sum_y = Y.sum(axis=-1, dtype=np.float64, keepdims=True).astype(Y.dtype)
    rest = _y_log_ratio(Y, 1) if loss == "kullback_leibler" else 0
    if p:  # label smoothing
        Y = (1 - p) * Y + p * sum_y / Y.shape[-1]
    return (Y * (log_sum - z) + rest).sum(axis=-1, dtype=np.float64), sum_y * a - Y


def _focal_of_logits(z, a, Y, p):
    log_a, log_q = -np.logaddexp(0, -z), -np.logaddexp(0, z)
    of_one = np.exp(p * log_q) * (p * a * log_a - _sigmoid(-z))
    of_zero = np.exp(p * log_a) * (a - p * _sigmoid(-z) * log_q)
    return _focal(a, log_a, log_q, Y, p), Y * of_one + (1 - Y) * of_zero


# canonical pairs of single units: loss of every unit and delta from (z, a, Y, p)
_FROM_LOGITS = {
    ("sigmoid", "binary_cross_entropy"): lambda z, a, Y, p: (
        np.maximum(z, 0) - z * Y + np.log1p(np.exp(-np.abs(z))), a - Y
    ),
    ("sigmoid", "binary_focal"): _focal_of_logits,
    ("exp", "poisson"): lambda z, a, Y, p: (a - z * Y, a - Y),
    ("exp", "generalized_kullback_leibler"): lambda z, a, Y, p: (
        np.where(z > -10, _y_log_ratio(Y, a), _y_log_ratio(Y, 1) - z * Y) + (a - Y), a - Y
    ),
}  # fmt: skip


def loss_slope(plan, a, Y):
    """Loss of every sample, shape (n,), and dC/da of outputs of one kind, from a alone."""
    p = a.dtype.type(plan.loss_parameter)
    if plan.loss >= len(LOSSES):
        of_unit, slope_of_unit = FUNCTIONS[plan.loss]
        losses, dC_da = _of_user(of_unit, a, Y), _of_user(slope_of_unit, a, Y)
        return losses.sum(axis=-1, dtype=np.float64), dC_da
    loss = LOSSES[plan.loss]
    value, slope = TERMS[loss]
    losses, dC_da = value(a, Y, p).sum(axis=-1, dtype=np.float64), slope(a, Y, p).astype(a.dtype)
    if loss in _OUTER:
        losses, factors = _OUTER[loss](losses, p)
        dC_da = dC_da * factors[:, None].astype(a.dtype)
    return losses, dC_da


def _output_delta(plan, z, a, Y):
    """Loss of every sample, shape (n,), and delta = dC/dz of the output layer."""
    if plan.heads is not None:
        return _delta_of_heads(plan, z, a, Y)
    layer = plan.layers[-1]
    activation = (*ACTIVATIONS, "custom")[layer["activation"]]
    loss = LOSSES[plan.loss] if plan.loss < len(LOSSES) else "custom"
    p = a.dtype.type(plan.loss_parameter)
    # canonical pairs: the loss from the logits z; delta = a - y, with softmax (sum_j y_j) a - y
    if activation == "softmax" and loss in ("cross_entropy", "kullback_leibler"):
        return _softmax_cross_entropy(z, a, Y, p, loss)
    if (activation, loss) in _FROM_LOGITS:
        losses, delta = _FROM_LOGITS[activation, loss](z, a, Y, p)
        return losses.sum(axis=-1, dtype=np.float64), delta
    # every other pair: delta = dC/da f'(z)
    losses, dC_da = loss_slope(plan, a, Y)
    return losses, _through(layer, z, a, dC_da)


def _sources(layer):
    """The layers, 0 for the inputs, that enter beside the one before."""
    return [s for s in range(64) if int(layer["shortcuts"]) >> s & 1]


def _forward(plan, theta, X, masks=None):
    """Z and a of every layer, and what enters it: X, or a of the layer before, times its mask."""
    Z, A, entered, left = [], [], [], []
    for index, layer in enumerate(plan.layers):
        before = A[-1] if A else X
        left.append(before if masks is None else before * masks[index])
        sources = [left[s] for s in _sources(layer)]
        entered.append(np.hstack([left[index], *sources]) if sources else left[index])
        z = entered[-1] @ plan.W(theta, index).T
        b = plan.b(theta, index)
        if b is not None:
            z += b
        Z.append(z)
        last = index == len(plan.layers) - 1
        A.append(_activate_outputs(plan, z) if last else activate(layer, z))
    return Z, A, entered


def _mixed(x):
    """A bijection of 64 bits (Steele, Lea & Flood 2014, SplitMix64)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def kept(noise: int, step: int, layer: int, n_samples: int, n_units: int, p: float) -> np.ndarray:
    """Which units are not dropped: hash(noise, step, layer, sample, unit) >= p 2^16.

    The step counts from 1, the hidden layers from 1, and layer 0 are the inputs.
    """
    one = np.ones(1, np.uint64)  # an array: whole numbers wrap around without a warning
    key = _mixed(_mixed(one * np.uint64(noise)) + np.uint64(step))
    key = _mixed(key + np.uint64(layer))
    x = _mixed(key + np.arange(n_samples, dtype=np.uint64)).astype(np.uint32)
    half = (n_units + 1) // 2  # one hash serves two units, with 16 bits each
    x = x[:, None] + np.arange(half, dtype=np.uint32)
    x *= np.uint32(0x7FEB352D)  # Wellons (2018), "lowbias32", without its first step
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    x = np.hstack([x & np.uint32(0xFFFF), x >> np.uint32(16)])[:, :n_units]
    return x >= min(int(p * 2**16 + 0.5), 2**16 - 1)


def bell(noise: int, step: int, series: int, positions: np.ndarray, sample=None) -> np.ndarray:
    """Numbers of mean 0 and deviation 1 by their positions: sums of 8 uniform ones.

    series: 2^28 for noise of inputs, drawn for each sample, 2^29 for that of weights, whose
    positions are those in theta.
    """
    one = np.ones(1, np.uint64)
    key = _mixed(_mixed(_mixed(one * np.uint64(noise)) + np.uint64(step)) + np.uint64(series))
    if sample is not None:
        key = _mixed(key + np.asarray(sample, np.uint64))
    total = np.zeros(np.broadcast_shapes(key.shape, positions.shape))
    for half in range(2):
        h = _mixed(key + np.uint64(2) * positions.astype(np.uint64) + np.uint64(half))
        for part in range(4):
            total += (h >> np.uint64(16 * part)) & np.uint64(0xFFFF)
    return (total - 4 * 65535) / math.sqrt(8 * (65536**2 - 1) / 12)


def _noisy_inputs(plan, noise, step, X):
    """X with noise in every input."""
    rows, columns = np.arange(len(X))[:, None], np.arange(plan.n_in)
    found = bell(noise, step, 2**28, columns, rows)
    return X + (plan.input_noise * found).astype(X.dtype)


def _noisy_weights(plan, deviation, noise, step, theta):
    """A copy of theta with noise in the weights that are trained."""
    found = (deviation * bell(noise, step, 2**29, np.arange(plan.n_theta))).astype(theta.dtype)
    if plan.mask is not None:
        found[plan.mask == 0] = 0
    theta = theta.copy()
    for index in np.flatnonzero(plan.layers["frozen"] == 0):
        plan.W(theta, index)[:] += plan.W(found, index)
    return theta


def _masks(plan, noise, step, n_samples):
    """0 for what is dropped, else 1 / (1 - p): for the inputs and every hidden layer."""
    widths = [plan.n_in, *(int(n) for n in plan.layers["n_out"][:-1])]
    dropout = [plan.input_dropout, *(float(p) for p in plan.layers["dropout"][:-1])]
    return [
        kept(noise, step, index, n_samples, n, p) * plan.dtype.type(1 / (1 - p))
        for index, (n, p) in enumerate(zip(widths, dropout, strict=True))
    ]


def _backward(plan, theta, passed, Y, weights=None, masks=None):
    """Loss of every sample, times w_t, and delta of every layer, times w_t n / sum_s w_s."""
    Z, A, entered = passed
    losses, delta = _output_delta(plan, Z[-1], A[-1], Y)
    if weights is not None:  # the mean of these deltas is the weighted mean
        counts = weights > 0
        losses = np.where(counts, weights * losses, 0)
        factors = weights * (len(weights) / weights.sum()) if counts.any() else weights
        delta = np.where(counts[:, None], factors[:, None].astype(delta.dtype) * delta, 0)
        for values in (*Z, *A, *entered[1:]):  # no inf and no nan meets the delta of 0
            values[~counts] = 0
    return losses, _deltas(plan, theta, Z, A, delta, masks)


def _columns_of(plan, index, source):
    """Where the units of layer `source`, 0 for the inputs, stand among what enters a layer."""
    units = [plan.n_in, *(int(n) for n in plan.layers["n_out"])]
    entering = [index, *_sources(plan.layers[index])]
    first = sum(units[s] for s in entering[: entering.index(source)])
    return slice(first, first + units[source])


def _dC_da(plan, theta, deltas, source):
    """For layer `source`, 0 for the inputs, from delta of every layer that it enters."""
    return sum(
        delta @ plan.W(theta, index)[:, _columns_of(plan, index, source)]
        for index, delta in deltas.items()
        if source == index or source in _sources(plan.layers[index])
    )


def _deltas(plan, theta, Z, A, delta, masks=None):
    """Delta of every layer, from that of the last."""
    n = len(plan.layers)
    deltas = {n - 1: delta}
    for index in range(n - 1, 0, -1):
        dC_da = _dC_da(plan, theta, deltas, index)
        if masks is not None:
            dC_da *= masks[index]
        slope = activation_slope(plan.layers[index - 1], Z[index - 1], A[index - 1])
        deltas[index - 1] = dC_da * slope
    return [deltas[index] for index in range(n)]


def _gradient(plan, entered, deltas, grad):
    n = len(deltas[0])
    for index, delta in enumerate(deltas):
        plan.W(grad, index)[:] = (delta.T @ entered[index]) / n
        if plan.mask is not None:
            plan.W(grad, index)[plan.W(plan.mask, index) == 0] = 0
        if plan.b(grad, index) is not None:
            plan.b(grad, index)[:] = delta.sum(axis=0) / n


def _rows(X, rows=slice(None)):
    """Chosen rows of X as a dense array."""
    return X.dense(rows) if isinstance(X, SparseRows) else X[rows]


sparse_rows = SparseRows.from_dense


def session(plan: Plan, theta, batch_size: int = 1, turns: Turns | None = None) -> Session:
    """For many small calls on one network."""
    return Session(
        plan, theta, batch_size, turns, forward=forward, train_epoch=train_epoch,
        apply_gradient=apply_gradient,
    )  # fmt: skip


def forward(plan: Plan, theta, X, out, work: Work) -> bool:
    """Output activations of every sample; whether z of the first layer is finite."""
    X = _rows(X)
    with np.errstate(all="ignore"):
        Z, A, _ = _forward(plan, theta, X)
    out[:] = A[-1]
    return bool(np.isfinite(Z[0]).all())


def loss_gradient(plan: Plan, theta, X, Y, grad, work: Work, weights=None) -> float:
    """Mean loss; dC/dtheta into grad (when given); z, a and delta into work (where they fit)."""
    X = _rows(X)
    n = len(X)
    with np.errstate(all="ignore"):
        passed = Z, A, entered = _forward(plan, theta, X)
        losses, deltas = _backward(plan, theta, passed, Y, weights)
        if grad is not None:
            grad[:] = 0  # padding included
            _gradient(plan, entered, deltas, grad)
        loss = float(losses.mean() if weights is None else losses.sum() / weights.sum())
    if n <= work.batch_size:
        for index in range(len(plan.layers)):
            work.rows("z", index, n)[:] = Z[index]
            work.rows("a", index, n)[:] = A[index]
            work.rows("delta", index, n)[:] = deltas[index]
    return loss


def backward(plan: Plan, theta, X, dC_da, grad, dC_dx, work: Work) -> None:
    """From dC/da to dC/dtheta in grad, and dC/dx in dC_dx; each may be None."""
    X = _rows(X)
    with np.errstate(all="ignore"):
        Z, A, entered = _forward(plan, theta, X)
        delta = _through_outputs(plan, Z[-1], A[-1], dC_da)
        deltas = _deltas(plan, theta, Z, A, delta)
        if grad is not None:
            grad[:] = 0  # padding included
            _gradient(plan, entered, deltas, grad)
            grad *= len(X)  # from the mean to the sum
        if dC_dx is not None:
            dC_dx[:] = _dC_da(plan, theta, dict(enumerate(deltas)), 0)


def _adam(eps, beta1, beta2, epsilon, t, w, g, m, v):
    m[:] = beta1 * m + (1 - beta1) * g
    v[:] = beta2 * v + (1 - beta2) * g * g
    return w - eps / (1 - beta1**t) * m / (np.sqrt(v / (1 - beta2**t)) + epsilon)


def _amsgrad(eps, beta1, beta2, epsilon, t, w, g, m, v, top):
    _adam(eps, beta1, beta2, epsilon, t, w, g, m, v)
    top[:] = np.maximum(top, v)
    return w - eps / (1 - beta1**t) * m / (np.sqrt(top / (1 - beta2**t)) + epsilon)


def _nadam(eps, beta1, beta2, epsilon, decay, t, w, g, m, v):
    mu = beta1 * (1 - 0.5 * 0.96 ** (np.arange(1, t + 2) * decay))  # mu_1 ... mu_t+1
    m[:] = beta1 * m + (1 - beta1) * g
    v[:] = beta2 * v + (1 - beta2) * g * g
    ahead = (1 - mu[-2]) / (1 - mu[:-1].prod()) * g + mu[-1] / (1 - mu.prod()) * m
    return w - eps * ahead / (np.sqrt(v / (1 - beta2**t)) + epsilon)


def _momentum(eps, mu, t, w, g, v):
    v[:] = mu * v + g
    return w - eps * v


def _nesterov(eps, mu, t, w, g, v):
    v[:] = mu * v + g
    return w - eps * (g + mu * v)


def _rmsprop(eps, rho, epsilon, t, w, g, v):
    v[:] = rho * v + (1 - rho) * g * g
    return w - eps * g / (np.sqrt(v) + epsilon)


def _adagrad(eps, decay, epsilon, t, w, g, v):
    v += g * g
    return w - eps / (1 + (t - 1) * decay) * g / (np.sqrt(v) + epsilon)


def _adadelta(eps, rho, epsilon, t, w, g, v, u):
    v[:] = rho * v + (1 - rho) * g * g
    d = np.sqrt(u + epsilon) / np.sqrt(v + epsilon) * g
    u[:] = rho * u + (1 - rho) * d * d
    return w - eps * d


def _rprop(first, shrink, grow, smallest, largest, t, w, g, before, size):
    size[:] = np.where((size == 0) & (g != 0), first, size)
    turn = np.sign(g) * np.sign(before)
    size *= np.select([turn < 0, turn > 0], [shrink, grow], 1).astype(w.dtype)
    size[size > 0] = np.clip(size[size > 0], smallest, largest)
    before[:] = np.where(turn < 0, 0, g)
    return w - np.sign(before) * size


# name: the new w from the hyper-parameters, the number t of the step, w, g, and the slots, which
# are overwritten
_STEPS = {
    "sgd": lambda eps, mu, t, w, g: w - eps * g,
    "momentum": _momentum,
    "nesterov": _nesterov,
    "adam": _adam,
    "rmsprop": _rmsprop,
    "adagrad": _adagrad,
    "adadelta": _adadelta,
    "nadam": _nadam,
    "amsgrad": _amsgrad,
    "rprop": _rprop,
}


def _factors(plan, dtype):
    """What the learning rate is multiplied by for every parameter, padding included."""
    factors = np.ones(plan.n_theta, dtype)
    for index, layer in enumerate(plan.layers):
        _parameters_of(plan, factors, index)[:] = layer["rate_of_W"]
        b = plan.b(factors, index)
        if b is not None:
            b[:] = layer["rate_of_b"]
    return factors


def _parameters_of(plan, theta, index):
    """W and b of a layer, padding included."""
    starts = [*plan.layers["W"], plan.n_theta]
    return theta[starts[index] : starts[index + 1]]


def _update(plan, rule, theta, state, grad, t):
    """Update number t, counted from 1, of theta and state."""
    regular, number = rule.regularization, theta.dtype.type
    before, frozen = theta.copy(), np.flatnonzero(plan.layers["frozen"])
    grad = grad if plan.mask is None else np.where(plan.mask == 0, number(0), grad)
    for index in frozen:
        _parameters_of(plan, grad, index)[:] = 0
    grad = np.clip(grad, -number(regular.clip_value), number(regular.clip_value))
    largest = np.abs(grad).max().astype(np.float64)  # by which no square leaves the range
    norm = largest * np.linalg.norm(grad / (largest or 1))
    if norm > regular.clip_norm:
        grad = grad * number(regular.clip_norm / norm)
    for index in range(len(plan.layers)):
        w = plan.W(theta, index)
        plan.W(grad, index)[:] += number(regular.l1) * np.sign(w) + number(regular.l2) * w
        rate = rule.hyper[0] * plan.layers[index]["rate_of_W"]
        w *= number(1 - rate * regular.weight_decay)
    slots = state
    if rule.is_flat:  # the first slot is the gradient's, in every backend
        state[0], slots = grad, state[1 : 1 + len(rule.row.slots)]
    rates = rule.hyper[0] * _factors(plan, theta.dtype) if plan.has_rates else rule.hyper[0]
    theta[:] = _STEPS[RULES[rule.code]](rates, *rule.hyper[1:], t, theta, grad, *slots)
    if plan.mask is not None:  # what was assigned there, or a state from before, counts no longer
        theta[plan.mask == 0] = 0
    for index in range(len(plan.layers)):
        w = plan.W(theta, index)
        norms = np.linalg.norm(w.astype(np.float64), axis=1, keepdims=True)
        w *= np.where(norms > regular.max_norm, regular.max_norm / norms, 1).astype(w.dtype)
    for index in frozen:
        _parameters_of(plan, theta, index)[:] = _parameters_of(plan, before, index)
    state[np.abs(state) < np.finfo(state.dtype).tiny] = 0  # slow to compute with


def train_epoch(
    plan: Plan, theta, state, rule: Rule, X, Y, order, start, stop, batch_size, work: Work,
    total=0.0, step=0, weights=None, rates=None, noise=0, squares=None,
) -> float:  # fmt: skip
    """One pass over order[start:stop] in mini-batches; total plus the sample losses."""
    grad, first_step = np.zeros_like(theta), step
    with np.errstate(all="ignore"):
        for first in range(start, stop, batch_size):
            if not np.isfinite(total):
                break
            batch = slice(first, min(first + batch_size, stop))
            if order is not None:
                batch = order[batch]
            if rates is not None:
                rule = replace(rule, hyper=(float(rates[step - first_step]), *rule.hyper[1:]))
            step += 1
            if squares is not None:
                squares[0] += sum(
                    (plan.W(theta, layer).astype(np.float64) ** 2).sum()
                    for layer in range(len(plan.layers))
                )
            rows, weights_now = _rows(X, batch), None if weights is None else weights[batch]
            masks = _masks(plan, noise, step, len(rows)) if plan.drops else None
            if plan.input_noise:
                rows = _noisy_inputs(plan, noise, step, rows)
            used, deviation = theta, rule.regularization.weight_noise
            if deviation:
                used = _noisy_weights(plan, deviation, noise, step, theta)
            passed = _forward(plan, used, rows, masks)
            losses, deltas = _backward(plan, used, passed, Y[batch], weights_now, masks)
            _gradient(plan, passed[2], deltas, grad)
            _update(plan, rule, theta, state, grad, step)
            total += float(losses.sum())
    return total


def apply_gradient(plan: Plan, theta, state, rule: Rule, grad, step: int) -> None:
    """One step with a gradient from elsewhere."""
    with np.errstate(all="ignore"):
        _update(plan, rule, theta, state, grad, step + 1)


def jacobian(plan: Plan, theta, X, out, work: Work | Search) -> None:
    """da_o/dtheta of every sample and output."""
    X = _rows(X)
    out[:] = 0  # padding included
    with np.errstate(all="ignore"):
        Z, A, entered = _forward(plan, theta, X)
        for o in range(out.shape[1]):
            dC_da = np.zeros_like(A[-1])
            dC_da[:, o] = 1
            delta = _through_outputs(plan, Z[-1], A[-1], dC_da)
            deltas = _deltas(plan, theta, Z, A, delta)
            for index, delta in enumerate(deltas):
                layer = plan.layers[index]
                n_in, n_out, width = (int(layer[name]) for name in ("n_in", "n_out", "width"))
                of_W = out[:, o, layer["W"] : layer["W"] + n_in * width]
                of_W = of_W.reshape(-1, n_in, width)  # a view
                of_W[:, :, :n_out] = entered[index][:, :, None] * delta[:, None, :]
                if layer["b"] >= 0:
                    out[:, o, layer["b"] : layer["b"] + n_out] = delta


@np.errstate(all="ignore")
def levenberg_marquardt(
    plan: Plan, theta, X, Y, search: Search, losses, n_blocks, weights=None
) -> int:
    """Up to one accepted step; all in plain sight and, with J as one array, in much memory."""
    state, columns = search.state, columns_of(plan)
    X, Y = _rows(X).astype(np.float64), Y.astype(np.float64)
    roots = np.ones(len(X)) if weights is None else np.sqrt(weights)
    n = state["sum_of_weights"][0]

    def errors(theta):
        """Those of all outputs, times sqrt(w_t): shape (n_samples, n_out)."""
        e = _forward(plan, theta, X)[1][-1] - Y
        return np.where(roots[:, None] > 0, roots[:, None] * e, 0)

    e = errors(theta)
    state["loss"] = np.square(e).sum() / 2
    if not np.isfinite(state["loss"][0]):
        state["reason"] = REASONS.index("not finite")
        return 0
    J = np.empty((*Y.shape, plan.n_theta))
    jacobian(plan, theta, X, J, search)
    J = np.where(roots[:, None, None] > 0, roots[:, None, None] * J[:, :, columns], 0)
    J, e = J.reshape(-1, len(columns)), e.ravel()
    gradient = J.T @ e / n  # dC/dtheta
    state["gradient"] = np.linalg.norm(gradient)
    if state["gradient"] < state["min_gradient"]:
        state["reason"] = REASONS.index("gradient")
        return 0
    while True:
        state["n_tries"] += 1
        trial = theta.copy()
        try:
            normal = J.T @ J / n + state["mu"] * np.eye(len(columns))
            U = np.linalg.cholesky(normal).T
            trial[columns] -= np.linalg.solve(U, np.linalg.solve(U.T, gradient))
        except np.linalg.LinAlgError:  # by rounding alone
            trial[columns] = np.nan
        loss = np.square(errors(trial)).sum() / 2
        if loss < state["loss"]:
            break
        state["mu"] *= state["increase"]
        if state["mu"] > state["max_mu"]:
            state["reason"] = REASONS.index("mu")
            return 0
    theta[:], state["loss"], losses[0] = trial, loss, loss / n
    state["mu"] = max(state["decrease"][0] * state["mu"][0], SMALLEST_MU)
    if losses[0] <= state["target"][0]:
        state["reason"] = REASONS.index("target_loss")
    return 1
