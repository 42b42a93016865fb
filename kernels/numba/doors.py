"""From arrays into the loops: the functions that Python calls.

Their signatures are given, one per element type, and accept arrays of any layout, read-only or
not: everything is compiled once, at the first call for an element type.
"""

from functools import cache

import numba
import numpy as np
from numba import types

from ..interface import SparseRows
from .batch import descend_batches, forward_rows, mean_loss
from .compiling import RULE, jit, words_type
from .plan import dense_rows, in_order, net_of, rows_of
from .pointers import first_of, null
from .sample import descend_samples

_NO_STARTS, _NO_COLUMNS = np.empty(0, np.intp), np.empty(0, np.int32)
_NOTHING = {np.dtype(name): np.empty((0, 0), name) for name in ("float32", "float64")}


def arguments_of(X, dtype):
    """An array or SparseRows as what the doors take: (dense, starts, columns, values)."""
    nothing = _NOTHING[dtype]
    if isinstance(X, SparseRows):
        return nothing, X.starts, X.columns, X.values
    return X, _NO_STARTS, _NO_COLUMNS, nothing.reshape(0)


def _forward(words, X, starts, columns, values, n_samples, out):
    forward_rows(net_of(words), rows_of(X, starts, columns, values), n_samples, first_of(out))


def _loss_gradient(words, X, starts, columns, values, Y, grad):
    x, y = rows_of(X, starts, columns, values), dense_rows(Y)
    found = first_of(grad) if grad.size > 0 else null(first_of(grad))
    return mean_loss(net_of(words), Y.shape[0], x, y, found, grad.size)


def _train_epoch(
    words, rule, alone, X, starts, columns, values, order, Y, start, stop, batch_size, total, step
):
    net, how = net_of(words), rule[0]
    x, y = in_order(rows_of(X, starts, columns, values), order), in_order(dense_rows(Y), order)
    if alone:
        return descend_samples(net, how, start, stop, x, y, total, step)
    return descend_batches(net, how, start, stop, batch_size, x, y, total, step)


def real_of(dtype):
    """The element type to Numba."""
    return numba.from_dtype(dtype)


def array(element, ndim=1, layout="C", readonly=False):
    """The type of an array."""
    return types.Array(element, ndim, layout, readonly=readonly)


def words(dtype):
    """The type of what `plan.bind` gives."""
    return array(numba.from_dtype(words_type(dtype)))


def rule(dtype):
    """The type of what `rules.bind_rule` gives."""
    return array(RULE(real_of(dtype)))


def dense(dtype):
    """The type of rows of samples."""
    return array(real_of(dtype), 2, "A", readonly=True)


def _rows(dtype):
    listed = (types.intp, types.int32, real_of(dtype))
    return [dense(dtype), *(array(element, readonly=True) for element in listed)]


@cache
def forward(dtype):
    """The compiled `_forward` of one element type."""
    out = array(real_of(dtype), 2)
    return jit(_forward, signatures=types.void(words(dtype), *_rows(dtype), types.intp, out))


@cache
def loss_gradient(dtype):
    """The compiled `_loss_gradient` of one element type."""
    arguments = words(dtype), *_rows(dtype), dense(dtype), array(real_of(dtype))
    return jit(_loss_gradient, signatures=types.float64(*arguments))


@cache
def train_epoch(dtype):
    """The compiled `_train_epoch` of one element type."""
    whole, number, order = types.intp, types.float64, array(types.intp, readonly=True)
    arguments = (
        words(dtype), rule(dtype), types.boolean, *_rows(dtype), order, dense(dtype), whole, whole,
        whole, number, whole,
    )  # fmt: skip
    return jit(_train_epoch, signatures=number(*arguments))
