"""Numbers and times as people write them."""

import sys

import numpy as np


def significant(value: float, digits: int = 3) -> str:
    """A number with so many digits, without an exponent where people would write none."""
    if not value or not 1e-5 <= abs(value) < 1e15:
        return f"{value:.{digits}g}"
    rounded = float(f"{value:.{digits}g}")
    magnitude = int(np.floor(np.log10(abs(rounded))))
    return f"{rounded:.{max(0, digits - 1 - magnitude)}f}"


def duration(seconds: float) -> str:
    """A time in s, ms or µs."""
    if seconds >= 1:
        return f"{significant(seconds)} s"
    if seconds >= 1e-3:
        return f"{significant(1e3 * seconds)} ms"
    return f"{significant(1e6 * seconds)} {sign('µ', 'u')}s"


def sign(sign, substitute):
    """A sign, where the output can show it."""
    try:
        sign.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return substitute
    return sign
