"""Samples that are mostly zeros: SciPy's sparse matrices at the door."""

import numpy as np

from ..errors import DeltaloopError, InvalidInputError, InvalidTypeError
from ..kernels.sparse_rows import SparseRows
from .checks import any_size, check_finite, converted

_MOST_COLUMNS = 2**31 - 1
# what NumPy and SciPy raise for arrays that do not fit each other
_OF_BROKEN_ONES = (ValueError, TypeError, IndexError, AttributeError, OverflowError)


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
    read = {"csr": _rows_of, "csc": _columns_of}.get(getattr(X, "format", ""), _entries_of)
    try:
        starts, columns, values = read(name, X, *X.shape)
    except DeltaloopError:
        raise
    except _OF_BROKEN_ONES as error:
        raise InvalidInputError(f"{name} is not a valid sparse matrix: {error}") from None
    check_finite(name, values.reshape(-1, 1))
    if net.scaling is not None:
        values = _scaled(name, columns, values, net.scaling)
    return SparseRows(
        starts,
        columns,
        np.ascontiguousarray(converted(name, values, net.dtype)),
        net.sizes[0],
    )


# What leads the kernels, and SciPy, through memory are copies, checked after they were made: nobody
# else can change them, and what the matrix claims of itself is of no account.


def _rows_of(name, X, n_samples, n_columns):
    """starts, columns and values of a CSR matrix: columns ascend in a row, none comes twice."""
    starts, columns, values = _compressed(name, X, n_samples, n_columns)
    ascends = np.diff(columns) > 0
    borders = starts[1:-1] - 1  # from the last value of a row to the first of the next
    ascends[borders[(borders >= 0) & (borders < len(ascends))]] = True
    if ascends.all():
        return starts, columns, values
    from scipy.sparse import csr_array

    return _in_order(csr_array((values, columns, starts), (n_samples, n_columns)))


def _columns_of(name, X, n_samples, n_columns):
    """The same of a CSC matrix."""
    from scipy.sparse import csc_array

    starts, rows, values = _compressed(name, X, n_columns, n_samples)
    return _in_order(csc_array((values, rows, starts), (n_samples, n_columns)).tocsr())


def _entries_of(name, X, n_samples, n_columns):
    """The same of a matrix of any other form."""
    from scipy.sparse import coo_array

    X = X.tocoo()
    values = _numbers(name, X.data)
    places = _whole("row", X.row, n_samples), _whole("col", X.col, n_columns)
    return _in_order(coo_array((values, places), (n_samples, n_columns)).tocsr())


def _compressed(name, X, n, n_inside):
    """starts, indices below n_inside and values of n rows, or columns."""
    values = _numbers(name, X.data)
    starts = _whole("indptr", X.indptr, np.iinfo(np.intp).max).astype(np.intp)
    if starts.shape != (n + 1,) or starts[0] != 0 or (np.diff(starts) < 0).any():
        raise ValueError(f"indptr must rise from 0, with {n + 1} entries")
    indices = np.array(X.indices)
    if starts[-1] > min(indices.size, values.size):
        raise ValueError(f"indptr ends at {starts[-1]}, beyond indices or data")
    return starts, _whole("indices", indices[: starts[-1]], n_inside), values[: starts[-1]]


def _whole(what, indices, n):
    """A copy of indices from 0 to n - 1."""
    indices = np.array(indices)
    if indices.ndim != 1 or indices.dtype.kind not in "iu":
        raise ValueError(f"{what} must be a vector of whole numbers, got dtype {indices.dtype}")
    if indices.size and (indices.min() < 0 or indices.max() >= n):
        raise ValueError(f"{what} must lie from 0 to {n - 1}")
    return indices.astype(np.int32) if n <= _MOST_COLUMNS else indices


def _numbers(name, data):
    """A copy of the values."""
    values = np.array(data)
    if values.dtype.kind not in "biuf":
        raise InvalidTypeError(f"{name} must contain real numbers, got dtype {values.dtype}")
    if values.ndim != 1:
        raise ValueError(f"data must be a vector, got shape {values.shape}")
    return values


@any_size
def _in_order(X):
    """starts, columns and values of a CSR matrix of ours; values that share a place are summed."""
    X.sum_duplicates()
    return X.indptr.astype(np.intp), X.indices.astype(np.int32), X.data


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
