# Cholesky without square roots: A = U^T D U, where row r of D U is
#
#     (D U)[r, c] = A[r, c] - sum over k < r of U[k, r] (D U)[k, c]      c >= r
#
# and the solution of A x = b with it. b stands behind A as one more column.

cdef enum:
    SMALL = 24      # rows that are one strip, as the call for a product would take longer
    DEEP = 144      # rows that are finished before those below them: they stay in cache


cdef bint factorise(
    Py_ssize_t n, Py_ssize_t width,
    real *A,        # (n, width)  A, with b in column n; becomes D U, with D^-1 on its diagonal
    real *U,        # (min(n, DEEP), width)  overwritten
) noexcept nogil:
    """False where A is not positive definite. Only the upper triangle of A matters."""
    cdef Product p
    cdef Py_ssize_t first = 0, stop, r, column
    memset(&p, 0, sizeof(Product))
    p.A_row, p.A_k, p.B_k, p.B_j, p.C_row, p.factor = 1, width, width, 1, width, -1
    while first < n:
        stop, r = min(first + DEEP, n), first
        while r < n:    # a strip of rows: less those from `first` on, at last those of itself
            p.n_rows, p.n_k = n if n <= SMALL else min(TILE_ROWS, n - r), min(r, stop) - first
            column = r // 8 * 8     # products have widths of whole eights
            p.width = width - column
            p.A, p.B, p.C = U + r, A + first * width + column, A + r * width + column
            if r > first:
                product(ADD, &p)
            if r < stop and not finish_rows(r, p.n_rows, width, A, U + (r - first) * width):
                return False
            r += p.n_rows
        first = stop
    return True


cdef bint finish_rows(
    Py_ssize_t first, Py_ssize_t height, Py_ssize_t width, real *A, real *U,
) noexcept nogil:
    """Rows of D U, and from U on those of U; what is above `first` was subtracted already."""
    cdef Py_ssize_t k, c
    cdef real pivot
    cdef real *row
    for k in range(first, first + height):
        c = k // NATIVE * NATIVE
        row = A + k * width
        while c + 4 * NATIVE <= width:
            subtract_rows(4, k - first, row + c, A + first * width + c, U + k, width)
            c += 4 * NATIVE
        while c < width:
            subtract_rows(1, k - first, row + c, A + first * width + c, U + k, width)
            c += NATIVE
        pivot = row[k]
        if not pivot > 0:       # nor if it is nan
            return False
        pivot = 1 / pivot
        c = k // NATIVE * NATIVE
        while c < width:
            (<vec *> (U + (k - first) * width + c))[0] = pivot * (<vec *> (row + c))[0]
            c += NATIVE
        row[k] = pivot
    return True


cdef inline void subtract_rows(
    Py_ssize_t n, Py_ssize_t n_k, real *row, const real *above, const real *U, Py_ssize_t width,
) noexcept nogil:
    """row -= sum_k U[k] above[k], n vectors of each; n is a constant."""
    cdef vec sums[4]
    cdef Py_ssize_t k, v
    cdef real u
    for v in range(n):
        sums[v] = (<vec *> row)[v]
    for k in range(n_k):
        u = U[k * width]
        for v in range(n):
            sums[v] -= u * (<const vec *> (above + k * width))[v]
    for v in range(n):
        (<vec *> row)[v] = sums[v]


cdef void substitute(
    Py_ssize_t n, Py_ssize_t width,
    const real *U,      # (n, width)  from `factorise`: D U, D^-1 and, in column n, D U^-T b
    real *x,            # (width,)    overwritten: the solution, then 0
) noexcept nogil:
    """x_i = (b_i - sum over j > i of (D U)_ij x_j) / D_i, NATIVE rows at a time, upwards."""
    cdef Py_ssize_t first = (n - 1) // NATIVE * NATIVE, stop = n, i, j, c
    cdef const real *row
    cdef vec sums
    memset(x, 0, width * sizeof(real))
    while first >= 0:
        for i in range(first, stop):    # with what is known already
            row = U + i * width
            fill(&sums, 0)
            c = first + NATIVE
            while c < n:
                sums += (<const vec *> (row + c))[0] * (<const vec *> (x + c))[0]
                c += NATIVE
            x[i] = row[n] - vec4_total(fold(sums))
        for i in range(stop - 1, first - 1, -1):
            x[i] *= U[i * width + i]
            for j in range(first, i):
                x[j] -= U[j * width + i] * x[i]
        stop = first
        first -= NATIVE


cdef bint solve(
    Py_ssize_t n, Py_ssize_t width, const real *normal, double n_samples, double mu,
    real *factor, real *U, real *step,
) noexcept nogil:
    """(J^T J + n_samples mu) step = J^T e; False where rounding forbids."""
    cdef Py_ssize_t i, c
    for i in range(n):
        c = i // NATIVE * NATIVE
        memcpy(factor + i * width + c, normal + i * width + c, (width - c) * sizeof(real))
        factor[i * width + i] += <real> (n_samples * mu)
    if not factorise(n, width, factor, U):
        return False
    substitute(n, width, factor, step)
    return True
