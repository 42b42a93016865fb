# The first layer with sparse rows of X, in blocks of rows of W that stay in L1: every sample takes
# its listed inputs of a block before the next block is taken. Each sum runs over the inputs, or
# over the samples, in their order, so that no bit depends on the samples or threads beside it.

cdef enum:
    OF_BLOCK = 32 * 1024 // REAL_BYTES      # elements of a block
    OF_ROOM = OF_BLOCK + 64 // REAL_BYTES   # to begin one at a cache line
    MOST_COLUMNS = 512                      # of a block of gradients
    SOON = 3                                # samples ahead of which entries are fetched

cdef struct Listed:         # what is left of a row; memory.LISTED bytes
    Py_ssize_t next         # its entries next..end-1
    Py_ssize_t end


cdef inline void begin_list(
    Listed *list, const Rows *X, Py_ssize_t t, Py_ssize_t i,
) noexcept nogil:
    """The entries of sample t from column i on."""
    cdef Py_ssize_t number = row_number(X, t)
    list.end = X.starts[number + 1]
    list.next = X.starts[number]
    if i > 0:
        list.next = first_from(X.columns, list.next, list.end, i)


cdef inline void fetch_entries(const Rows *X, const Listed *list) noexcept nogil:
    prefetch_line(X.columns + list.next)
    prefetch_line(X.values + list.next)
    prefetch_line(X.values + list.next + LINE)


