"""The loss of the best constant prediction: what a network reaches that looks at no input."""

import numpy as np

from ..inputs.checks import any_size
from ..kernels import load
from ..kernels.functions import LOSSES
from ..kernels.interface import Plan
from ..kernels.memory import Work, aligned_zeros

SAME = 1e-3  # a loss closer than that to the one of a constant is no better
_BLOCK = 2**18  # values at a time
_ROWS = 1024  # samples at a time
_DOUBLINGS = 20  # of the interval, until the best constant lies in it


@any_size
def best_constant(
    net, Y: np.ndarray, weights=None, steps: int = 50
) -> tuple[float, np.ndarray] | None:
    """Loss and outputs of the best prediction that is the same for every sample.

    mse: the mean of the targets. Cross-entropies: their frequencies p, with the loss -sum p log p
    (and -sum (1 - p) log(1 - p) for binary ones); nll and kullback_leibler in the same way. Any
    other loss: the place where the mean slope
    dC/dc changes its sign, found by halving an interval, output by output; for a loss that is
    convex this is its minimum. Constants that the output activation cannot give are moved to the
    nearest one that it can.

    Parameters
    ----------
    net : Network
    Y : ndarray, shape (n_samples, n_out)
        Targets as the kernels take them.
    weights : ndarray, shape (n_samples,), optional
    steps : int
        Halvings of the interval, where there is no formula.

    Returns
    -------
    loss, outputs : float and ndarray of float64, shape (n_out,); or None
        None where outputs depend on each other (softmax, heads, exponential of several) and no
        formula is known.
    """
    if _depend(net):
        return None
    known = _by_formula(net, Y, weights)
    return known or _by_halving(net, Y, weights, steps)


@any_size
def constant_loss(net, Y: np.ndarray, weights=None) -> float | None:
    """Loss of a constant prediction that is quickly found: at least that of `best_constant`."""
    if _depend(net):
        return None
    known = _by_formula(net, Y, weights)
    if known:
        return known[0]
    mean = np.clip(_mean(Y, weights), *_inside(net))
    return _of_constants(net, Y, weights, with_slope=False)(mean)[0]


@any_size
def loss_of_constant(net, Y, weights, outputs) -> float:
    """Loss where the outputs are these for every sample."""
    return _of_constants(net, Y, weights, with_slope=False)(outputs)[0]


def backend_of(net):
    """The backend of the network, but not Numba, which may have to compile for this."""
    return load("cython") if net.backend.NAME == "numba" else net.backend


def is_no_better(loss: float, limit: float) -> bool:
    """Whether a loss is not below that of a constant prediction, which may be below 0."""
    return loss >= limit - SAME * abs(limit)


def _depend(net):
    """Whether the best outputs depend on each other, and no formula is known."""
    if net.loss_name in _FORMULAS:
        return False
    if net.layers[-1].heads is not None:
        return True
    loss = LOSSES.get(net.loss_name)
    outer = loss is not None and loss.outer is not None and net.sizes[-1] > 1
    return outer or "softmax" in net.layers[-1].activation.name


def _by_formula(net, Y, weights):
    """Loss and outputs, or None."""
    formula = _FORMULAS.get(net.loss_name)
    return None if formula is None else formula(net, Y, weights)


def _of_squares(net, Y, weights):
    mean = _mean(Y, weights)
    outputs = np.clip(mean, *net.layers[-1].activation.range)
    spread = _mean(Y, weights, lambda y: (y - mean) ** 2)
    return float((spread + (mean - outputs) ** 2).sum() / 2), outputs


def _of_questions(net, Y, weights):
    """Every output for itself."""
    p = _mean(Y, weights)
    return float(_entropy(p) + _entropy(1 - p)), p


def _of_classes(net, Y, weights):
    """Outputs that sum to 1; with label_smoothing s, y becomes (1 - s) y + s / n_out."""
    s = getattr(net._loss, "parameter", None) or 0.0
    p = (1 - s) * _mean(Y, weights) + s / Y.shape[1]
    return float(_entropy(p)), p


