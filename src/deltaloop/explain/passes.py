"""One forward and one backward pass, with everything that they compute on the way."""

from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInputError
from ..inputs.checks import any_size, as_numbers
from ..inputs.scipy_sparse import is_sparse
from ..kernels.memory import Work, aligned_zeros
from ..kernels.sparse_rows import SparseRows
from .constants import backend_of
from .kinds import kinds_of, slope_of, slope_of_loss, slope_of_outputs


@dataclass(frozen=True, eq=False)
class Passes:
    """What the kernels computed for some samples, and what they leave out.

    Lists have one entry per weight layer, arrays one row per sample; everything is in the dtype
    and in the units of the network.

    Attributes
    ----------
    loss : float
        Mean over the samples.
    z, a, delta : list of ndarray, shape (n_samples, n_out)
        `a` has X in front: a[l] is what enters weight layer l, a[l + 1] what leaves it.
    slope : list of ndarray or None
        f'(z); None for softmax and log_softmax, whose units depend on every z of their layer (nan
        where only some heads are such).
    dC_da : ndarray, shape (n_samples, n_out)
        Of the outputs, for the loss of each single sample.
    y : ndarray, shape (n_samples, n_targets)
    grad : ndarray
        dC/dtheta of the mean, laid out as theta: the bits of `Network.gradients`.
    entered : list of ndarray, shape (n_samples, n_in)
        What W is multiplied by: a of the layer before, and of those that shortcuts start from.
    """

    loss: float
    z: list[np.ndarray]
    a: list[np.ndarray]
    slope: list[np.ndarray | None]
    dC_da: np.ndarray
    delta: list[np.ndarray]
    y: np.ndarray
    grad: np.ndarray
    entered: list[np.ndarray]


def entering(net, k: int) -> list[tuple[int, int]]:
    """Layers of units that enter weight layer k, 0 for the inputs, and how many units they have.

    In the order of the columns of W: the layer before, then those of shortcuts.
    """
    return [(source, net.sizes[source]) for source in (k, *net.layers[k].shortcuts)]


@any_size
def passes(net, X, Y) -> Passes:
    """Of rows that have passed the door; only in a turn of the network."""
    n, plan, theta = len(X), net.plan, net._theta
    indices = range(len(plan.layers))
    work, grad = Work(plan, n, gathers=False), aligned_zeros(plan.n_theta, net.dtype)
    loss = backend_of(net).loss_gradient(plan, theta, X, Y, grad, work)
    X = X.dense() if isinstance(X, SparseRows) else X.copy()
    a = [X, *(work.rows("a", k, n).copy() for k in indices)]
    entered = [np.hstack([a[source] for source, _ in entering(net, k)]) for k in indices]
    z = [_z(plan, theta, work, entered[k], k, n) for k in indices]
    kinds = kinds_of(net)
    slope = [slope_of(plan.layers[k], z[k], a[k + 1]) for k in indices[:-1]]
    slope.append(slope_of_outputs(kinds, z[-1], a[-1]))
    delta = [work.rows("delta", k, n).copy() for k in indices]
    return Passes(loss, z, a, slope, slope_of_loss(kinds, a[-1], Y), delta, Y.copy(), grad, entered)


def _z(plan, theta, work, a_prev, k, n):
    """W a + b; where a has overwritten it, once more and maybe rounded otherwise."""
    record = plan.layers[k]
    if record["z"] != record["a"]:
        return work.rows("z", k, n).copy()
    z, b = a_prev @ plan.W(theta, k).T, plan.b(theta, k)
    return z if b is None else z + b


def one_sample(net, x, y):
    """X and Y of one sample, checked and in the form of the kernels.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        They are not accepted, or are several samples.
    """
    if not is_sparse(x):
        x = as_numbers("x", x)
        if x.ndim < 2:
            x = x.reshape(1, -1)
    if isinstance(y, dict):  # of heads
        y = {name: one_target(f"y[{name!r}]", own) for name, own in y.items()}
    else:
        y = one_target("y", y)
    n = x.shape[0]
    if n != 1:
        raise InvalidInputError(
            f"x must be one sample, got {n} (shape {x.shape}); give X[0] and Y[0]"
        )
    return net._data(x, y)


def one_target(name, y):
    """The target of one sample as an array of one row; or of one value, which may be a class."""
    y = as_numbers(name, y)
    if y.ndim >= 2:
        return y
    return y.reshape(-1) if y.size == 1 else y.reshape(1, -1)
