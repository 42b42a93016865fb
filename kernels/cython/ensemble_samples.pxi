# One sample a step, for `side` blocks at a time: the processor overlaps what they wait for, since
# no block depends on another. Blocks z, a and delta are (side, units); the parameters of each block
# lie n_parameters vectors from those of the one before.
#
# Up to 8 units of a layer are computed at once, their sums or deltas in registers; how many is a
# constant of each piece of code.

cdef inline void forward_units(
    bint scalar, Py_ssize_t n,          # constants
    Py_ssize_t n_in, Py_ssize_t n_out,
    const vec *W,       # (n_in, n_out)
    const vec *b,       # (n_out,), or NULL
    const vec *a,       # (n_in,)  read, or, if scalar:
    const real *x,      # (n_in,)
    vec *z,             # (n,)  overwritten: z_o = b_o + sum_i a_i W_io for n units
) noexcept nogil:
    cdef vec sums[8]
    cdef vec entered
    cdef Py_ssize_t i, o
    for o in range(n):
        if b == NULL:
            fill(&sums[o], 0)
        else:
            sums[o] = b[o]
    for i in range(n_in):
        if scalar:
            fill(&entered, x[i])
        else:
            entered = a[i]
        for o in range(n):
            sums[o] += entered * W[i * n_out + o]
    for o in range(n):
        z[o] = sums[o]


cdef inline void forward_blocks(
    bint scalar, Py_ssize_t n,          # constants
    const Many *many, Py_ssize_t side, Py_ssize_t k, Py_ssize_t o, const vec *theta,
    const vec *a,       # (side, n_in), or
    const real *x,      # (n_in,)
    vec *z,             # (side, n_out): units o to o + n - 1
) noexcept nogil:
    cdef Py_ssize_t s, n_in = many.layers[k].n_in, n_out = many.layers[k].n_out
    cdef const vec *W = theta + many.places[k].W + o
    cdef const vec *b = NULL
    if many.places[k].b >= 0:
        b = theta + many.places[k].b + o
    z += o
    for s in range(side):
        forward_units(scalar, n, n_in, n_out, W, b, a, x, z)
        W, z = W + many.n_parameters, z + n_out
        if not scalar:
            a += n_in
        if b != NULL:
            b += many.n_parameters


cdef inline void forward_layer(
    bint scalar,        # constant
    const Many *many, Py_ssize_t side, Py_ssize_t k, const vec *theta, const vec *a, const real *x,
    vec *z,
) noexcept nogil:
    cdef Py_ssize_t o = 0, n_out = many.layers[k].n_out
    while o < n_out:
        if n_out - o >= 8:
            forward_blocks(scalar, 8, many, side, k, o, theta, a, x, z)
        elif n_out - o == 7:
            forward_blocks(scalar, 7, many, side, k, o, theta, a, x, z)
        elif n_out - o == 6:
            forward_blocks(scalar, 6, many, side, k, o, theta, a, x, z)
        elif n_out - o == 5:
            forward_blocks(scalar, 5, many, side, k, o, theta, a, x, z)
        elif n_out - o == 4:
            forward_blocks(scalar, 4, many, side, k, o, theta, a, x, z)
        elif n_out - o == 3:
            forward_blocks(scalar, 3, many, side, k, o, theta, a, x, z)
        elif n_out - o == 2:
            forward_blocks(scalar, 2, many, side, k, o, theta, a, x, z)
        else:
            forward_blocks(scalar, 1, many, side, k, o, theta, a, x, z)
        o += 8


cdef inline void backward_units(
    bint scalar, bint moves, bint returns, Py_ssize_t n,    # constants
    Py_ssize_t n_in, Py_ssize_t n_out, bint is_first,
    vec *W,             # read; updated if `moves`: W_io -= eps a_i delta_o
    vec *b,             # likewise, or NULL
    vec rate,           # eps, if `moves`
    const vec *a, const real *x,
    const vec *delta,   # (n,)
    vec *dC_da,         # (n_in,)  if `returns`: sum_o W_io delta_o, of these n units or added
) noexcept nogil:
    """Without `moves` W and b are those of the gradient: overwritten."""
    cdef vec of_unit[8]
    cdef vec entered, total, w
    cdef Py_ssize_t i, o
    for o in range(n):
        of_unit[o] = delta[o]
        if b != NULL:
            if moves:
                b[o] -= rate * of_unit[o]
            else:
                b[o] = of_unit[o]
    for i in range(n_in):
        if scalar:
            fill(&entered, x[i])
        else:
            entered = a[i]
        if moves:
            entered *= rate
        if returns:
            if is_first:
                fill(&total, 0)
            else:
                total = dC_da[i]
        for o in range(n):
            if moves:
                w = W[i * n_out + o]
                if returns:
                    total += w * of_unit[o]
                W[i * n_out + o] = w - entered * of_unit[o]
            else:
                W[i * n_out + o] = entered * of_unit[o]
        if returns:
            dC_da[i] = total


