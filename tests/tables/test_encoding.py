"""Text columns become numbers, the same ones again with every later table."""

import json

import numpy as np
import pytest

from deltaloop.errors import FileFormatError, InvalidInputError
from deltaloop.tables import FeatureEncoding, Table, looks_like_classes, read
from splitting import split

FLOWERS = "length,colour,species\n1.5,red,rose\n2,white,lily\n2.5,red,rose\n"


def text(*cells):
    return np.array(cells, dtype=object)


# --- encoding of features ---


def test_an_encoding_repeats_itself_on_a_later_table_in_any_order(write):
    encoding = FeatureEncoding.fit(read(write(FLOWERS)), exclude="species")
    later = read(write("extra,colour,length\n9,white,4\n9,white,5\n"))
    assert encoding.columns == (("length", None), ("colour", ("red", "white")))
    assert encoding.transform(later).tolist() == [[4, 0, 1], [5, 0, 1]]


def test_an_encoding_survives_json():
    encoding = FeatureEncoding((("a", None), ("b", ("u", "v"))))
    assert FeatureEncoding.from_dict(json.loads(json.dumps(encoding.to_dict()))) == encoding


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"columns": []},
        {"columns": "ab"},
        {"columns": [["a", None]]},
        {"columns": [{"name": "a"}]},
        {"columns": [{"name": 1, "categories": None}]},
        {"columns": [{"name": "a", "categories": []}]},
        {"columns": [{"name": "a", "categories": "uv"}]},
        {"columns": [{"name": "a", "categories": [1]}]},
    ],
)
def test_a_damaged_encoding_is_refused(data):
    with pytest.raises(
        FileFormatError, match=r"feature encoding is damaged: got .*; save the model"
    ):
        FeatureEncoding.from_dict(data)


def test_columns_without_names_are_taken_by_position():
    encoding = FeatureEncoding((("a", None), ("b", ("u", "v"))))
    rows = [np.array([3.0]), text("v")]
    assert encoding.transform(Table(("x1", "x2"), rows, named=False)).tolist() == [[3, 0, 1]]
    with pytest.raises(
        InvalidInputError, match=r"3 columns without names; .* exactly the 2 columns 'a'"
    ):
        encoding.transform(Table(("x1", "x2", "x3"), [*rows, rows[0]], named=False))


def test_generated_names_find_the_features_beside_a_first_target(write):
    encoding = FeatureEncoding.fit(read(write("9,1,2\n8,3,4\n")), exclude="x1")
    assert encoding.transform(read(write("7,5,6\n"))).tolist() == [[5, 6]]
    assert encoding.transform(read(write("5,6\n"))).tolist() == [[5, 6]]


def test_columns_that_a_sparse_table_lacks_are_zero(write):
    train = read(write("1 1:1 3:2\n", "t.svm"))
    encoding = FeatureEncoding.fit(train, exclude="label")
    assert encoding.transform(read(write("0 2:5\n", "t.svm"))).tolist() == [[0, 5, 0]]
    with pytest.raises(InvalidInputError, match="has no column 'age'"):
        FeatureEncoding((("age", None),)).transform(train)


def test_numbers_find_the_categories_that_are_written_so():
    encoding = FeatureEncoding((("n", ("1", "2.0", "3+")),))
    rows = Table(("n",), [np.array([2.0, 1.0])])
    assert encoding.transform(rows).tolist() == [[0, 1, 0], [1, 0, 0]]
    with pytest.raises(InvalidInputError, match=r"some of '01', '1' are the same number"):
        FeatureEncoding((("n", ("01", "1", "x")),)).transform(rows)


