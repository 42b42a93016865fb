"""kill -9 at random moments of training with checkpoints, and of saves.

    python tests/trust/kills.py [--kills N] [--seed S]

A training that is killed again and again ends with the bits of one that was not; a file that is
being replaced is the old or the new one. Nothing else is left in the folder at the end.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # children are forks: no threads before

import numpy as np

import deltaloop as dl

# in memory, where there is such a place: a saved network waits for its disk
FOLDER = "/dev/shm" if os.path.isdir("/dev/shm") else None


def killed_after(seconds, run):
    """Run it in a fork and kill that; whether it was still running."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            run()
            code = 0
        finally:
            os._exit(code)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code == 1:
        raise AssertionError("the child ended with an error")
    return code == -signal.SIGKILL


def trained(folder=None, epochs=400):
    generator = np.random.default_rng(0)
    X, Y = generator.normal(size=(60, 10)), generator.random((60, 2))
    net = dl.Network([10, 16, 2], activation="tanh", seed=5)
    more = {"checkpoint": folder, "checkpoint_every": 0, "resume": True} if folder else {}
    net.fit(X, Y, epochs=epochs, batch_size=7, optimizer=dl.Adam(0.01), **more)
    return net.theta.tobytes()


def of_training(kills, moments, longest=0.1):
    """How many trainings were killed, and how often in all; every one ends with the same bits."""
    expected, n_killed, n_trainings = trained(), 0, 0
    while n_killed < kills:
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            for _ in range(30):
                if n_killed == kills or not killed_after(
                    moments.uniform(0, longest), lambda: trained(folder)
                ):
                    break
                n_killed += 1
            assert trained(folder) == expected, "another result than without a kill"
            left = [name for name in os.listdir(folder) if name != "checkpoint.npz"]
            assert left == [], f"left behind: {left}"
            n_trainings += 1
    return n_trainings, n_killed


def of_saves(kills, moments, longest=0.02):
    """How often the file was the first and the second of two networks, and nothing else."""
    nets = [dl.Network([30, 40, 3], seed=seed) for seed in (1, 2)]
    thetas, found = [net.theta.tobytes() for net in nets], [0, 0]

    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        path = Path(folder) / "net.npz"
        nets[0].save(path)

        def save():
            while True:
                for net in nets:
                    net.save(path)

        for _ in range(kills):
            killed_after(moments.uniform(0, longest), save)
            found[thetas.index(dl.load(path).theta.tobytes())] += 1
        nets[0].save(path)
        assert os.listdir(folder) == ["net.npz"], f"left behind: {os.listdir(folder)}"
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    moments = random.Random(options.seed)
    trainings, n = of_training(options.kills, moments)
    print(f"training: {n} kills in {trainings} trainings, each with the bits of one without")
    first, second = of_saves(options.kills, moments)
    print(f"saves: {options.kills} kills, the old file {first} times, the new one {second} times")
    sys.exit(0)
