"""Every parameter and attribute of scikit-learn's classes, beside ours."""

import inspect

import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.9")

from side_by_side import PAIRS, called, data_of, digits, fitted_pair, numbers

NAMES = list(PAIRS)
QUICK = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}
BEYOND = {
    "MLPClassifier": {"class_weight", "loss", "dropout", "dtype", "n_threads"},
    "MLPRegressor": {"dropout", "dtype", "n_threads"},
}


@pytest.mark.parametrize("name", NAMES)
def test_signatures(name):
    """Ours are theirs, with more keywords at the end."""
    theirs, ours = PAIRS[name]
    for method in ("__init__", "fit", "predict", "score", "partial_fit"):
        old, new = (inspect.signature(getattr(kind, method)).parameters for kind in PAIRS[name])
        assert list(new)[: len(old)] == list(old)
        assert all(new[key].default == old[key].default for key in old)
        assert all(new[key].kind == old[key].kind for key in old)
        more = [new[key] for key in list(new)[len(old) :]]
        assert all(parameter.kind == parameter.KEYWORD_ONLY for parameter in more)
    assert set(ours().get_params()) - set(theirs().get_params()) == BEYOND[name]


@pytest.mark.parametrize(
    "settings", [{}, {"early_stopping": True}, {"solver": "sgd"}, {"solver": "lbfgs"}], ids=str
)
@pytest.mark.parametrize("name", NAMES)
def test_attributes(name, settings):
    theirs, ours = fitted_pair(name, *data_of(name), **QUICK | settings)
    old, new = (
        {key: value for key, value in vars(model).items() if key[0] != "_" and key[-1] == "_"}
        for model in (theirs, ours)
    )
    assert set(new) - set(old) <= {"validation_loss_curve_"}
    assert set(old) <= set(new)
    for key, value in old.items():
        mine = new[key]
        if isinstance(value, list):
            assert isinstance(mine, list)
            assert np.shape(mine[0]) == np.shape(value[0])
            assert len(mine) == len(value)
        elif isinstance(value, np.ndarray):
            assert (mine.shape, mine.dtype) == (value.shape, value.dtype)
        elif isinstance(value, float):
            assert isinstance(mine, float)
        else:
            assert type(mine) is type(value)
            assert mine == value
    methods = ["predict", "predict_proba", "predict_log_proba", "score"]
    if (name, ours.solver) != ("MLPRegressor", "lbfgs"):  # theirs has it, by an oversight
        methods.append("partial_fit")
    for method in methods:
        assert hasattr(ours, method) == hasattr(theirs, method)


WRONG = {
    "hidden_layer_sizes": [-1, "many", None, 0, (3, -1), (0,), 1.5],
    "activation": ["relo", 3, None],
    "solver": ["sdg", 3, None],
    "alpha": [-1.0, "x", None],
    "batch_size": [0, -3, "big", 1.5],
    "learning_rate": ["slow", 0.1],
    "learning_rate_init": [0.0, -1.0, "x"],
    "power_t": [-1.0, "x"],
    "max_iter": [0, -1, 1.5],
    "shuffle": ["yes", 2],
    "random_state": [-1, "x"],
    "tol": [-1.0, "x"],
    "verbose": [-1, "x"],
    "warm_start": ["yes", 3],
    "momentum": [-0.1, 1.1],
    "nesterovs_momentum": ["yes", 3],
    "early_stopping": ["yes", 3],
    "validation_fraction": [-0.1, 1.0],
    "beta_1": [-0.1, 1.0],
    "beta_2": [-0.1, 1.0],
    "epsilon": [0.0, -1.0],
    "n_iter_no_change": [0, 1.5],
    "max_fun": [0, 1.5],
}
WIDER = ("activation", "solver")  # their messages have longer lists here


@pytest.mark.parametrize("parameter", WRONG)
@pytest.mark.parametrize("name", NAMES)
def test_values_that_are_refused(name, parameter):
    X, y = data_of(name)
    for value in WRONG[parameter]:
        old, new = (
            called(lambda kind=kind, value=value: kind(**{parameter: value}).fit(X, y))[0]
            for kind in PAIRS[name]
        )
        assert isinstance(old, Exception)
        assert type(new) is type(old)
        assert str(new).split(" must be ")[0] == str(old).split(" must be ")[0]
        if parameter not in WIDER:
            # what is accepted is told in the order of a set
            assert sorted(str(new)) == sorted(str(old))


ACCEPTED = {
    "hidden_layer_sizes": [3, (3, 2), [4], np.array([3, 3]), ()],
    "activation": ["identity", "logistic", "tanh", "relu"],
    "solver": ["sgd", "adam", "lbfgs"],
    "alpha": [0, 1, np.float32(0.1)],
    "batch_size": ["auto", 1, 7, np.int64(50)],
    "learning_rate": ["constant", "invscaling", "adaptive"],
    "learning_rate_init": [1, 1e-5],
    "power_t": [0, 2],
    "shuffle": [True, False, np.bool_(True)],
    "random_state": [3, None, np.random.RandomState(3)],
    "tol": [0, 1],
    "verbose": [0, False],
    "warm_start": [True, False],
    "momentum": [0, 1, 0.5],
    "nesterovs_momentum": [True, False],
    "early_stopping": [True, False],
    "validation_fraction": [0.5],
    "beta_1": [0, 0.5],
    "beta_2": [0, 0.5],
    "epsilon": [1e-300, 1],
    "n_iter_no_change": [1, np.inf],
    "max_fun": [1, 3],
}


