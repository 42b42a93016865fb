"""What is to be predicted: which rows have it, whether it is classes or values, and their names."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInputError, unknown_name
from ..inputs.checks import any_size
from ..network import Network
from ..tables import looks_like_classes
from ..tables.cells import missing_cells, shortened
from ..tables.text_column import Text
from .arrays import Heads
from .columns import codes_of

TASKS = ("classification", "regression")
FEW = 20  # rows up to which every row may be a class of its own
_FAR = 1e150  # the sum of many of its squares is a float64
_BESIDE_CLASSES = 1e-36, 1e36  # there, values are the float32 of the network itself


@dataclass(frozen=True, eq=False)
class Target:
    """What is to be predicted of the rows that have it.

    Attributes
    ----------
    names : tuple of str
    task : {'classification', 'regression', 'mixed'}
        'mixed' where some of several targets are classes, and others are values.
    reason : str
        Why it is that task.
    rows : ndarray of bool, shape (n_rows of the table,)
        The rows that have all targets.
    y : ndarray
        Class numbers, shape (n,), int64, or values, shape (n, n_targets), float64; of several
        targets with classes a column for each, float64.
    values : tuple of str or float, or None
        The class that every number stands for, in the type of the table.
    notes : tuple of str
    parts : tuple of Target
        Every target alone, where there are several and one of them at least is classes.
    """

    names: tuple[str, ...]
    task: str
    reason: str
    rows: np.ndarray
    y: np.ndarray
    values: tuple[str | float, ...] | None
    notes: tuple[str, ...] = ()
    parts: tuple["Target", ...] = ()

    @property
    def n_classes(self) -> int | Heads | None:
        """What `engine.train` is told of the targets."""
        if self.parts:
            return tuple(
                (part.names[0], None if part.values is None else len(part.values))
                for part in self.parts
            )
        return None if self.values is None else len(self.values)

    @property
    def kinds(self) -> "Kinds":
        """The classes of each of several targets, None for values; empty where all are values."""
        return tuple(part.values for part in self.parts)

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Names of the classes."""
        return None if self.values is None else tuple(map(class_name, self.values))


Kinds = tuple[tuple[str | float, ...] | None, ...]
"""Of several targets the classes of each, None for values."""


def parted(out: np.ndarray, kinds: Kinds) -> list[np.ndarray]:
    """The outputs that belong to each of several targets."""
    ends = np.cumsum([1 if values is None else len(values) for values in kinds])[:-1]
    return np.split(out, ends, axis=1)


def class_name(value: str | float) -> str:
    """The name of a class; 1.0 is called 1."""
    if isinstance(value, str):
        return value
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def class_numbers(column, values: Sequence[str | float]) -> np.ndarray:
    """The number of the class in every cell, none of them missing; -1 for one that is unknown."""
    known = {class_name(value): number for number, value in enumerate(values)}
    if isinstance(column, Text) or column.dtype.kind not in "fiu":
        codes, names = codes_of(column)
    else:
        different, codes = np.unique(column, return_inverse=True)
        names = [class_name(value) for value in different.tolist()]
    return np.array([known.get(name, -1) for name in names], np.int64)[codes]


def find_target(names: Sequence[str], columns: Sequence, task: str | None) -> Target:
    """Look at the target columns of all rows.

    Parameters
    ----------
    names : sequence of str
    columns : sequence of columns as those of a Table
    task : {'classification', 'regression'}, optional
        None guesses.

    Raises
    ------
    InvalidInputError
        No row with a target, one class only, or text as values.
    """
    if task is not None and task not in TASKS:
        raise unknown_name("task", task, TASKS)
    present = np.ones(len(columns[0]), bool)
    for name, column in zip(names, columns, strict=True):
        present &= _is_there(name, column)
    n_absent = int((~present).sum())
    if n_absent == len(present):
        raise InvalidInputError(
            f"target {shortened(names)} is missing in every row; choose another column"
        )
    notes: tuple[str, ...] = ()
    if n_absent:
        notes = (f"{n_absent} row{'s' * (n_absent > 1)} without target left out",)
    taken = [column[present] for column in columns]
    if len(names) > 1:
        return _several(names, taken, task, present, notes)
    name, column = names[0], taken[0]
    task, reason = _task(name, column, task)
    if task == "classification":
        y, values = _classes(name, column)
        return Target((name,), task, reason, present, y, values, notes)
    check_size(name, column)
    return Target((name,), task, reason, present, column[:, None], None, notes)


