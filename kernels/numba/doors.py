"""From arrays into the loops: the functions that Python calls.

They accept arrays of any layout, read-only or not, and are called without a look at the types of
their arguments, which their signatures fix: everything is compiled once per element type.
"""

from functools import cache

import numba
import numpy as np
from numba import types

from ..interface import SparseRows
from .batch import descend_batches, forward_rows, mean_loss, pass_back
from .compiling import RULE, jit, part, provide, words_type
from .plan import dense_rows, net_of, rows_of
from .pointers import first_of, null
from .sample import descend_samples

_NO_INDICES, _NO_COLUMNS, _NO_WEIGHTS = np.empty(0, np.intp), np.empty(0, np.int32), np.empty(0)


@cache
def nothing(dtype, ndim):
    """An array without elements, which stands for None."""
    return np.empty((0,) * ndim, dtype)


def samples(X, dtype, order=None, weights=None):
    """Rows as what the doors take: an array or SparseRows, with their order and weights."""
    order = _NO_INDICES if order is None else order
    weights = _NO_WEIGHTS if weights is None else weights
    if isinstance(X, SparseRows):
        return nothing(dtype, 2), X.starts, X.columns, X.values, order, weights
    return X, _NO_INDICES, _NO_COLUMNS, nothing(dtype, 1), order, weights


@part
def _first_or_null(array):
    return first_of(array) if array.size > 0 else null(first_of(array))


def _forward(words, X, n_samples, out):
    forward_rows(net_of(words), rows_of(*X), n_samples, first_of(out))


def _loss_gradient(words, X, Y, n_samples, grad):
    x, y = rows_of(*X), rows_of(*Y)
    return mean_loss(net_of(words), n_samples, x, y, _first_or_null(grad), grad.size)


def _backward(words, X, dC_da, grad, dC_dx):
    x, slopes, n_samples = rows_of(*X), dense_rows(dC_da), dC_da.shape[0]
    flat, of_inputs = _first_or_null(grad), _first_or_null(dC_dx)
    pass_back(net_of(words), n_samples, x, slopes, flat, grad.size, of_inputs)


def _train_epoch(words, rule, X, Y, start, stop, batch_size, alone, total, step):
    net, how, x, y = net_of(words), rule[0], rows_of(*X), rows_of(*Y)
    if alone:
        return descend_samples(net, how, start, stop, x, y, total, step)
    return descend_batches(net, how, start, stop, batch_size, x, y, total, step)


def array(element, ndim=1, layout="C", readonly=False):
    """The type of an array."""
    return types.Array(element, ndim, layout, readonly=readonly)


class Types:
    """Of the arguments, for one element type."""

    def __init__(self, dtype):
        real = numba.from_dtype(dtype)
        indices, numbers = array(types.intp, readonly=True), array(types.float64, readonly=True)
        self.words = array(numba.from_dtype(words_type(dtype)))  # of plan.bind
        self.rule = array(RULE(real))  # of rules.bind_rule
        self.row = array(real, 1, "A", readonly=True)
        self.dense = array(real, 2, "A", readonly=True)
        columns, values = array(types.int32, readonly=True), array(real, readonly=True)
        self.samples = types.Tuple((self.dense, indices, columns, values, indices, numbers))
        self.reals, self.rows = array(real), array(real, 2)  # written


def compiled(function, returned, *arguments, **options):
    """The one version of a function."""
    return jit(function, signatures=returned(*arguments), **options).get_overload(arguments)


@cache
def forward(dtype):
    """The compiled `_forward` of one element type."""
    provide(dtype, forward_rows)
    of = Types(dtype)
    return compiled(_forward, types.void, of.words, of.samples, types.intp, of.rows)


@cache
def loss_gradient(dtype):
    """The compiled `_loss_gradient` of one element type."""
    provide(dtype, mean_loss)
    of = Types(dtype)
    arguments = of.words, of.samples, of.samples, types.intp, of.reals
    return compiled(_loss_gradient, types.float64, *arguments)


@cache
def backward(dtype):
    """The compiled `_backward` of one element type."""
    provide(dtype, pass_back)
    of = Types(dtype)
    return compiled(_backward, types.void, of.words, of.samples, of.dense, of.reals, of.rows)


@cache
def train_epoch(dtype, alone):
    """The compiled `_train_epoch` of one element type, for samples alone or mini-batches."""
    provide(dtype, descend_samples if alone else descend_batches)
    of, whole, number = Types(dtype), types.intp, types.float64
    arguments = (
        of.words, of.rule, of.samples, of.samples, whole, whole, whole, types.boolean, number,
        whole,
    )  # fmt: skip
    return compiled(_train_epoch, number, *arguments)
