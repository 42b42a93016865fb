# One sample at a time, input-major: row i of W holds the weights that leave input i.
#
#     sum_rows          z = b + sum_i a_i row_i                   (z = W a_prev + b)
#     descend_rows      dC/da_i = row_i . delta,                  (dC/da_prev = W^T delta)
#                       then row_i -= eps a_i delta               (W -= eps delta a_prev^T)
#     descend_and_sum   row_i -= eps a_i delta, then z += a_next_i row_i: one pass over W
#
# If inputs are zero, `index` may list the others: a_prev[i] is then the input of row index[i], and
# the remaining rows are skipped. `listed`, whether there is an index, is a constant.
from lanes cimport (
    LINE, LINE_VECTORS, NATIVE, REPRODUCIBLE, fill, prefetch, real, rounded, row_totals, vec, vec4,
    vec4_total, vec8, vector,
)
from plan cimport Rule
from rules cimport descended
from same_bits cimport added, fold_parts, parts, subtracted, with_product


cdef inline Py_ssize_t row(bint listed, const int *index, Py_ssize_t i) noexcept nogil:
    return index[i] if listed else i


cdef inline void sum_rows_narrow(
    Py_ssize_t n, Py_ssize_t chains, Py_ssize_t n_in, bint listed, const int *index,
    const real *a_prev,     # (n_in,)            read
    const vector *W,        # (n_in, n vectors)  read
    const vector *b,        # (n vectors)        read, or NULL
    vector *z,              # (n vectors)        overwritten: b + sum_i a_i row_i
) noexcept nogil:
    """z in registers, as `chains` independent sums: they hide the latency of an addition."""
    cdef vector sums[8][16]
    cdef Py_ssize_t i = 0, c, v
    for c in range(chains):
        for v in range(n):
            fill(&sums[c][v], 0)
    while i + chains <= n_in:
        for c in range(chains):
            for v in range(n):
                sums[c][v] = added(
                    sums[c][v], a_prev[i + c], W[row(listed, index, i + c) * n + v])
        i += chains
    while i < n_in:
        for v in range(n):
            sums[0][v] = added(sums[0][v], a_prev[i], W[row(listed, index, i) * n + v])
        i += 1
    for c in range(1, chains):
        for v in range(n):
            sums[0][v] += sums[c][v]
    for v in range(n):
        z[v] = sums[0][v] if b == NULL else sums[0][v] + b[v]


cdef inline vec sum_of_four(
    vec z, const real *a, vec w0, vec w1, vec w2, vec w3,
) noexcept nogil:
    """z + a_0 w_0 + ... + a_3 w_3, as two independent sums"""
    return added(added(z, a[0], w0), a[1], w1) + added(rounded(a[3] * w3), a[2], w2)


cdef inline void sum_rows_wide(
    Py_ssize_t n, Py_ssize_t n_in, bint listed, const int *index,
    const real *a_prev,     # (n_in,)            read
    const vec *W,           # (n_in, n vectors)  read
    const vec *b,           # (n vectors)        read, or NULL
    vec *z,                 # (n vectors)        overwritten: b + sum_i a_i row_i
) noexcept nogil:
    """z is too wide for registers and stays in L1; each pass over z adds four rows."""
    cdef Py_ssize_t i = 0, v, c
    cdef const vec *w[4]
    cdef real a[4]          # copies, because the compiler must assume that z may overlap a_prev
    for v in range(n):
        if b == NULL:
            fill(&z[v], 0)
        else:
            z[v] = b[v]
    while i + 4 <= n_in:
        for c in range(4):
            w[c] = W + row(listed, index, i + c) * n
            a[c] = a_prev[i + c]
        for v in range(n):
            z[v] = sum_of_four(z[v], a, w[0][v], w[1][v], w[2][v], w[3][v])
        i += 4
    while i < n_in:
        w[0] = W + row(listed, index, i) * n
        for v in range(n):
            z[v] = added(z[v], a_prev[i], w[0][v])
        i += 1


cdef inline bint sum_stays(Py_ssize_t width) noexcept nogil:
    """Whether sum_rows keeps z in registers."""
    if REPRODUCIBLE:
        return width <= 2 * LINE or width == 4 * LINE
    return width < 5 * NATIVE or width == 8 * NATIVE


