"""The C functions that an exported header is made of.

They are written for float and a network called NAME; `c_header` puts in the name, and double for a
network in float64, with its constants: EPSILON is the machine epsilon, LAST_ODD the last term of a
series, NORMAL_P and NORMAL_Q coefficients up to x^LAST_OF_P and x^LAST_OF_Q, FINE a power of 2, and
those of `_EXPONENTIALS`. C99 and C++11; of the library, sinf and cosf for sin, and sqrtf for
hellinger; expf and tanhf where the compiler is asked for small code.

A function stands after those that it calls, and comes into a header where it is called. Activations
of single units, and losses, are written from the rows of kernels/functions.py.
"""

import re
from math import factorial
from typing import Any, ClassVar

from ..kernels import expressions, functions

# Of e^x, as in kernels/cython/exponentials.pxd: n LN2_HIGH is exact for all n; e^EXP_HIGHEST is
# infinite, half of it is not; and e^r - 1 = r + r^2 (c_2 + c_3 r + ...) for |r| <= ln(2) / 2,
# minimax in float, Taylor in double.
_EXPONENTIALS = {
    "float32": {
        "WHOLE": "int32_t", "WHOLE_MAX": "INT32_MAX", "MANTISSA": "23", "EXPONENT_OF_1": "127",
        "LN2_HIGH": "0.693359375f", "LN2_LOW": "-0.00021219444f", "EXP_HIGHEST": "88.9f",
    },
    "float64": {
        "WHOLE": "int64_t", "WHOLE_MAX": "INT64_MAX", "MANTISSA": "52", "EXPONENT_OF_1": "1023",
        "LN2_HIGH": "0.6931471803691238", "LN2_LOW": "1.9082149292705877e-10",
        "EXP_HIGHEST": "709.9",
    },
}  # fmt: skip
_COEFFICIENTS = {
    "float32": (
        "0.49999998154f",
        "0.16666543621f",
        "0.04166719986f",
        "0.0083665205774f",
        "0.00138825215f",
    ),
    "float64": tuple(repr(1 / factorial(k)) for k in range(2, 14)),
}


def constants(dtype: str) -> dict[str, str]:
    """What stands for the constants of e^x in the functions, by name."""
    *others, last = _COEFFICIENTS[dtype]
    polynomial = last
    for c in reversed(others):
        polynomial = f"({c} + r * {polynomial})"
    return {**_EXPONENTIALS[dtype], "POLYNOMIAL": f"r + r * r * {polynomial}"}


FUNCTIONS = {}  # name, without its prefix: text


