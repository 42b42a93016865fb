# What a step does in one layer. Every `cdef inline` function is really inlined (see
# CMakeLists.txt), so that its constants unroll loops. The functions in this file are not inline:
# they hold one copy of each loop, which all steps call.

cdef void activate(const Layer *layer, Py_ssize_t n_samples, const real *z, real *a) noexcept nogil:
    """a = f(z) for (n_samples, width) values"""
    cdef Py_ssize_t t
    if layer.activation == CUSTOM:
        for t in range(n_samples):
            layer.f(z + t * layer.width, a + t * layer.width, layer.n_out)
        return
    if is_common(layer.activation):
        map_f_by_code(layer.activation, <real> layer.alpha, n_samples * layer.width, z, a)
    else:
        map_other_f(layer.activation, <real> layer.alpha, n_samples * layer.width, z, a)


cdef void map_other_f(
    Py_ssize_t activation, real alpha, Py_ssize_t n, const real *z, real *a,
) noexcept nogil:
    map_other_f_by_code(activation, alpha, n, z, a)


cdef void map_other_slope(
    Py_ssize_t activation, real alpha, Py_ssize_t n, const real *z, const real *a, real *delta,
) noexcept nogil:
    map_other_slope_by_code(activation, alpha, n, z, a, delta)


cdef void multiply_by_slope(
    const Layer *layer, Py_ssize_t n_samples, const real *z, const real *a, real *delta,
) noexcept nogil:
    """delta = dC/da f'(z) for (n_samples, width) values"""
    cdef Py_ssize_t t
    if layer.activation == CUSTOM:
        for t in range(n_samples):
            layer.slope(z + t * layer.width, a + t * layer.width, delta + t * layer.width,
                        layer.n_out)
        return
    if is_common(layer.activation):
        map_slope_by_code(layer.activation, <real> layer.alpha, n_samples * layer.width, z, a,
                          delta)
    else:
        map_other_slope(layer.activation, <real> layer.alpha, n_samples * layer.width, z, a, delta)


cdef void sum_rows(
    const Layer *layer, const real *a_prev, const real *W, const real *b, real *z,
) noexcept nogil:
    """z = W a_prev + b"""
    sum_rows_of_width(layer.n_in, False, NULL, layer.width, a_prev, W, b, z)


cdef void sum_listed(
    const Layer *layer, Py_ssize_t n, const int *index, const real *a_prev,
    const real *W, const real *b, real *z,
) noexcept nogil:
    """z = W a_prev + b from the n inputs that are not 0: a_prev[i] is input index[i]"""
    sum_rows_of_width(n, True, index, layer.width, a_prev, W, b, z)


cdef void descend_rows(
    Py_ssize_t n_in, Py_ssize_t width, const real *a_prev, real *W, const real *delta,
    real learning_rate, real *dC_da_prev,
) noexcept nogil:
    """dC/da_prev = W^T delta (unless NULL), then W -= eps delta a_prev^T"""
    if dC_da_prev == NULL:
        descend_rows_of_width(n_in, False, NULL, False, width, a_prev, W, delta, learning_rate,
                              NULL)
    else:
        descend_rows_of_width(n_in, False, NULL, True, width, a_prev, W, delta, learning_rate,
                              dC_da_prev)


cdef void descend_listed(
    Py_ssize_t n, const int *index, Py_ssize_t width, const real *a_prev, real *W,
    const real *delta, real learning_rate, real *dC_da_prev,
) noexcept nogil:
    """descend_rows for the n inputs that are not 0 alone: a_prev[i] is input index[i]"""
    if dC_da_prev == NULL:
        descend_rows_of_width(n, True, index, False, width, a_prev, W, delta, learning_rate, NULL)
    else:
        descend_rows_of_width(n, True, index, True, width, a_prev, W, delta, learning_rate,
                              dC_da_prev)


