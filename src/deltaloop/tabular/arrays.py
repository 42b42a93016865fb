"""Targets as a network learns them, and how rows are divided into parts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..network import Network
from ..parts.scaling import Scaling, deviation
from ..tables.cells import missing_cells
from ..tables.text_column import Text

Heads = tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets of the rows, as the network has them.

    Attributes
    ----------
    y : ndarray
        Class numbers, shape (n,), or values with mean 0 and deviation 1, shape (n, n_out), float32;
        of several targets with classes the ones beside the others, classes one-hot.
    n_out : int
    mean, spread : ndarray or None
        What was taken from values, and what they were divided by; 0 and 1 for classes among
        several targets.
    heads : tuple of (str, int or None)
        Names of several targets, with the number of classes of those that are classes.
    """

    y: np.ndarray
    n_out: int
    mean: np.ndarray | None = None
    spread: np.ndarray | None = None
    heads: Heads = ()

    @classmethod
    def of(cls, y: np.ndarray, n_classes: int | Heads | None) -> "Targets":
        """Class numbers as they are; values standardised; several targets side by side."""
        if isinstance(n_classes, tuple):
            return cls._of_heads(y, n_classes)
        if n_classes is not None:
            return cls(np.asarray(y, np.int64), n_classes)
        y = np.asarray(y, np.float64).reshape(len(y), -1)
        mean = y.mean(axis=0)
        spread = deviation(y - mean)
        # a constant has a deviation of rounding size, not of exactly 0
        spread = np.where(spread > 1e-12 * np.abs(mean), spread, 1.0)
        return cls(((y - mean) / spread).astype(np.float32), y.shape[1], mean, spread)

    @classmethod
    def _of_heads(cls, y, heads):
        """Each column of y as its head takes it."""
        parts = [cls.of(column, n) for column, (_, n) in zip(y.T, heads, strict=True)]
        shown = [np.eye(one.n_out)[one.y] if one.is_classes else one.y for one in parts]
        mean = [np.zeros(one.n_out) if one.mean is None else one.mean for one in parts]
        spread = [np.ones(one.n_out) if one.spread is None else one.spread for one in parts]
        side_by_side = np.hstack(shown).astype(np.float32)
        return cls(
            side_by_side, side_by_side.shape[1], np.concatenate(mean), np.concatenate(spread), heads
        )

    @property
    def is_classes(self) -> bool:
        """Whether they are class numbers."""
        return self.mean is None

    def give(self, net: Network) -> None:
        """Let a trained network speak in the units of the user."""
        if self.heads and self.mean is not None and self.spread is not None:
            # a network of heads has no scaling; all heads of values are linear
            net.W[-1] = net.W[-1] * self.spread[:, None]
            net.b[-1] = net.b[-1] * self.spread + self.mean
        elif self.mean is not None:
            n_in = net.sizes[0]
            net.scaling = Scaling(np.zeros(n_in), np.ones(n_in), self.mean, self.spread)

    def in_units(self, out: np.ndarray) -> np.ndarray:
        """Outputs of a network that does not speak in them, in the units of the user."""
        if self.mean is None:
            return out
        return out * self.spread + self.mean


def group_numbers(groups: Sequence) -> np.ndarray:
    """Which group every row belongs to, as numbers from 0; None is a group of its own."""
    numbers: dict[object, int] = {}
    return np.array(
        [
            numbers.setdefault(row if one is None else (one,), len(numbers))
            for row, one in enumerate(groups)
        ],
        dtype=np.intp,
    )


def groups_of(column) -> np.ndarray:
    """The groups that the cells of a column make; every missing cell is one of its own."""
    absent = missing_cells(column)
    codes = column.codes if isinstance(column, Text) else column
    cells = [None if gone else code for code, gone in zip(codes.tolist(), absent, strict=True)]
    return group_numbers(cells)


def parts(
    y: np.ndarray, n: int, is_classes: bool, seed: int, groups: np.ndarray | None = None
) -> list[np.ndarray]:
    """N parts of the rows, drawn at random: of every class, or of every size of value, their share.

    With `groups`, numbers of (n_rows,), rows of one group are in one part; the parts are as even as
    that allows, and as many as there are groups at most.

    Source: Kohavi (1995), A study of cross-validation, section 2.2.
    """
    generator = np.random.default_rng(seed)
    if groups is not None:
        return _whole_groups(groups, n, generator)
    order = generator.permutation(len(y))
    key = y if is_classes else y[:, 0]
    order = order[np.argsort(key[order], kind="stable")]
    return [np.sort(order[k::n]) for k in range(n)]


def _whole_groups(groups, n, generator):
    """The largest group first, each into the part with the fewest rows."""
    sizes = np.bincount(groups)
    order = generator.permutation(len(sizes))
    part_of, filled = np.zeros(len(sizes), np.intp), np.zeros(min(n, len(sizes)), np.intp)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        part_of[group] = filled.argmin()
        filled[part_of[group]] += sizes[group]
    return [np.flatnonzero(part_of[groups] == k) for k in range(len(filled))]
