"""The layers that a graph leads through, in their order."""

import numpy as np

from ...errors import FileFormatError
from ...parts.activations import Activation
from ..plain_layers import Layer
from .arithmetic import activation_at, folded, unknown_activation
from .parts import Curve, Inputs, Joined


class Layers:
    """Layers by number; 0 stands for the inputs.

    Attributes
    ----------
    found : list of Layer
    inputs : Inputs
        As they enter the layers.
    n_in : int
        0 as long as no layer has told.
    """

    def __init__(self):
        self.found: list[Layer] = []
        self.inputs: Inputs | None = None
        self.n_in = 0
        self.numbers: dict[int, int] = {}  # of layers by the identity of their curves
        self.kept: list[Curve] = []  # so that identities stay those of one curve

    def sources(self, value) -> tuple[int, ...]:
        """The numbers of the layers whose units these are."""
        if isinstance(value, Joined):
            return value.layers
        if isinstance(value, Inputs):
            if self.inputs is None:
                self.inputs = value
            elif self.inputs is not value and not (
                np.array_equal(self.inputs.mean, value.mean)
                and np.array_equal(self.inputs.scale, value.scale)
            ):
                raise FileFormatError("the inputs enter scaled in two ways")
            return (0,)
        if not isinstance(value, Curve) or value.part:
            raise FileFormatError("weights are applied to something that is no layer")
        if id(value) not in self.numbers:
            activation = activation_at(value)
            if activation is None:
                value_of = folded(value)
                activation = Activation("identity") if value_of.is_plain else None
                if activation is None:
                    raise unknown_activation()
                self.add(value_of.z, activation)
            else:
                self.add(value.z, activation)
            self.numbers[id(value)] = len(self.found)
            self.kept.append(value)
        return (self.numbers[id(value)],)

    def add(self, z, activation):
        """The next layer; the columns of the one before come first."""
        k = len(self.found)
        widths = [self._width(source, z) for source in z.sources]
        if len(set(z.sources)) < len(z.sources) or k not in z.sources:
            raise FileFormatError(
                f"layer {k + 1} has the layers {list(z.sources)} as inputs, without the one "
                "before; branches cannot be read"
            )
        if sum(widths) != z.W.shape[1]:
            raise FileFormatError(
                f"layer {k + 1} has weights of shape {z.W.shape} for {sum(widths)} inputs"
            )
        starts = dict(zip(z.sources, np.cumsum(widths) - widths, strict=True))
        shortcuts = tuple(sorted(set(z.sources) - {k}))
        order = np.concatenate(
            [starts[s] + np.arange(dict(zip(z.sources, widths, strict=True))[s])
             for s in (k, *shortcuts)]
        )  # fmt: skip
        W = z.W if not shortcuts else z.W[:, order]
        self.found.append(Layer(W, z.b, activation, shortcuts))

    def _width(self, source, z):
        if source:
            return len(self.found[source - 1].W)
        if not self.n_in:
            if len(z.sources) > 1:
                raise FileFormatError("the first layer has more than the inputs")
            self.n_in = z.W.shape[1]
        return self.n_in
