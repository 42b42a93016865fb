"""Functions of numbers in C: exponentials, logarithms, and what they are made of."""

from ...kernels.coefficients import EXPM1

# Of e^x, as in kernels/cython/exponentials.pxd: n LN2_HIGH is exact for all n; e^EXP_LOWEST is the
# smallest normal number; e^EXP_HIGHEST is infinite, half of it is not. FACTOR_LOW: what 1.7159 has
# more than its nearest number.
_EXPONENTIALS = {
    "float32": {
        "WHOLE": "int32_t", "WHOLE_MAX": "INT32_MAX", "MANTISSA": "23", "EXPONENT_OF_1": "127",
        "LN2_HIGH": "0.693359375f", "LN2_LOW": "-0.00021219444f", "EXP_HIGHEST": "88.9f",
        "EXP_LOWEST": "-87.336548f", "FACTOR_LOW": "5.5694580e-8f",
    },
    "float64": {
        "WHOLE": "int64_t", "WHOLE_MAX": "INT64_MAX", "MANTISSA": "52", "EXPONENT_OF_1": "1023",
        "LN2_HIGH": "0.6931471803691238", "LN2_LOW": "1.9082149292705877e-10",
        "EXP_HIGHEST": "709.9", "EXP_LOWEST": "-708.3964185322642", "FACTOR_LOW": "0.0",
    },
}  # fmt: skip


def constants(dtype: str) -> dict[str, str]:
    """What stands for the constants of e^x in the functions, by name."""
    # e^r - 1 = r + r^2 (c_2 + c_3 r + ...)
    *first, polynomial = (f"{c!r}f" for c in EXPM1[dtype])
    for c in reversed(first):
        polynomial = f"({c} + r * {polynomial})"
    others = f"r * r * {polynomial}"
    return {**_EXPONENTIALS[dtype], "FROM_SQUARE": others, "POLYNOMIAL": f"r + {others}"}


NUMBERS: dict[str, str] = {}  # name, without its prefix: text

# Loops over units that call what follows are computed several units at a time: there are no calls
# and no branches, and numbers are compared as integers, which a compiler may do ahead of time (to
# compare NaN is an event).
NUMBERS["bits"] = """\
static inline WHOLE NAME_bits(float x)
{
    WHOLE bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
"""

NUMBERS["of_bits"] = """\
static inline float NAME_of_bits(WHOLE bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
"""

NUMBERS["bounded"] = """\
/* x limited to [-most, most] */
static inline float NAME_bounded(float x, float most)
{
    const WHOLE bits = NAME_bits(x), size = bits & WHOLE_MAX, top = NAME_bits(most);
    return NAME_of_bits((bits & ~WHOLE_MAX) | (size < top ? size : top));
}
"""

NUMBERS["chosen"] = """\
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

NUMBERS["unless_nan"] = """\
/* y, or NaN where x is NaN */
static inline float NAME_unless_nan(float x, float y)
{
    const WHOLE infinite = (WHOLE)(2 * EXPONENT_OF_1 + 1) << MANTISSA;
    return NAME_of_bits(NAME_bits(y) | ((NAME_bits(x) & WHOLE_MAX) > infinite ? WHOLE_MAX : 0));
}
"""

NUMBERS["power_of_2"] = """\
/* 2^n as the bits of its exponent; 0 for the smallest n */
static inline float NAME_power_of_2(int32_t n)
{
    return NAME_of_bits((WHOLE)(n + EXPONENT_OF_1) << MANTISSA);
}
"""

NUMBERS["exponent"] = """\
/* x / ln 2 as a whole number, from -EXPONENT_OF_1 on, whose power is 0 */
static inline int32_t NAME_exponent(float x)
{
    const int32_t next = (int32_t)(x * 1.4426950408889634f + 2048.5f) - 2048;
    return next > -EXPONENT_OF_1 ? next : -EXPONENT_OF_1;
}
"""

NUMBERS["parted"] = """\
/* x = n ln 2 + r; returns e^r - 1 */
static inline float NAME_parted(float x, int32_t *n)
{
    *n = NAME_exponent(x);
    const float r = x - (float)*n * LN2_HIGH - (float)*n * LN2_LOW;
    return POLYNOMIAL;
}
"""

NUMBERS["exp_of"] = """\
/* e^x = 2^n e^r, 0 where it would be subnormal; 2^n may be infinite where e^x is not */
static inline float NAME_exp_of(float x)
{
#ifdef __OPTIMIZE_SIZE__
    return expf(x);
#else
    int32_t n;
    const float p = NAME_parted(NAME_bounded(x, EXP_HIGHEST), &n);
    const int32_t is_large = n > 0;
    const float power = NAME_power_of_2(n - is_large);
    return NAME_unless_nan(x, (float)(1 + is_large) * (power * p + power));
#endif
}
"""

NUMBERS["expm1"] = """\
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

