"""Noise of inputs and of weights, in training alone."""

import copy
import pickle

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels
from deltaloop.kernels import reference

BACKENDS = kernels.available()
MASK = np.random.default_rng(1).random((7, 5)) < 0.5
# (noise of the inputs, noise of the weights)
NOISES = [(0.3, 0.0), (0.0, 0.05), (0.2, 0.1)]


def data(n=60, dtype="float64"):
    X = np.random.default_rng(0).normal(size=(n, 5)).astype(dtype)
    return X, np.tanh(X[:, :2])


def network(input_noise=0.0, dtype="float64", trainable=True, mask=None, **more):
    layers = [dl.Dense(7, "tanh", mask=mask, trainable=trainable), dl.Dense(2, "identity")]
    return dl.Network(5, layers, dtype=dtype, seed=3, input_noise=input_noise, **more)


def trained(noises, optimizer=dl.Adam, batch_size=8, backend="auto", n_threads=1, **more):
    of_inputs, of_weights = noises
    net = network(of_inputs, backend=backend, **more)
    net.fit(*data(), epochs=3, batch_size=batch_size, n_threads=n_threads,
            optimizer=optimizer(0.01, weight_noise=of_weights))  # fmt: skip
    return net


@pytest.mark.parametrize("noises", NOISES)
@pytest.mark.parametrize("optimizer", [dl.SGD, dl.Adam, dl.Adagrad])
@pytest.mark.parametrize("more", [{}, {"mask": MASK}, {"trainable": False}, {"dropout": 0.2}])
def test_backends_agree(noises, optimizer, more):
    more = dict(more)
    found = []
    for backend in BACKENDS:
        for batch_size in (1, 7, 60):
            if "dropout" in more:
                net = dl.Network([5, 7, 2], activation="tanh", dropout=0.2, input_dropout=0.1,
                                 input_noise=noises[0], dtype="float64", seed=3,
                                 backend=backend)  # fmt: skip
                net.fit(*data(), epochs=2, batch_size=batch_size,
                        optimizer=optimizer(0.01, weight_noise=noises[1]))  # fmt: skip
            else:
                net = trained(noises, optimizer, batch_size, backend, **more)
            found.append(net.theta.copy())
    each = len(found) // len(BACKENDS)
    for k, theta in enumerate(found[each:]):
        np.testing.assert_allclose(theta, found[k % each], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_noise_of_many_weights_is_drawn_by_threads_together(dtype):
    X = np.random.default_rng(0).normal(size=(600, 40)).astype(dtype)
    found = []
    for backend, n_threads in (("auto", 1), ("auto", 2), ("auto", 3), ("reference", 1)):
        net = dl.Network([40, 300, 2], activation="tanh", dtype=dtype, seed=3, backend=backend)
        net.fit(X, np.tanh(X[:, :2]), epochs=2, batch_size=600, n_threads=n_threads,
                optimizer=dl.SGD(0.1, weight_noise=0.1))  # fmt: skip
        found.append(net.theta.copy())
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])
    np.testing.assert_allclose(found[3], found[0], rtol=0, atol=300 * np.finfo(dtype).eps)


@pytest.mark.parametrize("noises", NOISES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_and_pieces_change_no_bit(noises, dtype):
    X, Y = data(600, dtype)
    found = []
    for n_threads in (1, 2, 3):
        net = network(noises[0], dtype)
        net.fit(X, Y, epochs=2, batch_size=600, n_threads=n_threads,
                optimizer=dl.SGD(0.1, momentum=0.5, weight_noise=noises[1]))  # fmt: skip
        found.append(net.theta.copy())
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])


@pytest.mark.parametrize("noises", NOISES)
def test_a_seed_gives_the_same_noise_and_another_another(noises):
    first, again = trained(noises), trained(noises)
    np.testing.assert_array_equal(first.theta, again.theta)
    assert (first.theta != trained((0.0, 0.0)).theta).any()


