"""Tables as people have them: exports of programs and instruments, with all that is around rows."""

import datetime
import re

import numpy as np
import pytest

from deltaloop.errors import FileFormatError, InvalidInputError, InvalidTypeError
from deltaloop.tables import Text, batches, read
from deltaloop.tables.number_forms import CLOCK, FORTRAN
from deltaloop.tables.rewriting import number_in
from deltaloop.tables.tops import is_footer, is_rule

NAN = np.nan
BODY = "".join(f"{k / 4},{k % 5},{'pq'[k % 2]}\n" for k in range(12))


def column(write, *cells, header="a;b\n", **options):
    """The first of two columns, and the notes."""
    table = read(
        write(header + "".join(f"{cell};{k}\n" for k, cell in enumerate(cells))), **options
    )
    return table.values[0], " ".join(table.notes)


@pytest.mark.parametrize(
    ("cells", "numbers", "example"),
    [
        (["1:23:45", "0:00:01.5"], [5025, 1.5], "'1:23:45', which is 5025"),
        (["4:35", "12:00"], [275, 720], "'4:35', which is 275"),
        (["1 day 00:00:01", "0 days 00:01:00"], [86401, 60], "which is 86401"),
        (["-0:10", "1:00"], [-10, 60], "which is -10"),
        (["12:30 AM", "1:00 pm"], [30, 780], "which is 30"),
        (["1:00", "-", "2:00"], [60, NAN, 120], "'1:00', which is 60"),
    ],
)  # fmt: skip
def test_times_are_numbers(write, cells, numbers, example):
    got, notes = column(write, *cells)
    np.testing.assert_array_equal(got, numbers)
    assert example in notes
    present = [cell for cell in cells if cell != "-"]
    assert [CLOCK.value(cell) for cell in present] == [n for n in numbers if n == n]


def test_a_word_among_times_is_told(write):
    got, notes = column(write, *["1:00"] * 1500, "oops", "2:00")
    assert isinstance(got, Text) and "because of 1 cell such as 'oops' in row 1501" in notes


def test_exponents_of_fortran_are_numbers(write):
    got, notes = column(write, "0.5D+01", "1.25d-2", "3", "-.5D0")
    assert got.tolist() == [5, 0.0125, 3, -0.5] and "exponents with D, such as '0.5D+01'" in notes
    assert [FORTRAN.value(cell) for cell in ("0.5D+01", "-.5D0")] == [5, -0.5]
    assert isinstance(column(write, "12D3", "13X4")[0], Text)  # names
    table = read(write("  0.5D+00 1.5D+00\n  0.25D+00 2.5D+00\n" * 3, "t.dat"))
    assert not table.named and table.values[1].tolist() == [1.5, 2.5] * 3


def test_lakhs_are_numbers(write):
    got, notes = column(write, "12,34,567", "5,00,000.5", "7")
    assert got.tolist() == [1234567, 500000.5, 7] and "commas between thousands" in notes


@pytest.mark.parametrize(
    ("cells", "dates"),
    [
        (["01JAN2020", "15feb2021"], ["2020-01-01", "2021-02-15"]),
        (["01JAN2020:10:15:00", "15FEB2021:00:00:30"], ["2020-01-01T10:15", "2021-02-15T00:00:30"]),
        (["01-JAN-20", "15-FEB-21"], ["2020-01-01", "2021-02-15"]),
        (["2023/05/01 3:04:05 PM", "2023/05/02 12:00:00 AM"],
         ["2023-05-01T15:04:05", "2023-05-02"]),
        (["2023/05/01 3:04:05 PM GMT+2", "2023/05/02 1:00:00 AM GMT+2"],
         ["2023-05-01T15:04:05", "2023-05-02T01:00"]),
        (["2023-01-01 10:00:00 EST", "2023-01-02 11:00:00 CET"],
         ["2023-01-01T10:00", "2023-01-02T11:00"]),
    ],
)  # fmt: skip
def test_dates_of_other_programs(write, cells, dates):
    got, notes = column(write, *cells)
    np.testing.assert_array_equal(got, np.array(dates, "datetime64[us]"))
    zones = any(cell.endswith(("+2", "EST", "CET")) for cell in cells)
    assert ("count as they stand, without the names of zones" in notes) == zones


@pytest.mark.parametrize("marker", ["\\N", ".a", ".Z", "#REF!", "ERR", "n.d.", "k.A.", "No Data"])
def test_signs_for_missing_cells(write, marker):
    got, notes = column(write, "1.5", marker, "2.5")
    np.testing.assert_array_equal(got, [1.5, NAN, 2.5])
    assert f"such as {marker!r} counts as missing" in notes


