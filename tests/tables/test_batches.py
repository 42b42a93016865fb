"""A file in parts is the same file."""

import gzip

import duckdb
import numpy as np
import pytest

from deltaloop.errors import FileFormatError, InvalidInputError
from deltaloop.tables import batches, delimited, read


def lines(n):
    return "".join(
        f"{k}.5,{'xyz'[k % 3]}{k % 7},2020-01-{1 + k % 28:02},{k % 5 or 'NA'}\n" for k in range(n)
    )


def joined(parts):
    """The columns of all parts, as arrays."""
    return [
        np.concatenate([np.asarray(c) for c in cs])
        for cs in zip(*(p.values for p in parts), strict=True)
    ]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet", "utf16.csv", "t.npy"])
@pytest.mark.parametrize("rows", [7, 100, 1000])
def test_parts_make_the_whole(tmp_path, name, rows):
    path = tmp_path / name
    text = "a,b,day,n\n" + lines(100)
    if name == "t.parquet":
        (tmp_path / "p.csv").write_text(text)
        duckdb.connect().execute(f"COPY (FROM '{tmp_path / 'p.csv'}') TO '{path}'")
    elif name == "t.npy":
        np.save(path, np.arange(300.0).reshape(100, 3))
    else:
        content = text.encode("utf-16" if name == "utf16.csv" else "utf-8")
        path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    whole, parts = read(path), list(batches(path, rows))
    assert [p.n_rows for p in parts] == [min(rows, 100 - k) for k in range(0, 100, rows)]
    for got, expected in zip(joined(parts), whole.values, strict=True):
        expected = np.asarray(expected)
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)
    assert all(p.columns == whole.columns and p.named == whole.named for p in parts)
    assert parts[0].notes == whole.notes and not any(p.notes for p in parts[1:])


def test_rows_with_line_ends_inside_are_whole(write):
    path = write('a,b\n1,"x\ny"\n\n2,"say ""\n"""\n3,z\n')
    parts = list(batches(path, 1))
    assert [p.values[1][0] for p in parts] == ["x\ny", 'say "\n"', "z"]


def test_forms_of_the_first_rows_hold_for_all(write):
    rows = "".join(f"{k},5;0{1 + k % 9}.01.2020;-\n" for k in range(3000))
    parts = list(batches(write("a;d;m\n" + rows + "7;25.01.2020;8\n"), 1000))
    assert parts[3].values[0][0] == 7 and parts[2].values[0][-1] == 2999.5
    assert parts[3].values[1][0] == np.datetime64("2020-01-25")


@pytest.mark.parametrize(
    ("late", "message"),
    [
        ("spam,x,2020-01-01,1\n", "column 'a' .* holds 'spam' in line 2002, unlike .*text="),
        ("1,x,soon,1\n", "column 'day' .* holds 'soon' in line 2002"),
        ("1,x\n", "line 2002 of .* cannot be read: .*Expected Number of Columns: 4 Found: 2"),
        ("1,x,2020-01-01 10:00-05:00,1\n", "a date with a time unlike those before, .* 2001"),
        ("1_0,x,2020-01-01,1\n", "has a number with _, or .* in one of the rows 2001 to 2001"),
    ],
)
def test_a_late_cell_that_does_not_fit_is_an_error_with_its_line(write, late, message):
    parts = batches(write("a,b,day,n\n" + lines(2000) + late), 1000)
    assert next(parts).n_rows == next(parts).n_rows == 1000
    with pytest.raises(FileFormatError, match=message):
        next(parts)


def test_a_late_cell_of_another_form_is_an_error_with_its_row(write):
    rows = "".join(f"{k},5;x\n" for k in range(2000))
    parts = batches(write("a;b\n" + rows + "spam;x\n"), 1000)
    assert next(parts).n_rows == next(parts).n_rows == 1000
    with pytest.raises(FileFormatError, match=r"column 'a' .* holds 'spam' in row 2001, unlike"):
        next(parts)


def test_missing_cells_may_come_late(write):
    parts = list(batches(write("a,b\n" + "1,x\n" * 2000 + "NULL,?\n"), 2000))
    assert np.isnan(parts[1].values[0]).all() and parts[1].values[1].tolist() == [""]


@pytest.mark.parametrize(
    ("name", "content", "rows", "error", "message"),
    [
        ("t.jsonl", "{}", 1, InvalidInputError, "files .jsonl cannot be read in parts; make a CSV"),
        ("t.csv", "a,b\n", 1, FileFormatError, "holds only a header"),
        ("t.csv", " \n", 1, FileFormatError, "is empty"),
        ("t.csv", "a,b\n1,2\n", 0, InvalidInputError, "rows must be"),
        ("t.csv", "a,b\n1,2\n3\n", 9, FileFormatError, "line 3 of .*Found: 1"),
        ("t.txt", "a  b\n1  2\n3\n", 9, FileFormatError, "line 3 .* has 1 cells where line 1"),
    ],
)
def test_what_cannot_be_read_in_parts_is_refused(write, name, content, rows, error, message):
    with pytest.raises(error, match=message):
        list(batches(write(content, name), rows))


def test_a_file_that_cannot_be_opened_is_refused(write, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    path = write("a,b\n1,2\n")
    monkeypatch.setattr(delimited, "head_of", refuse)
    with pytest.raises(InvalidInputError, match=r"cannot read '.*data\.csv': Permission denied"):
        next(batches(path, 1))


def test_a_part_that_is_too_large_is_refused(write):
    path = write("a,b\n1,2\n")
    with pytest.raises(FileFormatError, match=r"2 columns, of which 1000000 rows .*: more than"):
        list(batches(path, 10**6, max_memory=0.01))
    assert len(list(batches(path, 10, max_memory=0.01))) == 1
