"""A curve on one line of text."""

import math
from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int = 32) -> str:
    """The values from left to right as blocks of eight heights; '' for fewer than two.

    Values over 0 are drawn on a logarithmic scale, as losses fall by factors. More values than
    `width` are drawn as the means of as many equal parts.

    Examples
    --------
    >>> from deltaloop.console.sparkline import sparkline
    >>> sparkline([100, 10, 1])
    '█▅▁'
    """
    if len(values) < 2:
        return ""
    n = len(values)
    parts = [values[k * n // width : (k + 1) * n // width] for k in range(width)]
    heights = [sum(part) / len(part) for part in parts] if n > width else list(values)
    if min(heights) > 0:
        heights = [math.log(height) for height in heights]
    low, span = min(heights), max(heights) - min(heights)
    if not span > 0 or not math.isfinite(span):
        return _BLOCKS[0] * len(heights)
    return "".join(_BLOCKS[round(7 * (height - low) / span)] for height in heights)
