"""The estimators inside the rest of scikit-learn."""

import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

import joblib
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier, StackingRegressor, VotingClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_predict,
    learning_curve,
    validation_curve,
)
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

from deltaloop.sklearn import MLPClassifier, MLPRegressor
from side_by_side import digits, numbers

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
FAST = {"hidden_layer_sizes": (8,), "max_iter": 30, "random_state": 0, "learning_rate_init": 0.02}


@pytest.fixture(scope="module")
def fitted():
    X, y = digits()
    return MLPClassifier(**FAST).fit(X, y), X, y


def test_grid_search_on_a_pipeline_of_columns():
    X, y = numbers()
    columns = ColumnTransformer([("scaled", StandardScaler(), [0, 1, 2])], remainder="passthrough")
    model = make_pipeline(columns, MLPRegressor(**FAST))
    search = GridSearchCV(model, {"mlpregressor__alpha": [1e-4, 100.0]}, cv=3).fit(X, y)
    assert search.best_params_ == {"mlpregressor__alpha": 1e-4}
    assert search.best_score_ > 0.5


@pytest.mark.parametrize("backend", ["threading", "sequential"])
def test_search_gives_the_same_with_threads(backend):
    X, y = digits()
    grid = {"alpha": [1e-4, 1e-2], "hidden_layer_sizes": [(4,), (8,)]}
    with joblib.parallel_config(backend=backend, n_jobs=2):
        search = GridSearchCV(MLPClassifier(**FAST), grid, cv=2).fit(X, y)
    alone = GridSearchCV(MLPClassifier(**FAST), grid, cv=2).fit(X, y)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )


def test_halving_search():
    X, y = digits()
    search = HalvingGridSearchCV(
        MLPClassifier(**FAST), {"alpha": [1e-4, 1e-2, 1.0]}, resource="max_iter", max_resources=27,
        cv=2, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert search.best_estimator_.score(X, y) > 0.8


def test_predictions_of_cross_validation():
    X, y = digits()
    found = cross_val_predict(MLPClassifier(**FAST), X, y, cv=3, method="predict_proba")
    assert (found.argmax(axis=1) == y).mean() > 0.9


def test_meta_estimators():
    X, y = digits()
    model = MLPClassifier(**FAST)
    for meta in (
        CalibratedClassifierCV(model, cv=2),
        BaggingClassifier(model, n_estimators=3, random_state=0),
        VotingClassifier([("a", model), ("b", clone(model))], voting="soft"),
    ):
        assert meta.fit(X, y).score(X, y) > 0.9


def test_several_targets_of_classes():
    X, y = digits()
    Y = np.column_stack([y, y == 1])
    assert MultiOutputClassifier(MLPClassifier(**FAST)).fit(X, Y).score(X, Y) > 0.9
    chain = ClassifierChain(MLPClassifier(**FAST), random_state=0)
    assert chain.fit(X, np.column_stack([y > 0, y > 1])).predict(X).shape == (len(X), 2)


def test_regression_meta_estimators():
    X, y = numbers()
    model = TransformedTargetRegressor(MLPRegressor(**FAST), transformer=StandardScaler())
    assert model.fit(X, 100 * y).score(X, 100 * y) > 0.5
    stack = StackingRegressor([("mlp", MLPRegressor(**FAST)), ("ridge", Ridge())], cv=2)
    assert stack.fit(X, y).score(X, y) > 0.5


def test_curves():
    X, y = digits()
    validation_curve(MLPClassifier(**FAST), X, y, param_name="alpha", param_range=[0.1, 1], cv=2)
    _, scores, _ = learning_curve(
        MLPClassifier(**FAST), X, y, cv=2, exploit_incremental_learning=True, shuffle=True,
        random_state=0,
    )  # fmt: skip
    assert np.isfinite(scores).all()


def test_inspection(fitted):
    model, X, y = fitted
    importance = permutation_importance(model, X, y, n_repeats=2, random_state=0)
    assert importance.importances_mean.max() > 0
    found = partial_dependence(model, X, [20], kind="average")
    assert np.isfinite(found["average"]).all()


@pytest.mark.parametrize(
    "again",
    [clone, pickle, joblib, "deepcopy"],
    ids=["clone", "pickle", "joblib", "deepcopy"],
)
def test_copies(fitted, again, tmp_path):
    model, X, y = fitted
    if again is clone:
        copy = clone(model).fit(X, y)
    elif again is pickle:
        copy = pickle.loads(pickle.dumps(model))
    elif again is joblib:
        joblib.dump(model, tmp_path / "model")
        copy = joblib.load(tmp_path / "model", mmap_mode="r")
    else:
        import copy as copying

        copy = copying.deepcopy(model)
    np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    goes_on = pickle.loads(pickle.dumps(model))
    for one in (copy, goes_on):
        one.random_state = 3
        one.partial_fit(X, y)
    np.testing.assert_array_equal(copy.predict_proba(X), goes_on.predict_proba(X))
    assert not np.array_equal(copy.predict_proba(X), model.predict_proba(X))


def test_skops(fitted, tmp_path):
    io = pytest.importorskip("skops.io")
    model, X, _ = fitted
    io.dump(model, tmp_path / "model.skops")
    unknown = io.get_untrusted_types(file=tmp_path / "model.skops")
    assert all(name.startswith("deltaloop.") for name in unknown)
    loaded = io.load(tmp_path / "model.skops", trusted=unknown)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_pages_of_notebooks_and_set_output(fitted):
    model, X, y = fitted
    assert "MLPClassifier" in estimator_html_repr(model)
    pipeline = make_pipeline(StandardScaler(), clone(model)).set_output(transform="default")
    assert pipeline.fit(X, y).predict(X).shape == (len(X),)


def test_routing_of_weights():
    X, y = numbers()
    weights = np.linspace(0.1, 2.0, len(X))
    with sklearn.config_context(enable_metadata_routing=True):
        model = MLPRegressor(**FAST)
        model.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"alpha": [1e-4]}, cv=2).fit(X, y, sample_weight=weights)
    alone = MLPRegressor(**FAST, alpha=1e-4).fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(search.predict(X), alone.predict(X))


