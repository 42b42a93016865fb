"""Sessions, which compiled code uses: what they need, and that their state is their own."""

import importlib
import sys

import pytest

import deltaloop as dl
from embedded_networks import OPTIMIZERS, network, same_bits, samples


def test_numba_handles_say_that_numba_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "deltaloop.numba_handles", raising=False)
    with pytest.raises(dl.MissingDependencyError, match=r'pip install "deltaloop\[numba\]"'):
        importlib.import_module("deltaloop.numba_handles")


def test_session_needs_the_compiled_backend():
    with pytest.raises(dl.InvalidInputError, match="needs backend='cython', this network has 'r"):
        network(backend="reference").session()


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", True])
def test_batch_size_of_a_session_is_a_positive_whole_number(wrong):
    with pytest.raises((dl.InvalidInputError, dl.InvalidTypeError), match="batch_size must be"):
        network(backend="cython").session(wrong)


@pytest.mark.parametrize("size", [10**12, 10**17, 2**62, 2**63 - 1, 10**30, 10**400])
def test_batch_size_of_a_session_fits_into_memory(size):
    net = network(backend="cython")
    theta = net.theta.tobytes()
    with pytest.raises(dl.InvalidInputError, match=r"more than the memory.*batch_size|< 2\^63"):
        net.session(size)
    assert net.theta.tobytes() == theta


def test_optimizer_of_a_session_is_one():
    with pytest.raises(dl.InvalidTypeError, match="optimizer must be"):
        network(backend="cython").session(optimizer="adam")


def test_session_has_a_state_of_its_own():
    X, Y = samples(2)
    net, same = network(backend="cython"), network(backend="cython")
    net.optimizer = same.optimizer = OPTIMIZERS["momentum"]
    session = net.session()
    net.learn_one(X[0], Y[0])
    session.learn_one(X[1], Y[1])
    same.learn_one(X[0], Y[0])
    same.optimizer = same.optimizer
    same.learn_one(X[1], Y[1])
    assert same_bits(net.theta, same.theta)
