"""How the columns of a problem become inputs."""

from dataclasses import replace

import numpy as np

from ..tabular import Preparation
from ..tabular.choosing import COUNTS_ROWS
from ..tabular.columns import Plain
from .problems import Problem


def prepared(problem: Problem, plainly: bool) -> tuple[Preparation, np.ndarray, np.ndarray | None]:
    """What becomes of the columns, and the inputs of both parts.

    Parameters
    ----------
    problem : Problem
    plainly : bool
        Whether bundled data stay as they are, so that the network takes their arrays in Python.

    Returns
    -------
    preparation : Preparation
        Of the training rows alone.
    X_train, X_test : ndarray, shape (n_rows, n_inputs)
        X_test is None without a test part.
    """
    if problem.is_bundled and plainly:
        preparation = Preparation(tuple(Plain(name) for name in problem.train.columns))
        X = preparation.transform(problem.train)
    else:
        counted = problem.row_numbers  # seen in all rows: those of one part have gaps
        preparation, X = Preparation.fit_transform(
            problem.train, problem.targets, keep=problem.keep, ignore=[*problem.ignore, *counted]
        )
        preparation = _told(preparation, problem, counted)
    return preparation, X, None if problem.test is None else preparation.transform(problem.test)


def _told(preparation, problem, counted):
    """The preparation with the reason why these columns are no inputs."""
    if not counted:
        return preparation
    inputs = [name for name in problem.train.columns if name not in problem.targets]
    notes = tuple(
        f"{name}: {COUNTS_ROWS}" if name in counted else note
        for name, note in zip(inputs, preparation.notes, strict=True)
    )
    dropped = {**preparation.dropped, **dict.fromkeys(counted, COUNTS_ROWS)}
    return replace(preparation, dropped=dropped, notes=notes)
