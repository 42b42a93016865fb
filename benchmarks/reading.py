"""How long a table takes from a CSV file to arrays, against DuckDB alone on the same file.

    python benchmarks/reading.py [--rows 300000] [--values 3,20,100,2] [--repeats 5]

DuckDB is told the types and the dialect, and hands over arrays (text as str objects); `read` finds
them out, and hands over codes of text. Both in turn; the least of the processor times, and of the
times by the clock.
"""

import argparse
import csv
import os
import tempfile
import time
from functools import partial

import numpy as np

from deltaloop.tables import read
from deltaloop.tables.delimited import TEXT_ENDINGS, beginning
from deltaloop.tables.dialects import sniff

_NUMBERS = 9
_MISSING = 0.05


def write_table(path, n_rows, n_values, seed=0):
    """14 columns: six of floats, one with holes, three of integers, four of text and one of dates.

    Returns the types of the columns, as SQL has them.
    """
    generator = np.random.default_rng(seed)
    columns = [[f"{x:.6f}" for x in generator.normal(size=n_rows)] for _ in range(6)]
    columns[3] = [
        "" if gone else x
        for x, gone in zip(columns[3], generator.random(n_rows) < _MISSING, strict=True)
    ]
    columns += [generator.integers(0, high, n_rows).tolist() for high in (90, 100_000, 75)]
    for n in n_values:
        columns.append([f"value {k}" for k in generator.integers(0, n, n_rows)])
    first = np.datetime64("2020-01-01")
    columns.append((first + generator.integers(0, 1000, n_rows)).astype(str).tolist())
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([f"c{k}" for k in range(len(columns))])
        writer.writerows(zip(*columns, strict=True))
    return ["DOUBLE"] * _NUMBERS + ["VARCHAR"] * len(n_values) + ["TIMESTAMP"]


def with_duckdb(path, types):
    """Arrays from DuckDB, to which nothing is left to guess."""
    import duckdb

    columns = ", ".join(f"'c{k}': '{type_}'" for k, type_ in enumerate(types))
    return duckdb.sql(
        f"SELECT * FROM read_csv('{path}', columns={{{columns}}}, auto_detect=false, delim=',', "
        "quote='\"', escape='\"', new_line='\\n', header=false, skip=1, nullstr='')"
    ).fetchnumpy()


def timed(call):
    """Processor time and time by the clock, in seconds."""
    clock, processor = time.perf_counter(), time.process_time()
    call()
    return time.process_time() - processor, time.perf_counter() - clock


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--values", default="3,20,100,2", help="different ones, of columns of text")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    n_values = [int(one) for one in options.values.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "t.csv")
        types = write_table(path, options.rows, n_values)
        size = os.path.getsize(path) / 1e6
        print(
            f"{options.rows} rows, {len(types)} columns, {size:.1f} MB, text of {n_values} values"
        )
        times = {"DuckDB": [], "read": [], "of that, the dialect": []}
        with_duckdb(path, types)
        read(path)
        for _ in range(options.repeats):
            times["DuckDB"].append(timed(lambda: with_duckdb(path, types)))
            times["read"].append(timed(lambda: read(path)))
            head = beginning(path, path)
            times["of that, the dialect"].append(timed(partial(sniff, *head, TEXT_ENDINGS[".csv"])))
    least = {
        name: [min(each) for each in zip(*found, strict=True)] for name, found in times.items()
    }
    for name, (processor, clock) in least.items():
        ratio = f"   {processor / least['DuckDB'][0]:.2f} times DuckDB" if name == "read" else ""
        print(f"{name:22}{processor:8.3f} s of processor{clock:8.3f} s{ratio}")


if __name__ == "__main__":
    main()
