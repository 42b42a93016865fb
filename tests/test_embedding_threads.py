"""One network in several threads: many predict, one trains, and nobody finds it half changed."""

import sys
import threading

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.kernels.memory import Work
from embedded_networks import BACKENDS, OPTIMIZERS, network, same_bits, samples


def during(net, call):
    """What `call` gives or raises in a thread of its own while `net` is in the middle of fit."""
    X, Y = samples(20)
    found = []

    def look(*_):
        def run():
            try:
                found.append(call())
            except dl.BusyError as error:
                found.append(error)

        if not found:
            thread = threading.Thread(target=run)
            thread.start()
            thread.join()

    net.fit(X, Y, epochs=2, progress=look)
    return found[0]


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("door", ["learn_one", "learn_batch", "fit", "stream"])
def test_two_threads_cannot_train_one_network(name, door):
    net = network(backend=name)
    X, Y = samples(3)
    calls = {
        "learn_one": lambda: net.learn_one(X[0], Y[0]),
        "learn_batch": lambda: net.learn_batch(X, Y),
        "fit": lambda: net.fit(X, Y, epochs=1),
        "stream": lambda: net.stream().learn(X[0], Y[0]),
    }
    error = during(net, calls[door])
    assert isinstance(error, dl.BusyError)
    assert "is being trained already" in str(error)
    calls[door]()  # now that it is over


@pytest.mark.parametrize("name", BACKENDS)
def test_one_thread_predicts_while_another_trains(name):
    net = network(backend=name)
    (x,), _ = samples(1)
    assert np.isfinite(during(net, lambda: net.predict_one(x))).all()


@pytest.mark.parametrize("name", BACKENDS)
def test_many_threads_predict_at_once(name):
    net = network(backend=name)
    X, _ = samples(8)
    expected = [net.predict_one(x) for x in X]
    wrong = []

    def ask(x, y):
        wrong.extend(1 for _ in range(300) if not same_bits(net.predict_one(x), y))

    threads = [threading.Thread(target=ask, args=both) for both in zip(X, expected, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("name", BACKENDS)
def test_the_callback_of_fit_may_predict(name):
    net, found = network(backend=name), []
    X, Y = samples(20)
    net.fit(X, Y, epochs=3, progress=lambda *_: found.append(net.predict_one(X[0])))
    assert len(found) >= 3
    assert same_bits(found[-1], net.predict_one(X[0]))


@pytest.mark.parametrize("name", BACKENDS)
def test_network_is_free_again_after_an_error(name):
    net = network(backend=name)
    X, Y = samples(20)

    def fail(*_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        net.fit(X, Y, progress=fail)
    with pytest.raises(dl.DivergenceError):
        net.fit(1e30 * X, Y, optimizer=dl.SGD(learning_rate=1e30))
    with pytest.raises(dl.InvalidInputError):
        net.learn_batch(X, Y[:3])
    assert np.isfinite(net.learn_one(X[0], Y[0]))


def replace_room(patch, net, made):
    """`made` in the place of Work, wherever the session of the network makes some."""
    modules = {sys.modules[kind.__module__] for kind in type(net._session).__mro__}
    for module in modules:
        if hasattr(module, "Work"):
            patch.setattr(module, "Work", made)


@pytest.mark.parametrize("name", BACKENDS)
def test_nobody_trains_while_a_larger_batch_makes_room(name, monkeypatch):
    net, same = network(backend=name), network(backend=name)
    X, Y = samples(20)
    met = []

    def meet():
        for call in (lambda: net.learn_batch(X[:3], Y[:3]), lambda: net.learn_one(X[0], Y[0])):
            with pytest.raises(dl.BusyError):
                call()
        met.append(net.predict_one(X[0]))

    def interrupted(plan, n, **options):
        work = Work(plan, n, **options)
        if n == 20:
            thread = threading.Thread(target=meet)
            thread.start()
            thread.join()
        return work

    with monkeypatch.context() as patch:
        replace_room(patch, net, interrupted)
        net.learn_batch(X, Y)
    assert same_bits(met[0], same.predict_one(X[0]))
    same.learn_batch(X, Y)
    assert same_bits(net.theta, same.theta)


@pytest.mark.parametrize("name", BACKENDS)
def test_room_that_cannot_be_made_changes_nothing(name, monkeypatch):
    net = network(backend=name)
    X, Y = samples(20)
    before = net.theta.copy()

    def full(plan, n, **options):
        raise MemoryError

    with monkeypatch.context() as patch:
        replace_room(patch, net, full)
        with pytest.raises(MemoryError):
            net.learn_batch(X, Y)
    assert same_bits(net.theta, before)
    assert np.isfinite(net.learn_batch(X, Y))


@pytest.fixture
def often_switching():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("name", BACKENDS)
def test_threads_that_compete_are_served_or_refused(name, often_switching):
    """Growing batches make room in Python, where threads take turns."""
    X, Y = samples(600)
    net = network(backend=name)
    net.optimizer = OPTIMIZERS["momentum"]
    steps, wrong = [], []

    def work(seed):
        generator = np.random.default_rng(seed)
        for _ in range(60):
            n = int(generator.integers(1, 600))
            try:
                choice = generator.integers(4)
                if choice == 0:
                    net.predict_one(X[n])
                elif choice == 1:
                    net.optimizer = OPTIMIZERS["adam" if n % 2 else "momentum"]
                else:
                    net.learn_batch(X[:n], Y[:n])
                    steps.append(n)
            except dl.BusyError:
                continue
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert steps
    assert np.isfinite(net.theta).all()
    net.learn_one(X[0], Y[0])
