"""Divergence: what is said, and that the network has its last finite parameters again."""

import pickle

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels

BACKENDS = kernels.available()
N = 7
rng = np.random.default_rng(11)
X, Y = rng.normal(size=(N, 3)), rng.normal(size=(N, 2))


def new_net(backend="auto", dtype="float64", seed=4):
    return dl.Network([3, 4, 2], activation="tanh", dtype=dtype, backend=backend, seed=seed)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [1, 3, 7])
def test_divergence_names_epoch_loss_and_remedy_and_keeps_the_last_finite(
    batch_size, dtype, backend
):
    options = {"batch_size": batch_size, "optimizer": dl.SGD(30.0)}
    net, twin = (dl.Network([3, 2], dtype=dtype, backend=backend, seed=1) for _ in range(2))
    with pytest.raises(dl.DivergenceError) as caught:
        net.fit(X, Y, epochs=10_000, **options)
    error = caught.value
    assert error.epoch > 1
    history = twin.fit(X, Y, epochs=error.epoch - 1, **options)
    assert net.theta.tobytes() == twin.theta.tobytes()
    assert np.isfinite(net.theta).all()
    assert error.last_loss == history.loss[-1]
    assert error.history.loss == history.loss
    text = str(error)
    assert f"in epoch {error.epoch} (last finite value {error.last_loss:.6g}" in text
    assert text.startswith(("loss became nan", "loss became inf", "parameters became infinite"))
    assert "learning_rate=30); lower learning_rate or scale X to unit variance" in text
    assert text.endswith(f"the network has its parameters after epoch {error.epoch - 1}")


def test_divergence_in_the_first_epoch_restores_the_initial_values():
    net = dl.Network([3, 2])
    before = net.theta.tobytes()
    with pytest.raises(dl.DivergenceError, match=r"epoch 1 \(no epoch was finite") as caught:
        net.fit(X, Y, batch_size=1, epochs=5, optimizer=dl.SGD(1e30))
    assert net.theta.tobytes() == before
    assert str(caught.value).endswith("the network has its parameters before training")
    assert caught.value.last_loss is None
    assert len(caught.value.history) == 0


def test_parameters_that_overflow_after_a_finite_loss_are_divergence():
    net = dl.Network([1, 1], init="zeros")
    with pytest.raises(dl.DivergenceError, match="parameters became infinite in epoch 1"):
        net.fit([[1e20]], [1e18], epochs=1, optimizer=dl.SGD(10.0))
    assert not net.theta.any()


def test_validation_loss_that_is_not_finite_is_divergence():
    net = dl.Network([3, 2], dtype="float64")
    before = net.theta.tobytes()
    with pytest.raises(dl.DivergenceError, match="validation loss became inf in epoch 1") as caught:
        net.fit(X, Y, epochs=2, validation_data=(X * 1e200, Y))
    assert net.theta.tobytes() == before  # as the text says
    assert str(caught.value).endswith("the network has its parameters before training")
    assert len(caught.value.history) == 0


def test_validation_loss_that_diverges_later_names_its_own_last_value():
    # w grows eightfold per epoch, and on the validation data it is multiplied by 1e18
    layer = dl.Dense(1, "identity", bias=False, init=[[1.0]])
    net, twin = dl.Network(1, [layer]), dl.Network(1, [layer])
    watched, options = ([[1e18]], [0.0]), {"optimizer": dl.SGD(9.0)}
    with pytest.raises(dl.DivergenceError, match="validation loss became inf") as caught:
        net.fit([[1.0]], [0.0], epochs=50, validation_data=watched, **options)
    error = caught.value
    assert error.epoch > 1
    history = twin.fit([[1.0]], [0.0], epochs=error.epoch - 1, validation_data=watched, **options)
    assert net.theta.tobytes() == twin.theta.tobytes()
    assert error.history.loss == history.loss
    assert error.history.validation_loss == history.validation_loss
    assert error.last_loss == history.loss[-1]
    assert f"last finite value {history.validation_loss[-1]:.6g}" in str(error)
    assert str(error).endswith(f"the network has its parameters after epoch {error.epoch - 1}")


def test_network_can_be_trained_after_divergence():
    net = dl.Network([3, 2])
    with pytest.raises(dl.DivergenceError):
        net.fit(X, Y, batch_size=1, optimizer=dl.SGD(1e30))
    assert net.fit(X, Y, epochs=2, optimizer=dl.SGD(0.01)).loss[-1] < 1e3


def test_divergence_error_survives_pickling():
    with pytest.raises(dl.DivergenceError) as caught:
        dl.Network([3, 2]).fit(X, Y, epochs=1000, optimizer=dl.SGD(30.0))
    twin = pickle.loads(pickle.dumps(caught.value))
    assert (str(twin), twin.epoch, twin.last_loss) == (
        str(caught.value), caught.value.epoch, caught.value.last_loss,
    )  # fmt: skip
    assert twin.history.loss == caught.value.history.loss


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_parameters_that_were_never_finite_are_not_blamed_on_the_learning_rate(bad):
    net = new_net()
    net.W[0][0, 0] = bad
    state = repr(net.generator.bit_generator.state)
    with pytest.raises(dl.InvalidInputError, match="parameters that are nan or infinite") as caught:
        net.fit(X, Y, epochs=1)
    assert "learning_rate" not in str(caught.value)
    assert repr(net.generator.bit_generator.state) == state
