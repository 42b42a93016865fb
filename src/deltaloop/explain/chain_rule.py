"""One number of the gradient, factor by factor: dC/dw = dC/da da/dz dz/dw."""

from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError, shown
from ..inputs.checks import all_finite
from . import chain_latex, chain_text
from .deltas import Delta, delta_of
from .names import of, weight
from .passes import entering, one_sample, passes
from .twin import Twin


@dataclass(frozen=True, repr=False)
class Explanation:
    """What `Network.explain` returns; printed, a table with formulas and numbers.

    In a notebook it is shown as LaTeX. `float(explanation)` is the number.

    Attributes
    ----------
    name : str
        Of the parameter: 'w^2_22', 'b^2_1'.
    value : float
        dC/dw or dC/db, with the bits of `Network.gradients`.
    delta : Delta
        dC/dz of the unit that the parameter leads to, and what that is made of.
    dz : float
        dz/dw, the activation that the weight is multiplied by; 1 for a bias.
    dz_name : str
        Its name, 'a^2_2'; '1' for a bias.
    connected : bool
        False where a mask leaves the connection out, and the gradient is 0.
    loss : float
        C of the sample.
    loss_name : str
    difference : float
        The central difference of C by this parameter, in float64.
    deltas : tuple of Delta
        On request all that delta came from: of the units that follow, the outputs last.
    notes : tuple of str
    """

    name: str
    value: float
    delta: Delta
    dz: float
    dz_name: str
    connected: bool
    loss: float
    loss_name: str
    difference: float
    deltas: tuple[Delta, ...] = ()
    notes: tuple[str, ...] = ()

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        return chain_text.text(self)

    def _repr_latex_(self) -> str:
        return chain_latex.latex_of(self)


def explain(net, x, y, W, b, recursive) -> Explanation:
    """See `Network.explain`."""
    if (W is None) == (b is None):
        raise InvalidInputError(
            "explain wants the weight W=(layer, unit, unit before) or the bias b=(layer, unit), "
            f"one of them, got W={shown(W)} and b={shown(b)}; as in net.explain(x, y, W=(1, 1, 1))"
        )
    place = _place(net, "W" if b is None else "b", W if b is None else b)
    return net._turns.read(_explained, net, *one_sample(net, x, y), *place, recursive)


def _place(net, name, given):
    """Layer, unit and unit before (None for a bias), from 0."""
    n = 3 if name == "W" else 2
    form = "(layer, unit, unit of the layer before)" if n == 3 else "(layer, unit)"
    try:
        numbers = tuple(one.__index__() for one in given)
    except (TypeError, AttributeError):
        numbers = ()
    if len(numbers) != n:
        raise InvalidTypeError(
            f"{name} must be {n} whole numbers {form}, counted from 1, got {shown(given)}"
        )
    layer = numbers[0]
    if not 1 <= layer <= len(net.layers):
        raise InvalidInputError(
            f"{name}={given!r}: the network has weight layers 1 to {len(net.layers)}, got {layer}"
        )
    sizes = net.W[layer - 1].shape
    before = "what enters it" if net.layers[layer - 1].shortcuts else "units of the layer before"
    whose = f"units of layer {layer}", before if layer > 1 else "inputs"
    for unit, size, what in zip(numbers[1:], sizes, whose, strict=False):
        if not 1 <= unit <= size:
            raise InvalidInputError(
                f"{name}={given!r}: {what} are numbered 1 to {size}, got {unit}"
            )
    if name == "b" and not net.layers[layer - 1].bias:
        raise InvalidInputError(f"b={given!r}: layer {layer} has no bias; explain a weight W")
    return layer - 1, numbers[1] - 1, numbers[2] - 1 if n == 3 else None


def _explained(net, X, Y, k, j, i, recursive):
    plan, found, twin = net.plan, passes(net, X, Y), Twin(net, X, Y)
    record = twin.plan.layers[k]
    delta = delta_of(net, found, k, j)
    later = [
        delta_of(net, found, later, unit)
        for later in range(k + 1, len(net.layers)) if recursive
        for unit in range(net.layers[later].n_out)
    ]  # fmt: skip
    if i is None:
        name, value = of("b", k + 1, j + 1), plan.b(found.grad, k)[j]
        place, dz, dz_name, connected = record["b"] + j, 1.0, "1", True
    else:
        name, value = weight(k + 1, j + 1, i + 1), plan.W(found.grad, k)[j, i]
        place, mask = record["W"] + i * record["width"] + j, net.layers[k].mask
        dz, dz_name = float(found.entered[k][0, i]), _entered_name(net, k, i)
        connected = mask is None or bool(mask[j, i])
    return Explanation(
        name, float(value), delta, dz, dz_name, connected, float(found.loss), str(net._loss),
        float(twin.by(int(place))) if connected else 0.0, tuple(later),
        (*notes(net), *unbounded(found)),
    )  # fmt: skip


def _entered_name(net, k, column):
    """a^l_i of the unit that enters weight layer k by a column of W."""
    for source, n in entering(net, k):
        if column < n:
            return of("a", source + 1, column + 1)
        column -= n
    raise IndexError(column)  # _place has looked


def unbounded(found):
    """That a number of the passes is not finite."""
    if not (np.isfinite(found.loss) and all_finite(found.grad)):
        yield "C or its gradient is infinite or nan here: scale x and y, or lower the weights"


def notes(net):
    """What is not as the user may think."""
    if net.scaling is not None:
        what = "x is" if net.scaling.y_mean is None else "x and y are"
        yield f"{what} scaled by net.scaling first; all numbers are those after that"
    if net.plan.drops:
        yield "dropout and noise are off: they act in training alone"
    for k, layer in enumerate(net.layers):
        if getattr(layer.activation, "surrogate", False):
            yield f"f'(z) of layer {k + 1} is a surrogate: what it leads to is no derivative of C"
    if not all_finite(net._theta):
        yield "parameters are nan or infinite"