def check_size(name: str, column: np.ndarray, near: float = 0.0, far: float = _FAR) -> None:
    """Refuse values that are too large, or too small, to compute with.

    Raises
    ------
    InvalidInputError
        The largest magnitude is beyond `far`, or below `near` and not 0.
    """
    largest = float(np.abs(column).max(initial=0.0))
    if largest > far or 0 < largest < near:
        limit = f"more than {far:g}" if largest > far else f"less than {near:g}"
        raise InvalidInputError(
            f"the largest magnitude in target {name!r} is {largest:g}, {limit}, where its squares "
            "cannot be computed; divide the column by a power of ten, such as "
            f"1e{math.floor(math.log10(largest))}"
        )


def probabilities(net: Network, out: np.ndarray) -> np.ndarray:
    """A column for every class, from the outputs of a network; values stay what they are."""
    if net.layers[-1].activation.name == "log_softmax":  # whose logarithms nobody asked for
        out = np.exp(out)
    if net.classes is not None and out.shape[1] == 1:  # one output is the second of two classes
        return np.hstack([1 - out, out])
    return out


@any_size
def of_logs(out: np.ndarray) -> np.ndarray:
    """The values whose log(1 + y) a network gives; infinite where they overflow."""
    return np.expm1(out)


def _is_there(name, column):
    if column.dtype.kind == "M":
        raise InvalidInputError(
            f"target {name!r} holds dates; choose another column, or make numbers of them"
        )
    if column.dtype.kind == "f" and np.isinf(column).any():
        row = int(np.isinf(column).argmax())
        raise InvalidInputError(
            f"target {name!r} is infinite in row {row + 1}; correct the cell or remove the row"
        )
    return ~missing_cells(column)


def _several(names, columns, task, present, notes):
    """Several targets: values, or some of them classes."""
    parts = []
    for name, column in zip(names, columns, strict=True):
        found, reason = _task(name, column, task)
        if found == "classification":
            y, values = _classes(name, column)
        else:
            y, values = column[:, None], None
        parts.append(Target((name,), found, reason, present, y, values))
    tasks = {part.task for part in parts}
    limits = (0.0, _FAR) if tasks == {"regression"} else _BESIDE_CLASSES
    for part in parts:
        if part.values is None:
            check_size(part.names[0], part.y, *limits)
    reasons = [part.reason.removeprefix("guessed: ") for part in parts]
    if tasks == {"regression"}:
        reason = "as asked for" if task else f"{len(names)} targets"
        return Target(
            tuple(names), "regression", reason, present, np.stack(columns, 1), None, notes
        )
    reason = "as asked for" if task else "guessed: " + "; ".join(reasons)
    y = np.stack([np.asarray(part.y, np.float64).reshape(len(columns[0])) for part in parts], 1)
    return Target(
        tuple(names), tasks.pop() if len(tasks) == 1 else "mixed", reason, present, y, None, notes,
        tuple(parts),
    )  # fmt: skip


def _task(name, column, task):
    """The task and the reason for it."""
    text = isinstance(column, Text)
    if task == "regression" and text:
        codes, texts = codes_of(column)
        raise InvalidInputError(
            f"target {name!r} holds text, such as {texts[codes[0]]!r}; regression needs numbers: "
            "correct such cells, or choose task='classification' (--task classification)"
        )
    if task is not None:
        return task, "as asked for"
    if text:
        return TASKS[0], f"guessed: target {name!r} is text"
    n = len(np.unique(column))
    if looks_like_classes(column):
        return TASKS[0], f"guessed: target {name!r} has only {n} different whole numbers"
    return TASKS[1], f"guessed: target {name!r} has {n} different number{'s' * (n > 1)}"


def _classes(name, column):
    """Class numbers, and what they stand for."""
    if isinstance(column, Text):
        codes, texts = codes_of(column)
        values = sorted({texts[code] for code in np.unique(codes)})
        place = {value: number for number, value in enumerate(values)}
        numbers = np.array([place.get(text, -1) for text in texts], np.int64)
        y = numbers[codes]
    else:
        different, y = np.unique(column, return_inverse=True)
        values = different.tolist()
    if len(values) == 1:
        raise InvalidInputError(
            f"target {name!r} has the value {class_name(values[0])} in every row; classification "
            "needs at least 2 classes: choose another column"
        )
    if len(values) == len(y) > FEW:
        raise InvalidInputError(
            f"target {name!r} has {len(y)} different values in {len(y)} rows, so it is no class; "
            "choose another column with target= (--target)"
            + ("" if isinstance(column, Text) else ", or task='regression' (--task regression)")
        )
    return y.astype(np.int64), tuple(values)
