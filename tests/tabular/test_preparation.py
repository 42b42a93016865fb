"""What becomes of columns: the rules, the notes, later tables, and the JSON form."""

import json

import numpy as np
import pytest

from deltaloop.errors import DeltaloopWarning, FileFormatError, InvalidInputError
from deltaloop.tables import FeatureEncoding, Table
from deltaloop.tabular import Preparation, of_metadata
from deltaloop.tabular.columns import Hashed, places_of
from deltaloop.tabular.targets import class_numbers


def text(*cells):
    return np.array(cells, object)


def table(**columns):
    return Table(tuple(columns), list(columns.values()))


def fitted(**columns):
    return Preparation.fit(table(**columns))


def note(preparation, name):
    return next(one for one in preparation.notes if one.startswith(f"{name}: "))


def test_a_single_name_is_that_of_one_column():
    rows = table(ab=np.array([1.5, 2, 7]), a=np.array([3.5, 1, 2]), b=np.array([0.0, 1, 4]))
    assert Preparation.fit(rows, "ab").inputs == ("a", "b")
    assert Preparation.fit(rows, ignore="ab").inputs == ("a", "b")
    assert "ab" in Preparation.fit(rows, ["a"], keep="ab").inputs


def test_number_is_scaled_by_median_and_quartiles_and_clipped_smoothly():
    values = np.array([4.0, 1.0, 2.0, 3.0, 1000.0])
    X = fitted(a=values).transform(table(a=values))
    scaled = (values - 3) / (4 - 2)
    np.testing.assert_allclose(X[:, 0], scaled / np.sqrt(1 + (scaled / 3) ** 2), rtol=1e-6)


def test_number_whose_quartiles_meet_is_scaled_by_its_range():
    values = np.array([0.0, 0, 0, 0, 0, 0, 0, 2, 4])
    X = fitted(a=values).transform(table(a=values))
    assert X[-1, 0] == pytest.approx(2 / np.sqrt(1 + (2 / 3) ** 2))


def test_two_numbers_become_minus_1_and_1():
    assert fitted(a=np.array([7.0, 9.0, 9.0])).transform(
        table(a=np.array([9.0, 7.0]))
    ).tolist() == [
        [1.0],
        [-1.0],
    ]


def test_two_texts_become_minus_1_and_1():
    preparation = fitted(a=text("no", "yes", "no", "no"))
    assert preparation.transform(table(a=text("yes", "no"))).tolist() == [[1.0], [-1.0]]


def test_categories_are_one_hot():
    cells = text("b", "a", "c", "b", "a", "c")
    preparation = fitted(a=cells)
    assert preparation.inputs == ("a=a", "a=b", "a=c")
    np.testing.assert_array_equal(preparation.transform(table(a=cells))[:3], np.eye(3)[[1, 0, 2]])


def test_few_whole_numbers_have_an_input_for_each_as_well():
    values = np.tile([1.0, 2, 4], 5)
    preparation = fitted(a=values, b=values + 0.5)
    assert preparation.inputs == ("a", "a=1", "a=2", "a=4", "b")
    X = preparation.transform(table(a=np.array([4.0, 3.0]), b=np.zeros(2)))
    assert X[:, 1:4].tolist() == [[0, 0, 1], [0, 0, 0]]
    assert "and an input for each of its 3 values" in note(preparation, "a")
    assert fitted(a=values[:14]).inputs == ("a",)


def test_missing_number_becomes_the_median_with_an_indicator():
    values = np.array([1.0, np.nan, 2.0, 4.0])
    preparation = fitted(a=values)
    X = preparation.transform(table(a=values))
    assert X[1].tolist() == [0.0, 1.0] and X[2, 0] == 0.0 and X[0, 1] == 0.0
    assert "1 missing cell becomes the median, with an indicator" in note(preparation, "a")


def test_missing_category_is_a_value_of_its_own():
    preparation = fitted(a=text("x", "y", "", "x", "y", "x"))
    assert preparation.inputs == ("a=missing", "a=x", "a=y")
    assert preparation.transform(table(a=text(""))).tolist() == [[1.0, 0.0, 0.0]]


