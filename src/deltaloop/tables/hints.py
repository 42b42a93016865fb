"""What in the columns of a text is likely to be meant otherwise than it is read."""

import re
from collections.abc import Sequence

import numpy as np

from .cells import Column, is_missing, shortened
from .number_forms import is_written_number
from .rewriting import number_in
from .text_column import Text

_SENTINELS = (-99999.0, -9999.0, -999.0, -99.0, 999.0, 9999.0, 99999.0)
_EXACT = 2.0**53  # whole numbers of float64 up to here are all different
_NO_CODE = 1e25  # longer than codes are
_FEW_VALUES = 100
_TOTALS = frozenset(
    {"total", "totals", "sum", "grand total", "subtotal", "mean", "average", "gesamt", "summe",
     "gesamtergebnis", "insgesamt", "total g\u00e9n\u00e9ral", "totale", "suma", "totaal"}
)  # fmt: skip
_ENDS = frozenset("0123456789.,)-%$€£¥")
# a number with what accounts, laboratories and typesetters put around it
_ALMOST = re.compile(r"[(<>~≤≥\u2212+\-$€£¥ ]*\d[\d.,' \u00a0\u202f]*[)\-%$€£¥ ]*").fullmatch


def hints(
    names: Sequence[str],
    columns: Sequence[Column],
    first: Sequence[Sequence[str]],
    told_already: Sequence[str] = (),
) -> list[str]:
    """Sentences, each with the option that decides otherwise.

    Parameters
    ----------
    names : sequence of str
    columns : sequence of Column
    first : sequence of sequences of str
        The first cells of every column, as they are written.
    told_already : sequence of str
        Notes; a column that they advise --numbers for gets no second advice.
    """
    told = []
    for name, column, cells in zip(names, columns, first, strict=True):
        of = _of_text if isinstance(column, Text) else _of_numbers
        if isinstance(column, Text) or column.dtype.kind == "f":
            told += of(name, column, cells)
    advised = {note.partition(" counts as text")[0] for note in told_already}
    told = [note for note in told if note.partition(" counts as text")[0] not in advised]
    return [*told, *_total(names, columns)]


def _of_numbers(name, column, cells):
    """Values that stand for missing cells, and codes with leading zeros."""
    low, high = column.min(), column.max()
    if np.isnan(low):  # slower, as it looks for missing cells
        low, high = np.fmin.reduce(column), np.fmax.reduce(column)
    found = [end for end in (low, high) if end in _SENTINELS]
    told = []
    for value in found:
        others = column[(column != value) & np.isfinite(column)]
        n = int(np.count_nonzero(column == value))
        if len(others) < 10 or n < 2 or not _is_far(value, others.min(), others.max()):
            continue
        told.append(
            f"{n} cells of column {name!r} are {value:g}, far from all others; if that stands for "
            f"missing cells, use missing=['{value:g}'] (--missing {value:g})"
        )
    most = max(-low, high)
    if _EXACT < most < _NO_CODE and not any("e" in cell.casefold() for cell in cells) and (
        column == np.floor(column)
    ).all():  # fmt: skip
        told.append(
            f"column {name!r} has whole numbers above 9e15, which are not told apart exactly; if "
            f"these are codes and no amounts, use text=[{name!r}] (--text)"
        )
    if not any(cell[:1] == "0" and len(cell) > 1 and cell.isdecimal() for cell in cells):
        return told
    seen = [cell.strip() for cell in cells if not is_missing(cell)]
    lengths = set(map(len, seen))
    is_code = len(lengths) == 1 and lengths.pop() > 1 and all(map(str.isdecimal, seen))
    if is_code and any(cell[0] == "0" for cell in seen):
        example = next(cell for cell in seen if cell[0] == "0")
        told.append(
            f"column {name!r} has leading zeros, such as {example!r}; if these are codes and no "
            f"amounts, use text=[{name!r}] (--text)"
        )
    return told


def _is_far(value, low, high):
    """Whether a value is farther from the others than these from one another."""
    return max(low - value, value - high) > high - low


def _of_text(name, column, cells):
    """Values that differ in the case of their letters alone, and what is nearly a number."""
    told = []
    if len(column.values) <= _FEW_VALUES:
        same: dict[str, list[str]] = {}
        for value in column.values:
            same.setdefault(value.casefold(), []).append(value)
        several = [values for values in same.values() if len(values) > 1]
        if several:
            told.append(
                f"{shortened(several[0])} of column {name!r} differ in capital letters alone, and "
                "count as different values"
            )
    seen = {cell.strip() for cell in set(cells) if not is_missing(cell)}
    if len(seen) < 2 or not all(cell[-1] in _ENDS and _ALMOST(cell) for cell in seen):
        return told
    odd = [cell for cell in seen if not is_written_number(cell)]
    if odd and all(map(number_in, odd)):
        told.append(
            f"column {name!r} counts as text, although its cells look like numbers, such as "
            f"{min(odd)!r}; numbers=[{name!r}] (--numbers) takes the number in each cell"
        )
    return told


def _total(names, columns):
    """A last row that sums up the others."""
    if len(columns[0]) < 3:
        return []
    for name, column in zip(names, columns, strict=True):
        if not isinstance(column, Text) or column.codes[-1] < 0:
            continue
        cell = column[-1]
        if cell.casefold().rstrip(":") in _TOTALS and column.counts()[column.codes[-1]] == 1:
            return [
                f"the last row counts as data, with {cell!r} in column {name!r}; if it sums up the "
                "others, remove it"
            ]
    return []
