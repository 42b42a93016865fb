# What other compiled code borrows; see kernels/lent.py.

for _name, _size in {
    "net": sizeof(Net), "rows": sizeof(Rows), "ahead": sizeof(Ahead), "rule": sizeof(Rule),
    "piece": sizeof(Piece),
}.items():
    if _size != lent.struct(_name, "float64" if REAL_BYTES == 8 else "float32").itemsize:
        raise ImportError(
            f"the build and lent.py lay out different structs '{_name}'; build deltaloop again")

if sizeof(Walks) != len(lent.WALKS) * sizeof(size_t):
    raise ImportError("the build and lent.py have other walks; build deltaloop again")


cdef Py_ssize_t enter_own(bint flushing) noexcept nogil:
    """Take the environment of training (flushing) or of all else; what `leave_own` wants back."""
    return <Py_ssize_t> enter(FLUSHING if flushing else NEAREST)


cdef void leave_own(bint flushing, Py_ssize_t before) noexcept nogil:
    leave(FLUSHING if flushing else NEAREST, <Environment> before)


cdef bint is_tiny_net(const Net *net) noexcept nogil:
    return is_tiny(net)


def addresses():
    """Of what is lent."""
    return {
        "enter": <size_t> &enter_own,
        "leave": <size_t> &leave_own,
        # a step in one layer
        "activate": <size_t> &activate,
        "activate_and_drop": <size_t> &activate_and_drop,
        "drop_inputs": <size_t> &drop_inputs,
        "begin_masks": <size_t> &begin_masks,
        "add_weight_noise": <size_t> &add_weight_noise,
        "first_trained": <size_t> &first_trained,
        "keep_connections": <size_t> &keep_connections,
        "multiply_by_slope": <size_t> &multiply_by_slope,
        "sum_rows": <size_t> &sum_rows,
        "sum_listed": <size_t> &sum_listed,
        "sum_sparse": <size_t> &sum_sparse,
        "descend_rows": <size_t> &descend_rows,
        "descend_listed": <size_t> &descend_listed,
        "descend_by_rule": <size_t> &descend_by_rule,
        "descend_and_sum": <size_t> &descend_and_sum,
        "multiply": <size_t> &multiply,
        "transpose": <size_t> &transpose,
        "sum_layer": <size_t> &sum_layer,
        "keep_inputs": <size_t> &keep_inputs,
        "add_returned": <size_t> &add_returned,
        "backward_layer": <size_t> &backward_layer,
        "descend_rows_of_layer": <size_t> &descend_rows_of_layer,
        "descend_biases": <size_t> &descend_biases,
        "descend_sparse": <size_t> &descend_sparse,
        # large mini-batches
        "piece_of_groups": <size_t> &piece_of_groups,
        "begin_piece": <size_t> &begin_piece,
        "move_by_groups": <size_t> &move_by_groups,
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


def fill_net(words, plan, theta, bint writable, work, size_t walks):
    """A Net into memory; valid as long as plan, theta, work and walks."""
    bind(<Net *> data(words, True, NULL), plan, theta, writable, work, walks)
