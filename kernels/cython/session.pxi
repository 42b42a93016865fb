# One network that is used again and again in small calls: from Python, and through a handle from
# compiled code.
from cpython.pycapsule cimport PyCapsule_New

cdef extern from "deltaloop.h" nogil:
    const int DELTALOOP_HANDLE_VERSION
    const char *DELTALOOP_CAPSULE
    ctypedef struct deltaloop_handle:
        int version
        int itemsize
        Py_ssize_t n_in
        Py_ssize_t n_out
        Py_ssize_t n_theta
        Py_ssize_t batch_size
        void *theta
        double learning_rate
        void (*forward)(deltaloop_handle *, const void *, Py_ssize_t, void *) noexcept nogil
        double (*learn)(deltaloop_handle *, const void *, const void *, Py_ssize_t) noexcept nogil
        double (*loss_gradient)(
            deltaloop_handle *, const void *, const void *, Py_ssize_t, void *) noexcept nogil

cdef struct Inner:      # a handle and what belongs to it: the handle comes first
    deltaloop_handle handle
    Net net
    Rule rule
    Py_ssize_t step     # updates so far


cdef void dense_rows(Rows *rows, const void *first, Py_ssize_t n_columns) noexcept nogil:
    memset(rows, 0, sizeof(Rows))
    rows.dense, rows.row = <const real *> first, n_columns


cdef void handle_forward(
    deltaloop_handle *handle, const void *x, Py_ssize_t n, void *out,
) noexcept nogil:
    cdef Inner *inner = <Inner *> handle
    cdef Rows X
    cdef Py_ssize_t m
    dense_rows(&X, x, handle.n_in)
    if n == 1:
        forward_sample(&inner.net, &X, 0)
        outputs(&inner.net, 1, NULL, NULL)
        copy_outputs(&inner.net, 1, <real *> out)
        return
    while X.first < n:
        m = min(inner.net.batch_size, n - X.first)
        forward_batch(&inner.net, m, &X)
        outputs(&inner.net, m, NULL, NULL)
        copy_outputs(&inner.net, m, <real *> out + X.first * handle.n_out)
        X.first += m


cdef double handle_learn(
    deltaloop_handle *handle, const void *x, const void *y, Py_ssize_t n,
) noexcept nogil:
    cdef Inner *inner = <Inner *> handle
    cdef Rows X, Y
    cdef Piece piece
    cdef double cost
    dense_rows(&X, x, handle.n_in)
    dense_rows(&Y, y, handle.n_out)
    inner.rule.learning_rate = <real> handle.learning_rate
    inner.step += 1
    if n == 1:
        return descend_samples(&inner.net, &inner.rule, 0, 1, &X, &Y, 0, inner.step - 1)
    unbias(&inner.rule, inner.step)
    piece.is_first, piece.is_last, piece.part, piece.n_parts = True, True, 0, 1
    piece.n_samples, piece.scale = n, <real> 1 / <real> n
    cost = pass_batch(&inner.net, n, &X, &Y, True)
    descend_batch(&inner.net, &piece, &X, &inner.rule, NULL)
    return cost / n


cdef double handle_loss_gradient(
    deltaloop_handle *handle, const void *x, const void *y, Py_ssize_t n, void *grad,
) noexcept nogil:
    cdef Inner *inner = <Inner *> handle
    cdef Rows X, Y
    dense_rows(&X, x, handle.n_in)
    dense_rows(&Y, y, handle.n_out)
    return mean_loss(&inner.net, n, &X, &Y, <real *> grad, handle.n_theta)


