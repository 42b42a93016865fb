"""`check_gradients`: what is right passes, what is wrong does not, and kinks are no errors."""

import warnings

import numpy as np
import pytest

import cases
import deltaloop as dl
from explain.test_explain import network


def samples(n, n_in, n_out, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, n_in)), rng.normal(size=(n, n_out))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", ["reference", "cython"])
def test_backpropagation_passes(backend, dtype):
    net = dl.Network([3, 5, 4, 2], activation="tanh", dtype=dtype, backend=backend, seed=1)
    check = dl.check_gradients(net, *samples(7, 3, 2))
    assert check
    assert check.worst < (1e-7 if dtype == "float64" else 1e-4)
    assert [layer.name for layer in check.layers] == ["W^1", "b^1", "W^2", "b^2", "W^3", "b^3"]
    assert [layer.n_checked for layer in check.layers] == [15, 5, 20, 4, 8, 2]
    assert len(check.directions) == 10


@pytest.mark.parametrize(("output", "loss"), cases.PAIRS[::3], ids="-".join)
def test_every_loss_passes(output, loss):
    net, X, Y = network("tanh", output, loss)
    assert dl.check_gradients(net, X, Y, n_directions=2)


def test_weights_of_samples_and_masks_count():
    mask = np.array([[True, False, True], [True, True, False]])
    net = dl.Network(3, [dl.Dense(2, "tanh", mask=mask), dl.Dense(1)], dtype="float64", seed=1)
    X, Y = samples(4, 3, 1)
    check = dl.check_gradients(net, X, Y, sample_weight=[1, 2, 0, 5])
    assert check
    assert check.layers[0].n_checked == check.layers[0].n_parameters == 4


def wrong_activation():
    """Right where custom_activation looks, wrong beyond."""
    return dl.custom_activation(
        "mine", lambda z: z * z, lambda z, a: 2 * z if z < 6.5 else 2.02 * z
    )


def test_wrong_derivative_of_a_loss_is_caught():
    pytest.importorskip("numba")
    wrong = dl.custom_loss(
        "mine", lambda a, y: (a - y) ** 2, lambda a, y: 2 * (a - y) if a - y < 9 else 2.02 * (a - y)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dl.DeltaloopWarning)
        net = dl.Network([2, 3, 1], activation="tanh", loss=wrong, dtype="float64", seed=1)
    X, Y = samples(5, 2, 1)
    assert dl.check_gradients(net, X, Y)
    check = dl.check_gradients(net, X, Y - 20)
    assert not check
    assert "FAILED" in repr(check)
    assert check.worst == pytest.approx(0.02 / 2.02, rel=0.05)
    assert all(layer.worst > 1e-3 for layer in check.layers)


def test_wrong_slope_of_an_activation_spoils_its_layer_alone():
    pytest.importorskip("numba")
    net = dl.Network(1, [dl.Dense(1, wrong_activation(), init=([[1.0]], [0.0])),
                         dl.Dense(1, "identity")], dtype="float64", seed=1)  # fmt: skip
    assert dl.check_gradients(net, [[2.0]], [3.0])
    check = dl.check_gradients(net, [[8.0]], [3.0])
    wrong = {layer.name for layer in check.layers if layer.worst > 1e-6}
    assert wrong == {"W^1", "b^1"}
    assert check.layers[0].where == "w^1_11"
    assert check.layers[0].gradient == pytest.approx(1.01 * check.layers[0].difference, rel=1e-6)


def test_a_gradient_that_is_a_little_wrong_is_found(monkeypatch):
    net = dl.Network([2, 3, 1], activation="tanh", dtype="float64", seed=1)
    right = type(net)._loss_gradient

    def wrong(self, theta, X, Y, grad, weights):
        loss = right(self, theta, X, Y, grad, weights)
        self.plan.W(grad, 0)[2, 1] *= 1 + 1e-5
        return loss

    monkeypatch.setattr(type(net), "_loss_gradient", wrong)
    check = dl.check_gradients(net, *samples(4, 2, 1), n_directions=0)
    assert not check
    assert check.layers[0].where == "w^1_32"


def test_of_equal_errors_the_first_is_named():
    net = dl.Network([2, 3, 1], activation="tanh", dtype="float64", seed=1)
    check = dl.check_gradients(net, [[0.0, 0.0]], [1.0], n_directions=0)  # inputs of 0: no error
    assert (check.layers[0].worst, check.layers[0].where) == (0.0, "w^1_11")


def test_kinks_are_left_out():
    hidden = dl.Dense(2, "relu", init=([[1.0], [-1.0]], [0.0, 0.5]))
    output = dl.Dense(1, "identity", init=([[1.0, 1.0]], [0.0]))
    net = dl.Network(1, [hidden, output], dtype="float64")
    check = dl.check_gradients(net, [[0.0]], [3.0], n_directions=0)  # z of unit 1 is 0
    assert check
    assert [layer.n_kinks for layer in check.layers] == [0, 1, 0, 0]
    near = dl.check_gradients(net, [[1e-6]], [3.0], n_directions=0)  # a shorter step does not reach
    assert near
    assert sum(layer.n_kinks for layer in near.layers) == 0


def test_many_parameters_are_drawn():
    net = dl.Network([40, 30, 2], activation="tanh", dtype="float64")
    check = dl.check_gradients(net, *samples(3, 40, 2), n_parameters=5, n_directions=1)
    assert [layer.n_checked for layer in check.layers] == [5, 5, 5, 2]
    assert "5 of 1200" in repr(check)
    alone = dl.check_gradients(net, *samples(3, 40, 2), n_parameters=0)
    assert alone.layers == ()
    assert alone


def test_nothing_is_changed():
    net = dl.Network([2, 3, 1], activation="relu", dtype="float64")
    before = net.theta.copy()
    dl.check_gradients(net, *samples(4, 2, 1))
    assert net.theta.tobytes() == before.tobytes()


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"n_directions": 0, "n_parameters": 0}, "nothing to check"),
        ({"tolerance": 0.0}, "tolerance must be finite and > 0"),
        ({"n_directions": -1}, "n_directions must be a whole number >= 0"),
    ],
)
def test_numbers_that_make_no_check_are_refused(given, text):
    with pytest.raises(dl.InvalidInputError, match=text):
        dl.check_gradients(dl.Network([2, 1]), [[1.0, 2.0]], [1.0], **given)
    with pytest.raises(dl.InvalidTypeError, match=r"net must be a deltaloop\.Network, got list"):
        dl.check_gradients([], [[1.0, 2.0]], [1.0])
