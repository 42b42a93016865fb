# The factorisation of Cholesky, A = U^T U, and the solution of A x = b with it.

cdef enum:
    DEEP = 8        # rows of A that are factorised before the others are updated with them


cdef bint factorise(
    Py_ssize_t n, Py_ssize_t width,
    real *A,        # (n, width)  A = U^T U, with b in column n; becomes U, with U^-T b there
) noexcept nogil:
    """Cholesky, DEEP rows at a time; False where A is not positive definite.

    Of A and U only the upper triangle matters. U has 1 / U_ii on its diagonal.
    """
    cdef Product p
    cdef Py_ssize_t k = 0, r, column, height, panel = TILE_VECTORS * NATIVE
    memset(&p, 0, sizeof(Product))
    p.A_row, p.A_k, p.B_k, p.C_row, p.factor = 1, width, width, width, -1
    while k < n:
        height = min(<Py_ssize_t> DEEP, n - k)
        if not factorise_rows(k, height, width, A):
            return False
        r = k + height
        p.n_k = height
        while r < n:        # the rows below: A[r, c] -= sum_k U[k, r] U[k, c]
            column = r // panel * panel
            p.n_rows, p.width = min(TILE_ROWS, n - r), width - column
            p.A, p.B, p.C = A + k * width + r, A + k * width + column, A + r * width + column
            product(ADD, &p)
            r += TILE_ROWS
        k += height
    return True


cdef bint factorise_rows(
    Py_ssize_t first, Py_ssize_t height, Py_ssize_t width, real *A,
) noexcept nogil:
    """Rows of U from `first` on; those before `first` were subtracted already."""
    cdef Py_ssize_t k, c
    cdef real pivot
    for k in range(first, first + height):
        c = k // NATIVE * NATIVE
        while c + 4 * NATIVE <= width:
            subtract_rows(4, first, k, width, A, c)
            c += 4 * NATIVE
        while c < width:
            subtract_rows(1, first, k, width, A, c)
            c += NATIVE
        pivot = A[k * width + k]
        if not pivot > 0:       # nor if it is nan
            return False
        pivot = <real> (1 / sqrt(pivot))
        c = k // NATIVE * NATIVE
        while c < width:        # row k of U, and what stands behind it
            (<vec *> (A + k * width + c))[0] *= pivot
            c += NATIVE
        A[k * width + k] = pivot
    return True


cdef inline void subtract_rows(
    Py_ssize_t n, Py_ssize_t first, Py_ssize_t k, Py_ssize_t width, real *A, Py_ssize_t c,
) noexcept nogil:
    """A[k, c:] -= sum over j = first..k-1 of U[j, k] U[j, c:], n vectors; n is a constant."""
    cdef vec sums[4]
    cdef Py_ssize_t j, v
    cdef real u
    for v in range(n):
        sums[v] = (<vec *> (A + k * width + c))[v]
    for j in range(first, k):
        u = A[j * width + k]
        for v in range(n):
            sums[v] -= u * (<vec *> (A + j * width + c))[v]
    for v in range(n):
        (<vec *> (A + k * width + c))[v] = sums[v]


cdef void substitute(
    Py_ssize_t n, Py_ssize_t width,
    const real *U,      # (n, width)  from `factorise`
    real *x,            # (width,)    overwritten: the solution of U^T U x = b, then 0
) noexcept nogil:
    """x_i = ((U^-T b)_i - sum over j > i of U_ij x_j) / U_ii, NATIVE rows at a time, upwards."""
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
    real *factor, real *step,
) noexcept nogil:
    """(J^T J / n_samples + mu) step = J^T e / n_samples; False where rounding forbids."""
    cdef Py_ssize_t i, c
    cdef real scale = <real> (1 / n_samples)
    for i in range(n):
        c = i // NATIVE * NATIVE
        while c < width:
            (<vec *> (factor + i * width + c))[0] = scale * (<vec *> (normal + i * width + c))[0]
            c += NATIVE
        factor[i * width + i] += <real> mu
    if not factorise(n, width, factor):
        return False
    substitute(n, width, factor, step)
    return True
