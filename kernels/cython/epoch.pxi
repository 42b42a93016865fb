# An epoch of mini-batches: step by step, each in a few phases that threads may share (crew.pxd).

cdef struct Epoch:
    Net net
    Rule rule
    Rows X
    Rows Y
    Py_ssize_t start
    Py_ssize_t stop
    Py_ssize_t batch_size
    Py_ssize_t step
    Crew *crew              # or NULL: one thread
    Py_ssize_t n_threads    # at most
    const double *rates     # learning rate of every mini-batch, or NULL
    bint drops              # whether there is dropout or noise of inputs, whose seed is `noise`
    unsigned long long noise
    double total
    double *squares         # ||W||^2 before every step is added to it; or NULL


cdef struct Step:           # the one under way, as the phases see it
    const Epoch *epoch
    Net net                 # theta: with noise, until the parameters move
    Rule rule
    Rule spends             # what the products do with the gradient
    Rows X                  # the samples of the piece; gathered, if `gathers`
    bint gathers            # dense rows in an order are copied side by side; or to change them
    Rows Y
    Piece piece
    Py_ssize_t start        # of the piece
    Py_ssize_t done         # samples of the mini-batch before it
    Py_ssize_t n_shares
    Py_ssize_t n            # samples of the mini-batch
    Groups groups           # of it, if there are any, and how many threads compute them
    Py_ssize_t n_group_shares
    double totals[GROUPS]   # of their losses
    real factor             # of the gradient, see factor_of_gradient
    double total            # of the losses


cdef inline Py_ssize_t begin_of(const Step *now, Py_ssize_t k) noexcept nogil:
    """Where in theta share k begins, and share k - 1 ends, in the steps of flat rules."""
    return min(k * share(now.rule.n_theta, now.n_shares), now.rule.n_theta)


cdef void add_noise_share(void *shared, Py_ssize_t k) noexcept nogil:
    """Weights with noise, to compute the gradient at."""
    cdef Step *now = <Step *> shared
    cdef Environment before = enter(FLUSHING)
    add_weight_noise(&now.net, &now.rule, now.epoch.net.theta, begin_of(now, k),
                     begin_of(now, k + 1))
    leave(FLUSHING, before)


cdef void pass_share(void *shared, Py_ssize_t k) noexcept nogil:
    """Some samples of the piece forward and back."""
    cdef Step *now = <Step *> shared
    cdef Net net = now.net
    cdef Rows X = now.X, Y = now.Y
    cdef const Rows *given = &now.epoch.X
    cdef Py_ssize_t n = now.piece.n_samples, chunk = share(n, now.n_shares), t, n_own
    cdef Py_ssize_t n_in = net.layers[0].n_in, row = round_up(n_in), first = begin_of(now, k)
    cdef Environment before = enter(FLUSHING)
    take_own_room(&net, k)
    net.first = min(k * chunk, n)
    n_own = min(chunk, n - net.first)
    Y.first = now.start + net.first
    X.first += net.first
    if now.gathers:
        for t in range(net.first, net.first + n_own):
            spread(given, now.start + t, n_in, net.gathered + t * row)
    if now.epoch.drops and n_own > 0:
        drop_inputs(&net, n_own, net.gathered + net.first * row, row)
    if n_own > 0:   # a small piece leaves nothing for the last shares
        pass_batch(&net, n_own, &X, &Y, True)
    if now.rule.flat and now.piece.is_first:
        memset(now.rule.state + first, 0, (begin_of(now, k + 1) - first) * sizeof(real))
    leave(FLUSHING, before)


