# What gives the same bits on every processor in builds for `reproducible=True`: products that fuse
# where it is written, and nowhere else; sums over lanes that do not depend on the length of a
# vector; and functions of numbers in place of those of the C library. In ordinary builds the
# compiler fuses products with sums itself, and sums over lanes run over those of a vector.
from lanes cimport LINE_VECTORS, fold, real, vec, vec4, vec8, vector

cdef extern from *:
    """
    /* z + x y and z - x y, rounded once, where products fuse; x is a number or a vector */
    #if REPRODUCIBLE
    #define HALVED_FUSED(V, H) \\
    static inline V V##_fused(V x, V y, V z) { \\
        union { V whole; H half[2]; } a = {x}, b = {y}, c = {z}; \\
        c.half[0] = H##_fused(a.half[0], b.half[0], c.half[0]); \\
        c.half[1] = H##_fused(a.half[1], b.half[1], c.half[1]); \\
        return c.whole; }
    #if defined(__aarch64__)
    #include <arm_neon.h>
    #ifdef DELTALOOP_DOUBLE
    static inline vec vec_fused(vec x, vec y, vec z) {
        return (vec)vfmaq_f64((float64x2_t)z, (float64x2_t)x, (float64x2_t)y); }
    HALVED_FUSED(vec4, vec)
    #else
    static inline vec vec_fused(vec x, vec y, vec z) {
        return (vec)vfmaq_f32((float32x4_t)z, (float32x4_t)x, (float32x4_t)y); }
    static inline vec4 vec4_fused(vec4 x, vec4 y, vec4 z) { return (vec4)vec_fused(x, y, z); }
    #endif
    HALVED_FUSED(vec8, vec4)
    #else
    #define DEFINE_FUSED(V, type, prefix, suffix) \\
    static inline V V##_fused(V x, V y, V z) { \\
        return (V)prefix##_fmadd_##suffix((type)x, (type)y, (type)z); }
    #if defined(__AVX512F__) && defined(__AVX512VL__)
    DEFINE_EACH(DEFINE_FUSED)
    #elif defined(DELTALOOP_DOUBLE)
    DEFINE_FUSED(vec, __m256d, _mm256, pd)
    DEFINE_FUSED(vec4, __m256d, _mm256, pd)
    HALVED_FUSED(vec8, vec4)
    #else
    DEFINE_FUSED(vec, __m256, _mm256, ps)
    DEFINE_FUSED(vec8, __m256, _mm256, ps)
    DEFINE_FUSED(vec4, __m128, _mm, ps)
    #endif
    #endif
    #define ADDED(V, z, x, y) V##_fused((x) - (V){0}, y, z)
    #define SUBTRACTED(V, z, x, y) V##_fused(-(x) - (V){0}, y, z)
    #else
    #define ADDED(V, z, x, y) ((z) + (x) * (y))
    #define SUBTRACTED(V, z, x, y) ((z) - (x) * (y))
    #endif
    #define vec_added(z, x, y) ADDED(vec, z, x, y)
    #define vec8_added(z, x, y) ADDED(vec8, z, x, y)
    #define vec4_added(z, x, y) ADDED(vec4, z, x, y)
    #define vec_subtracted(z, x, y) SUBTRACTED(vec, z, x, y)
    #define vec8_subtracted(z, x, y) SUBTRACTED(vec8, z, x, y)
    #define vec4_subtracted(z, x, y) SUBTRACTED(vec4, z, x, y)
    #define vec_with_product vec_added
    #define vec8_with_product vec8_added
    #define vec4_with_product vec4_added

    /* four lanes whose sum is that of all lanes of LINE_VECTORS vectors, a cache line; halves of
       it are added as vec_fold adds those of a vector that is as long as a line */
    static inline vec4 line_fold(const vec *x) {
    #if !REPRODUCIBLE || NATIVE_IS(16) || (NATIVE_IS(8) && defined(DELTALOOP_DOUBLE))
        return vec_fold(x[0]);
    #elif NATIVE_IS(2)
        const vec low = x[0] + x[2], high = x[1] + x[3];
        return (vec4){low[0], low[1], high[0], high[1]};
    #elif NATIVE_IS(4) && !defined(DELTALOOP_DOUBLE)
        return (vec4)((x[0] + x[2]) + (x[1] + x[3]));
    #else
        return vec_fold(x[0] + x[1]);
    #endif
    }

    /* x, or 0 where its magnitude is below the smallest normal number; where REPRODUCIBLE, the
       processor, which would flush such results, does not do the same everywhere */
    #ifdef DELTALOOP_DOUBLE
    #define SMALLEST_KEPT __DBL_MIN__
    #else
    #define SMALLEST_KEPT __FLT_MIN__
    #endif
    #if REPRODUCIBLE
    #define DEFINE_KEPT(V) \\
    static inline V V##_kept(V x) { \\
        V zero = {0}; \\
        return V##_where_above(zero + SMALLEST_KEPT, V##_magnitude(x), zero, x); }
    #else
    #define DEFINE_KEPT(V) static inline V V##_kept(V x) { return x; }
    #endif
    DEFINE_KEPT(vec)
    DEFINE_KEPT(vec8)
    DEFINE_KEPT(vec4)

    /* exp, log and pow, which C libraries round each in their own way, from sums, products and
       quotients alone, to a few ulp. All calls of the kernels are these. */
    #if REPRODUCIBLE
    #include <math.h>
    #define LN_2_HIGH 0x1.62e42feep-1           /* n times it is exact */
    #define LN_2_LOW 0x1.a39ef35793c76p-33
    typedef union { double x; long long bits; } Number;

    static inline double own_exp(double x) {
        if (!(x > -745.2)) return x < 0 ? 0 : x;                            /* NaN stays */
        if (x > 709.8) return x * __builtin_inf();
        const double n = (x * 1.4426950408889634 + 0x1.8p52) - 0x1.8p52;
        const double r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
        double sum = 0;
        Number half, rest;
        for (int k = 17; k > 0; k--) sum = (sum + 1) * r / k;               /* Taylor, expm1(r) */
        half.bits = (long long)(1023 + (int)n / 2) << 52;                   /* 2^n in two factors */
        rest.bits = (long long)(1023 + (int)n - (int)n / 2) << 52;
        return (sum + 1) * half.x * rest.x; }

    static inline double own_log(double x) {
        int n = 0;
        Number m = {x};
        if (!(x > 0)) return x == 0 ? -__builtin_inf() : __builtin_nan("");
        if (x > __DBL_MAX__) return x;
        if (x < __DBL_MIN__) { m.x *= 0x1p54; n = -54; }
        const long long exponent = (m.bits - 0x3fe6a09e667f3bcdLL) >> 52;   /* sqrt(1/2) <= m */
        m.bits -= exponent * (1LL << 52);
        n += (int)exponent;
        const double f = m.x - 1, s = f / (f + 2), square = s * s;
        double q = 0;
        for (int k = 25; k > 1; k -= 2) q = (q + 1.0 / k) * square;
        return n * LN_2_HIGH + ((n * LN_2_LOW - s * (f - 2 * q)) + f); }

    static inline double own_pow(double x, double y) {
        double power = 1;
        long long n;
        if (!(__builtin_fabs(y) < 0x1p31) || (y != (long long)y)) return own_exp(y * own_log(x));
        for (n = (long long)__builtin_fabs(y); n > 0; n >>= 1) {
            if (n & 1) power *= x;
            x *= x; }
        return y < 0 ? 1 / power : power; }

    #define exp own_exp
    #define log own_log
    #define pow own_pow
    #endif
    """
    vec4 line_fold(const vec *x) noexcept nogil
    vec vec_kept(vec x) noexcept nogil
    vec8 vec8_kept(vec8 x) noexcept nogil
    vec4 vec4_kept(vec4 x) noexcept nogil
    vec vec_added(vec z, real x, vec y) noexcept nogil
    vec8 vec8_added(vec8 z, real x, vec8 y) noexcept nogil
    vec4 vec4_added(vec4 z, real x, vec4 y) noexcept nogil
    vec vec_subtracted(vec z, real x, vec y) noexcept nogil
    vec8 vec8_subtracted(vec8 z, real x, vec8 y) noexcept nogil
    vec4 vec4_subtracted(vec4 z, real x, vec4 y) noexcept nogil
    vec vec_with_product(vec z, vec x, vec y) noexcept nogil
    vec8 vec8_with_product(vec8 z, vec8 x, vec8 y) noexcept nogil
    vec4 vec4_with_product(vec4 z, vec4 x, vec4 y) noexcept nogil


