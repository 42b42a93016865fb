"""The Numba backend: the contract of kernels/interface.py, compiled at the first call.

The same loops as in kernels/cython, file by file. `compiling` and `lanes` say how vectors get into
Numba; `doors` is where Python comes in. What is compiled is kept on disk by Numba. One thread.
"""

from deltaloop.errors import require_numba

require_numba("backend 'numba' or deltaloop.numba")

import numba  # noqa: E402

from .. import cython  # noqa: E402
from ..interface import SparseRows  # noqa: E402
from . import doors  # noqa: E402
from .doors import address_of, bind, bind_rows, kept, way_of  # noqa: E402
from .rules import bind_rule  # noqa: E402
from .session import Session  # noqa: E402

NAME = "numba"
MAX_THREADS = 1  # of work.n_threads

sparse_rows = SparseRows.from_dense


def describe() -> str:
    """What computes: shown in reports."""
    return f"Numba {numba.__version__}"


def forward(plan, theta, X, out, work):
    """Output activations of every sample into out; whether X is finite is not looked at."""
    dtype = plan.dtype
    doors.forward(dtype)(
        bind(plan, theta, work), bind_rows(work, "X", X), len(X), address_of(out, True)
    )
    return False


def loss_gradient(plan, theta, X, Y, grad, work, weights=None):
    """Mean loss of the samples; dC/dtheta into grad, unless grad is None."""
    dtype = plan.dtype
    return doors.loss_gradient(dtype)(
        bind(plan, theta, work), bind_rows(work, "X", X), bind_rows(work, "Y", Y, None, weights),
        len(Y), address_of(grad, True), plan.n_theta,
    )  # fmt: skip


def backward(plan, theta, X, dC_da, grad, dC_dx, work):
    """dC/dtheta and dC/dx from dC/da of a cost that is a sum over the samples."""
    dtype = plan.dtype
    doors.backward(dtype)(
        bind(plan, theta, work), bind_rows(work, "X", X), bind_rows(work, "dC_da", dC_da),
        len(dC_da), address_of(grad, True), plan.n_theta, address_of(dC_dx, True),
    )  # fmt: skip


def train_epoch(
    plan, theta, state, rule, X, Y, order, start, stop, batch_size, work, total=0.0, step=0,
    weights=None,
):  # fmt: skip
    """Gradient descent over order[start:stop]; returns total plus the losses."""
    dtype = plan.dtype
    way = way_of(plan, rule, batch_size, X, weights)
    return doors.train_epoch(dtype, way)(
        bind(plan, theta, work, True), kept(work, "rule", bind_rule, rule, theta, state),
        bind_rows(work, "X", X, order), bind_rows(work, "Y", Y, order, weights), start, stop,
        batch_size, total, step,
    )  # fmt: skip


def jacobian(plan, theta, X, out, work):
    """da_o/dtheta of every sample and output; by the Cython build, as products are."""
    cython.jacobian(plan, theta, X, out, work)


def levenberg_marquardt(plan, theta, X, Y, search, losses, n_blocks, weights=None):
    """Steps of least squares; by the Cython build, as products are."""
    return cython.levenberg_marquardt(plan, theta, X, Y, search, losses, n_blocks, weights)


def session(plan, theta, batch_size=1, turns=None):
    """For small calls."""
    return Session(plan, theta, batch_size, turns, forward=forward, train_epoch=train_epoch)
