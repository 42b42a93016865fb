"""What the training of many networks reports."""

from collections import Counter
from dataclasses import dataclass

import numpy as np


@dataclass(repr=False, eq=False)
class EnsembleHistory:
    """Record of a call of `Ensemble.fit`, a column per network.

    Attributes
    ----------
    loss : ndarray, shape (epochs, n) float64
        As `History.loss` of every network; nan where one had ended before.
    validation_loss : ndarray, shape (epochs, n) float64, or None
        Loss on the validation data after every epoch; None without them.
    n_epochs : ndarray of int, shape (n,)
        Epochs that every network was trained for.
    best_epoch : ndarray of int, shape (n,)
        The epoch, counted from 1, with the lowest loss (of the validation data if there are any);
        0 for a network that was not trained.
    stop_reason : ndarray of str, shape (n,)
        What ended the training of every network: 'epochs', 'patience', 'tol', 'target_loss' as in
        `History`, 'diverged' where the loss or a parameter was no longer finite, or 'interrupted'.
    seconds : float
        Time spent in the call.

    Examples
    --------
    >>> import deltaloop as dl
    >>> X, y = dl.datasets.load("xor")
    >>> history = dl.Ensemble([2, 3, 1], n=5).fit(X, y, epochs=2)
    >>> history.loss.shape
    (2, 5)
    """

    loss: np.ndarray
    validation_loss: np.ndarray | None
    n_epochs: np.ndarray
    best_epoch: np.ndarray
    stop_reason: np.ndarray
    seconds: float

    def __len__(self) -> int:
        """Epochs of the network that was trained longest."""
        return len(self.loss)

    @property
    def last_loss(self) -> np.ndarray:
        """Loss of the last epoch of every network, shape (n,); that of the validation data if any.

        nan for a network that was not trained for an epoch.
        """
        column = self.loss if self.validation_loss is None else self.validation_loss
        found = np.full(len(self.n_epochs), np.nan)
        trained = np.flatnonzero(self.n_epochs)
        found[trained] = column[self.n_epochs[trained] - 1, trained]
        return found

    def __repr__(self) -> str:
        n, last = len(self.n_epochs), self.last_loss
        head = f"EnsembleHistory: {n} networks, up to {len(self)} epochs, {self.seconds:.3g} s"
        reasons = ", ".join(f"{count} {name}" for name, count in Counter(self.stop_reason).items())
        if np.isnan(last).all():
            return f"{head}\nended by: {reasons}"
        low, middle, high = np.nanquantile(last, (0, 0.5, 1))
        return (
            f"{head}\nended by: {reasons}\n"
            f"last loss: lowest {low:.4g}, median {middle:.4g}, highest {high:.4g}"
        )