cdef inline vector added(vector z, real x, vector y) noexcept nogil:
    """z + x y"""
    if vector is vec:
        return vec_added(z, x, y)
    elif vector is vec8:
        return vec8_added(z, x, y)
    else:
        return vec4_added(z, x, y)


cdef inline vector subtracted(vector z, real x, vector y) noexcept nogil:
    """z - x y"""
    if vector is vec:
        return vec_subtracted(z, x, y)
    elif vector is vec8:
        return vec8_subtracted(z, x, y)
    else:
        return vec4_subtracted(z, x, y)


cdef inline vector with_product(vector z, vector x, vector y) noexcept nogil:
    """z + x y"""
    if vector is vec:
        return vec_with_product(z, x, y)
    elif vector is vec8:
        return vec8_with_product(z, x, y)
    else:
        return vec4_with_product(z, x, y)


cdef inline vector kept(vector x) noexcept nogil:
    """What a state keeps of x: 0 where it is below the smallest normal number."""
    if vector is vec:
        return vec_kept(x)
    elif vector is vec8:
        return vec8_kept(x)
    else:
        return vec4_kept(x)


cdef inline Py_ssize_t parts(const vector *like) noexcept nogil:
    """Vectors among which a sum over lanes is divided: LINE_VECTORS, or 1 of a narrow layer."""
    if vector is vec:
        return LINE_VECTORS
    else:
        return 1


cdef inline vec4 fold_parts(const vector *x) noexcept nogil:
    """Four lanes whose sum is that of all lanes of those vectors."""
    if vector is vec:
        return line_fold(x)
    else:
        return fold(x[0])
