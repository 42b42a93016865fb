# Epochs of some blocks side by side: orders, steps, losses, and when a network is at its end.

cdef void train_share(void *shared, Py_ssize_t thread) noexcept nogil:
    cdef Many *many = <Many *> shared
    cdef Room room
    cdef Py_ssize_t first, n
    cdef Environment before = enter(FLUSHING)
    first = take_next(&many.next, many.side)
    while first < many.stop:
        n = min(many.side, many.stop - first)
        lay_out(many, n, many.rooms + thread * many.room_bytes, &room)
        train_blocks(many, &room, first, n)
        first = take_next(&many.next, many.side)
    leave(FLUSHING, before)


cdef void train_blocks(
    const Many *many, Room *room, Py_ssize_t first, Py_ssize_t side,
) noexcept nogil:
    """Up to n_epochs epochs of the blocks from `first` on, `side` of them."""
    cdef Py_ssize_t e, k, n = many.n_parameters, lane, epoch = -1, network
    cdef Py_ssize_t n_steps = (many.samples.n + many.batch_size - 1) // many.batch_size
    cdef vec *theta = <vec *> many.theta + first * n
    room.product, room.product_step, room.whole = 1, 0, True
    for lane in range(side * NATIVE):
        network = many.lane_of[first * NATIVE + lane]
        if network >= 0 and many.networks[network].reason != GOES_ON:
            network, room.whole = -1, False
        room.network[lane] = network
        if network >= 0:
            epoch = many.networks[network].done     # the same in all that go on
    memcpy(room.kept, theta, side * n * sizeof(vec))
    take_hyper(many, room, side)
    for e in range(many.n_epochs):
        for lane in range(side * NATIVE):
            room.totals[lane] = 0
        memset(room.parts, 0, side * sizeof(vec))
        if many.shuffles:
            take_orders(many, room, side)
        if many.batch_size == 1:
            descend_samples(many, room, side, first, theta, (epoch + e) * n_steps)
        else:
            descend_batches(many, room, first, theta, (epoch + e) * n_steps)
        if not end_epoch(many, room, side, theta, epoch + e):
            break
    memcpy(theta, room.kept, side * n * sizeof(vec))


cdef void take_orders(const Many *many, const Room *room, Py_ssize_t side) noexcept nogil:
    """An order of the samples for every network."""
    cdef Py_ssize_t lane, k, network, n = side * NATIVE
    cdef size_t addresses[4]
    lane = 0
    while lane < n:
        for k in range(4):
            network = room.network[lane + k] if lane + k < n else -1
            addresses[k] = many.networks[network].generator if network >= 0 else 0
        draw_orders(addresses, many.samples.n, room.orders + lane * many.samples.n)
        lane += 4


cdef void take_hyper(const Many *many, Room *room, Py_ssize_t side) noexcept nogil:
    """The numbers of the rule for every lane; where there is no network, those in common."""
    cdef Py_ssize_t lane, s, k, network
    cdef double rate, momentum, decay
    cdef real *hyper
    memset(room.hyper, 0, side * 16 * sizeof(vec))
    for s in range(side):
        for lane in range(NATIVE):
            network, hyper = room.network[s * NATIVE + lane], <real *> (room.hyper + s * 16)
            rate, momentum, decay = many.given[0], many.given[1], 0
            if network >= 0:
                rate = many.networks[network].learning_rate
                momentum = many.networks[network].momentum
                decay = many.networks[network].weight_decay
            room.rates[s * NATIVE + lane] = rate
            for k in range(many.n_hyper):
                hyper[k * NATIVE + lane] = <real> many.given[k]
            hyper[lane] = <real> rate
            if many.own_momentum:
                hyper[NATIVE + lane] = <real> momentum
            (<real *> (room.keep + s))[lane] = <real> (1 - rate * decay)


cdef void begin_step(const Many *many, Room *room, Py_ssize_t side, Py_ssize_t step) noexcept nogil:
    """The constants of update number `step`, counted from 1."""
    cdef Py_ssize_t s
    while room.product_step < step:
        room.product_step += 1
        room.product *= factor_of_step(many.code, many.given, room.product_step)
        if room.product < 1e-40 or room.product == 1:   # 1 - product stays 1; no factors at all
            room.product_step = step
    for s in range(side):
        lanes_constants(many.code, many.given, room.rates + s * NATIVE, step, room.product,
                        <real *> (room.hyper + s * 16))


