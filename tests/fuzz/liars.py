"""Objects whose answers are not the truth: subclasses of ndarray, sequences, generators."""

import functools

import numpy as np


class Lie(Exception):
    """Raised by an object of a case in the middle of a door."""


def _raises(*args, **kwargs):
    raise Lie("by a method of the caller's array")


# what an ndarray may be asked, and the answers that are not so
LIES = {
    "reshape": lambda self, *shape, **kw: np.ndarray.reshape(np.zeros(3, "f4"), -1),
    "__len__": lambda self: 10**6,
    "shape": property(lambda self: (10**4, 10**4)),
    "strides": property(lambda self: (8,) * 2),
    "size": property(lambda self: 10**8),
    "ndim": property(lambda self: 2),
    "dtype": property(lambda self: np.dtype("f4")),
    "flags": property(lambda self: np.zeros(1, "f4").flags),
    "ctypes": property(lambda self: np.zeros(1, "f4").ctypes),
    "itemsize": property(lambda self: 4),
    "T": property(lambda self: np.zeros((1, 1), "f4")),
    "flat": property(lambda self: iter([0.0])),
    "data": property(lambda self: memoryview(b"1234")),
    "__array__": lambda self, *args, **kw: np.zeros((2, 2), "f4"),
    "__array_interface__": property(lambda self: _raises()),
    "__array_finalize__": lambda self, other: np.ndarray.resize(self, 0, refcheck=False)
    if other is not None and type(other) is type(self) and self.flags.owndata else None,
    "__array_ufunc__": lambda self, *args, **kw: np.zeros((1, 1), "f4"),
    "__array_function__": lambda self, *args, **kw: np.zeros((1, 1), "f4"),
    "__array_wrap__": lambda self, *args, **kw: np.zeros((1, 1), "f4"),
    "__getitem__": lambda self, key: np.zeros(1, "f4"),
    "__setitem__": lambda self, key, value: None,
    "__iter__": lambda self: iter([1.0]),
    "__eq__": lambda self, other: True,
    "astype": lambda self, *args, **kw: np.zeros((1, 1), "f4"),
    "copy": lambda self, *args, **kw: np.zeros((1, 1), "f4"),
    "view": lambda self, *args, **kw: np.zeros((1, 1), "f4"),
    "ravel": lambda self, *args, **kw: np.zeros(0, "f4"),
    "sum": lambda self, *args, **kw: 0.0,
    "min": lambda self, *args, **kw: 0.5,
    "max": lambda self, *args, **kw: 0.5,
    "nnz": 7,
    "tocsr": lambda self: self,
    "toarray": lambda self: np.zeros((1, 1)),
    "__float__": _raises,
    "__index__": _raises,
}  # fmt: skip


@functools.cache
def _subclass(names):
    return type("Lies_" + "_".join(names), (np.ndarray,), {name: LIES[name] for name in names})


def liar(names) -> type:
    """A subclass of ndarray that lies about these attributes; of none: an honest one."""
    return _subclass(tuple(sorted(set(names))))


# most often about what memory is read by
liar.names = [*sorted(LIES), *["reshape", "shape", "strides", "__len__", "ctypes"] * 3]


class Shown:
    """Has an `__array__` that tells the truth."""

    def __init__(self, array):
        self._array = array

    def __array__(self, dtype=None, copy=None):
        return self._array if dtype is None else self._array.astype(dtype)

    def __len__(self):
        return len(self._array)


class Interface:
    """Shows its memory by the array interface."""

    def __init__(self, array):
        self._array = array

    @property
    def __array_interface__(self):
        return self._array.__array_interface__

    def __len__(self):
        return len(self._array)


class Fickle(Shown):
    """Gives another array whenever it is asked."""

    def __init__(self, array, seed):
        super().__init__(array)
        self._generator = np.random.default_rng(seed)

    def __array__(self, dtype=None, copy=None):
        kind = self._generator.integers(5)
        if kind == 0:
            raise Lie("by __array__")
        if kind == 1:
            return self._generator.random(self._array.shape[::-1])
        if kind == 2:
            return np.zeros(0)
        return super().__array__(dtype)

    def __len__(self):
        return len(self._array) + int(self._generator.integers(-1, 2))


class ShortSequence:
    """A sequence that tells another length than it has."""

    def __init__(self, array, more):
        self._rows, self._n = array.tolist(), max(0, len(array) + more)
        if self._n > 10**6:
            self._n = 2**62

    def __len__(self):
        if self._n == 2**62:
            raise Lie("by __len__")
        return self._n

    def __getitem__(self, index):
        return self._rows[index]


ORDERS = {
    "honest": lambda order: order,
    "list": lambda order: order.tolist(),
    "int32": lambda order: order.astype(np.int32),
    "big-endian": lambda order: order.astype(">i8"),
    "strided": lambda order: np.repeat(order, 2)[::2],
    "read-only": lambda order: np.frombuffer(order.tobytes(), order.dtype),
    "column": lambda order: order.reshape(-1, 1),
    "float": lambda order: order.astype(float),
    "too large": lambda order: order + 1,
    "far": lambda order: order + 2**40,
    "negative": lambda order: order - 1,
    "short": lambda order: order[:-1],
    "empty": lambda order: order[:0],
    "long": lambda order: np.concatenate([order, order]),
    "all the same": lambda order: np.zeros_like(order),
    "none": lambda order: None,
    "text": lambda order: "abc",
    "liar": lambda order: order.view(liar(("__len__", "reshape", "shape"))),
    "raises": lambda order: _raises(),
}
TRUE_ORDERS = ("honest", "list", "int32", "big-endian", "strided", "read-only")


class Orders(np.random.Generator):
    """Draws permutations of the kind named."""

    def __init__(self, seed, kind):
        super().__init__(np.random.PCG64(seed))
        self.kind = kind

    def permutation(self, n):
        return ORDERS[self.kind](super().permutation(n))
