"""Training files of FANN."""

import gzip

import pytest

from deltaloop.errors import FileFormatError
from deltaloop.tables import read
from deltaloop.tables.cells import COLUMN
from deltaloop.tables.fann import read_fann


def test_pairs_are_rows(write):
    table = read(write("4 2 1\n0 0\n0\n0 1\n1\n1 0\n1\n1 1\n0\n", "xor.train"))
    assert table.columns == ("x1", "x2", "y") and not table.named
    assert [c.tolist() for c in table.values] == [[0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0]]
    table = read(write(gzip.compress(b"1 1 2\n-1.5e0\n 2 3 \n"), "t.train.gz"))
    assert table.columns == ("x1", "y1", "y2") and [c[0] for c in table.values] == [-1.5, 2, 3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("spam", "must begin with three whole numbers above 0, .* got 'spam'"),
        ("2 1\n", "must begin with three whole numbers"),
        ("0 1 1\n", "got '0 1 1'"),
        ("1 1.5 1\n0 1\n", "must begin with three"),
        ("2 2 1\n0 1\n1\n1 1\n", "announces 2 pairs .* which are 6 numbers, and has 5; correct"),
        ("1 1 1\n0\n1\n2\n", "which are 2 numbers, and has 3"),
        ("1 1 1\n0\nx\n", "line 3 of .*: 'x' is no number"),
        ("1 1 1\n0\n1_0\n", "line 3 of .*: '1_0' is no number"),
        ("999999999 9 9\n0\n", "claims 999999999 pairs .*: more than"),
        ("", "is empty"),
    ],
)
def test_a_damaged_file_is_refused_with_the_place(write, content, message):
    with pytest.raises(FileFormatError, match=message):
        read(write(content, "t.train"))


@pytest.mark.parametrize(("n_in", "n_out"), [(1, 1), (3, 1), (20, 5)])
def test_pairs_may_take_what_their_columns_of_float64_take(n_in, n_out):
    """More are refused by what the first line claims, before any number is read."""
    limit, width = 10**6, n_in + n_out
    most = (limit - COLUMN * width) // (8 * width)
    for n_pairs, told in ((most, "and has 2; correct"), (most + 1, "more than")):
        with pytest.raises(FileFormatError, match=told):
            read_fann(f"{n_pairs} {n_in} {n_out}\n0\n1\n".encode(), "t.train", limit)