cdef void descend_rule(
    const Many *many, Room *room, Py_ssize_t side, Py_ssize_t first, vec *theta,
    Py_ssize_t n_samples, Py_ssize_t step,
) noexcept nogil:
    """One pass over all parameters, whose gradient times n_samples there is; after `step` others.
    """
    cdef Py_ssize_t s, n = many.n_parameters, slot = many.n_slots * n
    cdef real scale = <real> 1 / <real> n_samples
    cdef vec *gradient
    cdef vec *state
    begin_step(many, room, side, step + 1)
    for s in range(side):
        gradient = room.gradient + s * n
        # slots that a rule does not have are not touched: any address will do
        state = <vec *> many.state + (first + s) * slot if many.n_slots else theta
        if not many.is_plain:
            regularize(many, theta + s * n, gradient, scale, room.keep[s])
        step_lanes_by_code(
            many.code, n, room.hyper + s * 16, theta + s * n, gradient,
            scale if many.is_plain else <real> 1, state,
            state + (n if many.n_slots > 1 else 0), state + (2 * n if many.n_slots > 2 else 0))


cdef void regularize(
    const Many *many, vec *theta, vec *gradient, real scale, vec keep,
) noexcept nogil:
    """g limited; for W, g += l1 sign(w) + l2 w and then w := keep w."""
    cdef Py_ssize_t k, i
    cdef vec w, zero, plus, minus, none
    cdef real most = many.clip_value
    fill(&zero, 0)
    fill(&plus, many.l1)
    fill(&minus, -many.l1)
    for k in range(many.n_parameters):
        gradient[k] = gradient[k] * scale
        if most != INFINITY:
            gradient[k] = clipped(gradient[k], -most, most)
    for k in range(many.n_layers):
        for i in range(many.places[k].W,
                       many.places[k].W + many.layers[k].n_in * many.layers[k].n_out):
            w = theta[i]
            none = where_above(zero, w, minus, zero)
            gradient[i] += many.l2 * w + where_above(w, zero, plus, none)
            theta[i] = keep * w


