"""`deltaloop train` from the options to the report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..console.outputs import check_output
from ..console.terminal import print_lines, print_rows, print_table, progress_bar, status
from ..errors import InvalidInputError
from ..kernels.functions import LOSSES
from ..network import Network
from ..tabular import Preparation
from ..training.history import History
from . import class_tables, importance, intervals, modelling, report, scores
from .holdout import Choice
from .modelling import Settings
from .plots import check_plot, draw
from .preparing import prepared
from .problems import Problem, Reading, open_problem
from .scores import Score
from .tasks import counted

_DEFAULT = "digits"


@dataclass(frozen=True)
class Wanted:
    """What to do beside training, and where results go."""

    simple: bool = False
    budget: float | None = None
    compare: bool = False
    explain: bool = False
    plot: str | None = None
    save: str | None = None


@dataclass(frozen=True, eq=False)
class Part:
    """Rows that are scored: their name, inputs, targets, and what the network makes of them."""

    name: str
    X: np.ndarray
    y: np.ndarray
    out: np.ndarray


@dataclass
class Trained:
    """A network after its training, and what the report says of it."""

    problem: Problem
    preparation: Preparation
    net: Network
    history: History
    parts: list[Part]  # the training rows, and those to test with if there are any
    rows: report.Rows = field(default_factory=list)  # before the scores
    more_rows: report.Rows = field(default_factory=list)  # after them
    losses: dict[str, float] = field(default_factory=dict)  # of the textbook network, by part
    compare: Callable[[], report.Rows] | None = None

    @property
    def is_tested(self) -> bool:
        """Whether there are test rows."""
        return len(self.parts) > 1

    def scores_of(self, out: np.ndarray, y: np.ndarray) -> list[Score]:
        """Scores of outputs."""
        classes = self.problem.classes
        if classes is None:
            names = self.problem.question.names
            return scores.value_scores(out, y, self.problem.y_train, names)
        counts = np.bincount(self.problem.y_train, minlength=len(classes))
        probable = not LOSSES[self.net.loss_name].is_distance
        return scores.class_scores(out, y, counts / counts.sum(), probable)

    def score_rows(self) -> report.Rows:
        """Scores of both parts, each with that of the best constant answer."""
        rows = []
        for part in self.parts:
            if part.name in self.losses:
                rows.append(report.loss_row(part.name, self.losses[part.name], self.net))
            rows += report.score_rows(part.name, self.scores_of(part.out, part.y))
        return rows if self.is_tested else [*rows, ("test", "no test part")]


def _outputs(net, X):
    """Probabilities of classes, or values."""
    return modelling.probabilities(net, net.predict(X))


def run(
    data: str | None, reading: Reading, choice: Choice, settings: Settings, wanted: Wanted,
    given: Sequence[str] = (),
) -> bool:  # fmt: skip
    """Train, report and save; whether Ctrl-C ended it.

    Parameters
    ----------
    given : sequence of str
        The options of the textbook network that the user wrote; any of them asks for it.
    """
    _check(data, wanted, given)
    problem = open_problem(data or (None if reading.query else _DEFAULT), reading, choice)
    train = _textbook if wanted.simple or given else _recipe
    preparation, X, X_test = prepared(problem, plainly=train is _textbook)
    trained = train(problem, preparation, X, X_test, settings, wanted)
    _add_interval(trained)
    errors = []  # told after the report, which cost more
    if wanted.save is not None:
        errors += _failed(lambda: trained.net.save(wanted.save))
    interrupted = trained.history.stop_reason == "interrupted"
    rows = [*trained.rows, *trained.score_rows(), *report.interval_rows(trained.net)]
    rows += trained.more_rows
    tables = _class_tables(trained)
    try:
        if wanted.explain and not interrupted:
            with status("shuffling columns"):
                tables.append(_importances(trained))
        if wanted.compare and not interrupted and trained.compare is not None:
            with status("timing the same epoch with NumPy"):
                rows += trained.compare()
    except KeyboardInterrupt:
        interrupted = True
    if wanted.save is not None and not errors:
        rows.append(("saved", wanted.save))
    if wanted.plot is not None and len(trained.history):
        failed = _failed(lambda: draw(trained.history, wanted.plot))
        rows += [] if failed else [("drawn", wanted.plot)]
        errors += failed
    print_rows(rows)
    for table in tables:
        print_table(*table)
    if errors:
        raise errors[0]
    return interrupted


def _check(data, wanted, given):
    """Refuse, before anything is read, what cannot be written and options that exclude others."""
    inputs = [] if data is None else [data]
    if wanted.save is not None:
        check_output("--save", wanted.save, *inputs)
    if wanted.plot is not None:
        check_plot(wanted.plot, *inputs, *([] if wanted.save is None else [wanted.save]))
    if wanted.budget is not None and (wanted.simple or given):
        option = "--simple" if wanted.simple else f"--{given[0].replace('_', '-')}"
        raise InvalidInputError(
            f"--budget is for the recipe, {option} for the textbook network, which takes "
            "--max-seconds; leave one of them out"
        )
    if wanted.budget is not None:
        raise InvalidInputError("--budget needs the recipe, which is not there yet; leave it out")


def _textbook(problem, preparation, X, X_test, settings, wanted) -> Trained:
    net = modelling.build(problem, preparation, X, settings)
    optimizer = modelling.build_optimizer(problem, settings)
    batch_size = modelling.batch_size(problem, settings)
    n_epochs = modelling.epochs(problem, settings)
    _print_opening(problem, preparation, X)
    examples = modelling.examples(net, X, problem.y_train)
    with progress_bar(n_epochs, len(X)) as progress:
        history = modelling.train(net, examples, problem, settings, optimizer, progress)
    parts = [Part("train", X, problem.y_train, _outputs(net, examples.X))]
    losses = {"train": net.loss(examples.X, examples.Y)}
    if X_test is not None:
        tests = modelling.examples(net, X_test, problem.y_test)
        parts.append(Part("test", X_test, problem.y_test, _outputs(net, tests.X)))
        losses["test"] = net.loss(tests.X, tests.Y)
    trained = Trained(
        problem, preparation, net, history, parts,
        rows=report.model_rows(net, history, n_epochs),
        more_rows=[
            *report.watched_rows(history),
            *report.speed_rows(net, history, len(X), batch_size),
        ],
        losses=losses,
    )  # fmt: skip
    if net.backend_name != "reference":

        def compare():
            found = modelling.compare(net, examples, problem, settings, optimizer)
            return report.comparison_rows(net, found) if found else []

        trained.compare = compare
    return trained


def _print_opening(problem, preparation, X):
    """What is about to be learned, and what was done to which column."""
    n_classes = f", {len(problem.classes)} classes" if problem.classes else ""
    question = problem.question
    print_lines(
        f"data: {problem.title}, {counted(X.shape[1], 'input')}{n_classes}",
        f"task: {question.task} ({question.reason})",
        *(f"rows: {note}" for note in problem.notes),
        *report.column_lines(preparation),
    )


def _add_interval(trained):
    """Keep with the network how far its predictions of values are off in the test rows."""
    if trained.problem.classes is None and trained.is_tested:
        found = intervals.interval(trained.parts[-1].out, trained.parts[-1].y)
        if found is not None:
            trained.net.metadata = {**trained.net.metadata, "interval": found}


def _failed(write):
    """Write a file; the error of the system, if there is one."""
    try:
        write()
    except OSError as error:
        return [error]
    return []


def _class_tables(trained):
    """Recall of every class and what is taken for what, where classes are uneven."""
    classes = trained.problem.classes
    if classes is None:
        return []
    part = trained.parts[-1]
    if not scores.is_uneven(part.y, len(classes)):
        return []
    counts = scores.confusion(part.out, part.y)
    return [
        (f"{part.name} rows by class", *class_tables.recall_table(counts, classes)),
        (
            f"{part.name} rows by true and predicted class",
            *class_tables.confusion_table(counts, classes),
        ),
    ]


def _importances(trained):
    """The table of --explain."""
    part = trained.parts[-1]

    def scored(X, y):
        return trained.scores_of(_outputs(trained.net, X), y)

    return importance.table(part.name, scored, part.X, part.y, trained.preparation.of_column)


_recipe = _textbook
