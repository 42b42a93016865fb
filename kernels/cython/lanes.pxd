# The element type of this build and vectors of it.
#
# One source is compiled for float and for double and for every instruction set: `real` is the
# element, `vec` the widest vector of the level, `vec8` (8 lanes) and `vec4` (4) are for narrower
# layers. Cython takes them all for floats; GCC and Clang compile + and * to full-width code.
# MSVC has no such extension: on Windows, build with clang-cl or MinGW.

cdef extern from *:
    """
    #ifndef __GNUC__
    #error "deltaloop needs the vector extensions of GCC or Clang"
    #endif
    #if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0
    #error "built with -ffast-math: checks for NaN would be removed; drop it from CFLAGS"
    #endif

    /* Builds for `reproducible=True` (see docs/reproducible.md) give the same bits on every
       processor: the compiler fuses nothing (-ffp-contract=off), only `fused` does, and sums over
       the lanes of vectors run over those of a cache line, whatever the length of a vector. */
    #ifdef DELTALOOP_REPRODUCIBLE
    #if !defined(__FMA__) && !defined(__ARM_FEATURE_FMA)
    #error "reproducible kernels need fused products: x86-64-v3 or 64-bit ARM"
    #endif
    #define REPRODUCIBLE 1
    #define LINE_VECTORS (LINE / NATIVE)
    #else
    #define REPRODUCIBLE 0
    #define LINE_VECTORS ((Py_ssize_t)1)
    #endif

    #ifdef DELTALOOP_DOUBLE
    typedef double real;
    typedef unsigned long long bits;
    typedef long long whole;
    #define BITS_OF_ROOT_HALF 0x3fe6a09e667f3bcd    /* sqrt(1/2) */
    #define SQUARE_ROOT __builtin_sqrt
    #define MANTISSA 52
    #define EXPONENT_OF_1 1023
    #else
    typedef float real;
    typedef unsigned int bits;
    typedef int whole;
    #define BITS_OF_ROOT_HALF 0x3f3504f3
    #define SQUARE_ROOT __builtin_sqrtf
    #define MANTISSA 23
    #define EXPONENT_OF_1 127
    #endif

    /* x + ROUNDER rounds x to an integer n; the low bits of the sum are the exponent bits of 2^n */
    #define ROUNDER ((real)((3LL << (MANTISSA - 1)) + EXPONENT_OF_1))

    #if defined(__AVX512F__)
    #define VECTOR_BYTES 64
    #elif defined(__AVX__)
    #define VECTOR_BYTES 32
    #else
    #define VECTOR_BYTES 16
    #endif

    #define REAL_BYTES ((Py_ssize_t)sizeof(real))
    #define LINE (64 / REAL_BYTES)                      /* elements of a cache line */
    #define NATIVE ((Py_ssize_t)(VECTOR_BYTES / sizeof(real)))
    #define VECTOR(element, n) \\
        element __attribute__((vector_size((n) * sizeof(element)), aligned(sizeof(real)), \\
                               may_alias))
    typedef VECTOR(real, VECTOR_BYTES / sizeof(real)) vec;
    typedef VECTOR(real, 8) vec8;
    typedef VECTOR(real, 4) vec4;
    typedef VECTOR(bits, VECTOR_BYTES / sizeof(real)) vec_bits;
    typedef VECTOR(bits, 8) vec8_bits;
    typedef VECTOR(bits, 4) vec4_bits;
    typedef VECTOR(whole, VECTOR_BYTES / sizeof(real)) vec_whole;
    typedef VECTOR(whole, 8) vec8_whole;
    typedef VECTOR(whole, 4) vec4_whole;

    /* accumulators of one tile: rows x vectors must fit 32 registers on v4, 16 elsewhere */
    #if VECTOR_BYTES == 64
    #define TILE_ROWS 12
    #else
    #define TILE_ROWS 6
    #endif
    #define TILE_VECTORS 2

    /* a vector whose lanes all are lane i of x; i is a constant */
    #ifdef __clang__
    #define LANE(V, x, i) ((V){0} + x[i])
    #else
    #define LANE(V, x, i) __builtin_shuffle(x, (V##_bits){0} + (bits)(i))
    #endif

    #define SIGN ((bits)1 << (8 * sizeof(bits) - 1))

    /* x = y < x ? y : x, or with >, lane by lane; a lane where x or y is NaN keeps x. This is one
       instruction, but gcc 12 compiles it to two. */
    #define LOOP_OF_BOUND(x, y, relation) \\
        for (int k = 0; k < (int)(sizeof(x) / sizeof(real)); k++) \\
            x[k] = y[k] relation x[k] ? y[k] : x[k];
    #ifdef DELTALOOP_DOUBLE
    #define PACKED "pd"
    #else
    #define PACKED "ps"
    #endif
    #if defined(__AVX__) && !defined(__clang__)
    #define BOUND(x, y, name, relation) \\
        if (sizeof(x) > VECTOR_BYTES) { LOOP_OF_BOUND(x, y, relation) } \\
        else __asm__("v" name PACKED " %0, %1, %0" : "+v"(x) : "v"(y));
    #else
    #define BOUND(x, y, name, relation) LOOP_OF_BOUND(x, y, relation)
    #endif

    /* V_where_above; a lane where x or y is NaN has `other`. gcc 12 compiles the second form to
       three instructions, where two do. */
    #if defined(__AVX__)
    #include <immintrin.h>
    #endif
    #if defined(__AVX512F__) && defined(__AVX512VL__)
    #define DEFINE_WHERE(V, type, prefix, suffix) \\
    static inline V V##_where_above(V x, V y, V above, V other) { \\
        return (V)prefix##_mask_blend_##suffix( \\
            prefix##_cmp_##suffix##_mask((type)x, (type)y, _CMP_GT_OQ), \\
            (type)other, (type)above); }
    #else
    #define DEFINE_WHERE(V, type, prefix, suffix) \\
    static inline V V##_where_above(V x, V y, V above, V other) { \\
        V##_bits mask = (V##_bits)(x > y); \\
        return (V)((mask & (V##_bits)above) | (~mask & (V##_bits)other)); }
    #endif
    #ifdef DELTALOOP_DOUBLE
    #define DEFINE_EACH(DEFINE) \\
        DEFINE(vec, __m512d, _mm512, pd) DEFINE(vec8, __m512d, _mm512, pd) \\
        DEFINE(vec4, __m256d, _mm256, pd)
    #else
    #define DEFINE_EACH(DEFINE) \\
        DEFINE(vec, __m512, _mm512, ps) DEFINE(vec8, __m256, _mm256, ps) \\
        DEFINE(vec4, __m128, _mm, ps)
    #endif
    DEFINE_EACH(DEFINE_WHERE)

    /* 0, 1, 2, ... in the lanes */
    static const real number_of_lane[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

    #define DEFINE(V) \\
    static inline V V##_lanes(void) { return *(const V *)number_of_lane; } \\
    static inline V V##_splat(real x) { return x - (V){0}; } \\
    static inline __attribute__((always_inline)) \\
    V V##_lane(V x, const int i) { return LANE(V, x, i); } \\
    static inline V V##_quotient(V x, V y) { return x / y; } \\
    static inline V V##_root(V x) { \\
        for (int k = 0; k < (int)(sizeof(V) / sizeof(real)); k++) x[k] = SQUARE_ROOT(x[k]); \\
        return x; } \\
    static inline V V##_smaller(V x, V y) { BOUND(x, y, "min", <) return x; } \\
    static inline V V##_larger(V x, V y) { BOUND(x, y, "max", >) return x; } \\
    static inline V V##_magnitude(V x) { return (V)((V##_bits)x & ~SIGN); } \\
    static inline V V##_with_sign_of(V z, V x) { \\
        return (V)((V##_bits)x | ((V##_bits)z & SIGN)); } \\
    static inline V V##_pow2(V rounded) { \\
        return (V)((V##_bits)rounded << MANTISSA); } \\
    static inline V V##_negated_if_odd(V x, V rounded) {    /* EXPONENT_OF_1 is odd */ \\
        return (V)((V##_bits)x ^ (~(V##_bits)rounded << (8 * sizeof(bits) - 1))); } \\
    static inline V##_whole V##_n(V x) { \\
        return (V##_whole)((V##_bits)x - BITS_OF_ROOT_HALF) >> MANTISSA; } \\
    static inline V V##_exponent(V x) { \\
        V zero = (V){0} + (real)(3LL << (MANTISSA - 1));    /* its bits + n: the number + n */ \\
        return (V)((V##_bits)zero + (V##_bits)V##_n(x)) - zero; } \\
    static inline V V##_without_exponent(V x) { \\
        return (V)((V##_bits)x - ((V##_bits)V##_n(x) << MANTISSA)); }
    DEFINE(vec)
    DEFINE(vec8)
    DEFINE(vec4)

    /* fetch the cache lines of n elements, but not into L1, which the weights pass through */
    static inline void prefetch(const real *x, Py_ssize_t n) {
        const char *line = (const char *)x, *end = (const char *)(x + n);
        for (; line < end; line += 64) __builtin_prefetch(line, 0, 1); }

    /* the same line, into L1 */
    static inline void prefetch_line(const void *x) { __builtin_prefetch(x, 0, 3); }

    /* To the compiler a prefetch is no effect: it removes calls of a function that does nothing
       else, unless the function also calls this. */
    static inline void has_effect(void) { __asm__ volatile(""); }

    /* Forces x into a register at this place, and no load moves across it. Between two steps of a
       tile it keeps the compiler from starting the second before the first has ended: there are
       not enough registers for both. */
    #if defined(__AVX512F__)
    #define HOLD(x) __asm__ volatile("" : "+v"(x) :: "memory")
    #elif defined(__SSE__)
    #define HOLD(x) __asm__ volatile("" : "+x"(x) :: "memory")
    #elif defined(__aarch64__)
    #define HOLD(x) __asm__ volatile("" : "+w"(x) :: "memory")
    #else
    #define HOLD(x)
    #endif
    static inline vec vec_held(vec x) { HOLD(x); return x; }

    /* A product that is rounded before it is added. In a b + c d the compiler may fuse either
       product with the sum, and not the same one everywhere. Where equal bits are promised, one
       product is therefore ROUNDed, so that only the other one can fuse. */
    #if !REPRODUCIBLE && (defined(__FMA__) || defined(__ARM_FEATURE_FMA))
    #if defined(__AVX512F__)
    #define ROUND(x) __asm__("" : "+v"(x))
    #elif defined(__x86_64__)
    #define ROUND(x) __asm__("" : "+x"(x))
    #else
    #define ROUND(x) __asm__("" : "+w"(x))
    #endif
    #define DEFINE_ROUNDED(V) \\
    static inline V V##_rounded(V x) { \\
        enum { parts = (sizeof(V) + VECTOR_BYTES - 1) / VECTOR_BYTES }; \\
        union { V whole; vec part[parts]; } u = {x}; \\
        /* of what fits a register; Clang refuses others, also where they are never reached */ \\
        typedef __typeof__(__builtin_choose_expr(parts == 1, x, u.part[0])) fitting; \\
        if (parts == 1) { ROUND(*(fitting *)&x); return x; } \\
        for (int k = 0; k < parts; k++) ROUND(u.part[k]); \\
        return u.whole; }
    #else
    #define DEFINE_ROUNDED(V) static inline V V##_rounded(V x) { return x; }
    #endif
    DEFINE_ROUNDED(vec)
    DEFINE_ROUNDED(vec8)
    DEFINE_ROUNDED(vec4)

    /* n / (sqrt(x) + epsilon) for x >= 0, to twice the machine epsilon. Instructions that estimate
       1 / sqrt(x) and 1 / x to 14 bits, where there are such, are a start for Newton's method: root
       and division take 40 cycles for 8 numbers of float64, this a third, where products are. */
    #if !REPRODUCIBLE && defined(__AVX512F__) && defined(__AVX512VL__)
    #define DEFINE_ESTIMATES(V, type, prefix, suffix) \\
    static inline V V##_near_reciprocal(V x) { return (V)prefix##_rcp14_##suffix((type)x); } \\
    static inline V V##_near_reciprocal_root(V x) { \\
        return (V)prefix##_rsqrt14_##suffix((type)x); }
    DEFINE_EACH(DEFINE_ESTIMATES)
    #ifdef DELTALOOP_DOUBLE
    #define SMALLEST_ROOTED __DBL_MIN__
    #define LARGEST_ROOTED __DBL_MAX__
    #define IS_LONG 1           /* 14 bits are not half of the bits: one step of Newton's more */
    #else
    #define SMALLEST_ROOTED __FLT_MIN__
    #define LARGEST_ROOTED __FLT_MAX__
    #define IS_LONG 0
    #endif
    #define DEFINE_OVER_ROOT(V) \\
    static inline V V##_over_root(V n, V x, V epsilon) { \\
        V y = V##_larger(x, (V){0} + SMALLEST_ROOTED), most = (V){0} + LARGEST_ROOTED, e, d, q; \\
        V r = V##_near_reciprocal_root(y), s = V##_rounded(y * r), h = (real)0.5 * r; \\
        e = (real)0.5 - s * h; s += s * e;                                  /* s -> sqrt(x) */ \\
        if (IS_LONG) { h += h * e; s += (y - s * s) * h; } \\
        d = s + epsilon; r = V##_near_reciprocal(d); \\
        if (IS_LONG) r += r * ((real)1 - d * r);                            /* 1 / d */ \\
        q = V##_rounded(n * r); \\
        q += (n - q * d) * r; \\
        return V##_where_above(x, most, n * (real)0, q); }                  /* x is infinite */
    #else
    #define DEFINE_OVER_ROOT(V) \\
    static inline V V##_over_root(V n, V x, V epsilon) { return n / (V##_root(x) + epsilon); }
    #endif
    DEFINE_OVER_ROOT(vec)
    DEFINE_OVER_ROOT(vec8)
    DEFINE_OVER_ROOT(vec4)

    /* x, whose origin the compiler does not know: it takes a register of its own */
    static inline const real *unrelated(const real *x) { __asm__("" : "+r"(x)); return x; }

    /* x / d, rounded as a division rounds it; r is 1 / d, rounded. Markstein, IBM J. Res. Dev. 34
       (1990) 111: with products that fuse, one correction of x r will do. The division of 16 floats
       takes 16 cycles, this 2. */
    #if !REPRODUCIBLE && (defined(__FMA__) || defined(__ARM_FEATURE_FMA))
    #define DEFINE_DIVIDED(V) \\
    static inline V V##_divided(V x, V d, V r) { \\
        V q = V##_rounded(x * r); \\
        return q + (x - q * d) * r; }
    #else
    #define DEFINE_DIVIDED(V) static inline V V##_divided(V x, V d, V r) { return x / d; }
    #endif
    DEFINE_DIVIDED(vec)
    DEFINE_DIVIDED(vec8)
    DEFINE_DIVIDED(vec4)

    /* 1 in the first n < 4 lanes, then 0 */
    static inline vec4 unit_lanes(Py_ssize_t n) { return (vec4){n > 0, n > 1, n > 2, 0}; }

    /* the n < 4 values at x, then 0; no memory behind them is read */
    static inline vec4 first_lanes(const real *x, Py_ssize_t n) {
        return n == 1 ? (vec4){x[0], 0, 0, 0} : n == 2 ? (vec4){x[0], x[1], 0, 0}
            : (vec4){x[0], x[1], x[2], 0}; }

    /* four lanes whose sum is that of all lanes of x */
    static inline vec4 vec4_fold(vec4 x) { return x; }
    static inline vec4 vec8_fold(vec8 x) {
        union { vec8 whole; vec4 half[2]; } u = {x};
        return u.half[0] + u.half[1]; }
    #define NATIVE_IS(lanes) (VECTOR_BYTES == (lanes) * (1 << (MANTISSA == 52 ? 3 : 2)))
    #if NATIVE_IS(16)
    static inline vec4 vec_fold(vec x) {
        union { vec whole; vec8 half[2]; } u = {x};
        return vec8_fold(u.half[0] + u.half[1]); }
    #elif NATIVE_IS(2)
    static inline vec4 vec_fold(vec x) { return (vec4){x[0], x[1], 0, 0}; }
    #elif NATIVE_IS(4)
    static inline vec4 vec_fold(vec x) { return (vec4)x; }
    #else
    static inline vec4 vec_fold(vec x) { return vec8_fold((vec8)x); }
    #endif

    /* four lanes, the largest of which is the largest lane of x; any four where there is a NaN */
    static inline vec4 vec4_highest(vec4 x) { return x; }
    static inline vec4 vec8_highest(vec8 x) {
        union { vec8 whole; vec4 half[2]; } u = {x};
        return vec4_larger(u.half[0], u.half[1]); }
    #if NATIVE_IS(16)
    static inline vec4 vec_highest(vec x) {
        union { vec whole; vec8 half[2]; } u = {x};
        return vec8_highest(vec8_larger(u.half[0], u.half[1])); }
    #elif NATIVE_IS(2)
    static inline vec4 vec_highest(vec x) { return (vec4){x[0], x[1], x[0], x[1]}; }
    #elif NATIVE_IS(4)
    static inline vec4 vec_highest(vec x) { return (vec4)x; }
    #else
    static inline vec4 vec_highest(vec x) { return vec8_highest((vec8)x); }
    #endif

    #ifdef __clang__
    #define SHUFFLE(x, y, i, j, k, l) __builtin_shufflevector(x, y, i, j, k, l)
    #else
    #define SHUFFLE(x, y, i, j, k, l) __builtin_shuffle(x, y, (vec4_bits){i, j, k, l})
    #endif
    static inline vec4 row_totals(vec4 a, vec4 b, vec4 c, vec4 d) {
        vec4 ab = SHUFFLE(a, b, 0, 1, 4, 5) + SHUFFLE(a, b, 2, 3, 6, 7);
        vec4 cd = SHUFFLE(c, d, 0, 1, 4, 5) + SHUFFLE(c, d, 2, 3, 6, 7);
        return SHUFFLE(ab, cd, 0, 2, 4, 6) + SHUFFLE(ab, cd, 1, 3, 5, 7); }
    static inline void transpose_4x4(
            const real *A, Py_ssize_t A_row, real *C, Py_ssize_t C_row) {
        const vec4 a = *(const vec4 *)A, b = *(const vec4 *)(A + A_row),
                   c = *(const vec4 *)(A + 2 * A_row), d = *(const vec4 *)(A + 3 * A_row),
                   ab = SHUFFLE(a, b, 0, 4, 1, 5), ab_high = SHUFFLE(a, b, 2, 6, 3, 7),
                   cd = SHUFFLE(c, d, 0, 4, 1, 5), cd_high = SHUFFLE(c, d, 2, 6, 3, 7);
        *(vec4 *)C = SHUFFLE(ab, cd, 0, 1, 4, 5);
        *(vec4 *)(C + C_row) = SHUFFLE(ab, cd, 2, 3, 6, 7);
        *(vec4 *)(C + 2 * C_row) = SHUFFLE(ab_high, cd_high, 0, 1, 4, 5);
        *(vec4 *)(C + 3 * C_row) = SHUFFLE(ab_high, cd_high, 2, 3, 6, 7); }
    static inline real vec4_largest(vec4 x) {
        x = vec4_larger(x, SHUFFLE(x, x, 2, 3, 0, 1));
        return vec4_larger(x, SHUFFLE(x, x, 1, 0, 3, 2))[0]; }
    static inline real vec4_total(vec4 x) { return (x[0] + x[2]) + (x[1] + x[3]); }
    """
    ctypedef float real
    ctypedef float vec
    ctypedef double vec8           # other C types, so that Cython tells the three apart
    ctypedef long double vec4
    const Py_ssize_t REAL_BYTES
    const Py_ssize_t LINE          # elements of a cache line
    const Py_ssize_t NATIVE        # lanes of vec
    const bint REPRODUCIBLE
    const Py_ssize_t LINE_VECTORS  # see same_bits.pxd
    const Py_ssize_t TILE_ROWS
    const Py_ssize_t TILE_VECTORS
    const real ROUNDER
    void prefetch(const real *x, Py_ssize_t n) noexcept nogil
    void prefetch_line(const void *x) noexcept nogil
    void has_effect() noexcept nogil
    vec vec_held(vec x) noexcept nogil
    const real *unrelated(const real *x) noexcept nogil
    vec vec_rounded(vec product) noexcept nogil
    vec8 vec8_rounded(vec8 product) noexcept nogil
    vec4 vec4_rounded(vec4 product) noexcept nogil
    vec4 vec_fold(vec x) noexcept nogil
    vec4 vec8_fold(vec8 x) noexcept nogil
    vec4 vec4_fold(vec4 x) noexcept nogil
    vec4 row_totals(vec4 a, vec4 b, vec4 c, vec4 d) noexcept nogil  # sums of lanes: of a, ..., d
    void transpose_4x4(
        const real *A, Py_ssize_t A_row, real *C, Py_ssize_t C_row) noexcept nogil
    real vec4_total(vec4 x) noexcept nogil
    vec4 vec_highest(vec x) noexcept nogil
    vec4 vec8_highest(vec8 x) noexcept nogil
    vec4 vec4_highest(vec4 x) noexcept nogil
    real vec4_largest(vec4 x) noexcept nogil
    vec vec_divided(vec x, vec d, vec r) noexcept nogil
    vec8 vec8_divided(vec8 x, vec8 d, vec8 r) noexcept nogil
    vec4 vec4_divided(vec4 x, vec4 d, vec4 r) noexcept nogil
    vec vec_splat(real x) noexcept nogil
    vec8 vec8_splat(real x) noexcept nogil
    vec4 vec4_splat(real x) noexcept nogil
    vec vec_lane(vec x, int i) noexcept nogil
    vec8 vec8_lane(vec8 x, int i) noexcept nogil
    vec4 vec4_lane(vec4 x, int i) noexcept nogil
    vec vec_quotient(vec x, vec y) noexcept nogil
    vec8 vec8_quotient(vec8 x, vec8 y) noexcept nogil
    vec4 vec4_quotient(vec4 x, vec4 y) noexcept nogil
    vec vec_root(vec x) noexcept nogil
    vec8 vec8_root(vec8 x) noexcept nogil
    vec4 vec4_root(vec4 x) noexcept nogil
    vec vec_lanes() noexcept nogil
    vec8 vec8_lanes() noexcept nogil
    vec4 vec4_lanes() noexcept nogil
    vec vec_over_root(vec n, vec x, vec epsilon) noexcept nogil
    vec8 vec8_over_root(vec8 n, vec8 x, vec8 epsilon) noexcept nogil
    vec4 vec4_over_root(vec4 n, vec4 x, vec4 epsilon) noexcept nogil
    vec vec_where_above(vec x, vec y, vec above, vec other) noexcept nogil
    vec8 vec8_where_above(vec8 x, vec8 y, vec8 above, vec8 other) noexcept nogil
    vec4 vec4_where_above(vec4 x, vec4 y, vec4 above, vec4 other) noexcept nogil
    vec vec_smaller(vec x, vec y) noexcept nogil
    vec8 vec8_smaller(vec8 x, vec8 y) noexcept nogil
    vec4 vec4_smaller(vec4 x, vec4 y) noexcept nogil
    vec vec_larger(vec x, vec y) noexcept nogil
    vec8 vec8_larger(vec8 x, vec8 y) noexcept nogil
    vec4 vec4_larger(vec4 x, vec4 y) noexcept nogil
    vec vec_magnitude(vec x) noexcept nogil
    vec8 vec8_magnitude(vec8 x) noexcept nogil
    vec4 vec4_magnitude(vec4 x) noexcept nogil
    vec vec_with_sign_of(vec z, vec x) noexcept nogil
    vec8 vec8_with_sign_of(vec8 z, vec8 x) noexcept nogil
    vec4 vec4_with_sign_of(vec4 z, vec4 x) noexcept nogil
    vec vec_pow2(vec rounded) noexcept nogil
    vec8 vec8_pow2(vec8 rounded) noexcept nogil
    vec4 vec4_pow2(vec4 rounded) noexcept nogil
    vec vec_negated_if_odd(vec x, vec rounded) noexcept nogil
    vec8 vec8_negated_if_odd(vec8 x, vec8 rounded) noexcept nogil
    vec4 vec4_negated_if_odd(vec4 x, vec4 rounded) noexcept nogil
    vec vec_exponent(vec x) noexcept nogil
    vec8 vec8_exponent(vec8 x) noexcept nogil
    vec4 vec4_exponent(vec4 x) noexcept nogil
    vec vec_without_exponent(vec x) noexcept nogil
    vec8 vec8_without_exponent(vec8 x) noexcept nogil
    vec4 vec4_without_exponent(vec4 x) noexcept nogil
    vec4 first_lanes(const real *x, Py_ssize_t n) noexcept nogil
    vec4 unit_lanes(Py_ssize_t n) noexcept nogil

