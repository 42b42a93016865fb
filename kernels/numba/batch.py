"""One step of the whole network on a mini-batch: the weights move along the mean gradient."""

import math

from ..interface import RULES
from .compiling import (
    DOUBLE,
    DOUBLES,
    FLUSHING,
    NEAREST,
    NET,
    REALS,
    ROWS,
    RULE,
    TRUTH,
    WHOLE,
    part,
    walk,
)
from .layers import (
    activate_and_drop,
    add_returned,
    add_weight_noise,
    are_finite,
    backward_layer,
    begin_masks,
    begin_piece,
    begin_step,
    copy_outputs,
    descend_biases,
    descend_parameters,
    descend_rows_of_layer,
    descend_sparse,
    drop_inputs,
    fetch,
    first_trained,
    keep_connections,
    keep_inputs,
    look_ahead,
    move_by_groups,
    multiply,
    outputs,
    piece_of_groups,
    set_rate,
    spread,
    sum_layer,
    sum_sparse,
    take_slopes,
    take_weights,
    transpose,
)
from .plan import (
    bias_of,
    block,
    layer_of,
    new_ahead,
    new_piece,
    new_rule,
    padded_width,
    round_up,
    row_of,
)
from .pointers import address, copied, is_null
from .sample import forward_above, sum_inputs

ACCUMULATE = len(RULES)  # adds the gradient to state, in the layout of theta, and moves no weight


@part
def sum_inputs_of_batch(net, n_samples, X):
    """Z of the first layer; dense rows of X are in sequence (order is null)."""
    layer = layer_of(net, 0)
    Z, W, b = block(net, layer, layer.z), net.theta + layer.W, bias_of(net, layer)
    n_in, width = layer.n_in, layer.width
    keep_inputs(net, n_samples, X)
    if is_null(X.dense):
        sum_sparse(net, n_samples, X)
    else:
        multiply(net, n_samples, width, n_in, row_of(X, 0), X.row, W, width, Z, width, b)


@part
def forward_batch_above(net, n_samples):
    """From z of the first layer to z of the last."""
    for k in range(1, net.n_layers):
        activate_and_drop(net, k - 1, n_samples)
        sum_layer(net, layer_of(net, k - 1), layer_of(net, k), n_samples)


@part
def pass_batch(net, n_samples, X, Y, backward):
    """Forward and, if `backward`, back through all layers; returns the sum of the losses."""
    sum_inputs_of_batch(net, n_samples, X)
    forward_batch_above(net, n_samples)
    total = outputs(net, n_samples, Y, net.costs)
    if backward:
        backward_batch(net, n_samples)
    return total


@part
def backward_batch(net, n_samples):
    """Delta of all layers from that of the last."""
    for k in range(net.n_layers - 1, first_trained(net), -1):
        backward_layer(net, k, n_samples)


@part
def slopes_by_inputs(net, n_samples, dC_dx, row):
    """dC/dx = delta W of the first layer, (n_samples, n_in), with `row` elements between rows."""
    layer, turned, image = layer_of(net, 0), net.turned, net.turned_prev
    n_out, width, delta = layer.n_out, layer.width, block(net, layer, layer.delta)
    stride, padded = round_up(net.batch_size), padded_width(n_samples)
    room = (address(image) - address(turned)) // (address(turned + 1) - address(turned)) // stride
    transpose(net, n_samples, n_out, padded, delta, width, turned, stride)
    for i in range(0, layer.n_in, room):  # n rows of W at a time: their dC/dx^T fits into `image`
        n, W = min(room, layer.n_in - i), net.theta + (layer.W + i * width)
        multiply(net, n, padded, n_out, W, width, turned, stride, image, stride, 0)
        transpose(net, n, n_samples, n, image, stride, dC_dx + i, row)
    if net.joins:
        add_returned(net, 0, n_samples, dC_dx, row)


@part
def descend_batch(net, piece, X, rule, ahead):
    """The step of `rule` on every W and b."""
    own = copied(rule)
    for k in range(net.n_layers - 1, -1, -1):
        layer, below = layer_of(net, k), layer_of(net, max(k - 1, 0))
        n, W = layer.n_in, layer.W
        if net.trains and layer.frozen:
            continue
        own.learning_rate = rule.learning_rate * layer.rate_of_W
        a, row = block(net, below, below.dropped if net.trains else below.a), below.width
        if layer.shortcuts:
            a, row = net.work + net.batch_size * layer.joined, layer.joined_row
        if k > 0:
            descend_rows_of_layer(net, layer, piece, own, a, row, n, W, 0)
        elif is_null(X.dense):
            descend_sparse(net, piece, X, 0, n, own)
        else:
            descend_rows_of_layer(net, layer, piece, own, row_of(X, 0), X.row, n, W, ahead)
        if not is_null(net.mask) and piece.is_last:
            keep_connections(net, rule, W, n * layer.width)
    descend_biases(net, piece, rule)


