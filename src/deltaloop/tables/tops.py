"""What stands above and between the rows of a table: titles, lines of units, rules."""

import csv
import re
from collections import Counter
from collections.abc import Sequence

from .cells import MARKERS, MISSING_CELLS, is_missing
from .headers import common_kind, find_header, kind_of
from .number_forms import is_written_number, unit_of
from .records import Lines, Quoting, is_blank, reader_of

_LOOKED_AT, _MOST = 100, 30  # records; lines above a table
_ABSENT = MISSING_CELLS | MARKERS
_RULE = re.compile(r"[\s|+:]*(?:[-=]{2,}[\s|+:]*)+").fullmatch


def is_rule(line: str) -> bool:
    """Whether a line only divides others, as ----+---- or |---|---| do."""
    return ("---" in line or "===" in line) and _RULE(line) is not None


def _filled(row: Sequence[str]) -> int:
    return sum(not is_missing(cell) for cell in row)


def lines_above(
    lines: Sequence[str], delimiter: str, quoting: Quoting, width: int, skip_comments: bool
) -> int:
    """How many lines stand above the names of the columns; most rows have about `width` cells.

    They have cells in at most half of the columns, and below them is a row that fills more, is in
    words, and stands over numbers.
    """
    records: list[tuple[int, list[str]]] = []
    reader = Lines(lines, skip_comments)
    before = 0
    try:
        for row in reader_of(reader, delimiter, quoting):
            if not is_blank(row):
                records.append((before, row))
                if len(records) == 1 and len(row) >= width and 2 * _filled(row) > width:
                    return 0
            before = reader.number
            if len(records) == _LOOKED_AT:
                break
    except csv.Error:
        return 0
    widths = Counter(len(row) for _, row in records if len(row) > 1)
    if not widths:
        return 0
    width = widths.most_common(1)[0][0]
    sparse = [2 * _filled(row) <= width or len(row) < width for _, row in records]
    k = sparse.index(False) if False in sparse else 0
    below = [row for _, row in records[k + 1 :] if len(row) == width]
    if not 0 < k <= _MOST or len(below) < 2:
        return 0
    start, top = records[k]
    if any(2 * _filled(row) > width for _, row in records[:k]) or len(top) != width:
        return 0
    return start if find_header(top, below)[0] else 0


def more_headers(names: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """How many of the first rows belong to the header, as units or longer names below the names.

    Such a row has words above all columns of numbers or dates, and nothing in it occurs below.
    """
    n = 0
    while n < 2 and len(rows) > n + 3 and not any(map(is_written_number, rows[n])):
        columns = [
            [cell.strip() for cell in cells if cell.strip().casefold() not in _ABSENT]
            for cells in zip(*rows[n + 1 :], strict=True)
        ]
        over = [
            kind_of(cell.strip()) in ("word", "unit")
            for cell, cells in zip(rows[n], columns, strict=True)
            if common_kind(cells) in ("number", "date")
        ]
        is_new = all(
            not cell.strip() or cell.strip() not in cells
            for cell, cells in zip(rows[n], columns, strict=True)
        )
        if not (over and all(over) and is_new) or len(over) < 2:
            break
        n += 1
    return n


def joined_names(names: Sequence[str], others: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The names of the first row of a header where they tell columns apart, else of all rows."""
    given = [name for name in names if name]
    if len(given) == len(names) and len(set(names)) == len(names):
        return tuple(names)
    filled, last = [], ""
    for name in names:  # a name stands over the empty cells to its right
        last = name or last
        filled.append(last)
    rows = [filled, *([cell.strip() for cell in row] for row in others)]
    return tuple(" ".join(filter(None, cells)) for cells in zip(*rows, strict=True))


def is_footer(row: Sequence[str]) -> bool:
    """Whether a row below a table is a remark: one cell, of several words or in brackets."""
    filled = [cell.strip() for cell in row if cell.strip()]
    if len(filled) != 1 or is_written_number(filled[0]) or unit_of(filled[0]):
        return False
    return " " in filled[0] or filled[0][0] in "(*[-"