cdef void descend_by_rule(
    const Net *net, Py_ssize_t n_in, Py_ssize_t width, const real *a_prev, Py_ssize_t weights,
    const real *delta, const Rule *rule, real *dC_da_prev,
) noexcept nogil:
    """dC/da_prev = W^T delta (unless NULL), then the step of `rule` on W"""
    if rule.code == ADAM:
        descend_rows_by_rule(ADAM, n_in, width, a_prev, net.theta, weights, delta, rule,
                             dC_da_prev)
    else:
        descend_rows_by_rule(rule.code, n_in, width, a_prev, net.theta, weights, delta, rule,
                             dC_da_prev)


cdef void descend_and_sum(
    const Net *net, const real *x, real learning_rate, const real *x_next, const real *ahead,
) noexcept nogil:
    """The step of the first layer for x, then z = W x_next + b; prefetches `ahead`"""
    cdef const Layer *layer = &net.layers[0]
    descend_and_sum_of_width(
        layer.n_in, layer.width, x, net.theta + layer.W, bias_of(net, layer),
        block(net, layer, layer.delta), learning_rate, x_next, ahead,
        block(net, layer, layer.z))


cdef void multiply(
    const Net *net, Py_ssize_t n_rows, Py_ssize_t width, Py_ssize_t n_k,
    const real *A, Py_ssize_t A_row, const real *B, Py_ssize_t B_k,
    real *C, Py_ssize_t C_row, const real *bias,
) noexcept nogil:
    """C = A B + bias"""
    multiply_to(STORE, net, n_rows, width, n_k, A, A_row, B, B_k, C, C_row, bias)


cdef void multiply_to(
    Py_ssize_t purpose, const Net *net, Py_ssize_t n_rows, Py_ssize_t width, Py_ssize_t n_k,
    const real *A, Py_ssize_t A_row, const real *B, Py_ssize_t B_k,
    real *C, Py_ssize_t C_row, const real *bias,
) noexcept nogil:
    """The same, or with ACTIVATE C = ReLU(A B + bias)"""
    cdef Product p
    memset(&p, 0, sizeof(Product))
    p.n_rows, p.width, p.n_k = n_rows, width, n_k
    p.A, p.A_row, p.A_k = A, A_row, 1
    p.B, p.B_k, p.B_j = B, B_k, 1
    p.C, p.C_row, p.start = C, C_row, bias
    p.parts = net.parts
    product(purpose, &p)


cdef void multiply_turned(
    const Net *net, const Layer *layer, Py_ssize_t n_samples, Py_ssize_t width, real *dC_da_prev,
    const real *units,
) noexcept nogil:
    """dC/da_prev = delta W for W as stored, (n_in, width of the layer); padding 0

    units: NULL, or those of a layer of ReLU: then dC/dz_prev.
    """
    cdef Product p
    cdef Py_ssize_t t, i
    memset(&p, 0, sizeof(Product))
    p.n_rows, p.width, p.n_k = n_samples, width, layer.n_out
    p.A, p.A_row, p.A_k = block(net, layer, layer.delta), layer.width, 1
    p.B, p.B_k, p.B_j = net.theta + layer.W, 1, layer.width
    p.B_columns = layer.n_in
    p.C, p.C_row, p.units, p.parts = dC_da_prev, width, units, net.parts
    product(STORE if units == NULL else SLOPES, &p)
    for t in range(n_samples if layer.n_in < width else 0):     # 0 times an infinite delta is NaN
        for i in range(layer.n_in, width):
            dC_da_prev[t * width + i] = 0


