"""Samples that are mostly zeros: SciPy's sparse matrices at the door."""

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError
from ..kernels.interface import SparseRows
from .checks import any_size, check_finite, converted


def is_sparse(X) -> bool:
    """Whether X is a matrix or array of scipy.sparse (which is not imported for the question)."""
    kind = type(X)  # which computes nothing when it is asked
    return hasattr(kind, "tocsr") and hasattr(kind, "nnz") and not isinstance(X, np.ndarray)


def sparse_inputs(X, net, name: str) -> SparseRows:
    """A scipy.sparse matrix or array, shape (n_samples, n_in), as the kernels read it.

    Columns of a row are put in order and values that share a place are summed, in a copy.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        Another shape, indices outside it, no real numbers, nan or infinity, or a scaling that
        would make every zero something else.
    """
    if len(X.shape) != 2 or X.shape[1] != net.sizes[0] or X.shape[0] == 0:
        raise InvalidInputError(
            f"sparse {name} must have shape (n_samples, {net.sizes[0]}), got {X.shape}"
        )
    if X.dtype.kind not in "biuf":
        raise InvalidTypeError(f"{name} must contain real numbers, got dtype {X.dtype}")
    n_samples, n_columns = X.shape
    if getattr(X, "format", None) == "csc":  # which SciPy would turn before anybody looked
        starts, rows, values = _lists(name, X, n_columns, n_samples)
        columns = np.repeat(np.arange(n_columns, dtype=np.int32), np.diff(starts))
        starts, columns, values = _from_entries(rows, columns, values, n_samples)
    else:
        X = X if getattr(X, "format", None) == "csr" else X.tocsr()
        starts, columns, values = _lists(name, X, n_samples, n_columns)
    check_finite(name, values.reshape(-1, 1))
    if net.scaling is not None:
        values = _scaled(name, columns, values, net.scaling)
    return SparseRows(
        starts,
        columns,
        np.ascontiguousarray(converted(name, values, net.dtype)),
        n_columns,
    )


def _lists(name, X, n_samples, n_columns):
    """starts, columns and values of a CSR matrix: columns ascend in a row, none comes twice.

    Or, with the words turned around, starts, rows and values of a CSC matrix. All are copies,
    checked after they were made: nobody else can change what leads the kernels through memory, and
    what the matrix claims of itself is of no account.
    """
    starts, columns = np.array(X.indptr, np.intp), np.array(X.indices)
    values = np.array(X.data)
    wrong = None
    if starts.shape != (n_samples + 1,) or starts[0] != 0 or (np.diff(starts) < 0).any():
        wrong = f"indptr must rise from 0, with {n_samples + 1} entries"
    elif columns.ndim != 1 or values.ndim != 1 or starts[-1] > min(len(columns), len(values)):
        wrong = f"indptr ends at {starts[-1]}, beyond indices or data"
    else:
        columns, values = columns[: starts[-1]], values[: starts[-1]]
        if columns.size and (columns.min() < 0 or columns.max() >= n_columns):
            wrong = f"indices must lie from 0 to {n_columns - 1}"
    if wrong:
        raise InvalidInputError(f"{name} is not a valid sparse matrix: {wrong}")
    columns = columns.astype(np.int32, copy=False)
    ascends = np.diff(columns) > 0
    borders = starts[1:-1] - 1  # from the last value of a row to the first of the next
    ascends[borders[(borders >= 0) & (borders < len(ascends))]] = True
    if ascends.all():
        return starts, columns, values
    rows = np.repeat(np.arange(n_samples, dtype=np.int32), np.diff(starts))
    return _from_entries(rows, columns, values, n_samples)


@any_size
def _from_entries(rows, columns, values, n_samples):
    """starts, columns and values from entries in any order; what shares a place is summed."""
    if not len(values):
        return np.zeros(n_samples + 1, np.intp), columns, values
    order = np.lexsort((columns, rows))
    rows, columns, values = rows[order], columns[order], values[order]
    first = np.flatnonzero(np.diff(rows, prepend=-1) | np.diff(columns, prepend=-1))
    counts = np.bincount(rows[first], minlength=n_samples)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.intp)
    return starts, columns[first], np.add.reduceat(values, first)


@any_size
def _scaled(name, columns, values, scaling):
    """The values in the units of the network, in float64 at least."""
    if scaling.x_mean.any():
        raise InvalidInputError(
            f"net.scaling shifts the inputs, which would turn the zeros of sparse {name} into "
            "other values; use a Scaling with x_mean = 0, or a dense array (.toarray())"
        )
    scaled = values / scaling.x_scale[columns]
    if not np.isfinite(scaled).all():
        raise InvalidInputError(
            f"{name} is no longer finite after scaling, its scale is too small for these values"
        )
    return scaled