def _of_logarithms(net, Y, weights):
    p = _mean(Y, weights)
    return float(_entropy(p)), np.log(p)


def _of_divergence(net, Y, weights):
    """The mean of sum y log y - sum y log p."""
    p = _mean(Y, weights)
    own = _mean(Y, weights, lambda y: y * np.log(np.where(y > 0, y, 1)))
    return float(own.sum() + _entropy(p)), p


_FORMULAS = {
    "mse": _of_squares,
    "binary_cross_entropy": _of_questions,
    "cross_entropy": _of_classes,
    "nll": _of_logarithms,
    "kullback_leibler": _of_divergence,
}


def _mean(Y, weights, f=None):
    """Mean over the samples of f(Y), or Y; block by block, so that nothing has the size of Y."""
    step, total = max(1, _BLOCK // Y.shape[1]), 0.0
    for start in range(0, len(Y), step):
        y = Y[start : start + step]
        y = y if f is None else f(y)
        some = None if weights is None else weights[start : start + step]
        total = total + (y.sum(axis=0, dtype=np.float64) if some is None else some @ y)
    return total / (len(Y) if weights is None else weights.sum())


def _entropy(p):
    return -(p * np.log(np.where(p > 0, p, 1))).sum()


def _inside(net):
    """Ends of the open range of the outputs."""
    low, high = net.layers[-1].activation.range
    return np.nextafter(low, np.inf), np.nextafter(high, -np.inf)


def _by_halving(net, Y, weights, steps):
    """The constants where the slope of the mean loss changes its sign, and their loss."""
    below, above = (ends.astype(np.float64) for ends in (Y.min(axis=0), Y.max(axis=0)))
    loss_and_slope = _of_constants(net, Y, weights)
    first, last = _inside(net)
    below, above = np.clip(below, first, last), np.clip(above, first, last)
    width = np.where(above > below, above - below, 1.0)
    for _ in range(_DOUBLINGS):
        falls = (loss_and_slope(below)[1] > 0) & (below > first)
        rises = (loss_and_slope(above)[1] < 0) & (above < last)
        if not (falls | rises).any():
            break
        below = np.maximum(below - width * falls, first)
        above = np.minimum(above + width * rises, last)
        width *= 2
    for _ in range(steps):
        middle = below + (above - below) / 2
        rises = loss_and_slope(middle)[1] < 0  # the best one lies above
        below, above = np.where(rises, middle, below), np.where(rises, above, middle)
    found = [(loss_and_slope(ends)[0], ends) for ends in (below, above)]
    loss, outputs = min(found, key=lambda one: one[0])
    return (loss, outputs) if np.isfinite(loss) else None


def _of_constants(net, Y, weights, with_slope=True):
    """A function of constant outputs c that gives their mean loss, and its slope by each of them.

    It is that of a network with the inputs 0, biases c and no activation.
    """
    (n, n_out), backend = Y.shape, backend_of(net)
    code, parameter = net._loss.for_plan(net.dtype)
    plan = Plan.build(1, [(n_out, "identity", 0.0, True)], code, net.dtype, parameter)
    theta, grad = (aligned_zeros(plan.n_theta, net.dtype) for _ in range(2))
    rows = min(n, _ROWS)
    X, work = np.zeros((rows, 1), net.dtype), Work(plan, rows, gathers=False)
    values, slope, out = plan.b(theta, 0), plan.b(grad, 0), grad if with_slope else None

    def loss_and_slope(c):
        values[:] = c
        total, slopes, counted = 0.0, np.zeros(n_out), 0.0
        for start in range(0, n, rows):
            y = Y[start : start + rows]
            w = None if weights is None else weights[start : start + rows]
            counts = len(y) if w is None else w.sum()
            if counts > 0:
                total += counts * backend.loss_gradient(plan, theta, X[: len(y)], y, out, work, w)
                slopes += counts * slope
                counted += counts
        return total / counted, slopes / counted

    return loss_and_slope
