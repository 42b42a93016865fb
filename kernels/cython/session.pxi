# One network for many small calls: from Python, and through a handle from compiled code.
#
# The usual call finds that no other has a turn, computes, and holds the GIL meanwhile: so no other
# thread can take a turn before it ends. Without a GIL the lock of the dict `queue` does the same
# (`critical_section`, which is nothing in a build with a GIL): whoever wants a turn writes to it.
cimport cython
from cpython.pycapsule cimport PyCapsule_GetContext, PyCapsule_New, PyCapsule_SetContext
from cpython.ref cimport Py_DECREF, Py_INCREF

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

cdef struct Inner:      # a handle, which must come first: its address is that of its Inner
    deltaloop_handle handle
    Net net
    Rule rule
    Py_ssize_t step     # updates so far
    Py_ssize_t look     # every look-th step checks that theta is finite
    bint drops          # whether there is dropout, whose seed is `noise`
    unsigned long long noise
    Py_ssize_t n_targets


cdef void dense_rows(Rows *rows, const void *first, Py_ssize_t n_columns) noexcept nogil:
    memset(rows, 0, sizeof(Rows))
    rows.dense, rows.row = <const real *> first, n_columns


cdef void handle_forward(
    deltaloop_handle *handle, const void *x, Py_ssize_t n, void *out,
) noexcept nogil:
    cdef Inner *inner = <Inner *> handle
    cdef Rows X
    cdef Py_ssize_t m
    cdef Environment before = enter(NEAREST)
    dense_rows(&X, x, handle.n_in)
    if inner.net.walks != NULL:
        inner.net.walks.forward_rows(&inner.net, &X, n, <real *> out)
        leave(NEAREST, before)
        return
    if n == 1 and not inner.net.joins:
        forward_sample(&inner.net, &X, 0)
        outputs(&inner.net, 1, NULL, NULL)
        copy_outputs(&inner.net, 1, <real *> out)
        leave(NEAREST, before)
        return
    while X.first < n:
        m = min(inner.net.batch_size, n - X.first)
        forward_batch(&inner.net, m, &X)
        outputs(&inner.net, m, NULL, NULL)
        copy_outputs(&inner.net, m, <real *> out + X.first * handle.n_out)
        X.first += m
    leave(NEAREST, before)


cdef double handle_learn(
    deltaloop_handle *handle, const void *x, const void *y, Py_ssize_t n,
) noexcept nogil:
    cdef Inner *inner = <Inner *> handle
    cdef Rows X, Y
    cdef double total
    cdef Environment before = enter(FLUSHING)
    dense_rows(&X, x, handle.n_in)
    dense_rows(&Y, y, inner.n_targets)
    set_rate(&inner.rule, handle.learning_rate)
    if inner.net.walks == NULL and n == 1 and not inner.rule.flat and inner.net.plain[0]:
        total = descend_samples(&inner.net, &inner.rule, 0, 1, &X, &Y, 0, inner.step)
    else:
        total = descend_one_batch(inner, &X, &Y, n)
    inner.step += 1
    total /= n
    if inner.step % inner.look == 0 and not are_finite(handle.n_theta, inner.net.theta):
        total = NAN
    leave(FLUSHING, before)
    return total


cdef double descend_one_batch(
    Inner *inner, const Rows *X, const Rows *Y, Py_ssize_t n,
) noexcept nogil:
    """One step on n samples, in pieces if there is no room for all; the sum of their losses."""
    cdef Epoch epoch
    epoch.net, epoch.rule, epoch.X, epoch.Y = inner.net, inner.rule, X[0], Y[0]
    epoch.start, epoch.stop, epoch.batch_size, epoch.step = 0, n, n, inner.step
    epoch.crew, epoch.n_threads, epoch.total = NULL, 1, 0
    epoch.rates, epoch.squares = NULL, NULL
    epoch.drops, epoch.noise = inner.drops, inner.noise
    if inner.net.walks != NULL:
        return other_epoch(&epoch)
    train_batches(&epoch)
    return epoch.total


cdef double handle_loss_gradient(
    deltaloop_handle *handle, const void *x, const void *y, Py_ssize_t n, void *grad,
) noexcept nogil:
    cdef Inner *inner = <Inner *> handle
    cdef Rows X, Y
    dense_rows(&X, x, handle.n_in)
    dense_rows(&Y, y, inner.n_targets)
    if inner.net.walks != NULL:
        return other_mean_loss(&inner.net, n, &X, &Y, <real *> grad, handle.n_theta)
    return mean_loss(&inner.net, n, &X, &Y, <real *> grad, handle.n_theta)


cdef void let_go(object capsule) noexcept:
    """Release the session that a capsule keeps alive."""
    Py_DECREF(<object> PyCapsule_GetContext(capsule))


