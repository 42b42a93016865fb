"""Which rows of a table are held out to test with."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInputError, unknown_name
from ..tabular.arrays import group_numbers

TEST_FRACTION = 0.2
FEW_ROWS = 20  # below: all of them train, unless a test part was asked for
WAYS = ("random", "last")


@dataclass(frozen=True)
class Choice:
    """How the test part is chosen: the options --test-fraction, --test, --group and --seed."""

    fraction: float | None = None
    way: str | None = None
    group: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.fraction is not None and not 0 <= self.fraction < 1:
            raise InvalidInputError(f"--test-fraction must be in [0, 1), got {self.fraction:g}")
        if self.way is not None and self.way not in WAYS:
            raise unknown_name("--test", self.way, WAYS)
        if self.way == "last" and self.group is not None:
            raise InvalidInputError(
                "--test last takes the last rows as they are, --group whole groups at random; "
                "leave one of them out"
            )
        if not self.fraction and self.fraction is not None and (self.way or self.group):
            raise InvalidInputError(
                f"--test-fraction 0 leaves no test part for {'--test' if self.way else '--group'}; "
                "leave one of them out"
            )

    @property
    def is_asked_for(self) -> bool:
        """Whether the user wants a test part, however few rows there are."""
        return bool(self.fraction or self.way or self.group)


def held_out_rows(
    n: int, choice: Choice, codes: np.ndarray | None = None, groups: Sequence | None = None
) -> np.ndarray:
    """Mask of the rows to test with, shape (n,); none of them where all rows shall train.

    Parameters
    ----------
    n : int
        Number of rows.
    choice : Choice
    codes : ndarray of shape (n,), optional
        Number of the class of every row; every class then has its share of the test rows, and
        one row at least to train with.
    groups : sequence of n values, optional
        Rows of one value stay together; None is a group of its own.

    Raises
    ------
    InvalidInputError
        The groups cannot be divided.
    """
    fraction = TEST_FRACTION if choice.fraction is None else choice.fraction
    if n < FEW_ROWS and not choice.is_asked_for:
        fraction = 0.0
    if not fraction:
        return np.zeros(n, dtype=bool)
    if choice.way == "last":
        return np.arange(n) >= n - _share(n, fraction)
    generator = np.random.default_rng(choice.seed)
    if groups is not None:
        return _whole_groups(groups, codes, fraction, generator)
    if codes is None:
        return _any_rows(n, fraction, generator)
    return _stratified(codes, fraction, generator)


def _share(n, fraction):
    """Number of test rows: the fraction, at least one row and at most all but one."""
    return min(n - 1, max(1, round(fraction * n)))


def _any_rows(n, fraction, generator):
    test = np.zeros(n, dtype=bool)
    test[generator.permutation(n)[: _share(n, fraction)]] = True
    return test


def _stratified(codes, fraction, generator):
    """Of every class its share, and one row at least left to train."""
    test = np.zeros(len(codes), dtype=bool)
    order = generator.permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]  # class by class, shuffled inside
    counts = np.bincount(codes)
    exact = fraction * counts
    share = np.maximum(np.minimum(np.floor(exact), counts - 1), 0).astype(np.intp)
    missing = max(1, round(fraction * len(codes))) - share.sum()
    # what rounding down left over goes to the classes that lost most by it
    remainder = np.where(share < counts - 1, exact - share, -1.0)
    for code in np.argsort(-remainder, kind="stable")[: max(0, missing)]:
        share[code] += remainder[code] >= 0
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    for start, n_test in zip(first, share, strict=True):
        test[order[start : start + n_test]] = True
    return test


def _whole_groups(groups, codes, fraction, generator):
    """Groups in random order as long as there is room; no group that a class has alone."""
    own = group_numbers(groups)
    n_groups, n = int(own.max()) + 1, len(own)
    if n_groups < 2:
        raise InvalidInputError(
            "--group has the same value in every row, so that no part is left to test with; "
            "choose another column"
        )
    rows = np.split(np.argsort(own, kind="stable"), np.cumsum(np.bincount(own))[:-1])
    wanted, test, n_test = _share(n, fraction), np.zeros(n, dtype=bool), 0
    left = None if codes is None else np.bincount(codes)
    order = generator.permutation(n_groups)

    def take(group):
        """Test with a group, if some row of every class is left to train with."""
        nonlocal n_test, left
        if n_test + len(rows[group]) == n:
            return
        if left is not None:
            rest = left - np.bincount(codes[rows[group]], minlength=len(left))
            if (rest == 0)[left > 0].any():
                return
            left = rest
        test[rows[group]] = True
        n_test += len(rows[group])

    for group in order:
        # not one that overshoots by more than is missing
        if n_test + len(rows[group]) - wanted <= wanted - n_test:
            take(group)
    for group in sorted(order, key=lambda group: len(rows[group])):
        if not n_test:  # all of them are too large: the smallest
            take(group)
    if not n_test:
        raise InvalidInputError(
            "--group leaves no group to test with: every one of them holds all rows of a class; "
            "leave --group out, or choose another column"
        )
    return test
