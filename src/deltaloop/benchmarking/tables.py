"""`deltaloop bench --tables`: how good networks of the default are on tables, beside others.

Errors are shares of wrong classes, or root mean squares; the mean over the splits counts. Two
errors are compared by their quotient; one of 0 counts as half a row of all tests. Times are
processor time of training and prediction, preparation included, one thread.
"""

import json
import warnings
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from time import process_time, strftime

import numpy as np

from ..console.figures import significant
from ..errors import DeltaloopWarning
from ..interop.whole_file import whole_file
from ..tabular import Preparation, Recipe
from ..text import aligned
from ..version import __version__
from .machine import processor_name
from .table_data import Problem, classification_problems, regression_problems
from .table_peers import Answer, deltaloop, installed

FORMAT = 1
SPLITS = 2
OURS, BASE = "deltaloop", "MLP"


@dataclass
class TableResult:
    """One table: for every peer its error and its seconds in every split."""

    name: str
    n_rows: int
    n_columns: int
    n_classes: int | None
    n_tested: int
    errors: dict[str, list[float]] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def error(self, peer: str) -> float:
        """The mean of the splits, at least half a row."""
        least = 0.5 / self.n_tested if self.n_classes else 1e-12
        return max(float(np.mean(self.errors[peer])), least)


@dataclass
class TableResults:
    """All tables of one task."""

    task: str
    processor: str
    version: str = __version__
    date: str = field(default_factory=lambda: strftime("%Y-%m-%d"))
    tables: list[TableResult] = field(default_factory=list)

    @property
    def peers(self) -> list[str]:
        """Who took part, in the order in which they did."""
        return list(self.tables[0].errors) if self.tables else []

    def ratios(self, peer: str, base: str = BASE) -> np.ndarray:
        """Error over that of `base`, table by table."""
        return np.array([one.error(peer) / one.error(base) for one in self.tables])

    def mean_ratio(self, peer: str, base: str = BASE) -> tuple[float, float]:
        """The geometric mean of the ratios, and its standard error.

        With the logarithms l of n tables it is exp(mean l), and that times std(l) / sqrt(n).
        """
        logarithms = np.log(self.ratios(peer, base))
        mean = float(np.exp(logarithms.mean()))
        n = len(logarithms)
        return mean, mean * float(logarithms.std(ddof=1)) / n**0.5 if n > 1 else np.nan

    def ranks(self, among: Iterable[str]) -> dict[str, float]:
        """The mean rank; equal errors share theirs."""
        names = list(among)
        errors = np.array([[one.error(name) for name in names] for one in self.tables])
        below = (errors[:, None, :] < errors[:, :, None]).sum(axis=2)
        equal = (errors[:, None, :] == errors[:, :, None]).sum(axis=2)
        return dict(zip(names, (below + (equal + 1) / 2).mean(axis=0), strict=True))

    def times(self, peer: str) -> np.ndarray:
        """Seconds, table by table."""
        return np.array([np.mean(one.seconds[peer]) for one in self.tables])

    def lines(self) -> list[str]:
        """The results as text."""
        if not self.tables:
            return []
        base = BASE if BASE in self.peers else self.peers[0]
        ranks = self.ranks(self.peers)
        rows = [("", "error ratio", "+-", "better", "worse", "mean rank", "median s", "longest s")]
        for peer in self.peers:
            seconds = self.times(peer)
            ratios, (mean, deviation) = self.ratios(peer, base), self.mean_ratio(peer, base)
            rows.append(
                (
                    peer, f"{mean:.3f}", f"{deviation:.3f}" if len(ratios) > 1 else "",
                    str(int((ratios < 1).sum())), str(int((ratios > 1).sum())),
                    f"{ranks[peer]:.2f}", significant(float(np.median(seconds))),
                    significant(float(seconds.max())),
                )
            )  # fmt: skip
        head = (
            f"{self.task}: {len(self.tables)} tables, {SPLITS} splits; error ratio is the "
            f"geometric mean of error / error of {base}, +- its standard error over the tables; "
            f"{self.processor}, one thread"
        )
        return [head, *aligned(rows, ">" * len(rows[0]))]


