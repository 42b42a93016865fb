"""Tables of named columns: read from files, turned into numbers by a `FeatureEncoding`."""

import math
from dataclasses import dataclass, replace

import numpy as np

from ..errors import FileFormatError, InvalidInputError, InvalidTypeError
from .cells import Column, refuse_missing, shortened
from .text_column import Text


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Named columns of equal length; missing cells are kept until a column is used.

    Attributes
    ----------
    columns : tuple of str
        Different names, in the order of the file.
    values : list of ndarray or Text of shape (n_rows,)
        One a column: numbers as float64 (missing: NaN), dates as datetime64[us] (missing: NaT), or
        `Text`. Arrays of other numbers and dates, and of objects that are str, become one of them.
    source : str
        Where the table comes from, for messages.
    named : bool
        False when the file has no names for its columns, so that they are called x1, x2, ...
    sparse : bool
        True when the file lists non-zero values only: a column x0, x1, ... that it lacks is 0.
    limit : float
        Bytes that what is made of the table may take; see `max_memory` of `read`.
    notes : tuple of str
        What reading did that is not plain to see, a sentence each.

    Examples
    --------
    >>> import numpy as np
    >>> from deltaloop.tables import Table
    >>> table = Table(("a", "b"), [np.array([1.0, 2.0]), np.array(["no", "yes"], dtype=object)])
    >>> table
    Table(2 rows, 2 columns 'a', 'b' from 'table')
    >>> table.column("b").tolist()
    ['no', 'yes']
    """

    columns: tuple[str, ...]
    values: list[Column]
    source: str = "table"
    named: bool = True
    sparse: bool = False
    limit: float = math.inf
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, column in zip(self.columns, self.values, strict=False):
            if np.ndim(column) != 1:
                raise FileFormatError(
                    f"column {name!r} of {self.source!r} must have the shape (n_rows,), got the "
                    f"shape {np.shape(column)}; give one value for every row"
                )
        lengths = sorted({len(column) for column in self.values})
        if len(self.columns) != len(self.values) or len(lengths) > 1:
            raise FileFormatError(
                f"{self.source!r} has {len(self.columns)} names for {len(self.values)} columns of "
                f"{lengths} rows; every column needs one name and all of them the same length"
            )
        if not lengths or not lengths[0]:
            raise FileFormatError(
                f"{self.source!r} has {len(self.columns)} columns and no rows; "
                "a table needs at least one of each"
            )
        first: dict[str, int] = {}
        for number, name in enumerate(self.columns, 1):
            if first.setdefault(name, number) != number:
                raise FileFormatError(
                    f"{self.source!r} has two columns named {name!r} (columns {first[name]} and "
                    f"{number}); give every column its own name"
                )
        values = [
            _column(column, name, self.source)
            for name, column in zip(self.columns, self.values, strict=True)
        ]
        object.__setattr__(self, "values", values)

    @property
    def n_rows(self) -> int:
        """Number of rows, without the header."""
        return len(self.values[0])

    def __repr__(self) -> str:
        names = shortened(self.columns)
        return (
            f"Table({self.n_rows} rows, {len(self.columns)} columns {names} from {self.source!r})"
        )

    def column_name(self, column: str | int | None) -> str:
        """Return the name of a column given by its name, its position from 0, or None (the last).

        Raises
        ------
        InvalidInputError
            When there is no such column.
        InvalidTypeError
            When `column` is something else.
        """
        if column is None:
            return self.columns[-1]
        if isinstance(column, tuple) and str(column) in self.columns:
            return str(column)  # of several levels, as pandas has them
        if isinstance(column, str):
            if column in self.columns:
                return column
            from difflib import get_close_matches

            near = get_close_matches(column, self.columns, n=1)
            raise InvalidInputError(
                f"{self.source!r} has no column {column!r}, expected one of "
                f"{shortened(self.columns)}" + (f"; did you mean {near[0]!r}?" if near else "")
            )
        if isinstance(column, bool) or not isinstance(column, int | np.integer):
            raise InvalidTypeError(
                f"a column must be a name, a position or None (the last), got {column!r}"
            )
        n = len(self.columns)
        if not -n <= column < n:
            raise InvalidInputError(
                f"{self.source!r} has no column at position {column}; positions are 0 to {n - 1}, "
                "and -1 is the last"
            )
        return self.columns[column]

    def take(self, rows: np.ndarray) -> "Table":
        """Return the table of these rows: their positions, or a mask."""
        return replace(self, values=[_taken(column, rows) for column in self.values])

    def column(self, column: str | int | None) -> np.ndarray:
        """Return the values of a column (see `column_name`), none of them missing or infinite.

        Text comes as an array of str objects.

        Raises
        ------
        InvalidInputError
            When there is no such column, or a cell is missing or infinite.
        """
        name = self.column_name(column)
        values = self.values[self.columns.index(name)]
        refuse_missing(values, name, self.source)
        return np.asarray(values)


def _taken(column: Column, rows: np.ndarray) -> Column:
    """Some rows of a column."""
    rows = np.asarray(rows)
    return column.take(rows) if isinstance(column, Text) else column[rows]


def _column(values, name: str, source: str) -> Column:
    """The column in one of the three forms of `Table.values`."""
    if isinstance(values, Text):
        return values
    values = np.asarray(values)
    kind = values.dtype.kind
    if kind in "biuf":
        with np.errstate(all="ignore"):
            return values.astype(np.float64, copy=False)
    if kind == "M":
        return values.astype("datetime64[us]", copy=False)
    if kind in "OUT":
        return Text.of(values)
    raise InvalidTypeError(
        f"column {name!r} of {source!r} has the dtype {values.dtype}; give numbers, dates or text"
    )
