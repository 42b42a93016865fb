"""Training on a table that is larger than memory: its rows are read anew for every epoch."""

import warnings
from collections.abc import Iterator

import numpy as np

from ..console.terminal import progress_bar, status
from ..datasets import names as bundled
from ..errors import DeltaloopWarning, InvalidInputError
from ..tables import Table, Text, batches
from ..tables.cells import missing_cells
from ..tabular.targets import Target, check_size
from . import modelling, report
from .columns import values_of
from .holdout import TEST_FRACTION, Choice
from .modelling import Settings
from .opening import print_opening
from .preparing import prepared
from .problems import Problem, Reading, problem_of
from .trained import Part, Trained, about, outputs

ROWS = 50_000  # that are in memory
EPOCHS = 5
_MOST_TESTED = 100_000  # rows
_MOST_CLASSES = 1000


class Pieces:
    """A file in tables of 50,000 rows, each divided into rows to train and rows to test with.

    Attributes
    ----------
    problem : Problem
        Its tables are those of the first piece, its targets those of all rows.
    X_train, X_test : ndarray
        Inputs of the training rows of the first piece, and of the test rows of all.
    """

    def __init__(self, data: str | None, reading: Reading, choice: Choice):
        if data is None or reading.query is not None or data in bundled():
            raise InvalidInputError(
                "--stream reads a file that is larger than memory; give a file of text, Parquet or "
                ".npy as DATA, or leave --stream out"
            )
        if choice.way == "last" or choice.group is not None:
            raise InvalidInputError(
                "--stream tests with rows drawn at random; leave "
                f"{'--test last' if choice.way == 'last' else '--group'} out, or --stream"
            )
        if reading.encode:
            raise InvalidInputError("--stream has no --encode; leave one of them out")
        self.data, self.reading, self.choice = data, reading, choice
        first = next(self._tables())
        try:
            self._opening = problem_of(first, reading, Choice(0.0))
        except InvalidInputError as error:
            raise InvalidInputError(
                f"in the first {first.n_rows} rows, by which --stream judges: {error}; a file that "
                "is sorted has to be shuffled first"
            ) from None
        self._names = self._opening.targets
        if self._opening.question.parts:
            raise InvalidInputError(
                "--stream learns one target, or several that are values; name one --target"
            )
        self._is_classes = self._opening.classes is not None
        self._place: dict[str | float, int] = {}  # of classes, in the order of their first rows
        self._look_through(first)

    def _tables(self) -> Iterator[Table]:
        return batches(self.data, ROWS, **self.reading.for_files())

    def _look_through(self, first):
        """Targets of all rows, and the problem that they make; the file is read once."""
        train, test, tested = [], [], []
        first_table = first_y = first_held = None
        for table, y, held in self._divided():
            if first_table is None:
                first_table, first_y, first_held = table, y, held
            train.append(y[~held])
            test.append(y[held])
            if held.any():
                tested.append(table.take(held))
        opening, question = self._opening, self._opening.question
        y_train, y_test = np.concatenate(train), np.concatenate(test)
        values = None
        if self._is_classes:
            values = tuple(sorted(self._place))  # type: ignore[type-var]
            order = np.array([values.index(value) for value in self._place])
            y_train, y_test, first_y = order[y_train], order[y_test], order[first_y]
            self._place = {value: number for number, value in enumerate(values)}
        title = f"{self.data}, {len(y_train)} training + {len(y_test)} test rows, read in pieces"
        notes = (*opening.notes, f"columns are judged by the first {first_table.n_rows} rows")
        self.problem = Problem(
            title,
            Target(question.names, question.task, question.reason, question.rows, y_train, values),
            first_table.take(~first_held), y_train, None, y_test, opening.keep, opening.ignore,
            opening.row_numbers, notes, first.notes, logs=opening.logs,
        )  # fmt: skip
        self.preparation, self.X_train, _ = prepared(self.problem, plainly=False)
        self.y_first = first_y[~first_held]
        self.X_test = None
        if tested:
            self.X_test = np.concatenate([self._inputs(table) for table in tested])

    def _divided(self) -> Iterator[tuple[Table, np.ndarray, np.ndarray]]:
        """The rows of every piece that have targets, their targets, and which are to test with."""
        fraction = TEST_FRACTION if self.choice.fraction is None else self.choice.fraction
        left, n_rows = _MOST_TESTED, 0
        for number, table in enumerate(self._tables()):
            n_before, n_rows = n_rows, n_rows + table.n_rows
            table, y = self._with_targets(table, n_before)
            generator = np.random.default_rng([self.choice.seed, number])
            held = generator.permutation(len(y)) < min(left, round(fraction * len(y)))
            left -= int(held.sum())
            if len(y):
                yield table, y, held

    def _with_targets(self, table, n_before):
        columns = [values_of(table, name) for name in self._names]
        absent = np.any([missing_cells(column) for column in columns], axis=0)
        if absent.all():
            return table, np.zeros(0, np.int64) if self._is_classes else np.zeros((0, len(columns)))
        if not self._is_classes:
            self._check_values(columns, n_before)
        if absent.any():
            table = table.take(~absent)
            columns = [values_of(table, name) for name in self._names]
        if self._is_classes:
            return table, self._numbers(columns[0])
        return table, np.column_stack([table.column(name) for name in self._names])

    def _check_values(self, columns, n_before):
        """Refuse targets that no network learns, with their row."""
        for name, column in zip(self._names, columns, strict=True):
            bad, what = np.isinf(column), "is infinite"
            if self._opening.logs and not bad.any():
                bad, what = column < 0, "is below 0 (--log-target)"
            if bad.any():
                row = n_before + int(bad.argmax()) + 1
                raise InvalidInputError(
                    f"target {name!r} {what} in row {row}; correct the cell or remove the row"
                )
            check_size(name, column[np.isfinite(column)])

    def _numbers(self, column):
        """The number of the class in every row; new ones are counted on."""
        if isinstance(column, Text):
            occurring, codes = column.values, column.codes
        else:
            different, codes = np.unique(column, return_inverse=True)
            occurring = different.tolist()
        used = np.zeros(len(occurring), bool)
        used[codes] = True
        numbers = [
            self._place.setdefault(value, len(self._place)) if is_used else -1
            for value, is_used in zip(occurring, used, strict=True)
        ]
        if len(self._place) > _MOST_CLASSES:
            raise InvalidInputError(
                f"target {self._names[0]!r} has more than {_MOST_CLASSES} classes; choose "
                "another column with --target, or use --task regression"
            )
        return np.array(numbers, np.int64)[codes]

    def _inputs(self, table):
        with warnings.catch_warnings():
            # of values that the first piece has not: told once, in general
            warnings.simplefilter("ignore", DeltaloopWarning)
            return self.preparation.transform(table)

    def training(self, net) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Inputs and targets to train with, in pieces."""
        for table, y, held in self._divided():
            if not held.all():
                y = np.log1p(y[~held]) if self.problem.logs else y[~held]
                yield self._inputs(table.take(~held)), modelling.targets(net, y)


def train_streaming(
    data: str | None, reading: Reading, choice: Choice, settings: Settings
) -> Trained:
    """Train the textbook network on the pieces of a file."""
    with status("looking through the file"):
        pieces = Pieces(data, reading, choice)
    problem = pieces.problem
    net = modelling.build(problem, pieces.X_train, settings)
    net.metadata = about(problem, pieces.preparation)
    net.optimizer = modelling.build_optimizer(problem, settings)
    batch_size = modelling.batch_size(problem, settings)
    n_epochs = settings.epochs or EPOCHS
    print_opening(problem, pieces.preparation, pieces.X_train)
    with progress_bar(n_epochs, len(problem.y_train)) as progress:
        history = net.fit(
            lambda: pieces.training(net), epochs=n_epochs, batch_size=batch_size,
            progress=progress, **modelling.fit_options(settings),
        )  # fmt: skip
    parts = [
        Part("train", pieces.X_train, pieces.y_first, outputs(net, pieces.X_train, problem.logs))
    ]
    if pieces.X_test is not None:
        out = outputs(net, pieces.X_test, problem.logs)
        parts.append(Part("test", pieces.X_test, problem.y_test, out))
    return Trained(
        problem, pieces.preparation, net, parts, history, history.stop_reason == "interrupted",
        rows=report.model_rows(net, history, n_epochs),
        more_rows=[
            ("train scores", f"of the first {len(pieces.y_first)} training rows"),
            *report.speed_rows(net, history, len(problem.y_train), batch_size),
        ],
    )  # fmt: skip
