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
from .batch import descend_batches, forward_rows, mean_loss  # noqa: E402
from .compiling import provide  # noqa: E402
from .plan import bind  # noqa: E402
from .rules import FLAT, bind_rule  # noqa: E402
from .sample import descend_samples  # noqa: E402
from .session import Session  # noqa: E402

NAME = "numba"
MAX_THREADS = 1  # of work.n_threads

_NO_ORDER = np.empty(0, np.intp)

sparse_rows = SparseRows.from_dense


def describe() -> str:
    """What computes: shown in reports."""
    return f"Numba {numba.__version__}"


def forward(plan, theta, X, out, work):
    """Output activations of every sample into out; whether X is finite is not looked at."""
    provide(plan.dtype, forward_rows)
    rows = doors.arguments_of(X, plan.dtype)
    doors.forward(plan.dtype)(bind(plan, theta, work), *rows, len(X), out)
    return False


def loss_gradient(plan, theta, X, Y, grad, work):
    """Mean loss of the samples; dC/dtheta into grad, unless grad is None."""
    provide(plan.dtype, mean_loss)
    rows, nowhere = doors.arguments_of(X, plan.dtype), np.empty(0, plan.dtype)
    return doors.loss_gradient(plan.dtype)(
        bind(plan, theta, work), *rows, Y, nowhere if grad is None else grad
    )


def train_epoch(
    plan, theta, state, rule, X, Y, order, start, stop, batch_size, work, total=0.0, step=0
):
    """Gradient descent over order[start:stop]; returns total plus the losses."""
    alone = batch_size == 1 and rule.code not in FLAT
    provide(plan.dtype, descend_samples if alone else descend_batches)
    return doors.train_epoch(plan.dtype)(
        bind(plan, theta, work), bind_rule(rule, theta, state), alone,
        *doors.arguments_of(X, plan.dtype), _NO_ORDER if order is None else order, Y, start, stop,
        batch_size, total, step,
    )  # fmt: skip


def session(plan, theta, batch_size=1, turns=None):
    """For small calls."""
    return Session(plan, theta, batch_size, turns, forward=forward, train_epoch=train_epoch)
