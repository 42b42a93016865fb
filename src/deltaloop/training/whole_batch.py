"""Training with optimisers that look at all samples before every step."""

import copy
import math
from time import perf_counter

import numpy as np

from ..errors import InvalidInputError, missing
from ..inputs.checks import whole_number
from ..kernels.interface import CUSTOM, LOSSES
from ..kernels.least_squares import Search
from ..kernels.memory import Work, aligned_zeros
from ..kernels.sparse_rows import SparseRows
from ..parts.construction import plan_of
from ..parts.whole_batch import SCG, LevenbergMarquardt
from .samples import Samples
from .slices import SLICE_SECONDS

_BLOCK = 2**22  # values of X that are converted and looked at in one compiled call
_FLOAT64 = np.dtype(np.float64)
_ROOM = 256  # samples whose activations stay in cache
_LARGEST_LAMBDA = 1e30  # steps of SCG are then too short to change anything
_MOST = 1e10  # how far the parabola may be off that lambda is increased by it
_ZERO = 1e-75  # a gradient whose square is next to the smallest number


def check_whole_batch(
    optimizer, n_samples, batch_size, n_threads, schedule, resume, checkpoint
) -> int:
    """The batch_size for such an optimiser, which is n_samples."""
    name = type(optimizer).__name__
    if n_samples is None:
        raise InvalidInputError(
            f"{name} looks at all samples before every step, but batches come one by one; give X "
            "and Y"
        )
    for setting, given, reason in (
        ("schedule", schedule is not None, "has no learning rate"),
        ("resume", resume is True, "keeps nothing but the parameters: fit begins from them anyway"),
        ("checkpoint", checkpoint is not None, "keeps nothing to go on with but the parameters"),
    ):
        if given:
            raise InvalidInputError(f"{name} {reason}; leave {setting} out")
    if batch_size is not None and whole_number("batch_size", batch_size) != n_samples:
        raise InvalidInputError(
            f"batch_size must be left out, or n_samples = {n_samples}, got {batch_size}: {name} "
            "compares the loss of all samples before and after a step; for mini-batches use SGD, "
            "Adam or RMSprop"
        )
    if whole_number("n_threads", n_threads) > 1:
        raise InvalidInputError(
            f"n_threads={n_threads} cannot be used with {name}, which computes in one thread; "
            "leave it out"
        )
    return n_samples


class WholeBatchDescent:
    """Descends on all samples at once.

    Raises
    ------
    InvalidInputError
        A loss that the optimiser does not take, or X in a file that would have to be converted.
    """

    def __init__(self, net, samples, optimizer, run):
        optimizer.check_loss(net._loss)
        if type(samples) is not Samples:
            raise InvalidInputError(
                f"{type(optimizer).__name__} reads all of X before every step, and X in a file "
                f"would be converted each time; keep it in {net.dtype} and without scaling, or "
                "give an array in memory"
            )
        self.net, self.optimizer = net, optimizer
        (self.X, self.Y), self.weights = samples.all_rows(), samples.weights
        if self.weights is not None and samples.chosen is not None:
            self.weights = self.weights[samples.chosen]

    def descend(self, epochs) -> None:
        """Train, one entry in the book `epochs` for each step."""
        if isinstance(self.optimizer, LevenbergMarquardt):
            method = _by_squares
        else:
            method = _by_conjugate_gradients if isinstance(self.optimizer, SCG) else _by_scipy
        method(self.net, self.X, self.Y, self.weights, self.optimizer, epochs)


def _ended(epochs, loss, seconds):
    """Tell the book, and who counts updates, of a step."""
    epochs.run.step += 1
    if epochs.counts_steps:
        epochs.stepped(loss, math.nan)
    epochs.ended(loss, seconds)


def _in_float64(net):
    """The plan of the network in float64, and a copy of its parameters."""
    plan = net.plan
    theta = aligned_zeros(plan.n_theta, _FLOAT64)
    theta[:] = net._theta
    if net.dtype == _FLOAT64:
        return plan, theta
    if CUSTOM in plan.layers["activation"].tolist() or plan.loss >= len(LOSSES):
        # functions of users have other addresses
        return plan_of(net.sizes[0], net.layers, net._loss, _FLOAT64), theta
    wide = copy.copy(plan)  # offsets count elements: they stay the same
    object.__setattr__(wide, "dtype", _FLOAT64)
    return wide, theta


def _take(net, theta) -> None:
    """The parameters of the network become `theta`, rounded to its dtype."""
    net._turns.write(np.copyto, net._theta, theta)


