"""The loss of the best constant prediction: what a network reaches that looks at no input."""

import numpy as np

from ..inputs.checks import any_size
from ..kernels.interface import Plan, Work, aligned_zeros

_ROWS = 1024  # samples at a time
_DOUBLINGS = 20  # of the interval, until the best constant lies in it


@any_size
def best_constant(
    net, Y: np.ndarray, weights=None, steps: int = 50
) -> tuple[float, np.ndarray] | None:
    """Loss and outputs of the best prediction that is the same for every sample.

    mse: the mean of the targets. Cross-entropies: their frequencies p, with the loss -sum p log p
    (and -sum (1 - p) log(1 - p) for binary ones). Any other loss: the place where the mean slope
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
        None where outputs depend on each other and no formula is known.
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
    return _of_constants(net, Y, weights)(mean)[0]


@any_size
def loss_of_constant(net, Y, weights, outputs) -> float:
    """Loss where the outputs are these for every sample."""
    return _of_constants(net, Y, weights)(outputs)[0]


def _depend(net):
    """Whether outputs depend on each other, and the best of them are not known."""
    known = ("mse", "binary_cross_entropy", "cross_entropy")
    return "softmax" in net.layers[-1].activation.name and net.loss_name not in known


def _by_formula(net, Y, weights):
    """Loss and outputs, or None."""
    if net.loss_name == "mse":
        mean = _mean(Y, weights)
        outputs = np.clip(mean, *net.layers[-1].activation.range)
        spread = _mean((Y - mean) ** 2, weights)
        return float((spread + (mean - outputs) ** 2).sum() / 2), outputs
    if net.loss_name == "binary_cross_entropy":
        p = _mean(Y, weights)
        return float(_entropy(p) + _entropy(1 - p)), p
    if net.loss_name == "cross_entropy":
        p = _mean(Y, weights)
        return float(_entropy(p)), p
    return None


def _mean(values, weights):
    if weights is None:
        return values.mean(axis=0, dtype=np.float64)
    return (weights @ values) / weights.sum()


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


def _of_constants(net, Y, weights):
    """A function of constant outputs c that gives their mean loss, and its slope by each of them.

    It is that of a network with the inputs 0, biases c and no activation.
    """
    n, n_out = Y.shape
    code, parameter = net._loss.for_plan(net.dtype)
    plan = Plan.build(1, [(n_out, "identity", 0.0, True)], code, net.dtype, parameter)
    theta, grad = (aligned_zeros(plan.n_theta, net.dtype) for _ in range(2))
    rows = min(n, _ROWS)
    X, work = np.zeros((rows, 1), net.dtype), Work(plan, rows, gathers=False)
    values, slope = plan.b(theta, 0), plan.b(grad, 0)

    def loss_and_slope(c):
        values[:] = c
        total, slopes, counted = 0.0, np.zeros(n_out), 0.0
        for start in range(0, n, rows):
            y = Y[start : start + rows]
            w = None if weights is None else weights[start : start + rows]
            counts = len(y) if w is None else w.sum()
            if counts > 0:
                total += counts * net.backend.loss_gradient(
                    plan, theta, X[: len(y)], y, grad, work, w
                )
                slopes += counts * slope
                counted += counts
        return total / counted, slopes / counted

    return loss_and_slope
