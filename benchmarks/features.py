"""What an optimiser, a penalty, a limit or dropout adds to a training step.

    python benchmarks/features.py             # 10-64-64-1, relu, mini-batches of 32
    python benchmarks/features.py --repeats 100

Every row trains a network of its own on the same samples: epochs of 64 steps, one compiled call
each, without the checks and the book of `fit`. Rows take turns on one processor, in another order
every time, and the smallest time counts. A ratio stands beside the row that it is compared with,
and the most that it may be.
"""

import argparse
import os
import sys
from time import perf_counter
from typing import NamedTuple

import numpy as np

import deltaloop as dl
from deltaloop.kernels.memory import Work, aligned_zeros
from deltaloop.optimizers import Optimizer

SIZES, BATCH_SIZE, N_STEPS = (10, 64, 64, 1), 32, 64
# so small that neither parameters nor the number of zeros change much while it is measured
SGD_RATE, ADAM_RATE = 1e-4, 1e-5


class Row(NamedTuple):
    """What is timed, and what it is compared with."""

    optimizer: Optimizer
    base: str = ""
    most: float | None = None  # that the ratio may be
    network: dict = {}  # noqa: RUF012 - of a tuple


def sgd(**settings):
    return dl.SGD(SGD_RATE, **settings)


def adam(**settings):
    return dl.Adam(ADAM_RATE, **settings)


FEATURE, RULE, ADAM = 1.15, 1.2, 1.6
ROWS = {
    "SGD": Row(sgd()),
    "SGD, l2": Row(sgd(l2=1e-4), "SGD", FEATURE),
    "SGD, l1": Row(sgd(l1=1e-4), "SGD", FEATURE),
    "SGD, weight_decay": Row(sgd(weight_decay=1e-2), "SGD", FEATURE),
    "SGD, clip_norm": Row(sgd(clip_norm=1.0), "SGD", FEATURE),
    "SGD, clip_value": Row(sgd(clip_value=1.0), "SGD", FEATURE),
    "SGD, max_norm": Row(sgd(max_norm=3.0), "SGD", FEATURE),
    "SGD, dropout": Row(sgd(), "SGD", FEATURE, {"dropout": 0.5}),
    "SGD, input_dropout": Row(sgd(), "SGD", FEATURE, {"input_dropout": 0.2}),
    "SGD, momentum": Row(sgd(momentum=0.9), "SGD"),
    "Adam": Row(adam(), "SGD", ADAM),
    "Adam, l2": Row(adam(l2=1e-4), "Adam", FEATURE),
    "Adam, clip_norm": Row(adam(clip_norm=1.0), "Adam", FEATURE),
    "Adam, dropout": Row(adam(), "Adam", FEATURE, {"dropout": 0.5}),
    "Adam, amsgrad": Row(adam(amsgrad=True), "Adam", RULE),
    "AdamW": Row(dl.AdamW(ADAM_RATE), "Adam", RULE),
    "NAdam": Row(dl.NAdam(ADAM_RATE), "Adam", RULE),
    "RMSprop": Row(dl.RMSprop(ADAM_RATE), "Adam", RULE),
    "Adagrad": Row(dl.Adagrad(ADAM_RATE), "Adam", RULE),
    "Adadelta": Row(dl.Adadelta(1e-3), "Adam", RULE),
}


class Training:
    """Epochs of one row."""

    def __init__(self, row: Row):
        generator = np.random.default_rng(0)
        n_samples = N_STEPS * BATCH_SIZE
        self.X = generator.standard_normal((n_samples, SIZES[0])).astype("float32")
        self.Y = generator.standard_normal((n_samples, SIZES[-1])).astype("float32")
        self.order = generator.permutation(n_samples)
        self.net = dl.Network(SIZES, activation="relu", **row.network)
        self.rule = row.optimizer.rule()
        self.state = aligned_zeros((self.rule.n_slots, len(self.net.theta)), self.net.dtype)
        self.work = Work.for_batches(self.net.plan, self.X, self.rule, BATCH_SIZE, 1)
        self.step = 0

    def seconds(self) -> float:
        """Of one step, the mean over an epoch."""
        net = self.net
        began = perf_counter()
        total = net.backend.train_epoch(
            net.plan, net.theta, self.state, self.rule, self.X, self.Y, self.order,
            0, len(self.Y), BATCH_SIZE, self.work, 0.0, self.step, None, None, 1,
        )  # fmt: skip
        elapsed = perf_counter() - began
        if not np.isfinite(total):
            raise SystemExit("the loss is not finite")
        self.step += N_STEPS
        return elapsed / N_STEPS


def measured(repeats: int) -> dict[str, float]:
    """Row -> seconds of a step, the smallest."""
    trainings = {name: Training(row) for name, row in ROWS.items()}
    best = dict.fromkeys(ROWS, np.inf)
    generator = np.random.default_rng(1)
    for training in trainings.values():
        training.seconds()
    for _ in range(repeats):
        for name in generator.permutation(list(ROWS)):
            best[name] = min(best[name], trainings[name].seconds())
    return best


def pin():
    """To one processor, the last one that may be used."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def main() -> int:
    """Print the table; 1 where a ratio is larger than it may be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=200, help="of every row (default 200)")
    repeats = parser.parse_args().repeats
    pin()
    best, above = measured(repeats), 0
    sizes = "-".join(map(str, SIZES))
    print(f"| {sizes} relu, batch {BATCH_SIZE} | µs per step | ratio | to | at most | |")
    print("|---|--:|--:|---|--:|---|")
    for name, row in ROWS.items():
        ratio = best[name] / best[row.base] if row.base else None
        over = bool(ratio and row.most and ratio > row.most)
        above += over
        cells = [
            name, f"{1e6 * best[name]:.2f}", f"{ratio:.2f}" if ratio else "", row.base,
            f"{row.most:g}" if row.most else "", "above" if over else "",
        ]  # fmt: skip
        print("|", " | ".join(cells), "|")
    return min(above, 1)


if __name__ == "__main__":
    sys.exit(main())
