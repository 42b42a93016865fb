"""Parquet and JSON bring types; compressed files what they hold."""

import gzip
import json

import duckdb
import numpy as np
import pytest

from deltaloop.errors import FileFormatError, InvalidInputError
from deltaloop.tables import read


def parquet(path, select):
    duckdb.connect().execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return path


def test_types_of_parquet_decide(tmp_path):
    select = (
        "SELECT * FROM (VALUES (1, 2.5::DECIMAL(9, 2), true, 'x', DATE '2020-01-02', "
        "TIMESTAMPTZ '2020-01-02 10:00:00+02', 'v'::ENUM('v', 'u'), TIME '10:00:00', '7'), "
        "(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)) "
        "AS t(i, d, b, s, day, moment, e, t, n)"
    )
    table = read(parquet(tmp_path / "t.parquet", select))
    values = dict(zip(table.columns, table.values, strict=True))
    for name, number in (("i", 1), ("d", 2.5), ("t", 36000)):
        np.testing.assert_array_equal(values[name], [number, np.nan])
    for name, text in (("b", "true"), ("s", "x"), ("e", "v"), ("n", "7")):
        assert values[name].tolist() == [text, ""]
    for name, time in (("day", "2020-01-02"), ("moment", "2020-01-02T08:00")):
        np.testing.assert_array_equal(values[name], np.array([time, "NaT"], "datetime64[us]"))
    assert table.notes == ("column 't' has times, which are read as seconds",)


def test_columns_of_parquet_that_hold_lists_are_refused_together(tmp_path):
    path = parquet(tmp_path / "t.parquet", "SELECT [1, 2] AS a, 1 AS b, {'k': 1} AS c")
    with pytest.raises(FileFormatError, match=r"2 problems: .*'a' has the type INTEGER\[\]; .*'c'"):
        read(path)


def test_parquet_that_is_damaged_or_large_is_refused(tmp_path, write):
    path = parquet(tmp_path / "t.parquet", "SELECT range AS a FROM range(1000000)")
    with pytest.raises(
        FileFormatError, match=r"has 1000000 rows of 1 columns: more than the 0\.01"
    ):
        read(path, max_memory=0.01)
    for content in (path.read_bytes()[:2000], b"PAR1 spam PAR1", b"spam"):
        with pytest.raises(FileFormatError, match=r"no whole Parquet file .*copy it again"):
            read(write(content, "t.parquet"))
    empty = parquet(tmp_path / "e.parquet", "SELECT 1 AS a WHERE false")
    with pytest.raises(FileFormatError, match="is empty; a table needs at least one row"):
        read(empty)


ROWS = [
    {"a": 1, "b": "x", "c": True, "day": "2020-01-02"},
    {"b": 'say "hi"', "c": False, "day": None, "late": 1.5},
    {"a": 2.5e3, "b": None, "c": None},
]


@pytest.mark.parametrize("name", ["t.jsonl", "t.ndjson", "t.json", "t.jsonl.gz", "list.json"])
def test_json_is_a_table_of_its_names(write, name):
    text = "\n".join(map(json.dumps, ROWS)) + "\n\n"
    if name == "list.json":
        text = json.dumps(ROWS, indent=1)
    content = gzip.compress(text.encode()) if name.endswith("gz") else text
    table = read(write(content, name))
    values = dict(zip(table.columns, table.values, strict=True))
    np.testing.assert_array_equal(values["a"], [1, np.nan, 2500])
    np.testing.assert_array_equal(values["late"], [np.nan, 1.5, np.nan])
    assert values["b"].tolist() == ["x", 'say "hi"', ""]
    assert values["c"].tolist() == ["true", "false", ""]
    assert values["day"][0] == np.datetime64("2020-01-02")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}\nspam\n', "no table of JSON objects .*every line must be one"),
        ('{"a": [1]}\n{"a": [2]}\n', r"'a' .* holds lists or objects, such as '\[1\]'"),
        ('{"a": {"b": 1}, "c": [1]}\n', "has 2 problems: .*'a'.*'c'"),
        ("", "is empty"),
    ],
)
def test_json_that_is_no_table_is_refused(write, text, message):
    with pytest.raises(FileFormatError, match=message):
        read(write(text, "t.jsonl"))


def test_zstandard_is_unpacked(tmp_path):
    path = tmp_path / "t.csv.zst"
    duckdb.connect().execute(
        "COPY (SELECT range AS n, 'a,\"b\"' AS t FROM range(30000)) TO "
        f"'{path}' (FORMAT csv, COMPRESSION zstd)"
    )
    table = read(path)
    assert table.values[0].tolist() == list(range(30000)) and table.values[1].values == ('a,"b"',)
    with pytest.raises(FileFormatError, match=r"unpacks to more than 2.5e-05 GiB"):
        read(path, max_memory=0.0001)
    whole = path.read_bytes()
    for cut in (1, 3, 40, len(whole) - 3, len(whole) - 6, len(whole) - 20):
        path.write_bytes(whole[:-cut])
        with pytest.raises(FileFormatError, match=r"no whole \.zst file"):
            read(path)
    path.write_bytes(whole + b"\x50\x2a\x4d\x18\x02\0\0\0xx")  # a frame to be skipped
    assert read(path).n_rows == 30000
    path.write_bytes(whole + b"spam")
    with pytest.raises(FileFormatError, match=r"no whole \.zst file"):
        read(path)


@pytest.mark.parametrize("name", ["t.parquet.gz", "t.npy.zst"])
def test_compression_that_a_format_has_not_is_refused(write, name):
    with pytest.raises(InvalidInputError, match=r"cannot be compressed with \..*; unpack it"):
        read(write(b"x", name))
