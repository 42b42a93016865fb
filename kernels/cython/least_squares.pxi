# Sums of squares: rows of the Jacobian J = da/dtheta, and the steps of Levenberg and Marquardt.
#
#     (J^T J / n + mu) step = J^T e / n       e = a - y
#     theta := theta - step, if that lowers the loss
#
# A row of J has the error behind it, (J, e), so that one product gives J^T J and J^T e, and the
# factorisation of Cholesky solves its first triangle on the way. Samples come in blocks, as many as
# there is room for; between two of them a search may be left and taken up again.

cdef enum:
    # phases of a search
    STARTING        # sums the losses of theta
    MULTIPLYING     # sums J^T (J, e) of theta
    TRYING          # takes a step
    EVALUATING      # sums the losses after it

cdef enum:
    PART = 128      # samples that pass forward at once
    DEEP = 8        # rows of J^T J that are factorised before the others are updated with them

cdef enum:
    # indices into least_squares.REASONS
    GOING
    FLAT
    STUCK
    REACHED
    NOT_FINITE

cdef struct Search:     # least_squares.SEARCH
    double mu
    double decrease
    double increase
    double max_mu
    double min_gradient
    double target
    double sum_of_weights
    double loss
    double total
    double gradient
    Py_ssize_t phase
    Py_ssize_t first
    Py_ssize_t reason
    Py_ssize_t n_tries
    Py_ssize_t n_samples
    Py_ssize_t n_parameters
    Py_ssize_t width
    Py_ssize_t J_row
    Py_ssize_t n_rows
    Py_ssize_t trial
    Py_ssize_t normal
    Py_ssize_t factor
    Py_ssize_t step
    Py_ssize_t rows
    Py_ssize_t targets

cdef struct Samples:    # what a search looks at
    Rows X
    Rows Y
    bint is_single          # X and Y have float32, for a network in float64
    bint is_copied          # X, and Y with it, are copied to rows of `real`, block by block
    real *room_for_Y        # (room, n_out)


cdef void back_from_output(
    const Net *net, Py_ssize_t n_samples, Py_ssize_t o, const Rows *Y,
) noexcept nogil:
    """delta of every layer = da_o/dz, after a forward pass; times sqrt(w_t) where Y has weights"""
    cdef const Layer *layer = &net.layers[net.n_layers - 1]
    cdef real *delta = block(net, layer, layer.delta)
    cdef Py_ssize_t t, k
    memset(delta, 0, n_samples * layer.width * sizeof(real))
    for t in range(n_samples):
        delta[t * layer.width + o] = 1
    if Y != NULL and Y.weights != NULL:
        for t in range(n_samples):
            delta[t * layer.width + o] = <real> sqrt(Y.weights[row_number(Y, t)])
    back_through_last(net, n_samples)
    for k in range(net.n_layers - 1, 0, -1):
        if net.layers[k].n_out == 1 and not net.joins:
            back_from_unit(net, k, n_samples)
        else:
            backward_layer(net, k, n_samples)


cdef void back_from_unit(const Net *net, Py_ssize_t k, Py_ssize_t n_samples) noexcept nogil:
    """backward_layer for a layer of one unit: delta_prev[t] = (delta_t w) f'(z_prev)"""
    cdef const Layer *layer = &net.layers[k]
    cdef const Layer *below = &net.layers[k - 1]
    cdef const real *delta = block(net, layer, layer.delta)
    cdef real *delta_prev = block(net, below, below.delta)
    cdef real *w = net.transposed[0]    # (below.width,)
    cdef Py_ssize_t i
    memset(w, 0, below.width * sizeof(real))
    for i in range(layer.n_in):
        w[i] = net.theta[layer.W + i * layer.width]
    if below.width == 4:
        outer(n_samples, 1, delta, layer.width, <const vec4 *> w, delta_prev, 4)
    elif below.width == 8:
        outer(n_samples, 1, delta, layer.width, <const vec8 *> w, delta_prev, 8)
    else:
        outer(n_samples, below.width // NATIVE, delta, layer.width, <const vec *> w, delta_prev,
              below.width)
    multiply_by_slope(below, n_samples, block(net, below, below.z), block(net, below, below.a),
                      delta_prev)


