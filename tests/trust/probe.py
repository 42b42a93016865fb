"""The primitives of the kernels as functions of arrays, compiled for one instruction set.

Activations and slopes are measured in the installed kernels, whose addresses `lent` knows. The
primitives that they call are inlined there, so that they get a module of their own: the same
sources, the same options, and nothing but a loop.
"""

import ctypes
import importlib.util
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np

import deltaloop as dl
from deltaloop.kernels import interface

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
    "normal": "normal(x, exp_of_square(x, <real> -0.5))",
    "sin": "sine(x)",
    "cos": "cosine(x)",
    "root": "root(x)",
    "logistic_of_lanes": "logistic_of_lanes(x)",
    "tanh_of_lanes": "tanh_of_lanes(x)",
    "over_root": "over_root(splat(x, 1), x, 1)",
}

SOURCE = """\
from ensemble_lanes cimport logistic_of_lanes, tanh_of_lanes
from exponentials cimport (
    exp_of_negative, expm1_of_negative, exponential, hyperbolic_tangent, log1p_of_fraction,
    log_of_one_more, logarithm, logistic,
)
from lanes cimport NATIVE, over_root, real, root, splat, vec
from normal cimport exp_of_square, normal
from sines cimport cosine, sine

FUNCTIONS

def addresses():
    return {ADDRESSES}
"""

# Of results and exact values in float64, how many ulp of float32 lie between them. An ulp is that
# of the exact value, at least that of `least`; no more than `lost` apart is right; infinity is the
# number behind the largest one, and nan has no neighbours.
ERRORS = """
#include <math.h>
#include <string.h>
static inline double within(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}
void errors(long n, const float *found, const double *exact, double least, double lost,
            double *out)
{
    for (long k = 0; k < n; k++) {
        double x = within(exact[k], -0x1p128, 0x1p128);
        double y = within(found[k], -0x1p128, 0x1p128);
        double size = within(fabs(x), least, 0x1.fffffep127), apart = fabs(x - y), per_ulp;
        long long bits;
        memcpy(&bits, &size, 8);
        bits = ((2046 + 23LL) << 52) - (bits & 0x7ff0000000000000);
        memcpy(&per_ulp, &bits, 8);
        int is_nan = found[k] != found[k], should_be = exact[k] != exact[k];
        apart = apart <= lost ? 0 : apart * per_ulp;
        out[k] = is_nan != should_be ? INFINITY : is_nan ? 0 : apart;
    }
}
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

# those of CMakeLists.txt
OPTIONS = (
    "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-Wno-psabi", "-w",
    "-DCYTHON_INLINE=__inline__ __attribute__((always_inline))", "-fPIC", "-shared",
)  # fmt: skip


def primitives(folder: Path, level: int, dtype) -> dict:
    """{name: function(x, y)} that writes one primitive of x into y, n a multiple of 16."""
    bits = 8 * np.dtype(dtype).itemsize
    name = f"probe_v{level}_f{bits}"
    folder.mkdir(parents=True, exist_ok=True)
    functions = "".join(
        FUNCTION.replace("NAME", key).replace("CODE", code) for key, code in PRIMITIVES.items()
    )
    listed = ", ".join(f"'{key}': <size_t> &of_{key}" for key in PRIMITIVES)
    source = folder / f"{name}.pyx"
    source.write_text(SOURCE.replace("FUNCTIONS", functions).replace("ADDRESSES", listed))
    _run(sys.executable, "-B", SOURCES / "write_functions.py", folder)
    include = ("-I", SOURCES, "-I", folder)
    directives = ("-X", "boundscheck=False,wraparound=False,cdivision=True,initializedcheck=False")
    _run(sys.executable, "-m", "cython", "-3", *include, *directives, source)
    target = folder / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
    march = [f"-march=x86-64-v{level}"] if level else []
    double = ["-DDELTALOOP_DOUBLE"] if bits == 64 else []
    _run(
        "cc", *OPTIONS, *march, *double, f"-I{sysconfig.get_path('include')}",
        f"-I{dl.get_include()}", f"-I{folder}", f"-I{SOURCES}", source.with_suffix(".c"),
        "-o", target, "-lm",
    )  # fmt: skip
    spec = importlib.util.spec_from_file_location(name, target)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {key: _of_array(address, module) for key, address in module.addresses().items()}


def errors(folder: Path):
    """The function of ERRORS as errors(found, exact, least, lost, out)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "errors.c").write_text(ERRORS)
    options = "-O3", "-march=native", "-fno-trapping-math", "-fno-math-errno", "-fPIC", "-shared"
    _run("cc", *options, folder / "errors.c", "-o", folder / "errors.so", "-lm")
    function = ctypes.CDLL(str(folder / "errors.so")).errors
    pointer, double = ctypes.c_void_p, ctypes.c_double
    function.argtypes = [ctypes.c_long, pointer, pointer, double, double, pointer]
    function.restype = None

    def compute(found, exact, least, lost, out):
        function(out.size, found.ctypes.data, exact.ctypes.data, least, lost, out.ctypes.data)

    return compute


def _run(*command):
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")


def _of_array(address, module):
    """A function of arrays; it keeps the module alive."""
    call = ctypes.CFUNCTYPE(None, ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_void_p)(address)

    def compute(x, y, module=module):
        call(x.size, x.ctypes.data, y.ctypes.data)

    return compute


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
