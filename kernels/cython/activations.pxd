# Activation functions f(z) and their slopes f'(z) in terms of a = f(z), over arrays.
from libc.math cimport log

from exponentials cimport (
    exp_of_negative, expm1_of_negative, hyperbolic_tangent, log1p_of_fraction, logistic,
)
from lanes cimport (
    NATIVE, fill, fold, magnitude, real, vec, vec4, vec4_total, vec8, vector,
    where_above,
)
from plan cimport ELU, IDENTITY, LEAKY_RELU, RELU, SIGMOID, SOFTPLUS, TANH


cdef inline vector f(Py_ssize_t activation, real alpha, vector z) noexcept nogil:
    cdef vector zero
    fill(&zero, 0)
    if activation == SIGMOID:
        return logistic(z)
    if activation == TANH:
        return hyperbolic_tangent(z)
    if activation == RELU:          # this way round NaN comes through
        return where_above(zero, z, zero, z)
    if activation == LEAKY_RELU:
        return where_above(z, zero, z, z * alpha)
    if activation == ELU:
        return where_above(z, zero, z, expm1_of_negative(where_above(z, zero, zero, z)) * alpha)
    if activation == SOFTPLUS:      # max(z, 0) + log(1 + e^-|z|)
        return where_above(zero, z, zero, z) + log1p_of_fraction(exp_of_negative(-magnitude(z)))
    return z


cdef inline vector slope(Py_ssize_t activation, real alpha, vector a) noexcept nogil:
    cdef vector zero, one, lower
    fill(&zero, 0)
    fill(&one, 1)
    if activation == SIGMOID:
        return a * (one - a)
    if activation == TANH:
        return one - a * a
    if activation == RELU:
        return where_above(a, zero, one, zero)
    if activation == LEAKY_RELU:
        fill(&lower, alpha)
        return where_above(a, zero, one, lower)
    if activation == ELU:
        return where_above(a, zero, one, a + alpha)
    if activation == SOFTPLUS:
        return -expm1_of_negative(-a)
    return one


cdef inline void map_f(
    Py_ssize_t activation, real alpha, Py_ssize_t n,
    const real *z,      # (n,)  read; n a multiple of 4
    real *a,            # (n,)  overwritten; may be z
) noexcept nogil:
    cdef Py_ssize_t k = 0
    while k + NATIVE <= n:
        (<vec *> (a + k))[0] = f(activation, alpha, (<const vec *> (z + k))[0])
        k += NATIVE
    while k + 8 <= n:
        (<vec8 *> (a + k))[0] = f(activation, alpha, (<const vec8 *> (z + k))[0])
        k += 8
    while k + 4 <= n:
        (<vec4 *> (a + k))[0] = f(activation, alpha, (<const vec4 *> (z + k))[0])
        k += 4


cdef inline void map_slope(
    Py_ssize_t activation, real alpha, Py_ssize_t n,
    const real *a,      # (n,)  read; n a multiple of 4
    real *delta,        # (n,)  dC/da in, dC/dz = dC/da f'(z) out
) noexcept nogil:
    cdef Py_ssize_t k = 0
    while k + NATIVE <= n:
        (<vec *> (delta + k))[0] *= slope(activation, alpha, (<const vec *> (a + k))[0])
        k += NATIVE
    while k + 8 <= n:
        (<vec8 *> (delta + k))[0] *= slope(activation, alpha, (<const vec8 *> (a + k))[0])
        k += 8
    while k + 4 <= n:
        (<vec4 *> (delta + k))[0] *= slope(activation, alpha, (<const vec4 *> (a + k))[0])
        k += 4


# The two switches below turn the code of a layer into loops of one function each.

