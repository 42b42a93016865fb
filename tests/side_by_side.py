"""The same call of scikit-learn's class and of ours, and what both have to say."""

import warnings

import numpy as np
from sklearn import neural_network
from sklearn.datasets import load_digits, make_multilabel_classification, make_regression
from sklearn.preprocessing import minmax_scale, scale

from deltaloop import sklearn as ours

PAIRS = {
    "MLPClassifier": (neural_network.MLPClassifier, ours.MLPClassifier),
    "MLPRegressor": (neural_network.MLPRegressor, ours.MLPRegressor),
}


def digits(n=120, n_class=3, dtype=np.float64):
    """Some of the digits, scaled to [0, 1]."""
    X, y = load_digits(n_class=n_class, return_X_y=True)
    return minmax_scale(X)[:n].astype(dtype), y[:n]


def numbers(n=120, n_targets=1, dtype=np.float64):
    """A regression."""
    X, y = make_regression(n, 6, noise=5.0, n_targets=n_targets, random_state=3)
    return X.astype(dtype), scale(y)


def labels(n=60):
    """Several labels a sample."""
    return make_multilabel_classification(n, n_features=8, n_classes=4, random_state=5)


def data_of(name):
    """Samples for a class of this name."""
    return digits() if name == "MLPClassifier" else numbers()


def called(function):
    """What a call returns, or its error, and the warnings: categories and texts."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = function()
        except Exception as error:
            result = error
    found = [(w.category.__name__, str(w.message)) for w in caught]
    return result, found


def fitted_pair(name, X, y, fit=None, **settings):
    """Both estimators, fitted on the same data."""
    pair = []
    for kind in PAIRS[name]:
        model = kind(**settings)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X, y, **(fit or {}))
        pair.append(model)
    return pair


def assert_same_parameters(theirs, mine, rtol=1e-9, atol=1e-11):
    """Every weight and bias."""
    for a, b in zip(
        theirs.coefs_ + theirs.intercepts_, mine.coefs_ + mine.intercepts_, strict=True
    ):
        assert b.shape == a.shape
        assert b.dtype == a.dtype
        np.testing.assert_allclose(b, a, rtol=rtol, atol=atol)
