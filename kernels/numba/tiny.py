"""The latency path: plain SGD, one sample at a time, where layers have 8 inputs and units at most.

Such a step is one chain of operations that wait for each other. So every layer is one vector that
stays in a register from z to delta, and W is kept twice, by inputs and by outputs, so that neither
    z     = b + sum_i a_i W_i         W_i: what leaves input i
    dC/da = sum_j delta_j T_j         T_j: what reaches unit j
has to add up the lanes of a vector. The parameters are copied here when a call begins and back
when it ends.
"""

from ..functions import LOSSES
from ..interface import CUSTOM
from .activations import CODES, SOFTMAX, f, slope, term
from .compiling import DOUBLE, REAL, RECORD, WHOLE, call, kernel
from .lanes import DOUBLE_TYPE, Pointer, Value, muladd, total, where_above
from .layers import clear, outputs
from .plan import FIRST, Layer, Net, Rows, is_canonical

MOST = 8  # units of a layer, and layers
# where things lie in the memory of a layer, in vectors: W, T, b, z, a, and which lanes are units
OF_INPUTS, OF_OUTPUTS, BIAS = range(0, 3 * MOST, MOST)
INPUT, OUTPUT, MASK, SIZE = range(BIAS + 1, BIAS + 5)


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

    def set_lane(self, vector: int, j, x) -> None:
        """Write one element."""
        self.first.set(j + vector * self.lanes, x)

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


def _copy_in(e, net: Net, memory: _Memory) -> None:
    with e.loop(0, net.n_layers) as k:
        layer, place = net.layer(k), memory.layer(k)
        call(e, clear, SIZE * memory.lanes, place.first)
        with e.loop(0, layer.n_out) as j:
            place.set_lane(MASK, j, 1)
            with e.unless(layer.b_offset.compare("<", 0)):
                place.set_lane(BIAS, j, layer.b.get(j))
            with e.loop(0, layer.n_in) as i:
                w = layer.W.get(i * layer.width + j)
                place.set_lane(OF_INPUTS, i * memory.lanes + j, w)
                place.set_lane(OF_OUTPUTS, j * memory.lanes + i, w)


def _copy_out(e, net: Net, memory: _Memory) -> None:
    with e.loop(0, net.n_layers) as k:
        layer, place = net.layer(k), memory.layer(k)
        with e.loop(0, layer.n_out) as j:
            with e.unless(layer.b_offset.compare("<", 0)):
                layer.b.set(j, place.lane(BIAS, j))
            with e.loop(0, layer.n_in) as i:
                w = place.lane(OF_INPUTS, i * memory.lanes + j)
                layer.W.set(i * layer.width + j, w)


# The switches stand out here, so that each function keeps its constants in registers.


def _f(e, layer: Layer, z: Value) -> Value:
    a = e.variable(z)
    table = {code: lambda code=code: a.set(f(code, layer.alpha, z)) for code in CODES}
    e.cases(layer.activation, table)
    return a.get()


def _slope(e, layer: Layer, z: Value, a: Value) -> Value:
    found = e.variable(e.vector(1, a.ir.type.count))
    table = {code: lambda code=code: found.set(slope(code, layer.alpha, z, a)) for code in CODES}
    e.cases(layer.activation, table)
    return found.get()


def _forward(e, net: Net, memory: _Memory, z: Value) -> Value:
    """From z of the first layer to z of the last; z and a of the hidden ones into memory."""
    now = e.variable(z)
    with e.loop(0, net.last) as k:
        layer, above = net.layer(k), memory.layer(k + 1)
        a = _f(e, layer, now.get())
        memory.layer(k).set(INPUT, now.get())
        memory.layer(k).set(OUTPUT, a)
        now.set(above.combined(layer.n_out, above.get(BIAS), a, OF_INPUTS))
    return now.get()


def _loss(e, net: Net, a: Value, y: Value) -> tuple[Value, Value]:
    """The terms of the units, and dC/da."""
    value, dC_da, p = e.variable(a), e.variable(a), net.loss_parameter

    def of(row):
        def write():
            for place, found in zip((value, dC_da), term(row, p, a, y), strict=True):
                place.set(found)

        return write

    e.cases(net.loss, {code: of(row) for code, row in enumerate(LOSSES.values())})
    return value.get(), dC_da.get()


def _outputs(e, net: Net, layer: Layer, z: Value, mask: Value, y: Rows) -> tuple[Value, Value]:
    """Loss and delta of the last layer; `mask` is 1 where there is a unit."""
    cost, delta, lanes = e.variable(e.double(0)), e.variable(z), z.ir.type.count
    built_in = net.loss.compare("<", len(LOSSES)).both(net.loss.compare(">=", 0))
    general = is_canonical(net.loss, layer.activation).negated()
    is_direct = built_in.both(general).both(layer.activation.compare("!=", SOFTMAX))
    with e.either(is_direct) as (direct, stored):
        with direct:  # nothing is stored on the way
            target, values = e.variable(e.vector(0, lanes)), y.dense_row(0)

            def put(j):
                target.set(target.get().with_lane(j, values.get(j)))

            _while_below(e, layer.n_out, lanes, put)
            a = _f(e, layer, z)
            value, dC_da = _loss(e, net, a, target.get())
            nothing = e.vector(0, lanes)
            cost.set(total(where_above(mask, nothing, value, nothing).as_real(DOUBLE_TYPE)))
            slope = dC_da * _slope(e, layer, z, a)
            delta.set(where_above(mask, nothing, slope, nothing))
        with stored:  # a block of work is at least as long as a vector
            layer.z.set(0, z)
            layer.delta.set(0, e.vector(0, lanes))
            cost.set(call(e, outputs, net.words, 1, y.words))
            delta.set(layer.delta.get(0, lanes))
    return cost.get(), delta.get()