def test_columns_of_one_name_are_told_apart(write):
    table = read(write("x,y,x,x_2,x\n1,2,3,4,5\n6,7,8,9,10\n"))
    assert table.columns == ("x", "y", "x_3", "x_2", "x_4")
    assert "3 columns are named 'x'; the later ones are called 'x_3', 'x_4'" in table.notes
    assert len(set(read(write("a,a,a\n1,2,3\n")).columns)) == 3


def test_columns_without_name_and_cells_are_left_out(write):
    path = write("a,,b,,\n" + "1,,x,,\n2,,y,,\n" * 4)
    table = read(path)
    assert table.columns == ("a", "b")
    assert "2 columns without name and without cells are left out" in table.notes
    assert [part.columns for part in batches(path, 5)] == [("a", "b")] * 2
    assert next(batches(path, 5)).values[0].tolist() == [1, 2, 1, 2, 1]
    assert read(write("a,b\n1,\n2,\n")).columns == ("a", "b")  # a name is enough


@pytest.mark.parametrize(
    ("above", "lines"),
    [
        ("Report of May\n", "1 line above the names of the columns, such as 'Report of May', is"),
        ("Report\nby me\n\n", "3 lines above the names of the columns, such as 'Report', are"),
        ("Report,,\n,,\n", "2 lines above the names of the columns, such as 'Report,,', are"),
        ("% made by a program\n% on Monday\n", "2 lines above the names"),
    ],
)
def test_lines_above_the_names_are_left_out(write, above, lines):
    path = write(above + "size,n,kind\n" + BODY)
    table = read(path)
    assert table.columns == ("size", "n", "kind") and table.n_rows == 12
    assert lines in table.notes[0] and "left out" in table.notes[0]
    assert [part.n_rows for part in batches(path, 8)] == [8, 4]


def test_a_row_of_data_is_no_line_above(write):
    assert read(write(",,\n" + BODY)).n_rows == 13  # nobody names these columns
    with pytest.raises(FileFormatError, match=r"line 1 of .* has 1 cells where line 2 has 3"):
        read(write("0.5\n" + BODY))


def test_units_below_the_names_belong_to_the_header(write):
    path = write("t,v,kind\ns,m/s,-\n" + BODY)
    table = read(path)
    assert table.columns == ("t", "v", "kind") and table.n_rows == 12
    assert table.values[0].dtype == float and table.values[1].dtype == float
    assert any(
        "1 row below the names, 's', 'm/s', '-', belongs to the header" in n for n in table.notes
    )
    assert read(path, header=True).n_rows == 13
    assert [part.n_rows for part in batches(path, 8)] == [8, 4]


def test_a_header_of_two_rows_is_joined_where_its_first_row_does_not_tell_apart(write):
    table = read(write("size,size,kind\nmin,max,\n" + BODY))
    assert table.columns == ("size min", "size max", "kind") and table.n_rows == 12


def test_a_first_row_with_odd_cells_is_data(write):
    table = read(write("a,b,c\n<1,0.5,p\n" + BODY))
    assert table.n_rows == 13


def test_remarks_below_the_table_are_left_out(write):
    path = write("size,n,kind\n" + BODY + "\nSource: the office\n(12 rows)\n")
    table = read(path)
    assert table.n_rows == 12
    assert (
        "2 lines below the table left out, the first is line 15, 'Source: the office'"
        in table.notes
    )
    for cut in ("0.5\n", "0.5,3\n", "set", "5 kg\n"):  # what may be half a row
        with pytest.raises(FileFormatError, match=r"line 14 of .* where line 1 has 3"):
            read(write("size,n,kind\n" + BODY + cut))
    with pytest.raises(FileFormatError, match=r"line 3 of .* has 1 cells"):
        read(write("size,n,kind\n1,2,p\nhalf time\n" + BODY))
    assert is_footer(["(60 rows)"]) and is_footer(["Last change: today", "", ""])
    assert not is_footer(["1 000"]) and not is_footer(["Source: a", "b"])