cdef inline void sum_rows_of_width(
    Py_ssize_t n_in, bint listed, const int *index, Py_ssize_t width,
    const real *a_prev,     # (n_in,)        read
    const real *W,          # (n_in, width)  read
    const real *b,          # (width,)       read, or NULL; may be z
    real *z,                # (width,)       overwritten: z = W a_prev + b
) noexcept nogil:
    cdef Py_ssize_t n = width // NATIVE
    if width == 4:
        sum_rows_narrow(1, 4, n_in, listed, index, a_prev, <const vec4 *> W,
                        <const vec4 *> b, <vec4 *> z)
    elif width == 8:
        sum_rows_narrow(1, 4, n_in, listed, index, a_prev, <const vec8 *> W,
                        <const vec8 *> b, <vec8 *> z)
    elif REPRODUCIBLE:
        if width == LINE:
            sum_rows_narrow(LINE_VECTORS, 4, n_in, listed, index, a_prev, <const vec *> W,
                            <const vec *> b, <vec *> z)
        elif width == 2 * LINE:
            sum_rows_narrow(2 * LINE_VECTORS, 2, n_in, listed, index, a_prev, <const vec *> W,
                            <const vec *> b, <vec *> z)
        elif width == 4 * LINE:
            sum_rows_narrow(4 * LINE_VECTORS, 1, n_in, listed, index, a_prev, <const vec *> W,
                            <const vec *> b, <vec *> z)
        else:
            sum_rows_wide(n, n_in, listed, index, a_prev, <const vec *> W, <const vec *> b,
                          <vec *> z)
    elif n == 1:
        sum_rows_narrow(1, 8, n_in, listed, index, a_prev, <const vec *> W,
                        <const vec *> b, <vec *> z)
    elif n == 2:
        sum_rows_narrow(2, 4, n_in, listed, index, a_prev, <const vec *> W,
                        <const vec *> b, <vec *> z)
    elif n == 3:
        sum_rows_narrow(3, 3, n_in, listed, index, a_prev, <const vec *> W,
                        <const vec *> b, <vec *> z)
    elif n == 4:
        sum_rows_narrow(4, 2, n_in, listed, index, a_prev, <const vec *> W,
                        <const vec *> b, <vec *> z)
    elif n == 8:
        sum_rows_narrow(8, 1, n_in, listed, index, a_prev, <const vec *> W,
                        <const vec *> b, <vec *> z)
    else:
        sum_rows_wide(n, n_in, listed, index, a_prev, <const vec *> W, <const vec *> b, <vec *> z)


cdef inline void descend_and_sum_narrow(
    Py_ssize_t n, Py_ssize_t chains, Py_ssize_t n_in,
    const real *a_prev,     # (n_in,)            read: the sample that is learned
    vector *W,              # (n_in, n vectors)  updated: row_i -= eps a_i delta
    vector *b,              # (n vectors)        updated: b -= eps delta; or NULL
    const vector *delta,    # (n vectors)        read
    real learning_rate,     # eps
    const real *a_next,     # (n_in,)            read: the sample that follows
    const real *ahead,      # (n_in,)            prefetched: the sample after it
    vector *z,              # (n vectors)        overwritten: b + sum_i a_next_i row_i
) noexcept nogil:
    """descend_rows and sum_rows_narrow in one pass, with the same order of all sums."""
    cdef vector sums[8][16]
    cdef vector d[16]
    cdef vector w
    cdef Py_ssize_t i = 0, c, v
    cdef real step
    for v in range(n):
        d[v] = delta[v]
        for c in range(chains):
            fill(&sums[c][v], 0)
    while i + chains <= n_in:
        prefetch(ahead + i, 1)
        for c in range(chains):
            step = learning_rate * a_prev[i + c]
            for v in range(n):
                w = subtracted(W[(i + c) * n + v], step, d[v])
                W[(i + c) * n + v] = w
                sums[c][v] = added(sums[c][v], a_next[i + c], w)
        i += chains
    while i < n_in:
        step = learning_rate * a_prev[i]
        for v in range(n):
            w = subtracted(W[i * n + v], step, d[v])
            W[i * n + v] = w
            sums[0][v] = added(sums[0][v], a_next[i], w)
        i += 1
    for c in range(1, chains):
        for v in range(n):
            sums[0][v] += sums[c][v]
    for v in range(n):
        z[v] = sums[0][v]
        if b != NULL:
            b[v] = subtracted(b[v], learning_rate, d[v])
            z[v] += b[v]


