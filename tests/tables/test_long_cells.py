"""Cells that are longer than Python's csv takes unless told."""

import csv
import threading

import pytest

from deltaloop.errors import FileFormatError
from deltaloop.tables import batches, read, read_query
from deltaloop.tables.records import long_cells

LIMIT = 131_072  # of csv
ROWS = 60


def table_of(place, cell, ending="\n"):
    """Rows of a number, a text, which is long in one place, and a number."""
    rows = [f"{i},{cell if i == place else 'xxx'},{i / 8}" for i in range(ROWS)]
    return ending.join(["a,k,t", *rows, ""])


def length_of(table):
    return max(map(len, table.column("k")))


# in the first 2**18 bytes and beyond them; the limit of DuckDB is 2e6 unless told
@pytest.mark.parametrize("n", [LIMIT + 1, 2_100_000])
@pytest.mark.parametrize("place", [5, ROWS - 1])
def test_long_cells_are_read_whole(write, n, place):
    table = read(write(table_of(place, "x" * n)))
    assert table.n_rows == ROWS
    assert length_of(table) == n
    assert csv.field_size_limit() == LIMIT


@pytest.mark.parametrize("n", [LIMIT + 1, 2_100_000])
def test_a_plain_copy_takes_long_cells(write, n):
    path = write("a title\n" + table_of(40, '"' + "x" * n + '\nx"', "\r\n"))
    assert length_of(read(path)) == n + 2


@pytest.mark.parametrize("n", [LIMIT + 1, 2_100_000])
def test_parts_and_queries_take_long_cells(write, n):
    path = write("a title\n" + table_of(40, "x" * n))
    assert [table.n_rows for table in batches(path, 25)] == [25, 25, 10]
    found = read_query(f"SELECT max(length(k)) AS n FROM '{path}'")
    assert found.values[0].tolist() == [n]


def test_an_open_quote_names_the_line_where_it_opens(write):
    with pytest.raises(FileFormatError, match=r"line 5 to line 61 of .* check its quotes"):
        read(write(table_of(3, '"' + "x" * (LIMIT + 1))))


def test_a_cell_takes_no_more_than_the_memory_that_is_allowed(write):
    path = write(table_of(50, '"' + "x" * 1_100_000))  # 16 bytes a character are more than 2**24
    with pytest.raises(FileFormatError, match=r"field larger than field limit \(1048576\)"):
        read(path, max_memory=2**-6)


def test_the_limit_of_others_is_what_it_was():
    """With readings in several threads, one that ends leaves the limit to those that go on."""
    seen, inside, done = [], threading.Barrier(2), threading.Event()

    def longer():
        with long_cells(10**6):
            inside.wait(10)
            done.wait(10)
            seen.append(csv.field_size_limit())

    thread = threading.Thread(target=longer)
    with long_cells(10**5):
        assert csv.field_size_limit() == LIMIT  # never lower than it was
    thread.start()
    with long_cells(2 * 10**6):
        inside.wait(10)
        assert csv.field_size_limit() == 2 * 10**6
    assert csv.field_size_limit() == 10**6
    done.set()
    thread.join(10)
    assert seen == [10**6] and csv.field_size_limit() == LIMIT


def test_a_limit_that_others_set_meanwhile_stays():
    try:
        with long_cells(10**6):
            csv.field_size_limit(200_000)
        assert csv.field_size_limit() == 200_000
    finally:
        csv.field_size_limit(LIMIT)
