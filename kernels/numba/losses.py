"""The loss of one sample, and its derivative by z (canonical pairs) or by a (all others).

Every loss is added up in float64.
"""

from ..functions import LOSSES
from .activations import exp_of_difference, largest, sum_of, term, term_of_logits
from .compiling import DOUBLE, REAL, REALS, WHOLE, call, kernel
from .lanes import DOUBLE_TYPE, Value

_ROWS = tuple(LOSSES.values())


def _double(x: Value) -> Value:
    return x.as_real(DOUBLE_TYPE)


def _zero_padding(e, n_out, width, x) -> None:
    with e.loop(n_out, width) as j:
        x.set(j, 0)


@kernel
def softmax(e, n_out: WHOLE, width: WHOLE, z: REALS, a: REALS) -> DOUBLE:
    """A = exp(z - max z) / sum, (width,), padding 0; returns log sum_k exp(z_k)."""
    with e.loop(0, n_out) as j:
        a.set(j, z.get(j))
    with e.loop(n_out, width) as j:
        a.set(j, z.get(0))  # padding takes no part in the maximum
    top = call(e, largest, width, a)
    call(e, exp_of_difference, width, top, a)
    _zero_padding(e, n_out, width, a)
    norm = call(e, sum_of, width, a)
    with e.loop(0, n_out) as j:
        a.set(j, a.get(j) / norm)
    return _double(top) + _double(norm).function("llvm.log")


@kernel
def through_softmax(e, n_out: WHOLE, a: REALS, delta: REALS) -> None:
    """delta, (n_out,): dC/da in, dC/dz out: a_j (dC/da_j - sum_k dC/da_k a_k)."""
    mean = e.variable(e.number(0))
    with e.loop(0, n_out) as j:
        mean.set(mean.get() + delta.get(j) * a.get(j))
    with e.loop(0, n_out) as j:
        delta.set(j, a.get(j) * (delta.get(j) - mean.get()))


def _terms(e, row, from_logits: bool, p, n_out, z, a, y, delta) -> Value:
    """The loss of a sample, and dC/da (or dC/dz, from logits) into the first n_out of delta."""
    cost, room = e.variable(e.double(0)), e.scratch(e.native)

    def vector(first, y_lanes, lane, stop):
        lanes = y_lanes.ir.type.count
        a_lanes = a.get(first, lanes)
        if from_logits:
            value, slope = term_of_logits(row, p, z.get(first, lanes), a_lanes, y_lanes)
        else:
            value, slope = term(row, p, a_lanes, y_lanes)
        delta.set(first, slope)
        room.set(0, value)
        with e.loop(lane, stop) as k:
            cost.set(cost.get() + _double(room.get(k)))

    def vectors(lanes):
        with e.loop(0, n_out, lanes) as j:  # the last may begin among units that are done
            first = e.smaller(j, n_out - lanes)
            vector(first, y.get(first, lanes), j - first, e.whole(lanes))

    def few():
        y_lanes = e.variable(e.vector(0, 4))
        for k in range(3):
            with e.when(n_out.compare(">", k)):
                y_lanes.set(y_lanes.get().with_lane(k, y.get(k)))
        vector(e.whole(0), y_lanes.get(), e.whole(0), n_out)

    with e.either(n_out.compare(">=", e.native)) as (long, short):
        with long:
            vectors(e.native)
        with short, e.either(n_out.compare(">=", 4)) as (some, fewer):
            with some:
                vectors(4)
            with fewer:
                few()
    return cost.get()


def _make_terms(row, from_logits: bool):
    def write(e, p: REAL, n_out: WHOLE, z: REALS, a: REALS, y: REALS, delta: REALS) -> DOUBLE:
        return _terms(e, row, from_logits, p, n_out, z, a, y, delta)

    write.__name__ = f"terms_of_{row.name}{'_from_logits' if from_logits else ''}"
    return kernel(write)


_TERMS = {code: _make_terms(row, False) for code, row in enumerate(_ROWS)}
_LOGITS = {code: _make_terms(row, True) for code, row in enumerate(_ROWS) if row.logits_value}


@kernel
def terms(
    e, loss: WHOLE, from_logits: WHOLE, p: REAL, n_out: WHOLE, z: REALS, a: REALS, y: REALS,
    delta: REALS,
) -> DOUBLE:  # fmt: skip
    """The loss of a sample, for the code or the address of a loss; delta[:n_out] as in `_terms`."""
    cost = e.variable(e.double(0))

    def of(table):
        return {
            code: lambda made=made: cost.set(call(e, made, p, n_out, z, a, y, delta))
            for code, made in table.items()
        }

    def custom():  # the code is the address of a user's function
        cost.set(e.call_address(loss, DOUBLE_TYPE, a, y, delta, n_out))

    with e.either(from_logits.compare("==", 0)) as (general, logits):
        with general:
            e.cases(loss, of(_TERMS), custom)
        with logits:
            e.cases(loss, of(_LOGITS))
    return cost.get()


@kernel
def softmax_cross_entropy(
    e, n_out: WHOLE, z: REALS, a: REALS, log_sum: DOUBLE, y: REALS, delta: REALS
) -> DOUBLE:
    """The loss sum_j y_j (log sum_k exp(z_k) - z_j), and delta = dC/dz = (sum_k y_k) a - y."""
    cost, sum_y = e.variable(e.double(0)), e.variable(e.double(0))
    with e.loop(0, n_out) as j:
        y_j = _double(y.get(j))
        sum_y.set(sum_y.get() + y_j)
        with e.unless(y_j.compare("==", 0)):
            cost.set(cost.get() + y_j * (log_sum - _double(z.get(j))))
    whole = sum_y.get().as_real(e.real)
    with e.loop(0, n_out) as j:
        delta.set(j, whole * a.get(j) - y.get(j))
    return cost.get()
