"""Small calls on one network: what kernels read is laid out once, not in every call.

So one argument says where everything is, and the compiled functions are called without asking for
the types of their arguments, which their signatures fix: both take longer than a small network.
"""

from functools import cache

import numba
import numpy as np
from numba import types
from numpy import empty, ndarray

from .. import session
from ..interface import Rule, Work
from .batch import descend_batches, forward_rows
from .compiling import provide
from .doors import array, bind, compiled, rule, words
from .plan import dense_rows, layer_of, net_of
from .pointers import first_of
from .rules import bind_rule, is_flat
from .sample import descend_larger_samples, descend_samples
from .tiny import descend_tiny_samples


class Session(session.Session):
    """See kernels.session.Session. A prediction holds the GIL, so that all may share their room."""

    def __init__(self, plan, theta, batch_size=1, turns=None, *, forward, train_epoch):
        self._dtype = plan.dtype
        super().__init__(plan, theta, batch_size, turns, forward=forward, train_epoch=train_epoch)
        self._queue = self._turns.queue
        self._one = Work(plan, 1)  # for predictions, while others may learn
        self._reader = bind(plan, theta, self._one)

    def _take_work(self, work: Work) -> None:
        # together with the work, which lives as long as its addresses are used
        self._learner = bind(self._plan, self._theta, work), work
        super()._take_work(work)

    def _take_rule(self, rule: Rule, state) -> None:
        # together, whatever interrupts: the record holds the address of the state alone
        self._how, self._step = (rule, state, bind_rule(None, rule, self._theta, state)), 0

    def predict_one(self, x, out=None) -> np.ndarray:
        """Outputs (n_out,) for x (n_in,); into out, if it is given."""
        if out is None:
            out = flat = empty(self._n_out, self._dtype)
        else:
            flat = session.checked_out(out, self._n_out, self._dtype)
        if self._queue:  # another thread computes
            self._turns.read(self._predict_rows, x, flat)
        elif not (
            type(x) is ndarray and x.dtype is self._dtype and x.ndim == 1
            and self._predict(self._reader, x, flat)
        ):  # fmt: skip
            self._predict_rows(x, flat)
        return out

    def _predict_rows(self, x, out):
        self._predict(self._reader, self._rows("x", x, 0, self._n_in)[0], out)

    def _predict(self, words, x, out):
        self._predict = predict(self._dtype)  # instead of this, from now on
        return self._predict(words, x, out)

    def _step_of(self, *arguments):
        self._step_of = learn(self._dtype)
        return self._step_of(*arguments)

    def _descend(self, X, Y, n, looks):
        (words, _work), (_rule, _state, rule) = self._learner, self._how
        return self._step_of(words, rule, X, Y, n, self._step, self._theta, looks)


def _predict(words, x, out):
    """False for values of another number or not side by side, else the outputs are in out."""
    net = net_of(words)
    if x.strides[0] != x.itemsize or x.size != layer_of(net, 0).n_in:
        return False
    forward_rows(net, dense_rows(x), 1, first_of(out))
    return True


def _learn(words, rule, X, Y, n, step, theta, looks):
    net, how, x, y = net_of(words), rule[0], dense_rows(X), dense_rows(Y)
    if n == 1 and not is_flat(how.code):
        total = descend_samples(net, how, 0, 1, x, y, 0.0, step)
    else:
        total = descend_batches(net, how, 0, n, n, x, y, 0.0, step)
    if looks:
        lost = False
        for w in theta:  # no branch, so that it becomes a loop over vectors
            lost |= not np.isfinite(w)
        if lost:
            return np.nan
    return total


@cache
def predict(dtype):
    """The compiled `_predict` of one element type."""
    provide(dtype, forward_rows)
    real = numba.from_dtype(dtype)
    arguments = words(dtype), array(real, 1, "A", readonly=True), array(real)
    return compiled(_predict, types.boolean, *arguments, nogil=False)


@cache
def learn(dtype):
    """The compiled `_learn` of one element type."""
    provide(dtype, descend_tiny_samples, descend_larger_samples, descend_batches)
    real, whole = numba.from_dtype(dtype), types.intp
    rows, theta = array(real, 2, "A", readonly=True), array(real)
    arguments = words(dtype), rule(dtype), rows, rows, whole, whole, theta, types.boolean
    return compiled(_learn, types.float64, *arguments)
