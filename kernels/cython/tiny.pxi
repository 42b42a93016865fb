# Samples one after the other on the latency path; see tiny.pxd.

cdef inline double descend_tiny_samples_of(
    bint common, vector *memory, const Net *net, real learning_rate,
    Py_ssize_t start, Py_ssize_t stop, const Rows *X, const Rows *Y, double total,
) noexcept nogil:
    """descend_samples for plain SGD, dense rows and `is_tiny`; common: see `has_common_units`."""
    cdef const Layer *first = &net.layers[0]
    cdef const Layer *last = &net.layers[net.n_layers - 1]
    cdef vector *of_last = memory + (net.n_layers - 1) * SIZE
    cdef const real *x = row_of(X, start)
    cdef const real *x_next
    cdef const real *y
    # direct: from z of the last layer to its delta in registers
    cdef bint ends, direct = common and is_common_loss(net.loss) and is_common(last.activation) \
        and not is_canonical(net.loss, last.activation)
    cdef vector z, a, delta, target, value, factor, zero
    cdef Py_ssize_t t, j
    cdef double cost
    cdef Rows of_sample = Y[0]
    copy_in(net, memory)
    fill(&zero, 0)
    z = first_sum(first.n_in, x, memory + OF_INPUTS, memory[BIAS])
    for t in range(start, stop):
        z = forward_tiny(common, activate, net, memory, z)
        if direct:
            y, target = row_of(Y, t), zero
            for j in range(last.n_out):
                (<real *> &target)[j] = y[j]
            a = f_by_code(last.activation, <real> last.alpha, z)
            delta = loss_by_code(net.loss, net.loss_parameter, a, target, &value, &factor)
            cost = 0
            for j in range(last.n_out):
                cost += <double> (<real *> &value)[j] * <double> (<real *> &factor)[j]
            total += cost
            delta = where_above(of_last[MASK], zero, delta, zero)   # 0 where there is no unit
            delta *= slope_by_code(last.activation, <real> last.alpha, z, a)
        else:
            for j in range(last.width):
                block(net, last, last.z)[j] = (<real *> &z)[j]
            of_sample.first = Y.first + t
            total += outputs(net, 1, &of_sample, net.costs)
            delta = zero
            for j in range(last.width):
                (<real *> &delta)[j] = block(net, last, last.delta)[j]
        delta = descend_tiny(common, multiply_by_slope, net, memory, delta, learning_rate)
        delta *= learning_rate
        if first.b >= 0:
            memory[BIAS] -= delta
        ends = t + 1 == stop or not isfinite(total)
        x_next = x if ends else row_of(X, t + 1)    # after the last sample z is not used
        z = first_step(first.n_in, x, memory + OF_INPUTS, memory[BIAS], delta, x_next)
        if ends:
            break
        x = x_next
    copy_out(net, memory)
    return total


cdef double descend_other_tiny_samples(
    const Net *net, real learning_rate, Py_ssize_t start, Py_ssize_t stop,
    const Rows *X, const Rows *Y, double total,
) noexcept nogil:
    cdef vec8 memory[MOST * SIZE]
    return descend_tiny_samples_of(False, memory, net, learning_rate, start, stop, X, Y, total)


ctypedef double (*descend_function)(
    const Net *, real, Py_ssize_t, Py_ssize_t, const Rows *, const Rows *, double) noexcept nogil

# By address, so that the compiler keeps it out of the function below, which must stay small.
cdef descend_function descend_others = descend_other_tiny_samples


cdef double descend_tiny_samples(
    const Net *net, real learning_rate, Py_ssize_t start, Py_ssize_t stop,
    const Rows *X, const Rows *Y, double total,
) noexcept nogil:
    cdef vec4 memory4[MOST * SIZE]
    cdef vec8 memory8[MOST * SIZE]
    cdef Py_ssize_t k
    if not has_common_units(net):
        return descend_others(net, learning_rate, start, stop, X, Y, total)
    for k in range(net.n_layers):
        if net.layers[k].n_in > 4 or net.layers[k].n_out > 4:
            return descend_tiny_samples_of(
                True, memory8, net, learning_rate, start, stop, X, Y, total)
    return descend_tiny_samples_of(True, memory4, net, learning_rate, start, stop, X, Y, total)
