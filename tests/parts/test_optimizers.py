"""Optimisers: the steps they take and the settings they accept.

Whole epochs against the equations are in test_training.py.
"""

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels

BACKENDS = kernels.available()
W0 = 5.0


def weights_after(optimizer, steps, backend):
    """C = w^2 / 2, so that g = w: one weight, one sample x = 1, y = 0."""
    layer = dl.Dense(1, "identity", bias=False, init=[[W0]])
    net = dl.Network(1, [layer], dtype="float64", backend=backend)
    net.fit([1.0], [0.0], epochs=steps, optimizer=optimizer)
    return net.W[0].item()


@pytest.mark.parametrize("backend", BACKENDS)
def test_sgd_shrinks_the_weight_of_a_parabola_by_one_factor(backend):
    assert weights_after(dl.SGD(0.1), 7, backend) == pytest.approx(W0 * 0.9**7, rel=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_follows_its_rule(nesterov, backend):
    w, v = W0, 0.0
    for _ in range(6):
        g = w
        v = 0.9 * v + g
        w -= 0.1 * (g + 0.9 * v if nesterov else v)
    optimizer = dl.SGD(0.1, momentum=0.9, nesterov=nesterov)
    assert weights_after(optimizer, 6, backend) == pytest.approx(w, rel=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
def test_adam_follows_its_rule(backend):
    w, m, v = W0, 0.0, 0.0
    for t in range(1, 7):
        g = w
        m = 0.8 * m + 0.2 * g
        v = 0.9 * v + 0.1 * g**2
        w -= 0.3 * (m / (1 - 0.8**t)) / ((v / (1 - 0.9**t)) ** 0.5 + 0.01)
    optimizer = dl.Adam(0.3, beta1=0.8, beta2=0.9, epsilon=0.01)
    assert weights_after(optimizer, 6, backend) == pytest.approx(w, rel=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
def test_rmsprop_follows_its_rule(backend):
    w, v = W0, 0.0
    for _ in range(6):
        g = w
        v = 0.9 * v + 0.1 * g**2
        w -= 0.3 * g / (v**0.5 + 0.01)
    optimizer = dl.RMSprop(0.3, rho=0.9, epsilon=0.01)
    assert weights_after(optimizer, 6, backend) == pytest.approx(w, rel=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
def test_first_step_of_adam_is_the_learning_rate_whatever_the_gradient(backend):
    assert weights_after(dl.Adam(0.25), 1, backend) == pytest.approx(W0 - 0.25, rel=1e-8)


@pytest.mark.parametrize("backend", BACKENDS)
def test_first_step_with_momentum_is_the_plain_step(backend):
    assert weights_after(dl.SGD(0.1, 0.9), 1, backend) == weights_after(dl.SGD(0.1), 1, backend)


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"learning_rate": -0.1}, dl.InvalidInputError, "learning_rate must be.*>= 0, got -0.1"),
        ({"learning_rate": np.nan}, dl.InvalidInputError, "learning_rate must be finite.*got nan"),
        ({"learning_rate": np.inf}, dl.InvalidInputError, "learning_rate must be finite.*got inf"),
        ({"learning_rate": None}, dl.InvalidTypeError, "learning_rate must be a number, got None"),
        ({"learning_rate": "fast"}, dl.InvalidTypeError, "must be a number, got 'fast'"),
        ({"learning_rate": "0.1"}, dl.InvalidTypeError, "must be a number, got '0.1'"),
        ({"learning_rate": 1j}, dl.InvalidTypeError, "must be a number, got 1j"),
        ({"learning_rate": [0.1]}, dl.InvalidTypeError, r"must be a number, got \[0.1\]"),
        ({"learning_rate": True}, dl.InvalidTypeError, "must be a number, got True"),
        ({"momentum": 1.0}, dl.InvalidInputError, r"momentum must be.*in \[0, 1\), got 1.0"),
        ({"momentum": -0.1}, dl.InvalidInputError, r"momentum must be.*in \[0, 1\), got -0.1"),
        ({"momentum": "0.5"}, dl.InvalidTypeError, "momentum must be a number, got '0.5'"),
        ({"nesterov": True}, dl.InvalidInputError, r"momentum in \(0, 1\), got momentum=0"),
        ({"momentum": 0.5, "nesterov": "no"}, dl.InvalidTypeError, "nesterov must be True or Fals"),
    ],
)
def test_wrong_setting_is_refused(settings, error, text):
    with pytest.raises(error, match=text):
        dl.SGD(**settings)


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"learning_rate": -0.1}, dl.InvalidInputError, "finite and >= 0, got -0.1"),
        ({"learning_rate": "0.1"}, dl.InvalidTypeError, "must be a number, got '0.1'"),
        ({"beta1": 1.0}, dl.InvalidInputError, r"beta1 must be in \[0, 1\), got 1.0"),
        ({"beta2": -0.1}, dl.InvalidInputError, r"beta2 must be in \[0, 1\), got -0.1"),
        ({"beta2": np.nan}, dl.InvalidInputError, r"beta2 must be in \[0, 1\), got nan"),
        ({"beta1": True}, dl.InvalidTypeError, "beta1 must be a number, got True"),
        ({"epsilon": 0}, dl.InvalidInputError, "epsilon must be finite and >= 1.17549e-38, got 0"),
        ({"epsilon": np.inf}, dl.InvalidInputError, "epsilon must be finite.*got inf"),
    ],
)
def test_wrong_setting_of_adam_is_refused(settings, error, text):
    with pytest.raises(error, match=text):
        dl.Adam(**settings)


def test_optimizer_cannot_be_changed_and_shows_its_settings():
    optimizer = dl.SGD(0.5)
    with pytest.raises(AttributeError):
        optimizer.learning_rate = 1.0
    assert repr(optimizer) == "SGD(learning_rate=0.5, momentum=0.0, nesterov=False)"
    assert optimizer == dl.SGD(learning_rate=0.5)


@pytest.mark.parametrize("value", [np.float32(0.5), np.array(0.5), np.float64(0.5)])
def test_numbers_of_numpy_become_plain_floats(value):
    assert repr(dl.SGD(value, value)) == "SGD(learning_rate=0.5, momentum=0.5, nesterov=False)"


@pytest.mark.parametrize("optimizer", [dl.SGD(0.1, momentum=0.9), dl.Adam(0.1)])
def test_one_optimizer_serves_many_calls_alike(optimizer):
    X = np.eye(4)
    results = []
    for _ in range(2):
        net = dl.Network([4, 2, 1], seed=1)
        net.fit(X, [0, 1, 1, 0], epochs=3, optimizer=optimizer)
        results.append(net.theta.tobytes())
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("optimizer", "options", "text"),
    [
        (dl.SGD, {"lr": 0.1}, r"'lr'; write SGD\(learning_rate=0.1\)"),
        (dl.Adam, {"lr": 0.1}, r"'lr'; write Adam\(learning_rate=0.001\)"),
        (dl.Adam, {"betas": (0.9, 0.999)}, r"'betas'; write Adam\(.*beta1=0.9, beta2=0.999"),
        (dl.Adam, {"eps": 1e-8}, r"'eps'; write Adam\(.*epsilon=1e-8"),
        (dl.SGD, {"dampening": 0.1}, r"'dampening'; write SGD\("),
    ],
)
def test_names_of_arguments_elsewhere_are_told_those_here(optimizer, options, text):
    with pytest.raises(dl.InvalidTypeError, match=text):
        optimizer(**options)
