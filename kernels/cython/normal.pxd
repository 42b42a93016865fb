# exp(c x^2) and the normal distribution function for vectors of `real`, accurate to a few ulp; NaN
# in, NaN out.
from exponentials cimport EXP_LOWEST, LN2_HIGH, LN2_LOW, LOG2_E, expm1_of_rest
from lanes cimport ROUNDER, clipped, fill, magnitude, pow2, quotient, real, vector, where_above

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
    const Py_ssize_t P_TERMS, Q_TERMS
    const real normal_p[10]
    const real normal_q[11]


cdef inline vector exp_of_square(vector x, real c) noexcept nogil:
    """exp(c x^2) for c = -1 or -1/2; results below the smallest normal number become 0.

    x = s + t with s so coarse that s^2 is exact, and c x^2 = c s^2 + c t (x + s) = n ln 2 + r.
    """
    cdef real far = FAR
    cdef vector s, high, low, shifted, n, r, power, lowest, zero
    x = clipped(x, -far, far)
    s = (x + COARSE) - COARSE
    high = (s * s) * c
    low = ((x - s) * (x + s)) * c
    shifted = (high + low) * LOG2_E + ROUNDER
    power = pow2(shifted)
    n = shifted - ROUNDER
    r = ((high - n * LN2_HIGH) - n * LN2_LOW) + low
    fill(&lowest, EXP_LOWEST)
    fill(&zero, 0)
    return where_above(lowest, high, zero, power * expm1_of_rest(r, r) + power)     # 2^n e^r


cdef inline vector normal(vector z, vector bell) noexcept nogil:
    """F(z) = exp(-z^2 / 2) P(-z) / Q(-z) for z < 0, else 1 - F(-z); bell = exp(-z^2 / 2)"""
    cdef real far = FAR, one = 1
    cdef vector x = clipped(magnitude(z), -far, far), p, q, zero
    cdef Py_ssize_t k
    fill(&p, normal_p[P_TERMS - 1])
    fill(&q, normal_q[Q_TERMS - 1])
    fill(&zero, 0)
    for k in range(P_TERMS - 2, -1, -1):
        p = p * x + normal_p[k]
    for k in range(Q_TERMS - 2, -1, -1):
        q = q * x + normal_q[k]
    p = quotient(bell * p, q)
    return where_above(z, zero, one - p, p)
