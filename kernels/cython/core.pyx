"""The backend of one element type and one instruction set; see kernels/interface.py."""
from cpython.buffer cimport (
    PyBUF_STRIDES,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from libc.math cimport pow
from libc.string cimport memcpy, memset

from lanes cimport real
from plan cimport ACCUMULATE, ADAM, SGD, Layer, Net, Rule, block, round_up

include "steps.pxi"


cdef real *data(object array, bint writable, Py_ssize_t *row) except NULL:
    """First element of an array, and the distance of its rows in elements (if asked for)."""
    cdef Py_buffer view
    PyObject_GetBuffer(array, &view, PyBUF_STRIDES | (PyBUF_WRITABLE if writable else 0))
    if row != NULL:
        row[0] = view.strides[0] // <Py_ssize_t> sizeof(real)
    cdef real *first = <real *> view.buf
    PyBuffer_Release(&view)     # the caller keeps the array, and arrays do not move
    return first


cdef int bind(Net *net, object plan, object theta, bint writable, object work) except -1:
    """Plan, theta and Work as one C structure."""
    net.layers = <const Layer *> data(plan.layers, False, NULL)
    net.n_layers = len(plan.layers)
    net.loss = plan.loss
    net.theta = data(theta, writable, NULL)
    net.batch_size = work.batch_size
    net.work = data(work.buffer, True, NULL)
    net.gathered = net.work + net.batch_size * <Py_ssize_t> plan.n_work
    net.transposed[0] = net.gathered + net.batch_size * round_up(net.layers[0].n_in)
    net.transposed[1] = net.transposed[0] + <Py_ssize_t> plan.widest * round_up(net.batch_size)
    return 0


def forward(plan, theta, X, out, work):
    """Output activations of every sample into out."""
    cdef Net net
    cdef Py_ssize_t X_row, n, first = 0, n_samples = len(X)
    cdef const real *x = data(X, False, &X_row)
    cdef real *result = data(out, True, NULL)
    bind(&net, plan, theta, False, work)
    with nogil:
        while first < n_samples:
            n = min(net.batch_size, n_samples - first)
            if n == 1:
                forward_sample(&net, x + first * X_row)
            else:
                forward_batch(&net, n, x + first * X_row, X_row)
            outputs(&net, n, NULL, 0, NULL)
            copy_outputs(&net, n, result + first * net.layers[net.n_layers - 1].n_out)
            first += n


cdef void copy_outputs(const Net *net, Py_ssize_t n_samples, real *out) noexcept nogil:
    """The output activations without their padding: out is (n_samples, n_out)."""
    cdef const Layer *layer = &net.layers[net.n_layers - 1]
    cdef const real *a = block(net, layer.a)
    cdef Py_ssize_t t
    for t in range(n_samples):
        memcpy(out + t * layer.n_out, a + t * layer.width, layer.n_out * sizeof(real))


def loss_gradient(plan, theta, X, Y, grad, work):
    """Mean loss of the samples; dC/dtheta into grad, unless grad is None."""
    cdef Net net
    cdef Rule rule
    cdef Py_ssize_t X_row, Y_row, n, first = 0, n_samples = len(X)
    cdef const real *x = data(X, False, &X_row)
    cdef const real *y = data(Y, False, &Y_row)
    cdef Py_ssize_t n_bytes = <Py_ssize_t> plan.n_theta * <Py_ssize_t> sizeof(real)
    cdef bint wanted = grad is not None
    cdef double cost = 0
    bind(&net, plan, theta, False, work)
    memset(&rule, 0, sizeof(Rule))
    rule.code = ACCUMULATE
    rule.state = data(grad, True, NULL) if wanted else NULL
    with nogil:
        if wanted:
            memset(rule.state, 0, n_bytes)
        while first < n_samples:
            n = min(net.batch_size, n_samples - first)
            if wanted:
                cost += step_on_batch(&net, &rule, n, x + first * X_row, X_row,
                                      y + first * Y_row, Y_row, NULL,
                                      <real> 1 / <real> n_samples)
            else:
                forward_batch(&net, n, x + first * X_row, X_row)
                cost += outputs(&net, n, y + first * Y_row, Y_row, NULL)
            first += n
    return cost / n_samples


def train_epoch(plan, theta, state, rule, X, Y, order, Py_ssize_t start, Py_ssize_t stop,
                Py_ssize_t batch_size, work, double total=0.0,
                Py_ssize_t step=0):
    """Gradient descent over order[start:stop]; returns total plus the losses."""
    cdef Net net
    cdef Rule how
    cdef Py_ssize_t X_row, Y_row, n
    cdef const real *x = data(X, False, &X_row)
    cdef const real *y = data(Y, False, &Y_row)
    cdef const Py_ssize_t *indices = NULL
    bind(&net, plan, theta, True, work)
    # by way of double: Cython takes `real` for a float and would round to one
    cdef double learning_rate = rule.hyper[0], beta1 = rule.hyper[1], beta2 = 0, epsilon = 0
    memset(&how, 0, sizeof(Rule))
    how.code = rule.code
    if rule.n_slots:
        how.state = data(state, True, NULL)
    if how.code == ADAM:
        beta2, epsilon = rule.hyper[2], rule.hyper[3]
        how.squares = how.state + <Py_ssize_t> plan.n_theta
    how.learning_rate, how.momentum = <real> learning_rate, <real> beta1
    how.decay, how.epsilon = <real> beta2, <real> epsilon
    how.new_m, how.new_v = <real> (1 - beta1), <real> (1 - beta2)
    if order is not None:
        indices = <const Py_ssize_t *> data(order, False, NULL)
    with nogil:
        if batch_size == 1 and how.code == SGD:
            total = descend_samples(&net, how.learning_rate, start, stop, x, X_row,
                                    y, Y_row, indices, total)
        else:
            while start < stop and isfinite(total):
                n = min(batch_size, stop - start)
                if how.code == ADAM:
                    step += 1
                    how.unbias_m = <real> (1 / (1 - pow(beta1, step)))
                    how.unbias_v = <real> (1 / (1 - pow(beta2, step)))
                total += descend_batch(&net, &how, start, n, stop, x, X_row, y, Y_row, indices)
                start += n
    return total


cdef double descend_batch(
    const Net *net, const Rule *rule, Py_ssize_t start, Py_ssize_t n, Py_ssize_t stop,
    const real *x, Py_ssize_t X_row, const real *y, Py_ssize_t Y_row,
    const Py_ssize_t *order,
) noexcept nogil:
    """One step on the samples start..start+n-1 of the order, gathered if there is one."""
    cdef Py_ssize_t t, n_in = net.layers[0].n_in, gathered_row = round_up(n_in)
    if order == NULL:
        return step_on_batch(net, rule, n, x + start * X_row, X_row, y + start * Y_row, Y_row,
                             NULL, <real> 1 / <real> n)
    for t in range(n):
        if start + n + t < stop:    # the batch that follows
            prefetch(x + order[start + n + t] * X_row, n_in)
            prefetch(y + order[start + n + t] * Y_row, 1)
        memcpy(net.gathered + t * gathered_row, x + order[start + t] * X_row,
               n_in * sizeof(real))
    return step_on_batch(net, rule, n, net.gathered, gathered_row, y, Y_row, order + start,
                         <real> 1 / <real> n)
