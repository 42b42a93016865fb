"""From arrays to records of addresses, and into the loops: the functions that Python calls.

Their signatures are given, one per element type, and accept arrays of any layout, read-only or
not: everything is compiled once, at the first call for an element type.
"""

from functools import cache

import numba
from numba import types

from ..interface import BLOCK
from .batch import descend_batches, forward_rows, gradient_of_rows
from .compiling import (
    address_of,
    entry_points,
    jit,
    number_of,
    part,
    pointer_to,
    put,
    put_real,
    words,
)  # fmt: skip
from .plan import (
    COLUMNS,
    COSTS,
    DENSE,
    FIRST,
    GATHERED,
    LAYERS,
    LOSS,
    N_IN,
    N_LAYERS,
    NET_WORDS,
    ONE,
    ORDER,
    PARTIAL,
    ROOM,
    ROW,
    ROWS_WORDS,
    STARTS,
    THETA,
    TURNED,
    TURNED_PREV,
    VALUES,
    WORK,
)  # fmt: skip
from .rules import (
    BETA1,
    BETA2,
    CODE,
    DECAY,
    EPSILON,
    HYPER,
    LEARNING_RATE,
    MU,
    N_HYPER,
    NEW_M,
    NEW_V,
    RULE_WORDS,
    M,
    V,
)  # fmt: skip
from .sample import descend_samples

N_NUMBERS = N_HYPER + 1  # words, of 8 bytes: room for a 1 before the constants of a rule


@part
def round_up(n):
    """The smallest multiple of interface.BLOCK that is at least n."""
    return (n + BLOCK - 1) // BLOCK * BLOCK


@part
def fill_net(net, layers, loss, theta, room, buffer, costs, n_work, widest, one):
    """Plan, theta and Work as the words of a Net; `one` is the address of a 1."""
    size = theta.itemsize
    put(net, LAYERS, address_of(layers))
    put(net, N_LAYERS, layers.shape[0])
    put(net, LOSS, loss)
    put(net, THETA, address_of(theta))
    put(net, ROOM, room)
    place = address_of(buffer)
    put(net, WORK, place)
    place += size * room * n_work
    put(net, GATHERED, place)
    place += size * room * round_up(layers[0, N_IN])
    put(net, TURNED, place)
    place += size * widest * round_up(room)
    put(net, TURNED_PREV, place)
    place += size * widest * round_up(room)
    put(net, PARTIAL, place)
    put(net, COSTS, address_of(costs))
    put(net, ONE, one)


