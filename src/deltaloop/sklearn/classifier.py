"""The classifier."""

from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    type_of_target,
    unique_labels,
)

from ..parts.custom import CustomLoss
from ..parts.losses import Loss
from . import meanings, plain
from .base import BaseMLP
from .described import described
from .versions import VERSION, with_callbacks


def _gives_probabilities(estimator) -> bool:
    """Whether the outputs of the loss are probabilities."""
    if estimator._gives_probabilities():
        return True
    raise AttributeError(
        f"predict_proba needs outputs that are probabilities, which loss={estimator.loss!r} does "
        "not give; use loss='log_loss'"
    )


@described
class MLPClassifier(ClassifierMixin, BaseMLP):
    """Multi-layer perceptron for classes: scikit-learn's class of this name, several times faster.

    Every parameter, attribute, warning and error of scikit-learn 1.9 is here, with the same
    meaning and the same default; differences are listed in docs/sklearn.md.

    Parameters
    ----------
    $SETTINGS
    class_weight : dict, 'balanced' or None, default None
        Multiplies the weights of samples with those of their classes.
    loss : str, Loss or CustomLoss, default 'log_loss'
        'log_loss' is the cross-entropy of one or more outputs. Any other loss of the package by
        name, `deltaloop.Loss`, or what `deltaloop.custom_loss` made; predict_proba is there where
        the outputs are probabilities.
    $MORE

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        Labels, in the order of the outputs.
    $FITTED

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from deltaloop.sklearn import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier((10,), solver="lbfgs", max_iter=1000, random_state=0)
    >>> classifier.fit(X, y)
    MLPClassifier(hidden_layer_sizes=(10,), max_iter=1000, random_state=0,
                  solver='lbfgs')
    >>> classifier.predict(X[:2])
    array([0, 0])
    >>> classifier.score(X, y) > 0.97
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseMLP._parameter_constraints,
        "loss": [StrOptions({"log_loss", *meanings.LOSS_NAMES}), Loss, CustomLoss],
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    classes_: Any

    def __init__(
        self,
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
        class_weight=None,
        loss="log_loss",
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
        self.class_weight = class_weight

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Train on samples and their classes.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
            float32 and float64 are computed in as they are; sparse ones do not become dense.
        y : array_like, shape (n_samples,) or (n_samples, n_labels)
            Labels of any type; or, for several labels a sample, 0 and 1.
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
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """One epoch on some samples; the state of the solver is kept.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`; y need not have all classes.
        classes : array_like, shape (n_classes,)
            All classes, in the first call; then it may be left out.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As `fit`; also without classes in the first call, or with others later.
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' needs all samples at once, but partial_fit gets some; "
                "give a dict of the classes and their weights"
            )
        if _check_partial_fit_first_call(self, classes):
            self._label_binarizer = LabelBinarizer()
            is_multilabel = type_of_target(y).startswith("multilabel")
            self._label_binarizer.fit(y if is_multilabel else classes)
        return self._fit(X, y, sample_weight=sample_weight, incremental=True)

    def predict(self, X):
        """The class of every sample.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)

        Returns
        -------
        ndarray, shape (n_samples,), or (n_samples, n_labels) of 0 and 1
        """
        outputs = self._outputs(X)
        kind, classes = self._label_binarizer.y_type_, self.classes_
        threshold = meanings.targets_of(self._loss_of_network())[2]
        if kind == "multiclass" and not self._label_binarizer.sparse_input_:
            return classes[outputs.argmax(axis=1)]
        if kind == "binary" and len(classes) == 2 and not self._label_binarizer.sparse_input_:
            return classes[(outputs[:, 0] > threshold).astype(np.intp)]
        if self.n_outputs_ == 1:
            outputs = outputs.ravel()
        return self._label_binarizer.inverse_transform(outputs, threshold)

    def score(self, X, y, sample_weight=None):
        """The share of samples whose labels are all right, see scikit-learn's `accuracy_score`.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
        y : array_like, shape (n_samples,) or (n_samples, n_labels)
        sample_weight : array_like, shape (n_samples,), optional

        Returns
        -------
        float
        """
        if sample_weight is None and self._are_known(y):
            predicted = self.predict(X)
            if len(predicted) == len(y):
                return float((predicted == y).mean())
        return super().score(X, y, sample_weight)

    @available_if(_gives_probabilities)
    def predict_proba(self, X):
        """The probability of every class.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)

        Returns
        -------
        ndarray, shape (n_samples, n_classes)
            In the order of `classes_`. For several labels a sample, that of each label.
        """
        outputs = self._outputs(X)
        if self.out_activation_ == "log_softmax":
            return np.exp(outputs)
        if self.n_outputs_ == 1:
            return np.column_stack([1 - outputs, outputs])
        if self.out_activation_ == "logistic" and not self._is_multilabel():
            outputs /= outputs.sum(axis=1, keepdims=True)  # one against all others
        return outputs

    @available_if(_gives_probabilities)
    def predict_log_proba(self, X):
        """The logarithms of `predict_proba`."""
        probabilities = self.predict_proba(X)
        return np.log(probabilities, out=probabilities)

    # ---- what the base asks for

    def _gives_probabilities(self):
        output = meanings.output_of(meanings.loss_of(self.loss, "binary_cross_entropy"))
        return output in meanings.PROBABILITIES

    def _is_multilabel(self):
        return self._label_binarizer.y_type_.startswith("multilabel")

    def _loss_of_network(self):
        several = self._label_binarizer.y_type_ == "multiclass"
        return meanings.loss_of(self.loss, "cross_entropy" if several else "binary_cross_entropy")

    def _output(self):
        loss = self._loss_of_network()
        if meanings.sums_to_1(loss) and self._label_binarizer.y_type_ != "multiclass":
            raise ValueError(
                f"loss={self.loss!r} has an output for each of three or more classes, got "
                f"{self._label_binarizer.y_type_} labels; use loss='log_loss'"
            )
        return meanings.output_of(loss)

    def _checked_targets(self, y, incremental):
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._label_binarizer = plain.binarizer(y)
            self.classes_ = self._label_binarizer.classes_
            codes = self._codes(y)
        else:
            codes = self._codes(y)
            if codes is None or self.warm_start:
                self._check_classes(unique_labels(y))
        # bool: neither float32 nor float64, so that neither data become the other
        if codes is None:
            return self._label_binarizer.transform(y).astype(bool)
        n_classes = len(self.classes_)
        if n_classes <= 2:
            return (codes == 1)[:, np.newaxis]
        return codes[:, np.newaxis] == np.arange(n_classes)

    def _codes(self, y):
        """The number of the class of every sample; None: not one class each, or one unknown."""
        if y.ndim != 1 or self._is_multilabel():
            return None
        try:
            codes = np.searchsorted(self.classes_, y)
            codes[codes == len(self.classes_)] = 0
            return codes if (self.classes_[codes] == y).all() else None
        except TypeError:  # labels that cannot be compared
            return None

    def _are_known(self, y):
        """Whether y has whole numbers or bool that are classes, and several of them each.

        Then all that `accuracy_score` does beside comparing is to look for what is wrong.
        """
        return (
            type(y) is np.ndarray
            and y.dtype.kind in "iub"
            and 2 * len(getattr(self, "classes_", y)) <= len(y)
            and self._codes(y) is not None
        )

    def _check_classes(self, classes):
        """Refuse classes that the network has no outputs for."""
        if self.warm_start:
            if set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same "
                    "classes as in the previous call to fit. Previously "
                    f"got {self.classes_}, `y` has {classes}"
                )
        elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                "`y` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes_}. 'y' has {classes}."
            )

    def _rows_of_targets(self, y, dtype):
        low, high, _ = meanings.targets_of(self._loss_of_network())
        return np.where(y, high, low).astype(dtype)

    def _all_weights(self, sample_weight, y, incremental):
        weights = super()._all_weights(sample_weight, y, incremental)
        if self.class_weight is None:
            return weights
        labels = self._label_binarizer.inverse_transform(y.astype(float), 0.5)
        of_classes = compute_sample_weight(self.class_weight, labels)
        if not (np.isfinite(of_classes) & (of_classes >= 0)).all():
            raise ValueError(f"class_weight must be finite and >= 0, got {self.class_weight!r}")
        return of_classes if weights is None else weights * of_classes

    def _score_of(self, y, weights):
        """The share of samples whose labels are all right."""
        threshold = meanings.targets_of(self._loss_of_network())[2]
        kind, n_classes = self._label_binarizer.y_type_, len(self.classes_)
        numbers = y.argmax(axis=1)

        def accuracy(outputs):
            if kind == "multiclass":
                right = outputs.argmax(axis=1) == numbers
            elif kind == "binary" and n_classes == 1:
                right = np.ones(len(outputs))
            else:
                right = ((outputs > threshold) == y).all(axis=1)
            return np.average(right, weights=weights)

        return accuracy

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    if VERSION < (1, 6):

        def _more_tags(self):
            return {"multilabel": True}
