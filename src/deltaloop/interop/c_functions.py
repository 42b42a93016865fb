"""The C functions that an exported header is made of.

They are written for float and a network called NAME; `c_header` puts in the name, and double
with exp and tanh for a network in float64. EPSILON is the machine epsilon, LAST_ODD the last term
of a series, NORMAL_P and NORMAL_Q coefficients up to x^LAST_OF_P and x^LAST_OF_Q, FINE a power of
2. C99 and C++11; of the library, expf and tanhf alone, for sin sinf and cosf, and for hellinger
sqrtf.

A function stands after those that it calls, and comes into a header where it is called. Activations
of single units, and losses, are written from the rows of kernels/functions.py.
"""

import re
from typing import Any, ClassVar

from ..kernels import expressions, functions

FUNCTIONS = {}  # name, without its prefix: text


class C(expressions.Language):
    """Scalars, with the functions below."""

    calls: ClassVar = {
        "clipped": "NAME_clipped",
        "cos": "cosf",
        "exp": "expf",
        "exp_of_negative": "expf",
        "exp_of_square": "NAME_exp_of_square",
        "expm1_of_negative": "NAME_expm1",
        "log": "NAME_log",
        "log1p": "NAME_log1p",
        "log1p_of_fraction": "NAME_log1p_of_fraction",
        "logistic": "NAME_logistic",
        "magnitude": "NAME_magnitude",
        "normal": "NAME_normal",
        "root": "sqrtf",
        "sin": "sinf",
        "tanh": "tanhf",
    }
    statement = "const float {name} = {value};"
    epsilon = "EPSILON"

    def number(self, x):
        """A float; c_export makes a double of it."""
        return f"{float(x)!r}f"

    def where_above(self, x, y, above, other):
        """For one value."""
        return f"{x} > {y} ? {above} : {other}"


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


# ---------------------------------------------------------------- numbers

FUNCTIONS["expm1"] = """\
/* e^x - 1 for x <= 0, without cancellation near 0 */
static inline float NAME_expm1(float x)
{
    const float t = tanhf(0.5f * x);
    return 2.0f * t / (1.0f - t);
}
"""

FUNCTIONS["twice_artanh"] = """\
/* 2 artanh(s) = 2 (s + s^3/3 + s^5/5 + ...) for |s| <= 1/3 */
static inline float NAME_twice_artanh(float s)
{
    float sum = 0.0f;
    for (int k = LAST_ODD; k > 1; k -= 2)
        sum = (sum + 1.0f / (float)k) * s * s;
    return 2.0f * s + 2.0f * s * sum;
}
"""

FUNCTIONS["log"] = """\
/* log(x) for x > 0: x = 2^n m with m near 1, log(m) = 2 artanh((m - 1) / (m + 1)) */
static inline float NAME_log(float x)
{
    int n = 0;
    for (; x > 1.4f && n < 1100; n++)
        x *= 0.5f;
    for (; x < 0.7f && n > -1100; n--)
        x *= 2.0f;
    return (float)n * 0.6931471805599453f + NAME_twice_artanh((x - 1.0f) / (x + 1.0f));
}
"""

FUNCTIONS["log1p_of_fraction"] = """\
/* log(1 + u) for -1/2 <= u <= 1 */
static inline float NAME_log1p_of_fraction(float u)
{
    return NAME_twice_artanh(u / (2.0f + u));
}
"""

FUNCTIONS["log1p"] = """\
/* log(1 + u) for u > -1, without cancellation near 0 */
static inline float NAME_log1p(float u)
{
    return u < -0.5f || u > 1.0f ? NAME_log(1.0f + u) : NAME_log1p_of_fraction(u);
}
"""

FUNCTIONS["logistic"] = """\
/* 1 / (1 + e^-x), from e^-|x|, which cannot overflow */
static inline float NAME_logistic(float x)
{
    const float e = expf(x > 0.0f ? -x : x);
    return (x > 0.0f ? 1.0f : e) / (1.0f + e);
}
"""

FUNCTIONS["magnitude"] = """\
static inline float NAME_magnitude(float x)
{
    return x < 0.0f ? -x : x;
}
"""

FUNCTIONS["clipped"] = """\
/* x limited to [low, high]; NaN where x is NaN */
static inline float NAME_clipped(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}
"""

FUNCTIONS["exp_of_square"] = """\
/* e^(c x^2) = e^(c s^2) e^(c (x - s) (x + s)), where s is so coarse that its square is exact */
static inline float NAME_exp_of_square(float x, float c)
{
    float near = x < 0.0f ? -x : x, s;
    if (!(near < 40.0f)) /* NaN too */
        return x != x ? x : 0.0f;
    s = (float)(int)(near * FINE) / FINE;
    return expf(c * (s * s)) * expf(c * ((near - s) * (near + s)));
}
"""

FUNCTIONS["normal"] = """\
/* The normal distribution function F of x, with bell = e^(-x^2 / 2): F(-x) = bell P(x) / Q(x) */
static inline float NAME_normal(float x, float bell)
{
    static const float P[] = {NORMAL_P}, Q[] = {NORMAL_Q};
    const float t = x < -40.0f || x > 40.0f ? 40.0f : x < 0.0f ? -x : x;
    float p = 0.0f, q = 0.0f;
    for (int k = LAST_OF_P; k >= 0; k--)
        p = p * t + P[k];
    for (int k = LAST_OF_Q; k >= 0; k--)
        q = q * t + Q[k];
    p *= bell / q;
    return x > 0.0f ? 1.0f - p : p;
}
"""

