# What other compiled code does in the place of this build, see lent.py: each of its walks in the
# floating-point environment that ours has.

cdef bint other_forward(
    const Net *net, const Rows *X, Py_ssize_t n_samples, real *out,
) noexcept nogil:
    cdef Environment before = enter(NEAREST)
    cdef bint found = net.walks.forward_rows(net, X, n_samples, out)
    leave(NEAREST, before)
    return found


cdef double other_mean_loss(
    const Net *net, Py_ssize_t n_samples, const Rows *X, const Rows *Y, real *grad,
    Py_ssize_t n_theta,
) noexcept nogil:
    cdef Environment before = enter(NEAREST)
    cdef double loss = net.walks.mean_loss(net, n_samples, X, Y, grad, n_theta)
    leave(NEAREST, before)
    return loss


cdef void other_pass_back(
    const Net *net, Py_ssize_t n_samples, const Rows *X, const Rows *slopes, real *grad,
    Py_ssize_t n_theta, real *dC_dx,
) noexcept nogil:
    cdef Environment before = enter(NEAREST)
    net.walks.pass_back(net, n_samples, X, slopes, grad, n_theta, dC_dx)
    leave(NEAREST, before)


cdef double other_steps(Epoch *epoch) noexcept nogil:
    """An epoch step by step, with ||W||^2 before each."""
    cdef Epoch one = epoch[0]
    one.squares = NULL
    while one.start < epoch.stop and isfinite(one.total):
        one.stop = min(one.start + one.batch_size, epoch.stop)
        epoch.squares[0] += squares_of_weights(&epoch.net)
        one.total = other_epoch(&one)
        one.start = one.stop
        one.step += 1
        if one.rates != NULL:
            one.rates += 1
    return one.total


cdef double other_epoch(Epoch *epoch) noexcept nogil:
    cdef Environment before = enter(FLUSHING)
    cdef double total
    if epoch.squares != NULL:
        total = other_steps(epoch)
    elif epoch.batch_size == 1 and epoch.Y.weights == NULL and not epoch.rule.flat \
            and epoch.net.plain[0]:
        total = epoch.net.walks.descend_samples(
            &epoch.net, &epoch.rule, epoch.start, epoch.stop, &epoch.X, &epoch.Y, epoch.total,
            epoch.step, epoch.rates)
    else:
        total = epoch.net.walks.descend_batches(
            &epoch.net, &epoch.rule, epoch.start, epoch.stop, epoch.batch_size, &epoch.X,
            &epoch.Y, epoch.total, epoch.step, epoch.rates, epoch.drops, epoch.noise)
    leave(FLUSHING, before)
    return total
