"""The latency path: plain SGD, one sample at a time, where layers have 8 inputs and units at most.

Such a step is one chain of operations that wait for each other. So every layer is one vector that
stays in a register from z to delta, and W is kept twice, by inputs and by outputs, so that neither
    z     = b + sum_i a_i W_i         W_i: what leaves input i
    dC/da = sum_j delta_j T_j         T_j: what reaches unit j
has to add up the lanes of a vector. The parameters are copied here when a call begins and back
when it ends.
"""

import math

from ..functions import LOSSES
from ..interface import CUSTOM, LAYER
from .activations import CODES, SOFTMAX, f, slope, term
from .compiling import DOUBLE, REAL, ROOM, TRUTH, WHOLE, call, kernel, part, walk
from .environment import FLUSHING
from .lanes import DOUBLE_TYPE, Pointer, Struct, Value, muladd, total, where_above
from .layers import clear, outputs
from .losses import is_built_in
from .plan import LAYER_TYPE, Net, Rows, bias_of, layer_of
from .pointers import room

MOST = 8  # units of a layer, and layers
# where things lie in the memory of a layer, in vectors: W, T, b, z, a, and which lanes are units
OF_INPUTS, OF_OUTPUTS, BIAS = range(0, 3 * MOST, MOST)
INPUT, OUTPUT, MASK, SIZE = range(BIAS + 1, BIAS + 5)
MEMORY = MOST * SIZE * MOST  # elements, for any number of lanes


def lanes_of(plan) -> int:
    """How long a vector has to be; 0: the network has no place here."""
    n_in, n_out, *_ = plan.words.T
    longest = max(n_in.max(), n_out.max())
    if max(longest, len(plan.words)) > MOST or CUSTOM in plan.layers["activation"]:
        return 0
    return 4 if longest <= 4 else MOST


@part
def copy_in(net, lanes, memory):
    """Parameters into the memory of all layers."""
    for k in range(net.n_layers):
        layer, here = layer_of(net, k), memory + k * SIZE * lanes
        W, b = net.theta + layer.W, bias_of(net, layer)
        clear(SIZE * lanes, here)
        for j in range(layer.n_out):
            here[MASK * lanes + j] = 1
            if layer.b >= 0:
                here[BIAS * lanes + j] = b[j]
            for i in range(layer.n_in):
                here[(OF_INPUTS + i) * lanes + j] = W[i * layer.width + j]
                here[(OF_OUTPUTS + j) * lanes + i] = W[i * layer.width + j]


@part
def copy_out(net, lanes, memory):
    """And back."""
    for k in range(net.n_layers):
        layer, here = layer_of(net, k), memory + k * SIZE * lanes
        W, b = net.theta + layer.W, bias_of(net, layer)
        for j in range(layer.n_out):
            if layer.b >= 0:
                b[j] = here[BIAS * lanes + j]
            for i in range(layer.n_in):
                W[i * layer.width + j] = here[(OF_INPUTS + i) * lanes + j]


def _while_below(e, n: Value, most: int, write) -> None:
    """write(i) for i = 0..n-1 without a loop; 1 <= n <= most."""

    def here(i):
        write(i)
        if i + 1 < most:
            with e.when(n.compare(">", i + 1)):
                here(i + 1)

    here(0)


class _Memory:
    """Parameters and activations of all layers, in vectors of so many lanes."""

    def __init__(self, e, lanes: int, first: Pointer):
        self.e, self.lanes, self.first = e, lanes, first

    def layer(self, k) -> "_Memory":
        """Of layer k."""
        return _Memory(self.e, self.lanes, self.first + k * (SIZE * self.lanes))

    def lane(self, vector: int, j) -> Value:
        """One element."""
        return self.first.get(j + vector * self.lanes)

    def get(self, vector: int) -> Value:
        """One vector."""
        return self.first.get(vector * self.lanes, self.lanes)

    def set(self, vector: int, x: Value) -> None:
        """Write one vector."""
        self.first.set(vector * self.lanes, x)

    def descend(self, vector: int, factor: Value, x: Value) -> Value:
        """Vector -= factor x: both copies of W round alike."""
        w = muladd(-factor, x, self.get(vector))
        self.set(vector, w)
        return w

    def sum(self, n: Value, start: Value, term) -> Value:
        """Start + the terms 0..n-1 as two chains; term(i, s) = s + term i."""
        e = self.e
        chains = e.variable(start), e.variable(e.vector(0, self.lanes))

        def add(i):
            chain = chains[i % 2]
            chain.set(term(i, chain.get()))

        _while_below(e, n, self.lanes, add)
        even, odd = chains
        return even.get() + odd.get()

    def combined(self, n: Value, start: Value, a: Value, vectors: int) -> Value:
        """Start + a_0 W_0 + ... + a_(n-1) W_(n-1)"""
        return self.sum(n, start, lambda i, s: muladd(a.lane(i), self.get(vectors + i), s))


