"""Tables that are the result of a query in SQL."""

import glob
import os
import re
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FileFormatError, InvalidInputError, InvalidTypeError
from ..inputs.checks import number
from ..inputs.paths import as_path, is_special
from ..inputs.unpacking import DEFAULT_GIB, GIB, REMEDY, too_large
from .cells import COLUMN, MISSING_CELLS, Column, column_from_cells
from .columnar import table_of
from .columns import TABLE, Decisions, opened, present, settled
from .delimited import TEXT_ENDINGS, Options, Reading, beginning, csv_relation
from .dialects import Dialect, sniff
from .duck import connection, quoted
from .kinds import TEXT
from .problems import Problems
from .table import Table
from .text_column import Text

_LITERAL = re.compile(r"'((?:[^']|'')*)'")
_FROM_LITERAL = re.compile(r"(\b(?:FROM|JOIN)\s+)'((?:[^']|'')*)'", re.IGNORECASE)
_VALUE = 100  # bytes of memory, measured, of a cell as an object of Python
_PIECE = 10_000
# Missing cells as they are usually written.
_NULLS = {"NaN", *MISSING_CELLS, *map(str.upper, MISSING_CELLS), *map(str.title, MISSING_CELLS)}


def read_query(
    sql: str, database: str | os.PathLike[str] | None = None, *, max_memory: float | None = None
) -> Table:
    r"""Make a table of the result of a query.

    Without a database the query names files: ``SELECT a, b FROM 'flowers.csv' WHERE a > 0``. CSV
    files after FROM and JOIN are read with the dialect and the missing cells that `read` would
    find; Parquet and JSON files by DuckDB. Files that the query does not name cannot be reached,
    nor can the network.

    Parameters
    ----------
    sql : str
        One SELECT, in the SQL of DuckDB, or in that of SQLite for one of its databases.
    database : str or path-like, optional
        A file of DuckDB or SQLite, which is opened for reading only.
    max_memory : float, default 2
        Memory that the table may take, in GiB.

    Returns
    -------
    Table

    Raises
    ------
    InvalidInputError
        When the query is none, or names what does not exist, or there is no such database.
    FileFormatError
        When the result has no rows, or columns that hold lists and the like, or would take more
        memory than is allowed.
    MissingDependencyError
        When DuckDB is not installed and the database is none of SQLite.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from deltaloop.tables import read_query
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "fruit.csv")
    >>> _ = path.write_text("mass,fruit\n150,apple\n120,lemon\n180,apple\n")
    >>> sql = f"SELECT fruit, avg(mass) AS mean FROM '{path}' GROUP BY fruit ORDER BY fruit"
    >>> [column.tolist() for column in read_query(sql).values]
    [['apple', 'lemon'], [165.0, 120.0]]
    >>> folder.cleanup()
    """
    if not isinstance(sql, str):
        raise InvalidTypeError(f"sql must be a str, got {sql!r}")
    memory = DEFAULT_GIB if max_memory is None else number("max_memory", max_memory, low=0.0)
    limit = int(memory * GIB)
    if database is None:
        return _with_duckdb(sql, None, limit)
    path = as_path(database)
    if not os.path.exists(path) or is_special(path):
        raise InvalidInputError(
            f"there is no database file {path!r}; check the name and the directory"
        )
    with open(path, "rb") as file:
        start = file.read(16)
    if start.startswith(b"SQLite format 3"):
        return _with_sqlite(sql, path, limit)
    if start[8:12] != b"DUCK":
        raise FileFormatError(
            f"{path!r} is no database of DuckDB or SQLite; for other files name them in the query, "
            "as in SELECT * FROM 'flowers.csv'"
        )
    return _with_duckdb(sql, path, limit)


def _shown(sql: str) -> str:
    """What messages call the result."""
    text = " ".join(sql.split())
    return text if len(text) <= 60 else text[:57] + "..."


def _named_files(sql: str) -> list[str]:
    """Files that the query names, as text in quotes."""
    found: list[str] = []
    for literal in _LITERAL.findall(sql):
        name = literal.replace("''", "'")
        if "\0" not in name:
            found += [name] if os.path.isfile(name) else []
    return found


def _with_duckdb(sql: str, database: str | None, limit: int) -> Table:
    """The result of a query that DuckDB answers."""
    source = _shown(sql)

    def fails(reason: str) -> InvalidInputError:
        return InvalidInputError(
            f"the query {source!r} fails: {reason}; it can read the database that is given, and "
            "files that it names in quotes"
        )

    table = _answer(sql, database, limit, source, fails, is_careful=False)
    if table is None:  # a cell beyond the first rows is not what these promised
        table = _answer(sql, database, limit, source, fails, is_careful=True)
    assert table is not None
    return table


def _answer(
    sql: str, database: str | None, limit: int, source: str,
    fails: Callable[[str], InvalidInputError], is_careful: bool,
) -> Table | None:  # fmt: skip
    """The result; None where a cell of a text is not what its column seemed to be."""
    with tempfile.TemporaryDirectory(prefix="deltaloop-") as folder:
        copies: list[str] = []
        notes: list[str] = []
        query = _FROM_LITERAL.sub(
            lambda found: _with_dialect(found, folder, copies, notes, limit, is_careful), sql
        )
        files = [*_named_files(query), *copies]
        with connection(files, limit, source, "a table from a query", fails, database) as con:
            import duckdb

            statements = con.extract_statements(query)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise InvalidInputError(
                    f"the query must be one SELECT, got {source!r}; leave out what is not"
                )
            try:
                table = table_of(con, statements[0].query.rstrip("; \n\t"), source, limit)
            except duckdb.ConversionException:
                if is_careful or query == sql:
                    raise
                return None
    return replace(table, notes=(*notes, *table.notes))


