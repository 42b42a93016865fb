"""Metrics of regressions: how far predicted numbers are from the true ones."""

import numpy as np

from ..inputs.checks import any_size
from ..text import before_examples
from .names import metric
from .pairs import numbers

_ARGUMENTS = """

    Parameters
    ----------
    Y_true, Y_predicted : array_like, shape (n_samples,) or (n_samples, n_out)
    sample_weight : array_like, shape (n_samples,), optional
        >= 0.

    Returns
    -------
    float
        Mean over the outputs, all with the same weight.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        No numbers, not finite, or shapes that do not fit each other.
"""


def _described(function):
    """Add what all of these functions share to the docstring, before the examples."""
    function.__doc__ = before_examples(function.__doc__, _ARGUMENTS)
    return function


@metric(higher_is_better=False)
@_described
@any_size
def mse(Y_true, Y_predicted, *, sample_weight=None) -> float:
    """Mean squared error, mean of (y - p)^2; without the factor 1/2 of the loss of that name.

    Examples
    --------
    >>> from deltaloop import metrics
    >>> metrics.mse([1.0, 2.0], [1.0, 4.0])
    2.0
    """
    y, p, w = numbers(Y_true, Y_predicted, sample_weight)
    return float(np.mean(w @ (y - p) ** 2))


@metric(higher_is_better=False)
@_described
@any_size
def rmse(Y_true, Y_predicted, *, sample_weight=None) -> float:
    """Root of the mean squared error, in the units of Y; each output has its own root.

    Examples
    --------
    >>> from deltaloop import metrics
    >>> metrics.rmse([1.0, 2.0], [3.0, 4.0])
    2.0
    """
    y, p, w = numbers(Y_true, Y_predicted, sample_weight)
    (error,), power = _near_one(y - p)
    return float(np.mean(np.ldexp(np.sqrt(w @ error**2), power)))


@metric(higher_is_better=False)
@_described
@any_size
def mae(Y_true, Y_predicted, *, sample_weight=None) -> float:
    """Mean absolute error, mean of |y - p|.

    Examples
    --------
    >>> from deltaloop import metrics
    >>> metrics.mae([1.0, 2.0], [1.0, 4.0])
    1.0
    """
    y, p, w = numbers(Y_true, Y_predicted, sample_weight)
    return float(np.mean(w @ np.abs(y - p)))


@metric(higher_is_better=False)
@_described
@any_size
def mape(Y_true, Y_predicted, *, sample_weight=None) -> float:
    """Mean absolute percentage error, mean of |y - p| / max(|y|, 2^-52): 0.1 is 10 %.

    Examples
    --------
    >>> from deltaloop import metrics
    >>> metrics.mape([1.0, 2.0], [1.0, 3.0])
    0.25
    """
    y, p, w = numbers(Y_true, Y_predicted, sample_weight)
    return float(np.mean(w @ (np.abs(y - p) / np.maximum(np.abs(y), np.finfo(float).eps))))


@metric(higher_is_better=True)
@_described
@any_size
def r2(Y_true, Y_predicted, *, sample_weight=None) -> float:
    """Coefficient of determination, 1 - sum (y - p)^2 / sum (y - mean y)^2.

    1 is perfect, 0 as good as the mean, and there is no limit below. Where y is constant, 1 for
    perfect predictions and 0 for others.

    Examples
    --------
    >>> from deltaloop import metrics
    >>> metrics.r2([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    0.5
    """
    y, p, w = numbers(Y_true, Y_predicted, sample_weight)
    (error, y), _ = _near_one(y - p, y - y[0])
    return _explained(w @ error**2, _variance(y, w))


@metric(higher_is_better=True)
@_described
@any_size
def explained_variance(Y_true, Y_predicted, *, sample_weight=None) -> float:
    """1 - var(y - p) / var(y): `r2` of predictions whose mean error was taken off.

    Examples
    --------
    >>> from deltaloop import metrics
    >>> metrics.explained_variance([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    1.0
    """
    y, p, w = numbers(Y_true, Y_predicted, sample_weight)
    (error, y), _ = _near_one(y - p, y - y[0])
    return _explained(_variance(error, w), _variance(y, w))


@metric(higher_is_better=True)
@_described
@any_size
def pearson(Y_true, Y_predicted, *, sample_weight=None) -> float:
    """Correlation of y and p, from -1 to 1; nan where one of them is constant.

    Examples
    --------
    >>> from deltaloop import metrics
    >>> round(metrics.pearson([1.0, 2.0, 3.0], [10.0, 20.0, 30.0]), 9)
    1.0
    """
    y, p, w = numbers(Y_true, Y_predicted, sample_weight)
    ((y,), _), ((p,), _) = _near_one(y - y[0]), _near_one(p - p[0])  # exactly 0 where constant
    y, p = y - w @ y, p - w @ p
    return float(np.mean(w @ (y * p) / np.sqrt((w @ y**2) * (w @ p**2))))


def _near_one(*columns):
    """The arrays over one power of two for each column, at which squares are numbers; the powers.

    Only squares of what is tiny beside the largest of its column become 0.
    """
    largest = np.max([np.abs(one).max(axis=0) for one in columns], axis=0)
    powers = np.frexp(largest)[1]
    return [np.ldexp(one, -powers) for one in columns], powers


def _variance(values, w):
    """Of every column, exactly 0 where it is constant."""
    values = values - values[0]
    return w @ (values - w @ values) ** 2


def _explained(left, total):
    """Mean over the outputs of 1 - left / total."""
    of_constant = np.where(left == 0, 1.0, 0.0)
    return float(
        np.mean(np.where(total > 0, 1 - left / np.where(total > 0, total, 1), of_constant))
    )
