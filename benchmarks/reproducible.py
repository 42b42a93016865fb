"""What `reproducible=True` costs: the time of a step with it and without.

    python benchmarks/reproducible.py
    python benchmarks/reproducible.py --seconds 5

Both networks of a job take turns, epoch by epoch; of each the fastest one counts, in the time of
this thread's processor. Prints the table of docs/reproducible.md.
"""

import argparse
import time
from typing import NamedTuple

import numpy as np

import deltaloop as dl


class Job(NamedTuple):
    """One training."""

    sizes: list[int]
    batch_size: int
    optimizer: dl.SGD | dl.Adam
    n_samples: int
    options: dict


TANH = {"activation": "tanh", "output": "identity"}
JOBS = {
    "2-4-1 sigmoid, batch 1": Job([2, 4, 1], 1, dl.SGD(), 4000, {}),
    "784-30-10 sigmoid, batch 1": Job([784, 30, 10], 1, dl.SGD(), 1000, {}),
    "784-30-10 sigmoid, batch 10": Job([784, 30, 10], 10, dl.SGD(), 2000, {}),
    "784-30-10 sigmoid, Adam, batch 1": Job([784, 30, 10], 1, dl.Adam(), 500, {}),
    "784-30-10 sigmoid, Adam, batch 10": Job([784, 30, 10], 10, dl.Adam(), 2000, {}),
    "10-64-64-1 tanh, batch 1": Job([10, 64, 64, 1], 1, dl.SGD(0.01), 2000, TANH),
    "10-64-64-1 tanh, batch 32": Job([10, 64, 64, 1], 32, dl.SGD(0.01), 3200, TANH),
    "10-64-64-1 tanh, Adam, batch 1": Job([10, 64, 64, 1], 1, dl.Adam(), 1000, TANH),
    "10-64-64-1 tanh, Adam, batch 32": Job([10, 64, 64, 1], 32, dl.Adam(), 3200, TANH),
    "784-128-10 relu, softmax, batch 32": Job(
        [784, 128, 10], 32, dl.SGD(0.05), 1600, {"activation": "relu", "output": "softmax"}
    ),
}


def costs(job: Job, seconds: float) -> tuple[float, float]:
    """Microseconds a step without and with it."""
    generator = np.random.default_rng(0)
    X = generator.random((job.n_samples, job.sizes[0]), np.float32)
    Y = generator.random((job.n_samples, job.sizes[-1]), np.float32)
    nets = [dl.Network(job.sizes, reproducible=mode, **job.options) for mode in (False, True)]
    best, n_turns, stop = [np.inf, np.inf], 0, time.perf_counter() + seconds
    while n_turns < 3 or time.perf_counter() < stop:
        for k, net in enumerate(nets):
            began = time.thread_time()
            net.fit(
                X, Y, epochs=1, batch_size=job.batch_size, shuffle=False, sparse=False,
                optimizer=job.optimizer,
            )  # fmt: skip
            best[k] = min(best[k], time.thread_time() - began)
        n_turns += 1
    n_steps = -(-job.n_samples // job.batch_size)
    return best[0] / n_steps * 1e6, best[1] / n_steps * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="for every job (default: 2)")
    seconds = parser.parse_args().seconds
    print("| job, float32 | µs per step | reproducible | ratio |\n|---|---|---|---|")
    for name, job in JOBS.items():
        without, with_it = costs(job, seconds)
        print(f"| {name} | {without:.3g} | {with_it:.3g} | {with_it / without:.2f} |", flush=True)


if __name__ == "__main__":
    main()
