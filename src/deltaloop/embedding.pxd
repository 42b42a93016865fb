"""A network inside your own Cython: compiled calls, no Python object, no GIL.

    from deltaloop.embedding cimport Handle, forward, handle_of, learn

    session = net.session()
    cdef Handle *handle = handle_of(session, sizeof(float))

cimports what deltaloop.h declares, and nothing of deltaloop is linked: the functions are reached
through the handle. The C compiler needs the folder deltaloop.get_include(). The rules of threads
and of memory are those of deltaloop.h.
"""
from cpython.pycapsule cimport PyCapsule_GetPointer

cdef extern from "deltaloop.h" nogil:
    const int DELTALOOP_HANDLE_VERSION
    const char *DELTALOOP_CAPSULE

    ctypedef struct Handle "deltaloop_handle":
        const int version
        const int itemsize              # 4: float, 8: double
        const Py_ssize_t n_in
        const Py_ssize_t n_out
        const Py_ssize_t n_theta        # parameters, padding included
        const Py_ssize_t batch_size     # samples that one call of learn may have
        void *theta                     # (n_theta,)
        double learning_rate            # read by every call of learn; may be assigned
        void (*forward)(Handle *, const void *, Py_ssize_t, void *) noexcept nogil
        double (*learn)(Handle *, const void *, const void *, Py_ssize_t) noexcept nogil
        double (*loss_gradient)(
            Handle *, const void *, const void *, Py_ssize_t, void *) noexcept nogil


cdef inline Handle *handle_of(object session, size_t itemsize) except NULL:
    """The handle of a Session for elements of `itemsize` bytes.

    It lives as long as the session or its network.

    TypeError: the network computes in another type. ValueError: a handle of another kind.
    RuntimeError: deltaloop is older than the deltaloop.h that this was compiled with.
    """
    cdef Handle *handle = <Handle *> PyCapsule_GetPointer(session.capsule, DELTALOOP_CAPSULE)
    if handle.version < DELTALOOP_HANDLE_VERSION:
        raise RuntimeError(
            f"this module was compiled for version {DELTALOOP_HANDLE_VERSION} of deltaloop.h, the "
            f"deltaloop that is installed has version {handle.version}; upgrade deltaloop, or "
            "compile the module again")
    if <size_t> handle.itemsize != itemsize:
        raise TypeError(
            f"the session computes in float{8 * handle.itemsize}, the caller in "
            f"float{8 * itemsize}; make the network with dtype='float{8 * itemsize}'")
    return handle


cdef inline void forward(
    Handle *handle,
    const void *x,      # (n, n_in)   read
    Py_ssize_t n,
    void *out,          # (n, n_out)  overwritten
) noexcept nogil:
    """Outputs of n samples."""
    handle.forward(handle, x, n, out)


cdef inline double learn(
    Handle *handle,
    const void *x,      # (n, n_in)   read
    const void *y,      # (n, n_out)  read
    Py_ssize_t n,
) noexcept nogil:
    """One step of the optimiser, 1 <= n <= batch_size; the mean loss before the step."""
    return handle.learn(handle, x, y, n)


cdef inline double loss_gradient(
    Handle *handle,
    const void *x,      # (n, n_in)     read
    const void *y,      # (n, n_out)    read
    Py_ssize_t n,
    void *grad,         # (n_theta,)    overwritten with dC/dtheta; NULL: not wanted
) noexcept nogil:
    """Mean loss of n >= 1 samples."""
    return handle.loss_gradient(handle, x, y, n, grad)
