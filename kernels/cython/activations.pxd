# Activation functions and their slopes over arrays; functions.pxd has them for single vectors.
from exponentials cimport exp_of_negative
from functions cimport f, slope
from lanes cimport (
    LINE_VECTORS, NATIVE, divided, fill, first_of, largest, real, vec, vec4, vec4_total, vec8,
    vector, where_above,
)
from same_bits cimport fold_parts, parts


cdef inline void map_f(
    Py_ssize_t activation, real alpha, Py_ssize_t n,
    const real *z,      # (n,)  read; n a multiple of 4
    real *a,            # (n,)  overwritten: f(z); may be the same array as z
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
    const real *z,      # (n,)  read if the row has keeps_z, else it may be a; n a multiple of 4
    const real *a,      # (n,)  read
    real *delta,        # (n,)  dC/da in, dC/dz = dC/da f'(z) out
) noexcept nogil:
    cdef Py_ssize_t k = 0
    while k + NATIVE <= n:
        (<vec *> (delta + k))[0] *= slope(
            activation, alpha, (<const vec *> (z + k))[0], (<const vec *> (a + k))[0])
        k += NATIVE
    while k + 8 <= n:
        (<vec8 *> (delta + k))[0] *= slope(
            activation, alpha, (<const vec8 *> (z + k))[0], (<const vec8 *> (a + k))[0])
        k += 8
    while k + 4 <= n:
        (<vec4 *> (delta + k))[0] *= slope(
            activation, alpha, (<const vec4 *> (z + k))[0], (<const vec4 *> (a + k))[0])
        k += 4


cdef inline real softmax(
    Py_ssize_t n_out, Py_ssize_t width,
    const real *z,      # (width,)  read
    real *a,            # (width,)  overwritten: exp(z - max z) / sum_k exp(z_k - max z); padding 0
    real *top,          # overwritten: max z
) noexcept nogil:
    """Returns sum_k exp(z_k - max z)."""
    if width >= LINE_VECTORS * NATIVE:
        return softmax_of(n_out, width // NATIVE, <const vec *> z, <vec *> a, top)
    return softmax_of(n_out, width // 4, <const vec4 *> z, <vec4 *> a, top)


cdef inline real softmax_of(
    Py_ssize_t n_out, Py_ssize_t n,
    const vector *z,    # (n vectors)  read
    vector *a,          # (n vectors)  overwritten
    real *highest,      # overwritten
) noexcept nogil:
    cdef Py_ssize_t k, lanes = sizeof(vector) // sizeof(real), whole = n_out // lanes
    cdef vector first, x, top, norms, reciprocals
    cdef vector sums[4]
    cdef Py_ssize_t together = parts(z)
    cdef real greatest, norm
    fill(&first, (<const real *> z)[0])         # so that padding does not change the maximum
    top = first
    for k in range(whole):
        top = where_above(z[k], top, z[k], top)
    for k in range(whole, n):
        x = first_of(z[k], n_out - k * lanes, first)
        top = where_above(x, top, x, top)
    greatest = largest(top)
    for k in range(together):
        fill(&sums[k], 0)
    fill(&first, 0)
    for k in range(whole):
        a[k] = exp_of_negative(z[k] - greatest)
        sums[k % together] += a[k]
    for k in range(whole, n):
        a[k] = first_of(exp_of_negative(z[k] - greatest), n_out - k * lanes, first)
        sums[k % together] += a[k]
    norm = vec4_total(fold_parts(sums))
    fill(&norms, norm)
    fill(&reciprocals, 1 / norm)
    for k in range(n):
        a[k] = divided(a[k], norms, reciprocals)
    highest[0] = greatest
    return norm


cdef inline void take_from_all(
    Py_ssize_t n_out, double log_sum,
    const real *z,      # (n_out,)  read
    real *a,            # (n_out,)  overwritten: z_j - log sum_k exp(z_k)
) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n_out):
        a[j] = <real> (z[j] - log_sum)


cdef inline void through_log_softmax(
    Py_ssize_t n_out, Py_ssize_t width,
    const real *a,      # (width,)  read
    real *delta,        # (width,)  dC/da in, dC/dz out: dC/da_j - exp(a_j) sum_k dC/da_k; padding 0
) noexcept nogil:
    cdef real total = 0
    cdef Py_ssize_t j
    for j in range(n_out):
        total += delta[j]
    for j in range(0, width, 4):
        (<vec4 *> (delta + j))[0] -= exp_of_negative((<const vec4 *> (a + j))[0]) * total
    for j in range(n_out, width):
        delta[j] = 0


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
