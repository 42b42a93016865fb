"""Lang & Witbrock (1988): 138 weights with shortcuts learn to tell two spirals apart.

Published epochs are those that later papers cite; step sizes, momentum and targets are chosen here.
"""

from collections.abc import Iterator
from statistics import median

import numpy as np

import deltaloop as dl

from .table import Paper, Row
from .until import sweeps, told

MOST = 60_000  # epochs


def network(loss: str, seed: int) -> dl.Network:
    """Three hidden layers of five units; every layer is connected to all before it."""
    layers = [
        dl.Dense(5), dl.Dense(5, shortcuts=[0]), dl.Dense(5, shortcuts=[0, 1]),
        dl.Dense(1, "sigmoid", shortcuts=[0, 1, 2]),
    ]  # fmt: skip
    return dl.Network(
        2, layers, loss=loss, init=("uniform", 0.1), bias_init=("uniform", 0.1), dtype="float64",
        seed=seed,
    )  # fmt: skip


def rows(quick: bool) -> Iterator[Row]:
    """Epochs until every output is below 0.4 or above 0.6, as its class wants, with two losses."""
    X, y = dl.datasets.load("two_spirals")
    n = 3 if quick else 10
    yield Row(
        "parameters", "138", str(network("mse", 0).n_parameters), "138",
        network("mse", 0).n_parameters == 138, 1, "2-5-5-5-1, shortcuts from every layer",
    )  # fmt: skip
    for loss, name, epsilon, low, published in (
        ("binary_cross_entropy", "cross-entropy", 0.002, 0.0, 10_000),
        ("mse", "squared error", 0.01, 0.1, 20_000),
    ):
        how, Y = dl.SGD(epsilon * len(X), momentum=0.9), np.where(y == 1, 1 - low, low)
        found = [sweeps(network(loss, k), X, Y, 0.4 - low, MOST, how, len(X)) for k in range(n)]
        solved = [one for one in found if one is not None]
        least = round(0.7 * n)
        yield Row(
            f"epochs, {name}", f"about {published:,}", told(found),
            f"{least} of {n} within {MOST:,}, median {published // 2:,} to {2 * published:,}",
            len(solved) >= least and published / 2 < median(solved) < 2 * published, n,
            f"all patterns at once, ε = {epsilon:g} on their sum, α = 0.9, start U(-0.1, 0.1), "
            f"targets {low:g} and {1 - low:g}",
        )  # fmt: skip


PAPER = Paper(
    "Two spirals",
    "Lang & Witbrock (1988), Learning to tell two spirals apart, Connectionist Models Summer "
    "School",
    rows,
)
