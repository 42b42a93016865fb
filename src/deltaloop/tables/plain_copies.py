"""Texts that only Python's csv reads, rewritten as plain CSV, with all that is wrong with them."""

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from .dialects import Dialect
from .problems import Problems
from .records import Lines, is_blank, long_cells, reader_of
from .rewriting import Rewriting
from .text_files import whole_encoding
from .tops import is_footer, is_rule

_SHOWN = 3  # lines that are named
_MEMORY = 16  # bytes that a character of a cell takes at most: 4 in csv, which doubles its room
_DELIMITERS = {" ": "runs of blanks", "\x1f": "none"}


@dataclass
class _Met:
    """What was met while rows were copied.

    Attributes
    ----------
    first : int
        The line of the names, or of the first row where there are none.
    odd : list of (int, int)
        Lines with another number of cells: number and cells.
    below : list of (int, list of str)
        Such lines since the last row, which may be remarks: number and cells.
    n_repeated : int
        Rows that repeat the names.
    start : int
        The first line of the row that is being read.
    longest : int
        Characters of the longest row that was written.
    """

    first: int
    odd: list[tuple[int, int]] = field(default_factory=list)
    below: list[tuple[int, list[str]]] = field(default_factory=list)
    n_repeated: int = 0
    start: int = 1
    longest: int = 0

    def settle(self) -> None:
        """Lines below the rows so far are no remarks, but have another number of cells."""
        self.odd += [(number, len(row)) for number, row in self.below]
        self.below.clear()


def write_plain_copy(
    path: str,
    dialect: Dialect,
    target: str,
    problems: Problems,
    skip_bad_lines: bool = False,
    rewriting: Rewriting | None = None,
    limit: int = 2**31,
) -> tuple[list[str], int]:
    r"""Write the rows as UTF-8 with commas and \n, without comments and header.

    Returns notes, and the characters of the longest row. A cell may take `limit` bytes meanwhile.

    Lines with another number of cells are left out; they are problems, if not to be skipped, or
    remarks below the table.

    Raises
    ------
    FileFormatError
        The file is no text.
    """
    encoding = whole_encoding(path, dialect.encoding, problems.source)
    notes = []
    if encoding != dialect.encoding:
        notes.append(f"the text is {'Latin-1' if encoding == 'latin-1' else encoding}")
    change = rewriting.row if rewriting is not None and rewriting.is_needed else None
    met = _Met(dialect.skip if dialect.names else 0)
    with (
        open(path, encoding=encoding, newline="") as file,
        open(target, "w", encoding="utf-8", newline="") as copy,
        long_cells(limit // _MEMORY),
    ):
        rows = ("\n" if is_rule(line) else line for line in file) if dialect.has_rules else file
        lines = Lines(rows, dialect.has_comments)
        lines.number = sum(1 for _ in islice(file, dialect.skip))
        writerow = csv.writer(copy, lineterminator="\n").writerow
        met.start = lines.number + 1
        try:
            _copy_rows(lines, dialect, writerow, change, met)
        except csv.Error as error:
            end = f"to line {lines.number} " if lines.number > met.start else ""
            problems.add(
                f"line {met.start} {end}of {{source}} is no row of a table ({error}); "
                "check its quotes"
            )
    if met.below and all(is_footer(row) for _, row in met.below):
        number, row = met.below[0]
        notes.append(
            f"{len(met.below)} line{'s' * (len(met.below) > 1)} below the table left out, the "
            f"first is line {number}, {''.join(row).strip()[:40]!r}"
        )
    else:
        met.settle()
    if change is not None and rewriting is not None:
        notes += rewriting.notes()
    if met.n_repeated:
        headers = "rows that repeat" if met.n_repeated > 1 else "row that repeats"
        notes.append(f"{met.n_repeated} {headers} the names of the columns left out")
    if lines.n_comments and not any("#" in note for note in dialect.notes):
        notes.append("lines that begin with # are left out")
    if met.odd and skip_bad_lines:
        notes.append(
            f"{len(met.odd)} line{'s' * (len(met.odd) > 1)} without {dialect.width} cells left "
            f"out, the first is line {met.odd[0][0]}"
        )
    elif met.odd:
        problems.add(_ragged(met, dialect))
    return notes, met.longest


def _copy_rows(
    lines: Lines, dialect: Dialect, writerow: Callable, change: Callable | None, met: _Met
) -> None:
    """Write the rows, changed where there is something to change; the rest is for `met`."""
    width = dialect.width
    for row in reader_of(lines, dialect.delimiter, dialect.quoting):
        if dialect.repeats and tuple(map(str.strip, row)) == dialect.names:
            met.n_repeated += 1
        elif len(row) == width and (width > 1 or not is_blank(row)):
            met.longest = max(met.longest, writerow(row if change is None else change(row)))
            met.first = met.first or lines.number
            if met.below:
                met.settle()
        elif is_blank(row):
            pass
        elif len(row) == width - 1 and dialect.trailing:
            met.longest = max(met.longest, writerow([*row, ""]))
        elif row[0].startswith("#"):
            lines.n_comments += 1
        else:
            met.below.append((lines.number, row))
        met.start = lines.number + 1


def _ragged(met: _Met, dialect: Dialect) -> str:
    """What is wrong with lines that have another number of cells."""
    odd, delimiter = met.odd, _DELIMITERS.get(dialect.delimiter) or repr(dialect.delimiter)
    number, cells = odd[0]
    shown = [f"line {number} of {{source}} has {cells}"]
    shown += [f"line {number} has {cells}" for number, cells in odd[1:_SHOWN]]
    more = f", {len(odd) - _SHOWN} more lines have other numbers," if len(odd) > _SHOWN else ""
    shown[0] += " cells"
    return (
        f"{', '.join(shown)}{more} where line {met.first} has {dialect.width}; all need the same "
        f"number (delimiter {delimiter}): correct them, or leave them out with "
        "skip_bad_lines=True (--skip-bad-lines)"
    )
