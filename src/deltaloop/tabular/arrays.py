"""Targets as a network learns them, and how rows are divided into parts."""

from dataclasses import dataclass

import numpy as np

from ..network import Network
from ..parts.scaling import Scaling


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets of the rows, as the network has them.

    Attributes
    ----------
    y : ndarray
        Class numbers, shape (n,), or values with mean 0 and deviation 1, shape (n, n_out), float32.
    n_out : int
    mean, spread : ndarray or None
        What was taken from values, and what they were divided by.
    """

    y: np.ndarray
    n_out: int
    mean: np.ndarray | None = None
    spread: np.ndarray | None = None

    @classmethod
    def of(cls, y: np.ndarray, n_classes: int | None) -> "Targets":
        """Class numbers as they are; values standardised."""
        if n_classes is not None:
            return cls(np.asarray(y, np.int64), n_classes)
        y = np.asarray(y, np.float64).reshape(len(y), -1)
        mean, spread = y.mean(axis=0), y.std(axis=0)
        # a constant has a deviation of rounding size, not of exactly 0
        spread = np.where(spread > 1e-12 * np.abs(mean), spread, 1.0)
        return cls(((y - mean) / spread).astype(np.float32), y.shape[1], mean, spread)

    @property
    def is_classes(self) -> bool:
        """Whether they are class numbers."""
        return self.mean is None

    def give(self, net: Network) -> None:
        """Let a trained network speak in the units of the user."""
        if self.mean is not None:
            n_in = net.sizes[0]
            net.scaling = Scaling(np.zeros(n_in), np.ones(n_in), self.mean, self.spread)

    def in_units(self, out: np.ndarray) -> np.ndarray:
        """Outputs of a network that does not speak in them, in the units of the user."""
        if self.mean is None:
            return out
        return out * self.spread + self.mean


def parts(y: np.ndarray, n: int, is_classes: bool, seed: int) -> list[np.ndarray]:
    """N parts of the rows, drawn at random: of every class, or of every size of value, their share.

    Source: Kohavi (1995), A study of cross-validation, section 2.2.
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(y))
    key = y if is_classes else y[:, 0]
    order = order[np.argsort(key[order], kind="stable")]
    return [np.sort(order[k::n]) for k in range(n)]
