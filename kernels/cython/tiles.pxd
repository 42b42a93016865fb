# The three products of a mini-batch, as tiles of accumulators that stay in registers:
#
#     C[r, :] = start + sum_k A[r, k] B[k, :]
#
#     forward    Z      = X W^T           A = activations, k = inputs,  B = W (input-major)
#     backward   dC/dA^T = W delta^T      A = W,           k = outputs, B = delta transposed
#     gradient   dC/dW  = A_prev^T delta  A = A_prev^T,    k = samples, B = delta
#
# B and C are read and written in vectors, A one element at a time, so A may lie transposed.
from lanes cimport (
    NATIVE, TILE_ROWS, TILE_VECTORS, fill, real, vec, vec4, vec8, vector,
)
from plan cimport ACCUMULATE, SGD, Ahead, Rule, fetch_some
from rules cimport descended

cdef enum:
    # what becomes of the sums: C = sums; or else the code of a rule: sums is n_samples times the
    # gradient of the weights C, which are updated
    STORE = -1


cdef inline void descend_tile(
    Py_ssize_t code, Py_ssize_t rows, Py_ssize_t n,
    const vector (*sums)[2],    # (rows, n vectors)  read
    real *w,                # (rows, n vectors)  updated; distance of rows: w_row
    Py_ssize_t w_row,
    Py_ssize_t offset,      # of w in theta, and so in the state of the rule
    const Rule *rule,
    real scale,             # 1 / n_samples
) noexcept nogil:
    cdef Py_ssize_t r, c
    cdef Rule constants = rule[0]   # which the stores below cannot change
    cdef real step = scale * rule.learning_rate
    cdef vector *w_r
    cdef vector *m_r
    cdef vector *v_r
    for r in range(rows):
        w_r = <vector *> (w + r * w_row)
        m_r = <vector *> (rule.state + offset + r * w_row)
        v_r = <vector *> (rule.squares + offset + r * w_row)
        for c in range(n):
            if code == SGD:             # w := w - eps g, with one product less
                w_r[c] -= step * sums[r][c]
            elif code == ACCUMULATE:    # the gradient itself, over several batches
                m_r[c] += scale * sums[r][c]
            else:
                w_r[c] = descended(code, &constants, w_r[c], scale * sums[r][c], &m_r[c], &v_r[c])


cdef inline const vector *at(const vector *first, Py_ssize_t n) noexcept nogil:
    """n elements on."""
    return <const vector *> (<const real *> first + n)


cdef inline const vector *at_or_null(const vector *first, Py_ssize_t n) noexcept nogil:
    """n elements on; nothing stays nothing."""
    if first == NULL:
        return NULL
    return at(first, n)


cdef inline void add_products(
    Py_ssize_t rows, Py_ssize_t n, vector (*sums)[2],
    const real *A, Py_ssize_t A_row, const vector *B,
) noexcept nogil:
    """sums[r, :] += A[r] B"""
    cdef vector b[2]
    cdef Py_ssize_t r, c
    cdef real a
    for c in range(n):
        b[c] = B[c]
    for r in range(rows):
        a = A[r * A_row]
        for c in range(n):
            sums[r][c] += a * b[c]


cdef inline void tile(
    Py_ssize_t purpose, Py_ssize_t rows, Py_ssize_t n, Py_ssize_t n_k,
    const real *A, Py_ssize_t A_row, Py_ssize_t A_k,    # A[r, k] at r A_row + k A_k
    const vector *B, Py_ssize_t B_k,                    # B[k, :] at k B_k
    real *C, Py_ssize_t C_row,                          # C[r, :] at r C_row
    const vector *start, Py_ssize_t start_row,          # start[r, :] at r start_row, or NULL
    Py_ssize_t weights, const Rule *rule, real scale,   # of a rule: offset of C in theta
) noexcept nogil:
    """rows and n (vectors in a row) are constants: the loops over them are unrolled."""
    cdef vector sums[TILE_ROWS][2]
    cdef vector gradient[TILE_ROWS][2]
    cdef vector *C_r
    cdef Py_ssize_t r, c, k = 0, _
    for r in range(rows):
        for c in range(n):
            if start == NULL:
                fill(&sums[r][c], 0)
            else:
                sums[r][c] = at(start, r * start_row)[c]
    while k + 2 <= n_k:         # two a turn are faster than one or four
        for _ in range(2):
            add_products(rows, n, sums, A + k * A_k, A_row, at(B, k * B_k))
            k += 1
    if k < n_k:
        add_products(rows, n, sums, A + k * A_k, A_row, at(B, k * B_k))
    if purpose == STORE:
        for r in range(rows):
            C_r = <vector *> (C + r * C_row)
            for c in range(n):
                C_r[c] = sums[r][c]
    elif purpose == SGD:
        descend_tile(SGD, rows, n, sums, C, C_row, weights, rule, scale)
    else:       # the constants of the rule take the registers of the sums
        for r in range(rows):
            for c in range(n):
                gradient[r][c] = sums[r][c]
        descend_tile(purpose, rows, n, gradient, C, C_row, weights, rule, scale)


