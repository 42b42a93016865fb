"""Tables as text: rows of cells between commas, semicolons, tabs, bars or blanks."""

import os
import re
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import FileFormatError, InvalidInputError, InvalidTypeError
from ..inputs.checks import several
from ..inputs.unpacking import REMEDY, too_large
from .cells import COLUMN, Column, is_missing, missing_cells, shortened
from .columns import TABLE, Decisions, arrays_of, opened, settled
from .dates import ISO_DAY
from .dialects import Dialect, sniff
from .duck import connection, first_line, quoted
from .hints import hints
from .kinds import NUMBER, OPEN, TEXT, Kind, guessed_kind
from .names import named_columns, told_apart
from .number_forms import NumberForm, sure_decimals
from .other_formats import refuse_other_formats
from .plain_copies import write_plain_copy
from .problems import Problems
from .records import Quoting
from .rewriting import Rewriting
from .table import Table
from .text_files import empty, head_of

# Delimiters that are possible, by the ending of the file; of two that are equally good the first.
TEXT_ENDINGS = {
    ".csv": "\t;,|", ".tsv": "\t", ".tab": "\t", ".psv": "|",
    ".txt": "\t;,| ", ".dat": "\t;,| ", ".data": "\t;,| ",
}  # fmt: skip
CELL = 32  # bytes of memory of a cell, at most, on its way into an array
_LONG = 500_000  # characters of a line; DuckDB takes four times that unless told
_FEW_TEXTS = 8  # columns of many values that are quicker made of str than by DuckDB
_TRIES = 8  # readings of a file whose cells are others than the first ones
_TYPES = {"number": "DOUBLE", "date": "TIMESTAMPTZ"}


@dataclass(frozen=True)
class Options:
    """What the caller of `read` knows of a text; see there."""

    header: bool | None = None
    text: str | Sequence[str] = ()
    decimal: str | None = None
    expected: Collection[str] = ()
    skip_bad_lines: bool = False
    numbers: str | Sequence[str] = ()
    missing: str | Sequence[str] = ()

    @property
    def given(self) -> list[str]:
        """Names of those that the caller has set."""
        return [
            name
            for name, value in (
                ("header", self.header is not None), ("text", self.text), ("decimal", self.decimal),
                ("skip_bad_lines", self.skip_bad_lines), ("numbers", self.numbers),
                ("missing", self.missing),
            )
            if value
        ]  # fmt: skip


def check_options(options: Options) -> Options:
    """Refuse what is no option."""
    if options.header is not None and not isinstance(options.header, bool):
        raise InvalidTypeError(f"header must be True, False or None, got {options.header!r}")
    if options.decimal not in (None, ".", ","):
        raise InvalidInputError(f"decimal must be '.', ',' or None, got {options.decimal!r}")
    lists: dict[str, Any] = {
        name: several(name, getattr(options, name))
        for name in ("text", "numbers", "missing", "expected")
    }
    for name, values in lists.items():
        for value in values:
            if not isinstance(value, str):
                raise InvalidTypeError(f"{name} must be texts, got {value!r}")
    return replace(options, **lists)


def read_delimited(path: str, delimiters: str, options: Options, source: str, limit: int) -> Table:
    """Rows of cells; the names of the columns from the first row if it is a header."""
    head, is_whole = beginning(path, source)
    _check_size(os.path.getsize(path), head, delimiters, source, limit)
    dialect = sniff(head, is_whole, delimiters, options.header, options.expected)
    return Reading(path, dialect, options, source, limit).table()


def beginning(path: str, source: str) -> tuple[bytes, bool]:
    """The first bytes of a text that is not empty, and whether that is all."""
    with open(path, "rb") as file:
        head, is_whole = head_of(file)
    refuse_other_formats(head, source)
    if is_whole and not head.strip(b" \t\r\n\f\v\xef\xbb\xbf"):
        raise empty(source)
    return head, is_whole


def _check_size(size: int, head: bytes, delimiters: str, source: str, limit: int) -> None:
    """Refuse what would take too much memory, before it is divided."""
    lines = head.splitlines()[:100] or [b""]
    width = max(map(len, lines)) and max(
        1 + line.count(delimiter.encode()) for line in lines for delimiter in delimiters
    )
    cells = max(map(head.count, map(str.encode, delimiters))) + len(head.splitlines())
    n_cells = round(size * cells / max(1, len(head)))
    if size + CELL * n_cells + COLUMN * width > limit:
        raise too_large(source, f"has about {n_cells} cells", limit, REMEDY)


