"""Metrics of classifications: how often the right class is chosen, or how probable it is made."""

import inspect

import numpy as np

from ..errors import InvalidInputError, shown
from ..inputs.checks import any_size
from ..text import before_examples
from .names import metric
from .pairs import Pair, pair

_ARGUMENTS = """

    Parameters
    ----------
    Y_true : array_like, shape (n_samples,) or (n_samples, n_classes)
        Class numbers, one-hot rows, or names of classes.
    Y_predicted : array_like, shape (n_samples,) or (n_samples, n_classes)
        What `Network.predict` returns, or the classes that were chosen.AVERAGE
    sample_weight : array_like, shape (n_samples,), optional
        >= 0.
    classes : sequence of str, optional
        Names of the classes in the order of their numbers, such as `Network.classes`.

    Returns
    -------
    float

    Raises
    ------
    InvalidInputError, InvalidTypeError
        Values that stand for no classes, or shapes that do not fit each other.
"""
_AVERAGE = """
    average : {'auto', 'binary', 'macro'}, default 'auto'
        'binary': of class 1, the second of two. 'macro': mean over the classes that occur on
        either side, all with the same weight. 'auto': binary where there are two classes."""


def _described(function):
    """Add what all of these functions share to the docstring, before the examples."""
    has_average = "average" in inspect.signature(function).parameters
    shared = _ARGUMENTS.replace("AVERAGE", _AVERAGE if has_average else "")
    function.__doc__ = before_examples(function.__doc__, shared)
    return function


@metric(higher_is_better=True)
@_described
@any_size
def accuracy(Y_true, Y_predicted, *, sample_weight=None, classes=None) -> float:
    """Share of the samples whose class is right; multi-label: all of whose labels are.

    Examples
    --------
    >>> from deltaloop import metrics
    >>> metrics.accuracy([0, 1, 1, 1], [[0.2], [0.6], [0.9], [0.3]])
    0.75
    """
    found = pair(Y_true, Y_predicted, sample_weight, classes)
    right = found.true == found.predicted
    if found.multilabel:
        right = right.all(axis=1)
    # the sum of weights may be off 1 by a rounding
    return 1.0 if right.all() else float(found.weights[right].sum())


@metric(higher_is_better=True)
@_described
@any_size
def balanced_accuracy(Y_true, Y_predicted, *, sample_weight=None, classes=None) -> float:
    """Mean over the classes that occur of the share of their samples that is right.

    Brodersen et al. (2010). Always guessing one of two classes gives 1/2, whatever their shares.

    Examples
    --------
    >>> from deltaloop import metrics
    >>> metrics.balanced_accuracy([0, 0, 0, 1], [0, 0, 0, 0])
    0.5
    """
    found = pair(Y_true, Y_predicted, sample_weight, classes).single("balanced_accuracy")
    hits, true, _ = _counts(found)
    return float(np.mean(hits[true > 0] / true[true > 0]))


@metric(higher_is_better=True)
@_described
@any_size
def precision(
    Y_true, Y_predicted, *, sample_weight=None, classes=None, average="auto"
) -> float:  # fmt: skip
    """Share of what was predicted as a class that belongs to it; 0 where nothing was.

    Examples
    --------
    >>> from deltaloop import metrics
    >>> metrics.precision([0, 1, 1, 0], [0, 1, 1, 1])
    0.6666666666666666
    """
    return _of_classes(
        pair(Y_true, Y_predicted, sample_weight, classes), average,
        lambda hits, true, predicted: (hits, predicted),
    )  # fmt: skip


@metric(higher_is_better=True)
@_described
@any_size
def recall(
    Y_true, Y_predicted, *, sample_weight=None, classes=None, average="auto"
) -> float:  # fmt: skip
    """Share of a class that was predicted as it; 0 for a class without samples.

    Examples
    --------
    >>> from deltaloop import metrics
    >>> metrics.recall([0, 1, 1, 0], [0, 1, 0, 1])
    0.5
    """
    return _of_classes(
        pair(Y_true, Y_predicted, sample_weight, classes), average,
        lambda hits, true, predicted: (hits, true),
    )  # fmt: skip