def test_missing_number_of_later_rows_is_warned_of():
    preparation = fitted(a=np.array([1.0, 2.0, 4.0]))
    with pytest.warns(DeltaloopWarning, match="'a' has 2 missing cells, and had none in training"):
        X = preparation.transform(table(a=np.array([np.nan, 2.0, np.nan])))
    assert X.tolist() == [[0.0]] * 3


def test_unseen_category_is_zeros_and_warned_of_once_with_its_count():
    preparation = fitted(a=text("x", "y", "z", "x", "y", "z"))
    with pytest.warns(DeltaloopWarning, match="2 cells with a value that did not occur") as seen:
        X = preparation.transform(table(a=text("v", "x", "w")))
    assert len(seen) == 1
    assert X.tolist() == [[0.0, 0, 0], [1, 0, 0], [0, 0, 0]]


def test_unseen_category_of_two_is_zero():
    with pytest.warns(DeltaloopWarning, match="1 cell with a value"):
        X = fitted(a=text("x", "y", "x", "y")).transform(table(a=text("z")))
    assert X.tolist() == [[0.0]]


@pytest.mark.parametrize(
    "values",
    [np.arange(6.0), np.arange(1.0, 7.0), np.array([3.0, 1, 2, 6, 5, 4])],
    ids=["from 0", "from 1", "in any order"],
)
def test_column_that_counts_rows_is_dropped_and_said(values):
    preparation = fitted(a=values, b=np.array([1.0, 5, 2, 2, 8, 4]))
    assert preparation.names == ("b",)
    assert "counts rows" in note(preparation, "a") and "counts rows" in preparation.dropped["a"]


@pytest.mark.parametrize("name", ["Unnamed: 0", "", "id", "PassengerId", "row_id", "rownames"])
def test_ascending_column_with_the_name_of_an_index_is_dropped(name):
    rows = Table((name, "b"), [np.array([892.0, 893, 901, 902]), np.array([1.0, 5, 2, 2])])
    assert Preparation.fit(rows).names == ("b",)


@pytest.mark.parametrize(
    "values", [[1900.0, 1901, 1902, 1903], [1.0, 2, 4, 5], [0.5, 1.5, 2.5, 3.5]]
)
def test_other_ascending_columns_are_inputs(values):
    assert "year" in fitted(year=np.array(values), b=np.array([1.0, 5, 2, 2])).names


def test_row_numbers_alone_are_better_than_nothing():
    preparation = fitted(a=np.arange(9.0))
    assert preparation.names == ("a",) and "the only input" in note(preparation, "a")


def test_names_and_free_text_are_dropped_and_kept_on_request():
    rows = table(a=text("ann", "bob", "eve", "ann"), b=np.array([1.0, 5, 2, 2]))
    assert Preparation.fit(rows).names == ("b",)
    assert "3 different values in 4 rows" in Preparation.fit(rows).dropped["a"]
    assert Preparation.fit(rows, keep=["a"]).names == ("a", "b")


def test_row_numbers_are_kept_on_request():
    rows = table(a=np.arange(4.0), b=np.array([1.0, 5, 2, 2]))
    assert Preparation.fit(rows, keep=["a"]).names == ("a", "b")


def test_constant_and_empty_columns_are_dropped():
    preparation = fitted(
        a=np.ones(4), b=np.full(4, np.nan), c=text("x", "x", "x", "x"), d=text("", "", "", ""),
        e=np.array([1.0, 5, 2, 2]),
    )  # fmt: skip
    assert preparation.names == ("e",) and set(preparation.dropped) == set("abcd")


def test_ignored_columns_and_targets_are_no_inputs():
    rows = table(a=np.array([1.0, 5, 2]), b=np.array([1.0, 5, 2]), c=np.array([1.0, 5, 2]))
    preparation = Preparation.fit(rows, ["c"], ignore=["b"])
    assert preparation.names == ("a",)
    assert [one.partition(":")[0] for one in preparation.notes] == ["a", "b"]


def test_many_categories_leave_one_input_for_the_rare():
    cells = text(*[f"v{k % 150:03}" for k in range(400)])
    preparation = fitted(a=cells)
    assert len(preparation.inputs) == 101 and "the 100 most frequent" in note(preparation, "a")
    X = preparation.transform(table(a=cells))
    assert (X.sum(axis=1) == 1).all() and X[149, -1] == 1


