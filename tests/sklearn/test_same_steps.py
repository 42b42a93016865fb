"""Steps are those of scikit-learn's class, to rounding."""

from inspect import signature

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy import sparse
from sklearn import neural_network

from side_by_side import assert_same_parameters, digits, fitted_pair, labels, numbers

WEIGHTS = "sample_weight" in signature(neural_network.MLPClassifier.fit).parameters
needs_weights = pytest.mark.skipif(
    not WEIGHTS, reason="scikit-learn before 1.7 has neither weights nor poisson"
)
SOME = {"hidden_layer_sizes": (7, 5), "max_iter": 4, "random_state": 1}


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_sgd(name, activation, shuffle):
    X, y = digits() if name == "MLPClassifier" else numbers()
    theirs, mine = fitted_pair(
        name, X, y, **SOME, solver="sgd", activation=activation, shuffle=shuffle, alpha=0.3,
        batch_size=32, learning_rate_init=0.05,
    )  # fmt: skip
    assert_same_parameters(theirs, mine)
    np.testing.assert_allclose(mine.loss_curve_, theirs.loss_curve_, rtol=1e-9)


@pytest.mark.parametrize(
    "settings",
    [
        {"momentum": 0},
        {"momentum": 0.7, "nesterovs_momentum": False},
        {"momentum": 1.0},
        {"learning_rate": "invscaling", "power_t": 0.3},
        {"learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 1, "max_iter": 9},
        {"alpha": 0},
        {"batch_size": 1},
        {"batch_size": 120},
        {"solver": "adam"},
        {"solver": "adam", "beta_1": 0.5, "beta_2": 0.9, "batch_size": 7},
        {"hidden_layer_sizes": 9},
        {"hidden_layer_sizes": ()},
    ],
    ids=str,
)
def test_settings(settings):
    X, y = digits()
    settings = SOME | {"solver": "sgd", "learning_rate_init": 0.003} | settings
    is_adam = settings["solver"] == "adam"
    settings["epsilon"] = 1e-15  # which theirs adds in another place
    if settings.get("learning_rate") == "adaptive":  # theirs waits for one epoch more
        theirs, _ = fitted_pair("MLPClassifier", X, y, **settings | {"n_iter_no_change": 1})
        _, mine = fitted_pair("MLPClassifier", X, y, **settings | {"n_iter_no_change": 2})
    else:
        theirs, mine = fitted_pair("MLPClassifier", X, y, **settings)
    assert_same_parameters(theirs, mine, **({"rtol": 1e-6, "atol": 1e-6} if is_adam else {}))


@pytest.mark.parametrize("n", [150, 200, 250, 401])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_batches_have_at_most_200_samples_by_default(n, solver):
    X, y = numbers(n)
    settings = SOME | {"solver": solver, "epsilon": 1e-15, "shuffle": False}
    theirs, mine = fitted_pair("MLPRegressor", X, y, **settings)
    assert_same_parameters(theirs, mine, rtol=1e-6, atol=1e-8)
    _, given = fitted_pair("MLPRegressor", X, y, **settings, batch_size=min(n, 200))
    assert_same_parameters(given, mine, rtol=0, atol=0)


@pytest.mark.parametrize("n_class", [1, 2, 4])
def test_numbers_of_classes(n_class):
    X, y = digits(90, n_class)
    theirs, mine = fitted_pair("MLPClassifier", X, y, **SOME, solver="sgd")
    assert_same_parameters(theirs, mine)
    np.testing.assert_array_equal(mine.predict(X), theirs.predict(X))
    np.testing.assert_allclose(mine.predict_proba(X), theirs.predict_proba(X), rtol=1e-9)


def test_several_labels():
    X, y = labels()
    theirs, mine = fitted_pair("MLPClassifier", X, y, **SOME, solver="sgd")
    assert_same_parameters(theirs, mine)
    np.testing.assert_allclose(mine.loss_curve_, theirs.loss_curve_, rtol=1e-9)
    np.testing.assert_array_equal(mine.predict(X), theirs.predict(X))


def test_several_labels_as_a_sparse_matrix():
    X, y = labels()
    theirs, mine = fitted_pair("MLPClassifier", X, sparse.csr_matrix(y), **SOME, solver="sgd")
    assert_same_parameters(theirs, mine)
    old, new = theirs.predict(X), mine.predict(X)
    assert type(new) is type(old)
    np.testing.assert_array_equal(new.toarray(), old.toarray())


def test_several_outputs():
    """Their loss is the mean over the outputs, ours the sum, whose gradient both descend on."""
    X, y = numbers(n_targets=3)
    theirs, mine = fitted_pair("MLPRegressor", X, y, **SOME, solver="sgd", alpha=0)
    assert_same_parameters(theirs, mine)
    np.testing.assert_allclose(mine.loss_curve_, 3 * np.array(theirs.loss_curve_), rtol=1e-9)


@needs_weights
def test_poisson():
    X, y = numbers()
    y = np.floor(np.exp(y))
    theirs, mine = fitted_pair("MLPRegressor", X, y, **SOME, solver="sgd", loss="poisson")
    assert_same_parameters(theirs, mine)
    np.testing.assert_allclose(mine.loss_curve_, theirs.loss_curve_, rtol=1e-9)


@needs_weights
@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_weights_of_samples(name, solver):
    X, y = digits() if name == "MLPClassifier" else numbers()
    weights = np.random.default_rng(2).uniform(0.1, 3.0, len(X))
    theirs, mine = fitted_pair(
        name, X, y, {"sample_weight": weights}, **SOME, solver=solver, batch_size=32, alpha=0.5,
    )  # fmt: skip
    assert_same_parameters(theirs, mine, rtol=1e-7, atol=1e-9)
    assert mine.loss_ == pytest.approx(theirs.loss_, rel=1e-8)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_lbfgs(name):
    X, y = digits() if name == "MLPClassifier" else numbers()
    theirs, mine = fitted_pair(name, X, y, **SOME | {"max_iter": 8}, solver="lbfgs", alpha=0.1)
    assert_same_parameters(theirs, mine, rtol=1e-6, atol=1e-8)
    assert (mine.n_iter_, mine.t_) == (theirs.n_iter_, theirs.t_)
    assert mine.loss_ == pytest.approx(theirs.loss_, rel=1e-9)


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
def test_sparse_samples(kind):
    X, y = digits()
    settings = SOME | {"solver": "sgd", "batch_size": 50}
    theirs, mine = fitted_pair("MLPClassifier", kind(X), y, **settings)
    assert_same_parameters(theirs, mine)
    np.testing.assert_allclose(mine.predict_proba(kind(X)), theirs.predict_proba(X), rtol=1e-9)


def test_float32():
    X, y = digits(dtype=np.float32)
    theirs, mine = fitted_pair("MLPClassifier", X, y, **SOME, solver="sgd")
    assert_same_parameters(theirs, mine, rtol=1e-3, atol=1e-5)
    assert mine.predict_proba(X).dtype == np.float32


def test_early_stopping_watches_the_same_samples():
    X, y = digits(n_class=2)
    settings = SOME | {"max_iter": 30, "early_stopping": True, "validation_fraction": 0.3}
    settings["epsilon"] = 1e-15  # which is added in another place
    for solver in ("sgd", "adam"):
        theirs, mine = fitted_pair(
            "MLPClassifier", X, y, **settings, solver=solver, n_iter_no_change=50
        )
        np.testing.assert_allclose(mine.validation_scores_, theirs.validation_scores_)
        assert mine.best_validation_score_ == pytest.approx(theirs.best_validation_score_)
        assert_same_parameters(theirs, mine, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_partial_fit(name):
    X, y = digits() if name == "MLPClassifier" else numbers()
    pair = fitted_pair(name, X[:60], y[:60], **SOME, solver="sgd")
    for model in pair:
        for start in (0, 30, 60):
            model.partial_fit(X[start : start + 40], y[start : start + 40])
    assert_same_parameters(*pair)
    assert pair[1].t_ == pair[0].t_
    assert pair[1].n_iter_ == pair[0].n_iter_
    np.testing.assert_allclose(pair[1].loss_curve_, pair[0].loss_curve_, rtol=1e-9)
