# Outputs of several kinds on one trunk: each head takes some columns of z of the last layer and is
# an output layer of its own, with a block of its own for z, a and delta.

cdef inline Net net_of_head(const Net *net, const Head *head) noexcept nogil:
    """A net whose last layer is the head."""
    cdef Net own = net[0]
    own.layers, own.n_layers, own.heads = &head.layer, 1, NULL
    own.loss, own.loss_parameter = head.loss, <real> head.loss_parameter
    return own


cdef void copy_columns(
    Py_ssize_t n_samples, Py_ssize_t n, const real *A, Py_ssize_t A_row, real *C, Py_ssize_t C_row,
) noexcept nogil:
    """The first n columns of A into C."""
    cdef Py_ssize_t t
    for t in range(n_samples):
        memcpy(C + t * C_row, A + t * A_row, n * sizeof(real))


cdef void take_columns(
    Py_ssize_t n_samples, Py_ssize_t n, const real *all_heads, Py_ssize_t row, real *own,
    Py_ssize_t own_row,
) noexcept nogil:
    """n columns of all heads, (n_samples, row), into the block of one, padded with 0."""
    cdef Py_ssize_t t
    copy_columns(n_samples, n, all_heads, row, own, own_row)
    for t in range(n_samples):
        memset(own + t * own_row + n, 0, (own_row - n) * sizeof(real))


cdef void give_columns(
    Py_ssize_t n_samples, Py_ssize_t n, const real *own, Py_ssize_t own_row, real factor,
    real *all_heads, Py_ssize_t row,
) noexcept nogil:
    """The other way round, times factor."""
    cdef Py_ssize_t t, j
    for t in range(n_samples):
        for j in range(n):
            all_heads[t * row + j] = factor * own[t * own_row + j]


cdef double outputs_of_heads(
    const Net *net, Py_ssize_t n_samples, const Rows *Y, double *costs,
) noexcept nogil:
    """`outputs` of the heads: C_t = sum of weight C_t of the head."""
    cdef const Layer *layer = &net.layers[net.n_layers - 1]
    cdef const Layer *own_layer
    cdef const Head *head
    cdef Net own
    cdef Rows y
    cdef const Rows *targets = NULL
    cdef double *of_head = net.costs + net.batch_size + net.first
    cdef double total = 0
    cdef Py_ssize_t k, t
    if Y != NULL:
        targets = &y
        for t in range(n_samples):
            costs[t] = 0
        memset(block(net, layer, layer.delta), 0, n_samples * layer.width * sizeof(real))
    for k in range(net.n_heads):
        head = &net.heads[k]
        own, own_layer = net_of_head(net, head), &head.layer
        if Y != NULL:
            y = Y[0]
            y.dense, y.weights = y.dense + head.first_target, NULL
        take_columns(n_samples, own_layer.n_out, block(net, layer, layer.z) + head.first,
                     layer.width, block(&own, own_layer, own_layer.z), own_layer.width)
        if head.loss == GAUSSIAN:
            gaussian_outputs(&own, n_samples, targets, of_head)
        else:
            outputs(&own, n_samples, targets, of_head)
        give_columns(n_samples, own_layer.n_out, block(&own, own_layer, own_layer.a),
                     own_layer.width, 1, block(net, layer, layer.a) + head.first, layer.width)
        if Y != NULL:
            give_columns(n_samples, own_layer.n_out, block(&own, own_layer, own_layer.delta),
                         own_layer.width, <real> head.weight,
                         block(net, layer, layer.delta) + head.first, layer.width)
            for t in range(n_samples):
                costs[t] += head.weight * of_head[t]
    if Y == NULL:
        return 0
    if Y.weights != NULL:
        return weigh(net, n_samples, Y, costs)
    for t in range(n_samples):
        total += costs[t]
    return total


cdef void gaussian_outputs(
    const Net *net, Py_ssize_t n_samples, const Rows *Y, double *costs,
) noexcept nogil:
    """`outputs` with n means m = z_j and n variances v = exp(z_(n + j)); Nix & Weigend (1994).

    C = 1/2 (log v + (y - m)^2 / v), dC/dz_j = (m - y) / v, dC/dz_(n + j) = 1/2 (1 - (y - m)^2 / v)
    """
    cdef const Layer *layer = net.layers
    cdef Py_ssize_t t, j, n = layer.n_out // 2
    cdef real *z = block(net, layer, layer.z)
    cdef real *a = block(net, layer, layer.a)
    cdef real *delta = block(net, layer, layer.delta)
    cdef const real *y
    cdef double off, precision
    for t in range(n_samples):
        for j in range(n):
            a[j], a[n + j] = z[j], <real> exp(<double> z[n + j])
        if Y != NULL:
            y, costs[t] = row_of(Y, t), 0
            for j in range(n):
                off, precision = <double> z[j] - y[j], exp(-<double> z[n + j])
                costs[t] += 0.5 * (z[n + j] + off * off * precision)
                delta[j] = <real> (off * precision)
                delta[n + j] = <real> (0.5 - 0.5 * off * off * precision)
        z, a, delta = z + layer.width, a + layer.width, delta + layer.width


cdef void back_through_last(const Net *net, Py_ssize_t n_samples) noexcept nogil:
    """delta of the last layer: dC/da in, dC/dz out; after `outputs`."""
    cdef const Layer *layer = &net.layers[net.n_layers - 1]
    cdef real *delta = block(net, layer, layer.delta)
    cdef const Layer *own_layer
    cdef const Head *head
    cdef Net own
    cdef real *of_head
    cdef real *a
    cdef Py_ssize_t k, t, j, n
    if net.heads == NULL:
        back_through_outputs(layer, n_samples, block(net, layer, layer.z),
                             block(net, layer, layer.a), delta)
        return
    for k in range(net.n_heads):
        head = &net.heads[k]
        own, own_layer = net_of_head(net, head), &head.layer
        of_head, a = block(&own, own_layer, own_layer.delta), block(&own, own_layer, own_layer.a)
        take_columns(n_samples, own_layer.n_out, delta + head.first, layer.width, of_head,
                     own_layer.width)
        if head.loss == GAUSSIAN:   # da/dz of a variance is the variance
            n = own_layer.n_out // 2
            for t in range(n_samples):
                for j in range(n, 2 * n):
                    of_head[t * own_layer.width + j] *= a[t * own_layer.width + j]
        else:
            back_through_outputs(own_layer, n_samples, block(&own, own_layer, own_layer.z), a,
                                 of_head)
        give_columns(n_samples, own_layer.n_out, of_head, own_layer.width, 1, delta + head.first,
                     layer.width)
