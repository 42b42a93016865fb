# One sample a step, for `side` blocks at a time (1 or SIDE, a constant): what one block waits for
# hides behind the others. Blocks z, a and delta have the `side` vectors of a unit side by
# side; the parameters of each block lie apart, n_parameters vectors from those of the one before.

cdef inline void forward_units(
    Py_ssize_t side, bint scalar, Py_ssize_t n,         # constants
    Py_ssize_t n_in, Py_ssize_t n_out, Py_ssize_t apart,
    const vec *W,       # (n_in, n_out), and `apart` vectors further those of the next block
    const vec *b,       # (n_out,), likewise, or NULL
    const vec *a,       # (n_in, side)  read, or, if scalar:
    const real *x,      # (n_in,)
    vec *z,             # (n, side)  overwritten: z_o = b_o + sum_i a_i W_io for n units
) noexcept nogil:
    cdef vec sums[16]
    cdef vec entered
    cdef Py_ssize_t i, o, s
    for o in range(n):
        for s in range(side):
            if b == NULL:
                fill(&sums[o * side + s], 0)
            else:
                sums[o * side + s] = b[s * apart + o]
    for i in range(n_in):
        for s in range(side):
            if scalar:
                fill(&entered, x[i])
            else:
                entered = a[i * side + s]
            for o in range(n):
                sums[o * side + s] += entered * W[s * apart + i * n_out + o]
    for o in range(n):
        for s in range(side):
            z[o * side + s] = sums[o * side + s]


cdef inline void forward_layer(
    Py_ssize_t side, bint scalar, const Many *many, Py_ssize_t k, const vec *theta,
    const vec *a, const real *x, vec *z,
) noexcept nogil:
    cdef Py_ssize_t o = 0, n_in = many.layers[k].n_in, n_out = many.layers[k].n_out
    cdef Py_ssize_t apart = many.n_parameters
    cdef const vec *W = theta + many.places[k].W
    cdef const vec *b = NULL
    if many.places[k].b >= 0:
        b = theta + many.places[k].b
    while o + 4 <= n_out:
        forward_units(side, scalar, 4, n_in, n_out, apart, W + o, b + o if b != NULL else b, a, x,
                      z + o * side)
        o += 4
    if o + 2 <= n_out:
        forward_units(side, scalar, 2, n_in, n_out, apart, W + o, b + o if b != NULL else b, a, x,
                      z + o * side)
        o += 2
    if o < n_out:
        forward_units(side, scalar, 1, n_in, n_out, apart, W + o, b + o if b != NULL else b, a, x,
                      z + o * side)


cdef inline void backward_units(
    Py_ssize_t side, bint scalar, bint moves, bint returns, Py_ssize_t n,   # constants
    Py_ssize_t n_in, Py_ssize_t n_out, Py_ssize_t apart, bint is_first,
    vec *W,             # read; updated if `moves`: W_io -= eps a_i delta_o
    vec *b,             # likewise, or NULL
    const vec *rate,    # (side, 16)  read if `moves`: eps first
    const vec *a, const real *x,
    const vec *delta,   # (n, side)
    vec *dC_da,         # (n_in, side)  if `returns`: sum_o W_io delta_o, of these n units or added
) noexcept nogil:
    """Without `moves` W and b are those of the gradient: overwritten."""
    cdef vec of_unit[16]
    cdef vec entered, total, w
    cdef Py_ssize_t i, o, s
    for o in range(n):
        for s in range(side):
            of_unit[o * side + s] = delta[o * side + s]
            if b != NULL:
                if moves:
                    b[s * apart + o] -= rate[s * 16] * of_unit[o * side + s]
                else:
                    b[s * apart + o] = of_unit[o * side + s]
    for i in range(n_in):
        for s in range(side):
            if scalar:
                fill(&entered, x[i])
            else:
                entered = a[i * side + s]
            if moves:
                entered *= rate[s * 16]
            if returns:
                if is_first:
                    fill(&total, 0)
                else:
                    total = dC_da[i * side + s]
            for o in range(n):
                if moves:
                    w = W[s * apart + i * n_out + o]
                    if returns:
                        total += w * of_unit[o * side + s]
                    W[s * apart + i * n_out + o] = w - entered * of_unit[o * side + s]
                else:
                    W[s * apart + i * n_out + o] = entered * of_unit[o * side + s]
            if returns:
                dC_da[i * side + s] = total


cdef inline void backward_layer(
    Py_ssize_t side, bint scalar, bint moves, bint returns, const Many *many, Py_ssize_t k,
    vec *theta, const vec *rate, const vec *a, const real *x, const vec *delta, vec *dC_da,
) noexcept nogil:
    """Moves the parameters of a layer or, if not `moves`, overwrites their gradient."""
    cdef Py_ssize_t o = 0, n_in = many.layers[k].n_in, n_out = many.layers[k].n_out
    cdef Py_ssize_t apart = many.n_parameters
    cdef vec *W = theta + many.places[k].W
    cdef vec *b = NULL
    if many.places[k].b >= 0:
        b = theta + many.places[k].b
    while o + 4 <= n_out:
        backward_units(side, scalar, moves, returns, 4, n_in, n_out, apart, o == 0, W + o,
                       b + o if b != NULL else b, rate, a, x, delta + o * side, dC_da)
        o += 4
    if o + 2 <= n_out:
        backward_units(side, scalar, moves, returns, 2, n_in, n_out, apart, o == 0, W + o,
                       b + o if b != NULL else b, rate, a, x, delta + o * side, dC_da)
        o += 2
    if o < n_out:
        backward_units(side, scalar, moves, returns, 1, n_in, n_out, apart, o == 0, W + o,
                       b + o if b != NULL else b, rate, a, x, delta + o * side, dC_da)


