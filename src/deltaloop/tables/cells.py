"""Cells of a table: what is a number, what is missing, and what a column of them becomes."""

from collections.abc import Sequence

import numpy as np

from ..errors import InvalidInputError
from ..text import cut
from .text_column import Text

Column = np.ndarray | Text  # float64, datetime64[us], or text

# Bytes of memory, measured: of a cell as text of more than one character, and of a column with
# its name.
TEXT_CELL, COLUMN = 80, 1000
MISSING_CELLS = frozenset({"", "?", "na", "n/a", "nan", "null"})
_LONG = 60  # characters of a value in a message
LONGEST = max(map(len, MISSING_CELLS))

# Missing besides what always is, in a column of numbers or dates.
MARKERS = frozenset(
    {"-", "--", "---", ".", "..", "...", "*", "none", "nil", "missing", "unknown", "n.a.", "na.",
     "#n/a", "#na", "#value!", "#div/0!", "#ref!", "#name?", "#num!", "#null!", "(null)", "<na>",
     "nat", "-nan", "\u2013", "\u2014", "\\n", "n/d", "n.d.", "k.a.", "k. a.", "err", "error",
     "invalid", "no data", "nodata", "not available", "not applicable",
     *(f".{letter}" for letter in "_abcdefghijklmnopqrstuvwxyz")}  # of SAS and Stata
)  # fmt: skip


def column_from_cells(cells: Sequence[str]) -> Column:
    """float64 when every cell is a number or missing (NaN), else stripped text."""
    numbers = numbers_of(cells)
    if numbers is not None:
        return numbers
    text = ["" if is_missing(cell) else cell.strip() for cell in cells]
    present = [row for row, cell in enumerate(text) if cell]
    numbers = numbers_of([text[row] for row in present]) if present else None
    if numbers is None:
        return Text.of(text)
    column = np.full(len(text), np.nan)
    column[present] = numbers
    return column


def is_number(cell: str) -> bool:
    """Whether the text is a number; 1_000 is none."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def is_missing(cell: str) -> bool:
    """Whether the text stands for a value that is not there."""
    cell = cell.strip()
    return len(cell) <= LONGEST and cell.casefold() in MISSING_CELLS


def missing_cells(values: Column) -> np.ndarray:
    """Whether the cell is missing, for every row."""
    if isinstance(values, Text):
        return values.missing
    return np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)


def refuse_missing(values: Column, name: str, source: str) -> None:
    """Raise when a cell of the column is missing or infinite."""
    missing = missing_cells(values)
    infinite = np.isinf(values) if values.dtype.kind == "f" else np.zeros(0, dtype=bool)
    for bad, what in (
        (missing, "missing"),
        (infinite, "infinite (or too large for a 64-bit number)"),
    ):
        if bad.any():
            count = int(bad.sum())
            raise InvalidInputError(
                f"column {name!r} of {source!r} has {count} {what} value{'s' * (count > 1)}, the "
                f"first in row {int(bad.argmax()) + 1} (counted from 1 below the header); "
                "every cell needs a finite value: remove these rows or fill them"
            )


def shortened(values: Sequence[str], limit: int = 8) -> str:
    """The values in quotes, the first few when there are many, long ones cut."""
    text = ", ".join(repr(cut(value, _LONG)) for value in values[:limit])
    return text if len(values) <= limit else f"{text}, ... ({len(values)} in all)"


def numbers_of(cells: Sequence[str]) -> np.ndarray | None:
    """The cells as float64, or None when one of them is no number."""
    try:
        numbers = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    return None if "_" in "".join(cells) else numbers  # float() would read 1_0 as 10
