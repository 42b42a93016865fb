# The latency path: plain SGD, one sample at a time, where no layer has more than 8 inputs or units.
#
# Such a step is one chain of operations, each of which waits for the one before. So the units of a
# layer are the lanes of one vector from z to delta; no lanes are stored one by one to be loaded as
# a vector (which costs a dozen cycles); and W is kept twice, by inputs and by outputs, so that
# neither
#     z     = b + sum_i a_i W_i         W_i: the weights that leave input i, a vector over units
#     dC/da = sum_j delta_j T_j         T_j: the weights that reach unit j, a vector over inputs
# has to add up the lanes of a vector. The parameters are copied to `memory`, SIZE vectors a layer,
# when a call begins, and back to theta when it ends.
from functions cimport CUSTOM
from lanes cimport fill, lane, real, vector
from plan cimport Layer, Net, bias_of
from switches cimport f_by_code, is_common, slope_by_code

# `activate` and `multiply_by_slope`, for layers of other units: see `is_common`
ctypedef void (*any_f)(const Layer *, Py_ssize_t, const real *, real *) noexcept nogil
ctypedef void (*any_slope)(
    const Layer *, Py_ssize_t, const real *, const real *, real *) noexcept nogil

cdef enum:
    MOST = 8            # units of a layer, and layers
    # what the SIZE vectors of a layer are
    OF_INPUTS = 0       # W_0, W_1, ...
    OF_OUTPUTS = MOST   # T_0, T_1, ...; unused in the first layer
    BIAS = 2 * MOST
    INPUT = BIAS + 1    # z
    OUTPUT = BIAS + 2   # a
    MASK = BIAS + 3     # 1 for every unit, 0 in the padding
    SIZE = BIAS + 4


cdef inline bint is_tiny(const Net *net) noexcept nogil:
    cdef Py_ssize_t k
    if net.n_layers > MOST or net.heads != NULL or net.joins:
        return False
    for k in range(net.n_layers):
        if net.layers[k].n_in > MOST or net.layers[k].n_out > MOST:
            return False
        if net.layers[k].activation == CUSTOM:
            return False
    return True


cdef inline void copy_in(const Net *net, vector *memory) noexcept nogil:
    cdef Py_ssize_t k, i, j
    cdef const Layer *layer
    cdef vector *of_layer
    cdef const real *W
    cdef const real *b
    for k in range(net.n_layers):
        layer, of_layer = &net.layers[k], memory + k * SIZE
        W, b = net.theta + layer.W, bias_of(net, layer)
        for i in range(SIZE):
            fill(&of_layer[i], 0)
        for j in range(layer.n_out):
            (<real *> &of_layer[MASK])[j] = 1
            if b != NULL:
                (<real *> &of_layer[BIAS])[j] = b[j]
            for i in range(layer.n_in):
                (<real *> &of_layer[OF_INPUTS + i])[j] = W[i * layer.width + j]
                if k > 0:
                    (<real *> &of_layer[OF_OUTPUTS + j])[i] = W[i * layer.width + j]


cdef inline void copy_out(const Net *net, vector *memory) noexcept nogil:
    cdef Py_ssize_t k, i, j
    cdef const Layer *layer
    cdef vector *of_layer
    cdef real *W
    cdef real *b
    for k in range(net.n_layers):
        layer, of_layer = &net.layers[k], memory + k * SIZE
        W, b = net.theta + layer.W, bias_of(net, layer)
        for j in range(layer.n_out):
            if b != NULL:
                b[j] = (<real *> &of_layer[BIAS])[j]
            for i in range(layer.n_in):
                W[i * layer.width + j] = (<real *> &of_layer[OF_INPUTS + i])[j]


cdef inline vector combined(Py_ssize_t n, vector start, vector a, const vector *W) noexcept nogil:
    """start + a_0 W_0 + ... + a_(n-1) W_(n-1), n >= 1, as two independent sums: even and odd"""
    cdef vector even = start + lane(a, 0) * W[0], odd
    if n == 1:
        return even
    odd = lane(a, 1) * W[1]
    if n > 2:
        even += lane(a, 2) * W[2]
    if n > 3:
        odd += lane(a, 3) * W[3]
    if sizeof(vector) > 4 * sizeof(real):
        if n > 4:
            even += lane(a, 4) * W[4]
        if n > 5:
            odd += lane(a, 5) * W[5]
        if n > 6:
            even += lane(a, 6) * W[6]
        if n > 7:
            odd += lane(a, 7) * W[7]
    return even + odd