cdef void descend_samples(
    const Many *many, Room *room, Py_ssize_t side, Py_ssize_t first, vec *theta, Py_ssize_t step,
) noexcept nogil:
    """An epoch of single samples."""
    cdef Py_ssize_t t, k, lane, every = max(<Py_ssize_t> 1, PARTIAL // many.n_out)
    cdef const real *x = NULL
    cdef const real *y
    cdef Py_ssize_t y_side = 0 if many.alike else 1
    for t in range(many.samples.n):
        if many.alike:
            x, y = many.samples.X + t * many.n_in, many.samples.Y + t * many.n_out
            for k in range(many.n_out):
                fill(&room.y[k], y[k])
        else:
            take_sample(many, side, room, t)
        forward_sample(many, side, room, theta, x)
        outputs_of_sample(many, side, room, room.y, y_side)
        if many.weights != NULL:
            find_sums(many, room, side, t, 1)
            weigh(many, room, side, t, 0)
        if not many.gathers:
            for lane in range(side * NATIVE):
                room.totals[lane] += room.costs[lane]
        elif (t + 1) % every == 0 or t + 1 == many.samples.n:
            take_parts(room, side)
        descend_sample(many, side, room, theta, x)
        if not (many.is_plain and many.code == SGD):
            descend_rule(many, room, side, first, theta, 1, step + t)


cdef void take_parts(const Room *room, Py_ssize_t side) noexcept nogil:
    """Losses of some samples, added up in `real`, to totals."""
    cdef Py_ssize_t s
    cdef Wide *totals = <Wide *> room.totals
    for s in range(side):
        totals[s] = add_wide(totals[s], widened(room.parts[s]))
        fill(&room.parts[s], 0)


cdef void descend_batches(
    const Many *many, Room *room, Py_ssize_t first, vec *theta, Py_ssize_t step,
) noexcept nogil:
    """An epoch of mini-batches of one block, piece by piece."""
    cdef Py_ssize_t begin, at, n, t, lane, size
    cdef const real *x = NULL
    begin = 0
    while begin < many.samples.n:
        size = min(many.batch_size, many.samples.n - begin)
        if many.weights != NULL:
            find_sums(many, room, 1, begin, size)
        at = begin
        while at < begin + size:
            n = min(many.piece, begin + size - at)
            if many.alike:
                x = many.samples.X + at * many.n_in
                spread_rows(many, room, n, many.samples.Y + at * many.n_out)
            else:
                take_piece(many, room, at, n)
            forward_piece(many, room, theta, n, x)
            outputs_of_piece(many, room, n)
            for t in range(n):
                if many.weights != NULL:
                    weigh(many, room, 1, at + t, t)
                for lane in range(NATIVE):
                    room.totals[lane] += room.costs[t * NATIVE + lane]
            backward_piece(many, room, theta, n, x, at > begin)
            at += n
        descend_rule(many, room, 1, first, theta, size, step)
        begin, step = begin + size, step + 1


cdef inline double weight_of(
    const Many *many, const Room *room, Py_ssize_t lane, Py_ssize_t t,
) noexcept nogil:
    cdef Py_ssize_t network = room.network[lane]
    if network < 0:
        return 1
    return many.weights[
        many.networks[network].first_weight + row_of_sample(many, room, lane, t)]


cdef void find_sums(
    const Many *many, Room *room, Py_ssize_t side, Py_ssize_t first, Py_ssize_t n,
) noexcept nogil:
    """n / (sum of the weights of the n samples of a mini-batch), or 0 if that is 0."""
    cdef Py_ssize_t lane, t
    cdef double total
    for lane in range(side * NATIVE):
        total = 0
        for t in range(first, first + n):
            total += weight_of(many, room, lane, t)
        room.sums[lane] = n / total if total > 0 else 0


cdef void weigh(
    const Many *many, Room *room, Py_ssize_t side, Py_ssize_t t, Py_ssize_t in_piece,
) noexcept nogil:
    """Each loss times w_t, and delta times w_t n / sum_s w_s; what weighs 0 leaves no trace."""
    cdef Py_ssize_t lane, s, k, o, n_out, at
    cdef double *cost
    cdef double weight
    cdef const Place *place
    cdef real factor
    for lane in range(side * NATIVE):
        weight = weight_of(many, room, lane, t)
        factor, s = <real> (weight * room.sums[lane]), lane // NATIVE
        cost = room.costs + in_piece * side * NATIVE + lane
        cost[0] = cost[0] * weight if weight > 0 else 0
        for k in range(many.n_layers):
            place, n_out = &many.places[k], many.layers[k].n_out
            if weight > 0 and k < many.n_layers - 1:
                continue
            for o in range(n_out):
                at = (in_piece * side + s) * n_out + o
                if weight > 0:
                    lane_at(many, room, side, place.delta, at, lane)[0] *= factor
                else:
                    lane_at(many, room, side, place.delta, at, lane)[0] = 0
                    lane_at(many, room, side, place.a, at, lane)[0] = 0
                    lane_at(many, room, side, place.z, at, lane)[0] = 0


cdef inline real *lane_at(
    const Many *many, const Room *room, Py_ssize_t side, Py_ssize_t place, Py_ssize_t at,
    Py_ssize_t lane,
) noexcept nogil:
    cdef Py_ssize_t piece = many.piece if many.batch_size > 1 else 1
    return <real *> (room.units + piece * place * side + at) + lane % NATIVE


cdef bint end_epoch(
    const Many *many, Room *room, Py_ssize_t side, vec *theta, Py_ssize_t epoch,
) noexcept nogil:
    """Losses, and what goes on; whether anything does."""
    cdef Py_ssize_t lane, s, k, n = many.n_parameters, network
    cdef double loss, watched, sum_of_weights = many.samples.n
    cdef bint goes_on = False
    cdef vec mask, zero, finite
    cdef real *alive
    cdef Network *net
    cdef bint whole = room.whole        # up to here
    fill(&zero, 0)
    for s in range(side):
        fill(&finite, 0)                # x - x is 0 only where x is finite
        for k in range(s * n, (s + 1) * n):
            finite += theta[k] - theta[k]
        fill(&mask, 0)
        alive = <real *> &mask
        if many.watched.X != NULL:
            watch(many, room, s, theta + s * n)
        for lane in range(s * NATIVE, (s + 1) * NATIVE):
            network = room.network[lane]
            if network < 0:
                continue
            net = &many.networks[network]
            if many.weights != NULL:
                sum_of_weights = 0
                for k in range(many.samples.n):
                    sum_of_weights += many.weights[net.first_weight + k]
            loss = room.totals[lane] / sum_of_weights
            watched = room.sums[lane] if many.watched.X != NULL else loss
            if not (isfinite(loss) and isfinite(watched)
                    and (<real *> &finite)[lane % NATIVE] == 0):
                net.reason, room.network[lane] = DIVERGED, -1
                room.whole = whole = False
                continue
            alive[lane % NATIVE] = 1
            many.losses[epoch * many.n_networks + network] = loss
            if many.watched.X != NULL:
                many.watched_losses[epoch * many.n_networks + network] = watched
            net.done += 1
            judge(many, net, watched)
            if net.best_epoch == net.done and many.best != NULL:
                keep_best(many, theta + s * n, lane % NATIVE, network)
            if net.reason != GOES_ON:
                room.network[lane], room.whole = -1, False
            else:
                goes_on = True
        if whole:       # to load `mask` takes until all its stores, and those before, have ended
            memcpy(room.kept + s * n, theta + s * n, n * sizeof(vec))
            continue
        for k in range(s * n, (s + 1) * n):
            room.kept[k] = where_above(mask, zero, theta[k], room.kept[k])
    return goes_on


cdef inline void judge(const Many *many, Network *net, double value) noexcept nogil:
    """As training/stopping.py has it."""
    if value < net.lowest:
        net.lowest, net.best_epoch = value, net.done
    if value <= many.target_loss:
        net.reason = TARGET_LOSS
    elif value < net.best - many.tol:
        net.best, net.without = value, 0
    else:
        net.without += 1
        if many.patience and net.without >= many.patience:
            net.reason = many.why
    if net.reason == GOES_ON and net.done >= net.last:
        net.reason = EPOCHS


cdef void keep_best(
    const Many *many, const vec *theta, Py_ssize_t lane, Py_ssize_t network,
) noexcept nogil:
    cdef Py_ssize_t k
    cdef real *best = many.best + network * many.n_parameters
    for k in range(many.n_parameters):
        best[many.positions[k]] = (<const real *> (theta + k))[lane]


cdef void watch(
    const Many *many, Room *room, Py_ssize_t s, const vec *theta,
) noexcept nogil:
    """The mean loss of the samples to watch, of the networks of block s, to room.sums."""
    cdef Py_ssize_t at, n, t, lane, row
    cdef double totals[16]
    cdef const real *x = NULL
    for lane in range(NATIVE):
        totals[lane] = 0
    at = 0
    while at < many.watched.n:
        n = min(many.piece, many.watched.n - at)
        if many.watches_alike:
            x = many.watched.X + at * many.n_in
            spread_rows(many, room, n, many.watched.Y + at * many.n_out)
        else:
            for t in range(n):
                for lane in range(NATIVE):
                    row = at + t
                    if room.network[s * NATIVE + lane] >= 0:
                        row += many.networks[room.network[s * NATIVE + lane]].first_watched
                    room.x_rows[lane] = many.watched.X + row * many.n_in
                    room.y_rows[lane] = many.watched.Y + row * many.n_out
                interleave(many.n_in, room.x_rows, room.x + t * many.n_in)
                interleave(many.n_out, room.y_rows, room.y + t * many.n_out)
        forward_piece(many, room, theta, n, x)
        outputs_of_piece(many, room, n)
        for t in range(n):
            for lane in range(NATIVE):
                totals[lane] += room.costs[t * NATIVE + lane]
        at += n
    for lane in range(NATIVE):
        room.sums[s * NATIVE + lane] = totals[lane] / many.watched.n


cdef void forward_share(void *shared, Py_ssize_t thread) noexcept nogil:
    """Blocks one after the other, piece by piece."""
    cdef Many *many = <Many *> shared
    cdef Room room
    cdef Py_ssize_t block, at, n, t, lane, o, row, network
    cdef const vec *theta
    cdef const real *x = NULL
    cdef vec *a
    cdef const Layer *layer = &many.layers[many.n_layers - 1]
    cdef const Place *last = &many.places[many.n_layers - 1]
    cdef Environment before = enter(NEAREST)
    lay_out(many, 1, many.rooms + thread * many.room_bytes, &room)
    block = take_next(&many.next, 1)
    while block < many.stop:
        theta = <const vec *> many.theta + block * many.n_parameters
        at = 0
        while at < many.n_rows:
            n = min(many.piece, many.n_rows - at)
            if many.rows == NULL:
                x = many.X + at * many.n_in
            else:
                for t in range(n):
                    for lane in range(NATIVE):
                        network, row = many.lane_of[block * NATIVE + lane], at + t
                        if network >= 0:
                            row += many.rows[network]
                        room.x_rows[lane] = many.X + row * many.n_in
                    interleave(many.n_in, room.x_rows, room.x + t * many.n_in)
            forward_piece(many, &room, theta, n, x)
            a = room.units + many.piece * last.a
            activate_outputs(layer, n, room.units + many.piece * last.z, a)
            for t in range(n):
                for lane in range(NATIVE):
                    network = many.lane_of[block * NATIVE + lane]
                    if network >= 0:
                        for o in range(many.n_out):
                            many.out[(network * many.n_rows + at + t) * many.n_out + o] = \
                                (<const real *> (a + t * many.n_out + o))[lane]
            at += n
        block = take_next(&many.next, 1)
    leave(NEAREST, before)
