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
# Activation functions f(z) and their slopes f'(z), where a = f(z), losses, and steps of flat rules,
# over vectors. Written by kernels/cython/write_functions.py from the rows of kernels/functions.py.
from libc.math cimport pow

from exponentials cimport (
    REAL_EPSILON, exp_of_negative, expm1_of_negative, hyperbolic_tangent, log1p_of_fraction,
    log_of_one_more, logarithm, logistic,
)
from lanes cimport magnitude, quotient, real, root, splat, vector, where_above
"""


class Cython(expressions.Language):
    """Numbers are cast to `real`; where C has no operator of vector and scalar, they are spread."""

    calls: ClassVar = {
        "exp_of_negative": "exp_of_negative",
        "expm1_of_negative": "expm1_of_negative",
        "log": "logarithm",
        "log1p": "log_of_one_more",
        "log1p_of_fraction": "log1p_of_fraction",
        "logistic": "logistic",
        "magnitude": "magnitude",
        "root": "root",
        "tanh": "hyperbolic_tangent",
    }
    statement = "{name} = {value}"
    epsilon = "REAL_EPSILON"

    def number(self, x):
        """A scalar, which C spreads over the lanes in + - * with a vector."""
        return f"(<real> {x!r})"

    def operation(self, sign, x, y):
        """Division is a function: for /, Cython writes casts that vectors do not have."""
        return f"quotient({x}, {y})" if sign == "/" else f"{x} {sign} {y}"

    def where_above(self, x, y, above, other):
        """Lane by lane."""
        return f"where_above({x}, {y}, {above}, {other})"

    def spread(self, scalar):
        """As a vector with as many lanes as `like`, an argument of the function."""
        return f"splat({self.like}, {scalar})"

    def __init__(self, like: str):
        self.like = like


def table(rows, code: str, name: str, function: str, parameter: str, arguments: list[str], *more):
    """`function` of all rows as one function, to be called with a constant code.

    `more` are names of what it writes besides what it returns, where a row gives a tuple.
    """
    vectors = ", ".join([*(f"vector {x}" for x in arguments), *(f"vector *{x}" for x in more)])
    body, most = [], 0
    for row in rows:
        writer = expressions.Writer(Cython(arguments[0]))
        given = [expressions.Expression(writer, argument) for argument in arguments]
        found = getattr(row, function)(writer, *given, writer.scalar(parameter))
        first, *others = writer.results(functions.factors(found) if more else (found,))
        most = max(most, writer.n_variables)
        written = [f"{out}[0] = {text}" for out, text in zip(more, others, strict=True)]
        body.append(f"    if {code} == {row.name.upper()}:")
        body += [f"        {line}" for line in [*writer.lines, *written, f"return {first}"]]
    return [
        f"cdef inline vector {name}(",
        f"    Py_ssize_t {code}, real {parameter}, {vectors},",
        ") noexcept nogil:",
        *([f"    cdef vector {', '.join(f't{k}' for k in range(most))}"] if most else []),
        *body,
        f"    return {arguments[0]}",
    ]


def of_activations(name: str, arguments: list[str]):
    """The table of f or slope of the activations."""
    return table(_of_units(), "activation", name, name, "alpha", arguments)


def of_losses(function: str, arguments: list[str], *more: str):
    """The table of one function of the losses, named loss_value and the like."""
    rows = [row for row in functions.LOSSES.values() if getattr(row, function) is not None]
    return table(rows, "loss", f"loss_{function}", function, "p", arguments, *more)


def canonical() -> list[str]:
    """The function is_canonical."""
    pairs = [
        f"(loss == {row.name.upper()} and activation == {row.partner.upper()})"
        for row in functions.LOSSES.values()
        if row.is_canonical
    ]
    return [
        "cdef inline bint is_canonical(Py_ssize_t loss, Py_ssize_t activation) noexcept nogil:",
        "    # whether the loss and dC/dz are computed from the logits z",
        f"    return {' or '.join(pairs)}",
    ]


def rules() -> list[str]:
    """One function for all rules in one pass over theta, to be called with a constant code."""
    body, most = [], 0
    for row in functions.RULES.values():
        state = ["s0[0]", "s1[0]", "s2[0]"]
        lines, results, n = expressions.written_step(row, Cython("w"), "hyper", "w", "g", *state)
        most = max(most, n)
        # all slots are read before the first is written
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


def constants() -> list[str]:
    """The functions that give the constants of a step, and the factors of a product."""
    of_step, factors = [], []
    for row in functions.RULES.values():
        found, factor = expressions.written_constants(row, "given", "step", "product")
        head, n = f"    if code == {row.name.upper()}:", len(row.hyper)
        if found:
            of_step += [head, *(
                f"        hyper[{n + k}] = <real> ({text})" for k, text in enumerate(found.values())
            )]  # fmt: skip
        if factor:
            factors += [head, f"        return {factor}"]
    return [
        "cdef inline void write_constants(",
        "    Py_ssize_t code, const double *given, Py_ssize_t step, double product, real *hyper,",
        ") noexcept nogil:",
        "    # what follows from the hyper-parameters in update number `step`, counted from 1",
        *of_step,
        "",
        "",
        "cdef inline double factor_of_step(",
        "    Py_ssize_t code, const double *given, Py_ssize_t step,",
        ") noexcept nogil:",
        "    # 1 for rules that have none",
        *factors,
        "    return 1",
    ]


def _of_units():
    return [row for row in functions.ACTIVATIONS.values() if row.f is not None]


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
        _enum(
            "positions in interface.LOSSES; any other number is the address of a custom_loss",
            functions.LOSSES,
        ),
        of_activations("f", ["z"]),
        of_activations("slope", ["z", "a"]),
        canonical(),
        of_losses("value", ["a", "y"], "factor"),
        of_losses("slope", ["a", "y"]),
        of_losses("logits_value", ["z", "y"], "factor"),
        of_losses("logits_delta", ["z", "a", "y"]),
        rules(),
        constants(),
    ]
    return "\n\n\n".join([HEAD.rstrip(), *("\n".join(part) for part in parts)]) + "\n"


SWITCHES = """\
# From a code to the loop, or the function of vectors, of its row. Written by
# kernels/cython/write_functions.py from the rows of kernels/functions.py.
from activations cimport map_f, map_slope
from flat cimport descend_flat
from functions cimport (
    NAMES, f, loss_slope, loss_value, slope,
)
from lanes cimport real, vector
from losses cimport terms
from plan cimport Rows, Rule


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


