"""The door: the user's data is checked and brought into the form of the kernels, once."""

from typing import Any

import numpy as np

from ..errors import DeltaloopWarning, InvalidInputError, InvalidTypeError, shown
from ..kernels.functions import LOSSES
from ..kernels.sparse_rows import SparseRows
from .checks import (
    NUMBER_THE_CLASSES,
    any_size,
    as_numbers,
    check_finite,
    check_memory,
    converted,
    dtype_or_none,
    one_per_sample,
    parameter,
    whole_number,
)
from .scipy_sparse import is_sparse, sparse_inputs

_BLOCK = 2**15  # values that are looked at, scaled and converted at a time: they stay in cache


class Prepared:
    """Rows that have passed the door of a network: it, and copies of it, take them as they are."""

    def __init__(self, rows):
        self.rows = rows

    def __getitem__(self, part: slice) -> "Prepared":
        return Prepared(self.rows[part])


def prepared(X, Y, net) -> tuple[Prepared, Prepared]:
    """X and Y for several calls of `fit`, `loss` and `predict`, checked and converted once."""
    X = inputs(X, net)
    return Prepared(X), Prepared(targets(Y, len(X), net))


def inputs(X, net, name: str = "X", looks: bool = True) -> np.ndarray | SparseRows:
    """X as rows the kernels can read, shape (n_samples, n_in); of scipy.sparse as SparseRows.

    Copies only where dtype or memory order demand it: rows need a unit stride, the distance
    between rows is free. Without `looks` nan and infinity in what is neither
    converted nor scaled are for the caller to find.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        No numbers, no samples, another number of values per sample, nan or infinity.
    """
    if isinstance(X, Prepared):
        return X.rows
    if is_sparse(X):
        return sparse_inputs(X, net, name)
    X, n_in = as_numbers(name, X), net.sizes[0]
    if X.ndim == 0:
        raise InvalidInputError(
            f"{name} must have shape (n_samples, ...), got the single number {X.item()!r}; "
            "for one sample of one value use [[x]]"
        )
    shape = X.shape
    X = _one_row_per_sample(X)
    if X.shape[1] != n_in:
        hint = "; for one sample use X.reshape(1, -1)" if X.size == n_in else ""
        raise InvalidInputError(
            f"{name} must have {n_in} values per sample, got {X.shape[1]} (shape {shape}){hint}"
        )
    scaled = None if net.scaling is None else net.scaling.inputs
    looks = looks or scaled is not None or X.dtype != net.dtype
    return _rows_of_network(name, X, net.dtype, scaled, looks)


@any_size
def targets(Y, n_samples: int, net, name: str = "Y") -> np.ndarray:
    """Y as rows the kernels can read, shape (n_samples, n_out).

    Class numbers become one-hot rows where the loss is cross_entropy.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        No numbers, a shape that does not fit, nan or infinity, a label out of range, or
        values that the loss does not accept.
    """
    if isinstance(Y, Prepared):
        return Y.rows
    heads = net.layers[-1].heads
    if heads is not None:
        return _targets_of_heads(Y, n_samples, heads, net, name)
    n_out = net.sizes[-1]
    Y = one_per_sample(name, Y, n_samples)
    check_finite(name, Y.reshape(n_samples, -1))
    row = LOSSES.get(net.loss_name)
    if row is not None and row.targets_sum_to_1 and Y.size == n_samples and n_out > 1:
        return _one_hot(f"class labels in {name}", Y.reshape(n_samples), n_out, net.dtype)
    shape = Y.shape
    Y = _one_row_per_sample(Y)
    if Y.shape[1] != n_out:
        labels = Y.shape[1] == 1 and (np.floor(Y) == Y).all()
        hint = f"; for class numbers use deltaloop.one_hot(Y, {n_out})" if labels else ""
        raise InvalidInputError(
            f"{name} must have shape ({n_samples}, {n_out}), got shape {shape}{hint}"
        )
    if row is not None:
        _check_targets_of_loss(name, Y, row)
    scaled = None if net.scaling is None or net.scaling.y_mean is None else net.scaling.targets
    return _rows_of_network(name, Y, net.dtype, scaled, looks=False)


