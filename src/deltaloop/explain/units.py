"""Units that have stopped to learn, and how the gradient changes on its way to the inputs."""

from dataclasses import dataclass

import numpy as np

from ..inputs.checks import any_size
from ..kernels import load
from ..kernels.memory import Work, aligned_zeros
from ..kernels.sparse_rows import SparseRows
from .constants import backend_of

SATURATED = 1e-3  # a slope below this part of the largest one around z = 0 ...
OF_SAMPLES = 0.95  # ... in more than this part of the samples
_ROWS = 1024  # samples at a time


@dataclass(frozen=True)
class Layer:
    """What `Network.diagnose` tells of a weight layer.

    Attributes
    ----------
    number : int
        From 1, as in the table that a network prints.
    n_out : int
    activation : str
    dead : ndarray of int
        Numbers of the units, from 0, whose output and slope are 0 for every sample.
    saturated : ndarray of int
        Numbers of the units whose slope f'(z) is below 1/1000 of the largest slope in -1 <= z <= 1
        for more than 95 % of the samples.
    gradient : float
        Norm of the gradient of the loss by W and b.
    parameters : float
        Norm of W and b.
    delta : float
        Root mean square of dC/dz over samples and units.
    """

    number: int
    n_out: int
    activation: str
    dead: np.ndarray
    saturated: np.ndarray
    gradient: float
    parameters: float
    delta: float


@dataclass(frozen=True)
class Looked:
    """What a look at every sample has found: the loss, the layers, and the range of the outputs."""

    loss: float
    layers: tuple[Layer, ...]
    outputs: tuple[np.ndarray, np.ndarray]  # smallest and largest, shape (n_out,) each


@any_size
def look(net, X, Y) -> Looked:
    """Pass checked rows forward and back, block by block, and watch the units."""
    n, plan, theta, backend = len(X), net.plan, net._theta, backend_of(net)
    n_layers = len(plan.layers)
    work = Work(plan, min(n, _ROWS), gathers=False)
    grad, total = (aligned_zeros(plan.n_theta, net.dtype) for _ in range(2))
    sums = np.zeros(plan.n_theta)
    largest = [_largest_slope(record) for record in plan.layers[:-1]]
    dead = [np.full(layer.n_out, True) for layer in net.layers]
    flat = [np.zeros(layer.n_out) for layer in net.layers]
    squares = np.zeros(n_layers)
    low, high = (np.full(net.sizes[-1], end) for end in (np.inf, -np.inf))
    loss = 0.0
    for start in range(0, n, work.batch_size):
        stop = min(n, start + work.batch_size)
        rows = rows_of(X, slice(start, stop))
        of_block = backend.loss_gradient(plan, theta, rows, Y[start:stop], grad, work)
        loss += (stop - start) * of_block
        sums += (stop - start) * grad
        for k in range(n_layers):
            a, delta = (work.rows(kind, k, stop - start) for kind in ("a", "delta"))
            squares[k] += np.square(delta, dtype=np.float64).sum()
            if k == n_layers - 1:
                low, high = np.minimum(low, a.min(axis=0)), np.maximum(high, a.max(axis=0))
            else:
                slope = _slope(plan.layers[k], work.rows("z", k, stop - start), a)
                dead[k] &= (a == 0).all(axis=0) & (slope == 0).all(axis=0)
                flat[k] += (np.abs(slope) < SATURATED * largest[k]).sum(axis=0)
    total[:] = sums / n
    layers = []
    for k, layer in enumerate(net.layers):
        # an output may be at the end of its range because it is right
        is_dead = dead[k] if k < n_layers - 1 else np.full(layer.n_out, False)
        found = {
            "number": k + 1,
            "n_out": layer.n_out,
            "activation": str(layer.activation),
            "dead": np.flatnonzero(is_dead),
            "saturated": np.flatnonzero((flat[k] > OF_SAMPLES * n) & ~is_dead),
            "gradient": _norm(plan, total, k),
            "parameters": _norm(plan, theta, k),
            "delta": float(np.sqrt(squares[k] / (n * layer.n_out))),
        }
        layers.append(Layer(**found))
    return Looked(loss / n, tuple(layers), (low, high))


def rows_of(X, rows):
    """Rows of X, dense or not."""
    if not isinstance(X, SparseRows):
        return X[rows]
    counts = np.diff(X.starts)[rows]
    ends = np.cumsum(counts)
    # first, first + 1, ... of every row, one row after the other
    places = np.arange(counts.sum()) + np.repeat(X.starts[:-1][rows] - (ends - counts), counts)
    starts = np.zeros(len(counts) + 1, np.intp)
    starts[1:] = ends
    return SparseRows(starts, X.columns[places], X.values[places], X.n_columns)


def _slope(record, z, a):
    """f'(z) of the units of a layer, as the reference has it."""
    return load("reference").activation_slope(record, z, a)


def _largest_slope(record):
    """Of |f'(z)| around 0."""
    z = np.linspace(-1, 1, 201)
    reference = load("reference")
    return float(np.abs(_slope(record, z, reference.activate(record, z))).max())


def _norm(plan, flat, k):
    squares = np.square(plan.W(flat, k), dtype=np.float64).sum()
    b = plan.b(flat, k)
    if b is not None:
        squares += np.square(b, dtype=np.float64).sum()
    return float(np.sqrt(squares))