@metric(higher_is_better=True)
@_described
@any_size
def f1(
    Y_true, Y_predicted, *, sample_weight=None, classes=None, average="auto"
) -> float:  # fmt: skip
    """Harmonic mean of precision P and recall R, 2 P R / (P + R); macro: the mean of these.

    Examples
    --------
    >>> from deltaloop import metrics
    >>> metrics.f1([0, 1, 1, 0], [0, 1, 1, 1])
    0.8
    """
    return _of_classes(
        pair(Y_true, Y_predicted, sample_weight, classes), average,
        lambda hits, true, predicted: (2 * hits, true + predicted),
    )  # fmt: skip


@metric(higher_is_better=True)
@_described
@any_size
def matthews(Y_true, Y_predicted, *, sample_weight=None, classes=None) -> float:
    """Matthews' correlation of true and predicted classes, from -1 to 1; 0 is guessing.

    With c the share of right samples, t_k and p_k those that are, and are predicted as, class k:
    (c - sum t_k p_k) / sqrt((1 - sum p_k^2) (1 - sum t_k^2)); Gorodkin (2004). 0 where one side
    has a single class.

    Examples
    --------
    >>> from deltaloop import metrics
    >>> metrics.matthews([0, 1, 1, 0], [1, 0, 0, 1])
    -1.0
    """
    found = pair(Y_true, Y_predicted, sample_weight, classes).single("matthews")
    hits, true, predicted = _counts(found)
    if max(np.count_nonzero(true), np.count_nonzero(predicted)) < 2:
        return 0.0
    spread = (true.sum() ** 2 - true @ true) * (predicted.sum() ** 2 - predicted @ predicted)
    both = hits.sum() * true.sum() - true @ predicted
    return float(both / np.sqrt(spread)) if spread > 0 else 0.0


@metric(higher_is_better=True)
@_described
@any_size
def auc(Y_true, Y_predicted, *, sample_weight=None, classes=None) -> float:
    """Area under the ROC curve: how probably a sample of a class gets the higher score.

    Of a sample of the class and one of another, equal scores counting 1/2 (Hanley & McNeil 1982).
    Only the order of the scores counts, so they need not be probabilities. More than two
    classes, or several labels: the mean of every class against all others. A class without
    samples, or with all of them, is left out; nan where that leaves none.

    Examples
    --------
    >>> from deltaloop import metrics
    >>> metrics.auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """

    def area(wanted, other):
        below = np.cumsum(other) - other
        return (wanted @ (below + other / 2)) / (wanted.sum() * other.sum())

    return _of_scores("auc", area, Y_true, Y_predicted, sample_weight, classes)


@metric(higher_is_better=True)
@_described
@any_size
def average_precision(Y_true, Y_predicted, *, sample_weight=None, classes=None) -> float:
    """Area under precision over recall: sum of (R_k - R_(k-1)) P_k over falling thresholds.

    For a class that is rare it says more than `auc`: guessing gives its share. Classes and
    labels as in `auc`.

    Examples
    --------
    >>> from deltaloop import metrics
    >>> metrics.average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.8333333333333333
    """

    def area(wanted, other):
        hits, taken = np.cumsum(wanted[::-1]), np.cumsum((wanted + other)[::-1])
        shares = hits / np.where(taken > 0, taken, 1)
        return (wanted[::-1] @ shares) / wanted.sum()

    return _of_scores("average_precision", area, Y_true, Y_predicted, sample_weight, classes)


