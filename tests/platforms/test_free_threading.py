"""Several threads and one network: no answer is mixed, no step is lost, with a GIL and without."""

import os
import subprocess
import sys
import sysconfig
import threading

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.kernels.turns import Turns

N_THREADS = 4


def at_once(*calls):
    """Run the calls in threads that begin together; the first error of one is raised here."""
    ready, errors = threading.Barrier(len(calls)), []

    def run(call):
        try:
            ready.wait(20)
            call()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]


@pytest.fixture
def net(often_switching):
    return dl.Network([6, 40, 3], activation="tanh", dtype="float64", seed=0)


@pytest.fixture
def often_switching():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.skipif(
    not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this Python always has a GIL"
)
def test_import_leaves_the_gil_off():
    code = (
        "import sys, deltaloop as dl; net = dl.Network([1, 2, 1]); "
        "dl.Ensemble([1, 2, 1], n=2).fit([[0.5]], [[0.1]], epochs=1);"
        "net.learn_one([0.5], [0.1]); print(sys._is_gil_enabled())"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHON_GIL"}
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert (shown.stdout, shown.stderr) == ("False\n", "")


@pytest.mark.parametrize("n", [1, 3, 200])
def test_answers_are_those_of_one_thread(net, n):
    """Sessions compute all answers in one room; 200 samples need more of it than is there."""
    X = np.random.default_rng(1).uniform(-1, 1, (N_THREADS, 5, n, 6))
    expected = [[net.predict_batch(x) for x in own] for own in X]
    fresh = dl.Network([6, 40, 3], activation="tanh", dtype="float64", seed=0)
    found = [[] for _ in X]

    def ask(own, answers):
        for _ in range(60):
            answers += [fresh.predict_batch(x) for x in own]

    at_once(*(lambda k=k: ask(X[k], found[k]) for k in range(N_THREADS)))
    for own, answers in zip(expected, found, strict=True):
        assert np.array_equal(np.array(answers), np.array(own * 60))


@pytest.mark.parametrize("door", ["learn_one", "learn_batch"])
def test_answers_are_those_between_two_steps(door, often_switching):
    """Both weights of a path descend alike, so half a step would show as an answer w v, w != v."""
    layers = [dl.Dense(300, "identity", bias=False, init=np.ones((300, 1))),
              dl.Dense(1, "identity", bias=False, init=np.ones((1, 300)))]  # fmt: skip
    net = dl.Network(1, layers, dtype="float64")
    net.optimizer = dl.SGD(learning_rate=1e-7)
    twin, steps = copy_of(net, layers), 150
    given = ([1.0], [3.0]) if door == "learn_one" else ([[1.0]] * 40, [[3.0]] * 40)
    states = [twin.predict_one([1.0]).item()]
    for _ in range(steps):
        getattr(twin, door)(*given)
        states.append(twin.predict_one([1.0]).item())
    answers, over = [], threading.Event()

    def learn():
        try:
            for _ in range(steps):
                getattr(net, door)(*given)
        finally:
            over.set()

    def ask():
        while not over.is_set():
            answers.append(net.predict_one([1.0]).item())

    at_once(learn, ask, ask)
    assert net.predict_one([1.0]).item() == states[-1]
    assert set(answers) <= set(states)


def copy_of(net, layers):
    twin = dl.Network(1, layers, dtype="float64")
    twin.theta = net.theta
    twin.optimizer = net.optimizer
    return twin


@pytest.mark.parametrize("door", ["learn_one", "learn_batch", "both"])
def test_every_step_is_taken_or_refused(net, door):
    X, Y = np.full((2, 6), 0.1), np.full((2, 3), 0.2)
    doors = {
        "learn_one": lambda: net.learn_one(X[0], Y[0]),
        "learn_batch": lambda: net.learn_batch(X, Y),
    }
    taken = []

    def learn(call):
        for _ in range(300):
            try:
                call()
            except dl.BusyError:
                continue
            taken.append(1)

    calls = list(doors.values()) * 2 if door == "both" else [doors[door]] * N_THREADS
    at_once(*(lambda call=call: learn(call) for call in calls))
    assert len(taken) > 0
    assert net._session.progress()[1] == len(taken)
    assert not net._turns.claims
    assert not net._turns.queue


def test_who_claims_second_gives_up():
    """Without a GIL two threads may both find no claim and make one; the order decides."""
    turns = Turns()
    turns.claims["first"], turns.claims["second"] = 1, 2
    turns.check_first("first")
    with pytest.raises(dl.BusyError, match="is being trained already"):
        turns.check_first("second")
    assert turns.claims == {"first": 1}


def test_one_claim_of_many_wins(often_switching):
    for _ in range(50):
        turns, winners = Turns(), []

        def claim(key, turns=turns, winners=winners):
            try:
                turns.claim(key)
                winners.append(key)
            except dl.BusyError:
                pass

        at_once(*(lambda k=k, claim=claim: claim(f"key {k}") for k in range(N_THREADS)))
        assert len(winners) == 1
        assert list(turns.claims) == winners
