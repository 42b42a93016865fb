# cython: language_level=3, boundscheck=False, wraparound=False
"""A module as another project would write it; tests/test_cython_door.py builds and calls it."""
from deltaloop.embedding cimport (
    DELTALOOP_HANDLE_VERSION, Handle, forward, handle_of, learn, loss_gradient,
)

ctypedef fused real:
    float
    double

HEADER_VERSION = DELTALOOP_HANDLE_VERSION


def limits(session, size_t itemsize):
    """The numbers in a handle."""
    cdef Handle *net = handle_of(session, itemsize)
    return (net.version, net.itemsize, net.n_in, net.n_out, net.n_theta, net.batch_size,
            <size_t> net.theta, net.learning_rate)


def epochs(session, const real[:, ::1] X, const real[:, ::1] Y, int n, Py_ssize_t batch_size):
    """n passes over the samples; the sum of the losses of the last one."""
    cdef Handle *net = handle_of(session, sizeof(real))
    cdef Py_ssize_t t, m
    cdef double total = 0
    with nogil:
        for _ in range(n):
            t, total = 0, 0
            while t < X.shape[0]:
                m = min(batch_size, X.shape[0] - t)
                total += m * learn(net, &X[t, 0], &Y[t, 0], m)
                t += m
    return total


def anneal(session, const real[:, ::1] X, const real[:, ::1] Y, double rate):
    """One pass with a learning rate that halves after every sample."""
    cdef Handle *net = handle_of(session, sizeof(real))
    cdef Py_ssize_t t
    with nogil:
        for t in range(X.shape[0]):
            net.learning_rate = rate
            learn(net, &X[t, 0], &Y[t, 0], 1)
            rate /= 2


def predict(session, const real[:, ::1] X, real[:, ::1] out, int times=1):
    """Outputs, again and again."""
    cdef Handle *net = handle_of(session, sizeof(real))
    with nogil:
        for _ in range(times):
            forward(net, &X[0, 0], X.shape[0], &out[0, 0])


def slope(session, const real[:, ::1] X, const real[:, ::1] Y, real[::1] grad):
    """Mean loss, and its gradient."""
    cdef Handle *net = handle_of(session, sizeof(real))
    cdef double loss
    with nogil:
        loss = loss_gradient(net, &X[0, 0], &Y[0, 0], X.shape[0], &grad[0])
    return loss


def predict_until(session, const real[:, ::1] X, real[:, ::1] out, int[::1] flag, long most):
    """Predict until another thread raises the flag, at most `most` times; whether it did."""
    cdef Handle *net = handle_of(session, sizeof(real))
    cdef volatile int *raised = &flag[0]
    cdef long k = 0
    with nogil:
        while raised[0] == 0 and k < most:
            forward(net, &X[0, 0], X.shape[0], &out[0, 0])
            k += 1
    return raised[0] != 0
