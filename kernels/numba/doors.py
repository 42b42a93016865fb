"""From arrays to pointers, and into the loops: the functions that Python calls.

Their signatures are given, one per element type, and accept arrays of any layout, read-only or
not: everything is compiled once, at the first call for an element type.
"""

from functools import cache

import numba
import numpy as np
from numba import types

from ..interface import BLOCK
from .batch import add_gradient, descend_batches, forward_batch, pass_batch
from .compiling import address, as_columns, at, entry_points, get, jit, like, part, put, stack
from .layers import activate_outputs, clear, copy
from .plan import A, N_IN, N_OUT, WIDTH, Net, Rows, Rule, block, field, moved, round_up
from .rules import (
    DECAY, EPSILON, LEARNING_RATE, MU, NEW_M, NEW_V, N_HYPER, ONE, SGD,
)  # fmt: skip
from .sample import descend_samples, forward_sample


@part
def bind(kernels, layers, loss, theta, room, buffer, costs, n_work, widest):
    """Plan, theta and Work as one record; `layers` may be read-only."""
    table, work = address(layers), address(buffer)
    gathered = at(work, room * n_work)
    turned = at(gathered, room * round_up(get(table, 0)))
    turned_prev = at(turned, widest * round_up(room))
    partial = at(turned_prev, widest * round_up(room))
    return Net(
        table, layers.shape[0], loss, address(theta), room, work, gathered, turned, turned_prev,
        partial, address(costs), as_columns(turned),
        address(kernels),
    )  # fmt: skip


@part
def bind_rows(dense, starts, columns, values, order):
    """An array, or SparseRows where `starts` is not empty, and the order or an empty array."""
    return Rows(
        starts.size > 0, address(dense), dense.strides[0] // dense.itemsize, address(starts),
        address(columns), address(values), order.size > 0, address(order), np.intp(0),
    )  # fmt: skip


@part
def bind_rule(theta, code, learning_rate, beta1, beta2, epsilon, m, v, hyper):
    """A rule with its constants in `hyper`, (N_HYPER,); beta1 is also the momentum."""
    put(hyper, LEARNING_RATE, learning_rate)
    put(hyper, MU, beta1)
    put(hyper, DECAY, beta2)
    put(hyper, NEW_M, 1 - beta1)
    put(hyper, NEW_V, 1 - beta2)
    put(hyper, EPSILON, epsilon)
    put(hyper, ONE, 1.0)
    return Rule(code, like(theta, learning_rate), hyper, m, v)


@part
def number_one(pointer):
    """A pointer to a 1."""
    one = stack(pointer, 1)
    put(one, 0, 1.0)
    return one


@part
def copy_outputs(net, n_samples, out):
    """The output activations without their padding: out is (n_samples, n_out)."""
    k = net.n_layers - 1
    n_out, width, a = field(net, k, N_OUT), field(net, k, WIDTH), block(net, k, A, 0)
    for t in range(n_samples):
        copy(n_out, at(a, t * width), at(out, t * n_out))


@jit
def forward_rows(net, X, n_samples, out, one):
    """out[t] = output activations of sample t."""
    n_out = field(net, net.n_layers - 1, N_OUT)
    for first in range(0, n_samples, net.room):
        n = min(net.room, n_samples - first)
        if n_samples == 1:
            forward_sample(net, X, 0)
        else:
            forward_batch(net, n, 0, moved(X, X.first + first), one)
        activate_outputs(net, n, 0)
        copy_outputs(net, n, at(out, first * n_out))


@jit
def gradient_of_rows(net, X, Y, n_samples, wanted, grad, n_theta, one):
    """Mean loss; the gradient into grad, if wanted."""
    total = 0.0
    if wanted:
        clear(n_theta, grad)
    for first in range(0, n_samples, net.room):
        n = min(net.room, n_samples - first)
        x, y = moved(X, X.first + first), moved(Y, Y.first + first)
        total += pass_batch(net, n, x, y, one, wanted)
        if wanted:
            add_gradient(net, n, x, grad, like(one, 1 / n_samples), one)
    return total / n_samples