# ---------------------------------------------------------------- scaling

FUNCTIONS["standardize"] = """\
/* (values - mean) / scale; rest (0: none) is what rounding took from the mean */
static inline void NAME_standardize(int n, const float *values, const float *mean,
        const float *rest, const float *scale, float *out)
{
    for (int j = 0; j < n; j++)
        out[j] = (values[j] - mean[j] - (rest ? rest[j] : 0.0f)) / scale[j];
}
"""

FUNCTIONS["restore"] = """\
/* From the units of the network to those of the targets */
static inline void NAME_restore(int n, const float *mean, const float *scale, float *a)
{
    for (int j = 0; j < n; j++)
        a[j] = a[j] * scale[j] + mean[j];
}
"""

# ---------------------------------------------------------------- forward: z = W a_prev + b, f(z)

FUNCTIONS["dense"] = """\
/* z = W a_prev + b (0: no bias) */
static inline void NAME_dense(int n_in, int n_out, const float *W, const float *b,
        const float *a_prev, float *z)
{
    for (int j = 0; j < n_out; j++) {
        float sum = b ? b[j] : 0.0f;
        for (int k = 0; k < n_in; k++)
            sum += *W++ * a_prev[k];
        z[j] = sum;
    }
}
"""

_ROWS = [row.name for row in functions.ACTIVATIONS.values() if row.f and row.name != "identity"]
FUNCTIONS |= {name: _of_units(name, slope=False) for name in _ROWS}

FUNCTIONS["softmax"] = """\
/* a_j = e^z_j / sum_k e^z_k; taking the largest z from all cannot overflow */
static inline void NAME_softmax(int n, float *a)
{
    float top = a[0], sum = 0.0f;
    for (int j = 1; j < n; j++)
        if (a[j] > top)
            top = a[j];
    for (int j = 0; j < n; j++)
        sum += a[j] = expf(a[j] - top);
    for (int j = 0; j < n; j++)
        a[j] /= sum;
}
"""

FUNCTIONS["log_softmax"] = """\
/* a_j = z_j - log sum_k e^z_k; taking the largest z from all cannot overflow */
static inline void NAME_log_softmax(int n, float *a)
{
    float top = a[0], sum = 0.0f;
    for (int j = 1; j < n; j++)
        if (a[j] > top)
            top = a[j];
    for (int j = 0; j < n; j++)
        sum += expf(a[j] - top);
    sum = NAME_log(sum);
    for (int j = 0; j < n; j++)
        a[j] = (a[j] - top) - sum;
}
"""

# ---------------------------------------------------------------- loss of a sample

FUNCTIONS |= {name: _loss(name) for name in functions.LOSSES}
FUNCTIONS |= {
    f"{row.partner}_{name}": _loss(name, from_logits=True)
    for name, row in functions.LOSSES.items()
    if row.logits_value
}

FUNCTIONS["softmax_cross_entropy"] = """\
/* a = softmax(z), C = sum_j y_j (log sum_k e^z_k - z_j), delta = dC/dz = (sum_j y_j) a - y, where
   y_j = (1 - p) target_j + p sum_k target_k / n */
static inline float NAME_softmax_cross_entropy(int n, float p, const float *z,
        const float *target, float *delta)
{
    float top = z[0], sum = 0.0f, sum_y = 0.0f, loss = 0.0f, log_sum;
    for (int j = 1; j < n; j++)
        if (z[j] > top)
            top = z[j];
    for (int j = 0; j < n; j++)
        sum += delta[j] = expf(z[j] - top);
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

FUNCTIONS["softmax_kullback_leibler"] = """\
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

FUNCTIONS |= {f"{name}_slope": _of_units(name, slope=True) for name in _ROWS}

FUNCTIONS["softmax_slope"] = """\
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

FUNCTIONS["log_softmax_slope"] = """\
/* dC/dz_j = dC/da_j - e^a_j sum_k dC/da_k */
static inline void NAME_log_softmax_slope(int n, const float *a, float *delta)
{
    float sum = 0.0f;
    for (int j = 0; j < n; j++)
        sum += delta[j];
    for (int j = 0; j < n; j++)
        delta[j] -= expf(a[j]) * sum;
}
"""

# ---------------------------------------------------------------- backward

FUNCTIONS["backward"] = """\
/* dC/da_prev = W^T delta */
static inline void NAME_backward(int n_in, int n_out, const float *W, const float *delta,
        float *dC_da_prev)
{
    for (int k = 0; k < n_in; k++)
        dC_da_prev[k] = 0.0f;
    for (int j = 0; j < n_out; j++)
        for (int k = 0; k < n_in; k++)
            dC_da_prev[k] += *W++ * delta[j];
}
"""

FUNCTIONS["descend"] = """\
/* W -= learning_rate delta a_prev^T, b -= learning_rate delta (0: no bias) */
static inline void NAME_descend(int n_in, int n_out, float *W, float *b, const float *a_prev,
        const float *delta, float learning_rate)
{
    for (int j = 0; j < n_out; j++) {
        const float step = learning_rate * delta[j];
        for (int k = 0; k < n_in; k++)
            *W++ -= step * a_prev[k];
        if (b)
            b[j] -= step;
    }
}
"""
