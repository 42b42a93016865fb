"""Scores of the report, and what classes are taken for."""

import numpy as np

from ..tabular.scores import Score, class_scores, log_loss, value_scores

__all__ = ["Score", "class_scores", "confusion", "is_uneven", "log_loss", "value_scores"]


def confusion(P: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Counts, shape (n_classes, n_classes): row of the true class, column of the chosen one."""
    n = P.shape[1]
    return np.bincount(codes * n + P.argmax(axis=1), minlength=n * n).reshape(n, n)


def is_uneven(codes: np.ndarray, n_classes: int) -> bool:
    """Whether some class is more than half as frequent again as another, so that recall counts."""
    counts = np.bincount(codes, minlength=n_classes)
    return bool(counts.max() > 1.5 * counts.min())
