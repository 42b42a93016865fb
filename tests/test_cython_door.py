"""Another project's Cython module: cimports the door, trains without the GIL, same bits."""

import copy
import ctypes
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import cython_programs
import deltaloop as dl
from handles import Handle, capsule

X_XOR, Y_XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])
OPTIMIZERS = [
    dl.SGD(learning_rate=0.05), dl.SGD(learning_rate=0.02, momentum=0.9), dl.Adam()
]  # fmt: skip


@pytest.fixture(scope="session")
def consumer(tmp_path_factory):
    """The module of tests/consumer."""
    source = Path(__file__).parent / "consumer" / "consumer.pyx"
    return cython_programs.built(tmp_path_factory.mktemp("consumer"), source, "-O0")


def network(dtype, **more):
    return dl.Network([5, 9, 3], activation="tanh", dtype=dtype, backend="cython", **more)


def samples(n, dtype, seed=6):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 5)).astype(dtype), rng.normal(size=(n, 3)).astype(dtype)


def test_xor_is_learned_without_the_gil(consumer, dtype):
    X, Y = X_XOR.astype(dtype), Y_XOR.astype(dtype)
    nets = [
        dl.Network([2, 4, 1], activation="tanh", loss="binary_cross_entropy", dtype=dtype)
        for _ in range(2)
    ]
    for net in nets:
        net.optimizer = dl.SGD(learning_rate=0.5)
    total = consumer.epochs(nets[0].session(), X, Y, 500, 1)
    history = nets[1].fit(X, Y, epochs=500, batch_size=1, shuffle=False)
    out = np.empty((4, 1), dtype)
    consumer.predict(nets[0].session(), X, out)
    assert ((out > 0.5) == Y_XOR).all()
    assert total / 4 == history.loss[-1] < 0.05
    assert nets[0].theta.tobytes() == nets[1].theta.tobytes()


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=["sgd", "momentum", "adam"])
@pytest.mark.parametrize("batch_size", [1, 7, 300])
def test_steps_are_those_of_learn_batch(consumer, threaded, dtype, optimizer, batch_size):
    nets = [network(dtype) for _ in range(2)]
    for net in nets:
        net.use_backend(threaded)
        net.optimizer = optimizer
    X, Y = samples(600, dtype)
    X, Y = X[: 20 * batch_size], Y[: 20 * batch_size]
    total = consumer.epochs(nets[0].session(batch_size), X, Y, 1, batch_size)
    expected = 0.0
    for start in range(0, len(X), batch_size):
        part = slice(start, start + batch_size)
        expected += len(X[part]) * nets[1].learn_batch(X[part], Y[part])
    assert total == expected
    assert nets[0].theta.tobytes() == nets[1].theta.tobytes()


def test_learning_rate_may_be_assigned(consumer, dtype):
    nets = [network(dtype) for _ in range(2)]
    X, Y = samples(5, dtype)
    consumer.anneal(nets[0].session(), X, Y, 0.5)
    for t in range(5):
        nets[1].optimizer = dl.SGD(learning_rate=0.5 ** (t + 1))
        nets[1].learn_one(X[t], Y[t])
    assert nets[0].theta.tobytes() == nets[1].theta.tobytes()


def test_gradient_is_the_step_of_plain_descent(consumer, dtype):
    net = network(dtype)
    X, Y = samples(20, dtype)
    grad = np.full(len(net.theta), 7, dtype)
    assert consumer.slope(net.session(20), X, Y, grad) == net.loss(X, Y)
    expected = net.gradients(X, Y)
    for k, dW in enumerate(expected.dW):
        assert net.plan.W(grad, k).tobytes() == dW.tobytes()
        assert net.plan.b(grad, k).tobytes() == expected.db[k].tobytes()


def test_fields_can_be_read(consumer, dtype):
    net = network(dtype)
    found = consumer.limits(net.session(4, dl.SGD(learning_rate=0.25)), dtype.itemsize)
    size, address = len(net.theta), net.theta.ctypes.data
    assert found == (consumer.HEADER_VERSION, dtype.itemsize, 5, 3, size, 4, address, 0.25)


def test_other_element_types_are_refused(consumer):
    for dtype, other in (("float32", "float64"), ("float64", "float32")):
        text = f"the session computes in {dtype}, the caller in {other}; .*dtype='{other}'"
        with pytest.raises(TypeError, match=text):
            consumer.limits(network(dtype).session(), np.dtype(other).itemsize)


def copy_of_handle(session):
    handle = Handle()
    ctypes.memmove(ctypes.addressof(handle), session.address, ctypes.sizeof(Handle))
    return handle


def test_handles_of_another_version(consumer):
    handle = copy_of_handle(network("float32").session())
    handle.version -= 1
    with pytest.raises(RuntimeError, match=r"compiled for version 1 .* has version 0; upgrade"):
        consumer.limits(SimpleNamespace(capsule=capsule(handle)), 4)
    handle.version += 2  # newer: has all that was there before
    assert consumer.limits(SimpleNamespace(capsule=capsule(handle)), 4)[0] == 2
    with pytest.raises(ValueError, match="incorrect name"):
        consumer.limits(SimpleNamespace(capsule=capsule(handle, b"deltaloop.handle.2")), 4)


@pytest.mark.parametrize("wrong", [None, 1, "session"])
def test_what_is_no_session(consumer, wrong):
    with pytest.raises(AttributeError, match="capsule"):
        consumer.limits(wrong, 4)
    with pytest.raises(ValueError, match="PyCapsule"):
        consumer.limits(SimpleNamespace(capsule=wrong), 4)


def run_all(*calls):
    """Every call in a thread of its own."""
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_other_threads_run_meanwhile(consumer):
    net, flag = network("float32"), np.zeros(1, np.intc)
    X, _ = samples(50, "float32")
    out, started, found = np.empty((50, 3), np.float32), threading.Event(), []

    def predict():
        started.set()
        found.append(consumer.predict_until(net.session(), X, out, flag, 10**6))

    def signal():
        started.wait()
        flag[0] = 1

    run_all(predict, signal)
    assert found == [True]


def test_threads_predict_at_once_with_sessions_of_their_own(consumer, dtype):
    net = network(dtype)
    X, _ = samples(40, dtype)
    outs = [np.empty((40, 3), dtype) for _ in range(4)]
    sessions = [net.session(40) for _ in outs]
    run_all(
        *(
            lambda session=session, out=out: consumer.predict(session, X, out, 300)
            for session, out in zip(sessions, outs, strict=True)
        )
    )
    assert all(out.tobytes() == net.predict(X).tobytes() for out in outs)


def test_threads_train_networks_of_their_own(consumer, dtype):
    X, Y = samples(40, dtype)
    nets = [network(dtype) for _ in range(4)]
    run_all(*(lambda net=net: consumer.epochs(net.session(), X, Y, 30, 1) for net in nets[:3]))
    consumer.epochs(nets[3].session(), X, Y, 30, 1)
    assert len({net.theta.tobytes() for net in nets}) == 1


def test_handles_of_copies_are_independent(consumer, dtype):
    net = network(dtype)
    other, (X, Y) = copy.deepcopy(net), samples(10, dtype)
    before = net.theta.tobytes()
    consumer.epochs(other.session(), X, Y, 1, 1)
    assert net.theta.tobytes() == before != other.theta.tobytes()
