"""Intervals of predictions: as wide as they must be, and no wider."""

import numpy as np
import pytest

from deltaloop.app.intervals import half_widths, interval


def test_half_width_is_the_quantile_of_the_errors():
    out, y = np.zeros((19, 1)), np.arange(1.0, 20)[:, None]
    found = {"coverage": 0.9, "half_width": [18.0], "from": "19 test rows"}  # 18 = 0.9 * 20
    assert interval(out, y) == found
    assert interval(out, y, "others")["from"] == "19 others"


def test_too_few_rows_give_none():
    assert interval(np.zeros((8, 1)), np.ones((8, 1))) is None
    assert interval(np.zeros((9, 1)), np.arange(9.0)[:, None])["half_width"] == [8.0]


def test_nine_of_ten_new_values_are_inside():
    generator = np.random.default_rng(0)
    inside = []
    for _ in range(400):
        errors = generator.normal(size=(31, 2)) * [1, 100]
        found = interval(errors[:30], np.zeros((30, 2)))
        inside.append(np.abs(errors[30]) <= found["half_width"])
    assert np.mean(inside, axis=0) == pytest.approx([0.9, 0.9], abs=0.05)


MADE = {"coverage": 0.9, "half_width": [1.0], "from": "19 test rows"}


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {},
        {"interval": 3},
        {"interval": {}},
        {"interval": {"half_width": [1.0]}},
        {"interval": MADE | {"coverage": "0.9"}},
        {"interval": MADE | {"from": 19}},
        {"interval": MADE | {"half_width": 1.0}},
        {"interval": MADE | {"half_width": [1.0, 2.0]}},
        {"interval": MADE | {"half_width": [-1.0]}},
        {"interval": MADE | {"half_width": ["1"]}},
    ],
)
def test_metadata_without_an_interval_that_fits_gives_none(metadata):
    assert half_widths(metadata, 1) is None


def test_what_interval_made_is_found_again():
    assert half_widths({"interval": MADE}, 1).tolist() == [1]
    made = interval(np.zeros((20, 2)), np.ones((20, 2)) * [1, 2])
    assert half_widths({"interval": made}, 2).tolist() == [1, 2]
