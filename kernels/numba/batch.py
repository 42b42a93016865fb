"""One step of the whole network on a mini-batch, weights updated from the mean gradient."""

from ..interface import PIECE
from .activations import SOFTMAX
from .compiling import DOUBLE, REAL, REALS, RECORD, WHOLE, call, entry, kernel
from .lanes import DOUBLE_TYPE, muladd
from .lanes import total as total_of
from .layers import (
    activate,
    activate_outputs,
    clear,
    copy,
    copy_outputs,
    fetch,
    multiply_by_slope,
    outputs,
    spread,
)  # fmt: skip
from .losses import through_softmax
from .plan import DENSE, FIRST, ORDER, ROW, Net, Rows, padded_width, round_up
from .rows import descend_listed, sum_listed
from .rules import SGD, Rule
from .sample import forward_sample, unbias
from .tiles import descend_product, product, transpose


def _multiply(e, n_rows, width, n_k, A, A_row, B, B_k, C, C_row, bias) -> None:
    """C = A B + bias"""
    call(e, product, n_rows, width, n_k, A, A_row, 1, B, B_k, C, C_row, bias, 0, 0, e.number(1))


@kernel
def forward_batch(e, record: RECORD, n_samples: WHOLE, first: WHOLE, rows: RECORD) -> None:
    """Z of every layer, a of the hidden ones; dense rows of X follow each other."""
    net, X = Net(e, record), Rows(e, rows)
    with e.loop(0, net.n_layers) as k:
        layer = net.layer(k, first)
        n_in, width, z = layer.n_in, layer.width, layer.z

        def dense(a, a_row):
            _multiply(e, n_samples, width, n_in, a, a_row, layer.W, width, z, width, layer.b)

        with e.either(k.compare("==", 0)) as (bottom, above):
            with bottom, e.either(X.are_sparse) as (sparse, full):
                with sparse, e.loop(0, n_samples) as t:
                    n, columns, values = X.listed(t)
                    z_t = z + t * width
                    call(e, sum_listed, n, columns, width, values, layer.W, layer.b, z_t)
                with full:
                    dense(X.dense_row(0), X.row)
            with above:
                below = net.layer(k - 1, first)
                dense(below.a, below.width)
        with e.when(k.compare("<", net.last)):
            activate(e, layer, n_samples)


@kernel
def backward_batch(e, record: RECORD, n_samples: WHOLE, first: WHOLE) -> None:
    """Delta of all layers from that of the last: delta_prev = (delta W) f'(z_prev)."""
    net = Net(e, record)
    stride, padded = round_up(net.room), padded_width(n_samples)
    turned, turned_prev = net.turned, net.turned_prev
    with e.loop(1, net.n_layers) as from_last:
        k = net.n_layers - from_last
        layer, below = net.layer(k, first), net.layer(k - 1, first)
        n_in, n_out, width = layer.n_in, layer.n_out, layer.width
        # a product of W with delta^T needs no transposed W: only the small deltas are turned
        call(e, transpose, n_samples, n_out, padded, layer.delta, width, turned, stride)
        _multiply(
            e, n_in, padded, n_out, layer.W, width, turned, stride, turned_prev, stride,
            e.null(net.theta),
        )  # fmt: skip
        call(
            e, transpose, n_in, n_samples, below.width, turned_prev, stride, below.delta,
            below.width,
        )  # fmt: skip
        multiply_by_slope(e, below, n_samples)


@kernel
def pass_batch(
    e, record: RECORD, n_samples: WHOLE, inputs: RECORD, targets: RECORD, backward: WHOLE
) -> DOUBLE:
    """Forward and back through all layers, piece by piece; the sum of the losses."""
    X, Y, total = Rows(e, inputs), Rows(e, targets), e.variable(e.double(0))
    with e.loop(0, n_samples, PIECE) as first:
        n = e.smaller(n_samples - first, PIECE)
        x, y = (rows.from_sample(rows.first + first) for rows in (X, Y))
        call(e, forward_batch, record, n, first, x)
        total.set(total.get() + call(e, outputs, record, n, first, y))
        with e.unless(backward.compare("==", 0)):
            call(e, backward_batch, record, n, first)
    return total.get()


