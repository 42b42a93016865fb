"""Sessions, which compiled code uses: what they need, and that their state is their own."""

import ctypes
import gc
import importlib
import sys
import tracemalloc

import numpy as np
import pytest

import deltaloop as dl
from embedded_networks import OPTIMIZERS, network, same_bits, samples
from handles import Handle


def test_numba_handles_say_that_numba_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "deltaloop.numba_handles", raising=False)
    with pytest.raises(dl.MissingDependencyError, match=r'pip install "deltaloop\[numba\]"'):
        importlib.import_module("deltaloop.numba_handles")


def test_session_needs_the_compiled_backend():
    with pytest.raises(
        dl.InvalidInputError, match="needs backend='cython' or 'numba', this network has 'r"
    ):
        network(backend="reference").session()


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", True])
def test_batch_size_of_a_session_is_a_positive_whole_number(wrong):
    with pytest.raises((dl.InvalidInputError, dl.InvalidTypeError), match="batch_size must be"):
        network(backend="cython").session(wrong)


@pytest.mark.parametrize("size", [2**63, 10**30, 10**400])
def test_batch_size_of_a_session_is_that_of_an_index(size):
    with pytest.raises(dl.InvalidInputError, match=r"batch_size must be a whole number.*< 2\^63"):
        network(backend="cython").session(size)


@pytest.mark.parametrize("size", [300, 10**12, 2**63 - 1])
def test_a_session_for_large_batches_takes_them_in_pieces(size):
    X, Y = samples(700)
    net, same = network(backend="cython"), network(backend="cython")
    assert net.session(size).learn_batch(X, Y) == same.learn_batch(X, Y)
    assert same_bits(net.theta, same.theta)


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


def test_sessions_that_nobody_keeps_are_kept_by_their_network():
    """Only their addresses are handed on."""
    nets = [network(backend="cython", seed=seed) for seed in range(20)]
    X, _ = samples(1)
    addresses = [net.session().address for net in nets]
    gc.collect()
    filler = [network(backend="cython").session(64) for _ in range(50)]  # takes what was freed
    assert len(set(addresses)) == 20
    for net, address in zip(nets, addresses, strict=True):
        handle, out = Handle.from_address(address), np.empty(3, np.float32)
        handle.forward(handle, X.ctypes.data, 1, out.ctypes.data)
        assert same_bits(out, net.predict_one(X[0]))
    assert len(filler) == 50


def test_a_capsule_keeps_its_session_and_lets_it_go():
    net = network(backend="cython")
    capsule = net.session().capsule
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    gc.collect()
    filler = [net.session(64) for _ in range(50)]
    X, out = samples(1)[0], np.empty(3, np.float32)
    handle = Handle.from_address(pointer(capsule, b"deltaloop.handle.1"))
    handle.forward(handle, X.ctypes.data, 1, out.ctypes.data)
    assert same_bits(out, net.predict_one(X[0]))
    session = net.session()
    assert session.capsule  # from now on the network keeps it as well
    before = sys.getrefcount(session)
    capsules = [session.capsule for _ in range(3)]
    assert sys.getrefcount(session) == before + 3
    del capsules
    assert sys.getrefcount(session) == before
    assert len(filler) == 50


def test_sessions_whose_handle_nobody_asked_for_are_let_go():
    net = network(backend="cython")
    for _ in range(100):
        net.session()
    assert net._kept == []


@pytest.mark.parametrize("name", ["cython", "numba", "reference"])
def test_a_large_mini_batch_needs_no_more_room_than_a_piece(name):
    X, Y = samples(20_000, sizes=(10, 64, 1))
    net = network(sizes=(10, 64, 64, 1), backend=name)
    same = network(sizes=(10, 64, 64, 1), backend=name)
    net.learn_batch(X[:2], Y[:2])  # what is made once
    tracemalloc.start()
    try:
        net.learn_batch(X, Y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    if name != "reference":  # which is written in whole arrays
        assert peak < 1_000_000
    same.learn_batch(X[:2], Y[:2])
    same.fit(X, Y, epochs=1, batch_size=20_000, shuffle=False, optimizer=same.optimizer)
    assert same_bits(net.theta, same.theta)


@pytest.mark.parametrize("name", ["cython", "numba", "reference"])
@pytest.mark.parametrize("door", ["learn_one", "learn_batch"])
def test_parameters_that_become_infinite_are_told(name, door):
    """The loss before the step is finite, and so would be the next ones: x is 0 from then on."""
    net = dl.Network([2, 3, 1], activation="relu", backend=name)
    net.W[0], net.b[0] = [[3e38, 0]] * 3, [0, 0, 0]
    net.W[1] = [[-1e-38] * 3]
    net.optimizer = dl.SGD(learning_rate=1e38)
    x, y = [1, 0], [100]
    call = net.learn_one if door == "learn_one" else lambda x, y: net.learn_batch([x, x], [y, y])
    loss = call(x, y)
    assert not np.isfinite(net.theta).all()
    assert np.isnan(loss)


@pytest.mark.parametrize("name", ["cython", "numba", "reference"])
def test_large_networks_look_at_their_parameters_now_and_then(name):
    net = dl.Network([2, 4000, 1], activation="relu", backend=name)
    every = net.plan.n_theta // 1024 + 1
    assert every > 10
    net.W[0][0, 1] = np.inf  # meets a 0 in every sample
    net.b[0] = np.full(4000, -1.0)
    with np.errstate(all="ignore"):
        losses = [net.learn_one([0.0, 0.0], [1.0]) for _ in range(every)]
    assert not np.isfinite(losses[-1])
