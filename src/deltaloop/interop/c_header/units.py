"""Activations, their slopes and losses in C, written from the rows of kernels/functions.py."""

import re
from typing import Any, ClassVar

from ...kernels import expressions, functions

UNITS: dict[str, str] = {}  # name, without its prefix: text


class C(expressions.Language):
    """Scalars, with the functions below."""

    calls: ClassVar = {
        "clipped": "NAME_clipped",
        "cos": "cosf",
        "exp": "NAME_exp_of",
        "exp_of_negative": "NAME_exp_of",
        "exp_of_square": "NAME_exp_of_square",
        "expm1_of_negative": "NAME_expm1",
        "gated": "NAME_gated",
        "log": "NAME_log",
        "log1p": "NAME_log1p",
        "log1p_of_fraction": "NAME_log1p_of_fraction",
        "logistic": "NAME_logistic",
        "magnitude": "NAME_magnitude",
        "mish": "NAME_mish_of",
        "normal": "NAME_normal",
        "root": "sqrtf",
        "sin": "sinf",
        "lecun_tanh": "NAME_lecun_tanh_of",
        "tanh": "NAME_tanh_of",
        "times_normal": "NAME_times_normal",
    }
    statement = "const float {name} = {value};"
    epsilon = "EPSILON"

    def number(self, x):
        """A float; c_export makes a double of it."""
        return f"{float(x)!r}f"

    def where_above(self, x, y, above, other):
        """For one value."""
        return f"NAME_chosen({x} > {y}, {above}, {other})"


def arguments_of(name: str, slope: bool) -> list[str]:
    """What the function of an activation, or its slope, is called with, by name."""
    row = functions.ACTIVATIONS[name]
    alpha = ["alpha"] if row.alpha else []
    if not slope:
        return [*alpha, "z", "a"] if row.f else ["a"]
    if row.slope is None:
        return ["a", "delta"]
    lines, result, _ = expressions.written(row.slope, C(), "z[j]", "a[j]")
    text = " ".join([*lines, result])
    return [*alpha, *(array for array in ("z", "a") if f"{array}[j]" in text), "delta"]


def _of_units(name: str, slope: bool) -> str:
    """The function of an activation, or its slope, over n units."""
    row, arguments = functions.ACTIVATIONS[name], arguments_of(name, slope)
    function: Any = row.slope if slope else row.f  # softmax, which has none, is written below
    given = ["z[j]", "a[j]"] if slope else ["z[j]"]
    lines, result, _ = expressions.written(function, C(), *given)
    kinds = {"alpha": "float alpha", "z": "const float *z", "delta": "float *delta"}
    kinds["a"] = "const float *a" if slope else "float *a"
    comment = f"delta *= f'(z), {row.slope_formula}" if slope else f"a = {row.formula}; a may be z"
    return "\n".join(
        [
            f"/* {comment} */",
            f"static inline void NAME_{name}{'_slope' if slope else ''}(int n, "
            f"{', '.join(kinds[argument] for argument in arguments)})",
            "{",
            "    for (int j = 0; j < n; j++) {",
            *(f"        {line}" for line in lines),
            f"        delta[j] *= {result};" if slope else f"        a[j] = {result};",
            "    }",
            "}",
            "",
        ]
    )


def _loss(name: str, from_logits: bool = False) -> str:
    """The loss of a sample with dC/da, or with the output activation that belongs to it dC/dz."""
    row, writer = functions.LOSSES[name], expressions.Writer(C())
    z, a, y = (expressions.Expression(writer, f"{array}[j]") for array in ("z", "a", "target"))
    p = writer.scalar("p")
    given, slope_of, from_where = "a", "dC/da", "from a"
    if row.needs_positive or "log a" in row.formula:
        from_where += ", which its functions see EPSILON away from its ends; beyond, delta is 0"
    f = functions.ACTIVATIONS[row.partner].f
    if from_logits and f is not None and row.logits_value and row.logits_delta:
        a = f(writer, z, None)
        values = row.logits_value(writer, z, y, p), row.logits_delta(writer, z, a, y, p)
        given, slope_of, from_where = "z", "dC/dz", "both from z"
    else:
        values = row.value(writer, a, y, p), row.slope(writer, a, y, p)
    term, slope = values
    cost = " * ".join(writer.results(functions.factors(term))).removesuffix(" * 1.0f")
    delta = writer.result(slope)
    parameter = "float p, " if row.parameter else ""
    unused = row.parameter and not any(re.search(r"\bp\b", t) for t in [*writer.lines, cost, delta])
    end = _outer(row) if row.outer else ["    return loss;"]
    name = f"{row.partner}_{name}" if from_logits else name
    return "\n".join(
        [
            f"/* C = the sum over all units of {row.formula},",
            f"   and delta = {slope_of}; {from_where} */",
            f"static inline float NAME_{name}(int n, {parameter}const float *{given},",
            "        const float *target, float *delta)",
            "{",
            *(["    (void)p;"] if unused and not row.outer else []),
            "    float loss = 0.0f;",
            "    for (int j = 0; j < n; j++) {",
            *(f"        {line}" for line in writer.lines),
            f"        loss += {cost};",
            f"        delta[j] = {delta};",
            "    }",
            *end,
            "}",
            "",
        ]
    )


