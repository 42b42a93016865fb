# One step of the whole network: on a single sample, and on a mini-batch.
from libc.math cimport isfinite

from activations cimport map_f_by_code, map_slope_by_code, softmax, through_softmax
from lanes cimport prefetch, real, transpose_4x4
from losses cimport canonical_delta, general_slope, is_canonical
from plan cimport SOFTMAX, Layer, Net, Rule, bias_of, block, padded_width, round_up
from rows cimport descend_and_sum_of_width, descend_rows_of_width, sum_rows_of_width
from tiles cimport DESCEND, STORE, product

# Everything inline is inlined without exception (see CMakeLists.txt), so that constants unroll
# loops. The functions up here are where that ends: one copy of each, called from the steps.

cdef void activate(const Layer *layer, Py_ssize_t n_samples, const real *z, real *a) noexcept nogil:
    """a = f(z) for (n_samples, width) values"""
    map_f_by_code(layer.activation, <real> layer.alpha, n_samples * layer.width, z, a)


cdef void multiply_by_slope(
    const Layer *layer, Py_ssize_t n_samples, const real *a, real *delta,
) noexcept nogil:
    """delta = dC/da f'(z) for (n_samples, width) values"""
    map_slope_by_code(layer.activation, <real> layer.alpha, n_samples * layer.width, a, delta)


cdef void sum_rows(const Net *net, const Layer *layer, const real *a_prev, real *z) noexcept nogil:
    """z = W a_prev + b"""
    sum_rows_of_width(layer.n_in, layer.width, a_prev, net.theta + layer.W, bias_of(net, layer), z)


cdef void descend_rows(
    const Net *net, const Layer *layer, const real *a_prev, real learning_rate, real *dC_da_prev,
) noexcept nogil:
    """dC/da_prev = W^T delta (unless NULL), then W -= eps delta a_prev^T, b -= eps delta"""
    descend_rows_of_width(
        layer.n_in, layer.width, a_prev, net.theta + layer.W, bias_of(net, layer),
        block(net, layer.delta), learning_rate, dC_da_prev)


cdef void descend_and_sum(
    const Net *net, const real *x, real learning_rate, const real *x_next,
) noexcept nogil:
    """The step of the first layer for x, and its z for the sample that follows"""
    cdef const Layer *layer = &net.layers[0]
    descend_and_sum_of_width(
        layer.n_in, layer.width, x, net.theta + layer.W, bias_of(net, layer),
        block(net, layer.delta), learning_rate, x_next, block(net, layer.z))


cdef void multiply(
    Py_ssize_t n_rows, Py_ssize_t width, Py_ssize_t n_k, const real *A, Py_ssize_t A_row,
    const real *B, Py_ssize_t B_k, real *C, Py_ssize_t C_row, const real *bias,
) noexcept nogil:
    """C = A B + bias"""
    product(STORE, n_rows, width, n_k, A, A_row, 1, B, B_k, C, C_row, bias, 0, NULL, 0)


cdef void descend(
    Py_ssize_t n_rows, Py_ssize_t width, Py_ssize_t n_samples,
    const real *A_prev, Py_ssize_t A_k, Py_ssize_t A_row, const real *delta,
    real *theta, Py_ssize_t weights, const Rule *rule, real scale,
) noexcept nogil:
    """The step of `rule` on the weights, their gradient being A_prev^T delta scale"""
    product(DESCEND, n_rows, width, n_samples, A_prev, A_row, A_k, delta, width,
            theta + weights, width, NULL, weights, rule, scale)


cdef double outputs(
    const Net *net, Py_ssize_t n_samples,
    const real *Y, Py_ssize_t Y_row,    # (n_samples, n_out)  targets, or NULL
    const Py_ssize_t *order,            # rows of Y, or NULL
) noexcept nogil:
    """a of the output layer; with targets its delta too, and the sum of the losses."""
    cdef const Layer *layer = &net.layers[net.n_layers - 1]
    cdef Py_ssize_t t, n_out = layer.n_out, width = layer.width
    cdef bint canonical = is_canonical(net.loss, layer.activation)
    cdef real *z = block(net, layer.z)
    cdef real *a = block(net, layer.a)
    cdef real *delta = block(net, layer.delta)
    cdef const real *y
    cdef double log_sum = 0, cost = 0
    if layer.activation != SOFTMAX:
        activate(layer, n_samples, z, a)
    for t in range(n_samples):
        if layer.activation == SOFTMAX:
            log_sum = softmax(n_out, width, z + t * width, a + t * width)
        if Y != NULL:
            y = Y + (t if order == NULL else order[t]) * Y_row
            if canonical:
                cost += canonical_delta(net.loss, n_out, width, z + t * width, a + t * width,
                                        log_sum, y, delta + t * width)
            else:
                cost += general_slope(net.loss, n_out, width, a + t * width, y,
                                      delta + t * width)
                if layer.activation == SOFTMAX:
                    through_softmax(n_out, a + t * width, delta + t * width)
    if Y != NULL and not canonical and layer.activation != SOFTMAX:
        multiply_by_slope(layer, n_samples, a, delta)
    return cost


