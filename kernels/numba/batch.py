"""One step of the whole network on a mini-batch, weights updated from the mean gradient."""

import math
from typing import NamedTuple

from ..interface import PIECE
from ..products import ADD, DESCEND, STORE
from .activations import SOFTMAX
from .compiling import DOUBLE, REALS, RULE, TRUTH, WHOLE, part, walk
from .environment import FLUSHING, NEAREST
from .layers import (
    activate,
    activate_outputs,
    clear,
    copy,
    copy_outputs,
    fetch,
    multiply,
    multiply_by_slope,
    outputs,
    product,
    spread,
    sum_of_weights,
    transpose,
)
from .losses import through_softmax
from .plan import (
    Net,
    Rows,
    bias_of,
    block,
    from_sample,
    gathered_rows,
    layer_of,
    listed,
    new_product,
    new_rule,
    padded_width,
    round_up,
    row_of,
    weighted,
)
from .pointers import address, copied, is_null, itemsize, null, on_stack, pointer_at
from .rows import descend_listed, sum_listed
from .rules import ACCUMULATE, SGD, descend_flat, is_flat
from .sample import forward_sample, unbias


@part
def sum_inputs_of_batch(net, n_samples, X):
    """Z of the first layer; dense rows of X follow each other."""
    layer = layer_of(net, 0)
    Z, W, b = block(net, layer, layer.z), net.theta + layer.W, bias_of(net, layer)
    n_in, width = layer.n_in, layer.width
    if is_null(X.dense):
        for t in range(n_samples):
            n, columns, values = listed(X, t)
            sum_listed(net, n, columns, width, values, W, b, Z + t * width)
    else:
        multiply(net, n_samples, width, n_in, row_of(X, 0), X.row, W, width, Z, width, b)


@part
def forward_batch_above(net, n_samples):
    """From z of the first layer to z of the last."""
    for k in range(1, net.n_layers):
        below, layer = layer_of(net, k - 1), layer_of(net, k)
        a, z, width = block(net, below, below.a), block(net, layer, layer.z), layer.width
        W, b = net.theta + layer.W, bias_of(net, layer)
        activate(net, below, n_samples, block(net, below, below.z), a)
        multiply(net, n_samples, width, layer.n_in, a, below.width, W, width, z, width, b)


@walk
def forward_batch(net: Net, n_samples: WHOLE, X: Rows) -> None:
    """Z of every layer, a of the hidden ones."""
    sum_inputs_of_batch(net, n_samples, X)
    forward_batch_above(net, n_samples)


@part
def backward_layer(net, k, n_samples):
    """Delta of layer k - 1 from that of layer k: delta_prev = (delta W) f'(z_prev)."""
    layer, below = layer_of(net, k), layer_of(net, k - 1)
    n_in, n_out, width = layer.n_in, layer.n_out, layer.width
    stride, padded = round_up(net.batch_size), padded_width(n_samples)
    delta, delta_prev = block(net, layer, layer.delta), block(net, below, below.delta)
    turned, turned_prev, W = net.turned, net.turned_prev, net.theta + layer.W
    # a product of W with delta^T needs no transposed W: only the small deltas are turned
    transpose(net, n_samples, n_out, padded, delta, width, turned, stride)
    multiply(net, n_in, padded, n_out, W, width, turned, stride, turned_prev, stride, null(W))
    transpose(net, n_in, n_samples, below.width, turned_prev, stride, delta_prev, below.width)
    z, a = block(net, below, below.z), block(net, below, below.a)
    multiply_by_slope(net, below, n_samples, z, a, delta_prev)


@walk
def backward_batch(net: Net, n_samples: WHOLE) -> None:
    """Delta of all layers from that of the last."""
    for k in range(net.n_layers - 1, 0, -1):
        backward_layer(net, k, n_samples)


@part
def take_slopes(net, n_samples, dC_da):
    """Delta of the last layer from dC/da, after a forward pass."""
    layer = layer_of(net, net.n_layers - 1)
    n_out, width = layer.n_out, layer.width
    a, delta = block(net, layer, layer.a), block(net, layer, layer.delta)
    for t in range(n_samples):
        copy(n_out, row_of(dC_da, t), delta + t * width)
        clear(width - n_out, delta + (t * width + n_out))
        if layer.activation == SOFTMAX:
            through_softmax(n_out, a + t * width, delta + t * width)
    if layer.activation != SOFTMAX:
        multiply_by_slope(net, layer, n_samples, block(net, layer, layer.z), a, delta)


@part
def slopes_by_inputs(net, n_samples, dC_dx, row):
    """dC/dx = delta W of the first layer, (n_samples, n_in), with `row` elements between rows."""
    layer = layer_of(net, 0)
    n_out, width, turned = layer.n_out, layer.width, net.turned
    stride, padded = round_up(net.batch_size), padded_width(n_samples)
    room = (address(net.turned_prev) - address(turned)) // itemsize(turned) // stride
    transpose(net, n_samples, n_out, padded, block(net, layer, layer.delta), width, turned, stride)
    for i in range(0, layer.n_in, room):  # as many rows of W as there is room for their images
        n, W = min(room, layer.n_in - i), net.theta + (layer.W + i * width)
        image = net.turned_prev
        multiply(net, n, padded, n_out, W, width, turned, stride, image, stride, null(W))
        transpose(net, n, n_samples, n, image, stride, dC_dx + i, row)


