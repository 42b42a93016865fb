"""Who reads a network gets whole answers while it is trained, and no claim outlives its owner."""

import copy
import gc
import multiprocessing
import os
import signal
import threading
import time

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels
from deltaloop.kernels import turns
from deltaloop.kernels.turns import Turns
from embedded_networks import network, samples

BACKENDS = kernels.available()


def in_a_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    return thread


def differ(array):
    """Whether values are further apart than by rounding: half an update puts them there."""
    return np.ptp(array) > 1e-10 * np.abs(array).max()


def sum_of_parameters(backend, width=500):
    """A network whose weights in a layer are equal and stay so: half an update would show."""
    layers = [dl.Dense(width, "identity", bias=False, init=np.ones((width, 1))),
              dl.Dense(1, "identity", bias=False, init=np.ones((1, width)))]  # fmt: skip
    return dl.Network(1, layers, dtype="float64", backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("door", ["fit", "learn_batch"])
def test_who_reads_while_another_thread_trains_sees_whole_updates(backend, door):
    net = sum_of_parameters(backend)
    X, Y = np.ones((2000, 1)), np.full((2000, 1), 3.0)
    net.optimizer = dl.SGD(learning_rate=1e-6)
    stop, found, wrong = threading.Event(), [], []
    # Numba compiles at the first call, and not in the second that is looked at
    net.predict_one([1.0]), net.learn_batch(X, Y), net.gradients(X[:1], Y[:1])
    net.fit(X, Y, epochs=1, batch_size=2000)

    def train():
        while not stop.is_set():
            if door == "fit":
                net.fit(X, Y, epochs=1, batch_size=2000)
            else:
                net.learn_batch(X, Y)

    thread = in_a_thread(train)
    try:
        start = time.monotonic()
        # a second; on a machine that is busy, until it was trained between the answers
        while time.monotonic() < start + (1 if len(found) > 5 and len(set(found)) > 2 else 60):
            found.append(net.predict_one([1.0]).item())
            wrong += [dW for dW in net.gradients(X[:1], Y[:1]).dW if differ(dW)]
    except BaseException as error:
        wrong.append(error)
    stop.set()
    thread.join()
    assert not wrong
    assert len(found) > 5
    assert len(set(found)) > 2  # it was trained meanwhile
    assert (np.diff(found) <= 0).all() or (np.diff(found) >= 0).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_predictions_are_served_while_another_thread_trains(backend):
    """Neither starves: as many answers as there are slices at least, and training goes on."""
    net = network(sizes=(5, 100, 3), backend=backend)
    X, Y = samples(5000)
    stop, steps = threading.Event(), []

    def train():
        while not stop.is_set():
            net.learn_batch(X, Y)
            steps.append(1)

    net.learn_batch(X, Y)  # compiled, and room made
    net.predict(X[:3])
    thread = in_a_thread(train)
    answers = 0
    try:
        while len(steps) < 20:
            net.predict_one(X[0])
            net.predict(X[:3])
            answers += 1
    finally:
        stop.set()
        thread.join()
    assert answers >= 5


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_step_waits_for_who_reads(backend):
    """A prediction of many rows computes without the GIL; no step comes into it."""
    net = network(sizes=(5, 100, 3), backend=backend, dtype="float64")
    net.optimizer = dl.SGD(learning_rate=0.1)
    X, Y = samples(5000, dtype="float64")
    X[:] = X[0]
    outs, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            outs.append(net.predict(X))

    thread = in_a_thread(read)
    try:
        for _ in range(40):
            net.learn_one(X[0], Y[0])
            time.sleep(0.001)
    finally:
        stop.set()
        thread.join()
    assert len(outs) > 1
    for out in outs:  # equal inputs have equal outputs, as long as the weights are the same
        assert (out[:4992] == out[0]).all()


@pytest.mark.parametrize("door", ["write", "change"])
def test_who_changes_parameters_waits_for_who_reads_them(door):
    turns, order = Turns(), []
    begun, may_end = threading.Event(), threading.Event()

    def read():
        begun.set()
        may_end.wait()
        order.append("read")

    reader = in_a_thread(lambda: turns.read(read))
    begun.wait()
    turns.read(order.append, "read beside")  # nobody waits for this
    changer = in_a_thread(lambda: getattr(turns, door)(order.append, "changed"))
    while len(turns.queue) < 2 and len(order) < 2:  # until it has come
        time.sleep(0.001)
    time.sleep(0.1)
    assert order == ["read beside"]
    may_end.set()
    for thread in (reader, changer):
        thread.join()
    assert order == ["read beside", "read", "changed"]
    assert not turns.queue


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs interval timers")
@pytest.mark.parametrize(
    ("backend", "door"),
    [(backend, door) for backend in BACKENDS
     for door in ("fit", "learn_one", "learn_batch", "predict")
     if (backend, door) != ("reference", "fit")],  # which is slow, and the same as with the others
)  # fmt: skip
def test_no_interrupt_leaves_a_network_busy(backend, door):
    """A timer raises KeyboardInterrupt at any moment, thousands of times."""
    net = network(backend=backend)
    X, Y = samples(3)
    calls = {
        "fit": lambda: net.fit(X, Y, epochs=1, batch_size=3),
        "learn_one": lambda: net.learn_one(X[0], Y[0]),
        "learn_batch": lambda: net.learn_batch(X, Y),
        "predict": lambda: net.predict(X),
    }
    call = calls[door]
    call()

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    generator, interrupted = np.random.default_rng(0), 0
    gc.disable()  # Python swallows an interrupt in what others have it call while it collects
    try:
        began = time.perf_counter()
        call()
        seconds = max(time.perf_counter() - began, 2e-5)
        for delay in generator.uniform(1e-6, 1.5 * seconds, 2500):
            try:
                signal.setitimer(signal.ITIMER_REAL, delay)
                for _ in range(3):
                    call()
                time.sleep(2 * seconds)
            except KeyboardInterrupt:
                interrupted += 1
            assert not net._turns.claims
            assert not net._turns.queue
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()
    assert interrupted > 500
    call()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_is_not_busy_with_what_a_thread_of_its_parent_does(backend):
    net = network(backend=backend)
    X, Y = samples(20)
    training, go_on = threading.Event(), threading.Event()

    def pause(*_):
        training.set()
        go_on.wait(20)

    thread = in_a_thread(lambda: net.fit(X, Y, epochs=1, progress=pause))
    try:
        assert training.wait(20)
        child = multiprocessing.get_context("fork").Process(target=_learn, args=(net, X, Y))
        child.start()
        child.join(20)
    finally:
        go_on.set()
        thread.join()
    assert child.exitcode == 0


def _learn(net, X, Y):
    net.learn_one(X[0], Y[0])
    net.learn_batch(X, Y)
    net.fit(X, Y, epochs=1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_network_is_saved_and_copied_between_two_steps(backend, tmp_path):
    net = sum_of_parameters(backend)
    X, Y = np.ones((2000, 1)), np.full((2000, 1), 3.0)
    net.optimizer = dl.SGD(learning_rate=1e-6)
    stop = threading.Event()

    def train():
        while not stop.is_set():
            net.learn_batch(X, Y)

    thread = in_a_thread(train)
    try:
        for _ in range(20):
            net.save(tmp_path / "net.npz")
            for other in (dl.load(tmp_path / "net.npz"), copy.deepcopy(net)):
                assert not differ(other.W[0])
                assert not differ(other.W[1])
    finally:
        stop.set()
        thread.join()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs interval timers")
@pytest.mark.parametrize("backend", BACKENDS)
def test_no_interrupt_of_who_waits_stops_the_others(backend):
    net = network(sizes=(5, 60, 3), backend=backend)
    X, Y = samples(200)
    net.learn_batch(X, Y)
    net.predict(X[:1])
    stop, steps, interrupted = threading.Event(), [], 0

    def train():
        while not stop.is_set():
            net.learn_batch(X, Y)
            steps.append(1)

    def interrupt(*_):
        raise KeyboardInterrupt

    before, thread = signal.signal(signal.SIGALRM, interrupt), in_a_thread(train)
    try:
        for delay in np.random.default_rng(0).uniform(1e-6, 1e-3, 600):
            try:
                signal.setitimer(signal.ITIMER_REAL, delay)
                for _ in range(2000):
                    net.predict(X[:1])
            except KeyboardInterrupt:
                interrupted += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        n = len(steps)
        end = time.monotonic() + 10
        while len(steps) == n and time.monotonic() < end:
            time.sleep(0.01)
        assert len(steps) > n
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        stop.set()
        thread.join(20)
    assert interrupted > 300


def test_a_thread_that_has_a_turn_does_not_wait_for_another():
    """A writer waits between the two reads of one thread; the second one must not wait for it."""
    turns, inside, waits = Turns(), threading.Event(), threading.Event()
    done = []

    def read_twice():
        inside.set()
        assert waits.wait(10)
        return turns.read(lambda: "read again")

    def write():
        assert inside.wait(10)
        threading.Timer(0.05, waits.set).start()  # the writer is in the queue by then
        turns.write(done.append, "written")

    thread = in_a_thread(write)
    assert turns.read(read_twice) == "read again"
    thread.join(10)
    assert done == ["written"]
    assert not turns.queue


def test_who_is_refused_is_in_nobodys_way():
    turns = Turns()
    turns.claim("first")
    loser = object()
    with pytest.raises(dl.BusyError):
        turns.claim(loser)
    assert list(turns.claims) == ["first"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_optimizer_is_assigned_between_two_steps_of_another_thread(backend):
    """Rule, state and what the compiled code reads of them change together, or not at all."""
    net = network(sizes=(50, 60, 3), backend=backend)
    X, Y = samples(200, sizes=(50, 3))
    stop = threading.Event()

    def train():
        while not stop.is_set():
            net.learn_batch(X, Y)
            time.sleep(1e-4)  # or every assignment would find a step under way

    thread, taken = in_a_thread(train), 0
    optimizers = [dl.SGD(0.01), dl.Adam(1e-3), dl.SGD(0.01, momentum=0.5), dl.RMSprop(1e-4)]
    end = time.monotonic() + 20
    try:
        while taken < 50 and time.monotonic() < end:
            try:
                net.optimizer = optimizers[taken % 4]
            except dl.BusyError:
                continue
            taken += 1
            copied = copy.deepcopy(net)
            assert copied.optimizer == net.optimizer
    finally:
        stop.set()
        thread.join()
    assert taken == 50
    assert np.isfinite(net.theta).all()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_file_that_takes_long_keeps_nobody_from_training(tmp_path):
    net, path = network(), tmp_path / "pipe"
    X, Y = samples(3)
    os.mkfifo(path)
    thread = in_a_thread(lambda: net.save(path))  # until somebody reads
    try:
        time.sleep(0.05)
        learner = in_a_thread(lambda: net.learn_one(X[0], Y[0]))
        learner.join(10)
        assert not learner.is_alive()
    finally:
        path.read_bytes()
        thread.join(10)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_child_forked_in_a_callback_is_still_in_fit(backend):
    net = network(backend=backend)
    X, Y = samples(20)
    codes = []

    def fork(*_):
        if codes:
            return
        child = os.fork()
        if child == 0:
            try:
                net.learn_one(X[0], Y[0])
            except dl.BusyError:
                os._exit(3)
            os._exit(0)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    net.fit(X, Y, epochs=1, progress=fork)
    assert codes == [3]


@pytest.mark.parametrize("backend", BACKENDS)
def test_all_parameters_are_assigned_between_two_steps_and_answers(backend):
    net = sum_of_parameters(backend)
    ones, twos = net.theta.copy(), 2 * net.theta
    stop = threading.Event()

    def assign():
        while not stop.is_set():
            net.theta = ones
            net.theta = twos

    thread = in_a_thread(assign)
    try:
        answers = {net.predict([[1.0]]).item() for _ in range(2000)}
    finally:
        stop.set()
        thread.join()
    assert answers <= {500.0, 2000.0}


def test_of_two_claims_at_once_one_is_refused(monkeypatch):
    """Another thread may run in every call, as in that which asks for the number of the thread."""
    shared, claimed = Turns(), []

    def interrupted():
        if not claimed:
            claimed.append("other")
            shared.claim("other")
        return threading.get_ident()

    monkeypatch.setattr(turns, "get_ident", interrupted)
    with pytest.raises(dl.BusyError):
        shared.claim("this")
    assert list(shared.claims) == ["other"]
