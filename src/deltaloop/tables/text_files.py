"""Files of text: unpacked where they are compressed, and read line by line."""

import io
from codecs import getincrementaldecoder

from ..errors import FileFormatError
from ..inputs.unpacking import REMEDY, gunzip, too_large

_PIECE = 2**20


def unpacked(data: bytes, source: str, limit: int) -> bytes:
    """The content of a .gz file; beside it the table has to find room."""
    import zlib

    try:
        content = gunzip(data, limit // 4)
        if content is None:
            raise too_large(
                source,
                f"unpacks to more than {limit / 2**32:.3g} GiB, and a table needs four times that",
                limit,
                REMEDY,
            )
        return content
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(
            f"{source!r} is no whole gzip file ({error}); copy it again"
        ) from None


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
        raise FileFormatError(f"{source!r} is empty; a table needs at least one row")


def lines_of(data: bytes) -> io.TextIOWrapper:
    """The lines of a UTF-8 text, with their ends as they are."""
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")
