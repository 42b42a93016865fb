# One step of the whole network on a mini-batch: the weights move along the mean gradient.

cdef inline Py_ssize_t purpose_of(const Net *net, Py_ssize_t k) noexcept nogil:
    """ACTIVATE where a product gives a of layer k at once: a hidden one of ReLU; else STORE."""
    if k < net.n_layers - 1 and net.layers[k].activation == RELU:
        return ACTIVATE
    return STORE


cdef void sum_inputs_of_batch(
    const Net *net, Py_ssize_t n_samples, const Rows *X, Py_ssize_t purpose,
) noexcept nogil:
    """z of the first layer, or a with ACTIVATE if X is dense, whose rows are in sequence then.

    In sequence: order is NULL.
    """
    cdef const Layer *layer = &net.layers[0]
    cdef real *Z = block(net, layer, layer.z)
    keep_inputs(net, n_samples, X)
    if X.dense != NULL:
        multiply_to(purpose, net, n_samples, layer.width, layer.n_in, row_of(X, 0), X.row,
                    net.theta + layer.W, layer.width, Z, layer.width, bias_of(net, layer))
    else:
        sum_sparse(net, n_samples, X)


cdef void forward_batch_above(
    const Net *net, Py_ssize_t n_samples, bint is_active,
) noexcept nogil:
    """From z of the first layer, or a if `is_active`, to z of the last."""
    cdef const Layer *layer
    cdef const Layer *below
    cdef Py_ssize_t k
    for k in range(1, net.n_layers):
        below, layer = &net.layers[k - 1], &net.layers[k]
        if is_active:
            drop_units(net, k - 1, n_samples)
        else:
            activate_and_drop(net, k - 1, n_samples)
        is_active = sum_layer_to(purpose_of(net, k), net, below, layer, n_samples)


cdef void sum_layer(
    const Net *net, const Layer *below, const Layer *layer, Py_ssize_t n_samples,
) noexcept nogil:
    """z = W a_prev + b"""
    sum_layer_to(STORE, net, below, layer, n_samples)


cdef bint sum_layer_to(
    Py_ssize_t purpose, const Net *net, const Layer *below, const Layer *layer,
    Py_ssize_t n_samples,
) noexcept nogil:
    """The same, or a = ReLU(z) with ACTIVATE; whether it has."""
    cdef Py_ssize_t row
    cdef const real *A
    if layer.shortcuts:
        join(net, layer - net.layers, n_samples)
    elif layer.n_out == 1 and below.width % (LINE_VECTORS * NATIVE) == 0:
        sum_for_one_unit(net, below, layer, n_samples)
        return False
    A = entering(net, layer - net.layers, &row)
    multiply_to(purpose, net, n_samples, layer.width, layer.n_in, A, row, net.theta + layer.W,
                layer.width, block(net, layer, layer.z), layer.width, bias_of(net, layer))
    return purpose == ACTIVATE


cdef void sum_for_one_unit(
    const Net *net, const Layer *below, const Layer *layer, Py_ssize_t n_samples,
) noexcept nogil:
    """z = w . a_prev + b, four samples at once; a tile would waste three of its four lanes."""
    cdef const real *A = block(net, below, left_by(net, below))
    cdef real *z = block(net, layer, layer.z)
    cdef real *w = block(net, below, below.delta)   # (below.width,)  delta is not needed yet
    cdef real b = 0 if layer.b < 0 else net.theta[layer.b]
    cdef const vec *a[4]
    cdef vec sums[4][4]     # of four samples, in LINE_VECTORS parts each
    cdef vec4 totals
    cdef Py_ssize_t t, k, r, c
    memset(w, 0, below.width * sizeof(real))        # 0 where a_prev has padding
    for k in range(layer.n_in):
        w[k] = net.theta[layer.W + k * layer.width]
    memset(z, 0, n_samples * layer.width * sizeof(real))
    for t in range(0, n_samples, 4):
        for r in range(4):
            a[r] = <const vec *> (A + min(t + r, n_samples - 1) * below.width)
            for c in range(LINE_VECTORS):
                fill(&sums[r][c], 0)
        k = 0
        while k < below.width // NATIVE:
            for c in range(LINE_VECTORS):
                for r in range(4):
                    sums[r][c] = with_product(sums[r][c], a[r][k + c], (<const vec *> w)[k + c])
            k += LINE_VECTORS
        totals = row_totals(line_fold(sums[0]), line_fold(sums[1]), line_fold(sums[2]),
                            line_fold(sums[3]))
        for r in range(min(n_samples - t, 4)):
            z[(t + r) * layer.width] = (<const real *> &totals)[r] + b


