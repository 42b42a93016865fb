# Rows of the Jacobian J = da/dtheta of single samples, in the layout of theta.

cdef void back_from_output(
    const Net *net, Py_ssize_t n_samples, Py_ssize_t o,
) noexcept nogil:
    """delta of every layer = da_o/dz, after a forward pass"""
    cdef const Layer *layer = &net.layers[net.n_layers - 1]
    cdef real *delta = block(net, layer, layer.delta)
    cdef Py_ssize_t t, k
    memset(delta, 0, n_samples * layer.width * sizeof(real))
    for t in range(n_samples):
        delta[t * layer.width + o] = 1
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
    const Net *net, Py_ssize_t n_samples, const Rows *X,
    real *J, Py_ssize_t J_row,      # (n_samples, n_theta)
) noexcept nogil:
    """J[t] = (a_prev delta^T, delta) of every layer; X is dense."""
    cdef const Layer *layer
    cdef const real *A
    cdef Py_ssize_t k, A_row
    for k in range(net.n_layers):
        layer = &net.layers[k]
        if k == 0:
            A, A_row = row_of(X, 0), X.row
        else:
            A = entering(net, k, &A_row)
        write_layer(net, layer, n_samples, A, A_row, J + layer.W, J_row)


cdef void write_layer(
    const Net *net, const Layer *layer, Py_ssize_t n_samples,
    const real *A, Py_ssize_t A_row, real *J, Py_ssize_t J_row,
) noexcept nogil:
    cdef const real *delta = block(net, layer, layer.delta)
    cdef Py_ssize_t t, width = layer.width, n_in = layer.n_in
    cdef Py_ssize_t n = (layer.n_out - 1) // NATIVE + 1     # vectors, where they are of full width
    cdef bint has_bias = layer.b >= 0
    cdef real one = 1
    for t in range(n_samples):
        if width == 4:
            outer(n_in, 1, A + t * A_row, 1, <const vec4 *> (delta + t * 4), J + t * J_row, 4)
        elif width == 8:
            outer(n_in, 1, A + t * A_row, 1, <const vec8 *> (delta + t * 8), J + t * J_row, 8)
        else:
            outer(n_in, n, A + t * A_row, 1, <const vec *> (delta + t * width), J + t * J_row,
                  width)
        if has_bias and width == 4:
            outer(1, 1, &one, 0, <const vec4 *> (delta + t * 4), J + t * J_row + n_in * 4, 0)
        elif has_bias and width == 8:
            outer(1, 1, &one, 0, <const vec8 *> (delta + t * 8), J + t * J_row + n_in * 8, 0)
        elif has_bias:
            outer(1, n, &one, 0, <const vec *> (delta + t * width), J + t * J_row + n_in * width,
                  0)


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
                back_from_output(&net, n, o)
                write_rows(&net, n, &dense, J + (x.first * n_out + o) * n_theta,
                           n_out * n_theta)
            x.first += n
        leave(NEAREST, before)
