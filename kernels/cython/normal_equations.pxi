# Sums over the samples of J^T (J, e), for the rows J = da/dtheta of a Jacobian and the errors e.
#
# J lies turned, as in turned.pxi: a row holds one parameter of many samples. Of a layer with inputs
# a_i and deltas d_o, J has the products a_i d_o, and J^T J the sums of
#
#     (a_i d_o) (a_j d_p) = (a_i a_j) (d_o d_p)
#
# which are the same for (i, p), (j, o): pairs of inputs times pairs of units are half the work.

cdef enum:
    ACROSS = 4      # rows of A in one call of `add_dots`, lanes of its results
    MOST_DOTS = 6   # rows of B


cdef inline void multiply_rows(
    Py_ssize_t n, const real *x, const real *y, real *out,     # out = x y, (n,) each
) noexcept nogil:
    cdef Py_ssize_t t = 0
    while t + 2 * NATIVE <= n:
        (<vec *> (out + t))[0] = (<const vec *> (x + t))[0] * (<const vec *> (y + t))[0]
        (<vec *> (out + t))[1] = (<const vec *> (x + t))[1] * (<const vec *> (y + t))[1]
        t += 2 * NATIVE
    if t < n:
        (<vec *> (out + t))[0] = (<const vec *> (x + t))[0] * (<const vec *> (y + t))[0]


cdef inline void dots(
    Py_ssize_t n_B, Py_ssize_t n, const real *A, const real *B, real *out, Py_ssize_t out_row,
    Py_ssize_t n_A,
) noexcept nogil:
    """out[b, a] += A[a] . B[b]; n_B is a constant, of the ACROSS rows of A only n_A count."""
    cdef vec sums[MOST_DOTS][4]
    cdef vec a[4]
    cdef vec b
    cdef Py_ssize_t t = 0, r, c
    for c in range(n_B):
        for r in range(ACROSS):
            fill(&sums[c][r], 0)
    while t < n:
        for r in range(ACROSS):
            a[r] = (<const vec *> (A + r * n + t))[0]
        for c in range(n_B):
            b = (<const vec *> (B + c * n + t))[0]
            for r in range(ACROSS):
                sums[c][r] += a[r] * b
        t += NATIVE
    # (with a loop over these, the sums would lie in memory)
    if n_B >= 2:
        add_eight(sums[0], sums[1], out, out_row, n_A)
    if n_B >= 4:
        add_eight(sums[2], sums[3], out + 2 * out_row, out_row, n_A)
    if n_B >= 6:
        add_eight(sums[4], sums[5], out + 4 * out_row, out_row, n_A)
    if n_B == 1:
        add_four(sums[0], out, n_A)
    elif n_B == 3:
        add_four(sums[2], out + 2 * out_row, n_A)
    elif n_B == 5:
        add_four(sums[4], out + 4 * out_row, n_A)


cdef inline void add_eight(
    const vec *x, const vec *y, real *out, Py_ssize_t out_row, Py_ssize_t n_A,
) noexcept nogil:
    cdef vec8 totals = eight_totals(x[0], x[1], x[2], x[3], y[0], y[1], y[2], y[3])
    add_totals(half_of(totals, 0), out, n_A)
    add_totals(half_of(totals, 1), out + out_row, n_A)


cdef inline void add_four(const vec *x, real *out, Py_ssize_t n_A) noexcept nogil:
    add_totals(row_totals(fold(x[0]), fold(x[1]), fold(x[2]), fold(x[3])), out, n_A)


cdef inline void add_totals(vec4 totals, real *out, Py_ssize_t n) noexcept nogil:
    """out[i] += totals[i] for i < n <= 4"""
    cdef Py_ssize_t i
    if n == ACROSS:
        (<vec4 *> out)[0] += totals
    else:
        for i in range(n):
            out[i] += (<const real *> &totals)[i]


