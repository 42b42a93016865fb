# The loss of one sample C and dC/dz (canonical pairs) or dC/da (all others).
from libc.math cimport log

from functions cimport (
    has_outer, loss_logits_delta, loss_logits_value, loss_outer, loss_slope, loss_value,
)
from lanes cimport NATIVE, fill, first_lanes, real, unit_lanes, vec, vec4, vector, where_above
from plan cimport Rows, row_of

cdef extern from *:
    """
    /* bit i is set where x[i] is not 0 (NaN is not), for the n <= 64 values at x */
    static inline unsigned long long nonzero(const real *x, Py_ssize_t n) {
        unsigned long long found = 0;
        Py_ssize_t k = 0;
    #if defined(__AVX__)
        for (; k < n && n >= NATIVE; k += NATIVE) {
            if (k > n - NATIVE) k = n - NATIVE;     /* looks at some of them again */
    #if defined(__AVX512F__) && defined(DELTALOOP_DOUBLE)
            unsigned int mask = _mm512_cmp_pd_mask(
                _mm512_loadu_pd(x + k), _mm512_setzero_pd(), _CMP_NEQ_UQ);
    #elif defined(__AVX512F__)
            unsigned int mask = _mm512_cmp_ps_mask(
                _mm512_loadu_ps(x + k), _mm512_setzero_ps(), _CMP_NEQ_UQ);
    #elif defined(DELTALOOP_DOUBLE)
            unsigned int mask = _mm256_movemask_pd(
                _mm256_cmp_pd(_mm256_loadu_pd(x + k), _mm256_setzero_pd(), _CMP_NEQ_UQ));
    #else
            unsigned int mask = _mm256_movemask_ps(
                _mm256_cmp_ps(_mm256_loadu_ps(x + k), _mm256_setzero_ps(), _CMP_NEQ_UQ));
    #endif
            found |= (unsigned long long)mask << k; }
    #endif
        for (; k < n; k++) found |= (unsigned long long)(x[k] != 0) << k;
        return found; }
    static inline Py_ssize_t lowest(unsigned long long set) { return __builtin_ctzll(set); }
    """
    unsigned long long nonzero(const real *x, Py_ssize_t n) noexcept nogil
    Py_ssize_t lowest(unsigned long long set) noexcept nogil    # number of its lowest bit


cdef inline double terms(
    Py_ssize_t loss, bint from_logits,      # constants
    real p, Py_ssize_t n_samples, Py_ssize_t n_out, Py_ssize_t width,
    const real *z,      # (n_samples, width)  read if from_logits
    const real *a,      # (n_samples, width)  read: f(z)
    const Rows *Y,      # (n_samples, n_out)  read
    real *delta,        # (n_samples, width)  overwritten: dC/da, or dC/dz if from_logits; padding 0
    double *costs,      # (n_samples,)        overwritten: the loss of every sample
) noexcept nogil:
    """Returns the sum of the losses; the terms of all units are added up in float64."""
    cdef Py_ssize_t t, j
    cdef double slope, total = 0
    for t in range(n_samples):
        costs[t] = terms_of_sample(loss, from_logits, p, n_out, z, a, row_of(Y, t), delta)
        if has_outer(loss):
            costs[t] = loss_outer(loss, p, costs[t], &slope)
            for j in range(n_out):
                delta[j] *= <real> slope
        total += costs[t]
        for j in range(max(n_out, <Py_ssize_t> 4), width):
            delta[j] = 0
        z, a, delta = z + width, a + width, delta + width
    return total


cdef inline double terms_of_sample(
    Py_ssize_t loss, bint from_logits, real p, Py_ssize_t n_out,
    const real *z, const real *a, const real *y, real *delta,
) noexcept nogil:
    """Returns the loss of the sample."""
    cdef Py_ssize_t j = 0, first
    cdef double cost = 0
    cdef vec4 nothing
    if n_out >= NATIVE:
        while j < n_out:        # the last vector may overlap the one before
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
        cost = vector_of_terms(
            loss, from_logits, p, <const vec4 *> z, <const vec4 *> a, first_lanes(y, n_out),
            <vec4 *> delta, 0, n_out, cost)
    if n_out < 4:               # delta = 0 in the padding (also after vectors of NATIVE = 2 lanes)
        fill(&nothing, 0)
        (<vec4 *> delta)[0] = where_above(unit_lanes(n_out), nothing, (<vec4 *> delta)[0], nothing)
    return cost


