"""What of a training is left when `fit` returns, so that another one can go on with it."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..errors import InvalidInputError
from ..kernels.interface import RULES, Rule
from ..kernels.memory import aligned_zeros
from .history import History


@dataclass(slots=True, eq=False)
class Position:
    """Where in an epoch a training has ended, or is.

    Attributes
    ----------
    place : tuple
        What must be the same for the place to be the same: samples per epoch, batch_size, shuffle.
    start : int
        Samples of the epoch that are done; for batches as they come, batches.
    total, weight, seconds : float
        Sums over what is done: of losses, of weights (for batches as they come), of time.
    generator : dict or None
        State of the bit generator before the order was drawn.
    """

    place: tuple
    start: int = 0
    total: float = 0.0
    weight: float = 0.0
    seconds: float = 0.0
    generator: dict | None = None


@dataclass(slots=True, eq=False)
class Run:
    """A training so far.

    Attributes
    ----------
    optimizer : optimiser or None
        What `fit` was given; None: that of the network.
    rule : str
        Name of the rule whose state `slots` is.
    slots : ndarray, shape (n_slots, n_theta)
    step : int
        Updates made with these slots.
    history : History
    held : ndarray of intp or None
        Samples that validation_split has split off.
    best : ndarray or None
        Parameters of the best epoch, where restore_best asked for them.
    position : Position or None
        Where in an epoch it ended; None: between two.
    finished : bool
        It has ended by itself, and not only by the number of its epochs.
    noise : int
        Seed of the masks of dropout.
    schedule : str or None
        What the learning rate was multiplied with, in words; None: nothing.
    """

    optimizer: Any
    rule: str
    slots: np.ndarray
    step: int = 0
    history: History = field(default_factory=History)
    held: np.ndarray | None = None
    best: np.ndarray | None = None
    position: Position | None = None
    finished: bool = False
    noise: int = 0
    schedule: str | None = None

    def copy(self) -> "Run":
        """One that goes on by itself."""
        slots = aligned_zeros(self.slots.shape, self.slots.dtype)
        slots[:] = self.slots
        return replace(
            self, slots=slots, history=self.history.copy(),
            best=None if self.best is None else self.best.copy(),
            position=None if self.position is None else replace(self.position),
        )  # fmt: skip


def fresh(optimizer, rule: Rule, theta) -> Run:
    """The start of a training."""
    return Run(optimizer, RULES[rule.code], aligned_zeros((rule.n_slots, len(theta)), theta.dtype))


def resumed(run: Run | None, optimizer, of_network, schedule) -> tuple[Run, Any, Rule]:
    """A run that goes on, and the optimiser and rule with which it does.

    Its own record and place in the epoch are copies: those of the run stay as they are.

    Raises
    ------
    InvalidInputError
        There is none, its state is that of another kind of optimiser, or it had a schedule and
        none is given now.
    """
    if run is None:
        raise InvalidInputError(
            "resume=True goes on where the fit before ended, but this network has none (an "
            "optimizer of all samples at once, such as LBFGS, leaves none); leave resume out, or "
            "load a file that net.save(path, state=True) wrote"
        )
    used = optimizer if optimizer is not None else run.optimizer
    optimizer = used if used is not None else of_network
    rule = optimizer.rule()
    if (RULES[rule.code], rule.n_slots) != (run.rule, len(run.slots)):
        raise InvalidInputError(
            f"resume=True goes on with the state of the rule {run.rule!r}, which "
            f"{optimizer!r} does not have; give one of the same kind, or leave resume out"
        )
    if schedule is None and run.schedule not in (None, "constant(factor=1.0)"):
        raise InvalidInputError(
            f"resume=True goes on with a training that had schedule={run.schedule}; give it again, "
            "or schedule='constant' to go on with the learning rate of the optimizer"
        )
    history = run.history.copy()
    history.stop_reason = "epochs"
    again = Run(
        used, run.rule, run.slots, run.step, history, run.held, run.best,
        None if run.position is None else replace(run.position), noise=run.noise,
    )  # fmt: skip
    return again, optimizer, rule


def check_same_columns(history: History, validates: bool, metrics) -> None:
    """Refuse to go on with a record that would have other columns from now on."""
    if not len(history):
        return
    before = {"validation data"} if history.validation_loss else set()
    now = {"validation data"} if validates else set()
    before, now = before | set(history.metrics), now | set(metrics)
    if before != now:
        raise InvalidInputError(
            "resume=True goes on with the record of the fit before, which has "
            f"{', '.join(sorted(before)) or 'no metrics and no validation data'}, but this one "
            f"has {', '.join(sorted(now)) or 'none'}; give the same"
        )
