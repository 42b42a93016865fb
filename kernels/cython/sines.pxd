# sin and cos for vectors of `real`, accurate to a few ulp up to |z| = 10^4 in float and 10^6 in
# double. Beyond, the result is some number from -1 to 1; NaN for NaN and for infinite z.
from lanes cimport ROUNDER, clipped, fill, negated_if_odd, real, vector

cdef extern from *:
    """
    /* pi = PI_1 + PI_2 + PI_3 + PI_4, all but the last with so few bits that n times them is exact
       for every n that occurs, in halves: z - n PI_1 - n PI_2 - ... loses nothing but the roundings
       of results that are not close to 0.
       sin r = r + r^3 (S_0 + S_1 r^2 + ...) for |r| <= pi / 2, of least maximal relative error; at
       MOST_OF_REST it is 1.2e-9 */
    #ifdef DELTALOOP_DOUBLE
    #define PI_1 0x1.921fb544p+1
    #define PI_2 0x1.0b4611a6p-33
    #define PI_3 0x1.3198a2ep-68
    #define PI_4 0x1.b839a252049c1p-103
    #define SINE_TERMS 8          /* 2.8e-19 */
    static const real sine_coefficient[SINE_TERMS] = {
        -0.16666666666666665565, 0.0083333333333331937267, -0.00019841269841208992241,
        2.7557319211096076575e-6, -2.5052106868826882309e-8, 1.605893949593657714e-10,
        -7.6429857656307541191e-13, 2.7211120288759374944e-15};
    #else
    #define PI_1 0x1.92p+1f
    #define PI_2 0x1.fb4p-11f
    #define PI_3 0x1.444p-23f
    #define PI_4 0x1.68c234p-38f
    #define SINE_TERMS 4          /* 6.1e-9 */
    static const real sine_coefficient[SINE_TERMS] = {
        -0.16666659514832977326f, 0.0083330652845492814026f, -0.00019809531199983712555f,
        2.6056197456892088173e-6f};
    #endif
    #define ONE_PI ((real)0.31830988618379067)
    /* z / pi is rounded before n is: up to |z| = 10^4 in float, |r| - pi / 2 may be 0.0009 */
    #define MOST_OF_REST ((real)1.5717963267948966)
    """
    const real PI_1, PI_2, PI_3, PI_4, ONE_PI, MOST_OF_REST
    const Py_ssize_t SINE_TERMS
    const real sine_coefficient[8]


cdef inline vector sine_of_rest(vector z, vector n, vector shifted) noexcept nogil:
    """(-1)^k sin(r), where z = n pi + r with |r| <= MOST_OF_REST, and shifted = k + ROUNDER"""
    cdef real most = MOST_OF_REST, one = 1
    cdef vector r = ((z - n * PI_1) - n * PI_2) - n * PI_3, square, q
    cdef Py_ssize_t k
    r = clipped(r - n * PI_4, -most, most)
    square = r * r
    fill(&q, sine_coefficient[SINE_TERMS - 1])
    for k in range(SINE_TERMS - 2, -1, -1):
        q = q * square + sine_coefficient[k]
    # near its ends the sum may be 1 + eps
    return negated_if_odd(clipped(r * (square * q) + r, -one, one), shifted)


cdef inline vector sine(vector z) noexcept nogil:
    """sin(z) = (-1)^n sin(z - n pi), n being z / pi rounded"""
    cdef vector shifted = z * ONE_PI + ROUNDER
    return sine_of_rest(z, shifted - ROUNDER, shifted)


cdef inline vector cosine(vector z) noexcept nogil:
    """cos(z) = (-1)^k sin(z - (k - 1/2) pi), k being z / pi + 1/2 rounded"""
    cdef real half = 0.5
    cdef vector shifted = (z * ONE_PI + half) + ROUNDER
    return sine_of_rest(z, (shifted - ROUNDER) - half, shifted)
