# The step of a rule in one pass over theta, after the gradient of all parameters: clipping,
# penalties, the rule itself, and the bound on the norms of weights.

cdef void set_rate(Rule *rule, double learning_rate) noexcept nogil:
    rule.given[0] = learning_rate
    rule.learning_rate = rule.hyper[0] = <real> learning_rate


cdef void begin_step(Rule *rule, Py_ssize_t step) noexcept nogil:
    """The constants of update number `step`, counted from 1."""
    if not rule.flat:
        if rule.code == ADAM:
            rule.unbias_m = <real> (1 / (1 - pow(rule.beta1, step)))
            rule.unbias_v = <real> (1 / (1 - pow(rule.beta2, step)))
        return
    if rule.product_step > step:
        rule.product, rule.product_step = 1, 0
    while rule.product_step < step:
        rule.product_step += 1
        rule.product *= factor_of_step(rule.code, rule.given, rule.product_step)
        if rule.product < 1e-40 or rule.product == 1:   # 1 - product stays 1; no factors at all
            rule.product_step = step
    write_constants(rule.code, rule.given, step, rule.product, rule.hyper)
    rule.keep = <real> (1 - rule.given[0] * rule.weight_decay)


cdef real factor_of_gradient(const Rule *rule) noexcept nogil:
    """What makes the norm of the gradient at most clip_norm; every thread finds the same."""
    cdef double norm
    if isinf(rule.clip_norm):
        return 1
    norm = norm_of(rule.n_theta, rule.gradient, rule.clip_value)
    return <real> (rule.clip_norm / norm) if norm > rule.clip_norm else 1


cdef double norm_of(Py_ssize_t n, const real *g, real most) noexcept nogil:
    """Of g limited to [-most, most]; n is a multiple of 16."""
    cdef vec sums[4][4]         # four, in LINE_VECTORS parts each
    cdef vec x
    cdef Py_ssize_t k = 0, lane, c
    cdef double total, value, largest = 0
    cdef real low = -most
    for lane in range(4):
        for c in range(LINE_VECTORS):
            fill(&sums[lane][c], 0)
    lane = 0
    while k < n // NATIVE:
        for c in range(LINE_VECTORS):
            x = clipped((<const vec *> g)[k + c], low, most)
            sums[lane][c] = with_product(sums[lane][c], x, x)
        lane = (lane + 1) % 4
        k += LINE_VECTORS
    total = total_of_four(sums)
    if 1e-30 < total < 1e30:
        return sqrt(total)
    total = 0       # squares may be beyond the range of the element type, or lost below it
    for k in range(n):
        largest = max(largest, fabs(<double> g[k]))
    if not 0 < largest < INFINITY:
        return largest
    largest = min(largest, <double> most)
    for k in range(n):
        value = min(fabs(<double> g[k]), largest) / largest
        total += value * value
    return largest * sqrt(total)


cdef inline double total_of_four(vec (*sums)[4]) noexcept nogil:
    """The total of all lanes; overwrites the first."""
    cdef Py_ssize_t c
    for c in range(LINE_VECTORS):
        sums[0][c] = (sums[0][c] + sums[1][c]) + (sums[2][c] + sums[3][c])
    return vec4_total(line_fold(sums[0]))


cdef double squares_of_weights(const Net *net) noexcept nogil:
    """||W||^2 of all layers, without biases."""
    cdef const Layer *layer
    cdef const real *W
    cdef vec w
    cdef vec sums[4][4]
    cdef Py_ssize_t i, k, n, c, p, some, row = LINE_VECTORS * NATIVE
    cdef double total = 0
    for i in range(net.n_layers):
        layer = &net.layers[i]
        W, n, k = net.theta + layer.W, layer.n_in * layer.width, 0
        while k + 4 * row <= n:
            some = min(n - k, <Py_ssize_t> 1024)    # then on in float64
            for c in range(4):
                for p in range(LINE_VECTORS):
                    fill(&sums[c][p], 0)
            while some >= 4 * row:
                for c in range(4):
                    for p in range(LINE_VECTORS):
                        w = (<const vec *> (W + k))[c * LINE_VECTORS + p]
                        sums[c][p] = with_product(sums[c][p], w, w)
                k += 4 * row
                some -= 4 * row
            total += total_of_four(sums)
        while k < n:
            total += <double> W[k] * <double> W[k]
            k += 1
    return total


cdef inline Py_ssize_t end_of(
    const Layer *layers, Py_ssize_t n_layers, Py_ssize_t i, Py_ssize_t n_theta,
) noexcept nogil:
    """Where in theta the parameters of layer i end, padding included."""
    return layers[i + 1].W if i + 1 < n_layers else n_theta