def test_dates_become_their_parts():
    days = np.array(["2024-02-29T06", "2024-03-01T06", "2025-03-03T18"], "datetime64[us]")
    preparation = fitted(a=days)
    assert preparation.inputs == ("a year", "a month", "a day of week", "a hour", "a days")
    X = preparation.transform(table(a=days))
    assert X[:, 0].tolist() == [-1, -1, 1] and X[:, 1].tolist() == [-1, 1, 1]
    assert X[2, 2] < X[0, 2] < X[1, 2]  # Monday, Thursday, Friday


def test_missing_date_is_indicated():
    days = np.array(["2024-02-29", "NaT", "2025-03-03", "2025-04-03"], "datetime64[us]")
    preparation = fitted(a=days)
    assert preparation.inputs[-1] == "a missing"
    assert preparation.transform(table(a=days))[:, -1].tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("unit", [1e-300, 1e-18, 1e18, 1e30, 1e140])
def test_numbers_may_have_any_unit(unit):
    values = np.array([1.0, 2.0, 3.0, 4.0, 7.0])
    expected = fitted(mass=values).transform(table(mass=values))
    X = fitted(mass=values * unit).transform(table(mass=values * unit))
    np.testing.assert_allclose(X[:, 0], expected[:, 0], rtol=1e-12)


def test_infinite_number_is_at_the_limit():
    values = np.array([1.0, 2, 3, 4, np.inf, -np.inf])
    X = fitted(a=values).transform(table(a=values))
    assert np.isfinite(X).all() and X[4, 0] == pytest.approx(3) and X[5, 0] == pytest.approx(-3)


def test_hash_of_a_value_is_its_crc():
    rows = table(a=text(*[f"n{k}" for k in range(9)]), b=np.arange(9.0) ** 2)
    X = Preparation.fit(rows, encode={"a": "hash"}).transform(rows)
    import zlib

    assert X[3, zlib.crc32(b"n3") % 64] == 1 and X[:, :64].sum() == 9


def test_mean_of_targets_leaves_the_own_row_out_in_training():
    rows, y = table(a=text("x", "x", "y", "y")), np.array([[1.0], [3.0], [0.0], [0.0]])
    preparation, X = Preparation.fit_transform(rows, encode={"a": "target"}, y=y)
    assert X[0, 0] == pytest.approx((3 + 10 * 1) / 11)  # the mean of all is 1
    assert preparation.transform(rows)[0, 0] == pytest.approx((4 + 10 * 1) / 12)


def test_columns_are_found_by_name_in_any_order():
    rows = table(a=np.array([1.0, 5, 2]), b=text("x", "y", "x"))
    preparation = Preparation.fit(rows)
    turned = Table(("more", "b", "a"), [np.ones(3), rows.values[1], rows.values[0]])
    np.testing.assert_array_equal(preparation.transform(turned), preparation.transform(rows))


def test_table_without_names_is_taken_by_position():
    rows = table(a=np.array([1.0, 5, 2]), b=np.array([7.0, 5, 5]))
    preparation = Preparation.fit(rows)
    bare = Table(("x1", "x2"), rows.values, named=False)
    np.testing.assert_array_equal(preparation.transform(bare), preparation.transform(rows))
    with pytest.raises(InvalidInputError, match="exactly the 2 columns 'a', 'b'"):
        preparation.transform(Table(("x1",), rows.values[:1], named=False))


