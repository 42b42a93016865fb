"""Arrays that `predict_one` is to write into."""

import array as array_module
import ctypes

import numpy as np

from .given import GUARD, fenced, strided
from .liars import liar

KINDS = (
    "good", "good", "fenced", "before", "row", "column", "matrix", "matrix", "column matrix",
    "subclass", "liar", "liar", "masked", "shifted", "strided", "back", "zero stride", "read-only",
    "big-endian", "other dtype", "int", "short", "long", "empty", "memoryview", "ctypes", "bytes",
    "array.array", "list", "none", "on x", "on theta", "object", "0-d", "transposed",
)  # fmt: skip
# contiguous, writable, the right number of values: these have to be taken
RIGHT = ("good", "fenced", "before", "row", "column", "on x", "on theta")
# and these cannot be
WRONG = ("strided", "back", "zero stride", "read-only", "big-endian", "other dtype", "int", "short",
         "long", "empty", "list", "object", "bytes")  # fmt: skip


def _is_plain(x):
    return type(x) is np.ndarray and x.ndim == 1 and x.flags.carray  # aligned and writable, too


class Out:
    """An `out`, and the memory around it."""

    def __init__(self, draw, n, dtype, x, net):
        self.kind = draw.choice(KINDS)
        if n == 1 and self.kind in ("strided", "back", "zero stride"):
            self.kind = "good"  # one value lies side by side with nothing
        self.array, self.holder = self._array(draw, n, np.dtype(dtype), x, net)
        self.value = self._contained(draw)
        self._before = self._outside(), self.holder.tobytes()

    def _array(self, draw, n, dtype, x, net):
        """The array proper, and the memory that is watched."""
        kind, size = self.kind, dtype.itemsize
        if kind in ("fenced", "before"):
            array = fenced((n,), dtype, kind == "fenced")
            return array, array
        if kind == "on x" and _is_plain(x) and x.dtype == dtype and x.size >= n:
            first = draw.randint(0, x.size - n)
            return x[first : first + n], x
        if kind == "on theta" and net.dtype == dtype and net.theta.size >= n:
            first = draw.randint(0, net.theta.size - n)
            return net.theta[first : first + n], net.theta
        if kind in ("on x", "on theta"):
            self.kind = kind = "good"
        if kind in ("other dtype", "int", "object"):
            code = {"other dtype": "f8" if size == 4 else "f4", "int": f"i{size}"}.get(kind, "O")
            array = np.zeros(n, code)
            return array, array
        if kind == "big-endian":
            dtype = dtype.newbyteorder()
        n += {"short": -1, "long": 1}.get(kind, 0)
        n = 0 if kind == "empty" else n
        stride = {"strided": 2 * size, "back": -size, "zero stride": 0}.get(kind, size)
        array, holder = strided((n,), dtype, (stride,), draw.randint(1, 3) * (kind == "shifted"))
        return array, holder

    def _contained(self, draw):
        array, kind = self.array, self.kind
        if kind == "row":
            return array.reshape(1, -1)
        if kind == "column":
            return array.reshape(-1, 1)
        if kind == "transposed":
            return array.reshape(1, -1).T
        if kind == "0-d":
            return array[0, ...] if array.size else array
        if kind == "matrix":
            return np.asmatrix(array)
        if kind == "column matrix":
            return np.asmatrix(array.reshape(-1, 1))
        if kind == "subclass":
            return array.view(liar(()))
        if kind == "liar":
            cls = liar(draw.sample(liar.names, draw.randint(1, 2)))
            self.kind = cls.__name__
            return array.view(cls)
        if kind == "masked":
            return array.view(np.ma.MaskedArray)
        if kind == "memoryview":
            return memoryview(array)
        if kind == "bytes":
            return bytearray(array.nbytes)
        if kind == "array.array":
            return array_module.array(array.dtype.char, array.tolist())
        if kind == "ctypes":
            number = ctypes.c_float if array.itemsize == 4 else ctypes.c_double
            return (number * array.size).from_buffer(self.holder, GUARD)
        if kind == "list":
            return [0.0] * array.size
        if kind == "none":
            return None
        if kind == "read-only":
            array.flags.writeable = False
        return array

    def _outside(self):
        """Bytes of the memory, but for those of the array."""
        if self.holder is self.array or self.holder.dtype.hasobject:
            return b""
        copy = self.holder.copy().reshape(-1).view(np.uint8)
        first = self.array.ctypes.data - self.holder.ctypes.data
        copy[first : first + self.array.nbytes] = 0
        return copy.tobytes()

    def written(self, returned):
        """The values that are in it, or in what was returned where there was no array."""
        if self.kind == "none":
            return np.asarray(returned)
        if self.kind in ("array.array", "memoryview", "ctypes"):
            return np.array(self.value, np.float64)
        return np.array(self.array)

    def outside_is_unchanged(self) -> bool:
        return self._outside() == self._before[0]

    def is_unchanged(self) -> bool:
        return self.holder.tobytes() == self._before[1]
