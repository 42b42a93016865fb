"""Every number of one step of gradient descent, in the order in which they are computed."""

from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInputError
from ..inputs.checks import any_size
from ..kernels.memory import aligned_zeros
from ..parts.whole_batch import WholeBatch
from ..text import aligned
from .chain_rule import notes, unbounded
from .names import number, of, weight
from .passes import one_sample, passes

_MOST = 12  # units, and weights of a unit, that are printed of a layer


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """What `Network.trace` returns; printed, tables of all its numbers.

    Lists have one entry per weight layer, and arrays one value per unit; all of it in the dtype
    and the units of the network.

    Attributes
    ----------
    x : ndarray, shape (n_in,)
    y : ndarray, shape (n_targets,)
    z, a : list of ndarray, shape (n_out,)
        Weighted inputs and activations.
    slope : list of ndarray or None
        f'(z); None for softmax and log_softmax, whose units depend on every z of their layer.
    loss : float
    dC_da : ndarray, shape (n_out,)
        Of the outputs.
    delta : list of ndarray, shape (n_out,)
        dC/dz.
    dW, db : list of ndarray or None
        The gradient, shapes of W and b: the bits of `Network.gradients`.
    W, b : list of ndarray or None
        The parameters before the step.
    W_after, b_after : list of ndarray or None
        And after it.
    optimizer : object
        What made the step: a copy of `Network.optimizer`.
    notes : tuple of str
    """

    x: np.ndarray
    y: np.ndarray
    z: list[np.ndarray]
    a: list[np.ndarray]
    slope: list[np.ndarray | None]
    loss: float
    dC_da: np.ndarray
    delta: list[np.ndarray]
    dW: list[np.ndarray]
    db: list[np.ndarray | None]
    W: list[np.ndarray]
    b: list[np.ndarray | None]
    W_after: list[np.ndarray]
    b_after: list[np.ndarray | None]
    optimizer: object
    activations: tuple[str, ...]
    loss_name: str
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "\n".join([*_forward(self), *_backward(self), *_step(self), *_remarks(self)])


def trace(net, x, y) -> Trace:
    """See `Network.trace`."""
    if isinstance(net.optimizer, WholeBatch):
        raise InvalidInputError(
            f"net.optimizer is {net.optimizer!r}, which makes no step of one sample; assign "
            "another one, as net.optimizer = deltaloop.SGD(learning_rate=0.1)"
        )
    return net._turns.read(_traced, net, *one_sample(net, x, y))


@any_size
def _traced(net, X, Y):
    plan, found = net.plan, passes(net, X, Y)
    after = _after(net, found.grad)

    def layer_by_layer(view, flat):
        views = [view(flat, k) for k in range(len(net.layers))]
        return [None if one is None else one.copy() for one in views]

    def of_sample(arrays):
        return [None if one is None else one[0] for one in arrays]

    return Trace(
        found.a[0][0], found.y[0], of_sample(found.z), of_sample(found.a[1:]),
        of_sample(found.slope), float(found.loss), found.dC_da[0], of_sample(found.delta),
        *(layer_by_layer(view, found.grad) for view in (plan.W, plan.b)),
        *(layer_by_layer(view, net._theta) for view in (plan.W, plan.b)),
        *(layer_by_layer(view, after) for view in (plan.W, plan.b)),
        net.optimizer, tuple(_name_of(layer) for layer in net.layers), str(net._loss),
        (*notes(net), *unbounded(found)),
    )  # fmt: skip


def _after(net, grad):
    """The parameters after the next step of `net.optimizer` with this gradient."""
    kept, step = net._session.progress()
    theta, state = (aligned_zeros(one.shape, net.dtype) for one in (net._theta, kept))
    theta[:], state[:] = net._theta, kept
    gradient = aligned_zeros(grad.shape, net.dtype)
    gradient[:] = grad  # apply_gradient overwrites it
    rule = net.optimizer.rule()
    net.backend.apply_gradient(net.plan, theta, state, rule, gradient, step)
    return theta


def _name_of(layer):
    """What is written before (z)."""
    return "f" if layer.heads is not None else str(layer.activation)


def _forward(found):
    yield f"Trace: loss {found.loss_name} {number(found.loss)}"
    yield "forward, z = W a + b and a = f(z)"
    yield from _columns([("a^1 = x", found.x)])
    for k, (z, a, slope) in enumerate(zip(found.z, found.a, found.slope, strict=True)):
        columns = [(f"z^{k + 2}", z), (f"a^{k + 2} = {found.activations[k]}(z)", a)]
        yield from _columns([*columns, *([] if slope is None else [("f'(z)", slope)])])


def _backward(found):
    yield "loss"
    last = len(found.z)
    slopes = (f"dC/da^{last + 1}", found.dC_da)
    if len(found.y) == len(found.dC_da):
        yield from _columns([("y", found.y), slopes])
    else:  # variances have no targets
        yield from _columns([("y", found.y)])
        yield from _columns([slopes])
    yield "backward, delta = dC/dz: at the outputs of the loss, before them W^T delta f'(z)"
    for k in reversed(range(last)):
        yield from _columns([(f"delta^{k + 2}", found.delta[k])])


def _step(found):
    yield f"gradient, dC/dW = delta a^T and dC/db = delta, and a step of {found.optimizer!r}"
    for k in range(len(found.W)):
        rows = [("parameter", "before", "gradient", "after")]
        rows += [(name, *map(number, numbers)) for name, *numbers in _parameters(found, k)]
        n = found.dW[k].size + (0 if found.db[k] is None else len(found.db[k]))
        if len(rows) - 1 < n:
            rows.append((f"and {n - len(rows) + 1} more", "", "", ""))
        yield from aligned(rows, "<>>>")


def _parameters(found, k):
    """Name, value, gradient and value after the step, of the first parameters of a layer."""
    for j in range(min(len(found.W[k]), _MOST)):
        arrays = found.W[k][j], found.dW[k][j], found.W_after[k][j]
        for i, numbers in enumerate(zip(*arrays, strict=True)):
            if i < _MOST:
                yield weight(k + 1, j + 1, i + 1), *numbers
        if found.b[k] is not None:
            yield of("b", k + 1, j + 1), found.b[k][j], found.db[k][j], found.b_after[k][j]


def _remarks(found):
    return [f"- {note}" for note in found.notes]


def _columns(columns):
    """Values of the units of a layer, one line per unit."""
    rows = [("unit", *(name for name, _ in columns))]

    def shown(name, value):  # some units of heads have no slope of their own
        return "" if name == "f'(z)" and np.isnan(value) else number(value)

    n = len(columns[0][1])
    for j in range(min(n, _MOST)):
        rows.append((str(j + 1), *(shown(name, values[j]) for name, values in columns)))
    if n > _MOST:
        rows.append((f"and {n - _MOST} more", *("" for _ in columns)))
    return aligned(rows, "<" + ">" * len(columns))
