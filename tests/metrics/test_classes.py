"""Metrics of classifications, against definitions written out, and against scikit-learn."""

import math
from itertools import product

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import metrics

RNG = np.random.default_rng(5)
N = 60
W = RNG.integers(1, 5, N).astype(float)


def softmax(z):
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


def drawn(n_classes):
    """Class numbers and probabilities that often fit them, with ties among the scores."""
    y = RNG.integers(0, n_classes, N)
    return y, softmax(np.round(RNG.normal(size=(N, n_classes)) + 1.5 * np.eye(n_classes)[y], 1))


TWO, THREE = drawn(2), drawn(3)
P = TWO[1][:, 1]
LABELS = RNG.random((N, 3)) < 0.4
ANSWERS = np.round(np.clip(0.3 * LABELS + RNG.random((N, 3)) * 0.7, 0, 1), 1)


def repeated(*arrays):
    """Every sample as often as its weight says."""
    return [np.repeat(each, W.astype(int), axis=0) for each in arrays]


OF_CHOICES = ["accuracy", "balanced_accuracy", "precision", "recall", "f1", "matthews"]
OF_OUTPUTS = ["auc", "average_precision", "log_loss", "brier"]


@pytest.mark.parametrize("name", [*OF_CHOICES, *OF_OUTPUTS])
@pytest.mark.parametrize(
    ("y", "outputs"), [TWO, (TWO[0], P), THREE], ids=["two", "one column", "3"]
)
def test_sample_of_weight_three_counts_as_three_samples(name, y, outputs):
    f = metrics.named(name)
    weighted = f(y, outputs, sample_weight=W)
    assert weighted == pytest.approx(f(*repeated(y, outputs)), rel=1e-12)
    assert weighted != pytest.approx(f(y, outputs), rel=1e-6)


@pytest.mark.parametrize("name", [*OF_CHOICES, *OF_OUTPUTS])
def test_targets_mean_the_same_in_every_shape(name):
    f, (y, outputs) = metrics.named(name), THREE
    names = ("ash", "oak", "elm")
    expected = f(y, outputs)
    for same in (
        y[:, None], y.astype(float), y.tolist(), np.eye(3)[y], dl.one_hot(y, 3),
        [names[k] for k in y], np.array(names)[y], np.array(names, object)[y],
    ):  # fmt: skip
        given = {"classes": names} if isinstance(np.ravel(same)[0], str) else {}
        assert f(same, outputs, **given) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", OF_CHOICES)
def test_chosen_classes_say_as_much_as_outputs(name):
    f, (y, outputs) = metrics.named(name), THREE
    chosen = outputs.argmax(axis=1)
    expected = f(y, outputs)
    names = np.array(["ash", "oak", "elm"])
    assert f(y, chosen) == pytest.approx(expected)
    assert f(np.eye(3)[y], chosen) == pytest.approx(expected)
    assert f(names[y], names[chosen]) == pytest.approx(expected)
    assert f(names[y], chosen, classes=names) == pytest.approx(expected)
    assert f(10 * y + 3, 10 * chosen + 3) == pytest.approx(expected)


@pytest.mark.parametrize("name", [*OF_CHOICES, *OF_OUTPUTS])
def test_one_column_is_the_probability_of_class_one(name):
    f, (y, outputs) = metrics.named(name), TWO
    expected = f(y, outputs)
    for same in (P, P[:, None], P.tolist()):
        assert f(y, same) == pytest.approx(expected)
        assert f(np.array(["no", "yes"])[y], same, classes=("no", "yes")) == pytest.approx(expected)


@pytest.mark.parametrize("name", [*OF_CHOICES, *OF_OUTPUTS])
def test_targets_of_tanh_are_moved_to_zero_and_one(name):
    f, y = metrics.named(name), TWO[0]
    assert f(2 * y - 1, 2 * P - 1) == pytest.approx(f(y, P))
    rows = np.eye(3)[THREE[0]]
    assert f(2 * rows - 1, 2 * THREE[1] - 1) == pytest.approx(f(rows, THREE[1]))


def test_labels_are_chosen_above_one_half():
    assert metrics.accuracy([[1, 1, 0], [0, 1, 1]], [[0.505, 0.9, 0.5], [0.2, 0.502, 0.8]]) == 1.0


def test_output_of_one_half_chooses_class_zero():
    assert metrics.accuracy([0, 0], [0.5, 0.5]) == 1.0
    assert metrics.accuracy([-1, 1], [0.0, 0.1]) == 1.0


def test_predictions_of_a_network_are_taken_as_they_are():
    net = dl.Network([2, 3], output="softmax", loss="cross_entropy")
    X = RNG.normal(size=(20, 2))
    y = net.predict(X).argmax(axis=1)
    assert metrics.accuracy(y, net.predict(X)) == 1.0
    assert metrics.log_loss(y, net.predict(X)) == pytest.approx(net.loss(X, y), rel=1e-5)


