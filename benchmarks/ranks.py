"""What a second process brings: one training on one rank and on more, connected by MPI.

    python benchmarks/ranks.py [--ranks 2] [--repeats 5] [--job 784-100-10] [--first]

Needs mpi4py, and mpiexec on the path or beside Python. Every measurement is a program of its own;
they take turns, and the least time per update counts. Ranks wait for each other by spinning: no
other program may need the processors. Where others do, `--first` (Linux, as root) gives each rank a
processor of its own and a priority before all of them, which meanwhile stand still.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

import deltaloop as dl

JOBS = {  # sizes, batch_size, samples
    "64-30-10": ([64, 30, 10], 256, 51_200),
    "784-100-10": ([784, 100, 10], 256, 25_600),
    "784-100-10, batch 2048": ([784, 100, 10], 2048, 40_960),
}
EVERY = 10
GOALS = {"784-100-10": (1.3, 1.8)}  # on two cores of one machine


def train(job, every, comes_first):
    """One rank of one measurement; rank 0 prints seconds per update, and the pace of two ranks."""
    from mpi4py import MPI

    comm = MPI.COMM_WORLD
    if comes_first:
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[comm.rank]})
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(20))
    sizes, batch_size, n_samples = JOBS[job]
    rng = np.random.default_rng(comm.rank)
    n = n_samples // comm.size
    X = rng.normal(size=(n, sizes[0])).astype(np.float32)
    y = rng.integers(sizes[-1], size=n)
    net = dl.Network(sizes, activation="relu", loss="cross_entropy", seed=0)
    settings = {"batch_size": batch_size, "optimizer": dl.SGD(0.01), "comm": comm}
    if comm.size > 1 and every:
        settings["average_every"] = every
    history = net.fit(X, y, epochs=6, **settings)
    pace = dl.parallel.measure(net, X, y, comm=comm, batch_size=batch_size)
    if comm.rank == 0:
        step = min(history.seconds) / (n_samples // batch_size)
        print(json.dumps([step, pace.step, pace.exchange]))


def measured(job, ranks, every, comes_first):
    """Seconds per update, of a step alone, and of an exchange."""
    folder = Path(sys.executable).parent
    command = shutil.which("mpiexec", path=f"{folder}{os.pathsep}{os.environ['PATH']}")
    if command is None:
        sys.exit("there is no mpiexec: pip install mpich mpi4py")
    program = [sys.executable, __file__, "--one", job, str(every)]
    if comes_first:
        program.append("--first")
    done = subprocess.run(
        [command, "-n", str(ranks), *program], capture_output=True, text=True, check=True,
        timeout=600,
    )  # fmt: skip
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--job", choices=JOBS, action="append")
    parser.add_argument("--first", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        train(asked.one[0], int(asked.one[1]), asked.first)
        return
    print(f"| us per update | 1 rank | {asked.ranks} ranks | averaging every {EVERY} | "
          "step + exchange |\n|---|--:|--:|--:|--:|")  # fmt: skip
    for job in asked.job or JOBS:
        kinds = {"alone": (1, 0), "synchronous": (asked.ranks, 0), "averaged": (asked.ranks, EVERY)}
        found = {kind: [] for kind in kinds}
        for _ in range(asked.repeats):
            for kind, (ranks, every) in kinds.items():
                found[kind].append(measured(job, ranks, every, asked.first))
        alone, synchronous, averaged = (min(row[0] for row in found[kind]) * 1e6 for kind in kinds)
        step, exchange = (min(row[k] for row in found["synchronous"]) * 1e6 for k in (1, 2))
        goals = GOALS.get(job) if asked.ranks == 2 else None
        told = f" (goals {goals[0]} x, {goals[1]} x)" if goals else ""
        print(f"| {job}{told} | {alone:.0f} | {synchronous:.0f} ({alone / synchronous:.2f} x) | "
              f"{averaged:.0f} ({alone / averaged:.2f} x) | {step:.0f} + {exchange:.0f} |",
              flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
