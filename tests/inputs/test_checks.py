"""Checks of single arguments: what they let through, unchanged, and what they refuse."""

import os
import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from deltaloop import InvalidInputError, InvalidTypeError
from deltaloop.inputs.checks import (
    as_numbers,
    check_memory,
    number,
    parameter,
    switch,
    whole_number,
)

# numbers


@pytest.mark.parametrize(
    "value",
    [0.5, np.float32(0.5), np.float64(0.5), np.array(0.5), Decimal("0.5"), Fraction(1, 2)],
    ids=lambda value: type(value).__name__,
)
def test_number_of_any_type_becomes_a_plain_float(value):
    assert number("rate", value) == 0.5
    assert type(number("rate", value)) is float


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3), np.array(3)])
def test_whole_number_is_a_number_too(value):
    assert number("rate", value) == whole_number("n", value) == 3
    assert type(whole_number("n", value)) is int


@pytest.mark.parametrize(
    "value",
    [
        "0.5", b"0.5", "", np.str_("0.5"), np.bytes_(b"0.5"), np.array("0.5"), np.array(b"1"),
        True, False, np.True_, np.array(True), 1j, np.complex64(1), np.array(2j),
        None, [0.5], [], (1,), {}, np.array([0.5]), np.zeros((1, 1)), [[1], [2, 3]], np.ma.masked,
        np.timedelta64(5, "s"), object(),
    ],
    ids=lambda value: f"{type(value).__name__} {value!r:.20}",
)  # fmt: skip
def test_what_is_no_number_is_refused_as_one(value):
    with pytest.raises(InvalidTypeError, match=r"^rate must be a number, got "):
        number("rate", value)


@pytest.mark.parametrize(
    ("value", "limits", "accepted"),
    [
        (np.nan, {}, "finite, got nan"),
        (np.inf, {}, "finite, got inf"),
        (-np.inf, {"low": 0.0}, "finite and >= 0, got -inf"),
        # what float() cannot hold, and what Python does not even print
        (10**400, {}, r"finite, got 10{96}\.\.\."),
        (Fraction(10**400, 3), {}, r"finite, got Fraction\(10+\.\.\."),
        (10**5000, {}, "finite, got one of type int"),
        (-1e-300, {"low": 0.0}, "finite and >= 0, got -1e-300"),
        (1.0, {"low": 0.0, "below": 1.0}, r"in \[0, 1\), got 1.0"),
        (-0.5, {"low": 0.0, "below": 1.0}, r"in \[0, 1\), got -0.5"),
        (np.nan, {"low": 0.0, "below": 1.0}, r"in \[0, 1\), got nan"),
    ],
    ids=lambda value: type(value).__name__,  # pytest cannot print every number
)
def test_number_outside_its_range_is_refused_with_the_range(value, limits, accepted):
    with pytest.raises(InvalidInputError, match=f"^rate must be {accepted}$"):
        number("rate", value, **limits)


def test_borders_of_a_range_belong_to_it_below_only():
    assert number("rate", 0, low=0.0, below=1.0) == 0
    assert number("rate", np.nextafter(1, 0), low=0.0, below=1.0) < 1


@pytest.mark.parametrize("value", [2.0, np.float64(2), "2", None, [2], np.array([2, 3]), 1j])
def test_what_is_no_whole_number_is_refused_as_one(value):
    with pytest.raises(InvalidTypeError, match=r"^n must be a whole number, got .* of type "):
        whole_number("n", value)


@pytest.mark.parametrize("value", [0, -3, True, False, np.True_, np.int8(-1)])
def test_whole_number_below_the_lowest_is_refused_and_so_is_a_truth_value(value):
    with pytest.raises((InvalidInputError, InvalidTypeError), match=r"^n must be a whole number"):
        whole_number("n", value)


