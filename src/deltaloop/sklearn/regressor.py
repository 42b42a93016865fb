"""The regressor."""

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if

from ..parts.losses import Loss
from . import meanings
from .base import BaseMLP
from .described import described
from .versions import with_callbacks


@described
class MLPRegressor(RegressorMixin, BaseMLP):
    """Multi-layer perceptron for numbers: scikit-learn's class of this name, several times faster.

    Every parameter, attribute, warning and error of scikit-learn 1.9 is here, with the same
    meaning and the same default; differences are listed in docs/sklearn.md.

    Parameters
    ----------
    loss : str, Loss or CustomLoss, default 'squared_error'
        'squared_error' is 1/2 (a - y)^2, 'poisson' half of the Poisson deviance with outputs
        exp(z), 'absolute_error' |a - y|; for several outputs their sum. Any other loss of the
        package by name, `deltaloop.Loss`, or what `deltaloop.custom_loss` made.
    $SETTINGS
    $MORE

    Attributes
    ----------
    $FITTED

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from deltaloop.sklearn import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> network = MLPRegressor(learning_rate_init=0.01, early_stopping=True, max_iter=999,
    ...                        random_state=0)
    >>> model = make_pipeline(StandardScaler(), network).fit(X[::2], y[::2])
    >>> model.score(X[1::2], y[1::2]) > 0.35
    True
    """

    def __init__(
        self,
        loss="squared_error",
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
        dropout=0.0,
        dtype=None,
        n_threads=1,
    ):
        super().__init__(
            loss, hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate,
            learning_rate_init, power_t, max_iter, shuffle, random_state, tol, verbose, warm_start,
            momentum, nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2,
            epsilon, n_iter_no_change, max_fun, dropout, dtype, n_threads,
        )  # fmt: skip

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Train on samples and their targets.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
            float32 and float64 are computed in as they are; sparse ones do not become dense.
        y : array_like, shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array_like, shape (n_samples,), optional
            >= 0.
        X_val, y_val, sample_weight_val : optional
            Samples to watch: `validation_loss_curve_`, and with early_stopping the scores, are
            theirs instead of those of a split.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Data or parameters are not accepted, or training gave parameters that are not finite.
        """
        watched = self._pair(X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight=sample_weight, watched=watched)

    @available_if(lambda estimator: estimator._check_solver())
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """One epoch on some samples; the state of the solver is kept.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As `fit`.
        """
        return self._fit(X, y, sample_weight=sample_weight, incremental=True)

    def predict(self, X):
        """The outputs for every sample.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)

        Returns
        -------
        ndarray, shape (n_samples,) or (n_samples, n_outputs)
        """
        outputs = self._outputs(X)
        return outputs.ravel() if outputs.shape[1] == 1 else outputs

    # ---- what the base asks for

    def _loss_of_network(self):
        return meanings.loss_of(self.loss)

    def _output(self):
        return meanings.output_of(self._loss_of_network())

    def _checked_targets(self, y, incremental):
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        y = y.reshape(len(y), -1)
        self._check_range(y)
        return y

    def _check_range(self, y):
        """Refuse targets that the loss has no meaning for."""
        loss = self._loss_of_network()
        row = loss.row if isinstance(loss, Loss) else None
        if row is None:
            return
        low, high = row.targets
        if (y < low).any() or (y > high).any() or (row.targets_are_positive and (y <= low).any()):
            start = "(" if row.targets_are_positive else "["
            raise ValueError(
                f"y must lie in {start}{low:g}, {high:g}{']' if np.isfinite(high) else ')'} for "
                f"loss={self.loss!r}, got values from {y.min():g} to {y.max():g}"
            )

    def _rows_of_targets(self, y, dtype):
        return np.ascontiguousarray(y, dtype)

    def _score_of(self, y, weights):
        """The coefficient of determination."""

        def r2(outputs):
            return r2_score(y, outputs, sample_weight=weights)

        return r2