def _forward(
    kernels, layers, loss, theta, dense, starts, columns, values, order, n_samples, out, room, buffer, costs,
    n_work, widest,
):  # fmt: skip
    net = bind(kernels, layers, loss, theta, room, buffer, costs, n_work, widest)
    X = bind_rows(dense, starts, columns, values, order)
    forward_rows(net, X, n_samples, address(out), number_one(net.theta))


def _loss_gradient(
    kernels, layers, loss, theta, dense, starts, columns, values, order, Y, grad, room, buffer, costs,
    n_work, widest,
):  # fmt: skip
    net = bind(kernels, layers, loss, theta, room, buffer, costs, n_work, widest)
    X, y = (
        bind_rows(dense, starts, columns, values, order),
        bind_rows(Y, starts[:0], columns, values, order),
    )
    return gradient_of_rows(
        net, X, y, Y.shape[0], grad.size > 0, address(grad), grad.size, number_one(net.theta)
    )


def _train_epoch(
    kernels, layers, loss, theta, state, code, learning_rate, beta1, beta2, epsilon, dense, starts, columns,
    values, order, Y, start, stop, batch_size, room, buffer, costs, n_work, widest, total, step,
):  # fmt: skip
    net = bind(kernels, layers, loss, theta, room, buffer, costs, n_work, widest)
    X, y = (
        bind_rows(dense, starts, columns, values, order),
        bind_rows(Y, starts[:0], columns, values, order),
    )
    m = v = net.theta
    if state.shape[0] > 0:
        m = v = address(state)
    if state.shape[0] > 1:
        v = at(m, state.shape[1])
    hyper = stack(net.theta, N_HYPER)
    rule = bind_rule(net.theta, code, learning_rate, beta1, beta2, epsilon, m, v, hyper)
    one, betas = at(hyper, ONE), (beta1, beta2)
    if batch_size == 1:
        return descend_samples(net, rule, betas, one, start, stop, X, y, total, step)
    return descend_batches(
        net, rule, betas, one, start, stop, batch_size, X, y, total, step
    )  # fmt: skip


def _arrays(dtype):
    real = types.float32 if dtype.itemsize == 4 else types.float64

    def array(element, ndim, layout="C", readonly=True):
        return types.Array(element, ndim, layout, readonly=readonly)

    return {
        "kernels": numba.typeof(entry_points(dtype)),
        "layers": array(types.intp, 2),
        "parameters": array(real, 1),  # read
        "theta": array(real, 1, readonly=False),
        "state": array(real, 2, readonly=False),
        "dense": array(real, 2, "A"),
        "sparse": [array(types.intp, 1), array(types.int32, 1), array(real, 1)],
        "order": array(types.intp, 1),
        "out": array(real, 2, readonly=False),
        "buffer": [array(real, 1, readonly=False), array(types.float64, 1, readonly=False)],
    }


@cache
def forward(dtype):
    """The compiled `_forward` of one element type."""
    a = _arrays(dtype)
    return jit(
        _forward,
        signatures=types.void(
            a["kernels"], a["layers"], types.intp, a["parameters"], a["dense"], *a["sparse"], a["order"], types.intp,
            a["out"], types.intp, *a["buffer"], types.intp, types.intp,
        ),
    )  # fmt: skip


@cache
def loss_gradient(dtype):
    """The compiled `_loss_gradient` of one element type."""
    a = _arrays(dtype)
    return jit(
        _loss_gradient,
        signatures=types.float64(
            a["kernels"], a["layers"], types.intp, a["parameters"], a["dense"], *a["sparse"], a["order"],
            a["dense"], a["theta"], types.intp, *a["buffer"], types.intp, types.intp,
        ),
    )  # fmt: skip


@cache
def train_epoch(dtype):
    """The compiled `_train_epoch` of one element type."""
    a, whole, number = _arrays(dtype), types.intp, types.float64
    return jit(
        _train_epoch,
        signatures=number(
            a["kernels"], a["layers"], whole, a["theta"], a["state"], whole, number, number, number, number,
            a["dense"], *a["sparse"], a["order"], a["dense"], whole, whole, whole, whole,
            *a["buffer"], whole, whole, number, whole,
        ),
    )  # fmt: skip
