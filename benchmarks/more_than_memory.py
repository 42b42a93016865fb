"""Training on a file that is larger than the memory the process may have.

    python benchmarks/more_than_memory.py [--gigabytes 4] [--megabytes 200] [--folder /tmp]

A file of float32, 784 numbers a row, mapped by numpy.load and trained on for two epochs of
784-30-10, batch 32, beside the same with 100 MB of it in memory. The limit is on memory that is no
pages of files (RLIMIT_DATA), above what the process has after its imports. The file is written
first; what of it the system keeps at hand is its affair. Linux only.
"""

import argparse
import resource
import tempfile
from pathlib import Path

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
    """Microseconds per sample, those of the best epoch."""
    net = dl.Network([N_IN, 30, 10], loss="cross_entropy")
    epochs = 2 if isinstance(X, np.memmap) else 10
    history = net.fit(X, y, epochs=epochs, batch_size=32, shuffle=shuffle, sparse=False)
    return min(history.seconds) / len(X) * 1e6


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
        few = np.array(X[: 10**8 // (4 * N_IN)])
        memory = pace(few, y[: len(few)], True)
        del few
        limit = in_use() + asked.megabytes * 2**20
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        for shuffle in (False, "blocks"):
            found = pace(X, y, shuffle)
            print(f"{X.nbytes / 1e9:.1f} GB within {asked.megabytes} MB, shuffle={shuffle!r}: "
                  f"{found:.2f} us per sample, in memory {memory:.2f} ({found / memory:.2f} x)",
                  flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
