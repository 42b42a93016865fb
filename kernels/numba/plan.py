"""The records of kernels/interface.py as walks see them; cython/plan.pxd has the same."""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .. import lent
from ..memory import BLOCK
from .compiling import AHEAD, NET, PIECE, ROWS, RULE, entry_points, part, type_of, words_type
from .pointers import WORD, as_columns, is_null, null, place_of


def net_words(plan, theta, work) -> np.ndarray:
    """A net in memory, as words; valid as long as plan, theta and work."""
    dtype = plan.dtype
    words = np.zeros(lent.struct(NET, str(dtype)).itemsize // 8, words_type(dtype))
    lent.core(dtype).fill_net(words, plan, theta, True, work, entry_points(dtype).ctypes.data)
    return words


@intrinsic
def net_of(_context, words):
    """The net in `net_words`."""
    (name,) = words.dtype.fields
    kind = type_of(NET, getattr(types, name.partition("_")[0]))

    def write(context, builder, signature, values):
        array = cgutils.create_struct_proxy(signature.args[0])(context, builder, values[0])
        return builder.bitcast(array.data, context.get_value_type(kind))

    return kind(words), write


@intrinsic
def layer_of(_context, net, k):
    """Layer k, a record of interface.LAYER."""
    layers, _ = net.fields["layers"]

    def write(context, builder, signature, values):
        place = place_of(context, builder, net, values[0], "layers")
        first = builder.ptrtoint(builder.load(place, typ=context.get_data_type(layers)), WORD)
        found = builder.add(first, builder.mul(values[1], ir.Constant(WORD, layers.size)))
        return builder.inttoptr(found, context.get_value_type(layers))

    return layers(net, types.intp), write


def _room(context, builder, kind):
    words = ir.ArrayType(WORD, -(-kind.size // 8))
    place = cgutils.alloca_once(builder, words)
    builder.store(ir.Constant(words, None), place)
    return builder.bitcast(place, context.get_value_type(kind))


def _new(kind):
    @intrinsic
    def new(_context, net):
        """Room for a struct, zeroed, on the stack."""
        found = type_of(kind, net.real)

        def write(context, builder, signature, values):
            return _room(context, builder, found)

        return found(net), write

    return new


new_ahead, new_rule, new_piece = map(_new, (AHEAD, RULE, PIECE))


@intrinsic
def dense_rows(_context, net, X):
    """The rows of an array, or one sample, as a struct on the stack."""
    kind = type_of(ROWS, net.real)

    def write(context, builder, signature, values):
        array = cgutils.create_struct_proxy(X)(context, builder, values[1])
        row = builder.sdiv(builder.extract_value(array.strides, 0), array.itemsize)
        rows = _room(context, builder, kind)
        for name, value in (("dense", array.data), ("row", row)):
            builder.store(value, place_of(context, builder, kind, rows, name))
        return rows

    return kind(net, X), write


@part
def round_up(n):
    """The smallest multiple of memory.BLOCK that is at least n."""
    return (n + BLOCK - 1) // BLOCK * BLOCK


@part
def padded_width(n):
    """4, 8 or the next multiple of 16: columns for n samples, transposed."""
    return 4 if n <= 4 else 8 if n <= 8 else round_up(n)


@part
def block(net, layer, offset):
    """z, a or delta of a layer, (batch_size, width)."""
    return net.work + net.batch_size * offset


@part
def index_of(net):
    """Room for a list of positions, where `turned` lies."""
    return as_columns(net.turned)


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