ctypedef fused vector:
    vec
    vec8
    vec4


cdef inline void fill(vector *out, real x) noexcept nogil:
    """out = (x, x, ...)"""
    if vector is vec:
        out[0] = vec_splat(x)
    elif vector is vec8:
        out[0] = vec8_splat(x)
    else:
        out[0] = vec4_splat(x)


cdef inline vector splat(vector like, real x) noexcept nogil:
    """(x, x, ...), as long as `like`"""
    cdef vector out
    fill(&out, x)
    return out


cdef inline vector lane(vector x, int i) noexcept nogil:
    """(x_i, x_i, ...) for a constant i"""
    if vector is vec:
        return vec_lane(x, i)
    elif vector is vec8:
        return vec8_lane(x, i)
    else:
        return vec4_lane(x, i)


cdef inline void hold(vector *x) noexcept nogil:
    """HOLD for a vec, see above; nothing for vec8 and vec4"""
    if vector is vec:
        x[0] = vec_held(x[0])


cdef inline vector rounded(vector product) noexcept nogil:
    """The product, rounded: it cannot fuse with a sum."""
    if vector is vec:
        return vec_rounded(product)
    elif vector is vec8:
        return vec8_rounded(product)
    else:
        return vec4_rounded(product)


cdef inline vector quotient(vector x, vector y) noexcept nogil:
    """x / y, which Cython would write with casts that vectors do not have."""
    if vector is vec:
        return vec_quotient(x, y)
    elif vector is vec8:
        return vec8_quotient(x, y)
    else:
        return vec4_quotient(x, y)