cdef inline void outer(
    Py_ssize_t n_rows, Py_ssize_t n, const real *x, Py_ssize_t x_step, const vector *y,
    real *out, Py_ssize_t out_step,     # out[r out_step:] = x[r x_step] y, n vectors of it
) noexcept nogil:
    cdef Py_ssize_t r, v
    for r in range(n_rows):
        for v in range(n):
            (<vector *> (out + r * out_step))[v] = x[r * x_step] * y[v]


cdef void write_rows(
    const Net *net, Py_ssize_t n_samples, const Rows *X, bint is_compact,
    real *J, Py_ssize_t J_row,      # (n_samples, n_parameters), or (.., n_theta) if not is_compact
) noexcept nogil:
    """J[t] = (a_prev delta^T, delta) of every layer; X is dense.

    Vectors may reach beyond the n_out values of a row of W (for one unit: beyond all n_in), with
    zeros or whatever the padding of a holds: what comes next is written later, and J_row leaves
    room behind the last. No column behind the error of least squares is ever read.
    """
    cdef const Layer *layer
    cdef const real *A
    cdef Py_ssize_t k, A_row
    for k in range(net.n_layers):
        layer = &net.layers[k]
        if k == 0:
            A, A_row = row_of(X, 0), X.row
        else:
            A = entering(net, k, &A_row)
        if not is_compact:
            write_layer(net, layer, n_samples, A, A_row, k > 0, J + layer.W, J_row, layer.width)
            continue
        write_layer(net, layer, n_samples, A, A_row, k > 0, J, J_row, layer.n_out)
        J += (layer.n_in + (layer.b >= 0)) * layer.n_out


cdef void write_layer(
    const Net *net, const Layer *layer, Py_ssize_t n_samples,
    const real *A, Py_ssize_t A_row, bint is_padded,    # whether A_row is a width of interface.py
    real *J, Py_ssize_t J_row, Py_ssize_t step,         # elements from one row of W to the next
) noexcept nogil:
    cdef const real *delta = block(net, layer, layer.delta)
    cdef Py_ssize_t t, width = layer.width, n_in = layer.n_in
    cdef Py_ssize_t n = (layer.n_out - 1) // NATIVE + 1     # vectors, where they are of full width
    cdef bint has_bias = layer.b >= 0
    cdef real one = 1
    if step == 1:
        for t in range(n_samples):
            if not is_padded:
                write_unit(n_in, A + t * A_row, delta[t * width], J + t * J_row)
            elif A_row == 4:
                outer(1, 1, delta + t * width, 0, <const vec4 *> (A + t * 4), J + t * J_row, 0)
            elif A_row == 8:
                outer(1, 1, delta + t * width, 0, <const vec8 *> (A + t * 8), J + t * J_row, 0)
            else:
                outer(1, (n_in - 1) // NATIVE + 1, delta + t * width, 0,
                      <const vec *> (A + t * A_row), J + t * J_row, 0)
            if has_bias:
                J[t * J_row + n_in] = delta[t * width]
        return
    for t in range(n_samples):
        if width == 4:
            outer(n_in, 1, A + t * A_row, 1, <const vec4 *> (delta + t * 4), J + t * J_row, step)
        elif width == 8:
            outer(n_in, 1, A + t * A_row, 1, <const vec8 *> (delta + t * 8), J + t * J_row, step)
        else:
            outer(n_in, n, A + t * A_row, 1, <const vec *> (delta + t * width), J + t * J_row,
                  step)
        if has_bias and width == 4:
            outer(1, 1, &one, 0, <const vec4 *> (delta + t * 4), J + t * J_row + n_in * step, 0)
        elif has_bias and width == 8:
            outer(1, 1, &one, 0, <const vec8 *> (delta + t * 8), J + t * J_row + n_in * step, 0)
        elif has_bias:
            outer(1, n, &one, 0, <const vec *> (delta + t * width), J + t * J_row + n_in * step, 0)


cdef inline void write_unit(
    Py_ssize_t n_in, const real *a, real delta, real *row,
) noexcept nogil:
    """row = delta a, (n_in,)"""
    cdef Py_ssize_t i = 0
    while i + NATIVE <= n_in:
        (<vec *> (row + i))[0] = delta * (<const vec *> (a + i))[0]
        i += NATIVE
    while i < n_in:
        row[i] = delta * a[i]
        i += 1