cdef inline void backward_blocks(
    bint scalar, bint moves, bint returns, Py_ssize_t n,    # constants
    const Many *many, Py_ssize_t side, Py_ssize_t k, Py_ssize_t o,
    vec *theta, const vec *rate, const vec *a, const real *x, const vec *delta, vec *dC_da,
) noexcept nogil:
    cdef Py_ssize_t s, n_in = many.layers[k].n_in, n_out = many.layers[k].n_out
    cdef vec *W = theta + many.places[k].W + o
    cdef vec *b = NULL
    cdef vec eps
    fill(&eps, 0)
    if many.places[k].b >= 0:
        b = theta + many.places[k].b + o
    delta += o
    for s in range(side):
        if moves:
            eps = rate[s * 16]
        backward_units(scalar, moves, returns, n, n_in, n_out, o == 0, W, b, eps, a, x, delta,
                       dC_da)
        W, delta = W + many.n_parameters, delta + n_out
        if not scalar:
            a += n_in
        if returns:
            dC_da += n_in
        if b != NULL:
            b += many.n_parameters


cdef inline void backward_layer(
    bint scalar, bint moves, bint returns,      # constants
    const Many *many, Py_ssize_t side, Py_ssize_t k,
    vec *theta, const vec *rate, const vec *a, const real *x, const vec *delta, vec *dC_da,
) noexcept nogil:
    """Moves the parameters of a layer or, if not `moves`, overwrites their gradient."""
    cdef Py_ssize_t o = 0, n_out = many.layers[k].n_out
    while o < n_out:
        if n_out - o >= 8:
            backward_blocks(scalar, moves, returns, 8, many, side, k, o, theta, rate, a, x,
                            delta, dC_da)
        elif n_out - o == 7:
            backward_blocks(scalar, moves, returns, 7, many, side, k, o, theta, rate, a, x,
                            delta, dC_da)
        elif n_out - o == 6:
            backward_blocks(scalar, moves, returns, 6, many, side, k, o, theta, rate, a, x,
                            delta, dC_da)
        elif n_out - o == 5:
            backward_blocks(scalar, moves, returns, 5, many, side, k, o, theta, rate, a, x,
                            delta, dC_da)
        elif n_out - o == 4:
            backward_blocks(scalar, moves, returns, 4, many, side, k, o, theta, rate, a, x,
                            delta, dC_da)
        elif n_out - o == 3:
            backward_blocks(scalar, moves, returns, 3, many, side, k, o, theta, rate, a, x,
                            delta, dC_da)
        elif n_out - o == 2:
            backward_blocks(scalar, moves, returns, 2, many, side, k, o, theta, rate, a, x,
                            delta, dC_da)
        else:
            backward_blocks(scalar, moves, returns, 1, many, side, k, o, theta, rate, a, x,
                            delta, dC_da)
        o += 8


cdef void return_layer(
    const Many *many, Py_ssize_t side, Py_ssize_t k, const vec *theta, const vec *delta, vec *dC_da,
) noexcept nogil:
    """dC_da_i = sum_o W_io delta_o"""
    cdef Py_ssize_t i, o, s, n_in = many.layers[k].n_in, n_out = many.layers[k].n_out
    cdef const vec *W = theta + many.places[k].W
    cdef vec total
    for s in range(side):
        for i in range(n_in):
            fill(&total, 0)
            for o in range(n_out):
                total += W[s * many.n_parameters + i * n_out + o] * delta[s * n_out + o]
            dC_da[s * n_in + i] = total


# The functions above for each constant: what is not inlined is compiled once.
cdef void forward(const Many *many, Py_ssize_t side, Py_ssize_t k, const vec *theta, const vec *a,
                  const real *x, vec *z) noexcept nogil:
    if x == NULL:
        forward_layer(False, many, side, k, theta, a, x, z)
    else:
        forward_layer(True, many, side, k, theta, a, x, z)


