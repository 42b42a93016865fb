# Sums of squares: the steps of Levenberg and Marquardt.
#
#     (J^T J / n + mu) step = J^T e / n       e = a - y, J = da/dtheta
#     theta := theta - step, if that lowers the loss
#
# A row of J has the error behind it, (J, e), so that one product gives J^T J and J^T e, and the
# factorisation of Cholesky solves its first triangle on the way. Samples come in blocks, as many as
# there is room for, and a block in parts that stay in cache; between two blocks a search may be
# left and taken up again.

cdef enum:
    # phases of a search
    STARTING        # sums the losses of theta
    MULTIPLYING     # sums J^T (J, e) of theta
    TRYING          # takes a step
    EVALUATING      # sums the losses after it

cdef enum:
    # indices into least_squares.REASONS
    GOING
    FLAT
    STUCK
    REACHED
    NOT_FINITE

cdef struct Search:     # least_squares.SEARCH
    double mu
    double decrease
    double increase
    double max_mu
    double min_gradient
    double target
    double sum_of_weights
    double loss
    double total
    double gradient
    Py_ssize_t phase
    Py_ssize_t first
    Py_ssize_t reason
    Py_ssize_t n_tries
    Py_ssize_t n_samples
    Py_ssize_t n_parameters
    Py_ssize_t width
    Py_ssize_t part
    Py_ssize_t n_units
    Py_ssize_t normal
    Py_ssize_t factor
    Py_ssize_t triangle
    Py_ssize_t step
    Py_ssize_t trial
    Py_ssize_t inputs
    Py_ssize_t targets
    Py_ssize_t roots
    Py_ssize_t units
    Py_ssize_t deltas
    Py_ssize_t rows
    Py_ssize_t pairs
    Py_ssize_t some
    Py_ssize_t shared

cdef struct Samples:    # what a search looks at
    Rows X
    Rows Y
    bint is_single          # X and Y have float32, for a network in float64
    Py_ssize_t spare        # a sample of a weight above 0