def test_numbers_and_their_texts_are_the_same_categories():
    preparation = fitted(a=text("1", "2", "3+", "1", "2", "3+"))
    X = preparation.transform(table(a=np.array([2.0, 1.0])))
    assert X.tolist() == [[0, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p, t: p.transform(table(b=np.ones(2))), "has no column 'a'"),
        (
            lambda p, t: p.transform(table(a=text("x", "4"))),
            "must be numeric as in training, row 1",
        ),
        (lambda p, t: Preparation.fit(t, ["a"], keep=["a"]), "'a' is a target"),
        (lambda p, t: Preparation.fit(t, ["a"]), "no column of 'table' is left as an input"),
        (lambda p, t: Preparation.fit(t, encode={"a": "hush"}), "did you mean 'hash'"),
        (lambda p, t: Preparation.fit(t, ignore=["b"]), "has no column 'b'"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    rows = table(a=np.array([1.0, 5, 2]))
    with pytest.raises(InvalidInputError, match=message):
        call(Preparation.fit(rows), rows)


def test_places_of_a_hash_are_a_number_below_a_million():
    for n in (1, 10**6 - 1):
        Hashed("a", n).check()
    for n in (0, 10**6, 2.0, True):
        with pytest.raises(ValueError, match="number of places"):
            Hashed("a", n).check()


def test_numbers_are_classes_by_their_values():
    column = np.array([3.0, 1.0, 3.0, 7.5])
    assert class_numbers(column, [1.0, 3.0]).tolist() == [1, 0, 1, -1]
    assert class_numbers(column, [7.5, 3.0, 1.0]).tolist() == [1, 2, 1, 0]
    assert class_numbers(column.astype(np.int64), ["3", "1", "7"]).tolist() == [0, 1, 0, 2]


def test_means_of_targets_are_numbered_where_there_are_several():
    rows = table(a=text(*"xyxyxyxy"), b=np.arange(8.0))
    for n, names in ((1, ["a mean"]), (2, ["a mean 1", "a mean 2"])):
        y = np.arange(8.0 * n).reshape(8, n)
        preparation = Preparation.fit(rows, encode={"a": "target"}, y=y)
        assert list(preparation.inputs[:n]) == names


def everything():
    n = 12
    days = np.datetime64("2024-01-30") + np.arange(n).astype("timedelta64[D]")
    return table(
        number=np.where(np.arange(n) == 3, np.nan, np.arange(n) ** 2.0),
        two=np.arange(n) % 2 + 3.0,
        word=text(*["abc"[k % 3] for k in range(n)]),
        day=days.astype("datetime64[us]"),
        name=text(*[f"n{k}" for k in range(n)]),
        place=text(*[f"p{k % 5}" for k in range(n)]),
    )


def test_json_keeps_everything():
    rows = everything()
    y = np.arange(12.0)[:, None]
    encode = {"name": "hash", "place": "target"}
    preparation = Preparation.fit(rows, encode=encode, y=y)
    again = Preparation.from_dict(json.loads(json.dumps(preparation.to_dict())))
    assert again.columns == preparation.columns and again.notes == preparation.notes
    np.testing.assert_array_equal(again.transform(rows), preparation.transform(rows))


def test_encoding_of_earlier_versions_is_read():
    rows = table(size=np.array([1.0, 2.0]), colour=text("red", "blue"))
    encoding = FeatureEncoding.fit(rows)
    preparation = of_metadata({"encoding": encoding.to_dict(), "target": "x"})
    np.testing.assert_array_equal(preparation.transform(rows), encoding.transform(rows))
    with pytest.raises(InvalidInputError, match="missing or infinite"):
        preparation.transform(table(size=np.array([np.nan]), colour=text("red")))
    assert of_metadata(None) is of_metadata({"mine": 1}) is None


def damaged(change):
    data = json.loads(json.dumps(Preparation.fit(everything()).to_dict()))
    change(data)
    return data


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(columns=[]),
        lambda d: d.update(version=99),
        lambda d: d.update(notes=3),
        lambda d: d["columns"][0].update(kind="odd"),
        lambda d: d["columns"][0]["scale"].update(spread=0),
        lambda d: d["columns"][0]["scale"].update(center="x"),
        lambda d: d["columns"][0].pop("scale"),
        lambda d: d["columns"][0].update(more=1),
        lambda d: d["columns"][0].update(levels=[1.0, None]),
        lambda d: d["columns"][0].update(levels=[float("nan")]),
        lambda d: d["columns"][2].update(values=["a", "a"]),
        lambda d: d["columns"][2].update(values=[1, 2]),
        lambda d: d["columns"][3].update(first="yesterday"),
        lambda d: d["columns"][3].update(parts=["age"]),
    ],
)
def test_damaged_json_is_refused(change):
    with pytest.raises(FileFormatError):
        Preparation.from_dict(damaged(change))


def test_places_of_numbers_that_are_written_otherwise():
    values = ("1.0", "2", "3+", "")
    assert places_of(["1", "2.0", "3+", "4", "", "inf"], values).tolist() == [0, 1, 2, -1, 3, -1]
    assert places_of(["2", "3+"], values).tolist() == [1, 2]
