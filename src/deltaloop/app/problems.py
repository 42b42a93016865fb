"""From a file or a bundled data set to a learning problem: two tables and their targets."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

import numpy as np

from .. import datasets
from ..datasets import Dataset
from ..errors import InvalidInputError, unknown_name
from ..tables import Table, read, read_query
from ..tables.cells import shortened
from ..tabular.arrays import groups_of
from ..tabular.choosing import counts_rows
from ..tabular.preparation import ENCODINGS
from ..tabular.targets import TASKS, Target
from .columns import named_columns, values_of
from .holdout import FEW_ROWS, TEST_FRACTION, Choice, held_out_rows
from .tasks import counted, question, warn


@dataclass(frozen=True)
class Reading:
    """How a table is read and which of its columns are used: options of `deltaloop train`."""

    target: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    task: str | None = None
    header: bool | None = None
    text: tuple[str, ...] = ()
    decimal: str | None = None
    skip_bad_lines: bool = False
    query: str | None = None
    log_target: bool = False
    max_memory: float | None = None
    numbers: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    encode: tuple[str, ...] = ()

    @property
    def of_files(self) -> tuple[tuple[str, bool], ...]:
        """The options that say how a file is read, and whether they were given."""
        return (
            ("--header", self.header is not None), ("--text", bool(self.text)),
            ("--decimal", self.decimal is not None), ("--skip-bad-lines", self.skip_bad_lines),
            ("--numbers", bool(self.numbers)), ("--missing", bool(self.missing)),
        )  # fmt: skip

    def for_files(self) -> dict[str, Any]:
        """What `tables.read` and `tables.batches` are told."""
        return {
            "header": self.header, "text": self.text, "decimal": self.decimal,
            "skip_bad_lines": self.skip_bad_lines, "max_memory": self.max_memory,
            "numbers": self.numbers, "missing": self.missing,
        }  # fmt: skip


_PLAIN = Reading()


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows to learn from and rows to test with, in the units of the user.

    Attributes
    ----------
    title : str
        Where the rows come from and how they are divided, for the reader.
    question : Target
        Task, names of targets and of classes. Its y has all rows.
    logs : bool
        Whether the network learns log(1 + y).
    train, test : Table
        The rows of both parts, all columns; `test` is None without a test part.
    y_train, y_test : ndarray
        Class numbers, shape (n_rows,), or values, shape (n_rows, n_targets).
    keep, ignore : tuple of str
        Columns that are inputs whatever they hold, and columns that are none.
    encode : dict of str to str
        What becomes of text with many values, see `tabular.fit`.
    row_numbers : tuple of str
        Columns that count the rows of the table, and are no inputs for that.
    notes : tuple of str
        What was done to rows, for the reader.
    read_notes : tuple of str
        What reading did that is not plain to see.
    is_bundled : bool
        Whether it is one of `deltaloop.datasets`.
    group : str or None
        The column that tells groups, no input.
    groups : ndarray of int or None
        Training rows of one number belong together.
    """

    title: str
    question: Target
    train: Table
    y_train: np.ndarray
    test: Table | None
    y_test: np.ndarray
    keep: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    row_numbers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    read_notes: tuple[str, ...] = ()
    is_bundled: bool = False
    logs: bool = False
    group: str | None = None
    groups: np.ndarray | None = None
    encode: dict[str, str] = field(default_factory=dict)

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
    if reading.query is not None:
        for option, given in reading.of_files:
            if given:
                raise InvalidInputError(
                    f"{option} says how a file is read, but --query takes the result of a query; "
                    f"leave {option} out, and write into the query what shall be changed"
                )
        return read_query(reading.query, data, max_memory=reading.max_memory)
    if data is None:
        raise InvalidInputError("there is no table to read; give a file, or --query")
    if data in datasets.names():
        for option, given in reading.of_files:
            if given:
                raise InvalidInputError(
                    f"{option} is for tables, but {data!r} is a bundled data set, which is read as "
                    f"it is; leave {option} out, or give a file"
                )
        return datasets.load(data)
    plain_name = os.path.basename(data) == data and "." not in data
    if plain_name and data != "-" and not os.path.exists(data):
        near = get_close_matches(data, datasets.names(), n=1)
        raise InvalidInputError(
            f"there is no file and no bundled data set {data!r}; bundled are "
            + ", ".join(datasets.names())
            + (f"; did you mean {near[0]!r}?" if near else "")
        )
    return read(data, expected=known, **reading.for_files())


def feature_table(data: str | None, reading: Reading = _PLAIN, known: Sequence[str] = ()) -> Table:
    """The table to predict from: a file, or the inputs of a bundled data set."""
    return inputs_table(open_data(data, reading, known))


