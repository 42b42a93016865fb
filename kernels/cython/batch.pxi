# One step of the whole network on a mini-batch, weights updated from the mean gradient.

cdef enum:
    PIECE = 256     # interface.PIECE; a multiple of every tile and vector


cdef void forward_batch(const Net *net, Py_ssize_t n_samples, const Rows *X) noexcept nogil:
    """z of every layer, a of the hidden ones; dense rows of X follow each other."""
    cdef const Layer *layer
    cdef const Layer *below
    cdef Py_ssize_t k, t
    cdef real *Z
    for k in range(net.n_layers):
        layer = &net.layers[k]
        Z = block(net, layer, layer.z)
        if k > 0:
            below = &net.layers[k - 1]
            multiply(n_samples, layer.width, layer.n_in, block(net, below, below.a), below.width,
                     net.theta + layer.W, layer.width, Z, layer.width, bias_of(net, layer))
        elif X.dense != NULL:
            multiply(n_samples, layer.width, layer.n_in, row_of(X, 0), X.row,
                     net.theta + layer.W, layer.width, Z, layer.width, bias_of(net, layer))
        else:
            for t in range(n_samples):
                sum_listed_row(net, X, t, Z + t * layer.width)
        if k < net.n_layers - 1:
            activate(layer, n_samples, Z, block(net, layer, layer.a))


cdef void sum_listed_row(
    const Net *net, const Rows *X, Py_ssize_t t, real *z,
) noexcept nogil:
    """z of the first layer for sample t of sparse rows"""
    cdef const Layer *layer = &net.layers[0]
    cdef Py_ssize_t number = row_number(X, t), start = X.starts[number]
    sum_listed(layer, X.starts[number + 1] - start, X.columns + start, X.values + start,
               net.theta + layer.W, bias_of(net, layer), z)


cdef void transpose(
    Py_ssize_t n_rows, Py_ssize_t n_columns, Py_ssize_t padded_rows,
    const real *A, Py_ssize_t A_row,    # (n_rows, n_columns)         read
    real *C, Py_ssize_t C_row,          # (n_columns, padded_rows)    overwritten, padded by 0
) noexcept nogil:
    cdef Py_ssize_t r, c, whole_rows = n_rows // 4 * 4, whole_columns = n_columns // 4 * 4
    for c in range(0, whole_columns, 4):
        for r in range(0, whole_rows, 4):
            transpose_4x4(A + r * A_row + c, A_row, C + c * C_row + r, C_row)
        for r in range(whole_rows, n_rows):
            C[c * C_row + r] = A[r * A_row + c]
            C[(c + 1) * C_row + r] = A[r * A_row + c + 1]
            C[(c + 2) * C_row + r] = A[r * A_row + c + 2]
            C[(c + 3) * C_row + r] = A[r * A_row + c + 3]
    for c in range(whole_columns, n_columns):
        for r in range(n_rows):
            C[c * C_row + r] = A[r * A_row + c]
    for c in range(n_columns):
        for r in range(n_rows, padded_rows):
            C[c * C_row + r] = 0


cdef void backward_layer(const Net *net, Py_ssize_t k, Py_ssize_t n_samples) noexcept nogil:
    """delta of layer k - 1 from that of layer k: delta_prev = (delta W) f'(z_prev)."""
    cdef const Layer *layer = &net.layers[k]
    cdef const Layer *below = &net.layers[k - 1]
    cdef Py_ssize_t stride = round_up(net.batch_size)
    cdef Py_ssize_t padded = padded_width(n_samples)
    cdef real *delta_prev = block(net, below, below.delta)
    cdef real *turned = net.transposed[0] + net.first
    cdef real *turned_prev = net.transposed[1] + net.first
    # a product of W with delta^T needs no transposed W: only the small deltas are turned
    transpose(n_samples, layer.n_out, padded, block(net, layer, layer.delta), layer.width,
              turned, stride)
    multiply(layer.n_in, padded, layer.n_out, net.theta + layer.W, layer.width,
             turned, stride, turned_prev, stride, NULL)
    transpose(layer.n_in, n_samples, below.width, turned_prev, stride, delta_prev, below.width)
    multiply_by_slope(below, n_samples, block(net, below, below.a), delta_prev)


