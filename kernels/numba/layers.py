"""What a step does in one layer."""

import numpy as np

from .activations import SOFTMAX, map_f, map_slope
from .compiling import COLUMNS, REAL, REALS, WHOLE, at, get, inline_kernel, part, put
from .losses import canonical_delta, general_slope, softmax, through_softmax
from .plan import (
    A, ACTIVATION, DELTA, N_OUT, WIDTH, Z, alpha, block, field, is_canonical, row_number, row_of,
)  # fmt: skip


@part
def activate(net, k, n_samples, first):
    """a = f(z) for (n_samples, width) values"""
    map_f(
        net.kernels, field(net, k, ACTIVATION), alpha(net, k), n_samples * field(net, k, WIDTH),
        block(net, k, Z, first), block(net, k, A, first),
    )  # fmt: skip


@part
def multiply_by_slope(net, k, n_samples, first):
    """delta = dC/da f'(z) for (n_samples, width) values"""
    map_slope(
        net.kernels, field(net, k, ACTIVATION), alpha(net, k), n_samples * field(net, k, WIDTH),
        block(net, k, A, first), block(net, k, DELTA, first),
    )  # fmt: skip


@part
def activate_outputs(net, n_samples, first):
    """a of the output layer."""
    k = net.n_layers - 1
    if field(net, k, ACTIVATION) != SOFTMAX:
        activate(net, k, n_samples, first)
        return
    n_out, width = field(net, k, N_OUT), field(net, k, WIDTH)
    for t in range(n_samples):
        softmax(net.kernels, n_out, width, block(net, k, Z, first + t), block(net, k, A, first + t))


@part
def outputs(net, n_samples, first, Y):
    """a and delta of the output layer, costs[first:first+n_samples], and the sum of these."""
    k = net.n_layers - 1
    activation = field(net, k, ACTIVATION)
    n_out, width = field(net, k, N_OUT), field(net, k, WIDTH)
    canonical = is_canonical(net.loss, activation)
    if activation != SOFTMAX:
        activate(net, k, n_samples, first)
    total = 0.0
    for t in range(n_samples):
        z, a = block(net, k, Z, first + t), block(net, k, A, first + t)
        delta, y = block(net, k, DELTA, first + t), row_of(Y, t)
        log_sum = 0.0
        if activation == SOFTMAX:
            log_sum = softmax(net.kernels, n_out, width, z, a)
        if canonical:
            cost = canonical_delta(net.kernels, net.loss, n_out, width, z, a, log_sum, y, delta)
        else:
            cost = general_slope(net.loss, n_out, width, a, y, delta)
            if activation == SOFTMAX:
                through_softmax(n_out, a, delta)
        put(net.costs, first + t, cost)
        total += cost
    if not canonical and activation != SOFTMAX:
        multiply_by_slope(net, k, n_samples, first)
    return total


@part
def list_nonzero(n, a, index, values):
    """Positions and values of what is not zero in a, (n,); how many. NaN is not zero."""
    found = 0
    for i in range(n):  # no branch: a value that does not count is overwritten by the next
        a_i = get(a, i)
        put(index, found, np.int32(i))
        put(values, found, a_i)
        found += a_i != 0
    return found


@inline_kernel
def clear(e, n: WHOLE, x: REALS) -> None:
    """x = 0, (n,)"""
    with e.loop(0, n) as i:
        x.set(i, e.number(0))


@inline_kernel
def copy(e, n: WHOLE, x: REALS, out: REALS) -> None:
    """out = x, (n,)"""
    with e.loop(0, n) as i:
        out.set(i, x.get(i))


@inline_kernel
def scatter(e, n: WHOLE, index: COLUMNS, values: REALS, out: REALS) -> None:
    """out[index[k]] = values[k] for k < n"""
    with e.loop(0, n) as k:
        out.set(index.get(k), values.get(k))


@inline_kernel
def prefetch(e, n: WHOLE, x: REALS) -> None:
    """Bring the cache lines of n elements nearer; reads nothing."""
    with e.loop(0, n, 64 // (8 if e.is_double else 4)) as i:
        e.prefetch(x + i)


@part
def spread(X, t, n_columns, x):
    """Row t with its zeros: x, (n_columns,)."""
    number = row_number(X, t)
    if X.is_sparse:
        clear(n_columns, x)
        start = get(X.starts, number)
        n = get(X.starts, number + 1) - start
        scatter(n, at(X.columns, start), at(X.values, start), x)
    else:
        copy(n_columns, at(X.dense, number * X.row), x)


@part
def fetch(X, t, n_columns):
    """Bring sample t nearer: samples in random order miss every cache."""
    number = row_number(X, t)
    if X.is_sparse:
        start = get(X.starts, number)
        prefetch(get(X.starts, number + 1) - start, at(X.values, start))
    else:
        prefetch(n_columns, at(X.dense, number * X.row))
