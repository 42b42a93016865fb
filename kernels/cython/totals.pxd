# Sums over the lanes of several vectors at once.
from lanes cimport vec, vec4, vec8

cdef extern from *:
    """
    #if VECTOR_BYTES == 64 && defined(DELTALOOP_DOUBLE)
    #ifdef __clang__
    #define PICK(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
    #else
    #define PICK(x, y, ...) __builtin_shuffle(x, y, (vec_bits){__VA_ARGS__})
    #endif
    static inline vec added_pairs(vec x, vec y) {   /* x0 + x1, y0 + y1, x2 + x3, y2 + y3, ... */
        return PICK(x, y, 0, 8, 2, 10, 4, 12, 6, 14) + PICK(x, y, 1, 9, 3, 11, 5, 13, 7, 15); }
    static inline vec added_quarters(vec x, vec y) {    /* the same with two lanes for one */
        return PICK(x, y, 0, 1, 4, 5, 8, 9, 12, 13) + PICK(x, y, 2, 3, 6, 7, 10, 11, 14, 15); }
    static inline vec8 eight_totals(
            vec a, vec b, vec c, vec d, vec e, vec f, vec g, vec h) {
        return (vec8)added_quarters(
            added_quarters(added_pairs(a, b), added_pairs(c, d)),
            added_quarters(added_pairs(e, f), added_pairs(g, h))); }
    #else
    static inline vec8 eight_totals(
            vec a, vec b, vec c, vec d, vec e, vec f, vec g, vec h) {
        union { vec8 whole; vec4 half[2]; } u;
        u.half[0] = row_totals(vec_fold(a), vec_fold(b), vec_fold(c), vec_fold(d));
        u.half[1] = row_totals(vec_fold(e), vec_fold(f), vec_fold(g), vec_fold(h));
        return u.whole; }
    #endif
    static inline __attribute__((always_inline)) vec4 half_of(vec8 x, const int i) {
        union { vec8 whole; vec4 half[2]; } u = {x};
        return u.half[i]; }
    """
    # (total of the lanes of a, ..., of h)
    vec8 eight_totals(
        vec a, vec b, vec c, vec d, vec e, vec f, vec g, vec h) noexcept nogil
    vec4 half_of(vec8 x, int i) noexcept nogil          # i = 0 or 1, a constant
