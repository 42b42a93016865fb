# One step of the whole network on a single sample, weights updated at once.

cdef enum:
    LISTED_WIDTH = 32   # for rows of W at least this long, listing the inputs that are not 0 pays


cdef bint lists_active(const Layer *below, const Layer *layer) noexcept nogil:
    """Whether to skip the rows of W that leave ReLU units with a = 0, whose slope is 0 as well."""
    return below.activation == RELU and layer.width >= LISTED_WIDTH


cdef void forward_above(const Net *net) noexcept nogil:
    """From z of the first layer to z of the last: a = f(z), z = W a_prev + b."""
    cdef const Layer *below
    cdef const Layer *layer
    cdef const real *W
    cdef real *a
    cdef int *index = <int *> net.transposed[0]
    cdef Py_ssize_t k, n
    for k in range(1, net.n_layers):
        below, layer = &net.layers[k - 1], &net.layers[k]
        a, W = block(net, below, below.a), net.theta + layer.W
        activate(below, 1, block(net, below, below.z), a)
        if lists_active(below, layer):
            n = list_nonzero(layer.n_in, a, index, net.transposed[1])
            sum_listed(layer, n, index, net.transposed[1], W, bias_of(net, layer),
                       block(net, layer, layer.z))
        else:
            sum_rows(layer, a, W, bias_of(net, layer), block(net, layer, layer.z))


cdef void sum_inputs(const Net *net, const Rows *X, Py_ssize_t t) noexcept nogil:
    """z of the first layer for sample t."""
    cdef const Layer *layer = &net.layers[0]
    cdef Py_ssize_t start, number
    cdef real *z = block(net, layer, layer.z)
    if X.dense != NULL:
        sum_rows(layer, row_of(X, t), net.theta + layer.W, bias_of(net, layer), z)
    else:
        number = row_number(X, t)
        start = X.starts[number]
        sum_listed(layer, X.starts[number + 1] - start, X.columns + start, X.values + start,
                   net.theta + layer.W, bias_of(net, layer), z)


cdef void forward_sample(const Net *net, const Rows *X, Py_ssize_t t) noexcept nogil:
    """z of every layer, a of the hidden ones."""
    sum_inputs(net, X, t)
    forward_above(net)


cdef void descend_bias(const Net *net, const Layer *layer, const Rule *rule) noexcept nogil:
    """The step of b, which is a row of weights whose input is always 1."""
    cdef real one = 1
    cdef const real *delta = block(net, layer, layer.delta)
    cdef Rule other
    if layer.b < 0:
        return
    if rule.code == SGD:
        descend_rows(1, layer.width, &one, net.theta + layer.b, delta, rule.learning_rate, NULL)
    else:
        descend_by_rule(net, 1, layer.width, &one, layer.b, delta,
                        without_penalty(rule, &other), NULL)


cdef void descend_above(const Net *net, const Rule *rule) noexcept nogil:
    """All layers but the first: delta_prev = (W^T delta) f'(z_prev), then the step on W and b."""
    cdef const Layer *below
    cdef const Layer *layer
    cdef Py_ssize_t k, i, n
    cdef real *a
    cdef real *W
    cdef real *dC_da
    cdef const real *delta
    cdef int *index = <int *> net.transposed[0]
    for k in range(net.n_layers - 1, 0, -1):
        below, layer = &net.layers[k - 1], &net.layers[k]
        a, dC_da = block(net, below, below.a), block(net, below, below.delta)
        W, delta = net.theta + layer.W, block(net, layer, layer.delta)
        if rule.code != SGD:
            descend_by_rule(net, layer.n_in, layer.width, a, layer.W, delta, rule, dC_da)
        elif lists_active(below, layer):
            n = list_nonzero(layer.n_in, a, index, net.transposed[1])
            memset(dC_da, 0, below.width * sizeof(real))
            descend_listed(n, index, layer.width, net.transposed[1], W, delta,
                           rule.learning_rate, dC_da)
        else:
            descend_rows(layer.n_in, layer.width, a, W, delta, rule.learning_rate, dC_da)
        descend_bias(net, layer, rule)
        for i in range(below.n_out, below.width):
            dC_da[i] = 0
        multiply_by_slope(below, 1, block(net, below, below.z), a, dC_da)


