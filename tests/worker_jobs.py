"""What workers of other libraries do in tests/test_workers.py: a module that they can import."""

from pathlib import Path
from time import process_time, thread_time

import numpy as np

import deltaloop as dl

TASKS = Path("/proc/self/task")


def samples():
    rng = np.random.default_rng(0)
    return rng.normal(size=(3000, 64)).astype(np.float32), rng.integers(10, size=3000)


def network():
    return dl.Network([64, 200, 10], activation="tanh", loss="cross_entropy")


def seconds(call):
    """Processor time of all threads of this process during a call, and of this one."""
    all_threads, own = process_time(), thread_time()
    call()
    return process_time() - all_threads, thread_time() - own


def training(_):
    """`seconds` of a training."""
    X, y = samples()
    return seconds(lambda: network().fit(X, y, epochs=20, batch_size=500))
