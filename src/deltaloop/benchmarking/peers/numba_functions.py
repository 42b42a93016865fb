"""What the two Numba peers share: the decorator, the activations, aligned arrays."""

import math

import numba
import numpy as np

from ...kernels.memory import aligned_zeros
from ..data import Parameters

# everything fast-math offers except what makes NaN and infinity undefined
jit = numba.njit(
    fastmath={"contract", "reassoc", "nsz", "arcp", "afn"}, error_model="numpy", nogil=True
)


@jit
def _identity(z):
    return z


@jit
def _sigmoid(z):
    return np.float32(1) / (np.float32(1) + np.exp(-z))


@jit
def _tanh(z):
    return np.float32(math.tanh(z))


@jit
def _relu(z):
    return max(z, np.float32(0))


@jit
def _slope_identity(a):
    return np.float32(1)


@jit
def _slope_sigmoid(a):
    return a * (np.float32(1) - a)


@jit
def _slope_tanh(a):
    return np.float32(1) - a * a


@jit
def _slope_relu(a):
    return np.float32(1) if a > 0 else np.float32(0)


# name: (f(z), f'(z) in terms of a = f(z)); the softmax is done by the loss
FUNCTIONS = {
    "identity": (_identity, _slope_identity),
    "sigmoid": (_sigmoid, _slope_sigmoid),
    "tanh": (_tanh, _slope_tanh),
    "relu": (_relu, _slope_relu),
    "softmax": (_identity, _slope_identity),
}


@jit
def softmax_loss(z, y, a, delta):
    """Cross-entropy of one sample with softmax; a and delta = a - y are overwritten.

    a may be delta, where nobody wants a.
    """
    top = z[0]
    for o in range(len(z)):
        top = max(top, z[o])
    total = np.float32(0)
    for o in range(len(z)):
        a[o] = np.exp(z[o] - top)
        total += a[o]
    scale, loss = np.float32(1) / total, np.float32(0)
    log_total = top + np.log(total)
    for o in range(len(z)):
        a[o] *= scale
        delta[o] = a[o] - y[o]
        loss += y[o] * (log_total - z[o])
    return loss


@jit
def adam_update(w, g, m, v, scale, t):
    """One step for flat arrays; g holds sums over the batch, scale is 1 / n."""
    beta1, beta2 = np.float32(0.9), np.float32(0.999)
    one = np.float32(1)
    rate = np.float32(0.001 / (1 - 0.9**t))
    root_scale = np.float32(1 / (1 - 0.999**t))
    for i in range(len(w)):
        gradient = g[i] * scale
        m[i] = beta1 * m[i] + (one - beta1) * gradient
        v[i] = beta2 * v[i] + (one - beta2) * gradient * gradient
        w[i] -= rate * m[i] / (np.sqrt(v[i] * root_scale) + np.float32(1e-8))


@jit
def sgd_update(w, g, scale):
    """W -= scale g."""
    for i in range(len(w)):
        w[i] -= scale * g[i]


def aligned(array) -> np.ndarray:
    """A copy whose first byte lies on a 64-byte boundary."""
    copy = aligned_zeros(np.shape(array), np.float32)
    copy[...] = array
    return copy


def aligned_like(arrays) -> tuple[np.ndarray, ...]:
    """Zeros of the same shapes."""
    return tuple(aligned_zeros(a.shape, np.float32) for a in arrays)


def weights(parameters: Parameters) -> tuple[tuple, tuple]:
    """Input-major weights (n_in, n_out) and biases, aligned."""
    W = tuple(aligned(array.T) for array in parameters[::2])
    return W, tuple(aligned(array) for array in parameters[1::2])


def fetch(W, b) -> list[np.ndarray]:
    """W of shape (n_out, n_in) and b, layer by layer."""
    return [array for w, v in zip(W, b, strict=True) for array in (w.T.copy(), v.copy())]