# ---------------------------------------------------------------- one sample

cdef void forward_above(const Net *net) noexcept nogil:
    """From z of the first layer to z of the last: a = f(z), z = W a_prev + b."""
    cdef const Layer *below
    cdef Py_ssize_t index
    for index in range(1, net.n_layers):
        below = &net.layers[index - 1]
        activate(below, 1, block(net, below.z), block(net, below.a))
        sum_rows(net, &net.layers[index], block(net, below.a),
                 block(net, net.layers[index].z))


cdef void forward_sample(const Net *net, const real *x) noexcept nogil:
    """z of every layer, a of the hidden ones."""
    sum_rows(net, &net.layers[0], x, block(net, net.layers[0].z))
    forward_above(net)


cdef void descend_above(const Net *net, real learning_rate) noexcept nogil:
    """From delta of the last layer to delta of the first, updating all layers but the first."""
    cdef const Layer *below
    cdef Py_ssize_t index, i
    cdef real *a_prev
    cdef real *dC_da
    for index in range(net.n_layers - 1, 0, -1):
        below = &net.layers[index - 1]
        a_prev = block(net, below.a)
        dC_da = block(net, below.delta)
        descend_rows(net, &net.layers[index], a_prev, learning_rate, dC_da)
        for i in range(below.n_out, below.width):
            dC_da[i] = 0
        multiply_by_slope(below, 1, a_prev, dC_da)


cdef enum:
    AHEAD = 1       # samples between the fetching of a row and its use


cdef double descend_samples(
    const Net *net, real learning_rate, Py_ssize_t start, Py_ssize_t stop,
    const real *X, Py_ssize_t X_row,    # (n_samples, n_in)   read
    const real *Y, Py_ssize_t Y_row,    # (n_samples, n_out)  read
    const Py_ssize_t *order,            # (n_samples,)        read, or NULL
    double total,
) noexcept nogil:
    """Plain SGD, one sample at a time; the first layer is passed over once per sample."""
    cdef Py_ssize_t t, next_t, n_in = net.layers[0].n_in
    cdef const real *x
    if start >= stop or not isfinite(total):
        return total
    next_t = start if order == NULL else order[start]
    sum_rows(net, &net.layers[0], X + next_t * X_row, block(net, net.layers[0].z))
    for start in range(start, stop):
        if start + AHEAD < stop:    # samples in random order miss every cache
            t = start + AHEAD if order == NULL else order[start + AHEAD]
            prefetch(X + t * X_row, n_in)
            prefetch(Y + t * Y_row, 1)
        t = next_t
        x = X + t * X_row
        forward_above(net)
        total += outputs(net, 1, Y + t * Y_row, 0, NULL)
        descend_above(net, learning_rate)
        if start + 1 == stop or not isfinite(total):
            descend_rows(net, &net.layers[0], x, learning_rate, NULL)
            break
        next_t = start + 1 if order == NULL else order[start + 1]
        descend_and_sum(net, x, learning_rate, X + next_t * X_row)
    return total


# --------------------------------------------------------------- a mini-batch

cdef void forward_batch(
    const Net *net, Py_ssize_t n_samples, const real *X, Py_ssize_t X_row,
) noexcept nogil:
    """z of every layer, a of the hidden ones, for n_samples <= batch_size rows."""
    cdef const Layer *layer
    cdef const real *A = X
    cdef Py_ssize_t index, A_row = X_row
    cdef real *Z
    for index in range(net.n_layers):
        layer = &net.layers[index]
        Z = block(net, layer.z)
        multiply(n_samples, layer.width, layer.n_in, A, A_row, net.theta + layer.W, layer.width,
                 Z, layer.width, bias_of(net, layer))
        if index < net.n_layers - 1:
            activate(layer, n_samples, Z, block(net, layer.a))
        A, A_row = block(net, layer.a), layer.width


