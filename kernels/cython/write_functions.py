"""Write functions.pxd and switches.pxd: the rows of kernels/functions.py as Cython.

And ensemble_functions.pxd, the same with a network in every lane, coefficients.h, from
kernels/coefficients.py, and held.pxi, loops of sparse.pxi for every number of vectors.

    python write_functions.py FOLDER

The build runs this.
"""

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import coefficients
import expressions
import functions

HEAD = """\
# Activation functions f(z) and their slopes f'(z), where a = f(z), losses, and steps of flat rules,
# over vectors. Written by kernels/cython/write_functions.py from the rows of kernels/functions.py.
from libc.math cimport exp as exp_of_number, pow

from exponentials cimport (
    REAL_EPSILON, exp_of_negative, expm1_of_negative, exponential, gated, hyperbolic_tangent,
    lecun_tanh, log1p_of_fraction, log_of_one_more, logarithm, logistic, mish,
)
from lanes cimport (
    clipped, magnitude, over_root, quotient, real, root, splat, vector, where_above,
)
from normal cimport exp_of_square, normal, times_normal
from sines cimport cosine, sine
"""


class Cython(expressions.Language):
    """Numbers are cast to `real`; where C has no operator of vector and scalar, they are spread."""

    calls: ClassVar = {
        "clipped": "clipped",
        "cos": "cosine",
        "exp": "exponential",
        "exp_of_negative": "exp_of_negative",
        "exp_of_square": "exp_of_square",
        "expm1_of_negative": "expm1_of_negative",
        "gated": "gated",
        "lecun_tanh": "lecun_tanh",
        "log": "logarithm",
        "log1p": "log_of_one_more",
        "log1p_of_fraction": "log1p_of_fraction",
        "logistic": "logistic",
        "magnitude": "magnitude",
        "mish": "mish",
        "normal": "normal",
        "over_root": "over_root",
        "root": "root",
        "sin": "sine",
        "tanh": "hyperbolic_tangent",
        "times_normal": "times_normal",
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


class Numbers(expressions.Language):
    """Single numbers in float64."""

    calls: ClassVar = {"exp": "exp_of_number"}
    statement = "{name} = {value}"

    def number(self, x):
        """As a double."""
        return f"(<double> {x!r})"


def outers() -> list[str]:
    """The functions has_outer and loss_outer."""
    rows = [row for row in functions.LOSSES.values() if row.outer is not None]
    body, most = [], 0
    for row in rows:
        writer = expressions.Writer(Numbers())
        total = expressions.Expression(writer, "total")
        results = writer.results(row.outer(writer, total, writer.scalar("p")))
        most = max(most, writer.n_variables)
        body.append(f"    if loss == {row.name.upper()}:")
        body += [f"        {line}" for line in writer.lines]
        body += [f"        slope[0] = {results[1]}", f"        return {results[0]}"]
    return [
        "cdef inline bint has_outer(Py_ssize_t loss) noexcept nogil:",
        "    # whether the loss of a sample is a function of the sum of its terms",
        f"    return {_is_one_of('loss', [row.name.upper() for row in rows])}",
        "",
        "",
        "cdef inline double loss_outer(",
        "    Py_ssize_t loss, double p, double total, double *slope,     # slope: overwritten",
        ") noexcept nogil:",
        f"    cdef double {', '.join(f't{k}' for k in range(most))}",
        *body,
        "    return total",
    ]


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
        outers(),
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


cdef inline bint is_common(Py_ssize_t activation) noexcept nogil:
    # whether the functions `..._by_code` below have it; those named `other...` have all others
    return COMMON


cdef inline bint is_common_loss(Py_ssize_t loss) noexcept nogil:
    return COSTS


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

cdef inline void map_other_f_by_code(
    Py_ssize_t activation, real alpha, Py_ssize_t n, const real *z, real *a,
) noexcept nogil:
OTHERS:    if activation == CODE:
        map_f(CODE, alpha, n, z, a)
END

cdef inline void map_other_slope_by_code(
    Py_ssize_t activation, real alpha, Py_ssize_t n, const real *z, const real *a, real *delta,
) noexcept nogil:
OTHERS:    if activation == CODE:
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


cdef inline double other_terms_by_code(
    Py_ssize_t loss, bint from_logits, real p, Py_ssize_t n_samples, Py_ssize_t n_out,
    Py_ssize_t width, const real *z, const real *a, const Rows *Y, real *delta, double *costs,
) noexcept nogil:
OTHER_LOSSES:    if loss == CODE and not from_logits:
        return terms(CODE, False, p, n_samples, n_out, width, z, a, Y, delta, costs)
ENDOTHER_LOGITS:    if loss == CODE and from_logits:
        return terms(CODE, True, p, n_samples, n_out, width, z, a, Y, delta, costs)
END    return 0


cdef inline bint is_built_in(Py_ssize_t loss) noexcept nogil:
    # if not, it is the address of a user's function
    return 0 <= loss < N_LOSSES


cdef inline void descend_flat_by_code(
    const Rule *rule, real *theta, Py_ssize_t first, Py_ssize_t stop,
) noexcept nogil:
RULES:    if rule.code == CODE:
        descend_flat(CODE, rule, theta, first, stop)
END"""


def switches() -> str:
    """The text of switches.pxd."""
    units, losses = _of_units(), functions.LOSSES.values()
    rules = functions.RULES.values()
    of_logits = [row for row in losses if row.logits_value is not None]
    common, others = _codes(units, True), _codes(units, False)
    codes = {
        "CASES": [code for code in common if code != "IDENTITY"],
        "OTHERS": others,
        "LOSSES": _codes(losses, True),
        "OTHER_LOSSES": _codes(losses, False),
        "LOGITS": _codes(of_logits, True),
        "OTHER_LOGITS": _codes(of_logits, False),
        "RULES": [row.name.upper() for row in rules],
    }
    names = sorted({*common, *(code for kind in codes.values() for code in kind)})
    tests = {
        "NAMES": ",\n    ".join(names),
        "N_LOSSES": str(len(losses)),
        "COMMON": _is_one_of("activation", common),
        "COSTS": _is_one_of("loss", codes["LOSSES"]),
    }
    text = SWITCHES
    for word, meant in tests.items():
        text = re.sub(rf"\b{word}\b", meant.replace("\\", r"\\"), text)
    return _filled(text, codes)


ENSEMBLE = """\
# From a code to the loop of its row over vectors whose lanes are networks. Written by
# kernels/cython/write_functions.py from the rows of kernels/functions.py.
from libc.math cimport pow

from ensemble_lanes cimport (
    PARTIAL, Wide, add_wide, gated_of_lanes, logistic_of_lanes, tanh_of_lanes, widened,
)
from exponentials cimport (
    exp_of_negative, expm1_of_negative, exponential, lecun_tanh, log1p_of_fraction,
    log_of_one_more, logarithm, mish,
)
from functions cimport (
    NAMES, has_outer, loss_logits_delta, loss_logits_value, loss_outer, loss_slope, loss_value,
    slope,
)
from lanes cimport (
    NATIVE, clipped, fill, magnitude, quotient, real, root, splat, vec,
    vec_over_root as over_root, where_above,
)
from normal cimport exp_of_square, normal, times_normal
from sines cimport cosine, sine


F


cdef inline void map_lanes(
    Py_ssize_t activation, real alpha, Py_ssize_t n,
    const vec *z,       # (n,)  read
    vec *a,             # (n,)  overwritten: f(z); may be the same array as z
) noexcept nogil:
    cdef Py_ssize_t k
UNITS:    if activation == CODE:
        for k in range(n):
            a[k] = f_of_lanes(CODE, alpha, z[k])
        return
END

cdef inline void map_slope_of_lanes(
    Py_ssize_t activation, real alpha, Py_ssize_t n,
    const vec *z,       # (n,)  read if the row has keeps_z, else it may be a
    const vec *a,       # (n,)  read
    vec *delta,         # (n,)  dC/da in, dC/dz out
) noexcept nogil:
    cdef Py_ssize_t k
UNITS:    if activation == CODE:
        for k in range(n):
            delta[k] *= slope(CODE, alpha, z[k], a[k])
        return
END

cdef inline void terms_of_lanes(
    Py_ssize_t loss, bint from_logits, real p, Py_ssize_t n_out, Py_ssize_t side,
    const vec *z,       # (side, n_out)  read if from_logits
    const vec *a,       # (side, n_out)  read
    const vec *y,       # (side, n_out), or (n_out,) for y_side = 0  read
    Py_ssize_t y_side,
    vec *delta,         # (side, n_out)  overwritten: dC/da, or dC/dz if from_logits
    double *costs,      # (side NATIVE,)  overwritten: the loss of the sample in every network; or
    vec *parts,         # (side,)  added to, unless NULL, for n_out <= PARTIAL and no has_outer
) noexcept nogil:
    cdef Py_ssize_t s, o, k, end
    cdef vec value, factor, target, part
    cdef Wide sums
    cdef double by_sum
    for s in range(side):
        o = 0
        while o < n_out:        # a few terms in `real`, then all in double
            end = min(n_out, o + PARTIAL)
            fill(&part, 0)
            for k in range(o, end):
                target = y[k]
                if from_logits:
                    value = loss_logits_value(loss, p, z[k], target, &factor)
                    delta[k] = loss_logits_delta(loss, p, z[k], a[k], target)
                else:
                    value = loss_value(loss, p, a[k], target, &factor)
                    delta[k] = loss_slope(loss, p, a[k], target)
                part += value * factor
            if parts == NULL:
                sums = add_wide(sums, widened(part)) if o else widened(part)
            o = end
        if parts != NULL:
            parts[s] += part
        else:
            (<Wide *> (costs + s * NATIVE))[0] = sums
        if has_outer(loss):
            for k in range(NATIVE):
                costs[s * NATIVE + k] = loss_outer(loss, p, costs[s * NATIVE + k], &by_sum)
                for o in range(n_out):
                    (<real *> (delta + o))[k] *= <real> by_sum
        z, a, delta = z + n_out, a + n_out, delta + n_out
        if y_side:
            y += n_out


cdef inline void terms_of_lanes_by_code(
    Py_ssize_t loss, bint from_logits, real p, Py_ssize_t n_out, Py_ssize_t side,
    const vec *z, const vec *a, const vec *y, Py_ssize_t y_side, vec *delta, double *costs,
    vec *parts,
) noexcept nogil:
    # softmax with cross_entropy or kullback_leibler is by hand, as in losses.pxd
ALL_LOSSES:    if loss == CODE and not from_logits:
        terms_of_lanes(CODE, False, p, n_out, side, z, a, y, y_side, delta, costs, parts)
        return
ENDALL_LOGITS:    if loss == CODE and from_logits:
        terms_of_lanes(CODE, True, p, n_out, side, z, a, y, y_side, delta, costs, parts)
        return
END

STEP


CONSTANTS


cdef inline void step_lanes_by_code(
    Py_ssize_t code, Py_ssize_t n, const vec *hyper,    # (16,): hyper-parameters and constants
    vec *theta,         # (n,)  updated
    const vec *g,       # (n,)  read: gradient times n_samples
    const real scale,   # 1 / n_samples
    vec *s0, vec *s1, vec *s2,      # (n,)  updated: the slots that the rule has
) noexcept nogil:
    cdef Py_ssize_t k
    cdef vec own[16]        # a copy, which the stores below cannot change
    for k in range(16):
        own[k] = hyper[k]
RULES:    if code == CODE:
        for k in range(n):
            theta[k] = lanes_step(CODE, own, theta[k], g[k] * scale, s0 + k, s1 + k, s2 + k)
        return
END"""


class Lanes(Cython):
    """As Cython, with the functions that are written for lanes alone."""

    calls: ClassVar = {
        **Cython.calls,
        "gated": "gated_of_lanes",
        "logistic": "logistic_of_lanes",
        "tanh": "tanh_of_lanes",
    }


def lanes_f() -> list[str]:
    """F of all activations for a vec, to be called with a constant code."""
    body, most = [], 0
    for row in _of_units():
        lines, result, n = expressions.written(row.f, Lanes("z"), "z")
        most = max(most, n)
        body.append(f"    if activation == {row.name.upper()}:")
        body += [f"        {line}" for line in [*lines, f"return {result}"]]
    return [
        "cdef inline vec f_of_lanes(Py_ssize_t activation, real alpha, vec z) noexcept nogil:",
        f"    cdef vec {', '.join(f't{k}' for k in range(most))}",
        *body,
        "    return z",
    ]


def lanes_step() -> list[str]:
    """As `rules`, with hyper-parameters that differ from lane to lane."""
    body, most = [], 0
    for row in functions.RULES.values():
        writer = expressions.Writer(Cython("w"))
        constants = expressions.written_constants(row, "given", "step", "product")[0]
        h = SimpleNamespace(**{
            name: expressions.Expression(writer, f"hyper[{k}]")
            for k, name in enumerate([*row.hyper, *constants])
        })  # fmt: skip
        state = ["s0[0]", "s1[0]", "s2[0]"][: len(row.slots)]
        given = [expressions.Expression(writer, name) for name in ("w", "g", *state)]
        results = [result.name for result in row.step(writer, h, *given)]
        most = max(most, writer.n_variables)
        kept = [f"{slot} = {new}" for slot, new in zip(state, results[1:], strict=True)]
        body.append(f"    if code == {row.name.upper()}:")
        body += [f"        {line}" for line in [*writer.lines, *kept, f"return {results[0]}"]]
    return [
        "cdef inline vec lanes_step(",
        "    Py_ssize_t code, const vec *hyper, vec w, vec g, vec *s0, vec *s1, vec *s2,",
        ") noexcept nogil:",
        f"    cdef vec {', '.join(f't{k}' for k in range(most))}",
        *body,
        "    return w",
    ]


def lanes_constants() -> list[str]:
    """As `constants`, with a learning rate for every lane."""
    body = []
    for row in functions.RULES.values():
        found, _ = expressions.written_constants(row, "given", "step", "product")
        for k, text in enumerate(found.values()):
            of_lane = text.replace("given[0]", "rates[lane]")
            body += [
                f"    if code == {row.name.upper()}:" if k == 0 else "",
                "        for lane in range(NATIVE):",
                f"            hyper[{len(row.hyper) + k} * NATIVE + lane] = <real> ({of_lane})",
            ]
    return [
        "cdef inline void lanes_constants(",
        "    Py_ssize_t code, const double *given, const double *rates,     # (NATIVE,)",
        "    Py_ssize_t step, double product, real *hyper,      # (16, NATIVE)",
        ") noexcept nogil:",
        "    # what follows from the hyper-parameters in update number `step`, counted from 1",
        "    cdef Py_ssize_t lane",
        *filter(None, body),
    ]


def ensemble() -> str:
    """The text of ensemble_functions.pxd."""
    units, losses, rules_ = _of_units(), functions.LOSSES.values(), functions.RULES.values()
    codes = {
        "UNITS": [row.name.upper() for row in units],
        "ALL_LOSSES": [row.name.upper() for row in losses],
        "ALL_LOGITS": [row.name.upper() for row in losses if row.logits_value is not None],
        "RULES": [row.name.upper() for row in rules_],
    }
    names = sorted({code for kind in codes.values() for code in kind})
    text = re.sub(r"\bNAMES\b", ",\n    ".join(names), ENSEMBLE)
    text = text.replace("\nF\n", "\n" + "\n".join(lanes_f()) + "\n")
    text = text.replace("\nSTEP\n", "\n" + "\n".join(lanes_step()) + "\n")
    text = text.replace("\nCONSTANTS\n", "\n" + "\n".join(lanes_constants()) + "\n")
    return _filled(text, codes)


def _filled(text, codes) -> str:
    """`KIND:...END` repeated for every code of the kind."""
    for kind, all_codes in codes.items():

        def cases(found, all_codes=all_codes):
            return "".join(found[1].replace("CODE", code) for code in all_codes)

        text = re.sub(rf"(?<![A-Z_]){kind}:(.*?)END", cases, text, flags=re.S)
    return text


def _codes(rows, is_common) -> list[str]:
    return [row.name.upper() for row in rows if row.is_common == is_common]


def _is_one_of(variable, codes) -> str:
    """An expression in brackets, on as many lines as it takes."""
    return "(" + " \\\n        or ".join(f"{variable} == {code}" for code in codes) + ")"


def numbers() -> str:
    """The text of coefficients.h."""
    lines = [
        "/* Written by kernels/cython/write_functions.py from kernels/coefficients.py. */",
        "#ifndef DELTALOOP_COEFFICIENTS",
        "#define DELTALOOP_COEFFICIENTS",
    ]
    for dtype, test, suffix in (
        ("float64", "#ifdef DELTALOOP_DOUBLE", ""),
        ("float32", "#else", "f"),
    ):
        lines.append(test)
        values = (1.0, 1.0, *coefficients.EXPM1[dtype])  # of e^r itself
        texts = ", ".join(f"{value!r}{suffix}" for value in values)
        lines.append(f"#define EXP_TERMS {len(values) - 1}")
        lines.append(f"static const real exp_coefficient[] = {{{texts}}};")
        values = coefficients.NORMAL[dtype]
        texts = ", ".join(f"{value!r}{suffix}" for value in values)
        lines.append(f"#define NORMAL_TERMS {len(values)}")
        lines.append(f"static const real normal_coefficient[] = {{{texts}}};")
    return "\n".join([*lines, "#endif", "#endif\n"])


HELD = """\
# From a number of vectors to the loop that holds so many in registers. Written by
# kernels/cython/write_functions.py; the loops are those of sparse.pxi.

cdef inline void sum_block(
    Py_ssize_t m, Py_ssize_t n, const Rows *X, Listed *lists, Py_ssize_t n_samples,
    Py_ssize_t i, Py_ssize_t stop, bint is_last, Py_ssize_t n_in, const vec *W, vec *Z,
) noexcept nogil:
ALL:    if m == CODE and MOST_HELD >= CODE:
        sum_block_of(CODE, n, X, lists, n_samples, i, stop, is_last, n_in, W, Z)
END

cdef inline void add_block(
    Py_ssize_t n, const vector *like, const Rows *X, Listed *lists, Py_ssize_t n_samples,
    Py_ssize_t i, Py_ssize_t stop, bint is_last, real factor, const real *delta,
    Py_ssize_t delta_row, real *sums, Py_ssize_t row,
) noexcept nogil:
ALL:    if n == CODE and MOST_HELD >= CODE and (vector is vec or CODE == 1):
        add_block_of(CODE, like, X, lists, n_samples, i, stop, is_last, factor, delta, delta_row,
                     sums, row)
END"""


def held() -> str:
    """The text of held.pxi."""
    return _filled(HELD, {"ALL": [str(n) for n in range(1, 17)]})


def write(path: Path, text: str) -> None:
    """Write a file if its text has changed, since everything that includes it is compiled again."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    write(folder / "coefficients.h", numbers())
    write(folder / "functions.pxd", tables())
    write(folder / "switches.pxd", switches())
    write(folder / "ensemble_functions.pxd", ensemble())
    write(folder / "held.pxi", held())