def _targets_of_heads(Y, n_samples, heads, net, name):
    """The targets of all heads side by side."""
    if not isinstance(Y, dict):
        Y = as_numbers(name, Y)
        n = sum(head.n_out for _, head in heads)
        if Y.ndim == 1 and n == 1:
            Y = Y.reshape(-1, 1)
        if Y.ndim != 2 or Y.shape[1] != n:
            names = ", ".join(f"{key!r}: ..." for key, _ in heads)
            raise InvalidInputError(
                f"{name} must be a dict {{{names}}} with the targets of every head, or have "
                f"shape ({n_samples}, {n}) with all of them, got shape {Y.shape}"
            )
        ends = np.cumsum([head.n_out for _, head in heads])[:-1]
        parts = np.split(Y, ends, axis=1)
        Y = {key: part for (key, _), part in zip(heads, parts, strict=True)}
    names = [key for key, _ in heads]
    if sorted(Y, key=str) != sorted(names):
        raise InvalidInputError(
            f"{name} must have the keys {names}, the names of the heads, got {list(Y)}"
        )
    return np.hstack(
        [
            targets(Y[key], n_samples, head.as_network(net.dtype), f"{name}[{key!r}]")
            for key, head in heads
        ]
    )


@any_size
def slopes(dC_da, n_samples: int, net, name: str = "dC_da") -> np.ndarray:
    """dC/da of what `predict` returns as dC/da of the outputs of the network, (n_samples, n_out).

    Raises
    ------
    InvalidTypeError, InvalidInputError
        No numbers, a shape that does not fit, nan or infinity.
    """
    n_out = net.sizes[-1]
    found = as_numbers(name, dC_da)
    if found.shape != (n_samples, n_out) and not (n_out == 1 and found.shape == (n_samples,)):
        raise InvalidInputError(
            f"{name} must have shape ({n_samples}, {n_out}), as predict(X) has, got shape "
            f"{found.shape}"
        )
    found = found.reshape(n_samples, n_out)
    check_finite(name, found)
    if net.scaling is not None:
        found = net.scaling.slopes_by_outputs(found)
        if not np.isfinite(found).all():
            raise InvalidInputError(
                f"{name} times scaling.y_scale is no longer finite; give smaller slopes"
            )
    return _rows_of_network(name, found, net.dtype, None, looks=False)


@any_size
def weights(values, n_samples: int, name: str = "sample_weight") -> np.ndarray | None:
    """Weights of samples as the kernels read them, shape (n_samples,) float64; None stays None.

    Means do not change where all weights are halved: the largest one becomes 1/2 to 1, so that no
    sum of them overflows. Those below 1e-300 of it are 0.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        No numbers, another number of them, nan, infinity, below 0, or all of them 0.
    """
    if values is None:
        return None
    found = parameter(name, values, (n_samples,), np.dtype(np.float64))
    if found.min() < 0:
        raise InvalidInputError(
            f"{name} must be >= 0, got {found.min():g} at sample {found.argmin()}"
        )
    if not found.any():
        raise InvalidInputError(f"{name} is 0 for every sample; one has to be above 0")
    _, exponent = np.frexp(found.max())
    found = np.ldexp(found, -exponent)
    found[found < 1e-300] = 0
    return np.ascontiguousarray(found)


def pair(data, name: str = "validation_data") -> tuple[Any, Any]:
    """X and Y of an argument; what only happens to have two parts is none."""
    if not isinstance(data, str | bytes | dict | set | np.ndarray) and not is_sparse(data):
        try:
            X, Y = data
            return X, Y
        except (TypeError, ValueError):
            pass
    raise InvalidTypeError(f"{name} must be a pair (X, Y) or a Dataset, got {shown(data)}")


def warn_if_unreachable(Y: np.ndarray, output) -> None:
    """Warn when targets of a squared error lie outside what the output activation can give."""
    low, high = output.range
    if low == -np.inf and high == np.inf:
        return
    if Y.min() < low or Y.max() > high:
        import warnings

        warnings.warn(
            f"targets reach from {Y.min():g} to {Y.max():g}, but output={str(output)!r} only gives "
            f"values between {low:g} and {high:g}; use output='identity' or rescale Y",
            DeltaloopWarning,
            stacklevel=4,
        )


def one_hot(labels, n_classes: int, dtype="float32") -> np.ndarray:
    """Class numbers as rows with a single 1.

    Parameters
    ----------
    labels : array_like of integers, shape (n_samples,) or (n_samples, 1), or one integer
        Each from 0 to n_classes - 1.
    n_classes : int
        >= 1.
    dtype : dtype, default float32

    Returns
    -------
    ndarray, shape (n_samples, n_classes)
        For one integer alone its row, shape (n_classes,).

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
    >>> dl.one_hot(2, 3)
    array([0., 0., 1.], dtype=float32)
    """
    n_classes = whole_number("n_classes", n_classes)
    labels = as_numbers("class labels", labels)
    if labels.ndim > 1 and labels.shape != (len(labels), 1):
        raise InvalidInputError(
            f"class labels must have shape (n_samples,), got shape {labels.shape}"
        )
    found = dtype_or_none(dtype)
    if found is None or found.kind not in "biuf":
        raise InvalidTypeError(f"dtype must be one of numbers, as 'float32', got {shown(dtype)}")
    check_memory(
        f"one_hot of {labels.size} labels and {n_classes} classes",
        labels.size * n_classes * found.itemsize,
        "take fewer samples at a time, or fewer classes",
    )
    rows = _one_hot("class labels", labels.reshape(-1), n_classes, found)
    return rows.reshape(*labels.shape[:1], n_classes)


