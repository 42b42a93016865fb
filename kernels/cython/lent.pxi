# What other compiled code borrows; see kernels/lent.py.

for _name, _size in {
    "net": sizeof(Net), "rows": sizeof(Rows), "ahead": sizeof(Ahead), "rule": sizeof(Rule),
    "piece": sizeof(Piece),
}.items():
    if _size != lent.struct(_name, "float64" if REAL_BYTES == 8 else "float32").itemsize:
        raise ImportError(
            f"the build and lent.py lay out different structs '{_name}'; build deltaloop again")


cdef Py_ssize_t enter_own(bint flushing) noexcept nogil:
    """Take the environment of training (flushing) or of all else; what `leave_own` wants back."""
    return <Py_ssize_t> enter(FLUSHING if flushing else NEAREST)


cdef void leave_own(bint flushing, Py_ssize_t before) noexcept nogil:
    leave(FLUSHING if flushing else NEAREST, <Environment> before)


cdef bint is_tiny_net(const Net *net) noexcept nogil:
    return is_tiny(net)


cdef void descend_parameters(const Net *net, const Rule *rule) noexcept nogil:
    """The step of a flat rule on all parameters, whose gradient is in the rule's state."""
    move_parameters(net.layers, net.n_layers, net.theta, rule, factor_of_gradient(rule), 0,
                    rule.n_theta)
    limit_norms(net.layers, net.n_layers, net.theta, rule.max_norm, 0, 1)


def addresses():
    """Of what is lent."""
    return {
        "enter": <size_t> &enter_own,
        "leave": <size_t> &leave_own,
        # a step in one layer
        "activate": <size_t> &activate,
        "multiply_by_slope": <size_t> &multiply_by_slope,
        "sum_rows": <size_t> &sum_rows,
        "sum_listed": <size_t> &sum_listed,
        "descend_rows": <size_t> &descend_rows,
        "descend_listed": <size_t> &descend_listed,
        "descend_by_rule": <size_t> &descend_by_rule,
        "descend_and_sum": <size_t> &descend_and_sum,
        "multiply": <size_t> &multiply,
        "transpose": <size_t> &transpose,
        "sum_layer": <size_t> &sum_layer,
        "backward_layer": <size_t> &backward_layer,
        "descend_rows_of_layer": <size_t> &descend_rows_of_layer,
        "descend_biases": <size_t> &descend_biases,
        "descend_sparse": <size_t> &descend_sparse,
        # outputs and targets
        "outputs": <size_t> &outputs,
        "copy_outputs": <size_t> &copy_outputs,
        "take_slopes": <size_t> &take_slopes,
        "take_weights": <size_t> &take_weights,
        # rules
        "set_rate": <size_t> &set_rate,
        "begin_step": <size_t> &begin_step,
        "descend_parameters": <size_t> &descend_parameters,
        # tiny nets
        "is_tiny": <size_t> &is_tiny_net,
        "descend_tiny_samples": <size_t> &descend_tiny_samples,
        # samples
        "fetch": <size_t> &fetch,
        "look_ahead": <size_t> &look_ahead,
        "spread": <size_t> &spread,
        "list_nonzero": <size_t> &list_nonzero,
        "are_finite": <size_t> &are_finite,
    }


def fill_net(words, plan, theta, bint writable, work):
    """A Net into memory; valid as long as plan, theta and work."""
    bind(<Net *> data(words, True, NULL), plan, theta, writable, work)


def fill_rule(words, words_of_net, rule, state):
    """A Rule; valid as long as state and the theta of the net."""
    bind_rule(<Rule *> data(words, True, NULL), <const Net *> data(words_of_net, False, NULL),
              rule, state)


def fill_rows(words, X, order, weights):
    """Rows; valid as long as the arrays."""
    bind_targets(<Rows *> data(words, True, NULL), X, order, weights)


def address_of(array, Py_ssize_t n=-1, bint writable=False):
    """Of n elements of this type side by side (n < 0: however many); 0 if the array has others."""
    cdef Py_buffer view
    cdef size_t first = 0
    if not PyObject_CheckBuffer(array):
        return 0
    cdef int flags = PyBUF_FORMAT | PyBUF_ND | (PyBUF_WRITABLE if writable else 0)
    try:
        PyObject_GetBuffer(array, &view, flags)
    except (BufferError, ValueError):
        return 0
    if is_real(&view) and (writable or is_aligned(view.buf)) \
            and (n < 0 or view.len == n * <Py_ssize_t> sizeof(real)):
        first = <size_t> view.buf
    PyBuffer_Release(&view)
    return first
