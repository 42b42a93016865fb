"""One thread and several, in turns: µs per step, the minimum and the median of all rounds.

    python benchmarks/threads.py                  # the jobs, and a sweep of widths and batches
    python benchmarks/threads.py --busy 1         # beside one program that computes all the time
    python benchmarks/threads.py --threads 4 --oversubscribed   # on fewer processors
    python benchmarks/threads.py --one-processor  # all threads on one processor
    python benchmarks/threads.py --fit            # whole calls of fit, and not the kernels alone

A round is some steps in one call, about 30 ms; threads are kept from round to round, as in `fit`,
which also decides from step to step how many take part. The parameters of both are compared at the
end, bit for bit. The last columns are the time of several threads divided by that of one: marked
above 1.03.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is loaded

import argparse
import subprocess
import sys
import time

import numpy as np

import deltaloop as dl
from deltaloop.inputs.threads import processors
from deltaloop.kernels.memory import Work, aligned_zeros

SGD, ADAM = dl.SGD(1e-4), dl.Adam(1e-5)
# sizes, batch size, activation, optimizer
JOBS = [
    ((4, 32, 16, 4), 1000, "tanh", ADAM),
    ((6, 32, 16, 4), 256, "tanh", ADAM),
    ((20, 64, 64, 3), 1000, "relu", ADAM),
    ((300, 200, 10), 512, "relu", ADAM),
    ((10, 64, 64, 1), 128, "tanh", ADAM),
    ((10, 64, 64, 1), 512, "tanh", ADAM),
    ((64, 64, 64, 10), 128, "relu", ADAM),
    ((64, 64, 64, 10), 512, "relu", ADAM),
    ((64, 30, 10), 256, "relu", ADAM),
    ((784, 128, 10), 32, "relu", SGD),
    ((784, 128, 10), 128, "relu", SGD),
    ((784, 512, 512, 10), 64, "relu", SGD),
    ((784, 512, 512, 10), 256, "relu", SGD),
]
SWEEP = [
    ((width, width, width, 10), batch_size, "relu", SGD)
    for width in (16, 64, 256)
    for batch_size in (16, 64, 256, 1024)
]
ROUND = 0.03  # seconds
BUSY = "while True: pass"


class Steps:
    """A training whose rounds begin where the last one ended."""

    def __init__(self, job, n_threads, n_steps, chosen):
        sizes, self.size, activation, optimizer = job
        self.net = dl.Network(list(sizes), activation=activation, seed=0, backend="cython")
        generator = np.random.default_rng(0)
        self.X = generator.normal(size=(n_steps * self.size, sizes[0])).astype(np.float32)
        self.Y = generator.normal(size=(n_steps * self.size, sizes[-1])).astype(np.float32)
        self.rule, self.n_steps, self.step = optimizer.rule(), n_steps, 0
        plan = self.net.plan
        self.state = aligned_zeros((self.rule.n_slots, plan.n_theta), plan.dtype)
        self.work = Work.for_batches(plan, self.X, self.rule, self.size, n_threads)
        if chosen:  # also where there are fewer processors
            self.work = Work(plan, max(self.work.batch_size, self.size), n_threads)
            self.work.chooses = True

    def __call__(self):
        self.net.backend.train_epoch(
            self.net.plan, self.net.theta, self.state, self.rule, self.X, self.Y, None,
            0, len(self.X), self.size, self.work, 0.0, self.step,
        )  # fmt: skip
        self.step += self.n_steps


class Fits:
    """The same by `fit`, in a random order of the samples."""

    def __init__(self, job, n_threads, n_steps, chosen):
        sizes, size, activation, optimizer = job
        self.net = dl.Network(list(sizes), activation=activation, seed=0, backend="cython")
        generator, n = np.random.default_rng(0), min(n_steps, 8)
        self.X = generator.normal(size=(n * size, sizes[0])).astype(np.float32)
        self.Y = generator.normal(size=(n * size, sizes[-1])).astype(np.float32)
        self.how = {
            "batch_size": size, "epochs": max(1, n_steps // n), "optimizer": optimizer,
            "n_threads": n_threads,
        }  # fmt: skip
        self.n_steps = n * self.how["epochs"]

    def __call__(self):
        self.net.fit(self.X, self.Y, **self.how)


def seconds_of(run):
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def measured(job, given):
    """µs per step (minimum, median) with one thread and with several."""
    make = Fits if given.fit else Steps
    probe = make(job, 1, 2, False)
    probe()
    n_steps = max(2, int(ROUND / (min(seconds_of(probe) for _ in range(3)) / probe.n_steps)))
    n_steps = min(n_steps, 2000)
    runs = [
        make(job, 1, n_steps, False), make(job, given.threads, n_steps, given.oversubscribed)
    ]  # fmt: skip
    times = [[], []]
    for round_ in range(given.rounds):
        for k in (0, 1) if round_ % 2 else (1, 0):
            times[k].append(seconds_of(runs[k]) / runs[k].n_steps * 1e6)
    if runs[0].net.theta.tobytes() != runs[1].net.theta.tobytes():
        raise AssertionError(f"{job}: the parameters differ")
    return [(min(of_run), float(np.median(of_run))) for of_run in times]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--busy", type=int, default=0, help="programs that compute meanwhile")
    parser.add_argument("--oversubscribed", action="store_true")
    parser.add_argument("--one-processor", action="store_true")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--quick", action="store_true", help="the jobs alone")
    given = parser.parse_args()
    if given.one_processor:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(
        f"{given.threads} threads, {processors()} processors, {given.busy} busy, "
        f"{'fit' if given.fit else 'kernels'}, {given.rounds} rounds in turns\n"
    )
    print("| job | one: min | median | several: min | median | min / min | median / median |")
    print("|---|" + "--:|" * 6)
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(given.busy)]
    try:
        for job in JOBS if given.quick else JOBS + SWEEP:
            (least, middle), (least_of, middle_of) = measured(job, given)
            name = f"{'-'.join(map(str, job[0]))} batch {job[1]} {type(job[3]).__name__}"
            ratios = [least_of / least, middle_of / middle]
            marked = [f"{r:.2f}{' !' if r > 1.03 else ''}" for r in ratios]
            print(
                f"| {name} | {least:.1f} | {middle:.1f} | {least_of:.1f} | {middle_of:.1f} | "
                f"{' | '.join(marked)} |",
                flush=True,
            )
    finally:
        for other in others:
            other.terminate()
            other.wait()


if __name__ == "__main__":
    main()
