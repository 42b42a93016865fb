"""Whether memory and time per step stay what they are, over many fits, predictions and files."""

import gc
import os
import tempfile
import time
from pathlib import Path

import numpy as np

import deltaloop as dl


def resident() -> int:
    """Bytes of memory that the process has; 0 where nobody tells."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def round_of(net, X, Y, path):
    """One of everything; processor seconds of the fit."""
    began = time.process_time()
    net.fit(X, Y, epochs=3, batch_size=16)
    seconds = time.process_time() - began
    net.predict(X)
    net.learn_one(X[0], Y[0])
    net.session().learn_one(X[1], Y[1])
    net.gradient(X, Y)
    net.save(path, state=True)
    dl.load(path)
    return seconds


def rounds(seconds):
    """Rounds of work for so long; memory and least seconds of a fit in each tenth of the time."""
    generator = np.random.default_rng(0)
    X, Y = generator.normal(size=(500, 10)).astype("f4"), generator.random((500, 2)).astype("f4")
    net, tenths, n = dl.Network([10, 30, 2], activation="tanh", seed=1), [], 0
    folder = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=folder) as name:
        path = Path(name) / "net.npz"
        for _ in range(20):
            round_of(net, X, Y, path)
        for _ in range(10):
            end, times = time.monotonic() + seconds / 10, []
            while not times or time.monotonic() < end:
                times.append(round_of(net, X, Y, path))
            n += len(times)
            gc.collect()
            tenths.append((resident(), min(times)))
    return n, tenths


def report(seconds) -> str:
    n, tenths = rounds(seconds)
    grown = tenths[-1][0] - tenths[1][0]
    first, last = tenths[1][1], tenths[-1][1]
    return (
        f"{n} rounds in {seconds:.0f} s: memory grew by {grown / 1024:.0f} KiB from the second "
        f"tenth to the last, the fastest fit of a tenth went from {1e3 * first:.2f} to "
        f"{1e3 * last:.2f} ms"
    )
