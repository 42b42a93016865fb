"""Rumelhart, Hinton & Williams (1986): a network of two hidden units finds mirror symmetry."""

from collections.abc import Iterator
from statistics import median

import numpy as np

import deltaloop as dl

from .pdp import network
from .table import Paper, Row
from .until import sweeps, told

MOST = {0.1: 10_000, 0.03: 30_000}  # sweeps


def descent(epsilon: float) -> dl.SGD:
    """On the gradient *summed* over the 64 patterns; that of deltaloop is their mean."""
    return dl.SGD(64 * epsilon, momentum=0.9)


def mirror_error(W) -> float:
    """How far weights of mirrored positions are from equal and opposite, of the largest."""
    return float(np.abs(W + W[:, ::-1]).max() / np.abs(W).max())


def copy_error(W) -> float:
    """How far the two hidden units are from copies of each other with the other sign."""
    return float(np.abs(W[0] + W[1]).max() / np.abs(W).max())


def magnitudes(W) -> list[float]:
    """Of the three weights of a half, in units of the smallest."""
    sizes = np.sort(np.abs(W[:, :3]), axis=1)
    return (sizes / sizes[:, :1]).mean(axis=0).tolist()


def rows(quick: bool) -> Iterator[Row]:
    """Sweeps until every pattern is right, and the weights of a network that is sure of them."""
    X, y = dl.datasets.load("symmetry")
    n = 5 if quick else 20
    errors: list[float] = []
    copies: list[float] = []
    ratios: list[list[float]] = []
    for epsilon, least in ((0.1, 0.7), (0.03, 1.0)):
        found = []
        for seed in range(n):
            net, how = network([6, 2, 1], 0.3, seed), descent(epsilon)
            found.append(sweeps(net, X, y, 0.5, MOST[epsilon], how, 64))
            if found[-1] is None:
                continue
            # the same run once more, until every error is below 0.1
            net = network([6, 2, 1], 0.3, seed)
            if sweeps(net, X, y, 0.1, MOST[epsilon], how, 64) is not None:
                errors.append(mirror_error(net.W[0]))
                copies.append(copy_error(net.W[0]))
                ratios.append(magnitudes(net.W[0]))
        solved = sum(one is not None for one in found)
        most = f"{MOST[epsilon]:,}"
        least = 0.4 if quick and epsilon == 0.1 else least
        yield Row(
            f"sweeps until all 64 patterns are right, ε = {epsilon:g}",
            "1,425 (one run)" if epsilon == 0.1 else "-", told(found),
            f"{round(least * n)} of {n} within {most}", solved >= least * n, n,
            "sum over patterns, α = 0.9, start U(-0.3, 0.3)",
        )  # fmt: skip
    middle = [median(one) for one in zip(*ratios, strict=True)]
    yield Row(
        "weights of mirrored positions", "equal and opposite",
        f"within {100 * max(errors):.2g} % of the largest", "2 %", max(errors) < 0.02, len(errors),
        "all solved runs, errors below 0.1",
    )  # fmt: skip
    yield Row(
        "the two hidden units", "the same pattern, other sign",
        f"within {100 * max(copies):.2g} % of the largest", "5 %", max(copies) < 0.05,
        len(copies), "the same runs",
    )  # fmt: skip
    yield Row(
        "magnitudes of the weights of a half", "1 : 2 : 4",
        " : ".join(f"{one:.3g}" for one in middle), "within 10 %",
        all(abs(one / exact - 1) < 0.1 for one, exact in zip(middle, (1, 2, 4), strict=True)),
        len(ratios), "medians of the same runs",
    )  # fmt: skip


PAPER = Paper(
    "Mirror symmetry, 6-2-1",
    "Rumelhart, Hinton & Williams (1986), Learning representations by back-propagating errors, "
    "Nature 323",
    rows,
)
