"""Content of .zst files, by DuckDB."""

import os
from collections.abc import Iterator

from ..errors import FileFormatError
from ..inputs.unpacking import REMEDY, too_large
from .duck import connection, first_line, quoted

_LINES = 10_000  # at a time
_LONGEST = 2**28  # bytes of a line


def unzstandard(path: str, source: str, limit: int) -> Iterator[bytes]:
    r"""The lines of a text, some at a time, each with \n at its end."""
    with connection([path], limit, source, "a table from a .zst file") as con:
        import duckdb

        n_bytes = 0
        try:
            result = con.execute(
                f"SELECT coalesce(line, '') FROM read_csv({quoted(os.path.abspath(path))}, "
                "columns={'line': 'VARCHAR'}, auto_detect=false, header=false, delim='\x1f', "
                f"quote='', escape='', compression='zstd', max_line_size={_LONGEST})"
            )
            while rows := result.fetchmany(_LINES):
                piece = "".join(f"{line}\n" for (line,) in rows).encode()
                n_bytes += len(piece)
                if n_bytes > limit // 4:
                    raise too_large(
                        source,
                        f"unpacks to more than {limit / 2**32:.3g} GiB, and a table needs four "
                        "times that",
                        limit,
                        REMEDY,
                    )
                yield piece
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            raise FileFormatError(
                f"{source!r} is no whole .zst file of UTF-8 text ({first_line(error)}); copy it "
                "again"
            ) from None
