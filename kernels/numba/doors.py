"""From Python into the walks: the functions that Python calls.

They are handed addresses, and the same for all element types. The structs at these addresses are
filled by the Cython build.
"""

import math
from functools import cache
from operator import is_not

from numba import types

from .. import lent
from .batch import descend_batches, forward_rows, mean_loss, pass_back
from .compiling import jit, room_for
from .layers import are_finite
from .plan import new_rows
from .sample import descend_samples


class Bound:
    """A struct in memory, and its address; valid as long as what it was filled from."""

    def __init__(self, name, dtype, fill, *arguments):
        self.words = room_for(name, dtype)
        fill(self.words, *arguments)
        self.address = self.words.ctypes.data


def kept(work, name, make, *of):
    """make(work, *of), kept with the work as long as it is asked for with the same objects."""
    before, found = work.bound.get(name, (None, None))
    if before is None or any(map(is_not, before, of)):
        found = make(work, *of)
        work.bound[name] = of, found
    return found


def net_bound(plan, theta, work, trains=False) -> Bound:
    """A net; valid as long as plan, theta and work."""
    return kept(work, "trained" if trains else "net", _bind_net, plan, theta, trains)


def _bind_net(work, plan, theta, trains):
    dtype = plan.dtype
    return Bound("net", dtype, lent.core(dtype).fill_net, plan, theta, trains, work)


def rows_bound(work, name, X, order=None, weights=None) -> int:
    """The address of rows of an array or SparseRows; valid as long as these."""
    return kept(work, name, _bind_rows, X, order, weights).address


def _bind_rows(work, X, order, weights):
    dtype = work.plan.dtype
    return Bound("rows", dtype, lent.core(dtype).fill_rows, X, order, weights)


def rule_bound(work, net, rule, state) -> int:
    """The address of a rule; valid as long as state and the theta of the net."""
    return kept(work, "rule", _bind_rule, net, rule, state).address


def _bind_rule(work, net, rule, state):
    dtype = work.plan.dtype
    return Bound("rule", dtype, lent.core(dtype).fill_rule, net.words, rule, state)


def address_of(array, dtype) -> int:
    """Of an array that is written to; 0 for None."""
    if array is None:
        return 0
    found = lent.core(dtype).address_of(array, -1, True)
    if not found:
        raise ValueError("what a kernel writes to is read-only")
    return found


WHOLE, NUMBER, NOTHING, TRUTH = types.intp, types.float64, types.void, types.intc


def door(*signature, **options):
    """The compiled version of a function, called without a look at the types of the arguments.

    It is compiled when it is first asked for.
    """
    returned, *arguments = signature

    def of(function):
        @cache
        def compiled():
            found = jit(function, signatures=returned(*arguments), **options)
            return found.get_overload(tuple(arguments))

        return compiled

    return of


@door(TRUTH, *(WHOLE,) * 4)
def forward(net, X, n_samples, out):
    """Output activations of every sample into out."""
    return forward_rows(net, X, n_samples, out)


@door(NUMBER, *(WHOLE,) * 6)
def loss_gradient(net, n_samples, X, Y, grad, n_theta):
    """The mean loss; its gradient into grad, unless that is 0."""
    return mean_loss(net, n_samples, X, Y, grad, n_theta)


@door(NOTHING, *(WHOLE,) * 7)
def backward(net, n_samples, X, dC_da, grad, n_theta, dC_dx):
    """The gradients into grad and dC_dx, unless they are 0."""
    pass_back(net, n_samples, X, dC_da, grad, n_theta, dC_dx)


@door(NUMBER, *(WHOLE,) * 6, NUMBER, *(WHOLE,) * 2)
def train_samples(net, rule, start, stop, X, Y, total, step, rates):
    """An epoch sample by sample."""
    return descend_samples(net, rule, start, stop, X, Y, total, step, rates)


@door(NUMBER, *(WHOLE,) * 7, NUMBER, *(WHOLE,) * 2)
def train_batches(net, rule, start, stop, batch_size, X, Y, total, step, rates):
    """An epoch in mini-batches."""
    return descend_batches(net, rule, start, stop, batch_size, X, Y, total, step, rates)


@door(NOTHING, *(WHOLE,) * 4, nogil=False)
def predict_one(net, x, n_in, out):
    """The outputs for one sample."""
    rows = new_rows(net)
    rows.dense, rows.row = x, n_in
    forward_rows(net, rows, 1, out)


@door(NUMBER, *(WHOLE,) * 7)
def learn_sample(net, rule, x, y, step, seen, theta):
    """A step on one sample; its loss, or nan if the first `seen` parameters are not all finite."""
    X, Y = new_rows(net), new_rows(net)
    X.dense, Y.dense = x, y
    loss = descend_samples(net, rule, 0, 1, X, Y, 0.0, step, 0)
    return loss if are_finite(net, seen, theta) else math.nan


@door(NUMBER, *(WHOLE,) * 10)
def learn_batch(net, rule, x, n_in, y, n_out, n, step, seen, theta):
    """A step on n samples; the sum of their losses, or nan as before."""
    X, Y = new_rows(net), new_rows(net)
    X.dense, X.row, Y.dense, Y.row = x, n_in, y, n_out
    total = descend_batches(net, rule, 0, n, n, X, Y, 0.0, step, 0)
    return total if are_finite(net, seen, theta) else math.nan
