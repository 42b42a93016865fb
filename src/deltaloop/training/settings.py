"""The settings of `fit`, checked."""

from typing import Any

from ..errors import InvalidInputError
from ..inputs.checks import number, switch, whole_number
from ..inputs.paths import as_path
from ..inputs.threads import check_threads, most_threads
from ..kernels.interface import Rule
from ..parts.optimizers import check_optimizer
from ..parts.whole_batch import NO_RULE, WholeBatch
from .listing import check_mode
from .measuring import check_metrics, sign_of
from .whole_batch import check_whole_batch


class Settings:
    """What `fit` was asked for; see there. (A dataclass of so many fields takes 2 ms to make.)"""

    epochs: int
    batch_size: int
    optimizer: Any  # that is descended with
    rule: Rule  # of that optimiser
    given_optimizer: Any  # None where it is that of the network
    schedule: Any  # Schedule or None
    shuffle: bool | str
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

    def __init__(self, **asked):
        self.__dict__.update(asked)


def check_settings(
    n_samples, *, epochs, batch_size, optimizer, of_network, schedule, shuffle, tol, min_delta,
    patience, target_loss, metrics, monitor, target, restore_best, max_seconds, callbacks,
    checkpoint, checkpoint_every, resume, sparse, n_threads, backend,
) -> Settings:  # fmt: skip
    """The settings of `fit`, checked; batch_size None becomes min(10, n_samples).

    n_samples None: batches as they come, where batch_size None leaves them as they are.
    """
    epochs = whole_number("epochs", epochs)
    asked = check_threads(n_threads, backend)
    n_threads = most_threads(asked, backend)
    used = check_optimizer(of_network if optimizer is None else optimizer)
    if isinstance(used, WholeBatch):
        rule, whole = NO_RULE, True
        n_asked = 1 if asked == "auto" else n_threads
        batch_size = check_whole_batch(
            used, n_samples, batch_size, n_asked, schedule, resume, checkpoint
        )
    else:
        rule = used.rule()
        whole = rule.row.whole_batch
    batch_size = _batch_size(batch_size, n_samples, used, whole)
    if batch_size == 1 and asked == "auto":
        n_threads = 1
    elif n_threads > 1 and batch_size == 1:
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
    metrics = check_metrics(metrics)
    sign = 1.0 if monitor is None else sign_of(monitor, metrics)
    if max_seconds is not None:
        max_seconds = number("max_seconds", max_seconds, low=0.0)
    return Settings(
        epochs=epochs,
        batch_size=batch_size,
        optimizer=used,
        rule=rule,
        given_optimizer=optimizer,
        schedule=None if schedule is None else _schedule(schedule),
        shuffle=_shuffle(shuffle),
        tol=tol,
        patience=None if patience is None else whole_number("patience", patience),
        target_loss=None if target_loss is None else number("target_loss", target_loss),
        metrics=metrics,
        monitor=monitor or "loss",
        sign=sign,
        target=None if target is None else number("target", target),
        restore_best=restore_best is not False and switch("restore_best", restore_best),
        max_seconds=max_seconds,
        callbacks=_callbacks(callbacks),
        checkpoint=None if checkpoint is None else as_path(checkpoint),
        checkpoint_every=60.0
        if checkpoint_every is None
        else _seconds_between(checkpoint, checkpoint_every),
        resume=resume is not False and switch("resume", resume),
        sparse=check_mode(sparse),
        n_threads=n_threads,
    )


def _batch_size(batch_size, n_samples, optimizer, whole):
    """The argument; `whole`: the optimiser takes all samples at once."""
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
            f"{type(optimizer).__name__} needs all samples in one batch, got {got}"
            f"{'' if n_samples is None else f' of {n_samples}'}: it compares the signs of "
            "gradients, which change by chance between mini-batches; "
            + ("give X and Y" if n_samples is None else "leave batch_size out")
        )
    return batch_size


def _shuffle(shuffle):
    if not isinstance(shuffle, str):
        return switch("shuffle", shuffle)
    if shuffle != "blocks":
        raise InvalidInputError(f"shuffle must be True, False or 'blocks', got {shuffle!r}")
    return shuffle


# Modules that only some trainings need are imported by them.


def _schedule(schedule):
    from .schedules import check_schedule

    return check_schedule(schedule)


def _callbacks(callbacks):
    if isinstance(callbacks, tuple | list) and not callbacks:
        return []
    from .callbacks import check_callbacks

    return check_callbacks(callbacks)


def _seconds_between(checkpoint, every):
    """The argument `checkpoint_every`."""
    if checkpoint is None:
        raise InvalidInputError(
            "checkpoint_every says how often a checkpoint is written; give checkpoint='folder', too"
        )
    return number("checkpoint_every", every, low=0.0)
