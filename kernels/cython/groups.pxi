# Mini-batches of PIECE samples or more: their gradient is the sum of those of a few groups of
# samples, in the order of the groups. Which groups there are depends on the mini-batch alone, so
# threads may compute them side by side, each with the activations that it has in its own cache,
# and meet once before the step on the parameters and once after it.

cdef struct Groups:
    Py_ssize_t piece        # samples that are computed at once, a multiple of SHARE
    Py_ssize_t of_group     # samples of a group: some pieces
    Py_ssize_t n            # groups


cdef Groups groups_of(Py_ssize_t n_samples) noexcept nogil:
    cdef Groups groups
    cdef Py_ssize_t n_pieces = (n_samples + PIECE // 2 - 1) // (PIECE // 2)
    if n_pieces > GROUPS:
        n_pieces = max(<Py_ssize_t> GROUPS, (n_samples + PIECE - 1) // PIECE)
    n_pieces += n_pieces % 2    # for two threads
    groups.piece = round_up((n_samples + n_pieces - 1) // n_pieces)
    n_pieces = (n_samples + groups.piece - 1) // groups.piece
    groups.of_group = (n_pieces + GROUPS - 1) // GROUPS * groups.piece
    groups.n = (n_samples + groups.of_group - 1) // groups.of_group
    return groups


cdef Py_ssize_t piece_of_groups(
    const Net *net, const Rule *rule, const Rows *X, Py_ssize_t n_samples,
) noexcept nogil:
    """Samples of a piece of a mini-batch that is computed in groups; 0: it is not."""
    if n_samples < PIECE or net.groups == NULL or rule.flat or X.dense == NULL \
            or net.mask != NULL:
        return 0
    return groups_of(n_samples).piece


cdef bint begin_piece(
    Net *net, Piece *piece, Rule *sums, Py_ssize_t n_samples, Py_ssize_t done, bint one_thread,
) noexcept nogil:
    """Let `descend_batch` with the rule `sums` add the gradient of a piece to that of its group.

    One thread adds it to that of the groups before at once, if each is a piece: the bits are the
    same. Returns whether a group begins.
    """
    cdef Groups groups = groups_of(n_samples)
    cdef Py_ssize_t k = 0 if one_thread and groups.piece == groups.of_group \
        else done // groups.of_group
    memset(sums, 0, sizeof(Rule))
    sums.code = ACCUMULATE
    sums.state = sums.squares = net.partial = net.groups + k * net.n_theta
    piece.scale, piece.is_first = 1, True
    piece.is_last = done != k * groups.of_group     # the first one is stored as if more came
    return done % groups.of_group == 0


cdef void move_by_groups(
    const Net *net, const Rule *rule, Py_ssize_t n_samples, bint one_thread,
    Py_ssize_t first, Py_ssize_t stop,      # multiples of SHARE: the parameters that are moved
) noexcept nogil:
    """The step of a fused rule with the mean gradient of the groups."""
    cdef Groups groups = groups_of(n_samples)
    cdef Py_ssize_t n = 1 if one_thread and groups.piece == groups.of_group else groups.n
    cdef real scale = <real> 1 / <real> n_samples
    cdef const Layer *layer
    cdef const Rule *own
    cdef Rule other
    cdef Py_ssize_t i, begin, end
    for i in range(net.n_layers):
        layer = &net.layers[i]
        if layer.frozen:
            continue
        begin, end = max(first, layer.W), min(stop, layer.W + layer.n_in * layer.width)
        own = at_rate(rule, layer.rate_of_W, &other)
        move_some(net, layer, own, scale, n, begin, end)
        if layer.b >= 0:
            own = without_penalty(at_rate(rule, layer.rate_of_b, &other), &other)
            move_some(net, layer, own, scale, n, max(first, layer.b),
                      min(stop, layer.b + layer.width))


cdef void move_some(
    const Net *net, const Layer *layer, const Rule *rule, real scale, Py_ssize_t n_groups,
    Py_ssize_t first, Py_ssize_t stop,
) noexcept nogil:
    """The same for some weights or biases of a layer."""
    if layer.width < 16:
        move_some_of(<const vec4 *> NULL, net, rule, scale, n_groups, first, stop)
    else:
        move_some_of(<const vec *> NULL, net, rule, scale, n_groups, first, stop)


cdef inline void move_some_of(
    const vector *like, const Net *net, const Rule *rule, real scale, Py_ssize_t n_groups,
    Py_ssize_t first, Py_ssize_t stop,
) noexcept nogil:
    if rule.code == ADAM:
        move_some_by(like, ADAM, net, rule, scale, n_groups, first, stop)
    else:
        move_some_by(like, rule.code, net, rule, scale, n_groups, first, stop)


cdef inline void move_some_by(
    const vector *like, Py_ssize_t code, const Net *net, const Rule *rule, real scale,
    Py_ssize_t n_groups, Py_ssize_t first, Py_ssize_t stop,
) noexcept nogil:
    """`code` is a constant where that helps."""
    cdef Rule constants = rule[0]       # a copy, which the stores below cannot change
    cdef Py_ssize_t k = first, j
    cdef vector g
    while k < stop:
        g = (<const vector *> (net.groups + k))[0]
        for j in range(1, n_groups):
            g += (<const vector *> (net.groups + j * net.n_theta + k))[0]
        (<vector *> (net.theta + k))[0] = descended(
            code, &constants, (<vector *> (net.theta + k))[0], scale * g,
            <vector *> (rule.state + k), <vector *> (rule.squares + k))
        k += sizeof(vector) // sizeof(real)
