"""What networks of one kind share, as pickles hold it: plain values, and what they stand for.

The objects are fixed once they are made, so that all networks that come out of pickles with the
same values share them, and only the first one takes the time to check them.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidInputError
from ..kernels.interface import Plan
from .activations import Activation
from .compared import setting_names
from .construction import layers_and_loss, plan_of
from .layers import Dense
from .losses import Loss, loss_with
from .optimizers import OPTIMIZERS, AnyOptimizer

FORMAT = 1  # first of the values: another number when others follow, or in another order
_OPTIMIZERS = {kind: name for name, kind in OPTIMIZERS.items()}


class Kind(NamedTuple):
    """What follows from the values of `kind_of`."""

    layers: tuple[Dense, ...]
    loss: Loss
    dtype: np.dtype
    plan: Plan  # to be copied: whoever freezes layers changes it


def kind_of(net) -> tuple | None:
    """Layers, loss and dtype; None where plain values cannot tell them: masks, heads, own code."""
    loss, layers, plan = net._loss, [], net.plan
    if type(loss) is not Loss:
        return None
    for layer in net.layers:
        f = layer.activation
        if (
            type(layer) is not Dense or type(f) is not Activation
            or layer.heads is not None or layer.mask is not None
        ):  # fmt: skip
            return None
        layers.append(
            (layer.n_out, f.name, f.alpha, layer.bias, layer.dropout, layer.trainable,
             layer.rate_of_W, layer.rate_of_b, layer.shortcuts)
        )  # fmt: skip
    return (
        FORMAT, net.sizes[0], tuple(layers), loss.name, loss.parameter, net.dtype.char,
        plan.input_dropout, plan.input_noise,
    )  # fmt: skip


@lru_cache(maxsize=128)
def kind(values: tuple) -> Kind:
    """What `kind_of` told."""
    _check_format(values)
    _, n_in, of_layers, name, parameter, dtype, *of_inputs = values
    layers = []
    for n_out, f, alpha, bias, dropout, trainable, rate_of_W, rate_of_b, shortcuts in of_layers:
        rates = {"rate_of_W": rate_of_W, "rate_of_b": rate_of_b}
        own = {"dropout": dropout, "trainable": trainable, "shortcuts": shortcuts}
        layers.append(Dense(n_out, Activation(f, alpha), bias, **own, **rates))
    _, layers, loss = layers_and_loss(n_in, layers, None, None, loss_with(name, parameter), 0.0)
    dtype = np.dtype(dtype)
    return Kind(layers, loss, dtype, plan_of(n_in, layers, loss, dtype, *of_inputs))


def settings_of(optimizer: AnyOptimizer) -> Any:
    """An optimizer of this package as values; one of a class of the user as it is."""
    name = _OPTIMIZERS.get(type(optimizer))
    return optimizer if name is None else (FORMAT, name, optimizer._compared())


@lru_cache(maxsize=128)
def optimizer_with(settings: tuple) -> AnyOptimizer:
    """What `settings_of` told."""
    _check_format(settings)
    _, name, values = settings
    kind: Any = OPTIMIZERS[name]
    return kind(**dict(zip(setting_names(kind), values, strict=True)))


def _check_format(values):
    if values[0] != FORMAT:
        raise InvalidInputError(
            f"this pickle of a network has format {values[0]!r}, and this version reads {FORMAT}; "
            "save networks by net.save, which later versions read"
        )