def _descend_above(e, net: Net, memory: _Memory, delta: Value, learning_rate) -> Value:
    """From delta of the last layer to delta of the first, updating all layers but the first."""
    now = e.variable(delta)
    with e.loop(1, net.n_layers) as from_last:
        k = net.n_layers - from_last
        layer, here, below = net.layer(k), memory.layer(k), memory.layer(k - 1)
        a, delta = below.get(OUTPUT), now.get()
        dC_da = here.combined(layer.n_out, e.vector(0, here.lanes), delta, OF_OUTPUTS)
        step = delta * learning_rate
        with e.unless(layer.b_offset.compare("<", 0)):
            here.set(BIAS, here.get(BIAS) - step)
        _while_below(
            e, layer.n_in, here.lanes,
            lambda i: here.descend(OF_INPUTS + i, below.lane(OUTPUT, e.whole(i)), step),
        )  # fmt: skip
        now.set(dC_da * _slope(e, net.layer(k - 1), below.get(INPUT), a))
        a = a * below.get(MASK)
        _while_below(
            e, layer.n_out, here.lanes,
            lambda j: here.descend(OF_OUTPUTS + j, step.lane(j), a),
        )  # fmt: skip
    return now.get()


def _make_samples(lanes: int):
    def write(
        e, record: RECORD, learning_rate: REAL, start: WHOLE, stop: WHOLE, inputs: RECORD,
        targets: RECORD, before: DOUBLE,
    ) -> DOUBLE:  # fmt: skip
        net, X, Y = Net(e, record), Rows(e, inputs), Rows(e, targets)
        y, sum_ = Rows(e, Y.from_sample(Y.first)), e.variable(before)
        memory = _Memory(e, lanes, e.scratch(MOST * SIZE * lanes))
        _copy_in(e, net, memory)
        first, last = net.layer(0), net.layer(net.last)
        n_in, b = first.n_in, memory.get(BIAS)
        mask = memory.layer(net.last).get(MASK)
        x = X.dense_row(start)
        z = e.variable(
            memory.sum(n_in, b, lambda i, s: muladd(x.get(i), memory.get(OF_INPUTS + i), s))
        )
        with e.loop_while(start, stop, lambda: sum_.get().is_finite()) as t:
            y.words.set(FIRST, Y.first + t)
            z_last = _forward(e, net, memory, z.get())
            cost, delta = _outputs(e, net, last, z_last, mask, y)
            sum_.set(sum_.get() + cost)
            step = _descend_above(e, net, memory, delta, learning_rate) * learning_rate
            with e.unless(first.b_offset.compare("<", 0)):
                memory.set(BIAS, memory.get(BIAS) - step)
            # where none follows, z is not used
            follows = (t + 1).compare("<", stop).choose(t + 1, t)
            x, x_next = X.dense_row(t), X.dense_row(follows)

            def descend_and_add(i, s):
                return muladd(x_next.get(i), memory.descend(OF_INPUTS + i, x.get(i), step), s)

            z.set(memory.sum(n_in, memory.get(BIAS), descend_and_add))
        _copy_out(e, net, memory)
        return sum_.get()

    write.__name__ = f"tiny_samples_{lanes}"
    write.__doc__ = "Samples start..stop-1, of which there is one at least."
    return kernel(write)


_SAMPLES = {lanes: _make_samples(lanes) for lanes in (4, MOST)}


@kernel
def widest_layer(e, record: RECORD) -> WHOLE:
    """Inputs or units of the widest layer; more than MOST where the latency path is none."""
    net = Net(e, record)
    found = e.variable(net.n_layers.compare(">", MOST).choose(MOST + 1, 0))
    with e.loop(0, net.n_layers) as k:
        layer = net.layer(k)
        custom = layer.activation.compare("==", CUSTOM).choose(MOST + 1, 0)
        for n in (layer.n_in, layer.n_out, custom):
            found.set(found.get().compare("<", n).choose(n, found.get()))
    return found.get()


@kernel
def descend_tiny(
    e, record: RECORD, widest: WHOLE, learning_rate: REAL, start: WHOLE, stop: WHOLE,
    inputs: RECORD, targets: RECORD, before: DOUBLE,
) -> DOUBLE:  # fmt: skip
    """Samples start..stop-1 of dense rows, for plain SGD and widest <= MOST."""
    sum_ = e.variable(before)

    def samples(lanes):
        arguments = record, learning_rate, start, stop, inputs, targets, before
        sum_.set(call(e, _SAMPLES[lanes], *arguments))

    with (
        e.when(start.compare("<", stop).both(before.is_finite())),
        e.either(widest.compare("<=", 4)) as (short, long),
    ):
        with short:
            samples(4)
        with long:
            samples(MOST)
    return sum_.get()
