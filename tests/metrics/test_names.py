"""Metrics by name: the table, the direction that is good, and names of other libraries."""

import inspect

import pytest

import deltaloop as dl
from deltaloop import metrics

LOWER = {"log_loss", "brier", "mse", "rmse", "mae", "mape"}


@pytest.mark.parametrize("name", metrics.METRICS)
def test_every_metric_says_which_direction_is_good(name):
    f = metrics.named(name)
    assert f is getattr(metrics, name)
    assert f.higher_is_better is (name not in LOWER)
    good, bad = ([0, 1, 1, 0], [0.1, 0.9, 0.8, 0.2]), ([0, 1, 1, 0], [0.7, 0.1, 0.6, 0.6])
    assert (f(*good) > f(*bad)) == f.higher_is_better


@pytest.mark.parametrize("name", metrics.METRICS)
def test_every_metric_is_described(name):
    text = inspect.getdoc(metrics.named(name))
    for section in ("Parameters", "sample_weight", "Returns", "Raises", "Examples"):
        assert section in text
    assert "AVERAGE" not in text
    assert name in metrics.__doc__


@pytest.mark.parametrize(
    ("asked", "offered"),
    [
        ("acc", "accuracy"),
        ("Accuracy", "accuracy"),
        ("acuraci", "accuracy"),
        ("accuracy_score", "accuracy"),
        ("sparse_categorical_accuracy", "accuracy"),
        ("roc_auc", "auc"),
        ("roc_auc_score", "auc"),
        ("r2_score", "r2"),
        ("R^2", "r2"),
        ("neg_log_loss", "log_loss"),
        ("neg_root_mean_squared_error", "rmse"),
        ("brier_score_loss", "brier"),
        ("matthews_corrcoef", "matthews"),
        ("mean_absolute_percentage_error", "mape"),
        ("F1", "f1"),
        ("f1_score", "f1"),
        ("mcc", "matthews"),
    ],
)
def test_nearest_name_is_offered(asked, offered):
    with pytest.raises(dl.InvalidInputError, match=f"did you mean '{offered}'"):
        metrics.named(asked)


def test_name_like_no_other_gets_the_list():
    with pytest.raises(dl.InvalidInputError, match=r"expected one of 'accuracy', 'auc'.*your own"):
        metrics.named("zzz")


def test_function_of_another_library_is_recognised():
    def roc_auc_score():
        pass

    with pytest.raises(dl.InvalidTypeError, match=r"has a name such as.*did you mean 'auc'"):
        metrics.named(roc_auc_score)
    with pytest.raises(dl.InvalidTypeError, match=r"got 5$"):
        metrics.named(5)
