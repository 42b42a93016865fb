"""The loss of one sample, and its derivative by z (canonical pairs) or by a (all others)."""

import math

import numpy as np
from numba.extending import intrinsic
from numba import types
from llvmlite import ir

from .activations import exp_of_difference, largest, sum_of, tail
from .compiling import get, jit, part, put
from .plan import CROSS_ENTROPY, MSE


@intrinsic
def epsilon_of(context, pointer):
    """Machine epsilon of the elements."""
    value = float(np.finfo(pointer.dtype.name).eps)

    def write(context, builder, signature, values):
        return ir.Constant(context.get_value_type(signature.return_type), value)

    return pointer.dtype(pointer), write


@part
def softmax(kernels, n_out, width, z, a):
    """a = exp(z - max z) / sum, (width,), padding 0; returns log sum_k exp(z_k), float64."""
    for j in range(n_out):
        put(a, j, get(z, j))
    for j in range(n_out, width):
        put(a, j, get(z, 0))  # padding takes no part in the maximum
    top = largest(kernels, width, a)
    exp_of_difference(kernels, width, top, a)
    zero = top - top
    for j in range(n_out, width):
        put(a, j, zero * 0)
    norm = sum_of(kernels, width, a)
    for j in range(n_out):
        put(a, j, get(a, j) / norm)
    return np.float64(top) + math.log(np.float64(norm))


@part
def through_softmax(n_out, a, delta):
    """delta, (n_out,): dC/da in, dC/dz out: a_j (dC/da_j - sum_k dC/da_k a_k)."""
    mean = get(delta, 0) * get(a, 0)
    for j in range(1, n_out):
        mean += get(delta, j) * get(a, j)
    for j in range(n_out):
        put(delta, j, get(a, j) * (get(delta, j) - mean))


@part
def zero_padding(n_out, width, delta):
    """Padding lanes of delta are 0."""
    zero = epsilon_of(delta) * 0
    for j in range(n_out, width):
        put(delta, j, zero)


@part
def canonical_delta(kernels, loss, n_out, width, z, a, log_sum, y, delta):
    """delta = a - y, (width,), padding 0; returns the loss of the sample."""
    cost = 0.0
    if loss == CROSS_ENTROPY:
        for j in range(n_out):  # y (log sum_k exp(z_k) - z)
            y_j = np.float64(get(y, j))
            if y_j != 0:
                cost += y_j * (log_sum - get(z, j))
    else:
        tail(kernels, width, z, delta)  # log(1 + exp(-|z|)), kept in delta
        for j in range(n_out):  # max(z, 0) - z y + log(1 + exp(-|z|))
            z_j = np.float64(get(z, j))
            cost += (z_j if z_j > 0 else 0.0) - z_j * get(y, j) + get(delta, j)
    for j in range(n_out):
        put(delta, j, get(a, j) - get(y, j))
    zero_padding(n_out, width, delta)
    return cost


@part
def general_slope(loss, n_out, width, a, y, dC_da):
    """dC/da, (width,), padding 0; returns the loss of the sample."""
    cost = 0.0
    if loss == MSE:
        for j in range(n_out):  # 1/2 (a - y)^2
            d = get(a, j) - get(y, j)
            put(dC_da, j, d)
            cost += np.float64(d) * d
        cost *= 0.5
    elif loss == CROSS_ENTROPY:
        for j in range(n_out):
            cost += limited_cross_entropy(get(a, j), get(y, j), dC_da, j)
    else:
        for j in range(n_out):
            cost += limited_binary_cross_entropy(get(a, j), get(y, j), dC_da, j)
    zero_padding(n_out, width, dC_da)
    return cost


@jit
def limited_cross_entropy(a, y, dC_da, j):
    """-y log a with a limited to [eps, inf)"""
    eps = epsilon_of(dC_da)
    if a < eps:
        put(dC_da, j, eps * 0)
        a = eps
    else:
        put(dC_da, j, -y / a)
    return -np.float64(y) * math.log(np.float64(a)) if y != 0 else np.float64(a) * 0


@jit
def limited_binary_cross_entropy(a, y, dC_da, j):
    """-y log a - (1 - y) log(1 - a) with a limited to [eps, 1 - eps]"""
    eps = epsilon_of(dC_da)
    high = np.float64(1) - eps
    limited = np.float64(a)
    if a < eps:
        limited = np.float64(eps)
    elif a > high:
        limited = high
    if limited == a or a != a:
        p, target = np.float64(a), np.float64(y)
        put(dC_da, j, (a - y) / (a - a * a))
    else:
        put(dC_da, j, eps * 0)
    return -y * math.log(limited) - (1 - np.float64(y)) * math.log1p(-limited)
