# The three products of a mini-batch, as tiles of accumulators that stay in registers:
#
#     C[r, :] = start + sum_k A[r, k] B[k, :]
#
#     forward    Z           = A_prev W        A = A_prev,      k = inputs,  B = W
#     backward   dC/dA_prev^T = W delta^T      A = W,           k = outputs, B = delta^T
#     gradient   dC/dW       = A_prev^T delta  A = A_prev^T,    k = samples, B = delta
#
# with W as stored, (n_in, width). B and C are read and written in vectors, but A one element at a
# time, so that A^T need not be copied. products.pxi puts tiles together.
from functions cimport RELU, f, slope
from lanes cimport TILE_ROWS, fill, hold, real, unrelated, vector
from plan cimport Rule
from rules cimport descended
from same_bits cimport added

cdef enum:
    # the purpose of a product: what becomes of its sums
    STORE       # C = sums
    ACTIVATE    # C = ReLU(sums)
    SLOPES      # C = sums ReLU'(units)
    ADD         # C = C + factor sums
    DESCEND     # the step of a rule on the weights C, whose gradient is factor sums


cdef inline const vector *at(const vector *first, Py_ssize_t n) noexcept nogil:
    """The address n elements (not vectors) after `first`."""
    return <const vector *> (<const real *> first + n)


cdef inline void add_products(
    Py_ssize_t rows, Py_ssize_t n, Py_ssize_t together, vector (*sums)[2],
    const real **A, Py_ssize_t A_row, Py_ssize_t A_k, const vector *B,
) noexcept nogil:
    """sums[r, :] += A[r] B; then A += A_k

    A[g]: the first of `together` rows, a constant. Three rows are reached with one register for
    their distance: a register for every row would be one too many.
    """
    cdef vector b[2]
    cdef Py_ssize_t r, c
    cdef real a
    for c in range(n):
        b[c] = B[c]
    for r in range(rows):
        a = A[r // together][r % together * A_row]
        for c in range(n):
            sums[r][c] = added(sums[r][c], a, b[c])
    for r in range(rows):
        for c in range(n):
            hold(&sums[r][c])
    for r in range((rows + together - 1) // together):
        A[r] = unrelated(A[r] + A_k)


cdef inline void tile(
    Py_ssize_t purpose, bint A_apart, Py_ssize_t rows, Py_ssize_t n, Py_ssize_t n_k,
    const real *A, Py_ssize_t A_row, Py_ssize_t A_k,    # A[r, k] at r A_row + k A_k
    const vector *B, Py_ssize_t B_k,                    # B[k, :] at k B_k
    real *C, Py_ssize_t C_row,                          # C[r, :] at r C_row
    const vector *start, Py_ssize_t start_row,          # start[r, :] at r start_row, or NULL
    real factor,
    const real *units,                                  # units[r, :] at r C_row, or NULL
) noexcept nogil:
    """sums = start + A B; then C, see the purposes (but DESCEND: C = sums).

    purpose, A_apart, rows and n (vectors in a row) are constants: loops over them are unrolled.
    A_apart: whether A_row is not one.
    """
    cdef vector sums[TILE_ROWS][2]
    cdef const real *A_group[TILE_ROWS]
    cdef Py_ssize_t together = 3 if A_apart else rows
    cdef vector *C_r
    cdef vector b
    cdef Py_ssize_t r, c, k = 0, _
    for r in range(rows):
        for c in range(n):
            if start == NULL:
                fill(&sums[r][c], 0)
            else:
                sums[r][c] = at(start, r * start_row)[c]
    for r in range((rows + together - 1) // together):
        A_group[r] = unrelated(A + r * together * A_row)
    while k + 2 <= n_k:         # unrolled by two: faster than by one or four
        for _ in range(2):
            add_products(rows, n, together, sums, A_group, A_row, A_k, B)
            B = at(B, B_k)
            k += 1
    if k < n_k:
        add_products(rows, n, together, sums, A_group, A_row, A_k, B)
    for r in range(rows):
        C_r = <vector *> (C + r * C_row)
        for c in range(n):
            if purpose == ADD:
                C_r[c] = added(C_r[c], factor, sums[r][c])
            elif purpose == ACTIVATE:
                C_r[c] = f(RELU, 0, sums[r][c])
            elif purpose == SLOPES:
                b = (<const vector *> (units + r * C_row))[c]
                C_r[c] = sums[r][c] * slope(RELU, 0, b, b)
            else:
                C_r[c] = sums[r][c]


cdef inline void descend_tile_by(
    Py_ssize_t code, const Rule *rule, real factor, Py_ssize_t rows, Py_ssize_t n,
    const vector *sums,         # (rows, 2 vectors)  read, the first n: the gradient is factor sums
    real *w,                    # (rows, n vectors)  updated
    Py_ssize_t w_row,           # elements from one row of w to the next
    Py_ssize_t place,           # offset of w in theta, and so in the state of the rule
) noexcept nogil:
    """The step of a rule on a tile of weights; `code` is a constant where that helps."""
    cdef Rule constants = rule[0]   # a copy, which the stores below cannot change
    cdef Py_ssize_t r, c, k
    for r in range(rows):
        k = r * w_row
        for c in range(n):
            (<vector *> (w + k))[c] = descended(
                code, &constants, (<vector *> (w + k))[c], factor * sums[2 * r + c],
                &(<vector *> (rule.state + place + k))[c],
                &(<vector *> (rule.squares + place + k))[c])
