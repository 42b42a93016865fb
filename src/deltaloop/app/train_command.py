"""`deltaloop train` from the options to the report."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..console.endings import NETWORK
from ..console.outputs import check_output, check_picture
from ..console.terminal import print_rows, print_table, status
from ..errors import InvalidInputError
from ..tabular.targets import parted
from . import class_tables, importance, intervals, report, scores
from .holdout import Choice
from .kept_reading import KEY, kept_options
from .modelling import Settings
from .plots import draw
from .preparing import prepared
from .problems import Reading, open_problem
from .recipe import train_by_recipe
from .streaming import train_streaming
from .textbook import train_by_the_book
from .trained import outputs

_DEFAULT = "digits"


@dataclass(frozen=True)
class Wanted:
    """What to do beside training, and where results go."""

    simple: bool = False
    stream: bool = False
    budget: float | None = None
    compare: bool = False
    explain: bool = False
    plot: str | None = None
    save: str | None = None


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
    if wanted.stream:
        trained = train_streaming(data, reading, choice, settings)
    else:
        problem = open_problem(data or (None if reading.query else _DEFAULT), reading, choice)
        by_the_book = wanted.simple or bool(given)
        if by_the_book and problem.question.parts:
            option = f"--{given[0].replace('_', '-')}" if given else "--simple"
            raise InvalidInputError(
                f"{option} is for the textbook network, which learns one target, or several that "
                "are values; leave it out, or name one --target"
            )
        if problem.groups is not None and settings.validation is not None:
            raise InvalidInputError(
                "--validation draws rows at random, --group keeps them together; leave one out"
            )
        preparation, X, X_test = prepared(problem, by_the_book)
        train = train_by_the_book if by_the_book else train_by_recipe
        trained = train(problem, preparation, X, X_test, settings, wanted)
    kept = kept_options(reading, trained.problem.train, trained.preparation.names)
    trained.net.metadata = trained.metadata() | ({KEY: kept} if kept else {})
    _add_interval(trained)
    errors = []  # told after the report, which cost more
    if wanted.save is not None:
        errors += _failed(lambda: trained.net.save(wanted.save))
    interrupted = trained.interrupted
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
    if wanted.plot is not None and trained.history is not None and len(trained.history):
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
    if wanted.save is not None:
        check_output("--save", wanted.save, *filter(None, [data]), written=NETWORK)
    if wanted.plot is not None:
        check_picture("--plot", wanted.plot, *filter(None, (data, wanted.save)))
    if wanted.budget is not None and (wanted.simple or wanted.stream or given):
        option = "--simple" if wanted.simple else "--stream"
        if given:
            option = f"--{given[0].replace('_', '-')}"
        raise InvalidInputError(
            f"--budget is for the recipe, {option} for the textbook network, which takes "
            "--max-seconds; leave one of them out"
        )


def _add_interval(trained):
    """Keep with the network how far its predictions of values are off in rows it has not seen."""
    question = trained.problem.question
    of_values = [k for k, part in enumerate(question.parts) if part.values is None]
    if question.values is not None or (question.parts and not of_values):
        return

    def values(out):
        if question.parts:
            out = np.hstack([parted(out, question.kinds)[k] for k in of_values])
        return out

    def true(y):
        return y[:, of_values] if question.parts else y

    found = None
    if trained.is_tested:
        part = trained.parts[-1]
        found = intervals.interval(values(part.out), true(part.y), "test rows")
    if found is None and trained.held is not None:
        y, out = trained.held
        found = intervals.interval(values(out), true(y), "rows held back in training")
    if found is not None:
        trained.net.metadata["interval"] = found


def _failed(write):
    """Write a file; the error of the system, if there is one."""
    try:
        write()
    except OSError as error:
        return [error]
    return []


def _class_tables(trained):
    """Recall of every class and what is taken for what, where classes are uneven."""
    question, part = trained.problem.question, trained.parts[-1]
    if not question.parts:
        return _tables_of(part.name, part.out, part.y, question)
    tables = []
    outs = parted(part.out, question.kinds)
    for one, out, y in zip(question.parts, outs, part.y.T, strict=True):
        tables += _tables_of(part.name, out, y.astype(np.int64), one, f" of {one.names[0]!r}")
    return tables


def _tables_of(rows, out, y, question, of=""):
    """Those of one target."""
    classes = question.classes
    if classes is None or not scores.is_uneven(y, len(classes)):
        return []
    counts = scores.confusion(out, y)
    return [
        (f"{rows} rows by class{of}", *class_tables.recall_table(counts, classes)),
        (
            f"{rows} rows by true and predicted class{of}",
            *class_tables.confusion_table(counts, classes),
        ),
    ]


def _importances(trained):
    """The table of --explain."""
    part = trained.parts[-1]

    def scored(X, y):
        return trained.scores_of(outputs(trained.net, X, trained.problem.logs), y)

    return importance.table(part.name, scored, part.X, part.y, trained.preparation.of_column)
