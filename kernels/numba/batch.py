"""One step of the whole network on a mini-batch, weights updated from the mean gradient."""

from ..interface import PIECE
from .activations import SOFTMAX
from .compiling import DOUBLE, REAL, REALS, RECORD, WHOLE, call, entry, kernel
from .environment import FLUSHING
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
    take_weights,
)
from .losses import through_softmax
from .plan import DENSE, FIRST, ORDER, ROW, Net, Rows, padded_width, round_up
from .rows import descend_listed, sum_listed
from .rules import ACCUMULATE, CODE, RULE_WORDS, SGD, M, Rule, descend_flat
from .sample import forward_sample, unbias
from .tiles import descend_product, product, transpose


def _multiply(e, n_rows, width, n_k, A, A_row, B, B_k, C, C_row, bias) -> None:
    """C = A B + bias"""
    call(e, product, n_rows, width, n_k, A, A_row, 1, B, B_k, C, C_row, bias, 0, 0, e.number(1))


@kernel
def forward_batch(e, record: RECORD, n_samples: WHOLE, rows: RECORD) -> None:
    """Z of every layer, a of the hidden ones; dense rows of X follow each other."""
    net, X = Net(e, record), Rows(e, rows)
    with e.loop(0, net.n_layers) as k:
        layer = net.layer(k)
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
                below = net.layer(k - 1)
                dense(below.a, below.width)
        with e.when(k.compare("<", net.last)):
            activate(e, layer, n_samples)


@kernel
def backward_batch(e, record: RECORD, n_samples: WHOLE) -> None:
    """Delta of all layers from that of the last: delta_prev = (delta W) f'(z_prev)."""
    net = Net(e, record)
    stride, padded = round_up(net.room), padded_width(n_samples)
    turned, turned_prev = net.turned, net.turned_prev
    with e.loop(1, net.n_layers) as from_last:
        k = net.n_layers - from_last
        layer, below = net.layer(k), net.layer(k - 1)
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
    """Forward and back through all layers; the sum of the losses."""
    call(e, forward_batch, record, n_samples, inputs)
    total = call(e, outputs, record, n_samples, targets)
    with e.unless(backward.compare("==", 0)):
        call(e, backward_batch, record, n_samples)
    return total


@kernel
def spend_gradient(
    e, record: RECORD, how: RECORD, n_samples: WHOLE, is_first: WHOLE, is_last: WHOLE, scale: REAL,
    n_rows: WHOLE, width: WHOLE, A: REALS, A_row: WHOLE, A_k: WHOLE, delta: REALS, offset: WHOLE,
) -> None:  # fmt: skip
    """dC/dW = A^T delta, spent at once on W, or with the last of several pieces.

    A[k, r] of sample k at k A_k + r A_row; W begins at theta + offset.
    """
    net, rule = Net(e, record), Rule(e, how)
    W, sums = net.theta + offset, net.partial + offset
    start = e.address_or_null(is_first.compare("!=", 0), sums, 0)

    def add(C, adds, factor):
        call(
            e, product, n_rows, width, n_samples, A, A_row, A_k, delta, width, C, width, start,
            width, adds, factor,
        )  # fmt: skip

    def descend_by_rule():
        call(
            e, descend_product, rule.code, n_rows, width, n_samples, A, A_row, A_k, delta, width, W,
            rule.m + offset, rule.v + offset, start, width, rule.hyper, scale,
        )  # fmt: skip

    with e.either(is_last.compare("!=", 0)) as (last, before):
        with last:
            e.cases(
                rule.code,
                {
                    SGD: lambda: add(W, 1, -(scale * rule.learning_rate)),
                    ACCUMULATE: lambda: add(rule.m + offset, 1, scale),
                },
                descend_by_rule,
            )
        with before:
            add(sums, 0, scale)


@kernel
def descend_sparse(
    e, record: RECORD, n_samples: WHOLE, rows: RECORD, how: RECORD, scale: REAL
) -> None:
    """The same for the first layer and sparse rows: only rows that meet a value move."""
    net, X, rule = Net(e, record), Rows(e, rows), Rule(e, how)
    layer = net.layer(0)

    def descend(W, factor):
        with e.loop(0, n_samples) as t:
            n, columns, values = X.listed(t)
            delta = layer.delta + t * layer.width
            call(
                e, descend_listed, n, columns, layer.width, values, W, delta, factor, e.null(W)
            )  # fmt: skip

    with e.either(rule.code.compare("==", ACCUMULATE)) as (gradient, weights):
        with gradient:
            descend(rule.m + layer.offset, -scale)
        with weights:
            descend(layer.W, rule.learning_rate * scale)


