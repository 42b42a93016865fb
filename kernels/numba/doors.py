"""From arrays to records of addresses, and into the loops: the functions that Python calls.

Their signatures are given, one per element type, and accept arrays of any layout, read-only or
not: everything is compiled once, at the first call for an element type.
"""

from functools import cache

import numba
from numba import types

from .batch import (
    add_gradient_of_pass,
    backward_pass,
    descend_batches,
    forward_pass,
    forward_rows,
    gradient_of_rows,
    slope_by_inputs,
)
from .compiling import address_of, entry_points, jit, number_of, pointer_to, put, words
from .plan import BATCH_SIZE, FIRST, NET_WORDS, ROWS_WORDS
from .records import (
    N_NUMBERS,
    fill_dense,
    fill_flat,
    fill_net,
    fill_rows,
    fill_rule,
    fill_targets,
    reals,
    slots,
)
from .rules import RULE_WORDS
from .sample import descend_samples


def _forward(
    kernels, layers, theta, X, starts, columns, values, order, n_samples, out, places, buffer,
    costs,
):  # fmt: skip
    net, rows, one = words(NET_WORDS), words(ROWS_WORDS), words(1)
    reals(kernels, one)
    fill_net(net, layers, 0, 0.0, theta, places, buffer, costs, number_of(one))
    fill_rows(rows, X, starts, columns, values, order)
    forward_rows(kernels, net, rows, n_samples, pointer_to(kernels, address_of(out)))


def _loss_gradient(
    kernels, layers, loss, loss_parameter, theta, X, starts, columns, values, order, Y, weights,
    grad, places, buffer, costs,
):  # fmt: skip
    net, rows, targets, one = words(NET_WORDS), words(ROWS_WORDS), words(ROWS_WORDS), words(1)
    reals(kernels, one)
    fill_net(net, layers, loss, loss_parameter, theta, places, buffer, costs, number_of(one))
    fill_rows(rows, X, starts, columns, values, order)
    fill_targets(targets, Y, order, weights)
    found = address_of(grad) if grad.size > 0 else 0
    return gradient_of_rows(
        kernels, net, rows, targets, Y.shape[0], pointer_to(kernels, found), grad.size
    )


def _backward(
    kernels, layers, theta, X, starts, columns, values, order, dC_da, grad, dC_dx, places, buffer,
    costs,
):  # fmt: skip
    net, rows, slopes, one = words(NET_WORDS), words(ROWS_WORDS), words(ROWS_WORDS), words(1)
    x_slopes = words(ROWS_WORDS)
    reals(kernels, one)
    fill_net(net, layers, 0, 0.0, theta, places, buffer, costs, number_of(one))
    fill_rows(rows, X, starts, columns, values, order)
    fill_dense(slopes, dC_da)
    fill_dense(x_slopes, dC_dx)
    for k in range(grad.size):
        grad[k] = 0
    flat, room = pointer_to(kernels, address_of(grad)), places[BATCH_SIZE]
    for first in range(0, dC_da.shape[0], room):
        n = min(room, dC_da.shape[0] - first)
        put(rows, FIRST, first)
        put(slopes, FIRST, first)
        put(x_slopes, FIRST, first)
        forward_pass(kernels, net, rows, n)
        backward_pass(kernels, net, n, slopes)
        if grad.size > 0:
            add_gradient_of_pass(kernels, net, rows, n, flat)
        if dC_dx.size > 0:
            slope_by_inputs(kernels, net, n, x_slopes)


def _train_epoch(
    kernels, layers, loss, loss_parameter, theta, state, code, flat, given, X, starts, columns,
    values, order, Y, weights, start, stop, batch_size, places, buffer, costs, total, step,
):  # fmt: skip
    net, rows, targets = words(NET_WORDS), words(ROWS_WORDS), words(ROWS_WORDS)
    rule, numbers = words(RULE_WORDS), words(N_NUMBERS)
    one = reals(kernels, numbers)
    fill_net(net, layers, loss, loss_parameter, theta, places, buffer, costs, number_of(one))
    fill_rows(rows, X, starts, columns, values, order)
    fill_targets(targets, Y, order, weights)
    m, v = slots(state, theta)
    hyper = pointer_to(kernels, number_of(numbers) + 8)
    fill_rule(rule, hyper, code, given[0], given[1], given[2], given[3], m, v)
    fill_flat(rule, hyper, given, state)
    if batch_size == 1 and not flat and weights.size == 0:
        return descend_samples(kernels, net, rule, start, stop, rows, targets, total, step)
    return descend_batches(kernels, net, rule, start, stop, batch_size, rows, targets, total, step)


def arrays(dtype):
    """The types of the arguments that are arrays."""
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
        "numbers": array(types.float64, 1),
        "out": array(real, 2, readonly=False),
        "memory": [  # of Work: places, buffer, costs
            array(types.intp, 1, readonly=False),
            array(real, 1, readonly=False),
            array(types.float64, 1, readonly=False),
        ],
    }


@cache
def forward(dtype):
    """The compiled `_forward` of one element type."""
    a, whole = arrays(dtype), types.intp
    return jit(
        _forward,
        signatures=types.void(
            a["kernels"], a["layers"], a["parameters"], a["dense"], *a["sparse"], a["order"],
            whole, a["out"], *a["memory"],
        ),
    )  # fmt: skip


@cache
def loss_gradient(dtype):
    """The compiled `_loss_gradient` of one element type."""
    a, whole, number = arrays(dtype), types.intp, types.float64
    return jit(
        _loss_gradient,
        signatures=number(
            a["kernels"], a["layers"], whole, number, a["parameters"], a["dense"], *a["sparse"],
            a["order"], a["dense"], a["numbers"], a["theta"], *a["memory"],
        ),
    )  # fmt: skip


@cache
def backward(dtype):
    """The compiled `_backward` of one element type."""
    a = arrays(dtype)
    return jit(
        _backward,
        signatures=types.void(
            a["kernels"], a["layers"], a["parameters"], a["dense"], *a["sparse"], a["order"],
            a["dense"], a["theta"], a["out"], *a["memory"],
        ),
    )  # fmt: skip


@cache
def train_epoch(dtype):
    """The compiled `_train_epoch` of one element type."""
    a, whole, number = arrays(dtype), types.intp, types.float64
    return jit(
        _train_epoch,
        signatures=number(
            a["kernels"], a["layers"], whole, number, a["theta"], a["state"], whole, types.boolean,
            a["numbers"], a["dense"], *a["sparse"], a["order"], a["dense"], a["numbers"], whole,
            whole, whole, *a["memory"], number, whole,
        ),
    )  # fmt: skip
