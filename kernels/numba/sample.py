"""One step of the whole network on a single sample, weights updated at once."""

from .activations import RELU
from .compiling import DOUBLE, RECORD, WHOLE, call, entry, kernel
from .environment import FLUSHING
from .lanes import DOUBLE_TYPE
from .layers import activate, clear, fetch, list_nonzero, multiply_by_slope, outputs, spread
from .plan import FIRST, Layer, Net, Rows
from .rows import (
    descend_and_sum,
    descend_by_rule,
    descend_listed,
    descend_rows,
    sum_listed,
    sum_rows,
)
from .rules import ADAM, SGD, UNBIAS_M, UNBIAS_V, Rule
from .tiny import MOST, descend_tiny, widest_layer

AHEAD = 1  # samples between the fetching of a row and its use
LISTED_WIDTH = 32  # rows of at least this length are worth a list of those that count


def lists_active(below: Layer, layer: Layer):
    """Whether inactive ReLU units are left out: their weights meet a = 0, their slope is 0."""
    return below.activation.compare("==", RELU).both(layer.width.compare(">=", LISTED_WIDTH))


@kernel
def forward_above(e, record: RECORD) -> None:
    """From z of the first layer to z of the last: a = f(z), z = W a_prev + b."""
    net = Net(e, record)
    with e.loop(1, net.n_layers) as k:
        below, layer = net.layer(k - 1), net.layer(k)
        activate(e, below, 1)
        n_in, width, a, values = layer.n_in, layer.width, below.a, net.turned_prev
        with e.either(lists_active(below, layer)) as (listed, dense):
            with listed:
                n = call(e, list_nonzero, n_in, a, net.index, values)
                call(e, sum_listed, n, net.index, width, values, layer.W, layer.b, layer.z)
            with dense:
                call(e, sum_rows, n_in, width, a, layer.W, layer.b, layer.z)


@kernel
def sum_inputs(e, record: RECORD, rows: RECORD, t: WHOLE) -> None:
    """Z of the first layer for sample t."""
    net, X = Net(e, record), Rows(e, rows)
    layer = net.layer(0)
    with e.either(X.are_sparse) as (sparse, dense):
        with sparse:
            n, columns, values = X.listed(t)
            call(e, sum_listed, n, columns, layer.width, values, layer.W, layer.b, layer.z)
        with dense:
            x = X.dense_row(t)
            call(e, sum_rows, layer.n_in, layer.width, x, layer.W, layer.b, layer.z)


def _descend_bias(e, net: Net, layer: Layer, rule: Rule) -> None:
    """The row of an input that is always 1."""
    b = layer.b_offset
    with (
        e.unless(b.compare("<", 0)),
        e.either(rule.code.compare("==", SGD)) as (sgd, other),
    ):
        with sgd:
            call(
                e, descend_rows, 1, layer.width, net.one, net.theta + b, layer.delta,
                rule.learning_rate, e.null(net.theta),
            )  # fmt: skip
        with other:
            call(
                e, descend_by_rule, rule.code, 1, layer.width, net.one, net.theta + b,
                rule.m + b, rule.v + b, layer.delta, rule.hyper, e.null(net.theta),
            )  # fmt: skip


@kernel
def descend_above(e, record: RECORD, how: RECORD) -> None:
    """From delta of the last layer to delta of the first, updating all layers but the first."""
    net, rule = Net(e, record), Rule(e, how)
    with e.loop(1, net.n_layers) as from_last:
        k = net.n_layers - from_last
        below, layer = net.layer(k - 1), net.layer(k)
        n_in, width, a, dC_da = layer.n_in, layer.width, below.a, below.delta
        values, learning_rate = net.turned_prev, rule.learning_rate

        def listed():
            n = call(e, list_nonzero, n_in, a, net.index, values)
            call(e, clear, below.width, dC_da)
            call(
                e, descend_listed, n, net.index, width, values, layer.W, layer.delta,
                learning_rate, dC_da,
            )  # fmt: skip

        with e.either(rule.code.compare("==", SGD)) as (sgd, other):
            with sgd, e.either(lists_active(below, layer)) as (sparse, dense):
                with sparse:
                    listed()
                with dense:
                    call(
                        e, descend_rows, n_in, width, a, layer.W, layer.delta, learning_rate, dC_da
                    )
            with other:
                w = layer.offset
                call(
                    e, descend_by_rule, rule.code, n_in, width, a, layer.W, rule.m + w,
                    rule.v + w, layer.delta, rule.hyper, dC_da,
                )  # fmt: skip
        _descend_bias(e, net, layer, rule)
        call(e, clear, below.width - below.n_out, dC_da + below.n_out)
        multiply_by_slope(e, below, 1)


