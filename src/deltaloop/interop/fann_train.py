"""Samples as training files of FANN: counts, then a line of inputs and one of outputs each."""

import numpy as np

from ..errors import InvalidInputError
from ..inputs.checks import as_numbers, check_finite
from .whole_file import whole_file


def write(path, X, Y) -> None:
    """Write the file; see `deltaloop.formats.write_fann_train`."""
    X, Y = _rows("X", X), _rows("Y", Y)
    if len(X) != len(Y):
        raise InvalidInputError(f"X and Y must have as many rows, got {len(X)} and {len(Y)}")
    with whole_file(path, "w") as file:
        file.write(f"{len(X)} {X.shape[1]} {Y.shape[1]}\n")
        for x, y in zip(X.tolist(), Y.tolist(), strict=True):
            file.write(f"{' '.join(map(repr, x))}\n{' '.join(map(repr, y))}\n")


def _rows(name, values):
    """Finite numbers in float64, shape (n_samples, n)."""
    array = as_numbers(name, values)
    if array.ndim == 0:
        raise InvalidInputError(f"{name} must have shape (n_samples, n), got a single number")
    array = array.reshape(len(array), -1).astype(np.float64)
    check_finite(name, array)
    return array
