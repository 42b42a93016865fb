"""The functions of the kernels as functions of arrays.

Activations and slopes of instruction sets that are installed are measured there: `lent` knows their
addresses. Primitives are inlined in these, so that they get a module of their own, with activations
for instruction sets that are not installed: the same sources, the same options, and nothing but a
loop. Functions of exported C headers are compiled as users would.
"""

import ctypes
import importlib.util
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np

import deltaloop as dl
from deltaloop.interop.c_header import functions as c_functions
from deltaloop.interop.c_header.units import arguments_of
from deltaloop.kernels import interface

from . import truths
from .checking import compile_c

CHECKOUT = Path(__file__).parents[2]
SOURCES = CHECKOUT / "kernels" / "cython"

# name: what is computed of the vector x
PRIMITIVES = {
    "exp": "exponential(x)",
    "exp_of_negative": "exp_of_negative(x)",
    "expm1_of_negative": "expm1_of_negative(x)",
    "exp_of_square": "exp_of_square(x, -1)",
    "exp_of_half_square": "exp_of_square(x, <real> -0.5)",
    "log1p_of_fraction": "log1p_of_fraction(x)",
    "log": "logarithm(x)",
    "log1p": "log_of_one_more(x)",
    "logistic": "logistic(x)",
    "tanh": "hyperbolic_tangent(x)",
    "normal": "normal(x)",
    "sin": "sine(x)",
    "cos": "cosine(x)",
    "root": "root(x)",
    "logistic_of_lanes": "logistic_of_lanes(x)",
    "tanh_of_lanes": "tanh_of_lanes(x)",
    "over_root": "over_root(splat(x, 1), x, 1)",
}

SOURCE = """\
from activations cimport map_f, map_slope
from ensemble_lanes cimport logistic_of_lanes, tanh_of_lanes
from exponentials cimport (
    exp_of_negative, expm1_of_negative, exponential, hyperbolic_tangent, log1p_of_fraction,
    log_of_one_more, logarithm, logistic,
)
from functions cimport CODES
from lanes cimport NATIVE, over_root, real, root, splat, vec
from normal cimport exp_of_square, normal
from sines cimport cosine, sine

FUNCTIONS

def addresses():
    return {ADDRESSES}
"""

FUNCTION = """
cdef void of_NAME(Py_ssize_t n, const real *xs, real *ys) noexcept nogil:
    cdef Py_ssize_t k = 0
    cdef vec x
    while k < n:
        x = (<const vec *> (xs + k))[0]
        (<vec *> (ys + k))[0] = CODE
        k += NATIVE
"""

ACTIVATION = """
cdef void f_NAME(Py_ssize_t n, real alpha, const real *z, real *a) noexcept nogil:
    map_f(CODE, alpha, n, z, a)

cdef void slope_NAME(
    Py_ssize_t n, real alpha, const real *z, const real *a, real *delta,
) noexcept nogil:
    map_slope(CODE, alpha, n, z, a, delta)
"""

# those of CMakeLists.txt for gcc
OPTIONS = (
    "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-Wno-psabi", "-w",
    "-DCYTHON_INLINE=__inline__ __attribute__((always_inline))", "-fPIC", "-shared",
)  # fmt: skip


_COMPILED: dict = {}


def compiled(folder: Path, level: int, dtype):
    """As `_compiled`, once in a process."""
    key = level, np.dtype(dtype).itemsize, SOURCES
    if key not in _COMPILED:
        _COMPILED[key] = _compiled(folder, level, dtype)
    return _COMPILED[key]


def _compiled(folder: Path, level: int, dtype):
    """({name: primitive(x, y)}, {name: (f(z, a), times_slope(z, a, delta))}) of a level.

    Arrays are multiples of 16 long; activations have the alpha of accuracy.py.
    """
    from .accuracy import ALPHA

    bits, units = 8 * np.dtype(dtype).itemsize, list(truths.ACTIVATIONS)
    name = f"probe_v{level}_f{bits}"
    folder.mkdir(parents=True, exist_ok=True)
    functions = "".join(
        FUNCTION.replace("NAME", key).replace("CODE", code) for key, code in PRIMITIVES.items()
    ) + "".join(ACTIVATION.replace("NAME", key).replace("CODE", key.upper()) for key in units)
    names = [f"of_{key}" for key in PRIMITIVES]
    names += [f"{kind}_{key}" for key in units for kind in ("f", "slope")]
    text = SOURCE.replace("CODES", ", ".join(key.upper() for key in units))
    text = text.replace("FUNCTIONS", functions)
    text = text.replace("ADDRESSES", ", ".join(f"'{key}': <size_t> &{key}" for key in names))
    source = folder / f"{name}.pyx"
    source.write_text(text)
    _run(sys.executable, "-B", SOURCES / "write_functions.py", folder)
    include = ("-I", SOURCES, "-I", folder)
    directives = ("-X", "boundscheck=False,wraparound=False,cdivision=True,initializedcheck=False")
    _run(sys.executable, "-m", "cython", "-3", *include, *directives, source)
    target = folder / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
    march = [f"-march=x86-64-v{level}"] if level else []
    double = ["-DDELTALOOP_DOUBLE"] if bits == 64 else []
    compile_c(
        *OPTIONS, *march, *double, f"-I{sysconfig.get_path('include')}", f"-I{dl.get_include()}",
        f"-I{folder}", f"-I{SOURCES}", source.with_suffix(".c"), "-o", target, "-lm",
    )  # fmt: skip
    spec = importlib.util.spec_from_file_location(name, target)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found, real = module.addresses(), ctypes.c_double if bits == 64 else ctypes.c_float
    of_units = {
        key: _of_units(found[f"f_{key}"], found[f"slope_{key}"], real, ALPHA.get(key, 0))
        for key in units
    }
    return {key: _of_array(found[f"of_{key}"]) for key in PRIMITIVES}, of_units


