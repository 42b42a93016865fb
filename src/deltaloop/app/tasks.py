"""What a table is asked: its targets, the task, and the names of its classes."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import DeltaloopWarning, InvalidInputError, unknown_name
from ..tables import Table, Text, looks_like_classes
from ..tables.cells import is_number
from .columns import values_of

TASKS = ("classification", "regression")
_FEW = 20  # rows up to which every row may be a class of its own


@dataclass(frozen=True, eq=False)
class Question:
    """Targets as numbers, and what they mean.

    Attributes
    ----------
    names : tuple of str
        The target columns.
    task, reason : str
        'classification' or 'regression', and why.
    y : ndarray
        Class numbers, shape (n_rows,), or values, shape (n_rows, n_targets) in float64.
    classes : tuple of str or None
        Names of the classes 0, 1, ...; None when y holds values.
    """

    names: tuple[str, ...]
    task: str
    reason: str
    y: np.ndarray
    classes: tuple[str, ...] | None


def check_task(task: str | None) -> None:
    """Refuse a task that is none."""
    if task is not None and task not in TASKS:
        raise unknown_name("task", task, TASKS)


def question(table: Table, names: Sequence[str], task: str | None) -> Question:
    """The question that these target columns ask; none of their cells is missing.

    Raises
    ------
    InvalidInputError
        Targets that are neither classes nor values, or of one class only.
    """
    if len(names) > 1:
        return _several(table, tuple(names), task)
    name, y = names[0], _targets(table, names[0])
    task, reason = _task(y, name, task)
    if task == "classification":
        classes, codes = _classes(y, name)
        return Question((name,), task, reason, codes, classes)
    y = y.reshape(-1, 1)
    _warn_of_constant(y[:, 0], name)
    return Question((name,), task, reason, y, None)


def _targets(table, name):
    """Numbers, or `Text`; dates are refused."""
    y = table.column(name)
    if y.dtype.kind == "O":
        return values_of(table, name)
    if y.dtype.kind == "M":
        raise InvalidInputError(
            f"target {name!r} is a date such as {y[0].astype('datetime64[D]')}, which is neither a "
            "class nor a number; give the file a column of days since some date instead, or choose "
            "another column with --target"
        )
    return y


def _several(table, names, task):
    """Several targets: values, each of them an output."""
    if task == "classification":
        raise InvalidInputError(
            f"--task classification takes one target, got {len(names)}: "
            f"{', '.join(map(repr, names))}; give one --target, or train a network for each"
        )
    columns = []
    for name in names:
        y = _targets(table, name)
        if isinstance(y, Text):
            raise InvalidInputError(
                f"several targets must be numbers, {name!r} holds text such as {y[0]!r}; give it "
                f"as the only --target, and the others to --ignore if they are no inputs"
            )
        _warn_of_constant(y, name)
        columns.append(y)
    reason = f"{len(names)} targets, each of them an output"
    return Question(names, "regression", reason, np.column_stack(columns), None)


def _task(y, name, task):
    """The task and the reason for it."""
    text = isinstance(y, Text)
    if task == "regression" and text:
        odd = next(value for value in _occurring(y) if not is_number(value))
        row = int((y.codes == y.values.index(odd)).argmax())
        raise InvalidInputError(
            f"target {name!r} holds text, such as {odd!r} in row {row + 1}; regression needs "
            "numbers: correct the cell, or use --task classification"
        )
    if text:
        look_for_misread_numbers(y, f"target {name!r}")
    if task is not None:
        return task, "as asked for"
    if text:
        return TASKS[0], f"guessed: target {name!r} is text"
    n_values = len(np.unique(y))
    if looks_like_classes(y):
        few = f"guessed: target {name!r} has only {n_values} different whole numbers"
        return TASKS[0], f"{few}; --task regression takes them for values"
    guess = f"guessed: target {name!r} has {counted(n_values, 'different number')}"
    if n_values > max(_FEW, len(y) / 2) or (y != np.floor(y)).any():
        return TASKS[1], guess
    return TASKS[1], f"{guess}; --task classification takes them for classes"


def _occurring(text):
    """The different values of the rows."""
    return [value for value, n in zip(text.values, text.counts().tolist(), strict=True) if n]


def look_for_misread_numbers(text: Text, what: str) -> None:
    """Refuse a text column that was meant to be numeric; warn where that is probable."""
    values = _occurring(text)
    if all(is_number(value.replace(",", ".", 1)) for value in values):
        comma = next(value for value in values if "," in value)
        raise InvalidInputError(
            f"{what} has numbers with a comma, such as {comma!r}; write them with a "
            "decimal point, and thousands without a separator"
        )
    warn_of_few_words(text, what)


def warn_of_few_words(text: Text, what: str) -> None:
    """Warn of a text column most of whose cells are numbers."""
    odd = [code for code, value in enumerate(text.values) if not is_number(value)]
    rows = np.flatnonzero(np.isin(text.codes, odd))
    if len(rows) and 2 * len(rows) < len(text) - text.missing.sum():
        warn(
            f"{what} counts as text because of {counted(len(rows), 'cell')} such as "
            f"{text[rows[0]]!r} in row {rows[0] + 1}, all other cells are numbers; if it is meant "
            "to be numeric, correct them"
        )


def _classes(y, name):
    """Names of the classes, and the number of the class of every row."""
    if isinstance(y, Text):
        values, codes = _occurring(y), np.unique(y.codes, return_inverse=True)[1]
    else:
        numeric, codes = np.unique(y, return_inverse=True)
        values = numeric.tolist()
    if len(values) == 1:
        raise InvalidInputError(
            f"target {name!r} has the value {_class_name(values[0])} in every row; classification "
            "needs at least 2 classes: choose another column with --target"
        )
    if len(values) == len(y) > _FEW:
        raise InvalidInputError(
            f"target {name!r} has {len(y)} different values in {len(y)} rows, so it is no class; "
            "choose another column with --target"
            + ("" if isinstance(y, Text) else ", or use --task regression")
        )
    return tuple(map(_class_name, values)), codes


def _class_name(value):
    """The name of a class; 1.0 is called 1."""
    if isinstance(value, str):
        return value
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _warn_of_constant(y, name):
    if (y == y[0]).all():
        warn(f"target {name!r} is {y[0]:g} in every row, so there is nothing to learn")


def warn(text: str) -> None:
    """Tell what will work, but probably not as intended."""
    warnings.warn(text, DeltaloopWarning, stacklevel=3)


def counted(n: int, what: str) -> str:
    """A number of things in words."""
    return f"{n} {what}" + ("s" if n != 1 else "")
