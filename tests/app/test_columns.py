"""Cells of a column as they are written again beside predictions."""

import numpy as np
import pytest

from deltaloop.app.columns import cells_of
from deltaloop.tables import Text


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        (np.array([3.0, -2.0, 0.0, 12345678.0]), ["3", "-2", "0", "12345678"]),
        (np.array([2.5, -0.125, 0.1, 1e-7]), ["2.5", "-0.125", "0.1", "1e-07"]),
        (np.array([4111111111111111.0, 1e16, 1e300]), ["4111111111111111", "1e+16", "1e+300"]),
        (np.array([np.inf, -np.inf, np.nan]), ["inf", "-inf", None]),
        (np.array(["2020-02-29", "NaT"], "datetime64[s]"), ["2020-02-29", None]),
        (np.array(["2020-02-29T12:30:00"], "datetime64[s]"), ["2020-02-29T12:30"]),
        (Text.of(["a", None, "", "2.50"]), ["a", None, None, "2.50"]),
    ],
)
def test_cells_are_those_of_the_table(values, cells):
    assert cells_of(values) == cells
