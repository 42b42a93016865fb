"""What a step does in one layer."""

from llvmlite import ir

from ..interface import CUSTOM
from .activations import SOFTMAX, map_f, map_slope
from .compiling import COLUMNS, DOUBLE, REALS, RECORD, WHOLE, call, inline_kernel, kernel
from .lanes import DOUBLE_TYPE
from .losses import softmax, softmax_cross_entropy, terms, through_softmax
from .plan import SHARE_OF_WEIGHT, Layer, Net, Rows, is_canonical


def activate(e, layer: Layer, n_samples) -> None:
    """A = f(z) for (n_samples, width) values; functions of users do not see the padding"""
    with e.either(layer.activation.compare("==", CUSTOM)) as (custom, built_in):
        with custom, e.loop(0, n_samples * layer.width, layer.width) as k:
            e.call_address(layer.f, ir.VoidType(), layer.z + k, layer.a + k, layer.n_out)
        with built_in:
            n = n_samples * layer.width
            call(e, map_f, layer.activation, layer.alpha, n, layer.z, layer.a)


def multiply_by_slope(e, layer: Layer, n_samples) -> None:
    """Delta = dC/da f'(z) for (n_samples, width) values"""
    with e.either(layer.activation.compare("==", CUSTOM)) as (custom, built_in):
        with custom, e.loop(0, n_samples * layer.width, layer.width) as k:
            z, a, delta = layer.z + k, layer.a + k, layer.delta + k
            e.call_address(layer.slope, ir.VoidType(), z, a, delta, layer.n_out)
        with built_in:
            n = n_samples * layer.width
            z, a, delta = layer.z, layer.a, layer.delta
            call(e, map_slope, layer.activation, layer.alpha, n, z, a, delta)


@kernel
def activate_outputs(e, record: RECORD, n_samples: WHOLE) -> None:
    """A of the output layer."""
    net = Net(e, record)
    layer = net.layer(net.last)
    with e.either(layer.activation.compare("==", SOFTMAX)) as (is_softmax, elementwise):
        with is_softmax, e.loop(0, n_samples) as t:
            here = net.layer(net.last, t)
            call(e, softmax, here.n_out, here.width, here.z, here.a)
        with elementwise:
            activate(e, layer, n_samples)


@kernel
def outputs(e, record: RECORD, n_samples: WHOLE, targets: RECORD) -> DOUBLE:
    """A and delta of the output layer, costs[:n_samples], and the sum of these."""
    net, Y = Net(e, record), Rows(e, targets)
    layer, loss = net.layer(net.last), net.loss
    is_softmax = layer.activation.compare("==", SOFTMAX)
    canonical = is_canonical(loss, layer.activation)
    from_logits = canonical.choose(e.whole(1), e.whole(0))
    total = e.variable(e.double(0))
    with e.unless(is_softmax):
        activate(e, layer, n_samples)
    with e.loop(0, n_samples) as t:
        here = net.layer(net.last, t)
        n_out, width, z, a, delta = here.n_out, here.width, here.z, here.a, here.delta
        y = Y.dense_row(t)
        log_sum, cost = e.variable(e.double(0)), e.variable(e.double(0))
        with e.when(is_softmax):
            log_sum.set(call(e, softmax, n_out, width, z, a))
        with e.either(canonical.both(is_softmax)) as (by_hand, of_rows):
            with by_hand:
                log = log_sum.get()
                cost.set(call(e, softmax_cross_entropy, n_out, z, a, log, y, delta))
            with of_rows:
                p = net.loss_parameter
                cost.set(call(e, terms, loss, from_logits, p, n_out, z, a, y, delta))
                with e.when(is_softmax):
                    call(e, through_softmax, n_out, a, delta)
        call(e, clear, width - n_out, delta + n_out)
        net.costs.set(t, cost.get())
        total.set(total.get() + cost.get())
    with e.unless(canonical.either(is_softmax)):
        multiply_by_slope(e, layer, n_samples)
    with e.unless(Y.weights.is_null()):
        total.set(call(e, weigh, record, n_samples, targets))
    return total.get()