@any_size
def _one_hot(name, labels, n_classes, dtype):
    wrong = np.flatnonzero(~((labels == np.floor(labels)) & (labels >= 0) & (labels < n_classes)))
    if wrong.size:
        raise InvalidInputError(
            f"{name} must be whole numbers from 0 to {n_classes - 1}, "
            f"got {labels[wrong[0]].item()!r} at sample {wrong[0]}; {NUMBER_THE_CLASSES}"
        )
    rows = np.zeros((len(labels), n_classes), dtype)
    rows[np.arange(len(labels)), labels.astype(np.intp)] = 1
    return rows


def _check_targets_of_loss(name, Y, row):
    low, high = row.targets
    if row.only_targets:
        _check_numbers(name, Y, row)
    elif (low > -np.inf and Y.min() < low) or (high < np.inf and Y.max() > high):
        end = f"{high:g}]" if high < np.inf else "inf)"
        raise InvalidInputError(
            f"{name} must lie in [{low:g}, {end} for {row.name}, got values from {Y.min():g} "
            f"to {Y.max():g}"
        )
    elif row.targets_are_positive and Y.min() <= low:
        raise InvalidInputError(f"{name} must be > {low:g} for {row.name}, got {Y.min():g}")
    if row.targets_sum_to_1:
        sums = Y.sum(axis=1, dtype=np.float64)
        wrong = np.flatnonzero(np.abs(sums - 1) > 1e-3)
        if wrong.size:
            raise InvalidInputError(
                f"{name} must be class numbers or rows that sum to 1 for {row.name}, "
                f"got a sum of {sums[wrong[0]]:g} at sample {wrong[0]}"
            )


def _check_numbers(name, Y, row):
    """Refuse targets that are none of the few numbers that the loss takes."""
    wrong = np.argwhere(~np.isin(Y, row.only_targets))
    if wrong.size:
        sample, value = wrong[0]
        accepted = " or ".join(f"{number:g}" for number in row.only_targets)
        hint = "; of classes 0 and 1 make 2 * Y - 1" if np.isin(Y, (0, 1)).all() else ""
        raise InvalidInputError(
            f"{name} must be {accepted} for {row.name}, got {Y[sample, value]:g} at sample "
            f"{sample}{hint}"
        )


def _still_finite(name, scaled):
    """Rows that were finite before they were scaled."""
    if not np.isfinite(scaled).all():
        raise InvalidInputError(
            f"{name} is no longer finite after scaling, its scale is too small for these values; "
            "take the scaling from them, as Scaling.standardize does"
        )
    return scaled


def _one_row_per_sample(array):
    return array if array.ndim == 2 else array.reshape(len(array), -1)


def _rows_of_network(name, array, dtype, scaled, looks):
    """`_rows` of `array`, looked through if `looks`, and in other units with a function `scaled`.

    Block by block where a copy is made: nothing but that has the size of the array.
    """

    def rows_of(block):
        if looks:
            check_finite(name, block)
        if scaled is not None:
            block = _still_finite(name, scaled(block))
        return _rows(name, block, dtype)

    n = max(1, _BLOCK // array.shape[1])
    if len(array) <= n or (scaled is None and array.dtype == dtype):
        return rows_of(array)
    rows = np.empty(array.shape, dtype)
    try:
        for start in range(0, len(array), n):
            rows[start : start + n] = rows_of(array[start : start + n])
    except InvalidInputError:
        rows_of(array)  # tells it of the whole array
        raise
    return rows


def _rows(name, array, dtype):
    """`array` in dtype with unit stride inside its rows and rows that follow each other.

    A view or a copy, so that nobody changes its shape while it is used.
    """
    rows = converted(name, array, dtype)
    between_rows, inside = rows.strides
    size = rows.itemsize
    if (
        inside == size
        and between_rows % size == 0
        and between_rows >= size * rows.shape[1]
        and rows.flags.aligned
    ):
        return rows.view()
    fresh = np.empty(rows.shape, rows.dtype)  # a copy could keep odd strides of length-1 axes
    fresh[:] = rows
    return fresh
