"""The same network in float64, for differences: its losses and gradients at any parameters."""

import numpy as np

from ..inputs.checks import any_size
from ..kernels.memory import Work, aligned_zeros
from ..kernels.sparse_rows import SparseRows
from ..parts.construction import plan_of
from .constants import backend_of

_ROWS = 1024  # samples at a time
STEP = 6e-6  # of central differences, about eps^(1/3): rounding and h^2 weigh the same


class Twin:
    """A copy of layers, loss and parameters in float64, without dropout.

    Parameters
    ----------
    net : Network
    X, Y : rows that have passed its door
    weights : ndarray or None
        As the kernels take them.
    """

    def __init__(self, net, X, Y, weights=None):
        real = np.float64
        self.plan = plan_of(net.sizes[0], net.layers, net._loss, real)
        self.backend = backend_of(net)
        self.theta = self.laid_out(net.plan, net._theta)
        if isinstance(X, SparseRows):
            X = SparseRows(X.starts, X.columns, X.values.astype(real), X.n_columns)
        self.X = X if isinstance(X, SparseRows) else np.ascontiguousarray(X, real)
        self.Y, self.weights = np.ascontiguousarray(Y, real), weights
        self._work = Work(self.plan, min(len(X), _ROWS), gathers=False)

    def laid_out(self, plan, flat) -> np.ndarray:
        """What is laid out for another dtype as this theta, padding 0."""
        out = aligned_zeros(self.plan.n_theta, np.float64)
        for to, view in zip(self.plan.views(out), plan.views(flat), strict=True):
            to[:] = view
        return out

    @any_size
    def loss(self, theta) -> float:
        """Mean loss with these parameters."""
        return self._loss_gradient(theta, None)

    @any_size
    def gradient(self, theta) -> np.ndarray:
        """dC/dtheta with these parameters."""
        grad = aligned_zeros(self.plan.n_theta, np.float64)
        self._loss_gradient(theta, grad)
        return grad

    def _loss_gradient(self, theta, grad):
        return self.backend.loss_gradient(
            self.plan, theta, self.X, self.Y, grad, self._work, self.weights
        )

    def along(self, direction, h: float) -> float:
        """(C(theta + h v) - C(theta - h v)) / 2 h, with v the direction."""
        up, down = (self.loss(self.theta + s * h * direction) for s in (1, -1))
        return (up - down) / (2 * h)

    def by(self, place: int) -> float:
        """The central difference of the loss by theta[place]."""
        one = aligned_zeros(self.plan.n_theta, np.float64)
        one[place] = 1
        return self.along(one, STEP * max(1.0, abs(self.theta[place])))
