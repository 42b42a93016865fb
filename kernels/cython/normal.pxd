# exp(c x^2) and the normal distribution function for vectors of `real`, accurate to a few ulp; NaN
# in, NaN out.
from exponentials cimport EXP_LOWEST, FUSES, LN2_HIGH, LN2_LOW, LOG2_E, expm1_of_rest
from lanes cimport (
    ROUNDER, clipped, fill, magnitude, pow2, quotient, real, rounded, vector, where_above,
)

cdef enum:
    FAR = 40            # beyond, exp(-x^2 / 2) is 0 in float and in double

cdef extern from *:
    """
    #include "coefficients.h"
    /* x + COARSE - COARSE rounds x to multiples of 2^-8 or 2^-20: the square of such a number is
       exact up to the x where exp(-x^2 / 2) ends, 13.2 or 37.7 */
    #ifdef DELTALOOP_DOUBLE
    #define COARSE 0x1.8p32
    #else
    #define COARSE 0x1.8p15f
    #endif
    """
    const real COARSE
    const Py_ssize_t NORMAL_TERMS
    const real normal_coefficient[29]


cdef inline vector exp_of_square(vector x, real c) noexcept nogil:
    """exp(c x^2) for c = -1 or -1/2; results below the smallest normal number become 0."""
    cdef vector power, p = expm1_of_square(x, c, &power)
    return power * p + power        # 2^n e^r


cdef inline vector expm1_of_square(vector x, real c, vector *power) noexcept nogil:
    """expm1(r) and power = 2^n, where c x^2 = n ln 2 + r; power = 0 where 2^n e^r is subnormal.

    x = s + t with s so coarse that s^2 is exact, and c x^2 = c s^2 + c t (x + s).
    """
    cdef real far = FAR
    cdef vector s, high, low, shifted, n, r, lowest, zero
    x = clipped(x, -far, far)
    s = (x + COARSE) - COARSE
    high = (s * s) * c
    low = ((x - s) * (x + s)) * c
    shifted = (high + low) * LOG2_E + ROUNDER
    n = shifted - ROUNDER
    r = ((high - n * LN2_HIGH) - n * LN2_LOW) + low
    fill(&lowest, EXP_LOWEST)
    fill(&zero, 0)
    power[0] = where_above(lowest, high, zero, pow2(shifted))
    return expm1_of_rest(r, r)


cdef inline vector tail(bint times_x, vector z) noexcept nogil:
    """F(-x), or x F(-x), for x = |z|, where F is the normal distribution function.

    F(-x) = exp(-x^2 / 2) (1/2 + u) / (x + 2), where u is a polynomial of t = (x - 2) / (x + 2).
    What is rounded in x + 2 and in the quotient q of 1 or x by it is given back to first order, and
    all is multiplied by 2^n (1 + p), the exponential, with no sum rounded in between.
    """
    cdef real far = FAR, half = 0.5, one = 1, two = 2, four = 4
    cdef vector power, p, x, d, top, q, t, u, lost, v
    cdef Py_ssize_t k
    p = expm1_of_square(z, -half, &power)
    x = magnitude(clipped(z, -far, far))
    d = x + two
    fill(&top, 1)
    if times_x:
        top = x
    q = quotient(top, d)
    if times_x:
        t = q * two - one
    else:
        t = one - q * four
    fill(&u, normal_coefficient[NORMAL_TERMS - 1])
    for k in range(NORMAL_TERMS - 2, -1, -1):
        u = u * t + normal_coefficient[k]
    if FUSES:
        lost = (top - q * d) - q * (x - (d - two))      # d times what q lacks
    else:
        lost = (top - q * two) - q * x
    # times 1 / d and the slope of q (1/2 + u) by q, roughly
    if times_x:
        v = <real> 0.7071 - q * <real> 0.813
        lost = lost * (v * v)
    else:
        lost = (lost * q) * (q * <real> 2.5 + <real> 0.35)
    v = q * u + rounded(lost)
    return power * ((p * (q * half + v) + v) + q * half)


cdef inline vector normal(vector z) noexcept nogil:
    """The normal distribution function: F(z) = 1 - F(-z)"""
    cdef real one = 1
    cdef vector zero, of_tail = tail(False, z)
    fill(&zero, 0)
    return where_above(z, zero, one - of_tail, of_tail)


cdef inline vector times_normal(vector z) noexcept nogil:
    """z F(z) = max(z, 0) - |z| F(-|z|)"""
    cdef vector zero
    fill(&zero, 0)
    return where_above(zero, z, zero, z) - tail(True, z)
