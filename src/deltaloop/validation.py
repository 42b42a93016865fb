"""The door: the user's data is checked and brought into the form of the kernels, once."""

import numpy as np

from .activations import RANGE
from .errors import DeltaloopWarning, InvalidInputError, InvalidTypeError


def inputs(X, n_in: int, dtype, scaling=None) -> np.ndarray:
    """X as rows the kernels can read, shape (n_samples, n_in).

    Copies only where dtype or memory order demand it: rows need a unit stride, the distance
    between rows is free.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        No numbers, no samples, another number of values per sample, nan or infinity.
    """
    X = as_numbers("X", X)
    if X.ndim == 0:
        raise InvalidInputError(
            f"X must have shape (n_samples, ...), got the single number {X[()]!r}; "
            "for one sample of one value use [[x]]"
        )
    X = _one_row_per_sample(X)
    if X.shape[1] != n_in:
        hint = "; for one sample use X.reshape(1, -1)" if X.size == n_in else ""
        raise InvalidInputError(
            f"X must have {n_in} values per sample, got {X.shape[1]} "
            f"(as 2-d array: shape {X.shape}){hint}"
        )
    check_finite("X", X)
    if scaling is not None:
        X = scaling.inputs(X)
    return _rows("X", X, dtype)


def targets(Y, n_samples: int, net, dtype) -> np.ndarray:
    """Y as rows the kernels can read, shape (n_samples, n_out).

    Class numbers become one-hot rows where the loss is cross_entropy.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        No numbers, a shape that does not fit, nan or infinity, a label out of range, or
        values that the loss does not accept.
    """
    n_out = net.sizes[-1]
    Y = as_numbers("Y", Y)
    if Y.ndim == 0 or len(Y) != n_samples:
        raise InvalidInputError(
            f"Y must have one entry per sample: X has {n_samples} samples, Y has shape {Y.shape}"
        )
    check_finite("Y", Y.reshape(n_samples, -1))
    if net.loss_name == "cross_entropy" and Y.size == n_samples and n_out > 1:
        return one_hot(Y.reshape(n_samples), n_out, dtype)
    Y = _one_row_per_sample(Y)
    if Y.shape[1] != n_out:
        labels = Y.shape[1] == 1 and Y.dtype.kind in "iub"
        hint = f"; for class numbers use deltaloop.one_hot(Y, {n_out})" if labels else ""
        raise InvalidInputError(
            f"Y must have shape ({n_samples}, {n_out}), got shape {np.shape(Y)}{hint}"
        )
    _check_targets_of_loss(Y, net.loss_name)
    if net.scaling is not None:
        Y = net.scaling.targets(Y)
    return _rows("Y", Y, dtype)


def warn_if_unreachable(Y: np.ndarray, output: str) -> None:
    """Warn when targets of a squared error lie outside what the output can give."""
    low, high = RANGE.get(output, (-np.inf, np.inf))
    if Y.min() < low or Y.max() > high:
        import warnings

        warnings.warn(
            f"targets reach from {Y.min():g} to {Y.max():g}, but output={output!r} only gives "
            f"values between {low:g} and {high:g}; use output='identity' or rescale Y",
            DeltaloopWarning,
            stacklevel=4,
        )


