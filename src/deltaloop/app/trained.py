"""A network after its training, with all that the report tells of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..inputs.validation import Prepared
from ..kernels.functions import LOSSES
from ..network import Network
from ..tabular import Preparation
from ..tabular.scores import as_dict, finite, named
from ..tabular.targets import of_logs, parted, probabilities
from ..training.history import History
from . import report, scores
from .problems import Problem
from .scores import Score


@dataclass(frozen=True, eq=False)
class Part:
    """Rows that are scored: their name, inputs, targets, and what the network makes of them."""

    name: str
    X: np.ndarray
    y: np.ndarray
    out: np.ndarray


@dataclass
class Trained:
    """What training gives.

    Attributes
    ----------
    parts : list of Part
        The training rows, and those to test with if there are any.
    rows, more_rows : list of (str, str)
        Of the report, before and after the scores.
    losses : dict of str to float
        The loss that was trained on, by the name of the part; of the textbook network alone.
    held : (ndarray, ndarray) or None
        Targets of training rows, and what networks that have not seen them say.
    notes : tuple of str
        How it was trained.
    compare : callable or None
        Rows of the comparison with NumPy.
    """

    problem: Problem
    preparation: Preparation
    net: Network
    parts: list[Part]
    history: History | None = None
    interrupted: bool = False
    rows: report.Rows = field(default_factory=list)
    more_rows: report.Rows = field(default_factory=list)
    losses: dict[str, float] = field(default_factory=dict)
    held: tuple[np.ndarray, np.ndarray] | None = None
    notes: tuple[str, ...] = ()
    compare: Callable[[], report.Rows] | None = None

    @property
    def is_tested(self) -> bool:
        """Whether there are test rows."""
        return len(self.parts) > 1

    def scores_of(self, out: np.ndarray, y: np.ndarray) -> list[Score]:
        """Scores of outputs."""
        question, y_train = self.problem.question, self.problem.y_train
        if not question.parts:
            return self._scores_of_one(out, y, y_train, question)
        told = []
        outs = parted(out, question.kinds)
        for part, own, true, seen in zip(question.parts, outs, y.T, y_train.T, strict=True):
            if part.values is None:
                true, seen = true.reshape(-1, 1), seen.reshape(-1, 1)
            else:
                true, seen = true.astype(np.int64), seen.astype(np.int64)
            told += named(self._scores_of_one(own, true, seen, part), part.names[0])
        return told

    def _scores_of_one(self, out, y, y_train, question):
        """Scores of outputs of one target, or of several that are values."""
        if question.values is None:
            return scores.value_scores(out, y, y_train, question.names)
        counts = np.bincount(y_train, minlength=len(question.values))
        row = LOSSES.get(self.net.loss_name)  # that of several targets is none of them
        probable = row is None or not row.is_distance
        return scores.class_scores(out, y, counts / counts.sum(), probable)

    def score_rows(self) -> report.Rows:
        """Scores of every part, each with that of the best constant answer."""
        rows = []
        for part in self.parts:
            if part.name in self.losses:
                rows.append(report.loss_row(part.name, self.losses[part.name], self.net))
            rows += report.score_rows(part.name, self.scores_of(part.out, part.y))
        if self.is_tested:
            return rows
        if self.held is not None:
            rows += report.score_rows("held-out", self.scores_of(self.held[1], self.held[0]))
        return [*rows, ("test", "no test part")]

    def metadata(self) -> dict[str, Any]:
        """What the file keeps of columns, targets and scores; `tabular.Model` reads it as well."""
        told = []
        if self.is_tested:
            told = self.scores_of(self.parts[-1].out, self.parts[-1].y)
        elif self.held is not None:
            told = self.scores_of(self.held[1], self.held[0])
        return {
            **about(self.problem, self.preparation),
            "notes": [*self.problem.notes, *self.notes],
            "scores": finite(as_dict(told)),
        }


def about(problem: Problem, preparation: Preparation) -> dict[str, Any]:
    """What the file of a network keeps of a problem, however it was trained."""
    question, targets = problem.question, problem.targets
    return {
        "preparation": preparation.to_dict(),
        "task": question.task,
        "target": list(targets) if len(targets) > 1 else (*targets, None)[0],
        "values": None if question.values is None else list(question.values),
        "logs": problem.logs,
        **({"kinds": [v and list(v) for v in question.kinds]} if question.kinds else {}),
    }


def outputs(net: Network, X: np.ndarray | Prepared, logs: bool) -> np.ndarray:
    """Probabilities of classes, or values; `logs`: the network has log(1 + y)."""
    out = probabilities(net, net.predict(X))
    return of_logs(out) if logs else out
