"""What a graph was found to hold, as the contents of a network."""

import base64
from dataclasses import dataclass, field

import numpy as np

from ...errors import FileFormatError
from ...parts.activations import Activation
from ...parts.heads import GAUSSIAN_NLL, Head, heads_in_file
from ..archive import Contents, description_of
from ..plain_layers import Layer, contents_of, loss_of_output


@dataclass
class Found:
    """What the graph holds.

    Attributes
    ----------
    layers : list of Layer
    scaling : dict of str to ndarray
    dtype : numpy.dtype
    heads : list of (str, int, Activation)
        Name, units and activation of each output, where there are several.
    """

    layers: list[Layer]
    scaling: dict[str, np.ndarray]
    dtype: np.dtype
    heads: list[tuple[str, int, Activation]] = field(default_factory=list)

    def contents(self) -> Contents:
        """The contents, with the losses that belong to the outputs."""
        found = contents_of(self.layers, self.dtype, scaling=self.scaling)
        if self.heads:
            heads = [
                (name, Head(n, activation, loss_of_output(activation.name)))
                for name, n, activation in self.heads
            ]
            found.description["layers"][-1]["heads"] = heads_in_file(heads)
        return found

    def described_by(self, path: str, text: str, masks: dict) -> Contents:
        """The contents with a description that deltaloop wrote, which has to fit.

        Raises
        ------
        FileFormatError
            It tells of other layers than the graph has.
        """
        described, found = (
            description_of(path, text),
            contents_of(self.layers, self.dtype, scaling=self.scaling),
        )
        arrays = dict(found.arrays)
        try:
            for name, packed in masks.items():
                shape = arrays[f"W{int(name.removeprefix('mask'))}"].shape
                bits = np.unpackbits(np.frombuffer(base64.b64decode(packed), np.uint8))
                n = shape[0] * shape[1]
                if not n <= len(bits) < n + 8:
                    raise ValueError
                arrays[name] = bits[:n].reshape(shape).astype(bool)
            own, other = self._shape_of(described), self._shape_of(found.description)
        except (KeyError, TypeError, ValueError, AttributeError):
            own, other = None, ()
        if own != other:
            raise FileFormatError(
                "the property 'deltaloop' tells of other layers than the graph has; remove it from "
                "metadata_props to read the graph alone"
            )
        return Contents(described, arrays)

    def _shape_of(self, description):
        """What the description and the graph must agree on."""
        layers = []
        for layer in description["layers"]:
            alpha = layer["alpha"]
            layers.append(
                (
                    layer["n_out"], layer["bias"], tuple(layer.get("shortcuts", ())),
                    layer["activation"], None if alpha is None else round(alpha, 5),
                )
            )  # fmt: skip
        heads = description["layers"][-1].get("heads")
        if heads is None:
            heads = [(n, activation.name) for _, n, activation in self.heads]
        else:
            heads = _parts_of(heads)
        return description["n_in"], description["dtype"], layers, heads


def _parts_of(heads):
    """Units and activation of every output that heads give."""
    parts = []
    for head in heads:
        if head["loss"] == GAUSSIAN_NLL:
            parts += [(head["n_out"], "identity"), (head["n_out"], "exp")]
        else:
            parts.append((head["n_out"], head["activation"]))
    return parts
