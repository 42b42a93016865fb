"""What metrics get, checked: true and predicted values side by side, and weights that sum to 1."""

from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError, shown
from ..inputs import validation
from ..inputs.checks import as_numbers, check_finite

_TO_ONE = 1e-3  # how far rows of targets may be from a sum of 1, as at the door of `fit`


def numbers(Y_true, Y_predicted, sample_weight):
    """Both as float64, shape (n_samples, n_out), and the weights, shape (n_samples,), all > 0."""
    y, p = _columns("Y_true", Y_true), _columns("Y_predicted", Y_predicted)
    if y.shape != p.shape:
        hint = ""
        if y.shape[1] == 1 < p.shape[1]:
            hint = "; for class numbers use accuracy, or another metric of classes"
        raise InvalidInputError(
            f"Y_true and Y_predicted must have the same shape, got {y.shape} and {p.shape}{hint}"
        )
    w = _weights(sample_weight, len(y))
    return (y, p, w) if w.all() else (y[w > 0], p[w > 0], w[w > 0])


@dataclass(frozen=True)
class Pair:
    """Classes, true and predicted.

    Attributes
    ----------
    true : ndarray, shape (n_samples,) intp or (n_samples, n_classes) bool
        Class numbers; of several labels, whether each holds.
    scores : ndarray of float64, shape (n_samples, n_classes), or None
        What the outputs say for every class; None where class numbers were predicted.
    predicted : ndarray
        Chosen classes, as `true`.
    n_classes : int
    soft : ndarray of float64, shape (n_samples, n_classes), or None
        Targets that were rows.
    weights : ndarray, shape (n_samples,)
        With the sum 1.
    eps : float
        Machine epsilon of what was predicted.
    """

    true: np.ndarray
    scores: np.ndarray | None
    predicted: np.ndarray
    n_classes: int
    soft: np.ndarray | None
    weights: np.ndarray
    eps: float

    @property
    def multilabel(self) -> bool:
        """Whether every output is a question of its own."""
        return self.true.ndim == 2

    def single(self, what: str) -> "Pair":
        """The pair itself, if every sample has one class."""
        if self.multilabel:
            raise InvalidInputError(
                f"{what} needs one class per sample, but rows of Y_true do not sum to 1; give the "
                "outputs one by one, Y_true[:, 0] and Y_predicted[:, 0]"
            )
        return self

    def scored(self, what: str, advice: str = "what net.predict(X) returns") -> np.ndarray:
        """The scores, if there are any."""
        if self.scores is None:
            raise InvalidInputError(
                f"{what} needs a number for every class, but Y_predicted has class numbers; "
                f"give {advice}"
            )
        return self.scores


def pair(Y_true, Y_predicted, sample_weight, classes=None, ranks: bool = False) -> Pair:
    """Targets and predictions as classes; see `deltaloop.metrics` for what stands for what.

    ranks: a single column of predictions gives scores of any size for class 1, though they may
    look like class numbers.
    """
    classes = _names(classes)
    true, predicted = _coded(Y_true, Y_predicted, classes)
    y, p = _columns("Y_true", true), _columns("Y_predicted", predicted)
    if len(y) != len(p):
        raise InvalidInputError(
            f"Y_true and Y_predicted must have one entry per sample each, got {len(y)} and {len(p)}"
        )
    eps = float(np.finfo(predicted.dtype if predicted.dtype.kind == "f" else np.float64).eps)
    weights = _weights(sample_weight, len(y))
    if y.min() == -1 and np.isin(y, (-1, 1)).all():  # targets of tanh
        y, p = (y + 1) / 2, p if ranks else (p + 1) / 2
    if p.shape[1] > 1:
        return _from_rows(y, p, weights, eps)
    n_classes = None if classes is None else len(classes)
    return _from_column(y, p[:, 0], weights, eps, ranks, n_classes)


def _names(classes):
    """The argument `classes` as a tuple, or None."""
    if classes is None:
        return None
    if isinstance(classes, str | bytes) or not np.iterable(classes):
        raise InvalidTypeError(f"classes must be a sequence of names, got {shown(classes)}")
    return tuple(classes)


def _from_rows(y, p, weights, eps):
    """A score for every class."""
    n = p.shape[1]
    if y.shape[1] == 1:
        true = _class_numbers("Y_true", y[:, 0], n)
        return Pair(true, p, p.argmax(axis=1), n, None, weights, eps)
    if y.shape[1] != n:
        raise InvalidInputError(
            f"Y_true has {y.shape[1]} columns and Y_predicted {n}; both have one per class"
        )
    if (np.abs(y.sum(axis=1) - 1) <= _TO_ONE).all():
        return Pair(y.argmax(axis=1), p, p.argmax(axis=1), n, y, weights, eps)
    if not np.isin(y, (0, 1)).all():
        raise InvalidInputError(
            "rows of Y_true must sum to 1, or hold a 0 or 1 for every label; for other numbers use "
            "a metric of regressions, such as r2"
        )
    return Pair(y == 1, p, p > 0.5, n, y, weights, eps)