@walk(environment=FLUSHING)
def descend_batches(
    net: NET, rule: RULE, start: WHOLE, stop: WHOLE, batch_size: WHOLE, X: ROWS, Y: ROWS,
    total: DOUBLE, step: WHOLE, rates: DOUBLES, drops: WHOLE, noise: WHOLE,
) -> DOUBLE:  # fmt: skip
    """Samples start..stop-1 in mini-batches; returns total plus their losses."""
    first, flat, number = layer_of(net, 0), rule.flat != 0, 0
    n_in, row = first.n_in, round_up(first.n_in)
    net, x, y, rule = copied(net), copied(X), copied(Y), copied(rule)
    spends = copied(rule)  # what the products do with it
    moves = rule if flat else spends  # what moves the parameters
    piece, ahead, sums = new_piece(net), new_ahead(net), new_rule(net)
    # dense rows in an order are copied side by side
    gathers = not is_null(X.dense) and not is_null(X.order)
    gathers = gathers or net.input_dropout > 0 or net.input_noise > 0  # to change them
    theta = net.theta
    if flat:
        spends.code = ACCUMULATE  # into slot 0
    if gathers:
        x.dense, x.row, x.order = net.gathered, row, 0
    piece.n_threads, net.trains = 1, 1
    while start < stop and math.isfinite(total):
        n, done = min(batch_size, stop - start), 0
        in_groups = piece_of_groups(net, rule, x, n)
        room, of_group = in_groups if in_groups > 0 else net.batch_size, 0.0
        piece.scale = 1 / n
        step += 1
        if not is_null(rates):
            set_rate(net, moves, rates[number])
            number += 1
        begin_step(net, moves, step)
        if drops or not is_null(rule.noisy):
            begin_masks(net, noise, step)
        if not is_null(rule.noisy):
            add_weight_noise(net, rule, theta, 0, rule.n_theta)
            net.theta = rule.noisy
        y.first = start
        if not is_null(Y.weights):
            take_weights(net, y, n)
        if flat:
            clear(rule.n_theta, rule.state)
        while done < n:  # piece by piece: as many samples as there is room for
            n_piece = min(room, n - done)
            piece.is_first, piece.n_samples = done == 0, n_piece
            piece.is_last = done + n_piece == n
            y.first, x.first = start, 0 if gathers else start
            if gathers:
                for t in range(n_piece):
                    spread(net, X, start + t, n_in, net.gathered + t * row)
            if drops:
                net.done = done
                drop_inputs(net, n_piece, net.gathered, row)
            pass_batch(net, n_piece, x, y, True)
            if in_groups > 0:
                if begin_piece(net, piece, sums, n, done, True):
                    total, of_group = total + of_group, 0.0
                for t in range(n_piece):
                    of_group += net.costs[t]
            else:
                for t in range(n_piece):
                    total += net.costs[t]
            start += n_piece
            done += n_piece
            y.first = start
            for t in range(min(n_piece, stop - start)):
                fetch(net, y, t, 1)
            if gathers:  # fetch the samples of the next piece meanwhile
                look_ahead(net, ahead, X, start, n_piece, stop, n_in, first.width)
                descend_batch(net, piece, x, sums if in_groups > 0 else spends, address(ahead))
            else:
                descend_batch(net, piece, x, sums if in_groups > 0 else spends, 0)
        if in_groups > 0:
            total += of_group
            move_by_groups(net, spends, n, True, 0, net.n_theta)
        if flat:
            net.theta = theta
            descend_parameters(net, rule)
    return total


@part
def clear(n, x):
    """X = 0, (n,)"""
    for i in range(n):
        x[i] = 0


@part
def add_gradient(net, n_samples, X, grad, scale):
    """Grad += scale times the gradient of the summed losses of these samples."""
    rule, piece = new_rule(net), new_piece(net)
    rule.code, rule.state, rule.squares = ACCUMULATE, grad, grad
    piece.is_first, piece.is_last, piece.n_threads = True, True, 1
    piece.n_samples, piece.scale = n_samples, scale
    descend_batch(net, piece, X, rule, 0)