def inputs_table(opened: Table | Dataset) -> Table:
    """The table itself, or one of the inputs of a bundled data set."""
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
    if reading.task is not None and reading.task not in TASKS:
        raise unknown_name("task", reading.task, TASKS)
    opened = open_data(data, reading)
    if isinstance(opened, Table):
        return problem_of(opened, reading, choice)
    for option, given in (
        ("--target", reading.target),
        ("--ignore", reading.ignore),
        ("--keep", reading.keep),
        ("--encode", reading.encode),
        ("--log-target", reading.log_target),
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
        Target(
            names, "regression" if classes is None else "classification",
            "that of the bundled data set" if task is None else "as asked for",
            np.ones(len(y), bool), y, classes,
        ),
        _as_table(data, data.X_train), y_train,
        _as_table(data, data.X_test) if n_test else None, y_test if n_test else y_test[:0],
        is_bundled=True,
    )  # fmt: skip


def problem_of(table: Table, reading: Reading, choice: Choice) -> Problem:
    """The problem of a table, divided as the options say."""
    names = named_columns(table, reading.target) or [table.columns[-1]]
    ignore, keep = named_columns(table, reading.ignore), named_columns(table, reading.keep)
    group = named_columns(table, [choice.group])[0] if choice.group is not None else None
    encode = _encodings(table, reading.encode)
    _check_roles(names, ignore, keep, group)
    _check_roles(names, ignore, list(encode), group, "encoded (--encode)")
    notes: list[str] = []
    row_numbers = _row_numbers(table, {*names, *ignore, *keep, *encode, group})
    if len(table.columns) == len(names):
        raise InvalidInputError(
            f"{table.source!r} has no column beside the target, {shortened(names)}; a table needs "
            "at least one more, to learn from"
        )
    if table.n_rows < 2:
        raise InvalidInputError(f"{table.source!r} has a single row; training needs at least 2")
    asked = question(table, names, reading.task)
    notes += asked.notes
    table = table if asked.rows.all() else table.take(asked.rows)
    groups = None if group is None else groups_of(values_of(table, group))
    codes = _codes(asked)
    test = held_out_rows(table.n_rows, choice, codes, None if groups is None else groups.tolist())
    if choice.way == "last":
        for part in asked.parts or (asked,):
            if part.classes is not None:
                _warn_of_untrained(part.y[~test], part.classes)
    n_test = int(np.count_nonzero(test))
    if group is not None:
        notes.append(f"rows of one {group!r} are in one part; it is no input")
    if choice.way == "last":
        notes.append("the test rows are the last ones, so the table should be in order of time")
    return Problem(
        f"{table.source}, {_divided(table.n_rows, n_test, choice)}", asked,
        table.take(~test), asked.y[~test],
        replace(table.take(test), source=f"test rows of {table.source}") if n_test else None,
        asked.y[test],
        tuple(keep), tuple(ignore), row_numbers, tuple(notes), table.notes,
        logs=_takes_logs(asked, reading), group=group,
        groups=None if groups is None else groups[~test], encode=encode,
    )  # fmt: skip


def _codes(asked):
    """The number of the class of every row, by which rows are divided evenly."""
    for part in asked.parts or (asked,):
        if part.classes is not None:
            return part.y
    return None


def _takes_logs(asked, reading):
    """Whether log(1 + y) is learned in place of y."""
    if not reading.log_target:
        return False
    if asked.values is not None or asked.parts:
        raise InvalidInputError(
            f"--log-target is for values, but the task is {asked.task} ({asked.reason}); "
            "leave it out, or use --task regression"
        )
    if asked.y.min() < 0:
        raise InvalidInputError(
            f"--log-target takes values >= 0, and the target goes down to {asked.y.min():g}; "
            "leave it out"
        )
    return True


def _encodings(table, given):
    """The columns that --encode names, and the way of each."""
    found = {}
    for one in given:
        column, sign, way = one.rpartition("=")
        if not sign or not column:
            raise InvalidInputError(
                f"--encode takes a column and a way, such as city={ENCODINGS[0]}; got {one!r}"
            )
        if way not in ENCODINGS:
            raise unknown_name("--encode", way, ENCODINGS)
        found |= dict.fromkeys(named_columns(table, [column]), way)
    return found


def _check_roles(targets, ignore, keep, group, kept_as="kept as an input (--keep)"):
    """Refuse a column that shall be two things at once."""
    roles: list[tuple[str, Sequence[str]]] = [
        ("the target", targets),
        ("ignored (--ignore)", ignore),
        (kept_as, keep),
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


def _warn_of_untrained(codes, classes):
    lacking = [name for k, name in enumerate(classes) if not (codes == k).any()]
    if lacking:
        noun, verb, pronoun = (
            ("classes", "occur", "them") if len(lacking) > 1 else ("class", "occurs", "it")
        )
        warn(
            f"{noun} {shortened(lacking)} {verb} in the test rows alone, so that nothing is "
            f"learned of {pronoun}; a smaller --test-fraction or --test random may change that"
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