NUMBERS["tanh_of"] = """\
/* (2^n - e^-r) / (2^n + e^-r) where 2 |x| = n ln 2 + r, with the sign of x; beyond 20 it is 1 */
static inline float NAME_tanh_of(float x)
{
#ifdef __OPTIMIZE_SIZE__
    return tanhf(x);
#else
    const float size = NAME_of_bits(NAME_bits(NAME_bounded(x, 20.0f)) & WHOLE_MAX);
    int32_t n;
    const float p = NAME_parted(-2.0f * size, &n), power = NAME_power_of_2(-n);
    const float y = ((power - 1.0f) - p) / (p + (power + 1.0f));
    return NAME_unless_nan(x, NAME_of_bits(NAME_bits(y) | (NAME_bits(x) & ~WHOLE_MAX)));
#endif
}
"""

NUMBERS["lecun_tanh_of"] = """\
/* 1.7159 tanh(2/3 x) as tanh(x), with what is rounded in |x| + |x| / 3, in p and in q */
static inline float NAME_lecun_tanh_of(float x)
{
    const float size = NAME_of_bits(NAME_bits(NAME_bounded(x, 30.0f)) & WHOLE_MAX);
    const float third = size * 0.3333333333333333f, y = size + third;
    const int32_t n = NAME_exponent(-y);
    const float far = -y - (float)n * LN2_HIGH;
    const float rest = -(float)n * LN2_LOW - (third - (y - size)), r = far + rest;
    const float h = FROM_SQUARE + rest, p = far + h, power = NAME_power_of_2(-n);
    const float top = (power - 1.0f) - p, q = top / (p + (power + 1.0f));
    const float lost = ((((power - 1.0f) - top) - p) - ((far - p) + h))
            + (((top - q * power) - q) - q * p);
    const float a = q * 1.7159f + (q * FACTOR_LOW + lost * (1.0f - q) * 0.85795f * (1.0f - p));
    return NAME_unless_nan(x, NAME_of_bits(NAME_bits(a) | (NAME_bits(x) & ~WHOLE_MAX)));
}
"""

NUMBERS["mish_of"] = """\
/* x tanh(log(1 + e^x)) = x h / (h + 1) = x - x / (h + 1), h = e^x + e^2x / 2 = 2^n + s */
static inline float NAME_mish_of(float x)
{
    int32_t n;
    const float near = NAME_bounded(x, 1000.0f), z = near < 20.0f ? near : 20.0f;
    const float p = NAME_parted(z, &n), power = NAME_power_of_2(n);
    const float rest = power * p, e = rest + power, s = e * 0.5f * e + rest;
    const float top = NAME_chosen(z > -0.25f, -z, z * s + z * power);
    const float d = s + (power + 1.0f), lost = d - (power + 1.0f) - s, y = top / d;
    return NAME_unless_nan(x, NAME_chosen(z > -0.25f, x, y * (lost * 0.75f)) + y);
}
"""

NUMBERS["log1p_of_fraction"] = """\
/* log(1 + u) for -1/2 <= u <= 1: u - s (u - 2 (s^2/3 + s^4/5 + ...)) with s = u / (2 + u) */
static inline float NAME_log1p_of_fraction(float u)
{
    const float s = u / (2.0f + u);
    float sum = 0.0f;
    for (int k = LAST_ODD; k > 1; k -= 2)
        sum = (sum + 1.0f / (float)k) * s * s;
    return u - s * (u - 2.0f * sum);
}
"""

NUMBERS["log"] = """\
/* log(x) for x > 0: x = 2^n (1 + u) with u near 0 */
static inline float NAME_log(float x)
{
    int n = 0;
    if (x > 0.0f && x - x != 0.0f)
        return x; /* infinite */
    for (; x > 1.4f && n < 1100; n++)
        x *= 0.5f;
    for (; x < 0.7f && n > -1100; n--)
        x *= 2.0f;
    return (float)n * 0.6931471805599453f + NAME_log1p_of_fraction(x - 1.0f);
}
"""