cdef void sum_sparse(const Net *net, Py_ssize_t n_samples, const Rows *X) noexcept nogil:
    """z of the first layer, (n_samples, width), from sparse rows"""
    cdef const Layer *layer = &net.layers[0]
    cdef Py_ssize_t t, number, first, n = layer.width // NATIVE, i = 0, width = layer.width
    cdef Py_ssize_t in_block = max(OF_BLOCK // width, <Py_ssize_t> 1)
    cdef real *Z = block(net, layer, layer.z)
    cdef const real *W = net.theta + layer.W
    cdef const real *b = bias_of(net, layer)
    cdef Listed *lists = <Listed *> net.listed + net.first    # (n_samples,)
    if n < 5 or n == 8 or layer.n_in <= in_block:   # z stays in registers, or all of W in L1
        for t in range(n_samples):
            number = row_number(X, t)
            first = X.starts[number]
            sum_listed(layer, X.starts[number + 1] - first, X.columns + first, X.values + first,
                       W, b, Z + t * width)
        return
    for t in range(n_samples):
        begin_list(&lists[t], X, t, 0)
        if b == NULL:
            memset(Z + t * width, 0, width * sizeof(real))
        else:
            memcpy(Z + t * width, b, width * sizeof(real))
    while i < layer.n_in:
        for t in range(n_samples):
            if i == 0 and t + SOON < n_samples:     # all of it, since samples are far apart
                fetch(X, t + SOON, layer.n_in)
            fetch_entries(X, &lists[min(t + SOON, n_samples - 1)])
            lists[t].next = sum_some_listed(n, X, lists[t].next, lists[t].end, i + in_block,
                                            <const vec *> W, <vec *> (Z + t * width))
        i += in_block


cdef inline Py_ssize_t sum_some_listed(
    Py_ssize_t n, const Rows *X, Py_ssize_t k, Py_ssize_t end, Py_ssize_t stop,
    const vec *W,           # (n_in, n vectors)  read
    vec *z,                 # (n vectors)        z += x_i row_i for the listed i < stop
) noexcept nogil:
    """From the entries k..end-1; returns the first that is left over."""
    cdef const int *columns = X.columns
    cdef const vec *w[4]
    cdef real x[4]
    cdef Py_ssize_t v, c
    while k + 4 <= end and columns[k + 3] < stop:
        for c in range(4):
            w[c], x[c] = W + columns[k + c] * n, X.values[k + c]
        for v in range(n):
            z[v] = sum_of_four(z[v], x, w[0][v], w[1][v], w[2][v], w[3][v])
        k += 4
    if k + 2 <= end and columns[k + 1] < stop:
        for c in range(2):
            w[c], x[c] = W + columns[k + c] * n, X.values[k + c]
        for v in range(n):
            z[v] = (z[v] + x[0] * w[0][v]) + x[1] * w[1][v]
        k += 2
    if k < end and columns[k] < stop:
        w[0], x[0] = W + columns[k] * n, X.values[k]
        for v in range(n):
            z[v] += x[0] * w[0][v]
        k += 1
    return k


cdef void descend_sparse(
    const Net *net, const Piece *piece, const Rows *X,
    Py_ssize_t i, Py_ssize_t n,             # the rows of W that are updated: i..i+n-1
    const Rule *rule,
) noexcept nogil:
    """The step of the rule on W of the first layer, or the gradient of W, from listed x_i."""
    cdef Py_ssize_t width = net.layers[0].width, j = 0
    if width == 4:
        descend_sparse_columns(<const vec4 *> NULL, net, piece, X, i, n, 0, width, rule)
    elif width == 8:
        descend_sparse_columns(<const vec8 *> NULL, net, piece, X, i, n, 0, width, rule)
    while width > 8 and j < width:
        descend_sparse_columns(<const vec *> NULL, net, piece, X, i, n, j,
                               min(width - j, <Py_ssize_t> MOST_COLUMNS), rule)
        j += MOST_COLUMNS


cdef inline void descend_sparse_columns(
    const vector *like,                 # tells the type
    const Net *net, const Piece *piece, const Rows *X,
    Py_ssize_t i, Py_ssize_t n,         # rows i..i+n-1 of W
    Py_ssize_t j, Py_ssize_t m,         # columns j..j+m-1
    const Rule *rule,
) noexcept nogil:
    cdef const Layer *layer = &net.layers[0]
    cdef const real *delta = block(net, layer, layer.delta) + j
    cdef Py_ssize_t t, stop, end = i + n, in_block = OF_BLOCK // m
    cdef Py_ssize_t row = layer.width       # from one row of sums to the next
    cdef Listed *lists = <Listed *> net.listed + piece.thread * round_up(net.batch_size)
    cdef real room[OF_ROOM]
    cdef real *gradient = room + (-(<Py_ssize_t> room) & 63) // REAL_BYTES   # at a cache line
    cdef real *sums = net.theta + layer.W + j
    cdef real factor = -(rule.learning_rate * piece.scale)      # row_i -= (eps / n) x_i delta
    cdef bint moves_all = rule.code != SGD and rule.code != ACCUMULATE
    if rule.code == ACCUMULATE:
        sums, factor = rule.state + layer.W + j, piece.scale
    elif moves_all:
        sums, factor, row = gradient, 1, m
    for t in range(piece.n_samples):
        begin_list(&lists[t], X, t, i)
    while i < end:
        stop = min(i + in_block, end)
        if moves_all:
            memset(gradient, 0, (stop - i) * m * sizeof(real))
        for t in range(piece.n_samples):
            fetch_entries(X, &lists[min(t + SOON, piece.n_samples - 1)])
            lists[t].next = add_some_listed(
                m // <Py_ssize_t> (sizeof(vector) // sizeof(real)), X, lists[t].next,
                lists[t].end, i if moves_all else <Py_ssize_t> 0, stop, factor,
                <const vector *> (delta + t * layer.width), sums, row)
        if moves_all:
            move_block(like, rule, piece.scale, net.theta, layer.W + i * layer.width + j,
                       layer.width, stop - i, m, gradient)
        i = stop


cdef inline Py_ssize_t add_some_listed(
    Py_ssize_t n, const Rows *X, Py_ssize_t k, Py_ssize_t end, Py_ssize_t i, Py_ssize_t stop,
    real factor,
    const vector *delta,    # (n vectors)  read
    real *sums,             # (stop - i, n vectors)  row c - i += factor x_c delta, listed c < stop
    Py_ssize_t row,         # elements from one row of sums to the next
) noexcept nogil:
    """From the entries k..end-1, none of which is below i; returns the first that is left over."""
    cdef const int *columns = X.columns
    cdef vector *of_input
    cdef real x
    cdef Py_ssize_t v
    while k < end and columns[k] < stop:
        of_input, x = <vector *> (sums + (columns[k] - i) * row), factor * X.values[k]
        v = 0
        while v + 2 <= n:       # two at a time: a store a cycle, not what counts the loop, limits
            of_input[v] += x * delta[v]
            of_input[v + 1] += x * delta[v + 1]
            v += 2
        if v < n:
            of_input[v] += x * delta[v]
        k += 1
    return k


cdef inline void move_block(
    const vector *like, const Rule *rule, real scale, real *theta,
    Py_ssize_t place, Py_ssize_t row,       # of the block in theta and in the state of the rule
    Py_ssize_t n_rows, Py_ssize_t m,
    const real *sums,                       # (n_rows, m)  read: the gradient is scale sums
) noexcept nogil:
    """The step of a fused rule with a state on a block of weights."""
    if rule.code == ADAM:
        move_block_by(like, ADAM, rule, scale, theta, place, row, n_rows, m, sums)
    else:
        move_block_by(like, rule.code, rule, scale, theta, place, row, n_rows, m, sums)


cdef inline void move_block_by(
    const vector *like, Py_ssize_t code, const Rule *rule, real scale, real *theta,
    Py_ssize_t place, Py_ssize_t row, Py_ssize_t n_rows, Py_ssize_t m, const real *sums,
) noexcept nogil:
    """`code` is a constant where that helps."""
    cdef Rule constants = rule[0]       # a copy, which the stores below cannot change
    cdef Py_ssize_t r, v
    cdef vector *w
    cdef vector *state
    cdef vector *squares
    cdef const vector *g
    for r in range(n_rows):
        w, g = <vector *> (theta + place + r * row), <const vector *> (sums + r * m)
        state = <vector *> (rule.state + place + r * row)
        squares = <vector *> (rule.squares + place + r * row)
        for v in range(m // <Py_ssize_t> (sizeof(vector) // sizeof(real))):
            w[v] = descended(code, &constants, w[v], scale * g[v], &state[v], &squares[v])


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
