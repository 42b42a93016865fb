"""Tables whose columns have types: Parquet, JSON lines, results of queries."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import FileFormatError
from ..inputs.unpacking import REMEDY, too_large
from .cells import COLUMN
from .columns import TABLE, Decisions, arrays_of, settled
from .duck import connection, quoted
from .kinds import NUMBER, OPEN, TEXT, Kind
from .problems import Problems
from .table import Table

_CELL = 32  # bytes of memory of a cell, at most, on its way into an array
_NUMBERS = (
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
    "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "BIGNUM", "VARINT",
)  # fmt: skip
_DATES = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
_DURATIONS = ("TIME", "TIME_NS", "INTERVAL")
_TEXTS = ("VARCHAR", "BOOLEAN", "UUID", "ENUM", "CHAR", "BIT")


def read_parquet(path: str, source: str, limit: int) -> Table:
    """The columns of a Parquet file."""
    with parquet_file(path, source, limit) as (con, name, n_rows):
        query = f"SELECT * FROM read_parquet({name}, hive_partitioning=false)"
        n_columns = len(con.execute(f"DESCRIBE {query}").fetchall())
        if _CELL * n_rows * n_columns > limit:
            what = f"has {n_rows} rows of {n_columns} columns"
            raise too_large(source, what, limit, REMEDY)
        return table_of(con, query, source, limit)


@contextmanager
def parquet_file(path: str, source: str, limit: int) -> Iterator[tuple[Any, str, int]]:
    """A connection to a Parquet file, the literal of its name, and its number of rows."""

    def not_whole(reason: str) -> FileFormatError:
        return FileFormatError(f"{source!r} is no whole Parquet file ({reason}); copy it again")

    name = quoted(os.path.abspath(path))
    with connection([path], limit, source, "a table from Parquet", not_whole) as con:
        metadata = con.execute(f"SELECT num_rows FROM parquet_file_metadata({name})")
        (n_rows,) = metadata.fetchone()
        yield con, name, n_rows


def read_json(path: str, source: str, limit: int) -> Table:
    """One object a line, or one list of objects; a name that a line lacks is missing there."""

    def no_table(reason: str) -> FileFormatError:
        return FileFormatError(
            f"{source!r} is no table of JSON objects ({reason}); every line must be one, such as "
            '{"a": 1, "b": "red"}'
        )

    with connection([path], limit, source, "a table from JSON", no_table) as con:
        with open(path, "rb") as file:
            start = file.read(1000).lstrip(b"\xef\xbb\xbf \t\r\n")
        form = "array" if start.startswith(b"[") else "newline_delimited"
        query = (
            f"SELECT * FROM read_json({quoted(os.path.abspath(path))}, format='{form}', "
            "maximum_depth=1, sample_size=-1, records='true', "
            "compression='none', hive_partitioning=false)"
        )
        return table_of(con, query, source, limit)


def table_of(con: Any, query: str, source: str, limit: float) -> Table:
    """The result of a query; its types decide what the columns are."""
    described = con.execute(f"DESCRIBE {query}").fetchall()
    names = [name for name, *_ in described]
    types = [type_.partition("(")[0] for _, type_, *_ in described]
    problems, kinds, expressions, notes = Problems(source), [], [], []
    if COLUMN * len(names) > limit:
        raise too_large(source, f"has {len(names)} columns", limit, REMEDY)
    for number, (name, type_, whole) in enumerate(
        zip(names, types, (row[1] for row in described), strict=True)
    ):
        kind, expression = _read_as(f"t.c{number}", type_ if "[" not in whole else whole)
        if kind is None:
            problems.add(
                f"column {name!r} of {{source}} has the type {whole[:60]}; leave it out, or make "
                "numbers, text or dates of it"
            )
        elif type_ in _DURATIONS:
            notes.append(f"column {name!r} has times, which are read as seconds")
        kinds.append(kind or TEXT)
        expressions.append(f"{expression} AS c{number}")
    problems.raise_any()
    aliases = ", ".join(f"c{number}" for number in range(len(names)))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {TABLE} AS SELECT {', '.join(expressions)} "
        f"FROM ({query}) AS t({aliases})"
    )
    (n_rows,) = con.execute(f"SELECT count(*) FROM {TABLE}").fetchone()
    if _CELL * n_rows * len(names) > limit:
        raise too_large(source, f"has {n_rows} rows of {len(names)} columns", limit, REMEDY)
    if not n_rows:
        raise FileFormatError(f"{source!r} is empty; a table needs at least one row")
    is_typed = [kind.name in ("number", "date") for kind in kinds]
    by = Decisions(problems)
    for number, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        if types[number] == "JSON":
            _refuse_nested(con, query, number, name, aliases, problems)
            kinds[number] = settled(con, TABLE, number, name, kind, (), by)
    problems.raise_any()
    columns, _ = arrays_of(con, TABLE, kinds, is_typed)
    return Table(tuple(names), columns, source, notes=(*notes, *by.notes))


def _read_as(column: str, type_: str) -> tuple[Kind | None, str]:
    """How a column of this type is read, and the expression for it; None where it cannot be."""
    if type_ in _NUMBERS:
        return NUMBER, f"{column}::DOUBLE"
    if type_ in _DATES:
        return Kind("date"), f"{column}::TIMESTAMP"
    if type_ == "TIMESTAMP WITH TIME ZONE":
        return Kind("date"), f"timezone('UTC', {column})"
    if type_ in _DURATIONS:
        return NUMBER, f"epoch({column})::DOUBLE"
    if type_ in _TEXTS:
        return TEXT, f"{column}::VARCHAR"
    if type_ == "JSON":
        return OPEN, f"{column} ->> '$'"
    return None, "NULL"


def _refuse_nested(
    con: Any, query: str, number: int, name: str, aliases: str, problems: Problems
) -> None:
    """Note a column of JSON that holds lists or objects."""
    found = con.execute(
        f"SELECT t.c{number}::VARCHAR FROM ({query}) AS t({aliases}) "
        f"WHERE json_type(t.c{number}) IN ('ARRAY', 'OBJECT') LIMIT 1"
    ).fetchone()
    if found:
        problems.add(
            f"column {name!r} of {{source}} holds lists or objects, such as {found[0][:40]!r}; "
            "leave it out, or make numbers or text of it"
        )
