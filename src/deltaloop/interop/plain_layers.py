"""From bare weights of other tools to the contents of a network."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ..errors import FileFormatError, InvalidInputError
from ..kernels.functions import LOSSES
from ..parts.activations import Activation, as_activation
from ..parts.losses import Loss, check_loss
from .archive import MAGIC, METADATA, SCALING, Contents

# the loss that belongs to an output, where a file does not say what a network was trained on
_LOSS_OF = {
    "softmax": "cross_entropy", "log_softmax": "nll", "sigmoid": "binary_cross_entropy",
    "exp": "poisson",
}  # fmt: skip


class Layer(NamedTuple):
    """A layer with its parameters; `W` as that of a network, shortcuts included."""

    W: np.ndarray
    b: np.ndarray | None
    activation: Activation
    shortcuts: tuple[int, ...] = ()
    mask: np.ndarray | None = None


class Meant(NamedTuple):
    """What the user says of a network whose file holds weights alone.

    Attributes
    ----------
    activation, output : str or Activation, optional
        Of the hidden layers, and of the last one (left out: that of the loss).
    loss : str or Loss, optional
    """

    activation: Any = None
    output: Any = None
    loss: Any = None

    def given(self) -> list[str]:
        """Names of what was said."""
        return [name for name in self._fields if getattr(self, name) is not None]


def contents_of(
    layers: Sequence[Layer],
    dtype,
    *,
    loss: Loss | None = None,
    scaling: Mapping[str, np.ndarray] | None = None,
    classes: Sequence[str] | None = None,
    metadata: dict[str, Any] | None = None,
) -> Contents:
    """The contents of a network of these layers; its loss is that of its output, if none is given.

    Raises
    ------
    FileFormatError
        Parameters that are not finite.
    """
    arrays: dict[str, np.ndarray] = dict(scaling or {})
    described = []
    for number, layer in enumerate(layers, 1):
        for name, value in (("W", layer.W), ("b", layer.b), ("mask", layer.mask)):
            if value is None:
                continue
            if not np.isfinite(value).all():
                raise FileFormatError(f"{name} of layer {number} holds nan or infinity")
            arrays[f"{name}{number}"] = value if name == "mask" else value.astype(dtype)
        entry: dict[str, Any] = {
            "n_out": len(layer.W), "activation": layer.activation.name,
            "alpha": layer.activation.alpha, "bias": layer.b is not None,
        }  # fmt: skip
        if layer.shortcuts:
            entry["shortcuts"] = list(layer.shortcuts)
        if layer.mask is not None:
            entry["connections"] = int(layer.mask.sum())
        described.append(entry)
    if loss is None:  # targets are scaled for distances only
        output = "identity" if "y_mean" in arrays else layers[-1].activation.name
        loss = loss_of_output(output)
    description = {
        "magic": MAGIC, "version": 1, "n_in": layers[0].W.shape[1], "layers": described,
        "loss": loss.name, "loss_parameter": loss.parameter, "dtype": np.dtype(dtype).name,
        "arrays": sorted(arrays), "classes": None if classes is None else list(classes),
        METADATA: metadata,
    }  # fmt: skip
    return Contents(description, arrays)


def loss_of_output(activation: str) -> Loss:
    """The loss that belongs to an output activation; mse where none does."""
    return Loss(_LOSS_OF.get(activation, "mse"))


def activations_of(n_layers: int, meant: Meant, source: str) -> tuple[list[Activation], Loss]:
    """Activations of all layers and the loss, as the user says.

    Raises
    ------
    InvalidInputError
        The activation of hidden layers is not said.
    """
    loss = None if meant.loss is None else check_loss(meant.loss)
    if not isinstance(loss, Loss | None):
        raise InvalidInputError("loss must be built in here, see deltaloop.losses")
    if meant.activation is None and n_layers > 1:
        raise InvalidInputError(
            f"{source} holds weights alone; say which activation its hidden layers have, such as "
            "activation='relu' (--activation relu), and output= and loss= where they are not "
            "'identity' and 'mse'"
        )
    if meant.output is not None:
        output = as_activation(meant.output)
    else:
        output = Activation(LOSSES[loss.name].partner if loss else "identity")
    hidden = [as_activation(meant.activation)] * (n_layers - 1) if n_layers > 1 else []
    return [*hidden, output], loss or loss_of_output(output.name)


def of_named_weights(
    tensors: Mapping[str, np.ndarray], meant: Meant, source: str, *, sort: bool
) -> Contents:
    """The contents of a chain of layers named as those of PyTorch: NAME.weight and NAME.bias.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        weight (n_out, n_in) and bias (n_out,) of every layer.
    sort : bool
        Whether the layers stand in the natural order of their names, else in that of the mapping.

    Raises
    ------
    FileFormatError
        Other tensors, or shapes that make no chain.
    """
    names = list(dict.fromkeys(name.rpartition(".")[0] for name in tensors))
    unknown = [name for name in tensors if name.rpartition(".")[2] not in ("weight", "bias")]
    if sort:
        names.sort(key=_natural)
    chain = []
    for name in names:
        start = f"{name}." if name else ""
        W, b = tensors.get(f"{start}weight"), tensors.get(f"{start}bias")
        if (
            W is None
            or W.ndim != 2
            or (b is not None and b.shape != W.shape[:1])
            or any(one.dtype.kind != "f" for one in (W, b) if one is not None)
        ):
            unknown.append(name)
        else:
            chain.append((W, b))
    shapes = ", ".join(f"{name} {list(value.shape)}" for name, value in list(tensors.items())[:8])
    if unknown or not chain:
        raise FileFormatError(
            f"{source} is to hold NAME.weight (n_out, n_in) and NAME.bias (n_out,) of fully "
            f"connected layers and nothing else, got {shapes or 'no tensor'}"
            + (", ..." if len(tensors) > 8 else "")
        )
    check_chain([W for W, _ in chain], source, f" (in the order {', '.join(names)})")
    activations, loss = activations_of(len(chain), meant, source)
    layers = [Layer(W, b, f) for (W, b), f in zip(chain, activations, strict=True)]
    return contents_of(layers, common_dtype([W for W, _ in chain]), loss=loss)


def check_chain(weights: Sequence[np.ndarray], source: str, order: str = "") -> None:
    """Refuse layers whose inputs are not the outputs of the layer before."""
    for number, (before, W) in enumerate(pairwise(weights), 2):
        if W.shape[1] != len(before):
            raise FileFormatError(
                f"{source}{order}: layer {number} takes {W.shape[1]} inputs, but the layer before "
                f"has {len(before)} units; only chains of layers can be read"
            )


def common_dtype(arrays: Sequence[np.ndarray]) -> np.dtype:
    """float64 if one of them has it, else float32."""
    return np.dtype(np.float64 if any(a.dtype == np.float64 for a in arrays) else np.float32)


def _natural(name: str) -> list:
    """A key that sorts layer2 before layer10."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def refuse_given(meant: Meant, source: str) -> None:
    """Refuse what the user says where the file says it itself."""
    if meant.given():
        raise InvalidInputError(
            f"{source} says itself what its layers are; leave {', '.join(meant.given())} out"
        )


def scaling_in(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of the scaling."""
    return {name: arrays[name] for name in SCALING if name in arrays}
