"""The Numba backend: the contract of kernels/interface.py, compiled at the first call.

What goes through layers, samples and batches is jitted, file by file as in kernels/cython; the
loops over numbers are those of the Cython build, called by their addresses. `compiling` says how
functions find each other; `doors` is where Python comes in. What is compiled is kept on disk by
Numba. One thread.
"""

from deltaloop.errors import require_numba

require_numba("backend 'numba' or deltaloop.numba")

import numba  # noqa: E402

from .. import cython  # noqa: E402
from ..interface import SparseRows  # noqa: E402
from . import doors  # noqa: E402
from .batch import descend_batches, forward_rows, mean_loss, pass_back  # noqa: E402
from .compiling import provide  # noqa: E402
from .doors import address_of, net_bound, rows_bound, rule_bound  # noqa: E402
from .sample import descend_samples  # noqa: E402
from .session import Session  # noqa: E402

NAME = "numba"
MAX_THREADS = 1  # of work.n_threads

sparse_rows = SparseRows.from_dense


def describe() -> str:
    """What computes: shown in reports."""
    return f"Numba {numba.__version__}"


def forward(plan, theta, X, out, work):
    """Output activations of every sample into out; whether z of the first layer is finite."""
    provide(plan.dtype, forward_rows)
    net, x = net_bound(plan, theta, work), rows_bound(work, "X", X)
    return bool(doors.forward()(net.address, x, len(X), address_of(out, plan.dtype)))


def loss_gradient(plan, theta, X, Y, grad, work, weights=None):
    """Mean loss of the samples; dC/dtheta into grad, unless grad is None."""
    provide(plan.dtype, mean_loss)
    net, x = net_bound(plan, theta, work), rows_bound(work, "X", X)
    y, found = rows_bound(work, "Y", Y, None, weights), address_of(grad, plan.dtype)
    return doors.loss_gradient()(net.address, len(X), x, y, found, plan.n_theta)


def backward(plan, theta, X, dC_da, grad, dC_dx, work):
    """dC/dtheta and dC/dx from dC/da of a cost that is a sum over the samples."""
    dtype, n_theta = plan.dtype, plan.n_theta
    provide(dtype, pass_back)
    net, x = net_bound(plan, theta, work), rows_bound(work, "X", X)
    slopes, found = rows_bound(work, "dC_da", dC_da), address_of(grad, dtype)
    of_inputs = address_of(dC_dx, dtype)
    doors.backward()(net.address, len(X), x, slopes, found, n_theta, of_inputs)


def train_epoch(
    plan, theta, state, rule, X, Y, order, start, stop, batch_size, work, total=0.0, step=0,
    weights=None, rates=None,
):  # fmt: skip
    """Gradient descent over order[start:stop]; returns total plus the losses."""
    net = net_bound(plan, theta, work, trains=True)
    x, y = rows_bound(work, "X", X, order), rows_bound(work, "Y", Y, order, weights)
    how = rule_bound(work, net, rule, state)
    rates = 0 if rates is None else rates.ctypes.data
    if batch_size == 1 and weights is None and not rule.is_flat:
        provide(plan.dtype, descend_samples)
        return doors.train_samples()(net.address, how, start, stop, x, y, total, step, rates)
    provide(plan.dtype, descend_batches)
    return doors.train_batches()(
        net.address, how, start, stop, batch_size, x, y, total, step, rates
    )


def jacobian(plan, theta, X, out, work):
    """da_o/dtheta of every sample and output; by the Cython build, as products are."""
    cython.jacobian(plan, theta, X, out, work)


def levenberg_marquardt(plan, theta, X, Y, search, losses, n_blocks, weights=None):
    """Steps of least squares; by the Cython build, as products are."""
    return cython.levenberg_marquardt(plan, theta, X, Y, search, losses, n_blocks, weights)


def session(plan, theta, batch_size=1, turns=None):
    """For small calls."""
    return Session(plan, theta, batch_size, turns, forward=forward, train_epoch=train_epoch)