def jacobian(plan, theta, X, out, work):
    """out[t, o] = da_o/dtheta of sample t."""
    cdef Net net
    cdef Rows x, dense
    cdef real *J = <real *> data(out, True, NULL)
    cdef Py_ssize_t n_samples = len(X), n_theta = plan.n_theta, n, t, o, n_out, n_in
    cdef Environment before
    bind(&net, plan, theta, False, work, 0)
    bind_rows(&x, X, None)
    n_in, n_out = net.layers[0].n_in, net.layers[net.n_layers - 1].n_out
    dense = x
    with nogil:
        before = enter(NEAREST)
        memset(J, 0, n_samples * n_out * n_theta * sizeof(real))
        while x.first < n_samples:
            n = min(net.batch_size, n_samples - x.first)
            dense.first = x.first
            if x.dense == NULL:
                for t in range(n):
                    spread(&x, t, n_in, net.gathered + t * round_up(n_in))
                dense.dense, dense.row, dense.first = net.gathered, round_up(n_in), 0
            forward_batch(&net, n, &dense)
            outputs(&net, n, NULL, NULL)
            for o in range(n_out):
                back_from_output(&net, n, o, NULL)
                write_rows(&net, n, &dense, False, J + (x.first * n_out + o) * n_theta,
                           n_out * n_theta)
            x.first += n
        leave(NEAREST, before)


cdef void add_normal(
    Py_ssize_t n_samples, Py_ssize_t n_parameters, Py_ssize_t width, bint is_first,
    const real *rows, Py_ssize_t J_row,     # (n_samples, width)        read: (J, e)
    real *normal,           # (n_parameters, width)     += J^T (J, e), the upper triangle
) noexcept nogil:
    cdef Product p
    cdef Py_ssize_t r = 0, column, height = TILE_ROWS, lanes = TILE_VECTORS * NATIVE
    if width <= 64:             # lower strips, closer to the triangle
        height, lanes = min(TILE_ROWS, <Py_ssize_t> 8), NATIVE
    memset(&p, 0, sizeof(Product))
    p.n_k, p.A_row, p.A_k, p.B_k, p.C_row, p.start_row = n_samples, 1, J_row, J_row, width, width
    while r < n_parameters:     # a tile high, from the vectors with the diagonal on
        column = r // lanes * lanes
        p.n_rows, p.width = min(height, n_parameters - r), width - column
        p.A, p.B, p.C = rows + r, rows + column, normal + r * width + column
        p.start = NULL if is_first else p.C
        product(STORE, &p)
        r += height


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


cdef void take_samples(
    const Net *net, const Samples *samples, Py_ssize_t first, Py_ssize_t n, bint are_there,
    Rows *X, Rows *Y,
) noexcept nogil:
    """Samples first..first+n-1, in dense rows of `real`; copied, unless `are_there` already."""
    cdef Py_ssize_t n_in = net.layers[0].n_in, row = round_up(n_in), t
    cdef Py_ssize_t n_out = net.layers[net.n_layers - 1].n_out
    X[0], Y[0] = samples.X, samples.Y
    X.first = Y.first = first
    if not samples.is_copied:
        return
    for t in range(0 if are_there else n):
        if samples.is_single:
            widen(X, t, n_in, net.gathered + t * row)
            widen(Y, t, n_out, samples.room_for_Y + t * n_out)
        else:
            spread(X, t, n_in, net.gathered + t * row)
    X.dense, X.row, X.first = net.gathered, row, 0
    if samples.is_single:   # the weights are those of the rows from `first` on
        Y.dense, Y.row, Y.first = samples.room_for_Y, n_out, 0
        if Y.weights != NULL:
            Y.weights += first


cdef void widen(const Rows *rows, Py_ssize_t t, Py_ssize_t n_columns, real *out) noexcept nogil:
    """`spread` for rows that hold float32, whatever `real` is."""
    cdef const float *values = <const float *> (
        rows.values if rows.dense == NULL else rows.dense)
    cdef Py_ssize_t k, number = row_number(rows, t)
    if rows.dense != NULL:
        values += number * rows.row
        for k in range(n_columns):
            out[k] = <real> values[k]
        return
    memset(out, 0, n_columns * sizeof(real))
    for k in range(rows.starts[number], rows.starts[number + 1]):
        out[rows.columns[k]] = <real> values[k]


