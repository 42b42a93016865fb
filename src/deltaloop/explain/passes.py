"""One forward and one backward pass, with everything that they compute on the way."""

from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInputError
from ..inputs.checks import any_size, as_numbers
from ..inputs.scipy_sparse import is_sparse
from ..kernels import load
from ..kernels.functions import ACTIVATIONS
from ..kernels.interface import CUSTOM, LOSSES, SparseRows, Work, aligned_zeros
from .constants import backend_of


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
        f'(z); None for softmax and log_softmax, whose units depend on every z of their layer.
    dC_da : ndarray, shape (n_samples, n_out)
        Of the outputs, for the loss of each single sample.
    y : ndarray, shape (n_samples, n_out)
    grad : ndarray
        dC/dtheta of the mean, laid out as theta: the bits of `Network.gradients`.
    """

    loss: float
    z: list[np.ndarray]
    a: list[np.ndarray]
    slope: list[np.ndarray | None]
    dC_da: np.ndarray
    delta: list[np.ndarray]
    y: np.ndarray
    grad: np.ndarray


def refuse_branches(net) -> None:
    """Raise InvalidInputError for a network that is no plain chain of layers."""
    for found, name in ((net.plan.joins, "shortcuts"), (net.plan.heads is not None, "heads")):
        if found:
            raise InvalidInputError(
                f"what explains a network follows one chain of layers, but this one has {name}; "
                "use gradients and check_gradients, which take it"
            )


@any_size
def passes(net, X, Y) -> Passes:
    """Of rows that have passed the door; only in a turn of the network."""
    refuse_branches(net)
    n, plan, theta = len(X), net.plan, net._theta
    indices = range(len(plan.layers))
    work, grad = Work(plan, n, gathers=False), aligned_zeros(plan.n_theta, net.dtype)
    loss = backend_of(net).loss_gradient(plan, theta, X, Y, grad, work)
    X = X.dense() if isinstance(X, SparseRows) else X.copy()
    a = [X, *(work.rows("a", k, n).copy() for k in indices)]
    z = [_z(plan, theta, work, a[k], k, n) for k in indices]
    slope = [_slope(plan.layers[k], z[k], a[k + 1]) for k in indices]
    delta = [work.rows("delta", k, n).copy() for k in indices]
    return Passes(loss, z, a, slope, slope_of_loss(plan, a[-1], Y), delta, Y.copy(), grad)


def _z(plan, theta, work, a_prev, k, n):
    """W a + b; where a has overwritten it, once more and maybe rounded otherwise."""
    record = plan.layers[k]
    if record["z"] != record["a"]:
        return work.rows("z", k, n).copy()
    z, b = a_prev @ plan.W(theta, k).T, plan.b(theta, k)
    return z if b is None else z + b


def _slope(record, z, a):
    if record["activation"] != CUSTOM and not has_slope(record):
        return None
    return load("reference")._slope(record, z, a)


def has_slope(record) -> bool:
    """Whether a unit of this layer depends on its own z alone."""
    code = record["activation"]
    return code == CUSTOM or list(ACTIVATIONS.values())[code].slope is not None


def slope_of_loss(plan, a, Y) -> np.ndarray:
    """dC/da of the outputs, for the loss C of each single sample."""
    reference, p = load("reference"), a.dtype.type(plan.loss_parameter)
    if plan.loss >= len(LOSSES):
        return reference._of_user(reference.FUNCTIONS[plan.loss][1], a, Y)
    name = LOSSES[plan.loss]
    value, slope = reference._LOSSES[name]
    dC_da = slope(a, Y, p).astype(a.dtype)
    if name in reference._OUTER:  # a function of the sum over the units
        sums = value(a, Y, p).sum(axis=-1, dtype=np.float64)
        dC_da = dC_da * reference._OUTER[name](sums, p)[1][:, None].astype(a.dtype)
    return dC_da


def jacobian_of_output(record, a) -> np.ndarray:
    """da_k/dz_j of one sample of softmax or log_softmax, at [k, j]; a has shape (n_out,)."""
    name = list(ACTIVATIONS)[record["activation"]]
    one = np.eye(len(a), dtype=a.dtype)
    # softmax: a_k ([j = k] - a_j); log_softmax: [j = k] - exp(a_j)
    return a[:, None] * (one - a) if name == "softmax" else one - np.exp(a)


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
    y = as_numbers("y", y)
    if y.ndim < 2:  # the outputs, or the number of a class
        y = y.reshape(1, -1) if y.size == net.sizes[-1] else y.reshape(-1)
    n = x.shape[0]
    if n != 1:
        raise InvalidInputError(
            f"x must be one sample, got {n} (shape {x.shape}); give X[0] and Y[0]"
        )
    return net._data(x, y)