def test_names_of_columns():
    pandas = pytest.importorskip("pandas")
    X, y = numbers()
    frame = pandas.DataFrame(X, columns=list("abcdef"))
    model = MLPRegressor(**FAST).fit(frame, y)
    assert list(model.feature_names_in_) == list("abcdef")
    model.predict(frame)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[list("fedcba")])


def test_asked_too_early():
    with pytest.raises(NotFittedError):
        MLPClassifier().predict([[1.0]])
    with pytest.raises(NotFittedError):
        MLPRegressor().predict([[1.0]])


class Recorder:
    """A callback that stops after some iterations."""

    def __init__(self, most):
        self.most, self.begun, self.n_ended, self.scores = most, [], 0, []

    def setup(self, estimator, context):
        self.name = context.estimator_name

    def teardown(self, estimator, context):
        self.is_down = True

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(context.task_name)

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        self.n_ended += 1
        if context.task_name == "iteration":
            self.scores.append(fitted_estimator.score(X, y))
        return len(self.scores) == self.most


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_callbacks_of_scikit_learn(solver):
    pytest.importorskip("sklearn.callback")
    X, y = digits()
    recorder = Recorder(5)
    model = MLPClassifier(**FAST, solver=solver).set_callbacks(recorder).fit(X, y)
    assert recorder.begun == ["fit"] + ["iteration"] * 5
    assert model.n_iter_ == 5
    assert recorder.scores[-1] == model.score(X, y)
    assert recorder.is_down
    assert recorder.name == "MLPClassifier"
    assert recorder.n_ended == 6


def test_callbacks_are_told_of_every_step_of_lbfgs():
    pytest.importorskip("sklearn.callback")
    X, y = digits()
    for max_iter in (4, 10**6):  # ended by the number, and by itself
        recorder = Recorder(-1)
        settings = FAST | {"max_iter": max_iter, "solver": "lbfgs", "alpha": 1.0}
        model = MLPClassifier(**settings).set_callbacks(recorder).fit(X, y)
        assert len(recorder.scores) - model.n_iter_ in (0, 1)  # one more may have begun
        assert recorder.n_ended == len(recorder.begun)


def test_search_warns_as_often_as_it_does_not_converge():
    X, y = digits()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        GridSearchCV(MLPClassifier((3,), max_iter=2), {"alpha": [1.0]}, cv=2).fit(X, y)
    assert [w.category for w in caught] == [ConvergenceWarning] * 3
