"""One step of the whole network on a single sample, weights updated at once."""

import math

from ..interface import ACTIVATIONS, RULES
from .compiling import DOUBLE, DOUBLES, FLUSHING, NET, ROWS, RULE, WHOLE, part, walk
from .layers import (
    activate,
    begin_step,
    descend_and_sum,
    descend_by_rule,
    descend_listed,
    descend_rows,
    descend_tiny_samples,
    fetch,
    is_tiny,
    list_nonzero,
    multiply_by_slope,
    outputs,
    set_rate,
    spread,
    sum_listed,
    sum_rows,
)
from .plan import bias_of, block, index_of, layer_of, listed, row_of
from .pointers import copied, is_null, on_stack

SGD, RELU = RULES.index("sgd"), ACTIVATIONS.index("relu")
LISTED_WIDTH = 32  # rows of at least this length are worth a list of those that count


@part
def lists_active(below, layer):
    """Whether inactive ReLU units are left out: their weights meet a = 0, their slope is 0."""
    return below.activation == RELU and layer.width >= LISTED_WIDTH


@part
def forward_above(net):
    """From z of the first layer to z of the last: a = f(z), z = W a_prev + b."""
    index, values = index_of(net), net.turned_prev
    for k in range(1, net.n_layers):
        below, layer = layer_of(net, k - 1), layer_of(net, k)
        a, z = block(net, below, below.a), block(net, layer, layer.z)
        W, b = net.theta + layer.W, bias_of(net, layer)
        activate(net, below, 1, block(net, below, below.z), a)
        if lists_active(below, layer):
            n = list_nonzero(net, layer.n_in, a, index, values)
            sum_listed(net, layer, n, index, values, W, b, z)
        else:
            sum_rows(net, layer, a, W, b, z)


@part
def sum_inputs(net, X, t):
    """Z of the first layer for sample t."""
    layer = layer_of(net, 0)
    W, b, z = net.theta + layer.W, bias_of(net, layer), block(net, layer, layer.z)
    if is_null(X.dense):
        n, columns, values = listed(X, t)
        sum_listed(net, layer, n, columns, values, W, b, z)
    else:
        sum_rows(net, layer, row_of(X, t), W, b, z)


@part
def descend_bias(net, layer, rule):
    """The step of b, which is a row of weights whose input is always 1."""
    one, delta, b = on_stack(net.theta, 1), block(net, layer, layer.delta), layer.b
    if b >= 0 and rule.code == SGD:
        eps = rule.learning_rate
        descend_rows(net, 1, layer.width, one, net.theta + b, delta, eps, 0)
    elif b >= 0:
        own = copied(rule)
        own.l2 = 0  # a penalty is for weights
        descend_by_rule(net, 1, layer.width, one, b, delta, own, 0)


@part
def descend_above(net, rule):
    """All layers but the first: delta_prev = (W^T delta) f'(z_prev), then the step on W and b."""
    index, values = index_of(net), net.turned_prev
    for k in range(net.n_layers - 1, 0, -1):
        below, layer = layer_of(net, k - 1), layer_of(net, k)
        a, dC_da = block(net, below, below.a), block(net, below, below.delta)
        W, delta = net.theta + layer.W, block(net, layer, layer.delta)
        n_in, width, eps = layer.n_in, layer.width, rule.learning_rate
        if rule.code != SGD:
            descend_by_rule(net, n_in, width, a, layer.W, delta, rule, dC_da)
        elif lists_active(below, layer):
            n = list_nonzero(net, n_in, a, index, values)
            for i in range(below.width):
                dC_da[i] = 0
            descend_listed(net, n, index, width, values, W, delta, eps, dC_da)
        else:
            descend_rows(net, n_in, width, a, W, delta, eps, dC_da)
        descend_bias(net, layer, rule)
        for i in range(below.n_out, below.width):
            dC_da[i] = 0
        multiply_by_slope(net, below, 1, block(net, below, below.z), a, dC_da)


@part
def descend_inputs(net, X, t, rule):
    """The step of the first layer for sample t."""
    layer = layer_of(net, 0)
    n_in, width, W = layer.n_in, layer.width, net.theta + layer.W
    delta, eps, x = block(net, layer, layer.delta), rule.learning_rate, net.gathered
    if is_null(X.dense) and rule.code == SGD:
        n, columns, values = listed(X, t)
        descend_listed(net, n, columns, width, values, W, delta, eps, 0)
    else:
        if is_null(X.dense):  # the rule moves every weight, also those of zero inputs
            spread(net, X, t, n_in, x)
        else:
            x = row_of(X, t)
        if rule.code == SGD:
            descend_rows(net, n_in, width, x, W, delta, eps, 0)
        else:
            descend_by_rule(net, n_in, width, x, layer.W, delta, rule, 0)
    descend_bias(net, layer, rule)


@walk(environment=FLUSHING)
def descend_samples(
    net: NET, rule: RULE, start: WHOLE, stop: WHOLE, X: ROWS, Y: ROWS, total: DOUBLE, step: WHOLE,
    rates: DOUBLES,
) -> DOUBLE:  # fmt: skip
    """One step for each of the samples start..stop-1; returns total plus their losses."""
    if is_null(rates):
        return descend_in_turn(net, rule, start, stop, X, Y, total, step)
    for t in range(stop - start):
        set_rate(net, rule, rates[t])
        total = descend_in_turn(net, rule, start + t, start + t + 1, X, Y, total, step + t)
    return total


@part
def descend_in_turn(net, rule, start, stop, X, Y, total, step):
    """The same at one learning rate."""
    if start >= stop or not math.isfinite(total):
        return total
    if not is_null(X.dense) and rule.code == SGD and is_tiny(net):
        return descend_tiny_samples(net, rule.learning_rate, start, stop, X, Y, total)
    return descend_larger_samples(net, rule, start, stop, X, Y, total, step)


@part
def descend_larger_samples(net, rule, start, stop, X, Y, total, step):
    """The same for any fused rule and any width.

    Plain SGD with dense rows passes over the first W once per sample: row_i takes its step for
    sample t and is then added to z of sample t + 1.
    """
    n_in, y = layer_of(net, 0).n_in, copied(Y)
    fused = not is_null(X.dense) and rule.code == SGD
    sum_inputs(net, X, start)
    for t in range(start, stop):
        if t + 1 < stop:
            fetch(net, Y, t + 1, 1)
            if not fused:
                fetch(net, X, t + 1, n_in)
        step += 1
        begin_step(net, rule, step)
        forward_above(net)
        y.first = Y.first + t
        total += outputs(net, 1, y, net.costs)
        descend_above(net, rule)
        if t + 1 == stop or not math.isfinite(total):
            descend_inputs(net, X, t, rule)
            break
        if fused:
            x, x_next, ahead = row_of(X, t), row_of(X, t + 1), row_of(X, min(t + 2, stop - 1))
            descend_and_sum(net, x, rule.learning_rate, x_next, ahead)
        else:
            descend_inputs(net, X, t, rule)
            sum_inputs(net, X, t + 1)
    return total