def test_noise_is_a_bell_of_its_deviation():
    found = reference.bell(7, 3, 2**28, np.arange(500), np.arange(400)[:, None])
    assert abs(found.mean()) < 0.01 and abs(found.std() - 1) < 0.01
    assert abs(found).max() < 4.91
    assert abs(np.mean(abs(found) < 1) - 0.683) < 0.01
    assert abs(np.corrcoef(found[:, 0], found[:, 1])[0, 1]) < 0.2
    assert len(np.unique(found, axis=0)) == 400  # every sample has its own


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_step_by_hand(backend):
    """A linear unit at (w + noise) (x + noise): its gradient moves w itself."""
    net = dl.Network(1, [dl.Dense(1, "identity", init=([[2.0]], [0.5]))], dtype="float64",
                     input_noise=0.3, seed=5, backend=backend)  # fmt: skip
    net.optimizer = dl.SGD(0.1, weight_noise=0.2)
    of_weight = 0.2 * reference.bell(net._noise, 1, 2**29, np.arange(1)).item()
    of_input = 0.3 * reference.bell(net._noise, 1, 2**28, np.arange(1), np.zeros((1, 1))).item()
    x, w = 3 + of_input, 2 + of_weight
    delta = w * x + 0.5 - 1
    assert net.learn_one([3.0], [1.0]) == pytest.approx(delta**2 / 2, rel=1e-12)
    assert net.W[0].item() == pytest.approx(2 - 0.1 * delta * x, rel=1e-12)
    assert net.b[0].item() == pytest.approx(0.5 - 0.1 * delta, rel=1e-12)


@pytest.mark.parametrize("deviation", [1e-3, 0.2, 1.0, 3.0])
def test_noise_of_weights_alone_in_single_steps_comes_from_the_seed(deviation):
    X, Y = data(8)
    found = []
    for seed in (3, 3, 4):
        net = dl.Network([5, 7, 2], activation="tanh", dtype="float64", init="ones", seed=seed)
        before = net.generator.bit_generator.state
        net.optimizer = dl.SGD(0.1, weight_noise=deviation)
        net.learn_one(X[0], Y[0])
        net.learn_batch(X, Y)
        assert net.generator.bit_generator.state == before
        found.append(net.theta.tobytes())
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("noises", NOISES)
def test_predictions_losses_and_gradients_have_none(noises):
    X, Y = data()
    net = network(noises[0])
    net.optimizer = dl.SGD(0.1, weight_noise=noises[1])
    plain = network()
    plain.theta = net.theta
    np.testing.assert_array_equal(net.predict(X), plain.predict(X))
    np.testing.assert_array_equal(net.gradient(X, Y), plain.gradient(X, Y))
    assert net.loss(X, Y) == plain.loss(X, Y)


def test_frozen_layers_and_masks_stay_as_they_are():
    for more in ({"trainable": False}, {"mask": MASK}):
        before, net = network(**more), trained((0.1, 0.3), **more)
        kept = ~MASK if "mask" in more else np.ones((7, 5), bool)
        np.testing.assert_array_equal(net.W[0][kept], before.W[0][kept])


@pytest.mark.parametrize("noises", NOISES)
def test_resume_is_as_one_training(noises):
    nets = []
    for epochs in ((4,), (2, 2)):
        net = network(noises[0])
        for k, n in enumerate(epochs):
            net.fit(*data(), epochs=n, batch_size=7, resume=k > 0,
                    optimizer=None if k else dl.Adam(0.01, weight_noise=noises[1]))  # fmt: skip
        nets.append(net)
    np.testing.assert_array_equal(nets[0].theta, nets[1].theta)


def test_files_and_copies_keep_it(tmp_path):
    net = network(0.25)
    net.optimizer = dl.SGD(0.1, weight_noise=0.1)
    net.save(tmp_path / "net.npz")
    loaded = dl.load(tmp_path / "net.npz")
    assert (loaded.input_noise, loaded.optimizer.weight_noise) == (0.25, 0.1)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert other.input_noise == 0.25 and "noise 0.25" in repr(other)
        one = copy.deepcopy(net)
        for each in (one, other):
            each.learn_batch(*data(9))
        np.testing.assert_array_equal(other.theta, one.theta)


@pytest.mark.parametrize("value", [-0.1, np.nan, np.inf, "much"])
def test_what_is_no_deviation_is_refused(value):
    with pytest.raises(dl.DeltaloopError, match="input_noise"):
        dl.Network([2, 3, 1], input_noise=value)
    with pytest.raises(dl.DeltaloopError, match="weight_noise"):
        dl.SGD(0.1, weight_noise=value)