cdef Part part_at(
    const Net *net, const Search *search, real *buffer, Py_ssize_t first, Py_ssize_t n_samples,
) noexcept nogil:
    """The part of a block of n_samples that begins with its sample `first`."""
    cdef Part part
    cdef Py_ssize_t n_in = net.layers[0].n_in, n_out = net.layers[net.n_layers - 1].n_out
    part.n = min(search.part, (n_samples - first + 7) // 8 * 8)
    part.x = buffer + search.inputs + first * (n_in + 1)
    part.y = buffer + search.targets + first * n_out
    part.roots = buffer + search.roots + first
    part.units = buffer + search.units + first * search.n_units
    part.deltas, part.rows = buffer + search.deltas, buffer + search.rows
    part.pairs, part.some = buffer + search.pairs, buffer + search.some
    return part


cdef void take_samples(
    const Net *net, const Search *search, const Samples *samples, real *buffer, Py_ssize_t n,
) noexcept nogil:
    """Samples search.first.. of a block, turned: one row per input, per output, and of roots.

    In place of samples of weight 0, and behind the last one, stands a spare sample with the root 0:
    nothing overflows that does not count.
    """
    cdef Part part
    cdef Py_ssize_t n_in = net.layers[0].n_in, n_out = net.layers[net.n_layers - 1].n_out
    cdef Py_ssize_t first = 0, t, number
    cdef double weight
    while first < n:
        part = part_at(net, search, buffer, first, n)
        for t in range(part.n):
            number = search.first + first + t
            weight = 0
            if first + t < n:
                weight = 1 if samples.Y.weights == NULL else samples.Y.weights[number]
            if not weight > 0:
                number, weight = samples.spare, 0
            part.roots[t] = <real> sqrt(weight)
            take_row(&samples.X, samples.is_single, number, n_in, part.x + t, part.n)
            take_row(&samples.Y, samples.is_single, number, n_out, part.y + t, part.n)
            part.x[n_in * part.n + t] = 1
        first += part.n


cdef void take_row(
    const Rows *rows, bint is_single, Py_ssize_t number, Py_ssize_t n_columns,
    real *out, Py_ssize_t step,     # out[k step] = value k of the row
) noexcept nogil:
    cdef Py_ssize_t k, start = 0, stop = n_columns
    cdef const real *values = rows.values
    cdef const float *singles = <const float *> rows.values
    if rows.dense == NULL:
        start, stop = rows.starts[number], rows.starts[number + 1]
        for k in range(n_columns):
            out[k * step] = 0
        for k in range(start, stop):
            out[rows.columns[k] * step] = <real> singles[k] if is_single else values[k]
    elif is_single:
        singles = <const float *> rows.dense + number * rows.row
        for k in range(n_columns):
            out[k * step] = <real> singles[k]
    else:
        values = rows.dense + number * rows.row
        for k in range(n_columns):
            out[k * step] = values[k]


cdef void pass_on(
    Net *net, Search *search, const Place *places, const Samples *samples, real *buffer,
    real *theta, Py_ssize_t n, bint gives_up,
) noexcept nogil:
    """Forward through the next n samples at theta; total += their losses.

    gives_up: not through all of them, if total is that of no lower loss already.
    """
    cdef Part part
    cdef Py_ssize_t first = 0
    # if all samples fit, what was taken first is still there
    if net.batch_size < search.n_samples or search.phase == STARTING:
        take_samples(net, search, samples, buffer, n)
    net.theta = theta
    while first < n:
        part = part_at(net, search, buffer, first, n)
        pass_part(net, places, &part)
        search.total += half_squares(net, places, &part)
        first += part.n
        if gives_up and not search.total < search.loss:
            return


cdef void multiply_block(
    const Net *net, const Search *search, const Place *places, Py_ssize_t n, real *buffer,
) noexcept nogil:
    """normal += J^T (J, e) for n samples, which have passed forward."""
    cdef Part part
    cdef Py_ssize_t first = 0, o
    cdef real *normal = buffer + search.normal
    if search.first == 0:
        memset(buffer, 0, search.factor * sizeof(real))     # the sums of pairs, and then `normal`
    while first < n:
        part = part_at(net, search, buffer, first, n)
        for o in range(net.layers[net.n_layers - 1].n_out):
            back_from(net, places, &part, o)
            add_part(net, places, &part, o, buffer, normal, search.width, search.n_parameters)
        first += part.n


cdef void finish_products(
    const Net *net, const Search *search, const Place *places, real *buffer,
) noexcept nogil:
    """The sums of pairs join the others in `normal`."""
    cdef Py_ssize_t k
    for k in range(net.n_layers):
        if places[k].sums >= 0:
            spread_pairs(&net.layers[k], buffer + places[k].sums,
                         buffer + search.normal + places[k].first * (search.width + 1),
                         search.width)


cdef void try_step(
    const Net *net, const real *theta, Py_ssize_t n_theta, const real *step, real *trial,
) noexcept nogil:
    """trial = theta - step, which has no padding: input by input; in a last layer, unit by unit"""
    cdef const Layer *layer
    cdef Py_ssize_t k, i, o, n_in, i_step, o_step
    cdef real *w
    memcpy(trial, theta, n_theta * sizeof(real))
    for k in range(net.n_layers):
        layer = &net.layers[k]
        n_in, w = entering_units(layer), trial + layer.W    # b is the row behind W
        i_step, o_step = layer.n_out, 1
        if k == net.n_layers - 1 and acts_alone(layer):
            i_step, o_step = 1, n_in
        for i in range(n_in):
            for o in range(layer.n_out):
                w[i * layer.width + o] -= step[i * i_step + o * o_step]
        step += n_in * layer.n_out


cdef double norm_of_gradient(const Search *search, const real *normal) noexcept nogil:
    """|J^T e| / n, which is |dC/dtheta|"""
    cdef Py_ssize_t j
    cdef double total = 0, g
    for j in range(search.n_parameters):
        g = normal[j * search.width + search.n_parameters] / search.sum_of_weights
        total += g * g
    return sqrt(total)


cdef Py_ssize_t descend_squares(
    Net *net, Search *search, const Place *places, const Samples *samples, real *theta,
    Py_ssize_t n_theta, real *buffer, double *losses, Py_ssize_t n_losses, Py_ssize_t n_blocks,
) noexcept nogil:
    """Up to n_losses accepted steps, or n_blocks blocks of samples; the number of those steps."""
    cdef Py_ssize_t n, found = 0
    cdef bint fits = net.batch_size >= search.n_samples
    cdef real *trial = buffer + search.trial
    cdef real *step = buffer + search.step
    cdef bint fails, alone = not search.shared
    while search.reason == GOING and found < n_losses and n_blocks > 0:
        n = min(net.batch_size, search.n_samples - search.first)
        n_blocks -= 1
        if search.phase == TRYING:
            search.n_tries += 1
            if solve(search.n_parameters, search.width, buffer + search.normal,
                     search.sum_of_weights, search.mu, buffer + search.factor,
                     buffer + search.triangle, step):
                try_step(net, theta, n_theta, step, trial)
                enter_phase(search, EVALUATING)
            else:
                reject(search)
            continue
        if search.shared == 2:      # the sums are those of all now
            search.shared = 1
        else:
            if search.phase == STARTING:
                pass_on(net, search, places, samples, buffer, theta, n, False)
            elif search.phase == MULTIPLYING:
                if not fits:    # else z and a are those of the step that was accepted
                    pass_on(net, search, places, samples, buffer, theta, n, False)
                net.theta = theta
                multiply_block(net, search, places, n, buffer)
            else:
                pass_on(net, search, places, samples, buffer, trial, n, alone)
            search.first += n
            # a higher loss, also where it is nan, needs no more samples
            fails = alone and search.phase == EVALUATING and not search.total < search.loss
            if search.first < search.n_samples and not fails:
                continue
            if search.phase == MULTIPLYING:
                finish_products(net, search, places, buffer)
            if search.shared:
                search.shared = 2
                break
        if search.phase == STARTING:
            search.loss = search.total
            if not isfinite(search.loss):
                search.reason = NOT_FINITE
            enter_phase(search, MULTIPLYING)
        elif search.phase == MULTIPLYING:
            search.gradient = norm_of_gradient(search, buffer + search.normal)
            if search.gradient < search.min_gradient:
                search.reason = FLAT
            enter_phase(search, TRYING)
        elif not search.total < search.loss:
            reject(search)
        else:
            memcpy(theta, trial, n_theta * sizeof(real))
            search.loss = search.total
            search.mu = max(search.decrease * search.mu, 1e-20)
            losses[found] = search.loss / search.sum_of_weights
            if losses[found] <= search.target:
                search.reason = REACHED
            found += 1
            enter_phase(search, MULTIPLYING)
    return found


cdef void enter_phase(Search *search, Py_ssize_t phase) noexcept nogil:
    search.phase, search.first, search.total = phase, 0, 0


cdef void reject(Search *search) noexcept nogil:
    """A shorter step, nearer to the negative gradient."""
    search.mu *= search.increase
    if search.mu > search.max_mu:
        search.reason = STUCK
    enter_phase(search, TRYING)


def levenberg_marquardt(plan, theta, X, Y, search, losses, Py_ssize_t n_blocks, weights=None):
    """Steps until `losses` is full, n_blocks blocks were looked at, or search.reason says why."""
    cdef Net net
    cdef Samples samples
    cdef Search *record = <Search *> data(search.record, True, NULL)
    cdef const Place *places = <const Place *> (record + 1)
    cdef real *buffer = <real *> data(search.buffer, True, NULL)
    cdef double *out = <double *> data(losses, True, NULL)
    cdef Py_ssize_t n_theta = plan.n_theta, n_losses = len(losses), found
    cdef Environment before
    bind(&net, plan, theta, True, search, 0)
    bind_rows(&samples.X, X, None)
    bind_targets(&samples.Y, Y, None, weights)
    samples.is_single = Y.dtype.itemsize < REAL_BYTES
    samples.spare = 0
    while (samples.Y.weights != NULL and samples.spare < record.n_samples - 1
           and not samples.Y.weights[samples.spare] > 0):
        samples.spare += 1      # some weight is above 0
    cdef real *at = net.theta
    with nogil:
        before = enter(NEAREST)
        found = descend_squares(&net, record, places, &samples, at, n_theta, buffer, out,
                                n_losses, n_blocks)
        leave(NEAREST, before)
    return found
