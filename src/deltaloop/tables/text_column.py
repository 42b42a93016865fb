"""Columns of text: every different value once, and its number in every row."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError, shown

MISSING = -1  # the code of a cell that is not there


@dataclass(frozen=True, eq=False, repr=False)
class Text:
    """A column of text: a number for every row, and what the numbers stand for.

    Rows that are taken of a column (`take`, or ``column[rows]``) keep all its values, so that the
    parts of a divided table speak of the same numbers; `counts` tells which of them occur.

    Attributes
    ----------
    codes : ndarray of shape (n_rows,), int32
        Position in `values` of the text in every row; -1 where it is missing.
    values : tuple of str
        The different texts, none of them empty. `Text.of` sorts them (by code points, as Python
        does); those of an ordered category of a data frame keep its order.

    Raises
    ------
    InvalidInputError
        When a code has no value, or two values are the same.

    Examples
    --------
    >>> import numpy as np
    >>> from deltaloop.tables import Text
    >>> colour = Text.of(["red", "blue", "", "red"])
    >>> colour
    Text(4 rows, 2 values 'blue', 'red', 1 missing)
    >>> colour.codes.tolist(), colour.counts().tolist()
    ([1, 0, -1, 1], [1, 2])
    >>> colour[0], colour[1:].tolist()
    ('red', ['blue', '', 'red'])
    >>> np.asarray(colour) == "red"
    array([ True, False, False,  True])
    """

    codes: np.ndarray
    values: tuple[str, ...]

    dtype = np.dtype(object)
    """What `__array__` makes of it."""
    ndim = 1

    def __post_init__(self) -> None:
        codes = np.ascontiguousarray(self.codes, dtype=np.int32)
        if codes.ndim != 1:
            raise InvalidInputError(
                f"codes must have the shape (n_rows,), got {codes.shape}; give one for every row"
            )
        values = tuple(self.values)
        if len(set(values)) < len(values) or "" in values:
            raise InvalidInputError(
                f"values must be different texts that are not empty, got {shown(values)}; "
                "a missing cell has the code -1"
            )
        if codes.size and not MISSING <= codes.min() <= codes.max() < len(values):
            raise InvalidInputError(
                f"codes must be from -1 to {len(values) - 1}, got {codes.min()} to "
                f"{codes.max()}; every code needs a value"
            )
        object.__setattr__(self, "codes", codes)
        object.__setattr__(self, "values", values)

    @classmethod
    def of(cls, cells: Iterable[str | None]) -> "Text":
        """Return the column of these cells, in which '' and None are missing.

        Raises
        ------
        InvalidTypeError
            When a cell is neither text nor None.
        """
        cells = cells.tolist() if isinstance(cells, np.ndarray) else list(cells)
        different = set(cells)
        wrong = [cell for cell in different if cell is not None and not isinstance(cell, str)]
        if wrong:
            row = next(row for row, cell in enumerate(cells) if cell is wrong[0])
            raise InvalidTypeError(
                f"a column of text holds {shown(wrong[0])} in row {row + 1}; every cell must be a "
                "str, or '' or None where it is missing"
            )
        values = tuple(sorted(cell for cell in different if cell))
        number: dict[str | None, int] = {value: code for code, value in enumerate(values)}
        number[""] = number[None] = MISSING
        return cls(np.fromiter(map(number.__getitem__, cells), np.int32, len(cells)), values)

    @classmethod
    def of_codes(cls, codes: np.ndarray, values: Sequence[str]) -> "Text":
        """The column of codes and values that are known to be right: they are not looked at."""
        made = cls.__new__(cls)
        object.__setattr__(made, "codes", np.ascontiguousarray(codes, dtype=np.int32))
        object.__setattr__(made, "values", tuple(values))
        return made

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def shape(self) -> tuple[int]:
        """(n_rows,), as of an array."""
        return self.codes.shape

    @property
    def size(self) -> int:
        """Number of rows, as of an array."""
        return self.codes.size

    @property
    def missing(self) -> np.ndarray:
        """Whether the text is missing, for every row."""
        return self.codes == MISSING

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """An array of objects with one str a row, '' where it is missing."""
        texts = np.empty(len(self.values) + 1, dtype=object)
        texts[:] = [*self.values, ""]  # the code -1 is the last
        return texts[self.codes].astype(dtype or object, copy=False)

    def __getitem__(self, rows: Any) -> "str | Text":
        """The text in a row ('' where it is missing), or the column of several rows."""
        codes = self.codes[rows]
        if np.ndim(codes) == 1:
            return Text.of_codes(codes, self.values)
        if np.ndim(codes):
            return Text(codes, self.values)  # which refuses them
        return "" if codes == MISSING else self.values[codes]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tolist())

    def __repr__(self) -> str:
        missing = int(self.missing.sum())
        first = ", ".join(map(repr, self.values[:8]))
        more = ", ..." if len(self.values) > 8 else ""
        return (
            f"Text({len(self)} rows, {len(self.values)} values {first}{more}"
            + (f", {missing} missing" if missing else "")
            + ")"
        )

    def take(self, rows: Sequence[int] | np.ndarray) -> "Text":
        """Return the column of these rows, with all the values of this one."""
        return self[np.asarray(rows)]  # type: ignore[return-value]

    def tolist(self) -> list[str]:
        """Return one str a row, '' where it is missing."""
        return self.__array__().tolist()

    def counts(self) -> np.ndarray:
        """Return the number of rows of every value, shape (n_values,), int64."""
        return np.bincount(self.codes + 1, minlength=len(self.values) + 1)[1:].astype(np.int64)
