"""Tables as text: rows of cells between commas, semicolons, tabs or blanks."""

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from ..errors import FileFormatError
from ..inputs.unpacking import REMEDY, too_large
from .cells import COLUMN, TEXT_CELL, column_from_cells, is_missing, is_number, shortened
from .table import Table
from .text_files import check_text, lines_of


def read_delimited(
    data: bytes, delimiters: str, header: bool | None, source: str, limit: int
) -> Table:
    """Rows of cells; the names of the columns from the first row if it is a header."""
    check_text(data, source)
    n_lines = data.count(b"\n") + data.count(b"\r") + 1

    def check(delimiter: str, width: int = 0, per_text: int = 0) -> None:
        n_cells = n_lines + data.count(delimiter.encode())  # at most
        # cells of one character share it, and others have a delimiter and two bytes at least
        n_texts = min(n_cells, (len(data) - n_cells) // 2)
        width = max(width, n_cells // n_lines)
        if len(data) + 8 * n_cells + per_text * n_texts + COLUMN * width > limit:
            raise too_large(source, f"has about {n_cells} cells", limit, REMEDY)

    for one in delimiters:
        check(one)
    delimiter, width = _sniff(data, delimiters)
    check(delimiter, width)
    quick = _read_numbers(data, delimiter, header)
    if quick:
        top, values = quick
    else:
        check(delimiter, width, TEXT_CELL)
        rows = _rows(data, delimiter, source)
        columns = list(zip(*rows, strict=True))
        if header is None:
            header = _has_header(columns)
        if header and len(rows) == 1:
            raise FileFormatError(
                f"{source!r} holds only a header, {shortened(rows[0])}; add rows below it"
            )
        top = rows[0] if header else None
        values = [column_from_cells(cells[1:] if header else cells) for cells in columns]
    names = [f"x{number}" for number in range(1, len(values) + 1)]
    if top:
        names = [cell.strip() or name for cell, name in zip(top, names, strict=True)]
    return Table(tuple(names), values, source, named=bool(top))


def _read_numbers(
    data: bytes, delimiter: str, header: bool | None
) -> tuple[list[str] | None, list[np.ndarray]] | None:
    """Header (if any) and columns of a table of numbers only, some ten times faster; else None."""
    reader = _cells(data, delimiter)
    rows = (row for row in reader if not _is_blank(row))
    try:
        top = next(rows)
        below = reader.line_num
        if header is None:
            header = any(not is_number(cell) and not is_missing(cell) for cell in top)
        if header and next(rows, None) is None:
            return None
        skipped = below if header else 0
        block = np.loadtxt(
            lines_of(data), delimiter=delimiter, comments=None, skiprows=skipped, ndmin=2
        )
    except (csv.Error, ValueError):
        return None
    if block.shape[1] != len(top):
        return None
    return top if header else None, list(block.T)


def _cells(data: bytes, delimiter: str) -> Any:
    """The csv reader for a text."""
    lines: Iterator[str] = lines_of(data)
    if delimiter == " ":
        lines = (f"{part.strip()}\n" for line in lines for part in line.splitlines())
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)


def _sniff(data: bytes, delimiters: str) -> tuple[str, int]:
    """The first that divides the first 50 rows evenly, else the one most frequent on top.

    With the number of cells in the first row.
    """
    for delimiter in delimiters:
        try:
            rows = islice(_cells(data, delimiter), 50)
            widths = {len(row) for row in rows if not _is_blank(row)}
        except csv.Error:
            continue
        if len(widths) == 1 and widths != {1}:
            return delimiter, widths.pop()
    top = next(line.lstrip() for line in lines_of(data) if line.strip())
    delimiter = max(delimiters, key=top.count)
    return delimiter, top.count(delimiter) + 1


def _rows(data: bytes, delimiter: str, source: str) -> list[list[str]]:
    """All rows that are not blank, of one length."""
    rows: list[list[str]] = []
    reader = _cells(data, delimiter)
    top = width = 0
    try:
        for row in reader:
            if len(row) != width or width < 2:
                if _is_blank(row):
                    continue
                if not rows:
                    top, width = reader.line_num, len(row)
                elif len(row) != width:
                    raise FileFormatError(
                        f"line {reader.line_num} of {source!r} has {len(row)} cells where line "
                        f"{top} has {width}; all need the same number (delimiter {delimiter!r})"
                    )
            rows.append(row)
    except csv.Error as error:
        raise FileFormatError(
            f"line {reader.line_num} of {source!r} is no row of a table ({error}); check its quotes"
        ) from None
    return rows


def _is_blank(row: list[str]) -> bool:
    return not row or (len(row) == 1 and not row[0].strip())


def _has_header(columns: Sequence[tuple[str, ...]]) -> bool:
    """Decide by the rule in the docstring of `read`."""
    top = [cells[0] for cells in columns]
    words = [not is_number(cell) and not is_missing(cell) for cell in top]
    for cells, is_word in zip(columns, words, strict=True):
        if is_word and len(cells) > 1 and column_from_cells(cells[1:]).dtype.kind == "f":
            return True
    if not all(words) or len(set(top)) < len(top):
        return False
    return all(cells[0] not in cells[1:] for cells in columns)