cdef void add_dots(
    Py_ssize_t n_B, Py_ssize_t n, const real *A, const real *B, real *out, Py_ssize_t out_row,
    Py_ssize_t n_A,
) noexcept nogil:
    """`dots` for as many rows of B as `next_few` gives."""
    if TILE_ROWS >= 12 and n_B == 6:
        dots(6, n, A, B, out, out_row, n_A)
    elif TILE_ROWS >= 12 and n_B == 5:
        dots(5, n, A, B, out, out_row, n_A)
    elif TILE_ROWS >= 12 and n_B == 4:
        dots(4, n, A, B, out, out_row, n_A)
    elif TILE_ROWS >= 12 and n_B == 3:
        dots(3, n, A, B, out, out_row, n_A)
    elif n_B == 2:
        dots(2, n, A, B, out, out_row, n_A)
    else:
        dots(1, n, A, B, out, out_row, n_A)


cdef inline Py_ssize_t next_few(Py_ssize_t n) noexcept nogil:
    """How many of n rows come next: as many as there are registers for, in equal shares."""
    cdef Py_ssize_t most = MOST_DOTS if TILE_ROWS >= 12 else 2
    cdef Py_ssize_t n_shares = (n + most - 1) // most
    return (n + n_shares - 1) // n_shares


cdef void add_products_of_rows(
    Py_ssize_t n, Py_ssize_t n_A, Py_ssize_t n_B, const real *A, const real *B,
    real *out, Py_ssize_t out_row,      # (n_B, n_A)  += A[a] . B[b]
) noexcept nogil:
    cdef Py_ssize_t a = 0
    while a < n_A:
        add_dots(n_B, n, A + a * n, B, out + a, out_row, min(<Py_ssize_t> ACROSS, n_A - a))
        a += ACROSS


cdef void write_rows_of_layer(
    const Net *net, const Place *places, const Part *part, Py_ssize_t k, Py_ssize_t o,
) noexcept nogil:
    """J: a_i delta_u for every input and unit; of a last layer that acts alone, unit o's only."""
    cdef const Layer *layer = &net.layers[k]
    cdef const real *a = below(net, places, part, k)
    cdef const real *delta = part.deltas + places[k].delta * part.n
    cdef real *row = part.rows + places[k].first * part.n
    cdef Py_ssize_t i, u, n_units = layer.n_out
    if k == net.n_layers - 1 and acts_alone(layer):
        delta += o * part.n
        n_units = 1
    for i in range(entering_units(layer)):
        for u in range(n_units):
            if i < layer.n_in:
                multiply_rows(part.n, a + i * part.n, delta + u * part.n, row)
            else:
                copy_row(part.n, delta + u * part.n, row)
            row += part.n


cdef void write_some_rows(
    const Layer *layer, const Part *part, Py_ssize_t r, Py_ssize_t n_rows, real *rows,
) noexcept nogil:
    """Rows of J from r on, of the lowest layer."""
    cdef Py_ssize_t n = part.n, i = r // layer.n_out, u = r % layer.n_out, _
    for _ in range(n_rows):
        multiply_rows(n, part.x + i * n, part.deltas + u * n, rows)
        rows += n
        u += 1
        if u == layer.n_out:
            i, u = i + 1, 0


cdef void add_pairs(
    const Net *net, const Place *places, const Part *part, Py_ssize_t k, real *sums,
) noexcept nogil:
    """sums[(i, j), (u, v)] += (a_i a_j) . (delta_u delta_v) for i <= j, u <= v"""
    cdef const Layer *layer = &net.layers[k]
    cdef const real *a = below(net, places, part, k)
    cdef const real *delta = part.deltas + places[k].delta * part.n
    cdef Py_ssize_t n = part.n, n_in = entering_units(layer), n_inputs = 0, i, j, q, few
    cdef Py_ssize_t left = layer.n_out * (layer.n_out + 1) // 2, u = 0, v = 0
    cdef Py_ssize_t sums_row = (left + ACROSS - 1) // ACROSS * ACROSS
    for i in range(n_in):
        for j in range(i, n_in):
            multiply_rows(n, a + i * n, a + j * n, part.pairs + n_inputs * n)
            n_inputs += 1
    while left > 0:
        for i in range(min(left, <Py_ssize_t> ACROSS)):
            multiply_rows(n, delta + u * n, delta + v * n, part.some + i * n)
            v += 1
            if v == layer.n_out:
                u += 1
                v = u
        q = 0
        while q < n_inputs:
            few = next_few(n_inputs - q)
            add_dots(few, n, part.some, part.pairs + q * n, sums + q * sums_row, sums_row, ACROSS)
            q += few
        sums += ACROSS
        left -= ACROSS