cdef inline void return_layer(
    Py_ssize_t side, const Many *many, Py_ssize_t k, const vec *theta, const vec *delta, vec *dC_da,
) noexcept nogil:
    """dC_da_i = sum_o W_io delta_o"""
    cdef Py_ssize_t i, o, s, n_out = many.layers[k].n_out
    cdef const vec *W = theta + many.places[k].W
    cdef vec totals[4]
    for i in range(many.layers[k].n_in):
        for s in range(side):
            fill(&totals[s], 0)
        for o in range(n_out):
            for s in range(side):
                totals[s] += W[s * many.n_parameters + i * n_out + o] * delta[o * side + s]
        for s in range(side):
            dC_da[i * side + s] = totals[s]


# The functions above for each constant: what is not inlined is compiled once.
cdef void forward_1(const Many *many, Py_ssize_t k, const vec *theta, const vec *a,
                    const real *x, vec *z) noexcept nogil:
    if x == NULL:
        forward_layer(1, False, many, k, theta, a, x, z)
    else:
        forward_layer(1, True, many, k, theta, a, x, z)


cdef void forward_side(const Many *many, Py_ssize_t k, const vec *theta, const vec *a,
                       const real *x, vec *z) noexcept nogil:
    if x == NULL:
        forward_layer(SIDE, False, many, k, theta, a, x, z)
    else:
        forward_layer(SIDE, True, many, k, theta, a, x, z)


cdef void move_1(const Many *many, Py_ssize_t k, vec *theta, const vec *rate, const vec *a,
                 const real *x, const vec *delta, vec *dC_da) noexcept nogil:
    if dC_da != NULL:
        backward_layer(1, False, True, True, many, k, theta, rate, a, x, delta, dC_da)
    elif x == NULL:
        backward_layer(1, False, True, False, many, k, theta, rate, a, x, delta, dC_da)
    else:
        backward_layer(1, True, True, False, many, k, theta, rate, a, x, delta, dC_da)


cdef void move_side(const Many *many, Py_ssize_t k, vec *theta, const vec *rate, const vec *a,
                    const real *x, const vec *delta, vec *dC_da) noexcept nogil:
    if dC_da != NULL:
        backward_layer(SIDE, False, True, True, many, k, theta, rate, a, x, delta, dC_da)
    elif x == NULL:
        backward_layer(SIDE, False, True, False, many, k, theta, rate, a, x, delta, dC_da)
    else:
        backward_layer(SIDE, True, True, False, many, k, theta, rate, a, x, delta, dC_da)


cdef void gradient_1(const Many *many, Py_ssize_t k, vec *gradient, const vec *a,
                     const real *x, const vec *delta) noexcept nogil:
    if x == NULL:
        backward_layer(1, False, False, False, many, k, gradient, NULL, a, x, delta, NULL)
    else:
        backward_layer(1, True, False, False, many, k, gradient, NULL, a, x, delta, NULL)


cdef void gradient_side(const Many *many, Py_ssize_t k, vec *gradient, const vec *a,
                        const real *x, const vec *delta) noexcept nogil:
    if x == NULL:
        backward_layer(SIDE, False, False, False, many, k, gradient, NULL, a, x, delta, NULL)
    else:
        backward_layer(SIDE, True, False, False, many, k, gradient, NULL, a, x, delta, NULL)


cdef void return_1(const Many *many, Py_ssize_t k, const vec *theta, const vec *delta,
                   vec *dC_da) noexcept nogil:
    return_layer(1, many, k, theta, delta, dC_da)


cdef void return_side(const Many *many, Py_ssize_t k, const vec *theta, const vec *delta,
                      vec *dC_da) noexcept nogil:
    return_layer(SIDE, many, k, theta, delta, dC_da)


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
        if side == 1:
            forward_1(many, k, theta, entered, x, z)
        else:
            forward_side(many, k, theta, entered, x, z)
        if k + 1 < many.n_layers:
            activate(&many.layers[k], many.layers[k].n_out * side, z, a)
        entered, x = a, NULL


cdef void outputs_of_sample(
    const Many *many, Py_ssize_t side, const Room *room, const vec *y, Py_ssize_t y_side,
) noexcept nogil:
    cdef const Place *last = &many.places[many.n_layers - 1]
    outputs(many, side, room.units + last.z * side, room.units + last.a * side, y, y_side,
            room.units + last.delta * side, room.costs)


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
            if side == 1:
                move_1(many, k, theta, room.hyper, a, x if k == 0 else NULL, delta, dC_da)
            else:
                move_side(many, k, theta, room.hyper, a, x if k == 0 else NULL, delta, dC_da)
        elif side == 1:
            gradient_1(many, k, room.gradient, a, x if k == 0 else NULL, delta)
            if k > 0:
                return_1(many, k, theta, delta, dC_da)
        else:
            gradient_side(many, k, room.gradient, a, x if k == 0 else NULL, delta)
            if k > 0:
                return_side(many, k, theta, delta, dC_da)
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
        interleave(many.n_in, side, room.x_rows, room.x + s)
        interleave(many.n_out, side, room.y_rows, room.y + s)


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