cdef void forward_batch(const Net *net, Py_ssize_t n_samples, const Rows *X) noexcept nogil:
    """z of every layer, a of the hidden ones."""
    cdef Py_ssize_t purpose = purpose_of(net, 0)
    sum_inputs_of_batch(net, n_samples, X, purpose)
    forward_batch_above(net, n_samples, purpose == ACTIVATE and X.dense != NULL)


cdef void backward_layer(const Net *net, Py_ssize_t k, Py_ssize_t n_samples) noexcept nogil:
    """delta of layer k - 1 from that of layer k: delta_prev = (delta W) f'(z_prev)."""
    cdef const Layer *layer = &net.layers[k]
    cdef const Layer *below = &net.layers[k - 1]
    cdef const real *a = block(net, below, below.a)
    cdef real *delta_prev = block(net, below, below.delta)
    cdef real *returned = delta_prev
    cdef Py_ssize_t row = below.width
    # whether slopes can be multiplied as the sums are stored
    cdef bint at_once = below.activation == RELU and not net.joins \
        and not (net.trains and below.dropout > 0)
    if layer.shortcuts:
        returned, row = rows_of_joined(net, layer, layer.returned), layer.joined_row
    # dC/da_prev = delta W, or its transpose = W delta^T, with W as stored, (n_in, width): what is
    # smaller is transposed, W or the two deltas. Each sum has the same order either way.
    if (net.parts != NULL
            and layer.n_in * layer.n_out <= n_samples * (layer.n_in + layer.n_out)):
        multiply_turned(net, layer, n_samples, row, returned, a if at_once else NULL)
    else:
        at_once = False
        multiply_deltas(net, layer, n_samples)
        transpose(layer.n_in, n_samples, row, net.transposed[1] + net.first,
                  round_up(net.batch_size), returned, row)
    if layer.shortcuts:
        take_columns(n_samples, below.n_out, returned, row, delta_prev, below.width)
    if net.joins:
        add_returned(net, k, n_samples, delta_prev, below.width)
    if net.trains and below.dropout > 0:
        drop(net, k - 1, below.dropout, n_samples, below.n_out, below.width, delta_prev)
    if not at_once:
        multiply_by_slope(below, n_samples, block(net, below, below.z), a, delta_prev)


cdef void multiply_deltas(
    const Net *net, const Layer *layer, Py_ssize_t n_samples,
) noexcept nogil:
    """dC/da_prev^T = W delta^T into transposed[1]; delta^T into transposed[0]"""
    cdef Py_ssize_t stride = round_up(net.batch_size), padded = padded_width(n_samples)
    cdef real *turned = net.transposed[0] + net.first
    transpose(n_samples, layer.n_out, padded, block(net, layer, layer.delta), layer.width,
              turned, stride)
    multiply(net, layer.n_in, padded, layer.n_out, net.theta + layer.W, layer.width,
             turned, stride, net.transposed[1] + net.first, stride, NULL)


cdef void take_slopes(const Net *net, Py_ssize_t n_samples, const Rows *dC_da) noexcept nogil:
    """delta of the last layer from dC/da, after a forward pass."""
    cdef const Layer *layer = &net.layers[net.n_layers - 1]
    cdef real *delta = block(net, layer, layer.delta)
    cdef Py_ssize_t t, width = layer.width
    for t in range(n_samples):
        memcpy(delta + t * width, row_of(dC_da, t), layer.n_out * sizeof(real))
        memset(delta + t * width + layer.n_out, 0, (width - layer.n_out) * sizeof(real))
    back_through_last(net, n_samples)


