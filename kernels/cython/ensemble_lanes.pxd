# What lanes that are networks need beside lanes.pxd: sums in float64 for every lane, samples of
# their own, and orders of samples as NumPy draws them.
from exponentials cimport EXP_LOWEST, LOG2_E, TANH_MOST, expm1_and_power
from lanes cimport at_most, clipped, fill, magnitude, real, vec, where_above, with_sign_of

cdef extern from *:
    """
    #include <stdint.h>

    /* one float64 for every lane of a vec */
    typedef double wide_half __attribute__((vector_size(VECTOR_BYTES), aligned(8), may_alias));
    #ifdef DELTALOOP_DOUBLE
    typedef struct { wide_half part[1]; } Wide;
    static inline Wide widened(vec x) { return (Wide){{(wide_half)x}}; }
    #define EACH(statement) { enum { h = 0 }; statement }
    #else
    typedef struct { wide_half part[2]; } Wide;
    typedef float half_vec __attribute__((vector_size(VECTOR_BYTES / 2)));
    #ifdef __AVX512F__     /* gcc 12 converts __builtin_convertvector in four parts */
    #include <immintrin.h>
    static inline Wide widened(vec x) {
        return (Wide){{(wide_half)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)x)),
                       (wide_half)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)x, 1))}}; }
    #else
    static inline Wide widened(vec x) {
        union { vec whole; half_vec part[2]; } u = {x};
        return (Wide){{__builtin_convertvector(u.part[0], wide_half),
                       __builtin_convertvector(u.part[1], wide_half)}}; }
    #endif
    #define EACH(statement) { { enum { h = 0 }; statement } { enum { h = 1 }; statement } }
    #endif
    static inline Wide add_wide(Wide x, Wide y) {
        EACH(x.part[h] += y.part[h];) return x; }

    /* a lane of every vector from a row of its own: out[i][lane] = rows[lane][i] */
    #if defined(__AVX512F__) && !defined(DELTALOOP_DOUBLE)
    #include <immintrin.h>
    static inline void interleave(
            Py_ssize_t n, const real *const *rows, vec *out) {
        const __m512i low = _mm512_loadu_si512(rows), high = _mm512_loadu_si512(rows + 8);
        for (Py_ssize_t i = 0; i < n; i++) {
            const __m512 found = _mm512_insertf32x8(
                _mm512_castps256_ps512(_mm512_i64gather_ps(low, (const real *)0 + i, 1)),
                _mm512_i64gather_ps(high, (const real *)0 + i, 1), 1);
            out[i] = (vec)found; } }
    #elif defined(__AVX512F__)
    #include <immintrin.h>
    static inline void interleave(
            Py_ssize_t n, const real *const *rows, vec *out) {
        const __m512i all = _mm512_loadu_si512(rows);
        for (Py_ssize_t i = 0; i < n; i++)
            out[i] = (vec)_mm512_i64gather_pd(all, (const real *)0 + i, 1); }
    #else
    static inline void interleave(
            Py_ssize_t n, const real *const *rows, vec *out) {
        for (Py_ssize_t i = 0; i < n; i++) {
            vec found;      /* in registers: a load of what was stored piece by piece waits */
            for (int lane = 0; lane < NATIVE; lane++) found[lane] = rows[lane][i];
            out[i] = found; } }
    #endif

    /* numpy/random/bitgen.h: a bit generator by its address, which is that of its capsule */
    typedef struct {
        void *state;
        uint64_t (*next_uint64)(void *);
        uint32_t (*next_uint32)(void *);
        double (*next_double)(void *);
        uint64_t (*next_raw)(void *);
    } BitGenerator;

    /* Generator.permutation(n) for n <= 2^31, of NumPy 1.17 and later, for up to 4 generators (0:
       none): Fisher and Yates, with numbers up to i by rejection. (ensembles.py compares before it
       relies on it.) No branch depends on what is drawn, a number that is too large exchanges
       order[i] with itself; and the chain of one order hides behind the others. */
    static inline void draw_orders(const size_t *addresses, Py_ssize_t n, int32_t *orders) {
        Py_ssize_t left[4], goes_on = 0;
        for (int g = 0; g < 4; g++) {
            left[g] = addresses[g] ? n - 1 : 0;
            goes_on |= left[g];
            if (addresses[g])
                for (Py_ssize_t i = 0; i < n; i++) orders[g * n + i] = (int32_t)i; }
        while (goes_on) {
            goes_on = 0;
            for (int g = 0; g < 4; g++) {
                const Py_ssize_t i = left[g];
                if (i == 0) continue;
                const BitGenerator *generator = (const BitGenerator *)addresses[g];
                int32_t *order = orders + g * n;
                const uint32_t mask = ~(uint32_t)0 >> __builtin_clz((uint32_t)i);
                const uint32_t drawn = generator->next_uint32(generator->state) & mask;
                const Py_ssize_t fits = drawn <= (uint32_t)i, j = fits ? (Py_ssize_t)drawn : i;
                const int32_t other = order[j];
                order[j] = order[i];
                order[i] = other;
                left[g] = i - fits;
                goes_on |= left[g]; } } }

    /* the number of a block that no other thread has */
    static inline Py_ssize_t take_next(Py_ssize_t *next, Py_ssize_t n) {
        return __atomic_fetch_add(next, n, __ATOMIC_RELAXED); }

    /* x / y for y from 1 to 2^100, within about 1 ulp: with AVX-512 an estimate of 14 bits and one
       step of Newton, q (1 + (1 - y / y')), take a third of the time of a division */
    #if defined(__AVX512F__) && !defined(DELTALOOP_DOUBLE)
    static inline vec ratio(vec x, vec y) {
        const vec estimate = (vec)_mm512_rcp14_ps((__m512)y), q = x * estimate;
        return q + q * (1 - y * estimate); }
    #else
    static inline vec ratio(vec x, vec y) { return x / y; }
    #endif

    /* 1 / (1 + e^-z) for -MOST_OF_TABLE <= z <= 40, within 4 ulp. N = ROOTS_OF_2 values 2^(k/N) are
       in registers. With z = r - i ln(2)/N, e^-z = 2^(i/N) e^-r: so small an r takes a polynomial
       of degree 2 (N = 32) or 3 (N = 8), and i 2^23/N, added to the bits of an entry, makes it
       2^(i/N). Below z = -87.3 the result may be subnormal, and is not smaller than 6e-39. */
    #define MOST_OF_TABLE 88
    #if defined(__AVX512F__) && !defined(DELTALOOP_DOUBLE)
    #define ROOTS_OF_2 32
    #elif defined(__AVX2__) && defined(__FMA__) && !defined(DELTALOOP_DOUBLE)
    #include <immintrin.h>
    #define ROOTS_OF_2 8
    #else
    #define ROOTS_OF_2 0
    static inline vec logistic_by_table(vec z) { return z; }    /* is not called */
    #endif
    #if ROOTS_OF_2
    /* 2^(k/N), with k 2^23/N subtracted from its bits */
    #if ROOTS_OF_2 == 32
    static const unsigned int roots_of_2[32] = {
        0x3f800000, 0x3f7ecd87, 0x3f7daac3, 0x3f7c980f, 0x3f7b95c2, 0x3f7aa43a, 0x3f79c3d3,
        0x3f78f4f0, 0x3f7837f0, 0x3f778d3a, 0x3f76f532, 0x3f767043, 0x3f75fed7, 0x3f75a15b,
        0x3f75583f, 0x3f7523f6, 0x3f7504f3, 0x3f74fbaf, 0x3f7508a4, 0x3f752c4d, 0x3f75672a,
        0x3f75b9be, 0x3f76248c, 0x3f76a81e, 0x3f7744fd, 0x3f77fbb8, 0x3f78ccdf, 0x3f79b907,
        0x3f7ac0c7, 0x3f7be4ba, 0x3f7d257d, 0x3f7e83b3};
    #else
    static const unsigned int roots_of_2[8] = {
        0x3f800000, 0x3f7b95c2, 0x3f7837f0, 0x3f75fed7, 0x3f7504f3, 0x3f75672a, 0x3f7744fd,
        0x3f7ac0c7};
    #endif
    static inline vec logistic_by_table(vec z) {
        const vec shifted = z * (float)(-ROOTS_OF_2 / 0.6931471805599453) + 0x1.8p23f,
                  n = shifted - 0x1.8p23f,      /* i above */
                  r = (z + n * (LN2_HIGH / ROOTS_OF_2)) + n * (LN2_LOW / ROOTS_OF_2);
        #if ROOTS_OF_2 == 32
        const vec entry = (vec)_mm512_permutex2var_ps(
            _mm512_loadu_ps(roots_of_2), (__m512i)shifted, _mm512_loadu_ps(roots_of_2 + 16));
        const vec slope = r * 0x1.0000a4p-1f - 0x1.0000f6p+0f;   /* e^-r = 1 - r (...), minimax */
        #else
        const vec entry = (vec)_mm256_permutevar8x32_ps(
            _mm256_loadu_ps((const float *)roots_of_2), (__m256i)shifted);
        const vec slope = (0x1.000882p-1f - r * 0x1.5560f4p-3f) * r - 1.0f;
        #endif
        const bits of_one = (1 << 23) / ROOTS_OF_2;
        const vec power = (vec)((vec_bits)entry + (vec_bits)shifted * of_one);
        const vec y = (power * r) * slope + (power + 1.0f);     /* 1 + e^-z */
        return ratio((vec){0} + 1.0f, y); }
    #endif

    #define PARTIAL 16      /* terms of a loss that are added up in `real`, then in double */
    #define SIDE 8          /* blocks that are trained side by side: chains hide each other */
    #define COLUMNS (VECTOR_BYTES == 64 ? 4 : 2)    /* of a tile of 4 rows, sums in registers */
    """
    ctypedef struct Wide:
        pass
    ctypedef int int32_t
    const Py_ssize_t COLUMNS, PARTIAL, SIDE, ROOTS_OF_2, MOST_OF_TABLE
    vec logistic_by_table(vec z) noexcept nogil
    vec ratio(vec x, vec y) noexcept nogil
    Wide widened(vec x) noexcept nogil
    Wide add_wide(Wide x, Wide y) noexcept nogil
    void interleave(
        Py_ssize_t n, const real *const *rows, vec *out) noexcept nogil
    void draw_orders(const size_t *addresses, Py_ssize_t n, int32_t *orders) noexcept nogil
    Py_ssize_t take_next(Py_ssize_t *next, Py_ssize_t n) noexcept nogil