def run(
    problems: Iterable[Problem],
    task: str,
    processor: str,
    answers: dict[str, Answer] | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> TableResults:
    """Let everybody learn every table."""
    answers = installed() if answers is None else answers
    found = TableResults(task, processor)
    for problem in problems:
        found.tables.append(_table(problem, answers))
        one = found.tables[-1]
        tell(f"{one.name}: " + ", ".join(f"{p} {one.error(p):.4g}" for p in one.errors))
    return found


def _table(problem, answers):
    """One table, all peers on the same splits."""
    splits = list(problem.splits(SPLITS))
    result = TableResult(
        problem.name, len(problem.y), len(problem.table.columns), problem.n_classes,
        sum(len(test) for _, test in splits),
    )  # fmt: skip
    for rows, test in splits:
        table, later = problem.table.take(rows), problem.table.take(test)
        # row numbers and names are for nobody
        used = set(Preparation.fit(table).names)
        ignored = [name for name in table.columns if name not in used]
        table, later = _without(table, ignored), _without(later, ignored)
        for name, answer in answers.items():
            began = process_time()
            with warnings.catch_warnings():
                # of peers that stop after their default number of epochs; of values not seen
                warnings.simplefilter("ignore")
                out = answer(table, problem.y[rows], later, problem.n_classes)
            result.seconds.setdefault(name, []).append(process_time() - began)
            result.errors.setdefault(name, []).append(_error(out, problem.y[test]))
    return result


def _without(table, names):
    kept = [k for k, name in enumerate(table.columns) if name not in names]
    return type(table)(
        tuple(table.columns[k] for k in kept), [table.values[k] for k in kept], table.source
    )


def _error(out, y):
    if y.ndim == 1:
        return float(np.mean(out != y))
    return float(np.sqrt(np.mean(np.square(out - y))))


def variants(is_classes: bool) -> dict[str, Callable[[Recipe], Recipe]]:
    """What the ablation changes of the recipe, one thing at a time."""

    def with_(**changes):
        return lambda recipe: replace(recipe, **changes)

    changed = {
        "1 network": with_(members=1),
        "3 networks": with_(members=3),
        "3 networks of shorter lengths": with_(of_shorter=3),
        "batches of 16": with_(batch_size=16),
        ("batches of 256" if is_classes else "batches of 32"): with_(
            batch_size=256 if is_classes else 32
        ),
        ("2 tell the length" if is_classes else "3 tell the length"): with_(
            tried=2 if is_classes else 3
        ),
        "all epochs": with_(lengths=(1.0,)),
        "four waves": with_(waves=True),
        "best epoch of each": with_(keeps="best"),
        "selu": with_(activation="selu"),
        "relu": with_(activation="relu"),
        ("input scales" if is_classes else "no input scales"): with_(
            of_scales=6.0 if is_classes else 0.0
        ),
        "biases start at 0": with_(initial_bias=0.0),
        "biases as weights": with_(of_biases=1.0),
        ("no dropout" if is_classes else "dropout 0.15"): with_(
            dropout=0.0 if is_classes else 0.15
        ),
        "half the width": lambda r: replace(r, widths=tuple(w // 2 for w in r.widths)),
        "twice the width": lambda r: replace(r, widths=tuple(2 * w for w in r.widths)),
        "one hidden layer more": lambda r: replace(r, widths=(*r.widths, r.widths[-1])),
        "half the epochs": lambda r: replace(r, epochs=max(1, r.epochs // 2)),
        "twice the epochs": lambda r: replace(r, epochs=2 * r.epochs),
    }
    if is_classes:
        changed["no label smoothing"] = with_(smoothing=0.0)
    return changed


def ablation(is_classes: bool) -> dict[str, Answer]:
    """The default, and every variant of it."""
    changed = {name: deltaloop(change) for name, change in variants(is_classes).items()}
    return {OURS: deltaloop(), **changed}


def bench(
    ablate: bool, quick: bool, tell: Callable[[str], None] = lambda text: None
) -> list[TableResults]:
    """Both tasks, on every table, or every fifth one if it has to be quick; one thread."""
    found = []
    with _one_thread():
        for task, problems, is_classes in (
            ("classification", classification_problems(), True),
            ("regression", regression_problems(), False),
        ):
            answers = ablation(is_classes) if ablate else installed()
            chosen = islice(problems, 0, None, 5 if quick else 1)
            found.append(run(chosen, task, processor_name(), answers, tell))
    return found


def _one_thread() -> AbstractContextManager:
    """One thread in every pool of what is loaded; scikit-learn brings threadpoolctl."""
    with suppress(ImportError):
        import sklearn.ensemble  # noqa: F401 - its OpenMP has to be loaded before it is limited
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        warnings.warn(
            "threadpoolctl is not installed, so libraries may use several threads, and their times "
            "are not those of one; pip install threadpoolctl",
            DeltaloopWarning,
            stacklevel=3,
        )
        return nullcontext()
    return threadpool_limits(1)


def save(path: str, results: Iterable[TableResults]) -> None:
    """Write JSON, whole or not at all."""
    with whole_file(path, "w") as file:
        json.dump({"format": FORMAT, "tasks": [asdict(one) for one in results]}, file, indent=1)
        file.write("\n")
