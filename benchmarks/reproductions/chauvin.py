"""Chauvin's law in chapter 8 of PDP: XOR is learned faster with more hidden units."""

from collections.abc import Iterator
from statistics import mean

import numpy as np

import deltaloop as dl

from .pdp import network
from .table import Paper, Row
from .until import sweeps

HIDDEN = (2, 4, 8, 16, 32)


def rows(quick: bool) -> Iterator[Row]:
    """P = c - k log2 H, fitted to the means of the runs that end."""
    X, y = dl.datasets.load("xor")
    n, how = 5 if quick else 20, dl.SGD(0.25, momentum=0.9)
    means, solved = [], 0
    for H in HIDDEN:
        found = [sweeps(network([2, H, 1], 1.0, k), X, y, 0.1, 5000, how, 1) for k in range(n)]
        ended = [one for one in found if one is not None]
        solved += len(ended)
        means.append(mean(ended))
    slope, start = np.polyfit(np.log2(HIDDEN), means, 1)
    correlation = float(np.corrcoef(np.log2(HIDDEN), means)[0, 1])
    text = ", ".join(f"{H}: {one:.0f}" for H, one in zip(HIDDEN, means, strict=True))
    yield Row(
        "sweeps P for H hidden units", "P = 280 - 33 log2 H",
        f"P = {start:.0f} - {-slope:.0f} log2 H ({text})", "280 ± 100, 33 ± 25, correlation < -0.8",
        abs(start - 280) < 100 and abs(-slope - 33) < 25 and correlation < -0.8, n,
        f"η = 0.25, α = 0.9, errors below 0.1, start U(-1, 1); {solved} of {5 * n} runs end",
    )  # fmt: skip


PAPER = Paper("XOR with more hidden units", "Chauvin, in chapter 8 of PDP (1986)", rows)
