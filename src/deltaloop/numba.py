"""A network inside your own compiled loop: functions to call in Numba's nopython mode.

`unpack(net)` gives the network as a named tuple of plain arrays and whole numbers, which any
`@njit` function takes as an argument. It is a view: training in compiled code changes the network.
The functions here compile with their caller (in a moment: the loops themselves are compiled once
and called by their address), may be cached with `cache=True`, release the GIL with `nogil=True`,
and run in several threads at once if every thread has an unpacked network of its own.

Data are in the units of the network, in its dtype. x is one sample, shape (n_in,), or up to
`batch_size` of them, shape (n_samples, n_in); everything that belongs to samples has the same
number of dimensions as x. Values of one sample or row lie side by side in memory.

Examples
--------
>>> import numba, numpy as np
>>> import deltaloop as dl
>>> import deltaloop.numba
>>> @numba.njit
... def learn_line(net, n_steps):
...     x, y = np.empty(1, np.float32), np.empty(1, np.float32)
...     for t in range(n_steps):
...         x[0] = np.sin(t)
...         y[0] = 2 * x[0] + 1
...         loss = dl.numba.train_step(net, x, y, 0.1)
...     return loss
>>> net = dl.Network(1, [dl.Dense(1, "identity")])
>>> learn_line(dl.numba.unpack(net), 500) < 1e-6
True
>>> round(net.W[0].item(), 3), round(net.b[0].item(), 3)
(2.0, 1.0)
"""

from typing import NamedTuple

import numpy as np

from .errors import InvalidInputError, InvalidTypeError
from .inputs.checks import whole_number
from .kernels.memory import Work
from .kernels.numba.batch import (
    add_gradient_of_pass,
    backward_pass,
    descend_batches,
    forward_pass,
    mean_loss,
    slopes_of_pass,
)
from .kernels.numba.compiling import jit, provide
from .kernels.numba.plan import dense_rows, layer_of, net_of, net_words, new_rule
from .kernels.numba.pointers import (
    address,
    check_rows,
    check_written_flat,
    check_written_rows,
    first_of,
)
from .kernels.numba.sample import SGD, descend_samples
from .network import Network

__all__ = [
    "Unpacked", "backward", "forward", "input_gradient", "loss_gradient", "train_step", "unpack",
]  # fmt: skip