@pytest.mark.parametrize(
    ("columns", "values", "message"),
    [
        (
            ("a",),
            [np.zeros(1)],
            "has no column 'b'; it has 'a'; add .* 2 columns 'a', 'b' are needed",
        ),
        (("a", "b"), [text("1", "x"), text("u", "v")], "'a' .* must be numeric .* row 2 holds 'x'"),
        (
            ("a", "b"),
            [np.zeros(2), text("u", "w")],
            "row 2, column 'b' of 'table' holds w, which did not .* accepted are 'u', 'v'; correct",
        ),
        (("a", "b"), [np.zeros(2), np.array([1.0, 2.5])], r"row 1, column 'b' .* holds 1\.0"),
        (("a", "b"), [np.array([np.nan]), text("u")], "'a' .* 1 missing value, the first in row 1"),
        (("a", "b"), [np.zeros(2), text("u", "")], "'b' .* 1 missing value, the first in row 2"),
    ],
)
def test_a_later_table_that_does_not_fit_is_refused_with_the_cell(columns, values, message):
    encoding = FeatureEncoding((("a", None), ("b", ("u", "v"))))
    with pytest.raises(InvalidInputError, match=message):
        encoding.transform(Table(columns, values))


def test_a_text_column_may_have_100_values_and_no_more(write):
    for n in (100, 101):
        table = read(write("n,y\n" + "".join(f"v{k},1\n" for k in range(n))))
        if n == 100:
            assert split(table)[0].shape == (100, 100)
        else:
            with pytest.raises(
                InvalidInputError, match=r"'n' .* 101 different values, at most 100 .*'v0'"
            ):
                split(table)


def test_the_cell_that_spoils_a_numeric_column_is_named(write):
    rows = "".join(f"{'oops' if k == 150 else k},1\n" for k in range(200))
    with pytest.raises(
        InvalidInputError, match="first cell that is no number is 'oops' in row 151"
    ):
        split(read(write("n,y\n" + rows)))


def test_numbers_with_a_comma_are_no_categories():
    table = Table(("a", "b"), [text("1,5", "2"), np.zeros(2)])
    with pytest.raises(InvalidInputError, match=r"'a' .* with a comma, such as '1,5'; write them"):
        split(table)


def test_long_lists_are_shortened_in_messages(write):
    table = read(write(",".join(f"c{k}" for k in range(500)) + "\n" + "1," * 499 + "1\n"))
    with pytest.raises(InvalidInputError, match=r"'c7', \.\.\. \(500 in all\)$") as caught:
        split(table, "zzz")
    assert len(str(caught.value)) < 250 and len(repr(table)) < 250


def test_unknown_names_to_exclude_are_refused(write):
    with pytest.raises(InvalidInputError, match="has no column 'kind'"):
        FeatureEncoding.fit(read(write(FLOWERS)), exclude=["species", "kind"])


# --- classes or values ---


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (["a", "b"], True),
        (text("a", "b"), True),
        ([True, False], True),
        ([0, 1], True),
        ([[0.0], [1.0]], True),
        ([1, 2, 3], False),
        (np.arange(10).repeat(10), True),
        (np.arange(10).repeat(9), False),
        (np.arange(20).repeat(50), True),
        (np.arange(21).repeat(50), True),
        (np.arange(1, 27).repeat(10), True),  # letters
        (np.arange(1, 27).repeat(9), False),
        (np.arange(41).repeat(50), False),
        ((np.arange(10) ** 2).repeat(50), False),  # squares
        ([1, 2, 3, 5, 6, 7] * 20, True),  # a class that does not occur
        (np.repeat(np.arange(13), [90, 180, 180, 120, 60, 24, 8, 2, 1, 1, 1, 1, 1]), False),
        (np.arange(1980, 2010).repeat(50), False),  # years
        ([10, 20, 30] * 50, False),
        ([0.0, 1.0, 0.5], False),
        ([0.0, np.nan], False),
        ([0.0, np.inf], False),
        ([], False),
    ],
)
def test_text_booleans_and_few_close_whole_numbers_look_like_classes(y, classes):
    assert looks_like_classes(y) is classes


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros((3, 2)), r"y must be 1-d \(n_samples,\), got shape \(3, 2\)"),
        (1.0, r"got shape \(\)"),
        (np.zeros(3, complex), "text, booleans or numbers, got dtype complex128"),
        (np.array([{}, 1], dtype=object), "text, booleans or numbers, got dtype object"),
    ],
)
def test_targets_that_are_neither_are_refused(y, message):
    with pytest.raises(InvalidInputError, match=message):
        looks_like_classes(y)
