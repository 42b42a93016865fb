"""Layers that the activations of earlier layers enter."""

import copy
import pickle

import numpy as np
import pytest
from scipy import sparse

import deltaloop as dl
from deltaloop import kernels

BACKENDS = kernels.available()


def network(dtype="float64", hidden=("tanh", "silu", "relu"), **more):
    """5-7-6-9-2, with shortcuts from the inputs and the first hidden layers."""
    layers = [
        dl.Dense(7, hidden[0], dropout=more.pop("dropout", 0.0)),
        dl.Dense(6, hidden[1], shortcuts=[0], mask=more.pop("mask", None)),
        dl.Dense(9, hidden[2], shortcuts=[1, 0]),
        dl.Dense(2, "identity", shortcuts=[0, 2], trainable=more.pop("trainable", True)),
    ]
    return dl.Network(5, layers, dtype=dtype, seed=3, **more)


def data(n=40, dtype="float64"):
    X = np.random.default_rng(0).normal(size=(n, 5)).astype(dtype)
    X[np.random.default_rng(1).random(X.shape) < 0.3] = 0
    return X, np.tanh(X[:, :2] + X[:, 2:4] ** 2)


def by_hand(net, X):
    a1 = np.tanh(X @ net.W[0].T + net.b[0])
    z2 = np.c_[a1, X] @ net.W[1].T + net.b[1]
    a2 = z2 / (1 + np.exp(-z2))
    a3 = np.maximum(0, np.c_[a2, X, a1] @ net.W[2].T + net.b[2])
    return np.c_[a3, X, a2] @ net.W[3].T + net.b[3]


