"""One step of the whole network on a mini-batch, weights updated from the mean gradient."""

import math

import numpy as np

from ..interface import PIECE
from .compiling import at, get, jit, like, null, part
from .layers import activate, fetch, multiply_by_slope, outputs, spread
from .plan import (
    A, B, DELTA, N_IN, N_OUT, W, WIDTH, Z, Rows, bias_of, block, field, moved, padded_width,
    round_up, row_number, row_of,
)  # fmt: skip
from .rows import descend_listed, sum_listed
from .rules import SGD
from .sample import unbias
from .tiles import descend_product, product, transpose


@part
def multiply(net, n_rows, width, n_k, A, A_row, B, B_k, C, C_row, bias, one):
    """C = A B + bias"""
    product(net.kernels, n_rows, width, n_k, A, A_row, 1, B, B_k, C, C_row, bias, 0, 0, get(one, 0))


@jit
def forward_batch(net, n_samples, first, X, one):
    """z of every layer, a of the hidden ones; dense rows of X follow each other."""
    for k in range(net.n_layers):
        n_in, width = field(net, k, N_IN), field(net, k, WIDTH)
        weights, b, z = at(net.theta, field(net, k, W)), bias_of(net, k), block(net, k, Z, first)
        if k > 0 or not X.is_sparse:
            if k > 0:
                a, a_row = block(net, k - 1, A, first), field(net, k - 1, WIDTH)
            else:
                a, a_row = row_of(X, 0), X.row
            multiply(net, n_samples, width, n_in, a, a_row, weights, width, z, width, b, one)
        else:
            for t in range(n_samples):
                number = row_number(X, t)
                start = get(X.starts, number)
                sum_listed(
                    net.kernels, get(X.starts, number + 1) - start, at(X.columns, start), width,
                    at(X.values, start), weights, b, at(z, t * width),
                )  # fmt: skip
        if k < net.n_layers - 1:
            activate(net, k, n_samples, first)


@part
def backward_layer(net, k, n_samples, first, one):
    """dC/da of layer k - 1 from delta of layer k: delta W."""
    stride, padded = round_up(net.room), padded_width(n_samples)
    n_in, n_out, width = field(net, k, N_IN), field(net, k, N_OUT), field(net, k, WIDTH)
    width_below = field(net, k - 1, WIDTH)
    # a product of W with delta^T needs no transposed W: only the small deltas are turned
    transpose(net.kernels, n_samples, n_out, padded, block(net, k, DELTA, first), width, net.turned, stride)
    multiply(
        net, n_in, padded, n_out, at(net.theta, field(net, k, W)), width, net.turned, stride,
        net.turned_prev, stride, null(net.theta), one,
    )  # fmt: skip
    transpose(
        net.kernels, n_in, n_samples, width_below, net.turned_prev, stride, block(net, k - 1, DELTA, first),
        width_below,
    )  # fmt: skip


@jit
def backward_batch(net, n_samples, first, one):
    """delta of all layers from that of the last: delta_prev = (delta W) f'(z_prev)."""
    for k in range(net.n_layers - 1, 0, -1):
        backward_layer(net, k, n_samples, first, one)
        multiply_by_slope(net, k - 1, n_samples, first)


@jit
def pass_batch(net, n_samples, X, Y, one, backward):
    """Forward and back through all layers, piece by piece; the sum of the losses."""
    total = 0.0
    for first in range(0, n_samples, PIECE):
        n = min(PIECE, n_samples - first)
        forward_batch(net, n, first, moved(X, X.first + first), one)
        total += outputs(net, n, first, moved(Y, Y.first + first))
        if backward:
            backward_batch(net, n, first, one)
    return total


@part
def descend(net, n_rows, width, n_samples, A, A_k, A_row, delta, weights, W, start, rule, scale):
    """The step of `rule` on W, whose gradient is (start + A^T delta) scale."""
    if rule.code == SGD:
        product(
            net.kernels, n_rows, width, n_samples, A, A_row, A_k, delta, width, W, width, start, width,
            1, -(scale * rule.learning_rate),
        )  # fmt: skip
    else:
        descend_product(
            net.kernels, rule.code, n_rows, width, n_samples, A, A_row, A_k, delta, width, W,
            at(rule.m, weights), at(rule.v, weights), start, width, rule.hyper, scale,
        )  # fmt: skip