def _descend(e, n_rows, width, n, A, A_k, A_row, delta, offset, W, start, rule, scale) -> None:
    """The step of `rule` on W, whose gradient is (start + A^T delta) scale."""
    with e.either(rule.code.compare("==", SGD)) as (sgd, other):
        with sgd:
            call(
                e, product, n_rows, width, n, A, A_row, A_k, delta, width, W, width, start, width,
                1, -(scale * rule.learning_rate),
            )  # fmt: skip
        with other:
            call(
                e, descend_product, rule.code, n_rows, width, n, A, A_row, A_k, delta, width, W,
                rule.m + offset, rule.v + offset, start, width, rule.hyper, scale,
            )  # fmt: skip


@kernel
def descend_layer(
    e, record: RECORD, k: WHOLE, n_samples: WHOLE, A: REALS, A_row: WHOLE, how: RECORD, scale: REAL
) -> None:
    """dC/dW = A^T delta, spent at once on W."""
    net, rule = Net(e, record), Rule(e, how)
    layer = net.layer(k)
    n_in, width, delta, sums = layer.n_in, layer.width, layer.delta, net.partial + layer.offset
    last = (n_samples - 1) // PIECE * PIECE
    nothing = e.null(net.theta)
    with e.loop(0, last, PIECE) as first:  # all but the last samples go into partial sums
        start = e.address_or_null(first.compare("==", 0), sums, 0)
        call(
            e, product, n_in, width, PIECE, A + first * A_row, 1, A_row, delta + first * width,
            width, sums, width, start, width, 0, scale,
        )  # fmt: skip
    start = e.address_or_null(last.compare("==", 0), sums, 0)
    _descend(
        e, n_in, width, n_samples - last, A + last * A_row, A_row, e.whole(1),
        delta + last * width, layer.offset, layer.W, start, rule, scale,
    )  # fmt: skip
    with e.unless(layer.b_offset.compare("<", 0)):
        # dC/db = 1^T delta: the weights of an input that is always 1
        zero, b = e.whole(0), layer.b_offset
        _descend(
            e, e.whole(1), width, n_samples, net.one, zero, zero, delta, b, net.theta + b, nothing,
            rule, scale,
        )  # fmt: skip


@kernel
def descend_sparse(
    e, record: RECORD, n_samples: WHOLE, rows: RECORD, W: REALS, factor: REAL
) -> None:
    """W -= factor A^T delta for the first layer: only rows that meet a value move."""
    net, X = Net(e, record), Rows(e, rows)
    layer = net.layer(0)
    delta, width = layer.delta, layer.width
    with e.loop(0, n_samples) as t:
        n, columns, values = X.listed(t)
        call(
            e, descend_listed, n, columns, width, values, W, delta + t * width, factor,
            e.null(W),
        )  # fmt: skip


@kernel
def descend_batch(
    e, record: RECORD, n_samples: WHOLE, rows: RECORD, how: RECORD, scale: REAL
) -> None:
    """The step of `rule` on every W and b."""
    net, X, rule = Net(e, record), Rows(e, rows), Rule(e, how)
    with e.loop(1, net.n_layers) as from_last:
        k = net.n_layers - from_last
        below = net.layer(k - 1)
        call(e, descend_layer, record, k, n_samples, below.a, below.width, how, scale)
    layer = net.layer(0)
    with e.either(X.are_sparse) as (sparse, dense):
        with sparse:
            factor = rule.learning_rate * scale
            call(e, descend_sparse, record, n_samples, rows, layer.W, factor)
            b, zero = layer.b_offset, e.whole(0)
            with e.unless(b.compare("<", 0)):
                _descend(
                    e, e.whole(1), layer.width, n_samples, net.one, zero, zero, layer.delta, b,
                    net.theta + b, e.null(net.theta), rule, scale,
                )  # fmt: skip
        with dense:
            call(e, descend_layer, record, 0, n_samples, X.dense_row(0), X.row, how, scale)


