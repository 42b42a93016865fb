"""Rumelhart, Hinton & Williams (1986), chapter 8 of Parallel Distributed Processing.

The chapter does not say in which order patterns come, nor alpha and the start of every figure.
Here they come in the same order in every sweep; what another order in every sweep does is told by
the last rows.
"""

from collections.abc import Iterator
from statistics import median

import deltaloop as dl

from .table import Paper, Row
from .until import sweeps, told


def network(sizes, start: float, seed: int) -> dl.Network:
    """Sigmoid units, squared error, weights and biases from U(-start, start)."""
    return dl.Network(
        sizes, output="sigmoid", loss="mse", init=("uniform", start),
        bias_init=("uniform", start), dtype="float64", seed=seed,
    )  # fmt: skip


HOW = dl.SGD(0.5, momentum=0.9)  # after every pattern


def rows(quick: bool) -> Iterator[Row]:
    """XOR, parity of four bits, and the encoder with its binary code."""
    n = 5 if quick else 20
    yield _xor(n)
    yield _parity(n)
    yield from _encoder(n)
    if not quick:
        yield from _shuffled(n)


def _xor(n):
    X, y = dl.datasets.load("xor")
    found = [sweeps(network([2, 2, 1], 0.5, k), X, y, 0.1, 5000, HOW, 1) for k in range(n)]
    solved = [one for one in found if one is not None]
    return Row(
        "XOR 2-2-1, sweeps", "558 (one run); local minima are rare", told(found),
        f"{round(0.7 * n)} of {n} within 5,000, median 100 to 1,200",
        len(solved) >= 0.7 * n and 100 < median(solved) < 1200, n,
        "η = 0.5, α = 0.9, errors below 0.1, start U(-0.5, 0.5)",
    )  # fmt: skip


def _parity(n):
    X, y = dl.datasets.load("parity", n=4)
    found = [sweeps(network([4, 4, 1], 1.0, k), X, y, 0.1, 20_000, HOW, 1) for k in range(n)]
    solved = [one for one in found if one is not None]
    return Row(
        "parity of 4 bits, 4-4-1, sweeps", "2,825 (one run)", told(found),
        f"{round(0.6 * n)} of {n} within 20,000, median 940 to 8,500",
        len(solved) >= 0.6 * n and 2825 / 3 < median(solved) < 2825 * 3, n,
        "η = 0.5, α = 0.9, errors below 0.1, start U(-1, 1)",
    )  # fmt: skip


def _encoder(n):
    X, y = dl.datasets.load("encoder")
    found, binary = [], []
    for momentum, close in ((0.9, 0.5), (0.9, 0.1), (0.0, 0.1)):
        of_all, codes = [], 0
        for seed in range(n):
            net = network([8, 3, 8], 0.5, seed)
            how = dl.SGD(0.5, momentum=momentum)
            of_all.append(sweeps(net, X, y, close, 5000, how, 1))
            codes += len(set(map(tuple, (net.activations(X, 0) > 0.5).tolist()))) == 8
        found.append(of_all)
        binary.append(codes)
    yield Row(
        "encoder 8-3-8, sweeps until every pattern is right", "-", told(found[0]),
        f"{n} of {n} within 5,000", None not in found[0], n, "η = 0.5, α = 0.9, start U(-0.5, 0.5)",
    )  # fmt: skip
    yield Row(
        "its hidden units, rounded, are the eight binary numbers",
        "yes, where none is in the middle", f"in {binary[2]} of {n}; with α = 0.9 in {binary[1]}",
        f"at least {round(0.6 * n)}", binary[2] >= 0.6 * n, n, "the same, α = 0, errors below 0.1",
    )  # fmt: skip


def _shuffled(n):
    """The same networks with the patterns in another order in every sweep."""
    for name, sizes, start, most, options, least in (
        ("XOR", [2, 2, 1], 0.5, 5000, {}, 0.7),
        ("parity", [4, 4, 1], 1.0, 20_000, {"n": 4}, 0.6),
        ("encoder", [8, 3, 8], 0.5, 5000, {}, 1.0),
    ):
        X, Y = dl.datasets.load(name.lower(), **options)
        close = 0.5 if name == "encoder" else 0.1
        found = [
            sweeps(network(sizes, start, k), X, Y, close, most, HOW, 1, True) for k in range(n)
        ]
        solved = sum(one is not None for one in found)
        yield Row(
            f"{name}, shuffled in every sweep", "-", told(found),
            f"{round(least * n)} of {n} within {most:,}", solved >= least * n, n, "else as above",
        )  # fmt: skip


PAPER = Paper(
    "XOR, parity and encoder",
    "Rumelhart, Hinton & Williams (1986), Learning internal representations by error propagation, "
    "Parallel Distributed Processing, chapter 8",
    rows,
)