@pytest.mark.parametrize("parameter", ACCEPTED)
@pytest.mark.parametrize("name", NAMES)
def test_values_that_are_accepted(name, parameter):
    """With the same warnings."""
    X, y = data_of(name)
    for value in ACCEPTED[parameter]:
        solver = {} if parameter == "solver" else {"solver": "sgd"}
        solver = {"solver": "lbfgs"} if parameter == "max_fun" else solver
        settings = QUICK | solver | {parameter: value}
        (old, told), (new, told_new) = (
            called(lambda kind=kind, settings=settings: kind(**settings).fit(X, y))
            for kind in PAIRS[name]
        )
        assert not isinstance(old, Exception)
        assert not isinstance(new, Exception), new
        assert told_new == told
        assert new.predict(X).shape == old.predict(X).shape
        assert new.n_layers_ == old.n_layers_


def _unlike(X, y):
    return np.where(np.arange(len(y)) < 3, 9, y)


@pytest.mark.parametrize("name", NAMES)
def test_what_fit_tells_of_data(name):
    """Errors and warnings, word for word."""
    X, y = data_of(name)
    hole = X.copy()
    hole[3, 2] = np.nan
    calls = [
        lambda m: m.fit(X[:, :0], y),
        lambda m: m.fit(X, y[:-1]),
        lambda m: m.fit(X[0], y),
        lambda m: m.fit(hole, y),
        lambda m: m.fit(X, None),
        lambda m: m.fit(X * 1j, y),
        lambda m: m.fit(X, y[:, None]),
        lambda m: m.fit(X, y).predict(X[:, 1:]),
        lambda m: m.fit(X, y).predict(hole),
        lambda m: m.fit(X, y).predict(X[0]),
        lambda m: m.fit(X, y).predict(X[:0]),
        lambda m: m.fit(X, y, sample_weight=np.ones(3)),
        lambda m: m.set_params(batch_size=10**6).fit(X, y),
        lambda m: m.set_params(early_stopping=True, validation_fraction=0.001).fit(X[:9], y[:9]),
        lambda m: (
            m.set_params(early_stopping=True).partial_fit(X, y, classes=[0, 1, 2])
            if name == "MLPClassifier"
            else m.set_params(early_stopping=True).partial_fit(X, y)
        ),
    ]
    if name == "MLPClassifier":
        calls += [
            lambda m: m.fit(X, y + 0.5),
            lambda m: m.fit(X, np.column_stack([y, y])),
            lambda m: m.partial_fit(X, y),
            lambda m: m.partial_fit(X, y, classes=[0, 1]),
            lambda m: m.partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y, classes=[0, 1]),
            lambda m: m.fit(X, y).partial_fit(X, _unlike(X, y)),
            lambda m: m.set_params(warm_start=True).fit(X, y).fit(X, _unlike(X, y)),
            lambda m: m.set_params(solver="lbfgs").partial_fit,
        ]
    for call in calls:
        (old, told), (new, told_new) = (
            called(lambda kind=kind, call=call: call(kind(**QUICK))) for kind in PAIRS[name]
        )
        if isinstance(old, Exception):
            assert (type(new), str(new)) == (type(old), str(old))
        assert told_new == told


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "settings",
    [
        {"solver": "sgd"},
        {"solver": "adam", "early_stopping": True},
        {"solver": "sgd", "tol": 10.0, "max_iter": 60},
        {"solver": "sgd", "tol": 10.0, "max_iter": 60, "learning_rate": "adaptive"},
        {"solver": "sgd", "tol": 10.0, "max_iter": 60, "early_stopping": True},
    ],
    ids=str,
)
def test_what_is_printed(name, settings, capsys):
    """Ours stops one epoch earlier, or lowers its rate there."""
    X, y = data_of(name)
    printed = []
    for kind, n in zip(PAIRS[name], (2, 3), strict=True):
        called(
            lambda kind=kind, n=n: kind(
                **QUICK | {"verbose": True, "n_iter_no_change": n, "epsilon": 1e-15} | settings
            ).fit(X, y)
        )
        printed.append(capsys.readouterr().out.replace(f"for {n} cons", "for n cons"))
    assert printed[1] == printed[0]
    assert printed[0].count("Iteration") >= 3


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_alike(name):
    """With the defaults; these are other roundings, of many steps."""
    X, y = digits(300, 4) if name == "MLPClassifier" else numbers(300)
    theirs, ours = fitted_pair(name, X[:200], y[:200], random_state=0, max_iter=40)
    assert ours.score(X[200:], y[200:]) == pytest.approx(theirs.score(X[200:], y[200:]), abs=0.03)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=0.02)


def test_stops_after_n_iter_no_change():
    X, y = digits()
    theirs, ours = fitted_pair(
        "MLPClassifier", X, y, solver="sgd", tol=10.0, n_iter_no_change=4, random_state=0
    )
    assert (theirs.n_iter_, ours.n_iter_) == (6, 5)


def test_classes_of_losses_for_tanh_are_minus_one_and_one():
    from deltaloop.parts.losses import Loss
    from deltaloop.sklearn.meanings import targets_of

    assert targets_of(Loss("hinge")) == targets_of(Loss("squared_hinge")) == (-1.0, 1.0, 0.0)
    assert targets_of(Loss("mse")) == (0.0, 1.0, 0.5)