cdef inline vector divided(vector x, vector d, vector r) noexcept nogil:
    """x / d for r = 1 / d, rounded"""
    if vector is vec:
        return vec_divided(x, d, r)
    elif vector is vec8:
        return vec8_divided(x, d, r)
    else:
        return vec4_divided(x, d, r)


cdef inline vector root(vector x) noexcept nogil:
    """Square root."""
    if vector is vec:
        return vec_root(x)
    elif vector is vec8:
        return vec8_root(x)
    else:
        return vec4_root(x)


cdef inline vector over_root(vector n, vector x, real epsilon) noexcept nogil:
    """n / (sqrt(x) + epsilon) for x >= 0, to twice the machine epsilon"""
    cdef vector added
    fill(&added, epsilon)
    if vector is vec:
        return vec_over_root(n, x, added)
    elif vector is vec8:
        return vec8_over_root(n, x, added)
    else:
        return vec4_over_root(n, x, added)


cdef inline vector where_above(vector x, vector y, vector above, vector other) noexcept nogil:
    """Lane by lane: above where x > y, else other (also where x or y is NaN)."""
    if vector is vec:
        return vec_where_above(x, y, above, other)
    elif vector is vec8:
        return vec8_where_above(x, y, above, other)
    else:
        return vec4_where_above(x, y, above, other)


