"""Epochs on mini-batches in scikit-learn's order, with its penalty and its loss."""

import math

import numpy as np

from ..inputs.checks import all_finite
from ..kernels.memory import Work
from ..training.listing import arranged

_MOST = 50_000_000  # multiplications of one compiled call: some milliseconds


class Descent:
    """Descends on the mean loss of a mini-batch plus alpha / (2 s) ||W||^2.

    s is the number of its samples, or the sum of their weights.

    Parameters
    ----------
    net : Network
    steps : Steps
    X : ndarray or SparseRows
    Y : ndarray, shape (n_samples, n_out)
    weights : ndarray of float64 or None
    chosen : ndarray of intp or None
        The samples that are trained on, in their order; None: all.
    batch_size : int
    alpha : float
    n_threads : int
    noise : int
        Seed of dropout.
    """

    def __init__(self, net, steps, X, Y, weights, chosen, batch_size, alpha, n_threads, noise):
        self.net, self.steps, self.Y, self.weights = net, steps, Y, weights
        self.n_samples = len(X) if chosen is None else len(chosen)
        self.order, self.is_mixed = chosen, chosen is not None
        self.size, self.alpha, self.noise = batch_size, alpha, noise
        rule = steps.solver.rule(alpha / batch_size)
        needs_zeros = rule.needs_zeros(batch_size) or net.plan.changes_inputs
        self.X = arranged(X, "auto", net.backend, needs_zeros, batch_size)
        self.work = Work.for_batches(net.plan, self.X, rule, batch_size, n_threads)
        # ||W||^2 before every step is added up here
        self.squares = np.zeros(1) if alpha else None
        self.n_batches = max(1, _MOST // (batch_size * net.n_parameters))
        self.rules: dict = {}

    def shuffle(self, random_state) -> None:
        """Draw a new order of the samples from the one before."""
        permutation = random_state.permutation(self.n_samples)
        if self.is_mixed:
            self.order = self.order[permutation]
        else:
            self.order, self.is_mixed = permutation.astype(np.intp, copy=False), True

    def epoch(self) -> float:
        """Make the steps of an epoch; the mean over the samples of the loss before each step."""
        total = self._plain_epoch() if self.weights is None else self._weighted_epoch()
        return total / self.n_samples

    def _plain_epoch(self):
        n, size, total = self.n_samples, self.size, 0.0
        whole = n - n % size
        start = 0
        while start < n:
            stop = min(start + self.n_batches * size, whole) if start < whole else n
            loss = self._descend(start, stop, min(size, stop - start), None)
            total += loss + self._penalty()  # alpha / (2 s) ||W||^2 for each of s samples
            start = stop
            if not math.isfinite(loss) and self._is_lost():
                return math.nan
        return total

    def _weighted_epoch(self):
        """A mini-batch whose weights are all 0 is no step."""
        n, size, total = self.n_samples, self.size, 0.0
        weights = self.weights if self.order is None else self.weights[self.order]
        starts = np.arange(0, n, size)
        sums = np.add.reduceat(weights, starts).tolist()
        for start, of_batch in zip(starts.tolist(), sums, strict=True):
            if of_batch <= 0:
                continue
            stop = min(start + size, n)
            loss = self._descend(start, stop, of_batch, self.weights)
            total += (stop - start) * (loss + self._penalty()) / of_batch
            if not math.isfinite(loss) and self._is_lost():
                return math.nan
        return total

    def _descend(self, start, stop, of_batch, weights):
        """Steps on the samples start to stop; the (weighted) sum of their losses."""
        net, steps = self.net, self.steps
        key = of_batch, steps.solver.learning_rate
        rule = self.rules.get(key)
        if rule is None:
            if len(self.rules) > 8:
                self.rules.clear()
            rule = self.rules[key] = steps.solver.rule(self.alpha / of_batch)
        loss = net._turns.write(
            net.backend.train_epoch, net.plan, net._theta, steps.of(rule), rule, self.X, self.Y,
            self.order, start, stop, self.size, self.work, 0.0, steps.step, weights, None,
            self.noise, self.squares,
        )  # fmt: skip
        steps.step += -(-(stop - start) // self.size)
        return loss

    def _penalty(self):
        """The sum of alpha / 2 ||W||^2, of the steps since the last call together."""
        if self.squares is None:
            return 0.0
        squares, self.squares[0] = float(self.squares[0]), 0.0
        return 0.5 * self.alpha * squares

    def _is_lost(self):
        return not all_finite(self.net._theta)