cdef void move_parameters(
    const Net *net, const Rule *rule, real factor,
    Py_ssize_t first, Py_ssize_t stop,      # multiples of 16: what this thread moves
) noexcept nogil:
    """g limited, times factor, plus the slopes of the penalties of W; then the step."""
    cdef const Layer *layer
    cdef real *theta = net.theta
    cdef real *g = rule.gradient
    cdef real most = rule.clip_value
    cdef Py_ssize_t k, i, begin, end
    cdef Rule other
    cdef const Rule *own
    if not isinf(most):
        for k in range(first // NATIVE, stop // NATIVE):
            (<vec *> g)[k] = clipped((<vec *> g)[k], -most, most)
    if factor != 1:
        for k in range(first, stop):
            g[k] *= factor
    for i in range(net.n_layers):
        layer = &net.layers[i]
        begin = max(layer.W, first)
        end = min(end_of(net.layers, net.n_layers, i, rule.n_theta), stop)
        if layer.frozen or end <= begin:
            continue
        own = flat_at_rate(rule, layer.rate_of_W, &other)
        if own.l1 != 0 or own.l2 != 0 or own.keep != 1:
            shrink(own, theta, begin, min(layer.W + layer.n_in * layer.width, stop))
        if layer.b < 0 or layer.rate_of_b == layer.rate_of_W:
            descend_flat_by_code(own, theta, begin, end)
        else:
            descend_apart(layer, rule, theta, begin, end)
        if net.mask != NULL:    # what was assigned there, or a state from before, counts no longer
            zero_outside(net.mask + begin, end - begin, theta + begin)


cdef const Rule *flat_at_rate(const Rule *rule, double factor, Rule *other) noexcept nogil:
    """The flat rule with its learning rate times factor."""
    if factor == 1:
        return rule
    other[0] = rule[0]
    set_rate(other, rule.given[0] * factor)
    begin_step(other, rule.product_step)
    return other


cdef void descend_apart(
    const Layer *layer, const Rule *rule, real *theta,
    Py_ssize_t first, Py_ssize_t stop,      # multiples of 16
) noexcept nogil:
    """The step on W and b of a layer, each at its learning rate."""
    cdef Rule of_W, of_b
    cdef const Rule *for_W = flat_at_rate(rule, layer.rate_of_W, &of_W)
    cdef const Rule *for_b = flat_at_rate(rule, layer.rate_of_b, &of_b)
    cdef Py_ssize_t border = layer.b // SHARE * SHARE
    if first < border:
        descend_flat_by_code(for_W, theta, first, min(border, stop))
    if layer.b > border and first <= border < stop:
        descend_border(for_W, for_b, theta, border, layer.b)
        border += SHARE
    if border < stop:
        descend_flat_by_code(for_b, theta, max(first, border), stop)


cdef void descend_border(
    const Rule *for_W, const Rule *for_b, real *theta, Py_ssize_t first, Py_ssize_t b,
) noexcept nogil:
    """The same for SHARE parameters: weights up to b, where biases begin.

    Vectors reach over the border, so both rules step on all of it, from the same state.
    """
    cdef real before[4][SHARE]      # parameters and up to 3 slots
    cdef real weights[4][SHARE]
    cdef Py_ssize_t n_bytes = SHARE * sizeof(real), of_weights = (b - first) * sizeof(real), k
    cdef real *at[4]
    at[0] = theta + first
    for k in range(for_W.n_slots):
        at[1 + k] = for_W.slots + k * for_W.n_theta + first
    for k in range(1 + for_W.n_slots):
        memcpy(before[k], at[k], n_bytes)
    descend_flat_by_code(for_W, theta, first, first + SHARE)
    for k in range(1 + for_W.n_slots):
        memcpy(weights[k], at[k], n_bytes)
        memcpy(at[k], before[k], n_bytes)
    descend_flat_by_code(for_b, theta, first, first + SHARE)
    for k in range(1 + for_W.n_slots):
        memcpy(at[k], weights[k], of_weights)


cdef void shrink(const Rule *rule, real *theta, Py_ssize_t first, Py_ssize_t stop) noexcept nogil:
    """g := g + l2 w + l1 sign(w), w := keep w"""
    cdef real *g = rule.gradient
    cdef real w, l1 = rule.l1, l2 = rule.l2, keep = rule.keep
    cdef Py_ssize_t k
    for k in range(first, stop):
        w = theta[k]
        g[k] += l2 * w + (l1 if w > 0 else -l1 if w < 0 else <real> 0)
        theta[k] = keep * w


cdef void limit_norms(
    const Layer *layers, Py_ssize_t n_layers, real *theta, double max_norm,
    Py_ssize_t thread, Py_ssize_t n_threads,
) noexcept nogil:
    """The weights that lead to one unit get the norm max_norm where theirs is larger."""
    cdef const Layer *layer
    cdef Py_ssize_t i, j, n
    if isinf(max_norm):
        return
    for i in range(n_layers):
        layer, j = &layers[i], SHARE * thread
        while j < layer.width and not layer.frozen:
            n = min(layer.width - j, <Py_ssize_t> SHARE)
            if may_exceed(layer, theta + layer.W + j, n, max_norm):
                limit_columns(layer, theta + layer.W + j, n, max_norm)
            j += SHARE * n_threads


cdef bint may_exceed(
    const Layer *layer, const real *W, Py_ssize_t n, double max_norm,
) noexcept nogil:
    """Whether the norm of one of the first n columns may be above max_norm, up to rounding."""
    cdef real squares[SHARE]
    cdef double least = max_norm * max_norm * (1 - 2 * layer.n_in * <double> REAL_EPSILON)
    cdef bint found = False
    cdef Py_ssize_t j
    if n == SHARE:      # a constant number, for which the sums stay in registers
        add_squares(SHARE, layer, W, squares)
    else:
        add_squares(n, layer, W, squares)
    for j in range(n):
        found = found or squares[j] > least
    return found


cdef inline void add_squares(
    Py_ssize_t n, const Layer *layer, const real *W, real *squares,
) noexcept nogil:
    cdef Py_ssize_t i, j
    for j in range(n):
        squares[j] = 0
    for i in range(layer.n_in):
        for j in range(n):
            squares[j] += W[i * layer.width + j] * W[i * layer.width + j]


cdef void limit_columns(
    const Layer *layer, real *W, Py_ssize_t n, double max_norm,
) noexcept nogil:
    """The same for the first n columns of W, SHARE at most."""
    cdef double squares[SHARE]
    cdef real factors[SHARE]
    cdef bint exceeds = False
    cdef Py_ssize_t i, j
    for j in range(n):
        squares[j] = 0
    for i in range(layer.n_in):
        for j in range(n):
            squares[j] += <double> W[i * layer.width + j] * <double> W[i * layer.width + j]
    for j in range(n):
        factors[j] = 1
        if squares[j] > max_norm * max_norm:
            factors[j], exceeds = <real> (max_norm / sqrt(squares[j])), True
    if exceeds:
        for i in range(layer.n_in):
            for j in range(n):
                W[i * layer.width + j] *= factors[j]


def apply_gradient(plan, theta, state, rule, grad, Py_ssize_t step):
    """One step with a gradient from elsewhere, which is overwritten, after `step` others."""
    cdef Net net
    cdef Rule how
    cdef Environment before
    net.layers, net.n_layers = <const Layer *> data(plan.layers, False, NULL), len(plan.layers)
    net.theta = <real *> data(theta, True, NULL)
    bind_rule(&how, &net, rule, state)
    how.flat, how.gradient, how.n_theta = True, <real *> data(grad, True, NULL), plan.n_theta
    net.mask = <const real *> data(plan.mask, False, NULL) if plan.mask is not None else NULL
    with nogil:
        before = enter(FLUSHING)
        leave_out(&net, how.gradient, how.n_theta)
        begin_step(&how, step + 1)
        descend_parameters(&net, &how)
        leave(FLUSHING, before)


cdef void zero_outside(const real *mask, Py_ssize_t n, real *x) noexcept nogil:
    """0 where the mask is."""
    cdef Py_ssize_t k
    for k in range(n):
        x[k] = x[k] if mask[k] != 0 else <real> 0


cdef void leave_out(const Net *net, real *gradient, Py_ssize_t n_theta) noexcept nogil:
    """0 for what is not trained."""
    cdef const Layer *layer
    cdef Py_ssize_t i, end
    if net.mask != NULL:
        zero_outside(net.mask, n_theta, gradient)
    for i in range(net.n_layers):
        layer = &net.layers[i]
        end = end_of(net.layers, net.n_layers, i, n_theta)
        if layer.frozen:
            memset(gradient + layer.W, 0, (end - layer.W) * sizeof(real))


cdef void descend_parameters(const Net *net, const Rule *rule) noexcept nogil:
    """The whole step, in one thread."""
    move_parameters(net, rule, factor_of_gradient(rule), 0, rule.n_theta)
    limit_norms(net.layers, net.n_layers, net.theta, rule.max_norm, 0, 1)
