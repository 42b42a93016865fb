"""What a tensor of a graph can be, besides a constant."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...parts.activations import Activation
from ..curves import POINTS


@dataclass(frozen=True, eq=False)
class Weighted:
    """Z of a layer: `sources` are the numbers of the layers that enter."""

    sources: tuple[int, ...]
    W: np.ndarray
    b: np.ndarray | None


class Step(NamedTuple):
    """Arithmetic with a constant after a curve: the curve's values before it, and what it was."""

    before: np.ndarray | None
    operator: str
    constant: np.ndarray
    is_first: bool


@dataclass(frozen=True, eq=False)
class Curve:
    """A function of the z of a layer; y are its values at POINTS, None where units differ."""

    z: Weighted
    y: np.ndarray | None
    steps: tuple[Step, ...] = ()
    softmax: str | None = None
    part: tuple[Weighted, int] | None = None  # some units, from that one on, of this z

    @property
    def is_plain(self) -> bool:
        """Whether it is z itself."""
        return self.y is POINTS and not self.softmax


@dataclass(frozen=True, eq=False)
class Inputs:
    """The inputs as (x - mean) / scale."""

    mean: Any = 0.0
    scale: Any = 1.0
    is_scaled: bool = False


@dataclass(frozen=True)
class Joined:
    """Layers side by side, by their numbers."""

    layers: tuple[int, ...]


class Output(NamedTuple):
    """An output of the graph, and the arithmetic after its activation."""

    name: str
    curve: Curve
    activation: Activation
    rest: tuple[Step, ...]
