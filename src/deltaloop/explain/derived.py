"""Activations, gradients of single samples, and products with the Hessian."""

import numpy as np

from ..errors import InvalidInputError
from ..inputs.checks import any_size, check_memory
from ..kernels.memory import Work, aligned_zeros
from ..kernels.sparse_rows import SparseRows
from ..parts.construction import plan_of
from .constants import backend_of
from .twin import Twin
from .units import rows_of

_ROWS = 192  # samples at a time: they stay in cache
_STEP = 1e-3  # of z, in differences of fourth order: about eps^(1/5)


def activations(net, X, layer) -> np.ndarray:
    """See `Network.activations`; of rows that have passed the door."""
    n_layers = len(net.layers)
    try:
        index = layer.__index__()
    except (AttributeError, TypeError):
        index = n_layers
    if not -n_layers <= index < n_layers:
        raise InvalidInputError(
            f"layer must be a whole number from 0 to {n_layers - 1}, as that of net.W, or -1 for "
            f"the outputs, got {layer!r}"
        )
    # the first layers are a network of their own; theta begins with their parameters
    plan = plan_of(net.sizes[0], net.layers[: index % n_layers + 1], net._loss, net.dtype)
    out = np.empty((len(X), int(plan.layers[-1]["n_out"])), net.dtype)
    theta, work = net._theta[: plan.n_theta], Work(plan, min(len(X), _ROWS), gathers=False)
    net._turns.read(net.backend.forward, plan, theta, X, out, work)
    return out


def _of_blocks(net, X, Y):
    """Slice, what enters every layer, and delta of every layer, block by block."""
    n, plan = len(X), net.plan
    work, grad = Work(plan, min(n, _ROWS), gathers=False), aligned_zeros(plan.n_theta, net.dtype)
    for start in range(0, n, work.batch_size):
        part = slice(start, min(n, start + work.batch_size))
        rows, size = rows_of(X, part), part.stop - start
        backend_of(net).loss_gradient(plan, net._theta, rows, Y[part], grad, work)
        first = rows.dense() if isinstance(rows, SparseRows) else rows
        indices = range(len(plan.layers))
        left = [first, *(work.rows("a", k, size) for k in indices[:-1])]
        entered = [
            np.hstack([a, *(left[s] for s in layer.shortcuts)]) if layer.shortcuts else a
            for a, layer in zip(left, net.layers, strict=True)
        ]
        yield part, entered, [work.rows("delta", k, size) for k in indices]


@any_size
def per_sample_gradients(net, X, Y) -> np.ndarray:
    """See `Network.per_sample_gradients`; only in a turn of the network."""
    plan, n = net.plan, len(X)
    size = n * plan.n_theta * net.dtype.itemsize
    check_memory("gradients of every sample", size, "give fewer samples at a time")
    out = np.zeros((n, plan.n_theta), net.dtype)
    for part, entered, delta in _of_blocks(net, X, Y):
        for k, record in enumerate(plan.layers):
            n_in, n_out, width, W, b = (
                int(record[name]) for name in ("n_in", "n_out", "width", "W", "b")
            )
            rows = out[part, W : W + n_in * width].reshape(-1, n_in, width)
            # dC_t/dW = delta a^T
            np.multiply(entered[k][:, :, None], delta[k][:, None, :], out=rows[:, :, :n_out])
            if b >= 0:
                out[part, b : b + n_out] = delta[k]
    if plan.mask is not None:
        out *= plan.mask
    return out


@any_size
def per_sample_gradient_norms(net, X, Y) -> np.ndarray:
    """See `Network.per_sample_gradient_norms`; only in a turn of the network."""
    squares = np.zeros(len(X))
    for part, entered, delta in _of_blocks(net, X, Y):
        for k, layer in enumerate(net.layers):
            a, d = (np.square(one, dtype=np.float64) for one in (entered[k], delta[k]))
            # |delta a^T|^2 = |delta|^2 |a|^2, or the sum over the connections that there are
            if layer.mask is None:
                squares[part] += d.sum(axis=1) * a.sum(axis=1)
            else:
                squares[part] += (d * (a @ layer.mask.T)).sum(axis=1)
            if layer.bias:
                squares[part] += d.sum(axis=1)
    return np.sqrt(squares)


@any_size
def hessian_vector_product(net, X, Y, v, weights) -> np.ndarray:
    """See `Network.hessian_vector_product`; only in a turn of the network."""
    twin = Twin(net, X, Y, weights)
    direction = twin.laid_out(net.plan, v)
    if twin.plan.mask is not None:
        direction *= twin.plan.mask
    length = np.linalg.norm(direction)
    if not length:
        return np.zeros(net.plan.n_theta)
    unit = direction / length
    # a step along it moves z by h |x| at most
    rows = np.square(X.values if isinstance(X, SparseRows) else X, dtype=np.float64)
    h = _STEP / max(1.0, float(np.sqrt(rows.sum() / len(X))))

    def apart(step):
        up, down = (twin.gradient(twin.theta + s * step * unit) for s in (1, -1))
        return (up - down) / (2 * step)

    # Richardson: the errors of order h^2 cancel
    product = (4 * apart(h / 2) - apart(h)) / 3 * length
    out = np.zeros(net.plan.n_theta)
    for to, view in zip(net.plan.views(out), twin.plan.views(product), strict=True):
        to[:] = view
    return out