def _by_squares(net, X, Y, weights, optimizer, epochs):
    """Levenberg and Marquardt: many steps in one compiled call, where nobody looks in between."""
    most, target = epochs.n_blind, epochs.stopping.target_loss
    is_wide = net.dtype == _FLOAT64
    plan, theta = (net.plan, net._theta) if is_wide else _in_float64(net)
    step = net.backend.levenberg_marquardt
    search = Search(
        plan, len(X), mu=optimizer.mu, decrease=optimizer.decrease, increase=optimizer.increase,
        max_mu=optimizer.max_mu, min_gradient=optimizer.min_gradient,
        target=-math.inf if target is None or most == 1 else target,
        sum_of_weights=None if weights is None else float(weights.sum()),
    )  # fmt: skip
    losses = np.empty(min(most, 1000))
    n_blocks, seconds = search.first_guess, 0.0
    while epochs.go_on():
        epochs.check_not_moved()
        began = perf_counter()
        found = net._turns.write(
            step, plan, theta, X, Y, search, losses[: epochs.n_blind], n_blocks, weights
        )
        elapsed = perf_counter() - began
        seconds += elapsed
        if elapsed > 2 * SLICE_SECONDS:
            n_blocks = max(1, n_blocks // 2)
        elif elapsed < SLICE_SECONDS / 2:
            n_blocks = min(2 * n_blocks, 2**20)
        if found:
            if not is_wide:
                _take(net, theta)
            if most == 1:
                _ended(epochs, float(losses[0]), seconds)
            else:
                epochs.run.step += found
                epochs.ended_blindly(losses[:found].tolist(), seconds)
            seconds = 0.0
        elif epochs.looks and not search.reason and epochs.between(search.fraction, None):
            break
        if epochs.reason is None and search.reason:
            if search.reason == "not finite":
                raise epochs.diverged("loss", search.loss)
            epochs.stop(search.reason)


class _Losses:
    """Mean loss of all samples and its gradient at any theta, in float64.

    Samples of a network in float32 are converted, block by block where they are many: a block is
    one compiled call, and Python looks in between two.
    """

    def __init__(self, net, plan, X, Y, weights, ranks=None):
        self.net, self.plan, self.weights, self.ranks = net, plan, weights, ranks
        self.weight = float(len(X) if weights is None else weights.sum())
        n = max(1, _BLOCK // X.n_columns if isinstance(X, SparseRows) else _BLOCK // X.shape[1])
        n_samples = len(X)
        self.work = Work(plan, min(n_samples, _ROOM), gathers=False)
        self.part = aligned_zeros(plan.n_theta, np.float64)
        self.blocks = []
        for first in range(0, n_samples, n):
            last = min(first + n, n_samples)
            w = None if weights is None else weights[first:last]
            share = (last - first) / n_samples if w is None else float(w.sum() / weights.sum())
            if share > 0:
                self.blocks.append((share, _part(X, first, last), Y[first:last], w))
        if len(self.blocks) == 1:  # converted once
            share, x, y, w = self.blocks[0]
            self.blocks = [(share, _doubled(x), _doubled(y), w)]

    def __call__(self, theta, grad) -> float:
        """The loss; grad is overwritten."""
        loss = self._of_this_rank(theta, grad)
        return loss if self.ranks is None else self.ranks.mean(loss, grad, self.weight)

    def _of_this_rank(self, theta, grad):
        backend, plan, work = self.net.backend, self.plan, self.work
        if len(self.blocks) == 1:
            _, X, Y, weights = self.blocks[0]
            return backend.loss_gradient(plan, theta, X, Y, grad, work, weights)
        grad[:], loss = 0.0, 0.0
        for share, X, Y, weights in self.blocks:
            loss += share * backend.loss_gradient(
                plan, theta, _doubled(X), _doubled(Y), self.part, work, weights
            )
            self.part *= share
            grad += self.part
        return loss


def _part(X, first, last):
    """Some rows of X."""
    if not isinstance(X, SparseRows) or (first, last) == (0, len(X)):
        return X[first:last] if not isinstance(X, SparseRows) else X
    start, stop = X.starts[first], X.starts[last]
    return SparseRows(
        X.starts[first : last + 1] - start, X.columns[start:stop], X.values[start:stop], X.n_columns
    )


def _doubled(rows):
    """Rows in float64."""
    if isinstance(rows, SparseRows):
        values = rows.values.astype(np.float64, copy=False)
        return SparseRows(rows.starts, rows.columns, values, rows.n_columns)
    return rows.astype(np.float64, copy=False)


def _by_conjugate_gradients(net, X, Y, weights, optimizer, epochs):
    """Moller (1993), section 4; the numbers are those of his steps."""
    plan, theta = _in_float64(net)
    losses = _Losses(net, plan, X, Y, weights, epochs.ranks)
    g, g_new, trial, p, s = (aligned_zeros(plan.n_theta, np.float64) for _ in range(5))
    restart = net.n_parameters
    began = perf_counter()
    loss = losses(theta, g)
    if not math.isfinite(loss):
        raise epochs.diverged("loss", loss)
    np.negative(g, out=p)
    gg = slope = _product(g, g)  # slope: p r, that of the loss along p, downwards
    lam, is_new, n_steps = optimizer.lambda_, True, 0
    while epochs.go_on():
        if math.sqrt(gg) < max(optimizer.min_gradient, _ZERO):
            epochs.stop("gradient")
            break
        if not lam < _LARGEST_LAMBDA:
            epochs.stop("no_progress")
            break
        if is_new:  # 2: curvature = p (g(theta + sigma_k p) - g(theta)) / sigma_k
            pp = _product(p, p)
            sigma = optimizer.sigma / math.sqrt(pp)
            np.multiply(p, sigma, out=trial)
            trial += theta
            losses(trial, s)
            s -= g
            curvature = _product(p, s) / sigma
        delta = curvature + lam * pp  # 3
        if not delta > 0:  # 4: made positive
            lam, delta = -2 * curvature / pp, -curvature
        np.multiply(p, slope / delta, out=trial)  # 5: alpha p
        trial += theta
        new_loss = losses(trial, g_new)
        agreement = 2 * delta * (loss - new_loss) / slope**2  # 6: 1 if the loss is a parabola
        is_new = agreement > 0
        if not is_new:  # 8; the loss may have become infinite
            lam += delta * (1 - (agreement if agreement > -_MOST else -_MOST)) / pp
            continue
        # 7
        theta, trial, loss, n_steps = trial, theta, new_loss, n_steps + 1
        between = _product(g_new, g)
        g, g_new = g_new, g
        gg = _product(g, g)
        p *= (gg - between) / slope  # beta
        p -= g
        slope = -_product(g, p)
        if n_steps % restart == 0 or not slope > 0:  # or p leads upwards
            np.negative(g, out=p)
            slope = gg
        if agreement < 0.25:  # 8
            lam += delta * (1 - agreement) / pp
        elif agreement >= 0.75:
            lam /= 4
        _take(net, theta)
        now = perf_counter()
        _ended(epochs, loss, now - began)
        began = now


def _product(x, y):
    return float(x.dot(y))


def _by_scipy(net, X, Y, weights, optimizer, epochs):
    """L-BFGS-B without bounds; its line search and its memory are SciPy's."""
    try:
        from scipy.optimize import minimize
    except ImportError:
        raise missing("scipy", "lbfgs", "LBFGS") from None
    plan, theta = _in_float64(net)
    losses = _Losses(net, plan, X, Y, weights, epochs.ranks)
    at, grad = (aligned_zeros(plan.n_theta, np.float64) for _ in range(2))
    began = perf_counter()

    def loss_and_gradient(theta):
        at[:] = theta
        loss = losses(at, grad)
        if math.isfinite(loss):
            return loss, grad
        return math.inf, grad  # a step too far: the line search comes back

    def ended(intermediate_result):
        nonlocal began
        now = perf_counter()
        _take(net, intermediate_result.x)
        _ended(epochs, float(intermediate_result.fun), now - began)
        began = now
        if epochs.go_on() and not math.sqrt(grad.dot(grad)) >= optimizer.min_gradient:
            epochs.stop("gradient")
        if not epochs.go_on():
            raise StopIteration

    loss, first = loss_and_gradient(theta)
    if not math.isfinite(loss):
        raise epochs.diverged("loss", loss)
    if math.sqrt(first.dot(first)) < optimizer.min_gradient:
        epochs.stop("gradient")
        return
    minimize(
        loss_and_gradient, theta, jac=True, method="L-BFGS-B", callback=ended,
        options={
            "maxcor": optimizer.memory, "ftol": 0.0, "gtol": 0.0, "maxiter": epochs.last + 1,
            "maxfun": 2**31 - 1, "maxls": 50,
        },
    )  # fmt: skip
    if epochs.go_on():
        epochs.stop("no_progress")
