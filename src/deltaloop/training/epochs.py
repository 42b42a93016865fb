"""The book of a training: what is recorded after every epoch, who is told, and when it ends."""

import math
from time import perf_counter
from typing import Any

import numpy as np

from ..errors import DivergenceError, InvalidInputError
from ..inputs.checks import all_finite
from ..parts.whole_batch import WholeBatch
from .stopping import Stopping


class Epochs:
    """Keeps the record of one training, whatever makes the steps.

        with epochs:
            while epochs.go_on():
                ...  # one epoch, with between() from time to time
                epochs.ended(loss, seconds, learning_rate)

    At the end of the `with` the parameters are finite, and with restore_best those of the best
    epoch. Ctrl-C ends the `with` like everything else that ends training.

    Parameters
    ----------
    net : Network
    run : Run
        Its history is written.
    settings : Settings
    last : int
        The number of the last epoch, counted from 1.
    validation : pair of rows, optional
        Checked X and Y, watched after every epoch.
    metrics : Metrics, optional
    progress : callable, optional
        f(epoch, fraction, history).
    callbacks : Callbacks, optional
    checkpoint : Checkpoint, optional
    owners : list of (array, int)
        Arrays whose memory is read, and how many bytes they must keep.
    """

    ranks: Any = None  # Ranks of a training on several

    def __init__(
        self, net, run, settings, last, *, validation=None, metrics=None, progress=None,
        callbacks=None, checkpoint=None, owners=(),
    ):  # fmt: skip
        self.net, self.run, self.history, self.last = net, run, run.history, last
        self.optimizer = settings.optimizer
        self.validation, self.metrics, self.progress = validation, metrics, progress
        self.callbacks, self.checkpoint, self.owners = callbacks, checkpoint, owners
        self.restores, self.max_seconds = settings.restore_best, settings.max_seconds
        self.began = perf_counter() if self.max_seconds is not None else 0.0
        # whether somebody looks in between two calls of the kernels
        self.looks = bool(
            progress is not None or callbacks or checkpoint or self.max_seconds is not None
        )
        self.stopping = Stopping(
            settings.tol, settings.patience, settings.target_loss,
            settings.monitor, settings.sign, settings.target,
        )  # fmt: skip
        if len(self.history):
            self.stopping.replay(self.history)
            if self.restores and run.best is None:  # nobody kept the parameters of that epoch
                self.stopping.lowest = math.inf
        self.may_stop = self.stopping.may_stop()
        self.counts_steps = callbacks is not None and callbacks.counts_steps
        self.reason: str | None = self.history.stop_reason if run.finished else None
        # nothing is left to go on with but the parameters, where all samples make a step
        self.is_kept = not isinstance(settings.optimizer, WholeBatch)
        self.last_finite = net._theta.copy()

    @property
    def epoch(self) -> int:
        """Number of the epoch under way, counted from 1."""
        return len(self.history) + 1

    def monitored(self) -> list[float]:
        """What is monitored of every epoch so far, the lower the better."""
        return self.stopping.monitored(self.history)

    def go_on(self) -> bool:
        """Whether there is another epoch."""
        return self.reason is None and len(self.history.seconds) < self.last

    @property
    def n_blind(self) -> int:
        """How many epochs may be recorded at once, since nobody has to see each of them."""
        stopping = self.stopping
        watched = self.looks or self.restores or self.validation is not None
        watched = watched or self.metrics is not None or stopping.watching is not None
        watched = watched or stopping.target is not None
        return 1 if watched else self.last - len(self.history)

    def check_not_moved(self) -> None:
        """Refuse memory that a callback has resized: what is trained on is gone."""
        if any(owner.nbytes != n_bytes for owner, n_bytes in self.owners):
            raise InvalidInputError(
                "X or Y was resized while the network was trained on it; the network has its "
                "parameters so far: resize a copy"
            )

    def between(self, fraction: float, position) -> bool:
        """Look in when that fraction of the epoch is done; whether training ends there."""
        if self.progress is not None:
            self.progress(self.epoch, fraction, self.history)
        if self.reason is None and self._is_late():
            self.reason = "max_seconds"
        if self.checkpoint is not None and (self.reason or self.checkpoint.is_due()):
            self.run.position = position
            self.checkpoint.write(self.net, self.run)
            self.run.position = None
        if self.reason is not None:
            self.history.stop_reason, self.run.position = self.reason, position
        return self.reason is not None

    def stepped(self, loss: float, learning_rate: float) -> None:
        """Tell those who count updates; `loss` is the mean over the epoch so far."""
        asked = self.callbacks.after_steps(self.epoch, self.run.step, loss, learning_rate)
        self.reason = self.reason or asked

    def stop(self, reason: str) -> None:
        """End training."""
        self.reason = self.history.stop_reason = reason

    def ended_blindly(self, losses: list[float], seconds: float) -> None:
        """Record up to `n_blind` epochs, each with a finite loss below the one before."""
        history = self.history
        history.loss += losses
        history.seconds += [seconds / len(losses)] * len(losses)
        if self.stopping.is_best(history):
            history.best_epoch = self.stopping.best_epoch
        reason = self.stopping.reason(history)
        if reason:
            self.stop(reason)

    def ended(self, loss: float, seconds: float, learning_rate: float | None = None) -> None:
        """Record an epoch; an optimiser without a learning rate gives none.

        Raises
        ------
        DivergenceError
            The loss or the parameters are not finite.
        """
        history, theta = self.history, self.net._theta
        if not (math.isfinite(loss) and all_finite(theta)):
            raise self.diverged("loss", loss)
        if self.validation is not None:
            self.check_not_moved()
            validation_loss = self._validation_loss()
            if not math.isfinite(validation_loss):
                raise self.diverged("validation loss", validation_loss)
            history.validation_loss.append(validation_loss)
        if self.metrics is not None:
            self.check_not_moved()
            self.metrics.measure(history.metrics)
        self.last_finite[:] = theta
        history.loss.append(loss)
        if learning_rate is not None:
            history.learning_rate.append(learning_rate)
        history.seconds.append(seconds)
        if self.stopping.is_best(history):
            if self.restores:
                self.run.best = theta.copy()
            history.best_epoch = self.stopping.best_epoch
        reason = self.stopping.reason(history) if self.may_stop else None
        if self.looks:
            reason = self._look(reason)
        if reason is not None or self.reason is not None:
            self.reason = history.stop_reason = reason or self.reason

    def _validation_loss(self):
        return self.net._mean_loss(*self.validation)

    def _look(self, reason):
        """Tell everybody of an epoch; what ends training, if anything does."""
        if self.is_kept:
            self.net._run = self.run  # for whoever saves the network now
        try:
            return self._told(reason)
        finally:
            self.net._run = None

    def _told(self, reason):
        history = self.history
        if self.progress is not None:
            self.progress(len(history), 1.0, history)
        if self.callbacks:
            asked = self.callbacks.after_epoch(self.run.step, history)
            reason = reason or asked
        if reason is None and self._is_late():
            reason = "max_seconds"
        # the last one is written when training has ended: it tells why
        if self.checkpoint is not None and reason is None and self.checkpoint.is_due():
            self.checkpoint.write(self.net, self.run)
        return reason

    def _is_late(self):
        limit = self.max_seconds
        return limit is not None and perf_counter() - self.began >= limit

    def __enter__(self):
        self.net._run = None  # in the middle of an epoch there is none to go on with
        return self

    def __exit__(self, kind, error, traceback):
        history, theta = self.history, self.net._theta
        interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
        if interrupted:
            history.stop_reason = "interrupted"
        if kind is not None:
            self.run.position = None
            # an interrupt between two of the appends leaves no half row
            columns = (history.loss, history.validation_loss, history.learning_rate)
            for column in (*columns, *history.metrics.values()):
                del column[len(history.seconds) :]
        diverged = kind is not None and issubclass(kind, DivergenceError)
        # an interrupt, or an error of a callback, may come in the middle of a diverging epoch
        if diverged or not all_finite(theta):
            theta[:] = self.last_finite
            self.run.position = None
            diverged = True
        self.net._run = self.run if self.is_kept and not diverged else None
        if kind is None or interrupted:
            if self.checkpoint is not None and not interrupted and self.run.position is None:
                self.run.finished = self.reason not in (None, "max_seconds")
                self.checkpoint.write(self.net, self.run)
            if self.restores and self.run.best is not None:
                self.net._turns.write(np.copyto, theta, self.run.best)
        return interrupted

    def diverged(self, what: str, loss: float) -> DivergenceError:
        """The error for a loss that is not finite, or parameters that are not."""
        history, epoch = self.history, self.epoch
        watched = history.validation_loss if what == "validation loss" else history.loss
        found = "parameters became infinite" if math.isfinite(loss) else f"{what} became {loss:g}"
        before = f"last finite value {watched[-1]:.6g}" if watched else "no epoch was finite"
        kept = f"after epoch {epoch - 1}" if epoch > 1 else "before training"
        rate = getattr(self.optimizer, "learning_rate", None)  # those of all samples have none
        tried, advice = ("", "") if rate is None else (
            f", learning_rate={rate:g}", "lower learning_rate or "
        )  # fmt: skip
        return DivergenceError(
            f"{found} in epoch {epoch} ({before}{tried}); {advice}scale X to unit variance; "
            f"the network has its parameters {kept}",
            epoch,
            history.loss[-1] if history.loss else None,
            history,
        )
