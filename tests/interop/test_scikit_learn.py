"""Networks as MLP objects of scikit-learn, and back."""

import numpy as np
import pytest

import deltaloop as dl

pytest.importorskip("sklearn")
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X = np.random.default_rng(0).normal(size=(60, 3))
Y = {
    "two": np.where(X[:, 0] > 0, "b", "a"),
    "three": np.digitize(X[:, 0], [-0.5, 0.5]) * 10,
    "labels": np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int),
    "value": X[:, 0] ** 2,
    "values": X[:, :2] ** 2,
}
ACTIVATIONS = ["identity", "logistic", "tanh", "relu"]
CLOSE = {"float32": 1e-6, "float64": 1e-12}


def trained(kind, activation, dtype, scaled=False):
    mlp = (MLPRegressor if "value" in kind else MLPClassifier)(
        hidden_layer_sizes=(6, 4), activation=activation, max_iter=20, random_state=0,
        learning_rate_init=0.02,
    )  # fmt: skip
    made = make_pipeline(StandardScaler(), mlp) if scaled else mlp
    with pytest.warns(ConvergenceWarning):
        return made.fit((X * 3 + 5 if scaled else X).astype(dtype), Y[kind])


def expected(mlp, kind, X):
    found = mlp.predict(X) if "value" in kind else mlp.predict_proba(X)
    return found.reshape(len(X), -1)


def ours(net, kind, X):
    out = net.predict(X)
    return np.hstack([1 - out, out]) if kind == "two" else out


@pytest.mark.parametrize("kind", Y)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_trained_estimator_goes_both_ways(dtype, kind, activation):
    mlp = trained(kind, activation, dtype)
    net = dl.formats.from_sklearn(mlp)
    assert net.dtype == dtype
    given = X.astype(dtype)
    close = CLOSE[dtype.name]
    np.testing.assert_allclose(ours(net, kind, given), expected(mlp, kind, given), atol=close)
    if kind in ("two", "three"):
        assert net.classes == tuple(str(name) for name in mlp.classes_)
    back = dl.formats.to_sklearn(net)
    assert type(back) is type(mlp)
    np.testing.assert_allclose(expected(back, kind, given), expected(mlp, kind, given), atol=close)
    found, wanted = back.predict(given), mlp.predict(given)
    if kind == "three":
        assert [str(one) for one in wanted] == found.tolist()
    elif "value" not in kind:
        assert (found == wanted).all()
    for one, other in zip(mlp.coefs_, back.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", ["three", "value"])
def test_scaler_before_the_estimator_goes_both_ways(kind):
    pipeline = trained(kind, "tanh", "float64", scaled=True)
    net = dl.formats.from_sklearn(pipeline)
    given = X * 3 + 5
    np.testing.assert_allclose(ours(net, kind, given), expected(pipeline, kind, given), atol=1e-12)
    back = dl.formats.to_sklearn(net)
    np.testing.assert_allclose(
        expected(back, kind, given), expected(pipeline, kind, given), atol=1e-12
    )  # fmt: skip


def test_scaled_targets_become_weights():
    net = dl.Network([3, 4, 2], activation="tanh", dtype="float64", seed=1)
    net.scaling = dl.Scaling([1, 2, 3], [1, 0.5, 2], [100, -5], [20, 3])
    np.testing.assert_allclose(dl.formats.to_sklearn(net).predict(X), net.predict(X), rtol=1e-12)


def test_estimator_goes_on_training_there():
    net = dl.Network([3, 8, 2], activation="tanh", loss="cross_entropy", seed=1, dtype="float64")
    mlp = dl.formats.to_sklearn(net)
    before = mlp.coefs_[0].copy()
    mlp.set_params(warm_start=True, max_iter=3)
    with pytest.warns(ConvergenceWarning):
        mlp.fit(X, (X[:, 0] > 0).astype(int))
    assert (mlp.coefs_[0] != before).any()


def test_our_own_estimator_gives_its_network():
    mlp = dl.sklearn.MLPClassifier((5,), activation="relu", max_iter=20, random_state=0)
    with pytest.warns(ConvergenceWarning):
        mlp.fit(X, Y["three"])
    net = dl.formats.from_sklearn(mlp)
    np.testing.assert_allclose(net.predict(X), mlp.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize(
    ("net", "told"),
    [
        (dl.Network([3, 4, 1], activation="gelu"), "identity, sigmoid, tanh, relu"),
        (dl.Network([3, 4, 1], output="tanh"), "outputs identity, softmax, sigmoid"),
        (dl.Network(3, [dl.Dense(4, "tanh"), dl.Dense(4, "relu"), dl.Dense(1)]), "one activation"),
        (dl.Network(3, [dl.Dense(4), dl.Dense(1, shortcuts=[0])]), "no shortcuts, which layer 2"),
        (dl.Network([3, 4, 1], loss="gaussian_nll"), "no heads"),
    ],
)
def test_network_that_scikit_learn_lacks_is_refused_with_what_it_has(net, told):
    with pytest.raises(dl.InvalidInputError, match=told):
        dl.formats.to_sklearn(net)


def test_classes_out_of_order_are_refused():
    net = dl.Network([3, 4, 2], activation="tanh", loss="cross_entropy")
    net.classes = ("b", "a")
    with pytest.raises(dl.InvalidInputError, match="sorts its classes"):
        dl.formats.to_sklearn(net)


def test_what_is_no_trained_mlp_is_refused():
    with pytest.raises(dl.InvalidInputError, match="not trained"):
        dl.formats.from_sklearn(MLPClassifier())
    with pytest.raises(dl.InvalidTypeError, match="got StandardScaler"):
        dl.formats.from_sklearn(StandardScaler())