@part
def pass_batch(net, n_samples, X, Y, backward):
    """Forward and back through all layers; the sum of the losses."""
    forward_batch(net, n_samples, X)
    total = outputs(net, n_samples, Y, 0)
    if backward:
        backward_batch(net, n_samples)
    return total


class Piece(NamedTuple):
    """Of a mini-batch: how many samples, and what factor makes their gradients a mean."""

    is_first: TRUTH
    is_last: TRUTH
    n_samples: WHOLE
    scale: DOUBLE  # 1 / samples of the mini-batch


@part
def descend_rows_of_layer(net, layer, piece, rule, A_prev, A_row, n, weights):
    """dC/dW = A_prev^T delta, spent at once on W, or with the last of several pieces.

    A_prev, (n_samples, n), lies A_row apart; the n rows of W begin at theta[weights].
    """
    p = new_product(net)
    p.n_rows, p.width, p.n_k = n, layer.width, piece.n_samples
    p.A, p.A_row, p.A_k = address(A_prev), 1, A_row
    p.B, p.B_k = address(block(net, layer, layer.delta)), layer.width
    p.C, p.C_row, p.weights = address(net.theta + weights), layer.width, weights
    if not piece.is_first:
        p.start, p.start_row = address(net.partial + weights), layer.width
    p.rule, p.parts = address(rule), net.parts
    if not piece.is_last:
        p.C = address(net.partial + weights)
        product(net, STORE, p)
    elif rule.code == SGD:  # w := w - eps g, with one product less
        p.factor = -(piece.scale * rule.learning_rate)
        product(net, ADD, p)
    elif rule.code == ACCUMULATE:  # the gradient itself, over several batches
        p.C, p.factor = address(pointer_at(rule.state, net.theta) + weights), piece.scale
        product(net, ADD, p)
    else:
        p.factor = piece.scale
        product(net, DESCEND, p)


@part
def descend_sparse(net, piece, X, rule):
    """The same for the first layer and sparse rows: only rows that meet a value move."""
    layer = layer_of(net, 0)
    W, eps = net.theta + layer.W, rule.learning_rate * piece.scale
    if rule.code == ACCUMULATE:  # the gradient itself
        W, eps = pointer_at(rule.state, net.theta) + layer.W, -piece.scale
    for t in range(piece.n_samples):
        n, columns, values = listed(X, t)
        delta = block(net, layer, layer.delta) + t * layer.width
        descend_listed(net, n, columns, layer.width, values, W, delta, eps, null(W))


@walk
def descend_batch(net: Net, piece: Piece, X: Rows, rule: RULE) -> None:
    """The step of a rule on every W and b."""
    one = on_stack(net.theta, 1)
    for k in range(net.n_layers - 1, -1, -1):
        layer = layer_of(net, k)
        n = layer.n_in
        if k > 0:
            below = layer_of(net, k - 1)
            a = block(net, below, below.a)
            descend_rows_of_layer(net, layer, piece, rule, a, below.width, n, layer.W)
        elif is_null(X.dense):
            descend_sparse(net, piece, X, rule)
        else:
            descend_rows_of_layer(net, layer, piece, rule, row_of(X, 0), X.row, n, layer.W)
        if layer.b >= 0:  # the weights of an input that is always 1
            descend_rows_of_layer(net, layer, piece, rule, one, 0, 1, layer.b)


@part
def gather(net, X, first, n, stop):
    """Copy samples first..first+n-1 side by side."""
    n_in = layer_of(net, 0).n_in
    row = round_up(n_in)
    for t in range(first, first + n):
        if t + n < stop:  # what comes next
            fetch(net, X, t + n, n_in)
        spread(X, t, n_in, net.gathered + (t - first) * row)


