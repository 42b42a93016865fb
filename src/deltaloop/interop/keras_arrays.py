"""Keras: weights as `model.get_weights` has them, and Sequential models of Dense layers."""

from collections.abc import Sequence

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError
from ..parts.activations import Activation
from .archive import Contents
from .plain_layers import (
    Layer,
    Meant,
    activations_of,
    check_chain,
    common_dtype,
    contents_of,
    refuse_given,
)

# Keras's names where they are others; hard_sigmoid there is that of PyTorch since Keras 3
_NAMES = {
    "linear": "identity", "exponential": "exp", "swish": "silu", "hard_tanh": "hard_tanh",
    "sigmoid": "sigmoid", "tanh": "tanh", "relu": "relu", "elu": "elu", "selu": "selu",
    "softplus": "softplus", "softsign": "softsign", "silu": "silu", "mish": "mish",
    "softmax": "softmax", "log_softmax": "log_softmax", "hard_sigmoid": "hard_sigmoid",
    "gelu": "gelu",
}  # fmt: skip
_PASS_ON = ("InputLayer", "Dropout", "Flatten")


def weights_of(contents: Contents) -> list[np.ndarray]:
    """Kernel (n_in, n_out) and bias of every layer, as `set_weights` takes them.

    Raises
    ------
    InvalidInputError
        A network with shortcuts, whose layers a Sequential model does not have.
    """
    found = []
    for number, layer in enumerate(contents.description["layers"], 1):
        if "shortcuts" in layer:
            raise InvalidInputError(
                f"layer {number} has shortcuts, which are no Dense layers of a Sequential model"
            )
        found.append(np.array(contents.arrays[f"W{number}"].T, order="C"))
        if layer["bias"]:
            found.append(contents.arrays[f"b{number}"].copy())
    return found


def of_keras(model, meant: Meant) -> Contents:
    """The contents of a model of Dense layers in a row, or of the arrays of `get_weights`."""
    if isinstance(model, Sequence):
        return _of_arrays([np.asarray(one) for one in model], meant)
    if not hasattr(model, "layers") or not hasattr(model, "get_weights"):
        raise InvalidTypeError(
            "from_keras takes a Sequential model, or the list of arrays of its get_weights, got "
            f" {type(model).__name__}"
        )
    refuse_given(meant._replace(loss=None), "the model")
    layers: list[Layer] = []
    for one in model.layers:
        kind = type(one).__name__
        if kind in _PASS_ON:
            continue
        if kind == "Dense":
            W, *b = (np.asarray(array) for array in one.get_weights())
            name = _named(one.get_config()["activation"], kind)
            layers.append(Layer(W.T, b[0] if b else None, Activation(name)))
        elif kind == "Activation" and layers and layers[-1].activation.name == "identity":
            name = _named(one.get_config()["activation"], kind)
            layers[-1] = layers[-1]._replace(activation=Activation(name))
        else:
            raise InvalidTypeError(
                f"the model has a layer {kind}, which no network here has; known are Dense, "
                f"Activation, {', '.join(_PASS_ON)}"
            )
    if not layers:
        raise InvalidTypeError("the model has no Dense layer")
    weights = [layer.W for layer in layers]
    check_chain(weights, "the model")
    loss = activations_of(1, Meant(loss=meant.loss), "")[1] if meant.loss is not None else None
    return contents_of(layers, common_dtype(weights), loss=loss)


def _of_arrays(arrays, meant):
    chain: list[tuple[np.ndarray, np.ndarray | None]] = []
    for array in arrays:
        if array.ndim == 2:
            chain.append((array.T, None))
        elif array.ndim == 1 and chain and chain[-1][1] is None and len(array) == len(chain[-1][0]):
            chain[-1] = chain[-1][0], array
        else:
            shapes = ", ".join(str(one.shape) for one in arrays)
            raise InvalidInputError(
                "the arrays must be kernels (n_in, n_out), each maybe followed by its bias "
                f"(n_out,), got {shapes}"
            )
    if not chain:
        raise InvalidInputError("the list of arrays is empty")
    weights = [W for W, _ in chain]
    check_chain(weights, "the list of arrays")
    activations, loss = activations_of(len(chain), meant, "the list of arrays")
    layers = [Layer(W, b, f) for (W, b), f in zip(chain, activations, strict=True)]
    return contents_of(layers, common_dtype(weights), loss=loss)


def _named(name, kind):
    """Our name of an activation of Keras."""
    if name not in _NAMES:
        raise InvalidInputError(
            f"a layer {kind} has the activation {name!r}, which no network here has; known are "
            + ", ".join(_NAMES)
        )
    return _NAMES[name]
