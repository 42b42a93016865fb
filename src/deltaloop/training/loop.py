"""The loop over epochs: compiled slices, and between them progress, Ctrl-C and stopping."""

import math
from time import perf_counter

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError
from ..kernels.interface import RULES, Work, aligned_zeros
from ..parts.whole_batch import WholeBatch
from .epochs import Epochs
from .history import History
from .listing import arranged
from .slices import Slices
from .stopping import Stopping
from .whole_batch import descend


def train(
    net, X, Y, *, weights, epochs, batch_size, optimizer, shuffle, validation, tol, patience,
    target_loss, progress, sparse, n_threads,
) -> History:  # fmt: skip
    """Train `net` on checked rows X, Y; see `Network.fit` for the meaning of the arguments."""
    n_samples = len(X)
    theta = net._theta
    if not np.isfinite(theta).all():
        raise InvalidInputError(
            "the network has parameters that are nan or infinite, so it cannot be trained; "
            "assign finite W and b, or make a new network"
        )
    read = [X, Y, *(validation or ())]
    owners = [(array.base, array.base.nbytes) for array in read if _is_view(array)]
    stopping = Stopping(tol, patience, target_loss)
    book = Epochs(net, optimizer, epochs, stopping, validation, progress, owners)
    if isinstance(optimizer, WholeBatch):
        with book:
            descend(net, X, Y, weights, optimizer, sparse, book)
        return book.history
    sum_of_weights = n_samples if weights is None else float(weights.sum())
    rule = optimizer.rule()
    state = aligned_zeros((rule.n_slots, len(theta)), theta.dtype)
    X = arranged(X, sparse, net.backend, RULES[rule.code] != "sgd" or rule.is_flat, batch_size)
    work = Work.for_batches(net.plan, X, rule, batch_size, n_threads)
    slices = Slices(n_samples, batch_size, len(theta))
    with book:
        while book.go_on():
            order = _order(net.generator, n_samples) if shuffle else None
            start, total, seconds = 0, 0.0, 0.0
            first_step = (book.epoch - 1) * -(-n_samples // batch_size)
            while start < n_samples and math.isfinite(total):
                if progress is not None and start:
                    progress(book.epoch, start / n_samples, book.history)
                if progress is not None:
                    book.check_not_moved()
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
            book.ended(total / sum_of_weights, seconds)
    return book.history


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
