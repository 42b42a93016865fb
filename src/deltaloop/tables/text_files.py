"""Files of text: unpacked where they are compressed, decoded, and read line by line."""

import gzip
import io
import os
import tempfile
import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from ..errors import FileFormatError
from ..inputs.unpacking import REMEDY, gunzip, too_large

_PIECE = 2**20


def unpacked(data: bytes, source: str, limit: int) -> bytes:
    """The content of a .gz file; beside it the table has to find room."""
    try:
        content = gunzip(data, limit // 4)
        if content is None:
            raise unpacks_to_more(source, limit)
        return content
    except (OSError, EOFError, zlib.error) as error:
        raise _not_gzip(source, error) from None


def unpacks_to_more(source: str, limit: int) -> FileFormatError:
    """The error for a compressed file whose content leaves the table no room."""
    return too_large(
        source,
        f"unpacks to more than {limit / 2**32:.3g} GiB, and a table needs four times that",
        limit,
        REMEDY,
    )


def _not_gzip(source: str, error: Exception) -> FileFormatError:
    return FileFormatError(f"{source!r} is no whole gzip file ({error}); copy it again")


@contextmanager
def temporary_copy(pieces: Iterator[bytes]) -> Iterator[str]:
    """The path of a file with this content, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="deltaloop-") as folder:
        path = os.path.join(folder, "table")
        with open(path, "wb") as file:
            file.writelines(pieces)
        yield path


def gunzipped(path: str, source: str, limit: int) -> Iterator[bytes]:
    """The content of a .gz file, a piece at a time."""
    n_bytes = 0
    try:
        with gzip.open(path) as file:
            while piece := file.read(_PIECE):
                n_bytes += len(piece)
                if n_bytes > limit // 4:
                    raise unpacks_to_more(source, limit)
                yield piece
    except (OSError, EOFError, zlib.error) as error:
        raise _not_gzip(source, error) from None


def check_text(data: bytes, source: str) -> None:
    """Refuse what is no UTF-8 text; piece by piece, as text of Python may be four times as long."""
    decoder, is_empty = getincrementaldecoder("utf-8-sig")(), True
    for start in range(0, len(data), _PIECE):
        try:
            text = decoder.decode(data[start : start + _PIECE], final=start + _PIECE >= len(data))
        except UnicodeDecodeError as error:
            at = min(start + _PIECE, len(data)) - len(error.object) + error.start
            line = data.count(b"\n", 0, at) + 1
            raise FileFormatError(
                f"{source!r} is not UTF-8 text: byte 0x{data[at]:02x} in line {line}; "
                "save it as UTF-8"
            ) from None
        is_empty = is_empty and not text.strip()
    if b"\0" in data:
        raise FileFormatError(f"{source!r} holds zero bytes, so it is no text; save it as UTF-8")
    if is_empty:
        raise empty(source)


def empty(source: str) -> FileFormatError:
    """The error for a file without any row."""
    return FileFormatError(f"{source!r} is empty; a table needs at least one row")


def lines_of(data: bytes) -> io.TextIOWrapper:
    """The lines of a UTF-8 text, with their ends as they are."""
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")


def encoding_of(head: bytes, is_whole: bool) -> str:
    """How the text that begins so is encoded: UTF-8 unless something else is plain to see."""
    if head.startswith(BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in head:  # every second byte of Latin letters in UTF-16
        for first, encoding in ((0, "utf-16-be"), (1, "utf-16-le")):
            if head[first::2].count(0) > 0.4 * len(head[first::2]) and not head[
                1 - first :: 2
            ].count(0):
                return encoding
        return "utf-8"
    try:
        getincrementaldecoder("utf-8")().decode(head, final=is_whole)
    except UnicodeDecodeError as error:
        return _western(head, error)
    return "utf-8"


def _western(data: bytes, error: UnicodeDecodeError) -> str:
    """Windows' or ISO's Latin 1; UTF-8 where other characters before the error are in that."""
    if not data[: error.start].isascii():
        return "utf-8"
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252" if any(0x80 <= byte < 0xA0 for byte in set(data)) else "latin-1"


def whole_encoding(path: str, encoding: str, source: str) -> str:
    """The encoding of the whole file, whose beginning was taken for `encoding`.

    Raises
    ------
    FileFormatError
        It is no text.
    """
    decoder, line = getincrementaldecoder(encoding)(), 1
    is_ascii, is_empty = True, True
    with open(path, "rb") as file:
        is_over = False
        while not is_over:
            piece = file.read(_PIECE)
            is_over = len(piece) < _PIECE
            try:
                text = decoder.decode(piece, final=is_over)
            except UnicodeDecodeError as error:
                if encoding == "utf-8" and is_ascii and b"\0" not in piece:
                    found = _western(error.object, error)
                    if found != "utf-8":
                        return found
                raise FileFormatError(
                    f"{source!r} is not {'UTF-16' if '16' in encoding else 'UTF-8'} text: byte "
                    f"0x{error.object[error.start]:02x} in line "
                    f"{line + error.object.count(10, 0, error.start)}; save it as UTF-8"
                ) from None
            if "\0" in text:
                raise FileFormatError(
                    f"{source!r} holds zero bytes, so it is no text, the first in line "
                    f"{line + text[: text.index(chr(0))].count(chr(10))}; save it as UTF-8, or "
                    "remove them"
                )
            is_ascii = is_ascii and piece.isascii()
            is_empty = is_empty and not text.strip("\ufeff \t\r\n\f\v")
            line += text.count("\n")
    if is_empty:
        raise empty(source)
    return encoding


def head_of(file: IO[bytes], most: int = 2**18) -> tuple[bytes, bool]:
    """The first bytes, at least a line where there is one, and whether that is all."""
    head = file.read(most)
    while head.count(b"\n") + head.count(b"\r") < 2:
        piece = file.read(max(most, len(head)))
        if not piece:
            return head, True
        head += piece
    is_whole = not file.read(1)
    return head, is_whole
