"""The book of a training: what is recorded after every epoch, who is told, and when it ends."""

import math

import numpy as np

from ..errors import DivergenceError, InvalidInputError
from .history import History
from .stopping import Stopping


class Epochs:
    """Keeps the record of one training, whatever makes the steps.

        with epochs:
            while epochs.go_on():
                ...  # one epoch
                epochs.ended(loss, seconds)

    At the end of the `with` the parameters are finite. Ctrl-C ends the `with` like everything else
    that ends training.
    """

    def __init__(self, net, optimizer, last, stopping: Stopping, validation, progress, owners):
        self.net, self.optimizer, self.last = net, optimizer, last
        self.stopping, self.validation, self.progress = stopping, validation, progress
        self.owners, self.history = owners, History()
        self.reason: str | None = None
        self.last_finite = net._theta.copy()

    @property
    def looks(self) -> bool:
        """Whether somebody looks in between two calls of the kernels."""
        return self.progress is not None

    @property
    def epoch(self) -> int:
        """Number of the epoch under way, counted from 1."""
        return len(self.history) + 1

    @property
    def n_blind(self) -> int:
        """How many epochs may be recorded at once, since nobody has to see each of them."""
        watched = self.looks or self.validation is not None or self.stopping.watching
        return 1 if watched else self.last - len(self.history)

    def go_on(self) -> bool:
        """Whether there is another epoch."""
        return self.reason is None and len(self.history) < self.last

    def check_not_moved(self) -> None:
        """Refuse memory that a callback has resized: what is trained on is gone."""
        if any(owner.nbytes != n_bytes for owner, n_bytes in self.owners):
            raise InvalidInputError(
                "X or Y was resized while the network was trained on it; the network has its "
                "parameters so far: resize a copy"
            )

    def ended(self, loss: float, seconds: float) -> None:
        """Record an epoch.

        Raises
        ------
        DivergenceError
            The loss or the parameters are not finite.
        """
        net, history = self.net, self.history
        if not (math.isfinite(loss) and np.isfinite(net._theta).all()):
            raise self.diverged("loss", loss)
        if self.validation is not None:
            self.check_not_moved()
            validation_loss = net._mean_loss(*self.validation)
            if not math.isfinite(validation_loss):
                raise self.diverged("validation loss", validation_loss)
            history.validation_loss.append(validation_loss)
        self.last_finite[:] = net._theta
        history.loss.append(loss)
        history.seconds.append(seconds)
        if self.progress is not None:
            self.progress(len(history), 1.0, history)
        reason = self.stopping.reason(history)
        if reason:
            self.stop(reason)

    def ended_blindly(self, losses: list[float], seconds: float) -> None:
        """Record up to `n_blind` epochs, each finite; the last loss alone may be low enough."""
        self.history.loss += losses
        self.history.seconds += [seconds / len(losses)] * len(losses)
        reason = self.stopping.reason(self.history)
        if reason:
            self.stop(reason)

    def stop(self, reason: str) -> None:
        """End training."""
        self.reason = self.history.stop_reason = reason

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        history, theta = self.history, self.net._theta
        interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
        if interrupted:
            history.stop_reason = "interrupted"
            # an interrupt between two of the appends leaves no half row
            for column in (history.loss, history.validation_loss):
                del column[len(history.seconds) :]
        diverged = kind is not None and issubclass(kind, DivergenceError)
        # an interrupt, or an error of `progress`, may come in the middle of a diverging epoch
        if diverged or not np.isfinite(theta).all():
            theta[:] = self.last_finite
        return interrupted

    def diverged(self, what: str, loss: float) -> DivergenceError:
        """The error for a loss or parameters that are not finite."""
        history, epoch = self.history, self.epoch
        watched = history.validation_loss if what == "validation loss" else history.loss
        found = "parameters became infinite" if math.isfinite(loss) else f"{what} became {loss:g}"
        before = f"last finite value {watched[-1]:.6g}" if watched else "no epoch was finite"
        rate = getattr(self.optimizer, "learning_rate", None)
        advice = "" if rate is None else "lower learning_rate or "
        kept = f"after epoch {epoch - 1}" if epoch > 1 else "before training"
        return DivergenceError(
            f"{found} in epoch {epoch} ({before}"
            + (f", learning_rate={rate:g}" if rate is not None else "")
            + f"); {advice}scale X to unit variance; the network has its parameters {kept}",
            epoch,
            history.loss[-1] if history.loss else None,
            history,
        )
