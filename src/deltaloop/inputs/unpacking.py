"""What is in a file, before it is unpacked: a small file may claim, or hold, any amount of data."""

import io
import math
import os
from typing import IO, NamedTuple

import numpy as np

from ..errors import FileFormatError
from .checks import number

GIB = 2**30
# Honest tables rarely need more memory, and machines have it; 32 bytes for each one on disk is more
# than plain text or arrays ever take, so that only what is compressed can be refused.
DEFAULT_GIB, DEFAULT_TIMES = 2, 32
REMEDY = "check what it holds, or allow more with max_memory (--max-memory), in GiB"
_PIECE = 2**20
_LAST_CHARACTER = 0x10FFFF  # of Unicode


def memory_limit(path: str, max_memory: float | None = None) -> int:
    """Bytes that the content of the file may take: `max_memory` in GiB, or a default."""
    if max_memory is not None:
        return int(number("max_memory", max_memory, low=0.0) * GIB)
    status = os.stat(path)
    on_disk = min(status.st_size, 512 * status.st_blocks)  # holes take no room
    return max(DEFAULT_GIB * GIB, DEFAULT_TIMES * on_disk)


def too_large(source: str, what: str, limit: float, remedy: str) -> FileFormatError:
    """The error for what would take more than `limit` bytes."""
    return FileFormatError(
        f"{source!r} {what}: more than the {limit / GIB:.3g} GiB of memory that are allowed; "
        f"{remedy}"
    )


def gunzip(data: bytes, limit: int) -> bytes | None:
    """The content of a .gz file; None where it has more bytes than `limit`.

    Raises
    ------
    OSError, EOFError, zlib.error
        It is damaged.
    """
    import gzip

    content = io.BytesIO()
    with gzip.open(io.BytesIO(data)) as file:
        while piece := file.read(_PIECE):
            content.write(piece)
            if content.tell() > limit:
                return None
    return content.getvalue()


class Header(NamedTuple):
    """What the head of an array says: the data need not have been read."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def n_bytes(self) -> int:
        """Size of the data."""
        return math.prod(self.shape) * self.dtype.itemsize


def array_header(file: IO[bytes], size: int) -> Header:
    """The header of an open .npy file of `size` bytes, which must have room for its array.

    Raises
    ------
    ValueError
        It is no array, an array of Python objects, or cut short.
    """
    version = np.lib.format.read_magic(file)
    older = version == (1, 0)  # 3.0 is 2.0 with other names of fields
    read = np.lib.format.read_array_header_1_0 if older else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    header = Header(shape, dtype)
    if dtype.hasobject:
        raise ValueError("Python objects would have to be unpickled")
    if header.n_bytes > size - file.tell():
        raise ValueError(f"cut short: {header.n_bytes} bytes of data should follow the header")
    return header


def archived_header(archive, name: str) -> Header:
    """The header of one array of an open .npz file, as numpy.load returns it.

    Raises
    ------
    Exception
        Zip files break in many ways, each with its own exception.
    """
    names = archive.zip.namelist()
    member = archive.zip.getinfo(name if name in names else f"{name}.npy")
    with archive.zip.open(member) as file:
        return array_header(file, member.file_size)


def checked(array: np.ndarray) -> np.ndarray:
    """`array`, if all text in it is Unicode; Python breaks at what is not.

    Raises
    ------
    ValueError
        A number of a character above the last one.
    """
    if array.dtype.kind == "U" and array.dtype.itemsize:
        numbers = np.dtype(np.uint32).newbyteorder(array.dtype.byteorder)
        last = np.ascontiguousarray(array).view(numbers).max(initial=0)
        if last > _LAST_CHARACTER:
            raise ValueError(f"a text has the character number {last}, which Unicode lacks")
    return array