cdef inline vec logistic_of_lanes(vec z) noexcept nogil:
    """1 / (1 + e^-z); it rounds to 1 from z = 40 on."""
    cdef vec power, p
    cdef real one = 1, most = 40, least = -MOST_OF_TABLE
    if ROOTS_OF_2:
        return logistic_by_table(clipped(z, least, most))
    z = clipped(z, EXP_LOWEST - one, most)
    p = expm1_and_power(True, False, z, z * LOG2_E, &power)     # as in exponentials.pxd
    return ratio(power, p + (power + one))


cdef inline vec gated_of_lanes(vec w, vec z) noexcept nogil:
    """w / (1 + e^-z), 0 where e^z would be subnormal"""
    cdef vec lowest, zero
    fill(&lowest, EXP_LOWEST)
    fill(&zero, 0)
    return where_above(lowest, z, zero, w * logistic_of_lanes(z))


cdef inline vec tanh_of_lanes(vec z) noexcept nogil:
    """tanh as in exponentials.pxd, with `ratio`."""
    cdef vec power, p, x
    cdef real one = 1, two_log2_e = 2 * LOG2_E
    x = at_most(magnitude(z), TANH_MOST)
    p = expm1_and_power(True, True, x + x, x * two_log2_e, &power)
    return with_sign_of(z, ratio((power - one) - p, p + (power + one)))