cdef double pass_batch(
    const Net *net, Py_ssize_t n_samples, const Rows *X, const Rows *Y, bint backward,
) noexcept nogil:
    """Forward and back through all layers with the samples of one part; returns their loss."""
    cdef Net part = net[0]
    cdef Rows x = X[0], y = Y[0]
    cdef Py_ssize_t first = 0, n, k
    cdef double total = 0
    while first < n_samples:
        n = min(<Py_ssize_t> PIECE, n_samples - first)
        part.first = net.first + first
        x.first, y.first = X.first + first, Y.first + first
        forward_batch(&part, n, &x)
        total += outputs(&part, n, &y, net.costs + part.first)
        if backward:
            for k in range(net.n_layers - 1, 0, -1):
                backward_layer(&part, k, n)
        first += n
    return total


cdef void descend_layer(
    const Net *net, const Layer *layer, Py_ssize_t n_samples,
    const real *A_prev, Py_ssize_t A_row,   # (n_samples, n_in)  read
    Py_ssize_t i, Py_ssize_t n,             # the rows of W that are updated: i..i+n-1
    const Rule *rule, real scale,
) noexcept nogil:
    """dC/dW = A_prev^T delta, spent at once on W."""
    cdef const real *delta = block(net, layer, layer.delta)
    cdef real *sums = net.partial + layer.W + i * layer.width
    cdef real *start = NULL
    cdef Py_ssize_t first = 0, width = layer.width
    A_prev += i
    while first + PIECE < n_samples:      # all but the last samples go into partial sums
        add_gradient(n, width, PIECE, A_prev + first * A_row, A_row, delta + first * width,
                     sums, start)
        start = sums
        first += PIECE
    descend(n, width, n_samples - first, A_prev + first * A_row, A_row, 1, delta + first * width,
            net.theta, layer.W + i * width, start, rule, scale)


cdef void descend_biases(
    const Net *net, Py_ssize_t n_samples, const Rule *rule, real scale,
) noexcept nogil:
    """dC/db = 1^T delta: the weights of an input that is always 1."""
    cdef const Layer *layer
    cdef Py_ssize_t k
    cdef real one = 1
    for k in range(net.n_layers):
        layer = &net.layers[k]
        if layer.b >= 0:
            descend(1, layer.width, n_samples, &one, 0, 0, block(net, layer, layer.delta),
                    net.theta, layer.b, NULL, rule, scale)


cdef void descend_sparse(
    const Net *net, Py_ssize_t n_samples, const Rows *X,
    Py_ssize_t i, Py_ssize_t n,             # the rows of W that are updated: i..i+n-1
    const Rule *rule, real scale,
) noexcept nogil:
    """descend_layer for the first layer and sparse rows: only rows that meet a value move."""
    cdef const Layer *layer = &net.layers[0]
    cdef const real *delta = block(net, layer, layer.delta)
    cdef Py_ssize_t t, number, start, stop
    cdef real *W = net.theta + layer.W
    cdef real eps = rule.learning_rate * scale
    if rule.code == ACCUMULATE:     # the gradient itself
        W, eps = rule.state + layer.W, -scale
    for t in range(n_samples):
        number = row_number(X, t)
        start = first_from(X.columns, X.starts[number], X.starts[number + 1], i)
        stop = first_from(X.columns, start, X.starts[number + 1], i + n)
        descend_listed(stop - start, X.columns + start, layer.width, X.values + start, W,
                       delta + t * layer.width, eps, NULL)


cdef Py_ssize_t first_from(
    const int *columns, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t column,
) noexcept nogil:
    """The first of the ascending columns[start:stop] that is not below column."""
    cdef Py_ssize_t middle
    while start < stop:
        middle = (start + stop) // 2
        if columns[middle] < column:
            start = middle + 1
        else:
            stop = middle
    return start


