"""The settings of `fit`, checked."""

from dataclasses import dataclass
from typing import Any

from ..errors import InvalidInputError
from ..inputs.checks import number, switch, whole_number
from ..inputs.paths import as_path
from ..parts.optimizers import check_optimizer
from .callbacks import check_callbacks
from .listing import check_mode
from .measuring import check_metrics, sign_of
from .schedules import Schedule, check_schedule


@dataclass(slots=True)
class Settings:
    """What `fit` was asked for; see there."""

    epochs: int
    batch_size: int
    optimizer: Any  # that is descended with
    given_optimizer: Any  # None where it is that of the network
    schedule: Schedule | None
    shuffle: bool
    tol: float | None
    patience: int | None
    target_loss: float | None
    metrics: dict[str, Any]
    monitor: str
    sign: float  # 1 where a lower value of what is monitored is better, else -1
    target: float | None
    restore_best: bool
    max_seconds: float | None
    callbacks: list
    checkpoint: str | None
    checkpoint_every: float
    resume: bool
    sparse: bool | str
    n_threads: int


def check_settings(
    n_samples, *, epochs, batch_size, optimizer, of_network, schedule, shuffle, tol, min_delta,
    patience, target_loss, metrics, monitor, target, restore_best, max_seconds, callbacks,
    checkpoint, checkpoint_every, resume, sparse, n_threads,
) -> Settings:  # fmt: skip
    """The settings of `fit`, checked; batch_size None becomes min(10, n_samples).

    n_samples None: batches as they come, where batch_size None leaves them as they are.
    """
    epochs = whole_number("epochs", epochs)
    used = check_optimizer(of_network if optimizer is None else optimizer)
    whole = used.rule().row.whole_batch
    if batch_size is not None:
        batch_size = whole_number("batch_size", batch_size)
    elif n_samples is not None:
        batch_size = n_samples if whole else min(10, n_samples)
    if n_samples is not None and batch_size > n_samples:
        raise InvalidInputError(
            f"batch_size must be from 1 to n_samples = {n_samples}, got {batch_size}; "
            f"use batch_size={n_samples} for all samples at once"
        )
    if whole and (n_samples is None or batch_size < n_samples):
        got = "batches as they come" if n_samples is None else f"batch_size={batch_size}"
        raise InvalidInputError(
            f"{type(used).__name__} needs all samples in one batch, got {got}"
            f"{'' if n_samples is None else f' of {n_samples}'}: it compares the signs of "
            "gradients, which change by chance between mini-batches; "
            + ("give X and Y" if n_samples is None else "leave batch_size out")
        )
    n_threads = whole_number("n_threads", n_threads)
    if n_threads > 1 and batch_size == 1:
        raise InvalidInputError(
            f"n_threads={n_threads} cannot be used with batch_size=1: every sample needs the "
            "weights that the one before it has left; use n_threads=1 or a larger batch_size"
        )
    if min_delta is not None:
        if tol is not None:
            raise InvalidInputError("tol and min_delta are two names of one number; give one")
        tol = number("min_delta", min_delta, low=0.0)
    elif tol is not None:
        tol = number("tol", tol, low=0.0)
    metrics = check_metrics(metrics) if metrics != () else {}
    if monitor is None:
        monitor = "loss"
    sign = sign_of(monitor, metrics)
    if max_seconds is not None:
        max_seconds = number("max_seconds", max_seconds, low=0.0)
    return Settings(
        epochs,
        batch_size,
        used,
        optimizer,
        None if schedule is None else check_schedule(schedule),
        switch("shuffle", shuffle),
        tol,
        None if patience is None else whole_number("patience", patience),
        None if target_loss is None else number("target_loss", target_loss),
        metrics,
        monitor,
        sign,
        None if target is None else number("target", target),
        switch("restore_best", restore_best),
        max_seconds,
        [] if callbacks == () else check_callbacks(callbacks),
        None if checkpoint is None else as_path(checkpoint),
        number("checkpoint_every", checkpoint_every, low=0.0),
        switch("resume", resume),
        check_mode(sparse),
        n_threads,
    )