cdef void slopes_by_inputs(const Net *net, Py_ssize_t n_samples, real *dC_dx) noexcept nogil:
    """dC/dx = delta W of the first layer, (n_samples, n_in)."""
    cdef const Layer *layer = &net.layers[0]
    cdef Py_ssize_t stride = round_up(net.batch_size), padded = padded_width(n_samples)
    cdef Py_ssize_t i = 0, n, room = (net.transposed[1] - net.transposed[0]) // stride
    transpose(n_samples, layer.n_out, padded, block(net, layer, layer.delta), layer.width,
              net.transposed[0], stride)
    while i < layer.n_in:   # n rows of W at a time: their dC/dx^T fits into transposed[1]
        n = min(room, layer.n_in - i)
        multiply(net, n, padded, layer.n_out, net.theta + layer.W + i * layer.width, layer.width,
                 net.transposed[0], stride, net.transposed[1], stride, NULL)
        transpose(n, n_samples, n, net.transposed[1], stride, dC_dx + i, layer.n_in)
        i += n
    if net.joins:
        add_returned(net, 0, n_samples, dC_dx, layer.n_in)


cdef double pass_batch(
    const Net *net, Py_ssize_t n_samples, const Rows *X, const Rows *Y, bint backward,
) noexcept nogil:
    """Forward and, if `backward`, back through all layers; returns the sum of the losses."""
    cdef Py_ssize_t k
    cdef double total
    forward_batch(net, n_samples, X)
    total = outputs(net, n_samples, Y, net.costs + net.first)
    if backward:
        for k in range(net.n_layers - 1, first_trained(net), -1):
            backward_layer(net, k, n_samples)
    return total


cdef Py_ssize_t first_trained(const Net *net) noexcept nogil:
    """The lowest layer whose delta is wanted: below it, training leaves all as it is."""
    cdef Py_ssize_t k = 0
    while net.trains and k < net.n_layers - 1 and net.layers[k].frozen:
        k += 1
    return k


cdef struct Piece:      # of a mini-batch, and which share of the rows of W to update with it
    bint is_first
    bint is_last
    Py_ssize_t n_samples
    real scale          # of the gradient: 1 / samples of the mini-batch, or 1 for a sum
    Py_ssize_t thread       # this one of n_threads; each has its share of the rows
    Py_ssize_t n_threads


cdef void descend_rows_of_layer(
    const Net *net, const Layer *layer, const Piece *piece, const Rule *rule,
    const real *A_prev, Py_ssize_t A_row,                   # (n_samples, n)
    Py_ssize_t n, Py_ssize_t weights,                       # n rows of W, from theta[weights] on
    Ahead *ahead,
) noexcept nogil:
    """dC/dW += A_prev^T delta; with the last piece of a mini-batch, the step of the rule on W."""
    cdef Product p
    memset(&p, 0, sizeof(Product))
    p.n_rows, p.width, p.n_k = n, layer.width, piece.n_samples
    p.A, p.A_row, p.A_k = A_prev, 1, A_row
    p.B, p.B_k, p.B_j = block(net, layer, layer.delta), layer.width, 1
    p.C, p.C_row, p.weights = net.theta + weights, layer.width, weights
    if not piece.is_first:
        p.start, p.start_row = net.partial + weights, layer.width
    p.rule, p.ahead, p.parts = rule, ahead, net.parts
    if not piece.is_last:
        p.C = net.partial + weights
        product(STORE, &p)
    elif rule.code == SGD:              # w := w - (eps / n) sum, one multiplication less
        p.factor = -(piece.scale * rule.learning_rate)
        product(ADD, &p)
    elif rule.code == ACCUMULATE:       # gradient := gradient + scale sum
        p.C, p.factor = rule.state + weights, piece.scale
        product(ADD, &p)
    else:
        p.factor = piece.scale
        product(DESCEND, &p)


