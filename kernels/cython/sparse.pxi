# The first layer with sparse rows of X, in blocks of rows of W that stay in L1: every sample takes
# its listed inputs of a block before the next block is taken. Each sum runs over the inputs, or
# over the samples, in their order, so that no bit depends on the samples or threads beside it.

cdef enum:
    OF_BLOCK = 32 * 1024 // REAL_BYTES      # elements of a block
    OF_ROOM = OF_BLOCK + 64 // REAL_BYTES   # to begin one at a cache line
    MOST_COLUMNS = 512                      # of a block of gradients
    SOON = 3                                # samples ahead of which entries are fetched
    # vectors of z or delta that are held in registers, of which there are 32, or 16
    MOST_HELD = TILE_ROWS // 12 * 8 + 8     # 8 or 16, see held.pxi

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
    cdef Py_ssize_t t, number, first, v, m, n = layer.width // NATIVE, i = 0
    cdef Py_ssize_t width = layer.width
    cdef Py_ssize_t in_block = max(OF_BLOCK // width, <Py_ssize_t> 1)
    cdef real *Z = block(net, layer, layer.z)
    cdef const real *W = net.theta + layer.W
    cdef const real *b = bias_of(net, layer)
    cdef Listed *lists = <Listed *> net.listed + net.first    # (n_samples,)
    if sum_stays(width) or layer.n_in <= in_block:   # z stays in registers, or all of W in L1
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
        v = 0
        while v < n:
            m = part_of_vectors(n - v)
            sum_block(m, n, X, lists, n_samples, i, i + in_block, v + m == n, layer.n_in,
                      <const vec *> W + v, <vec *> Z + v)
            v += m
        i += in_block


cdef inline Py_ssize_t part_of_vectors(Py_ssize_t n) noexcept nogil:
    """How many of n vectors to hold in registers: as few parts as can be, all of about one size."""
    return n // ((n + MOST_HELD - 1) // MOST_HELD)


cdef inline void sum_block_of(
    Py_ssize_t m,           # a constant
    Py_ssize_t n,           # vectors of a row of W and Z
    const Rows *X,
    Listed *lists,          # (n_samples,)          moved on to `stop` if `is_last`
    Py_ssize_t n_samples, Py_ssize_t i, Py_ssize_t stop, bint is_last, Py_ssize_t n_in,
    const vec *W,           # (n_in, n vectors)       read, the first m
    vec *Z,                 # (n_samples, n vectors)  the first m: z += x_i row_i, listed i < stop
) noexcept nogil:
    """m vectors of z in registers, for the rows of W in a block"""
    cdef const int *columns = X.columns
    cdef const real *values = X.values
    cdef const vec *w
    cdef vec z[MOST_HELD]
    cdef real x
    cdef Py_ssize_t t, k, end, v
    for t in range(n_samples):
        if i == 0 and t + SOON < n_samples:     # all of it, since samples are far apart
            fetch(X, t + SOON, n_in)
        fetch_entries(X, &lists[min(t + SOON, n_samples - 1)])
        k, end = lists[t].next, lists[t].end
        for v in range(m):
            z[v] = Z[t * n + v]
        while k < end and columns[k] < stop:
            w, x = W + columns[k] * n, values[k]
            for v in range(m):
                z[v] = added(z[v], x, w[v])
            k += 1
        for v in range(m):
            Z[t * n + v] = z[v]
        if is_last:
            lists[t].next = k


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
    cdef Py_ssize_t t, stop, v, part, end = i + n, in_block = OF_BLOCK // m
    cdef Py_ssize_t lanes = sizeof(vector) // sizeof(real), n_vectors = m // lanes
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
        v = 0
        while v < n_vectors:
            part = part_of_vectors(n_vectors - v)
            add_block(part, like, X, lists, piece.n_samples, i if moves_all else <Py_ssize_t> 0,
                      stop, v + part == n_vectors, factor, delta + v * lanes, layer.width,
                      sums + v * lanes, row)
            v += part
        if moves_all:
            move_block(like, rule, piece.scale, net.theta, layer.W + i * layer.width + j,
                       layer.width, stop - i, m, gradient)
        i = stop


cdef inline void add_block_of(
    Py_ssize_t n,           # a constant
    const vector *like,
    const Rows *X,
    Listed *lists,          # (n_samples,)  moved on to `stop` if `is_last`; no entry is below i
    Py_ssize_t n_samples, Py_ssize_t i, Py_ssize_t stop, bint is_last, real factor,
    const real *delta,      # (n_samples, n vectors)  read, delta_row elements from row to row
    Py_ssize_t delta_row,
    real *sums,             # (stop - i, n vectors)  row c - i += factor x_c delta, listed c < stop
    Py_ssize_t row,         # elements from one row of sums to the next
) noexcept nogil:
    """n vectors of delta in registers, for the rows of W in a block"""
    cdef const int *columns = X.columns
    cdef const real *values = X.values
    cdef vector d[MOST_HELD]
    cdef vector *of_input
    cdef real x
    cdef Py_ssize_t t, k, end, v
    for t in range(n_samples):
        fetch_entries(X, &lists[min(t + SOON, n_samples - 1)])
        k, end = lists[t].next, lists[t].end
        for v in range(n):
            d[v] = (<const vector *> (delta + t * delta_row))[v]
        while k < end and columns[k] < stop:
            of_input, x = <vector *> (sums + (columns[k] - i) * row), factor * values[k]
            for v in range(n):
                of_input[v] = added(of_input[v], x, d[v])
            k += 1
        if is_last:
            lists[t].next = k


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
