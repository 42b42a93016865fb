"""Data frames of every library become the same table."""

import datetime
import re
import sys
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from deltaloop.errors import InvalidInputError, InvalidTypeError, MissingDependencyError
from deltaloop.tables import Table, Text, from_frame

DAY = datetime.datetime(2020, 1, 2, 3)
COLUMNS = {
    "n": [1, None, 3],
    "x": [0.5, 1.5, None],
    "t": ["b", None, "a"],
    "truth": [True, None, False],
    "day": [DAY, None, DAY],
}


class Capsule:
    """Nothing but the Arrow interface of a frame."""

    def __init__(self, frame):
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema=None):
        return self.frame.__arrow_c_stream__(requested_schema)


def check(table):
    """Whether the table is the one of COLUMNS."""
    n, x, t, truth, day = table.values
    assert table.columns == tuple(COLUMNS) and table.named and table.n_rows == 3
    np.testing.assert_array_equal(n, [1, np.nan, 3])
    np.testing.assert_array_equal(x, [0.5, 1.5, np.nan])
    assert t.tolist() == ["b", "", "a"] and t.values == ("a", "b")
    assert truth.tolist() == ["true", "", "false"] and truth.values == ("false", "true")
    np.testing.assert_array_equal(day, np.array([DAY, None, DAY], "datetime64[us]"))
    assert n.dtype == x.dtype == np.float64 and day.dtype == "datetime64[us]"


def test_a_dict_needs_no_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "narwhals", None)
    check(from_frame(COLUMNS))
    arrays = {name: np.array(cells, dtype=object) for name, cells in COLUMNS.items()}
    check(from_frame(arrays))


def test_frames_of_polars_and_what_is_lazy():
    frame = pl.DataFrame(COLUMNS)
    check(from_frame(frame))
    check(from_frame(frame.lazy()))
    check(from_frame({name: frame[name] for name in frame.columns}))
    table = from_frame(frame.select(pl.col("n").cast(pl.Decimal(9, 2))))
    np.testing.assert_array_equal(table.values[0], [1, np.nan, 3])


def test_frames_of_pandas():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(COLUMNS)
    check(from_frame(frame))
    check(from_frame(frame.convert_dtypes()))
    kinds = frame.assign(t=frame["t"].astype("category"))
    check(from_frame(kinds))
    odd = pd.DataFrame({0: [1, 2], "m": pd.Categorical([3, 1])})
    table = from_frame(odd)
    assert table.columns == ("0", "m") and table.values[1].tolist() == ["3", "1"]
    order = pd.Categorical(["low", "high", None], ["low", "mid", "high"], ordered=True)
    column = from_frame(pd.DataFrame({"o": order})).values[0]
    assert column.values == ("low", "mid", "high") and column.codes.tolist() == [0, 2, -1]
    zone = pd.Series(pd.to_datetime(["2020-01-02T10:00+02:00", None]))
    assert from_frame(pd.DataFrame({"z": zone})).values[0][0] == np.datetime64("2020-01-02T08:00")


def test_tables_of_arrow_and_what_speaks_its_language():
    pa = pytest.importorskip("pyarrow")
    frame = pa.table(COLUMNS)
    check(from_frame(frame))
    check(from_frame(Capsule(frame)))


def test_what_has_the_arrow_interface_is_a_frame():
    check(from_frame(Capsule(pl.DataFrame(COLUMNS))))


def test_ordered_categories_keep_their_order():
    sizes = pl.Series(["low", "high", None], dtype=pl.Enum(["low", "mid", "high"]))
    column = from_frame(pl.DataFrame({"o": sizes})).values[0]
    assert column.values == ("low", "mid", "high") and column.codes.tolist() == [0, 2, -1]
    plain = pl.Series(["y", "x"], dtype=pl.Categorical)
    assert from_frame(pl.DataFrame({"o": plain})).values[0].values == ("x", "y")


def test_times_with_a_zone_are_in_utc():
    zone = datetime.timezone(datetime.timedelta(hours=2))
    local = DAY.replace(tzinfo=zone)
    for frame in ({"z": [local]}, pl.DataFrame({"z": [local]})):
        assert from_frame(frame).values[0][0] == np.datetime64("2020-01-02T01:00")


def test_arrays_of_any_dtype_are_columns():
    fields = [("i", "i2"), ("b", "?"), ("s", "S2"), ("u", "U2"), ("m", "M8[D]")]
    array = np.array([(1, True, b"x", "y", "2020-01-02")], dtype=fields)
    table = from_frame(array)
    assert table.columns == ("i", "b", "s", "u", "m")
    assert [np.asarray(c).tolist()[0] for c in table.values[:4]] == [1, "true", "x", "y"]
    assert table.values[4][0] == np.datetime64("2020-01-02")
    assert from_frame(table) is table
    given = {"t": Text.of(["a"]), "d": [Decimal("1.5")], "e": [np.float32(2)]}
    assert [c.tolist() for c in from_frame(given).values] == [["a"], [1.5], [2]]
    assert from_frame({"n": [None, np.nan]}).values[0].dtype == np.float64


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([1, "x"], r"'a' of 'the data frame' holds 1 \(int\) and 'x' \(str\); give numbers"),
        ([[1], [2]], r"holds \[\d\] \(list\)"),
        ("text", "holds 'text', which is no sequence"),
        (3, "holds 3, which is no sequence"),
        (np.zeros((1, 2)), r"an array of the shape \(1, 2\)"),
        (np.zeros(1, complex), "values of the dtype complex128"),
        (np.zeros(1, "m8[s]"), "values of the dtype timedelta64"),
        (np.array([b"\xff"]), "bytes that are no UTF-8"),
    ],
)
def test_columns_that_no_table_can_hold_are_refused(column, message):
    with pytest.raises(InvalidInputError, match=message):
        from_frame({"a": column})


def test_all_columns_that_do_not_fit_are_told_at_once():
    frame = pl.DataFrame({"a": [[1]], "b": [1], "c": [datetime.timedelta(1)]})
    with pytest.raises(InvalidInputError, match=r"has 2 problems: \(1\) column 'a' .*'c'"):
        from_frame(frame)


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        (3, InvalidTypeError, "expected a data frame, a dict of columns .*, got 3"),
        (np.zeros((2, 2)), InvalidTypeError, "an array must have named fields .* float64"),
        ({}, InvalidInputError, "has no columns"),
    ],
)
def test_what_is_no_frame_is_refused(frame, error, message):
    with pytest.raises(error, match=message):
        from_frame(frame)


def test_without_narwhals_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "narwhals", None)
    with pytest.raises(MissingDependencyError, match=r"package .narwhals., .*deltaloop\[frames\]"):
        from_frame(pl.DataFrame(COLUMNS))


def test_the_source_is_what_was_given():
    table = from_frame({"a": [1, 2]}, source="mine")
    assert isinstance(table, Table) and table.source == "mine"


def test_an_odd_one_is_named_beside_a_value_of_another_kind():
    for cells, said in (
        ([1, "a", None, 2.5], "holds 1 (int) and 'a' (str)"),
        ([2.5, 1, True, "x"], "holds 2.5 (float) and "),
        ([["a"], ["b"]], "holds ['a'] (list);"),
    ):
        with pytest.raises(InvalidInputError, match=re.escape(said)):
            from_frame({"x": cells, "y": [1, 2, 3, 4][: len(cells)]})
