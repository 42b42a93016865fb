"""DuckDB, which reads files in parallel: shut in, so that it reaches the named files alone."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import DeltaloopError, missing
from ..inputs.unpacking import REMEDY, too_large

# What its buffers take, however little is read.
_LEAST_MEMORY = 2**29
_REASONS = ("Expected Number of Columns", "Value with", "Invalid unicode", "Maximum line size")
_SMALL = 2**21  # bytes of a file


@contextmanager
def connection(
    files: Sequence[str],
    limit: float,
    source: str,
    purpose: str,
    failure: Callable[[str], DeltaloopError] | None = None,
    attached: str | None = None,
) -> Iterator[Any]:
    """A database in memory that can read these files, and nothing else of disk or network.

    `failure` makes the error out of what DuckDB says when it fails; without it DuckDB's own is
    raised. `attached` is a DuckDB file whose tables come without a prefix.

    Raises
    ------
    MissingDependencyError
        DuckDB is not installed.
    FileFormatError
        More memory than `limit` bytes is needed.
    """
    try:
        import duckdb
    except ImportError:
        raise missing("duckdb", "cli", purpose) from None
    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "python_enable_replacements": "false",  # no variables of Python as tables
        "memory_limit": f"{int(min(max(limit, _LEAST_MEMORY), 2**62))}B",
        "temp_directory": "",
    }
    if all(os.path.getsize(path) < _SMALL for path in files) and attached is None:
        settings["threads"] = "1"  # starting another takes longer than it saves
    con = duckdb.connect(":memory:", config=settings)
    try:
        if attached is not None:
            con.execute(f"ATTACH {quoted(os.path.abspath(attached))} AS the_database (READ_ONLY)")
            con.execute("SET search_path = 'memory.main,the_database.main'")
        paths = ", ".join(quoted(os.path.abspath(path)) for path in files)
        con.execute(f"SET allowed_paths = [{paths}]")
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET enable_external_access = false")
        con.execute("SET lock_configuration = true")
        yield con
    except duckdb.OutOfMemoryException:
        raise too_large(source, "is a large table", limit, REMEDY) from None
    except duckdb.Error as error:
        if failure is None:
            raise
        raise failure(first_line(error)) from None
    finally:
        con.close()


def quoted(text: str) -> str:
    """A literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def first_line(error: Exception) -> str:
    """What DuckDB says, without its advice."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    reason = next((line for line in lines if line.startswith(_REASONS)), "")
    return f"{lines[0]}: {reason}" if reason else lines[0]
