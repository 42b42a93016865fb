# Outputs with softmax, sample by sample or, where they are few, with samples side by side in lanes:
# then the sums over the units need no shuffles, and no lane is padding.

cdef enum:
    MOST_TURNED = 32    # outputs of samples side by side; more fill vectors of their own


cdef double outputs_of_softmax(
    const Layer *layer, Py_ssize_t n_samples, const real *z, real *a, const Rows *Y, real *delta,
    double *costs,
) noexcept nogil:
    """`outputs` with softmax, and the plain cross-entropy if there are targets."""
    cdef Py_ssize_t t, n_out = layer.n_out, width = layer.width
    cdef double total = 0
    softmax_of_samples(n_samples, n_out, width, z, a, costs if Y != NULL else NULL)
    for t in range(n_samples if Y != NULL else 0):
        costs[t] = softmax_cross_entropy(n_out, width, z + t * width, a + t * width, costs[t],
                                         row_of(Y, t), delta + t * width)
        total += costs[t]
    return total


cdef void softmax_of_samples(
    Py_ssize_t n_samples, Py_ssize_t n_out, Py_ssize_t width,
    const real *z,      # (n_samples, width)  read
    real *a,            # (n_samples, width)  overwritten; padding 0
    double *log_sums,   # (n_samples,)        overwritten: log sum_k exp(z_k); or NULL
) noexcept nogil:
    """The same numbers for a sample, whatever is beside it."""
    cdef Py_ssize_t t = 0
    cdef real top, norm
    if n_samples >= NATIVE and n_out <= MOST_TURNED:
        while t < n_samples:        # the last samples may be computed twice
            t = min(t, n_samples - NATIVE)
            softmax_side_by_side(n_out, width, z + t * width, a + t * width,
                                 NULL if log_sums == NULL else log_sums + t)
            t += NATIVE
    while t < n_samples:
        norm = softmax(n_out, width, z + t * width, a + t * width, &top)
        if log_sums != NULL:
            log_sums[t] = top + log(norm)
        t += 1


cdef void softmax_side_by_side(
    Py_ssize_t n_out, Py_ssize_t width, const real *z, real *a, double *log_sums,
) noexcept nogil:
    """The same for NATIVE samples."""
    cdef vec units[MOST_TURNED]     # a unit of all samples each
    cdef real *turned = <real *> units
    cdef vec top, norm, reciprocal
    cdef Py_ssize_t j, r, n = (n_out + 3) // 4 * 4
    if NATIVE < 4:
        transpose(NATIVE, n_out, NATIVE, z, width, turned, NATIVE)
    else:
        for j in range(0, n, 4):
            for r in range(0, NATIVE, 4):
                transpose_4x4(z + r * width + j, width, turned + j * NATIVE + r, NATIVE)
    top = units[0]
    for j in range(1, n_out):
        top = where_above(units[j], top, units[j], top)
    for j in range(n_out):
        units[j] = exp_of_negative(units[j] - top)
    norm = sum_of_units(n_out, 4 if width < LINE_VECTORS * NATIVE else LINE_VECTORS * NATIVE, units)
    fill(&reciprocal, 1)
    reciprocal = quotient(reciprocal, norm)
    for j in range(n_out):
        units[j] = divided(units[j], norm, reciprocal)
    for j in range(n_out, n):
        fill(&units[j], 0)
    if NATIVE < 4:
        transpose(n_out, NATIVE, n_out, turned, NATIVE, a, width)
        n = n_out
    else:
        for j in range(0, n, 4):
            for r in range(0, NATIVE, 4):
                transpose_4x4(turned + j * NATIVE + r, NATIVE, a + r * width + j, width)
    for r in range(NATIVE):
        for j in range(n, width):
            a[r * width + j] = 0
        if log_sums != NULL:
            log_sums[r] = (<real *> &top)[r] + log(<double> (<real *> &norm)[r])


cdef inline vec sum_of_units(Py_ssize_t n_out, Py_ssize_t lanes, const vec *units) noexcept nogil:
    """The sum over the units, in the order of one sample in vectors of so many lanes.

    Unit j is in lane j % lanes there; lanes are added pairwise, those farthest apart first.
    """
    cdef vec sums[16]
    cdef Py_ssize_t j, n = min(n_out, lanes)
    for j in range(16):
        fill(&sums[j], 0)
    for j in range(n):
        sums[j] = units[j]
    for j in range(lanes, n_out):
        sums[j % lanes] += units[j]
    if lanes > 8:
        for j in range(8):
            sums[j] += sums[j + 8]
    if lanes > 4:
        for j in range(4):
            sums[j] += sums[j + 4]
    return (sums[0] + sums[2]) + (sums[1] + sums[3])