cdef class Session:
    """Small calls on one network; the same methods as kernels.session.Session."""
    cdef Inner inner
    cdef object plan, theta, work, rule, state
    cdef object dtype, empty, thread
    cdef object turns
    cdef dict claims, queue     # those of `turns`; empty if no other call is under way
    cdef public object keeper   # the list that keeps sessions alive for their handles; or None
    cdef object provide         # what compiles the walks, before they are called; or None
    cdef const Walks *walks

    def __init__(self, plan, theta, Py_ssize_t batch_size=1, turns=None, size_t walks=0,
                 provide=None):
        self.walks, self.provide = <const Walks *> walks, provide
        self.plan, self.theta, self.dtype, self.empty = plan, theta, plan.dtype, empty
        self.turns = Turns() if turns is None else turns
        self.claims, self.queue, self.thread = self.turns.claims, self.turns.queue, get_ident
        self._make_room(batch_size)
        cdef deltaloop_handle *handle = &self.inner.handle
        cdef const Layer *last = &self.inner.net.layers[self.inner.net.n_layers - 1]
        handle.version, handle.itemsize = DELTALOOP_HANDLE_VERSION, sizeof(real)
        handle.n_in, handle.n_out = self.inner.net.layers[0].n_in, last.n_out
        self.inner.n_targets = plan.n_targets
        handle.n_theta, handle.theta = plan.n_theta, self.inner.net.theta
        handle.forward, handle.learn = handle_forward, handle_learn
        handle.loss_gradient = handle_loss_gradient
        self.inner.look, self.inner.drops = looks_every(plan), plan.drops

    def _make_room(self, Py_ssize_t batch_size):
        """Room for mini-batches of batch_size samples; more than PIECE are computed in pieces."""
        cdef Py_ssize_t n = min(batch_size, <Py_ssize_t> PIECE)
        cdef Net net
        if self.work is None or n > self.inner.net.batch_size:
            work = Work(self.plan, n, gathers=self.plan.changes_inputs)
            bind(&net, self.plan, self.theta, True, work, <size_t> self.walks)
            with cython.critical_section(self.queue):
                self.inner.net = net
                self.work = work    # only now may the previous Work be freed
        self.inner.handle.batch_size = batch_size

    def set_rule(self, rule, noise=0):
        """Take an optimiser, with fresh state; noise: the seed of dropout."""
        state = aligned_zeros((rule.n_slots, <Py_ssize_t> self.plan.n_theta), self.dtype)
        self.turns.change(self._take_rule, rule, state, noise)

    def set_rate(self, double learning_rate):
        """Another learning rate for the steps to come; the state goes on."""
        self.turns.change(self._take_rate, learning_rate)

    def _take_rate(self, double learning_rate):
        self.inner.handle.learning_rate = learning_rate

    def descend(self, gradient):
        """One step with a gradient from elsewhere, laid out as theta, which is overwritten."""
        self.turns.train(self.turns.write, self._descend, gradient)

    def _descend(self, gradient):
        hyper = self.inner.handle.learning_rate, *self.rule.hyper[1:]
        rule = replace(self.rule, hyper=hyper)
        apply_gradient(self.plan, self.theta, self.state, rule, gradient, self.inner.step)
        self.inner.step += 1

    def _take_rule(self, rule, state, noise):
        self.inner.noise = noise
        bind_rule(&self.inner.rule, &self.inner.net, rule, state)
        self.inner.handle.learning_rate = rule.hyper[0]
        self.inner.step = 0
        self.rule, self.state = rule, state     # only now may the previous state be freed

    def progress(self):
        """How far the optimiser is: a copy of its state, and how many steps it has made."""
        return self.turns.read(self._progress)

    def _progress(self):
        return self.state.copy(), self.inner.step

    def resume(self, state, Py_ssize_t step):
        """Go on from a result of `progress`, with the rule that was set."""
        self.turns.change(self._resume, state, step)

    def _resume(self, state, Py_ssize_t step):
        self.state[:] = state
        self.inner.step = step

    @property
    def address(self):
        """Of the handle, see deltaloop.h; from now on the network keeps the session alive."""
        self.become_kept()
        return <size_t> &self.inner

    @property
    def capsule(self):
        """The handle for C; it keeps the session alive, and so does the network from now on."""
        self.become_kept()
        capsule = PyCapsule_New(&self.inner, DELTALOOP_CAPSULE, let_go)
        Py_INCREF(self)
        PyCapsule_SetContext(capsule, <void *> self)
        return capsule

    cdef int become_kept(self) except -1:
        if self.walks != NULL:      # whoever has the handle may call any of its functions
            for name in lent.WALKS:
                self.provide(name)
        keeper, self.keeper = self.keeper, None
        if keeper is not None:
            keeper.append(self)
        return 0

    def predict_one(self, x, out=None):
        """Outputs (n_out,) for x (n_in,); into out, if it is given."""
        return self.predict(x, out, 0)

    def predict_batch(self, X, out=None):
        """Outputs (n, n_out) for X (n, n_in); into out, if it is given."""
        cdef Py_ssize_t n = len(X)
        if n < 1:
            raise InvalidInputError("X is empty, give at least 1 sample")
        return self.predict(X, out, n)

    cdef object predict(self, object x, object out, Py_ssize_t n):
        """n = 0: one sample alone"""
        cdef deltaloop_handle *handle = &self.inner.handle
        cdef Py_buffer x_view
        cdef void *out_first
        cdef Py_ssize_t size = handle.n_out * max(n, <Py_ssize_t> 1)
        cdef bint done = False
        if self.walks != NULL and self.walks.forward_rows == NULL:
            self.provide("forward_rows")
        hold_rows(&x_view, x, n, handle.n_in, self.dtype, "X" if n else "x")
        try:
            if out is None:
                if n == 0:
                    out = self.empty(handle.n_out, self.dtype)
                else:
                    out = self.empty((n, handle.n_out), self.dtype)
                out_first = data(out, True, NULL)
            else:
                out_first = room(out, size)
                if out_first == NULL:
                    raise InvalidInputError(
                        f"out must be a writable contiguous array of {size} values of {self.dtype}")
            with cython.critical_section(self.queue):
                if not self.queue and n <= self.inner.net.batch_size:
                    # the usual case: no other thread has a turn
                    handle_forward(handle, x_view.buf, max(n, <Py_ssize_t> 1), out_first)
                    done = True
            if not done:
                self.predict_in_turn(x_view.buf, max(n, <Py_ssize_t> 1), out, size)
        finally:
            PyBuffer_Release(&x_view)
        return out

    cdef int predict_in_turn(
        self, const void *x, Py_ssize_t n, object out, Py_ssize_t size,
    ) except -1:
        """Predict once no earlier step of another thread is under way."""
        cdef void *out_first
        turn = object()
        try:
            self.turns.wait(turn, False)
            if n > self.inner.net.batch_size:   # a handle may have been promised more
                self._make_room(max(n, self.inner.handle.batch_size))
            with cython.critical_section(self.queue):   # others may read in the same room
                out_first = room(out, size)     # again: other threads may have changed out
                if out_first == NULL:
                    raise InvalidInputError("out was changed by another thread")
                handle_forward(&self.inner.handle, x, n, out_first)
        finally:
            self.end(turn)
        return 0

    def learn_one(self, x, y):
        """One step on the sample x (n_in,), y (n_targets,); its loss before the step."""
        return self.learn(x, y, 0)

    def learn_batch(self, X, Y):
        """One step on X (n, n_in), Y (n, n_targets); its mean loss before the step."""
        cdef Py_ssize_t n = len(X)
        if n < 1:
            raise InvalidInputError("X is empty, give at least 1 sample")
        return self.learn(X, Y, n)

    cdef object learn(self, object X, object Y, Py_ssize_t n):
        """n = 0: one sample alone"""
        cdef deltaloop_handle *handle = &self.inner.handle
        cdef Py_buffer x_view, y_view
        cdef double loss = NAN
        cdef bint done = False
        if self.walks != NULL:
            if n > 1 or self.inner.rule.flat or not self.inner.net.plain[0]:
                if self.walks.descend_batches == NULL:
                    self.provide("descend_batches")
            elif self.walks.descend_samples == NULL:
                self.provide("descend_samples")
        hold_rows(&x_view, X, n, handle.n_in, self.dtype, "X" if n else "x")
        try:
            hold_rows(&y_view, Y, n, self.inner.n_targets, self.dtype, "Y" if n else "y")
            try:
                if n == 0:
                    with cython.critical_section(self.queue):
                        if not self.claims and not self.queue:
                            loss = handle_learn(handle, x_view.buf, y_view.buf, 1)
                            done = True
                if not done:
                    loss = self.learn_in_turn(x_view.buf, y_view.buf, max(n, <Py_ssize_t> 1))
            finally:
                PyBuffer_Release(&y_view)
        finally:
            PyBuffer_Release(&x_view)
        return loss

    cdef double learn_in_turn(self, const void *x, const void *y, Py_ssize_t n) except? -1:
        """A step without the GIL, so that other Python threads may run."""
        cdef double loss
        cdef bint alone
        turn = object()
        try:
            if not self.claims:
                self.claims[turn] = self.thread()
                with cython.critical_section(self.claims):
                    alone = len(self.claims) == 1
                if not alone:
                    self.turns.check_first(turn)
            else:
                self.turns.claim(turn)
            if n > self.inner.handle.batch_size:
                self._make_room(n)
            self.queue[turn] = self.thread(), True
            with cython.critical_section(self.queue):
                alone = len(self.queue) == 1
            if not alone:
                self.turns.wait(turn, True)
            with nogil:
                loss = handle_learn(&self.inner.handle, x, y, n)
        finally:
            self.end(turn)
        return loss

    cdef int end(self, object turn) except -1:
        """Remove turn and claim; no Python code runs here, so that no interrupt comes between."""
        self.queue.pop(turn, None)
        self.claims.pop(turn, None)
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
    """Address of the n values of a writable array; NULL if it has others, or may not be written."""
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
    """Whether x gave a buffer; lists do not, nor do arrays of a dtype without format (dates)."""
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
    """View the n rows of x (n = 0: one sample) in place, or else in a copy; to be released."""
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