def one_hot(labels, n_classes: int, dtype="float32") -> np.ndarray:
    """Class numbers as rows with a single 1.

    Parameters
    ----------
    labels : array_like of integers, shape (n_samples,)
        Each from 0 to n_classes - 1.
    n_classes : int
    dtype : dtype, default float32

    Returns
    -------
    ndarray, shape (n_samples, n_classes)

    Raises
    ------
    InvalidInputError, InvalidTypeError
        Labels that are no whole numbers, or out of range.

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.one_hot([0, 2], 3)
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    labels = as_numbers("class labels", labels)
    if labels.ndim != 1:
        raise InvalidInputError(
            f"class labels must have shape (n_samples,), got shape {labels.shape}"
        )
    wrong = np.flatnonzero((labels != np.floor(labels)) | (labels < 0) | (labels >= n_classes))
    if wrong.size:
        raise InvalidInputError(
            f"class labels must be whole numbers from 0 to {n_classes - 1}, "
            f"got {labels[wrong[0]].item()!r} at sample {wrong[0]}; "
            "number the classes with np.unique(labels, return_inverse=True)"
        )
    rows = np.zeros((len(labels), n_classes), dtype)
    rows[np.arange(len(labels)), labels.astype(np.intp)] = 1
    return rows


def as_numbers(name: str, values) -> np.ndarray:
    """`values` as a non-empty array of real numbers, without a copy where it is one."""
    if hasattr(values, "toarray") and hasattr(values, "nnz"):
        raise InvalidTypeError(
            f"{name} is a sparse {type(values).__name__}; use {name}.toarray() for a dense array"
        )
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise InvalidInputError(f"{name} has masked values; fill or remove them")
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise InvalidInputError(f"{name} cannot be read as an array of numbers: {error}") from None
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except (ValueError, TypeError):
            found = next((type(v).__name__ for v in array.flat if not _is_number(v)), "object")
            raise InvalidTypeError(
                f"{name} must contain numbers, found a value of type {found}"
            ) from None
    if array.dtype.kind not in "biuf":
        hint = (
            "; number the classes with np.unique(labels, return_inverse=True)"
            if array.dtype.kind in "US" and name != "X"
            else ""
        )
        raise InvalidTypeError(f"{name} must contain real numbers, got dtype {array.dtype}{hint}")
    if array.size == 0:
        raise InvalidInputError(f"{name} is empty, got shape {array.shape}; give at least 1 sample")
    return array


def check_finite(name: str, rows: np.ndarray) -> None:
    """Refuse nan and infinity; `rows` has shape (n_samples, n_values)."""
    if rows.dtype.kind != "f":
        return
    with np.errstate(all="ignore"):
        if np.isfinite(rows.sum()):  # one pass without a temporary; exact unless it overflows
            return
    finite = np.isfinite(rows)
    if finite.all():
        return
    sample, value = np.argwhere(~finite)[0]
    raise InvalidInputError(
        f"{name} must be finite, got {rows[sample, value]} at sample {sample}, value {value} "
        f"({np.count_nonzero(~finite)} of {rows.size} values); remove or fill these samples"
    )


def _check_targets_of_loss(Y, loss):
    if loss == "mse":
        return
    if Y.min() < 0 or Y.max() > 1:
        raise InvalidInputError(
            f"targets of {loss} must lie in [0, 1], got values from {Y.min():g} to {Y.max():g}"
        )
    if loss == "cross_entropy":
        sums = Y.sum(axis=1, dtype=np.float64)
        wrong = np.flatnonzero(np.abs(sums - 1) > 1e-3)
        if wrong.size:
            raise InvalidInputError(
                "targets of cross_entropy must be class numbers or rows that sum to 1, "
                f"got a sum of {sums[wrong[0]]:g} at sample {wrong[0]}"
            )


def _one_row_per_sample(array):
    return array if array.ndim == 2 else array.reshape(len(array), -1)


def _rows(name, array, dtype):
    """`array` in dtype with unit stride inside its rows and rows that follow each other."""
    with np.errstate(over="ignore"):
        converted = array.astype(dtype, copy=False)
    if array.dtype.kind == "f" and array.dtype.itemsize > converted.dtype.itemsize:
        try:
            check_finite(name, converted)
        except InvalidInputError:
            raise InvalidInputError(
                f"{name} has values beyond the range of {np.dtype(dtype)} "
                f"(largest magnitude {np.abs(array).max():g}); rescale them or use dtype='float64'"
            ) from None
    between_rows, inside = converted.strides
    size = converted.itemsize
    if (
        inside == size
        and between_rows % size == 0
        and between_rows >= size * converted.shape[1]
        and converted.flags.aligned
    ):
        return converted
    return np.require(converted, requirements=["C", "A"])


def _is_number(value):
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