cdef void spread_pairs(
    const Layer *layer, const real *sums, real *normal, Py_ssize_t width,
) noexcept nogil:
    """The block of J^T J (upper triangle) of a layer, from the sums of `add_pairs`."""
    cdef Py_ssize_t n_in = entering_units(layer), n_out = layer.n_out, i, j, u, v
    cdef Py_ssize_t padding = (ACROSS - n_out * (n_out + 1) // 2 % ACROSS) % ACROSS
    cdef real *row
    cdef real *turned
    for i in range(n_in):
        for j in range(i, n_in):
            for u in range(n_out):
                row = normal + (i * n_out + u) * width + j * n_out
                turned = normal + i * n_out * width + j * n_out + u
                for v in range(u, n_out):
                    row[v] = sums[v - u]
                if j > i:
                    for v in range(u + 1, n_out):
                        turned[v * width] = sums[v - u]
                sums += n_out - u
            sums += padding


cdef void add_part(
    const Net *net, const Place *places, const Part *part, Py_ssize_t o,
    real *buffer, real *normal, Py_ssize_t width, Py_ssize_t n_parameters,
) noexcept nogil:
    """normal += J^T (J, e) for output o, after `back_from`; sums of pairs go to the buffer"""
    cdef Py_ssize_t k, r, few, end, last = net.n_layers - 1
    cdef const real *B
    cdef Py_ssize_t n_last = entering_units(&net.layers[last])  # rows that o has of the last layer
    cdef Py_ssize_t columns = places[last].first                # where they are in `normal`
    if acts_alone(&net.layers[last]):
        columns += o * n_last
    else:
        n_last *= net.layers[last].n_out
    for k in range(net.n_layers):
        if k > 0 or places[k].sums < 0:
            write_rows_of_layer(net, places, part, k, o)
    write_errors(net, places, part, o, part.rows + (places[last].first + n_last) * part.n)
    for k in range(net.n_layers):
        if places[k].sums >= 0:
            add_pairs(net, places, part, k, buffer + places[k].sums)
        r = places[k].first
        end = places[k + 1].first if k < last else r + n_last
        while r < end:
            few = next_few(end - r)
            B = part.rows + r * part.n
            if k == 0 and places[k].sums >= 0:      # these rows are needed nowhere else
                write_some_rows(&net.layers[0], part, r, few, part.some)
                B = part.some
            add_strip(part, r, few, B, end if places[k].sums >= 0 else r, places[last].first,
                      n_last, columns, n_parameters, normal, width)
            r += few


cdef void add_strip(
    const Part *part, Py_ssize_t r, Py_ssize_t few, const real *B, Py_ssize_t first,
    Py_ssize_t first_of_last, Py_ssize_t n_last, Py_ssize_t columns, Py_ssize_t n_parameters,
    real *normal, Py_ssize_t width,
) noexcept nogil:
    """A few rows of J^T times those from `first` on: below the last layer, then its own, then e."""
    cdef Py_ssize_t n = part.n, away = columns - first_of_last
    cdef Py_ssize_t with_error = columns + n_last == n_parameters
    if r >= first_of_last:
        normal += away * width
    normal += r * width
    if away > 0 and first < first_of_last:
        add_products_of_rows(n, first_of_last - first, few, part.rows + first * n, B,
                             normal + first, width)
        first = first_of_last
    add_products_of_rows(n, first_of_last + n_last - first + with_error, few,
                         part.rows + first * n, B, normal + first + away, width)
    if not with_error:
        add_products_of_rows(n, 1, few, part.rows + (first_of_last + n_last) * n, B,
                             normal + n_parameters, width)


cdef void write_errors(
    const Net *net, const Place *places, const Part *part, Py_ssize_t o, real *error,
) noexcept nogil:
    """sqrt(w_t) (a_o - y_o)"""
    cdef Py_ssize_t t
    cdef const real *a = part.units + (places[net.n_layers - 1].a + o) * part.n
    cdef vec e
    for t in range(part.n // NATIVE):
        e = (<const vec *> a)[t] - (<const vec *> (part.y + o * part.n))[t]
        (<vec *> error)[t] = e * (<const vec *> part.roots)[t]
