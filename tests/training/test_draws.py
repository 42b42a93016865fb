"""A fork waits for draws of other threads: a child would inherit their lock, held for ever."""

import subprocess
import sys

import pytest

FORKS = """
import os, signal, threading, time, warnings
import numpy as np
from deltaloop.training.samples import new_order

warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
generator, ends = np.random.default_rng(0), threading.Event()

def draw():
    while not ends.is_set():
        new_order(generator, 300_000)

thread = threading.Thread(target=draw)
thread.start()
codes = []
for _ in range(5):
    time.sleep(0.003)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        order = new_order(generator, 10)
        os._exit(sorted(order) != list(range(10)))
    codes.append(os.waitpid(child, 0)[1])
ends.set()
thread.join()
print(codes, new_order(generator, 3).size)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_a_child_can_draw_with_the_generator_that_a_thread_of_its_parent_draws_with():
    # a process of its own: pytest has threads of other libraries
    done = subprocess.run(
        [sys.executable, "-c", FORKS], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "[0, 0, 0, 0, 0] 3\n"


SHARED = """
import os, signal, threading, warnings
from types import SimpleNamespace
from deltaloop.training import draws

warnings.simplefilter("ignore", DeprecationWarning)
lock = threading.Lock()  # that of a generator in NumPy 2.0, which one thread may take but once
meeting = threading.Barrier(3)

class Slow:
    bit_generator = SimpleNamespace(lock=lock)
    def permutation(self, n):
        meeting.wait()  # both threads are drawing
        meeting.wait()  # until the fork is done
        return n

generator = Slow()
threads = [threading.Thread(target=draws.permutation, args=(generator, 3)) for _ in range(2)]
for thread in threads:
    thread.start()
meeting.wait()
signal.alarm(20)
child = os.fork()
if child == 0:
    os._exit(lock.locked())
print(os.waitpid(child, 0)[1])
meeting.wait()
for thread in threads:
    thread.join()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_threads_that_share_a_generator_do_not_hold_up_a_fork():
    done = subprocess.run(
        [sys.executable, "-c", SHARED], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "0\n"
