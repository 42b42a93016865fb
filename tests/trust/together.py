"""Processes that get in each other's way: two that save to one file, and forks while threads train.

    python tests/trust/together.py [--seconds S] [--seed N]

Whoever loads a file that two processes save finds one of their networks, whole; at the end nothing
lies beside it. A child that is forked at a random moment of a training trains networks of its own,
with threads, to the bits of the parent; the network that was being trained trains on there, as no
thread of the parent is in the child.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import deltaloop as dl
from deltaloop.errors import DeltaloopError

FOLDER = "/dev/shm" if os.path.isdir("/dev/shm") else None
PATIENCE = 60  # seconds after which a child hangs


def in_a_child(run) -> int:
    """The process that runs it and ends."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, from 3.12 on
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            run()
            code = 0
        except BaseException as error:
            os.write(2, f"in a child: {type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(code)
    return pid


def ended(pid: int) -> bool:
    """Wait for a child; whether it ended well."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise AssertionError(f"a child hangs for {PATIENCE} s")


def saves(seconds: float) -> tuple[int, int]:
    """Two processes save to one file, a third one loads; saves and loads."""
    nets = [dl.Network([20, size, 3], seed=size) for size in (30, 40)]
    thetas = [net.theta.tobytes() for net in nets]
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        path, end = Path(folder) / "net.npz", time.monotonic() + seconds
        counts = np.memmap(Path(folder) / "counts", np.int64, "w+", shape=2)
        nets[0].save(path)

        def save(k):
            while time.monotonic() < end:
                nets[k].save(path)
                counts[k] += 1

        children, n_loads = [in_a_child(lambda k=k: save(k)) for k in (0, 1)], 0
        while time.monotonic() < end:
            assert dl.load(path).theta.tobytes() in thetas, "neither of the two networks"
            n_loads += 1
        assert [ended(child) for child in children] == [True, True], "a save failed beside another"
        left = sorted(os.listdir(folder))
        assert left == ["counts", "net.npz"], f"left behind: {left}"
        assert min(counts) > 0, "one of the two did not save"
        return int(counts.sum()), n_loads


def _fitted(seed, n_threads, net=None, epochs=3):
    generator = np.random.default_rng(0)
    X, Y = generator.normal(size=(3000, 20)), generator.random((3000, 2))
    net = dl.Network([20, 32, 2], activation="tanh", seed=seed) if net is None else net
    net.fit(X, Y, epochs=epochs, batch_size=1000, n_threads=n_threads)
    return net


def forks(seconds: float, moments: random.Random) -> tuple[int, int]:
    """Forks while threads train; how many forks, and threads."""
    expected = _fitted(1, 2).theta.tobytes()
    shared = [dl.Network([20, 32, 2], activation="tanh", seed=seed) for seed in (2, 3)]
    going, failed = threading.Event(), []
    going.set()

    def train(net):
        try:
            while going.is_set():
                _fitted(0, 2, net)
        except BaseException as error:
            failed.append(error)

    def child():
        assert _fitted(1, 2).theta.tobytes() == expected, "other bits in a child"
        net = shared[0]
        assert np.isfinite(net.predict(np.zeros((5, 20)))).all()
        net.learn_one(np.zeros(20), np.zeros(2))
        _fitted(0, 2, net, epochs=1)
        net.save(Path(folder) / "child.npz")
        assert dl.load(Path(folder) / "child.npz").theta.tobytes() == net.theta.tobytes()

    threads = [threading.Thread(target=train, args=(net,)) for net in shared]
    for thread in threads:
        thread.start()
    n, end = 0, time.monotonic() + seconds
    try:
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            while time.monotonic() < end:
                time.sleep(moments.uniform(0, 0.01))
                assert ended(in_a_child(child)), "a child did not train, see above"
                n += 1
    finally:
        going.clear()
        for thread in threads:
            thread.join()
    assert not failed, f"the training of the parent failed: {failed}"
    return n, len(shared)


def report(seconds: float, seed: int) -> str:
    n_saves, n_loads = saves(seconds / 2)
    n_forks, n_threads = forks(seconds / 2, random.Random(seed))
    return (
        f"two processes, one file: {n_saves} saves, {n_loads} loads between them, 0 findings\n"
        f"forks while {n_threads} threads train: {n_forks} children trained, the same network on "
        "and others to the same bits, 0 findings"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    try:
        print(report(options.seconds, options.seed))
    except (AssertionError, DeltaloopError) as error:
        sys.exit(f"FINDING: {error}")
