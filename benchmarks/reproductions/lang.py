"""Lang & Witbrock (1988): 138 weights with shortcuts learn to tell two spirals apart.

Their proceedings are not at hand; epochs are as later papers cite them (three runs each).
"""

from collections.abc import Iterator
from statistics import median

import deltaloop as dl

from .table import Paper, Row
from .until import sweeps, told

MOST = 60_000  # epochs
EPSILON = 0.002


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
    """Epochs until every output is within 0.4 of its target, with two losses."""
    X, y = dl.datasets.load("two_spirals")
    n = 3 if quick else 10
    yield Row(
        "parameters", "138", str(network("mse", 0).n_parameters), "138",
        network("mse", 0).n_parameters == 138, 1, "2-5-5-5-1, shortcuts from every layer",
    )  # fmt: skip
    for loss, name, published in (
        ("binary_cross_entropy", "cross-entropy", 10_000),
        ("mse", "squared error", 20_000),
    ):
        how = dl.SGD(EPSILON * len(X), momentum=0.9)
        found = [sweeps(network(loss, k), X, y, 0.4, MOST, how, len(X)) for k in range(n)]
        solved = [one for one in found if one is not None]
        least = 1 if quick else n // 2
        yield Row(
            f"epochs, {name}", f"about {published:,}", told(found),
            f"{least} of {n} within {MOST:,}, median {published // 3:,} to {3 * published:,}",
            len(solved) >= least and published / 3 < median(solved) < 3 * published, n,
            f"ε = {EPSILON:g} on the sum over patterns, α = 0.9, start U(-0.1, 0.1)",
        )  # fmt: skip


PAPER = Paper(
    "Two spirals",
    "Lang & Witbrock (1988), Learning to tell two spirals apart, Connectionist Models Summer "
    "School",
    rows,
)
