"""Learning: what a network that works is known to reach."""

import time

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels

BACKENDS = kernels.available()


def accuracy(net, X, y):
    out = net.predict(X)
    guess = out.argmax(axis=1) if out.shape[1] > 1 else (out[:, 0] > 0.5)
    return np.mean(guess == y)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", range(3))
def test_xor_is_learned(seed, backend):
    X, y = dl.datasets.load("xor")
    net = dl.Network(
        [2, 4, 1], activation="tanh", loss="binary_cross_entropy", seed=seed, backend=backend
    )
    history = net.fit(X, y, epochs=1000, batch_size=1, optimizer=dl.SGD(0.5), target_loss=0.02)
    assert history.stop_reason == "target_loss"
    assert accuracy(net, X, y) == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_xor_is_learned_with_sigmoids_and_squared_error(backend):
    X, y = dl.datasets.load("xor")
    net = dl.Network([2, 3, 1], output="sigmoid", seed=1, backend=backend)
    net.fit(X, y, epochs=3000, batch_size=4, optimizer=dl.SGD(3.0, momentum=0.9), target_loss=0.005)
    assert accuracy(net, X, y) == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_xor_is_beyond_a_network_without_hidden_layer(backend):
    X, y = dl.datasets.load("xor")
    net = dl.Network([2, 1], loss="binary_cross_entropy", backend=backend)
    history = net.fit(X, y, epochs=500, batch_size=4, optimizer=dl.SGD(1.0))
    assert history.loss[-1] == pytest.approx(np.log(2), rel=1e-3)


@pytest.mark.parametrize("backend", BACKENDS)
def test_linear_network_finds_least_squares(backend):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    Y = X @ rng.normal(size=(4, 2)) + [1.0, -2.0] + 0.3 * rng.normal(size=(60, 2))
    solution = np.linalg.lstsq(np.column_stack([X, np.ones(60)]), Y, rcond=None)[0]
    net = dl.Network([4, 2], dtype="float64", backend=backend)
    net.fit(X, Y, epochs=1500, batch_size=60, optimizer=dl.SGD(0.5))
    assert net.W[0] == pytest.approx(solution[:4].T, abs=1e-10)
    assert net.b[0] == pytest.approx(solution[4], abs=1e-10)


@pytest.mark.parametrize("backend", BACKENDS)
def test_deep_linear_network_finds_the_same_map(backend):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40, 3))
    Y = X @ [[1.0], [-0.5], [0.25]]
    layers = [dl.Dense(3, "identity", bias=False), dl.Dense(1, "identity", bias=False)]
    net = dl.Network(3, layers, dtype="float64", backend=backend)
    net.fit(X, Y, epochs=600, batch_size=40, optimizer=dl.SGD(0.3))
    assert net.W[1] @ net.W[0] == pytest.approx(np.array([[1.0, -0.5, 0.25]]), abs=1e-8)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", range(3))
def test_encoder_finds_a_code_of_three_units(seed, backend):
    X, Y = dl.datasets.load("encoder")
    net = dl.Network([8, 3, 8], output="sigmoid", seed=seed, backend=backend)
    net.fit(X, Y, epochs=3000, batch_size=8, optimizer=dl.SGD(5.0), target_loss=0.01)
    assert (net.predict(X).argmax(axis=1) == np.arange(8)).all()
    code = 1 / (1 + np.exp(-(X @ net.W[0].T + net.b[0])))
    distances = np.abs(code[:, None] - code[None]).max(axis=2)[np.triu_indices(8, 1)]
    assert distances.min() > 0.1  # eight different codes


def test_sine_is_fitted_within_a_hundredth():
    data = dl.datasets.load("sine")
    net = dl.Network([1, 16, 1], activation="tanh", seed=1)
    net.fit(data.X_train, data.y_train, epochs=600, optimizer=dl.SGD(0.05, momentum=0.9))
    errors = net.predict(data.X_test)[:, 0] - data.y_test
    assert np.sqrt(np.mean(errors**2)) < 0.02


def test_spirals_are_told_apart():
    data = dl.datasets.load("two_spirals")
    net = dl.Network(
        [2, 32, 32, 1], activation="tanh", loss="binary_cross_entropy", init="normal", seed=1
    )
    X = data.X / 6.5
    net.fit(X, data.y, epochs=1500, optimizer=dl.SGD(0.02, momentum=0.9), target_loss=0.02)
    assert accuracy(net, X, data.y) > 0.97


@pytest.mark.parametrize(
    ("options", "rate", "batch_size"),
    [
        ({"activation": "relu", "loss": "cross_entropy", "init": "he_uniform"}, 0.05, 10),
        ({"activation": "tanh", "loss": "cross_entropy"}, 0.1, 32),
        ({"activation": "sigmoid", "output": "sigmoid"}, 3.0, 10),
    ],
)
def test_digits_are_read_on_the_held_out_part(options, rate, batch_size):
    data = dl.datasets.load("digits")
    y = data.y_train if options.get("loss") else dl.one_hot(data.y_train, 10)
    net = dl.Network([64, 30, 10], seed=0, **options)
    begin = time.perf_counter()
    net.fit(data.X_train / 16, y, epochs=30, batch_size=batch_size, optimizer=dl.SGD(rate))
    assert time.perf_counter() - begin < 5
    assert accuracy(net, data.X_test / 16, data.y_test) >= 0.95


def test_iris_is_told_apart_after_standardisation():
    data = dl.datasets.load("iris")
    net = dl.Network([4, 8, 3], activation="tanh", loss="cross_entropy")
    net.scaling = dl.Scaling.standardize(data.X_train)
    net.fit(data.X_train, data.y_train, epochs=100)
    assert accuracy(net, data.X_test, data.y_test) >= 0.93