class NeedsCopy(Exception):
    """DuckDB cannot read the file as it is."""


class Reading:
    """One reading of a file, from its dialect to the table."""

    def __init__(self, path: str, dialect: Dialect, options: Options, source: str, limit: int):
        self.path, self.dialect, self.options = path, dialect, options
        self.source, self.limit = source, limit
        self.problems = Problems(source)
        self.names = named_columns(dialect.names, dialect.width)
        self.notes = list(dialect.notes)
        self.names, told = told_apart(self.names)
        self.notes += told
        self.rewriting = self._rewriting()
        self.kinds, self.decimals = self._guessed()
        # missing cells as they are written in the first rows
        self.nulls = {"", *filter(is_missing, set().union(*self.cells))}
        self.found: tuple[list[Kind], list[bool]] = [], []  # kinds, and whether DuckDB has types
        self.kept: list[int] = []  # columns of the file that the table has

    def _rewriting(self) -> Rewriting:
        """What the options say of cells; the rows of the dialect are changed at once."""
        options, dialect = self.options, self.dialect
        columns = self._positions(options.numbers, "numbers")
        for number in set(self._positions(options.text, "text")) & set(columns):
            raise InvalidInputError(
                f"column {self.names[number]!r} is to be text and to be numbers; leave one out"
            )
        found = Rewriting(tuple(options.missing), {k: self.names[k] for k in columns})
        if found.is_needed:
            rows = [row for row in dialect.rows if len(row) == dialect.width]
            found.look(rows, options.decimal, dialect.delimiter)
            first = Rewriting(found.missing, found.names, found.forms)  # counts on its own
            self.dialect = replace(
                dialect, is_plain=False, rows=[first.row(list(row)) for row in rows]
            )
        return found

    def _guessed(self) -> tuple[list[Kind], set[str]]:
        """What the columns are by their first cells, and the signs before fractions."""
        width = self.dialect.width
        rows = [row for row in self.dialect.rows if len(row) == width]
        self.cells = list(zip(*rows, strict=True)) if rows else [()] * width
        texts = set(self._positions(self.options.text, "text"))
        kinds = [
            TEXT if number in texts else guessed_kind(cells)
            for number, cells in enumerate(self.cells)
        ]
        decimals: set[str] = set()
        if OPEN not in kinds and self.options.decimal is None:
            return kinds, decimals  # all numbers are plain
        for kind, cells in zip(kinds, self.cells, strict=True):
            if kind in (NUMBER, OPEN):
                decimals |= sure_decimals(cell.strip() for cell in set(cells))
        if self.options.decimal == "," or decimals == {","}:  # 1.234 may be above 1000
            form = NumberForm(".", ",")
            for number, (kind, cells) in enumerate(zip(kinds, self.cells, strict=True)):
                stripped = [cell.strip() for cell in cells if not is_missing(cell)]
                if kind is NUMBER and "." in "".join(stripped) and all(map(form.matches, stripped)):
                    kinds[number] = OPEN
        return kinds, decimals

    def _positions(self, given: Sequence[str], what: str) -> list[int]:
        """The positions of columns that an option names, or numbers from 1; A,B are two."""
        found = []
        for one in given:
            for name in [one] if one in self.names else one.split(","):
                name = name.strip()
                if name in self.names:
                    found.append(self.names.index(name))
                elif name.isdecimal() and 1 <= int(name) <= len(self.names):
                    found.append(int(name) - 1)
                else:
                    raise InvalidInputError(
                        f"{self.source!r} has no column {name!r} to be taken as {what}, expected "
                        f"one of {shortened(self.names)}"
                    )
        return found

    def table(self) -> Table:
        """The table, or one error about all that is wrong with the file."""
        if self.dialect.is_plain:
            try:
                return self.read(self.path, self.dialect)
            except NeedsCopy:
                pass
        with tempfile.TemporaryDirectory(prefix="deltaloop-") as folder:
            return self.read_copy(*self.copy_to(folder))

    def copy_to(self, folder: str) -> tuple[str, Dialect]:
        """Write a plain copy; return its path and dialect."""
        copy = os.path.join(folder, "plain.csv")
        notes, longest = write_plain_copy(
            self.path, self.dialect, copy, self.problems, self.options.skip_bad_lines,
            self.rewriting, self.limit,
        )  # fmt: skip
        self.notes += notes
        if not os.path.getsize(copy):
            self.problems.raise_any()
            raise self.no_rows()
        return copy, replace(
            self.dialect, delimiter=",", quoting=Quoting(), newline="\n", skip=0, is_plain=True,
            longest=longest,
        )  # fmt: skip

    def read_copy(self, path: str, dialect: Dialect) -> Table:
        """The table of a plain copy, or one error about all that is wrong with the file."""
        try:
            return self.read(path, dialect)
        except NeedsCopy as error:
            self.problems.raise_any()
            raise FileFormatError(
                f"{self.source!r} cannot be read: {error}; check its cells and quotes"
            ) from None

    def no_rows(self) -> FileFormatError:
        """The error for a header without rows."""
        if self.dialect.names is None:
            return empty(self.source)
        return FileFormatError(
            f"{self.source!r} holds only a header, {shortened(self.dialect.names)}; add rows "
            "below it"
        )

    def read(self, path: str, dialect: Dialect) -> Table:
        """The table of a plain file.

        Raises
        ------
        NeedsCopy
            DuckDB cannot read it.
        """
        with connection([path], self.limit, self.source, "a table from text") as con:
            import duckdb

            kinds = list(self.kinds)
            for left in range(_TRIES, -1, -1):
                try:
                    found = self._attempt(con, path, dialect, kinds)
                except duckdb.ConversionException as error:
                    kinds = (
                        _corrected(str(error), kinds, self.nulls) if left else [OPEN] * len(kinds)
                    )
                except (duckdb.InvalidInputException, duckdb.InternalException) as error:
                    raise NeedsCopy(first_line(error)) from None
                else:
                    if found is not None:
                        return self._finished(*found)
                    kinds = [opened(kind) if kind.name in _TYPES else kind for kind in kinds]
            raise NeedsCopy("its cells have changing kinds")

    def _attempt(
        self, con: Any, path: str, dialect: Dialect, kinds: list[Kind]
    ) -> tuple[list[Column], list[str]] | None:
        """The columns, if they are of these kinds; None where DuckDB has misread some."""
        relation = csv_relation(path, dialect, kinds, self.nulls)
        is_typed = [kind.name in _TYPES for kind in kinds]
        by = Decisions(self.problems, dialect.delimiter, self.options.decimal, self.decimals)
        n_texts = sum(kind.name == "text" for kind in kinds)
        if any(kind.name == "open" for kind in kinds) or n_texts > _FEW_TEXTS:
            con.execute(f"CREATE OR REPLACE TEMP TABLE {TABLE} AS SELECT * FROM {relation}")
            relation = TABLE
            n_problems = len(self.problems.found)
            kinds = [
                settled(con, relation, number, name, kind, cells, by)
                for number, (name, kind, cells) in enumerate(
                    zip(self.names, kinds, self.cells, strict=True)
                )
            ]
            if len(self.problems.found) > n_problems:
                self.problems.raise_any()
        columns, texts = arrays_of(con, relation, kinds, is_typed)
        if any(is_typed) and has_misread(path, dialect.skip, kinds, texts):
            return None
        self.found = kinds, is_typed
        return columns, by.notes

    def _finished(self, columns: list[Column], notes: list[str]) -> Table:
        """The table of the columns that have been read."""
        self.problems.raise_any()
        names = self.names
        if not len(columns[0]):
            raise self.no_rows()
        self.kept = list(range(len(columns)))
        if self.dialect.trailing and len(columns) > 1 and missing_cells(columns[-1]).all():
            self.kept.pop()
            self.notes.append("the delimiter after the last cell of every row is left out")
        self._leave_out_empty(columns)
        names = tuple(names[k] for k in self.kept)
        columns = [columns[k] for k in self.kept]
        first = [self.cells[k] for k in self.kept]
        notes = [*notes, *hints(names, columns, first, notes)]
        return Table(
            names, columns, self.source, named=self.dialect.names is not None,
            notes=(*self.notes, *notes),
        )  # fmt: skip

    def _leave_out_empty(self, columns: Sequence[Column]) -> None:
        """Columns without a name and without a cell are none."""
        given = self.dialect.names
        if given is None:
            return
        empty_ones = [k for k in self.kept if not given[k] and missing_cells(columns[k]).all()]
        if empty_ones and len(empty_ones) < len(self.kept):
            self.kept = [k for k in self.kept if k not in empty_ones]
            n = len(empty_ones)
            self.notes.append(
                f"{n} column{'s' * (n > 1)} without name and without cells "
                f"{'are' if n > 1 else 'is'} left out"
            )


