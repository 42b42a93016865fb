"""libfann through ctypes: the other tool that reads and writes networks of FANN."""

import ctypes
import ctypes.util

import numpy as np
import pytest

_CTYPES = {"float32": ctypes.c_float, "float64": ctypes.c_double}


class Fann:
    """libfloatfann or libdoublefann."""

    def __init__(self, dtype):
        name = "floatfann" if dtype == "float32" else "doublefann"
        found = ctypes.util.find_library(name)
        if found is None:
            pytest.skip(f"lib{name} is not installed (Debian: libfann2)")
        self.number = _CTYPES[dtype]
        self.dtype = dtype
        self.library = ctypes.CDLL(found)
        pointer = ctypes.c_void_p
        for name in ("create_from_file", "create_standard_array", "create_shortcut_array",
                     "create_sparse_array", "read_train_from_file"):  # fmt: skip
            getattr(self.library, f"fann_{name}").restype = pointer
        self.library.fann_run.restype = ctypes.POINTER(self.number)

    def load(self, path):
        net = self.library.fann_create_from_file(str(path).encode())
        assert net, f"FANN does not read {path}"
        return ctypes.c_void_p(net)

    def create(self, kind, sizes, *more):
        array = (ctypes.c_uint * len(sizes))(*sizes)
        make = getattr(self.library, f"fann_create_{kind}_array")
        return ctypes.c_void_p(make(*more, len(sizes), array))

    def call(self, name, net, *arguments):
        return getattr(self.library, f"fann_{name}")(net, *arguments)

    def run(self, net, X, scales=False):
        """Outputs for every row."""
        out = []
        for x in np.asarray(X, self.dtype):
            given = np.ascontiguousarray(x.copy())
            pointer = given.ctypes.data_as(ctypes.POINTER(self.number))
            if scales:
                self.library.fann_scale_input(net, pointer)
            found = self.library.fann_run(net, pointer)
            if scales:
                self.library.fann_descale_output(net, found)
            out.append(found[: self.library.fann_get_num_output(net)])
        return np.array(out)