cdef void descend_batch(
    const Net *net, Py_ssize_t n_samples, const Rows *X, const Rule *rule, real scale,
    Py_ssize_t part, Py_ssize_t n_parts,
) noexcept nogil:
    """The step of `rule` on one part of the rows of every W; part 0 takes the biases too."""
    cdef const Layer *layer
    cdef const Layer *below
    cdef Py_ssize_t k, i, n
    for k in range(net.n_layers - 1, -1, -1):
        layer = &net.layers[k]
        n = share(layer.n_in, n_parts)
        i = part * n
        n = min(n, layer.n_in - i)
        if n <= 0:
            continue
        if k > 0:
            below = &net.layers[k - 1]
            descend_layer(net, layer, n_samples, block(net, below, below.a), below.width, i, n,
                          rule, scale)
        elif X.dense != NULL:
            descend_layer(net, layer, n_samples, row_of(X, 0), X.row, i, n, rule, scale)
        else:
            descend_sparse(net, n_samples, X, i, n, rule, scale)
    if part == 0:
        descend_biases(net, n_samples, rule, scale)


cdef Py_ssize_t share(Py_ssize_t n, Py_ssize_t n_parts) noexcept nogil:
    """What each of n_parts takes of n, in multiples of 48: whole tiles, vectors, cache lines."""
    return (n + 48 * n_parts - 1) // (48 * n_parts) * 48 if n_parts > 1 else n


cdef struct Epoch:      # what the threads of one call share
    Net net
    Rule rule
    Rows X
    Rows Y
    Py_ssize_t start
    Py_ssize_t stop
    Py_ssize_t batch_size
    Py_ssize_t step
    Py_ssize_t n_threads
    double total
    Barrier barrier


cdef void train_part(void *shared, Py_ssize_t part) noexcept nogil:
    """What thread `part` does: its samples forward and back, then its rows of the weights."""
    cdef Epoch *epoch = <Epoch *> shared
    cdef Net net = epoch.net
    cdef Rule rule = epoch.rule
    cdef Rows X = epoch.X, Y = epoch.Y
    cdef Py_ssize_t start = epoch.start, step = epoch.step, n, n_own, t, chunk
    cdef Py_ssize_t n_in = net.layers[0].n_in, gathered_row = round_up(n_in)
    # rows in random order are copied together; rules that move every weight see the zeros too
    cdef bint gathers = epoch.X.order != NULL if epoch.X.dense != NULL else rule.code != SGD
    cdef bint more = start < epoch.stop and isfinite(epoch.total)
    if gathers:
        X.dense, X.row, X.order = net.gathered, gathered_row, NULL
    while more:
        n = min(epoch.batch_size, epoch.stop - start)
        chunk = share(n, epoch.n_threads)
        net.first = min(part * chunk, n)
        n_own = min(chunk, n - net.first)
        Y.first = start + net.first
        X.first = net.first if gathers else start + net.first
        if gathers:
            for t in range(net.first, net.first + n_own):
                if start + n + t < epoch.stop:      # the batch that follows
                    fetch(&epoch.X, start + n + t, n_in)
                    fetch(&epoch.Y, start + n + t, 1)
                spread(&epoch.X, start + t, n_in, net.gathered + t * gathered_row)
        pass_batch(&net, n_own, &X, &Y, True)
        meet(&epoch.barrier)
        if part == 0:
            for t in range(n):      # one order of the sum, whoever computed the terms
                epoch.total += net.costs[t]
        step += 1
        unbias(&rule, step)
        net.first = 0
        X.first = 0 if gathers else start
        descend_batch(&net, n, &X, &rule, <real> 1 / <real> n, part, epoch.n_threads)
        meet(&epoch.barrier)
        start += n
        more = start < epoch.stop and isfinite(epoch.total)
