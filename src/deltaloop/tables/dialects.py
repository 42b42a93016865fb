"""The dialect of a text of cells, decided on its first rows."""

import csv
import io
import re
from codecs import getincrementaldecoder
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from .cells import is_missing, shortened
from .delimiters import LOOKED_AT, NO_DELIMITER, Candidate, best_division
from .headers import common_kind, find_header
from .number_forms import is_written_number
from .records import BLANKS, Lines, Quoting, is_blank, long_cells, reader_of
from .text_files import encoding_of
from .tops import is_rule, joined_names, lines_above, more_headers

_SAMPLE = 1000  # rows that decide the kinds of columns
_UNUSUAL = {BLANKS: "runs of blanks", "|": "bars"}
_ENCODINGS = {
    "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16",
    "latin-1": "Latin-1", "cp1252": "Latin-1 of Windows (cp1252)",
}  # fmt: skip


@dataclass
class Dialect:
    r"""How rows of cells are written, and what the first of them are.

    Attributes
    ----------
    encoding : str
        Of the file.
    delimiter : str
        Between cells; ' ' is any run of blanks, '\x1f' none at all.
    quoting : Quoting
        Around cells.
    newline : str
        At the end of lines.
    skip : int
        Lines before the first row of data: comments, ``sep=``, the header.
    names : tuple of str or None
        From the header, one a column; None where there is none.
    width : int
        Number of cells in a row.
    rows : list of list of str
        The first rows of data that have so many.
    is_plain : bool
        Whether the file can be read as it is; else a plain copy of it has to be made.
    longest : int
        Characters of the longest of the first lines.
    has_comments : bool
        Whether lines that begin with # are no rows.
    has_rules : bool
        Whether lines that only divide others, such as ---+---, are no rows.
    repeats : bool
        Whether rows that repeat the names of the columns are no rows, as in files put together.
    trailing : bool
        Whether the last cell of every row is probably what follows a comma too much.
    notes : list of str
        What was decided that is not plain to see.
    """

    encoding: str
    delimiter: str
    quoting: Quoting
    newline: str
    skip: int
    names: tuple[str, ...] | None
    width: int
    rows: list[list[str]]
    is_plain: bool
    longest: int
    has_comments: bool = False
    has_rules: bool = False
    repeats: bool = False
    trailing: bool = False
    notes: list[str] = field(default_factory=list)


def sniff(
    head: bytes,
    is_whole: bool,
    delimiters: str,
    header: bool | None = None,
    expected: Collection[str] = (),
) -> Dialect:
    """The dialect of the text that begins so.

    Parameters
    ----------
    head : bytes
        The first bytes of the file, some hundred rows.
    is_whole : bool
        Whether these are all.
    delimiters : str
        Those that are possible; of two that are equally good, the first is taken.
    header, expected
        See `read`.
    """
    encoding = encoding_of(head, is_whole)
    text = getincrementaldecoder(encoding)("replace").decode(head, final=is_whole)
    with long_cells(len(text)):
        return _sniffed(text, encoding, is_whole, delimiters, header, expected)


