"""What a step does in one layer."""

from llvmlite import ir

from ..interface import CUSTOM
from .activations import SOFTMAX, map_f, map_slope
from .compiling import COLUMNS, DOUBLE, REALS, RECORD, WHOLE, call, inline_kernel, kernel
from .losses import canonical_delta, general_slope, softmax, through_softmax
from .plan import Layer, Net, Rows, is_canonical


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
        with e.either(canonical) as (from_logits, general):
            with from_logits:
                cost.set(
                    call(e, canonical_delta, loss, n_out, width, z, a, log_sum.get(), y, delta)
                )
            with general:
                cost.set(call(e, general_slope, loss, n_out, width, a, y, delta))
                with e.when(is_softmax):
                    call(e, through_softmax, n_out, a, delta)
        net.costs.set(t, cost.get())
        total.set(total.get() + cost.get())
    with e.unless(canonical.either(is_softmax)):
        multiply_by_slope(e, layer, n_samples)
    return total.get()


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