cdef void transpose(
    Py_ssize_t n_rows, Py_ssize_t n_columns, Py_ssize_t padded_rows,
    const real *A, Py_ssize_t A_row,    # (n_rows, n_columns)         read
    real *C, Py_ssize_t C_row,          # (n_columns, padded_rows)    overwritten, padded by 0
) noexcept nogil:
    cdef Py_ssize_t r, c, whole_rows = n_rows // 4 * 4, whole_columns = n_columns // 4 * 4
    for c in range(0, whole_columns, 4):
        for r in range(0, whole_rows, 4):
            transpose_4x4(A + r * A_row + c, A_row, C + c * C_row + r, C_row)
        for r in range(whole_rows, n_rows):
            C[c * C_row + r] = A[r * A_row + c]
            C[(c + 1) * C_row + r] = A[r * A_row + c + 1]
            C[(c + 2) * C_row + r] = A[r * A_row + c + 2]
            C[(c + 3) * C_row + r] = A[r * A_row + c + 3]
    for c in range(whole_columns, n_columns):
        for r in range(n_rows):
            C[c * C_row + r] = A[r * A_row + c]
    for c in range(n_columns):
        for r in range(n_rows, padded_rows):
            C[c * C_row + r] = 0


cdef void backward_layer(const Net *net, Py_ssize_t index, Py_ssize_t n_samples) noexcept nogil:
    """delta of layer index - 1 from that of layer index: delta_prev = (delta W) f'(z_prev)."""
    cdef const Layer *layer = &net.layers[index]
    cdef const Layer *below = &net.layers[index - 1]
    cdef Py_ssize_t stride = round_up(net.batch_size)
    cdef Py_ssize_t padded = padded_width(n_samples)
    cdef real *delta_prev = block(net, below.delta)
    # a product of W with delta^T needs no transposed W: only the small deltas are turned
    transpose(n_samples, layer.n_out, padded, block(net, layer.delta), layer.width,
              net.transposed[0], stride)
    multiply(layer.n_in, padded, layer.n_out, net.theta + layer.W, layer.width,
             net.transposed[0], stride, net.transposed[1], stride, NULL)
    transpose(layer.n_in, n_samples, below.width, net.transposed[1], stride,
              delta_prev, below.width)
    multiply_by_slope(below, n_samples, block(net, below.a), delta_prev)


cdef void descend_layer(
    const Net *net, const Layer *layer, Py_ssize_t n_samples,
    const real *A_prev, Py_ssize_t A_row,   # (n_samples, n_in)  read
    const Rule *rule, real scale,
) noexcept nogil:
    """dC/dW = A_prev^T delta and dC/db = 1^T delta, spent at once on W and b."""
    cdef const real *delta = block(net, layer.delta)
    cdef real one = 1
    descend(layer.n_in, layer.width, n_samples, A_prev, A_row, 1, delta,
            net.theta, layer.W, rule, scale)
    if layer.b >= 0:    # the weights of an input that is always 1
        descend(1, layer.width, n_samples, &one, 0, 0, delta,
                net.theta, layer.b, rule, scale)


cdef double step_on_batch(
    const Net *net, const Rule *rule, Py_ssize_t n_samples,
    const real *X, Py_ssize_t X_row,    # (n_samples, n_in)   read
    const real *Y, Py_ssize_t Y_row,    # (n_samples, n_out)  read
    const Py_ssize_t *order,            # rows of Y, or NULL
    real scale,                         # 1 / samples that share the gradient
) noexcept nogil:
    """One step of `rule`; returns the sum of the losses before it."""
    cdef Py_ssize_t index
    cdef const Layer *below
    cdef double cost
    forward_batch(net, n_samples, X, X_row)
    cost = outputs(net, n_samples, Y, Y_row, order)
    for index in range(net.n_layers - 1, 0, -1):
        below = &net.layers[index - 1]
        backward_layer(net, index, n_samples)
        descend_layer(net, &net.layers[index], n_samples, block(net, below.a), below.width,
                      rule, scale)
    descend_layer(net, &net.layers[0], n_samples, X, X_row, rule, scale)
    return cost