@metric(higher_is_better=False)
@_described
@any_size
def log_loss(Y_true, Y_predicted, *, sample_weight=None, classes=None) -> float:
    """Mean of -log of the probability of the true class: the cross-entropy, in nats.

    Softened targets y weight it, -sum_k y_k log p_k. Several labels: the sum over the labels of
    -log of the probability of what is true. p is limited to [eps, 1 - eps] with the machine
    epsilon of Y_predicted.

    Examples
    --------
    >>> from deltaloop import metrics
    >>> metrics.log_loss([1, 0], [0.5, 0.5])
    0.6931471805599453
    """
    found = pair(Y_true, Y_predicted, sample_weight, classes)
    p = np.clip(_probabilities("log_loss", found), found.eps, 1 - found.eps)
    y = _rows(found)
    losses = -(y * np.log(p)).sum(axis=1)
    if found.multilabel:
        losses -= ((1 - y) * np.log1p(-p)).sum(axis=1)
    return float(found.weights @ losses)


@metric(higher_is_better=False)
@_described
@any_size
def brier(Y_true, Y_predicted, *, sample_weight=None, classes=None) -> float:
    """Mean squared error of the probabilities: (y - p)^2 of class 1, or its sum over all classes.

    The sum is that of more than two classes, or several labels; Brier (1950) takes it for two
    classes as well, which doubles it.

    Examples
    --------
    >>> from deltaloop import metrics
    >>> metrics.brier([1, 0], [0.5, 0.0])
    0.125
    """
    found = pair(Y_true, Y_predicted, sample_weight, classes)
    p, y = _probabilities("brier", found), _rows(found)
    if found.n_classes == 2 and not found.multilabel:
        p, y = p[:, 1:], y[:, 1:]
    return float(found.weights @ ((y - p) ** 2).sum(axis=1))


def _counts(found: Pair):
    """Weight per class: right samples, those that are of it, those that were predicted as it."""
    w, n = found.weights, found.n_classes
    if found.multilabel:
        return w @ (found.true & found.predicted), w @ found.true, w @ found.predicted
    right = found.true == found.predicted
    return (
        np.bincount(found.true[right], w[right], n),
        np.bincount(found.true, w, n),
        np.bincount(found.predicted, w, n),
    )


def _of_classes(found, average, ratio):
    """A ratio of counts of one class, or its mean over the classes."""
    if average not in ("auto", "binary", "macro"):
        raise InvalidInputError(
            f"average must be 'auto', 'binary' or 'macro', got {shown(average)}"
        )
    hits, true, predicted = _counts(found)
    two = found.n_classes == 2 and not found.multilabel
    if average == "binary" and not two:
        raise InvalidInputError(
            f"average='binary' needs two classes, got {found.n_classes}; use average='macro'"
        )
    above, below = ratio(hits, true, predicted)
    values = np.where(below > 0, above / np.where(below > 0, below, 1), 0.0)
    if two and average != "macro":
        return float(values[1])
    occurs = np.full(len(values), True) if found.multilabel else true + predicted > 0
    return float(values[occurs].mean())


def _of_scores(name, area, Y_true, Y_predicted, sample_weight, classes):
    """Of class 1 of two, or the mean over classes that have samples inside and outside."""
    found = pair(Y_true, Y_predicted, sample_weight, classes, ranks=True)
    scores = found.scored(name)
    two = found.n_classes == 2 and not found.multilabel
    areas = []
    for k in [1] if two else range(found.n_classes):
        inside = found.true[:, k] if found.multilabel else found.true == k
        # weight of either side at every score that occurs, from the lowest on
        _, places = np.unique(scores[:, k], return_inverse=True)
        wanted = np.bincount(places, found.weights * inside)
        other = np.bincount(places, found.weights * ~inside)
        if wanted.any() and other.any():
            areas.append(area(wanted, other))
    return float(np.mean(areas)) if areas else float("nan")


def _probabilities(name, found):
    p = found.scored(name, "probabilities")
    if p.min() < 0 or p.max() > 1:
        raise InvalidInputError(
            f"{name} needs probabilities, got values of Y_predicted from {p.min():g} to "
            f"{p.max():g}; use output='sigmoid' or 'softmax' in the network"
        )
    return p


def _rows(found):
    """Targets as rows."""
    if found.soft is not None:
        return found.soft
    if found.multilabel:
        return found.true.astype(np.float64)
    return (found.true[:, None] == np.arange(found.n_classes)).astype(np.float64)
