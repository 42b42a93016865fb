"""Columns of inputs of any magnitude are scaled as those near 1 are."""

import numpy as np
import pytest

import deltaloop as dl
from command_line import call, write_csv
from deltaloop.tabular.columns import Scale

RNG = np.random.default_rng(0)
X = RNG.normal(size=200)
Y = X + RNG.normal(size=200) / 10


@pytest.mark.parametrize("power", [-1000, -600, 498, 500, 700, 1000, 1021])
def test_a_power_of_two_changes_no_bit_of_scaled_values(power):
    factor = 2.0**power
    plain, scale = Scale.fit(X), Scale.fit(X * factor)
    assert scale.spread == plain.spread * factor
    np.testing.assert_array_equal(scale(X * factor), plain(X))


@pytest.mark.parametrize("factor", [1.0, 2.0**700, 2.0**1020])
def test_two_values_and_infinities(factor):
    two = np.array([1.0, 3.0, 1.0]) * factor
    np.testing.assert_array_equal(Scale.fit(two)(two), [-1, 1, -1])
    one = np.array([1.0, np.inf, 1.0]) * factor
    np.testing.assert_allclose(Scale.fit(one)(one), [-1, 1, -1], rtol=4e-16)  # of their middle
    np.testing.assert_array_equal(Scale.fit(one)([-np.inf, np.nan]), [-3, np.nan])
    assert Scale.fit(two)(np.array([-np.inf, np.inf])).tolist() == [-3, 3]
    many = Scale.fit(X * factor)
    assert many(np.array([-np.inf, np.inf])).tolist() == [-3, 3]


def test_the_whole_range_of_numbers():
    ends = np.array([-1.7e308, -1e308, 0.0, 1e308, 1.7e308])
    scaled = Scale.fit(ends)(ends)
    assert np.isfinite(scaled).all() and (np.diff(scaled) > 0.3).all()


@pytest.mark.parametrize("exponent", [160, 200, 307])
def test_the_report_says_what_is_true(tmp_path, exponent):
    """A warning of NumPy would be an error here."""
    factor = 10.0**exponent
    columns = X * factor / 4, np.where(X > 0, factor, 3 * factor), np.full(200, factor), Y
    path = write_csv(
        tmp_path / "t.csv", ["a", "two", "one", "y"], np.column_stack(columns).tolist()
    )
    status, output = call("train", path, "--simple", "--epochs", 30)
    assert status == 0
    assert "'a': number, scaled by median and quartiles" in output
    assert "'two': two values, -1 and 1" in output
    assert f"'one': dropped: 1e+{exponent} in every row" in output


def test_infinite_in_every_row():
    frame = {"a": X, "far": np.full(200, np.inf), "whole": np.arange(200) % 2 * 1.7e308, "y": Y}
    frame["whole"][0] = -1.7e308
    notes = dl.tabular.fit(frame, "y", simple=True).preparation.notes
    assert "far: dropped: infinite in every row" in notes
