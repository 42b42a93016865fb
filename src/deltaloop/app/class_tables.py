"""What a classification gets wrong, class by class."""

from collections.abc import Sequence

import numpy as np

_MOST_CLASSES = 12  # in a table with a row and a column each
_MOST_ROWS = 20
_MISTAKES = 5

Head = tuple[str, ...]
Lines = list[tuple[str, ...]]


def recall_table(counts: np.ndarray, classes: Sequence[str]) -> tuple[Head, Lines]:
    """Recall and precision of every class that occurs, the worst first where they are many.

    Parameters
    ----------
    counts : ndarray, shape (n_classes, n_classes)
        Row of the true class, column of the predicted one.
    classes : sequence of str
    """
    hits, true, predicted = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    order = np.flatnonzero(true)
    if len(order) > _MOST_ROWS:
        order = order[np.argsort(hits[order] / true[order], kind="stable")][:_MOST_ROWS]
    lines: Lines = [
        (
            classes[k], str(true[k]), _percent(hits[k], true[k]), _percent(hits[k], predicted[k]),
        )
        for k in order.tolist()
    ]  # fmt: skip
    return ("class", "rows", "recall", "precision"), lines


def _percent(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "-"


def confusion_table(counts: np.ndarray, classes: Sequence[str]) -> tuple[Head, Lines]:
    """How often each class was taken for each; of many classes, the most frequent mistakes."""
    if len(classes) <= _MOST_CLASSES:
        lines = [(name, *map(str, row)) for name, row in zip(classes, counts.tolist(), strict=True)]
        return ("true \\ predicted", *classes), lines
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    worst = np.argsort(-wrong, axis=None, kind="stable")[:_MISTAKES]
    pairs = [np.unravel_index(place, wrong.shape) for place in worst]
    lines = [(classes[t], classes[p], str(wrong[t, p])) for t, p in pairs if wrong[t, p]]
    return ("true", "predicted", "rows"), lines
