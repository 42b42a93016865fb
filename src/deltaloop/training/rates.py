"""The learning rate of every epoch and update, as a schedule has it."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInputError
from ..kernels.interface import Rule
from .own_numbers import own_numbers

if TYPE_CHECKING:
    from .schedules import Plateau, Schedule


class Rates:
    """Learning rates of one training.

    Parameters
    ----------
    schedule : Schedule or None
    rule : Rule
        Its first number is the learning rate that the schedule multiplies.
    epochs : int
        Length of the training.
    n_batches : int or None
        Updates per epoch; None: not known.
    reproducible : bool
        Whether the schedule computes with numbers that are the same on every processor.
    """

    def __init__(
        self, schedule: "Schedule | None", rule: Rule, epochs: int, n_batches: int | None,
        reproducible: bool = False,
    ):  # fmt: skip
        self.schedule, self.rule, self.epochs, self.n_batches = schedule, rule, epochs, n_batches
        self.reproducible = reproducible
        self.learning_rate = rule.hyper[0]  # at the beginning of the epoch
        self._plateau: Plateau | None = None
        self._per_step: Any = None
        self._of_steps: np.ndarray | None = None
        if schedule is None:
            return
        from .schedules import per_step, reduce_on_plateau

        schedule.check(epochs)
        if isinstance(schedule, per_step):
            self._per_step = schedule
        elif schedule.per == "step" and n_batches is None:
            raise InvalidInputError(
                "a schedule with per='step' needs to know how many batches there are in an epoch; "
                "give batches that have a len(), or per='epoch'"
            )
        if isinstance(schedule, reduce_on_plateau):
            self._plateau = schedule.plateau()

    def begin(self, epoch: int, step: int, monitored) -> Rule:
        """The rule for the epoch after `epoch` others, and `step` updates.

        `monitored` has the values of these others, the lower the better.
        """
        schedule, base = self.schedule, self.rule.hyper[0]
        if schedule is None:
            return self.rule
        if schedule.per == "step":
            if self._per_step is not None:
                self._first = step
                return self.rule
            n = self.n_batches or 1  # never None: refused above
            t = epoch + np.arange(n) / n
            with own_numbers(self.reproducible):
                self._of_steps = base * schedule.factors(t, self.epochs, 1 / n)
            self.learning_rate = float(self._of_steps[0])
            return self.rule
        if self._plateau is not None:
            for value in monitored[self._plateau.n_seen :]:
                self._plateau.after(value)
            factor = self._plateau.factor
        else:
            with own_numbers(self.reproducible):
                factor = schedule.factors(np.array([float(epoch)]), self.epochs)[0]
        self.learning_rate = base * float(factor)
        return replace(self.rule, hyper=(self.learning_rate, *self.rule.hyper[1:]))

    def of_batches(self, batch: int, step: int, n: int) -> np.ndarray | None:
        """Rates of n updates from the batch on, after `step` others; None: that of the rule."""
        if self._per_step is not None:
            rates = self.rule.hyper[0] * self._per_step.at_steps(step, n)
            if step == self._first:
                self.learning_rate = float(rates[0])
            return rates
        return None if self._of_steps is None else self._of_steps[batch : batch + n]