@part
def fill_dense(rows, X, order):
    """Rows of an array; without an order if that is empty."""
    put(rows, DENSE, address_of(X))
    put(rows, ROW, X.strides[0] // X.itemsize)
    put(rows, ORDER, address_of(order) if order.size > 0 else 0)
    put(rows, FIRST, 0)


@part
def fill_rows(rows, X, starts, columns, values, order):
    """Rows of an array or, where `starts` is not empty, SparseRows."""
    fill_dense(rows, X, order)
    if starts.size > 0:
        put(rows, DENSE, 0)
        put(rows, STARTS, address_of(starts))
        put(rows, COLUMNS, address_of(columns))
        put(rows, VALUES, address_of(values))


@part
def fill_rule(rule, hyper, code, learning_rate, beta1, beta2, epsilon, m, v):
    """A rule as words, its constants in `hyper`, (N_HYPER,); beta1 is also the momentum."""
    put_real(hyper, LEARNING_RATE, learning_rate)
    put_real(hyper, MU, beta1)
    put_real(hyper, DECAY, beta2)
    put_real(hyper, NEW_M, 1 - beta1)
    put_real(hyper, NEW_V, 1 - beta2)
    put_real(hyper, EPSILON, epsilon)
    put(rule, CODE, code)
    put(rule, HYPER, number_of(hyper))
    put(rule, M, m)
    put(rule, V, v)
    put(rule, BETA1, beta1)
    put(rule, BETA2, beta2)


@part
def reals(kernels, room):
    """Words as reals, the first of which is 1."""
    pointer = pointer_to(kernels, number_of(room))
    put_real(pointer, 0, 1.0)
    return pointer


def _forward(
    kernels, layers, theta, X, starts, columns, values, order, n_samples, out, room, buffer, costs,
    n_work, widest,
):  # fmt: skip
    net, rows, one = words(NET_WORDS), words(ROWS_WORDS), words(1)
    reals(kernels, one)
    fill_net(
        net, layers, 0, theta, room, buffer, costs, n_work, widest, number_of(one)
    )  # fmt: skip
    fill_rows(rows, X, starts, columns, values, order)
    forward_rows(kernels, net, rows, n_samples, pointer_to(kernels, address_of(out)))


def _loss_gradient(
    kernels, layers, loss, theta, X, starts, columns, values, order, Y, grad, room, buffer, costs,
    n_work, widest,
):  # fmt: skip
    net, rows, targets, one = words(NET_WORDS), words(ROWS_WORDS), words(ROWS_WORDS), words(1)
    reals(kernels, one)
    fill_net(
        net, layers, loss, theta, room, buffer, costs, n_work, widest, number_of(one)
    )  # fmt: skip
    fill_rows(rows, X, starts, columns, values, order)
    fill_dense(targets, Y, order)
    found = address_of(grad) if grad.size > 0 else 0
    return gradient_of_rows(
        kernels, net, rows, targets, Y.shape[0], pointer_to(kernels, found), grad.size
    )


def _train_epoch(
    kernels, layers, loss, theta, state, code, learning_rate, beta1, beta2, epsilon, X, starts,
    columns, values, order, Y, start, stop, batch_size, room, buffer, costs, n_work, widest, total,
    step,
):  # fmt: skip
    net, rows, targets = words(NET_WORDS), words(ROWS_WORDS), words(ROWS_WORDS)
    rule, numbers = words(RULE_WORDS), words(N_NUMBERS)
    one = reals(kernels, numbers)
    fill_net(
        net, layers, loss, theta, room, buffer, costs, n_work, widest, number_of(one)
    )  # fmt: skip
    fill_rows(rows, X, starts, columns, values, order)
    fill_dense(targets, Y, order)
    m = address_of(state) if state.shape[0] > 0 else address_of(theta)
    v = m + state.shape[1] * state.itemsize if state.shape[0] > 1 else m
    hyper = pointer_to(kernels, number_of(numbers) + 8)
    fill_rule(rule, hyper, code, learning_rate, beta1, beta2, epsilon, m, v)
    if batch_size == 1:
        return descend_samples(kernels, net, rule, start, stop, rows, targets, total, step)
    return descend_batches(
        kernels, net, rule, start, stop, batch_size, rows, targets, total, step
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
    a, whole = _arrays(dtype), types.intp
    return jit(
        _forward,
        signatures=types.void(
            a["kernels"], a["layers"], a["parameters"], a["dense"], *a["sparse"], a["order"],
            whole, a["out"], whole, *a["buffer"], whole, whole,
        ),
    )  # fmt: skip


@cache
def loss_gradient(dtype):
    """The compiled `_loss_gradient` of one element type."""
    a, whole = _arrays(dtype), types.intp
    return jit(
        _loss_gradient,
        signatures=types.float64(
            a["kernels"], a["layers"], whole, a["parameters"], a["dense"], *a["sparse"],
            a["order"], a["dense"], a["theta"], whole, *a["buffer"], whole, whole,
        ),
    )  # fmt: skip


@cache
def train_epoch(dtype):
    """The compiled `_train_epoch` of one element type."""
    a, whole, number = _arrays(dtype), types.intp, types.float64
    return jit(
        _train_epoch,
        signatures=number(
            a["kernels"], a["layers"], whole, a["theta"], a["state"], whole, number, number,
            number, number, a["dense"], *a["sparse"], a["order"], a["dense"], whole, whole, whole,
            whole, *a["buffer"], whole, whole, number, whole,
        ),
    )  # fmt: skip
