# Shortcuts: layers that the activations of earlier layers enter, beside those of the layer before.
# They are copied side by side, in training without what dropout has taken, and are then as good as
# the units of one layer. What comes back for them waits until the delta of their layer is due.

cdef inline real *rows_of_joined(
    const Net *net, const Layer *layer, Py_ssize_t offset,
) noexcept nogil:
    """`joined` or `returned` of a layer, (batch_size, joined_row), from sample `first` on."""
    return net.work + net.batch_size * offset + net.first * layer.joined_row


cdef inline real *rows_of_inputs(const Net *net) noexcept nogil:
    """(batch_size, round_up(n_in)), from sample `first` on."""
    return net.work + net.batch_size * net.inputs_at \
        + net.first * round_up(net.layers[0].n_in)


cdef inline const real *entering(const Net *net, Py_ssize_t k, Py_ssize_t *row) noexcept nogil:
    """What enters layer k > 0, (n_samples, n_in); row: from one sample to the next."""
    cdef const Layer *layer = &net.layers[k]
    cdef const Layer *below = &net.layers[k - 1]
    if layer.shortcuts:
        row[0] = layer.joined_row
        return rows_of_joined(net, layer, layer.joined)
    row[0] = below.width
    return block(net, below, left_by(net, below))


cdef void keep_inputs(const Net *net, Py_ssize_t n_samples, const Rows *X) noexcept nogil:
    """Copy the inputs, with their zeros, for shortcuts that start there."""
    cdef Py_ssize_t t, n_in = net.layers[0].n_in
    cdef real *inputs = rows_of_inputs(net)
    for t in range(n_samples if net.inputs_at >= 0 else 0):
        spread(X, t, n_in, inputs + t * round_up(n_in))


cdef void join(const Net *net, Py_ssize_t k, Py_ssize_t n_samples) noexcept nogil:
    """Copy what enters layer k side by side."""
    cdef const Layer *layer = &net.layers[k]
    cdef const Layer *of_source
    cdef Py_ssize_t s, at = net.layers[k - 1].n_out, n_in = net.layers[0].n_in
    copy_side_by_side(net, layer, n_samples, block(net, layer - 1, left_by(net, layer - 1)),
                      net.layers[k - 1].width, 0, at)
    for s in range(k):
        if not layer.shortcuts >> s & 1:
            continue
        if s == 0:
            copy_side_by_side(net, layer, n_samples, rows_of_inputs(net), round_up(n_in), at, n_in)
            at += n_in
        else:
            of_source = &net.layers[s - 1]
            copy_side_by_side(net, layer, n_samples, block(net, of_source, left_by(net, of_source)),
                              of_source.width, at, of_source.n_out)
            at += of_source.n_out


cdef void copy_side_by_side(
    const Net *net, const Layer *layer, Py_ssize_t n_samples, const real *A, Py_ssize_t A_row,
    Py_ssize_t first, Py_ssize_t n,
) noexcept nogil:
    """n columns of A into `joined` of the layer, from column `first` on."""
    cdef real *joined = rows_of_joined(net, layer, layer.joined)
    cdef Py_ssize_t t
    for t in range(n_samples):
        memcpy(joined + t * layer.joined_row + first, A + t * A_row, n * sizeof(real))


cdef void give_back(const Net *net, Py_ssize_t k, Py_ssize_t n_samples, real *dC_da) noexcept nogil:
    """From W delta^T of layer k, turned: dC/da of the layer before, and what returns to others."""
    cdef const Layer *layer = &net.layers[k]
    cdef const Layer *below = &net.layers[k - 1]
    cdef real *returned = rows_of_joined(net, layer, layer.returned)
    transpose(layer.n_in, n_samples, layer.joined_row, net.transposed[1] + net.first,
              round_up(net.batch_size), returned, layer.joined_row)
    take_columns(n_samples, below.n_out, returned, layer.joined_row, dC_da, below.width)


cdef void add_returned(
    const Net *net, Py_ssize_t s, Py_ssize_t n_samples, real *dC_da, Py_ssize_t row,
) noexcept nogil:
    """dC/da += what returned to layer s (0: the inputs) from all layers that it enters directly."""
    cdef const Layer *layer
    cdef const real *returned
    cdef Py_ssize_t k, t, i, at, n = net.layers[0].n_in if s == 0 else net.layers[s - 1].n_out
    for k in range(s + 1, net.n_layers):
        layer = &net.layers[k]
        if not layer.shortcuts >> s & 1:
            continue
        at = net.layers[k - 1].n_out
        for i in range(s):
            if layer.shortcuts >> i & 1:
                at += net.layers[0].n_in if i == 0 else net.layers[i - 1].n_out
        returned = rows_of_joined(net, layer, layer.returned) + at
        for t in range(n_samples):
            for i in range(n):
                dC_da[t * row + i] += returned[t * layer.joined_row + i]