cdef inline const Rule *at_rate(const Rule *rule, double factor, Rule *other) noexcept nogil:
    """The rule, if it is a fused one with its learning rate times factor."""
    if factor == 1:
        return rule
    other[0] = rule[0]
    other.learning_rate = <real> (rule.learning_rate * factor)
    return other


cdef inline const Rule *without_penalty(const Rule *rule, Rule *other) noexcept nogil:
    """The same for biases."""
    if rule.l2 == 0:
        return rule
    other[0] = rule[0]
    other.l2 = 0
    return other


cdef void descend_biases(const Net *net, const Piece *piece, const Rule *rule) noexcept nogil:
    """The same for b, which is a row of weights whose input is always 1."""
    cdef const Layer *layer
    cdef const Rule *own
    cdef Rule other
    cdef Py_ssize_t k
    cdef real one = 1
    for k in range(net.n_layers):
        layer = &net.layers[k]
        if layer.b >= 0 and not (net.trains and layer.frozen):
            own = without_penalty(at_rate(rule, layer.rate_of_b, &other), &other)
            descend_rows_of_layer(net, layer, piece, own, &one, 0, 1, layer.b, NULL)


cdef void descend_batch(
    const Net *net, const Piece *piece, const Rows *X, const Rule *rule, Ahead *ahead,
) noexcept nogil:
    """The step of `rule` on a thread's share of the rows of every W; the last takes the biases."""
    cdef const Layer *layer
    cdef const real *A
    cdef const Rule *own
    cdef Rule other
    cdef Py_ssize_t k, i, n, weights, row
    for k in range(net.n_layers - 1, -1, -1):
        layer = &net.layers[k]
        n = share(layer.n_in, piece.n_threads)
        i = piece.thread * n
        n = min(n, layer.n_in - i)
        weights = layer.W + i * layer.width
        if n <= 0 or net.trains and layer.frozen:
            continue
        own = at_rate(rule, layer.rate_of_W, &other)
        if k > 0:
            A = entering(net, k, &row)
            descend_rows_of_layer(net, layer, piece, own, A + i, row, n, weights, NULL)
        elif X.dense != NULL:
            descend_rows_of_layer(net, layer, piece, own, row_of(X, 0) + i, X.row, n, weights,
                                  ahead)
        else:
            descend_sparse(net, piece, X, i, n, own)
        if net.mask != NULL and piece.is_last:
            keep_connections(net, rule, weights, n * layer.width)
    if piece.thread == piece.n_threads - 1:
        descend_biases(net, piece, rule)


cdef void keep_connections(
    const Net *net, const Rule *rule, Py_ssize_t first, Py_ssize_t n,
) noexcept nogil:
    """0 for the weights, or the gradient of weights, that the mask leaves out."""
    cdef real *x = rule.state if rule.code == ACCUMULATE else net.theta
    zero_outside(net.mask + first, n, x + first)


cdef Py_ssize_t share(Py_ssize_t n, Py_ssize_t n_threads) noexcept nogil:
    """How many of n each thread takes, a multiple of SHARE; the last ones may get fewer or none."""
    cdef Py_ssize_t all_shares = SHARE * n_threads
    return (n + all_shares - 1) // all_shares * SHARE if n_threads > 1 else n


cdef void look_ahead(
    Ahead *ahead, const Rows *X, Py_ssize_t t, Py_ssize_t n, Py_ssize_t stop, Py_ssize_t n_in,
    Py_ssize_t width,
) noexcept nogil:
    """Prepare to fetch dense samples t..t+n-1, some cache lines after every tile of the layer."""
    cdef Py_ssize_t n_tiles = (n_in // TILE_ROWS) * ((width - 1) // (TILE_VECTORS * NATIVE) + 1)
    ahead.rows, ahead.n_columns, ahead.column = X, n_in, 0
    ahead.t, ahead.stop = t, min(t + n, stop)
    if X.dense == NULL:
        ahead.stop = t
    ahead.n_lines = n * (n_in // LINE + 1) // max(n_tiles, <Py_ssize_t> 1) + 1
