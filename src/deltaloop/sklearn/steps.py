"""The state of a solver that makes its steps on mini-batches, kept between fits."""

import numpy as np

from ..kernels.interface import Rule
from ..kernels.memory import aligned_zeros
from .meanings import Solver


class Steps:
    """Velocities or moments, the number of steps, and the learning rate as it is now.

    Parameters
    ----------
    solver : Solver
    theta : ndarray
        Parameters that it will move.

    Attributes
    ----------
    slots : ndarray, shape (1 + n_slots, n_theta)
        Room for a gradient, the state of the rule, and noisy parameters where it has them.
    step : int
        Steps made with this state.
    """

    def __init__(self, solver: Solver, theta: np.ndarray):
        self.solver = solver
        self.rate_init = solver.learning_rate
        self.slots = aligned_zeros(_shape(solver, theta), theta.dtype)
        self.step = 0

    @property
    def learning_rate(self) -> float:
        """Of the next step.

        A velocity v of the package moves w by -learning_rate v, one of scikit-learn by itself:
        so that it goes on when the rate changes, v is multiplied with old rate / new rate.
        """
        return self.solver.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        if self.solver.name in ("momentum", "nesterov") and rate > 0:
            self.slots[1] *= self.solver.learning_rate / rate
        self.solver.learning_rate = rate

    def fits(self, solver: Solver, theta: np.ndarray) -> bool:
        """Whether this is the state of such a solver and these parameters."""
        same = self.solver.name == solver.name and self.slots.dtype == theta.dtype
        return same and self.slots.shape == _shape(solver, theta)

    def follow(self, solver: Solver, restarts: bool) -> None:
        """Go on with other settings; the learning rate begins anew if asked for, or changed."""
        rate = self.solver.learning_rate
        if restarts or solver.learning_rate != self.rate_init:
            rate = solver.learning_rate
        self.rate_init = solver.learning_rate
        self.learning_rate = rate
        solver.learning_rate = rate
        self.solver = solver

    def of(self, rule: Rule) -> np.ndarray:
        """The slots that this rule asks for: a gradient only if it is a flat one."""
        return self.slots if rule.is_flat else self.slots[1:]

    def __setstate__(self, state):
        self.__dict__.update(state)
        slots, self.slots = self.slots, aligned_zeros(self.slots.shape, self.slots.dtype)
        self.slots[:] = slots


def _shape(solver, theta):
    n_slots = 1 + len(solver.rule(0.0).row.slots) + (solver.regularization.weight_noise > 0)
    return n_slots, len(theta)
