"""Layers that training leaves as they are, and connections that there are not."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels
from embedded_networks import OPTIMIZERS

BACKENDS = kernels.available()
MASK = np.random.default_rng(1).random((7, 5)) < 0.5
REGULAR = {"l1": 0.01, "weight_decay": 0.1, "clip_norm": 1.0, "max_norm": 0.8}


def data(n=40, dtype="float64"):
    generator = np.random.default_rng(0)
    X = generator.normal(size=(n, 5)).astype(dtype)
    return X, np.tanh(X[:, :2])


def network(trainable=(True, True, True), mask=None, dtype="float64", **more):
    layers = [
        dl.Dense(7, "tanh", trainable=trainable[0], mask=mask),
        dl.Dense(6, "silu", trainable=trainable[1]),
        dl.Dense(2, "identity", trainable=trainable[2]),
    ]
    return dl.Network(5, layers, dtype=dtype, seed=3, **more)


def in_every_way(net, optimizer):
    """fit with single samples and mini-batches, dense and sparse, and the calls for one step."""
    X, Y = data()
    whole = type(optimizer) is dl.Rprop
    for batch_size in (40,) if whole else (1, 7):
        net.fit(X, Y, epochs=1, batch_size=batch_size, optimizer=optimizer)
        net.fit(X, Y, epochs=1, batch_size=batch_size, optimizer=optimizer, sparse=True)
    net.optimizer = optimizer
    net.learn_one(X[0], Y[0])
    net.learn_batch(X[:9], Y[:9])
    net.apply_gradient(net.gradient(X, Y))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("more", [{}, REGULAR], ids=["plain", "regularized"])
def test_frozen_layers_stay_as_they_are(backend, name, more):
    for frozen in ((0,), (1,), (0, 1), (2,)):
        net = network([k not in frozen for k in range(3)], backend=backend)
        before = [(W.copy(), b.copy()) for W, b in zip(net.W, net.b, strict=True)]
        in_every_way(net, replace(OPTIMIZERS[name], **more))
        for k, (W, b) in enumerate(before):
            same = np.array_equal(net.W[k], W), np.array_equal(net.b[k], b)
            assert same == ((k in frozen),) * 2


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("more", [{}, REGULAR], ids=["plain", "regularized"])
def test_connections_that_there_are_not_stay_0(backend, name, more):
    net = network(mask=MASK, backend=backend)
    assert (net.W[0][~MASK] == 0).all() and (net.W[0][MASK] != 0).all()
    before = net.W[0].copy()
    in_every_way(net, replace(OPTIMIZERS[name], **more))
    assert (net.W[0][~MASK] == 0).all()
    assert (net.W[0] != before)[MASK].any()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("more", [{}, REGULAR], ids=["plain", "regularized"])
def test_what_is_assigned_where_no_connection_is_counts_for_one_step(backend, name, more):
    for way in ("fit", "learn_one", "learn_batch", "apply_gradient"):
        check_one_step(backend, replace(OPTIMIZERS[name], **more), way)


def check_one_step(backend, optimizer, way):
    X, Y = data()
    net = network((True, False, True), MASK, backend=backend)
    layers = (*net.layers[:1], replace(net.layers[1], mask=np.zeros((6, 7), bool)), net.layers[2])
    net = dl.Network(5, layers, dtype="float64", seed=3, backend=backend)
    net.optimizer = optimizer
    net.W[0][:] = net.W[1][:] = 0.5
    before = net.predict(X[:1])
    if way == "fit":
        net.fit(X, Y, epochs=1, batch_size=40)
    elif way == "apply_gradient":
        net.apply_gradient(np.zeros(net.n_parameters))
    else:
        _ = net.learn_one(X[0], Y[0]) if way == "learn_one" else net.learn_batch(X, Y)
    assert (net.W[0][~MASK] == 0).all() and (net.W[0][MASK] != 0).all()
    assert (net.W[1] == 0.5).all()  # frozen
    assert (net.predict(X[:1]) != before).any()


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_trained_is_trained_as_without(backend):
    """The upper layers on what a frozen one gives are a network of their own."""
    X, Y = data()
    net = network([False, True, True], backend=backend)
    above = dl.Network(7, [dl.Dense(6, "silu"), dl.Dense(2, "identity")], dtype="float64")
    hidden = np.tanh(X @ net.W[0].T + net.b[0])
    for k in range(2):
        above.W[k], above.b[k] = net.W[k + 1], net.b[k + 1]
    for one, inputs in ((net, X), (above, hidden)):
        one.fit(inputs, Y, epochs=3, batch_size=8, shuffle=False, optimizer=dl.Adam(0.01))
    np.testing.assert_allclose(net.W[1], above.W[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(net.W[2], above.W[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("batch_size", [1, 8])
def test_a_mask_of_ones_changes_nothing(backend, batch_size):
    X, Y = data()
    found = []
    for mask in (None, np.ones((7, 5), bool)):
        net = network(mask=mask, backend=backend)
        net.fit(X, Y, epochs=2, batch_size=batch_size, optimizer=dl.SGD(0.05, momentum=0.5))
        found.append(net.theta.copy())
    np.testing.assert_allclose(*found, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_have_0_where_there_is_no_connection_and_all_of_frozen_layers(backend):
    X, Y = data()
    net, plain = network([False, True, True], MASK, backend=backend), network(backend=backend)
    plain.theta = net.theta
    found, expected = net.gradients(X, Y), plain.gradients(X, Y)
    np.testing.assert_allclose(found.dW[0], np.where(MASK, expected.dW[0], 0), rtol=1e-12)
    np.testing.assert_allclose(found.dW[2], expected.dW[2], rtol=1e-12)


@pytest.mark.parametrize("n_threads", [2, 3])
def test_threads_change_no_bit(n_threads):
    X, Y = data(200)
    found = []
    for n in (1, n_threads):
        net = network([True, False, True], MASK)
        net.fit(X, Y, epochs=2, batch_size=100, optimizer=dl.Adam(0.01), n_threads=n)
        found.append(net.theta.copy())
    np.testing.assert_array_equal(*found)


def test_trainable_can_be_assigned_between_trainings():
    X, Y = data()
    net = network()
    net.trainable = [False, True, False]
    assert net.trainable == (False, True, False)
    assert [layer.trainable for layer in net.layers] == [False, True, False]
    assert "frozen" in repr(net).splitlines()[3]
    before = net.W[0].copy()
    net.learn_one(X[0], Y[0])
    net.fit(X, Y, epochs=1)
    np.testing.assert_array_equal(net.W[0], before)
    net.trainable = True
    net.learn_one(X[0], Y[0])
    assert (net.W[0] != before).any()


def test_the_state_from_before_moves_no_frozen_layer():
    X, Y = data()
    net = network()
    net.optimizer = dl.Adam(0.1)
    net.learn_batch(X, Y)
    net.trainable = [False, True, True]
    before = net.W[0].copy()
    net.learn_batch(X, Y)
    net.apply_gradient(net.gradient(X, Y))
    np.testing.assert_array_equal(net.W[0], before)


def test_copies_and_files_keep_both(tmp_path):
    X, Y = data()
    net = network([False, True, True], MASK)
    net.W[0][:] += 0.25  # also where there is no connection
    net.save(tmp_path / "net.npz")
    for other in (
        copy.deepcopy(net),
        pickle.loads(pickle.dumps(net)),
        dl.load(tmp_path / "net.npz"),
    ):
        assert other.trainable == (False, True, True)
        np.testing.assert_array_equal(other.layers[0].mask, MASK)
        np.testing.assert_array_equal(other.theta, net.theta)
        other.trainable = True
        other.fit(X, Y, epochs=1)
        assert (other.W[0][~MASK] == 0).all()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: network(mask=np.ones((5, 7), bool)), r"shape \(n_out, n_in\) = \(7, 5\)"),
        (lambda: network(mask=np.full((7, 5), 0.5)), "must hold True and False"),
        (lambda: network(mask="all"), "must hold True and False"),
        (lambda: dl.Dense(3, trainable="no"), "trainable must be True or False"),
        (lambda: network([False] * 3).fit(*data()), "all layers are frozen"),
        (
            lambda: network(mask=MASK).fit(*data(), optimizer=dl.LevenbergMarquardt()),
            "LevenbergMarquardt .* no dropout, noise, masks",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make, text):
    with pytest.raises((dl.InvalidInputError, dl.InvalidTypeError), match=text):
        make()


@pytest.mark.parametrize("wrong", [None, 1, 0.5, [1, 0, 1]])
def test_what_is_trainable_is_true_or_false(wrong):
    net = network()
    with pytest.raises(dl.InvalidTypeError, match="trainable must be True or False"):
        net.trainable = wrong
    assert net.trainable == (True, True, True)


def test_a_wrong_number_of_layers_is_refused():
    with pytest.raises(dl.InvalidInputError, match="one bool per layer"):
        network().trainable = [True, False]
