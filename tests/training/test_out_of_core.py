"""Record batches of Arrow and results of DuckDB: the same training, in the memory of one batch."""

import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import deltaloop as dl

SCRIPT = """
    import json, resource, sys
    import numpy as np
    import deltaloop as dl

    def in_use():
        "Bytes of memory that are no pages of files."
        with open("/proc/self/status") as file:
            sizes = dict(line.split(":", 1) for line in file)
        return 1024 * int(sizes["VmData"].split()[0])

    source, path, room = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if source == "arrow":
        import pyarrow
        import pyarrow.parquet

        pyarrow.set_cpu_count(1)

        def reader():
            return pyarrow.parquet.ParquetFile(path, pre_buffer=False).iter_batches(
                16384, use_threads=False
            )
    else:
        import duckdb

        def reader():
            connection = duckdb.connect(config={"threads": 1, "memory_limit": "16MB"})
            connection.execute("SET enable_progress_bar = false")
            return connection.sql(f"SELECT * FROM '{path}'").to_arrow_reader(16384)

    def batches():
        for batch in reader():
            columns = [np.asarray(column) for column in batch.columns]
            yield np.column_stack(columns[:-1]), columns[-1]

    def first():
        yield next(batches())

    net = dl.Network([16, 4, 1])
    net.fit(first, batch_size=64, epochs=1)  # what is loaded at the first call is loaded
    limit = in_use() + room
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    try:
        np.ones(2**26)
    except MemoryError:
        print("no room for all of it")
    history = net.fit(batches, batch_size=64, epochs=1)
    print(json.dumps([len(history), bool(np.isfinite(net.theta).all())]))
"""


def written(path, n, n_columns):
    """A Parquet file of random numbers, in groups of 16384 rows."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rng = np.random.default_rng(0)
    names = [f"x{k}" for k in range(n_columns - 1)] + ["y"]
    schema = pyarrow.schema([(name, pyarrow.float32()) for name in names])
    with parquet.ParquetWriter(path, schema, compression="none") as writer:
        for _ in range(0, n, 16384):
            columns = rng.random((n_columns, 16384), np.float32)
            writer.write_batch(pyarrow.record_batch(list(columns), schema=schema))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("source", ["arrow", "duckdb"])
def test_training_needs_the_memory_of_some_batches(source, tmp_path):
    if source == "duckdb":
        duckdb = pytest.importorskip("duckdb")
        if not hasattr(duckdb.DuckDBPyRelation, "to_arrow_reader"):
            pytest.skip("this DuckDB has other names for record batches")
    path = tmp_path / "samples.parquet"
    written(path, 2**20, 17)
    room = {"arrow": 2**25, "duckdb": 7 * 2**23}[source]  # DuckDB takes 40 MB for itself
    assert path.stat().st_size > 1.2 * room
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), source, str(path), str(room)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    told, found = done.stdout.splitlines()
    assert told == "no room for all of it"
    assert json.loads(found) == [1, True]


def test_record_batches_are_the_rows_that_they_hold(tmp_path):
    path = tmp_path / "samples.parquet"
    written(path, 3 * 16384, 4)
    parquet = pytest.importorskip("pyarrow.parquet")

    def batches():
        for batch in parquet.ParquetFile(path).iter_batches(16384):
            columns = [np.asarray(column) for column in batch.columns]
            yield np.column_stack(columns[:-1]), columns[-1]

    X, y = (np.concatenate(parts) for parts in zip(*batches(), strict=True))
    one, other = dl.Network([3, 4, 1]), dl.Network([3, 4, 1])
    one.fit(batches, batch_size=64, epochs=2, shuffle=False)
    other.fit(X, y, batch_size=64, epochs=2, shuffle=False)
    np.testing.assert_array_equal(one.theta, other.theta)