cdef inline void descend_and_sum_wide(
    Py_ssize_t n, Py_ssize_t n_in,
    const real *a_prev,     # (n_in,)            read: the sample that is learned
    vec *W,                 # (n_in, n vectors)  updated: row_i -= eps a_i delta
    vec *b,                 # (n vectors)        updated: b -= eps delta; or NULL
    const vec *delta,       # (n vectors)        read
    real learning_rate,     # eps
    const real *a_next,     # (n_in,)            read: the sample that follows
    const real *ahead,      # (n_in,)            prefetched: the sample after it
    vec *z,                 # (n vectors)        overwritten: b + sum_i a_next_i row_i
) noexcept nogil:
    """descend_rows and sum_rows_wide in one pass, with the same order of all sums."""
    cdef Py_ssize_t i = 0, v, c
    cdef vec *row
    cdef vec d
    cdef vec w[4]
    cdef real step[4]
    cdef real a[4]
    for v in range(n):
        if b == NULL:
            fill(&z[v], 0)
        else:
            b[v] = subtracted(b[v], learning_rate, delta[v])
            z[v] = b[v]
    while i + 4 <= n_in:
        prefetch(ahead + i, 1)
        row = W + i * n
        for c in range(4):
            step[c] = learning_rate * a_prev[i + c]
            a[c] = a_next[i + c]
        for v in range(n):
            d = delta[v]
            for c in range(4):
                w[c] = subtracted(row[c * n + v], step[c], d)
                row[c * n + v] = w[c]
            z[v] = sum_of_four(z[v], a, w[0], w[1], w[2], w[3])
        i += 4
    while i < n_in:
        row = W + i * n
        step[0] = learning_rate * a_prev[i]
        for v in range(n):
            row[v] = subtracted(row[v], step[0], delta[v])
            z[v] = added(z[v], a_next[i], row[v])
        i += 1


cdef inline void descend_and_sum_of_width(
    Py_ssize_t n_in, Py_ssize_t width,
    const real *a_prev,     # (n_in,)        read: the sample that is learned
    real *W,                # (n_in, width)  updated
    real *b,                # (width,)       updated, or NULL
    const real *delta,      # (width,)       read
    real learning_rate,
    const real *a_next,     # (n_in,)        read: the sample that follows
    const real *ahead,      # (n_in,)        prefetched: the sample after it
    real *z,                # (width,)       overwritten: z of the sample that follows
) noexcept nogil:
    cdef Py_ssize_t n = width // NATIVE
    if width == 4:
        descend_and_sum_narrow(1, 4, n_in, a_prev, <vec4 *> W, <vec4 *> b, <const vec4 *> delta,
                               learning_rate, a_next, ahead, <vec4 *> z)
    elif width == 8:
        descend_and_sum_narrow(1, 4, n_in, a_prev, <vec8 *> W, <vec8 *> b, <const vec8 *> delta,
                               learning_rate, a_next, ahead, <vec8 *> z)
    elif REPRODUCIBLE:
        if width == LINE:
            descend_and_sum_narrow(LINE_VECTORS, 4, n_in, a_prev, <vec *> W, <vec *> b,
                                   <const vec *> delta, learning_rate, a_next, ahead, <vec *> z)
        elif width == 2 * LINE:
            descend_and_sum_narrow(2 * LINE_VECTORS, 2, n_in, a_prev, <vec *> W, <vec *> b,
                                   <const vec *> delta, learning_rate, a_next, ahead, <vec *> z)
        elif width == 4 * LINE:
            descend_and_sum_narrow(4 * LINE_VECTORS, 1, n_in, a_prev, <vec *> W, <vec *> b,
                                   <const vec *> delta, learning_rate, a_next, ahead, <vec *> z)
        else:
            descend_and_sum_wide(n, n_in, a_prev, <vec *> W, <vec *> b, <const vec *> delta,
                                 learning_rate, a_next, ahead, <vec *> z)
    elif n == 1:
        descend_and_sum_narrow(1, 8, n_in, a_prev, <vec *> W, <vec *> b, <const vec *> delta,
                               learning_rate, a_next, ahead, <vec *> z)
    elif n == 2:
        descend_and_sum_narrow(2, 4, n_in, a_prev, <vec *> W, <vec *> b, <const vec *> delta,
                               learning_rate, a_next, ahead, <vec *> z)
    elif n == 3:
        descend_and_sum_narrow(3, 3, n_in, a_prev, <vec *> W, <vec *> b, <const vec *> delta,
                               learning_rate, a_next, ahead, <vec *> z)
    elif n == 4:
        descend_and_sum_narrow(4, 2, n_in, a_prev, <vec *> W, <vec *> b, <const vec *> delta,
                               learning_rate, a_next, ahead, <vec *> z)
    elif n == 8:
        descend_and_sum_narrow(8, 1, n_in, a_prev, <vec *> W, <vec *> b, <const vec *> delta,
                               learning_rate, a_next, ahead, <vec *> z)
    else:
        descend_and_sum_wide(n, n_in, a_prev, <vec *> W, <vec *> b, <const vec *> delta,
                             learning_rate, a_next, ahead, <vec *> z)