@pytest.mark.parametrize("backend", BACKENDS)
def test_predictions_are_those_by_hand(backend):
    net, (X, _) = network(backend=backend), data(300)
    assert [W.shape for W in net.W] == [(7, 5), (6, 12), (9, 18), (2, 20)]
    assert net.n_parameters == 7 * 6 + 6 * 13 + 9 * 19 + 2 * 21
    net.parameters = np.random.default_rng(4).normal(size=net.n_parameters) / 2
    expected = by_hand(net, X)
    np.testing.assert_allclose(net.predict(X), expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(net.predict(X[:1]), expected[:1], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(net.predict_one(X[2]), expected[2], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(net.predict(sparse.csr_array(X)), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_are_differences(backend, weighted):
    net, (X, Y) = network(hidden=("tanh", "silu", "sigmoid"), backend=backend), data()
    weights = np.random.default_rng(1).random(len(X)) if weighted else None
    theta = net.parameters.copy()
    found = net.plan.packed(net.gradient(X, Y, sample_weight=weights))
    for k in range(0, net.n_parameters, 4):
        ends = []
        for h in (1e-6, -1e-6):
            moved = theta.copy()
            moved[k] += h
            net.parameters = moved
            ends.append(net.loss(X, Y, sample_weight=weights))
        assert found[k] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
def test_slopes_by_inputs_and_the_jacobian_go_through_shortcuts(backend):
    net, (X, _) = network(hidden=("tanh", "silu", "sigmoid"), backend=backend), data(300)
    slopes = np.random.default_rng(3).normal(size=(300, 2))
    dC_dx = net.input_gradient(X, slopes)
    for i in range(5):
        ends = [net.predict(X + h * np.eye(5)[i]) for h in (1e-6, -1e-6)]
        difference = (slopes * (ends[0] - ends[1])).sum(axis=1) / 2e-6
        np.testing.assert_allclose(dC_dx[:, i], difference, rtol=1e-5, atol=1e-7)
    few, of_few = X[:7], slopes[:7]
    summed = np.einsum("to,top->p", of_few, net.jacobian(few))
    np.testing.assert_allclose(
        net.plan.packed(net.backward(few, of_few)), net.plan.packed(summed), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("optimizer", [dl.SGD(0.05), dl.Adam(0.01), dl.Adagrad(0.05, l2=0.01)])
@pytest.mark.parametrize(
    "more",
    [{}, {"dropout": 0.3, "input_dropout": 0.2}, {"input_noise": 0.2},
     {"mask": np.random.default_rng(2).random((6, 12)) < 0.6}, {"trainable": False}],
    ids=["plain", "dropout", "noise", "mask", "frozen"],
)  # fmt: skip
def test_backends_learn_the_same(optimizer, more, pytestconfig):
    X, Y = data()
    found = []
    without = "numba" if pytestconfig.getoption("--without-numba") else None
    for backend in (name for name in BACKENDS if name != without):
        net = network(backend=backend, **more)
        for batch_size in (1, 7, 40):
            net.fit(X, Y, epochs=1, batch_size=batch_size, optimizer=optimizer)
            net.fit(X, Y, epochs=1, batch_size=batch_size, optimizer=optimizer, sparse=True)
        net.optimizer = optimizer
        net.learn_one(X[0], Y[0])
        net.learn_batch(X, Y)
        found.append(net.theta.copy())
    for theta in found[1:]:
        np.testing.assert_allclose(theta, found[0], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_and_pieces_change_no_bit(dtype):
    X, Y = data(600, dtype)
    found = []
    for n_threads in (1, 2, 3):
        net = network(dtype, dropout=0.2)
        net.fit(X, Y, epochs=2, batch_size=600, n_threads=n_threads, optimizer=dl.Adam(0.01))
        found.append((net.theta.copy(), net.predict(X, n_threads=n_threads)))
    for theta, outputs in found[1:]:
        np.testing.assert_array_equal(theta, found[0][0])
        np.testing.assert_array_equal(outputs, found[0][1])


@pytest.mark.parametrize("backend", BACKENDS)
def test_samples_without_weight_leave_no_trace(backend):
    X, Y = data(10)
    X[8] = 1e300  # whose activations may be infinite
    nets = network(backend=backend), network(backend=backend)
    nets[0].fit(X, Y, epochs=3, batch_size=10, sample_weight=np.r_[np.ones(6), np.zeros(4)],
                shuffle=False)  # fmt: skip
    nets[1].fit(X[:6], Y[:6], epochs=3, batch_size=6, shuffle=False)
    np.testing.assert_allclose(nets[0].theta, nets[1].theta, rtol=1e-9, atol=1e-12)


def test_widths_beyond_a_vector_and_wide_shortcuts():
    X = np.random.default_rng(0).normal(size=(50, 90))
    Y = X[:, :3]
    found = []
    for backend in BACKENDS:
        layers = [dl.Dense(70, "tanh"), dl.Dense(33, "relu", shortcuts=[0]),
                  dl.Dense(3, "identity", shortcuts=[0, 1])]  # fmt: skip
        net = dl.Network(90, layers, seed=1, dtype="float64", backend=backend)
        net.fit(X, Y, epochs=2, batch_size=50, optimizer=dl.Adam(0.01))
        found.append(net.theta.copy())
    for theta in found[1:]:
        np.testing.assert_allclose(theta, found[0], rtol=1e-8, atol=1e-10)


def test_files_and_copies_keep_them(tmp_path):
    net, (X, _) = network(), data()
    net.save(tmp_path / "net.npz")
    for other in (
        dl.load(tmp_path / "net.npz"), copy.deepcopy(net), pickle.loads(pickle.dumps(net))
    ):  # fmt: skip
        assert [layer.shortcuts for layer in other.layers] == [(), (0,), (0, 1), (0, 2)]
        np.testing.assert_array_equal(other.predict(X), net.predict(X))
    assert f"{9 * 19}" in repr(net)


def test_two_spirals_of_lang_and_witbrock_have_138_weights():
    layers = [dl.Dense(5), dl.Dense(5, shortcuts=[0]), dl.Dense(5, shortcuts=[0, 1]),
              dl.Dense(1, shortcuts=[0, 1, 2])]  # fmt: skip
    assert dl.Network(2, layers).n_parameters == 138


def test_what_makes_no_sense_is_refused(tmp_path):
    net, (X, Y) = network(), data()
    unpack = pytest.importorskip("deltaloop.numba").unpack
    for make, told in (
        (lambda: dl.Network(2, [dl.Dense(3, shortcuts=[0])]), "first layer"),
        (lambda: dl.Network(2, [dl.Dense(3), dl.Dense(1, shortcuts=[1])]), "enters anyway"),
        (lambda: dl.Dense(3, shortcuts=[0, 0]), "different"),
        (lambda: dl.Dense(3, shortcuts=0), "list of numbers"),
        (lambda: dl.Dense(3, shortcuts=[0.5]), "whole number"),
        (lambda: dl.Dense(3, shortcuts=[-1]), ">= 0"),
        (lambda: net.to_c(tmp_path / "net.h"), "shortcuts"),
        (lambda: unpack(net), "shortcuts"),
        (lambda: net.fit(X, Y, optimizer=dl.LBFGS()), "shortcuts"),
        (lambda: dl.Network(2, [dl.Dense(1)] * 70 + [dl.Dense(1, shortcuts=[0])]), "at most 60"),
    ):
        with pytest.raises(dl.DeltaloopError, match=told):
            make()


def test_gradients_of_single_samples_go_through_shortcuts():
    net, (X, Y) = network(), data(6)
    found = net.per_sample_gradients(X, Y)
    np.testing.assert_allclose(found.mean(axis=0), net.gradient(X, Y), rtol=1e-9, atol=1e-12)
    norms = np.linalg.norm([net.plan.packed(one) for one in found], axis=1)
    np.testing.assert_allclose(net.per_sample_gradient_norms(X, Y), norms, rtol=1e-9)
    assert dl.check_gradients(net, X, Y)
