"""Exact values and errors in ulp, for blocks of arguments: compiled, or with NumPy alone.

`Compiled` is truths.c, which takes 1 to 5 ns for an argument; `Plain`, for machines without a
compiler, is truths.py, which takes 50. Both know the same names.
"""

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np

from . import truths

SOURCE = Path(__file__).parent / "truths.c"
# no -ffast-math: NaN, infinity and subnormal numbers are arguments, too
OPTIONS = (
    "-O3", "-fopenmp-simd", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Werror", "-fPIC",
    "-shared",
)  # fmt: skip
# the fastest first: libmvec is of glibc on x86-64, and vectors of 64 bytes are an option of gcc
WAYS = (
    ("-march=native", "-mprefer-vector-width=512", "-DVECTOR_MATH", "-lmvec"),
    ("-march=native",),
    (),
)
KINDS = {"f": truths.ACTIVATIONS, "slope": truths.SLOPES, "of": truths.PRIMITIVES}


def compile_c(*words):
    """Run the C compiler; RuntimeError with what it says if it fails."""
    command = ["cc", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")


def checker(folder: Path):
    """The compiled form if there is a compiler, else the plain one."""
    return Compiled(folder) if shutil.which("cc") else Plain()


class Compiled:
    """Functions of truths.c."""

    IS_FAST = True

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / "truths.so"
        for way in WAYS:
            libraries = [word for word in way if word.startswith("-l")]
            options = [word for word in way if word not in libraries]
            try:
                compile_c(*OPTIONS, *options, SOURCE, "-o", target, *libraries, "-lm")
                break
            except RuntimeError:
                if way == WAYS[-1]:
                    raise
        self._library = ctypes.CDLL(str(target))
        pointer, double = ctypes.c_void_p, ctypes.c_double
        self._worst, self._errors = self._library.worst, self._library.errors
        given = [ctypes.c_long, pointer, pointer, double, double, pointer]
        self._worst.argtypes = self._errors.argtypes = given
        self._worst.restype, self._errors.restype = ctypes.c_long, None
        self._error = ctypes.c_double()

    def exact(self, kind: str, name: str):
        """compute(x, alpha, out) of exact values: of an activation's "f", its "slope", or "of" x"""
        function = getattr(self._library, f"{kind}_{name}")
        function.argtypes = [ctypes.c_long, ctypes.c_void_p, ctypes.c_double, ctypes.c_void_p]
        function.restype = None

        def compute(x, alpha, out):
            function(x.size, x.ctypes.data, alpha, out.ctypes.data)

        return compute

    def errors(self, found, exact, least, lost, out):
        """Every error, see truths.c."""
        self._errors(
            out.size, found.ctypes.data, exact.ctypes.data, least, lost, out.ctypes.data
        )  # fmt: skip

    def worst(self, found, exact, least, lost):
        """Where the largest error is, and the error."""
        at = self._worst(
            found.size, found.ctypes.data, exact.ctypes.data, least, lost,
            ctypes.addressof(self._error),
        )  # fmt: skip
        return at, self._error.value


class Plain:
    """The same with NumPy."""

    IS_FAST = False

    def exact(self, kind: str, name: str):
        """See Compiled."""
        row = KINDS[kind][name]

        def compute(x, alpha, out):
            with np.errstate(all="ignore"):
                wide = x.astype(np.float64)
                out[:] = row[0](wide) if kind == "of" else row(wide, alpha)

        return compute

    def errors(self, found, exact, least, lost, out):
        """See truths.c."""
        with np.errstate(all="ignore"):
            x, y = (np.clip(v, -(2.0**128), 2.0**128) for v in (exact, found.astype(np.float64)))
            size = np.clip(np.abs(x), least, float(np.finfo(np.float32).max))
            apart = np.abs(x - y)
            per_ulp = np.ldexp(1.0, 24 - np.frexp(np.where(np.isnan(size), 1, size))[1])
            apart = np.where(apart <= lost, 0, apart * per_ulp)
            is_nan, should_be = np.isnan(found), np.isnan(exact)
            out[:] = np.where(is_nan != should_be, np.inf, np.where(is_nan, 0, apart))

    def worst(self, found, exact, least, lost):
        """See Compiled."""
        out = np.empty(len(found))
        self.errors(found, exact, least, lost, out)
        at = int(out.argmax())
        return at, float(out[at])
