"""Factors of the learning rate of layers: rate_of_W and rate_of_b."""

import copy
from dataclasses import replace

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels
from embedded_networks import OPTIMIZERS

BACKENDS = kernels.available()
# b begins 4 elements after a multiple of 16, at one, and 8 after one
WIDTHS = (3, 16, 6)
RATES = ((0.25, 6.0), (3.0, 0.0), (0.0, 0.5))
REGULAR = {"l1": 0.01, "l2": 0.02, "weight_decay": 0.1, "clip_norm": 1.0}
ONES = ((1.0, 1.0),) * 3


def data(n=40, dtype="float64"):
    X = np.random.default_rng(0).normal(size=(n, 5)).astype(dtype)
    return X, np.tanh(np.c_[X, X[:, :1]])


def network(rates=RATES, dtype="float64", **more):
    layers = [
        dl.Dense(n, "tanh", rate_of_W=of_W, rate_of_b=of_b)
        for n, (of_W, of_b) in zip(WIDTHS, rates, strict=True)
    ]
    return dl.Network(5, layers, dtype=dtype, seed=3, **more)


def moves(net, step):
    """How far one step moves W and b of every layer."""
    before = [view.copy() for view in (*net.W, *net.b)]
    step(net)
    return [new - old for new, old in zip((*net.W, *net.b), before, strict=True)]


def learn_batch(net):
    net.learn_batch(*data(9))


def learn_one(net):
    X, Y = data()
    net.learn_one(X[0], Y[0])


def apply_gradient(net):
    net.apply_gradient(net.gradient(*data(9)))


def fit(net):
    net.fit(*data(20), epochs=1, batch_size=20, optimizer=net.optimizer)


def fit_sparse(net):
    net.fit(*data(20), epochs=1, batch_size=20, optimizer=net.optimizer, sparse=True)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("more", [{}, REGULAR], ids=["plain", "regularized"])
def test_one_step_is_as_many_times_as_long(backend, name, more):
    factors = [*(of_W for of_W, _ in RATES), *(of_b for _, of_b in RATES)]
    steps = [learn_batch, apply_gradient, fit, fit_sparse]
    for step in steps if OPTIMIZERS[name].rule().row.whole_batch else [*steps, learn_one]:
        nets = network(ONES, backend=backend), network(backend=backend)
        for net in nets:
            net.optimizer = replace(OPTIMIZERS[name], **more)
        plain, scaled = (moves(net, step) for net in nets)
        for factor, expected, found in zip(factors, plain, scaled, strict=True):
            np.testing.assert_allclose(found, factor * expected, rtol=1e-9, atol=1e-13)
            assert np.any(found) == (factor > 0)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_one_factor_for_all_is_another_learning_rate(backend, name):
    found = []
    for factor, optimizer in (
        (0.5, OPTIMIZERS[name]),
        (1.0, replace(OPTIMIZERS[name], learning_rate=OPTIMIZERS[name].learning_rate / 2)),
    ):
        net = network(((factor, factor),) * 3, backend=backend)
        net.fit(*data(), epochs=4, optimizer=optimizer, shuffle=False)
        found.append(net.theta.copy())
    np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_backends_agree(name):
    found = []
    for backend in BACKENDS:
        net = network(backend=backend)
        net.fit(*data(), epochs=3, optimizer=OPTIMIZERS[name])
        found.append(net.theta.copy())
    for theta in found[1:]:
        np.testing.assert_allclose(theta, found[0], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("optimizer", [dl.Adam(0.01), dl.RMSprop(0.01)])
def test_threads_change_no_bit(optimizer):
    found = []
    for n_threads in (1, 2, 3):
        net = network()
        net.fit(*data(200), epochs=2, batch_size=100, optimizer=optimizer, n_threads=n_threads)
        found.append(net.theta.copy())
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])


def test_the_learning_rate_can_change_meanwhile():
    found = []
    for rate in (0.1, 0.2):
        net = network()
        net.optimizer = dl.SGD(0.05)
        net.learn_batch(*data(9))
        net.learning_rate = rate
        found.append(moves(net, learn_batch))
    for slow, fast in zip(*found, strict=True):
        np.testing.assert_allclose(fast, 2 * slow, rtol=1e-9, atol=1e-15)


def test_files_and_copies_keep_them(tmp_path):
    net = network()
    net.save(tmp_path / "net.npz")
    for other in (dl.load(tmp_path / "net.npz"), copy.deepcopy(net)):
        assert [(layer.rate_of_W, layer.rate_of_b) for layer in other.layers] == list(RATES)
        for one in (net, other):
            one.fit(*data(), epochs=1, shuffle=False)
        np.testing.assert_array_equal(other.theta, net.theta)
        net = network()


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf, "fast"])
def test_what_is_no_factor_is_refused(value):
    for name in ("rate_of_W", "rate_of_b"):
        with pytest.raises(dl.DeltaloopError, match=name):
            dl.Dense(3, **{name: value})


@pytest.mark.parametrize("optimizer", [dl.LevenbergMarquardt(), dl.SCG(), dl.LBFGS()])
def test_optimisers_without_a_learning_rate_refuse_them(optimizer):
    net = network()
    before = net.theta.copy()
    with pytest.raises(dl.InvalidInputError, match="learning rates of layers"):
        net.fit(*data(), optimizer=optimizer)
    np.testing.assert_array_equal(net.theta, before)
