"""What a column is worth to a trained network: its scores with the cells of the column shuffled."""

from collections.abc import Callable, Mapping

import numpy as np

from ..tabular.scores import Score, score_text
from ..text import cut

_REPEATS = 5
_HIGHER_IS_BETTER = ("accuracy", "AUC", "R2")


def importances(
    scored: Callable[[np.ndarray, np.ndarray], list[Score]],
    X: np.ndarray,
    y: np.ndarray,
    of_column: Mapping[str, slice],
) -> dict[str, list[Score]]:
    """Scores with one column shuffled, by the name of the column; the worst on top.

    By log loss or R2, where there is one.

    Permutation importance (Breiman 2001, Random forests, section 10): every column keeps its
    values, but not their order, so that what it tells of the target is lost. Means over five
    orders. Columns that tell the same stand in for each other, so that each of them seems to be
    worth little.

    Parameters
    ----------
    scored : callable
        Scores of the network for inputs and targets.
    X : ndarray, shape (n_rows, n_inputs)
        Rows that were not trained on, where there are such.
    y : ndarray
        Their targets.
    of_column : mapping of str to slice
        The inputs that come from each column of the table.
    """
    generator = np.random.default_rng(0)
    orders = [generator.permutation(len(X)) for _ in range(_REPEATS)]
    found = {}
    for name, inputs in of_column.items():
        runs = []
        for order in orders:
            shuffled = np.array(X)
            shuffled[:, inputs] = X[order, inputs]
            runs.append(scored(shuffled, y))
        found[name] = [_mean(same) for same in zip(*runs, strict=True)]
    return dict(sorted(found.items(), key=lambda item: _rank(item[1])))


def _mean(same):
    values = [score.value for score in same]
    known = None not in values
    return Score(same[0].name, sum(values) / len(values) if known else None)


def _rank(found):
    """The worse the last score that is defined, the earlier."""
    last = next((score for score in reversed(found) if score.value is not None), None)
    if last is None:
        return 0.0
    return last.value if last.name.startswith(_HIGHER_IS_BETTER) else -last.value


def table(
    part: str,
    scored: Callable[[np.ndarray, np.ndarray], list[Score]],
    X: np.ndarray,
    y: np.ndarray,
    of_column: Mapping[str, slice],
) -> tuple[str, tuple[str, ...], list[tuple[str, ...]]]:
    """Title, head and lines of `importances`, the scores of all columns in order above them."""
    intact = scored(X, y)
    shuffled = importances(scored, X, y, of_column)
    lines = [("(none)", *map(score_text, intact))]
    lines += [(cut(name), *map(score_text, found)) for name, found in shuffled.items()]
    head = ("column shuffled", *(cut(score.name) for score in intact))
    return f"{part} scores with a column shuffled: the worse, the more it tells", head, lines
