# Forward and back through parts of the samples, for steps of least squares.
#
# Everything lies turned: a row holds one input or unit of many samples, side by side in vectors, so
# that no width is padded, and a sum over samples is one over lanes.

cdef struct Place:      # least_squares.PLACE: of a layer, counted in rows of a part
    Py_ssize_t z
    Py_ssize_t a        # (n_out, n), and behind them a row of ones, the input of b above
    Py_ssize_t delta
    Py_ssize_t first    # its first parameter
    Py_ssize_t sums     # (n_pairs of inputs, n_pairs of units, padded) in the buffer; or -1

cdef struct Part:       # samples that are looked at together; n is a multiple of 8
    Py_ssize_t n
    real *x         # (n_in, n), and behind them a row of ones
    real *y         # (n_out, n)
    real *roots     # (n,): sqrt(w_t), 1 without weights, 0 where there is no sample
    real *units     # z and a of every layer
    real *deltas    # dC/dz of every layer
    real *rows      # J and, behind it, e: (n_rows, n)
    real *pairs     # of inputs of a layer: (n_pairs, n)
    real *some      # (MOST_DOTS, n): pairs of units, or rows of J


cdef inline Py_ssize_t entering_units(const Layer *layer) noexcept nogil:
    """Inputs of a layer, with the 1 that is the input of b."""
    return layer.n_in + (layer.b >= 0)


cdef inline bint acts_alone(const Layer *layer) noexcept nogil:
    """Whether every output depends on its own z alone."""
    return layer.activation != SOFTMAX and layer.activation != LOG_SOFTMAX


cdef inline const real *below(
    const Net *net, const Place *places, const Part *part, Py_ssize_t k,
) noexcept nogil:
    """What enters layer k: (n_in, n), and a row of ones behind it."""
    return part.x if k == 0 else part.units + places[k - 1].a * part.n


cdef inline void copy_row(Py_ssize_t n, const real *x, real *out) noexcept nogil:
    memcpy(out, x, n * sizeof(real))


cdef inline void combine(
    Py_ssize_t n_rows, Py_ssize_t n_vectors, Py_ssize_t n_k,
    const real *w, Py_ssize_t w_row, Py_ssize_t w_k, const real *B, real *C, Py_ssize_t n,
) noexcept nogil:
    """C[r] = sum_k w[r, k] B[k], n_vectors of each row; n_rows and n_vectors are constants."""
    cdef vec sums[4][3]
    cdef vec b[3]
    cdef Py_ssize_t r, c, k
    cdef real factor
    for r in range(n_rows):
        for c in range(n_vectors):
            fill(&sums[r][c], 0)
    for k in range(n_k):
        for c in range(n_vectors):
            b[c] = (<const vec *> B)[c]
        for r in range(n_rows):
            factor = w[r * w_row]
            for c in range(n_vectors):
                sums[r][c] += factor * b[c]
        w += w_k
        B += n
    for r in range(n_rows):
        for c in range(n_vectors):
            (<vec *> (C + r * n))[c] = sums[r][c]


cdef void combine_rows(
    Py_ssize_t n_rows, Py_ssize_t n_k, const real *w, Py_ssize_t w_row, Py_ssize_t w_k,
    const real *B, real *C, Py_ssize_t n,       # C (n_rows, n) = w (n_rows, n_k) B (n_k, n)
) noexcept nogil:
    cdef Py_ssize_t t = 0, r, n_vectors
    while t < n:
        n_vectors = 3 if t + 3 * NATIVE <= n else 1
        r = 0
        while r + 4 <= n_rows:
            if n_vectors == 3:
                combine(4, 3, n_k, w + r * w_row, w_row, w_k, B + t, C + r * n + t, n)
            else:
                combine(4, 1, n_k, w + r * w_row, w_row, w_k, B + t, C + r * n + t, n)
            r += 4
        while r < n_rows:
            if n_vectors == 3:
                combine(1, 3, n_k, w + r * w_row, w_row, w_k, B + t, C + r * n + t, n)
            else:
                combine(1, 1, n_k, w + r * w_row, w_row, w_k, B + t, C + r * n + t, n)
            r += 1
        t += n_vectors * NATIVE


