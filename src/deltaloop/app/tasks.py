"""What a table is asked, with the hints that a command line can give."""

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import DeltaloopWarning
from ..tables import Table, Text
from ..tabular.targets import Target, find_target
from .columns import values_of

_FEW = 40  # different numbers that people may have meant as classes


def question(table: Table, names: Sequence[str], task: str | None) -> Target:
    """The targets of the rows that have them, and the task.

    Raises
    ------
    InvalidInputError
        Targets that are neither classes nor values, or of one class only.
    """
    columns = [values_of(table, name) for name in names]
    found = find_target(names, columns, task)
    for part in found.parts or (found,):
        for name, y in zip(part.names, part.y.T if part.values is None else (), strict=False):
            if (y == y[0]).all():
                warn(f"target {name!r} is {y[0]:g} in every row, so there is nothing to learn")
    if task is None and len(names) == 1 and not isinstance(columns[0], Text):
        return replace(found, reason=f"{found.reason}{_hint(found)}")
    return found


def _hint(found):
    """The option that decides otherwise, where people may want it."""
    if found.values is not None:
        return "; --task regression takes them for values"
    y = found.y[:, 0]
    if len(np.unique(y)) > min(_FEW, len(y) / 2) or (y != np.floor(y)).any():
        return ""
    return "; --task classification takes them for classes"


def warn(text: str) -> None:
    """Tell what will work, but probably not as intended."""
    warnings.warn(text, DeltaloopWarning, stacklevel=3)


def counted(n: int, what: str) -> str:
    """A number of things in words."""
    return f"{n} {what}" + ("s" if n != 1 else "")
