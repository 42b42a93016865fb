"""What takes the quick way through the checks ends as it does on scikit-learn's."""

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelBinarizer

from deltaloop.sklearn import MLPClassifier, MLPRegressor, plain

X = np.random.default_rng(0).normal(size=(40, 3))
LABELS = np.arange(40) % 3


def fitted(kind=MLPClassifier, y=LABELS, rows=X, **settings):
    settings = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0} | settings
    with pytest.warns(match="Maximum iterations"):
        return kind(**settings).fit(rows, y)


@pytest.mark.parametrize(
    "y",
    [
        LABELS, LABELS.astype(np.uint8), LABELS - 1, LABELS == 1, np.arange(40) // 2 * 7,
        LABELS.astype(str), LABELS.astype(float), LABELS.tolist(),
    ],
)  # fmt: skip
def test_labels_are_learned_as_by_scikit_learn(y):
    found, expected = plain.binarizer(y), LabelBinarizer().fit(y)
    assert found.y_type_ == expected.y_type_
    assert found.sparse_input_ == expected.sparse_input_
    assert found.classes_.dtype == expected.classes_.dtype
    assert found.classes_.tolist() == expected.classes_.tolist()
    assert (found.transform(y) == expected.transform(y)).all()


def test_labels_that_may_be_numbers_get_the_warning_of_scikit_learn():
    y = np.arange(40)
    with warnings.catch_warnings(record=True) as expected:
        warnings.simplefilter("always")
        LabelBinarizer().fit(y)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        plain.binarizer(y)
    assert [str(one.message) for one in found] == [str(one.message) for one in expected]


@pytest.mark.parametrize("rows", [X, X.astype(np.float32), np.asfortranarray(X), X[:, ::-1]])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_the_quick_way_gives_the_parameters_of_the_other(kind, rows, monkeypatch):
    quick = fitted(kind, rows=rows)
    monkeypatch.setattr(plain, "are_plain", lambda *_: False)
    monkeypatch.setattr(plain, "have_passed", lambda _: False)
    monkeypatch.setattr(plain, "binarizer", LabelBinarizer().fit)
    slow = fitted(kind, rows=rows)
    assert quick.n_features_in_ == slow.n_features_in_ == 3
    assert quick.coefs_[0].dtype == slow.coefs_[0].dtype == rows.dtype
    for ours, theirs in zip(quick.coefs_, slow.coefs_, strict=True):
        assert (ours == theirs).all()


@pytest.mark.parametrize(
    ("rows", "y"),
    [
        (X[:, 0], LABELS), (X[:0], LABELS[:0]), (X, LABELS[:-1]), (X, LABELS.astype(object)),
        (X.tolist(), LABELS), (X.astype(int), LABELS), (X.view(np.recarray), LABELS),
        (np.where(X == X[1, 1], np.nan, X), LABELS), (np.where(X == X[1, 1], np.inf, X), LABELS),
    ],
)  # fmt: skip
def test_all_else_is_left_to_scikit_learn(rows, y):
    assert not plain.are_plain(MLPClassifier(), rows, y, "iub", True)


def test_targets_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="contains NaN"):
        MLPRegressor().fit(X, np.where(X[:, 0] > 0, np.nan, 1.0))


def test_names_of_features_are_forgotten_when_an_array_without_follows():
    pd = pytest.importorskip("pandas")
    model = fitted(rows=pd.DataFrame(X, columns=["a", "b", "c"]))
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    with pytest.warns(match="Maximum iterations"):
        model.fit(X, LABELS)
    assert not hasattr(model, "feature_names_in_")


def test_another_number_of_features_is_refused_after_the_first_call():
    model = MLPClassifier(random_state=0).partial_fit(X, LABELS, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="X has 2 features"):
        model.partial_fit(X[:, :2], LABELS)


@pytest.mark.parametrize(
    ("valid", "invalid"),
    [
        ({"max_iter": 2}, {"max_iter": 2.0}),
        ({"shuffle": True}, {"shuffle": 1}),
        ({"hidden_layer_sizes": (4,)}, {"hidden_layer_sizes": (-4,)}),
        ({"alpha": 0.5}, {"alpha": -0.5}),
        ({"tol": 0.1}, {"tol": np.nan}),
    ],
)
def test_settings_are_looked_at_again_where_value_or_type_differ(valid, invalid):
    for _ in range(2):
        fitted(**valid)
    with pytest.raises((ValueError, TypeError)):
        MLPClassifier(**invalid).fit(X, LABELS)


def test_settings_that_change_in_place_are_looked_at_every_time():
    sizes = [4]
    model = fitted(hidden_layer_sizes=sizes)
    sizes[0] = -1
    with pytest.raises(ValueError, match="hidden_layer_sizes must be > 0"):
        model.fit(X, LABELS)
    assert plain.settings_of(model) is None


def test_names_of_parameters_are_those_of_each_class():
    class Fewer(MLPClassifier):
        def __init__(self, alpha=0.1):
            super().__init__(alpha=alpha)

    assert MLPClassifier._get_param_names() == sorted(MLPClassifier().get_params())
    assert Fewer._get_param_names() == ["alpha"]
    MLPClassifier._get_param_names().clear()
    assert "alpha" in MLPClassifier._get_param_names()
    with pytest.raises(NotFittedError):
        Fewer().predict(X)


@pytest.mark.parametrize("y", [LABELS, LABELS == 1, LABELS.astype(str), LABELS + 1, LABELS[:5]])
def test_score_is_the_accuracy_of_scikit_learn(y):
    model = fitted(y=LABELS if y.dtype == int else y)  # so that some have unknown labels
    score = model.score(X[: len(y)], y)
    assert type(score) is float
    assert score == accuracy_score(y, model.predict(X[: len(y)]))


def test_score_refuses_what_accuracy_score_refuses():
    model = fitted()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.score(X[:-1], LABELS)
    with pytest.raises(NotFittedError):
        MLPClassifier().score(X, LABELS)
