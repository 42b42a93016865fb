"""What can be handed over as a table."""

import os
from collections.abc import Mapping

import numpy as np

from ..errors import InvalidInputError
from ..tables import Table, from_frame, read
from ..tables.frames import is_absent
from ..tables.text_column import Text


def as_table(frame) -> Table:
    """The table in a file, a data frame, a mapping of columns or an array of numbers.

    Raises
    ------
    InvalidInputError, InvalidTypeError, FileFormatError
        It is none of these.
    """
    if isinstance(frame, Table):
        return frame
    if isinstance(frame, str | os.PathLike):
        return read(frame)
    if isinstance(frame, list | tuple) or (
        isinstance(frame, np.ndarray) and frame.dtype.names is None
    ):
        return _of_array(frame)
    return from_frame(frame, source="the table")


def _column(values):
    """An array as a column of a table."""
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    if values.dtype.kind == "M":
        return values.astype("datetime64[us]")
    return Text.of("" if is_absent(cell) else str(cell) for cell in values.tolist())


def _array(name, values):
    """`values` as an array."""
    try:
        return np.asarray(values)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidInputError(f"{name} cannot be read as an array: {error}") from None


def has_no_rows(frame) -> bool:
    """Whether it is a frame, a mapping or an array of columns without any row."""
    if isinstance(frame, Mapping):
        return bool(frame) and all(np.shape(column)[:1] == (0,) for column in frame.values())
    if isinstance(frame, np.ndarray) and frame.dtype.names is not None:
        return frame.shape == (0,)
    shape = getattr(frame, "shape", None)
    return isinstance(shape, tuple) and len(shape) == 2 and shape[0] == 0 < shape[1]


def _of_array(rows):
    array = _array("an array of a table", rows)
    if array.ndim != 2:
        raise InvalidInputError(
            f"an array of a table must have the shape (n_rows, n_columns), got {array.shape}"
        )
    if not len(array):
        raise InvalidInputError(
            f"an array of a table needs one row at least, got the shape {array.shape}"
        )
    names = tuple(f"x{k}" for k in range(1, array.shape[1] + 1))
    return Table(names, [_column(column) for column in array.T], "the array", named=False)


def split_target(table: Table, target) -> tuple[Table, tuple[str, ...], list]:
    """The table, and names and columns of the targets.

    `target` is a column (name, or position), a list of names, None for the last, or the targets
    themselves. A name of several levels, as pandas has them, is a tuple.
    """
    if isinstance(target, tuple) and str(target) in table.columns:
        target = str(target)
    if isinstance(target, list):
        target = [
            str(one) if isinstance(one, tuple) and str(one) in table.columns else one
            for one in target
        ]
    if target is None or isinstance(target, str | int | np.integer):
        place = target if target is None or isinstance(target, str) else int(target)
        names: tuple[str, ...] = (table.column_name(place),)
    elif isinstance(target, list | tuple) and target and _are_columns(target, table):
        if len(set(target)) < len(target):
            raise InvalidInputError(f"a target is named twice in {list(target)!r}")
        names = tuple(target)
    else:
        return table, *_given(table, target)
    return table, names, [table.values[table.columns.index(name)] for name in names]


def _are_columns(names, table):
    """Whether all of them are names of columns, and no texts that are classes."""
    return all(isinstance(name, str) and name in table.columns for name in names)


def _given(table, target):
    """Targets that are no columns of the table."""
    if isinstance(target, list | tuple) and len(target) != table.n_rows:
        names = [one for one in target if isinstance(one, str)]
        if any(one in table.columns for one in names):  # these are names, and one is wrong
            for one in names:
                table.column_name(one)
    name = getattr(target, "name", None)
    values = _array("targets", target)
    if values.ndim not in (1, 2) or len(values) != table.n_rows:
        raise InvalidInputError(
            f"targets must be one for every row, ({table.n_rows},) or ({table.n_rows}, n_targets), "
            f"got the shape {values.shape}; or give the name of a column"
        )
    if values.ndim == 1 or values.shape[1] == 1:
        return (str(name or "target"),), [_column(values.reshape(len(values)))]
    names = tuple(f"target {k}" for k in range(1, values.shape[1] + 1))
    return names, [_column(column) for column in values.T]
