"""A column of text is a number a row, and every value once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltaloop.errors import FileFormatError, InvalidInputError, InvalidTypeError
from deltaloop.tables import Table, Text


@given(st.lists(st.one_of(st.none(), st.text(max_size=3))))
def test_cells_come_back_in_their_rows(cells):
    column = Text.of(cells)
    assert column.tolist() == list(column) == [cell or "" for cell in cells]
    assert list(column.values) == sorted({cell for cell in cells if cell})
    assert column.codes.dtype == np.int32 and len(column) == column.size == len(cells)
    assert column.counts().tolist() == [cells.count(value) for value in column.values]
    assert column.missing.tolist() == [not cell for cell in cells]
    as_array = np.asarray(column)
    assert as_array.dtype == object and as_array.tolist() == column.tolist()


def test_rows_of_a_column_keep_all_values():
    column = Text.of(["b", "a", "", "b"])
    assert column[0] == "b" and column[-2] == ""
    for part in (column[1:3], column[[1, 2]], column.take([1, 2]), column[column.codes < 1]):
        assert part.tolist() == ["a", ""] and part.values == ("a", "b")
        assert part.counts().tolist() == [1, 0]
    assert repr(column) == "Text(4 rows, 2 values 'a', 'b', 1 missing)"
    assert repr(Text.of(map(str, range(9)))).endswith("'7', ...)")


@pytest.mark.parametrize(
    ("codes", "values", "message"),
    [
        ([[0]], ("a",), r"codes must have the shape \(n_rows,\), got \(1, 1\)"),
        ([1], ("a",), "codes must be from -1 to 0, got 1 to 1"),
        ([-2, 0], ("a",), "codes must be from -1 to 0, got -2 to 0"),
        ([0], ("a", "a"), r"values must be different texts .* got \('a', 'a'\)"),
        ([0], ("",), "that are not empty"),
    ],
)
def test_codes_without_a_value_are_refused(codes, values, message):
    with pytest.raises(InvalidInputError, match=message):
        Text(np.array(codes), values)


def test_cells_that_are_no_text_are_refused_with_the_row():
    with pytest.raises(InvalidTypeError, match=r"holds 3 in row 2; every cell must be a str"):
        Text.of(["a", 3])


def test_a_table_makes_one_of_three_forms_of_every_array():
    day = np.array(["2020-01-02", "NaT"], dtype="datetime64[D]")
    table = Table(
        ("i", "b", "d", "o", "u"),
        [np.array([1, 2]), np.array([True, False]), day, np.array(["x", ""], object),
         np.array(["x", "y"])],
    )  # fmt: skip
    whole, truth, date, objects, text = table.values
    assert whole.dtype == truth.dtype == np.float64 and truth.tolist() == [1, 0]
    assert date.dtype == "datetime64[us]" and np.isnat(date).tolist() == [False, True]
    assert isinstance(objects, Text) and objects.tolist() == ["x", ""]
    assert text.tolist() == ["x", "y"] and table.column("u").dtype == object
    part = table.take(np.array([1]))
    assert [c.tolist() for c in part.values][3:] == [[""], ["y"]] and part.columns == table.columns
    with pytest.raises(InvalidTypeError, match="column 'c' of 'table' has the dtype complex128"):
        Table(("c",), [np.zeros(1, complex)])
    with pytest.raises(
        InvalidInputError, match=r"column 'd' .* 1 missing value, the first in row 2"
    ):
        table.column("d")
    with pytest.raises(FileFormatError, match=r"'o' of 'table' must have the shape \(n_rows,\)"):
        Table(("o",), [np.zeros((2, 2))])
