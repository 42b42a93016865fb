"""Files that are called texts and are none, or are no tables."""

from ..errors import FileFormatError

_OTHER_FORMATS = (
    (b"PK\x03\x04", "a workbook of Excel or another archive; save its sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "a workbook of an old Excel; save its sheet as CSV"),
    (b"%PDF", "a PDF; copy its table into a text"),
    (b"PAR1", "a Parquet file; name it .parquet"),
    (b"SQLite format 3", "a database; ask it with query= (--query)"),
    (b"\x1f\x8b", "compressed by gzip; name it .gz"),
    (b"\x28\xb5\x2f\xfd", "compressed by Zstandard; name it .zst"),
    (b"\x93NUMPY", "an array of NumPy; name it .npy"),
    (b"[{", "JSON; name it .json"),
    (b"[\n{", "JSON; name it .json"),
    (b'{"', "JSON; name it .json"),
    (b"<!doctype", "a page in HTML; save the table behind it"),
    (b"<html", "a page in HTML; save the table behind it"),
)  # fmt: skip


def refuse_other_formats(head: bytes, source: str) -> None:
    """Say what a file is that is called a text and is none, or no table."""
    begins = head[:20].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for start, what in _OTHER_FORMATS:
        if head.startswith(start) or begins.startswith(start):
            raise FileFormatError(f"{source!r} is {what}")
