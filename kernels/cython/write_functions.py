"""Write functions.pxd and switches.pxd: the rows of kernels/functions.py as Cython.

    python write_functions.py FOLDER

The build runs this.
"""

import re
import sys
from pathlib import Path
from typing import ClassVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import expressions
import functions

HEAD = """\
# Activation functions f(z) and their slopes f'(z), where a = f(z), over vectors. Written by
# kernels/cython/write_functions.py from the rows of kernels/functions.py: change these.
from exponentials cimport (
    exp_of_negative, expm1_of_negative, hyperbolic_tangent, log1p_of_fraction, logistic,
)
from lanes cimport magnitude, quotient, real, splat, vector, where_above
"""


class Cython(expressions.Language):
    """Vectors are opaque floats: numbers are cast to `real`, or spread where C has no operator."""

    calls: ClassVar = {
        "exp_of_negative": "exp_of_negative",
        "expm1_of_negative": "expm1_of_negative",
        "log1p_of_fraction": "log1p_of_fraction",
        "logistic": "logistic",
        "magnitude": "magnitude",
        "tanh": "hyperbolic_tangent",
    }
    statement = "{name} = {value}"

    def number(self, x):
        """A scalar, which C spreads beside a vector."""
        return f"(<real> {x!r})"

    def operation(self, sign, x, y):
        """Cython would cast for its own division."""
        return f"quotient({x}, {y})" if sign == "/" else f"{x} {sign} {y}"

    def where_above(self, x, y, above, other):
        """Lane by lane."""
        return f"where_above({x}, {y}, {above}, {other})"

    def spread(self, x):
        """Z and a are vectors, and so is what was computed; alpha and numbers are not."""
        if isinstance(x, str) and x != "alpha":
            return x
        return f"splat(z, {x if isinstance(x, str) else self.number(x)})"


def table(name: str, arguments: list[str]) -> list[str]:
    """One function for all rows, to be called with a constant code."""
    rows = [row for row in functions.ACTIVATIONS.values() if row.f is not None]
    vectors = ", ".join(f"vector {argument}" for argument in arguments)
    body, most = [], 0
    for row in rows:
        lines, result, n = expressions.written(getattr(row, name), Cython(), *arguments, "alpha")
        most = max(most, n)
        body.append(f"    if activation == {row.name.upper()}:")
        body += [f"        {line}" for line in [*lines, f"return {result}"]]
    variables = ", ".join(f"t{k}" for k in range(most))
    return [
        f"cdef inline vector {name}(",
        f"    Py_ssize_t activation, real alpha, {vectors},",
        ") noexcept nogil:",
        f"    cdef vector {variables}",
        *body,
        "    return z",
    ]


def tables() -> str:
    """The text of functions.pxd."""
    names = ", ".join(name.upper() for name in functions.ACTIVATIONS)
    enum = ["cdef enum:", "    # positions in interface.ACTIVATIONS", f"    {names}, CUSTOM"]
    parts = [enum, table("f", ["z"]), table("slope", ["z", "a"])]
    return "\n\n\n".join([HEAD.rstrip(), *("\n".join(part) for part in parts)]) + "\n"


SWITCHES = """\
# From the code of a layer to loops, or vectors, of one function each. Written by
# kernels/cython/write_functions.py from the rows of kernels/functions.py.
from activations cimport map_f, map_slope
from functions cimport NAMES, f, slope
from lanes cimport real, vector


cdef inline void map_f_by_code(
    Py_ssize_t activation, real alpha, Py_ssize_t n,
    const real *z,      # (n,)  read
    real *a,            # (n,)  overwritten: f(z)
) noexcept nogil:
    if activation == IDENTITY:
        if a != z:
            map_f(IDENTITY, alpha, n, z, a)
CASES:    elif activation == CODE:
        map_f(CODE, alpha, n, z, a)
END

cdef inline void map_slope_by_code(
    Py_ssize_t activation, real alpha, Py_ssize_t n,
    const real *z,      # (n,)  read
    const real *a,      # (n,)  read
    real *delta,        # (n,)  dC/da in, dC/dz out
) noexcept nogil:
    if activation == IDENTITY:
        return
CASES:    elif activation == CODE:
        map_slope(CODE, alpha, n, z, a, delta)
END

cdef inline vector f_by_code(Py_ssize_t activation, real alpha, vector z) noexcept nogil:
CASES:    if activation == CODE:
        return f(CODE, alpha, z)
END    return z


cdef inline vector slope_by_code(
    Py_ssize_t activation, real alpha, vector z, vector a,
) noexcept nogil:
CASES:    if activation == CODE:
        return slope(CODE, alpha, z, a)
END    return slope(IDENTITY, alpha, z, a)
"""


def switches() -> str:
    """The text of switches.pxd."""
    codes = [row.name.upper() for row in functions.ACTIVATIONS.values() if row.f is not None]

    def cases(found):
        return "".join(found[1].replace("CODE", code) for code in codes if code != "IDENTITY")

    text = SWITCHES.replace("NAMES, f, slope", ", ".join([*codes, "f", "slope"]))
    return re.sub("CASES:(.*?)END", cases, text, flags=re.S)


def write(path: Path, text: str) -> None:
    """Unless it is there already: all that includes it would be compiled anew."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    write(folder / "functions.pxd", tables())
    write(folder / "switches.pxd", switches())