@kernel
def descend_batch(
    e, record: RECORD, n_samples: WHOLE, rows: RECORD, how: RECORD, is_first: WHOLE,
    is_last: WHOLE, scale: REAL,
) -> None:  # fmt: skip
    """The step of a rule on every W and b."""
    net, X = Net(e, record), Rows(e, rows)
    with e.loop(1, net.n_layers + 1) as from_last:
        k = net.n_layers - from_last
        layer = net.layer(k)

        def spend(n_rows, A, A_row, A_k, offset):
            call(
                e, spend_gradient, record, how, n_samples, is_first, is_last, scale, n_rows,
                layer.width, A, A_row, A_k, layer.delta, offset,
            )  # fmt: skip

        with e.either(k.compare("==", 0)) as (bottom, above):
            with bottom, e.either(X.are_sparse) as (sparse, full):
                with sparse:
                    call(e, descend_sparse, record, n_samples, rows, how, scale)
                with full:
                    spend(layer.n_in, X.dense_row(0), 1, X.row, layer.offset)
            with above:
                below = net.layer(k - 1)
                spend(layer.n_in, below.a, 1, below.width, layer.offset)
        with e.unless(layer.b_offset.compare("<", 0)):
            # dC/db = 1^T delta: the weights of an input that is always 1
            spend(1, net.one, 0, 0, layer.b_offset)


@entry(environment=FLUSHING)
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
    moves_all = rule.code.compare("!=", SGD).both(rule.is_flat.negated())
    gathers = X.are_sparse.choose(moves_all, shuffled)
    batch = X.from_sample(0)
    # of a flat rule the gradient first: what the products do with it
    flat, spends = rule.is_flat, e.words(RULE_WORDS)
    for k in range(RULE_WORDS):
        spends.set(k, rule.words.get(k))
    spends.set(CODE, flat.choose(e.whole(ACCUMULATE), rule.code))
    with e.when(gathers):
        batch.set(DENSE, net.gathered.as_whole())
        batch.set(ROW, row)
        batch.set(ORDER, 0)
    # lists go whole: their rows of W move at once, which a second piece would notice
    longest = Rows(e, batch).are_sparse.choose(batch_size, PIECE)
    with e.loop_while(start, stop, lambda: total.get().is_finite(), batch_size) as first_of_batch:
        n_batch = e.smaller(stop - first_of_batch, batch_size)
        end = first_of_batch + n_batch
        scale = 1 / n_batch.as_real(e.real)
        with e.when(flat):
            call(e, clear, rule.n_theta, rule.m)
        of_batch = Y.from_sample(Y.first + first_of_batch)
        with e.unless(Y.weights.is_null()):
            call(e, take_weights, of_batch, n_batch)
        unbias(e, rule, step_before + ((first_of_batch - start) // batch_size + 1))
        with e.loop(first_of_batch, end, longest) as first:
            n = e.smaller(end - first, longest)
            batch.set(FIRST, gathers.choose(e.whole(0), X.first + first))
            with e.when(gathers), e.loop(first, first + n) as t:
                with e.when((t + n).compare("<", stop)):  # what comes next
                    call(e, fetch, inputs, t + n, n_in, net.one)
                    call(e, fetch, targets, t + n, 1, net.one)
                call(e, spread, inputs, t, n_in, net.gathered + (t - first) * row)
            y = Rows(e, of_batch).from_sample(Y.first + first)
            call(e, pass_batch, record, n, batch, y, 1)
            with e.loop(0, n) as t:
                total.set(total.get() + net.costs.get(t))
            is_first = first.compare("==", first_of_batch).choose(1, 0)
            is_last = (first + n).compare("==", end).choose(1, 0)
            call(e, descend_batch, record, n, batch, spends, is_first, is_last, scale)
        with e.when(flat):
            call(e, descend_flat, how, net.theta)
    return total.get()


def _add_gradient(e, record, n_samples, rows, grad, scale) -> None:
    """Grad += scale times the gradient of the summed losses of these samples."""
    how = e.words(RULE_WORDS)
    how.set(CODE, ACCUMULATE)
    how.set(M, grad.as_whole())
    call(e, descend_batch, record, n_samples, rows, how, 1, 1, scale)


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
                call(e, forward_batch, record, n, X.from_sample(X.first + first))
        call(e, activate_outputs, record, n)
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
    sum_of_weights = e.variable(n_samples.as_real(DOUBLE_TYPE))
    with e.unless(Y.weights.is_null()):
        sum_of_weights.set(call(e, take_weights, targets, n_samples))
    with e.loop(0, n_samples, room) as first:
        n = e.smaller(n_samples - first, room)
        x, y = (rows.from_sample(rows.first + first) for rows in (X, Y))
        total.set(total.get() + call(e, pass_batch, record, n, x, y, wanted))
        with e.unless(grad.is_null()):
            _add_gradient(e, record, n, x, grad, scale)
    return total.get() / sum_of_weights.get()


# Steps of their own, for deltaloop.numba: the passes of one mini-batch stay in work.


@entry
def forward_pass(e, record: RECORD, rows: RECORD, n_samples: WHOLE) -> None:
    """Z and a of every layer for up to `room` samples."""
    with e.either(n_samples.compare("==", 1)) as (single, several):
        with single:
            call(e, forward_sample, record, rows)
        with several:
            call(e, forward_batch, record, n_samples, rows)
    call(e, activate_outputs, record, n_samples)


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
    call(e, backward_batch, record, n_samples)


@entry
def add_gradient_of_pass(e, record: RECORD, rows: RECORD, n_samples: WHOLE, grad: REALS) -> None:
    """Grad += the gradient of the summed costs, after `backward_pass`."""
    _add_gradient(e, record, n_samples, rows, grad, e.number(1))


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
