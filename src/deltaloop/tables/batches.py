"""Tables that are larger than memory, some rows at a time."""

import os
import re
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import IO

from ..errors import FileFormatError, InvalidInputError
from ..inputs.checks import whole_number
from ..inputs.paths import as_path
from ..inputs.unpacking import REMEDY, memory_limit, too_large
from .arrays import npy_pieces
from .cells import COLUMN, is_missing
from .columnar import parquet_file, table_of
from .columns import TABLE, arrays_of, misfit
from .delimited import (
    CELL,
    TEXT_ENDINGS,
    NeedsCopy,
    Options,
    Reading,
    beginning,
    check_options,
    csv_relation,
    has_misread,
    unconverted,
)
from .dialects import Dialect, sniff
from .duck import connection, first_line
from .readers import check_file, check_heeded, readable, unpacked_file
from .table import Table


def batches(
    path: str | os.PathLike[str],
    rows: int,
    *,
    header: bool | None = None,
    text: str | Sequence[str] = (),
    decimal: str | None = None,
    expected: Collection[str] = (),
    skip_bad_lines: bool = False,
    numbers: str | Sequence[str] = (),
    missing: str | Sequence[str] = (),
    max_memory: float | None = None,
) -> Iterator[Table]:
    r"""Read a file that may be larger than memory, in tables of at most so many rows.

    What the columns are is decided on the first table. A later cell that does not fit, such as a
    word among numbers, is an error with its line. The `values` of a column of text are those of its
    own table; notes come with the first.

    Parameters
    ----------
    path : str or path-like
        A text, Parquet or .npy file; see `read`. A compressed text, and one that has to be
        rewritten (UTF-16, runs of blanks and the like), needs room for its content on the disk.
    rows : int
        Number of rows of every table but the last, which may have fewer.
    header, text, decimal, expected, skip_bad_lines, numbers, missing, max_memory
        See `read`; the memory is that of one table.

    Returns
    -------
    iterator of Table

    Raises
    ------
    InvalidInputError, FileFormatError, MissingDependencyError
        See `read`; also when the format cannot be read in parts.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from deltaloop.tables import batches
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "fruit.csv")
    >>> _ = path.write_text("mass,fruit\n150,apple\n120,lemon\n180,apple\n")
    >>> [table.n_rows for table in batches(path, 2)]
    [2, 1]
    >>> folder.cleanup()
    """
    rows = whole_number("rows", rows)
    options = check_options(
        Options(header, text, decimal, expected, skip_bad_lines, numbers, missing)
    )
    source = as_path(path)
    ending, packing = check_file(source)
    check_heeded(options, ending, source)
    if ending not in (*TEXT_ENDINGS, ".parquet", ".pq", ".npy") or (packing and ending == ".npy"):
        raise InvalidInputError(
            f"{source!r}: files {ending}{packing} cannot be read in parts; make a CSV or "
            "Parquet file of it"
        )
    with readable(source):
        limit = memory_limit(source, max_memory)
    return _pieces_of(source, ending, packing, rows, options, limit)


def _pieces_of(
    source: str, ending: str, packing: str, rows: int, options: Options, limit: int
) -> Iterator[Table]:
    """The tables; here nothing has been read yet."""
    with readable(source):
        if ending in TEXT_ENDINGS:
            with unpacked_file(source, packing, 2**62) as plain:
                yield from _of_text(plain, TEXT_ENDINGS[ending], rows, options, source, limit)
        elif ending in (".parquet", ".pq"):
            with unpacked_file(source, packing, limit) as plain:
                yield from _of_parquet(plain, rows, source, limit)
        else:
            for table in npy_pieces(source, rows, limit):
                yield replace(table, limit=limit)


def _of_text(
    path: str, delimiters: str, rows: int, options: Options, source: str, limit: int
) -> Iterator[Table]:
    """Tables of a text."""
    head, is_whole = beginning(path, source)
    dialect = sniff(head, is_whole, delimiters, options.header, options.expected)
    if dialect.width * (COLUMN + CELL * rows) > limit:
        what = f"has {dialect.width} columns, of which {rows} rows are to be read at a time"
        raise too_large(source, what, limit, REMEDY)
    reading = Reading(path, dialect, options, source, limit)
    dialect = reading.dialect
    with tempfile.TemporaryDirectory(prefix="deltaloop-") as folder:
        original = dialect
        if not dialect.is_plain:
            path, dialect = reading.copy_to(folder)
            reading.problems.raise_any()
        piece = os.path.join(folder, "piece.csv")
        done = 0
        for first, n_rows, longest in _pieces(path, dialect, rows, piece):
            part = replace(dialect, skip=0, longest=longest)
            if not done:
                try:
                    table = replace(reading.read(piece, part), limit=limit)
                except NeedsCopy as error:
                    raise _unfit_lines(source, error, first, original.is_plain) from None
            else:
                table = _next(reading, piece, part, table, first, done, original.is_plain)
            yield table
            done += n_rows
        if not done:
            raise reading.no_rows()