def _run(*command):
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")


def _of_array(address):
    """A function of arrays."""
    call = ctypes.CFUNCTYPE(None, ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_void_p)(address)

    def compute(x, y):
        call(x.size, x.ctypes.data, y.ctypes.data)

    return compute


def _of_units(f, slope, real, alpha):
    pointer, number = ctypes.c_void_p, ctypes.c_ssize_t
    f = ctypes.CFUNCTYPE(None, number, real, pointer, pointer)(f)
    slope = ctypes.CFUNCTYPE(None, number, real, pointer, pointer, pointer)(slope)

    def of_z(z, a):
        f(z.size, alpha, z.ctypes.data, a.ctypes.data)

    def times_slope(z, a, delta):
        slope(z.size, alpha, z.ctypes.data, a.ctypes.data, delta.ctypes.data)

    return of_z, times_slope


def activation(core, name: str, alpha: float, width: int):
    """(f(z, a), times_slope(z, a, delta)) of arrays of `width`, from a module of the kernels."""
    layer = np.zeros(1, interface.LAYER)
    layer["n_out"] = layer["width"] = width
    layer["activation"] = interface.ACTIVATIONS.index(name)
    layer["alpha"] = alpha
    found = core.addresses()
    pointer, one = ctypes.c_void_p, ctypes.c_ssize_t
    f = ctypes.CFUNCTYPE(None, pointer, one, pointer, pointer)(found["activate"])
    slope = ctypes.CFUNCTYPE(None, pointer, one, pointer, pointer, pointer)(
        found["multiply_by_slope"]
    )

    def of_z(z, a):
        f(layer.ctypes.data, 1, z.ctypes.data, a.ctypes.data)

    def times_slope(z, a, delta):
        slope(layer.ctypes.data, 1, z.ctypes.data, a.ctypes.data, delta.ctypes.data)

    return of_z, times_slope


# primitives that an exported header has, as it calls them
OF_HEADER = {
    "exp": "NAME_exp_of(x)",
    "exp_of_negative": "NAME_exp_of(x)",
    "expm1_of_negative": "NAME_expm1(x)",
    "exp_of_square": "NAME_exp_of_square(x, -1.0f)",
    "exp_of_half_square": "NAME_exp_of_square(x, -0.5f)",
    "log1p_of_fraction": "NAME_log1p_of_fraction(x)",
    "log": "NAME_log(x)",
    "log1p": "NAME_log1p(x)",
    "logistic": "NAME_logistic(x)",
    "tanh": "NAME_tanh_of(x)",
    "normal": "NAME_normal(x)",
}


def header(folder: Path, dtype, *options: str):
    """As `compiled`, the functions of exported C headers."""
    from .accuracy import ALPHA

    dtype, parts = np.dtype(dtype), []
    units = [
        key for key in truths.ACTIVATIONS if key != "identity"
    ]  # a header calls nothing for it
    for key, code in OF_HEADER.items():
        parts.append(f"""
void of_{key}(long n, const float *xs, float *ys)
{{
    for (long k = 0; k < n; k++) {{ const float x = xs[k]; ys[k] = {code}; }}
}}
""")
    for key in units:
        calls = [f"NAME_{key}(n, {', '.join(arguments_of(key, False))})"]
        calls.append(f"NAME_{key}_slope(n, {', '.join(arguments_of(key, True))})")
        parts.append(f"""
void f_{key}(int n, float alpha, const float *z, float *a) {{ {calls[0]}; }}
void slope_{key}(int n, float alpha, const float *z, const float *a, float *delta)
{{ {calls[1]}; }}
""")
    text = c_functions.in_dtype(c_functions.with_helpers("\n".join(parts)), dtype)
    head = "#include <math.h>\n#include <stdint.h>\n#include <string.h>\n"
    folder.mkdir(parents=True, exist_ok=True)
    source, target = folder / f"header_{dtype}.c", folder / f"header_{dtype}.so"
    source.write_text(head + re.sub(r"\bNAME_", "net_", text))
    compile_c("-std=c99", *options, "-fPIC", "-shared", source, "-o", target, "-lm")
    library = ctypes.CDLL(str(target))

    def address(name):
        return ctypes.cast(getattr(library, name), ctypes.c_void_p).value

    real = ctypes.c_double if dtype.itemsize == 8 else ctypes.c_float
    of_units = {
        key: _of_units(address(f"f_{key}"), address(f"slope_{key}"), real, ALPHA.get(key, 0))
        for key in units
    }
    return {key: _of_array(address(f"of_{key}")) for key in OF_HEADER}, of_units
