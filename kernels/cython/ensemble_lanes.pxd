# What lanes that are networks need beside lanes.pxd: sums in float64 for every lane, samples of
# their own, and orders of samples as NumPy draws them.
from exponentials cimport EXP_LOWEST, LOG2_E, TANH_MOST, expm1_and_power
from lanes cimport at_most, clipped, magnitude, real, vec, with_sign_of

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
    static inline Wide widened(vec x) {
        union { vec whole; half_vec part[2]; } u = {x};
        return (Wide){{__builtin_convertvector(u.part[0], wide_half),
                       __builtin_convertvector(u.part[1], wide_half)}}; }
    #define EACH(statement) { { enum { h = 0 }; statement } { enum { h = 1 }; statement } }
    #endif
    static inline Wide add_wide(Wide x, Wide y) {
        EACH(x.part[h] += y.part[h];) return x; }
    static inline Wide products(vec x, vec y) {
        Wide a = widened(x), b = widened(y);
        EACH(a.part[h] *= b.part[h];) return a; }

    /* a lane of every vector from a row of its own: out[i][lane] = rows[lane][i] */
    #if defined(__AVX512F__) && !defined(DELTALOOP_DOUBLE)
    #include <immintrin.h>
    static inline void interleave(
            Py_ssize_t n, Py_ssize_t side, const real *const *rows, vec *out) {
        const __m512i low = _mm512_loadu_si512(rows), high = _mm512_loadu_si512(rows + 8);
        for (Py_ssize_t i = 0; i < n; i++) {
            const __m512 found = _mm512_insertf32x8(
                _mm512_castps256_ps512(_mm512_i64gather_ps(low, (const real *)0 + i, 1)),
                _mm512_i64gather_ps(high, (const real *)0 + i, 1), 1);
            out[i * side] = (vec)found; } }
    #elif defined(__AVX512F__)
    #include <immintrin.h>
    static inline void interleave(
            Py_ssize_t n, Py_ssize_t side, const real *const *rows, vec *out) {
        const __m512i all = _mm512_loadu_si512(rows);
        for (Py_ssize_t i = 0; i < n; i++)
            out[i * side] = (vec)_mm512_i64gather_pd(all, (const real *)0 + i, 1); }
    #else
    static inline void interleave(
            Py_ssize_t n, Py_ssize_t side, const real *const *rows, vec *out) {
        for (Py_ssize_t i = 0; i < n; i++) {
            vec found;      /* in registers: a load of what was stored piece by piece waits */
            for (int lane = 0; lane < NATIVE; lane++) found[lane] = rows[lane][i];
            out[i * side] = found; } }
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

    #if VECTOR_BYTES == 64
    #define SIDE 4          /* blocks that are trained side by side: chains hide each other */
    #define COLUMNS 4       /* of a tile of 4 rows, whose sums stay in registers */
    #else
    #define SIDE 2
    #define COLUMNS 2
    #endif
    """
    ctypedef struct Wide:
        pass
    ctypedef int int32_t
    const Py_ssize_t SIDE, COLUMNS
    vec ratio(vec x, vec y) noexcept nogil
    Wide widened(vec x) noexcept nogil
    Wide add_wide(Wide x, Wide y) noexcept nogil
    Wide products(vec x, vec y) noexcept nogil
    void interleave(
        Py_ssize_t n, Py_ssize_t side, const real *const *rows, vec *out) noexcept nogil
    void draw_orders(const size_t *addresses, Py_ssize_t n, int32_t *orders) noexcept nogil
    Py_ssize_t take_next(Py_ssize_t *next, Py_ssize_t n) noexcept nogil


cdef inline vec logistic_of_lanes(vec z) noexcept nogil:
    """1 / (1 + e^-z) as in exponentials.pxd, with `ratio`; it rounds to 1 from z = 40 on."""
    cdef vec power, p
    cdef real one = 1, most = 40
    z = clipped(z, EXP_LOWEST - one, most)
    p = expm1_and_power(True, False, z, z * LOG2_E, &power)
    return ratio(power, p + (power + one))


cdef inline vec tanh_of_lanes(vec z) noexcept nogil:
    """tanh as in exponentials.pxd, with `ratio`."""
    cdef vec power, p, x
    cdef real one = 1, two_log2_e = 2 * LOG2_E
    x = at_most(magnitude(z), TANH_MOST)
    p = expm1_and_power(True, True, x + x, x * two_log2_e, &power)
    return with_sign_of(z, ratio((power - one) - p, p + (power + one)))
