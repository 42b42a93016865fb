"""What is said before training begins."""

import numpy as np

from ..console.terminal import print_lines
from ..tabular import Preparation
from . import report
from .problems import Problem
from .tasks import counted


def print_opening(problem: Problem, preparation: Preparation, X: np.ndarray) -> None:
    """What is about to be learned, and what was done to which column."""
    question = problem.question
    n_classes = f", {len(problem.classes)} classes" if problem.classes else ""
    for part in question.parts:
        if part.values is not None:
            n_classes += f", {len(part.values)} classes of {part.names[0]!r}"
    print_lines(
        f"data: {problem.title}, {counted(X.shape[1], 'input')}{n_classes}",
        f"task: {question.task} ({question.reason})",
        *(f"reading: {note}" for note in problem.read_notes),
        *(f"rows: {note}" for note in problem.notes),
        *report.column_lines(preparation),
    )
