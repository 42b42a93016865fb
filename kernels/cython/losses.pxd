# The loss of one sample and its derivative by z (canonical pairs) or by a (all others).
from functions cimport loss_logits_delta, loss_logits_value, loss_slope, loss_value
from lanes cimport NATIVE, first_lanes, real, vec, vec4, vector


cdef inline double terms(
    Py_ssize_t loss, bint from_logits,      # constants
    real p, Py_ssize_t n_out,
    const real *z,      # (width,)  read where they come from logits
    const real *a,      # (width,)  read: f(z)
    const real *y,      # (n_out,)  read
    real *delta,        # (width,)  the first n_out overwritten: dC/da, or dC/dz from logits
) noexcept nogil:
    """Returns the loss of the sample: the terms of all units, added up in float64."""
    cdef Py_ssize_t j = 0, first
    cdef double cost = 0
    cdef vec4 few
    if n_out >= NATIVE:
        while j < n_out:        # the last vector may begin among units that are done
            first = min(j, n_out - NATIVE)
            cost = vector_of_terms(
                loss, from_logits, p, <const vec *> (z + first), <const vec *> (a + first),
                (<const vec *> (y + first))[0], <vec *> (delta + first), j - first, NATIVE, cost)
            j += NATIVE
    elif n_out >= 4:
        while j < n_out:
            first = min(j, n_out - 4)
            cost = vector_of_terms(
                loss, from_logits, p, <const vec4 *> (z + first), <const vec4 *> (a + first),
                (<const vec4 *> (y + first))[0], <vec4 *> (delta + first), j - first, 4, cost)
            j += 4
    else:
        few = first_lanes(y, n_out)
        cost = vector_of_terms(loss, from_logits, p, <const vec4 *> z, <const vec4 *> a, few,
                               <vec4 *> delta, 0, n_out, cost)
    return cost


cdef inline double vector_of_terms(
    Py_ssize_t loss, bint from_logits, real p, const vector *z, const vector *a, vector y,
    vector *delta, Py_ssize_t lane, Py_ssize_t stop, double cost,
) noexcept nogil:
    """cost + the terms of the lanes from `lane` to stop - 1"""
    cdef vector value
    if from_logits:
        value = loss_logits_value(loss, p, z[0], y)
        delta[0] = loss_logits_delta(loss, p, z[0], a[0], y)
    else:
        value = loss_value(loss, p, a[0], y)
        delta[0] = loss_slope(loss, p, a[0], y)
    while lane < stop:
        cost += (<real *> &value)[lane]
        lane += 1
    return cost


cdef inline double softmax_cross_entropy(
    Py_ssize_t n_out,
    const real *z,      # (n_out,)  read
    const real *a,      # (n_out,)  read: softmax(z)
    double log_sum,     # log sum_k exp(z_k)
    const real *y,      # (n_out,)  read
    real *delta,        # (n_out,)  overwritten: dC/dz = (sum_k y_k) a - y
) noexcept nogil:
    """Returns the loss of the sample: sum_j y_j (log sum_k exp(z_k) - z_j)."""
    cdef Py_ssize_t j
    cdef double cost = 0, sum_y = 0
    cdef real whole
    for j in range(n_out):
        sum_y += y[j]
        if y[j] != 0:
            cost += y[j] * (log_sum - z[j])
    whole = <real> sum_y
    for j in range(n_out):
        delta[j] = whole * a[j] - y[j]
    return cost
