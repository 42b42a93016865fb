"""One step of the whole network on a single sample, weights updated at once."""

import math

from .activations import RELU
from .compiling import DOUBLE, RULE, WHOLE, part, walk
from .environment import FLUSHING
from .layers import (
    activate,
    clear,
    fetch,
    list_nonzero,
    multiply_by_slope,
    outputs,
    spread,
)
from .plan import Net, Rows, bias_of, block, layer_of, listed, row_of
from .pointers import is_null, null, on_stack
from .rows import (
    descend_and_sum,
    descend_by_rule,
    descend_listed,
    descend_rows,
    sum_listed,
    sum_rows,
)
from .rules import ADAM, SGD
from .tiny import descend_tiny_samples

LISTED_WIDTH = 32  # rows of at least this length are worth a list of those that count


@part
def lists_active(below, layer):
    """Whether inactive ReLU units are left out: their weights meet a = 0, their slope is 0."""
    return below.activation == RELU and layer.width >= LISTED_WIDTH


@walk
def forward_above(net: Net) -> None:
    """From z of the first layer to z of the last: a = f(z), z = W a_prev + b."""
    for k in range(1, net.n_layers):
        below, layer = layer_of(net, k - 1), layer_of(net, k)
        a, W, b = block(net, below, below.a), net.theta + layer.W, bias_of(net, layer)
        z, n_in, width = block(net, layer, layer.z), layer.n_in, layer.width
        activate(net, below, 1, block(net, below, below.z), a)
        if lists_active(below, layer):
            n = list_nonzero(n_in, a, net.index, net.turned_prev)
            sum_listed(net, n, net.index, width, net.turned_prev, W, b, z)
        else:
            sum_rows(net, n_in, width, a, W, b, z)


@part
def sum_inputs(net, X, t, z):
    """Z of the first layer for sample t."""
    layer = layer_of(net, 0)
    W, b = net.theta + layer.W, bias_of(net, layer)
    if is_null(X.dense):
        n, columns, values = listed(X, t)
        sum_listed(net, n, columns, layer.width, values, W, b, z)
    else:
        sum_rows(net, layer.n_in, layer.width, row_of(X, t), W, b, z)


@part
def forward_sample(net, X, t):
    """Z of every layer, a of the hidden ones."""
    layer = layer_of(net, 0)
    sum_inputs(net, X, t, block(net, layer, layer.z))
    forward_above(net)


@part
def descend_bias(net, layer, rule):
    """The row of an input that is always 1."""
    delta, unwanted = block(net, layer, layer.delta), null(net.theta)
    if layer.b < 0:
        return
    one = on_stack(net.theta, 1)
    if rule.code == SGD:
        b = net.theta + layer.b
        descend_rows(net, 1, layer.width, one, b, delta, rule.learning_rate, unwanted)
    else:
        descend_by_rule(net, 1, layer.width, one, net.theta, layer.b, delta, rule, unwanted)


@walk
def descend_above(net: Net, rule: RULE) -> None:
    """From delta of the last layer to delta of the first, updating all layers but the first."""
    for k in range(net.n_layers - 1, 0, -1):
        below, layer = layer_of(net, k - 1), layer_of(net, k)
        a, dC_da = block(net, below, below.a), block(net, below, below.delta)
        W, delta = net.theta + layer.W, block(net, layer, layer.delta)
        n_in, width, eps = layer.n_in, layer.width, rule.learning_rate
        if rule.code != SGD:
            descend_by_rule(net, n_in, width, a, net.theta, layer.W, delta, rule, dC_da)
        elif lists_active(below, layer):
            n = list_nonzero(n_in, a, net.index, net.turned_prev)
            clear(below.width, dC_da)
            descend_listed(net, n, net.index, width, net.turned_prev, W, delta, eps, dC_da)
        else:
            descend_rows(net, n_in, width, a, W, delta, eps, dC_da)
        descend_bias(net, layer, rule)
        clear(below.width - below.n_out, dC_da + below.n_out)
        multiply_by_slope(net, below, 1, block(net, below, below.z), a, dC_da)


@part
def descend_inputs(net, X, t, rule):
    """The step of the first layer for sample t."""
    layer = layer_of(net, 0)
    n_in, width, W = layer.n_in, layer.width, net.theta + layer.W
    delta, eps, unwanted = block(net, layer, layer.delta), rule.learning_rate, null(net.theta)
    if is_null(X.dense) and rule.code == SGD:
        n, columns, values = listed(X, t)
        descend_listed(net, n, columns, width, values, W, delta, eps, unwanted)
    elif rule.code == SGD:
        descend_rows(net, n_in, width, row_of(X, t), W, delta, eps, unwanted)
    else:
        x = net.gathered
        if is_null(X.dense):  # every weight moves, whatever it met
            spread(X, t, n_in, x)
        else:
            x = row_of(X, t)
        descend_by_rule(net, n_in, width, x, net.theta, layer.W, delta, rule, unwanted)
    descend_bias(net, layer, rule)


@part
def unbias(rule, step):
    """The corrections of Adam in update number `step`, counted from 1."""
    if rule.code == ADAM:
        rule.unbias_m = 1 / (1 - rule.beta1 ** float(step))
        rule.unbias_v = 1 / (1 - rule.beta2 ** float(step))


@walk(environment=FLUSHING)
def descend_larger_samples(
    net: Net, rule: RULE, start: WHOLE, stop: WHOLE, X: Rows, Y: Rows, total: DOUBLE, step: WHOLE
) -> DOUBLE:
    """Samples start..stop-1 whatever the rule; plain SGD passes once over the first layer."""
    if start >= stop or not math.isfinite(total):
        return total
    layer = layer_of(net, 0)
    n_in, width, W, b = layer.n_in, layer.width, net.theta + layer.W, bias_of(net, layer)
    z, delta = block(net, layer, layer.z), block(net, layer, layer.delta)
    fused = rule.code == SGD and not is_null(X.dense)
    sum_inputs(net, X, start, z)
    for t in range(start, stop):
        if t + 1 < stop:
            fetch(net, X, t + 1, n_in)
            fetch(net, Y, t + 1, 1)
        unbias(rule, step + (t - start + 1))
        forward_above(net)
        total += outputs(net, 1, Y, t)
        descend_above(net, rule)
        if t + 1 == stop or not math.isfinite(total):
            descend_inputs(net, X, t, rule)
            break
        if fused:
            x, x_next, eps = row_of(X, t), row_of(X, t + 1), rule.learning_rate
            descend_and_sum(net, n_in, width, x, W, b, delta, eps, x_next, z)
        else:
            descend_inputs(net, X, t, rule)
            sum_inputs(net, X, t + 1, z)
    return total


@part
def descend_samples(net, rule, start, stop, X, Y, total, step):
    """Samples start..stop-1 one at a time."""
    if rule.code == SGD and not is_null(X.dense) and net.lanes > 0:
        return descend_tiny_samples(net, rule.learning_rate, start, stop, X, Y, total)
    return descend_larger_samples(net, rule, start, stop, X, Y, total, step)
