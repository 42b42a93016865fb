"""Helpers of a training: how many take part, by a simulated clock, and what may befall them."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import cases
from deltaloop.kernels.memory import Work, aligned_zeros
from deltaloop.kernels.sparse_rows import SparseRows
from watching import watched_case

SGD = cases.RULES["sgd"].rule()
N = 100  # samples of a step


class Simulated:
    """Steps whose seconds are told instead of measured: pace(threads, clock) for a step."""

    def __init__(self, backend, most=2, dtype="float32"):
        self.helpers = backend.core(np.dtype(dtype)).Helpers(most, True, 1e-3)
        self.clock, self.alone, self.taken = 0.0, 0.0, []

    def run(self, seconds, pace):
        """Steps for so long; the time that one thread would have needed is added to `alone`."""
        until = self.clock + seconds
        while self.clock < until:
            n_threads = self.helpers.level[0]
            self.taken.append(n_threads)
            self.alone += pace(1, self.clock)
            took = pace(n_threads, self.clock)
            self.clock += took
            self.helpers.told(N, took)
        return self

    def share_of(self, n_threads):
        return self.taken.count(n_threads) / len(self.taken)


@pytest.mark.parametrize("step", [30e-6, 100e-6, 1e-3, 0.1])
def test_threads_that_pay_are_taken(threaded, step):
    found = Simulated(threaded).run(max(0.2, 100 * step), lambda n, _: step / (1.9 if n > 1 else 1))
    assert found.alone / found.clock > 1.8


@pytest.mark.parametrize("step", [2e-6, 10e-6, 100e-6, 1e-3])
@pytest.mark.parametrize("slower", [1.0, 1.03, 1.5, 4.0])
def test_threads_that_do_not_pay_cost_next_to_nothing(threaded, step, slower):
    found = Simulated(threaded).run(1.0, lambda n, _: step * (slower if n > 1 else 1))
    assert found.clock < 1.02 * found.alone + 5 * slower * step
    assert found.share_of(1) > 0.9


@pytest.mark.parametrize("step", [30e-6, 100e-6, 1e-3])
@pytest.mark.parametrize("busy", [0.3, 0.5, 0.8])
def test_a_helper_that_often_has_to_wait_for_the_processor(threaded, step, busy):
    """It is let run 3 ms, and then not for so long that it has a share 1 - busy of the time."""
    every = 3e-3 / (1 - busy)

    def pace(n_threads, clock):
        if n_threads == 1:
            return step
        place = clock % every
        return step / 1.9 if place < 3e-3 else every - place + step / 1.9

    found = Simulated(threaded).run(2.0, pace)
    assert found.clock < 1.03 * found.alone


def test_interruptions_of_all_alike(threaded):
    """Now and then a step takes 4 ms longer, whatever is done; most of the gain is left."""
    count = 0

    def pace(n_threads, clock):
        nonlocal count
        count += 1
        return 100e-6 / n_threads + (4e-3 if count % 20000 == 0 else 0)

    found = Simulated(threaded).run(4.0, pace)
    assert found.share_of(2) > 0.9


def test_a_processor_becomes_busy_and_free_again(threaded):
    found = Simulated(threaded)

    def free(n_threads, _):
        return 100e-6 / (1.9 if n_threads > 1 else 1)

    def busy(n_threads, _):
        return 100e-6 * (3.7 if n_threads > 1 else 1)

    found.run(1.0, free)
    found.alone = found.clock = 0.0
    found.run(2.0, busy)
    assert found.clock < 1.02 * found.alone
    found.alone = found.clock = 0.0
    found.run(2.0, free)
    assert found.alone / found.clock > 1.5  # found out after a third of a second


def test_the_first_steps_are_slow(threaded):
    """As long as memory is new; what one thread needs must not be taken from them for long."""

    def pace(n_threads, clock):
        return 400e-6 if clock < 2e-3 else 390e-6 if n_threads == 2 else 300e-6

    found = Simulated(threaded).run(0.5, pace)
    assert found.clock < 1.02 * found.alone


def test_some_of_many_threads_pay(threaded):
    """Four are best, all 16 slower than one."""
    speed = {1: 1.0, 2: 1.9, 4: 3.5, 8: 3.0, 16: 0.8}
    found = Simulated(threaded, 16).run(1.0, lambda n, _: 200e-6 / speed[n])
    assert found.alone / found.clock > 3.2


def test_short_steps_never_have_help(threaded):
    found = Simulated(threaded).run(0.1, lambda n, _: 5e-6 / n)
    assert set(found.taken) == {1}


# ---------------------------------------------------------------- threads


def trained(backend, case, work, n=50):
    return cases.trained(backend, case, SGD, None, 64, slices=[(0, 256)] * n, work=work)


def choosing(plan, n_threads, room=64):
    work = Work(plan, room, n_threads)
    work.chooses = True
    return work


@pytest.mark.parametrize("sparse", [False, True])
def test_whoever_takes_a_share_the_bits_are_the_same(threaded, dtype, sparse):
    case = cases.case(8, [100, 70, 5], ["relu", "softmax"], "cross_entropy", dtype, 256)
    case = case._replace(X=SparseRows.from_dense(case.X)) if sparse else case
    expected = trained(threaded, case, Work(case.plan, 64))
    for n_threads in (2, 4):
        cases.assert_same_bits(trained(threaded, case, choosing(case.plan, n_threads)), expected)


def test_room_for_more_threads_is_room_for_one(threaded, dtype):
    case = cases.case(8, [30, 20, 5], ["relu", "softmax"], "cross_entropy", dtype, 2000)
    expected = cases.trained(threaded, case, SGD, None, 1000, work=Work(case.plan, 256))
    found = cases.trained(threaded, case, SGD, None, 1000, work=choosing(case.plan, 3, 768))
    cases.assert_same_bits(found, expected)


def test_room_for_one_batch_is_enough_when_threads_share_it(threaded, dtype):
    case = cases.case(8, [100, 70, 5], ["relu", "softmax"], "cross_entropy", dtype, 256)
    slices = [(0, 256)] * 30
    expected = cases.trained(threaded, case, SGD, None, 256, slices, Work(case.plan, 256))
    work = choosing(case.plan, 2, 256)
    own = len(work.buffer)
    work.buffer = aligned_zeros(3 * own, dtype)
    work.buffer[own:] = 7
    work.helpers = threaded.core(np.dtype(dtype)).Helpers(2, True, 5e-3)  # tries both
    found = cases.trained(threaded, case, SGD, None, 256, slices, work)
    assert (work.buffer[own:] == 7).all()
    cases.assert_same_bits(found, expected)


def test_helpers_stay_from_call_to_call_and_end_with_their_work(threaded):
    _, plan, theta, X, Y = watched_case("float32", 64)
    case, work = cases.Case(plan, theta, X, Y), Work(plan, 64, 3)
    cases.trained(threaded, case, SGD, None, 64, work=work)
    helpers = work.helpers
    assert helpers.made == 2
    cases.trained(threaded, case, SGD, None, 64, work=work)
    assert work.helpers is helpers
    assert helpers.made == 2


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="reads clocks in /proc")
def test_idle_helpers_sleep(threaded):
    case = cases.case(8, [30, 20, 5], ["relu", "softmax"], "cross_entropy", "float32", 64)
    before = set(os.listdir("/proc/self/task"))
    work = Work(case.plan, 64, 2)
    cases.trained(threaded, case, SGD, None, 64, work=work)
    (new,) = set(os.listdir("/proc/self/task")) - before
    time.sleep(0.05)

    def ticks():
        with open(f"/proc/self/task/{new}/stat", encoding="utf-8") as file:
            return [int(n) for n in file.read().rsplit(")", 1)[1].split()[11:13]]

    first = ticks()
    time.sleep(0.1)
    assert ticks() == first


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_has_helpers_of_its_own(threaded):
    case = cases.case(8, [30, 20, 5], ["relu", "softmax"], "cross_entropy", "float32", 64)
    work = Work(case.plan, 64, 2)
    expected = cases.trained(threaded, case, SGD, None, 64, work=work)
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(30)
            found = cases.trained(threaded, case, SGD, None, 64, work=work)
            cases.assert_same_bits(found, expected)
            os._exit(0 if work.helpers.made == 1 else 3)
        finally:
            os._exit(4)
    assert os.waitpid(child, 0)[1] == 0
    cases.assert_same_bits(cases.trained(threaded, case, SGD, None, 64, work=work), expected)


REFUSED = """
import resource
import numpy as np, deltaloop as dl
X = np.random.default_rng(0).normal(size=(256, 30)).astype("float32")
def trained(n_threads):
    net = dl.Network([30, 64, 2], seed=1)
    net.fit(X, X[:, :2], epochs=300, batch_size=128, n_threads=n_threads)
    return net.theta.tobytes() + net.predict(X, n_threads=n_threads).tobytes()