@pytest.mark.parametrize(
    ("value", "limits", "accepted"),
    [
        (10**30, {}, r">= 1 and < 2\^63, got 10{30}"),
        (sys.maxsize + 1, {}, r">= 1 and < 2\^63, got 9223372036854775808"),
        (np.uint64(2**64 - 1), {"low": 0}, r">= 0 and < 2\^63, got np.uint64"),
        (10**5000, {}, r">= 1 and < 2\^63, got one of type int"),
        (-(10**5000), {}, ">= 1, got one of type int"),
        (21, {"low": 2, "high": 20}, "from 2 to 20, got 21"),
        (10**30, {"low": 2, "high": 20}, "from 2 to 20, got 10{30}"),
        (True, {"low": 0, "high": 20}, "from 0 to 20, got True"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whole_number_outside_its_range_is_refused_with_the_range(value, limits, accepted):
    with pytest.raises(InvalidInputError, match=f"^n must be a whole number {accepted}"):
        whole_number("n", value, **limits)


def test_largest_index_is_a_whole_number():
    assert whole_number("n", sys.maxsize) == sys.maxsize == np.iinfo(np.intp).max


@pytest.mark.parametrize("value", [32.0, np.float64(32), np.float32(32)])
def test_float_that_is_whole_is_refused_with_the_number_to_write(value):
    with pytest.raises(InvalidTypeError, match=r"^n must be a whole number, got .*; write 32$"):
        whole_number("n", value)


@pytest.mark.parametrize(
    "value",
    [2.5, -1.0, 0.0, 1e300, np.nan, np.inf, np.array(2.0), Decimal(2), Fraction(2), b"2", "2", {}],
    ids=lambda value: f"{type(value).__name__} {value!r:.20}",
)
def test_what_is_no_whole_number_in_range_is_not_offered_as_one(value):
    with pytest.raises(InvalidTypeError, match=r"^n must be a whole number, got .* of type \w+$"):
        whole_number("n", value)


def test_more_than_all_memory_is_refused_with_the_memory_there_is():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    check_memory("this", memory, "use less")
    with pytest.raises(InvalidInputError) as caught:
        check_memory("this", 2**70, "use less")
    assert str(caught.value) == (
        "this would take 1.1e+12 GiB, more than the memory of this machine, "
        f"{memory / 2**30:.3g} GiB; use less"
    )
    with pytest.raises(InvalidInputError, match="use less"):
        check_memory("this", 10**400, "use less")


@pytest.mark.parametrize("value", [0, 1, "yes", "", None, [], np.array(True), np.int8(1)])
def test_only_a_truth_value_is_a_switch(value):
    with pytest.raises(InvalidTypeError, match=r"^shuffle must be True or False, got "):
        switch("shuffle", value)
    assert switch("shuffle", np.True_) is True


# arrays


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "g", "i1", "u8", "?", ">f8"])
def test_array_of_real_numbers_is_passed_on_without_a_copy(dtype):
    values = np.ones((2, 3), dtype)
    assert as_numbers("X", values) is values


def test_sparse_matrix_is_refused_with_the_way_out_under_every_name():
    class Matrix:
        nnz = 3

        def toarray(self):
            raise AssertionError("a dense array may not fit into memory")

    for name in ("X", "validation X", "initial W of layer 1"):
        with pytest.raises(InvalidTypeError, match=rf"^{name} is a sparse Matrix.*\.toarray\(\)"):
            as_numbers(name, Matrix())


@pytest.mark.parametrize(
    ("value", "shape"), [(np.zeros((2, 3)), "(2, 3)"), (np.zeros(6), "(6,)"), (0.0, "()")]
)
def test_parameter_of_another_shape_is_refused_with_both_shapes(value, shape):
    with pytest.raises(InvalidInputError) as caught:
        parameter("W", value, (3, 2), np.float32)
    assert str(caught.value) == f"W must have shape (3, 2), got shape {shape}"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_parameter_that_is_not_finite_is_refused(bad, dtype):
    with pytest.raises(InvalidInputError, match=r"^W must be finite"):
        parameter("W", [1.0, bad], (2,), dtype)


def test_parameter_beyond_float32_is_refused_there_alone():
    with pytest.raises(InvalidInputError, match=r"range of float32 \(largest magnitude 1e\+39\)"):
        parameter("W", [1.0, -1e39], (2,), np.float32)
    assert parameter("W", [1.0, -1e39], (2,), np.float64).tolist() == [1.0, -1e39]
