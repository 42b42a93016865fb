# What lanes that are networks need beside lanes.pxd: sums in float64 for every lane, samples of
# their own, and orders of samples as NumPy draws them.
from lanes cimport real, vec

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
    static inline void interleave(
            Py_ssize_t n, Py_ssize_t side, const real *const *rows, vec *out) {
        for (Py_ssize_t i = 0; i < n; i++)
            for (Py_ssize_t lane = 0; lane < NATIVE; lane++)
                ((real *)(out + i * side))[lane] = rows[lane][i]; }

    /* numpy/random/bitgen.h: a bit generator by its address, which is that of its capsule */
    typedef struct {
        void *state;
        uint64_t (*next_uint64)(void *);
        uint32_t (*next_uint32)(void *);
        double (*next_double)(void *);
        uint64_t (*next_raw)(void *);
    } BitGenerator;

    /* Generator.permutation(n) for n < 2^32, of NumPy 1.17 and later: Fisher and Yates, with numbers
       up to i by rejection. (ensembles.py compares before it relies on it.) */
    static inline void draw_order(size_t address, Py_ssize_t n, int32_t *order) {
        const BitGenerator *generator = (const BitGenerator *)address;
        for (Py_ssize_t i = 0; i < n; i++) order[i] = (int32_t)i;
        for (Py_ssize_t i = n - 1; i > 0; i--) {
            uint32_t mask = ~(uint32_t)0 >> __builtin_clz((uint32_t)i), j;
            do j = generator->next_uint32(generator->state) & mask; while (j > (uint32_t)i);
            const int32_t other = order[j];
            order[j] = order[i];
            order[i] = other;
        } }

    /* the number of a block that no other thread has */
    static inline Py_ssize_t take_next(Py_ssize_t *next, Py_ssize_t n) {
        return __atomic_fetch_add(next, n, __ATOMIC_RELAXED); }

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
    Wide widened(vec x) noexcept nogil
    Wide add_wide(Wide x, Wide y) noexcept nogil
    Wide products(vec x, vec y) noexcept nogil
    void interleave(
        Py_ssize_t n, Py_ssize_t side, const real *const *rows, vec *out) noexcept nogil
    void draw_order(size_t address, Py_ssize_t n, int32_t *order) noexcept nogil
    Py_ssize_t take_next(Py_ssize_t *next, Py_ssize_t n) noexcept nogil
