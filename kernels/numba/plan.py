"""The records of kernels/interface.py as kernels see them; cython/plan.pxd has the same."""

from typing import NamedTuple

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..interface import BLOCK, LAYER
from .compiling import (
    COLUMNS,
    DOUBLE,
    DOUBLES,
    PRODUCT,
    REALS,
    RULE,
    WHOLE,
    WORDS,
    part,
    type_of,
)
from .lanes import INT
from .pointers import first_of, is_null, null, null_of

LAYER_TYPE = numba.from_dtype(LAYER)


class Net(NamedTuple):
    """Plan, theta and Work of one call, as pointers and numbers."""

    kernels: WORDS  # the table of entry points
    layers: WHOLE  # the address of (n_layers,) records LAYER
    n_layers: WHOLE
    loss: WHOLE
    loss_parameter: DOUBLE
    canonical: WHOLE  # whether the loss and dC/dz are computed from the logits z
    lanes: WHOLE  # of vectors on the latency path, or 0: see tiny.py
    theta: REALS  # (n_theta,)
    batch_size: WHOLE  # samples that work has room for
    work: REALS  # blocks z, a, delta: (batch_size, width) at batch_size * offset
    turned: REALS  # (widest, round_up(batch_size)): delta, transposed
    turned_prev: REALS  # the same for its image
    partial: REALS  # (n_theta,): sums over some of the samples, or null
    parts: WHOLE  # the address of room for copies of parts of products, or 0
    gathered: REALS  # (batch_size, round_up(n_in)), or null
    costs: DOUBLES  # (batch_size,)
    index: COLUMNS  # positions of what is not zero, where `turned` lies


class Rows(NamedTuple):
    """Samples, dense or, as interface.SparseRows, sparse; sample t is row order[first + t]."""

    dense: REALS  # (n_rows, n_columns) with `row` elements from row to row, or null
    row: WHOLE
    starts: WORDS  # (n_rows + 1,)
    columns: COLUMNS
    values: REALS
    order: WORDS  # or null: first + t
    first: WHOLE
    # of targets: one per row, or null where all are 1
    weights: DOUBLES
    share_of_weight: DOUBLE  # n / sum of the weights of the mini-batch


def _reader(kind):
    @intrinsic
    def read(_context, words):
        """The named tuple whose fields are words of an array."""
        (name,) = words.dtype.fields
        found = type_of(kind, getattr(types, name.partition("_")[0]))

        def write(context, builder, signature, values):
            array = cgutils.create_struct_proxy(signature.args[0])(context, builder, values[0])
            first = builder.bitcast(array.data, INT.as_pointer())
            fields = []
            for k, field in enumerate(found.types):
                word = builder.load(builder.gep(first, [ir.Constant(INT, k)], source_etype=INT))
                is_pointer = isinstance(field, types.CPointer)
                convert = builder.inttoptr if is_pointer else builder.bitcast
                fields.append(convert(word, context.get_value_type(field)))
            return context.make_tuple(builder, found, fields)

        return found(words), write

    return read


net_of, rows_of = _reader(Net), _reader(Rows)  # of what doors.bind and bind_rows give


@intrinsic
def layer_of(_context, net, k):
    """Layer k, a record LAYER."""
    size = LAYER.itemsize

    def write(context, builder, signature, values):
        first = builder.extract_value(values[0], net.fields.index("layers"))
        place = builder.add(first, builder.mul(values[1], ir.Constant(INT, size)))
        return builder.inttoptr(place, context.get_value_type(LAYER_TYPE))

    return LAYER_TYPE(net, types.intp), write


def _new(record):
    @intrinsic
    def new(_context, net):
        """Room for a record, zeroed, on the stack."""
        kind = record(net.types[net.fields.index("theta")].dtype)

        def write(context, builder, signature, values):
            words = ir.ArrayType(INT, -(-kind.size // 8))
            place = cgutils.alloca_once(builder, words)
            builder.store(ir.Constant(words, None), place)
            return builder.bitcast(place, context.get_value_type(kind))

        return kind(net), write

    return new


new_product, new_rule = _new(PRODUCT), _new(RULE)


@part
def round_up(n):
    """The smallest multiple of interface.BLOCK that is at least n."""
    return (n + BLOCK - 1) // BLOCK * BLOCK


@part
def padded_width(n):
    """4, 8 or the next multiple of 16, as in the interface."""
    return 4 if n <= 4 else 8 if n <= 8 else round_up(n)


@part
def block(net, layer, offset):
    """z, a or delta of a layer, (batch_size, width)."""
    return net.work + net.batch_size * offset


@part
def bias_of(net, layer):
    """Bias of a layer, (width,), or null without bias."""
    return null(net.theta) if layer.b < 0 else net.theta + layer.b


@part
def row_number(rows, t):
    """Where sample t lies."""
    return rows.first + t if is_null(rows.order) else rows.order[rows.first + t]


@part
def row_of(rows, t):
    """Sample t of dense rows: (n_columns,)."""
    return rows.dense + row_number(rows, t) * rows.row


@part
def listed(rows, t):
    """Sample t of sparse rows: how many values, their columns, the values."""
    number = row_number(rows, t)
    start = rows.starts[number]
    return rows.starts[number + 1] - start, rows.columns + start, rows.values + start


@part
def from_sample(rows, first):
    """The same rows, counted from `first` on."""
    return Rows(
        rows.dense, rows.row, rows.starts, rows.columns, rows.values, rows.order,
        rows.first + first, rows.weights, rows.share_of_weight,
    )  # fmt: skip


@part
def weighted(rows, share):
    """The same rows with another share of weight."""
    return Rows(
        rows.dense, rows.row, rows.starts, rows.columns, rows.values, rows.order, rows.first,
        rows.weights, share,
    )  # fmt: skip


_no_words, _no_columns, _no_doubles = map(null_of, (WORDS, COLUMNS, DOUBLES))


@part
def _plain_rows(dense, row):
    nothing, no_words = null(dense), _no_words()
    return Rows(
        dense, row, no_words, _no_columns(), nothing, no_words, 0, _no_doubles(), 1.0
    )  # fmt: skip


@part
def dense_rows(X):
    """Rows of an array, or one sample."""
    return _plain_rows(first_of(X), X.strides[0] // X.itemsize)


@part
def gathered_rows(net):
    """What was copied side by side."""
    return _plain_rows(net.gathered, round_up(layer_of(net, 0).n_in))
