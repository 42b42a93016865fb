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
    Py_ssize_t n_out, const vec *z, vec *a, vec *top, vec *log_norm,
) noexcept nogil:
    """a = exp(z - top) / sum, with log sum_k exp(z_k) = top + log_norm."""
    cdef Py_ssize_t o
    cdef vec highest = z[0], norm, one
    fill(&norm, 0)
    fill(&one, 1)
    for o in range(1, n_out):
        highest = where_above(z[o], highest, z[o], highest)
    for o in range(n_out):
        a[o] = exp_of_negative(z[o] - highest)
        norm += a[o]
    top[0], log_norm[0] = highest, logarithm(norm)
    norm = reciprocal(norm)
    for o in range(n_out):
        a[o] *= norm


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
        softmax_of_lanes(n_out, z + s * n_out, a + s * n_out, &top, &log_norm)
        if layer.activation == LOG_SOFTMAX:
            for o in range(n_out):
                a[s * n_out + o] = (z[s * n_out + o] - top) - log_norm


cdef void softmax_cross_entropy(
    const Many *many, Py_ssize_t side, const vec *z, vec *a,
    const vec *y, Py_ssize_t y_side, vec *delta, double *costs, vec *parts,
) noexcept nogil:
    """The loss sum_j y_j (log sum_k exp(z_k) - z_j) and delta = (sum_k y_k) a - y.

    With label smoothing p, y_j is (1 - p) y_j + p sum_k y_k / n; kullback_leibler adds
    sum_j y_j log y_j.
    """
    cdef Py_ssize_t s, o, k, at, first, end, n_out = many.n_out, first_y
    cdef vec top, log_norm, whole, target, zero, below, part
    cdef Wide sums
    cdef bint with_entropy = many.loss == KULLBACK_LEIBLER
    cdef real smoothing = 0 if with_entropy else many.p, rest = 1, share
    rest -= smoothing
    share = smoothing / <real> n_out
    fill(&zero, 0)
    for s in range(side):
        softmax_of_lanes(n_out, z + s * n_out, a + s * n_out, &top, &log_norm)
        fill(&whole, 0)
        first_y = s * y_side * n_out
        for o in range(n_out):
            whole += y[first_y + o]
        first = 0
        while first < n_out:        # a few terms in `real`, then all in double
            end = min(n_out, first + PARTIAL)
            fill(&part, 0)
            for o in range(first, end):
                k, at = s * n_out + o, first_y + o
                target = y[at]
                if smoothing != 0:
                    target = target * rest + whole * share
                below = (top - z[k]) + log_norm         # -log a, also where a is 0
                part += target * where_above(target, zero, below, zero)
                if with_entropy:
                    part += target * where_above(target, zero, logarithm(target), zero)
                delta[k] = whole * a[k] - target
            if parts == NULL:
                sums = add_wide(sums, widened(part)) if first else widened(part)
            first = end
        if parts != NULL:
            parts[s] += part
        else:
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
                sum_ += delta[s * n_out + o] * a[s * n_out + o]
            for o in range(n_out):
                delta[s * n_out + o] = a[s * n_out + o] * (delta[s * n_out + o] - sum_)
        else:                               # dC/da_j - exp(a_j) sum_k dC/da_k
            for o in range(n_out):
                sum_ += delta[s * n_out + o]
            for o in range(n_out):
                delta[s * n_out + o] -= exp_of_negative(a[s * n_out + o]) * sum_


cdef void outputs(
    const Many *many, Py_ssize_t side, const vec *z, vec *a,
    const vec *y, Py_ssize_t y_side, vec *delta, double *costs, vec *parts,
) noexcept nogil:
    """a, delta and the losses of one sample; y is (side, n_out), or (n_out,) for y_side = 0.

    The losses go to `costs`, (side, NATIVE), or are added to `parts`, (side,): see gathers.
    """
    cdef const Layer *layer = &many.layers[many.n_layers - 1]
    cdef bint canonical
    if layer.activation == SOFTMAX and (
            many.loss == CROSS_ENTROPY or many.loss == KULLBACK_LEIBLER):
        softmax_cross_entropy(many, side, z, a, y, y_side, delta, costs, parts)
        return
    canonical = is_canonical(many.loss, layer.activation)
    activate_outputs(layer, side, z, a)
    terms_of_lanes_by_code(
        many.loss, canonical, many.p, many.n_out, side, z, a, y, y_side, delta, costs, parts)
    if not canonical:
        through_outputs(layer, side, z, a, delta)