cdef void pass_part(const Net *net, const Place *places, const Part *part) noexcept nogil:
    """z and a of every layer."""
    cdef const Layer *layer
    cdef Layer flat
    cdef real *z
    cdef real *a
    cdef real *one
    cdef Py_ssize_t k, t, n = part.n
    for k in range(net.n_layers):
        layer = &net.layers[k]
        z, a = part.units + places[k].z * n, part.units + places[k].a * n
        # z = W a_prev + b; b is the row behind W, and its input the row of ones
        combine_rows(layer.n_out, entering_units(layer), net.theta + layer.W, 1, layer.width,
                     below(net, places, part, k), z, n)
        if acts_alone(layer):
            flat = in_eights(layer)
            activate(&flat, layer.n_out * n // 8, z, a)
        else:
            activate_together(layer, n, z, a)
        one = a + layer.n_out * n
        for t in range(n // NATIVE):
            fill(&(<vec *> one)[t], 1)


cdef inline Layer in_eights(const Layer *layer) noexcept nogil:
    """A layer of 8 units, for functions of values one by one in any number of eights."""
    cdef Layer flat = layer[0]
    flat.width = flat.n_out = 8
    return flat


cdef void activate_together(
    const Layer *layer, Py_ssize_t n, const real *z, real *a,   # (n_out, n)
) noexcept nogil:
    """a of softmax and log_softmax, which are rare here: vector by vector."""
    cdef vec top, total, lowest
    cdef Py_ssize_t t, o
    cdef vec *at_a
    for t in range(n // NATIVE):
        top = (<const vec *> z)[t]
        for o in range(1, layer.n_out):
            top = where_above((<const vec *> (z + o * n))[t], top,
                              (<const vec *> (z + o * n))[t], top)
        fill(&total, 0)
        for o in range(layer.n_out):
            at_a = &(<vec *> (a + o * n))[t]
            at_a[0] = exp_of_negative((<const vec *> (z + o * n))[t] - top)
            total += at_a[0]
        if layer.activation == LOG_SOFTMAX:
            top += logarithm(total)
        for o in range(layer.n_out):
            at_a = &(<vec *> (a + o * n))[t]
            if layer.activation == LOG_SOFTMAX:
                at_a[0] = (<const vec *> (z + o * n))[t] - top
            else:
                at_a[0] = quotient(at_a[0], total)


cdef double half_squares(const Net *net, const Place *places, const Part *part) noexcept nogil:
    """1/2 sum over the samples of w_t |a - y|^2"""
    cdef const real *a = part.units + places[net.n_layers - 1].a * part.n
    cdef Py_ssize_t o, t
    cdef vec sums, error
    fill(&sums, 0)
    for o in range(net.layers[net.n_layers - 1].n_out):
        for t in range(part.n // NATIVE):
            error = (<const vec *> (a + o * part.n))[t]
            error -= (<const vec *> (part.y + o * part.n))[t]
            error *= (<const vec *> part.roots)[t]
            sums += error * error
    return vec4_total(fold(sums)) / 2


cdef void back_from(
    const Net *net, const Place *places, const Part *part, Py_ssize_t o,
) noexcept nogil:
    """delta of every layer = sqrt(w) da_o/dz; of the last one only row o, where it acts alone."""
    cdef Py_ssize_t k = net.n_layers - 1, n = part.n, first, n_units
    cdef const Layer *layer = &net.layers[k]
    cdef Layer flat = in_eights(layer)
    cdef real *delta = part.deltas + places[k].delta * n
    if acts_alone(layer):
        copy_row(n, part.roots, delta + o * n)
        multiply_by_slope(&flat, n // 8, part.units + (places[k].z + o) * n,
                          part.units + (places[k].a + o) * n, delta + o * n)
    else:
        slopes_together(layer, n, o, part.roots, part.units + places[k].a * n, delta)
    while k > 0:    # dC/da_prev = W^T delta
        layer = &net.layers[k]
        first, n_units = 0, layer.n_out
        if k == net.n_layers - 1 and acts_alone(layer):
            first, n_units = o, 1
        delta = part.deltas + places[k - 1].delta * n
        combine_rows(layer.n_in, n_units, net.theta + layer.W + first, layer.width, 1,
                     part.deltas + (places[k].delta + first) * n, delta, n)
        k -= 1
        flat = in_eights(&net.layers[k])
        multiply_by_slope(&flat, net.layers[k].n_out * n // 8, part.units + places[k].z * n,
                          part.units + places[k].a * n, delta)


cdef void slopes_together(
    const Layer *layer, Py_ssize_t n, Py_ssize_t o, const real *roots, const real *a, real *delta,
) noexcept nogil:
    """da_o/dz_j = a_o (1_jo - a_j) of softmax, 1_jo - exp(a_j) of log_softmax; times sqrt(w)"""
    cdef Py_ssize_t t, j
    cdef vec d
    for j in range(layer.n_out):
        for t in range(n // NATIVE):
            fill(&d, 1 if j == o else 0)
            if layer.activation == SOFTMAX:
                d -= (<const vec *> (a + j * n))[t]
                d *= (<const vec *> (a + o * n))[t]
            else:
                d -= exp_of_negative((<const vec *> (a + j * n))[t])
            (<vec *> (delta + j * n))[t] = d * (<const vec *> roots)[t]
