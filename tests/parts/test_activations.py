"""Activations: the values and slopes of the table, and the parameters that are accepted."""

import copy
import math

import numpy as np
import pytest

import deltaloop as dl
import exact
from deltaloop import kernels
from deltaloop.activations import as_activation

BACKENDS = kernels.available()
Z = np.array([-90.0, -20, -3, -1, -0.25, -1e-3, 0, 1e-3, 0.25, 1, 3, 20, 90])

# every activation as it is by default, and with other parameters
TABLE = [
    *((name, None) for name in exact.EXACT),
    ("leaky_relu", 0.3),
    ("leaky_relu", 0.0),
    ("leaky_relu", 2.0),
    ("elu", 0.5),
]


def parameter(name, alpha):
    return dl.Activation(name, alpha).alpha or 0.0


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("dtype", "near"), [("float32", 1e-6), ("float64", 1e-14)])
@pytest.mark.parametrize(("name", "alpha"), TABLE, ids=str)
def test_output_is_the_function_of_the_table(name, alpha, dtype, near, backend):
    layer = dl.Dense(1, dl.Activation(name, alpha), bias=False, init=[[1.0]])
    net = dl.Network(1, [layer], dtype=dtype, backend=backend)
    z = Z[Z < 80] if name == "exp" else Z
    expected = exact.values(name, z.astype(dtype), parameter(name, alpha))
    assert net.predict(z)[:, 0] == pytest.approx(expected, rel=near, abs=near)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("dtype", "near"), [("float32", 1e-6), ("float64", 1e-13)])
@pytest.mark.parametrize(("name", "alpha"), TABLE, ids=str)
def test_slope_is_the_derivative_also_at_zero(name, alpha, dtype, near, backend):
    # C = 1/2 (f(z) - y)^2 with y = f(z) - 1, so delta = f'(z)
    layers = [
        dl.Dense(1, dl.Activation(name, alpha), bias=False, init=[[1.0]]),
        dl.Dense(1, "identity", bias=False, init=[[1.0]]),
    ]
    net = dl.Network(1, layers, dtype=dtype, backend=backend)
    z = Z[np.abs(Z) <= (3 if name == "exp" else 20)]  # where f(z) - 1 is another number
    delta = net.gradients(z, net.predict(z) - 1).delta
    scale = delta[1][:, 0].astype(float)  # 1 up to rounding
    expected = exact.slopes(name, z.astype(dtype), parameter(name, alpha))
    assert delta[0][:, 0] / scale == pytest.approx(expected, rel=near * 50, abs=near)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4])
def test_softmax_is_a_distribution_that_no_shift_changes(shift, dtype, backend):
    net = dl.Network(
        3, [dl.Dense(3, "softmax", init=np.eye(3))], loss="cross_entropy", dtype=dtype,
        backend=backend,
    )  # fmt: skip
    z = np.array([[1.0, 2.0, 4.0], [0, 0, 0]])
    expected = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    near = 1e-6 if dtype == "float32" else 1e-11
    assert net.predict(z + shift) == pytest.approx(expected, rel=near)


BOUNDED = [name for name in exact.EXACT if math.isfinite(dl.Activation(name).range[0])]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*BOUNDED, "softmax"])
def test_output_stays_in_its_range_at_the_largest_inputs(name, dtype, backend):
    low, high = dl.Activation(name).range
    assert math.isfinite(low)
    net = dl.Network(2, [dl.Dense(2, name, init=np.eye(2))], dtype=dtype, backend=backend)
    huge = float(np.finfo(dtype).max)
    out = net.predict([[huge, -huge], [-huge, huge], [1e30, 1e30], [-1e30, -1e30]])
    assert not np.isnan(out).any()
    assert out.min() >= low
    assert out.max() <= high


@pytest.mark.parametrize(
    ("name", "alpha", "error", "text"),
    [
        ("sigmod", None, dl.InvalidInputError, "unknown activation 'sigmod'.*mean 'sigmoid'"),
        ("tanh", 1.0, dl.InvalidInputError, r"'tanh' has no alpha, got alpha=1.0; only.*elu"),
        ("elu", 0, dl.InvalidInputError, "alpha of elu must be > 0, got 0; for 0 use 'relu'"),
        ("elu", -1, dl.InvalidInputError, "alpha of elu must be > 0, got -1"),
        ("elu", math.inf, dl.InvalidInputError, "alpha of elu must be finite, got inf"),
        ("leaky_relu", -0.1, dl.InvalidInputError, "leaky_relu must be finite and >= 0, got -0.1"),
        ("leaky_relu", math.nan, dl.InvalidInputError, "must be finite and >= 0, got nan"),
        ("leaky_relu", "0.1", dl.InvalidTypeError, "leaky_relu must be a number, got '0.1'"),
        ("leaky_relu", True, dl.InvalidTypeError, "leaky_relu must be a number, got True"),
        ("elu", [1, 2], dl.InvalidTypeError, r"alpha of elu must be a number, got \[1, 2\]"),
        (3, None, dl.InvalidTypeError, "a name such as 'relu', got 3"),
        (["relu"], None, dl.InvalidTypeError, r"a name such as 'relu', got \['relu'\]"),
        (np.array(["relu", "tanh"]), None, dl.InvalidTypeError, "a name such as 'relu'"),
    ],
)
def test_wrong_activation_is_refused(name, alpha, error, text):
    with pytest.raises(error, match=text):
        dl.Activation(name, alpha)


def test_name_and_object_mean_the_same():
    assert as_activation("elu") == dl.Activation("elu") == dl.Activation("elu", 1.0)
    assert as_activation(dl.Activation("relu")) is not None
    with pytest.raises(dl.InvalidTypeError, match="such as 'relu' or an Activation, got int"):
        as_activation(3)


def test_text_shows_an_alpha_that_is_not_the_default():
    assert str(dl.Activation("elu")) == "elu"
    assert str(dl.Activation("elu", 0.25)) == "elu(0.25)"


def test_activation_cannot_be_changed_and_can_be_copied():
    activation = dl.Activation("elu", 0.25)
    with pytest.raises(AttributeError):
        activation.alpha = 2
    assert copy.deepcopy(activation) == activation
    assert len({activation, dl.Activation("elu", 0.25), dl.Activation("elu")}) == 2
