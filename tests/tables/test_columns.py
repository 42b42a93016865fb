"""What the cells of a column are: numbers in many forms, dates, text; units are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltaloop.errors import FileFormatError
from deltaloop.tables import Table, Text, columns, read
from deltaloop.tables.dates import date_forms
from deltaloop.tables.number_forms import FORMS, forms_of, sure_decimals, unit_of

NAN = np.nan


def column(write, *cells, delimiter=",", other="1", **options):
    """The column of these cells beside one of ones, and the notes about it."""
    quoted = [f'"{cell}"' if delimiter in cell else cell for cell in cells]
    rows = "".join(f"{cell}{delimiter}{other}\n" for cell in quoted)
    table = read(write(f"a{delimiter}b\n{rows}"), **options)
    return table.values[0], " ".join(table.notes)


@pytest.mark.parametrize(
    ("cells", "delimiter", "numbers", "note"),
    [
        (["1,5", "2"], ";", [1.5, 2], "has decimal commas, such as '1,5', which is 1.5"),
        (["1,5", "-2,25e1"], "\t", [1.5, -22.5], "has decimal commas"),
        (["1,5", "2,5"], ",", [1.5, 2.5], "has decimal commas"),
        (["1.234,5", "2"], ";", [1234.5, 2], "has points between thousands and decimal commas"),
        (["1,234.5", "2"], ",", [1234.5, 2], "has commas between thousands and decimal points"),
        (["1,234,567", "2"], ";", [1234567, 2], "commas between thousands"),
        (["1'234.5", "2"], ",", [1234.5, 2], "has apostrophes between thousands"),
        (["1 234,5", "12 345"], ";", [1234.5, 12345], "has blanks between thousands"),
        (["1\u00a0234,5", "2"], ";", [1234.5, 2], "has blanks between thousands"),
        (["1,234", "2,345"], ";", [1.234, 2.345], "if that is wrong, use decimal='.'"),
        (["1,234", "2,345"], ",", [1234, 2345], "if that is wrong, use decimal=','"),
        (["0,234", "2,345"], ",", [0.234, 2.345], "has decimal commas"),
    ],
)
def test_signs_in_numbers_are_decided_by_the_column(write, cells, delimiter, numbers, note):
    got, notes = column(write, *cells, delimiter=delimiter)
    assert got.tolist() == numbers and note in notes


def test_other_columns_settle_what_one_leaves_open(write):
    table = read(write("a;b\n1,234;1.5\n2,345;2.5\n"))
    assert table.values[0].tolist() == [1234, 2345] and "if that" not in table.notes[0]
    table = read(write("a;b\n1.234;1,5\n2.345;2,5\n"))
    assert table.values[0].tolist() == [1234, 2345] and "use decimal='.'" in table.notes[0]
    path = write("a;b\n1,234;1\n2,345;2\n")
    assert read(path, decimal=".").values[0].tolist() == [1234, 2345]
    assert read(path, decimal=",").values[0].tolist() == [1.234, 2.345]


@given(st.floats(-1e15, 1e15), st.sampled_from(FORMS))
def test_every_form_reads_what_it_writes(number, form):
    text = f"{number:,.3f}".replace(",", "T").replace(".", form.decimal)
    text = text.replace("T", form.thousands[:1])
    assert form.matches(text) and form.value(text) == float(f"{number:.3f}")
    plain = form.decimal == "." and abs(number) < 1000
    assert (form in forms_of([text])) != plain


def test_a_sign_is_sure_where_it_cannot_stand_between_thousands():
    assert sure_decimals(["1,5", "12"]) == {","} and sure_decimals(["0.125"]) == {"."}
    assert sure_decimals(["1,234", "1.234", "x"]) == set()
    assert sure_decimals(["1234,567"]) == {","} and sure_decimals(["1,234.5"]) == {"."}


def test_dates_with_points_settle_nothing(write):
    table = read(write("a;b;d\n150,5;1.200,00;13.05.2024\n120,25;980,00;02.06.2024\n"))
    assert [c.tolist() for c in table.values[:2]] == [[150.5, 120.25], [1200, 980]]
    assert not any("if that is wrong" in note for note in table.notes)


def test_numbers_of_different_forms_are_text(write):
    got, notes = column(write, "1,5", "2.5", "x", "3,5", "4.5", "1", delimiter=";")
    assert isinstance(got, Text) and "written in different ways, such as '1,5'" in notes


@pytest.mark.parametrize("marker", ["-", ".", "unknown", "#N/A", "*", "None", "NaT"])
def test_signs_for_what_is_missing_are_counted(write, marker):
    got, notes = column(write, "1", marker, "3", marker)
    np.testing.assert_array_equal(got, [1, NAN, 3, NAN])
    assert f"2 cells of column 'a' such as {marker!r} count as missing" in notes


def test_missing_cells_that_come_late_and_in_any_case_are_missing(write):
    cells = ["1"] * 3000 + ["na", "NULL", "n/A", "NaN", "?", ""]
    got, notes = column(write, *cells)
    assert np.isnan(got).sum() == 6 and got[:3000].tolist() == [1] * 3000 and not notes


@pytest.mark.parametrize("row", [2, 2500])
def test_a_word_among_numbers_makes_text_and_is_told_of(write, row):
    cells = [str(k) for k in range(3000)]
    cells[row] = "oops"
    got, notes = column(write, *cells)
    assert got.tolist() == cells
    assert f"counts as text because of 1 cell such as 'oops' in row {row + 1}" in notes


@pytest.mark.parametrize("row", [1, 2500])
def test_an_underscore_is_no_part_of_a_number(write, row):
    cells = [str(k) for k in range(3000)]
    cells[row] = "1_0"
    assert column(write, *cells)[0].tolist() == cells
    assert column(write, *cells, other="a_b")[0].tolist() == cells


def test_a_value_that_comes_late_is_one_of_the_values(write):
    got, _ = column(write, *["x", "y"] * 1500, "rare", "x_y", "  y  ")
    assert got.values == ("rare", "x", "x_y", "y") and got.counts().tolist() == [1, 1500, 1, 1501]


def test_a_column_without_cells_is_missing_numbers(write):
    assert np.isnan(column(write, "", "NA")[0]).all()
    assert column(write, "", "NA", text=["a"])[0].tolist() == ["", ""]


@pytest.mark.parametrize(
    ("cells", "unit", "first"),
    [
        (["5 kg", "6 kg"], "kg", "'5 kg' in row 1"),
        (["5", "12%"], "%", "'12%' in row 2"),
        (["$5", "$6.50"], "\\$", "'\\$5' in row 1"),
        (["5\u20ac", "1,5 \u20ac"], "\u20ac", "row 1"),
        (["20\u00b0C", "21\u00b0C"], "\u00b0C", "row 1"),
        (["3 m/s", "4 m/s"], "m/s", "row 1"),
        ([*map(str, range(2000)), *(f"{k} %" for k in range(100))], "%", "'0 %' in row 2001"),
    ],
)
def test_units_are_refused_with_the_cell(write, cells, unit, first):
    with pytest.raises(FileFormatError, match=f"'a' .* numbers with '{unit}', such as .*{first}"):
        column(write, *cells, delimiter=";")
    assert column(write, *cells, delimiter=";", text=["a"])[0].tolist() == cells
    assert column(write, *cells, delimiter=";", text="1")[0].tolist() == cells


def test_letters_that_few_numbers_have_are_no_unit(write):
    assert isinstance(column(write, "12", "13", "12a", "14")[0], Text)
    assert isinstance(column(write, "1st", "2nd", "3rd")[0], Text)
    assert unit_of("12 rue") == "rue" and unit_of("12") is None and unit_of("A4") is None


@pytest.mark.parametrize(
    ("cells", "dates", "note"),
    [
        (["2020-01-02", "NA"], ["2020-01-02", "NaT"], ""),
        (["2020-01-02 03:04:05.5", "2020-01-03T00:00"],
         ["2020-01-02T03:04:05.5", "2020-01-03"], ""),
        (["2020-01-02T10:00:00+02:00", "2020-01-02T10:00:00Z"],
         ["2020-01-02T08:00", "2020-01-02T10:00"], ""),
        (["2020/1/2", "2020/01/13"], ["2020-01-02", "2020-01-13"], ""),
        (["2020-01", "2020-12"], ["2020-01-01", "2020-12-01"], ""),
        (["13/01/2020", "02/03/2020"], ["2020-01-13", "2020-03-02"], ""),
        (["1/13/20", "2/3/99"], ["2020-01-13", "1999-02-03"],
         "years of two digits in column 'a'"),
        (["1/2/2020", "2/3/2020"], ["2020-01-02", "2020-02-03"],
         "taken as month/day/year; they could be day/month/year"),
        (["1.2.2020", "2.3.2020"], ["2020-02-01", "2020-03-02"],
         "taken as day.month.year; they could be month.day.year"),
        (["13-01-2020", "1-2-2020"], ["2020-01-13", "2020-02-01"], ""),
        (["1/13/2020 3:15 PM", "2/3/2020 11:00 AM"], ["2020-01-13T15:15", "2020-02-03T11:00"], ""),
        (["Jan 5 2020", "Feb 12, 2021"], ["2020-01-05", "2021-02-12"], ""),
        (["January 5, 2020", "May 1, 2020"], ["2020-01-05", "2020-05-01"], ""),
        (["5 Jan 2020", "12-Feb-2021"], ["2020-01-05", "2021-02-12"], ""),
        (["12-Jun-98", "13-Jul-01"], ["1998-06-12", "2001-07-13"],
         "years of two digits in column 'a'"),
        (["3. October 1990", "9. November 1989"], ["1990-10-03", "1989-11-09"], ""),
        (["Mar 1999", "Apr 1999"], ["1999-03-01", "1999-04-01"], ""),
        (["2020-01-02", "-", "2020-01-04"], ["2020-01-02", "NaT", "2020-01-04"],
         "1 cell of column 'a' such as '-' counts as missing"),
    ],
)  # fmt: skip
def test_dates_become_dates(write, cells, dates, note):
    got, notes = column(write, *cells, delimiter=";")
    assert got.dtype == "datetime64[us]"
    np.testing.assert_array_equal(got, np.array(dates, "datetime64[us]"))
    assert note in notes and bool(note) == bool(notes)


def test_a_zone_that_comes_late_is_heeded(write):
    for other in ("1", "10:30"):
        got, _ = column(write, *["2020-01-02"] * 2000, "2020-01-02 10:00-05:00", other=other)
        assert got.dtype == "datetime64[us]" and got[2000] == np.datetime64("2020-01-02T15:00")


@pytest.mark.parametrize("late", ["2020-13-01", "tomorrow", "2020-02-30"])
def test_what_is_no_date_among_dates_makes_text(write, late):
    cells = ["2020-01-02"] * 2000 + [late]
    got, notes = column(write, *cells)
    assert got.tolist() == cells
    assert f"counts as text because of 1 cell such as {late!r} in row 2001, which is no d" in notes


def test_dates_of_no_calendar_are_told(write):
    got, notes = column(write, "28.02.2020", "30.02.2020", "13.04.2021", "30.02.2020")
    assert isinstance(got, Text)
    assert "because of 2 cells such as '30.02.2020' in row 2, which is no date" in notes


def test_the_century_of_two_digits_is_told(write):
    got, notes = column(write, "18/05/68", "19/05/69")
    np.testing.assert_array_equal(got, np.array(["2068-05-18", "1969-05-19"], "datetime64[us]"))
    assert "00 to 68 count as 2000 to 2068, 69 to 99 as 1969 to 1999" in notes


def test_a_number_above_12_far_below_settles_the_order(write):
    got, notes = column(write, *["1/2/2020"] * 2000, "25/2/2020")
    assert got[0] == np.datetime64("2020-02-01") and not notes
    assert isinstance(column(write, *["1/2/2020"] * 2000, "25/2/2020", "2/25/2020")[0], Text)


def test_words_and_numbers_are_no_dates():
    for cells in (["10:30", "11:45"], ["20200102"], ["a b c 1 2"], ["1/2"], []):
        assert date_forms(cells) == ()


def test_many_columns_are_fetched_in_parts(write, monkeypatch):
    monkeypatch.setattr(columns, "_AT_ONCE", 3)
    table = read(write('1,2,x,4,5,y,"7,0"\n2,3,x,5,6,z,"8,0"\n'))
    assert [c.tolist()[1] for c in table.values] == [2, 3, "x", 5, 6, "z", 8]


@pytest.mark.parametrize(
    ("cell", "kind"),
    [("", "missing"), ("1.5", "number"), ("2024-02-29", "date"), ("12:30", "date"),
     ("5 km", "unit"), ("red", "word")],
)  # fmt: skip
def test_kinds_of_cells(cell, kind):
    from deltaloop.tables.headers import kind_of

    assert kind_of(cell) == kind


def test_columns_of_the_same_name_are_told_by_their_places():
    with pytest.raises(FileFormatError, match=r"two columns named 'a' \(columns 1 and 3\)"):
        Table(("a", "b", "a"), [np.zeros(1)] * 3, "t.csv")