@jit
def descend_layer(net, k, n_samples, A, A_row, rule, scale, one):
    """dC/dW = A^T delta, spent at once on W."""
    n_in, width, w = field(net, k, N_IN), field(net, k, WIDTH), field(net, k, W)
    delta, sums, start, first = block(net, k, DELTA, 0), at(net.partial, w), null(net.theta), 0
    while first + PIECE < n_samples:  # all but the last samples go into partial sums
        product(
            net.kernels, n_in, width, PIECE, at(A, first * A_row), 1, A_row, at(delta, first * width), width,
            sums, width, start, width, 0, get(one, 0),
        )  # fmt: skip
        start = sums
        first += PIECE
    descend(
        net, n_in, width, n_samples - first, at(A, first * A_row), A_row, 1, at(delta, first * width),
        w, at(net.theta, w), start, rule, scale,
    )  # fmt: skip


@jit
def descend_sparse(net, n_samples, X, weights, factor):
    """W -= factor A^T delta for the first layer: only rows that meet a value move."""
    width, delta, unwanted = field(net, 0, WIDTH), block(net, 0, DELTA, 0), null(net.theta)
    for t in range(n_samples):
        number = row_number(X, t)
        start = get(X.starts, number)
        descend_listed(
            net.kernels, get(X.starts, number + 1) - start, at(X.columns, start), width, at(X.values, start),
            weights, at(delta, t * width), factor, unwanted,
        )  # fmt: skip


@jit
def descend_batch(net, n_samples, X, rule, scale, one):
    """The step of `rule` on every W and b."""
    for k in range(net.n_layers - 1, -1, -1):
        if k == 0 and X.is_sparse:
            factor = rule.learning_rate * scale
            descend_sparse(net, n_samples, X, at(net.theta, field(net, 0, W)), factor)
        else:
            if k > 0:
                a, a_row = block(net, k - 1, A, 0), field(net, k - 1, WIDTH)
            else:
                a, a_row = row_of(X, 0), X.row
            descend_layer(net, k, n_samples, a, a_row, rule, scale, one)
    # dC/db = 1^T delta: the weights of an input that is always 1
    for k in range(net.n_layers):
        b, width = field(net, k, B), field(net, k, WIDTH)
        if b >= 0:
            descend(
                net, 1, width, n_samples, one, 0, 0, block(net, k, DELTA, 0), b, at(net.theta, b),
                null(net.theta), rule, scale,
            )  # fmt: skip


@jit
def descend_batches(net, rule, betas, one, start, stop, batch_size, X, Y, total, step):
    """Samples start..stop-1 in mini-batches."""
    n_in = field(net, 0, N_IN)
    row = round_up(n_in)
    # rows in random order are copied together; rules that move every weight see the zeros too
    gathers = rule.code != SGD if X.is_sparse else X.has_order
    while start < stop and math.isfinite(total):
        n = min(batch_size, stop - start)
        x = moved(X, start)
        if gathers:
            for t in range(n):
                if start + n + t < stop:  # the batch that follows
                    fetch(X, start + n + t, n_in)
                    fetch(Y, start + n + t, 1)
                spread(X, start + t, n_in, at(net.gathered, t * row))
            x = Rows(
                False, net.gathered, row, X.starts, X.columns, X.values, False, X.order, np.intp(0)
            )  # fmt: skip
        pass_batch(net, n, x, moved(Y, start), one, True)
        for t in range(n):
            total += get(net.costs, t)
        step += 1
        unbias(rule, betas, step)
        descend_batch(net, n, x, rule, like(one, 1 / n), one)
        start += n
    return total


@jit
def add_gradient(net, n_samples, X, grad, scale, one):
    """grad += scale times the gradient of the summed losses of these samples."""
    for k in range(net.n_layers - 1, -1, -1):
        n_in, width, w = field(net, k, N_IN), field(net, k, WIDTH), field(net, k, W)
        delta, b = block(net, k, DELTA, 0), field(net, k, B)
        if k == 0 and X.is_sparse:
            descend_sparse(net, n_samples, X, at(grad, w), -scale)
        else:
            if k > 0:
                a, a_row = block(net, k - 1, A, 0), field(net, k - 1, WIDTH)
            else:
                a, a_row = row_of(X, 0), X.row
            for first in range(0, n_samples, PIECE):
                product(
                    net.kernels, n_in, width, min(PIECE, n_samples - first), at(a, first * a_row), 1, a_row,
                    at(delta, first * width), width, at(grad, w), width, null(grad), 0, 1, scale,
                )  # fmt: skip
        if b >= 0:
            product(
                net.kernels, 1, width, n_samples, one, 0, 0, delta, width, at(grad, b), width, null(grad), 0,
                1, scale,
            )  # fmt: skip