def csv_relation(path: str, dialect: Dialect, kinds: Sequence[Kind], nulls: set[str]) -> str:
    """The file as a table function of SQL, with all that DuckDB would guess."""
    columns = ", ".join(f"'c{number}': {quoted(_type(kind))}" for number, kind in enumerate(kinds))
    newline = {"\r\n": r"\r\n", "\n": r"\n"}.get(dialect.newline, r"\n")
    longest = f", max_line_size={4 * dialect.longest}" if dialect.longest > _LONG else ""
    return (
        f"read_csv({quoted(os.path.abspath(path))}, columns={{{columns}}}, auto_detect=false, "
        f"delim={quoted(dialect.delimiter)}, quote={quoted(dialect.quoting.quote)}, "
        f"escape={quoted(dialect.quoting.escape)}, new_line={quoted(newline)}, header=false, "
        f"skip={dialect.skip}, nullstr=[{', '.join(map(quoted, sorted(nulls)))}], "
        f"compression='none', hive_partitioning=false{longest})"
    )


def _type(kind: Kind) -> str:
    if kind.name == "date" and kind.date == ISO_DAY:
        return "TIMESTAMP"  # quicker, but does not heed zones
    if kind.name == "values":
        return f"ENUM({', '.join(map(quoted, kind.values))})"
    return _TYPES.get(kind.name, "VARCHAR")