# definitions, written out


def counts(y, p, w, k):
    return (
        sum(w[t] for t in range(len(y)) if y[t] == p[t] == k),
        sum(w[t] for t in range(len(y)) if y[t] == k),
        sum(w[t] for t in range(len(y)) if p[t] == k),
    )


@pytest.mark.parametrize("n", [2, 3])
def test_precision_recall_and_f1_are_ratios_of_counts(n):
    y, outputs = drawn(n)
    p = outputs.argmax(axis=1)
    table = [counts(y, p, W, k) for k in range(n)]
    for name, ratio in (
        ("precision", lambda hits, true, found: hits / found),
        ("recall", lambda hits, true, found: hits / true),
        ("f1", lambda hits, true, found: 2 * hits / (true + found)),
    ):
        values, f = [ratio(*row) for row in table], metrics.named(name)
        assert f(y, outputs, sample_weight=W, average="macro") == pytest.approx(np.mean(values))
        auto = values[1] if n == 2 else np.mean(values)
        assert f(y, outputs, sample_weight=W) == pytest.approx(auto)
    assert metrics.balanced_accuracy(y, outputs, sample_weight=W) == pytest.approx(
        metrics.recall(y, outputs, sample_weight=W, average="macro")
    )


@pytest.mark.parametrize(("y", "scores"), [(TWO[0], P), (TWO[0], 10 * P - 3)], ids=["p", "scores"])
def test_auc_is_the_share_of_pairs_in_the_right_order(y, scores):
    pairs = [
        (W[i] * W[j], (scores[i] > scores[j]) + (scores[i] == scores[j]) / 2)
        for i, j in product(range(N), range(N)) if y[i] == 1 and y[j] == 0
    ]  # fmt: skip
    expected = sum(w * right for w, right in pairs) / sum(w for w, _ in pairs)
    assert metrics.auc(y, scores, sample_weight=W) == pytest.approx(expected, rel=1e-12)


def test_auc_of_several_classes_is_the_mean_of_one_against_the_rest():
    y, outputs = THREE
    expected = np.mean([metrics.auc(y == k, outputs[:, k]) for k in range(3)])
    assert metrics.auc(y, outputs) == pytest.approx(expected)


def test_average_precision_sums_over_thresholds():
    y, total, before = TWO[0], 0.0, 0.0
    for threshold in sorted(set(P), reverse=True):
        taken = threshold <= P
        recall = (W * y * taken).sum() / (W * y).sum()
        total += (recall - before) * (W * y * taken).sum() / (W * taken).sum()
        before = recall
    assert metrics.average_precision(y, P, sample_weight=W) == pytest.approx(total, rel=1e-12)


def test_matthews_of_two_classes_is_the_correlation_of_choices():
    y, chosen = TWO[0], P > 0.5
    assert metrics.matthews(y, P) == pytest.approx(np.corrcoef(y, chosen)[0, 1], rel=1e-12)


def test_log_loss_and_brier_are_means_of_terms():
    y, outputs = THREE
    expected = -sum(W[t] * math.log(outputs[t, y[t]]) for t in range(N)) / W.sum()
    assert metrics.log_loss(y, outputs, sample_weight=W) == pytest.approx(expected, rel=1e-12)
    expected = sum(W * ((outputs - np.eye(3)[y]) ** 2).sum(axis=1)) / W.sum()
    assert metrics.brier(y, outputs, sample_weight=W) == pytest.approx(expected, rel=1e-12)
    expected = np.mean((P - TWO[0]) ** 2)
    assert metrics.brier(*TWO) == metrics.brier(TWO[0], P) == pytest.approx(expected, rel=1e-12)


def test_softened_targets_weight_the_logarithms():
    soft = 0.9 * np.eye(3)[THREE[0]] + 0.1 / 3
    expected = -(soft * np.log(THREE[1])).sum(axis=1).mean()
    assert metrics.log_loss(soft, THREE[1]) == pytest.approx(expected, rel=1e-12)
    assert metrics.accuracy(soft, THREE[1]) == metrics.accuracy(*THREE)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_probability_zero_costs_the_logarithm_of_epsilon(dtype):
    eps = np.finfo(dtype).eps
    assert metrics.log_loss([1], np.array([0], dtype)) == pytest.approx(-math.log(eps))


def test_labels_are_questions_of_their_own():
    chosen = ANSWERS > 0.5
    assert metrics.accuracy(LABELS, ANSWERS) == (LABELS == chosen).all(axis=1).mean()
    for name in ("precision", "recall", "f1", "auc", "average_precision"):
        f = metrics.named(name)
        one_by_one = [f(LABELS[:, k], ANSWERS[:, k]) for k in range(3)]
        assert f(LABELS, ANSWERS) == pytest.approx(np.mean(one_by_one)), name
    p = np.clip(ANSWERS, np.finfo(float).eps, 1 - np.finfo(float).eps)
    expected = -np.where(LABELS, np.log(p), np.log1p(-p)).sum(axis=1).mean()
    assert metrics.log_loss(LABELS, ANSWERS) == pytest.approx(expected, rel=1e-12)


