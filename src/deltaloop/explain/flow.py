"""How large delta is, layer by layer, while a network trains."""

from typing import Any

import numpy as np

from ..errors import InvalidInputError
from ..inputs.checks import any_size

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class GradientFlow:
    """A callback that keeps the distribution of |delta| of every layer, epoch by epoch.

    Parameters
    ----------
    X, Y
        Samples to look at, as in `Network.fit`; some dozen are enough.

    Attributes
    ----------
    epochs : list of int
    quantiles : ndarray, shape (n_epochs, n_layers, 5)
        5, 25, 50, 75 and 95 % of |dC_t/dz| over samples and units, of what is not 0; nan where
        all of it is.
    zeros : ndarray, shape (n_epochs, n_layers)
        Which part of it is 0, as that of relu units that are off.

    Examples
    --------
    >>> import deltaloop as dl
    >>> X, y = dl.datasets.load("xor")
    >>> flow = dl.plot.GradientFlow(X, y)
    >>> _ = dl.Network([2, 4, 1]).fit(X, y, epochs=3, callbacks=[flow])
    >>> flow.epochs, flow.quantiles.shape
    ([1, 2, 3], (3, 2, 5))
    """

    def __init__(self, X, Y):
        self._data, self.epochs = (X, Y), []
        self._kept: list[list[Any]] = []
        self._zeros: list[list[float]] = []

    @property
    def zeros(self) -> np.ndarray:
        """See the class."""
        return np.array(self._zeros)

    @property
    def quantiles(self) -> np.ndarray:
        """See the class."""
        if not self._kept:
            raise InvalidInputError(
                "GradientFlow has seen no epoch; give it to fit: callbacks=[flow]"
            )
        return np.array(self._kept)

    @any_size
    def __call__(self, state) -> None:
        """Look at the network after an epoch."""
        sizes = [np.abs(one.astype(float)) for one in state.net.gradients(*self._data).delta]
        self._kept.append([_quantiles(one[one != 0]) for one in sizes])
        self._zeros.append([float(np.mean(one == 0)) for one in sizes])
        self.epochs.append(state.epoch)


def _quantiles(values):
    return np.quantile(values, QUANTILES) if values.size else np.full(len(QUANTILES), np.nan)
