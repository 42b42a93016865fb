"""The optimiser of learn_one and learn_batch: its state, afresh and in copies."""

import copy
import pickle

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
