# Mini-batches of one block. The three products of a layer, each element a vector over networks:
#
#     forward    z[t, o]      = b[o] + sum_i a[t, i] W[i, o]
#     backward   dC/da[t, i]  = sum_o delta[t, o] W[i, o]
#     gradient   dC/dW[i, o]  = sum_t a[t, i] delta[t, o]
#
# Tiles of up to 4 rows and COLUMNS columns keep their sums in registers.

cdef struct Product:    # C[r, c] = start[c] + sum_k A[r, k] B[k, c], or that is added to C
    Py_ssize_t n_k
    const vec *A        # NULL: all lanes have the same, in
    const real *x
    Py_ssize_t A_row
    Py_ssize_t A_k
    const vec *B
    Py_ssize_t B_k
    Py_ssize_t B_column
    vec *C
    Py_ssize_t C_row
    Py_ssize_t C_column
    const vec *start    # or NULL
    bint adds

ctypedef void (*tile_function)(const Product *p, Py_ssize_t r, Py_ssize_t c) noexcept nogil


cdef inline void tile(
    bint scalar, Py_ssize_t rows, Py_ssize_t n,         # constants
    const Product *p, Py_ssize_t first, Py_ssize_t column,
) noexcept nogil:
    cdef vec sums[4][4]
    cdef vec b[4]
    cdef vec a
    cdef Py_ssize_t r, c, k
    cdef Py_ssize_t A_row = p.A_row, A_k = p.A_k, B_k = p.B_k, B_column = p.B_column
    cdef const vec *A = p.A + first * A_row
    cdef const real *x = p.x + first * A_row
    cdef const vec *B = p.B + column * B_column
    cdef Py_ssize_t C_row = p.C_row, C_column = p.C_column
    cdef vec *C = p.C + first * C_row + column * C_column
    for r in range(rows):
        for c in range(n):
            if p.start != NULL:
                sums[r][c] = p.start[column + c]
            elif p.adds:
                sums[r][c] = C[r * C_row + c * C_column]
            else:
                fill(&sums[r][c], 0)
    for k in range(p.n_k):
        for c in range(n):
            b[c] = B[k * B_k + c * B_column]
        for r in range(rows):
            if scalar:
                fill(&a, x[r * A_row + k * A_k])
            else:
                a = A[r * A_row + k * A_k]
            for c in range(n):
                sums[r][c] += a * b[c]
    for r in range(rows):
        for c in range(n):
            C[r * C_row + c * C_column] = sums[r][c]


# by address, so that each is compiled once
cdef void v44(const Product *p, Py_ssize_t r, Py_ssize_t c) noexcept nogil:
    tile(False, 4, COLUMNS, p, r, c)

cdef void v42(const Product *p, Py_ssize_t r, Py_ssize_t c) noexcept nogil:
    tile(False, 4, 2, p, r, c)

cdef void v41(const Product *p, Py_ssize_t r, Py_ssize_t c) noexcept nogil:
    tile(False, 4, 1, p, r, c)

cdef void v24(const Product *p, Py_ssize_t r, Py_ssize_t c) noexcept nogil:
    tile(False, 2, COLUMNS, p, r, c)

cdef void v22(const Product *p, Py_ssize_t r, Py_ssize_t c) noexcept nogil:
    tile(False, 2, 2, p, r, c)

cdef void v21(const Product *p, Py_ssize_t r, Py_ssize_t c) noexcept nogil:
    tile(False, 2, 1, p, r, c)

cdef void v14(const Product *p, Py_ssize_t r, Py_ssize_t c) noexcept nogil:
    tile(False, 1, COLUMNS, p, r, c)

cdef void v12(const Product *p, Py_ssize_t r, Py_ssize_t c) noexcept nogil:
    tile(False, 1, 2, p, r, c)

cdef void v11(const Product *p, Py_ssize_t r, Py_ssize_t c) noexcept nogil:
    tile(False, 1, 1, p, r, c)

cdef void x44(const Product *p, Py_ssize_t r, Py_ssize_t c) noexcept nogil:
    tile(True, 4, COLUMNS, p, r, c)

cdef void x42(const Product *p, Py_ssize_t r, Py_ssize_t c) noexcept nogil:
    tile(True, 4, 2, p, r, c)

cdef void x41(const Product *p, Py_ssize_t r, Py_ssize_t c) noexcept nogil:
    tile(True, 4, 1, p, r, c)

cdef void x24(const Product *p, Py_ssize_t r, Py_ssize_t c) noexcept nogil:
    tile(True, 2, COLUMNS, p, r, c)

cdef void x22(const Product *p, Py_ssize_t r, Py_ssize_t c) noexcept nogil:
    tile(True, 2, 2, p, r, c)

cdef void x21(const Product *p, Py_ssize_t r, Py_ssize_t c) noexcept nogil:
    tile(True, 2, 1, p, r, c)

cdef void x14(const Product *p, Py_ssize_t r, Py_ssize_t c) noexcept nogil:
    tile(True, 1, COLUMNS, p, r, c)

cdef void x12(const Product *p, Py_ssize_t r, Py_ssize_t c) noexcept nogil:
    tile(True, 1, 2, p, r, c)

cdef void x11(const Product *p, Py_ssize_t r, Py_ssize_t c) noexcept nogil:
    tile(True, 1, 1, p, r, c)

cdef tile_function[2][3][3] tiles = [
    [[v44, v42, v41], [v24, v22, v21], [v14, v12, v11]],
    [[x44, x42, x41], [x24, x22, x21], [x14, x12, x11]],
]


