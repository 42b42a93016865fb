"""The Numba backend: the contract of kernels/interface.py, compiled at the first call.

What goes through layers, samples and batches is jitted, file by file as in kernels/cython; the
loops over numbers are those of the Cython build, called by their addresses. So are the functions
that Python calls: they turn arrays into structs and hand these to the jitted walks. `compiling`
says how functions find each other. What is compiled is kept on disk by Numba. One thread.
"""

from deltaloop.errors import require_numba

require_numba("backend 'numba' or deltaloop.numba")

import numba  # noqa: E402

from .. import lent  # noqa: E402
from ..sparse_rows import SparseRows  # noqa: E402
from . import batch, sample  # noqa: E402
from .compiling import entry_points, provide  # noqa: E402

NAME = "numba"
MAX_THREADS = 1  # of work.n_threads

sparse_rows = SparseRows.from_dense

_WALKS = {
    walk.__name__: walk
    for walk in (
        batch.forward_rows, batch.mean_loss, batch.pass_back, sample.descend_samples,
        batch.descend_batches,
    )
}  # fmt: skip


def describe() -> str:
    """What computes: shown in reports."""
    return f"Numba {numba.__version__}"


def _with(dtype, name) -> int:
    """The address of the walks, of which one is compiled or taken from disk."""
    provide(dtype, _WALKS[name])
    return entry_points(dtype).ctypes.data


def forward(plan, theta, X, out, work):
    """Output activations of every sample into out; whether z of the first layer is finite."""
    walks = _with(plan.dtype, "forward_rows")
    return lent.core(plan.dtype).forward(plan, theta, X, out, work, walks)


def loss_gradient(plan, theta, X, Y, grad, work, weights=None):
    """Mean loss of the samples; dC/dtheta into grad, unless grad is None."""
    walks = _with(plan.dtype, "mean_loss")
    return lent.core(plan.dtype).loss_gradient(plan, theta, X, Y, grad, work, weights, walks)


def backward(plan, theta, X, dC_da, grad, dC_dx, work):
    """dC/dtheta and dC/dx from dC/da of a cost that is a sum over the samples."""
    walks = _with(plan.dtype, "pass_back")
    lent.core(plan.dtype).backward(plan, theta, X, dC_da, grad, dC_dx, work, walks)


def train_epoch(
    plan, theta, state, rule, X, Y, order, start, stop, batch_size, work, total=0.0, step=0,
    weights=None, rates=None, noise=0, squares=None,
):  # fmt: skip
    """Gradient descent over order[start:stop]; returns total plus the losses."""
    alone = batch_size == 1 and weights is None and not rule.is_flat and plan.plain[0]
    walks = _with(plan.dtype, "descend_samples" if alone else "descend_batches")
    return lent.core(plan.dtype).train_epoch(
        plan, theta, state, rule, X, Y, order, start, stop, batch_size, work, total, step, weights,
        rates, noise, squares, walks,
    )  # fmt: skip


def apply_gradient(plan, theta, state, rule, grad, step):
    """One step with a gradient from elsewhere; one pass over the parameters, without any walk."""
    lent.core(plan.dtype).apply_gradient(plan, theta, state, rule, grad, step)


def jacobian(plan, theta, X, out, work):
    """da_o/dtheta of every sample and output; by the Cython build, as products are."""
    lent.core(plan.dtype).jacobian(plan, theta, X, out, work)


def levenberg_marquardt(plan, theta, X, Y, search, losses, n_blocks, weights=None):
    """Steps of least squares; by the Cython build, as products are."""
    core = lent.core(plan.dtype)
    return core.levenberg_marquardt(plan, theta, X, Y, search, losses, n_blocks, weights)


def session(plan, theta, batch_size=1, turns=None):
    """For small calls."""
    dtype = plan.dtype
    walks = entry_points(dtype).ctypes.data
    return lent.core(dtype).Session(
        plan, theta, batch_size, turns, walks, lambda name: provide(dtype, _WALKS[name])
    )