@entry
def descend_batches(
    e, record: RECORD, how: RECORD, start: WHOLE, stop: WHOLE, batch_size: WHOLE, inputs: RECORD,
    targets: RECORD, before: DOUBLE, step_before: WHOLE,
) -> DOUBLE:  # fmt: skip
    """Samples start..stop-1 in mini-batches."""
    net, rule, X, Y = Net(e, record), Rule(e, how), Rows(e, inputs), Rows(e, targets)
    n_in, total = net.layer(0).n_in, e.variable(before)
    row = round_up(n_in)
    # rows in random order are copied together; rules that move every weight see the zeros too
    shuffled = X.order.is_null().negated()
    gathers = X.are_sparse.choose(rule.code.compare("!=", SGD), shuffled)
    batch = X.from_sample(0)
    with e.when(gathers):
        batch.set(DENSE, net.gathered.as_whole())
        batch.set(ROW, row)
        batch.set(ORDER, 0)
    with e.loop_while(start, stop, lambda: total.get().is_finite(), batch_size) as first:
        n = e.smaller(stop - first, batch_size)
        batch.set(FIRST, gathers.choose(e.whole(0), X.first + first))
        with e.when(gathers), e.loop(first, first + n) as t:
            with e.when((t + n).compare("<", stop)):  # the batch that follows
                call(e, fetch, inputs, t + n, n_in, net.one)
                call(e, fetch, targets, t + n, 1, net.one)
            call(e, spread, inputs, t, n_in, net.gathered + (t - first) * row)
        call(e, pass_batch, record, n, batch, Y.from_sample(Y.first + first), 1)
        with e.loop(0, n) as t:
            total.set(total.get() + net.costs.get(t))
        unbias(e, rule, step_before + ((first - start) // batch_size + 1))
        scale = 1 / n.as_real(e.real)
        call(e, descend_batch, record, n, batch, how, scale)
    return total.get()


@kernel
def add_gradient(
    e, record: RECORD, n_samples: WHOLE, rows: RECORD, grad: REALS, scale: REAL
) -> None:
    """Grad += scale times the gradient of the summed losses of these samples."""
    net, X = Net(e, record), Rows(e, rows)

    def add(n_rows, width, n, A, A_row, A_k, delta, out):
        call(
            e, product, n_rows, width, n, A, A_row, A_k, delta, width, out, width, e.null(grad), 0,
            1, scale,
        )  # fmt: skip

    with e.loop(1, net.n_layers + 1) as from_last:
        k = net.n_layers - from_last
        layer = net.layer(k)
        width, delta, b = layer.width, layer.delta, layer.b_offset

        def dense(A, A_row):
            with e.loop(0, n_samples, PIECE) as first:
                n = e.smaller(n_samples - first, PIECE)
                add(
                    layer.n_in, width, n, A + first * A_row, 1, A_row, delta + first * width,
                    grad + layer.offset,
                )  # fmt: skip

        with e.either(k.compare("==", 0)) as (bottom, above):
            with bottom, e.either(X.are_sparse) as (sparse, full):
                with sparse:
                    W = grad + layer.offset
                    call(e, descend_sparse, record, n_samples, rows, W, -scale)
                with full:
                    dense(X.dense_row(0), X.row)
            with above:
                below = net.layer(k - 1)
                dense(below.a, below.width)
        with e.unless(b.compare("<", 0)):
            add(1, width, n_samples, net.one, 0, 0, delta, grad + b)


@entry
def forward_rows(e, record: RECORD, rows: RECORD, n_samples: WHOLE, out: REALS) -> None:
    """out[t] = output activations of sample t."""
    net, X = Net(e, record), Rows(e, rows)
    n_out, room = net.layer(net.last).n_out, net.room
    with e.loop(0, n_samples, room) as first:
        n = e.smaller(n_samples - first, room)
        with e.either(n_samples.compare("==", 1)) as (single, several):
            with single:
                call(e, forward_sample, record, rows)
            with several:
                call(e, forward_batch, record, n, 0, X.from_sample(X.first + first))
        call(e, activate_outputs, record, n, 0)
        call(e, copy_outputs, record, n, out + first * n_out)


@entry
def gradient_of_rows(
    e, record: RECORD, inputs: RECORD, targets: RECORD, n_samples: WHOLE, grad: REALS,
    n_theta: WHOLE,
) -> DOUBLE:  # fmt: skip
    """Mean loss; the gradient into grad, unless that is null."""
    net, X, Y = Net(e, record), Rows(e, inputs), Rows(e, targets)
    total, room = e.variable(e.double(0)), net.room
    wanted = grad.is_null().choose(e.whole(0), e.whole(1))
    scale = 1 / n_samples.as_real(e.real)
    with e.unless(grad.is_null()):
        call(e, clear, n_theta, grad)
    with e.loop(0, n_samples, room) as first:
        n = e.smaller(n_samples - first, room)
        x, y = (rows.from_sample(rows.first + first) for rows in (X, Y))
        total.set(total.get() + call(e, pass_batch, record, n, x, y, wanted))
        with e.unless(grad.is_null()):
            call(e, add_gradient, record, n, x, grad, scale)
    return total.get() / n_samples.as_real(DOUBLE_TYPE)


# Steps of their own, for deltaloop.numba: the passes of one mini-batch stay in work.


@entry
def forward_pass(e, record: RECORD, rows: RECORD, n_samples: WHOLE) -> None:
    """Z and a of every layer for up to `room` samples."""
    with e.either(n_samples.compare("==", 1)) as (single, several):
        with single:
            call(e, forward_sample, record, rows)
        with several:
            call(e, forward_batch, record, n_samples, 0, rows)
    call(e, activate_outputs, record, n_samples, 0)


@entry
def backward_pass(e, record: RECORD, n_samples: WHOLE, slopes: RECORD) -> None:
    """Delta of every layer from dC/da of the last one, after `forward_pass`."""
    net = Net(e, record)
    dC_da, layer = Rows(e, slopes), net.layer(net.last)
    n_out, width, delta, a = layer.n_out, layer.width, layer.delta, layer.a
    with e.loop(0, n_samples) as t:
        call(e, copy, n_out, dC_da.dense_row(t), delta + t * width)
        call(e, clear, width - n_out, delta + t * width + n_out)
    with e.either(layer.activation.compare("==", SOFTMAX)) as (is_softmax, elementwise):
        with is_softmax, e.loop(0, n_samples) as t:
            call(e, through_softmax, n_out, a + t * width, delta + t * width)
        with elementwise:
            multiply_by_slope(e, layer, n_samples)
    call(e, backward_batch, record, n_samples, 0)


@entry
def add_gradient_of_pass(e, record: RECORD, rows: RECORD, n_samples: WHOLE, grad: REALS) -> None:
    """Grad += the gradient of the summed costs, after `backward_pass`."""
    call(e, add_gradient, record, n_samples, rows, grad, e.number(1))


@entry
def slope_by_inputs(e, record: RECORD, n_samples: WHOLE, out: RECORD) -> None:
    """out[t] = dC_t/dx = W^T delta of the first layer, after `backward_pass`."""
    net = Net(e, record)
    layer, found = net.layer(0), Rows(e, out)
    n_in, width, delta, W = layer.n_in, layer.width, layer.delta, layer.W
    with e.loop(0, n_samples) as t:
        x, d = found.dense_row(t), delta + t * width
        with e.loop(0, n_in) as i:
            sums, row = e.variable(e.vector(0, 4)), W + i * width
            with e.loop(0, width, 4) as j:
                sums.set(muladd(row.get(j, 4), d.get(j, 4), sums.get()))
            x.set(i, total_of(sums.get()))