def _outer(row) -> list[str]:
    """The end of the function of a loss that is a function of the sum of its terms."""
    writer = expressions.Writer(C())
    loss = expressions.Expression(writer, "loss")
    value, slope = writer.results(row.outer(writer, loss, writer.scalar("p")))
    return [
        *(f"    {line}" for line in writer.lines),
        "    for (int j = 0; j < n; j++)",
        f"        delta[j] *= {slope};",
        f"    return {value};",
    ]


_ROWS = [row.name for row in functions.ACTIVATIONS.values() if row.f and row.name != "identity"]
UNITS |= {name: _of_units(name, slope=False) for name in _ROWS}

UNITS["softmax"] = """\
/* a_j = e^z_j / sum_k e^z_k; taking the largest z from all cannot overflow */
static inline void NAME_softmax(int n, float *a)
{
    float top = a[0], sum = 0.0f;
    for (int j = 0; j < n; j++)
        if (a[j] > top)
            top = a[j];
    for (int j = 0; j < n; j++)
        sum += a[j] = NAME_exp_of(a[j] - top);
    for (int j = 0; j < n; j++)
        a[j] /= sum;
}
"""

UNITS["log_softmax"] = """\
/* a_j = z_j - log sum_k e^z_k; taking the largest z from all cannot overflow */
static inline void NAME_log_softmax(int n, float *a)
{
    float top = a[0], sum = 0.0f;
    for (int j = 0; j < n; j++)
        if (a[j] > top)
            top = a[j];
    for (int j = 0; j < n; j++)
        sum += NAME_exp_of(a[j] - top);
    sum = NAME_log(sum);
    for (int j = 0; j < n; j++)
        a[j] = (a[j] - top) - sum;
}
"""

# ---------------------------------------------------------------- loss of a sample

UNITS |= {name: _loss(name) for name in functions.LOSSES}
UNITS |= {
    f"{row.partner}_{name}": _loss(name, from_logits=True)
    for name, row in functions.LOSSES.items()
    if row.logits_value
}

UNITS["softmax_cross_entropy"] = """\
/* a = softmax(z), C = sum_j y_j (log sum_k e^z_k - z_j), delta = dC/dz = (sum_j y_j) a - y, where
   y_j = (1 - p) target_j + p sum_k target_k / n */
static inline float NAME_softmax_cross_entropy(int n, float p, const float *z,
        const float *target, float *delta)
{
    float top = z[0], sum = 0.0f, sum_y = 0.0f, loss = 0.0f, log_sum;
    for (int j = 0; j < n; j++)
        if (z[j] > top)
            top = z[j];
    for (int j = 0; j < n; j++)
        sum += delta[j] = NAME_exp_of(z[j] - top);
    log_sum = NAME_log(sum);
    for (int j = 0; j < n; j++)
        sum_y += target[j];
    for (int j = 0; j < n; j++) {
        const float y = (1.0f - p) * target[j] + p * sum_y / (float)n;
        loss += y * (log_sum + (top - z[j]));
        delta[j] = sum_y * (delta[j] / sum) - y;
    }
    return loss;
}
"""

UNITS["softmax_kullback_leibler"] = """\
/* softmax_cross_entropy, and sum_j y_j log y_j */
static inline float NAME_softmax_kullback_leibler(int n, const float *z, const float *target,
        float *delta)
{
    float loss = NAME_softmax_cross_entropy(n, 0.0f, z, target, delta);
    for (int j = 0; j < n; j++)
        if (target[j] > 0.0f)
            loss += target[j] * NAME_log(target[j]);
    return loss;
}
"""

# ---------------------------------------------------------------- slopes: dC/da in, dC/dz out

UNITS |= {f"{name}_slope": _of_units(name, slope=True) for name in _ROWS}

UNITS["softmax_slope"] = """\
/* dC/dz_j = a_j (dC/da_j - sum_k a_k dC/da_k) */
static inline void NAME_softmax_slope(int n, const float *a, float *delta)
{
    float mean = 0.0f;
    for (int j = 0; j < n; j++)
        mean += a[j] * delta[j];
    for (int j = 0; j < n; j++)
        delta[j] = a[j] * (delta[j] - mean);
}
"""

UNITS["log_softmax_slope"] = """\
/* dC/dz_j = dC/da_j - e^a_j sum_k dC/da_k */
static inline void NAME_log_softmax_slope(int n, const float *a, float *delta)
{
    float sum = 0.0f;
    for (int j = 0; j < n; j++)
        sum += delta[j];
    for (int j = 0; j < n; j++)
        delta[j] -= NAME_exp_of(a[j]) * sum;
}
"""