cdef void descend_share(void *shared, Py_ssize_t k) noexcept nogil:
    """The step, or a flat rule's gradient, for some rows of every W; the last has the biases."""
    cdef Step *now = <Step *> shared
    cdef Net net = now.net
    cdef Rows Y = now.Y
    cdef Piece piece = now.piece
    cdef Ahead ahead
    cdef Py_ssize_t n = piece.n_samples, next = now.start + n, chunk = share(n, now.n_shares), t
    cdef Py_ssize_t first = min(k * chunk, n), n_own = min(chunk, n - first)
    cdef Py_ssize_t stop = now.epoch.stop
    cdef Environment before = enter(FLUSHING)
    take_own_room(&net, k)
    piece.thread, piece.n_threads = k, now.n_shares
    if k == 0:
        for t in range(n):      # in one order, for any number of threads
            now.total += net.costs[t]
    Y.first = next + first
    for t in range(min(n_own, stop - Y.first)):
        fetch(&Y, t, 1)
    if now.gathers:     # fetch the samples of the next piece meanwhile
        look_ahead(&ahead, &now.epoch.X, next + first, n_own, stop, net.layers[0].n_in,
                   net.layers[0].width)
        descend_batch(&net, &piece, &now.X, &now.spends, &ahead)
    else:
        descend_batch(&net, &piece, &now.X, &now.spends, NULL)
    leave(FLUSHING, before)