_part = jit(forceinline=True, cache=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
_WALKS = (
    descend_samples, descend_batches, forward_pass, mean_loss, backward_pass,
    add_gradient_of_pass, slopes_of_pass,
)  # fmt: skip


class Unpacked(NamedTuple):
    """A network as plain values; made by `unpack`.

    Attributes
    ----------
    theta : ndarray, shape (n_theta,)
        The parameters of the network themselves, laid out as `Network.theta`.
    layers : ndarray of intp, shape (n_layers, 12)
        The table of the layers: n_in, n_out, row length, where W and b begin in theta, and so on;
        see LAYER in kernels/interface.py.
    kernels : ndarray
        Addresses of the compiled loops and of all that they work on, valid in this process.
    buffer, costs : ndarray
        Scratch memory; one thread at a time.
    loss, batch_size : int
        Code or address of the loss; samples that there is room for.
    loss_parameter : float
        What its row calls p.
    address : int
        Where the scratch memory lies. A copy of it, made by Numba for a global variable, by pickle
        or by deepcopy, is known by that, and refused.
    """

    theta: np.ndarray
    layers: np.ndarray
    kernels: np.ndarray
    buffer: np.ndarray
    costs: np.ndarray
    loss: int
    loss_parameter: float
    batch_size: int
    address: int


def unpack(net: Network, batch_size: int = 1) -> Unpacked:
    """The network as plain values for compiled functions.

    Parameters
    ----------
    net : Network
        Of any backend. It has to stay as it is in this: parameters are shared, not copied.
    batch_size : int, default 1
        The largest number of samples that are handed to a function at once.

    Returns
    -------
    Unpacked
        With scratch memory of its own: unpack once for every thread.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        A network with a `scaling`, dropout, noise, masks, frozen layers or learning rates of
        layers, which compiled functions would not apply, or with reproducible=True, which they do
        not keep; anything else than a network; a batch_size below 1.
    """
    if not isinstance(net, Network):
        raise InvalidTypeError(f"net must be a Network, got {net!r}")
    if net.scaling is not None:
        raise InvalidInputError(
            "net.scaling is not applied in compiled functions; scale the data yourself, with "
            "net.scaling.inputs and net.scaling.outputs, and set net.scaling = None"
        )
    if net.reproducible:
        raise InvalidInputError(
            "a network with reproducible=True cannot be unpacked, since Numba fuses products with "
            "sums as it has it; use net.session() and deltaloop.numba_handles, which keep its bits"
        )
    if net.plan.heads is not None:
        raise InvalidInputError(
            "a network with heads cannot be unpacked; use net.session() or make one of the same "
            "layers with a plain last layer"
        )
    if net.plan.by_batches:
        raise InvalidInputError(
            "train_step would not apply the dropout, noise, masks, shortcuts, frozen layers or "
            "learning rates of layers of this network; make one of the same layers without, and "
            "give it the parameters: other.theta = net.theta"
        )
    for walk in _WALKS:
        provide(net.dtype, walk)
    work = Work(net.plan, whole_number("batch_size", batch_size))
    return Unpacked(
        net._theta.view(), net.plan.words, net_words(net.plan, net._theta, work), work.buffer,
        work.costs, net.plan.loss, net.plan.loss_parameter, work.batch_size,
        work.buffer.ctypes.data,
    )  # fmt: skip


@_part
def _first(net):
    return layer_of(net_of(net.kernels), 0)


@_part
def _last(net):
    return layer_of(net_of(net.kernels), net.layers.shape[0] - 1)


@_part
def _n_samples(x):
    return x.shape[0] if x.ndim == 2 else 1


@_part
def _check_network(net):
    if address(first_of(net.buffer)) != net.address:
        raise ValueError(
            "this unpacked network is a copy: hand it to your function as an argument, it can be "
            "no global or closed-over variable, and unpack it anew in every process"
        )


@_part
def _check_rows(x, n_values, message):
    # NumPy leaves the stride of a single value open
    apart = n_values > 1 and x.strides[x.ndim - 1] != x.itemsize
    if x.shape[x.ndim - 1] != n_values or apart:
        raise ValueError(message)
    if x.ndim == 2 and x.strides[0] % x.itemsize != 0:
        raise ValueError("rows must lie whole elements apart; make a copy of this array")


@_part
def _check_inputs(net, x):
    _check_network(net)
    check_rows(x, net.theta)
    if _n_samples(x) < 1:
        raise ValueError("x is empty, give at least 1 sample")
    _check_rows(x, _first(net).n_in, "x must have n_in values in a row, side by side")


@_part
def _check_outputs(net, x, y):
    check_rows(y, net.theta)
    n_out = _last(net).n_out
    _check_rows(y, n_out, "targets and dC/da must have n_out values in a row, side by side")
    if _n_samples(x) != _n_samples(y):
        raise ValueError("x and what belongs to its outputs differ in their number of samples")


@_part
def _check_room(net, x):
    if _n_samples(x) > net.batch_size:
        raise ValueError("more samples than there is room for: use a larger unpack(batch_size=...)")


@_part
def _check_parameters(net, grad):
    check_written_flat(grad, net.theta)
    if grad.size != net.theta.size or grad.strides[0] != grad.itemsize:
        raise ValueError("grad must have the shape of theta")


@jit
def forward(net, x):
    """Output activations.

    Parameters
    ----------
    net : Unpacked
    x : ndarray, shape (n_in,) or (n_samples, n_in)

    Returns
    -------
    ndarray, shape (n_out,) or (n_samples, n_out)
        A view of the scratch memory, valid until the next call for this unpacked network.
        `backward` and `input_gradient` read it again: until then it has to stay as it is.

    Raises
    ------
    ValueError
        Wrong shapes, more samples than `batch_size`, or a copy of an unpacked network.

    Examples
    --------
    >>> import numpy as np
    >>> import deltaloop as dl
    >>> import deltaloop.numba
    >>> net = dl.Network(2, [dl.Dense(1, "identity", init=([[2.0, 3.0]], [1.0]))])
    >>> dl.numba.forward(dl.numba.unpack(net), np.array([1, 10], np.float32))
    array([33.], dtype=float32)
    """
    _check_inputs(net, x)
    _check_room(net, x)
    n_samples = _n_samples(x)
    bound = net_of(net.kernels)
    forward_pass(bound, dense_rows(bound, x), n_samples)
    last = _last(net)
    n_out, width, start = last.n_out, last.width, net.batch_size * last.a
    if x.ndim == 1:
        return net.buffer[start : start + n_out]
    return net.buffer[start : start + n_samples * width].reshape(n_samples, width)[:, :n_out]


@jit
def loss_gradient(net, x, y, grad):
    """Mean loss of the samples and its gradient.

    Parameters
    ----------
    net : Unpacked
    x : ndarray, shape (n_in,) or (n_samples, n_in)
        Any number of samples.
    y : ndarray, shape (n_out,) or (n_samples, n_out)
        Targets; for cross_entropy rows that sum to 1, or to the weight of the sample.
    grad : ndarray, shape (n_theta,)
        Overwritten with the gradient, in the layout of theta.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Wrong shapes.
    """
    _check_inputs(net, x)
    _check_outputs(net, x, y)
    _check_parameters(net, grad)
    bound = net_of(net.kernels)
    rows, targets = dense_rows(bound, x), dense_rows(bound, y)
    return mean_loss(bound, _n_samples(x), rows, targets, first_of(grad), grad.size)


@jit
def train_step(net, x, y, learning_rate):
    """One step of plain gradient descent on the mean loss of the samples.

    Parameters
    ----------
    net : Unpacked
        Its theta is updated, and so is the network that it was made from.
    x : ndarray, shape (n_in,) or (n_samples, n_in)
        One sample, or one mini-batch of up to `batch_size` samples.
    y : ndarray, shape (n_out,) or (n_samples, n_out)
        Targets; for cross_entropy rows that sum to 1, or to the weight of the sample.
    learning_rate : float

    Returns
    -------
    float
        The mean loss before the step. Nothing is checked: it is nan or infinite where training
        diverges.

    Raises
    ------
    ValueError
        Wrong shapes, or more samples than `batch_size`.
    """
    _check_inputs(net, x)
    _check_outputs(net, x, y)
    _check_room(net, x)
    bound, n = net_of(net.kernels), _n_samples(x)
    rows, targets, rule = dense_rows(bound, x), dense_rows(bound, y), new_rule(bound)
    rule.code, rule.learning_rate = SGD, learning_rate
    rule.state, rule.squares = bound.theta, bound.theta
    if n == 1:
        return descend_samples(bound, rule, 0, 1, rows, targets, 0.0, 0, 0)
    return descend_batches(bound, rule, 0, n, n, rows, targets, 0.0, 0, 0, 0, 0) / n


@_part
def _backward(net, x, dC_da):
    """Delta of every layer, after `forward` for the same x; the Net."""
    _check_inputs(net, x)
    _check_outputs(net, x, dC_da)
    _check_room(net, x)
    bound = net_of(net.kernels)
    backward_pass(bound, _n_samples(x), dense_rows(bound, dC_da))
    return bound


@jit
def backward(net, x, dC_da, grad):
    """Add the gradient of a cost of your own, given by its slope at the outputs.

    For costs that are no `loss` of the network, such as those of policy gradients. `forward` has to
    be called before, for the same x and unchanged parameters.

    Parameters
    ----------
    net : Unpacked
        Its loss plays no part.
    x : ndarray, shape (n_in,) or (n_samples, n_in)
        What `forward` was called with.
    dC_da : ndarray, shape (n_out,) or (n_samples, n_out)
        dC/da of the output activations a = forward(net, x), for a cost C that is a sum over the
        samples. Through a softmax it is carried, too.
    grad : ndarray, shape (n_theta,)
        dC/dtheta is added to it, in the layout of theta.

    Raises
    ------
    ValueError
        Wrong shapes, or more samples than `batch_size`.
    """
    _check_parameters(net, grad)
    bound = _backward(net, x, dC_da)
    add_gradient_of_pass(bound, dense_rows(bound, x), _n_samples(x), first_of(grad))


@jit
def input_gradient(net, x, dC_da, out):
    """The slope of a cost at the inputs, from its slope at the outputs.

    `forward` has to be called before, for the same x and unchanged parameters.

    Parameters
    ----------
    net : Unpacked
    x : ndarray, shape (n_in,) or (n_samples, n_in)
        What `forward` was called with.
    dC_da : ndarray, shape (n_out,) or (n_samples, n_out)
        As in `backward`. A row with a single 1 gives the gradient of that output.
    out : ndarray, shape of x
        Overwritten with dC/dx.

    Raises
    ------
    ValueError
        Wrong shapes, or more samples than `batch_size`.
    """
    check_written_rows(out, net.theta)
    _check_rows(out, _first(net).n_in, "out must have the shape of x, values side by side")
    if _n_samples(out) != _n_samples(x):
        raise ValueError("out must have the shape of x")
    bound = _backward(net, x, dC_da)
    slopes_of_pass(bound, _n_samples(x), dense_rows(bound, out))