cdef inline vector loss_by_code(
    Py_ssize_t loss, real p, vector a, vector y, vector *value, vector *factor,
) noexcept nogil:
    # returns dC/da; value: the terms of the units; not for losses of users
LOSSES:    if loss == CODE:
        value[0] = loss_value(CODE, p, a, y, factor)
        return loss_slope(CODE, p, a, y)
END    return a


cdef inline double terms_by_code(
    Py_ssize_t loss, bint from_logits, real p, Py_ssize_t n_samples, Py_ssize_t n_out,
    Py_ssize_t width, const real *z, const real *a, const Rows *Y, real *delta, double *costs,
) noexcept nogil:
LOSSES:    if loss == CODE and not from_logits:
        return terms(CODE, False, p, n_samples, n_out, width, z, a, Y, delta, costs)
ENDLOGITS:    if loss == CODE and from_logits:
        return terms(CODE, True, p, n_samples, n_out, width, z, a, Y, delta, costs)
END    return 0


cdef inline bint is_built_in(Py_ssize_t loss) noexcept nogil:
    # if not, it is the address of a user's function
    return 0 <= loss < N_LOSSES


cdef inline bint is_fused(Py_ssize_t code) noexcept nogil:
    # whether products of mini-batches and rows take the step of the rule as well
    return FUSED


cdef inline void descend_flat_by_code(
    const Rule *rule, real *theta, Py_ssize_t first, Py_ssize_t stop,
) noexcept nogil:
RULES:    if rule.code == CODE:
        descend_flat(CODE, rule, theta, first, stop)
END"""


def switches() -> str:
    """The text of switches.pxd."""
    units = [row.name.upper() for row in _of_units()]
    rows = functions.RULES.values()
    steps = [row.name.upper() for row in rows]
    losses = functions.LOSSES.values()
    codes = {
        "CASES": [code for code in units if code != "IDENTITY"],
        "LOSSES": [row.name.upper() for row in losses],
        "LOGITS": [row.name.upper() for row in losses if row.logits_value is not None],
        "RULES": steps,
    }
    names = sorted({*units, *steps, *codes["LOSSES"]})
    text = SWITCHES.replace("NAMES", ",\n    ".join(names)).replace("N_LOSSES", str(len(losses)))
    fused = [f"code == {row.name.upper()}" for row in rows if row.is_fused]
    text = text.replace("FUSED", " or ".join(fused))
    for kind, all_codes in codes.items():

        def cases(found, all_codes=all_codes):
            return "".join(found[1].replace("CODE", code) for code in all_codes)

        text = re.sub(f"{kind}:(.*?)END", cases, text, flags=re.S)
    return text


def write(path: Path, text: str) -> None:
    """Write a file if its text has changed, since everything that includes it is compiled again."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    write(folder / "functions.pxd", tables())
    write(folder / "switches.pxd", switches())