cdef void pass_on(
    Net *net, Search *search, const Samples *samples, real *theta, Py_ssize_t n, bint gives_up,
) noexcept nogil:
    """Forward through the next n samples at theta; total += their losses.

    gives_up: not through all of them, if total is that of no lower loss already.
    """
    cdef Rows X, Y
    cdef Py_ssize_t now, done = 0
    # all samples fit: what was copied first is still there
    cdef bint are_there = net.batch_size >= search.n_samples and search.phase != STARTING
    take_samples(net, samples, search.first, n, are_there, &X, &Y)
    net.theta = theta
    while done < n:         # a part that stays in the cache
        now = min(<Py_ssize_t> PART, n - done)
        net.first = done
        forward_batch(net, now, &X)
        outputs(net, now, NULL, NULL)
        search.total += half_squares(net, now, &Y)
        done += now
        X.first += now
        Y.first += now
        if gives_up and not search.total < search.loss:
            return


cdef double half_squares(const Net *net, Py_ssize_t n_samples, const Rows *Y) noexcept nogil:
    """1/2 sum over the samples of w_t |a - y|^2"""
    cdef const Layer *layer = &net.layers[net.n_layers - 1]
    cdef const real *a = block(net, layer, layer.a)
    cdef const real *y
    cdef double sums[4]
    cdef double error, total
    cdef Py_ssize_t t, o
    for t in range(4):      # four sums, so that none waits for the one before
        sums[t] = 0
    if layer.n_out == 1 and Y.weights == NULL:
        y = row_of(Y, 0)
        for t in range(n_samples):
            error = a[t * layer.width] - y[t * Y.row]
            sums[t % 4] += error * error
        n_samples = 0
    for t in range(n_samples):
        y, total = row_of(Y, t), 0
        for o in range(layer.n_out):
            error = a[t * layer.width + o] - y[o]
            total += error * error
        if Y.weights != NULL:
            error = Y.weights[row_number(Y, t)]
            total = error * total if error > 0 else 0
        sums[t % 4] += total
    return ((sums[0] + sums[2]) + (sums[1] + sums[3])) / 2


cdef void multiply_block(
    Net *net, const Search *search, const Samples *samples, Py_ssize_t n, real *buffer,
) noexcept nogil:
    """normal += J^T (J, e) for the next n samples, which have passed forward."""
    cdef Rows X, Y
    cdef const Layer *last = &net.layers[net.n_layers - 1]
    cdef const real *a
    cdef real *rows = buffer + search.rows
    cdef real *error
    cdef Py_ssize_t first = 0, now, t, o
    take_samples(net, samples, search.first, n, True, &X, &Y)
    while first < n:
        now = min(search.n_rows, n - first)
        net.first = first
        a = block(net, last, last.a)
        for o in range(last.n_out):
            back_from_output(net, now, o, &Y)
            write_rows(net, now, &X, True, rows, search.J_row)
            error = rows + search.n_parameters
            for t in range(now):
                error[t * search.J_row] = a[t * last.width + o] - row_of(&Y, t)[o]
            if Y.weights != NULL:
                weigh_rows(now, search, &Y, rows)
            add_normal(now, search.n_parameters, search.width,
                       search.first + first + o == 0, rows, search.J_row,
                       buffer + search.normal)
        first += now
        X.first += now
        Y.first += now
    net.first = 0


cdef void weigh_rows(
    Py_ssize_t n_samples, const Search *search, const Rows *Y, real *rows,
) noexcept nogil:
    """e times sqrt(w_t), as J has it already; samples of weight 0 leave no trace."""
    cdef Py_ssize_t t
    cdef double weight
    for t in range(n_samples):
        weight = Y.weights[row_number(Y, t)]
        rows[search.n_parameters] *= <real> sqrt(weight)
        if weight == 0:     # z and a may be infinite
            memset(rows, 0, search.width * sizeof(real))
        rows += search.J_row


cdef void try_step(
    const Net *net, const real *theta, Py_ssize_t n_theta, const real *step, real *trial,
) noexcept nogil:
    """trial = theta - step, which has no padding"""
    cdef const Layer *layer
    cdef Py_ssize_t k, i, o
    cdef real *w
    memcpy(trial, theta, n_theta * sizeof(real))
    for k in range(net.n_layers):
        layer = &net.layers[k]
        for i in range(layer.n_in + (layer.b >= 0)):    # b is the row behind W
            w = trial + layer.W + i * layer.width
            for o in range(layer.n_out):
                w[o] -= step[o]
            step += layer.n_out


