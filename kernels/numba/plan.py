"""The records of kernels/interface.py as jitted functions see them.

Named tuples of pointers and whole numbers: unlike arrays, they change hands without counting
references.
"""

from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..interface import BLOCK, LAYER, LOSSES
from .activations import SIGMOID, SOFTMAX
from .compiling import at, part
from .lanes import INT

# columns of the table of layers: whole numbers, but for alpha, whose 8 bytes are a float64
N_IN, N_OUT, WIDTH, W, B, Z, A, DELTA, ACTIVATION, ALPHA = range(len(LAYER.names))
N_FIELDS = len(LAYER.names)

MSE, BINARY_CROSS_ENTROPY, CROSS_ENTROPY = range(len(LOSSES))


class Net(NamedTuple):
    """Plan, theta and Work of one call."""

    layers: Any  # (n_layers, N_FIELDS)
    n_layers: int
    loss: int
    theta: Any  # (n_theta,)
    room: int  # samples that work has room for
    work: Any  # blocks z, a, delta: (room, width) at room * offset
    gathered: Any  # (room, round_up(n_in))
    turned: Any  # (widest, round_up(room)): a transposed delta, or an index
    turned_prev: Any  # the same for its image, or the values of the index
    partial: Any  # (n_theta,): sums over some of the samples, if room > PIECE
    costs: Any  # (room,)
    index: Any  # turned as int32
    kernels: Any  # the table of entry points


class Rows(NamedTuple):
    """Samples, dense or, as interface.SparseRows, sparse; sample t is row order[first + t]."""

    is_sparse: bool
    dense: Any  # (n_rows, n_columns) with `row` elements from row to row
    row: int
    starts: Any
    columns: Any
    values: Any
    has_order: bool
    order: Any
    first: int


class Rule(NamedTuple):
    """An optimiser; see rules.py for `hyper`."""

    code: int
    learning_rate: Any
    hyper: Any  # (N_HYPER,)
    m: Any  # (n_theta,): the velocity, or the mean of the gradient
    v: Any  # (n_theta,): the mean of its square; where a rule has none, any address


@part
def round_up(n):
    """The smallest multiple of interface.BLOCK that is at least n."""
    return (n + BLOCK - 1) // BLOCK * BLOCK


@part
def padded_width(n):
    """4, 8 or the next multiple of 16, as in the interface."""
    return 4 if n <= 4 else 8 if n <= 8 else round_up(n)


def _member(builder, kind, value, name):
    return builder.extract_value(value, kind.fields.index(name))


def _field(builder, kind, net, k, name):
    """A whole number of layer k, as instructions."""
    layers = _member(builder, kind, net, "layers")
    place = builder.add(builder.mul(k, ir.Constant(INT, N_FIELDS)), name)
    return builder.load(builder.gep(layers, [place], source_etype=INT), typ=INT)


def _move(context, builder, pointer, kind, offset):
    element = context.get_data_type(kind.dtype)
    return builder.gep(pointer, [offset], source_etype=element)


@intrinsic
def field(context, net, k, name):
    """A whole number of layer k."""

    def write(context, builder, signature, values):
        return _field(builder, signature.args[0], *values)

    return types.intp(net, types.intp, types.intp), write


@intrinsic
def alpha(context, net, k):
    """The parameter of leaky_relu and elu of layer k, float64."""

    def write(context, builder, signature, values):
        found = _field(builder, signature.args[0], *values, ir.Constant(INT, ALPHA))
        return builder.bitcast(found, ir.DoubleType())

    return types.float64(net, types.intp), write


@intrinsic
def block(context, net, k, name, first):
    """z, a or delta of a layer, (room, width), from a sample on."""
    work = net.types[net.fields.index("work")]

    def write(context, builder, signature, values):
        kind, (value, k, name, first) = signature.args[0], values
        room = _member(builder, kind, value, "room")
        width = _field(builder, kind, value, k, ir.Constant(INT, WIDTH))
        offset = builder.mul(room, _field(builder, kind, value, k, name))
        offset = builder.add(offset, builder.mul(first, width))
        return _move(context, builder, _member(builder, kind, value, "work"), work, offset)

    return work(net, types.intp, types.intp, types.intp), write


@intrinsic
def bias_of(context, net, k):
    """b of layer k, (width,), or null."""
    theta = net.types[net.fields.index("theta")]

    def write(context, builder, signature, values):
        kind, (value, k) = signature.args[0], values
        b = _field(builder, kind, value, k, ir.Constant(INT, B))
        there = _move(context, builder, _member(builder, kind, value, "theta"), theta, b)
        without = builder.icmp_signed("<", b, ir.Constant(INT, 0))
        return builder.select(without, cgutils.get_null_value(there.type), there)

    return theta(net, types.intp), write


@intrinsic
def round_up(context, n):
    """The smallest multiple of interface.BLOCK that is at least n."""

    def write(context, builder, signature, values):
        more = builder.add(values[0], ir.Constant(INT, BLOCK - 1))
        return builder.and_(more, ir.Constant(INT, -BLOCK))  # a power of two

    return types.intp(types.intp), write


@intrinsic
def moved(context, rows, first):
    """The same rows, counted from another sample on."""

    def write(context, builder, signature, values):
        return builder.insert_value(*values, signature.args[0].fields.index("first"))

    return rows(rows, types.intp), write


@intrinsic
def row_number(context, rows, t):
    """Where sample t lies."""

    def write(context, builder, signature, values):
        kind, (value, t) = signature.args[0], values
        k = builder.add(_member(builder, kind, value, "first"), t)
        place = cgutils.alloca_once_value(builder, k)
        has_order = cgutils.is_not_null(builder, _member(builder, kind, value, "has_order"))
        with builder.if_then(has_order):
            order = _member(builder, kind, value, "order")
            builder.store(
                builder.load(builder.gep(order, [k], source_etype=INT), typ=INT), place
            )  # fmt: skip
        return builder.load(place)

    return types.intp(rows, types.intp), write


@part
def padded_width(n):
    """4, 8 or the next multiple of 16, as in the interface."""
    return 4 if n <= 4 else 8 if n <= 8 else round_up(n)


@part
def row_of(rows, t):
    """Sample t of dense rows: (n_columns,)."""
    return at(rows.dense, row_number(rows, t) * rows.row)


@part
def is_canonical(loss, activation):
    """Whether dC/dz is a - y, computed with the loss from the logits z."""
    return (loss == CROSS_ENTROPY and activation == SOFTMAX) or (
        loss == BINARY_CROSS_ENTROPY and activation == SIGMOID
    )
