"""`deltaloop train` and `predict`: how a table is read, by options and in spite of its quirks."""

import sqlite3

import numpy as np
import pytest

import deltaloop as dl
from command_line import call, read_csv, refused, rows, run, write_csv


def spectra(path, order=(0, 1, 2, 3), n=40):
    """Rows of three wavelengths, whose names are numbers, and a class."""
    generator = np.random.default_rng(0)
    values = generator.uniform(100, 900, (n, 3)).round()
    lines = [[*row, "high" if row[0] > 500 else "low"] for row in values.tolist()]
    head = [400, 410, 420, "class"]
    return write_csv(path, [head[k] for k in order], [[line[k] for k in order] for line in lines])


def test_names_that_are_numbers_are_found_in_any_order(tmp_path):
    path, net = spectra(tmp_path / "t.csv"), tmp_path / "net.npz"
    status, output = call("train", path, "--header", "--simple", "--save", net)
    assert status == 0
    assert "32 training + 8 test rows, 3 inputs, 2 classes" in output
    assert rows(call("info", net)[1])["inputs"] == "'400', '410', '420'"
    expected = call("predict", net, path)[1]
    assert len(read_csv(expected)) == 41
    other = spectra(tmp_path / "other.csv", (2, 0, 1))
    assert run("predict", net, other) == (0, expected, "")  # without the class, and without a word


def test_no_header_takes_the_first_row_for_data(tmp_path):
    path = spectra(tmp_path / "t.csv")
    output = call("train", path, "--no-header", "--epochs", 1)[1]
    assert "33 training + 8 test rows, 3 inputs, 3 classes" in output


def test_text_keeps_codes_from_becoming_numbers(tmp_path):
    lines = [[k % 3, k % 2] for k in range(30)]
    path = write_csv(tmp_path / "t.csv", ["code", "y"], lines)
    output = call("train", path, "--text", "code", "--epochs", 1)[1]
    assert "columns: 'code': 3 values, one-hot: '0', '1', '2'\n" in output


def test_decimal_says_what_1_234_is(tmp_path):
    lines = [f'"1,{k:03}",{"a" if k % 2 else "b"}' for k in range(200, 240)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["x,y", *lines]), "utf-8")
    means = {}
    for sign in (",", "."):
        net = tmp_path / "net.npz"
        assert call("train", path, "--decimal", sign, "--epochs", 1, "--save", net)[0] == 0
        means[sign] = dl.load(net).metadata["preparation"]["columns"][0]["scale"]["center"]
    assert 1 < means[","] < 2
    assert 1200 < means["."] < 1240


def test_bad_lines_are_refused_or_left_out(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "".join(f"{k},{k % 2}\n" for k in range(30)) + "1,2,3\n")
    assert "--skip-bad-lines" in refused("train", path)
    status, output = call("train", path, "--skip-bad-lines", "--epochs", 1)
    assert status == 0
    assert "24 training + 6 test rows" in output
    assert output.count("reading: ") == 1


def test_all_problems_of_a_file_are_told_at_once(tmp_path):
    lines = [f"{k} kg,{k} %,{k % 2}" for k in range(30)] + ["1,2"]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["mass,share,y", *lines]), "utf-8")
    told = refused("train", path)
    assert "has 3 problems: (1) " in told
    for part in ("'kg'", "'%'", "--text", "--skip-bad-lines"):
        assert part in told


def test_query_is_trained_on_and_predicted(flowers, tmp_path):
    net = tmp_path / "net.npz"
    sql = f"SELECT length, width + 1 AS wide, species FROM '{flowers}'"
    status, output = call("train", "--query", sql, "--epochs", 3, "--save", net)
    assert status == 0
    assert "96 training + 24 test rows, 2 inputs, 2 classes" in output
    status, output = call("predict", net, "--query", f"{sql} LIMIT 7", "--id", "species")
    assert status == 0
    assert len(read_csv(output)) == 8
    assert "error: " in refused("train", "--query", "SELECT nothing FROM nowhere")


def test_query_reads_a_database(tmp_path):
    path = tmp_path / "sales.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE sales (area REAL, price REAL)")
        values = [(k / 3, 5.0 * k) for k in range(50)]
        database.executemany("INSERT INTO sales VALUES (?, ?)", values)
    database.close()
    status, output = call("train", path, "--query", "SELECT * FROM sales", "--simple")
    assert status == 0
    assert "task: regression" in output


def test_nothing_to_predict_is_refused(tmp_path):
    dl.Network([2, 1]).save(tmp_path / "net.npz")
    assert "'DATA'" in refused("predict", tmp_path / "net.npz")


def test_log_target_learns_ratios(tmp_path):
    x = np.random.default_rng(0).uniform(0, 5, 200)
    path = write_csv(tmp_path / "t.csv", ["x", "y"], [*zip(x, 10**x, strict=True)])
    net, options = tmp_path / "net.npz", ("--simple", "--epochs", 200)
    assert call("train", path, "--log-target", *options, "--save", net)[0] == 0
    _, *lines = read_csv(call("predict", net, path)[1])
    given = np.array(lines, dtype=float)[:, 0]
    assert np.median(np.abs(np.log10(given) - x)) < 0.05
    assert rows(call("info", net)[1])["log"] == "the network predicts log(1 + y)"
    assert dl.tabular.load(net).predict(path) == pytest.approx(given, rel=1e-5)


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ([-1.5, 2.5], "--log-target takes values >= 0, and the target goes down to -1.5"),
        ("ab", "--log-target is for values, but the task is classification"),
    ],
)
def test_log_target_is_refused(tmp_path, values, part):
    path = write_csv(tmp_path / "t.csv", ["x", "y"], [[k / 2, values[k % 2]] for k in range(30)])
    assert part in refused("train", path, "--log-target", "--task", "classification"
                           if values == "ab" else "regression")  # fmt: skip


OF_FILES = ["--header", "--text=a", "--decimal=,", "--skip-bad-lines"]


@pytest.mark.parametrize("option", OF_FILES)
def test_options_of_files_are_not_for_queries(option, flowers, tmp_path):
    dl.Network([2, 1]).save(tmp_path / "net.npz")
    for command in (["train"], ["predict", tmp_path / "net.npz"]):
        told = refused(*command, "--query", f"SELECT * FROM '{flowers}'", option)
        assert f"{option.split('=')[0]} says how a file is read" in told


@pytest.mark.parametrize("option", [*OF_FILES, "--log-target", "--keep=a", "--test=last"])
def test_options_of_tables_are_not_for_bundled_data(option):
    assert f"{option.split('=')[0]} is for tables" in refused("train", "iris", option)