cdef inline vector first_of(vector x, Py_ssize_t n, vector other) noexcept nogil:
    """x in the first n lanes, `other` in those behind"""
    cdef vector border
    fill(&border, <real> n)
    if vector is vec:
        return vec_where_above(border, vec_lanes(), x, other)
    elif vector is vec8:
        return vec8_where_above(border, vec8_lanes(), x, other)
    else:
        return vec4_where_above(border, vec4_lanes(), x, other)


cdef inline vector clipped(vector x, real lowest, real highest) noexcept nogil:
    """x limited to [lowest, highest]; NaN where x is NaN."""
    cdef vector low, high
    fill(&low, lowest)
    fill(&high, highest)
    if vector is vec:
        return vec_smaller(vec_larger(x, low), high)
    elif vector is vec8:
        return vec8_smaller(vec8_larger(x, low), high)
    else:
        return vec4_smaller(vec4_larger(x, low), high)


cdef inline vector at_most(vector x, real highest) noexcept nogil:
    """x limited to (-inf, highest]; NaN where x is NaN."""
    cdef vector high
    fill(&high, highest)
    if vector is vec:
        return vec_smaller(x, high)
    elif vector is vec8:
        return vec8_smaller(x, high)
    else:
        return vec4_smaller(x, high)


cdef inline vector with_sign_of(vector z, vector x) noexcept nogil:
    """x >= 0, or -x where z has a sign"""
    if vector is vec:
        return vec_with_sign_of(z, x)
    elif vector is vec8:
        return vec8_with_sign_of(z, x)
    else:
        return vec4_with_sign_of(z, x)


