# exp, expm1, log, log1p, logistic and tanh for vectors of `real`, accurate to a few ulp; NaN in,
# NaN out.
from lanes cimport (
    ROUNDER, at_most, clipped, exponent, fill, magnitude, pow2, quotient, real, root, rounded,
    vector, where_above, with_sign_of, without_exponent,
)

cdef enum:
    TANH_MOST = 20      # beyond, tanh rounds to 1 in float and in double

cdef extern from *:
    """
    #include <float.h>
    #define INFINITE ((real)__builtin_inf())
    /* ln 2 = LN2_HIGH + LN2_LOW. LN2_HIGH has so few bits that n LN2_HIGH is exact; or, in float
       where FUSES keeps the product exact, all 24: the linear term alone then needs n LN2_LOW. */
    #if !REPRODUCIBLE && !defined(DELTALOOP_DOUBLE) \\
        && (defined(__FMA__) || defined(__ARM_FEATURE_FMA))
    #define FUSES 1
    #else
    #define FUSES 0
    #endif
    #if !REPRODUCIBLE && !defined(__FMA__) && !defined(__ARM_FEATURE_FMA)
    #define REST_LAST 1     /* where nothing fuses, a rounding less is worth a step more */
    #else
    #define REST_LAST 0
    #endif
    #ifdef DELTALOOP_DOUBLE
    #define REAL_EPSILON DBL_EPSILON
    #define SMALLEST_NORMAL DBL_MIN
    #define LARGEST DBL_MAX
    #define LN_TERMS 12           /* s^24 / 25 < 1e-20 for |s| <= 0.172 */
    #define LOG_TERMS 17          /* s^34 / 35 < 2e-18 for s <= 1/3 */
    #define EXP_LOWEST -708.3964185322642   /* exp of less is subnormal or 0 */
    #define EXP_HIGHEST 709.9               /* exp of it is infinite, half of that is not */
    #define LN2_HIGH 0x1.62e42feep-1
    #define LN2_LOW 0x1.a39ef35793c76p-33
    #else
    #define REAL_EPSILON FLT_EPSILON
    #define SMALLEST_NORMAL FLT_MIN
    #define LARGEST FLT_MAX
    #define LN_TERMS 6            /* s^12 / 13 < 6e-11 */
    #define LOG_TERMS 8           /* s^16 / 17 < 2e-9 */
    #define EXP_LOWEST -87.336548f
    #define EXP_HIGHEST 88.9f
    #define LN2_HIGH (FUSES ? 0x1.62e43p-1f : 0x1.63p-1f)
    #define LN2_LOW (FUSES ? -0x1.05c61p-29f : -0x1.bd0106p-13f)
    #endif
    #define LOG2_E ((real)1.4426950408889634)
    #include "coefficients.h"     /* expm1(r) = r + c_2 r^2 + c_3 r^3 + ... for |r| <= ln(2) / 2 */
    static const real reciprocal_odd[17] = {
        1, 1.0/3, 1.0/5, 1.0/7, 1.0/9, 1.0/11, 1.0/13, 1.0/15, 1.0/17, 1.0/19, 1.0/21,
        1.0/23, 1.0/25, 1.0/27, 1.0/29, 1.0/31, 1.0/33};
    """
    const Py_ssize_t FUSES, REST_LAST, EXP_TERMS, LOG_TERMS, LN_TERMS
    const real REAL_EPSILON, SMALLEST_NORMAL, LARGEST, INFINITE
    const real EXP_LOWEST, EXP_HIGHEST, LN2_HIGH, LN2_LOW, LOG2_E
    const real exp_coefficient[7]
    const real reciprocal_odd[17]


cdef inline vector pair(Py_ssize_t k, vector r) noexcept nogil:
    """c_k + c_(k+1) r; c_k alone if it is the last coefficient"""
    cdef vector c
    fill(&c, exp_coefficient[k])
    if k < EXP_TERMS:
        c = r * exp_coefficient[k + 1] + c
    return c


cdef inline vector expm1_of_rest(vector r, vector rest) noexcept nogil:
    """expm1(r) for |r| <= ln(2) / 2, as a short chain of dependent steps.

    `rest` is r with all its bits, for the linear term alone: the others need not wait for it.
    """
    cdef vector square = r * r, fourth = square * square
    if REST_LAST:
        return (fourth * from_fourth(square, fourth, r) + square * pair(2, r)) + rest
    return fourth * from_fourth(square, fourth, r) + (square * pair(2, r) + rest)


cdef inline vector expm1_of_rest_last(vector r) noexcept nogil:
    """expm1(r) likewise, but r is added last: rounded once, at the price of a step more."""
    cdef vector square = r * r, fourth = square * square
    return square * (square * from_fourth(square, fourth, r) + pair(2, r)) + r


cdef inline vector from_fourth(vector square, vector fourth, vector r) noexcept nogil:
    """c_4 + c_5 r + c_6 r^2 + ..."""
    cdef vector q
    cdef Py_ssize_t k, last = EXP_TERMS // 4 * 4
    q = pair(last, r)
    if last + 2 <= EXP_TERMS:
        q = square * pair(last + 2, r) + q
    for k in range(last - 4, 3, -4):
        q = fourth * q + (square * pair(k + 2, r) + pair(k, r))
    return q


