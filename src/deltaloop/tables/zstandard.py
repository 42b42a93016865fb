"""Content of .zst files, by DuckDB."""

import os
from collections.abc import Iterator
from typing import IO

from ..errors import FileFormatError
from .duck import connection, quoted
from .text_files import unpacks_to_more

_LINES = 10_000  # at a time
_LONGEST = 2**24  # bytes of a line


def unzstandard(path: str, source: str, limit: int) -> Iterator[bytes]:
    r"""The lines of a text, some at a time, each with \n at its end."""

    def not_whole(reason: str) -> FileFormatError:
        return FileFormatError(
            f"{source!r} is no whole .zst file of UTF-8 text ({reason}); copy it again"
        )

    with connection([path], limit, source, "a table from a .zst file", not_whole) as con:
        with open(path, "rb") as file:
            if not _is_whole(file):  # DuckDB stops where a file was cut, and says nothing
                raise not_whole("it is cut short or something else")
        n_bytes = 0
        result = con.execute(
            f"SELECT coalesce(line, '') FROM read_csv({quoted(os.path.abspath(path))}, "
            "columns={'line': 'VARCHAR'}, auto_detect=false, header=false, delim='\x1f', "
            f"quote='', escape='', compression='zstd', max_line_size={_LONGEST})"
        )
        while rows := result.fetchmany(_LINES):
            piece = "".join(f"{line}\n" for (line,) in rows).encode()
            n_bytes += len(piece)
            if n_bytes > limit // 4:
                raise unpacks_to_more(source, limit)
            yield piece


def _is_whole(file: IO[bytes]) -> bool:
    """Whether the file has frames, and all of their blocks.

    RFC 8878, section 3.1: a frame is a header, blocks that begin with their size, perhaps a
    checksum.
    """
    n_frames = 0
    while magic := file.read(4):
        if magic[1:] == b"\x2a\x4d\x18" and magic[0] >> 4 == 5:  # a frame to be skipped
            length = file.read(4)
            if len(length) < 4 or not _skipped(file, int.from_bytes(length, "little")):
                return False
            continue
        head = file.read(1)
        if magic != b"\x28\xb5\x2f\xfd" or not head:
            return False
        flags = head[0]
        is_single = bool(flags & 0x20)
        size_of_content = (int(is_single), 2, 4, 8)[flags >> 6]
        if not _skipped(file, (not is_single) + (0, 1, 2, 4)[flags & 3] + size_of_content):
            return False
        is_last = False
        while not is_last:
            block = int.from_bytes(file.read(3).ljust(3, b"\xff"), "little")
            is_last, kind, size = bool(block & 1), block >> 1 & 3, block >> 3
            if kind == 3 or not _skipped(file, 1 if kind == 1 else size):
                return False
        if not _skipped(file, 4 if flags & 4 else 0):
            return False
        n_frames += 1
    return n_frames > 0


def _skipped(file: IO[bytes], n_bytes: int) -> bool:
    """Go over so many bytes; whether the file has them."""
    return n_bytes == 0 or len(file.read(n_bytes)) == n_bytes
