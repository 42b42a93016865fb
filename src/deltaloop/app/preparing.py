"""How the columns of a problem become inputs."""

import numpy as np

from ..tabular import Preparation
from ..tabular.choosing import COUNTS_ROWS
from ..tabular.columns import Plain
from ..tabular.model import for_means
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
        dropped = dict.fromkeys(counted, COUNTS_ROWS)
        if problem.group is not None:
            dropped[problem.group] = "tells the groups (--group), no input"
        preparation, X = Preparation.fit_transform(
            problem.train, problem.targets, keep=problem.keep, ignore=problem.ignore,
            encode=problem.encode, y=_for_means(problem), dropped=dropped,
        )  # fmt: skip
    return preparation, X, None if problem.test is None else preparation.transform(problem.test)


def _for_means(problem):
    """What --encode COLUMN=target takes the means of."""
    if not problem.encode:
        return None
    y = np.log1p(problem.y_train) if problem.logs else problem.y_train
    return for_means(problem.question, y)
