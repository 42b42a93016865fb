"""Curves on one line."""

import pytest

from deltaloop.console.sparkline import sparkline


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([1.0], ""),
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([-7.0, 0.0], "▁█"),
        ([3, 3, 3], "▁▁▁"),
        ([1000, 100, 10, 1], "█▆▃▁"),  # by factors
        ([1, float("inf")], "▁▁"),
    ],
)
def test_heights(values, line):
    assert sparkline(values) == line


def test_long_curves_are_drawn_in_the_width():
    line = sparkline([2.0**-k for k in range(1000)], width=20)
    assert len(line) == 20
    assert line[0] == "█" and line[-1] == "▁"
    assert sorted(line, reverse=True) == list(line)