cdef void move(const Many *many, Py_ssize_t side, Py_ssize_t k, vec *theta, const vec *rate,
               const vec *a, const real *x, const vec *delta, vec *dC_da) noexcept nogil:
    if dC_da != NULL:
        backward_layer(False, True, True, many, side, k, theta, rate, a, x, delta, dC_da)
    elif x == NULL:
        backward_layer(False, True, False, many, side, k, theta, rate, a, x, delta, dC_da)
    else:
        backward_layer(True, True, False, many, side, k, theta, rate, a, x, delta, dC_da)


cdef void find_gradient(const Many *many, Py_ssize_t side, Py_ssize_t k, vec *gradient,
                        const vec *a, const real *x, const vec *delta) noexcept nogil:
    if x == NULL:
        backward_layer(False, False, False, many, side, k, gradient, NULL, a, x, delta, NULL)
    else:
        backward_layer(True, False, False, many, side, k, gradient, NULL, a, x, delta, NULL)


cdef void forward_sample(
    const Many *many, Py_ssize_t side, const Room *room, const vec *theta, const real *x,
) noexcept nogil:
    """z and a of all layers but a of the last, from x or, if that is NULL, from room.x."""
    cdef Py_ssize_t k
    cdef const vec *entered = room.x
    cdef vec *z
    cdef vec *a
    for k in range(many.n_layers):
        z = room.units + many.places[k].z * side
        a = room.units + many.places[k].a * side
        forward(many, side, k, theta, entered, x, z)
        if k + 1 < many.n_layers:
            activate(&many.layers[k], many.layers[k].n_out * side, z, a)
        entered, x = a, NULL


cdef void outputs_of_sample(
    const Many *many, Py_ssize_t side, const Room *room, const vec *y, Py_ssize_t y_side,
) noexcept nogil:
    cdef const Place *last = &many.places[many.n_layers - 1]
    outputs(many, side, room.units + last.z * side, room.units + last.a * side, y, y_side,
            room.units + last.delta * side, room.costs,
            room.parts if many.gathers else NULL)


cdef void descend_sample(
    const Many *many, Py_ssize_t side, const Room *room, vec *theta, const real *x,
) noexcept nogil:
    """From delta of the last layer on; plain SGD has moved theta, other rules have the gradient."""
    cdef Py_ssize_t k
    cdef const Place *place
    cdef const Place *below
    cdef const vec *a
    cdef vec *delta
    cdef vec *dC_da
    for k in range(many.n_layers - 1, -1, -1):
        place = &many.places[k]
        delta, dC_da, a = room.units + place.delta * side, NULL, room.x
        if k > 0:
            below = &many.places[k - 1]
            a, dC_da = room.units + below.a * side, room.units + below.delta * side
        if many.is_plain and many.code == SGD:
            move(many, side, k, theta, room.hyper, a, x if k == 0 else NULL, delta, dC_da)
        else:
            find_gradient(many, side, k, room.gradient, a, x if k == 0 else NULL, delta)
            if k > 0:
                return_layer(many, side, k, theta, delta, dC_da)
        if k > 0:
            multiply_by_slope(&many.layers[k - 1], many.layers[k - 1].n_out * side,
                              room.units + below.z * side, a, dC_da)


cdef void take_sample(
    const Many *many, Py_ssize_t side, const Room *room, Py_ssize_t t,
) noexcept nogil:
    """Sample number t of the epoch, of every network its own, to room.x and room.y."""
    cdef Py_ssize_t s
    for s in range(side):
        find_rows(many, room, s, t)
        interleave(many.n_in, room.x_rows, room.x + s * many.n_in)
        interleave(many.n_out, room.y_rows, room.y + s * many.n_out)


cdef void find_rows(
    const Many *many, const Room *room, Py_ssize_t s, Py_ssize_t t,
) noexcept nogil:
    """The rows of X and Y that are sample t of the epoch for the networks of block s."""
    cdef Py_ssize_t lane, row, network
    for lane in range(NATIVE):
        row = row_of_sample(many, room, s * NATIVE + lane, t)
        network = room.network[s * NATIVE + lane]
        if network >= 0:
            row += many.networks[network].first_row
        room.x_rows[lane] = many.samples.X + row * many.n_in
        room.y_rows[lane] = many.samples.Y + row * many.n_out


cdef inline Py_ssize_t row_of_sample(
    const Many *many, const Room *room, Py_ssize_t lane, Py_ssize_t t,
) noexcept nogil:
    """Which of its samples a network takes; where none is trained, the first."""
    if room.network[lane] < 0:
        return 0
    return room.orders[lane * many.samples.n + t] if many.shuffles else t
