# exp, expm1 and log1p for vectors of `real`, accurate to a few ulp; NaN in, NaN out.
from lanes cimport ROUNDER, fill, pow2, quotient, real, vector, where_above

cdef extern from *:
    """
    #ifdef DELTALOOP_DOUBLE
    #define EXP_TERMS 13          /* |r|^14 / 14! < 5e-18 for |r| <= ln(2) / 2 */
    #define LOG_TERMS 17          /* s^34 / 35 < 2e-18 for s <= 1/3 */
    #define EXP_LOWEST -708.3964185322642   /* exp of less is no normal number */
    #define LN2_HIGH 0x1.62e42feep-1              /* 32 bits of ln 2: n * LN2_HIGH is exact */
    #define LN2_LOW 0x1.a39ef35793c76p-33         /* the rest */
    #else
    #define EXP_TERMS 6
    #define LOG_TERMS 8           /* s^16 / 17 < 2e-9 */
    #define EXP_LOWEST -87.336548f
    #define LN2_HIGH 0x1.63p-1f
    #define LN2_LOW -0x1.bd0106p-13f
    #endif
    #define LOG2_E ((real)1.4426950408889634)
    /* expm1(r) = r + c_2 r^2 + c_3 r^3 + ... for |r| <= ln(2) / 2 */
    #ifdef DELTALOOP_DOUBLE       /* Taylor: c_k = 1 / k! */
    static const real exp_coefficient[EXP_TERMS + 1] = {
        1, 1, 1.0/2, 1.0/6, 1.0/24, 1.0/120, 1.0/720, 1.0/5040, 1.0/40320, 1.0/362880,
        1.0/3628800, 1.0/39916800, 1.0/479001600, 1.0/6227020800};
    #else                         /* least maximal relative error, 1.3e-8: one term less */
    static const real exp_coefficient[EXP_TERMS + 1] = {
        1, 1, 0.49999998154f, 0.16666543621f, 0.04166719986f, 0.0083665205774f, 0.00138825215f};
    #endif
    static const real reciprocal_odd[17] = {
        1, 1.0/3, 1.0/5, 1.0/7, 1.0/9, 1.0/11, 1.0/13, 1.0/15, 1.0/17, 1.0/19, 1.0/21,
        1.0/23, 1.0/25, 1.0/27, 1.0/29, 1.0/31, 1.0/33};
    """
    const Py_ssize_t EXP_TERMS, LOG_TERMS
    const real EXP_LOWEST, LN2_HIGH, LN2_LOW, LOG2_E
    const real exp_coefficient[7]
    const real reciprocal_odd[17]


cdef inline vector reduced(vector x, vector *rounded) noexcept nogil:
    """expm1(r) where x = n ln 2 + r, |r| <= ln(2) / 2, and rounded = n + ROUNDER."""
    cdef vector r, n, square, q, c
    cdef Py_ssize_t k
    rounded[0] = x * LOG2_E + ROUNDER
    n = rounded[0] - ROUNDER
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    # r + r^2 (c_2 + c_3 r + c_4 r^2 + ...), the sum in pairs of terms that do not wait for
    # each other
    square = r * r
    fill(&q, exp_coefficient[EXP_TERMS])
    if EXP_TERMS % 2:
        fill(&c, exp_coefficient[EXP_TERMS - 1])
        q = r * q + c
    for k in range((EXP_TERMS - 2) // 2 * 2, 1, -2):
        fill(&c, exp_coefficient[k])
        q = q * square + (r * exp_coefficient[k + 1] + c)
    return r + square * q


cdef inline vector exp_of_negative(vector x) noexcept nogil:
    """exp(x) for x <= 0; results below the smallest normal number become 0."""
    cdef vector lowest, zero, rounded, p
    cdef real one = 1
    fill(&lowest, EXP_LOWEST)
    fill(&zero, 0)
    p = reduced(x, &rounded) + one
    return where_above(lowest, x, zero, p * pow2(rounded))      # 2^n e^r


cdef inline vector expm1_of_negative(vector x) noexcept nogil:
    """exp(x) - 1 for x <= 0, to full relative accuracy near 0."""
    cdef vector lowest, minus_one
    fill(&lowest, EXP_LOWEST)
    fill(&minus_one, -1)
    return where_above(lowest, x, minus_one, expm1_of_moderate(x))


cdef inline vector expm1_of_moderate(vector x) noexcept nogil:
    """The same for x >= EXP_LOWEST."""
    cdef vector rounded, p, power
    cdef real one = 1
    p = reduced(x, &rounded)
    power = pow2(rounded)
    return power * p + (power - one)    # 2^n e^r - 1


cdef inline vector log1p_of_fraction(vector u) noexcept nogil:
    """log(1 + u) for 0 <= u <= 1: 2 artanh(s) = 2 (s + s^3/3 + s^5/5 + ...), s = u / (2 + u)."""
    cdef vector s, square, q
    cdef real two = 2
    cdef Py_ssize_t k
    s = quotient(u, u + two)
    square = s * s
    fill(&q, reciprocal_odd[LOG_TERMS - 1])
    for k in range(LOG_TERMS - 2, 0, -1):
        q = q * square + reciprocal_odd[k]
    return two * s + (two * s) * (square * q)