cdef void descend_inputs(
    const Net *net, const Rows *X, Py_ssize_t t, const Rule *rule,
) noexcept nogil:
    """The step of the first layer for sample t."""
    cdef const Layer *layer = &net.layers[0]
    cdef const real *delta = block(net, layer, layer.delta)
    cdef const real *x
    cdef Py_ssize_t start, number
    if X.dense == NULL and rule.code == SGD:
        number = row_number(X, t)
        start = X.starts[number]
        descend_listed(X.starts[number + 1] - start, X.columns + start, layer.width,
                       X.values + start, net.theta + layer.W, delta, rule.learning_rate, NULL)
    else:
        if X.dense == NULL:     # the rule moves every weight, also those of zero inputs
            spread(X, t, layer.n_in, net.gathered)
            x = net.gathered
        else:
            x = row_of(X, t)
        if rule.code == SGD:
            descend_rows(layer.n_in, layer.width, x, net.theta + layer.W, delta,
                         rule.learning_rate, NULL)
        else:
            descend_by_rule(net, layer.n_in, layer.width, x, layer.W, delta, rule, NULL)
    descend_bias(net, layer, rule)


cdef inline void fetch(const Rows *rows, Py_ssize_t t, Py_ssize_t n_columns) noexcept nogil:
    """Prefetch sample t, since samples in random order miss every cache."""
    cdef Py_ssize_t start, n, number = row_number(rows, t)
    if rows.dense != NULL:
        prefetch(rows.dense + number * rows.row, n_columns)
    else:
        start = rows.starts[number]
        n = rows.starts[number + 1] - start
        prefetch(rows.values + start, n)
        prefetch(<const real *> (rows.columns + start),
                 n * <Py_ssize_t> sizeof(int) // <Py_ssize_t> sizeof(real))
    has_effect()


cdef double descend_samples(
    const Net *net, Rule *rule, Py_ssize_t start, Py_ssize_t stop,
    const Rows *X,      # (n_samples, n_in)   read
    const Rows *Y,      # (n_samples, n_out)  read
    double total, Py_ssize_t step,
) noexcept nogil:
    """One step for each of the samples start..stop-1; returns total plus their losses."""
    cdef Environment before
    if start < stop and isfinite(total):
        before = enter(FLUSHING)
        if X.dense != NULL and rule.code == SGD and is_tiny(net):
            total = descend_tiny_samples(net, rule.learning_rate, start, stop, X, Y, total)
        else:
            total = descend_larger_samples(net, rule, start, stop, X, Y, total, step)
        leave(FLUSHING, before)
    return total


cdef double descend_larger_samples(
    const Net *net, Rule *rule, Py_ssize_t start, Py_ssize_t stop,
    const Rows *X, const Rows *Y, double total, Py_ssize_t step,
) noexcept nogil:
    """descend_samples for any fused rule and any width.

    Plain SGD with dense rows passes over the first W once per sample: row_i takes its step for
    sample t and is then added to z of sample t + 1.
    """
    cdef Py_ssize_t t, n_in = net.layers[0].n_in
    cdef Rows y = Y[0]
    cdef bint fused = X.dense != NULL and rule.code == SGD
    sum_inputs(net, X, start)
    for t in range(start, stop):
        if t + 1 < stop:
            fetch(Y, t + 1, 1)
            if not fused:
                fetch(X, t + 1, n_in)
        step += 1
        begin_step(rule, step)
        forward_above(net)
        y.first = Y.first + t
        total += outputs(net, 1, &y, net.costs)
        descend_above(net, rule)
        if t + 1 == stop or not isfinite(total):
            descend_inputs(net, X, t, rule)
            break
        if fused:
            descend_and_sum(net, row_of(X, t), rule.learning_rate, row_of(X, t + 1),
                            row_of(X, min(t + 2, stop - 1)))
        else:
            descend_inputs(net, X, t, rule)
            sum_inputs(net, X, t + 1)
    return total
