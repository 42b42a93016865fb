"""From a file or a bundled data set to a learning problem: two tables and their targets."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from .. import datasets
from ..datasets import Dataset
from ..errors import InvalidInputError
from ..tables import Table, Text, read
from ..tables.cells import missing_cells
from ..tabular.choosing import counts_rows
from .columns import cells_of, named_columns, values_of
from .holdout import FEW_ROWS, TEST_FRACTION, Choice, held_out_rows
from .tasks import Question, check_task, counted, question, warn, warn_of_few_words


@dataclass(frozen=True)
class Reading:
    """How a table is read and which of its columns are used: options of `deltaloop train`."""

    target: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    header: bool | None = None
    query: str | None = None
    task: str | None = None
    max_memory: float | None = None


_PLAIN = Reading()


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows to learn from and rows to test with, in the units of the user.

    Attributes
    ----------
    title : str
        Where the rows come from and how they are divided, for the reader.
    question : Question
        Task, names of targets and of classes. Its y has all rows.
    train, test : Table
        The rows of both parts, all columns; `test` is None without a test part.
    y_train, y_test : ndarray
        Class numbers, shape (n_rows,), or values, shape (n_rows, n_targets).
    keep, ignore : tuple of str
        Columns that are inputs whatever they hold, and columns that are none.
    row_numbers : tuple of str
        Columns that count the rows of the table, and are no inputs for that.
    notes : tuple of str
        What was done to rows, for the reader.
    is_bundled : bool
        Whether it is one of `deltaloop.datasets`.
    """

    title: str
    question: Question
    train: Table
    y_train: np.ndarray
    test: Table | None
    y_test: np.ndarray
    keep: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    row_numbers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    is_bundled: bool = False

    @property
    def targets(self) -> tuple[str, ...]:
        """Target columns of the table; none for bundled data, whose targets are no column."""
        return tuple(name for name in self.question.names if name in self.train.columns)

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Names of the classes; None for values."""
        return self.question.classes


def open_data(
    data: str | None, reading: Reading = _PLAIN, known: Sequence[str] = ()
) -> Table | Dataset:
    """The bundled data set of this name, else the table in the file, or that of a query.

    `known` are names of columns that a network has: a first row of them is a header, whatever
    they look like.
    """
    if data is None or reading.query is not None:
        raise InvalidInputError("--query is not there yet; leave it out")
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
    return read(data, header=reading.header, max_memory=reading.max_memory)


def feature_table(data: str | None, reading: Reading = _PLAIN, known: Sequence[str] = ()) -> Table:
    """The table to predict from: a file, or the inputs of a bundled data set."""
    opened = open_data(data, reading, known)
    return opened if isinstance(opened, Table) else _as_table(opened, opened.X)


def _as_table(data, X):
    names = data.feature_names or tuple(f"x{i}" for i in range(1, X.shape[1] + 1))
    return Table(names, list(X.T.astype(np.float64)), data.name)


def open_problem(data: str | None, reading: Reading, choice: Choice) -> Problem:
    """Read the data and divide it.

    Raises
    ------
    InvalidInputError, FileFormatError
        What does not fit.
    """
    check_task(reading.task)
    opened = open_data(data, reading)
    if isinstance(opened, Table):
        return _from_table(opened, reading, choice)
    for option, given in (
        ("--target", reading.target),
        ("--ignore", reading.ignore),
        ("--keep", reading.keep),
        ("--header", reading.header is not None),
        ("--test-fraction", choice.fraction is not None),
        ("--test", choice.way),
        ("--group", choice.group),
    ):
        if given:
            raise InvalidInputError(
                f"{option} is for tables, but {data!r} is a bundled data set with a fixed target "
                f"and test part; leave {option} out, or give a file"
            )
    return _from_dataset(opened, reading.task)


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
        else f"{counted(data.n_train, 'training row')}, a complete table without a test part"
    )
    y, y_train, y_test = data.y, data.y_train, data.y_test
    if classes is None:
        y, y_train, y_test = (
            each.reshape(len(each), -1).astype(np.float64) for each in (y, y_train, y_test)
        )
        names = ("y",) if y.shape[1] == 1 else tuple(f"y{k}" for k in range(1, y.shape[1] + 1))
    else:
        names = ("class",)
    return Problem(
        f"{data.name}, {parts}",
        Question(
            names, "regression" if classes is None else "classification",
            "that of the bundled data set" if task is None else "as asked for", y, classes,
        ),
        _as_table(data, data.X_train), y_train,
        _as_table(data, data.X_test) if n_test else None, y_test if n_test else y_test[:0],
        is_bundled=True,
    )  # fmt: skip


def _from_table(table, reading, choice) -> Problem:
    """The problem of a table, divided as the options say."""
    names = named_columns(table, reading.target) or [table.columns[-1]]
    ignore, keep = named_columns(table, reading.ignore), named_columns(table, reading.keep)
    group = named_columns(table, [choice.group])[0] if choice.group is not None else None
    _check_roles(names, ignore, keep, group)
    notes = list(table.notes)
    row_numbers = _row_numbers(table, {*names, *ignore, *keep, group})
    table, n_left_out = _with_targets(table, names)
    if n_left_out:
        notes.append(f"{counted(n_left_out, 'row')} without target left out")
    if table.n_rows < 2:
        raise InvalidInputError(f"{table.source!r} has a single row; training needs at least 2")
    asked = question(table, names, reading.task)
    for name in table.columns:
        values = values_of(table, name)
        if isinstance(values, Text) and name not in (*names, *ignore, *keep, group):
            warn_of_few_words(values, f"column {name!r}")
    groups = None if group is None else cells_of(values_of(table, group))
    codes = asked.y if asked.classes is not None else None
    test = held_out_rows(table.n_rows, choice, codes, groups)
    if codes is not None and choice.way == "last":
        _warn_of_untrained(codes[~test], asked.classes)
    n_test = int(np.count_nonzero(test))
    if group is not None:
        notes.append(f"rows of one {group!r} are in one part; it is no input")
        ignore = [*ignore, *([] if group in ignore else [group])]
    if choice.way == "last":
        notes.append("the test rows are the last ones, so the table should be in order of time")
    return Problem(
        f"{table.source}, {_divided(table.n_rows, n_test, choice)}", asked,
        table.take(~test), asked.y[~test],
        table.take(test) if n_test else None, asked.y[test],
        tuple(keep), tuple(ignore), row_numbers, tuple(notes),
    )  # fmt: skip


def _check_roles(targets, ignore, keep, group):
    """Refuse a column that shall be two things at once."""
    roles: list[tuple[str, Sequence[str]]] = [
        ("the target", targets),
        ("ignored (--ignore)", ignore),
        ("kept as an input (--keep)", keep),
        ("the group (--group)", [] if group is None else [group]),
    ]
    may_be_both = {(1, 3)}
    for k, (first, names) in enumerate(roles):
        for j, (second, others) in enumerate(roles[k + 1 :], k + 1):
            for name in names:
                if name in others and (k, j) not in may_be_both:
                    raise InvalidInputError(
                        f"column {name!r} is {first} and cannot be {second} as well; "
                        "leave one of them out"
                    )


def _row_numbers(table, others):
    """Columns that count rows, beside the `others`; none where nothing else would be left."""
    inputs = [name for name in table.columns if name not in others]
    found = [
        name
        for name in inputs
        if values_of(table, name).dtype.kind == "f" and counts_rows(name, values_of(table, name))
    ]
    return tuple(found) if len(found) < len(inputs) else ()


def _with_targets(table, names):
    """The rows none of whose targets is missing, and the number of the others."""
    absent = np.zeros(table.n_rows, dtype=bool)
    for name in names:
        missing = missing_cells(values_of(table, name))
        if missing.all():
            raise InvalidInputError(
                f"target {name!r} of {table.source!r} is missing in every row; "
                "choose another column with --target"
            )
        absent |= missing
    if absent.all():
        raise InvalidInputError(
            f"no row of {table.source!r} has all of the targets {', '.join(map(repr, names))}; "
            "train a network for each of them"
        )
    return (table.take(~absent) if absent.any() else table), int(absent.sum())


def _warn_of_untrained(codes, classes):
    lacking = [name for k, name in enumerate(classes) if not (codes == k).any()]
    if lacking:
        warn(
            f"{'classes' if len(lacking) > 1 else 'class'} {', '.join(map(repr, lacking[:8]))} "
            f"{'occur' if len(lacking) > 1 else 'occurs'} in the test rows alone, so that nothing "
            "is learned of it; a smaller --test-fraction or --test random may change that"
        )


def _divided(n, n_test, choice):
    if not n_test and n < FEW_ROWS and choice.fraction is None:
        return (
            f"{counted(n, 'training row')}, too few for a test part "
            f"(--test-fraction {TEST_FRACTION} makes one)"
        )
    return _parts(n - n_test, n_test)


def _parts(n_train, n_test):
    """How the rows are divided, in words."""
    return f"{n_train} training + {counted(n_test, 'test row')}"