cdef inline double vector_of_terms(
    Py_ssize_t loss, bint from_logits, real p, const vector *z, const vector *a, vector y,
    vector *delta, Py_ssize_t lane, Py_ssize_t stop, double cost,
) noexcept nogil:
    """cost + the terms of the lanes from `lane` to stop - 1"""
    cdef vector value, factor
    if from_logits:
        value = loss_logits_value(loss, p, z[0], y, &factor)
        delta[0] = loss_logits_delta(loss, p, z[0], a[0], y)
    else:
        value = loss_value(loss, p, a[0], y, &factor)
        delta[0] = loss_slope(loss, p, a[0], y)
    while lane < stop:
        cost += <double> (<real *> &value)[lane] * <double> (<real *> &factor)[lane]
        lane += 1
    return cost


cdef inline double softmax_cross_entropy(
    Py_ssize_t n_out, Py_ssize_t width,
    const real *z,      # (n_out,)  read
    const real *a,      # (n_out,)  read: softmax(z)
    double log_sum,     # log sum_k exp(z_k)
    const real *y,      # (n_out,)  read
    real *delta,        # (width,)  overwritten: dC/dz = (sum_k y_k) a - y; padding 0
) noexcept nogil:
    """Returns the loss of the sample: sum_j y_j (log sum_k exp(z_k) - z_j)."""
    cdef Py_ssize_t j, k = 0, n
    cdef double cost = 0, sum_y = 0
    cdef unsigned long long found
    cdef real whole
    while k < n_out:            # 64 targets at a time, most of which are 0
        n = min(n_out - k, <Py_ssize_t> 64)
        found = nonzero(y + k, n)
        while found != 0:
            j = k + lowest(found)
            sum_y += y[j]
            cost += y[j] * (log_sum - z[j])
            found &= found - 1
        k += n
    whole = <real> sum_y
    if n_out >= NATIVE:
        subtract(<const vec *> a, n_out, width, whole, a, y, delta)
    elif n_out >= 4:
        subtract(<const vec4 *> a, n_out, width, whole, a, y, delta)
    else:
        for j in range(n_out):
            delta[j] = whole * a[j] - y[j]
        for j in range(n_out, width):
            delta[j] = 0
    return cost


cdef inline void subtract(
    const vector *like, Py_ssize_t n_out, Py_ssize_t width, real factor, const real *a,
    const real *y, real *delta,
) noexcept nogil:
    """delta = factor a - y, padding 0; n_out is one vector at least."""
    cdef Py_ssize_t lanes = sizeof(vector) // sizeof(real), j = n_out // lanes * lanes
    while j < width:
        fill(<vector *> (delta + j), 0)
        j += lanes
    j = 0
    while j < n_out:            # the last vector may overlap the one before
        j = min(j, n_out - lanes)
        (<vector *> (delta + j))[0] = factor * (<const vector *> (a + j))[0] \
            - (<const vector *> (y + j))[0]
        j += lanes


cdef inline double smoothed(
    Py_ssize_t n_out, double smoothing, double cost,
    const real *z,      # (n_out,)  read
    const real *a,      # (n_out,)  read: softmax(z)
    double log_sum,
    const real *y,      # (n_out,)  read
    real *delta,        # (n_out,)  overwritten
) noexcept nogil:
    """softmax_cross_entropy, whose result is `cost`, for (1 - s) y + s sum_k y_k / n in place of y.
    """
    cdef Py_ssize_t j
    cdef double sum_y = 0, of_all = 0
    for j in range(n_out):
        sum_y += y[j]
        of_all += log_sum - z[j]
    for j in range(n_out):
        delta[j] = <real> (sum_y * a[j] - ((1 - smoothing) * y[j] + smoothing * sum_y / n_out))
    return (1 - smoothing) * cost + smoothing * sum_y / n_out * of_all


cdef inline double negative_entropy(Py_ssize_t n_out, const real *y) noexcept nogil:
    """sum_j y_j log y_j"""
    cdef Py_ssize_t j
    cdef double total = 0
    for j in range(n_out):
        if y[j] > 0:
            total += y[j] * log(<double> y[j])
    return total
