"""Training on a file that is larger than the memory the process may have.

    python benchmarks/more_than_memory.py [--gigabytes 4] [--megabytes 200] [--folder /tmp]

A file of float32, 784 numbers a row, mapped by numpy.load and trained on for two epochs of
784-30-10, batch 32, beside the same with 50 MB of it in memory, before and after. The limit is on
memory that is no pages of files (RLIMIT_DATA), above what the process has after its imports. The
file is written first; what of it the system keeps at hand is its affair. Besides the time on the
clock there is that of the processor, which other programs disturb less. Linux only.
"""

import argparse
import resource
import tempfile
from pathlib import Path
from time import process_time

import numpy as np

import deltaloop as dl

N_IN, ROWS = 784, 8192


def in_use():
    """Bytes of memory that are no pages of files."""
    with open("/proc/self/status") as file:
        sizes = dict(line.split(":", 1) for line in file)
    return 1024 * int(sizes["VmData"].split()[0])


def written(path, n):
    """A file of n rows, mapped."""
    X = np.lib.format.open_memmap(path, "w+", np.float32, (n, N_IN))
    rng = np.random.default_rng(0)
    block = rng.normal(size=(ROWS, N_IN)).astype(np.float32)
    for start in range(0, n, ROWS):
        X[start : start + ROWS] = block[: n - start]
    X.flush()
    del X
    return np.load(path, mmap_mode="r")


def pace(X, y, shuffle):
    """Microseconds per sample on the clock, those of the best epoch, and of the processor."""
    net = dl.Network([N_IN, 30, 10], loss="cross_entropy")
    epochs = 2 if isinstance(X, np.memmap) else 20
    began = process_time()
    history = net.fit(X, y, epochs=epochs, batch_size=32, shuffle=shuffle, sparse=False)
    spent = (process_time() - began) / epochs
    return np.array([min(history.seconds), spent]) / len(X) * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    n = int(asked.gigabytes * 2**30 / (4 * N_IN))
    y = np.random.default_rng(1).integers(10, size=n).astype(np.uint8)
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        X = written(Path(folder, "X.npy"), n)
        few, some = np.array(X[: 50 * 10**6 // (4 * N_IN)]), slice(50 * 10**6 // (4 * N_IN))
        limit = in_use() + asked.megabytes * 2**20
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        memory = [pace(few, y[some], True)]
        found = {}
        for shuffle in (False, "blocks"):
            found[shuffle] = pace(X, y, shuffle)
            memory.append(pace(few, y[some], True))
    clock, spent = np.min(memory, axis=0)
    for shuffle, (by_clock, by_processor) in found.items():
        print(f"{asked.gigabytes * 2**30 / 1e9:.1f} GB within {asked.megabytes} MB, "
              f"shuffle={shuffle!r}: {by_clock:.2f} us per sample, in memory {clock:.2f} "
              f"({by_clock / clock:.2f} x); of the processor {by_processor:.2f}, {spent:.2f} "
              f"({by_processor / spent:.2f} x)")  # fmt: skip


if __name__ == "__main__":
    main()
