"""Tables from what is in memory: data frames of any library, dicts of columns, NumPy arrays."""

import datetime
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError, missing, shown
from .cells import Column, shortened
from .problems import Problems
from .table import Table
from .text_column import Text

_BACKENDS = ("polars", "pyarrow", "pandas")  # that can hold what the Arrow interface hands over
_BOOLEANS = ("false", "true")
_REMEDY = "give numbers, booleans, text or dates, one a row, or leave the column out"


class _Unfit(Exception):
    """What a column holds that no table can hold."""


def from_frame(frame: Any, *, source: str = "the data frame") -> Table:
    """Make a table of a data frame: its dtypes decide what the columns are.

    ===================================== ==========================================
    numbers, nullable or not, decimals    float64, missing NaN
    dates and times                       datetime64[us], in UTC where there is a zone
    booleans                              `Text` of 'false' and 'true'
    strings, categories                   `Text`; ordered categories keep their order
    ===================================== ==========================================

    Parameters
    ----------
    frame : data frame, dict, structured array or Table
        A frame of pandas, Polars, PyArrow or another library that narwhals knows, an object with
        the Arrow PyCapsule interface (``__arrow_c_stream__``), a dict of column names and columns,
        or a NumPy array with named fields. A `Table` is returned as it is.
    source : str, default 'the data frame'
        What messages call it.

    Returns
    -------
    Table

    Raises
    ------
    InvalidInputError
        When columns hold lists, durations or a mixture of types; all of them are named.
    InvalidTypeError
        When it is no data frame.
    MissingDependencyError
        When a frame is given and narwhals is not installed (extra ``frames``); a dict and a NumPy
        array need no package.

    Examples
    --------
    >>> from deltaloop.tables import from_frame
    >>> table = from_frame({"mass": [150, 120], "colour": ["red", None], "ripe": [True, False]})
    >>> [column.tolist() for column in table.values]
    [[150.0, 120.0], ['red', ''], ['true', 'false']]
    """
    if isinstance(frame, Table):
        return frame
    if isinstance(frame, np.ndarray):
        if not frame.dtype.names:
            raise InvalidTypeError(
                f"an array must have named fields to be a table, got the dtype {frame.dtype}; give "
                "a dict such as {'a': X[:, 0], 'b': X[:, 1]}"
            )
        columns = [(name, frame[name]) for name in frame.dtype.names]
        return _table(columns, _from_array, source)
    if isinstance(frame, Mapping):
        return _table(list(frame.items()), _from_any, source)
    frame = _known(frame, source)
    columns = list(zip(frame.columns, frame.iter_columns(), strict=True))
    return _table(columns, _from_series, source)


def _known(frame: Any, source: str) -> Any:
    """The frame as narwhals wraps it, in memory."""
    try:
        import narwhals as nw
    except ImportError:
        raise missing("narwhals", "frames", "a table from a data frame") from None
    try:
        known: Any = nw.from_native(frame)
    except TypeError:
        if not hasattr(frame, "__arrow_c_stream__"):
            raise InvalidTypeError(
                f"expected a data frame, a dict of columns or an array with named fields, got "
                f"{shown(frame)}"
            ) from None
        known = _from_arrow(nw, frame)
    except nw.exceptions.NarwhalsError as error:
        # pyarrow has the columns themselves in `columns`
        names: Any = getattr(frame, "column_names", None) or getattr(frame, "columns", ())
        _refuse_doubled([str(name) for name in names], source)
        raise InvalidInputError(f"the data frame cannot be read: {error}") from None
    return known.collect() if isinstance(known, nw.LazyFrame) else known


def _from_arrow(nw: Any, frame: Any) -> Any:
    """What the Arrow interface hands over, in any library that is installed."""
    for backend in _BACKENDS:
        try:
            return nw.from_arrow(frame, backend=backend)
        except ImportError:
            continue
    raise missing("pyarrow", "frames", f"a table from a {type(frame).__name__}")


def _table(columns: Sequence[tuple[Any, Any]], convert: Any, source: str) -> Table:
    """The table of these columns, or one error about all that do not fit."""
    names = [str(name) for name, _ in columns]
    _refuse_doubled(names, source)
    if columns and all(_is_empty(column) for _, column in columns):
        raise InvalidInputError(
            f"{source!r} has no rows (its columns are {shortened(names)}); give one row at least"
        )
    problems = Problems(source, InvalidInputError)
    values: list[Column] = []
    for name, column in columns:
        try:
            values.append(convert(column))
        except _Unfit as error:
            problems.add(f"column {str(name)!r} of {{source}} holds {error}; {_REMEDY}")
    problems.raise_any()
    if not columns:
        raise InvalidInputError(f"{source!r} has no columns; a table needs at least one")
    return Table(tuple(names), values, source)


def _is_empty(column: Any) -> bool:
    return hasattr(column, "__len__") and not isinstance(column, str) and len(column) == 0


def _refuse_doubled(names: Sequence[str], source: str) -> None:
    """One error about all names that several columns have."""
    doubled = [name for name, n in Counter(names).items() if n > 1]
    if doubled:
        raise InvalidInputError(
            f"{source!r} has several columns named {shortened(doubled)}; give every column its own "
            "name, or leave one out"
        )