def unconverted(message: str) -> tuple[str | None, int | None]:
    """The cell that did not fit and the number of its column, as far as DuckDB names them."""
    cell = re.search(r'Could not convert string "([^"]*)"', message)
    column = re.search(r'converting column "c(\d+)"', message)
    return cell and cell[1], column and int(column[1])


def _corrected(message: str, kinds: list[Kind], nulls: set[str]) -> list[Kind]:
    """The kinds after a cell that did not fit; the cell is added to those that are missing."""
    cell, number = unconverted(message)
    if cell is not None and is_missing(cell) and cell not in nulls:
        nulls.add(cell)
        return kinds
    if number is None or kinds[number].name not in ("number", "date", "values"):
        return [opened(kind) if kind.name != "text" else kind for kind in kinds]
    if kinds[number].name == "values":  # other columns with many values are likely to follow
        n_values = len(kinds[number].values)
        return [
            opened(kind) if kind.name == "values" and len(kind.values) >= n_values else kind
            for kind in kinds
        ]
    return [opened(kind) if k == number else kind for k, kind in enumerate(kinds)]


def has_misread(
    path: str, skip: int, kinds: Sequence[Kind], texts: Sequence[tuple[np.ndarray, list[str]]]
) -> bool:
    """Whether numbers have underscores, or dates times, that DuckDB would not heed.

    Such signs are counted: in the rows of the file, and in its columns of text, which are given as
    codes and cells.
    """
    signs = [b"_"]
    if any(kind.name == "date" and kind.date == ISO_DAY for kind in kinds):
        signs.append(b":")
    counts = [0] * len(signs)
    with open(path, "rb") as file:
        for _ in range(skip):
            file.readline()
        while piece := file.read(2**20):
            for k, sign in enumerate(signs):
                if sign in piece:  # a quicker search than that of count
                    counts[k] += piece.count(sign)
    return any(
        n != _n_in_texts(texts, sign.decode()) for n, sign in zip(counts, signs, strict=True) if n
    )


def _n_in_texts(texts: Sequence[tuple[np.ndarray, list[str]]], sign: str) -> int:
    """How often the sign is in columns of text."""
    total = 0
    for codes, cells in texts:
        with_one = [(code, cell.count(sign)) for code, cell in enumerate(cells) if sign in cell]
        if with_one:
            counts = np.bincount(codes + 1, minlength=len(cells) + 1)[1:]
            total += sum(int(counts[code]) * n for code, n in with_one)
    return total