def test_lines_that_only_divide_are_left_out(write):
    shown = " size | kind \n------+------\n  1.5 | p\n  2.5 | q\n  3.5 | p\n(3 rows)\n"
    table = read(write(shown, "t.txt"))
    assert table.columns == ("size", "kind") and table.values[0].tolist() == [1.5, 2.5, 3.5]
    boxed = "+---+---+\n| a | b |\n+---+---+\n| 1 | p |\n| 2 | q |\n| 3 | q |\n+---+---+\n"
    table = read(write(boxed, "t.txt"))
    assert table.columns == ("a", "b") and table.values[0].tolist() == [1, 2, 3]
    marked = "| a | b |\n|---|:--|\n| 1 | p |\n| 2 | q |\n"
    assert read(write(marked, "t.txt")).values[1].tolist() == ["p", "q"]
    assert is_rule("====  ====\n") and not is_rule("-\n") and not is_rule("1 --- 2\n")


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("5 kg", "5"), ("$1,200.50", "1,200.50"), ("-$3", "-3"), ("(5.00)", "-5.00"), ("7-", "-7"),
        ("\u22125.3", "-5.3"), ("< 0.5", "0.5"), ("12 %", "12"), ("ID-12", "12"), ("18-24", "18"),
        ("1e-3 s", "1e-3"), (".5", ".5"), ("12.", "12"), ("n.d.", None), ("", None),
    ],
)  # fmt: skip
def test_number_in_a_cell(cell, number):
    assert number_in(cell) == number


def test_numbers_takes_the_number_in_each_cell(write):
    path = write("w,p,k\n5 kg,10%,a\n6 kg,n.d.,b\n<7 kg,20%,a\n")
    table = read(path, numbers=["w", "2"])
    np.testing.assert_array_equal(table.values[0], [5, 6, 7])
    np.testing.assert_array_equal(table.values[1], [10, NAN, 20])
    told = " ".join(table.notes)
    assert "column 'w' is the number in each cell, as asked for, such as '5 kg', which is 5" in told
    assert "1 cell such as 'n.d.' without one is missing" in told
    parts = list(batches(path, 2, numbers="w,p"))
    assert [part.values[0].tolist() for part in parts] == [[5, 6], [7]]


def test_numbers_heeds_decimal_commas_and_thousands(write):
    got, _ = column(write, "1.200,50 €", "80,00 €", "-3,5 €", numbers="a")
    assert got.tolist() == [1200.5, 80, -3.5]
    got, _ = column(write, "$1,200", "$80.25", numbers="a")
    assert got.tolist() == [1200, 80.25]
    got, _ = column(write, "1,200 g", "1,300 g", numbers="a", decimal=".")
    assert got.tolist() == [1200, 1300]


def test_missing_names_what_stands_for_missing_cells(write):
    path = write("t,k\n-999,x\n1.5,none of these\n-999.0,y\n2.5,x\n")
    table = read(path, missing=["-999", "None of these", "zzz"])
    np.testing.assert_array_equal(table.values[0], [NAN, 1.5, NAN, 2.5])
    assert table.values[1].tolist() == ["x", "", "y", "x"]
    assert table.notes[:3] == (
        "2 cells '-999' count as missing, as asked for",
        "1 cell 'None of these' counts as missing, as asked for",
        "no cell is 'zzz', which was to count as missing",
    )


@pytest.mark.parametrize(
    "options", [{"numbers": "a"}, {"missing": "1"}, {"text": "a"}, {"header": True}]
)
def test_options_for_cells_of_text_are_refused_for_other_files(options, tmp_path):
    np.save(tmp_path / "t.npy", np.ones((3, 2)))
    with pytest.raises(InvalidInputError, match="says how cells of a text are read, but"):
        read(tmp_path / "t.npy", **options)
    with pytest.raises(InvalidInputError, match="says how cells of a text are read, but"):
        batches(tmp_path / "t.npy", 2, **options)


def test_wrong_options_for_cells_are_refused(write):
    path = write("a,b\n1,2\n3,4\n")
    with pytest.raises(InvalidInputError, match="no column 'c' to be taken as numbers"):
        read(path, numbers="c")
    with pytest.raises(InvalidInputError, match="column 'a' is to be text and to be numbers"):
        read(path, numbers="a", text="a")
    with pytest.raises(InvalidTypeError, match="missing must be texts, got -999"):
        read(path, missing=[-999])
    for name in ("text", "numbers", "missing", "expected"):
        with pytest.raises(InvalidTypeError, match=f"{name} must be a text, or several, got 0.5"):
            read(path, **{name: 0.5})


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a,b\n" + "-999,1\n" * 2 + "".join(f"{k},2\n" for k in range(12)),
         "2 cells of column 'a' are -999, far from all others; .*missing -999"),
        ("a,b\n01234,1\n12345,2\n", "column 'a' has leading zeros, such as '01234'; .*--text"),
        ("a,b\nYes,1\nyes,2\nno,3\n", "'Yes', 'yes' of column 'a' differ in capital letters"),
        ("a,b\n(5.00),1\n(6.50),2\n3,3\n(1.00),4\n(2.00),5\n",
         r"column 'a' counts as text.*numbers=\['a'\] \(--numbers"),
        ("a,b\nN,1\nS,2\nN,2\nTotal,5\n", "the last row counts as data, with 'Total' in"),
    ],
)  # fmt: skip
def test_what_may_be_meant_otherwise_is_told(write, text, hint):
    told = " ".join(read(write(text)).notes)
    assert re.search(hint, told), told


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n-999,1\n999,1\n" + "".join(f"{100 * k},2\n" for k in range(12)),
        "a,b\n10234,1\n12345,2\n", "a,b\n0.5,1\n0,2\n", "a,b\nYes,1\nno,2\n",
        "a,b\n18-24,1\n25-30,2\n",
        "a,b\nTotal,1\nS,2\nTotal,2\n",
    ],
)  # fmt: skip
def test_what_is_plain_has_no_hints(write, text):
    assert read(write(text)).notes == ()