@kernel
def weigh(e, record: RECORD, n_samples: WHOLE, targets: RECORD) -> DOUBLE:
    """Losses and deltas times the weights of their samples; the sum of the losses."""
    net, Y = Net(e, record), Rows(e, targets)
    layer, total, share = net.layer(net.last), e.variable(e.double(0)), Y.share_of_weight
    width, delta, costs = layer.width, layer.delta, net.costs
    with e.loop(0, n_samples) as t:
        weight = Y.weights.get(Y.number(t))
        factor = (weight * share).as_real(e.real)
        counts = weight.compare("!=", 0)
        costs.set(t, counts.choose(costs.get(t) * weight, e.double(0)))
        with e.loop(t * width, (t + 1) * width) as k:
            delta.set(k, counts.choose(delta.get(k) * factor, e.number(0)))
        total.set(total.get() + costs.get(t))
    return total.get()


@kernel
def take_weights(e, targets: RECORD, n: WHOLE) -> DOUBLE:
    """The sum of the weights of the next n samples, which are a mini-batch."""
    Y, sum_of_weights = Rows(e, targets), e.variable(e.double(0))
    with e.loop(0, n) as t:
        sum_of_weights.set(sum_of_weights.get() + Y.weights.get(Y.number(t)))
    found = sum_of_weights.get()
    share = found.compare(">", 0).choose(n.as_real(DOUBLE_TYPE) / found, e.double(0))
    Y.words.reinterpreted(DOUBLE_TYPE).set(SHARE_OF_WEIGHT, share)
    return found


@kernel
def list_nonzero(e, n: WHOLE, a: REALS, index: COLUMNS, values: REALS) -> WHOLE:
    """Positions and values of what is not zero in a, (n,); how many. NaN is not zero."""
    found = e.variable(e.whole(0))
    with e.loop(0, n) as i:  # no branch: a value that does not count is overwritten by the next
        k = found.get()
        index.set(k, i)
        values.set(k, a.get(i))
        found.set(k + a.get(i).compare("==", 0).choose(e.whole(0), e.whole(1)))
    return found.get()


@inline_kernel
def clear(e, n: WHOLE, x: REALS) -> None:
    """X = 0, (n,)"""
    with e.loop(0, n) as i:
        x.set(i, 0)


@inline_kernel
def copy(e, n: WHOLE, x: REALS, out: REALS) -> None:
    """Out = x, (n,)"""
    with e.loop(0, n) as i:
        out.set(i, x.get(i))


@kernel
def copy_outputs(e, record: RECORD, n_samples: WHOLE, out: REALS) -> None:
    """The output activations without their padding: out is (n_samples, n_out)."""
    net = Net(e, record)
    layer = net.layer(net.last)
    a, n_out, width = layer.a, layer.n_out, layer.width
    with e.loop(0, n_samples) as t:
        call(e, copy, n_out, a + t * width, out + t * n_out)


@kernel
def spread(e, rows: RECORD, t: WHOLE, n_columns: WHOLE, x: REALS) -> None:
    """Row t with its zeros: x, (n_columns,)."""
    X = Rows(e, rows)
    with e.either(X.are_sparse) as (sparse, dense):
        with sparse:
            call(e, clear, n_columns, x)
            n, columns, values = X.listed(t)
            with e.loop(0, n) as k:
                x.set(columns.get(k), values.get(k))
        with dense:
            call(e, copy, n_columns, X.dense_row(t), x)


@kernel
def fetch(e, rows: RECORD, t: WHOLE, n_columns: WHOLE, like: REALS) -> None:
    """Bring sample t nearer: samples in random order miss every cache. `like` is not read."""
    X, line = Rows(e, rows), 64 // (8 if e.is_double else 4)
    with e.either(X.are_sparse) as (sparse, dense):
        with sparse:
            n, columns, values = X.listed(t)
            with e.loop(0, n, line) as k:
                e.prefetch(values + k)
                e.prefetch(columns + k)
        with dense:
            x = X.dense_row(t)
            with e.loop(0, n_columns, line) as i:
                e.prefetch(x + i)
