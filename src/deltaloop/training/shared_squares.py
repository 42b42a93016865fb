"""Levenberg and Marquardt on the samples of several ranks: J^T J is a sum over them."""

import math
from time import perf_counter

import numpy as np

from ..errors import InvalidInputError
from ..kernels.least_squares import Search
from ..parts.whole_batch import LevenbergMarquardt
from .whole_batch import _FLOAT64, WholeBatchDescent, _ended, _in_float64, _take

_PIECE = 8192  # numbers of J^T J that are exchanged at once


class SharedWholeBatchDescent(WholeBatchDescent):
    """Descends on the samples of all ranks at once.

    Parameters as those of WholeBatchDescent, and `ranks`.
    """

    def __init__(self, net, samples, optimizer, run, ranks):
        super().__init__(net, samples, optimizer, run)
        self.by_squares = isinstance(optimizer, LevenbergMarquardt)
        if self.by_squares and net.backend_name == "reference":
            raise InvalidInputError(
                "LevenbergMarquardt with comm needs a backend that pauses for sums of all ranks, "
                "which 'reference' does not; use backend='cython', or LBFGS"
            )
        ranks.use(net.plan.n_theta, _FLOAT64)

    def descend(self, epochs) -> None:
        """As `WholeBatchDescent.descend`."""
        if self.by_squares:
            _by_squares(self.net, self.X, self.Y, self.weights, self.optimizer, epochs)
        else:
            super().descend(epochs)


def _by_squares(net, X, Y, weights, optimizer, epochs):
    """The steps of one process with all samples: every phase ends with a sum over the ranks.

    Every rank then solves the same equations and decides the same.
    """
    ranks = epochs.ranks
    is_wide = net.dtype == _FLOAT64
    plan, theta = (net.plan, net._theta) if is_wide else _in_float64(net)
    mine = float(len(X) if weights is None else weights.sum())
    search = Search(
        plan, len(X), mu=optimizer.mu, decrease=optimizer.decrease, increase=optimizer.increase,
        max_mu=optimizer.max_mu, min_gradient=optimizer.min_gradient, target=-math.inf,
        sum_of_weights=float(ranks.gather(np.array([mine])).sum()), is_shared=True,
    )  # fmt: skip
    normal, total = search.normal(), np.zeros(1)
    ranks.use(min(_PIECE, normal.size), np.float64)
    losses, began = np.empty(1), perf_counter()
    while epochs.go_on():
        epochs.check_not_moved()
        found = net._turns.write(
            net.backend.levenberg_marquardt, plan, theta, X, Y, search, losses, 2**40, weights
        )
        if search.waits:
            if search.has_products:
                ranks.add(normal)
            else:
                total[0] = search.total
                ranks.add(total)
                search.total = total[0]
            continue
        seconds = perf_counter() - began
        if found:
            if not is_wide:
                _take(net, theta)
            _ended(epochs, float(losses[0]), seconds)
            began = perf_counter()
        if epochs.reason is None and search.reason:
            if search.reason == "not finite":
                raise epochs.diverged("loss", search.loss)
            epochs.stop(search.reason)