@walk(environment=FLUSHING)
def descend_batches(
    net: Net, rule: RULE, start: WHOLE, stop: WHOLE, batch_size: WHOLE, X: Rows, Y: Rows,
    total: DOUBLE, step: WHOLE,
) -> DOUBLE:  # fmt: skip
    """Samples start..stop-1 in mini-batches."""
    # of a flat rule the gradient first: what the products do with it
    flat, spends = is_flat(rule.code), copied(rule)
    if flat:
        spends.code = ACCUMULATE
    # rows in random order are copied together; rules that move every weight see the zeros too
    sparse = is_null(X.dense)
    gathers = rule.code != SGD and not flat if sparse else not is_null(X.order)
    # lists go whole: their rows of W move at once, which a second piece would notice
    longest = batch_size if sparse and not gathers else PIECE
    while start < stop and math.isfinite(total):
        n = min(batch_size, stop - start)
        end = start + n
        step += 1
        unbias(spends, step)
        weight = sum_of_weights(from_sample(Y, start), n)
        y = weighted(Y, n / weight if weight > 0 else 0)
        if flat:
            clear(rule.n_theta, pointer_at(rule.state, net.theta))
        while start < end:  # pieces
            n_piece = min(longest, end - start)
            x = from_sample(X, start)
            if gathers:
                gather(net, X, start, n_piece, stop)
                x = gathered_rows(net)
            for t in range(start + n_piece, min(start + 2 * n_piece, stop)):
                fetch(net, Y, t, 1)
            pass_batch(net, n_piece, x, from_sample(y, start), True)
            for t in range(n_piece):
                total += net.costs[t]
            piece = Piece(start + n == end, start + n_piece == end, n_piece, 1 / n)
            descend_batch(net, piece, x, spends)
            start += n_piece
        if flat:
            descend_flat(net, rule, net.theta)
    return total


@part
def add_gradient(net, n_samples, X, grad, scale):
    """Grad += scale times the gradient of the summed losses of these samples."""
    rule = new_rule(net)
    rule.code, rule.state, rule.squares = ACCUMULATE, address(grad), address(grad)
    descend_batch(net, Piece(True, True, n_samples, scale), X, rule)


@walk(environment=NEAREST)
def forward_rows(net: Net, X: Rows, n_samples: WHOLE, out: REALS) -> None:
    """out[t] = output activations of sample t."""
    n_out = layer_of(net, net.n_layers - 1).n_out
    for first in range(0, n_samples, net.batch_size):
        n = min(n_samples - first, net.batch_size)
        if n_samples == 1:
            forward_sample(net, X, 0)
        else:
            forward_batch(net, n, from_sample(X, first))
        activate_outputs(net, n)
        copy_outputs(net, n, out + first * n_out)


@walk(environment=NEAREST)
def mean_loss(
    net: Net, n_samples: WHOLE, X: Rows, Y: Rows, grad: REALS, n_theta: WHOLE
) -> DOUBLE:  # fmt: skip
    """In blocks of batch_size samples; the gradient into grad, unless it is null."""
    total, wanted, weight = 0.0, not is_null(grad), sum_of_weights(Y, n_samples)
    y = weighted(Y, n_samples / weight if weight > 0 else 0)
    if wanted:
        clear(n_theta, grad)
    for first in range(0, n_samples, net.batch_size):
        n, x = min(n_samples - first, net.batch_size), from_sample(X, first)
        total += pass_batch(net, n, x, from_sample(y, first), wanted)
        if wanted:
            add_gradient(net, n, x, grad, 1 / n_samples)
    return total / weight


@walk(environment=NEAREST)
def pass_back(
    net: Net, n_samples: WHOLE, X: Rows, slopes: Rows, grad: REALS, n_theta: WHOLE, dC_dx: REALS
) -> None:  # fmt: skip
    """In blocks of batch_size samples; grad and dC_dx may be null."""
    if not is_null(grad):
        clear(n_theta, grad)
    for first in range(0, n_samples, net.batch_size):
        n, x = min(n_samples - first, net.batch_size), from_sample(X, first)
        forward_batch(net, n, x)
        activate_outputs(net, n)
        take_slopes(net, n, from_sample(slopes, first))
        backward_batch(net, n)
        if not is_null(grad):
            add_gradient(net, n, x, grad, 1.0)
        if not is_null(dC_dx):
            n_in = layer_of(net, 0).n_in
            slopes_by_inputs(net, n, dC_dx + first * n_in, n_in)


# Steps of their own, for deltaloop.numba: the passes of one mini-batch stay in work.


@walk(environment=NEAREST)
def forward_pass(net: Net, X: Rows, n_samples: WHOLE) -> None:
    """Z and a of every layer for up to batch_size samples."""
    if n_samples == 1:
        forward_sample(net, X, 0)
    else:
        forward_batch(net, n_samples, X)
    activate_outputs(net, n_samples)


@walk(environment=NEAREST)
def backward_pass(net: Net, n_samples: WHOLE, slopes: Rows) -> None:
    """Delta of every layer from dC/da of the last one, after `forward_pass`."""
    take_slopes(net, n_samples, slopes)
    backward_batch(net, n_samples)


@walk(environment=NEAREST)
def add_gradient_of_pass(net: Net, X: Rows, n_samples: WHOLE, grad: REALS) -> None:
    """Grad += the gradient of the summed costs, after `backward_pass`."""
    add_gradient(net, n_samples, X, grad, 1.0)


@walk(environment=NEAREST)
def slopes_of_pass(net: Net, n_samples: WHOLE, dC_dx: Rows) -> None:
    """dC_t/dx of every sample, after `backward_pass`."""
    slopes_by_inputs(net, n_samples, dC_dx.dense, dC_dx.row)