def _with_dialect(
    found: re.Match, folder: str, copies: list[str], notes: list[str], limit: int, is_careful: bool
) -> str:
    """FROM a text file, with its dialect written out; what it is not stays as it is."""
    name = found[2].replace("''", "'")
    several = [] if os.path.isfile(name) else sorted(glob.glob(name))
    if several and all(one.lower().endswith((".parquet", ".pq")) for one in several):
        return f"{found[1]}read_parquet([{', '.join(map(quoted, several))}])"
    ending = Path(name.lower()).suffix
    if ending not in TEXT_ENDINGS or not os.path.isfile(name):
        return found[0]
    dialect = sniff(*beginning(name, name), TEXT_ENDINGS[ending])
    reading = Reading(name, dialect, Options(), name, limit)
    path = name
    if not dialect.is_plain:
        path, dialect = reading.copy_to(tempfile.mkdtemp(dir=folder))
        copies.append(path)
    reading.problems.raise_any()
    if is_careful:
        reading.kinds = [opened(kind) if kind is not TEXT else kind for kind in reading.kinds]
    kinds = [kind if kind.name in ("number", "date") else TEXT for kind in reading.kinds]
    values = (
        _settled(reading, path, dialect, limit)
        if any(kind.name == "open" for kind in reading.kinds)
        else {}
    )
    notes += [note for note in reading.notes if note not in notes]
    columns = ", ".join(
        f'{values.get(k, f"c{k}")} AS "{column.replace(chr(34), 2 * chr(34))}"'
        for k, column in enumerate(reading.names)
    )
    relation = csv_relation(path, dialect, kinds, reading.nulls | _NULLS)
    return f"{found[1]}(SELECT {columns} FROM {relation})"


def _settled(reading: Reading, path: str, dialect: Dialect, limit: int) -> dict[int, str]:
    """Expressions for columns of texts that are numbers or dates when all cells are looked at.

    Others, and those with units, which the query may not even name, stay text.
    """
    kinds = [kind if kind.name == "open" else TEXT for kind in reading.kinds]
    by = Decisions(Problems(reading.source), dialect.delimiter, None, reading.decimals)
    found = {}
    with connection([path], limit, reading.source, "a table from a query") as con:
        relation = csv_relation(path, dialect, kinds, reading.nulls)
        con.execute(f"CREATE TEMP TABLE {TABLE} AS SELECT * FROM {relation}")
        for k, (name, kind) in enumerate(zip(reading.names, kinds, strict=True)):
            known = settled(con, TABLE, k, name, kind, reading.cells[k], by)
            cell = f"({present(f'c{k}')})"
            if known.name == "number":
                found[k] = known.form.sql(cell)
            elif known.name == "date":
                found[k] = f"({known.date.sql(cell)})::TIMESTAMP"
    reading.notes += by.notes
    return found


def _with_sqlite(sql: str, path: str, limit: int) -> Table:
    """The result of a query that SQLite answers; what cells hold decides."""
    source = _shown(sql)
    con = sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True)
    con.set_authorizer(_only_reads)
    try:
        cursor = con.execute(sql)
        if cursor.description is None:
            raise InvalidInputError(
                f"the query must be one SELECT, got {source!r}; leave out what is not"
            )
        names = [name for name, *_ in cursor.description]
        rows: list[tuple] = []
        while piece := cursor.fetchmany(_PIECE):
            rows += piece
            if _VALUE * len(rows) * len(names) + COLUMN * len(names) > limit:
                raise too_large(source, f"has {len(rows)} rows and more", limit, REMEDY)
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise InvalidInputError(
            f"the query {source!r} fails: {error}; it can read the tables of {path!r}"
        ) from None
    finally:
        con.close()
    if not rows:
        raise FileFormatError(f"{source!r} is empty; a table needs at least one row")
    problems = Problems(source)
    values = [
        _from_values(cells, name, problems)
        for name, cells in zip(names, zip(*rows, strict=True), strict=True)
    ]
    problems.raise_any()
    return Table(tuple(names), values, source)


def _only_reads(action: int, *_: Any) -> int:
    """Allow SQLite what reads its own tables: no other databases, no extensions."""
    allowed = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION,
               sqlite3.SQLITE_RECURSIVE)  # fmt: skip
    return sqlite3.SQLITE_OK if action in allowed else sqlite3.SQLITE_DENY


def _from_values(cells: tuple, name: str, problems: Problems) -> Column:
    """A column of SQLite, which has types of cells only."""
    kinds = {type(cell) for cell in cells} - {type(None)}
    if bytes in kinds:
        problems.add(f"column {name!r} of {{source}} holds bytes; leave it out of the query")
        return Text.of([None] * len(cells))
    if str not in kinds:
        return np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64)
    if kinds == {str}:
        return column_from_cells(["" if cell is None else cell for cell in cells])
    return column_from_cells(["" if cell is None else str(cell) for cell in cells])
