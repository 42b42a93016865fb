"""Small calls on one network: the records that kernels read are filled once, not in every call.

A record is an array that begins with the table of entry points; what belongs to a session follows.
So one argument says where everything is, and the compiled functions are called without asking for
the types of their arguments, which their signatures fix: both take longer than a small network.
"""

from functools import cache

import numpy as np
from numba import types
from numpy import empty, ndarray

from .. import session
from ..interface import Rule, Work
from . import doors
from .batch import descend_batches, forward_rows
from .compiling import address_of, entry_points, jit, part, pointer_to, record_at, words
from .plan import NET_WORDS, ROWS_WORDS
from .records import N_NUMBERS, fill_dense, fill_flat, fill_net, fill_rule, reals, slots
from .rules import FLAT, RULE_WORDS, given
from .sample import descend_samples

_NET = NET_WORDS + 1  # words: a Net, and the 1 that it points to
_RULE = RULE_WORDS + N_NUMBERS


class Session(session.Session):
    """See kernels.session.Session. A prediction holds the GIL, so that all may share their room."""

    def __init__(self, plan, theta, batch_size=1, turns=None, *, forward, train_epoch):
        self._dtype, self._shape = plan.dtype, (int(plan.layers[0]["n_in"]),)
        self._predict, self._step_of = predict(plan.dtype), learn(plan.dtype)
        super().__init__(plan, theta, batch_size, turns, forward=forward, train_epoch=train_epoch)
        self._queue = self._turns.queue
        self._one = Work(plan, 1)  # for predictions, while others may learn
        self._reader = self._record(self._one)

    def _record(self, work: Work) -> np.ndarray:
        """Entry points and a Net, which lives as long as `work`."""
        table = entry_points(self._dtype)
        record = np.concatenate([table, np.zeros(_NET, table.dtype)])
        _fill_net(
            record, self._plan.words, self._plan.loss, self._plan.loss_parameter, self._theta,
            work.words, work.buffer, work.costs,
        )  # fmt: skip
        return record

    def _take_work(self, work: Work) -> None:
        self._learner = self._record(work), work  # which lives as long as the record is used
        super()._take_work(work)

    def _take_rule(self, rule: Rule, state) -> None:
        table = entry_points(self._dtype)
        record = np.zeros(_RULE, table.dtype)
        _fill_rule(record, rule.code, given(rule), state, self._theta)
        # together, whatever interrupts: the record holds the address of the state alone
        self._how, self._step = (rule, state, record, rule.code in FLAT), 0

    def predict_one(self, x, out=None) -> np.ndarray:
        """Outputs (n_out,) for x (n_in,); into out, if it is given."""
        if out is None:
            out = flat = empty(self._n_out, self._dtype)
        else:
            flat = session.checked_out(out, self._n_out, self._dtype)
        if self._queue:  # another thread computes
            self._turns.read(self._predict_into, x, flat)
        else:
            self._predict_into(x, flat)
        return out

    def _predict_into(self, x, out):
        if not (
            type(x) is ndarray and x.dtype is self._dtype and x.shape == self._shape
            and self._predict(self._reader, x, out)
        ):  # fmt: skip
            self._predict(self._reader, self._rows("x", x, 0, self._n_in)[0], out)

    def _descend(self, X, Y, n, looks):
        (record, _work), (_rule, _state, how, flat) = self._learner, self._how
        return self._step_of(record, how, flat, X, Y, n, self._step, self._theta, looks)


@part
def _net_of(record):
    return address_of(record) + record.itemsize * (record.size - _NET)


@jit
def _fill_net(record, layers, loss, loss_parameter, theta, places, buffer, costs):
    net = _net_of(record)
    one = net + record.itemsize * NET_WORDS
    reals(record, record_at(one))
    fill_net(record_at(net), layers, loss, loss_parameter, theta, places, buffer, costs, one)


@jit
def _fill_rule(record, code, given, state, theta):
    rule = address_of(record)
    hyper = pointer_to(record, rule + record.itemsize * RULE_WORDS)
    m, v = slots(state, theta)
    fill_rule(record_at(rule), hyper, code, given[0], given[1], given[2], given[3], m, v)
    fill_flat(record_at(rule), hyper, given, state)


def _predict(record, x, out):
    """False for values that do not lie side by side, else the outputs are in out."""
    if x.strides[0] != x.itemsize:
        return False
    rows = words(ROWS_WORDS)
    fill_dense(rows, x)
    found = pointer_to(record, address_of(out))
    forward_rows(record, record_at(_net_of(record)), rows, 1, found)
    return True


def _learn(record, how, flat, X, Y, n, step, theta, looks):
    rows, targets = words(ROWS_WORDS), words(ROWS_WORDS)
    fill_dense(rows, X)
    fill_dense(targets, Y)
    net, rule = record_at(_net_of(record)), record_at(address_of(how))
    if n == 1 and not flat:
        total = descend_samples(record, net, rule, 0, 1, rows, targets, 0.0, step)
    else:
        total = descend_batches(record, net, rule, 0, n, n, rows, targets, 0.0, step)
    if looks:
        lost = False
        for w in theta:  # no branch, so that it becomes a loop over vectors
            lost |= not np.isfinite(w)
        if lost:
            return np.nan
    return total


def _compiled(function, returned, arguments, **options):
    """The one version of a function, called without a look at the types of the arguments."""
    return jit(function, signatures=returned(*arguments), **options).get_overload(arguments)


def _record_type(dtype):
    return types.Array(doors.arrays(dtype)["kernels"].dtype, 1, "C")


@cache
def predict(dtype):
    """The compiled `_predict` of one element type."""
    real = doors.arrays(dtype)["theta"].dtype
    x, out = types.Array(real, 1, "A", readonly=True), types.Array(real, 1, "C")
    return _compiled(_predict, types.boolean, (_record_type(dtype), x, out), nogil=False)


@cache
def learn(dtype):
    """The compiled `_learn` of one element type."""
    a, record = doors.arrays(dtype), _record_type(dtype)
    rows, theta = a["dense"], a["theta"]
    arguments = (
        record, record, types.boolean, rows, rows, types.intp, types.intp, theta, types.boolean,
    )  # fmt: skip
    return _compiled(_learn, types.float64, arguments)
