"""Texts that only Python's csv reads, rewritten as plain CSV, with all that is wrong with them."""

import csv
from itertools import islice

from .dialects import Dialect
from .problems import Problems
from .records import Lines, is_blank, reader_of
from .rewriting import Rewriting
from .text_files import whole_encoding
from .tops import is_footer, is_rule

_SHOWN = 3  # lines that are named
_DELIMITERS = {" ": "runs of blanks", "\x1f": "none"}


def write_plain_copy(
    path: str,
    dialect: Dialect,
    target: str,
    problems: Problems,
    skip_bad_lines: bool = False,
    rewriting: Rewriting | None = None,
) -> list[str]:
    r"""Write the rows as UTF-8 with commas and \n, without comments and header; return notes.

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
    width, first = dialect.width, dialect.skip if dialect.names else 0
    odd: list[tuple[int, int]] = []
    below: list[tuple[int, list[str]]] = []  # what may be remarks
    n_repeated = 0
    change = rewriting.row if rewriting is not None and rewriting.is_needed else None
    with (
        open(path, encoding=encoding, newline="") as file,
        open(target, "w", encoding="utf-8", newline="") as copy,
    ):
        rows = ("\n" if is_rule(line) else line for line in file) if dialect.has_rules else file
        lines = Lines(rows, dialect.has_comments)
        lines.number = sum(1 for _ in islice(file, dialect.skip))
        write = csv.writer(copy, lineterminator="\n").writerow
        try:
            for row in reader_of(lines, dialect.delimiter, dialect.quoting):
                if dialect.repeats and tuple(map(str.strip, row)) == dialect.names:
                    n_repeated += 1
                elif len(row) == width and (width > 1 or not is_blank(row)):
                    write(row if change is None else change(row))
                    first = first or lines.number
                    if below:
                        odd += [(number, len(other)) for number, other in below]
                        below.clear()
                elif not is_blank(row):
                    if len(row) == width - 1 and dialect.trailing:
                        write([*row, ""])
                    elif row[0].startswith("#"):
                        lines.n_comments += 1
                    else:
                        below.append((lines.number, row))
        except csv.Error as error:
            problems.add(
                f"line {lines.number} of {{source}} is no row of a table ({error}); "
                "check its quotes"
            )
    if all(is_footer(row) for _, row in below) and below:
        notes.append(
            f"{len(below)} line{'s' * (len(below) > 1)} below the table left out, the first is "
            f"line {below[0][0]}, {''.join(below[0][1]).strip()[:40]!r}"
        )
    else:
        odd += [(number, len(row)) for number, row in below]
    if change is not None and rewriting is not None:
        notes += rewriting.notes()
    if n_repeated:
        headers = "rows that repeat" if n_repeated > 1 else "row that repeats"
        notes.append(f"{n_repeated} {headers} the names of the columns left out")
    if lines.n_comments and not any("#" in note for note in dialect.notes):
        notes.append("lines that begin with # are left out")
    if odd and skip_bad_lines:
        notes.append(
            f"{len(odd)} line{'s' * (len(odd) > 1)} without {width} cells left out, the first is "
            f"line {odd[0][0]}"
        )
    elif odd:
        problems.add(_ragged(odd, first, width, dialect.delimiter))
    return notes


def _ragged(odd: list[tuple[int, int]], first: int, width: int, delimiter: str) -> str:
    """What is wrong with lines of (number, width)."""
    number, cells = odd[0]
    shown = [f"line {number} of {{source}} has {cells}"]
    shown += [f"line {number} has {cells}" for number, cells in odd[1:_SHOWN]]
    more = f", {len(odd) - _SHOWN} more lines have other numbers," if len(odd) > _SHOWN else ""
    shown[0] += " cells"
    return (
        f"{', '.join(shown)}{more} where line {first} has {width}; all need the same number "
        f"(delimiter {_DELIMITERS.get(delimiter) or repr(delimiter)}): correct them, or leave "
        "them out with skip_bad_lines=True (--skip-bad-lines)"
    )