def _unfit_lines(source: str, told: object, first: int, is_plain: bool) -> FileFormatError:
    """The error for lines that DuckDB cannot divide."""
    number = re.search(r"on Line: (\d+)", str(told))
    line = f"line {first + int(number[1]) - 1} of " if number and is_plain else ""
    return FileFormatError(
        f"{line}{source!r} cannot be read: {told}; correct it, or leave such lines out with "
        "skip_bad_lines=True (--skip-bad-lines)"
    )


def _pieces(path: str, dialect: Dialect, rows: int, piece: str) -> Iterator[tuple[int, int, int]]:
    """Write rows to the file `piece`, again and again.

    Yields its first line, the number of rows, and the bytes of the longest.
    """
    quote = dialect.quoting.quote.encode()
    with open(path, "rb") as file:
        number = sum(1 for _ in islice(file, dialect.skip)) + 1
        while True:
            with open(piece, "wb") as part:
                n_rows, n_lines, longest = _copy_rows(file, part, rows, quote)
            if not n_rows:
                return
            yield number, n_rows, longest
            number += n_lines


def _copy_rows(file: IO[bytes], part: IO[bytes], most: int, quote: bytes) -> tuple[int, int, int]:
    """Copy the next rows of a file, blank lines with them.

    How many rows and lines it were, and the bytes of the longest row.
    """
    n_rows, n_lines, is_quoted = 0, 0, False
    length = longest = 0  # of this row, and of all
    for line in file:
        n_lines += 1
        is_quoted ^= line.count(quote) % 2 == 1
        length += part.write(line)
        longest = max(longest, length)
        if is_quoted:
            continue
        length = 0
        n_rows += not line.isspace()
        if n_rows == most:
            break
    return n_rows, n_lines, longest


def _next(
    reading: Reading, piece: str, dialect: Dialect, before: Table, first: int, done: int,
    is_plain: bool,
) -> Table:  # fmt: skip
    """The table of another piece, whose columns are what those before are."""
    kinds, is_typed = reading.found
    kinds = [replace(kind, name="text") if kind.name == "values" else kind for kind in kinds]
    types = [kind if typed else replace(kind, name="text")
             for kind, typed in zip(kinds, is_typed, strict=True)]  # fmt: skip
    with connection([piece], reading.limit, reading.source, "a table from text") as con:
        import duckdb

        while True:
            relation = csv_relation(piece, dialect, types, reading.nulls)
            try:
                con.execute(f"CREATE OR REPLACE TEMP TABLE {TABLE} AS SELECT * FROM {relation}")
                break
            except duckdb.ConversionException as error:
                cell, column = unconverted(str(error))
                if cell is not None and is_missing(cell) and cell not in reading.nulls:
                    reading.nulls.add(cell)
                    continue
                line = re.search(r"on Line: (\d+)", str(error))
                name = "?" if column is None else reading.names[column]
                raise _other_kind(
                    reading, name, "?" if cell is None else cell,
                    f"line {first + int(line[1]) - 1}" if line and is_plain else "a later row",
                ) from None  # fmt: skip
            except duckdb.InvalidInputException as error:
                told = first_line(error)
                raise _unfit_lines(reading.source, told, first, is_plain) from None
        for number, (kind, typed) in enumerate(zip(kinds, is_typed, strict=True)):
            found = None if typed else misfit(con, TABLE, number, kind)
            if found:
                raise _other_kind(
                    reading, reading.names[number], found[0], f"row {done + found[1]}"
                )
        columns, texts = arrays_of(con, TABLE, kinds, is_typed)
    if any(is_typed) and has_misread(piece, 0, kinds, texts):
        raise FileFormatError(
            f"{reading.source!r} has a number with _, or a date with a time unlike those before, "
            f"in one of the rows {done + 1} to {done + len(columns[0])}; write it as the others"
        )
    return replace(before, values=[columns[k] for k in reading.kept], notes=())


def _other_kind(reading: Reading, name: str, cell: str, place: str) -> FileFormatError:
    """The error for a cell that does not fit what the column was in the first table."""
    return FileFormatError(
        f"column {name!r} of {reading.source!r} holds {cell[:40]!r} in {place}, unlike the rows "
        f"before; correct the cell, or take the column as text with text=[{name!r}] (--text)"
    )


def _of_parquet(path: str, rows: int, source: str, limit: int) -> Iterator[Table]:
    """Tables of a Parquet file."""
    with parquet_file(path, source, limit) as (con, name, n_rows):
        for start in range(0, max(1, n_rows), rows):
            query = (
                f"SELECT * EXCLUDE (file_row_number) FROM read_parquet({name}, "
                f"file_row_number=true, hive_partitioning=false) "
                f"WHERE file_row_number >= {start} AND file_row_number < {start + rows}"
            )
            table = table_of(con, query, source, limit)
            yield replace(table, limit=limit, notes=() if start else table.notes)
