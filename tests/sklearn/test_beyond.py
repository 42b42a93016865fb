"""What the estimators have beyond scikit-learn's."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")

import scipy.optimize
from scipy import sparse

import deltaloop as dl
from deltaloop.sklearn import MLPClassifier, MLPRegressor, meanings, whole_batch
from deltaloop.sklearn.steps import Steps
from side_by_side import digits, labels, numbers

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
QUICK = {"hidden_layer_sizes": (8,), "max_iter": 20, "random_state": 0, "learning_rate_init": 0.02}


@pytest.mark.parametrize(
    "names",
    [
        np.array(["no", "yes", "perhaps"]),
        np.array(["no", "yes", "perhaps"], object),
        np.array([-1, 1, 0]),
        np.array([10.0, 20.0, 30.0]),
    ],
    ids=str,
)
def test_labels_of_any_type(names):
    X, y = digits()
    model = MLPClassifier(**QUICK).fit(X, names[y])
    assert (model.predict(X) == names[y]).mean() > 0.95
    assert names.dtype == object or model.predict(X).dtype == names.dtype
    model.partial_fit(X, names[y])


@pytest.mark.parametrize("two", [[False, True], [-1, 1], ["a", "b"]], ids=str)
def test_two_classes_of_any_type(two):
    X, y = digits(n_class=2)
    model = MLPClassifier(**QUICK).fit(X, np.array(two)[y])
    assert model.score(X, np.array(two)[y]) > 0.95
    assert list(model.classes_) == two


def test_categories_of_pandas():
    pandas = pytest.importorskip("pandas")
    X, y = digits()
    series = pandas.Series(np.array(["a", "b", "c"])[y], dtype="category")
    model = MLPClassifier(**QUICK).fit(pandas.DataFrame(X).add_prefix("x"), series)
    assert model.score(pandas.DataFrame(X).add_prefix("x"), series) > 0.95


def test_class_weight_is_a_weight_of_samples():
    X, y = digits()
    weighted = MLPClassifier(**QUICK, class_weight={1: 3.0}).fit(X, y)
    by_sample = MLPClassifier(**QUICK).fit(X, y, sample_weight=np.where(y == 1, 3.0, 1.0))
    np.testing.assert_array_equal(weighted.predict_proba(X), by_sample.predict_proba(X))
    n = np.bincount(y)
    balanced = MLPClassifier(**QUICK, class_weight="balanced").fit(X, y)
    by_sample = MLPClassifier(**QUICK).fit(X, y, sample_weight=(len(y) / (3 * n))[y])
    np.testing.assert_allclose(balanced.predict_proba(X), by_sample.predict_proba(X), rtol=1e-6)
    with pytest.raises(ValueError, match="needs all samples at once"):
        balanced.partial_fit(X, y)


def test_dropout():
    X, y = digits()
    plain = MLPClassifier(**QUICK).fit(X, y)
    none = MLPClassifier(**QUICK, dropout=0.0).fit(X, y)
    dropped = MLPClassifier(**QUICK, dropout=0.3).fit(X, y)
    again = MLPClassifier(**QUICK, dropout=[0.3]).fit(X, y)
    np.testing.assert_array_equal(plain.predict_proba(X), none.predict_proba(X))
    np.testing.assert_array_equal(dropped.predict_proba(X), again.predict_proba(X))
    assert dropped.loss_ > plain.loss_
    with pytest.raises(ValueError, match="one for each of the 1 hidden layers"):
        MLPClassifier(**QUICK, dropout=[0.3, 0.1]).fit(X, y)


def test_activation_of_every_layer():
    X, y = numbers()
    sizes = {"hidden_layer_sizes": (6, 4)}
    model = MLPRegressor(**QUICK | sizes, activation=["tanh", dl.Activation("elu", alpha=0.5)])
    model.fit(X, y)
    W, b = model.coefs_, model.intercepts_
    a = np.tanh(X @ W[0] + b[0])
    z = a @ W[1] + b[1]
    a = np.where(z > 0, z, 0.5 * np.expm1(z))
    np.testing.assert_allclose(model.predict(X), (a @ W[2] + b[2]).ravel(), rtol=1e-10)
    with pytest.raises(ValueError, match="one for each of the 2 hidden layers"):
        MLPRegressor(**QUICK | sizes, activation=["tanh"]).fit(X, y)


@pytest.mark.parametrize(
    "loss", ["huber", "absolute_error", "log_cosh", dl.Loss("quantile", tau=0.3)], ids=str
)
def test_losses_of_numbers(loss):
    X, y = numbers()
    model = MLPRegressor(**QUICK | {"max_iter": 80}, loss=loss, alpha=0).fit(X, y)
    assert model.loss_curve_[-1] < 0.5 * model.loss_curve_[0]
    residuals = y - model.predict(X)
    if loss == "absolute_error":
        after = MLPRegressor(**QUICK | {"max_iter": 81}, loss=loss, alpha=0).fit(X, y)
        assert after.loss_curve_[-1] == pytest.approx(np.abs(residuals).mean())
    elif not isinstance(loss, str):
        assert 0.15 < (residuals < 0).mean() < 0.45


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge", "mse"])
@pytest.mark.parametrize("n_class", [2, 3])
def test_losses_of_classes_without_probabilities(loss, n_class):
    X, y = digits(n_class=n_class)
    settings = QUICK | {"max_iter": 100, "n_iter_no_change": 100}
    model = MLPClassifier(**settings, loss=loss, early_stopping=True).fit(X, y)
    assert model.score(X, y) > 0.9
    assert not hasattr(model, "predict_proba")
    with pytest.raises(AttributeError) as error:
        model.predict_proba(X)
    assert "needs outputs that are probabilities" in str(error.value.__cause__)


@pytest.mark.parametrize("loss", ["binary_focal", "binary_cross_entropy", "nll"])
def test_losses_of_classes_with_probabilities(loss):
    X, y = digits()
    model = MLPClassifier(**QUICK, loss=loss).fit(X, y)
    assert model.score(X, y) > 0.9
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    np.testing.assert_array_equal(model.predict_proba(X).argmax(axis=1), model.predict(X))


def test_loss_with_an_output_for_every_class_needs_three():
    X, y = digits(n_class=2)
    with pytest.raises(ValueError, match="for each of three or more classes"):
        MLPClassifier(loss="cross_entropy").fit(X, y)


@pytest.mark.parametrize(
    "solver",
    [
        "adamw", "amsgrad", "nadam", "rmsprop", "adagrad", "adadelta", "rprop",
        dl.Adam(0.02, clip_norm=1.0), dl.SGD(0.1, momentum=0.9, max_norm=3.0), dl.Rprop(),
        dl.Adam(0.02, weight_noise=0.01),
    ],
    ids=str,
)  # fmt: skip
def test_solvers_of_mini_batches(solver):
    X, y = digits()
    model = MLPClassifier(**QUICK, solver=solver).fit(X, y)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    before = model._optimizer.step
    model.partial_fit(X, y)
    assert model._optimizer.step == before + 1
    assert pickle.loads(pickle.dumps(model)).score(X, y) == model.score(X, y)


def test_solver_that_needs_all_samples_says_so():
    X, y = digits()
    with pytest.raises(ValueError, match="needs all samples in one batch"):
        MLPClassifier(solver="rprop", batch_size=10).fit(X, y)
    with pytest.raises(ValueError, match="has no penalty"):
        MLPRegressor(solver="scg").fit(*numbers())
    with pytest.raises(ValueError, match="leave X_val out"):
        MLPClassifier(solver="lbfgs").fit(X, y, X_val=X, y_val=y)


@pytest.mark.parametrize("solver", ["scg", "levenberg_marquardt", dl.LBFGS(memory=5)], ids=str)
def test_solvers_of_all_samples(solver):
    X, y = numbers()
    model = MLPRegressor("mse", (4,), "tanh", solver=solver, alpha=0, max_iter=50, random_state=0)
    assert model.fit(X, y).score(X, y) > 0.9
    assert not hasattr(model, "partial_fit")
    if isinstance(solver, str):
        assert model.best_loss_ == min(model.loss_curve_) < model.loss_curve_[0]


@pytest.mark.parametrize("solver", ["scg", "levenberg_marquardt"])
def test_patience_without_end_is_accepted_by_solvers_of_all_samples(solver):
    """tol=10 ends training after n_iter_no_change steps."""
    n_steps = []
    for patience in (2, 10**6, np.inf):
        model = MLPRegressor("mse", (4,), "tanh", solver=solver, alpha=0, max_iter=7, tol=10.0,
                             n_iter_no_change=patience, random_state=0)  # fmt: skip
        n_steps.append(model.fit(*numbers()).n_iter_)
    assert n_steps == [3, 7, 7]


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("kind", [dl.SGD, dl.Adam, dl.RMSprop, dl.Adagrad, dl.Adadelta])
def test_solvers_have_room_for_all_that_their_rule_writes(kind, noise):
    model = MLPClassifier(solver=kind(weight_noise=noise), alpha=0.1)
    solver, theta = meanings.stochastic(model), np.zeros(100, np.float32)
    steps, rule = Steps(solver, theta), solver.rule(0.1)
    assert steps.of(rule).shape == (rule.n_slots, 100)
    assert steps.fits(solver, theta)


@pytest.mark.parametrize(("verbose", "iprint"), [(False, -1), (0, -1), (True, 1), (1, 1), (9, 1)])
@pytest.mark.parametrize("prints", [True, False])
def test_lbfgs_of_an_old_scipy_is_silent_unless_asked(verbose, iprint, prints, monkeypatch):
    given = []
    minimize = scipy.optimize.minimize

    def kept(*arguments, options, **more):
        given.append(options.pop("iprint", None))
        return minimize(*arguments, options=options, **more)

    monkeypatch.setattr(whole_batch, "scipy_prints", lambda: prints)
    monkeypatch.setattr(scipy.optimize, "minimize", kept)
    MLPRegressor("squared_error", (2,), solver="lbfgs", max_iter=2, verbose=verbose).fit(*numbers())
    assert given == [iprint if prints else None]


def test_penalty_is_in_the_gradient_of_every_rule():
    X, y = digits()
    norms = []
    for alpha in (0.0, 30.0):
        model = MLPClassifier(**QUICK, solver="rmsprop", alpha=alpha).fit(X, y)
        norms.append(sum((W**2).sum() for W in model.coefs_))
    assert norms[1] < 0.5 * norms[0]


def test_samples_to_watch():
    X, y = digits()
    model = MLPClassifier(**QUICK, solver="sgd")
    model.fit(X[:90], y[:90], X_val=X[90:], y_val=y[90:])
    assert len(model.validation_loss_curve_) == model.n_iter_
    assert model.validation_scores_ is None
    probability = model.predict_proba(X[90:])[np.arange(30), y[90:]]
    assert model.validation_loss_curve_[-1] == pytest.approx(-np.log(probability).mean())
    early = MLPClassifier(**QUICK, solver="sgd", early_stopping=True)
    early.fit(X[:90], y[:90], X_val=X[90:], y_val=y[90:])
    assert early.t_ == 90 * early.n_iter_  # none is split off
    assert early.score(X[90:], y[90:]) == early.best_validation_score_
    weights = np.r_[np.ones(10), np.zeros(20)]
    model.fit(X, y, X_val=X[90:], y_val=y[90:], sample_weight_val=weights)
    found = model.predict_proba(X[90:100])[np.arange(10), y[90:100]]
    assert model.validation_loss_curve_[-1] == pytest.approx(-np.log(found).mean())


def test_samples_to_watch_have_targets():
    X, y = digits()
    for half in ({"X_val": X}, {"y_val": y}, {"sample_weight_val": np.ones(len(y))}):
        with pytest.raises(ValueError, match="belong together"):
            MLPClassifier(**QUICK).fit(X, y, **half)


def test_one_sample_needs_a_weight():
    X, y = digits()
    for solver in ("adam", "lbfgs"):
        with pytest.raises(ValueError, match=r"at least one non-zero number|are 0"):
            MLPClassifier(**QUICK, solver=solver).fit(X, y, sample_weight=np.zeros(len(y)))
        with pytest.raises(ValueError, match="weights of all samples are 0"):
            MLPClassifier(**QUICK, solver=solver, class_weight=dict.fromkeys(range(3), 0)).fit(X, y)
    with pytest.raises(ValueError, match="Negative values in data"):
        MLPClassifier(**QUICK).fit(X, y, sample_weight=np.full(len(y), -1.0))


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_weights_of_classes_are_numbers_from_0_on(solver, weight):
    X, y = digits()
    model = MLPClassifier(**QUICK, solver=solver, class_weight={0: weight, 1: 1.0})
    with pytest.raises(ValueError, match="class_weight must be finite and >= 0, got"):
        model.fit(X, y)


def test_early_stopping_keeps_a_curve_of_losses():
    X, y = numbers()
    model = MLPRegressor(**QUICK, early_stopping=True).fit(X, y)
    assert len(model.validation_loss_curve_) == len(model.validation_scores_) == model.n_iter_


@pytest.mark.parametrize("name", ["coefs_", "intercepts_"])
def test_assigned_parameters_are_used(name):
    X, y = numbers()
    model = MLPRegressor(**QUICK).fit(X, y)
    before = model.predict(X)
    getattr(model, name)[1] = 2 * getattr(model, name)[1]
    scaled = model.predict(X)
    assert not np.allclose(scaled, before)
    getattr(model, name)[1][:] /= 2
    np.testing.assert_allclose(model.predict(X), before)
    setattr(model, name, [array.copy() for array in getattr(model, name)])
    np.testing.assert_allclose(model.predict(X), before)
    model.partial_fit(X, y)
    assert not np.allclose(model.predict(X), before)
    expected = np.maximum(X @ model.coefs_[0] + model.intercepts_[0], 0)
    expected = expected @ model.coefs_[1] + model.intercepts_[1]
    np.testing.assert_allclose(model.predict(X), expected.ravel())


def test_parameters_are_live_views_after_a_pickle_as_well():
    X, y = digits()
    model = MLPClassifier(**QUICK).fit(X, y)
    for one in (model, pickle.loads(pickle.dumps(model))):
        shown = [*one.coefs_, *one.intercepts_]
        before = [array.copy() for array in shown]
        one.partial_fit(X, y)
        for old, new, array in zip(before, shown, [*one.coefs_, *one.intercepts_], strict=True):
            np.testing.assert_array_equal(new, array)
            assert (old != new).any()


def test_network_of_another_shape_may_be_assigned():
    X, y = numbers()
    model = MLPRegressor(**QUICK).fit(X, y)
    strong = np.abs(model.coefs_[1][:, 0]).argsort()[2:]
    model.coefs_ = [model.coefs_[0][:, strong], model.coefs_[1][strong]]
    model.intercepts_ = [model.intercepts_[0][strong], model.intercepts_[1]]
    expected = np.maximum(X @ model.coefs_[0] + model.intercepts_[0], 0)
    expected = expected @ model.coefs_[1] + model.intercepts_[1]
    np.testing.assert_allclose(model.predict(X), expected.ravel())
    with pytest.raises(ValueError, match="set hidden_layer_sizes back"):
        model.partial_fit(X, y)


def test_activation_that_is_set_later_is_used():
    X, y = numbers()
    model = MLPRegressor(**QUICK).fit(X, y)
    model.set_params(activation="tanh")
    expected = np.tanh(X @ model.coefs_[0] + model.intercepts_[0])
    expected = expected @ model.coefs_[1] + model.intercepts_[1]
    np.testing.assert_allclose(model.predict(X), expected.ravel())


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_warm_start_keeps_the_state_of_the_solver(solver):
    """So that epochs one by one are those of one fit."""
    X, y = digits()
    settings = QUICK | {"solver": solver, "shuffle": False}
    at_once = MLPClassifier(**settings | {"max_iter": 6}).fit(X, y)
    one_by_one = MLPClassifier(**settings | {"max_iter": 1}, warm_start=True)
    for _ in range(6):
        one_by_one.fit(X, y)
    np.testing.assert_array_equal(one_by_one.predict_proba(X), at_once.predict_proba(X))
    assert one_by_one.loss_curve_ == at_once.loss_curve_


def test_learning_rate_can_be_set_between_calls():
    X, y = digits()
    model = MLPClassifier(**QUICK, solver="sgd").fit(X, y)
    assert model._optimizer.learning_rate == 0.02
    model.set_params(learning_rate_init=1e-12).partial_fit(X, y)
    assert model._optimizer.learning_rate == 1e-12


def test_threads_change_nothing():
    X, y = digits()
    models = [MLPClassifier(**QUICK, n_threads=n).fit(X, y) for n in (1, 2)]
    np.testing.assert_array_equal(models[0].predict_proba(X), models[1].predict_proba(X))


def test_dtype():
    X, y = digits()
    assert MLPClassifier(**QUICK).fit(X.astype(np.float32), y).coefs_[0].dtype == np.float32
    for dtype in ("float32", np.float32):
        model = MLPClassifier(**QUICK, dtype=dtype).fit(X, y)
        assert {array.dtype for array in model.coefs_ + model.intercepts_} == {np.dtype("f4")}
        assert model.predict_proba(X).dtype == np.float32
    wide = MLPClassifier(**QUICK, dtype="float64").fit(X.astype(np.float32), y)
    assert wide.coefs_[0].dtype == np.float64
    small = MLPClassifier(**QUICK, solver="lbfgs").fit(X.astype(np.float32), y)
    assert small.coefs_[0].dtype == np.float32  # scikit-learn makes float64 of it


def test_several_outputs_and_labels_in_partial_fit():
    X, Y = numbers(n_targets=3)
    model = MLPRegressor(**QUICK)
    for _ in range(100):
        model.partial_fit(X, Y)
    assert model.score(X, Y) > 0.9
    X, Y = labels()
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    classifier = MLPClassifier(**QUICK | {"hidden_layer_sizes": (30,)})
    for _ in range(100):
        classifier.partial_fit(X, Y, classes=range(4))
    assert classifier.score(X, Y) > 0.9


def test_batch_without_weight_is_no_step():
    X, y = numbers()
    weights = np.r_[np.ones(60), np.zeros(60)]
    settings = QUICK | {"batch_size": 30, "shuffle": False, "alpha": 0.5}
    model = MLPRegressor(**settings).fit(X, y, sample_weight=weights)
    half = MLPRegressor(**settings).fit(X[:60], y[:60])
    np.testing.assert_allclose(model.predict(X), half.predict(X), rtol=1e-9)


def test_sparse_samples_give_what_dense_ones_give():
    X, y = digits()
    dense = MLPClassifier(**QUICK, early_stopping=True).fit(X, y)
    listed = MLPClassifier(**QUICK, early_stopping=True).fit(sparse.csr_matrix(X), y)
    np.testing.assert_allclose(listed.validation_scores_, dense.validation_scores_)
    np.testing.assert_allclose(
        listed.predict_proba(sparse.csr_array(X)), dense.predict_proba(X), rtol=1e-6, atol=1e-9
    )


def test_targets_that_a_loss_has_no_meaning_for():
    X, y = numbers()
    with pytest.raises(ValueError, match=r"y must lie in \[0, inf\) for loss='poisson'"):
        MLPRegressor(loss="poisson").fit(X, y)


def test_interrupt_keeps_what_there_is(monkeypatch):
    from deltaloop.sklearn import descent

    X, y = digits()
    epochs = descent.Descent.epoch
    calls = []

    def interrupted(self):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return epochs(self)

    monkeypatch.setattr(descent.Descent, "epoch", interrupted)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model = MLPClassifier(**QUICK).fit(X, y)
    assert model.n_iter_ == 2
    assert model.predict(X).shape == y.shape


@pytest.mark.parametrize("n", [120, 300])
def test_predictions_look_at_what_they_get(n):
    X, y = numbers(n)
    model = MLPRegressor(**QUICK).fit(X, y)
    expected = model.predict(X)
    for row in (X[3:4], X[3:4].tolist(), X[3:4].astype(object), np.asfortranarray(X)[3:4]):
        np.testing.assert_allclose(model.predict(row), expected[3:4], rtol=1e-12)
    np.testing.assert_allclose(model.predict(X[:6:2]), expected[:6:2], rtol=1e-12)
    np.testing.assert_allclose(model.predict(np.asfortranarray(X)), expected, rtol=1e-12)
    np.testing.assert_allclose(model.predict(X[::-1])[::-1], expected, rtol=1e-12)
    assert model.predict(np.full((n, 6), 1e307)).shape == (n,)  # finite, but not their sum
    for wrong in (np.nan, np.inf):
        with pytest.raises(ValueError, match="contains"):
            model.predict(np.full((1, 6), wrong))
        with pytest.raises(ValueError, match="contains"):
            model.predict(np.where(np.eye(n, 6) > 0, wrong, X))
