"""From a file or a bundled data set to a learning problem: inputs, targets and two parts."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from .. import datasets
from ..datasets import Dataset
from ..errors import DeltaloopWarning, InvalidInputError, unknown_name
from ..tables import FeatureEncoding, Table, looks_like_classes, read
from ..tables.cells import is_number

TASKS = ("classification", "regression")
TEST_FRACTION = 0.2
_FEW = 20  # rows up to which every row may be a class of its own


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows to learn from and rows to test with, in the units of the user.

    Attributes
    ----------
    title : str
        Where the rows come from and how they are divided, for the reader.
    task, reason : str
        'classification' or 'regression', and why.
    X_train, X_test : ndarray, shape (n_samples, n_features)
    y_train, y_test : ndarray
        Class numbers, shape (n_samples,), or values, shape (n_samples, n_out).
    classes : tuple of str or None
        Names of the classes 0, 1, ...; None when y holds values.
    encoding : FeatureEncoding
        How later tables become inputs.
    target : str or None
        Name of the target column; None for bundled data.
    """

    title: str
    task: str
    reason: str
    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    classes: tuple[str, ...] | None
    encoding: FeatureEncoding
    target: str | None


def open_data(data: str, max_memory: float | None = None) -> Table | Dataset:
    """The bundled data set of this name, else the table in the file."""
    if data in datasets.names():
        return datasets.load(data)
    plain_name = os.path.basename(data) == data and "." not in data
    if plain_name and not os.path.exists(data):
        near = get_close_matches(data, datasets.names(), n=1)
        raise InvalidInputError(
            f"there is no file and no bundled data set {data!r}; bundled are "
            + ", ".join(datasets.names())
            + (f"; did you mean {near[0]!r}?" if near else "")
        )
    return read(data, max_memory=max_memory)


def feature_table(data: str, max_memory: float | None = None) -> Table:
    """The table to predict from: a file, or the inputs of a bundled data set."""
    opened = open_data(data, max_memory)
    if isinstance(opened, Table):
        return opened
    return Table(_feature_names(opened), list(opened.X.T.astype(np.float64)), opened.name)


def open_problem(
    data: str,
    *,
    target: str | None = None,
    ignore: Sequence[str] = (),
    task: str | None = None,
    test_fraction: float | None = None,
    seed: int = 0,
    max_memory: float | None = None,
) -> Problem:
    """Read the data and divide it; the arguments are the options of `deltaloop train`.

    Raises
    ------
    InvalidInputError, FileFormatError
        One line that says what does not fit.
    """
    if task is not None and task not in TASKS:
        raise unknown_name("task", task, TASKS)
    opened = open_data(data, max_memory)
    if isinstance(opened, Table):
        return _from_table(opened, target, ignore, task, test_fraction, seed)
    for option, given in (
        ("--target", target is not None),
        ("--ignore", bool(ignore)),
        ("--test-fraction", test_fraction is not None),
    ):
        if given:
            raise InvalidInputError(
                f"{option} is for tables, but {data!r} is a bundled data set with a fixed target "
                f"and test part; leave {option} out, or give a file"
            )
    return _from_dataset(opened, task)


def _from_dataset(data: Dataset, task: str | None) -> Problem:
    """The problem of a bundled data set, in its own two parts."""
    classes = data.target_names
    if task == "classification" and classes is None:
        raise InvalidInputError(
            f"the bundled data set {data.name!r} has values as targets, no classes; "
            "use --task regression"
        )
    if task == "regression":
        classes = None
    n_test = len(data.X) - data.n_train
    parts = (
        _parts(data.n_train, n_test)
        if n_test
        else f"{data.n_train} rows, all of them both training and test part"
    )
    y_train, y_test = data.y_train, data.y_test
    if classes is None:
        y_train, y_test = (y.reshape(len(y), -1).astype(np.float64) for y in (y_train, y_test))
    return Problem(
        title=f"{data.name}, {parts}, {_counted(data.X.shape[1], 'input')}",
        task="regression" if classes is None else "classification",
        reason="that of the bundled data set" if task is None else "as asked for",
        X_train=data.X_train, y_train=y_train, X_test=data.X_test, y_test=y_test,
        classes=classes,
        encoding=FeatureEncoding(tuple((name, None) for name in _feature_names(data))),
        target=None,
    )  # fmt: skip


def _from_table(table, target, ignore, task, test_fraction, seed) -> Problem:
    """The problem of a table, divided at random."""
    fraction = TEST_FRACTION if test_fraction is None else test_fraction
    if not 0 <= fraction < 1:
        raise InvalidInputError(f"--test-fraction must be in [0, 1), got {fraction:g}")
    name = table.column_name(_column(table, target))
    ignored = {table.column_name(_column(table, one)) for one in ignore}
    if name in ignored:
        raise InvalidInputError(f"column {name!r} is the target and cannot be ignored as well")
    y = table.column(name)
    if len(y) < 2:
        raise InvalidInputError(f"{table.source!r} has a single row; training needs at least 2")
    task, reason = _task(y, name, task)
    encoding = FeatureEncoding.fit(table, exclude=ignored | {name})
    X = encoding.transform(table)
    for column, categories in encoding.columns:
        if categories is not None:
            _warn_of_few_words(table.column(column), f"column {column!r}")
    generator = np.random.default_rng(seed)
    classes: tuple[str, ...] | None
    if task == "classification":
        classes, y = _classes(y, name)
        test = _stratified(y, fraction, generator)
    else:
        classes, y = None, y.reshape(-1, 1)
        if (y == y[0]).all():
            _warn(f"target {name!r} is {y[0, 0]:g} in every row, so there is nothing to learn")
        test = _held_out(len(y), fraction, generator)
    parts = _parts(np.count_nonzero(~test), np.count_nonzero(test))
    return Problem(
        title=f"{table.source}, {parts}, {_counted(X.shape[1], 'input')}",
        task=task, reason=reason,
        X_train=X[~test], y_train=y[~test], X_test=X[test], y_test=y[test],
        classes=classes, encoding=encoding, target=name,
    )  # fmt: skip


