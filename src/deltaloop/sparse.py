"""Samples that are mostly zeros: SciPy's sparse matrices at the door, and when lists pay."""

import numpy as np

from .checks import any_size, check_finite, converted
from .errors import InvalidInputError, InvalidTypeError
from .kernels.interface import SparseRows

# Up to these shares of non-zero values, lists beat dense rows (784 inputs, 30 to 512 units):
# without mini-batches, and in mini-batches, where tiles make dense rows cheaper.
_WORTH_A_LIST = {"samples": 0.45, "batches": 0.3}
_LOOKED_AT = 256  # rows that show how dense an array is


def is_sparse(X) -> bool:
    """Whether X is a matrix or array of scipy.sparse (which is not imported for the question)."""
    return hasattr(X, "tocsr") and hasattr(X, "nnz")


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
    X = _canonical(name, X.tocsr())
    check_finite(name, X.data.reshape(-1, 1))
    values = X.data if net.scaling is None else _scaled(name, X, net.scaling)
    return SparseRows(
        X.indptr.astype(np.intp, copy=False),
        X.indices.astype(np.int32, copy=False),
        np.ascontiguousarray(converted(name, values, net.dtype)),
        X.shape[1],
    )


def _canonical(name, X):
    """CSR whose columns ascend in every row, none of them twice; X itself stays as it is."""
    try:
        # a new matrix of the same arrays: the check cuts what is over-allocated, and one that was
        # changed by hand may still claim to be canonical
        X = type(X)((X.data, X.indices, X.indptr), shape=X.shape)
        X.check_format(full_check=True)
    except ValueError as error:
        raise InvalidInputError(f"{name} is not a valid sparse matrix: {error}") from None
    ascends = np.diff(X.indices) > 0
    borders = X.indptr[1:-1] - 1  # from the last value of a row to the first of the next
    ascends[borders[(borders >= 0) & (borders < len(ascends))]] = True
    if not ascends.all():
        X = X.copy()
        X.sum_duplicates()
    return X


@any_size
def _scaled(name, X, scaling):
    """The values of X in the units of the network, in float64 at least."""
    if scaling.x_mean.any():
        raise InvalidInputError(
            f"net.scaling shifts the inputs, which would turn the zeros of sparse {name} into "
            "other values; use a Scaling with x_mean = 0, or a dense array (.toarray())"
        )
    scaled = X.data / scaling.x_scale[X.indices]
    if not np.isfinite(scaled).all():
        raise InvalidInputError(
            f"{name} is no longer finite after scaling, its scale is too small for these values"
        )
    return scaled


def check_mode(sparse) -> bool | str:
    """The argument `sparse` of `fit`."""
    if isinstance(sparse, bool | np.bool_):
        return bool(sparse)
    if not (isinstance(sparse, str) and sparse == "auto"):
        raise InvalidInputError(f"sparse must be 'auto', True or False, got {sparse!r}")
    return "auto"


def arranged(X, mode: bool | str, backend, moves_every_weight: bool, batch_size: int):
    """Checked X as lists or as a dense array: as asked for, or as it is faster."""
    if mode is False:
        return X.dense() if isinstance(X, SparseRows) else X
    if isinstance(X, SparseRows):
        return X
    if mode is True or (not moves_every_weight and _pays(X, batch_size)):
        return backend.sparse_rows(X)
    return X


def _pays(X, batch_size):
    # too short to matter: a row of the weights costs as much as the entry of a list
    if X.shape[1] < 16:
        return False
    seen = X[:: max(1, len(X) // _LOOKED_AT)]
    share = _WORTH_A_LIST["samples" if batch_size == 1 else "batches"]
    return np.count_nonzero(seen) <= share * seen.size