@walk(environment=NEAREST)
def forward_rows(net: NET, X: ROWS, n_samples: WHOLE, out: REALS) -> TRUTH:
    """Output activations of every sample into out; whether z of the first layer is finite."""
    x, layer, n_out = copied(X), layer_of(net, 0), layer_of(net, net.n_layers - 1).n_out
    finite = True
    alone = n_samples == 1 and not net.joins
    for first in range(0, n_samples, net.batch_size):
        n = min(n_samples - first, net.batch_size)
        x.first = X.first + first
        if alone:
            sum_inputs(net, x, 0)
        else:
            sum_inputs_of_batch(net, n, x)
        finite &= are_finite(net, n * layer.width, block(net, layer, layer.z)) != 0
        if alone:
            forward_above(net)
        else:
            forward_batch_above(net, n)
        outputs(net, n, 0, 0)
        copy_outputs(net, n, out + first * n_out)
    return finite


@walk(environment=NEAREST)
def mean_loss(
    net: NET, n_samples: WHOLE, X: ROWS, Y: ROWS, grad: REALS, n_theta: WHOLE
) -> DOUBLE:  # fmt: skip
    """In blocks of batch_size samples; the gradient into grad, unless it is null."""
    x, y, total, weight, wanted = copied(X), copied(Y), 0.0, float(n_samples), not is_null(grad)
    if not is_null(Y.weights):
        weight = take_weights(net, y, n_samples)
    if wanted:
        clear(n_theta, grad)
    for first in range(0, n_samples, net.batch_size):
        n = min(n_samples - first, net.batch_size)
        x.first, y.first = X.first + first, Y.first + first
        total += pass_batch(net, n, x, y, wanted)
        if wanted:
            add_gradient(net, n, x, grad, 1 / n_samples)
    return total / weight


@walk(environment=NEAREST)
def pass_back(
    net: NET, n_samples: WHOLE, X: ROWS, slopes: ROWS, grad: REALS, n_theta: WHOLE, dC_dx: REALS
) -> None:  # fmt: skip
    """In blocks of batch_size samples; grad and dC_dx may be null."""
    x, dC_da, n_in = copied(X), copied(slopes), layer_of(net, 0).n_in
    if not is_null(grad):
        clear(n_theta, grad)
    for first in range(0, n_samples, net.batch_size):
        n = min(n_samples - first, net.batch_size)
        x.first, dC_da.first = X.first + first, slopes.first + first
        sum_inputs_of_batch(net, n, x)
        forward_batch_above(net, n)
        outputs(net, n, 0, 0)
        take_slopes(net, n, dC_da)
        backward_batch(net, n)
        if not is_null(grad):
            add_gradient(net, n, x, grad, 1.0)
        if not is_null(dC_dx):
            slopes_by_inputs(net, n, dC_dx + first * n_in, n_in)


# Steps of their own, for deltaloop.numba: the passes of one mini-batch stay in work.


@walk(environment=NEAREST)
def forward_pass(net: NET, X: ROWS, n_samples: WHOLE) -> None:
    """Z and a of every layer for up to batch_size samples."""
    if n_samples == 1 and not net.joins:
        sum_inputs(net, X, 0)
        forward_above(net)
    else:
        sum_inputs_of_batch(net, n_samples, X)
        forward_batch_above(net, n_samples)
    outputs(net, n_samples, 0, 0)


@walk(environment=NEAREST)
def backward_pass(net: NET, n_samples: WHOLE, slopes: ROWS) -> None:
    """Delta of every layer from dC/da of the last one, after `forward_pass`."""
    take_slopes(net, n_samples, slopes)
    backward_batch(net, n_samples)


@walk(environment=NEAREST)
def add_gradient_of_pass(net: NET, X: ROWS, n_samples: WHOLE, grad: REALS) -> None:
    """Grad += the gradient of the summed costs, after `backward_pass`."""
    add_gradient(net, n_samples, X, grad, 1.0)


@walk(environment=NEAREST)
def slopes_of_pass(net: NET, n_samples: WHOLE, dC_dx: ROWS) -> None:
    """dC_t/dx of every sample, after `backward_pass`."""
    slopes_by_inputs(net, n_samples, dC_dx.dense, dC_dx.row)
