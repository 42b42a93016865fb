"""The Numba backend: the contract of kernels/interface.py, compiled at the first call.

The same loops as in kernels/cython, file by file. `compiling` and `lanes` say how vectors get into
Numba; `doors` is where Python comes in. What is compiled is kept on disk by Numba. One thread.
"""

import numpy as np

from deltaloop.errors import require_numba

require_numba("backend 'numba' or deltaloop.numba")

import numba  # noqa: E402

from ..interface import SparseRows  # noqa: E402
from . import doors  # noqa: E402
from .compiling import entry_points  # noqa: E402
from .rules import FLAT, given  # noqa: E402
from .session import Session  # noqa: E402

NAME = "numba"
MAX_THREADS = 1  # of work.n_threads

_NO_STARTS, _NO_COLUMNS = np.empty(0, np.intp), np.empty(0, np.int32)
_NOTHING = {np.dtype(name): np.empty((0, 0), name) for name in ("float32", "float64")}
_NO_WEIGHTS = np.empty(0)
_NO_VALUES = {dtype: array.reshape(0) for dtype, array in _NOTHING.items()}

sparse_rows = SparseRows.from_dense


def describe() -> str:
    """What computes: shown in reports."""
    return f"Numba {numba.__version__}"


def _rows(X, dtype):
    """An array or SparseRows as (dense, starts, columns, values)."""
    if isinstance(X, SparseRows):
        return _NOTHING[dtype], X.starts, X.columns, X.values
    return X, _NO_STARTS, _NO_COLUMNS, _NO_VALUES[dtype]


def _memory(work):
    """What the doors want to know of Work."""
    return work.words, work.buffer, work.costs


def forward(plan, theta, X, out, work):
    """Output activations of every sample into out; whether X is finite is not looked at."""
    dtype = plan.dtype
    doors.forward(dtype)(
        entry_points(dtype), plan.words, theta, *_rows(X, dtype), _NO_STARTS, len(X), out,
        *_memory(work),
    )  # fmt: skip
    return False


def loss_gradient(plan, theta, X, Y, grad, work, weights=None):
    """Mean loss of the samples; dC/dtheta into grad, unless grad is None."""
    dtype = plan.dtype
    return doors.loss_gradient(dtype)(
        entry_points(dtype), plan.words, plan.loss, plan.loss_parameter, theta, *_rows(X, dtype),
        _NO_STARTS, Y, _NO_WEIGHTS if weights is None else weights,
        _NO_VALUES[dtype] if grad is None else grad, *_memory(work),
    )  # fmt: skip


def backward(plan, theta, X, dC_da, grad, dC_dx, work):
    """dC/dtheta and dC/dx from dC/da of a cost that is a sum over the samples."""
    dtype = plan.dtype
    doors.backward(dtype)(
        entry_points(dtype), plan.words, theta, *_rows(X, dtype), _NO_STARTS, dC_da,
        _NO_VALUES[dtype] if grad is None else grad, _NOTHING[dtype] if dC_dx is None else dC_dx,
        *_memory(work),
    )  # fmt: skip


def train_epoch(
    plan, theta, state, rule, X, Y, order, start, stop, batch_size, work, total=0.0, step=0,
    weights=None,
):  # fmt: skip
    """Gradient descent over order[start:stop]; returns total plus the losses."""
    dtype = plan.dtype
    return doors.train_epoch(dtype)(
        entry_points(dtype), plan.words, plan.loss, plan.loss_parameter, theta, state, rule.code,
        rule.code in FLAT, given(rule), *_rows(X, dtype), _NO_STARTS if order is None else order,
        Y, _NO_WEIGHTS if weights is None else weights, start, stop, batch_size, *_memory(work),
        total, step,
    )  # fmt: skip


def session(plan, theta, batch_size=1, turns=None):
    """For small calls."""
    return Session(plan, theta, batch_size, turns, forward=forward, train_epoch=train_epoch)
