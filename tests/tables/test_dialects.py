"""Texts as people have them: whatever is decided about them is what they meant, and is said."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltaloop.errors import (
    DeltaloopError,
    FileFormatError,
    InvalidInputError,
    InvalidTypeError,
    MissingDependencyError,
)
from deltaloop.tables import read
from deltaloop.tables.delimiters import best_division


def content(table):
    return [column.tolist() for column in table.values]


NUMBERS = "0.1,0.2,a\n0.3,0.4,b\n0.2,0.5,a\n0.4,0.5,b\n0.5,0.4,a\n0.6,0.2,b\n"
COUNTS = "3,40,7\n17,2,30\n5,5,41\n28,9,2\n7,33,16\n12,1,8\n"
FRACTIONS = "".join(f"{a},{b},{c}\n" for a, b, c in np.random.default_rng(0).normal(size=(8, 3)))


@pytest.mark.parametrize(
    ("top", "rows"),
    [
        ("400,410,class\n", NUMBERS),
        ("0,1,2\n", FRACTIONS),
        ("2001,2002,2003\n", COUNTS),
        ('"1","2","k"\n', '3,4,"a"\n5,6,"b"\n7,1,"a"\n'),
        ("1000,2500,7000\n", FRACTIONS),
    ],
)
def test_numbers_that_are_names_are_recognised_and_told_of(write, top, rows):
    table = read(write(top + rows))
    assert table.named and table.columns == tuple(top.strip().replace('"', "").split(","))
    assert table.n_rows == rows.count("\n")
    assert any("names the columns, as it is unlike" in note for note in table.notes)
    assert any("header=False (--no-header)" in note for note in table.notes)
    assert read(write(top + rows), header=False).n_rows == rows.count("\n") + 1


def test_row_numbers_of_pandas_have_no_name(write):
    rows = "".join(f"{k},{line}\n" for k, line in enumerate(FRACTIONS.split()))
    assert read(write(",0,1,2\n" + rows)).columns == ("x1", "0", "1", "2")
    assert read(write(",a,b,c\n" + rows)).columns == ("x1", "a", "b", "c")
    assert read(write(",x1,b,c\n" + rows)).columns == ("x1_", "x1", "b", "c")


@pytest.mark.parametrize(
    "rows",
    [
        COUNTS,
        FRACTIONS,
        "1,2,3\n2,3,4\n5,6,7\n3,4,5\n",
        "5.1,3.5,setosa\n4.9,3.0,setosa\n4.7,3.2,versicolor\n5,3,versicolor\n",
        "0,0,5\n1,1,7\n2,4,9\n3,9,11\n",
        "2020-01-01,a\n2020-01-02,b\n",
    ],
)
def test_data_are_no_header(write, rows):
    table = read(write(rows))
    assert not table.named and table.n_rows == rows.count("\n")


def test_a_suspicious_first_row_counts_as_data_and_is_told_of(write):
    rows = "1,2,3\n9,5,2\n3,3,4\n8,1,2\n7,5,5\n2,9,4\n"
    table = read(write(rows))
    assert not table.named and "if it names the columns, use header=True" in table.notes[0]


def test_expected_names_are_a_header_whatever_they_are(write):
    rows = "2,1\n3,4\n5,6\n"
    assert not read(write(rows)).named
    assert read(write(rows), expected=["1", "2"]).columns == ("2", "1")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("a,b\n1,2,\n3,4,\n", "delimiter after the last cell of every row is left out"),
        ("a,b,\n1,2\n3,4\n", "the header has a delimiter after the last cell"),
        ("a,b,\n1,2,\n3,4,\n", "delimiter after the last cell of every row is left out"),
        ("a,b,\n1,2,\n3,4\n", "delimiter after the last cell of every row is left out"),
        ("# made by me\na,b\n1,2\n3,4\n", "lines that begin with # are left out"),
        ("a,b\n1,2\n# half\n3,4\n", "lines that begin with # are left out"),
        ("#a,b\n1,2\n3,4\n", "names of the columns are those of the last line with #"),
        ("# a,b\n1 2\n3 4\n", "names of the columns are those of the last line with #"),
        ("sep=;\na;b\n1;2\n3;4\n", "the line 'sep=;' names the delimiter"),
        ("a|b\n1|2\n3|4\n", "cells are between bars"),
        ("a b\n1   2\n 3 4\n", "cells are between runs of blanks"),
        ("a,b\n1,2\n3,4\n".encode("utf-16"), "the text is UTF-16"),
        ("a,b\n1,2\n3,4\n".encode("utf-16-be"), "the text is UTF-16"),
    ],
)
def test_what_programs_write_is_read_and_told_of(write, text, note):
    table = read(write(text))
    assert table.columns == ("a", "b") and content(table) == [[1, 3], [2, 4]]
    assert any(note in one for one in table.notes)


def test_savetxt_is_read(tmp_path):
    X = np.arange(6.0).reshape(3, 2)
    np.savetxt(tmp_path / "t.txt", X, header="height weight")
    assert read(tmp_path / "t.txt").columns == ("height", "weight")
    np.savetxt(tmp_path / "t.csv", X, header="a,b", comments="", delimiter=",")
    assert content(read(tmp_path / "t.csv")) == X.T.tolist()
    np.savetxt(tmp_path / "t.csv", X, header="two columns of numbers", delimiter=",")
    assert not read(tmp_path / "t.csv").named


def test_comments_far_below_are_found(write):
    table = read(write("a,b\n" + "1,2\n" * 300 + "# late\n3,4\n"))
    assert table.n_rows == 301 and "lines that begin with # are left out" in table.notes


@pytest.mark.parametrize(
    "text",
    [
        "#ff0000,1\n#00ff00,2\n#0000ff,3\n",
        'colour,b\n#ff0000,1\n"#00\n#ff00",2\nred,3\n',
        '#a,1\n\n"#b",2\n#c,3\n',
    ],
)
def test_cells_that_begin_so_are_no_comments(write, text):
    table = read(write(text))
    assert table.n_rows == 3 and table.values[0].tolist()[0].startswith("#")


def test_names_of_rows_as_R_writes_them_are_a_column(write):
    table = read(write('"a" "b"\n"r1" 3 4\n"r2" 5 6\n', "t.txt"))
    assert table.columns == ("x1", "a", "b") and content(table) == [["r1", "r2"], [3, 5], [4, 6]]
    assert any("as R writes" in note for note in table.notes)


@pytest.mark.parametrize(
    ("text", "delimiter", "width"),
    [
        ("1,5;2,5\n2,5;3,5\n", ";", 2),
        ("a,b;c\n1,2;3\n4,5;6\n", ";", 2),
        ("one two,1\nthree four,2\n", ",", 2),
        ("a,b c\n1,2 3\n4,5 6\n", " ", 2),
    ],
)
def test_the_delimiter_that_leaves_more_numbers_wins(write, text, delimiter, width):
    assert len(read(write(text, "t.txt")).columns) == width


def test_text_of_one_column_may_have_blanks_and_commas(write):
    assert content(read(write("text\nhello, world\nfoo\n"))) == [["hello, world", "foo"]]
    assert content(read(write("hello world\nfoo bar\n"))) == [["foo bar"]]
    assert content(read(write("a\n1\n\n2\n"))) == [[1, 2]]
    assert content(read(write("x y z\n1 2 3\n"))) == [[1], [2], [3]]


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("a,b\n1,'x, y'\n2,'z'\n", ["x, y", "z"]),
        ("a,b\n1,it's\n2,one's\n", ["it's", "one's"]),
        ('a,b\n1,"say \\"hi\\""\n2,"z"\n', ['say "hi"', "z"]),
        ('a,b\n1,5" pipe\n2,z\n', ['5" pipe', "z"]),
        ('a,b\n1,  "x, y"\n2,z  \n', ["x, y", "z"]),
    ],
)
def test_quotes_of_any_kind(write, text, cells):
    assert read(write(text)).values[1].tolist() == cells


@pytest.mark.parametrize(
    ("encoding", "text", "note"),
    [("latin-1", "\u00e9", "Latin-1"), ("cp1252", "\u20ac", "cp1252"), ("utf-8", "\u00e9", None)],
)
def test_western_encodings_are_named(write, encoding, text, note):
    table = read(write(f"a,b\n1,{text}\n2,x\n".encode(encoding)))
    assert table.values[1].tolist() == [text, "x"]
    assert [note in one for one in table.notes] == ([True] if note else [])


def test_an_encoding_that_shows_late_is_found(write):
    table = read(write(b"a,b\n" + b"1,x\n" * 100_000 + b"2,\xe9\n"))
    assert table.values[1][100_000] == "\u00e9" and table.notes == ("the text is Latin-1",)


@pytest.mark.parametrize("odd", ["'tis", "it's", "'t is 's", "'", "''"])
def test_words_with_apostrophes_are_in_no_quotes_however_late_one_begins_a_cell(write, odd):
    table = read(write("a,b\n" + "don't,1\n" * 150 + f"{odd},2\n", "t.csv"))
    assert table.values[0].tolist() == ["don't"] * 150 + [odd]


@pytest.mark.parametrize("title", ["", "title\n"])
def test_quote_that_ends_within_a_cell_is_told_with_its_line_below_a_title_too(write, title):
    path = write(title + 'a,b\n1,2\n"x"y,3\n')
    line = 3 + title.count("\n")
    with pytest.raises(FileFormatError, match=rf"line {line} of .* \(',' expected after '\"'\)"):
        read(path)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_line_ends_that_change_are_read(write, ends):
    text = ends.join(["a,b", "1,2", "3,4"]) + "\r\n5,6\n"
    assert content(read(write(text))) == [[1, 3, 5], [2, 4, 6]]


def test_all_problems_are_told_at_once_each_with_its_remedy(write):
    with pytest.raises(FileFormatError) as told:
        read(write("a,b,b\n5 kg,10%,1\n6 kg,20%,2\n7 kg\n"))
    message = str(told.value)
    assert "has 3 problems: (1) line 4 has 1 cells where line 1 has 3" in message
    assert "skip_bad_lines=True (--skip-bad-lines)" in message
    assert "column 'a' has numbers with 'kg', such as '5 kg' in row 1" in message
    assert "text=['a'] (--text)" in message and "numbers with '%', such as '10%'" in message


def test_lines_that_do_not_fit_may_be_left_out(write):
    path = write("a,b\n1,2\n3\n4,5,6\n7,8\n")
    with pytest.raises(FileFormatError, match=r"line 3 .* has 1 cells, line 4 has 3 where line 1"):
        read(path)
    table = read(path, skip_bad_lines=True)
    assert content(table) == [[1, 7], [2, 8]]
    assert table.notes == ("2 lines without 2 cells left out, the first is line 3",)


SPOILS = [
    "1", "2.5", "a", "b c", '"', "'", ",", ";", "\t", "|", " ", "\n", "\r\n", "\r", "#", "NA", "-",
    "1,5", "1.234,5", "2020-01-02", "01/02/2020", "%", "kg", "\u00e9", "\0", "_", '""', "\\", '\\"',
    "sep=;", "$", "\x1f", "1e999", "inf", "[", "{", "\ufeff", "   ",
]  # fmt: skip
WHOLE = ["a,b,c\n1,2,x\n3,4,y\n", "a;b\n1,5;x\n2,5;y\n", "1 2\n4 5\n", '"a","b"\n"1","x, y"\n', ""]


@given(
    text=st.sampled_from(WHOLE),
    spoils=st.lists(st.tuples(st.integers(0, 40), st.sampled_from(SPOILS)), max_size=12),
    encoding=st.sampled_from(["utf-8", "utf-16", "latin-1"]),
    name=st.sampled_from(["t.csv", "t.txt", "t.tsv", "t.train", "t.jsonl"]),
    header=st.sampled_from([None, True, False]),
)
def test_a_spoiled_text_is_read_or_refused(tmp_path_factory, text, spoils, encoding, name, header):
    for place, spoil in spoils:
        text = text[:place] + spoil + text[place:]
    path = tmp_path_factory.mktemp("spoiled") / name
    path.write_bytes(text.encode(encoding, "replace"))
    told = ""
    try:
        assert read(path, header=header).n_rows > 0
    except DeltaloopError as error:
        told = str(error)
    assert not told or repr(str(path)) in told


@pytest.mark.parametrize("name", ["a*[1].csv", "o'neil.csv", "year=2020.csv", "\u00e4 \u00f6.csv"])
def test_names_of_files_mean_themselves(write, name):
    assert read(write("a,b\n1,x\n", name)).columns == ("a", "b")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"header": "yes"}, InvalidTypeError, "header must be True, False or None, got 'yes'"),
        ({"decimal": ";"}, InvalidInputError, "decimal must be '.', ',' or None, got ';'"),
        ({"text": "c"}, InvalidInputError, "no column 'c' to be taken as text, expected one of"),
    ],
)
def test_options_that_are_none_are_refused(write, options, error, message):
    with pytest.raises(error, match=message):
        read(write("a,b\n1,2\n"), **options)


def test_without_duckdb_the_extra_is_named(write, monkeypatch):
    path = write("a,b\n1,2\n")
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(MissingDependencyError, match=r'package .duckdb., .*"deltaloop\[cli\]"'):
        read(path)


@pytest.mark.parametrize(
    ("n", "is_whole", "is_broken"), [(12, True, True), (3, False, True), (12, False, False)]
)
def test_row_that_cannot_be_read_counts_unless_the_text_is_cut_far_below(n, is_whole, is_broken):
    lines = ["a,b\n"] * n + ['"x"y,1\n']
    assert best_division(lines, ",", is_whole).is_broken == is_broken
