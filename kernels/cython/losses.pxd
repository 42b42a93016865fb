# The loss of one sample and its derivative by z (canonical pairs) or by a (all others).
from libc.math cimport log, log1p

from exponentials cimport exp_of_negative, log1p_of_fraction
from functions cimport SIGMOID, SOFTMAX
from lanes cimport magnitude, real, vec4
from plan cimport BINARY_CROSS_ENTROPY, CROSS_ENTROPY, MSE, custom_loss

cdef extern from *:
    """
    #include <float.h>
    #ifdef DELTALOOP_DOUBLE
    #define REAL_EPSILON DBL_EPSILON
    #else
    #define REAL_EPSILON FLT_EPSILON
    #endif
    """
    const real REAL_EPSILON


cdef inline bint is_canonical(Py_ssize_t loss, Py_ssize_t activation) noexcept nogil:
    """Whether dC/dz is known, a - y or like it, and computed with the loss from the logits z."""
    return (loss == CROSS_ENTROPY and activation == SOFTMAX) \
        or (loss == BINARY_CROSS_ENTROPY and activation == SIGMOID)


cdef inline double canonical_delta(
    Py_ssize_t loss, Py_ssize_t n_out, Py_ssize_t width,
    const real *z,      # (width,)  read
    const real *a,      # (width,)  read: f(z)
    double log_sum,     # of softmax: log sum_k exp(z_k)
    const real *y,      # (n_out,)  read
    real *delta,        # (width,)  overwritten: dC/dz; padding 0
) noexcept nogil:
    """Returns the loss of the sample."""
    cdef Py_ssize_t j
    cdef double cost = 0, sum_y = 0
    cdef real whole = 1
    if loss == CROSS_ENTROPY:
        for j in range(n_out):                      # y (log sum_k exp(z_k) - z)
            sum_y += y[j]
            if y[j] != 0:
                cost += y[j] * (log_sum - z[j])
        whole = <real> sum_y
    else:
        for j in range(0, width, 4):                # log(1 + exp(-|z|)), kept in delta
            (<vec4 *> (delta + j))[0] = log1p_of_fraction(
                exp_of_negative(-magnitude((<const vec4 *> (z + j))[0])))
        for j in range(n_out):                      # max(z, 0) - z y + log(1 + exp(-|z|))
            cost += (z[j] if z[j] > 0 else 0) - z[j] * y[j] + delta[j]
    for j in range(n_out):                          # cross_entropy: (sum_k y_k) a - y
        delta[j] = whole * a[j] - y[j]
    for j in range(n_out, width):
        delta[j] = 0
    return cost


cdef inline double general_slope(
    Py_ssize_t loss, Py_ssize_t n_out, Py_ssize_t width,
    const real *a,      # (width,)  read: f(z)
    const real *y,      # (n_out,)  read
    real *dC_da,        # (width,)  overwritten; padding 0
) noexcept nogil:
    """Returns the loss of the sample."""
    cdef Py_ssize_t j
    cdef double cost = 0
    cdef real d
    if loss == MSE:
        for j in range(n_out):                      # 1/2 (a - y)^2
            d = a[j] - y[j]
            dC_da[j] = d
            cost += <double> d * d
        cost *= 0.5
    elif loss == CROSS_ENTROPY:
        for j in range(n_out):
            cost += limited_cross_entropy(a[j], y[j], &dC_da[j])
    elif loss == BINARY_CROSS_ENTROPY:
        for j in range(n_out):
            cost += limited_binary_cross_entropy(a[j], y[j], &dC_da[j])
    else:
        cost = (<custom_loss> loss)(a, y, dC_da, n_out)
    for j in range(n_out, width):
        dC_da[j] = 0
    return cost


cdef inline double limited_cross_entropy(real a, real y, real *dC_da) noexcept nogil:
    """-y log a with a limited to [eps, inf)"""
    if a < REAL_EPSILON:
        dC_da[0] = 0
        a = REAL_EPSILON
    else:
        dC_da[0] = -y / a
    return -y * log(a) if y != 0 else a * 0


cdef inline double limited_binary_cross_entropy(real a, real y, real *dC_da) noexcept nogil:
    """-y log a - (1 - y) log(1 - a) with a limited to [eps, 1 - eps]"""
    cdef real one = 1, limited = a
    if a < REAL_EPSILON:
        limited = REAL_EPSILON
    elif a > one - REAL_EPSILON:
        limited = one - REAL_EPSILON
    dC_da[0] = (a - y) / (a * (one - a)) if limited == a or a != a else 0
    return -y * log(limited) - (one - y) * log1p(-limited)
