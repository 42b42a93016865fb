"""Standardisation of inputs and targets that travels with a network."""

from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError
from ..inputs.checks import any_size, as_numbers, check_finite
from ..kernels.functions import LOSSES


@dataclass(frozen=True, eq=False)
class Scaling:
    """Affine maps around a network, so that it takes and gives values in the user's units.

    Inputs enter as (x - x_mean) / x_scale; outputs leave as a y_scale + y_mean, and targets
    enter as (y - y_mean) / y_scale. The arithmetic is done in float64, before rounding to
    the dtype of the network.

    Parameters
    ----------
    x_mean, x_scale : array_like, shape (n_in,)
    y_mean, y_scale : array_like, shape (n_out,), optional
        Both or none; none leaves targets as they are.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        Not finite, a scale of 0, or shapes that do not fit each other.

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

    def __post_init__(self):
        for mean, scale in (("x_mean", "x_scale"), ("y_mean", "y_scale")):
            if getattr(self, mean) is None and getattr(self, scale) is None and mean == "y_mean":
                continue
            for name in (mean, scale):
                object.__setattr__(self, name, _vector(name, getattr(self, name)))
            if getattr(self, mean).shape != getattr(self, scale).shape:
                raise InvalidInputError(
                    f"{mean} and {scale} must have the same shape, got "
                    f"{getattr(self, mean).shape} and {getattr(self, scale).shape}"
                )
            if not getattr(self, scale).all():
                raise InvalidInputError(f"{scale} must not contain 0; use 1 for a constant column")

    @classmethod
    def standardize(cls, X, Y=None) -> "Scaling":
        """Mean 0 and standard deviation 1 in every column; a constant column keeps scale 1.

        Parameters
        ----------
        X : array_like, shape (n_samples, n_in)
        Y : array_like, shape (n_samples, n_out), optional
            Targets of a regression; None leaves targets as they are.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            Empty, not numeric or not finite data.
        """
        y_mean, y_scale = (None, None) if Y is None else _moments("Y", Y)
        x_mean, x_scale = _moments("X", X)
        return cls(x_mean, x_scale, y_mean, y_scale)

    @any_size
    def inputs(self, X: np.ndarray) -> np.ndarray:
        """X, shape (n_samples, n_in), in the units of the network; infinite where it overflows."""
        return (X - self.x_mean) / self.x_scale

    @any_size
    def targets(self, Y: np.ndarray) -> np.ndarray:
        """Y, shape (n_samples, n_out), in the units of the network; infinite where it overflows."""
        if self.y_mean is None:
            return Y
        return (Y - self.y_mean) / self.y_scale

    @any_size
    def slopes_by_inputs(self, slopes: np.ndarray) -> np.ndarray:
        """dC/dx in the units of the network as that in the units of the user; float64."""
        return slopes / self.x_scale

    @any_size
    def slopes_by_outputs(self, slopes: np.ndarray) -> np.ndarray:
        """dC/da in the units of the user as that in the units of the network."""
        return slopes if self.y_scale is None else slopes * self.y_scale

    @any_size
    def outputs(self, out: np.ndarray) -> np.ndarray:
        """Outputs of the network in the units of the targets; float64 where they are scaled."""
        return out if self.y_mean is None else out * self.y_scale + self.y_mean


def check_scaling(scaling: Scaling, sizes: tuple[int, ...], loss) -> None:
    """Refuse what does not fit a network of these sizes."""
    if not isinstance(scaling, Scaling):
        raise InvalidTypeError(f"scaling must be a Scaling or None, got {scaling!r}")
    if scaling.x_mean.shape != (sizes[0],):
        raise InvalidInputError(
            f"scaling must have {sizes[0]} input columns, got {len(scaling.x_mean)}"
        )
    if scaling.y_mean is None:
        return
    if loss.name not in LOSSES or not LOSSES[loss.name].is_distance:
        names = [row.name for row in LOSSES.values() if row.is_distance]
        raise InvalidInputError(
            f"targets can be scaled for loss={', '.join(map(repr, names))} only, not for "
            f"{loss.name!r}; leave y_mean and y_scale out"
        )
    if scaling.y_mean.shape != (sizes[-1],):
        raise InvalidInputError(
            f"scaling must have {sizes[-1]} output columns, got {len(scaling.y_mean)}"
        )


@any_size
def _vector(name, values):
    """A private float64 copy of finite numbers, shape (n,)."""
    array = as_numbers(name, values).astype(np.float64)
    if array.ndim != 1:
        raise InvalidInputError(f"{name} must have shape (n,), got shape {array.shape}")
    if not np.isfinite(array).all():
        raise InvalidInputError(f"{name} must be finite, but it contains nan or infinity")
    return array


def deviation(differences: np.ndarray) -> np.ndarray:
    """Root of the mean square of every column, at a power of two where squares are numbers."""
    power = np.frexp(np.abs(differences).max(axis=0))[1]
    return np.ldexp(np.sqrt(np.mean(np.square(np.ldexp(differences, -power)), axis=0)), power)


@any_size
def _moments(name, values):
    """Mean and standard deviation of every column."""
    values = as_numbers(name, values)
    if values.ndim == 0:
        raise InvalidInputError(
            f"{name} must have shape (n_samples, ...), got the single number {values.item()!r}; "
            "mean and deviation need several samples"
        )
    values = values.reshape(len(values), -1).astype(np.float64)
    check_finite(name, values)
    mean = values.mean(axis=0)
    scale = deviation(values - mean)
    if not np.isfinite([mean, scale]).all():
        raise InvalidInputError(
            f"{name} has no finite mean and deviation, its values are too large "
            f"(largest magnitude {np.abs(values).max():g}); rescale them"
        )
    # a constant column has a deviation of rounding size, not of exactly 0
    return mean, np.where(scale <= 1e-12 * np.abs(mean), 1.0, scale)