def test_quoted_newlines_and_long_names_are_cells(write):
    table = read(write('id,"what,\nelse?",y\n' + '1,"line\nother",p\n2,"b",q\n' * 3))
    assert table.columns == ("id", "what,\nelse?", "y")
    assert table.values[1].tolist() == ["line\nother", "b"] * 3


def test_days_before_the_epoch_and_hours_of_zones(write):
    got, _ = column(write, "1960-07-01T00:00:00+02:00", "1960-07-02T00:00:00+02:00")
    assert got[0].astype(datetime.datetime) == datetime.datetime(1960, 6, 30, 22)


def test_quarters_are_dates(write):
    for cells in (["2020Q1", "2021Q4"], ["2020-Q1", "2021-Q4"], ["Q1 2020", "Q4 2021"]):
        got, notes = column(write, *cells)
        np.testing.assert_array_equal(got, np.array(["2020-01-01", "2021-10-01"], "datetime64[us]"))
        assert notes == ""


def test_rows_that_repeat_the_header_are_left_out(write):
    path = write(("a,b,y\n" + "1.5,2,p\n2.5,3,q\n" * 3) * 3)
    table = read(path)
    assert table.columns == ("a", "b", "y") and table.n_rows == 18
    assert "2 rows that repeat the names of the columns left out" in table.notes
    assert [part.n_rows for part in batches(path, 10)] == [10, 8]
    words = read(write("p,q\nr,s\np,q\np,s\n"))  # nothing tells that these are names
    assert words.n_rows == 4 and not words.named


def test_the_end_of_a_file_of_dos_is_no_row(write):
    assert read(write("a,b\r\n1,2\r\n3,4\r\n\x1a")).n_rows == 2


def test_lines_above_names_that_are_partly_years(write):
    body = "".join(f'"L{k}",{k},{k / 2},{k * 7.5},\n' for k in range(9))
    table = read(write('"Source","the bank",\n\n"Land",1960,1961,1962,\n' + body))
    assert table.columns == ("Land", "1960", "1961", "1962") and table.n_rows == 9


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (
            b"PK\x03\x04" + bytes(range(256)),
            "a workbook of Excel or another archive",
        ),
        (b"\xd0\xcf\x11\xe0" + bytes(99), "a workbook of an old Excel"),
        (b"%PDF-1.4\n1 0 obj\n", "a PDF"),
        (b"PAR1" + bytes(20), "a Parquet file; name it .parquet"),
        (b"SQLite format 3\0" + bytes(20), r"a database; ask it with query= \(--query\)"),
        (b"\x1f\x8b\x08" + bytes(20), "compressed by gzip; name it .gz"),
        (b'[{"a": 1},\n {"a": 2}]', "JSON; name it .json"),
        (b"\n<!DOCTYPE html>\n<html>", "a page in HTML"),
        (b"\xef\xbb\xbf<HTML>", "a page in HTML"),
    ],
)
def test_files_that_are_no_text_are_called_what_they_are(write, content, what):
    with pytest.raises(FileFormatError, match=f"'.*' is {what}"):
        read(write(content))


def test_a_column_has_one_advice(write):
    path = write("a;b\n" + "1.200,50-;1\n1.300,00;2\n2.400,25;3\n" * 4)
    told = [note for note in read(path).notes if "--numbers" in note]
    assert len(told) == 1
    assert read(path, numbers="a").values[0][:2].tolist() == [-1200.5, 1300]


def test_whole_numbers_that_are_not_exact_are_told(write):
    path = write("a,b\n123456789012345678,1\n123456789012345679,2\n")
    told = " ".join(read(path).notes)
    assert "column 'a' has whole numbers above 9e15" in told and "text=['a'] (--text)" in told
    assert read(path, text="a").values[0].tolist()[1] == "123456789012345679"
    for cell in ("1e300", "1e20", "inf", "-Infinity", "1" + "0" * 40):
        for other in ("0.5", "2"):
            assert read(write(f"a,b\n{cell},1\n{other},2\n")).notes == ()
