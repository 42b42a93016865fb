"""What a door is given, beside the plain copy that says what it means."""

import ctypes
import mmap
from dataclasses import dataclass, field
from typing import Any

import numpy as np

GUARD = 64  # bytes of 0xFF (nan, or -1) on both sides of every array
_libc = ctypes.CDLL(None)


@dataclass
class Given:
    """One argument.

    Attributes
    ----------
    what : str
        Its description.
    value : object
    clean : ndarray or None
        The numbers that it stands for, copied before `value` was made; None: nobody can say.
    verdict : str
        'same': the door has to do what it does with `clean`; 'may': that, or refuse it;
        'never': a door that checks has to refuse it.
    held : list of ndarray
        Memory that no door may change.
    """

    what: str
    value: Any
    clean: np.ndarray | None
    verdict: str = "same"
    held: list = field(default_factory=list)

    def remember(self) -> None:
        """Keep the bytes of what is held."""
        self._bytes = [array.tobytes() for array in self.held]

    def is_unchanged(self) -> bool:
        """Whether all that is held is as it was."""
        return self._bytes == [array.tobytes() for array in self.held]


def plain(clean, what="plain") -> Given:
    """A C-contiguous array of float64."""
    value = clean.copy()
    return Given(what, value, clean, held=[value])


def guarded(n_bytes: int, offset: int = 0) -> np.ndarray:
    """Bytes of 0xFF: room for n_bytes that begins `offset` bytes after a border of a cache line."""
    holder = np.full(n_bytes + 2 * GUARD + 64 + offset, 0xFF, np.uint8)
    first = -holder.ctypes.data % 64
    return holder[first : first + n_bytes + 2 * GUARD + offset]


def strided(shape, dtype, strides, offset: int = 0):
    """An array with these strides in guarded memory, and that memory."""
    dtype = np.dtype(dtype)
    reach = [(n - 1) * s for n, s in zip(shape, strides, strict=True)] if all(shape) else [0]
    low, high = sum(min(r, 0) for r in reach), sum(max(r, 0) for r in reach)
    holder = guarded(high - low + dtype.itemsize, offset)
    return np.ndarray(shape, dtype, holder, GUARD + offset - low, strides), holder


def fenced(shape, dtype, at_end: bool) -> np.ndarray:
    """A contiguous array that ends, or begins, where a page begins that nobody may touch."""
    dtype, page = np.dtype(dtype), mmap.PAGESIZE
    n_bytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    n_pages = -(-max(n_bytes, 1) // page)
    memory = mmap.mmap(-1, (n_pages + 1) * page)
    first = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    wall = first + n_pages * page if at_end else first
    if _libc.mprotect(ctypes.c_void_p(wall), ctypes.c_size_t(page), 0):
        raise OSError("mprotect failed")
    return np.ndarray(shape, dtype, memory, n_pages * page - n_bytes if at_end else page)
