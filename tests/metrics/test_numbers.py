"""Metrics of regressions, against definitions written out, and against scikit-learn."""

import math

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import metrics

RNG = np.random.default_rng(8)
N = 40
W = RNG.integers(1, 5, N).astype(float)
Y = RNG.normal(size=(N, 3)) * [1, 10, 100] + [0, 5, -300]
PREDICTED = Y + RNG.normal(size=(N, 3)) * [0.5, 5, 200]
NAMES = ["mse", "rmse", "mae", "mape", "r2", "explained_variance", "pearson"]


def mean(values):
    return sum(w * v for w, v in zip(W, values, strict=True)) / sum(W)


def of_one_output(name, y, p):
    error = y - p
    spread = mean((y - mean(y)) ** 2)
    return {
        "mse": lambda: mean(error**2),
        "rmse": lambda: math.sqrt(mean(error**2)),
        "mae": lambda: mean(abs(error)),
        "mape": lambda: mean(abs(error / y)),
        "r2": lambda: 1 - mean(error**2) / spread,
        "explained_variance": lambda: 1 - mean((error - mean(error)) ** 2) / spread,
        "pearson": lambda: (
            mean((y - mean(y)) * (p - mean(p))) / math.sqrt(spread * mean((p - mean(p)) ** 2))
        ),
    }[name]()


@pytest.mark.parametrize("name", NAMES)
def test_value_is_the_mean_of_the_definition_over_the_outputs(name):
    expected = np.mean([of_one_output(name, Y[:, j], PREDICTED[:, j]) for j in range(3)])
    f = metrics.named(name)
    assert f(Y, PREDICTED, sample_weight=W) == pytest.approx(expected, rel=1e-12)
    assert f(Y, PREDICTED) != pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_shapes_of_one_output_are_the_same(name):
    f = metrics.named(name)
    expected = f(Y[:, 0], PREDICTED[:, 0])
    assert f(Y[:, :1], PREDICTED[:, 0]) == f(Y[:, 0], PREDICTED[:, :1]) == expected
    assert f(Y[:, 0].tolist(), PREDICTED[:, :1].tolist()) == expected


@pytest.mark.parametrize("name", NAMES)
def test_perfect_predictions_are_perfect(name):
    f = metrics.named(name)
    assert f(Y, Y) == pytest.approx(1.0 if f.higher_is_better else 0.0, abs=1e-12)


def test_mean_squared_error_is_twice_the_loss():
    net = dl.Network([3, 1], dtype="float64")
    assert metrics.mse(Y[:, 0], net.predict(Y)) == pytest.approx(2 * net.loss(Y, Y[:, 0]))


def test_constant_targets_are_explained_wholly_or_not_at_all():
    assert metrics.r2([2, 2], [2, 2]) == metrics.explained_variance([2, 2], [3, 3]) == 1.0
    assert metrics.r2([2, 2], [2, 3]) == metrics.explained_variance([2, 2], [2, 3]) == 0.0
    assert math.isnan(metrics.pearson([2, 2], [2, 3]))
    tenths, others, w = [0.1] * 30, [*range(30)], [*range(1, 31)]  # the mean is not quite 0.1
    assert math.isnan(metrics.pearson(tenths, others, sample_weight=w))
    assert math.isnan(metrics.pearson(others, tenths, sample_weight=w))
    for n in range(2, 40):
        constant, others = [0.1 * n] * n, np.arange(n) ** 2
        assert math.isnan(metrics.pearson(constant, others))
        assert math.isnan(metrics.pearson(others, constant))
    third, w = [9, *[0.1] * 30], [0, *range(1, 31)]  # constant where it counts
    assert metrics.r2(third, [*range(31)], sample_weight=w) == 0.0


@pytest.mark.parametrize(
    ("y", "p", "text"),
    [
        ([1, 2], [1, 2, 3], r"the same shape, got \(2, 1\) and \(3, 1\)"),
        ([1, 2], np.eye(2), r"got \(2, 1\) and \(2, 2\); for class numbers use accuracy"),
        ([1, math.inf], [1, 2], "Y_true must be finite"),
        ([1, 2], [1, math.nan], "Y_predicted must be finite"),
    ],
)
def test_what_does_not_fit_is_refused(y, p, text):
    with pytest.raises(dl.InvalidInputError, match=text):
        metrics.r2(y, p)


def test_names_are_no_numbers():
    with pytest.raises(dl.InvalidTypeError, match="Y_true must contain real numbers"):
        metrics.mae(["a", "b"], [1, 2])


SAME = {
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "r2": "r2_score",
    "explained_variance": "explained_variance_score",
}


@pytest.mark.parametrize("weights", [None, W], ids=["alike", "weighted"])
@pytest.mark.parametrize("name", SAME)
def test_scikit_learn_has_the_same_value(name, weights):
    sklearn = pytest.importorskip("sklearn.metrics")
    zero = Y.copy()
    zero[0] = 0
    for y in (Y, zero, np.ones_like(Y)):
        expected = getattr(sklearn, SAME[name])(y, PREDICTED, sample_weight=weights)
        found = metrics.named(name)(y, PREDICTED, sample_weight=weights)
        assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["rmse", "mae", "r2", "explained_variance", "pearson"])
@pytest.mark.parametrize("power", [-1000, -600, 600, 1000])
def test_squares_of_tiny_and_large_numbers_are_none_the_worse(name, power):
    factor = 2.0**power
    metric = getattr(metrics, name)
    plain = metric(Y, PREDICTED, sample_weight=W)
    found = metric(Y * factor, PREDICTED * factor, sample_weight=W)
    assert found == (plain * factor if name in ("rmse", "mae") else plain)
