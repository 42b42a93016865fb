"""Results of queries are tables; what a query does not name is out of its reach."""

import sqlite3
from contextlib import closing

import duckdb
import numpy as np
import pytest

from deltaloop.errors import FileFormatError, InvalidInputError, InvalidTypeError
from deltaloop.tables import read, read_query


def content(table):
    return [column.tolist() for column in table.values]


def test_a_query_over_files_reads_them_as_they_are_meant(write):
    fruit = write("mass;fruit\n150,5;apple\n120;lemon\n180;apple\n", "fruit.csv")
    price = write("# made by me\nfruit price\napple  2\nlemon  3\n", "price.txt")
    sql = (
        f"SELECT f.fruit, max(mass) AS most, any_value(price) AS price "
        f"FROM '{fruit}' f JOIN '{price}' p ON f.fruit = p.fruit GROUP BY f.fruit ORDER BY 1;"
    )
    table = read_query(sql)
    assert table.columns == ("fruit", "most", "price") and len(table.source) <= 60
    assert content(table) == [["apple", "lemon"], [180, 120], [2, 3]]


def test_cells_that_are_missing_for_read_are_missing_for_a_query(write):
    path = write("n,t,d\n1,x,2020-01-02\nNA,?,n/a\n" + "3,y,2020-01-03\n" * 3000 + "NULL,x,NaN\n")
    whole, asked = read(path), read_query(f"SELECT * FROM '{path}'")
    for column, expected in zip(asked.values, whole.values, strict=True):
        np.testing.assert_array_equal(np.asarray(column), np.asarray(expected))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" \n", "is empty; a table needs at least one row"),
        ("a,b\n", "is empty; a table needs at least one row"),
    ],
)
def test_a_text_without_a_table_is_refused(write, text, message):
    with pytest.raises(FileFormatError, match=message):
        read_query(f"SELECT * FROM '{write(text)}'")


def test_a_query_over_parquet_and_many_files(tmp_path):
    for k in range(3):
        duckdb.connect().execute(f"COPY (SELECT {k} AS k) TO '{tmp_path}/{k}.parquet'")
    sql = f"SELECT k, k > 0 AS up FROM '{tmp_path}/*.parquet' ORDER BY k"
    assert content(read_query(sql)) == [[0, 1, 2], ["false", "true", "true"]]


@pytest.fixture(params=["duckdb", "sqlite"])
def database(tmp_path, request):
    path = tmp_path / "things.db"
    con = duckdb.connect(path) if request.param == "duckdb" else sqlite3.connect(path)
    con.execute("CREATE TABLE things (n INTEGER, x DOUBLE, t VARCHAR)")
    con.execute("INSERT INTO things VALUES (1, 0.5, 'a'), (2, NULL, NULL), (3, 1.5, 'b')")
    con.commit()
    con.close()
    return path


def test_a_database_is_asked_and_not_changed(database):
    before = database.read_bytes()
    table = read_query("SELECT * FROM things ORDER BY n DESC", database)
    assert table.columns == ("n", "x", "t") and table.values[0].tolist() == [3, 2, 1]
    np.testing.assert_array_equal(table.values[1], [1.5, np.nan, 0.5])
    assert table.values[2].tolist() == ["b", "", "a"]
    assert content(read(database, query="SELECT sum(x) AS s FROM things")) == [[2]]
    for sql in ("DELETE FROM things", "DROP TABLE things", "ATTACH 'other.db' AS o"):
        with pytest.raises(InvalidInputError, match="the query"):
            read_query(sql, database)
    assert database.read_bytes() == before


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT nothing FROM things", "fails: .*nothing"),
        ("SELEC 1", "fails: "),
        ("SELECT 1; SELECT 2", "the query .*(fails|must be one SELECT)"),
        ("SELECT * FROM nowhere", "fails: .*nowhere"),
    ],
)
def test_a_query_that_fails_is_told_of(database, sql, message):
    with pytest.raises(InvalidInputError, match=message):
        read_query(sql, database)


def test_a_result_without_rows_is_refused(database):
    with pytest.raises(FileFormatError, match="is empty"):
        read_query("SELECT * FROM things WHERE n > 9", database)


