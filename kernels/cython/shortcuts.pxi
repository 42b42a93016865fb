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


cdef inline Py_ssize_t units_of(const Net *net, Py_ssize_t s) noexcept nogil:
    """Units of layer s, 0 for the inputs."""
    return net.layers[0].n_in if s == 0 else net.layers[s - 1].n_out


cdef inline bint enters(const Net *net, Py_ssize_t s, Py_ssize_t k) noexcept nogil:
    """Whether a shortcut leads from layer s, 0 for the inputs, to net.layers[k]."""
    return net.layers[k].shortcuts >> s & 1


cdef Py_ssize_t column_of(const Net *net, Py_ssize_t s, Py_ssize_t k) noexcept nogil:
    """The first column of layer s among what enters net.layers[k]."""
    cdef Py_ssize_t i, column = net.layers[k - 1].n_out
    for i in range(s):
        if enters(net, i, k):
            column += units_of(net, i)
    return column


cdef void keep_inputs(const Net *net, Py_ssize_t n_samples, const Rows *X) noexcept nogil:
    """Copy the inputs, with their zeros, for shortcuts that start there."""
    cdef Py_ssize_t t, n_in = net.layers[0].n_in
    cdef real *inputs = rows_of_inputs(net)
    for t in range(n_samples if net.inputs_at >= 0 else 0):
        spread(X, t, n_in, inputs + t * round_up(n_in))


cdef void join(const Net *net, Py_ssize_t k, Py_ssize_t n_samples) noexcept nogil:
    """Copy what enters layer k side by side."""
    cdef const Layer *layer = &net.layers[k]
    cdef const Layer *source = layer - 1
    cdef real *joined = rows_of_joined(net, layer, layer.joined)
    cdef Py_ssize_t s
    copy_columns(n_samples, source.n_out, block(net, source, left_by(net, source)), source.width,
                 joined, layer.joined_row)
    if enters(net, 0, k):
        copy_columns(n_samples, units_of(net, 0), rows_of_inputs(net), round_up(units_of(net, 0)),
                     joined + column_of(net, 0, k), layer.joined_row)
    for s in range(1, k):
        if enters(net, s, k):
            source = &net.layers[s - 1]
            copy_columns(n_samples, source.n_out, block(net, source, left_by(net, source)),
                         source.width, joined + column_of(net, s, k), layer.joined_row)


cdef void add_returned(
    const Net *net, Py_ssize_t s, Py_ssize_t n_samples, real *dC_da, Py_ssize_t row,
) noexcept nogil:
    """dC/da += what returned to layer s (0: the inputs) from all layers that it enters directly."""
    cdef const Layer *layer
    cdef const real *returned
    cdef Py_ssize_t k, t, i
    for k in range(s + 1, net.n_layers):
        if not enters(net, s, k):
            continue
        layer = &net.layers[k]
        returned = rows_of_joined(net, layer, layer.returned) + column_of(net, s, k)
        for t in range(n_samples):
            for i in range(units_of(net, s)):
                dC_da[t * row + i] += returned[t * layer.joined_row + i]
