# The records of kernels/interface.py as C sees them.
from lanes cimport real

cdef enum:
    # positions in interface.ACTIVATIONS
    IDENTITY, SIGMOID, TANH, RELU, LEAKY_RELU, ELU, SOFTPLUS, SOFTMAX

cdef enum:
    # positions in interface.LOSSES
    MSE, BINARY_CROSS_ENTROPY, CROSS_ENTROPY

cdef enum:
    # positions in interface.RULES; the last one only adds the gradient to a buffer
    SGD, MOMENTUM, NESTEROV, ADAM, ACCUMULATE

cdef struct Layer:      # interface.LAYER
    Py_ssize_t n_in
    Py_ssize_t n_out
    Py_ssize_t width
    Py_ssize_t W
    Py_ssize_t b
    Py_ssize_t z
    Py_ssize_t a
    Py_ssize_t delta
    Py_ssize_t activation
    double alpha

cdef struct Net:        # Plan, theta and Work of one call
    const Layer *layers
    Py_ssize_t n_layers
    Py_ssize_t loss
    real *theta             # (n_theta,)
    Py_ssize_t batch_size   # samples that work has room for
    real *work              # blocks z, a, delta: (batch_size, width) at batch_size * offset
    real *gathered          # (batch_size, round_up(n_in))
    real *transposed[2]     # (widest layer, round_up(batch_size)) each

cdef struct Rule:
    Py_ssize_t code
    real learning_rate
    real momentum           # mu, or beta1
    real decay              # beta2
    real new_m              # 1 - beta1 and 1 - beta2, taken before they are rounded
    real new_v
    real epsilon
    real unbias_m           # 1 / (1 - beta1^t) in step t
    real unbias_v           # 1 / (1 - beta2^t)
    real *state             # (n_theta,): the velocity, m, or the gradient for ACCUMULATE
    real *squares           # (n_theta,): v


cdef inline Py_ssize_t round_up(Py_ssize_t n) noexcept nogil:
    """The smallest multiple of interface.BLOCK that is at least n."""
    return (n + 15) // 16 * 16


cdef inline Py_ssize_t padded_width(Py_ssize_t n) noexcept nogil:
    """4, 8 or the next multiple of 16, as in the interface."""
    return 4 if n <= 4 else 8 if n <= 8 else round_up(n)


cdef inline real *block(const Net *net, Py_ssize_t offset) noexcept nogil:
    """z, a or delta of a layer for the whole batch: (batch_size, width)."""
    return net.work + net.batch_size * offset


cdef inline real *bias_of(const Net *net, const Layer *layer) noexcept nogil:
    """b of a layer, (width,), or NULL without bias."""
    if layer.b < 0:
        return NULL
    return net.theta + layer.b
