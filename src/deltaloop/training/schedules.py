"""Schedules: what the learning rate of the optimiser is multiplied with as training goes on.

`fit(..., schedule=...)` takes one of these, its name, or a function of your own: f(t) of the
number of epochs that are finished, 0 in the first one. Time t counts epochs. With per="epoch" a
schedule sets the rate once per epoch, at t = 0, 1, 2, ...; with per="step" for every update, at
t = 0, 1/n, 2/n, ... for n updates per epoch. The state of the optimiser is kept all the while.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError, shown, unknown_name
from ..inputs.checks import number, whole_number
from .own_numbers import cos_pi, power

__all__ = [
    "Schedule",
    "constant",
    "cosine",
    "exponential",
    "inverse_scaling",
    "one_cycle",
    "per_step",
    "reduce_on_plateau",
    "step",
]

_PER = ("epoch", "step")


class Schedule:
    """Base of all schedules; each is an immutable description.

    Attributes
    ----------
    per : {'epoch', 'step'}
        How often it sets the learning rate.
    """

    per: str = "epoch"

    def factors(self, t: np.ndarray, epochs: int, unit: float = 1.0) -> np.ndarray:
        """The factors at times t.

        Parameters
        ----------
        t : ndarray of float64
            Epochs that are finished, >= 0.
        epochs : int
            Length of the training in epochs.
        unit : float, default 1
            Time between two settings of the rate: 1, or 1/n for n updates per epoch.

        Returns
        -------
        ndarray of float64, shape of t
        """
        raise NotImplementedError

    def curve(self, epochs: int, updates: int = 1) -> np.ndarray:
        """All factors of a training.

        Parameters
        ----------
        epochs : int
        updates : int, default 1
            Updates per epoch.

        Returns
        -------
        ndarray of float64, shape (epochs,), with per='step' (epochs * updates,)

        Examples
        --------
        >>> import deltaloop as dl
        >>> dl.schedules.step(every=2, factor=0.5).curve(6).tolist()
        [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
        """
        n = whole_number("updates", updates) if self.per == "step" else 1
        self.check(whole_number("epochs", epochs))
        return self.factors(np.arange(epochs * n) / n, epochs, 1 / n)

    @property
    def told(self) -> str:
        """What it is, in words: a call, or that it is a function."""
        return repr(self) if type(self) in SCHEDULES.values() else "a function"

    def check(self, epochs: int) -> None:
        """Refuse a training that is too short for this schedule."""


def _check(schedule, low=0.0, **names):
    """Make numbers of the settings, which are at least `low`, and of `per` one of its names."""
    for field in fields(schedule):
        value = getattr(schedule, field.name)
        if field.name == "per":
            if value not in _PER:
                raise unknown_name("per", value, _PER)
        elif not (value is None and field.default is None):
            checked = names.get(field.name, number)
            value = checked(field.name, value, **({"low": low} if checked is number else {}))
        object.__setattr__(schedule, field.name, value)


@dataclass(frozen=True)
class constant(Schedule):
    """The same factor all the time.

    Parameters
    ----------
    factor : float, default 1
        >= 0.

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.schedules.constant().curve(3).tolist()
    [1.0, 1.0, 1.0]
    """

    factor: float = 1.0

    def __post_init__(self):
        _check(self)

    def factors(self, t, epochs, unit=1.0):
        """As `Schedule.factors`."""
        return np.full(t.shape, self.factor)


@dataclass(frozen=True)
class step(Schedule):
    """factor^floor(t / every): StepLR of PyTorch, with step_size = every and gamma = factor.

    Parameters
    ----------
    every : int, default 10
        Epochs, >= 1.
    factor : float, default 0.1
        >= 0.

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.schedules.step(every=2).curve(4).tolist()
    [1.0, 1.0, 0.1, 0.1]
    """

    every: int = 10
    factor: float = 0.1

    def __post_init__(self):
        _check(self, every=whole_number)

    def factors(self, t, epochs, unit=1.0):
        """As `Schedule.factors`."""
        return power(self.factor, np.floor(t / self.every))


@dataclass(frozen=True)
class exponential(Schedule):
    """factor^t: ExponentialLR of PyTorch, with gamma = factor.

    Parameters
    ----------
    factor : float, default 0.95
        Per epoch, >= 0.
    per : {'epoch', 'step'}, default 'epoch'

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.schedules.exponential(0.5).curve(3).tolist()
    [1.0, 0.5, 0.25]
    """

    factor: float = 0.95
    per: str = "epoch"

    def __post_init__(self):
        _check(self)

    def factors(self, t, epochs, unit=1.0):
        """As `Schedule.factors`."""
        return power(self.factor, t)


@dataclass(frozen=True)
class inverse_scaling(Schedule):
    """1 / (1 + rate t)^power.

    With power=1 InverseTimeDecay of Keras; with rate = n_samples and power = power_t
    learning_rate='invscaling' of scikit-learn's MLPs.

    Parameters
    ----------
    power : float, default 0.5
        >= 0.
    rate : float, default 1
        Per epoch, >= 0.
    per : {'epoch', 'step'}, default 'epoch'

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.schedules.inverse_scaling().curve(4).tolist()[::3]
    [1.0, 0.5]
    """

    power: float = 0.5
    rate: float = 1.0
    per: str = "epoch"

    def __post_init__(self):
        _check(self)

    def factors(self, t, epochs, unit=1.0):
        """As `Schedule.factors`."""
        return power(1 + self.rate * t, -self.power)


@dataclass(frozen=True)
class cosine(Schedule):
    """Half a wave of a cosine from 1 to `final`, after a straight warm-up.

        t < warmup     start + (1 - start) t / warmup
        t >= warmup    final + (1 - final) (1 + cos(pi u)) / 2, u = (t - warmup) / (epochs - warmup)

    CosineAnnealingLR of PyTorch with T_max = epochs - warmup, after a LinearLR with
    start_factor = start. From `epochs` on it stays at `final`.

    Parameters
    ----------
    final : float, default 0
        Factor at the end, >= 0.
    warmup : float, default 0
        Epochs, >= 0.
    start : float, default 0.1
        Factor at the beginning of a warm-up, >= 0.
    epochs : int, optional
        Where the wave ends; left out, with the training.
    per : {'epoch', 'step'}, default 'epoch'

    References
    ----------
    Loshchilov & Hutter (2017), SGDR: stochastic gradient descent with warm restarts, equation 5.

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.schedules.cosine(warmup=2, start=0.5).curve(6).round(3).tolist()
    [0.5, 0.75, 1.0, 0.854, 0.5, 0.146]
    """

    final: float = 0.0
    warmup: float = 0.0
    start: float = 0.1
    epochs: int | None = None
    per: str = "epoch"

    def __post_init__(self):
        _check(self, epochs=whole_number)
        if self.epochs is not None:
            self.check(self.epochs)

    def check(self, epochs):
        """As `Schedule.check`."""
        if self.warmup >= (self.epochs or epochs):
            raise InvalidInputError(
                f"a cosine with warmup={self.warmup:g} needs more epochs than that, got "
                f"{self.epochs or epochs}; use a shorter warmup"
            )

    def factors(self, t, epochs, unit=1.0):
        """As `Schedule.factors`."""
        epochs, warmup = self.epochs or epochs, self.warmup
        u = np.clip((t - warmup) / (epochs - warmup), 0, 1)
        wave = self.final + (1 - self.final) * (1 + cos_pi(u)) / 2
        if not warmup:
            return wave
        return np.where(t < warmup, self.start + (1 - self.start) * t / warmup, wave)


@dataclass(frozen=True)
class one_cycle(Schedule):
    """Up to the full learning rate and down again, on two half waves of a cosine.

    OneCycleLR of PyTorch, with the optimiser's learning_rate as max_lr, without its cycle of the
    momentum:

        from 1 / div_factor up to 1 in the first pct_start of the updates,
        then down to 1 / (div_factor final_div_factor), which the last update has.

    Parameters
    ----------
    pct_start : float, default 0.3
        Share of the training that goes up, in (0, 1).
    div_factor : float, default 25
        > 0.
    final_div_factor : float, default 10000
        > 0.
    per : {'epoch', 'step'}, default 'step'

    References
    ----------
    Smith & Topin (2018), Super-convergence.

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.schedules.one_cycle(pct_start=0.5, div_factor=4).curve(1, 6).round(3).tolist()
    [0.25, 0.625, 1.0, 0.75, 0.25, 0.0]
    """

    pct_start: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    per: str = "step"

    def __post_init__(self):
        _check(self)
        if not 0 < self.pct_start < 1:
            raise InvalidInputError(f"pct_start must be in (0, 1), got {self.pct_start:g}")
        for name in ("div_factor", "final_div_factor"):
            if getattr(self, name) <= 0:
                raise InvalidInputError(f"{name} must be > 0, got {getattr(self, name):g}")

    def factors(self, t, epochs, unit=1.0):
        """As `Schedule.factors`."""
        first = 1 / self.div_factor
        last = first / self.final_div_factor
        top, end = self.pct_start * epochs - unit, epochs - unit

        def wave(a, b, u):
            return b + (a - b) * (1 + cos_pi(np.clip(u, 0, 1))) / 2

        down = wave(1.0, last, (t - top) / (end - top))
        return np.where(t <= top, wave(first, 1.0, t / top), down) if top > 0 else down


@dataclass(frozen=True)
class reduce_on_plateau(Schedule):
    """A factor less whenever what is monitored has not become better for some epochs.

    ReduceLROnPlateau of PyTorch with threshold_mode='abs', threshold = min_delta and a patience
    that is 1 less: here, as in `fit`, it is the number of epochs in a row without gain that lead
    to the step. Monitored is what `fit` monitors: the loss of the validation data if there are
    any, else that of training, or the metric `monitor`.

    Parameters
    ----------
    factor : float, default 0.1
        In [0, 1).
    patience : int, default 10
        Epochs, >= 1.
    min_delta : float, default 0
        Gains of no more than this do not count, >= 0.
    cooldown : int, default 0
        Epochs after a step that are not counted.
    final : float, default 0
        The product of all factors does not fall below this, >= 0.

    Examples
    --------
    >>> import deltaloop as dl
    >>> plateau = dl.schedules.reduce_on_plateau(factor=0.5, patience=2).plateau()
    >>> [plateau.after(loss) for loss in (3.0, 2.0, 2.0, 2.0, 2.0)]
    [1.0, 1.0, 1.0, 0.5, 0.5]
    """

    factor: float = 0.1
    patience: int = 10
    min_delta: float = 0.0
    cooldown: int = 0
    final: float = 0.0

    def __post_init__(self):
        _check(
            self,
            patience=whole_number,
            cooldown=lambda name, value: whole_number(name, value, low=0),
        )
        number("factor", self.factor, low=0.0, below=1.0)

    def factors(self, t, epochs, unit=1.0):
        """As `Schedule.factors`, where there is no plateau."""
        return np.ones(t.shape)

    def plateau(self) -> "Plateau":
        """What follows the values of one training."""
        return Plateau(self)


class Plateau:
    """Follows what is monitored, the lower the better, one value per epoch."""

    def __init__(self, schedule: reduce_on_plateau):
        self.schedule, self.factor, self.n_seen = schedule, 1.0, 0
        self._best, self._without, self._cooling = math.inf, 0, 0

    def after(self, value: float) -> float:
        """The factor for the epoch after one with this value."""
        schedule, self.n_seen = self.schedule, self.n_seen + 1
        if value < self._best - schedule.min_delta:
            self._best, self._without = value, 0
        else:
            self._without += 1
        if self._cooling:
            self._cooling, self._without = self._cooling - 1, 0
        if self._without >= schedule.patience:
            self.factor = max(self.factor * schedule.factor, min(schedule.final, 1.0))
            self._cooling, self._without = schedule.cooldown, 0
        return self.factor


@dataclass(frozen=True)
class per_step(Schedule):
    """A function of your own, called for every update.

    Parameters
    ----------
    function : callable
        f(k) -> factor >= 0, with k the number of updates that were made before, also in fits that
        this one resumes. It is called in Python, which takes longer than an update of a small
        network.

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.schedules.per_step(lambda k: min(1.0, (k + 1) / 4)).curve(1, 5).tolist()
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    function: Callable[[int], float]
    per = "step"

    def __post_init__(self):
        if not callable(self.function):
            raise InvalidTypeError(f"per_step takes a function, got {shown(self.function)}")

    def factors(self, t, epochs, unit=1.0):
        """As `Schedule.factors`."""
        return self.at_steps(round(t[0] / unit) if len(t) else 0, len(t))

    def at_steps(self, first: int, n: int) -> np.ndarray:
        """The factors of n updates, the first of them after `first` others."""
        return np.array([_asked(self.function, k) for k in range(first, first + n)], np.float64)


@dataclass(frozen=True)
class _PerEpoch(Schedule):
    """A function of the user, of the number of epochs that are finished."""

    function: Callable[[int], float]

    def factors(self, t, epochs, unit=1.0):
        """As `Schedule.factors`."""
        return np.array([_asked(self.function, int(k)) for k in t], np.float64)


def _asked(function, k):
    return number(f"schedule({k})", function(k), low=0.0)


SCHEDULES: dict[str, type[Schedule]] = {
    kind.__name__: kind
    for kind in (
        constant, step, exponential, cosine, one_cycle, inverse_scaling, reduce_on_plateau,
    )
}  # fmt: skip


def check_schedule(schedule) -> Schedule | None:
    """The argument `schedule` of `fit`: one of these, a name, a function, or None."""
    if schedule is None or isinstance(schedule, Schedule):
        return schedule
    if isinstance(schedule, str):
        if schedule not in SCHEDULES:
            raise unknown_name("schedule", schedule, SCHEDULES)
        return SCHEDULES[schedule]()
    if isinstance(schedule, type) and issubclass(schedule, Schedule):
        raise InvalidTypeError(
            f"schedule is the class {schedule.__name__}; write schedules.{schedule.__name__}(), "
            "with what it shall have"
        )
    if callable(schedule) and not isinstance(schedule, type):
        return _PerEpoch(schedule)
    raise InvalidTypeError(
        "schedule must be one of deltaloop.schedules, its name, or a function of the epoch, got "
        + shown(schedule)
        + _instead(schedule)
    )


def _instead(value):
    """What to write for a schedule of another library."""
    from ..synonyms import same_as

    near = same_as("schedule", getattr(value, "__name__", type(value).__name__), list(SCHEDULES))
    return "".join(f"; write schedules.{name}()" for name in near or [])