def _from_column(y, p, weights, eps, ranks, n_classes):
    """Class numbers, or a score of class 1."""
    if y.shape[1] > 1:
        n = y.shape[1]
        if not (np.abs(y.sum(axis=1) - 1) <= _TO_ONE).all():
            raise InvalidInputError(
                f"Y_true has {n} labels per sample, so Y_predicted needs {n} columns, got 1"
            )
        chosen = _class_numbers("Y_predicted", p, n)
        return Pair(y.argmax(axis=1), None, chosen, n, y, weights, eps)
    y = _class_numbers("Y_true", y[:, 0], n_classes)
    two = y.max() <= 1 and (n_classes or 2) == 2
    if two and (ranks or (np.floor(p) != p).any() or np.isin(p, (0, 1)).all()):
        scores = np.stack((1 - p, p), axis=1)
        return Pair(y, scores, (p > 0.5).astype(np.intp), 2, None, weights, eps)
    if (np.floor(p) != p).any():
        raise InvalidInputError(
            f"Y_true has class numbers up to {y.max()}, but Y_predicted one number per sample that "
            f"is not whole, such as {p[np.floor(p) != p][0]:g}; give one column per class, or, for "
            "numbers, use a metric of regressions, such as r2"
        )
    chosen = _class_numbers("Y_predicted", p, n_classes)
    if n_classes is None:
        found, places = np.unique(np.concatenate((y, chosen)), return_inverse=True)
        n_classes = 2
        if found[-1] > 1:  # whatever the numbers are: only which are equal counts
            y, chosen = places[: len(y)], places[len(y) :]
            n_classes = max(len(found), 3)  # not two: then the second one would be class 1
    return Pair(y, None, chosen, n_classes, None, weights, eps)


def _class_numbers(name, values, n_classes):
    wrong = np.flatnonzero(
        (values != np.floor(values)) | (values < 0) | (values >= (n_classes or 2.0**53))
    )
    if wrong.size:
        accepted = ">= 0" if n_classes is None else f"from 0 to {n_classes - 1}"
        raise InvalidInputError(
            f"classes in {name} must be whole numbers {accepted}, got {values[wrong[0]]:g} at "
            f"sample {wrong[0]}; for numbers use a metric of regressions, such as r2"
        )
    return values.astype(np.intp)


def _coded(Y_true, Y_predicted, classes):
    """Both as arrays, names of classes as their numbers."""
    try:
        sides = [np.asarray(side) for side in (Y_true, Y_predicted)]
    except (ValueError, TypeError, OverflowError):
        sides = []  # the reason is told below
    text = [_is_text(side) for side in sides]
    if not any(text):
        return as_numbers("Y_true", Y_true), as_numbers("Y_predicted", Y_predicted)
    if classes is None:
        if not all(text):
            side = ("Y_true", "Y_predicted")[text.index(True)]
            raise InvalidInputError(
                f"{side} has names of classes, the other side numbers; give the names in the order "
                "of the numbers, classes=net.classes"
            )
        classes = np.unique(np.concatenate([side.astype(str).ravel() for side in sides]))
    number_of = {str(name): number for number, name in enumerate(classes)}
    for k, name in enumerate(("Y_true", "Y_predicted")):
        if text[k]:
            unknown = [each for each in sides[k].ravel().tolist() if str(each) not in number_of]
            if unknown:
                raise InvalidInputError(
                    f"{name} has the class {shown(unknown[0])}, which is not one of classes="
                    f"{shown(tuple(number_of))}"
                )
            numbers = [number_of[str(each)] for each in sides[k].ravel().tolist()]
            sides[k] = np.array(numbers, np.float64).reshape(sides[k].shape)
        else:
            sides[k] = as_numbers(name, sides[k])
    return sides[0], sides[1]


def _is_text(array):
    return array.dtype.kind in "UT" or (
        array.dtype.kind == "O" and array.size > 0 and all(isinstance(v, str) for v in array.flat)
    )


def _columns(name, values):
    """Finite float64, shape (n_samples, n_columns)."""
    array = as_numbers(name, values)
    if array.ndim not in (1, 2):
        raise InvalidInputError(
            f"{name} must have shape (n_samples,) or (n_samples, n_out), got shape {array.shape}"
        )
    array = array.reshape(len(array), -1).astype(np.float64, copy=False)
    check_finite(name, array)
    return array


def _weights(values, n):
    weights = validation.weights(values, n)
    if weights is None:
        return np.full(n, 1 / n)
    return weights / weights.sum()
