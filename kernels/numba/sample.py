"""One step of the whole network on a single sample, weights updated at once."""

import math

from .activations import RELU
from .compiling import at, get, jit, null, part, put
from .layers import activate, clear, fetch, list_nonzero, multiply_by_slope, outputs, spread
from .plan import (
    A, ACTIVATION, B, DELTA, N_IN, N_OUT, W, WIDTH, Z, bias_of, block, field, moved, row_number,
    row_of,
)  # fmt: skip
from .rows import (
    descend_and_sum, descend_by_rule, descend_listed, descend_rows, sum_listed, sum_rows,
)  # fmt: skip
from .rules import ADAM, DECAY, MU, SGD, UNBIAS_M, UNBIAS_V

AHEAD = 1  # samples between the fetching of a row and its use
LISTED_WIDTH = 32  # rows of at least this length are worth a list of those that count


@part
def lists_active(net, k):
    """Whether inactive ReLU units are left out: their weights meet a = 0, their slope is 0."""
    return field(net, k - 1, ACTIVATION) == RELU and field(net, k, WIDTH) >= LISTED_WIDTH


@part
def forward_above(net):
    """From z of the first layer to z of the last: a = f(z), z = W a_prev + b."""
    for k in range(1, net.n_layers):
        n_in, width = field(net, k, N_IN), field(net, k, WIDTH)
        a, weights = block(net, k - 1, A, 0), at(net.theta, field(net, k, W))
        b, z = bias_of(net, k), block(net, k, Z, 0)
        activate(net, k - 1, 1, 0)
        if lists_active(net, k):
            n = list_nonzero(n_in, a, net.index, net.turned_prev)
            sum_listed(net.kernels, n, net.index, width, net.turned_prev, weights, b, z)
        else:
            sum_rows(net.kernels, n_in, width, a, weights, b, z)


@part
def sum_inputs(net, X, t):
    """z of the first layer for sample t."""
    width, weights = field(net, 0, WIDTH), at(net.theta, field(net, 0, W))
    b, z = bias_of(net, 0), block(net, 0, Z, 0)
    if X.is_sparse:
        number = row_number(X, t)
        start = get(X.starts, number)
        n = get(X.starts, number + 1) - start
        sum_listed(net.kernels, n, at(X.columns, start), width, at(X.values, start), weights, b, z)
    else:
        sum_rows(net.kernels, field(net, 0, N_IN), width, row_of(X, t), weights, b, z)


@part
def descend_bias(net, k, rule, one):
    """The row of an input that is always 1; `one` points to that 1."""
    b, width, delta = field(net, k, B), field(net, k, WIDTH), block(net, k, DELTA, 0)
    if b < 0:
        return
    if rule.code == SGD:
        descend_rows(
            net.kernels, 1, width, one, at(net.theta, b), delta, rule.learning_rate, null(net.theta)
        )  # fmt: skip
    else:
        descend_by_rule(
            net.kernels, rule.code, 1, width, one, at(net.theta, b), at(rule.m, b), at(rule.v, b), delta,
            rule.hyper, null(net.theta),
        )  # fmt: skip


@part
def descend_above(net, rule, one):
    """From delta of the last layer to delta of the first, updating all layers but the first."""
    for k in range(net.n_layers - 1, 0, -1):
        n_in, width, w = field(net, k, N_IN), field(net, k, WIDTH), field(net, k, W)
        a, dC_da = block(net, k - 1, A, 0), block(net, k - 1, DELTA, 0)
        weights, delta = at(net.theta, w), block(net, k, DELTA, 0)
        n_below = field(net, k - 1, N_OUT)
        width_below = field(net, k - 1, WIDTH)
        if rule.code != SGD:
            descend_by_rule(
                net.kernels, rule.code, n_in, width, a, weights, at(rule.m, w), at(rule.v, w), delta,
                rule.hyper, dC_da,
            )  # fmt: skip
        elif lists_active(net, k):
            n = list_nonzero(n_in, a, net.index, net.turned_prev)
            clear(width_below, dC_da)
            descend_listed(
                net.kernels, n, net.index, width, net.turned_prev, weights, delta, rule.learning_rate, dC_da
            )
        else:
            descend_rows(net.kernels, n_in, width, a, weights, delta, rule.learning_rate, dC_da)
        descend_bias(net, k, rule, one)
        clear(width_below - n_below, at(dC_da, n_below))
        multiply_by_slope(net, k - 1, 1, 0)


@part
def descend_inputs(net, X, t, rule, one):
    """The step of the first layer for sample t."""
    n_in, width, w = field(net, 0, N_IN), field(net, 0, WIDTH), field(net, 0, W)
    delta, weights, unwanted = block(net, 0, DELTA, 0), at(net.theta, w), null(net.theta)
    if X.is_sparse and rule.code == SGD:
        number = row_number(X, t)
        start = get(X.starts, number)
        descend_listed(
            net.kernels, get(X.starts, number + 1) - start, at(X.columns, start), width, at(X.values, start),
            weights, delta, rule.learning_rate, unwanted,
        )  # fmt: skip
    else:
        if X.is_sparse:  # every weight moves, whatever it met
            spread(X, t, n_in, net.gathered)
            x = net.gathered
        else:
            x = row_of(X, t)
        if rule.code == SGD:
            descend_rows(net.kernels, n_in, width, x, weights, delta, rule.learning_rate, unwanted)
        else:
            descend_by_rule(
                net.kernels, rule.code, n_in, width, x, weights, at(rule.m, w), at(rule.v, w), delta,
                rule.hyper, unwanted,
            )  # fmt: skip
    descend_bias(net, 0, rule, one)


@part
def unbias(rule, betas, step):
    """The corrections of Adam in update number `step`, counted from 1."""
    if rule.code == ADAM:
        put(rule.hyper, UNBIAS_M, 1 / (1 - betas[0] ** step))
        put(rule.hyper, UNBIAS_V, 1 / (1 - betas[1] ** step))


@jit
def descend_samples(net, rule, betas, one, start, stop, X, Y, total, step):
    """Samples start..stop-1 one at a time; plain SGD passes once over the first layer."""
    n_in = field(net, 0, N_IN)
    if start >= stop or not math.isfinite(total):
        return total
    sum_inputs(net, X, start)
    for t in range(start, stop):
        if t + AHEAD < stop:
            fetch(X, t + AHEAD, n_in)
            fetch(Y, t + AHEAD, 1)
        step += 1
        unbias(rule, betas, step)
        forward_above(net)
        total += outputs(net, 1, 0, moved(Y, Y.first + t))
        descend_above(net, rule, one)
        if t + 1 == stop or not math.isfinite(total):
            descend_inputs(net, X, t, rule, one)
            break
        if not X.is_sparse and rule.code == SGD:
            descend_and_sum(
                net.kernels, n_in, field(net, 0, WIDTH), row_of(X, t), at(net.theta, field(net, 0, W)),
                bias_of(net, 0), block(net, 0, DELTA, 0), rule.learning_rate, row_of(X, t + 1),
                block(net, 0, Z, 0),
            )  # fmt: skip
        else:
            descend_inputs(net, X, t, rule, one)
            sum_inputs(net, X, t + 1)
    return total


@jit
def forward_sample(net, X, t):
    """z of every layer, a of the hidden ones."""
    sum_inputs(net, X, t)
    forward_above(net)
