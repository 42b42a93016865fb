"""Samples of which only the values that are not zero are kept."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False, repr=False)
class SparseRows:
    """Samples as lists of their non-zero values, as in a CSR matrix.

    Row t holds values[k] in columns[k] for k from starts[t] to starts[t + 1] - 1; the columns of
    a row ascend, without duplicates.

    Attributes
    ----------
    starts : ndarray of intp, shape (n_samples + 1,)
    columns : ndarray of int32, shape (n_values,)
    values : ndarray of Plan.dtype, shape (n_values,)
    n_columns : int
    """

    starts: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    n_columns: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    @classmethod
    def from_dense(cls, X: np.ndarray) -> "SparseRows":
        """List the non-zero values of the rows of X; nan counts as non-zero."""
        n_samples, n_columns = X.shape
        starts = np.zeros(n_samples + 1, np.intp)
        np.cumsum(np.count_nonzero(X, axis=1), out=starts[1:])
        columns = np.empty(starts[-1], np.int32)
        values = np.empty(starts[-1], X.dtype)
        for first in range(0, n_samples, 1024):  # so that the masks stay in cache
            block = X[first : first + 1024]
            part = slice(starts[first], starts[min(first + 1024, n_samples)])
            rows, columns[part] = np.nonzero(block)
            values[part] = block[rows, columns[part]]
        return cls(starts, columns, values, n_columns)

    def dense(self, rows=slice(None)) -> np.ndarray:
        """Chosen rows, shape (n_rows, n_columns), zeros included."""
        counts = np.diff(self.starts)[rows]
        first = self.starts[:-1][rows]
        out = np.zeros((len(counts), self.n_columns), self.values.dtype)
        # first[r], first[r] + 1, ... for every chosen row r, one row after the other
        ends = np.cumsum(counts)
        positions = np.arange(counts.sum()) + np.repeat(first - (ends - counts), counts)
        row_of = np.repeat(np.arange(len(counts)), counts)
        out[row_of, self.columns[positions]] = self.values[positions]
        return out