NUMBERS["log1p"] = """\
/* log(1 + u) for u > -1, without cancellation near 0 */
static inline float NAME_log1p(float u)
{
    return u < -0.5f || u > 1.0f ? NAME_log(1.0f + u) : NAME_log1p_of_fraction(u);
}
"""

NUMBERS["logistic"] = """\
/* 1 / (1 + e^-x), from e^-|x|, which cannot overflow */
static inline float NAME_logistic(float x)
{
    const float e = NAME_exp_of(x > 0.0f ? -x : x);
    return (x > 0.0f ? 1.0f : e) / (1.0f + e);
}
"""

NUMBERS["gated"] = """\
/* w / (1 + e^-x), 0 where e^-x would be infinite */
static inline float NAME_gated(float w, float x)
{
    return NAME_chosen(x < EXP_LOWEST, 0.0f, w / (1.0f + NAME_exp_of(-x)));
}
"""

NUMBERS["magnitude"] = """\
static inline float NAME_magnitude(float x)
{
    return x < 0.0f ? -x : x;
}
"""

NUMBERS["clipped"] = """\
/* x limited to [low, high]; NaN where x is NaN */
static inline float NAME_clipped(float x, float low, float high)
{
    return NAME_chosen(x < low, low, NAME_chosen(x > high, high, x));
}
"""

NUMBERS["parted_square"] = """\
/* c x^2 = n ln 2 + r; returns e^r - 1. x = s + t, where s is so coarse that its square is exact,
   and c so far below 0 that e^(c 40^2) is 0 */
static inline float NAME_parted_square(float x, float c, int32_t *n)
{
    const float near = NAME_bounded(x, 40.0f), s = (float)(int32_t)(near * FINE) / FINE;
    const float high = c * (s * s), low = c * ((near - s) * (near + s));
    *n = NAME_exponent(high + low);
    const float r = ((high - (float)*n * LN2_HIGH) - (float)*n * LN2_LOW) + low;
    return POLYNOMIAL;
}
"""

NUMBERS["exp_of_square"] = """\
/* e^(c x^2) */
static inline float NAME_exp_of_square(float x, float c)
{
    int32_t n;
    const float p = NAME_parted_square(x, c, &n), power = NAME_power_of_2(n);
    return NAME_unless_nan(x, power * p + power);
}
"""

NUMBERS["tail"] = """\
/* F(-x), or x F(-x), for x = |z|, F the normal distribution function, as in
   kernels/cython/normal.pxd: e^(-x^2 / 2) (1/2 + u) / (x + 2), u a polynomial in t */
static inline float NAME_tail(int times_x, float z)
{
    static const float C[] = {NORMAL_TERMS};
    const float near = NAME_bounded(z, 40.0f), x = near < 0.0f ? -near : near;
    const float d = x + 2.0f, top = times_x ? x : 1.0f, q = top / d;
    const float t = times_x ? q * 2.0f - 1.0f : 1.0f - q * 4.0f;
    const float lost = (top - q * 2.0f) - q * x; /* d times what q lacks */
    const float slope = 0.7071f - q * 0.813f;
    int32_t n;
    const float p = NAME_parted_square(x, -0.5f, &n);
    float u = 0.0f;
    for (int k = LAST_OF_NORMAL; k >= 0; k--)
        u = u * t + C[k];
    u = q * u + lost * (times_x ? slope * slope : q * (q * 2.5f + 0.35f));
    u = (p * (q * 0.5f + u) + u) + q * 0.5f;
    return NAME_unless_nan(z, NAME_power_of_2(n) * u);
}
"""

NUMBERS["normal"] = """\
/* the normal distribution function */
static inline float NAME_normal(float x)
{
    const float tail = NAME_tail(0, x);
    return NAME_chosen(x > 0.0f, 1.0f - tail, tail);
}
"""

NUMBERS["times_normal"] = """\
/* x F(x), F the normal distribution function */
static inline float NAME_times_normal(float x)
{
    return NAME_chosen(x > 0.0f, x, 0.0f) - NAME_tail(1, x);
}
"""
