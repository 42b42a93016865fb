"""Standardisation of inputs and targets that travels with a network."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scaling:
    """Affine maps around a network, so that it takes and gives values in the user's units.

    Inputs enter as (x - x_mean) / x_scale; outputs leave as a y_scale + y_mean, and targets
    enter as (y - y_mean) / y_scale. The arithmetic is done in float64, before rounding to
    the dtype of the network.

    Attributes
    ----------
    x_mean, x_scale : ndarray, shape (n_in,), float64
    y_mean, y_scale : ndarray, shape (n_out,), float64; or None: targets stay as they are

    Examples
    --------
    >>> import numpy as np
    >>> from deltaloop import Scaling
    >>> Scaling.standardize(np.array([[1.0, 5.0], [3.0, 5.0]])).x_scale
    array([1., 1.])
    """

    x_mean: np.ndarray
    x_scale: np.ndarray
    y_mean: np.ndarray | None = None
    y_scale: np.ndarray | None = None

    @classmethod
    def standardize(cls, X: np.ndarray, Y: np.ndarray | None = None) -> "Scaling":
        """Mean 0 and standard deviation 1 in every column; a constant column keeps scale 1.

        Parameters
        ----------
        X : ndarray, shape (n_samples, n_in)
        Y : ndarray, shape (n_samples, n_out), optional
            Targets of a regression; None leaves targets as they are.
        """
        x_mean, x_scale = _moments(X)
        return cls(x_mean, x_scale, *(_moments(Y) if Y is not None else (None, None)))

    def inputs(self, X: np.ndarray) -> np.ndarray:
        """X, shape (n_samples, n_in), in the units of the network."""
        return (X - self.x_mean) / self.x_scale

    def targets(self, Y: np.ndarray) -> np.ndarray:
        """Y, shape (n_samples, n_out), in the units of the network."""
        return Y if self.y_mean is None else (Y - self.y_mean) / self.y_scale

    def outputs(self, out: np.ndarray) -> np.ndarray:
        """Outputs of the network in the units of the targets, same dtype."""
        return out if self.y_mean is None else (out * self.y_scale + self.y_mean).astype(out.dtype)


def _moments(values):
    values = np.asarray(values, dtype=np.float64)
    values = values.reshape(len(values), -1)
    mean, scale = values.mean(axis=0), values.std(axis=0)
    # a constant column has a deviation of rounding size, not of exactly 0
    constant = scale <= 1e-12 * np.abs(mean)
    return mean, np.where(constant, 1.0, scale)
