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
# Activation functions f(z) and their slopes f'(z), where a = f(z), and steps of flat rules, over
# vectors. Written by kernels/cython/write_functions.py from the rows of kernels/functions.py.
from exponentials cimport (
    exp_of_negative, expm1_of_negative, hyperbolic_tangent, log1p_of_fraction, logistic,
)
from lanes cimport magnitude, quotient, real, root, splat, vector, where_above
"""


class Cython(expressions.Language):
    """Vectors are opaque floats: numbers are cast to `real`, or spread where C has no operator."""

    calls: ClassVar = {
        "exp_of_negative": "exp_of_negative",
        "expm1_of_negative": "expm1_of_negative",
        "log1p_of_fraction": "log1p_of_fraction",
        "logistic": "logistic",
        "magnitude": "magnitude",
        "root": "root",
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


def rules() -> list[str]:
    """One function for all flat rules, to be called with a constant code."""
    body, most = [], 0
    for row in _flat():
        state = ["s0[0]", "s1[0]", "s2[0]"]
        lines, results, n = expressions.written_step(row, Cython(), "hyper", "w", "g", *state)
        most = max(most, n)
        kept = [f"{slot} = {new}" for slot, new in zip(state, results[1:], strict=False)]
        body.append(f"    if code == {row.name.upper()}:")
        body += [f"        {line}" for line in [*lines, *kept, f"return {results[0]}"]]
    return [
        "cdef inline vector flat_step(",
        "    Py_ssize_t code, const real *hyper, vector w, vector g,",
        "    vector *s0, vector *s1, vector *s2,     # updated: the slots that the rule has",
        ") noexcept nogil:",
        f"    cdef vector {', '.join(f't{k}' for k in range(most))}",
        *body,
        "    return w",
    ]


def _flat():
    return [row for row in functions.RULES.values() if row.step is not None]


def _enum(comment, names) -> list[str]:
    return ["cdef enum:", f"    # {comment}", f"    {', '.join(name.upper() for name in names)}"]


def tables() -> str:
    """The text of functions.pxd."""
    parts = [
        _enum("positions in interface.ACTIVATIONS", [*functions.ACTIVATIONS, "custom"]),
        _enum(
            "positions in interface.RULES; the last one only adds the gradient to a buffer",
            [*functions.RULES, "accumulate"],
        ),
        table("f", ["z"]),
        table("slope", ["z", "a"]),
        rules(),
    ]
    return "\n\n\n".join([HEAD.rstrip(), *("\n".join(part) for part in parts)]) + "\n"


SWITCHES = """\
# From the code of a layer to loops, or vectors, of one function each. Written by
# kernels/cython/write_functions.py from the rows of kernels/functions.py.
from activations cimport map_f, map_slope
from flat cimport descend_flat
from functions cimport NAMES, f, slope
from lanes cimport real, vector
from plan cimport Rule


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


cdef inline bint is_flat(Py_ssize_t code) noexcept nogil:
    # whether the rule wants the whole gradient before its step
    return FLAT


cdef inline void descend_flat_by_code(
    const Rule *rule, real *theta, Py_ssize_t first, Py_ssize_t stop,
) noexcept nogil:
RULES:    if rule.code == CODE:
        descend_flat(CODE, rule, theta, first, stop)
END"""


def switches() -> str:
    """The text of switches.pxd."""
    codes = [row.name.upper() for row in functions.ACTIVATIONS.values() if row.f is not None]

    def cases(found):
        return "".join(found[1].replace("CODE", code) for code in codes if code != "IDENTITY")

    flat = [row.name.upper() for row in _flat()]
    text = SWITCHES.replace("NAMES, f, slope", ", ".join([*codes, *flat, "f", "slope"]))
    text = text.replace("FLAT", " or ".join(f"code == {code}" for code in flat))
    text = re.sub("CASES:(.*?)END", cases, text, flags=re.S)
    return re.sub(
        "RULES:(.*?)END",
        lambda found: "".join(found[1].replace("CODE", code) for code in flat),
        text,
        flags=re.S,
    )


def write(path: Path, text: str) -> None:
    """Unless it is there already: all that includes it would be compiled anew."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    write(folder / "functions.pxd", tables())
    write(folder / "switches.pxd", switches())