class C(expressions.Language):
    """Scalars, with the functions below."""

    calls: ClassVar = {
        "clipped": "NAME_clipped",
        "cos": "cosf",
        "exp": "NAME_exp_of",
        "exp_of_negative": "NAME_exp_of",
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
        "tanh": "NAME_tanh_of",
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


# ---------------------------------------------------------------- numbers

# Loops over units that call what follows are computed several units at a time: there are no calls
# and no branches, and numbers are compared as integers, which a compiler may do ahead of time (to
# compare NaN is an event).
FUNCTIONS["bits"] = """\
static inline WHOLE NAME_bits(float x)
{
    WHOLE bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
"""

FUNCTIONS["of_bits"] = """\
static inline float NAME_of_bits(WHOLE bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
"""

FUNCTIONS["bounded"] = """\
/* x limited to [-most, most] */
static inline float NAME_bounded(float x, float most)
{
    const WHOLE bits = NAME_bits(x), size = bits & WHOLE_MAX, top = NAME_bits(most);
    return NAME_of_bits((bits & ~WHOLE_MAX) | (size < top ? size : top));
}
"""

FUNCTIONS["chosen"] = """\
/* one of two numbers, both of which have been computed */
static inline float NAME_chosen(int first, float x, float y)
{
#ifdef __OPTIMIZE_SIZE__
    return first ? x : y;
#else
    const WHOLE mask = -(WHOLE)first;
    return NAME_of_bits((NAME_bits(x) & mask) | (NAME_bits(y) & ~mask));
#endif
}
"""

FUNCTIONS["unless_nan"] = """\
/* y, or NaN where x is NaN */
static inline float NAME_unless_nan(float x, float y)
{
    const WHOLE infinite = (WHOLE)(2 * EXPONENT_OF_1 + 1) << MANTISSA;
    return NAME_of_bits(NAME_bits(y) | ((NAME_bits(x) & WHOLE_MAX) > infinite ? WHOLE_MAX : 0));
}
"""

FUNCTIONS["power_of_2"] = """\
/* 2^n as the bits of its exponent; 0 for the smallest n */
static inline float NAME_power_of_2(int32_t n)
{
    return NAME_of_bits((WHOLE)(n + EXPONENT_OF_1) << MANTISSA);
}
"""

FUNCTIONS["parted"] = """\
/* x = n ln 2 + r with n from -EXPONENT_OF_1 + 1 on; returns e^r - 1 */
static inline float NAME_parted(float x, int32_t *n)
{
    const int32_t next = (int32_t)(x * 1.4426950408889634f + 2048.5f) - 2048;
    *n = next > 1 - EXPONENT_OF_1 ? next : 1 - EXPONENT_OF_1;
    const float r = x - (float)*n * LN2_HIGH - (float)*n * LN2_LOW;
    return POLYNOMIAL;
}
"""

FUNCTIONS["exp_of"] = """\
/* e^x = 2^n e^r, 0 where it would be subnormal */
static inline float NAME_exp_of(float x)
{
#ifdef __OPTIMIZE_SIZE__
    return expf(x);
#else
    int32_t n;
    const float p = NAME_parted(NAME_bounded(x, EXP_HIGHEST), &n), half = NAME_power_of_2(n - 1);
    return NAME_unless_nan(x, 2.0f * (half * p + half));
#endif
}
"""

FUNCTIONS["expm1"] = """\
/* e^x - 1 for x <= 0, without cancellation near 0 */
static inline float NAME_expm1(float x)
{
#ifdef __OPTIMIZE_SIZE__
    const float t = tanhf(0.5f * x);
    return 2.0f * t / (1.0f - t);
#else
    int32_t n;
    const float p = NAME_parted(NAME_bounded(x, 40.0f), &n), power = NAME_power_of_2(n);
    return NAME_unless_nan(x, power * p + (power - 1.0f));
#endif
}
"""

FUNCTIONS["tanh_of"] = """\
/* (2^n - e^-r) / (2^n + e^-r) where 2 x = n ln 2 + r; beyond 20 it rounds to 1 */
static inline float NAME_tanh_of(float x)
{
#ifdef __OPTIMIZE_SIZE__
    return tanhf(x);
#else
    int32_t n;
    const float p = NAME_parted(-2.0f * NAME_bounded(x, 20.0f), &n), power = NAME_power_of_2(-n);
    return NAME_unless_nan(x, ((power - 1.0f) - p) / (p + (power + 1.0f)));
#endif
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
    const float e = NAME_exp_of(x > 0.0f ? -x : x);
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
/* e^(c x^2) = e^(c s^2) e^(c (x - s) (x + s)), where s is so coarse that its square is exact, and
   c so far below 0 that e^(c 40^2) is 0 */
static inline float NAME_exp_of_square(float x, float c)
{
    const float near = NAME_bounded(x, 40.0f), s = (float)(int32_t)(near * FINE) / FINE;
    const float e = NAME_exp_of(c * (s * s)) * NAME_exp_of(c * ((near - s) * (near + s)));
    return NAME_unless_nan(x, e);
}
"""

FUNCTIONS["normal"] = """\
/* The normal distribution function F of x, with bell = e^(-x^2 / 2): F(-x) = bell P(x) / Q(x) */
static inline float NAME_normal(float x, float bell)
{
    static const float P[] = {NORMAL_P}, Q[] = {NORMAL_Q};
    const float near = NAME_bounded(x, 40.0f), t = near < 0.0f ? -near : near;
    float p = 0.0f, q = 0.0f;
    for (int k = LAST_OF_P; k >= 0; k--)
        p = p * t + P[k];
    for (int k = LAST_OF_Q; k >= 0; k--)
        q = q * t + Q[k];
    p *= bell / q;
    return NAME_chosen(x > 0.0f, 1.0f - p, p);
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
/* z = W a_prev + b (0: no bias); four inputs at a time, whose sum waits for no other */
UPPER_INLINED void NAME_dense(int n_in, int n_out, const float *UPPER_RESTRICT W, const float *b,
        const float *UPPER_RESTRICT a_prev, float *UPPER_RESTRICT z)
{
#ifdef __OPTIMIZE_SIZE__
    for (int j = 0; j < n_out; j++) {
        float sum = b ? b[j] : 0.0f;
        for (int k = 0, i = j; k < n_in; k++, i += n_out)
            sum += W[i] * a_prev[k];
        z[j] = sum;
    }
#else
    int k = 0;
    for (int j = 0; j < n_out; j++)
        z[j] = b ? b[j] : 0.0f;
    for (; k + 4 <= n_in; k += 4, W += 4 * n_out) {
        const float a0 = a_prev[k], a1 = a_prev[k + 1], a2 = a_prev[k + 2], a3 = a_prev[k + 3];
        const float *W1 = W + n_out, *W2 = W1 + n_out, *W3 = W2 + n_out;
        for (int j = 0; j < n_out; j++)
            z[j] += (W[j] * a0 + W1[j] * a1) + (W2[j] * a2 + W3[j] * a3);
    }
    for (; k < n_in; k++, W += n_out)
        for (int j = 0; j < n_out; j++)
            z[j] += W[j] * a_prev[k];
#endif
}
"""

_ROWS = [row.name for row in functions.ACTIVATIONS.values() if row.f and row.name != "identity"]
FUNCTIONS |= {name: _of_units(name, slope=False) for name in _ROWS}

FUNCTIONS["softmax"] = """\
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

FUNCTIONS["log_softmax"] = """\
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
        delta[j] -= NAME_exp_of(a[j]) * sum;
}
"""

# ---------------------------------------------------------------- backward

FUNCTIONS["backward"] = """\
/* dC/da_prev = W^T delta, in eight sums side by side */
UPPER_INLINED void NAME_backward(int n_in, int n_out, const float *UPPER_RESTRICT W,
        const float *UPPER_RESTRICT delta, float *UPPER_RESTRICT dC_da_prev)
{
    for (int k = 0; k < n_in; k++, W += n_out) {
        float sum = 0.0f;
        int j = 0;
#ifndef __OPTIMIZE_SIZE__
        float s[8] = {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f};
        for (; j + 8 <= n_out; j += 8)
            for (int i = 0; i < 8; i++)
                s[i] += W[j + i] * delta[j + i];
        sum = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
#endif
        for (; j < n_out; j++)
            sum += W[j] * delta[j];
        dC_da_prev[k] = sum;
    }
}
"""

FUNCTIONS["descend"] = """\
/* W -= learning_rate delta a_prev^T, b -= learning_rate delta (0: no bias); delta is used up */
UPPER_INLINED void NAME_descend(int n_in, int n_out, float *UPPER_RESTRICT W, float *b,
        const float *UPPER_RESTRICT a_prev, float *UPPER_RESTRICT delta, float learning_rate)
{
#ifdef __OPTIMIZE_SIZE__
    for (int j = 0; j < n_out; j++) {
        const float step = learning_rate * delta[j];
        for (int k = 0, i = j; k < n_in; k++, i += n_out)
            W[i] -= step * a_prev[k];
        if (b)
            b[j] -= step;
    }
#else
    for (int j = 0; j < n_out; j++) {
        delta[j] *= learning_rate;
        if (b)
            b[j] -= delta[j];
    }
    for (int k = 0; k < n_in; k++)
        for (int j = 0; j < n_out; j++)
            *W++ -= delta[j] * a_prev[k];
#endif
}
"""
