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