cdef inline vector expm1_and_power(
    bint negated, bint small, vector x, vector x_log2_e, vector *power,
) noexcept nogil:
    """expm1(r), or expm1(-r) if `negated`, and power = 2^n, where x = n ln 2 + r.

    `small` (|x| <= 2 TANH_MOST) leaves n LN2_LOW out where FUSES: that does not show in tanh.
    """
    cdef vector shifted = x_log2_e + ROUNDER
    power[0] = pow2(shifted)
    return expm1_of_n(negated, small, x, shifted - ROUNDER)


cdef inline vector expm1_of_n(bint negated, bint small, vector x, vector n) noexcept nogil:
    """expm1(r) or expm1(-r)

    Where FUSES, what n LN2_HIGH lacks, d = n LN2_LOW, enters the linear term alone, with what it
    does to the others: expm1(r + d) = expm1(r) + d + r d + ... It is taken from x, so that nothing
    waits for it.
    """
    cdef vector r, d
    cdef real one = 1
    if negated:
        r = n * LN2_HIGH - x
        d = rounded(x * (LN2_LOW * LOG2_E))
    else:
        r = x - n * LN2_HIGH
        d = rounded(x * (-LN2_LOW * LOG2_E))
    if FUSES:
        return expm1_of_rest(r, r if small else r * (d + one) + d)
    r = n * LN2_LOW + r if negated else r - n * LN2_LOW
    return expm1_of_rest(r, r)


cdef inline vector exponential(vector x) noexcept nogil:
    """exp(x); results below about the smallest normal number become 0, those too large inf.

    exp(x) = 2 (2^(n - 1) e^r): 2^n itself may be infinite where exp(x) is not.
    """
    cdef vector shifted, half_power, p
    cdef real one = 1, two = 2
    x = clipped(x, EXP_LOWEST, EXP_HIGHEST)     # at the ends 2^(n - 1) is 0, and not yet infinite
    shifted = x * LOG2_E + ROUNDER
    half_power = pow2(shifted - one)
    p = expm1_of_n(False, False, x, shifted - ROUNDER)
    return (half_power * p + half_power) * two


cdef inline vector exp_of_negative(vector x) noexcept nogil:
    """exp(x) for x <= 0; results below the smallest normal number become 0."""
    cdef vector lowest, zero, power, p
    fill(&lowest, EXP_LOWEST)
    fill(&zero, 0)
    p = expm1_and_power(False, False, x, x * LOG2_E, &power)
    return where_above(lowest, x, zero, power * p + power)      # 2^n e^r


cdef inline vector expm1_of_negative(vector x) noexcept nogil:
    """exp(x) - 1 for x <= 0, to full relative accuracy near 0."""
    cdef vector lowest, minus_one, shifted, n, power, p
    cdef real one = 1
    shifted = x * LOG2_E + ROUNDER
    power = pow2(shifted)
    n = shifted - ROUNDER
    fill(&lowest, EXP_LOWEST)
    fill(&minus_one, -1)
    p = expm1_of_rest_last((x - n * LN2_HIGH) - n * LN2_LOW)
    return where_above(lowest, x, minus_one, power * p + (power - one))     # 2^n e^r - 1


cdef inline vector logistic(vector z) noexcept nogil:
    """1 / (1 + e^-z) = 2^n / (2^n + e^-r) where z = n ln 2 + r"""
    cdef vector power, p
    cdef real one = 1
    z = clipped(z, EXP_LOWEST - one, -EXP_LOWEST)   # at the ends 2^n is 0, and not yet infinite
    p = expm1_and_power(True, False, z, z * LOG2_E, &power)
    return quotient(power, p + (power + one))


cdef inline vector gated(vector w, vector z) noexcept nogil:
    """w / (1 + e^-z) = w / (1 + 2^n e^r), where -z = n ln 2 + r; 0 where e^z would be subnormal.

    A rounding less than w logistic(z) has, and an operation.
    """
    cdef vector lowest, zero, power, p, x = clipped(z, EXP_LOWEST, -EXP_LOWEST)
    cdef real one = 1
    fill(&lowest, EXP_LOWEST)
    fill(&zero, 0)
    p = expm1_and_power(False, False, -x, x * -LOG2_E, &power)
    return where_above(lowest, z, zero, quotient(w, power * p + (power + one)))


cdef inline vector hyperbolic_tangent(vector z) noexcept nogil:
    """(e^2x - 1) / (e^2x + 1) = (2^n - e^-r) / (2^n + e^-r) for x = |z|, 2 x = n ln 2 + r

    With the sign of z. For n = 0 the numerator is 1 - e^-r: with all its bits, since r >= 0.
    """
    cdef vector power, p, x
    cdef real one = 1, two_log2_e = 2 * LOG2_E
    x = at_most(magnitude(z), TANH_MOST)
    p = expm1_and_power(True, True, x + x, x * two_log2_e, &power)
    return with_sign_of(z, quotient((power - one) - p, p + (power + one)))