cdef double norm_of_gradient(const Search *search, const real *normal) noexcept nogil:
    """|J^T e| / n, which is |dC/dtheta|"""
    cdef Py_ssize_t j
    cdef double total = 0, g
    for j in range(search.n_parameters):
        g = normal[j * search.width + search.n_parameters] / search.sum_of_weights
        total += g * g
    return sqrt(total)


cdef Py_ssize_t descend_squares(
    Net *net, Search *search, const Samples *samples, real *theta, Py_ssize_t n_theta,
    real *buffer, double *losses, Py_ssize_t n_losses, Py_ssize_t n_blocks,
) noexcept nogil:
    """Up to n_losses accepted steps, or n_blocks blocks of samples; the number of those steps."""
    cdef Py_ssize_t n, found = 0
    cdef bint fits = net.batch_size >= search.n_samples
    cdef real *trial = buffer + search.trial
    cdef real *step = buffer + search.step
    cdef bint fails
    while search.reason == GOING and found < n_losses and n_blocks > 0:
        n = min(net.batch_size, search.n_samples - search.first)
        n_blocks -= 1
        if search.phase == STARTING:
            pass_on(net, search, samples, theta, n, False)
            search.first += n
            if search.first == search.n_samples:
                search.loss = search.total
                if not isfinite(search.loss):
                    search.reason = NOT_FINITE
                enter_phase(search, MULTIPLYING)
        elif search.phase == MULTIPLYING:
            if not fits:    # else z and a are those of the step that was accepted
                pass_on(net, search, samples, theta, n, False)
            multiply_block(net, search, samples, n, buffer)
            search.first += n
            if search.first == search.n_samples:
                search.gradient = norm_of_gradient(search, buffer + search.normal)
                if search.gradient < search.min_gradient:
                    search.reason = FLAT
                enter_phase(search, TRYING)
        elif search.phase == TRYING:
            search.n_tries += 1
            if solve(search.n_parameters, search.width, buffer + search.normal,
                     search.sum_of_weights, search.mu, buffer + search.factor, step):
                try_step(net, theta, n_theta, step, trial)
                enter_phase(search, EVALUATING)
            else:
                reject(search)
        else:
            pass_on(net, search, samples, trial, n, True)
            search.first += n
            fails = not search.total < search.loss      # also where it is nan
            if fails:
                reject(search)
            elif search.first == search.n_samples:
                memcpy(theta, trial, n_theta * sizeof(real))
                search.loss = search.total
                search.mu = max(search.decrease * search.mu, 1e-20)
                losses[found] = search.loss / search.sum_of_weights
                if losses[found] <= search.target:
                    search.reason = REACHED
                found += 1
                enter_phase(search, MULTIPLYING)
    return found


cdef void enter_phase(Search *search, Py_ssize_t phase) noexcept nogil:
    search.phase, search.first, search.total = phase, 0, 0


cdef void reject(Search *search) noexcept nogil:
    """A shorter step, nearer to the negative gradient."""
    search.mu *= search.increase
    if search.mu > search.max_mu:
        search.reason = STUCK
    enter_phase(search, TRYING)


def levenberg_marquardt(plan, theta, X, Y, search, losses, Py_ssize_t n_blocks, weights=None):
    """Steps until `losses` is full, n_blocks blocks were looked at, or search.reason says why."""
    cdef Net net
    cdef Samples samples
    cdef Search *record = <Search *> data(search.record, True, NULL)
    cdef real *buffer = <real *> data(search.buffer, True, NULL)
    cdef double *out = <double *> data(losses, True, NULL)
    cdef Py_ssize_t n_theta = plan.n_theta, n_losses = len(losses), found
    cdef Environment before
    memset(&samples, 0, sizeof(Samples))
    bind(&net, plan, theta, True, search, 0)
    bind_rows(&samples.X, X, None)
    bind_targets(&samples.Y, Y, None, weights)
    samples.is_single = Y.dtype.itemsize < REAL_BYTES
    samples.is_copied = samples.is_single or samples.X.dense == NULL
    samples.room_for_Y = buffer + record.targets
    cdef real *at = net.theta
    with nogil:
        before = enter(NEAREST)
        found = descend_squares(&net, record, &samples, at, n_theta, buffer, out, n_losses,
                                n_blocks)
        leave(NEAREST, before)
    return found
