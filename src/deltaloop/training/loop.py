"""The loop over epochs: compiled slices, and between them progress, Ctrl-C and stopping."""

import math
from time import perf_counter

import numpy as np

from ..errors import DivergenceError, InvalidInputError, InvalidTypeError
from ..kernels.interface import RULES, Work, aligned_zeros
from .history import History
from .listing import arranged
from .slices import Slices
from .stopping import Stopping


def train(
    net, X, Y, *, weights, epochs, batch_size, optimizer, shuffle, validation, tol, patience,
    target_loss, progress, sparse, n_threads,
) -> History:  # fmt: skip
    """Train `net` on checked rows X, Y; see `Network.fit` for the meaning of the arguments."""
    n_samples = len(X)
    sum_of_weights = n_samples if weights is None else float(weights.sum())
    rule = optimizer.rule()
    theta = net._theta
    if not np.isfinite(theta).all():
        raise InvalidInputError(
            "the network has parameters that are nan or infinite, so it cannot be trained; "
            "assign finite W and b, or make a new network"
        )
    state = aligned_zeros((rule.n_slots, len(theta)), theta.dtype)
    X = arranged(X, sparse, net.backend, RULES[rule.code] != "sgd" or rule.is_flat, batch_size)
    work = Work.for_batches(net.plan, X, rule, batch_size, n_threads)
    read = [X, Y, *(validation or ())]
    owners = [(array.base, array.base.nbytes) for array in read if _is_view(array)]
    last_finite = theta.copy()
    slices = Slices(n_samples, batch_size, len(theta))
    stopping = Stopping(tol, patience, target_loss)
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
                    batch_size, work, total, first_step + start // batch_size, weights,
                )  # fmt: skip
                elapsed = perf_counter() - began
                slices.measured(elapsed)
                seconds += elapsed
                start = stop
            loss = total / sum_of_weights
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
