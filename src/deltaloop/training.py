"""The loop over epochs: compiled slices, and between them progress, Ctrl-C and stopping."""

import math
from time import perf_counter

import numpy as np

from .errors import DivergenceError, InvalidInputError, InvalidTypeError
from .history import History
from .inputs.checks import number, switch, whole_number
from .inputs.scipy_sparse import arranged, check_mode
from .kernels.interface import RULES, Work, aligned_zeros
from .parts.optimizers import check_optimizer

_SLICE_SECONDS = 0.05  # how long one compiled call may take before Python looks in


def train(
    net, X, Y, *, epochs, batch_size, optimizer, shuffle, validation, tol, patience, target_loss,
    progress, sparse, n_threads,
) -> History:  # fmt: skip
    """Train `net` on checked rows X, Y; see `Network.fit` for the meaning of the arguments."""
    n_samples = len(X)
    rule = optimizer.rule()
    theta = net._theta
    if not np.isfinite(theta).all():
        raise InvalidInputError(
            "the network has parameters that are nan or infinite, so it cannot be trained; "
            "assign finite W and b, or make a new network"
        )
    state = aligned_zeros((rule.n_slots, len(theta)), theta.dtype)
    X = arranged(X, sparse, net.backend, RULES[rule.code] != "sgd", batch_size)
    work = Work.for_batches(net.plan, X, rule, batch_size, n_threads)
    read = [X, Y, *(validation or ())]
    owners = [(array.base, array.base.nbytes) for array in read if _is_view(array)]
    last_finite = theta.copy()
    slices = _Slices(n_samples, batch_size, len(theta))
    stopping = _Stopping(tol, patience, target_loss)
    history = History()
    try:
        for epoch in range(1, epochs + 1):
            order = _order(net.generator, n_samples) if shuffle else None
            start, total, seconds = 0, 0.0, 0.0
            first_step = (epoch - 1) * -(-n_samples // batch_size)
            while start < n_samples and math.isfinite(total):
                if progress is not None and start:
                    progress(epoch, start / n_samples, history)
                if progress is not None:
                    _check_not_moved(owners)
                stop = slices.end(start)
                began = perf_counter()
                total = net._turns.write(
                    net.backend.train_epoch, net.plan, theta, state, rule, X, Y, order, start, stop,
                    batch_size, work, total, first_step + start // batch_size,
                )  # fmt: skip
                elapsed = perf_counter() - began
                slices.measured(elapsed)
                seconds += elapsed
                start = stop
            loss = total / n_samples
            if not (math.isfinite(loss) and np.isfinite(theta).all()):
                raise _diverged("loss", loss, epoch, optimizer, history)
            if validation is not None:
                _check_not_moved(owners)
                validation_loss = net._mean_loss(*validation)
                if not math.isfinite(validation_loss):
                    raise _diverged("validation loss", validation_loss, epoch, optimizer, history)
                history.validation_loss.append(validation_loss)
            last_finite[:] = theta
            history.loss.append(loss)
            history.seconds.append(seconds)
            if progress is not None:
                progress(epoch, 1.0, history)
            reason = stopping.reason(history)
            if reason:
                history.stop_reason = reason
                break
    except KeyboardInterrupt:
        history.stop_reason = "interrupted"
        # an interrupt between two of the appends leaves no half row
        for column in (history.loss, history.validation_loss):
            del column[len(history.seconds) :]
    except DivergenceError:
        theta[:] = last_finite
        raise
    finally:  # an interrupt, or an error of `progress`, in the middle of a diverging epoch
        if not np.isfinite(theta).all():
            theta[:] = last_finite
    return history


def _order(generator, n_samples):
    """A new order of the samples, which nobody else holds."""
    if type(generator) is np.random.Generator:
        return generator.permutation(n_samples)
    if not isinstance(generator, np.random.Generator):
        raise InvalidTypeError(f"net.generator must be a numpy Generator, got {generator!r}")
    order = np.array(generator.permutation(n_samples))
    whole = order.dtype.kind in "iu" and order.ndim == 1
    if not (whole and np.array_equal(np.sort(order), np.arange(n_samples))):
        raise InvalidInputError(
            f"net.generator.permutation({n_samples}) must give every number below {n_samples} "
            "once; use numpy.random.default_rng(seed)"
        )
    return order.astype(np.intp, copy=False)


def _is_view(array):
    return isinstance(getattr(array, "base", None), np.ndarray)


def _check_not_moved(owners):
    """Refuse memory that a callback has resized: what is trained on is gone."""
    if any(owner.nbytes != n_bytes for owner, n_bytes in owners):
        raise InvalidInputError(
            "X or Y was resized while the network was trained on it; the network has its "
            "parameters so far: resize a copy"
        )


class _Slices:
    """Cuts an epoch at borders of mini-batches into calls of about _SLICE_SECONDS."""

    def __init__(self, n_samples, batch_size, n_theta):
        self.n_samples, self.batch_size = n_samples, batch_size
        # first guess, about a millisecond of compiled work; then measured
        self.n_batches = max(1, 10**6 // (n_theta * batch_size))

    def end(self, start):
        """End of the slice that begins at sample `start`."""
        return min(self.n_samples, start + self.n_batches * self.batch_size)

    def measured(self, seconds):
        """Learn from the duration of a slice."""
        if seconds > 2 * _SLICE_SECONDS:
            self.n_batches = max(1, self.n_batches // 2)
        elif seconds < _SLICE_SECONDS / 2 and self.n_batches * self.batch_size < self.n_samples:
            self.n_batches *= 2


class _Stopping:
    """When the watched loss (validation, else training) has stopped falling."""

    def __init__(self, tol, patience, target_loss):
        # with both given, tol only says what falling is: patience ends training
        self.watching = "patience" if patience is not None else "tol" if tol is not None else None
        self.tol, self.patience, self.target_loss = tol or 0.0, patience or 1, target_loss
        self.best, self.epochs_without = np.inf, 0

    def reason(self, history):
        """'target_loss', 'patience', 'tol', or None to go on."""
        loss = (history.validation_loss or history.loss)[-1]
        if self.target_loss is not None and loss <= self.target_loss:
            return "target_loss"
        if loss < self.best - self.tol:
            self.best, self.epochs_without = loss, 0
            return None
        self.epochs_without += 1
        return self.watching if self.epochs_without >= self.patience else None


def _diverged(what, loss, epoch, optimizer, history):
    watched = history.validation_loss if what == "validation loss" else history.loss
    found = "parameters became infinite" if math.isfinite(loss) else f"{what} became {loss:g}"
    before = f"last finite value {watched[-1]:.6g}" if watched else "no epoch was finite"
    kept = f"after epoch {epoch - 1}" if epoch > 1 else "before training"
    return DivergenceError(
        f"{found} in epoch {epoch} ({before}, learning_rate={optimizer.learning_rate:g}); lower "
        f"learning_rate or scale X to unit variance; the network has its parameters {kept}",
        epoch,
        history.loss[-1] if history.loss else None,
        history,
    )


def check_settings(
    n_samples, epochs, batch_size, optimizer, shuffle, tol, patience, target_loss, sparse, n_threads
):
    """The settings of `fit`, checked; batch_size None becomes min(10, n_samples)."""
    epochs = whole_number("epochs", epochs)
    if batch_size is None:
        batch_size = min(10, n_samples)
    batch_size = whole_number("batch_size", batch_size)
    if batch_size > n_samples:
        raise InvalidInputError(
            f"batch_size must be from 1 to n_samples = {n_samples}, got {batch_size}; "
            f"use batch_size={n_samples} for all samples at once"
        )
    n_threads = whole_number("n_threads", n_threads)
    if n_threads > 1 and batch_size == 1:
        raise InvalidInputError(
            f"n_threads={n_threads} cannot be used with batch_size=1: every sample needs the "
            "weights that the one before it has left; use n_threads=1 or a larger batch_size"
        )
    check_optimizer(optimizer)
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "optimizer": optimizer,
        "shuffle": switch("shuffle", shuffle),
        "tol": None if tol is None else number("tol", tol, low=0.0),
        "patience": None if patience is None else whole_number("patience", patience),
        "target_loss": None if target_loss is None else number("target_loss", target_loss),
        "sparse": check_mode(sparse),
        "n_threads": n_threads,
    }