cdef inline void panel(
    Py_ssize_t purpose, Py_ssize_t n, Py_ssize_t n_rows, Py_ssize_t n_k,
    const real *A, Py_ssize_t A_row, Py_ssize_t A_k,
    const vector *B, Py_ssize_t B_k,
    real *C, Py_ssize_t C_row,
    const vector *start, Py_ssize_t start_row,
    Py_ssize_t weights, const Rule *rule, real scale, Ahead *ahead,
) noexcept nogil:
    """All rows of n columns of vectors; n is a constant."""
    cdef Py_ssize_t r = 0
    while r + TILE_ROWS <= n_rows:
        tile(purpose, TILE_ROWS, n, n_k, A + r * A_row, A_row, A_k, B, B_k, C + r * C_row, C_row,
             at_or_null(start, r * start_row), start_row, weights + r * C_row, rule, scale)
        if ahead != NULL:
            fetch_some(ahead)
        r += TILE_ROWS
    if TILE_ROWS > 8 and r + 8 <= n_rows:
        tile(purpose, 8, n, n_k, A + r * A_row, A_row, A_k, B, B_k, C + r * C_row, C_row,
             at_or_null(start, r * start_row), start_row, weights + r * C_row, rule, scale)
        r += 8
    if r + 4 <= n_rows:
        tile(purpose, 4, n, n_k, A + r * A_row, A_row, A_k, B, B_k, C + r * C_row, C_row,
             at_or_null(start, r * start_row), start_row, weights + r * C_row, rule, scale)
        r += 4
    if r + 2 <= n_rows:
        tile(purpose, 2, n, n_k, A + r * A_row, A_row, A_k, B, B_k, C + r * C_row, C_row,
             at_or_null(start, r * start_row), start_row, weights + r * C_row, rule, scale)
        r += 2
    if r < n_rows:
        tile(purpose, 1, n, n_k, A + r * A_row, A_row, A_k, B, B_k, C + r * C_row, C_row,
             at_or_null(start, r * start_row), start_row, weights + r * C_row, rule, scale)


cdef inline void product(
    Py_ssize_t purpose, Py_ssize_t n_rows, Py_ssize_t width, Py_ssize_t n_k,
    const real *A, Py_ssize_t A_row, Py_ssize_t A_k,
    const real *B, Py_ssize_t B_k,
    real *C, Py_ssize_t C_row,
    const real *start, Py_ssize_t start_row,    # a bias with start_row 0, sums so far, or NULL
    Py_ssize_t weights, const Rule *rule, real scale,
    Ahead *ahead,           # fetched meanwhile; or NULL
) noexcept nogil:
    """C, (n_rows, width), panel by panel; width is 4, 8 or a multiple of 16."""
    cdef Py_ssize_t j = 0
    if width == 4:
        panel(purpose, 1, n_rows, n_k, A, A_row, A_k, <const vec4 *> B, B_k,
              C, C_row, <const vec4 *> start, start_row, weights, rule, scale, ahead)
        return
    if width == 8:
        panel(purpose, 1, n_rows, n_k, A, A_row, A_k, <const vec8 *> B, B_k,
              C, C_row, <const vec8 *> start, start_row, weights, rule, scale, ahead)
        return
    while j + TILE_VECTORS * NATIVE <= width:
        panel(purpose, TILE_VECTORS, n_rows, n_k, A, A_row, A_k, <const vec *> (B + j), B_k,
              C + j, C_row, at_or_null(<const vec *> start, j), start_row, weights + j, rule, scale,
              ahead)
        j += TILE_VECTORS * NATIVE
    if j < width:
        panel(purpose, 1, n_rows, n_k, A, A_row, A_k, <const vec *> (B + j), B_k,
              C + j, C_row, at_or_null(<const vec *> start, j), start_row, weights + j, rule, scale,
              ahead)