def _column(table, given):
    """A column as the user writes it: its name, else its number from 1; None is the last."""
    if given is None or given in table.columns or not given.lstrip("-").isdecimal():
        return given
    number, n = int(given), len(table.columns)
    if not 1 <= number <= n:
        raise InvalidInputError(
            f"{table.source!r} has no column {number}; its columns are numbered 1 to {n}"
        )
    return number - 1


def _task(y, name, task):
    """The task and the reason for it."""
    text = y.dtype.kind == "O"
    if task == "regression" and text:
        row = next(row for row, cell in enumerate(y) if not is_number(cell))
        raise InvalidInputError(
            f"target {name!r} holds text, such as {y[row]!r} in row {row + 1}; regression needs "
            "numbers: correct the cell, or use --task classification"
        )
    if text:
        _look_for_misread_numbers(y, name)
    if task is not None:
        return task, "as asked for"
    if text:
        return "classification", f"guessed: target {name!r} is text"
    n_values = len(np.unique(y))
    if looks_like_classes(y):
        return TASKS[0], f"guessed: target {name!r} has only {n_values} different whole numbers"
    return TASKS[1], f"guessed: target {name!r} has {_counted(n_values, 'different number')}"


def _look_for_misread_numbers(y, name):
    """A text target that was probably meant to be numeric."""
    if all(is_number(cell.replace(",", ".", 1)) for cell in y):
        comma = next(cell for cell in y if "," in cell)
        raise InvalidInputError(
            f"target {name!r} has numbers with a comma, such as {comma!r}; write them with a "
            "decimal point, and thousands without a separator"
        )
    _warn_of_few_words(y, f"target {name!r}")


def _warn_of_few_words(values, what):
    """A text column most of whose cells are numbers."""
    odd = [row for row, cell in enumerate(values) if not is_number(cell)]
    if 2 * len(odd) < len(values):
        _warn(
            f"{what} counts as text because of {_counted(len(odd), 'cell')} such as "
            f"{values[odd[0]]!r} in row {odd[0] + 1}, all other cells are numbers; if it is meant "
            "to be numeric, correct them"
        )


def _classes(y, name):
    """Names of the classes, and the number of the class of every row."""
    if y.dtype.kind == "O":
        values = sorted(set(y.tolist()))
        numbers = {value: number for number, value in enumerate(values)}
        codes = np.array([numbers[value] for value in y.tolist()], dtype=np.int64)
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
            + ("" if y.dtype.kind == "O" else ", or use --task regression")
        )
    return tuple(map(_class_name, values)), codes


def _class_name(value):
    """The name of a class; 1.0 is called 1."""
    if isinstance(value, str):
        return value
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _held_out(n, fraction, generator):
    """Mask of the test rows: the fraction, at least one row and at most all but one."""
    test = np.zeros(n, dtype=bool)
    n_test = min(n - 1, max(1, round(fraction * n))) if fraction else 0
    test[generator.permutation(n)[:n_test]] = True
    return test


def _stratified(codes, fraction, generator):
    """Mask of the test rows: of every class its share, and one row at least left to train."""
    test = np.zeros(len(codes), dtype=bool)
    if not fraction:
        return test
    order = generator.permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]  # class by class, shuffled inside
    counts = np.bincount(codes)
    exact = fraction * counts
    share = np.minimum(np.floor(exact), counts - 1).astype(np.intp)
    missing = max(1, round(fraction * len(codes))) - share.sum()
    # what rounding down left over goes to the classes that lost most by it
    remainder = np.where(share < counts - 1, exact - share, -1.0)
    for code in np.argsort(-remainder, kind="stable")[: max(0, missing)]:
        share[code] += remainder[code] >= 0
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    for start, n_test in zip(first, share, strict=True):
        test[order[start : start + n_test]] = True
    return test


def _warn(text):
    """Tell what will work, but probably not as intended."""
    warnings.warn(text, DeltaloopWarning, stacklevel=3)


def _feature_names(data: Dataset) -> tuple[str, ...]:
    """Names of the inputs, numbered where the data set has none."""
    return data.feature_names or tuple(f"x{i}" for i in range(1, data.X.shape[1] + 1))


def _parts(n_train, n_test):
    """How the rows are divided, in words."""
    return f"{n_train} training + {_counted(n_test, 'test row')}"


def _counted(n: int, what: str) -> str:
    """A number of things in words."""
    return f"{n} {what}" + ("s" if n != 1 else "")