def _layer(e, net, k) -> Struct:
    """Layer k of a net."""
    return e.record(net.layers + k * LAYER.itemsize, LAYER_TYPE)


def _row_of(e, rows, t) -> Pointer:
    """Sample t of dense rows."""
    number = e.variable(rows.first + t)
    with e.unless(rows.order.is_null()):
        number.set(rows.order.get(number.get()))
    return rows.dense + number.get() * rows.row


# The switches stand out here, so that each function keeps its constants in registers.


def _f(e, layer: Struct, z: Value) -> Value:
    a, alpha = e.variable(z), layer.alpha.as_real(e.real)
    table = {code: lambda code=code: a.set(f(code, alpha, z)) for code in CODES}
    e.cases(layer.activation, table)
    return a.get()


def _slope(e, layer: Struct, z: Value, a: Value) -> Value:
    found, alpha = e.variable(e.vector(1, a.ir.type.count)), layer.alpha.as_real(e.real)
    table = {code: lambda code=code: found.set(slope(code, alpha, z, a)) for code in CODES}
    e.cases(layer.activation, table)
    return found.get()


def _forward(e, net, memory: _Memory, z: Value) -> Value:
    """From z of the first layer to z of the last; z and a of the hidden ones into memory."""
    now = e.variable(z)
    with e.loop(0, net.n_layers - 1) as k:
        layer, above = _layer(e, net, k), memory.layer(k + 1)
        a = _f(e, layer, now.get())
        memory.layer(k).set(INPUT, now.get())
        memory.layer(k).set(OUTPUT, a)
        now.set(above.combined(layer.n_out, above.get(BIAS), a, OF_INPUTS))
    return now.get()


def _loss(e, net, z: Value, a: Value, y: Value) -> tuple[Value, Value]:
    """The terms of the units, and dC/da."""
    p, dC_da = net.loss_parameter.as_real(e.real), e.variable(a)
    value = e.variable(a.as_real(DOUBLE_TYPE))

    def of(row):
        def write():
            for place, found in zip((value, dC_da), term(row, p, z, a, y), strict=True):
                place.set(found)

        return write

    e.cases(net.loss, {code: of(row) for code, row in enumerate(LOSSES.values())})
    return value.get(), dC_da.get()


def _outputs(e, net, layer, direct, z: Value, mask: Value, Y, t) -> tuple[Value, Value]:
    """Loss and delta of the last layer; `mask` is 1 where there is a unit."""
    cost, delta, lanes = e.variable(e.double(0)), e.variable(z), z.ir.type.count
    nothing = e.vector(0, lanes)
    with e.either(direct) as (of_units, stored):
        with of_units:  # nothing is stored on the way
            target, values = e.variable(nothing), _row_of(e, Y, t)

            def put(j):
                target.set(target.get().with_lane(j, values.get(j)))

            with e.either(layer.n_out.compare("==", lanes)) as (all_units, some):
                with all_units:
                    target.set(values.get(0, lanes))
                with some:
                    _while_below(e, layer.n_out, lanes, put)
            a = _f(e, layer, z)
            value, dC_da = _loss(e, net, z, a, target.get())
            cost.set(total(where_above(mask, nothing, value, nothing.as_real(DOUBLE_TYPE))))
            dC_dz = dC_da * _slope(e, layer, z, a)
            delta.set(where_above(mask, nothing, dC_dz, nothing))
        with stored:  # a block of work is at least as long as a vector
            here = net.work + net.batch_size * layer.delta
            (net.work + net.batch_size * layer.z).set(0, z)
            here.set(0, nothing)
            cost.set(call(e, outputs, net, 1, Y, t))
            delta.set(here.get(0, lanes))
    return cost.get(), delta.get()


