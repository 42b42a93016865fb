"""Estimators for tables as they come: preparation, network and training of `deltaloop.tabular`."""

from abc import ABC, abstractmethod
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, _fit_context
from sklearn.utils import check_array, check_consistent_length, check_random_state, column_or_1d
from sklearn.utils._param_validation import Interval
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from ..tabular import Model, fit
from .described import described
from .versions import VERSION, checked_table, checked_weights


def _with_numbers(X):
    """An array of objects as columns, of which those without text are numbers."""
    if not isinstance(X, np.ndarray) or X.dtype != object:
        return X
    return {f"x{k}": _column(cells) for k, cells in enumerate(X.T, 1)}


def _column(cells):
    if any(isinstance(cell, str | bytes) for cell in cells):
        return cells
    try:
        return np.array([np.nan if cell is None else cell for cell in cells], np.float64)
    except (TypeError, ValueError):  # dates, and what else a table may have
        return cells


class BaseTabular(BaseEstimator, ABC):
    """Base of `TabularClassifier` and `TabularRegressor`."""

    _parameter_constraints: ClassVar[dict] = {
        "budget": [Interval(Real, 0, None, closed="neither"), None],
        "simple": ["boolean"],
        "keep": ["array-like"],
        "ignore": ["array-like"],
        "encode": [dict, None],
        "random_state": ["random_state"],
    }

    task: ClassVar[str]
    model_: Model

    def __init__(self, budget, simple, keep, ignore, encode, random_state):
        self.budget = budget
        self.simple = simple
        self.keep = keep
        self.ignore = ignore
        self.encode = encode
        self.random_state = random_state

    @abstractmethod
    def _checked_targets(self, y):
        """Targets as the model takes them."""

    def _fit(self, X, y, sample_weight, **more):
        X = _with_numbers(checked_table(self, X, reset=True))
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )
        y = self._checked_targets(y)
        check_consistent_length(next(iter(X.values())) if isinstance(X, dict) else X, y)
        if sample_weight is not None:
            sample_weight = checked_weights(sample_weight, y)
        seed = self.random_state
        if not isinstance(seed, Integral):
            seed = check_random_state(seed).randint(2**31 - 1)
        self.model_ = fit(
            X, y, task=self.task, seed=int(seed), budget=self.budget, simple=bool(self.simple),
            keep=self.keep, ignore=self.ignore, encode=self.encode, sample_weight=sample_weight,
            **more,
        )  # fmt: skip
        return self

    def _table(self, X):
        """A table to predict of."""
        check_is_fitted(self)
        return _with_numbers(checked_table(self, X, reset=False))

    def report(self) -> str:
        """What was done with the columns and in training, as text."""
        check_is_fitted(self)
        return self.model_.report()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    if VERSION < (1, 6):

        def _more_tags(self):
            return {"allow_nan": True, "X_types": ["2darray", "string", "categorical"]}


@described
class TabularClassifier(ClassifierMixin, BaseTabular):
    """Classes from a table as it comes, with what `deltaloop.tabular.fit` does of itself.

    Numbers, text, dates and missing cells become inputs, networks are trained, each with some rows
    held back on which training is stopped, and averaged.

    Parameters
    ----------
    $TABLE

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        Labels, in the order of the probabilities.
    $MODEL

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from deltaloop.sklearn import TabularClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> TabularClassifier(random_state=0).fit(X, y).score(X, y) > 0.95
    True
    """

    task = "classification"
    classes_: np.ndarray

    def __init__(
        self, *, budget=None, simple=False, keep=(), ignore=(), encode=None, random_state=None
    ):
        super().__init__(budget, simple, keep, ignore, encode, random_state)

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train on the rows of a table and their classes.

        Parameters
        ----------
        X : data frame (pandas, Polars, Arrow) or array, shape (n_rows, n_columns)
        y : array_like, shape (n_rows,)
            Labels of any type.
        sample_weight : array_like, shape (n_rows,), optional
            >= 0.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            What does not fit, with what to do.
        """
        return self._fit(X, y, sample_weight)

    def _checked_targets(self, y):
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has one class, {self.classes_[0]!r}; a classifier needs at least 2 classes"
            )
        return codes

    def predict(self, X):
        """The class of every row.

        Returns
        -------
        ndarray, shape (n_rows,)
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, X):
        """The probability of every class.

        Returns
        -------
        ndarray, shape (n_rows, n_classes)
            In the order of `classes_`.
        """
        table = self._table(X)
        return self.model_.predict_proba(table)

    def predict_log_proba(self, X):
        """The logarithms of `predict_proba`."""
        return np.log(self.predict_proba(X))


@described
class TabularRegressor(RegressorMixin, BaseTabular):
    """Numbers from a table as it comes, with what `deltaloop.tabular.fit` does of itself.

    Numbers, text, dates and missing cells become inputs, networks are trained, each with some rows
    held back on which training is stopped, and averaged.

    Parameters
    ----------
    $TABLE
    log_target : bool, default False
        Learn log(1 + y) of values >= 0 in place of y.

    Attributes
    ----------
    $MODEL

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from deltaloop.sklearn import TabularRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=False)
    >>> TabularRegressor(simple=True, random_state=0).fit(X[::2], y[::2]).score(X, y) > 0.4
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseTabular._parameter_constraints,
        "log_target": ["boolean"],
    }
    task = "regression"

    def __init__(
        self, *, budget=None, simple=False, keep=(), ignore=(), encode=None, random_state=None,
        log_target=False,
    ):  # fmt: skip
        super().__init__(budget, simple, keep, ignore, encode, random_state)
        self.log_target = log_target

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train on the rows of a table and their values.

        Parameters
        ----------
        X : data frame (pandas, Polars, Arrow) or array, shape (n_rows, n_columns)
        y : array_like, shape (n_rows,) or (n_rows, n_targets)
        sample_weight : array_like, shape (n_rows,), optional
            >= 0.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            What does not fit, with what to do.
        """
        return self._fit(X, y, sample_weight, log_target=bool(self.log_target))

    def _checked_targets(self, y):
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        return column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def predict(self, X):
        """The value of every row.

        Returns
        -------
        ndarray, shape (n_rows,) or (n_rows, n_targets)
        """
        table = self._table(X)
        return self.model_.predict(table)