cdef inline vector first_sum(
    Py_ssize_t n_in, const real *x, const vector *W, vector b,
) noexcept nogil:
    """z = b + sum_i x_i W_i of the first layer, in the order of `first_step`"""
    cdef vector even = b, odd
    cdef Py_ssize_t i = 1
    fill(&odd, 0)
    even += x[0] * W[0]
    while i + 1 < n_in:
        odd += x[i] * W[i]
        even += x[i + 1] * W[i + 1]
        i += 2
    if i < n_in:
        odd += x[i] * W[i]
    return even + odd


cdef inline vector first_step(
    Py_ssize_t n_in, const real *x, vector *W, vector b, vector step, const real *x_next,
) noexcept nogil:
    """W_i -= x_i step, then z = b + sum_i x_next_i W_i; step = eps delta"""
    cdef vector even = b, odd
    cdef Py_ssize_t i = 1
    fill(&odd, 0)
    W[0] = W[0] - x[0] * step
    even += x_next[0] * W[0]
    while i + 1 < n_in:
        W[i] = W[i] - x[i] * step
        odd += x_next[i] * W[i]
        W[i + 1] = W[i + 1] - x[i + 1] * step
        even += x_next[i + 1] * W[i + 1]
        i += 2
    if i < n_in:
        W[i] = W[i] - x[i] * step
        odd += x_next[i] * W[i]
    return even + odd


cdef inline bint has_common_units(const Net *net) noexcept nogil:
    """Whether all hidden units have activations that the loop has inside."""
    cdef Py_ssize_t k
    for k in range(net.n_layers - 1):
        if not is_common(net.layers[k].activation):
            return False
    return True


cdef inline vector forward_tiny(
    bint common, any_f call, const Net *net, vector *memory, vector z,
) noexcept nogil:
    """From z of the first layer to z of the last; z and a of the hidden ones into memory."""
    cdef Py_ssize_t k
    cdef vector a
    cdef vector *of_layer = memory
    for k in range(net.n_layers - 1):
        if common:
            a = f_by_code(net.layers[k].activation, <real> net.layers[k].alpha, z)
            of_layer[INPUT], of_layer[OUTPUT] = z, a
        else:
            of_layer[INPUT] = z
            call(&net.layers[k], 1, <const real *> &of_layer[INPUT], <real *> &of_layer[OUTPUT])
            a = of_layer[OUTPUT]
        of_layer += SIZE
        z = combined(net.layers[k].n_out, of_layer[BIAS], a, of_layer + OF_INPUTS)
    return z


cdef inline vector descend_tiny(
    bint common, any_slope call, const Net *net, vector *memory, vector delta, real learning_rate,
) noexcept nogil:
    """From delta of the last layer to delta of the first, updating all layers but the first.

    delta_prev = (sum_j delta_j T_j) f'(z_prev), then, with a of the layer before,
    W_i -= eps a_i delta, T_j -= eps delta_j a, b -= eps delta.
    """
    cdef const Layer *layer
    cdef vector *of_layer
    cdef vector *below
    cdef vector a, step, zero, dC_da
    cdef Py_ssize_t k, i
    fill(&zero, 0)
    for k in range(net.n_layers - 1, 0, -1):
        layer, of_layer = &net.layers[k], memory + k * SIZE
        below = of_layer - SIZE
        a = below[OUTPUT]
        dC_da = combined(layer.n_out, zero, delta, of_layer + OF_OUTPUTS)
        step = delta * learning_rate
        if layer.b >= 0:
            of_layer[BIAS] -= step
        for i in range(layer.n_in):
            of_layer[OF_INPUTS + i] -= (<real *> &below[OUTPUT])[i] * step
        if common:
            delta = dC_da * slope_by_code(
                net.layers[k - 1].activation, <real> net.layers[k - 1].alpha, below[INPUT], a)
        else:
            of_layer[INPUT] = dC_da     # in the place of a z that is not needed any more
            call(&net.layers[k - 1], 1, <const real *> &below[INPUT],
                 <const real *> &below[OUTPUT], <real *> &of_layer[INPUT])
            delta = of_layer[INPUT]
        a *= below[MASK]
        turn(layer.n_out, step, a, of_layer + OF_OUTPUTS)
    return delta


cdef inline void turn(Py_ssize_t n, vector step, vector a, vector *T) noexcept nogil:
    """T_j -= step_j a: products and rounding as in W_i -= a_i step, so that T stays equal to W"""
    T[0] -= lane(step, 0) * a
    if n > 1:
        T[1] -= lane(step, 1) * a
    if n > 2:
        T[2] -= lane(step, 2) * a
    if n > 3:
        T[3] -= lane(step, 3) * a
    if sizeof(vector) > 4 * sizeof(real):
        if n > 4:
            T[4] -= lane(step, 4) * a
        if n > 5:
            T[5] -= lane(step, 5) * a
        if n > 6:
            T[6] -= lane(step, 6) * a
        if n > 7:
            T[7] -= lane(step, 7) * a
