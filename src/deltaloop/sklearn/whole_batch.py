"""Solvers that look at all samples before every step."""

import numpy as np
from sklearn.utils.optimize import _check_optimize_result

from ..errors import missing
from ..kernels.memory import Work, aligned_zeros
from .held import views
from .meanings import squares
from .versions import scipy_prints

_ROOM = 256  # samples whose activations stay in cache


class Objective:
    """The loss of all samples plus alpha / (2 s) ||W||^2, and its gradient, at any parameters.

    s is the number of the samples, or the sum of their weights. Parameters and gradient are
    vectors of scikit-learn's order: the weights (n_in, n_out) of every layer, then the biases.

    Parameters
    ----------
    net : Network
        In float64.
    X : ndarray or SparseRows
    Y : ndarray, shape (n_samples, n_out)
    weights : ndarray of float64 or None
    alpha : float
    """

    def __init__(self, net, X, Y, weights, alpha):
        self.net, self.X, self.Y, self.weights = net, X, Y, weights
        self.share = alpha / (len(X) if weights is None else float(weights.sum()))
        self.work = Work(net.plan, min(len(X), _ROOM), gathers=False)
        self.theta, self.grad = (aligned_zeros(net.plan.n_theta, net.dtype) for _ in range(2))
        self.W, self.b = views(net, self.theta)
        self.dW, self.db = views(net, self.grad)

    def __call__(self, packed) -> tuple[float, np.ndarray]:
        """The loss and the gradient there."""
        net = self.net
        unpack(packed, [*self.W, *self.b])
        loss = net.backend.loss_gradient(
            net.plan, self.theta, self.X, self.Y, self.grad, self.work, self.weights
        )
        loss += 0.5 * self.share * squares(self.theta, self.b)
        for gradient, W in zip(self.dW, self.W, strict=True):
            gradient += self.share * W
        return loss, pack([*self.dW, *self.db])


def pack(arrays) -> np.ndarray:
    """One vector of all values."""
    return np.concatenate([array.ravel() for array in arrays])


def unpack(vector, arrays) -> None:
    """Copy the values of a vector into arrays."""
    start = 0
    for array in arrays:
        array[...] = vector[start : start + array.size].reshape(array.shape)
        start += array.size


def minimize(estimator, objective: Objective, optimizer, calls) -> None:
    """Descend with L-BFGS-B of SciPy, with scikit-learn's settings and warnings."""
    try:
        import scipy.optimize
    except ImportError:  # which scikit-learn needs as well
        raise missing("scipy", "sklearn", "solver='lbfgs'") from None
    options = {"maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol}
    if optimizer is not None:
        options |= {"maxcor": optimizer.memory}
    if scipy_prints():
        options["iprint"] = 1 if estimator.verbose >= 1 else -1
    shown = [*estimator.coefs_, *estimator.intercepts_]
    steps = _Steps(estimator, shown, calls)
    found = scipy.optimize.minimize(
        objective, pack(shown).astype(np.float64), method="L-BFGS-B", jac=True, options=options,
        callback=steps if calls.is_listening else None,
    )  # fmt: skip
    steps.end()
    if steps.is_stopped:
        estimator.n_iter_ = found.nit
    else:
        estimator.n_iter_ = _check_optimize_result("lbfgs", found, estimator.max_iter)
    estimator.loss_ = float(found.fun)
    unpack(found.x, shown)


class _Steps:
    """Tells callbacks of every step, which SciPy calls it after."""

    def __init__(self, estimator, shown, calls):
        self.estimator, self.shown, self.calls = estimator, shown, calls
        self.n_steps, self.is_stopped = 0, False
        calls.begin_iteration()

    def __call__(self, x):
        unpack(x, self.shown)
        self.n_steps += 1
        if self.calls.end_iteration():
            self.is_stopped = True
            raise StopIteration
        if self.n_steps < self.estimator.max_iter:
            self.calls.begin_iteration()

    def end(self):
        """End a step that was begun and did not come."""
        self.calls.end_iteration()
