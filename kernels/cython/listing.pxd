# Lists of the values that are not zero.
from lanes cimport NATIVE, real

cdef extern from *:
    """
    /* Positions and values of what is not zero in a, (n,); returns how many. NaN is not zero. Both
       lists have 16 elements to spare. Without branches: what is written too much is overwritten by
       what follows. */
    #if defined(__AVX512F__) && defined(__AVX512VL__)
    static inline Py_ssize_t list_nonzero_values(
            Py_ssize_t n, const real *a, int *index, real *values) {
        Py_ssize_t found = 0, i = 0;
        __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        for (; i < n; i += NATIVE) {
            __mmask16 there = n - i < NATIVE ? (__mmask16)((1u << (n - i)) - 1) : (__mmask16)-1;
            __m512i position = _mm512_add_epi32(lane, _mm512_set1_epi32((int)i));
    #ifdef DELTALOOP_DOUBLE
            __m512d x = _mm512_maskz_loadu_pd((__mmask8)there, a + i);
            __mmask8 set = _mm512_cmp_pd_mask(x, _mm512_setzero_pd(), _CMP_NEQ_UQ);
            _mm512_storeu_pd(values + found, _mm512_maskz_compress_pd(set, x));
            _mm256_storeu_si256((__m256i *)(index + found), _mm256_maskz_compress_epi32(
                set, _mm512_castsi512_si256(position)));
    #else
            __m512 x = _mm512_maskz_loadu_ps(there, a + i);
            __mmask16 set = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_NEQ_UQ);
            _mm512_storeu_ps(values + found, _mm512_maskz_compress_ps(set, x));
            _mm512_storeu_si512(index + found, _mm512_maskz_compress_epi32(set, position));
    #endif
            found += __builtin_popcount(set); }
        return found; }
    #else
    static inline Py_ssize_t list_nonzero_values(
            Py_ssize_t n, const real *a, int *index, real *values) {
        Py_ssize_t found = 0, i;
        for (i = 0; i < n; i++) {
            index[found] = (int)i; values[found] = a[i];
            found += a[i] != 0; }
        return found; }
    #endif
    """
    Py_ssize_t list_nonzero_values(
        Py_ssize_t n, const real *a, int *index, real *values) noexcept nogil
