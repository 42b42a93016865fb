"""Batches as they come, from anything that Python can iterate over."""

from itertools import islice

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError, shown
from ..inputs import validation
from ..inputs.checks import parameter
from ..inputs.scipy_sparse import is_sparse
from ..kernels.memory import PIECE, Work
from ..kernels.sparse_rows import SparseRows
from .class_weight import classes_of
from .samples import Samples

_FORM = "give an iterable of pairs (X, Y), or of (X, Y, sample_weight)"
Y_MISSING = (
    "Y is missing; write net.fit(X, Y), and all else by keyword: epochs, batch_size, ...; or "
    "net.fit(batches) with an iterable of pairs (X, Y)"
)


def is_stream(X) -> bool:
    """Whether this, alone, can be the samples of a fit."""
    if isinstance(X, np.ndarray | str | bytes | dict) or is_sparse(X):
        return False
    return hasattr(X, "__iter__") or (callable(X) and not isinstance(X, type))


class Batches:
    """The batches of every epoch, each checked when it comes.

    Parameters
    ----------
    net : Network
    source : iterable of tuples, or callable
        What gives batches in every epoch anew; a callable is called for them.
    epochs : int
        How often it is read.
    class_weight : function, optional
        f(class numbers) -> weights of the samples.
    """

    X = None
    most = None
    n_samples = None

    def __init__(self, net, source, epochs: int, class_weight=None):
        self.net, self.source, self.class_weight = net, source, class_weight
        self._kept: tuple[Work, bool, int] | None = None
        self.n_items = len(source) if hasattr(source, "__len__") else None
        if self.n_items == 0:
            raise InvalidInputError("there are no batches to train on; " + _FORM)
        once = not callable(source) and iter(source) is source
        if once and epochs > 1:
            raise InvalidInputError(
                f"{shown(source)} can be read once, for one epoch, but epochs={epochs}; write "
                "epochs=1, or give a function that makes a new one: fit(lambda: batches())"
            )

    def n_updates(self, size):
        """Updates per epoch, where that is known."""
        return self.n_items if size is None else None

    def all_rows(self):
        """Refuse to hold what has gone by."""
        raise InvalidInputError("metrics of batches as they come need validation_data")

    def epoch(self, skipped: int):
        """The batches of an epoch without the first ones, as Samples."""
        source = self.source() if callable(self.source) else self.source
        for index, item in enumerate(islice(source, skipped, None), skipped):
            yield self._samples(item, index)

    def _samples(self, item, index):
        parts = item if isinstance(item, tuple | list) else ()
        if len(parts) not in (2, 3) or np.isscalar(parts[0]):
            raise InvalidTypeError(f"batch {index} is no pair (X, Y), got {shown(item)}; {_FORM}")
        X = validation.inputs(parts[0], self.net, f"batch {index}: X")
        Y = validation.targets(parts[1], len(X), self.net, f"batch {index}: Y")
        weights = parts[2] if len(parts) == 3 else None
        if weights is not None:
            weights = parameter(
                f"batch {index}: sample_weight", weights, (len(X),), np.dtype(np.float64)
            )
            if weights.min() < 0 or not weights.any():
                raise InvalidInputError(
                    f"batch {index}: sample_weight must be >= 0, and above 0 for one sample"
                )
        if self.class_weight is not None:
            factor = self.class_weight(classes_of(Y))
            weights = factor if weights is None else weights * factor
        return Samples(X, Y, weights)

    def fraction(self, index: int) -> float:
        """The share of an epoch that `index` batches are; 0 where nobody knows."""
        return min(1.0, index / self.n_items) if self.n_items else 0.0

    def ended(self, n_items: int) -> None:
        """An epoch had that many."""
        if not n_items:
            raise InvalidInputError("there are no batches to train on; " + _FORM)
        self.n_items = self.n_items or n_items

    def work(self, plan, X, rule, size: int, n_threads: int) -> Work:
        """Room for mini-batches of that size, the same as long as it is enough."""
        listed = isinstance(X, SparseRows)
        needed = size if listed else min(size, PIECE * n_threads)
        if self._kept is None or self._kept[1] != listed or self._kept[2] < needed:
            work = Work.for_batches(plan, X, rule, size, n_threads)
            if self._kept is not None and self._kept[0].n_threads == work.n_threads:
                work.helpers = self._kept[0].helpers
            self._kept = work, listed, size
        return self._kept[0]
