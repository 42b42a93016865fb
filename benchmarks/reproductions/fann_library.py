"""libfann2, the Fast Artificial Neural Network Library (Nissen 2003), through ctypes.

Of Debian and Ubuntu: apt-get install libfann2. Nothing of it is set beside the weights: iRprop- on
all samples, with its table of the sigmoid, as it comes.
"""

import ctypes
import ctypes.util
from pathlib import Path

import numpy as np

INSTALL = "apt-get install libfann2 libfann-doc"


class _Connection(ctypes.Structure):
    """struct fann_connection: units are numbered through all layers, each with its bias unit."""

    _fields_ = (
        ("start", ctypes.c_uint), ("end", ctypes.c_uint), ("weight", ctypes.c_float),
    )  # fmt: skip


_POINTER, _UNSIGNED, _REAL = ctypes.c_void_p, ctypes.c_uint, ctypes.c_float
_SIGNATURES = {
    "fann_create_standard_array": (_POINTER, _UNSIGNED, ctypes.POINTER(_UNSIGNED)),
    "fann_read_train_from_file": (_POINTER, ctypes.c_char_p),
    "fann_get_total_connections": (_UNSIGNED, _POINTER),
    "fann_get_connection_array": (None, _POINTER, ctypes.POINTER(_Connection)),
    "fann_set_weight_array": (None, _POINTER, ctypes.POINTER(_Connection), _UNSIGNED),
    "fann_train_epoch": (_REAL, _POINTER, _POINTER),
    "fann_test_data": (_REAL, _POINTER, _POINTER),
    "fann_destroy": (None, _POINTER),
    "fann_destroy_train": (None, _POINTER),
}


def library(path: str | None = None) -> ctypes.CDLL:
    """The shared library, at a path or where the system has it; SystemExit where it is not."""
    name = path or ctypes.util.find_library("fann") or "libfann.so.2"
    try:
        found = ctypes.CDLL(name)
    except OSError as error:
        raise SystemExit(
            f"FANN's library cannot be loaded ({error}): {INSTALL}; or give the path of "
            "libfann.so.2 with --fann-library; or name other papers with --only"
        ) from None
    for function, (result, *arguments) in _SIGNATURES.items():
        try:
            made = getattr(found, function)
        except AttributeError:
            raise SystemExit(f"{name} has no {function}: it is not libfann2, version 2.2") from None
        made.restype, made.argtypes = result, arguments
    return found


class Net:
    """A network of sigmoid units with given weights.

    Parameters
    ----------
    fann : the library
    parameters : list of (W, b)
        W has shape (n_out, n_in).
    """

    def __init__(self, fann, parameters):
        sizes = [parameters[0][0].shape[1], *(len(b) for _, b in parameters)]
        self._fann = fann
        self._net = fann.fann_create_standard_array(len(sizes), (_UNSIGNED * len(sizes))(*sizes))
        given = [_Connection(*one) for one in connections(sizes, parameters)]
        n = fann.fann_get_total_connections(self._net)
        own = (_Connection * n)()
        fann.fann_get_connection_array(self._net, own)
        assert {(one.start, one.end) for one in own} == {(one.start, one.end) for one in given}
        fann.fann_set_weight_array(self._net, (_Connection * n)(*given), n)

    def epoch(self, data) -> float:
        """One epoch of its default rule, and its error on the way."""
        return self._fann.fann_train_epoch(self._net, data)

    def error(self, data) -> float:
        """Its MSE: the mean of (a - y)^2 over samples and outputs."""
        return self._fann.fann_test_data(self._net, data)

    def close(self) -> None:
        """Give the memory back."""
        self._fann.fann_destroy(self._net)


def connections(sizes, parameters):
    """(start, end, weight) of every connection; the bias unit of a layer is its last."""
    first = np.cumsum([0, *(n + 1 for n in sizes)]).tolist()
    for k, (W, b) in enumerate(parameters):
        for j, row in enumerate(W):
            for i, w in enumerate([*row, b[j]]):
                yield first[k] + i, first[k + 1] + j, float(w)


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """X and Y of a file of FANN: the three sizes, then rows of inputs and of outputs."""
    try:
        sizes, _, rest = path.read_text("ascii").partition("\n")
        n, n_in, n_out = map(int, sizes.split())
        values = np.array(rest.split(), np.float32).reshape(n, n_in + n_out)
    except (OSError, ValueError) as error:
        raise SystemExit(f"{path} is no training data of FANN: {error}") from None
    return np.ascontiguousarray(values[:, :n_in]), np.ascontiguousarray(values[:, n_in:])