# edges


def test_class_that_nothing_was_predicted_as_has_precision_zero():
    assert metrics.precision([0, 1], [0, 0]) == 0.0
    assert metrics.f1([0, 1], [0, 0]) == 0.0
    assert metrics.recall([0, 0], [0, 1]) == 0.0


def test_classes_that_never_occur_do_not_count():
    outputs = np.eye(5)[[0, 1, 1, 0]]
    assert metrics.recall([0, 1, 1, 0], outputs) == 1.0
    assert metrics.balanced_accuracy([0, 1, 1, 0], outputs) == 1.0


def test_three_names_are_three_classes_though_two_occur():
    y, p = [0, 1, 1, 1], [0, 1, 0, 1]
    names = np.array(["a", "b", "c"])
    macro = metrics.recall(y, p, average="macro")
    assert metrics.recall(names[y], names[p], classes=names) == macro
    assert metrics.recall(names[y], names[p]) == metrics.recall(y, p) != macro


def test_curve_of_a_single_class_is_nan():
    assert math.isnan(metrics.auc([1, 1], [0.2, 0.3]))
    assert math.isnan(metrics.average_precision([0, 0], [0.2, 0.3]))
    assert metrics.auc([0, 1, 0], np.eye(3)[[0, 1, 0]]) == 1.0  # class 2 is left out


def test_matthews_of_a_single_class_is_zero():
    assert metrics.matthews([0, 1], [1, 1]) == 0.0
    assert metrics.matthews([1, 1], [0, 1]) == 0.0


def test_large_class_numbers_take_no_memory_of_their_size():
    y = [10**12, 5, 7]
    assert metrics.accuracy(y, y) == 1.0
    assert metrics.f1(y, y) == 1.0


@pytest.mark.parametrize("name", [*OF_CHOICES, *OF_OUTPUTS])
def test_arguments_are_left_alone(name):
    y, outputs = np.eye(3)[THREE[0]], THREE[1].copy()
    w = W.copy()
    for array in (y, outputs, w):
        array.flags.writeable = False
    metrics.named(name)(y, outputs, sample_weight=w)


@pytest.mark.parametrize(
    ("y", "p", "options", "text"),
    [
        ([0, 1], [0, 1, 1], {}, "one entry per sample each, got 2 and 3"),
        ([0, 3], np.eye(3)[:2], {}, "whole numbers from 0 to 2, got 3 at sample 1"),
        ([0, -2], [0, 1], {}, "must be whole numbers >= 0, got -2 at sample 1"),
        ([0.5, 1], [0, 1], {}, "got 0.5 at sample 0; for numbers use a metric of regressions"),
        ([0, 2], [0.3, 1], {}, "up to 2, but.*not whole, such as 0.3; give one column per class"),
        (np.eye(2), np.eye(3)[:2], {}, "Y_true has 2 columns and Y_predicted 3"),
        ([[0.3, 0.3]], [[0.3, 0.3]], {}, "must sum to 1, or hold a 0 or 1 for every label"),
        ([[1, 1], [0, 1]], [0, 1], {}, "Y_true has 2 labels per sample, so Y_predicted needs 2"),
        (["a", "b"], [0, 1], {}, "Y_true has names of classes.*classes=net.classes"),
        ([0, 1], ["a", "b"], {}, "Y_predicted has names of classes.*classes=net.classes"),
        (["a", "b"], [0, 1], {"classes": ["a", "c"]}, "Y_true has the class 'b', which is not one"),
        (["a", "b"], [0, 2], {"classes": ["a", "b"]}, "whole numbers from 0 to 1, got 2"),
        ([0, np.nan], [0, 1], {}, "Y_true must be finite, got nan"),
        ([0, 1], [[0, np.inf]] * 2, {}, "Y_predicted must be finite, got inf"),
        ([[[0]]], [0], {}, r"Y_true must have shape \(n_samples,\).*got shape \(1, 1, 1\)"),
        ([0, 1], [0, 1], {"sample_weight": [1, -1]}, "sample_weight must be >= 0"),
        ([0, 1], [0, 1], {"sample_weight": [0, 0]}, "sample_weight is 0 for every sample"),
        ([], [], {}, "Y_true is empty"),
        ([[1], [1, 2]], [0, 1], {}, "Y_true cannot be read as an array of numbers"),
    ],
)
def test_what_stands_for_no_classes_is_refused(y, p, options, text):
    with pytest.raises(dl.InvalidInputError, match=text):
        metrics.accuracy(y, p, **options)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: metrics.auc([0, 1, 2], [0, 1, 1]), "auc needs a number for every class"),
        (lambda: metrics.log_loss([0, 1], [-0.5, 2.0]), "needs probabilities.*from -1 to 2"),
        (lambda: metrics.brier([0, 1], [[3.0, -2], [1, 1]]), "needs probabilities.*from -2 to 3"),
        (lambda: metrics.f1([0, 1], [0, 1], average="micro"), "'auto', 'binary' or 'macro', got"),
        (lambda: metrics.f1(*THREE, average="binary"), "needs two classes, got 3"),
        (lambda: metrics.matthews(LABELS, ANSWERS), "one class per sample.*one by one"),
        (lambda: metrics.balanced_accuracy(LABELS, ANSWERS), "one class per sample"),
    ],
)
def test_what_a_metric_cannot_do_is_refused(call, text):
    with pytest.raises(dl.InvalidInputError, match=text):
        call()