one = trained(1)
(in_use,) = (line for line in open("/proc/self/status") if line.startswith("VmSize"))
most = (int(in_use.split()[1]) + 6000) * 1024      # no room for the stack of a thread, 8 MB
resource.setrlimit(resource.RLIMIT_AS, (most, most))
print(one == trained(2))
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads its size in /proc")
def test_where_threads_are_refused_one_does_it_all(threaded):
    found = subprocess.run(
        [sys.executable, "-c", REFUSED], timeout=60, check=True, capture_output=True, text=True
    )
    assert found.stdout == "True\n"


def test_processes_end_while_helpers_sleep_or_work(threaded):
    code = (
        "import threading, time, numpy as np, deltaloop as dl\n"
        "X = np.zeros((2000, 30), 'float32')\n"
        "net = dl.Network([30, 200, 2])\n"
        "fit = lambda: net.fit(X, X[:, :2], epochs=10**6, batch_size=500, n_threads=2)\n"
        "threading.Thread(target=fit, daemon=True).start()\n"
        "time.sleep(0.3)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert ended.returncode == 0


def test_signals_are_not_for_helpers(threaded):
    watched, plan, theta, X, Y = watched_case("float32", 64)
    object.__setattr__(watched, "n_threads", 2)
    case, caught = cases.Case(plan, theta, X, Y), []
    before = signal.signal(signal.SIGUSR1, lambda *_: caught.append(threading.get_ident()))
    try:
        work = Work(plan, 64, 2)
        cases.trained(threaded, case, SGD, None, 64, work=work)
        os.kill(os.getpid(), signal.SIGUSR1)
        masks = []
        for task in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{task}/status", encoding="utf-8") as file:
                (mask,) = (line.split()[1] for line in file if line.startswith("SigBlk"))
            masks.append((int(task), int(mask, 16) >> (signal.SIGUSR1 - 1) & 1))
        assert sum(blocked for _, blocked in masks) >= 1
        assert caught == [threading.get_ident()]
    finally:
        signal.signal(signal.SIGUSR1, before)
