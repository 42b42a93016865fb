"""Scores beside those of the constant answer, by hand and by scikit-learn."""

import numpy as np
import pytest

from deltaloop.app import scores
from deltaloop.app.class_tables import confusion_table, recall_table
from deltaloop.app.importance import importances, table
from deltaloop.app.scores import Score, class_scores, value_scores


def by_name(found):
    return {score.name: (score.value, score.constant) for score in found}


def test_two_classes_by_hand():
    P = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]])
    found = by_name(class_scores(P, np.array([0, 0, 1, 1]), np.array([0.75, 0.25])))
    assert found["accuracy"] == (0.5, 0.5)
    assert found["AUC"] == (0.75, 0.5)
    losses = -np.log([0.9, 0.4, 0.8, 0.3]).mean(), -np.log([0.75, 0.75, 0.25, 0.25]).mean()
    assert found["log loss"] == pytest.approx(losses)


def test_three_classes_have_no_auc_and_outputs_no_log_loss():
    P, codes = np.eye(3), np.array([0, 1, 1])
    found = by_name(class_scores(P, codes, np.ones(3) / 3))
    assert list(found) == ["accuracy", "log loss"]
    assert found["accuracy"] == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert np.isfinite(found["log loss"][0])
    assert list(by_name(class_scores(P, codes, np.ones(3) / 3, probable=False))) == ["accuracy"]


def test_auc_of_one_class_is_undefined():
    found = by_name(class_scores(np.eye(2), np.array([0, 0]), np.array([0.5, 0.5])))
    assert found["AUC"] == (None, 0.5)


def test_values_by_hand_with_the_best_constants_of_the_training_rows():
    out, y = np.array([[1.0], [2.0], [6.0]]), np.array([[1.0], [4.0], [4.0]])
    found = by_name(value_scores(out, y, np.array([[0.0], [0.0], [6.0]]), ("price",)))
    assert found["RMSE"] == pytest.approx((np.sqrt(8 / 3), np.sqrt((1 + 4 + 4) / 3)))  # mean 2
    assert found["MAE"] == pytest.approx((4 / 3, 3))  # median 0
    assert found["R2"] == (pytest.approx(1 - 8 / 6), None)


def test_every_target_has_scores_of_its_own():
    y = np.array([[1.0, 5.0], [2.0, 5.0]])
    found = by_name(value_scores(y, y, y, ("a", "b")))
    assert list(found) == ["RMSE of a", "MAE of a", "R2 of a", "RMSE of b", "MAE of b", "R2 of b"]
    assert found["R2 of a"][0] == 1
    assert found["R2 of b"][0] is None


def test_log_loss_and_auc_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(0)
    P, codes = generator.dirichlet([1, 1], 50), generator.integers(0, 2, 50)
    found = by_name(class_scores(P, codes, np.array([0.3, 0.7])))
    assert found["AUC"][0] == pytest.approx(metrics.roc_auc_score(codes, P[:, 1]))
    assert found["log loss"][0] == pytest.approx(metrics.log_loss(codes, P))


def test_classes_are_uneven_where_one_is_half_as_frequent_again():
    assert not scores.is_uneven(np.repeat([0, 1], [60, 40]), 2)
    assert scores.is_uneven(np.repeat([0, 1], [61, 40]), 2)
    assert scores.is_uneven(np.repeat([0, 1], [50, 50]), 3)


COUNTS = np.array([[8, 2, 0], [1, 3, 0], [0, 0, 0]])


def test_confusion_counts_rows_by_true_class():
    codes = np.repeat([0, 0, 1, 1], [8, 2, 1, 3])
    P = np.eye(3)[np.repeat([0, 1, 0, 1], [8, 2, 1, 3])]
    assert (scores.confusion(P, codes) == COUNTS).all()


def test_recall_and_precision_of_the_classes_that_occur():
    head, lines = recall_table(COUNTS, "abc")
    assert head == ("class", "rows", "recall", "precision")
    assert lines == [("a", "10", "80.0 %", "88.9 %"), ("b", "4", "75.0 %", "60.0 %")]


def test_of_many_classes_the_worst_recalls_and_the_most_frequent_mistakes_are_told():
    counts = np.diag(np.full(30, 10))
    counts[3, 4], counts[7, 1], counts[3, 3] = 5, 6, 9
    names = [f"c{k}" for k in range(30)]
    _, lines = recall_table(counts, names)
    assert [line[0] for line in lines[:2]] == ["c7", "c3"]
    assert len(lines) == 20
    head, lines = confusion_table(counts, names)
    assert head == ("true", "predicted", "rows")
    assert lines == [("c7", "c1", "6"), ("c3", "c4", "5")]


def test_confusion_table_of_few_classes_has_them_all():
    assert confusion_table(COUNTS, "abc") == (
        ("true \\ predicted", "a", "b", "c"),
        [("a", "8", "2", "0"), ("b", "1", "3", "0"), ("c", "0", "0", "0")],
    )


def test_importance_finds_the_column_that_tells_of_the_target_and_changes_nothing():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(200, 4))
    X.flags.writeable = False

    def scored(X, y):  # what is predicted is column 1, and the last one a little
        return value_scores(X[:, 1:2] + 0.1 * X[:, 3:], y, y, ("y",))

    y = X[:, 1:2] + 0.1 * X[:, 3:]
    columns = {"nothing": slice(0, 1), "much": slice(1, 3), "little": slice(3, 4)}
    found = importances(scored, X, y, columns)
    assert list(found) == ["much", "little", "nothing"]
    r2 = {name: each[-1].value for name, each in found.items()}
    assert r2["nothing"] == 1
    assert -1.5 < r2["much"] < -0.5  # of two independent samples: 1 - 2
    assert 0.95 < r2["little"] < 1
    title, head, lines = table("test", scored, X, y, columns)
    assert head == ("column shuffled", "RMSE", "MAE", "R2")
    assert [line[0] for line in lines] == ["(none)", "much", "little", "nothing"]
    assert title.startswith("test scores")


def test_importance_goes_by_accuracy_where_there_is_nothing_better():
    X, y = np.repeat(np.eye(2), 50, axis=0), np.repeat([0, 1], 50)

    def scored(X, y):
        return [Score("accuracy", float(np.mean(X[:, 1] == y))), Score("AUC", None)]

    assert list(importances(scored, X, y, {"a": slice(0, 1), "b": slice(1, 2)})) == ["b", "a"]


@pytest.mark.parametrize("factor", [2.0**-1020, 2.0**-600, 2.0**600, 2.0**1000])
def test_scores_of_values_go_with_their_magnitude(factor):
    out, y = np.array([[1.0], [2.0], [6.0]]), np.array([[1.0], [4.0], [4.0]])
    plain, found = (by_name(value_scores(out * f, y * f, y * f, ("y",))) for f in (1.0, factor))
    assert found["R2"] == plain["R2"]
    for name in ("RMSE", "MAE"):
        assert found[name] == tuple(factor * value for value in plain[name])