def _from_any(column: Any) -> Column:
    """A column of a dict: an array, a sequence, or a series of a library."""
    if isinstance(column, Text):
        return column
    if isinstance(column, str) or not hasattr(column, "__len__"):
        raise _Unfit(f"{shown(column, 40)}, which is no sequence")
    if isinstance(column, np.ndarray):
        return _from_array(column)
    if hasattr(column, "to_numpy") and hasattr(column, "dtype"):  # a series
        try:
            import narwhals as nw

            return _from_series(nw.from_native(column, series_only=True))
        except (ImportError, TypeError):
            pass
    return _from_objects(list(column))


def _from_array(array: np.ndarray) -> Column:
    """A column that is a NumPy array."""
    if array.ndim != 1:
        raise _Unfit(f"an array of the shape {array.shape}")
    kind = array.dtype.kind
    if kind == "b":
        return Text(array.astype(np.int32), _BOOLEANS)
    if kind in "iuf":
        return array.astype(np.float64)
    if kind == "M":
        return array.astype("datetime64[us]")
    if kind in "UT":
        return Text.of(array.tolist())
    if kind == "S":
        try:
            return Text.of(np.char.decode(array, "utf-8").tolist())
        except UnicodeDecodeError as error:
            raise _Unfit(f"bytes that are no UTF-8 ({error.reason})") from None
    if kind == "O":
        return _from_objects(array.tolist())
    raise _Unfit(f"values of the dtype {array.dtype}")


def _from_objects(cells: list[Any]) -> Column:
    """A column of Python objects, which are all of one kind."""
    gone = [is_absent(cell) for cell in cells]
    present = [cell for cell, is_gone in zip(cells, gone, strict=True) if not is_gone]
    if all(isinstance(cell, str) for cell in present) and present:
        return Text.of(None if is_gone else cell for cell, is_gone in zip(cells, gone, strict=True))
    if all(isinstance(cell, bool | np.bool_) for cell in present) and present:
        codes = [-1 if is_gone else int(cell) for cell, is_gone in zip(cells, gone, strict=True)]
        return Text(np.array(codes, dtype=np.int32), _BOOLEANS)
    if all(_is_number(cell) for cell in present):
        column = np.full(len(cells), np.nan)
        column[~np.array(gone, dtype=bool)] = [float(cell) for cell in present]
        return column
    if all(isinstance(cell, datetime.date | np.datetime64) for cell in present):
        dates = np.full(len(cells), "NaT", dtype="datetime64[us]")
        dates[~np.array(gone, dtype=bool)] = [_in_utc(cell) for cell in present]
        return dates
    kinds: dict[Any, Any] = {}  # a value of each; all numbers are one
    for cell in present:
        kinds.setdefault("number" if _is_number(cell) else type(cell), cell)
    raise _Unfit(" and ".join(
        f"{shown(cell, 40)} ({type(cell).__name__})" for cell in list(kinds.values())[:2]
    ))  # fmt: skip


def is_absent(cell: Any) -> bool:
    """Whether it is None, or NaN, NaT or NA of a library."""
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(cell, np.datetime64):
        return bool(np.isnat(cell))
    return isinstance(cell, float | np.floating) and math.isnan(cell)


def _is_number(cell: Any) -> bool:
    """Whether it is a number; Decimal is one, though it is no Real."""
    is_real = isinstance(cell, Real) or type(cell).__name__ == "Decimal"
    return is_real and not isinstance(cell, bool | np.bool_)


def _in_utc(cell: Any) -> Any:
    """The date without a zone."""
    if isinstance(cell, datetime.datetime) and cell.tzinfo is not None:
        return cell.astimezone(datetime.UTC).replace(tzinfo=None)
    return cell


def _from_series(series: Any) -> Column:
    """A column that narwhals wraps."""
    import narwhals as nw

    dtype = series.dtype
    if dtype.is_numeric():
        return np.array(series.cast(nw.Float64).to_numpy(), dtype=np.float64)
    if dtype == nw.Boolean or dtype == nw.String or dtype == nw.Object:
        return _from_objects(series.to_list())
    if isinstance(dtype, nw.Categorical | nw.Enum):
        return _from_categories(series, isinstance(dtype, nw.Enum))
    if dtype == nw.Date or dtype == nw.Datetime:
        if getattr(dtype, "time_zone", None):
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return series.cast(nw.Datetime("us")).to_numpy().astype("datetime64[us]")
    raise _Unfit(f"values of the dtype {dtype}")


def _from_categories(series: Any, is_ordered: bool) -> Text:
    """A column of categories, which keep their order if they have one."""
    cells = [None if is_absent(cell) else str(cell) for cell in series.to_list()]
    if not is_ordered:
        return Text.of(cells)
    values = [str(value) for value in series.dtype.categories]
    values = [value for value in dict.fromkeys(values) if value]
    number: dict[str | None, int] = {value: code for code, value in enumerate(values)}
    codes = [number.get(cell, -1) for cell in cells]
    return Text(np.array(codes, dtype=np.int32), tuple(values))