cdef double outputs(
    const Net *net, Py_ssize_t n_samples,
    const Rows *Y,          # (n_samples, n_out)  targets, or NULL
    double *costs,          # (n_samples,)        overwritten with the losses, if there are targets
) noexcept nogil:
    """a of the output layer; with targets also its delta. Returns the sum of the losses, or 0."""
    if net.heads != NULL:
        return outputs_of_heads(net, n_samples, Y, costs)
    cdef const Layer *layer = &net.layers[net.n_layers - 1]
    cdef Py_ssize_t n_out = layer.n_out, width = layer.width
    cdef bint canonical = is_canonical(net.loss, layer.activation)
    cdef real *z = block(net, layer, layer.z)
    cdef real *a = block(net, layer, layer.a)
    cdef real *delta = block(net, layer, layer.delta)
    cdef double total = 0
    cdef bint is_softmax = layer.activation == SOFTMAX
    # softmax with more than the plain cross-entropy: smoothed, or of Kullback and Leibler
    cdef bint more = is_softmax and canonical and Y != NULL \
        and (net.loss_parameter != 0 or net.loss == KULLBACK_LEIBLER)
    if more or layer.activation == LOG_SOFTMAX:
        total = outputs_of_all(net, n_samples, Y, costs)
    elif is_softmax:
        total = outputs_of_softmax(layer, n_samples, z, a, Y if canonical else NULL, delta, costs)
    else:
        activate(layer, n_samples, z, a)
    if Y == NULL:
        return 0
    if is_built_in(net.loss):
        if canonical and is_softmax:
            pass
        elif is_common_loss(net.loss):
            total = terms_by_code(net.loss, canonical, net.loss_parameter, n_samples, n_out,
                                  width, z, a, Y, delta, costs)
        else:
            total = other_terms(net.loss, canonical, net.loss_parameter, n_samples, n_out,
                                width, z, a, Y, delta, costs)
    else:
        total = custom_losses(net.loss, layer, n_samples, a, Y, delta, costs)
    if not canonical:
        back_through_outputs(layer, n_samples, z, a, delta)
    if Y.weights != NULL:
        total = weigh(net, n_samples, Y, costs)
    return total


cdef double outputs_of_all(
    const Net *net, Py_ssize_t n_samples, const Rows *Y, double *costs,
) noexcept nogil:
    """`outputs` for what is rare and depends on all z of a sample.

    a of log_softmax; or of softmax, with the losses that have more than the plain cross-entropy.
    """
    cdef const Layer *layer = &net.layers[net.n_layers - 1]
    cdef Py_ssize_t t, n_out = layer.n_out, width = layer.width
    cdef real *z = block(net, layer, layer.z)
    cdef real *a = block(net, layer, layer.a)
    cdef real *delta = block(net, layer, layer.delta)
    cdef double log_sum, total = 0
    cdef real top, norm
    for t in range(n_samples):
        norm = softmax(n_out, width, z, a, &top)
        log_sum = top + log(norm)
        if layer.activation == LOG_SOFTMAX:
            take_from_all(n_out, log_sum, z, a)
        else:
            costs[t] = softmax_cross_entropy(n_out, width, z, a, log_sum, row_of(Y, t), delta)
            if net.loss == KULLBACK_LEIBLER:
                costs[t] += negative_entropy(n_out, row_of(Y, t))
            else:
                costs[t] = smoothed(n_out, net.loss_parameter, costs[t], z, a, log_sum,
                                    row_of(Y, t), delta)
            total += costs[t]
        z, a, delta = z + width, a + width, delta + width
    return total


cdef double other_terms(
    Py_ssize_t loss, bint from_logits, real p, Py_ssize_t n_samples, Py_ssize_t n_out,
    Py_ssize_t width, const real *z, const real *a, const Rows *Y, real *delta, double *costs,
) noexcept nogil:
    return other_terms_by_code(loss, from_logits, p, n_samples, n_out, width, z, a, Y, delta,
                               costs)


cdef double custom_losses(
    Py_ssize_t loss, const Layer *layer, Py_ssize_t n_samples, const real *a, const Rows *Y,
    real *dC_da, double *costs,
) noexcept nogil:
    """dC/da and the losses by a user's function; returns their sum."""
    cdef Py_ssize_t t, n_out = layer.n_out, width = layer.width
    cdef double total = 0
    for t in range(n_samples):
        costs[t] = (<custom_loss> loss)(a + t * width, row_of(Y, t), dC_da + t * width, n_out)
        total += costs[t]
        memset(dC_da + t * width + n_out, 0, (width - n_out) * sizeof(real))
    return total


cdef void back_through_outputs(
    const Layer *layer, Py_ssize_t n_samples, const real *z, const real *a, real *delta,
) noexcept nogil:
    """delta of the last layer: dC/da in, dC/dz out"""
    cdef Py_ssize_t t
    if layer.activation != SOFTMAX and layer.activation != LOG_SOFTMAX:
        multiply_by_slope(layer, n_samples, z, a, delta)
        return
    for t in range(n_samples):
        if layer.activation == SOFTMAX:
            through_softmax(layer.n_out, a + t * layer.width, delta + t * layer.width)
        else:
            through_log_softmax(
                layer.n_out, layer.width, a + t * layer.width, delta + t * layer.width)


