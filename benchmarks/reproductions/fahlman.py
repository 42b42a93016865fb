"""Fahlman (1988): how fast plain backpropagation learns the 10-5-10 encoder."""

from collections.abc import Iterator
from statistics import mean

import deltaloop as dl

from .pdp import network
from .table import Paper, Row
from .until import sweeps


def rows(quick: bool) -> Iterator[Row]:
    """Epochs until every output is on the right side of 0.4 and 0.6; always with 25 seeds."""
    X, Y = dl.datasets.load("encoder", n=10)
    n, how = 25, dl.SGD(10 * 1.7)  # his sum over ten patterns is ten means
    found = [sweeps(network([10, 5, 10], 1.0, k), X, Y, 0.4, 1000, how, 10) for k in range(n)]
    ended = [one for one in found if one is not None]
    yield Row(
        "epochs, ε = 1.7, α = 0", "129 (mean of 25)",
        f"{mean(ended):.0f} (mean of {len(ended)}, {min(ended)} to {max(ended)})",
        "all end, mean within 15 %", len(ended) == n and abs(mean(ended) / 129 - 1) < 0.15, n,
        "all patterns at once, gradient summed, start U(-1, 1)",
    )  # fmt: skip


PAPER = Paper(
    "The 10-5-10 encoder",
    "Fahlman (1988), An empirical study of learning speed in back-propagation networks",
    rows,
)
