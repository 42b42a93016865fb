"""Columns of inputs and targets: how far they are from mean 0 and deviation 1."""

from dataclasses import dataclass

import numpy as np

from ..inputs.checks import any_size
from ..kernels.sparse_rows import SparseRows

LARGE = 5.0  # root mean square of a column, from which it drowns others and saturates units
_BLOCK = 2**16  # values at a time: large data have no second copy
SMALL = 0.01  # largest magnitude of a column, below which it hardly counts


@dataclass(frozen=True)
class Columns:
    """Mean, deviation and largest magnitude of every column, as the network sees it.

    Attributes
    ----------
    mean, deviation, largest : ndarray of float64, shape (n_columns,)
    """

    mean: np.ndarray
    deviation: np.ndarray
    largest: np.ndarray

    @classmethod
    @any_size
    def of(cls, rows) -> "Columns":
        """Of an array or of SparseRows."""
        if isinstance(rows, SparseRows):
            n, k = len(rows), rows.n_columns
            values = rows.values.astype(np.float64)
            mean = np.bincount(rows.columns, values, k) / n
            square = np.bincount(rows.columns, values**2, k) / n
            largest = np.zeros(k)
            np.maximum.at(largest, rows.columns, np.abs(values))
            variance = square - mean**2
            variance[variance <= 1e-12 * square] = 0  # of rounding size
            return cls(mean, np.sqrt(variance), largest)
        n = len(rows)
        step = max(1, _BLOCK // rows.shape[1])
        blocks = [rows[start : start + step] for start in range(0, n, step)]
        mean = sum(block.sum(axis=0, dtype=np.float64) for block in blocks) / n
        variance = sum(np.square(block - mean).sum(axis=0) for block in blocks) / n
        low, high = (ends.astype(np.float64) for ends in (rows.min(axis=0), rows.max(axis=0)))
        variance[low == high] = 0  # not of rounding size
        return cls(mean, np.sqrt(variance), np.maximum(np.abs(low), np.abs(high)))

    @property
    def off(self) -> np.ndarray:
        """Numbers of the columns that are far too large or too small, or whose mean hides them."""
        size = np.sqrt(self.mean**2 + self.deviation**2)
        varies = self.deviation > 0
        hidden = (np.abs(self.mean) > 20 * self.deviation) & (size > 1)
        return np.flatnonzero((size > LARGE) | (varies & ((self.largest < SMALL) | hidden)))

    def worst(self) -> int:
        """The column of `off` that is farthest away."""
        size = np.abs(np.log(np.sqrt(self.mean**2 + self.deviation**2)[self.off]))
        return int(self.off[size.argmax()])
