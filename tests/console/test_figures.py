"""Numbers and durations as reports show them."""

import pytest

from deltaloop.console import figures


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (1234567, "1230000"), (0.00123456, "0.00123"), (9.999, "10.0"),
        (99.96, "100"), (1e-9, "1e-09"), (1e20, "1e+20"), (31.25, "31.2"), (-2.5, "-2.50"),
    ],
)  # fmt: skip
def test_numbers_of_the_report_have_three_digits(value, text):
    assert figures.significant(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.5, "2.50 s"), (0.0123, "12.3 ms"), (1.234e-5, "12.3 µs")]
)
def test_durations_have_a_fitting_unit(seconds, text):
    assert figures.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "1.00 s"), (0.9999, "1000 ms"), (1e-3, "1.00 ms"), (9.99e-4, "999 µs")],
)
def test_a_unit_begins_at_1(seconds, text):
    assert figures.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1e-5, "0.0000100"), (9.99e-6, "9.99e-06"), (1e15, "1e+15"),
                        (9.99e14, "999000000000000"), (-1e-6, "-1e-06")],
)  # fmt: skip
def test_an_exponent_is_for_numbers_that_nobody_would_write_out(value, text):
    assert figures.significant(value) == text