cdef inline void map_f_by_code(
    Py_ssize_t activation, real alpha, Py_ssize_t n,
    const real *z,      # (n,)  read
    real *a,            # (n,)  overwritten: f(z)
) noexcept nogil:
    if activation == SIGMOID:
        map_f(SIGMOID, alpha, n, z, a)
    elif activation == TANH:
        map_f(TANH, alpha, n, z, a)
    elif activation == RELU:
        map_f(RELU, alpha, n, z, a)
    elif activation == LEAKY_RELU:
        map_f(LEAKY_RELU, alpha, n, z, a)
    elif activation == ELU:
        map_f(ELU, alpha, n, z, a)
    elif activation == SOFTPLUS:
        map_f(SOFTPLUS, alpha, n, z, a)
    elif a != z:
        map_f(IDENTITY, alpha, n, z, a)


cdef inline void map_slope_by_code(
    Py_ssize_t activation, real alpha, Py_ssize_t n,
    const real *a,      # (n,)  read
    real *delta,        # (n,)  dC/da in, dC/dz out
) noexcept nogil:
    if activation == SIGMOID:
        map_slope(SIGMOID, alpha, n, a, delta)
    elif activation == TANH:
        map_slope(TANH, alpha, n, a, delta)
    elif activation == RELU:
        map_slope(RELU, alpha, n, a, delta)
    elif activation == LEAKY_RELU:
        map_slope(LEAKY_RELU, alpha, n, a, delta)
    elif activation == ELU:
        map_slope(ELU, alpha, n, a, delta)
    elif activation == SOFTPLUS:
        map_slope(SOFTPLUS, alpha, n, a, delta)


cdef inline real largest(Py_ssize_t n, const vector *x) noexcept nogil:
    """Of n vectors; NaN does not count."""
    cdef vector top = x[0]
    cdef Py_ssize_t k
    cdef real found
    for k in range(1, n):
        top = where_above(x[k], top, x[k], top)
    found = (<real *> &top)[0]
    for k in range(1, sizeof(vector) // sizeof(real)):
        if (<real *> &top)[k] > found:
            found = (<real *> &top)[k]
    return found


cdef inline void exp_of_difference(Py_ssize_t n, vector *x, real top) noexcept nogil:
    """x := exp(x - top), n vectors"""
    cdef Py_ssize_t k
    for k in range(n):
        x[k] = exp_of_negative(x[k] - top)


cdef inline real sum_of(Py_ssize_t n, const vector *x) noexcept nogil:
    cdef vector sums = x[0]
    cdef Py_ssize_t k
    for k in range(1, n):
        sums += x[k]
    return vec4_total(fold(sums))


cdef inline double softmax(
    Py_ssize_t n_out, Py_ssize_t width,
    const real *z,      # (width,)  read
    real *a,            # (width,)  overwritten: exp(z - max z) / sum; padding 0
) noexcept nogil:
    """Returns log sum_k exp(z_k)."""
    cdef real top, norm
    cdef Py_ssize_t j, n = width // NATIVE
    for j in range(n_out):
        a[j] = z[j]
    for j in range(n_out, width):
        a[j] = z[0]                 # padding takes no part in the maximum
    if n:
        top = largest(n, <const vec *> a)
        exp_of_difference(n, <vec *> a, top)
    else:
        top = largest(width // 4, <const vec4 *> a)
        exp_of_difference(width // 4, <vec4 *> a, top)
    for j in range(n_out, width):
        a[j] = 0
    norm = sum_of(n, <const vec *> a) if n else sum_of(width // 4, <const vec4 *> a)
    for j in range(n_out):
        a[j] /= norm
    return top + log(norm)


cdef inline void through_softmax(
    Py_ssize_t n_out,
    const real *a,      # (n_out,)  read
    real *delta,        # (n_out,)  dC/da in, dC/dz out: a_j (dC/da_j - sum_k dC/da_k a_k)
) noexcept nogil:
    cdef real mean = 0
    cdef Py_ssize_t j
    for j in range(n_out):
        mean += delta[j] * a[j]
    for j in range(n_out):
        delta[j] = a[j] * (delta[j] - mean)