cdef inline void descend_some(
    Py_ssize_t rows, Py_ssize_t n, bint dotted,
    vector **w,             # (rows), (n vectors)  updated: row -= step delta
    const vector *delta,    # (n vectors)          read; padding lanes are 0
    const real *step,       # (rows,)              read: eps a
    vector (*sums)[4],      # (rows, parts)        overwritten, if `dotted`: lanes whose sum is
                            #                      row . delta, with the row before the update
) noexcept nogil:
    """Several rows at once, so that delta is loaded once; `rows` and `dotted` are constants."""
    cdef Py_ssize_t v = 0, r, c, together = parts(delta)
    cdef vector before, d
    for r in range(rows):
        for c in range(together):
            fill(&sums[r][c], 0)
    while v < n:
        for c in range(together):
            d = delta[v + c]
            for r in range(rows):
                before = w[r][v + c]
                if dotted:
                    sums[r][c] = with_product(sums[r][c], before, d)
                w[r][v + c] = subtracted(before, step[r], d)
        v += together


cdef inline void descend_rows_of(
    Py_ssize_t n, Py_ssize_t n_in, bint listed, const int *index, bint dotted,
    const real *a_prev,     # (n_in,)            read
    vector *W,              # (n_in, n vectors)  updated: row_i -= eps a_i delta
    const vector *delta,    # (n vectors)        read; padding lanes are 0
    real learning_rate,     # eps
    real *dC_da_prev,       # (n_in,)            overwritten, if `dotted`: row_i . delta with row_i
                            #                    before the update
) noexcept nogil:
    cdef vector sums[4][4]
    cdef vec4 totals
    cdef vector *w[4]
    cdef real step[4]
    cdef Py_ssize_t i = 0, r
    while i + 4 <= n_in:
        for r in range(4):
            w[r] = W + row(listed, index, i + r) * n
            step[r] = learning_rate * a_prev[i + r]
        descend_some(4, n, dotted, w, delta, step, sums)
        if dotted:
            totals = row_totals(fold_parts(sums[0]), fold_parts(sums[1]), fold_parts(sums[2]),
                                fold_parts(sums[3]))
            if listed:
                for r in range(4):
                    dC_da_prev[index[i + r]] = (<real *> &totals)[r]
            else:
                (<vec4 *> (dC_da_prev + i))[0] = totals
        i += 4
    while i < n_in:
        w[0] = W + row(listed, index, i) * n
        step[0] = learning_rate * a_prev[i]
        descend_some(1, n, dotted, w, delta, step, sums)
        if dotted:
            dC_da_prev[row(listed, index, i)] = vec4_total(fold_parts(sums[0]))
        i += 1


