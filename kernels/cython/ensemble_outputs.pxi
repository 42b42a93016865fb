# From z of the last layer to the loss of every network and delta.

cdef void activate(
    const Layer *layer, Py_ssize_t n, const vec *z, vec *a,
) noexcept nogil:
    """a = f(z), n vectors; a may be z."""
    map_lanes(layer.activation, <real> layer.alpha, n, z, a)


cdef void multiply_by_slope(
    const Layer *layer, Py_ssize_t n, const vec *z, const vec *a, vec *delta,
) noexcept nogil:
    """dC/da becomes dC/dz."""
    map_slope_of_lanes(layer.activation, <real> layer.alpha, n, z, a, delta)


cdef inline void softmax_of_lanes(
    Py_ssize_t n_out, Py_ssize_t side, const vec *z, vec *a, vec *top, vec *log_norm,
) noexcept nogil:
    """a = exp(z - top) / sum, with log sum_k exp(z_k) = top + log_norm; one of `side` columns."""
    cdef Py_ssize_t o
    cdef vec highest = z[0], norm, one
    fill(&norm, 0)
    fill(&one, 1)
    for o in range(1, n_out):
        highest = where_above(z[o * side], highest, z[o * side], highest)
    for o in range(n_out):
        a[o * side] = exp_of_negative(z[o * side] - highest)
        norm += a[o * side]
    top[0], log_norm[0] = highest, logarithm(norm)
    norm = reciprocal(norm)
    for o in range(n_out):
        a[o * side] *= norm


cdef inline vec reciprocal(vec x) noexcept nogil:
    cdef vec one
    fill(&one, 1)
    return quotient(one, x)


cdef void activate_outputs(
    const Layer *layer, Py_ssize_t side, const vec *z, vec *a,
) noexcept nogil:
    """a of the last layer, one sample."""
    cdef Py_ssize_t s, o, n_out = layer.n_out
    cdef vec top, log_norm
    if layer.activation != SOFTMAX and layer.activation != LOG_SOFTMAX:
        activate(layer, n_out * side, z, a)
        return
    for s in range(side):
        softmax_of_lanes(n_out, side, z + s, a + s, &top, &log_norm)
        if layer.activation == LOG_SOFTMAX:
            for o in range(n_out):
                a[o * side + s] = (z[o * side + s] - top) - log_norm


cdef void softmax_cross_entropy(
    const Many *many, Py_ssize_t side, const vec *z, vec *a,
    const vec *y, Py_ssize_t y_side, vec *delta, double *costs,
) noexcept nogil:
    """The loss sum_j y_j (log sum_k exp(z_k) - z_j) and delta = (sum_k y_k) a - y.

    With label smoothing p, y_j is (1 - p) y_j + p sum_k y_k / n; kullback_leibler adds
    sum_j y_j log y_j.
    """
    cdef Py_ssize_t s, o, k, at, first, end, n_out = many.n_out, step = side if y_side else 1
    cdef vec top, log_norm, whole, target, zero, below, part
    cdef Wide sums
    cdef bint with_entropy = many.loss == KULLBACK_LEIBLER
    cdef real smoothing = 0 if with_entropy else many.p, rest = 1, share
    rest -= smoothing
    share = smoothing / <real> n_out
    fill(&zero, 0)
    for s in range(side):
        softmax_of_lanes(n_out, side, z + s, a + s, &top, &log_norm)
        fill(&whole, 0)
        for o in range(n_out):
            whole += y[o * step + s * y_side]
        first = 0
        while first < n_out:        # a few terms in `real`, then all in double
            end = min(n_out, first + PARTIAL)
            fill(&part, 0)
            for o in range(first, end):
                k, at = o * side + s, o * step + s * y_side
                target = y[at]
                if smoothing != 0:
                    target = target * rest + whole * share
                below = (top - z[k]) + log_norm         # -log a, also where a is 0
                part += target * where_above(target, zero, below, zero)
                if with_entropy:
                    part += target * where_above(target, zero, logarithm(target), zero)
                delta[k] = whole * a[k] - target
            sums = add_wide(sums, widened(part)) if first else widened(part)
            first = end
        (<Wide *> (costs + s * NATIVE))[0] = sums


cdef void through_outputs(
    const Layer *layer, Py_ssize_t side, const vec *z, const vec *a, vec *delta,
) noexcept nogil:
    """dC/da of the last layer becomes dC/dz, one sample."""
    cdef Py_ssize_t s, o, n_out = layer.n_out
    cdef vec sum_
    if layer.activation != SOFTMAX and layer.activation != LOG_SOFTMAX:
        multiply_by_slope(layer, n_out * side, z, a, delta)
        return
    for s in range(side):
        fill(&sum_, 0)
        if layer.activation == SOFTMAX:     # a_j (dC/da_j - sum_k dC/da_k a_k)
            for o in range(n_out):
                sum_ += delta[o * side + s] * a[o * side + s]
            for o in range(n_out):
                delta[o * side + s] = a[o * side + s] * (delta[o * side + s] - sum_)
        else:                               # dC/da_j - exp(a_j) sum_k dC/da_k
            for o in range(n_out):
                sum_ += delta[o * side + s]
            for o in range(n_out):
                delta[o * side + s] -= exp_of_negative(a[o * side + s]) * sum_


cdef void outputs(
    const Many *many, Py_ssize_t side, const vec *z, vec *a,
    const vec *y, Py_ssize_t y_side, vec *delta, double *costs,
) noexcept nogil:
    """a, delta and the losses of one sample; y is (n_out, side), or (n_out,) for y_side = 0."""
    cdef const Layer *layer = &many.layers[many.n_layers - 1]
    cdef bint canonical
    if layer.activation == SOFTMAX and (
            many.loss == CROSS_ENTROPY or many.loss == KULLBACK_LEIBLER):
        softmax_cross_entropy(many, side, z, a, y, y_side, delta, costs)
        return
    canonical = is_canonical(many.loss, layer.activation)
    activate_outputs(layer, side, z, a)
    terms_of_lanes_by_code(
        many.loss, canonical, many.p, many.n_out, side, z, a, y, y_side, delta, costs)
    if not canonical:
        through_outputs(layer, side, z, a, delta)