cdef inline vector lecun_tanh(vector z) noexcept nogil:
    """1.7159 tanh(2/3 z) = 1.7159 q with q = ((2^n - 1) - p) / (2^n + 1 + p), p = e^-r - 1

    4/3 |z| = n ln 2 + r, as in hyperbolic_tangent. What is rounded in |z| + |z| / 3, in p, in the
    numerator and in q is given back to first order.
    """
    cdef vector x, third, y, low, shifted, power, n, r, rest, square, h, p, top, q, lost
    cdef real one = 1, one_third = 1. / 3, most = 1.5 * TANH_MOST
    cdef real factor = 1.7159, factor_low = 1.7159 - <double> factor, half_factor = 1.7159 / 2
    x = at_most(magnitude(z), most)
    third = x * one_third
    y = x + third
    low = third - (y - x)
    shifted = y * LOG2_E + ROUNDER
    power = pow2(shifted)
    n = shifted - ROUNDER
    r = n * LN2_HIGH - y
    rest = n * LN2_LOW - low
    y = r + rest
    square = y * y
    h = square * (square * from_fourth(square, square * square, y) + pair(2, y)) + rest
    p = h + r
    top = (power - one) - p
    q = quotient(top, p + (power + one))
    lost = (((power - one) - top) - p) - ((r - p) + h)              # of the numerator
    lost += ((top - q * power) - q) - q * p                         # and by the quotient
    lost = lost * ((one - q) * (half_factor - p * half_factor))     # 1.7159 / (2^n + 1 + p), nearly
    return with_sign_of(z, q * factor + (q * factor_low + lost))


cdef inline vector mish(vector z) noexcept nogil:
    """z tanh(log(1 + e^z)) = z h / (h + 1) with h = e^z + e^2z / 2 = 2^n + s, e^z = 2^n + 2^n p

    The product z 2^n and the sum 2^n + 1 are exact, so that little is rounded where s is small.
    What h + 1 lacks is given back, or about three quarters of it. Where h is not small, the
    difference z - z / (h + 1) is rounded less.
    """
    cdef vector lowest, zero, border, x, power, p, rest, e, s, d, q, lost
    cdef real one = 1, half = 0.5, least = -1e4, most = 20, middle = -0.25, part = 0.75
    fill(&lowest, EXP_LOWEST)
    fill(&zero, 0)
    fill(&border, middle)
    x = clipped(z, least, most)                 # beyond, h / (h + 1) is 1
    p = expm1_and_power(False, False, x, x * LOG2_E, &power)
    power = where_above(lowest, x, zero, power)
    rest = rounded(power * p)
    e = rest + power
    s = (e * half) * e + rest
    q = x * s + rounded(x * power)
    d = s + (power + one)
    lost = d - (power + one) - s
    q = quotient(where_above(x, border, -x, q), d)
    return where_above(x, border, z, q * (lost * part)) + q


cdef inline vector log1p_of_fraction(vector u) noexcept nogil:
    """log(1 + u) for 0 <= u <= 1: u - s (u - 2 (s^2/3 + s^4/5 + ...)), s = u / (2 + u)."""
    cdef vector s, square, q
    cdef real two = 2
    cdef Py_ssize_t k
    s = quotient(u, u + two)
    square = s * s
    fill(&q, reciprocal_odd[LOG_TERMS - 1])
    for k in range(LOG_TERMS - 2, 0, -1):
        q = q * square + reciprocal_odd[k]
    return u - s * (u - two * (square * q))


cdef inline vector logarithm(vector x) noexcept nogil:
    """log(x) = n ln 2 + log(1 + f), x = 2^n (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)].

    log(1 + f) = f - s (f - 2 (s^2/3 + s^4/5 + ...)), s = f / (2 + f). The result is -inf for 0 and
    for subnormal x, NaN for negative x.
    """
    cdef vector n = exponent(x), f, s, square, q, log_x, below, high
    cdef real one = 1, two = 2
    cdef Py_ssize_t k
    f = without_exponent(x) - one
    s = quotient(f, f + two)
    square = s * s
    fill(&q, reciprocal_odd[LN_TERMS - 1])
    for k in range(LN_TERMS - 2, 0, -1):
        q = q * square + reciprocal_odd[k]
    log_x = n * LN2_HIGH + ((n * LN2_LOW - rounded(s * (f - two * (square * q)))) + f)
    fill(&high, LARGEST)
    fill(&below, SMALLEST_NORMAL * (one - REAL_EPSILON))
    log_x = where_above(x, high, x, log_x)
    return where_above(x, below, log_x, root(x) - INFINITE)     # root(x): NaN for NaN and x < 0


cdef inline vector log_of_one_more(vector u) noexcept nogil:
    """log(1 + u) = log(w) + (u - (w - 1)) / w for u > -1; w is 1 + u rounded."""
    cdef real one = 1
    cdef vector w = u + one
    return logarithm(w) + quotient(u - (w - one), w)
