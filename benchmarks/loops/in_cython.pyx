# cython: language_level=3, boundscheck=False, wraparound=False
"""A loop over samples as a user writes it, with the steps of a session."""
from deltaloop.embedding cimport Handle, handle_of, learn


def epoch(session, const float[:, ::1] X, const float[:, ::1] Y):
    """One step per sample."""
    cdef Handle *net = handle_of(session, sizeof(float))
    cdef Py_ssize_t t
    with nogil:
        for t in range(X.shape[0]):
            learn(net, &X[t, 0], &Y[t, 0], 1)
