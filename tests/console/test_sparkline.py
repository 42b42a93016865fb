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
        ([1, 2], "▁█"),
        ([0, 1, 100], "▁▁█"),  # 0 has no logarithm
        ([1000, 0], "█▁"),
    ],
)
def test_heights(values, line):
    assert sparkline(values) == line


def test_as_many_values_as_the_width_are_drawn_one_by_one():
    assert sparkline([1.0, 0.0] * 3, width=6) == "█▁█▁█▁"
    # means of 2 values each, and of 1, 2, 1, 2 where they do not divide
    assert sparkline([0.0, 4.0, 5.0, 7.0], width=2) == "▁█"
    assert sparkline([0.0, 7.0, 7.0, 0.0, 7.0, 7.0], width=4) == "▁█▁█"


def test_long_curves_are_drawn_in_the_width():
    line = sparkline([2.0**-k for k in range(1000)], width=20)
    assert len(line) == 20
    assert line[0] == "█" and line[-1] == "▁"
    assert sorted(line, reverse=True) == list(line)
