"""How far predictions of values may be off: intervals from rows that were not trained on."""

import math
from typing import Any

import numpy as np

_COVERAGE = 0.9


def interval(out: np.ndarray, y: np.ndarray, what: str = "test rows") -> dict[str, Any] | None:
    """Half the width of the interval around a prediction that holds the true value.

    Split conformal prediction (Lei et al. 2018, Distribution-free predictive inference for
    regression): of n rows like those to come, but not trained on, the ceil(0.9 (n + 1))-th smallest
    |out - y|. A new row is within it with a probability of at least 0.9.

    Parameters
    ----------
    out, y : ndarray, shape (n_rows, n_targets)
        Predictions and true values.
    what : str
        What kind of rows they are, for the reader.

    Returns
    -------
    dict or None
        What the file of the network keeps; None where there are fewer than 9 rows, or no finite
        predictions.
    """
    n = len(y)
    place = math.ceil((n + 1) * _COVERAGE)
    if place > n:
        return None
    widths = np.sort(np.abs(out.astype(np.float64) - y), axis=0)[place - 1]
    if not np.isfinite(widths).all():  # as predicted logarithms can make them
        return None
    return {"coverage": _COVERAGE, "half_width": widths.tolist(), "from": f"{n} {what}"}


def half_widths(metadata: Any, n_values: int) -> np.ndarray | None:
    """What `interval` found for every value, from the metadata of a network; None: nothing."""
    found = metadata.get("interval") if isinstance(metadata, dict) else None
    if not isinstance(found, dict):
        return None
    if not isinstance(found.get("coverage"), float) or not isinstance(found.get("from"), str):
        return None
    widths = found.get("half_width")
    if not isinstance(widths, list) or len(widths) != n_values:
        return None
    if not all(isinstance(one, int | float) and one >= 0 for one in widths):
        return None
    return np.array(widths, dtype=np.float64)