cdef inline void descend_rows_of_width(
    Py_ssize_t n_in, bint listed, const int *index, bint dotted, Py_ssize_t width,
    const real *a_prev,     # (n_in,)        read
    real *W,                # (n_in, width)  updated: row_i -= eps a_i delta
    const real *delta,      # (width,)       read; padding lanes are 0
    real learning_rate,     # eps
    real *dC_da_prev,       # (n_in,)        overwritten, if `dotted`: W^T delta, before the update
) noexcept nogil:
    """Backward and update of one layer in one pass over its weights."""
    cdef Py_ssize_t n = width // NATIVE
    if width == 4:
        descend_rows_of(1, n_in, listed, index, dotted, a_prev, <vec4 *> W, <const vec4 *> delta,
                        learning_rate, dC_da_prev)
    elif width == 8:
        descend_rows_of(1, n_in, listed, index, dotted, a_prev, <vec8 *> W, <const vec8 *> delta,
                        learning_rate, dC_da_prev)
    elif n == 1 and LINE_VECTORS == 1:
        descend_rows_of(1, n_in, listed, index, dotted, a_prev, <vec *> W, <const vec *> delta,
                        learning_rate, dC_da_prev)
    elif n == 2 and LINE_VECTORS <= 2:
        descend_rows_of(2, n_in, listed, index, dotted, a_prev, <vec *> W, <const vec *> delta,
                        learning_rate, dC_da_prev)
    else:
        descend_rows_of(n, n_in, listed, index, dotted, a_prev, <vec *> W, <const vec *> delta,
                        learning_rate, dC_da_prev)


cdef inline void descend_rows_by_rule_of(
    Py_ssize_t code, Py_ssize_t n, Py_ssize_t n_in,
    const real *a_prev,     # (n_in,)            read
    real *theta,
    Py_ssize_t weights,     # offset of W in theta: (n_in, n vectors), updated, like its state
    const vector *delta,    # (n vectors)        read; padding lanes are 0
    const Rule *rule,
    real *dC_da_prev,       # (n_in,)            overwritten: row_i . delta before the step; or NULL
) noexcept nogil:
    cdef Rule constants = rule[0]       # a copy, which the stores below cannot change
    cdef vector w, delta_v
    cdef vector totals[4]
    cdef vector *row_i
    cdef vector *m_i
    cdef vector *v_i
    cdef Py_ssize_t i, v, c, lanes = n * <Py_ssize_t> (sizeof(vector) // sizeof(real))
    cdef Py_ssize_t together = parts(delta)
    for i in range(n_in):
        row_i = <vector *> (theta + weights + i * lanes)
        m_i = <vector *> (rule.state + weights + i * lanes)
        v_i = <vector *> (rule.squares + weights + i * lanes)
        for c in range(together):
            fill(&totals[c], 0)
        v = 0
        while v < n:
            for c in range(together):
                w, delta_v = row_i[v + c], delta[v + c]
                totals[c] = with_product(totals[c], w, delta_v)
                row_i[v + c] = descended(
                    code, &constants, w, a_prev[i] * delta_v, &m_i[v + c], &v_i[v + c])
            v += together
        if dC_da_prev != NULL:
            dC_da_prev[i] = vec4_total(fold_parts(totals))


cdef inline void descend_rows_by_rule(
    Py_ssize_t code, Py_ssize_t n_in, Py_ssize_t width, const real *a_prev, real *theta,
    Py_ssize_t weights, const real *delta, const Rule *rule, real *dC_da_prev,
) noexcept nogil:
    """descend_rows for fused rules other than SGD: they move every weight in every step.

    `code` is a constant where that helps.
    """
    if width == 4:
        descend_rows_by_rule_of(code, 1, n_in, a_prev, theta, weights, <const vec4 *> delta, rule,
                                dC_da_prev)
    elif width == 8:
        descend_rows_by_rule_of(code, 1, n_in, a_prev, theta, weights, <const vec8 *> delta, rule,
                                dC_da_prev)
    else:
        descend_rows_by_rule_of(code, width // NATIVE, n_in, a_prev, theta, weights,
                                <const vec *> delta, rule, dC_da_prev)