cdef void multiply(const Product *p, Py_ssize_t n_rows, Py_ssize_t n_columns) noexcept nogil:
    cdef Py_ssize_t r, c = 0, n, of_rows, of_columns
    cdef Py_ssize_t scalar = p.A == NULL
    while c < n_columns:        # the columns of B that stay near, for all rows
        n, of_columns = COLUMNS, 0
        if n_columns - c < COLUMNS:
            of_columns = 1 if n_columns - c >= 2 else 2
            n = 3 - of_columns
        r = 0
        while r < n_rows:
            of_rows = 0 if n_rows - r >= 4 else 1 if n_rows - r >= 2 else 2
            tiles[scalar][of_rows][of_columns](p, r, c)
            r += 4 >> of_rows
        c += n


cdef void forward_piece(
    const Many *many, const Room *room, const vec *theta, Py_ssize_t n, const real *x,
) noexcept nogil:
    """z and a of all layers but a of the last, of n samples: rows of x or, without, of room.x."""
    cdef Py_ssize_t k, n_in, n_out
    cdef const vec *entered = room.x
    cdef vec *z
    cdef vec *a
    cdef Product p
    p.adds = False
    for k in range(many.n_layers):
        n_in, n_out = many.layers[k].n_in, many.layers[k].n_out
        z = room.units + many.piece * many.places[k].z
        a = room.units + many.piece * many.places[k].a
        p.n_k, p.A, p.x, p.A_row, p.A_k = n_in, entered, x, n_in, 1
        p.B, p.B_k, p.B_column = theta + many.places[k].W, n_out, 1
        p.C, p.C_row, p.C_column, p.start = z, n_out, 1, NULL
        if x != NULL:
            p.A = NULL
        if many.places[k].b >= 0:
            p.start = theta + many.places[k].b
        multiply(&p, n, n_out)
        if k + 1 < many.n_layers:
            activate(&many.layers[k], n * n_out, z, a)
        entered, x = a, NULL


cdef void backward_piece(
    const Many *many, const Room *room, const vec *theta, Py_ssize_t n, const real *x, bint adds,
) noexcept nogil:
    """From delta of the last layer to the gradient times n_samples, added to that of other pieces.
    """
    cdef Py_ssize_t k, n_in, n_out
    cdef const vec *a
    cdef const vec *delta
    cdef vec *dC_da
    cdef Product p
    for k in range(many.n_layers - 1, -1, -1):
        n_in, n_out = many.layers[k].n_in, many.layers[k].n_out
        delta = room.units + many.piece * many.places[k].delta
        a = room.x
        if k > 0:
            a = room.units + many.piece * many.places[k - 1].a
        # dC/dW = a^T delta
        p.n_k, p.A, p.x, p.A_row, p.A_k = n, a, NULL, 1, n_in
        if k == 0 and x != NULL:
            p.A, p.x = NULL, x
        p.B, p.B_k, p.B_column = delta, n_out, 1
        p.C, p.C_row, p.C_column, p.start = room.gradient + many.places[k].W, n_out, 1, NULL
        p.adds = adds
        multiply(&p, n_in, n_out)
        if many.places[k].b >= 0:
            add_rows(n, n_out, delta, room.gradient + many.places[k].b, adds)
        if k == 0:
            return
        # dC/da = delta W^T
        dC_da = room.units + many.piece * many.places[k - 1].delta
        p.n_k, p.A, p.x, p.A_row, p.A_k = n_out, delta, NULL, n_out, 1
        p.B, p.B_k, p.B_column = theta + many.places[k].W, 1, n_out
        p.C, p.C_row, p.adds = dC_da, n_in, False
        multiply(&p, n, n_in)
        multiply_by_slope(&many.layers[k - 1], n * n_in,
                          room.units + many.piece * many.places[k - 1].z, a, dC_da)


cdef void add_rows(
    Py_ssize_t n, Py_ssize_t n_out, const vec *delta, vec *out, bint adds,
) noexcept nogil:
    """out[o] = sum_t delta[t, o], or that is added."""
    cdef Py_ssize_t t, o
    cdef vec total
    for o in range(n_out):
        if adds:
            total = out[o]
        else:
            fill(&total, 0)
        for t in range(n):
            total += delta[t * n_out + o]
        out[o] = total


cdef void take_piece(
    const Many *many, const Room *room, Py_ssize_t first, Py_ssize_t n,
) noexcept nogil:
    """n samples of the epoch from number `first` on, of every network its own."""
    cdef Py_ssize_t t
    for t in range(n):
        find_rows(many, room, 0, first + t)
        interleave(many.n_in, room.x_rows, room.x + t * many.n_in)
        interleave(many.n_out, room.y_rows, room.y + t * many.n_out)


cdef void spread_rows(
    const Many *many, const Room *room, Py_ssize_t n, const real *y,
) noexcept nogil:
    """Targets that all networks share to room.y, (n, n_out)."""
    cdef Py_ssize_t k
    for k in range(n * many.n_out):
        fill(&room.y[k], y[k])


cdef void outputs_of_piece(const Many *many, const Room *room, Py_ssize_t n) noexcept nogil:
    """a, delta and losses of n samples, which stand side by side as blocks do in `outputs`."""
    cdef const Place *last = &many.places[many.n_layers - 1]
    outputs(many, n, room.units + many.piece * last.z, room.units + many.piece * last.a, room.y, 1,
            room.units + many.piece * last.delta, room.costs, NULL)
