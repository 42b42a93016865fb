"""The compiled backend: one source, built for several instruction sets, chosen at import.

The modules `core_v2_f32`, `core_v2_f64`, `core_v3_f32`, ... are the same code for x86-64
levels 2, 3 and 4 and for float32 and float64; on other processors there is one level, 0. The
environment variable DELTALOOP_ISA forces a level.
"""

import os
from functools import cache
from importlib import import_module
from importlib.util import find_spec

import numpy as np

from ...errors import InvalidInputError
from ..sparse_rows import SparseRows
from .cpu import level as _cpu_level

NAME = "cython"


@cache
def levels() -> tuple[int, ...]:
    """The levels that were built and that this processor can run, lowest first."""
    found = _cpu_level()
    return tuple(n for n in range(found + 1) if find_spec(f"{__name__}.core_v{n}_f32"))


def level_name(level: int) -> str:
    """'x86-64-v3' and so on."""
    return f"x86-64-v{level}" if level else "the compiler's default"


class _Backend:
    """The contract of kernels/interface.py at one level."""

    NAME = "cython"
    reproducible = False
    _MODULES = "core"

    def __init__(self, level: int):
        self.level = level
        # by bytes per element; both at once: they are small, and a missing one fails here
        self._core = {
            size: import_module(f"{__name__}.{self._MODULES}_v{level}_f{8 * size}")
            for size in (4, 8)
        }

    def describe(self) -> str:
        return f"Cython, {level_name(self.level)}"

    def forward(self, plan, theta, X, out, work):
        return self._core[plan.dtype.itemsize].forward(plan, theta, X, out, work)

    def loss_gradient(self, plan, theta, X, Y, grad, work, weights=None):
        return self._core[plan.dtype.itemsize].loss_gradient(plan, theta, X, Y, grad, work, weights)

    def backward(self, plan, theta, X, dC_da, grad, dC_dx, work):
        self._core[plan.dtype.itemsize].backward(plan, theta, X, dC_da, grad, dC_dx, work)

    def train_epoch(self, plan, theta, state, rule, X, Y, order, start, stop, batch_size, work,
                    total=0.0, step=0, weights=None, rates=None, noise=0,
                    squares=None):  # fmt: skip
        return self._core[plan.dtype.itemsize].train_epoch(
            plan, theta, state, rule, X, Y, order, start, stop, batch_size, work, total, step,
            weights, rates, noise, squares,
        )  # fmt: skip

    def apply_gradient(self, plan, theta, state, rule, grad, step):
        self._core[plan.dtype.itemsize].apply_gradient(plan, theta, state, rule, grad, step)

    def jacobian(self, plan, theta, X, out, work):
        self._core[plan.dtype.itemsize].jacobian(plan, theta, X, out, work)

    def levenberg_marquardt(self, plan, theta, X, Y, search, losses, n_blocks, weights=None):
        return self._core[8].levenberg_marquardt(
            plan, theta, X, Y, search, losses, n_blocks, weights
        )

    def sparse_rows(self, X) -> SparseRows:
        """SparseRows.from_dense, in two compiled passes."""
        core = self._core[X.dtype.itemsize]
        starts = np.zeros(len(X) + 1, np.intp)
        core.count_nonzero(X, starts[1:])
        np.cumsum(starts, out=starts)
        n, n_written = starts[-1], starts[-1] + 16  # see fill_sparse
        columns, values = np.empty(n_written, np.int32), np.empty(n_written, X.dtype)
        core.fill_sparse(X, starts, columns, values)
        return SparseRows(starts, columns[:n], values[:n], X.shape[1])

    def session(self, plan, theta, batch_size=1, turns=None):
        return self._core[plan.dtype.itemsize].Session(plan, theta, batch_size, turns)

    def many(self, dtype):
        """The module that trains many networks at once: see kernels/ensembles.py."""
        return import_module(f"{__name__}.many_v{self.level}_f{8 * dtype.itemsize}")

    def lanes(self, dtype):
        return self.many(dtype).lanes()

    def train_networks(self, training, first, stop, n_epochs, n_threads=1):
        many = self.many(training.plan.dtype)
        many.train_networks(training, first, stop, n_epochs, n_threads)

    def forward_networks(self, training, first, stop, X, rows, out, n_threads=1):
        many = self.many(training.plan.dtype)
        many.forward_networks(training, first, stop, X, rows, out, n_threads)

    def core(self, dtype):
        """The module of one element type; lent.py describes what it lends."""
        return self._core[dtype.itemsize]


class _Reproducible(_Backend):
    """The same, with the same bits at every level that has fused products; see same_bits.pxd."""

    reproducible = True
    _MODULES = "reproducible"

    def describe(self) -> str:
        return f"Cython, {level_name(self.level)}, reproducible"

    def jacobian(self, plan, theta, X, out, work):
        raise InvalidInputError(
            "reproducible=True does not cover jacobian, whose sums depend on the processor; "
            "gradient, backward and input_gradient are covered. For a Jacobian give the parameters "
            "to a network without: other.theta = net.theta"
        )

    def levenberg_marquardt(self, plan, theta, X, Y, search, losses, n_blocks, weights=None):
        raise InvalidInputError(
            "reproducible=True does not cover LevenbergMarquardt, whose sums depend on the "
            "processor; train with SGD, Adam or another optimiser of mini-batches"
        )


@cache
def reproducible_backend(level: int | None = None) -> _Backend:
    """The backend of networks with reproducible=True, at the level of `backend` or another.

    Raises
    ------
    ImportError
        This processor has no fused products, or the kernels were built for none.
    """
    found = _chosen_level() if level is None else level
    if find_spec(f"{__name__}.reproducible_v{found}_f32") is None or found not in levels():
        raise ImportError(
            "reproducible=True needs a processor with fused products, x86-64-v3 (from 2013 on) or "
            f"64-bit ARM, and kernels built for it; in use is {level_name(found)}"
            + (" as DELTALOOP_ISA asks" if os.environ.get("DELTALOOP_ISA") else "")
        )
    return _Reproducible(found)


@cache
def backend(level: int) -> _Backend:
    """The backend compiled for one of `levels()`."""
    if level not in levels():
        raise ImportError(
            f"no kernels for instruction set level {level} can run here: this processor has level "
            f"{_cpu_level()}, built and usable are {list(levels())}; set DELTALOOP_ISA to one of "
            "these or unset it"
        )
    return _Backend(level)


def _chosen_level() -> int:
    forced = os.environ.get("DELTALOOP_ISA", "")
    if not forced:
        if not levels():
            raise ImportError(
                f"this processor (x86-64 level {_cpu_level()}) is older than every level the "
                "kernels were built for; build deltaloop from source with "
                '-Ccmake.define.DELTALOOP_LEVELS="1"'
            )
        return levels()[-1]
    try:
        return int(forced.removeprefix("x86-64-v"))
    except ValueError:
        raise ImportError(
            f"DELTALOOP_ISA must be a level such as 2, 3 or 4, got {forced!r}"
        ) from None


level = _chosen_level()
_chosen = backend(level)
reproducible = _chosen.reproducible
describe = _chosen.describe
forward = _chosen.forward
loss_gradient = _chosen.loss_gradient
backward = _chosen.backward
train_epoch = _chosen.train_epoch
apply_gradient = _chosen.apply_gradient
jacobian = _chosen.jacobian
levenberg_marquardt = _chosen.levenberg_marquardt
sparse_rows = _chosen.sparse_rows
session = _chosen.session
core = _chosen.core
many = _chosen.many
lanes = _chosen.lanes
train_networks = _chosen.train_networks
forward_networks = _chosen.forward_networks