def _descend_above(e, net, memory: _Memory, delta: Value, learning_rate) -> Value:
    """From delta of the last layer to delta of the first, updating all layers but the first."""
    now = e.variable(delta)
    with e.loop(1, net.n_layers) as from_last:
        k = net.n_layers - from_last
        layer, here, below = _layer(e, net, k), memory.layer(k), memory.layer(k - 1)
        a, delta = below.get(OUTPUT), now.get()
        dC_da = here.combined(layer.n_out, e.vector(0, here.lanes), delta, OF_OUTPUTS)
        step = delta * learning_rate
        with e.unless(layer.b.compare("<", 0)):
            here.set(BIAS, here.get(BIAS) - step)
        _while_below(
            e, layer.n_in, here.lanes,
            lambda i: here.descend(OF_INPUTS + i, below.lane(OUTPUT, e.whole(i)), step),
        )  # fmt: skip
        now.set(dC_da * _slope(e, _layer(e, net, k - 1), below.get(INPUT), a))
        a = a * below.get(MASK)
        _while_below(
            e, layer.n_out, here.lanes,
            lambda j: here.descend(OF_OUTPUTS + j, step.lane(j), a),
        )  # fmt: skip
    return now.get()


def _make_samples(lanes: int):
    def write(
        e, net: Net, memory: ROOM, direct: TRUTH, learning_rate: REAL, start: WHOLE, stop: WHOLE,
        X: Rows, Y: Rows, before: DOUBLE,
    ) -> DOUBLE:  # fmt: skip
        sum_, memory = e.variable(before), _Memory(e, lanes, memory)
        first, last = _layer(e, net, 0), _layer(e, net, net.n_layers - 1)
        n_in, b = first.n_in, memory.get(BIAS)
        mask = memory.layer(net.n_layers - 1).get(MASK)
        x = _row_of(e, X, start)
        z = e.variable(
            memory.sum(n_in, b, lambda i, s: muladd(x.get(i), memory.get(OF_INPUTS + i), s))
        )
        with e.loop_while(start, stop, lambda: sum_.get().is_finite()) as t:
            z_last = _forward(e, net, memory, z.get())
            cost, delta = _outputs(e, net, last, direct, z_last, mask, Y, t)
            sum_.set(sum_.get() + cost)
            step = _descend_above(e, net, memory, delta, learning_rate) * learning_rate
            with e.unless(first.b.compare("<", 0)):
                memory.set(BIAS, memory.get(BIAS) - step)
            # where none follows, z is not used
            follows = (t + 1).compare("<", stop).choose(t + 1, t)
            x, x_next = _row_of(e, X, t), _row_of(e, X, follows)

            def descend_and_add(i, s):
                return muladd(x_next.get(i), memory.descend(OF_INPUTS + i, x.get(i), step), s)

            z.set(memory.sum(n_in, memory.get(BIAS), descend_and_add))
        return sum_.get()

    write.__name__ = f"tiny_samples_{lanes}"
    write.__doc__ = "Samples start..stop-1, of which there is one at least."
    return kernel(write)


_samples_4, _samples_8 = _make_samples(4), _make_samples(MOST)


@walk(environment=FLUSHING)
def descend_tiny_samples(
    net: Net, learning_rate: REAL, start: WHOLE, stop: WHOLE, X: Rows, Y: Rows, total: DOUBLE
) -> DOUBLE:
    """Samples start..stop-1 for plain SGD and dense rows, where a net has `lanes`."""
    memory, last = room(net.theta, MEMORY), layer_of(net, net.n_layers - 1)
    # whether the loss is one of single units, by way of their outputs
    direct = last.activation != SOFTMAX and not net.canonical and is_built_in(net.loss)
    if start >= stop or not math.isfinite(total):
        return total
    copy_in(net, net.lanes, memory)
    if net.lanes == 4:
        total = _samples_4(net, memory, direct, learning_rate, start, stop, X, Y, total)
    else:
        total = _samples_8(net, memory, direct, learning_rate, start, stop, X, Y, total)
    copy_out(net, net.lanes, memory)
    return total
