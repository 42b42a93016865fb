"""Samples that are watched while a network is trained on others."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from .held import forward


@dataclass
class Validation:
    """Rows that have passed the door of a network.

    Attributes
    ----------
    X : ndarray or SparseRows
    Y : ndarray, shape (n_samples, n_out)
    weights : ndarray of float64 or None
        For the loss; those of classes included.
    score_of : callable
        f(outputs) -> the score of the predictions.
    n_threads : int
    """

    X: Any
    Y: np.ndarray
    weights: np.ndarray | None
    score_of: Callable[[np.ndarray], float]
    n_threads: int

    def loss(self, net) -> float:
        """The mean loss, without penalty."""
        return float(net._mean_loss(self.X, self.Y, self.weights))

    def score(self, net) -> float:
        """The score; nan where outputs are not finite."""
        outputs, _ = forward(net, self.X, self.n_threads)
        return float(self.score_of(outputs)) if np.isfinite(outputs).all() else np.nan


def split(n_samples: int, fraction, random_state, stratify) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the samples to train on and to watch, as scikit-learn draws them.

    Raises
    ------
    ValueError
        There are not two to watch, or not two of a class.
    """
    chosen, held = train_test_split(
        np.arange(n_samples), random_state=random_state, test_size=fraction, stratify=stratify
    )
    if len(held) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' "
            "or the size of your dataset."
        )
    return chosen, held