cdef inline vector magnitude(vector x) noexcept nogil:
    """|x|"""
    if vector is vec:
        return vec_magnitude(x)
    elif vector is vec8:
        return vec8_magnitude(x)
    else:
        return vec4_magnitude(x)


cdef inline vector pow2(vector rounded) noexcept nogil:
    """2^n for rounded = n + ROUNDER, if 2^n is a normal number; 0 for the next lower n."""
    if vector is vec:
        return vec_pow2(rounded)
    elif vector is vec8:
        return vec8_pow2(rounded)
    else:
        return vec4_pow2(rounded)


cdef inline vector negated_if_odd(vector x, vector rounded) noexcept nogil:
    """-x where rounded = n + ROUNDER with an odd n, else x"""
    if vector is vec:
        return vec_negated_if_odd(x, rounded)
    elif vector is vec8:
        return vec8_negated_if_odd(x, rounded)
    else:
        return vec4_negated_if_odd(x, rounded)


cdef inline vector exponent(vector x) noexcept nogil:
    """n where x = 2^n m, x a normal number > 0 and m in [sqrt(1/2), sqrt(2))"""
    if vector is vec:
        return vec_exponent(x)
    elif vector is vec8:
        return vec8_exponent(x)
    else:
        return vec4_exponent(x)


cdef inline vector without_exponent(vector x) noexcept nogil:
    """m where x = 2^n m, as in `exponent`"""
    if vector is vec:
        return vec_without_exponent(x)
    elif vector is vec8:
        return vec8_without_exponent(x)
    else:
        return vec4_without_exponent(x)


cdef inline vec4 fold(vector x) noexcept nogil:
    """Four lanes whose sum is that of all lanes of x."""
    if vector is vec:
        return vec_fold(x)
    elif vector is vec8:
        return vec8_fold(x)
    else:
        return vec4_fold(x)


cdef inline real largest(vector x) noexcept nogil:
    """The largest lane; any lane, or NaN, if there is a NaN among them."""
    if vector is vec:
        return vec4_largest(vec_highest(x))
    elif vector is vec8:
        return vec4_largest(vec8_highest(x))
    else:
        return vec4_largest(x)