cdef void group_share(void *shared, Py_ssize_t k) noexcept nogil:
    """The gradients of some groups, in room for one piece."""
    cdef Step *now = <Step *> shared
    cdef Net net = now.net
    cdef Rows X = now.X, Y = now.Y
    cdef Rule sums
    cdef Piece piece
    cdef Ahead ahead
    cdef const Rows *given = &now.epoch.X
    cdef Groups groups = now.groups
    cdef Py_ssize_t n_in = net.layers[0].n_in, row = round_up(n_in), n = now.n, m, t, group, next
    cdef Py_ssize_t done = k * groups.n // now.n_group_shares * groups.of_group
    cdef Py_ssize_t stop = min(n, (k + 1) * groups.n // now.n_group_shares * groups.of_group)
    cdef Environment before = enter(FLUSHING)
    take_own_room(&net, k)
    net.first = k * groups.piece
    piece.thread, piece.n_threads = 0, 1
    while done < stop:
        m, group = min(groups.piece, stop - done), done // groups.of_group
        next = now.start + done + m
        piece.n_samples = m
        net.done = done - net.first     # what counts is the place in the mini-batch
        Y.first = now.start + done
        X.first = net.first if now.gathers else now.start + done
        if now.gathers:
            for t in range(m):
                spread(given, now.start + done + t, n_in, net.gathered + (net.first + t) * row)
        if now.epoch.drops:
            drop_inputs(&net, m, net.gathered + net.first * row, row)
        pass_batch(&net, m, &X, &Y, True)
        if begin_piece(&net, &piece, &sums, n, done, now.n_group_shares == 1):
            now.totals[group] = 0
        for t in range(m):
            now.totals[group] += net.costs[net.first + t]
        if now.gathers:     # fetch the samples of the next piece meanwhile
            look_ahead(&ahead, given, next, m, now.epoch.stop, n_in, net.layers[0].width)
            descend_batch(&net, &piece, &X, &sums, &ahead)
        else:
            descend_batch(&net, &piece, &X, &sums, NULL)
        done += m
    leave(FLUSHING, before)


cdef void move_groups_share(void *shared, Py_ssize_t k) noexcept nogil:
    """The step on some parameters after it."""
    cdef Step *now = <Step *> shared
    cdef Py_ssize_t n = share(now.net.n_theta, now.n_shares)
    cdef Environment before = enter(FLUSHING)
    move_by_groups(&now.net, &now.spends, now.n, now.n_group_shares == 1, k * n, (k + 1) * n)
    leave(FLUSHING, before)


cdef void move_share(void *shared, Py_ssize_t k) noexcept nogil:
    """The step of a flat rule on some parameters."""
    cdef Step *now = <Step *> shared
    cdef Environment before = enter(FLUSHING)
    move_parameters(&now.net, &now.rule, now.factor, begin_of(now, k), begin_of(now, k + 1))
    leave(FLUSHING, before)


cdef void limit_share(void *shared, Py_ssize_t k) noexcept nogil:
    cdef Step *now = <Step *> shared
    cdef Environment before = enter(FLUSHING)
    limit_norms(now.net.layers, now.net.n_layers, now.net.theta, now.rule.max_norm, k,
                now.n_shares)
    leave(FLUSHING, before)


cdef void train_batches(Epoch *epoch) noexcept nogil:
    """All steps; epoch.total gets the losses."""
    cdef Step now
    cdef Rule *moves        # what moves the parameters
    cdef Crew *crew = epoch.crew
    cdef Py_ssize_t n, k, start = epoch.start, step = epoch.step, number = 0
    cdef Py_ssize_t whole = min(epoch.batch_size, epoch.stop - start)
    cdef double began = 0
    cdef Environment before = enter(FLUSHING)
    now.epoch, now.net, now.rule, now.X, now.Y = epoch, epoch.net, epoch.rule, epoch.X, epoch.Y
    now.spends, now.total, now.n_shares = epoch.rule, epoch.total, epoch.n_threads
    now.net.trains = True
    now.gathers = epoch.X.dense != NULL and epoch.X.order != NULL
    now.gathers = now.gathers or now.net.input_dropout > 0 or now.net.input_noise > 0
    if now.gathers:
        now.X.dense, now.X.order = now.net.gathered, NULL
        now.X.row = round_up(now.net.layers[0].n_in)
    moves = &now.rule if now.rule.flat else &now.spends
    if now.rule.flat:
        now.spends.code = ACCUMULATE    # into slot 0
    while start < epoch.stop and isfinite(now.total):
        n = min(epoch.batch_size, epoch.stop - start)
        if crew != NULL and crew.chooses:
            now.n_shares = crew.pace.threads[crew.pace.at]
            began = seconds_now()
            if epoch.X.dense != NULL and epoch.net.batch_size >= PIECE:     # room as for one thread
                now.net.batch_size = min(epoch.net.batch_size, PIECE * now.n_shares)
        now.piece.scale = <real> 1 / <real> n
        step += 1
        if epoch.rates != NULL:
            set_rate(moves, epoch.rates[number])
            number += 1
        begin_step(moves, step)
        if epoch.squares != NULL:
            epoch.squares[0] += squares_of_weights(&epoch.net)
        if epoch.drops or now.rule.noisy != NULL:
            begin_masks(&now.net, epoch.noise, step)
        if now.rule.noisy != NULL:
            now.net.theta = now.rule.noisy
            together(crew, now.n_shares, add_noise_share, &now)
        if now.Y.weights != NULL:
            now.Y.first = start
            take_weights(&now.Y, n)
        now.done, now.n, now.start = 0, n, start
        if piece_of_groups(&now.net, &now.rule, &now.X, n) > 0:
            now.groups = groups_of(n)
            now.n_group_shares = min(
                min(now.n_shares, now.groups.n), now.net.batch_size // now.groups.piece)
            together(crew, now.n_group_shares, group_share, &now)
            for k in range(now.groups.n):
                now.total += now.totals[k]
            together(crew, now.n_shares, move_groups_share, &now)
            start += n
            now.done = n
        while now.done < n:     # piece by piece: as many samples as there is room for
            now.piece.is_first = now.done == 0
            now.piece.n_samples = min(now.net.batch_size, n - now.done)
            now.piece.is_last = now.done + now.piece.n_samples == n
            now.net.done, now.start = now.done, start
            now.X.first = 0 if now.gathers else start
            together(crew, now.n_shares, pass_share, &now)
            together(crew, now.n_shares, descend_share, &now)
            start += now.piece.n_samples
            now.done += now.piece.n_samples
        if now.rule.flat:
            now.net.theta = epoch.net.theta     # without noise
            now.factor = factor_of_gradient(&now.rule)
            together(crew, now.n_shares, move_share, &now)
            if not isinf(now.rule.max_norm):
                together(crew, now.n_shares, limit_share, &now)
        if crew != NULL and crew.chooses and n == whole:
            told(&crew.pace, n, seconds_now() - began)
    epoch.total = now.total
    leave(FLUSHING, before)
