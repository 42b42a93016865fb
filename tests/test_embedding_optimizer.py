"""The optimiser of learn_one and learn_batch: its state, afresh and in copies."""

import copy
import pickle

import numpy as np
import pytest

import deltaloop as dl
from embedded_networks import BACKENDS, OPTIMIZERS, network, same_bits, samples


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_assigning_the_optimizer_resets_its_state(name, optimizer):
    X, Y = samples(20)
    net, fresh = network(backend=name), network(backend=name)
    net.optimizer = OPTIMIZERS[optimizer]
    for x, y in zip(X, Y, strict=True):
        net.learn_one(x, y)
    fresh.theta = net.theta
    for each in (net, fresh):
        each.optimizer = OPTIMIZERS[optimizer]
        each.learn_batch(X, Y)
        each.learn_one(X[0], Y[0])
    assert same_bits(net.theta, fresh.theta)


@pytest.mark.parametrize("name", BACKENDS)
def test_fit_neither_uses_nor_changes_the_state_of_the_optimizer(name):
    X, Y = samples(20)
    nets = [network(backend=name) for _ in range(2)]
    for net in nets:
        net.optimizer = OPTIMIZERS["momentum"]
        net.learn_one(X[0], Y[0])
    theta = nets[0].theta.copy()
    nets[0].fit(X, Y, epochs=1)
    nets[0].theta = theta
    for net in nets:
        net.learn_one(X[1], Y[1])
    assert same_bits(nets[1].theta, nets[0].theta)


def test_what_is_no_optimizer_is_refused():
    net = network()
    for wrong in ("adam", None, 0.1, dl.SGD):
        with pytest.raises(dl.InvalidTypeError, match="optimizer must be an optimiser such as"):
            net.optimizer = wrong
    assert net.optimizer == dl.SGD()


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, copy.copy, lambda net: pickle.loads(pickle.dumps(net))],
    ids=["deepcopy", "copy", "pickle"],
)  # fmt: skip
def test_copies_go_on_where_the_network_is(name, optimizer, copied):
    X, Y = samples(5)
    net = network(backend=name)
    net.optimizer = OPTIMIZERS[optimizer]
    net.learn_batch(X, Y)
    other = copied(net)
    assert other.optimizer == net.optimizer
    assert same_bits(other.theta, net.theta)
    kept = net.theta.copy()
    for _ in range(2):
        other.learn_batch(X, Y)
    assert same_bits(net.theta, kept)
    for _ in range(2):
        net.learn_batch(X, Y)
    assert same_bits(other.theta, net.theta)
    net.optimizer = net.optimizer  # afresh
    for one in (net, other):
        one.learn_batch(X, Y)
    assert same_bits(other.theta, net.theta) == (optimizer == "sgd")


def test_a_fit_that_lasts_does_not_change_its_optimizer():
    X, Y = np.random.default_rng(0).normal(size=(20, 3)), np.zeros((20, 1))
    net = dl.Network([3, 2, 1], seed=1)
    net.optimizer = dl.SGD(0.1)
    refused = []

    def change(state):
        for name, value in (("learning_rate", 1e-9), ("optimizer", dl.Adam())):
            with pytest.raises(dl.BusyError, match=r"schedule.*resume=True"):
                setattr(state.net, name, value)
            refused.append(name)

    history = net.fit(X, Y, epochs=2, callbacks=[change])
    assert len(refused) == 4
    assert history.learning_rate == [0.1, 0.1]
    assert net.optimizer == dl.SGD(0.1)
    net.learning_rate = 0.05  # when it has ended
    assert net.optimizer == dl.SGD(0.05)