cdef class Session:
    """Small calls on one network; the same methods as kernels.session.Session."""
    cdef Inner inner
    cdef object plan, theta, work, state
    cdef object dtype, empty
    cdef bint claimed       # by somebody who trains
    cdef bint computing     # in this session, without the GIL

    def __init__(self, plan, theta, Py_ssize_t batch_size=1):
        self.plan, self.theta, self.dtype, self.empty = plan, theta, plan.dtype, empty
        self._make_room(batch_size)
        cdef deltaloop_handle *handle = &self.inner.handle
        cdef const Layer *last = &self.inner.net.layers[self.inner.net.n_layers - 1]
        handle.version, handle.itemsize = DELTALOOP_HANDLE_VERSION, sizeof(real)
        handle.n_in, handle.n_out = self.inner.net.layers[0].n_in, last.n_out
        handle.n_theta, handle.theta = plan.n_theta, self.inner.net.theta
        handle.forward, handle.learn = handle_forward, handle_learn
        handle.loss_gradient = handle_loss_gradient

    def _make_room(self, Py_ssize_t batch_size):
        work = Work(self.plan, batch_size)
        bind(&self.inner.net, self.plan, self.theta, True, work)
        self.inner.handle.batch_size = batch_size
        self.work = work        # only now may the room before be freed

    def set_rule(self, rule):
        """Take an optimiser, with fresh state."""
        state = aligned_zeros((rule.n_slots, len(self.theta)), self.dtype)
        self.check_computes_nothing()
        bind_rule(&self.inner.rule, &self.inner.net, rule, state)
        self.inner.handle.learning_rate = rule.hyper[0]
        self.inner.step = 0
        self.state = state      # only now may the state before be freed

    def progress(self):
        """How far the optimiser is: a copy of its state, and the number of its steps."""
        return self.state.copy(), self.inner.step

    def resume(self, state, Py_ssize_t step):
        """Go on from there, with the rule that was set."""
        self.state[:] = state
        self.inner.step = step

    @property
    def address(self):
        """Of the handle: see deltaloop.h."""
        return <size_t> &self.inner

    @property
    def capsule(self):
        """The handle for C; it does not keep the session alive."""
        return PyCapsule_New(&self.inner, DELTALOOP_CAPSULE, NULL)

    def claim(self):
        """Whether nobody was training; from now on somebody is."""
        if self.claimed:
            return False
        self.claimed = True
        return True

    def release(self):
        """Nobody is training any more."""
        self.claimed = False

    def predict_one(self, x, out=None):
        """Outputs (n_out,) for x (n_in,)."""
        cdef deltaloop_handle *handle = &self.inner.handle
        cdef Py_buffer x_view
        cdef void *out_first
        hold_rows(&x_view, x, 0, handle.n_in, self.dtype, "x")
        try:
            if out is None:
                out = self.empty(handle.n_out, self.dtype)
                out_first = data(out, True, NULL)
            else:
                out_first = room(out, handle.n_out)
                if out_first == NULL:
                    raise InvalidInputError(
                        f"out must be a writable contiguous array of {handle.n_out} values of "
                        f"{self.dtype}")
            self.check_computes_nothing()   # after all that might let another thread in
            handle_forward(handle, x_view.buf, 1, out_first)
        finally:
            PyBuffer_Release(&x_view)
        return out

    def learn_one(self, x, y):
        """One step on one sample; its loss before the step."""
        return self.learn(x, y, 0)

    def learn_batch(self, X, Y):
        """One step on one mini-batch; its mean loss before the step."""
        cdef Py_ssize_t n = len(X)
        if n < 1:
            raise InvalidInputError("X is empty, give at least 1 sample")
        return self.learn(X, Y, n)

    cdef object learn(self, object X, object Y, Py_ssize_t n):
        """n = 0: one sample alone"""
        cdef deltaloop_handle *handle = &self.inner.handle
        cdef Py_buffer x_view, y_view
        cdef double loss
        hold_rows(&x_view, X, n, handle.n_in, self.dtype, "X" if n else "x")
        try:
            hold_rows(&y_view, Y, n, handle.n_out, self.dtype, "Y" if n else "y")
            try:
                self.check_idle()
                if n == 0:
                    loss = handle_learn(handle, x_view.buf, y_view.buf, 1)
                else:
                    loss = self.learn_aside(x_view.buf, y_view.buf, n)
            finally:
                PyBuffer_Release(&y_view)
        finally:
            PyBuffer_Release(&x_view)
        return loss

    cdef double learn_aside(self, const void *x, const void *y, Py_ssize_t n) except? -1:
        """A step that lets other Python threads run."""
        cdef double loss
        self.claimed = True     # before Python runs, and with it perhaps another thread
        try:
            if n > self.inner.handle.batch_size:
                self._make_room(n)
            self.computing = True
            with nogil:
                loss = handle_learn(&self.inner.handle, x, y, n)
            self.computing = False
        finally:
            self.claimed = False
        return loss

    cdef int check_idle(self) except -1:
        if self.claimed:
            raise BusyError(BUSY)
        return 0

    cdef int check_computes_nothing(self) except -1:
        if self.computing:
            raise BusyError(BUSY)
        return 0


cdef bint is_real(const Py_buffer *view) noexcept:
    """Whether elements are of this build's type, in native byte order."""
    cdef const char *format = view.format
    return format != NULL and format[0] == (c'd' if sizeof(real) == 8 else c'f') \
        and format[1] == 0


cdef bint is_aligned(const void *first) noexcept:
    """Whether C may read elements there."""
    return <size_t> first % sizeof(real) == 0


cdef void *room(object array, Py_ssize_t n) except? NULL:
    """First of the n values that can be written there, or NULL where they cannot."""
    cdef Py_buffer view
    cdef void *first = NULL
    try:
        PyObject_GetBuffer(array, &view, PyBUF_FORMAT | PyBUF_ND | PyBUF_WRITABLE)
    except (BufferError, TypeError, ValueError):
        return NULL
    if is_real(&view) and view.len == n * <Py_ssize_t> sizeof(real):
        first = view.buf
    PyBuffer_Release(&view)
    return first                # it stays there: no Python runs before the values are written


cdef bint has_buffer(object x, Py_buffer *view) except -1:
    """Whether x shows its memory; elements that no format names are an array's own business."""
    if not PyObject_CheckBuffer(x):
        return False
    try:
        PyObject_GetBuffer(x, view, PyBUF_FORMAT | PyBUF_STRIDES)
    except (BufferError, ValueError):
        return False
    return True


cdef int hold_rows(
    Py_buffer *view, object x, Py_ssize_t n, Py_ssize_t n_columns, object dtype, name,
) except -1:
    """The n rows of x (n = 0: one row alone) where they lie, else a copy; to be released."""
    if has_buffer(x, view):
        if is_real(view) and (n == 0 or view.ndim > 0 and view.shape[0] == n) \
                and view.len == max(n, <Py_ssize_t> 1) * n_columns * <Py_ssize_t> sizeof(real) \
                and PyBuffer_IsContiguous(view, c'C') and is_aligned(view.buf):
            return 0
        PyBuffer_Release(view)
    array = rows_of(name, x, n, n_columns, dtype)
    PyObject_GetBuffer(array, view, PyBUF_STRIDES)
    if not is_aligned(view.buf):
        PyBuffer_Release(view)
        PyObject_GetBuffer(array.copy(), view, PyBUF_STRIDES)
    return 0