@kernel
def descend_inputs(e, record: RECORD, rows: RECORD, t: WHOLE, how: RECORD) -> None:
    """The step of the first layer for sample t."""
    net, X, rule = Net(e, record), Rows(e, rows), Rule(e, how)
    layer, learning_rate, unwanted = net.layer(0), rule.learning_rate, e.null(net.theta)
    with e.either(rule.code.compare("==", SGD)) as (sgd, other):
        with sgd, e.either(X.are_sparse) as (sparse, dense):
            with sparse:
                n, columns, values = X.listed(t)
                call(
                    e, descend_listed, n, columns, layer.width, values, layer.W, layer.delta,
                    learning_rate, unwanted,
                )  # fmt: skip
            with dense:
                call(
                    e, descend_rows, layer.n_in, layer.width, X.dense_row(t), layer.W,
                    layer.delta, learning_rate, unwanted,
                )  # fmt: skip
        with other:  # every weight moves, whatever it met
            call(e, spread, rows, t, layer.n_in, net.gathered)
            w = layer.offset
            call(
                e, descend_by_rule, rule.code, layer.n_in, layer.width, net.gathered, layer.W,
                rule.m + w, rule.v + w, layer.delta, rule.hyper, unwanted,
            )  # fmt: skip
    _descend_bias(e, net, layer, rule)


def unbias(e, rule: Rule, step) -> None:
    """The corrections of Adam in update number `step`, counted from 1."""
    with e.when(rule.code.compare("==", ADAM)):
        for place, beta in ((UNBIAS_M, rule.beta1), (UNBIAS_V, rule.beta2)):
            power = beta.function("llvm.pow", step.as_real(DOUBLE_TYPE))
            rule.hyper.set(place, (1 / (1 - power)).as_real(e.real))


@kernel
def descend_larger(
    e, record: RECORD, how: RECORD, start: WHOLE, stop: WHOLE, inputs: RECORD, targets: RECORD,
    before: DOUBLE, step_before: WHOLE,
) -> DOUBLE:  # fmt: skip
    """Samples start..stop-1 where layers are longer than a vector, or whatever the rule."""
    net, rule, X, Y = Net(e, record), Rule(e, how), Rows(e, inputs), Rows(e, targets)
    layer, total = net.layer(0), e.variable(before)
    y = Rows(e, Y.from_sample(Y.first))
    fuses = rule.code.compare("==", SGD).both(X.are_sparse.negated())
    with e.when(start.compare("<", stop).both(before.is_finite())):
        call(e, sum_inputs, record, inputs, start)
    with e.loop_while(start, stop, lambda: total.get().is_finite()) as t:
        with e.when((t + AHEAD).compare("<", stop)):
            call(e, fetch, inputs, t + AHEAD, layer.n_in, net.one)
            call(e, fetch, targets, t + AHEAD, 1, net.one)
        unbias(e, rule, step_before + (t - start + 1))
        call(e, forward_above, record)
        y.words.set(FIRST, Y.first + t)
        total.set(total.get() + call(e, outputs, record, 1, y.words))
        call(e, descend_above, record, how)
        goes_on = (t + 1).compare("<", stop).both(total.get().is_finite())
        with e.either(goes_on.both(fuses)) as (fused, apart):
            with fused:
                call(
                    e, descend_and_sum, layer.n_in, layer.width, X.dense_row(t), layer.W, layer.b,
                    layer.delta, rule.learning_rate, X.dense_row(t + 1), layer.z,
                )  # fmt: skip
            with apart:
                call(e, descend_inputs, record, inputs, t, how)
                with e.when(goes_on):
                    call(e, sum_inputs, record, inputs, t + 1)
    return total.get()


@entry(environment=FLUSHING)
def descend_samples(
    e, record: RECORD, how: RECORD, start: WHOLE, stop: WHOLE, inputs: RECORD, targets: RECORD,
    before: DOUBLE, step_before: WHOLE,
) -> DOUBLE:  # fmt: skip
    """Samples start..stop-1 one at a time; plain SGD passes once over the first layer."""
    rule, total, widest = Rule(e, how), e.variable(before), call(e, widest_layer, record)
    fuses = rule.code.compare("==", SGD).both(Rows(e, inputs).are_sparse.negated())
    with e.either(fuses.both(widest.compare("<=", MOST))) as (tiny, larger):
        with tiny:
            rate = rule.learning_rate
            arguments = record, widest, rate, start, stop, inputs, targets, before
            total.set(call(e, descend_tiny, *arguments))
        with larger:
            arguments = record, how, start, stop, inputs, targets, before, step_before
            total.set(call(e, descend_larger, *arguments))
    return total.get()


@kernel
def forward_sample(e, record: RECORD, rows: RECORD) -> None:
    """Z of every layer, a of the hidden ones, for the first sample."""
    call(e, sum_inputs, record, rows, 0)
    call(e, forward_above, record)