cdef double weigh(
    const Net *net, Py_ssize_t n_samples, const Rows *Y, double *costs,
) noexcept nogil:
    """Multiply each loss by w_t, and delta by w_t n / sum_s w_s; returns the sum of the losses."""
    cdef const Layer *layer = &net.layers[net.n_layers - 1]
    cdef Py_ssize_t t, k
    cdef double weight, total = 0
    cdef real factor
    cdef real *delta = block(net, layer, layer.delta)
    for t in range(n_samples):
        weight = Y.weights[row_number(Y, t)]
        if weight == 0:         # whatever it is, it leaves no trace
            costs[t] = 0
            for k in range(net.n_layers):
                forget(net, &net.layers[k], t)
            continue
        factor = <real> (weight * Y.share_of_weight)
        costs[t] *= weight
        for k in range(t * layer.width, (t + 1) * layer.width):
            delta[k] *= factor
        total += costs[t]
    return total


cdef void forget(const Net *net, const Layer *layer, Py_ssize_t t) noexcept nogil:
    """z, a and delta of sample t become 0: no inf and no nan meets the delta of 0."""
    cdef Py_ssize_t n_bytes = layer.width * sizeof(real)
    memset(block(net, layer, layer.z) + t * layer.width, 0, n_bytes)
    memset(block(net, layer, layer.a) + t * layer.width, 0, n_bytes)
    memset(block(net, layer, layer.dropped) + t * layer.width, 0, n_bytes)
    memset(block(net, layer, layer.delta) + t * layer.width, 0, n_bytes)
    if layer.shortcuts:
        memset(rows_of_joined(net, layer, layer.joined) + t * layer.joined_row, 0,
               layer.joined_row * sizeof(real))


cdef double take_weights(Rows *Y, Py_ssize_t n) noexcept nogil:
    """The sum of the weights of the next n samples; share_of_weight = n / sum, or 0 if sum is 0."""
    cdef Py_ssize_t t
    cdef double sum_of_weights = 0
    for t in range(n):
        sum_of_weights += Y.weights[row_number(Y, t)]
    Y.share_of_weight = n / sum_of_weights if sum_of_weights > 0 else 0
    return sum_of_weights


cdef bint are_finite(Py_ssize_t n, const real *x) noexcept nogil:
    """Whether all n values (n a multiple of 4) are finite: only then is x - x 0, and not NaN."""
    cdef vec sums[2]
    cdef vec4 rest
    cdef Py_ssize_t k = 0, v, in_step = 2 * NATIVE
    fill(&sums[0], 0)
    fill(&sums[1], 0)
    fill(&rest, 0)
    while k + in_step <= n:
        for v in range(2):
            sums[v] += (<const vec *> (x + k))[v] - (<const vec *> (x + k))[v]
        k += in_step
    while k < n:
        rest += (<const vec4 *> (x + k))[0] - (<const vec4 *> (x + k))[0]
        k += 4
    return vec4_total(fold(sums[0] + sums[1]) + rest) == 0


cdef Py_ssize_t list_nonzero(
    Py_ssize_t n, const real *a, int *index, real *values,
) noexcept nogil:
    """Positions and values of what is not zero in a, (n,); returns how many. NaN is not zero.

    Both lists have 16 elements to spare.
    """
    return list_nonzero_values(n, a, index, values)


cdef void spread(
    const Rows *X, Py_ssize_t t, Py_ssize_t n_columns, real *x,
) noexcept nogil:
    """x, (n_columns,) = sample t with its zeros."""
    cdef Py_ssize_t k, number = row_number(X, t)
    if X.dense != NULL:
        memcpy(x, X.dense + number * X.row, n_columns * sizeof(real))
        return
    memset(x, 0, n_columns * sizeof(real))
    for k in range(X.starts[number], X.starts[number + 1]):
        x[X.columns[k]] = X.values[k]