def test_a_result_that_is_too_large_is_refused(database):
    sql = (
        "WITH RECURSIVE r(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM r WHERE k < 50000) "
        "SELECT k FROM r"
    )
    with pytest.raises(FileFormatError, match=r"rows.*: more than the 0\.001 GiB"):
        read_query(sql, database, max_memory=0.001)


def test_bytes_of_sqlite_are_refused(tmp_path):
    with sqlite3.connect(tmp_path / "b.db") as con:
        con.execute("CREATE TABLE t AS SELECT x'00ff' AS b, 1 AS n, 'x' AS m UNION SELECT 1, 2, 3")
    con.close()
    with pytest.raises(FileFormatError, match=r"'b' .* holds bytes; leave it out of the query"):
        read_query("SELECT * FROM t", tmp_path / "b.db")
    assert read_query("SELECT m FROM t ORDER BY n", tmp_path / "b.db").values[0].tolist() == [
        "x",
        "3",
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/host' || 'name')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_csv('https://example.com/t.csv')",
        "SELECT * FROM secret",
        "COPY (SELECT 1) TO 'out.csv'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
    ],
)
def test_what_a_query_does_not_name_is_out_of_reach(sql):
    secret = {"a": np.zeros(1)}  # a variable that DuckDB could find
    with pytest.raises(InvalidInputError, match="the query"):
        read_query(sql)
    assert secret


def test_a_view_of_a_hostile_database_reads_no_file(tmp_path, write):
    secret = write("a\n1\n", "secret.csv")
    con = duckdb.connect(tmp_path / "hostile.db")
    con.execute(f"CREATE VIEW innocent AS SELECT * FROM read_csv('{secret}')")
    con.close()
    with pytest.raises(InvalidInputError, match="fails: "):
        read_query("SELECT * FROM innocent", tmp_path / "hostile.db")


def test_what_is_no_database_is_refused(write):
    with pytest.raises(InvalidInputError, match=r"fails: .*it can read the database"):
        read_query("SELECT 1", write(b"\0" * 8 + b"DUCK" + b"x" * 5000, "damaged.db"))
    with pytest.raises(FileFormatError, match="no database of DuckDB or SQLite"):
        read_query("SELECT 1", write("a,b\n1,2\n"))
    with pytest.raises(InvalidInputError, match="there is no database file"):
        read_query("SELECT 1", "none.db")
    with pytest.raises(InvalidTypeError, match="sql must be a str, got 3"):
        read_query(3)


@pytest.mark.parametrize(
    "option",
    [{"header": True}, {"header": False}, {"text": ["a"]}, {"decimal": ","}, {"expected": ["a"]},
     {"skip_bad_lines": True}],
    ids=str,
)  # fmt: skip
def test_a_query_refuses_what_says_how_cells_are_read(option, tmp_path):
    path = tmp_path / "t.sqlite"
    with closing(sqlite3.connect(path)) as con, con:
        con.execute("CREATE TABLE t AS SELECT 1 AS a")
    assert read(path, query="SELECT * FROM t").columns == ("a",)
    (name,) = option
    with pytest.raises(InvalidInputError, match=f"leave {name} out"):
        read(path, query="SELECT * FROM t", **option)


def test_numbers_and_missing_cells_of_a_query_are_those_of_read(write):
    text = "a;b;c;d\n" + "1,5;-;x;13.2.2020\n2.500,5;3;y;3.2.2020\n" * 5
    path = write(text)
    asked, whole = read_query(f"SELECT * FROM '{path}'"), read(path)
    for column, expected in zip(asked.values, whole.values, strict=True):
        np.testing.assert_array_equal(np.asarray(column), np.asarray(expected))
    assert set(whole.notes) <= set(asked.notes)
    assert content(read_query(f"SELECT avg(a) AS m, count(b) AS n FROM '{path}'")) == [[1251], [5]]


def test_markers_beyond_the_first_rows_are_missing_in_a_query(write):
    path = write("a,b\n" + "1,5\n" * 2500 + "-,6\n")
    assert content(read_query(f"SELECT count(a) AS n, sum(b) AS s FROM '{path}'")) == [
        [2500],
        [12506],
    ]


def test_units_of_a_column_that_a_query_leaves_out_do_not_matter(write):
    path = write("a,b,c\n" + "1,5 kg,x\n2,6 kg,y\n" * 3)
    assert content(read_query(f"SELECT sum(a) AS s FROM '{path}'")) == [[9]]
