"""Weights as Keras has them, checked with Keras where it is installed."""

import os

import numpy as np
import pytest

import deltaloop as dl

pytest.importorskip("torch")
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

# of Keras itself, with NumPy 2
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

X = np.random.default_rng(0).normal(size=(9, 3))
CLOSE = 1e-5  # Dense of Keras 3.15 on PyTorch multiplies in float32, whatever the dtype
NAMES = {
    "linear": "identity", "sigmoid": "sigmoid", "tanh": "tanh", "relu": "relu", "elu": "elu",
    "selu": "selu", "softplus": "softplus", "softsign": "softsign", "silu": "silu", "mish": "mish",
    "hard_sigmoid": "hard_sigmoid", "hard_tanh": "hard_tanh", "exponential": "exp",
}  # fmt: skip


@pytest.fixture(autouse=True)
def floatx():
    """Keras rounds inputs to it, and to the policy, whatever dtype its layers have."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


def model(activation, output, dtype, bias=True):
    keras.utils.set_random_seed(0)
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    return keras.Sequential(
        [
            keras.Input((3,), dtype=dtype),
            keras.layers.Dense(5, activation=activation, dtype=dtype),
            keras.layers.Dropout(0.5, dtype=dtype),
            keras.layers.Dense(2, use_bias=bias, dtype=dtype),
            keras.layers.Activation(output, dtype=dtype),
        ]
    )


@pytest.mark.parametrize("name", NAMES)
def test_model_goes_both_ways(dtype, name):
    twin = model(name, "softmax", dtype.name)
    net = dl.formats.from_keras(twin)
    assert [str(layer.activation) for layer in net.layers] == [NAMES[name], "softmax"]
    expected = np.asarray(twin(X.astype(dtype)).detach())
    np.testing.assert_allclose(net.predict(X), expected, rtol=0, atol=CLOSE)
    other = model(name, "softmax", dtype.name)
    other.set_weights(dl.formats.to_keras_weights(net))
    for one, array in zip(other.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(one, array)


def test_arrays_alone_with_what_the_user_says(dtype):
    twin = model("relu", "softmax", dtype.name, bias=False)
    net = dl.formats.from_keras(twin.get_weights(), activation="relu", loss="cross_entropy")
    expected = np.asarray(twin(X.astype(dtype)).detach())
    np.testing.assert_allclose(net.predict(X), expected, rtol=0, atol=CLOSE)
    assert net.b[1] is None


def test_layers_that_no_network_has_are_refused():
    twin = keras.Sequential([keras.Input((3, 2)), keras.layers.LSTM(2)])
    with pytest.raises(dl.InvalidTypeError, match="a layer LSTM, which no network here has"):
        dl.formats.from_keras(twin)
    twin = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="relu6")])
    with pytest.raises(dl.InvalidInputError, match="activation 'relu6'"):
        dl.formats.from_keras(twin)
