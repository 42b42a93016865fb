"""From arrays into the loops: the functions that Python calls.

What they are handed are words: the named tuples of plan.py as addresses and numbers. So everything
is compiled once per element type, whatever the arrays are like.
"""

from functools import cache
from operator import is_not
from weakref import WeakKeyDictionary

import numba
import numpy as np
from numba import types

from ..interface import SparseRows
from .batch import descend_batches, forward_rows, mean_loss, pass_back
from .compiling import RULE, entry_points, jit, provide, words_type
from .losses import is_canonical
from .plan import net_of, rows_of
from .pointers import pointer_at
from .rules import FLAT, SGD
from .sample import descend_larger_samples
from .tiny import descend_tiny_samples, lanes_of

_ONE = np.float64(1).view(np.intp)


def address_of(array, written=False) -> int:
    """Of the first element; 0 for None."""
    if array is None:
        return 0
    if written and not array.flags.writeable:
        raise ValueError("what a kernel writes to is read-only")
    return array.ctypes.data


_FACTS: WeakKeyDictionary = WeakKeyDictionary()


def facts(plan) -> tuple[int, ...]:
    """The words of a Net that a plan decides, the last one its `lanes`; kept with the plan."""
    if plan not in _FACTS:
        parameter = np.float64(plan.loss_parameter).view(np.intp)
        layers = address_of(plan.layers), len(plan.layers)
        _FACTS[plan] = *layers, plan.loss, parameter, is_canonical(plan), lanes_of(plan)
    return _FACTS[plan]


def bind(plan, theta, work, trains=False) -> np.ndarray:
    """A Net as words; valid as long as plan, theta, work and their arrays."""
    if trains and not theta.flags.writeable:
        raise ValueError("what a kernel writes to is read-only")
    return kept(work, "net", _net_words, plan, theta, work.buffer, work.costs)


def kept(work, name, make, *of):
    """make(work, *of), kept with the work as long as it is asked for with the same objects."""
    before, found = work.bound.get(name, (None, None))
    if before is None or any(map(is_not, before, of)):
        found = make(work, *of)
        work.bound[name] = of, found
    return found


def _net_words(work, plan, theta, buffer, costs):
    first, itemsize = address_of(buffer), plan.dtype.itemsize
    batch_size, *places = work.words.tolist()
    turned, turned_prev, partial, parts, gathered = (
        first + place * itemsize if place >= 0 else 0 for place in places
    )
    words = (
        address_of(entry_points(plan.dtype)), *facts(plan), address_of(theta), batch_size,
        first, turned, turned_prev, partial, parts, gathered, address_of(costs), turned,
    )  # fmt: skip
    return np.array(words, np.intp).view(words_type(plan.dtype))


def bind_rows(work, name, X, order=None, weights=None) -> np.ndarray:
    """Rows as words, of an array or SparseRows; valid as long as the arrays."""
    return kept(work, name, _rows_words, X, order, weights)


def _rows_words(work, X, order, weights):
    if isinstance(X, SparseRows):
        rows, listed = (0, 0), map(address_of, (X.starts, X.columns, X.values))
    else:
        rows, listed = (address_of(X), X.strides[0] // X.itemsize), (0, 0, 0)
    words = *rows, *listed, address_of(order), 0, address_of(weights), _ONE
    return np.array(words, np.intp).view(words_type(work.plan.dtype))


def _forward(net, X, n_samples, out):
    net = net_of(net)
    forward_rows(net, rows_of(X), n_samples, pointer_at(out, net.theta))


def _loss_gradient(net, X, Y, n_samples, grad, n_theta):
    net = net_of(net)
    found = pointer_at(grad, net.theta)
    return mean_loss(net, n_samples, rows_of(X), rows_of(Y), found, n_theta)


def _backward(net, X, dC_da, n_samples, grad, n_theta, dC_dx):
    net = net_of(net)
    found, of_inputs = pointer_at(grad, net.theta), pointer_at(dC_dx, net.theta)
    pass_back(net, n_samples, rows_of(X), rows_of(dC_da), found, n_theta, of_inputs)


def _descend_tiny(net, rule, X, Y, start, stop, _batch_size, total, _step):
    rate, x, y = rule[0].learning_rate, rows_of(X), rows_of(Y)
    return descend_tiny_samples(net_of(net), rate, start, stop, x, y, total)


def _descend_larger(net, rule, X, Y, start, stop, _batch_size, total, step):
    x, y = rows_of(X), rows_of(Y)
    return descend_larger_samples(net_of(net), rule[0], start, stop, x, y, total, step)


def _descend_batches(net, rule, X, Y, start, stop, batch_size, total, step):
    x, y = rows_of(X), rows_of(Y)
    return descend_batches(net_of(net), rule[0], start, stop, batch_size, x, y, total, step)


TINY, LARGER, BATCHES = range(3)  # ways of an epoch
_EPOCHS = (
    (_descend_tiny, descend_tiny_samples),
    (_descend_larger, descend_larger_samples),
    (_descend_batches, descend_batches),
)


def way_of(plan, rule, batch_size, X, weights) -> int:
    """How an epoch is gone through."""
    if batch_size > 1 or weights is not None or rule.code in FLAT:
        return BATCHES
    is_tiny = rule.code == SGD and not isinstance(X, SparseRows) and facts(plan)[-1]
    return TINY if is_tiny else LARGER


def array(element, ndim=1, layout="C", readonly=False):
    """The type of an array."""
    return types.Array(element, ndim, layout, readonly=readonly)


def words(dtype):
    """The type of what `bind` and `bind_rows` give."""
    return array(numba.from_dtype(words_type(dtype)))


def rule(dtype):
    """The type of what `rules.bind_rule` gives."""
    return array(RULE(numba.from_dtype(dtype)))


def compiled(function, returned, *arguments, **options):
    """The one version of a function, called without a look at the types of the arguments."""
    return jit(function, signatures=returned(*arguments), **options).get_overload(arguments)


@cache
def forward(dtype):
    """The compiled `_forward` of one element type."""
    provide(dtype, forward_rows)
    return compiled(_forward, types.void, words(dtype), words(dtype), types.intp, types.intp)


@cache
def loss_gradient(dtype):
    """The compiled `_loss_gradient` of one element type."""
    provide(dtype, mean_loss)
    arguments = (words(dtype),) * 3 + (types.intp,) * 3
    return compiled(_loss_gradient, types.float64, *arguments)


@cache
def backward(dtype):
    """The compiled `_backward` of one element type."""
    provide(dtype, pass_back)
    return compiled(_backward, types.void, *(words(dtype),) * 3, *(types.intp,) * 4)


@cache
def train_epoch(dtype, way):
    """The compiled epoch of one element type, in one of the ways."""
    door, walk = _EPOCHS[way]
    provide(dtype, walk)
    of_net, whole, number = words(dtype), types.intp, types.float64
    arguments = of_net, rule(dtype), of_net, of_net, whole, whole, whole, number, whole
    return compiled(door, number, *arguments)