def _sniffed(
    text: str, encoding: str, is_whole: bool, delimiters: str, header: bool | None,
    expected: Collection[str],
) -> Dialect:  # fmt: skip
    """The dialect of a text."""
    lines = list(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    if not is_whole and len(lines) > 1:
        lines.pop()
    found = _divide(lines, delimiters, header, is_whole)
    lines, start, best = found.lines, found.start, found.best
    reader = Lines(lines[start:], found.has_comments)
    records = _records(reader, best, is_whole)
    top = next(records, [])
    below = start + reader.number
    rows, ends_of = [], []
    for row in islice(records, _SAMPLE):
        rows.append(row)
        ends_of.append(start + reader.number)
    repeats = top in rows and header is not False and _is_repeated_header(top, rows)
    if repeats:
        ends_of = [end for row, end in zip(rows, ends_of, strict=True) if row != top]
        rows = [row for row in rows if row != top]
    ends = {line[len(line.rstrip("\r\n")) :] for line in lines} - {""}
    dialect = Dialect(
        encoding=encoding,
        delimiter=best.delimiter,
        quoting=best.quoting,
        newline=next(iter(ends)) if len(ends) == 1 else "\n",
        skip=start,
        names=None,
        width=max(1, Counter(map(len, rows or [top])).most_common(1)[0][0]),
        rows=rows,
        is_plain=encoding in ("utf-8", "utf-8-sig")
        and ends in (set(), {"\n"}, {"\r\n"})
        and not repeats
        and _is_plain(found, text),
        longest=max(map(len, lines), default=0),
        has_comments=found.has_comments,
        has_rules=found.has_rules,
        repeats=repeats,
        notes=_notes(found, encoding),
    )
    names = None if header is False else _names_in_comment(found.comments, dialect)
    if names:
        dialect.notes.append("the names of the columns are those of the last line with # on top")
        dialect.names = names
        rows.insert(0, top)
    else:
        quoted = _only_top_is_quoted(lines[start:below], lines[below : below + 20], best)
        _settle_header(dialect, top, below, header, expected, quoted)
        dialect.is_plain &= dialect.names is None or below - start == 1
        if dialect.names is not None and header is None:
            _add_more_headers(dialect, ends_of)
    last = [row[-1] for row in rows if len(row) == dialect.width]
    dialect.trailing = (
        dialect.width > 1
        and not (dialect.names or [""])[-1]
        and len(last) > 0
        and all(map(is_missing, last))
    )
    return dialect


@dataclass
class _Division:
    """What of the first lines are rows, and how these are divided."""

    lines: list[str]  # those that only divide others are blank
    start: int  # of the rows
    best: Candidate
    comments: list[str]  # on top
    asked: str | None  # the delimiter of sep=
    above: Sequence[str]  # lines above the names
    has_comments: bool
    has_rules: bool
    has_hashes: bool  # below the top


def _divide(lines: list[str], delimiters: str, header: bool | None, is_whole: bool) -> _Division:
    start, comments, asked = _preamble(lines)
    has_rules = any(map(is_rule, lines[start : start + LOOKED_AT]))
    if has_rules:
        lines = ["\n" if is_rule(line) else line for line in lines]
    has_hashes = any(map(_is_hash, lines[start:]))
    has_comments = bool(comments)

    def division(with_hashes: bool) -> Candidate:
        return best_division(lines[start:], asked or delimiters, is_whole, with_hashes=with_hashes)

    best = division(with_hashes=True)
    if (has_hashes and best.is_even) or start == len(lines):  # cells begin so, as colours do
        start, comments, asked = _preamble(lines, without_comments=True)
        has_comments = False
        best = division(with_hashes=True)
    elif has_hashes:
        has_comments = True
        best = division(with_hashes=False)
    above = [] if header is False else _above(lines[start:], best, has_comments)
    if above:
        start += len(above)
        best = division(with_hashes=not has_comments)
    return _Division(
        lines, start, best, comments, asked, above, has_comments, has_rules, has_hashes
    )


def _is_plain(found: _Division, text: str) -> bool:
    """Whether a reader of plain files would see the same rows."""
    best, quote = found.best, found.best.quoting.quote
    blank_quote = rf"(?:^|{re.escape(best.delimiter)})[ \t]+{quote}"
    return (
        best.delimiter not in (BLANKS, NO_DELIMITER)
        and "\0" not in text
        and not best.is_broken
        and not found.above
        and not found.has_rules
        and not (found.has_comments and found.has_hashes)
        and not (quote in text and re.search(blank_quote, text, re.MULTILINE))
    )


def _notes(found: _Division, encoding: str) -> list[str]:
    """What was decided so far that is not plain to see."""
    notes = []
    if found.has_comments:
        notes.append("lines that begin with # are left out")
    if found.has_rules:
        notes.append("lines that only divide others, such as ---+---, are left out")
    if found.above:
        n, first = len(found.above), next(line for line in found.above if line.strip())
        notes.append(
            f"{n} line{'s' * (n > 1)} above the names of the columns, such as "
            f"{first.strip()[:40]!r}, {'are' if n > 1 else 'is'} left out"
        )
    if found.asked:
        notes.append(f"the line 'sep={found.asked}' names the delimiter")
    if encoding in _ENCODINGS:
        notes.append(f"the text is {_ENCODINGS[encoding]}")
    if found.best.delimiter in _UNUSUAL:
        notes.append(f"cells are between {_UNUSUAL[found.best.delimiter]}")
    return notes


def _above(lines: Sequence[str], best: Candidate, has_comments: bool) -> Sequence[str]:
    """The lines above the names of the columns."""
    if best.delimiter in (NO_DELIMITER, BLANKS):
        return []
    first = lines[: 2 * LOOKED_AT]
    return lines[: lines_above(first, best.delimiter, best.quoting, best.width, has_comments)]


def _is_repeated_header(top: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a first row that occurs again names columns all the same."""
    others = [row for row in rows if row != top and len(row) == len(top)]
    if not others or any(map(is_written_number, top)):
        return False
    columns = zip(*others[:LOOKED_AT], strict=True)
    return any(
        common_kind([cell for cell in cells if not is_missing(cell)]) in ("number", "date")
        for cells in columns
    )


def _add_more_headers(dialect: Dialect, ends_of: Sequence[int]) -> None:
    """Rows below the names that belong to the header, as units do, are no data."""
    names, width = dialect.names or (), dialect.width
    first = [row for row in dialect.rows[:LOOKED_AT] if len(row) == width]
    n = more_headers(names, first) if len(names) == width else 0
    if not n or dialect.rows[:n] != first[:n]:
        return
    others, dialect.rows[:n] = dialect.rows[:n], []
    dialect.names = joined_names(names, others)
    dialect.skip, dialect.is_plain = ends_of[n - 1], False
    dialect.notes.append(
        f"{n} row{'s' * (n > 1)} below the names, {shortened(others[0], 4)}, "
        f"belong{'s' * (n == 1)} to the header; if it is data, use header=True (--header)"
    )


def _is_hash(line: str) -> bool:
    return line.lstrip(" \t").startswith("#")


def _preamble(
    lines: Sequence[str], without_comments: bool = False
) -> tuple[int, list[str], str | None]:
    """Lines above the rows: how many, those with #, and the delimiter of ``sep=``."""
    comments: list[str] = []
    asked = None
    for number, line in enumerate(lines):
        content = line.strip(" \r\n")
        named = re.fullmatch(r'"?sep=(.)"?', content.replace("\\t", "\t"))
        if named and asked is None and not comments:
            asked = named[1]
        elif _is_hash(line) and not without_comments:
            comments.append(line)
        elif content.strip():
            return number, comments, asked
    return len(lines), comments, asked  # nothing but these


def _records(lines: Lines, best: Candidate, is_whole: bool) -> Iterator[list[str]]:
    """Rows that are not blank, as far as they can be read."""
    reader = reader_of(lines, best.delimiter, best.quoting)
    try:
        for row in reader:
            if not is_blank(row):
                yield row
    except csv.Error:
        return


def _names_in_comment(comments: Sequence[str], dialect: Dialect) -> tuple[str, ...] | None:
    """The names of the columns, if the last comment on top holds as many words."""
    if not comments:
        return None
    text = comments[-1].strip().lstrip("#").strip()
    for delimiter in dict.fromkeys([dialect.delimiter, ",", ";", "\t", BLANKS]):
        try:
            cells: list[str] = next(reader_of([text], delimiter, dialect.quoting), [])
        except csv.Error:
            continue
        names = tuple(cell.strip() for cell in cells)
        is_words = all(names) and not any(map(is_written_number, names))
        if len(names) == dialect.width and is_words and len(set(names)) == len(names):
            return names
    return None


def _only_top_is_quoted(top: Sequence[str], below: Sequence[str], best: Candidate) -> bool:
    """Whether the numbers on top are in quotes, and those below are not."""
    quote = best.quoting.quote

    def numbers(lines: Sequence[str], in_quotes: bool) -> bool:
        cells = [cell.strip() for line in lines for cell in line.split(best.delimiter)]
        return any(
            is_written_number(cell.strip(quote)) and cell.startswith(quote) == in_quotes
            for cell in cells
        )

    return (
        numbers(top, True) and not numbers(top, False)
        and numbers(below, False) and not numbers(below, True)
    )  # fmt: skip


def _settle_header(
    dialect: Dialect,
    top: list[str],
    below: int,
    header: bool | None,
    expected: Collection[str],
    only_top_is_quoted: bool,
) -> None:
    """Decide whether the top row names the columns, and which; else it is the first of the rows."""
    width, rows = dialect.width, [row for row in dialect.rows if len(row) == dialect.width]
    names, note = top, None
    if len(top) == width + 1 and not top[-1].strip():
        names, note = top[:-1], "the header has a delimiter after the last cell"
    elif len(top) == width - 1 and rows:
        if all(is_missing(row[-1]) for row in rows):
            names = [*top, ""]
        else:
            names = ["", *top]
            note = "the header has no name for the first column, as R writes names of rows"
    guess = None
    if len(names) == width:
        if header is None:
            header, guess = find_header(names, rows, expected, only_top_is_quoted)
            no_numbers = not any(map(is_written_number, top))
            header = header or (no_numbers and len(top) != width)
            header = header or (no_numbers and more_headers(names, rows[:LOOKED_AT]) > 0)
    else:
        header = False
    if not header:
        if top:
            dialect.rows.insert(0, top)
        dialect.notes += [guess] if guess else []
        return
    dialect.names = tuple(name.strip() for name in names)
    dialect.skip = below
    dialect.notes += [one for one in (guess, note) if one]