@pytest.mark.parametrize("wrong", ["ab", 5, True, np.array(2)])
@pytest.mark.parametrize("side", [["a"], [0]])
def test_classes_are_a_sequence(side, wrong):
    with pytest.raises(dl.InvalidTypeError, match="classes must be a sequence of names, got"):
        metrics.accuracy(side, side, classes=wrong)


def test_classes_may_come_one_by_one():
    assert metrics.accuracy([0, 1], [0, 2], classes=iter("abc")) == 0.5


# scikit-learn

SAME = {
    "accuracy": lambda m, y, p, w: m.accuracy_score(y, p.argmax(axis=1), sample_weight=w),
    "balanced_accuracy": lambda m, y, p, w: m.balanced_accuracy_score(
        y, p.argmax(axis=1), sample_weight=w
    ),
    "precision": lambda m, y, p, w: m.precision_score(
        y, p.argmax(axis=1), sample_weight=w, average=average(p), zero_division=0
    ),
    "recall": lambda m, y, p, w: m.recall_score(
        y, p.argmax(axis=1), sample_weight=w, average=average(p)
    ),
    "f1": lambda m, y, p, w: m.f1_score(y, p.argmax(axis=1), sample_weight=w, average=average(p)),
    "matthews": lambda m, y, p, w: m.matthews_corrcoef(y, p.argmax(axis=1), sample_weight=w),
    "auc": lambda m, y, p, w: m.roc_auc_score(
        y, p if p.shape[1] > 2 else p[:, 1], sample_weight=w, multi_class="ovr"
    ),
    "average_precision": lambda m, y, p, w: m.average_precision_score(
        np.eye(p.shape[1])[y] if p.shape[1] > 2 else y,
        p if p.shape[1] > 2 else p[:, 1], sample_weight=w,
    ),
    "log_loss": lambda m, y, p, w: m.log_loss(y, p, sample_weight=w),
    "brier": lambda m, y, p, w: m.brier_score_loss(
        y, p if p.shape[1] > 2 else p[:, 1], sample_weight=w
    ),
}  # fmt: skip


def average(p):
    return "macro" if p.shape[1] > 2 else "binary"


@pytest.mark.parametrize("weights", [None, W], ids=["alike", "weighted"])
@pytest.mark.parametrize("n", [2, 3, 6])
@pytest.mark.parametrize("name", SAME)
def test_scikit_learn_has_the_same_value(name, n, weights):
    sklearn = pytest.importorskip("sklearn.metrics")
    y, outputs = drawn(n)
    expected = SAME[name](sklearn, y, outputs, weights)
    assert metrics.named(name)(y, outputs, sample_weight=weights) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["accuracy", "precision", "recall", "f1"])
def test_scikit_learn_has_the_same_value_of_labels(name):
    sklearn = pytest.importorskip("sklearn.metrics")
    more = {} if name == "accuracy" else {"average": "macro"}
    expected = getattr(sklearn, f"{name}_score")(LABELS, ANSWERS > 0.5, sample_weight=W, **more)
    assert metrics.named(name)(LABELS, ANSWERS, sample_weight=W) == pytest.approx(expected)


def test_one_text_is_a_text():
    assert metrics.accuracy(np.array(["b"], object), ["b"], classes=("a", "b")) == 1.0


def test_numbers_among_objects_are_no_texts():
    y, chosen = np.array([0, 1, 1], object), np.array([0, 1, 0], object)
    assert metrics.accuracy(y, chosen) == pytest.approx(2 / 3)
    assert metrics.accuracy(y, [0, 1, 0]) == metrics.accuracy([0, 1, 0], y) == pytest.approx(2 / 3)
    assert metrics.accuracy(y, np.array([0.0, 1.0, 0.0], object)) == pytest.approx(2 / 3)
