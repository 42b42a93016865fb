"""`deltaloop predict`: what is written, to where, and from which columns."""

import csv
import io

import numpy as np
import pytest

import deltaloop as dl
from command_line import call, read_csv, refused, rows, write_csv


def test_bundled_data(tmp_path):
    net = tmp_path / "net.npz"
    assert call("train", "iris", "--simple", "--save", net)[0] == 0
    header, *lines = read_csv(call("predict", net, "iris")[1])
    names = ["setosa", "versicolor", "virginica"]
    assert header == ["class", "probability", *(f"probability of {name}" for name in names)]
    assert {line[0] for line in lines} == {"setosa", "versicolor", "virginica"}


def test_several_outputs(tmp_path):
    net = tmp_path / "net.npz"
    assert call("train", "encoder", "--simple", "--save", net)[0] == 0
    header, *lines = read_csv(call("predict", net, "encoder")[1])
    assert header == [f"y{k}" for k in range(1, 9)]
    given = np.array(lines, dtype=float)
    assert np.array_equal(given.argmax(axis=1), np.arange(8))


def test_numbers_read_back_bit_for_bit(tmp_path):
    net = dl.Network([2, 3, 1], seed=1)
    net.save(tmp_path / "net.npz")
    X = np.random.default_rng(0).normal(size=(50, 2)) * 10.0 ** np.arange(-25, 25)[:, None]
    write_csv(tmp_path / "t.csv", ["a", "b"], X.tolist())
    lines = read_csv(call("predict", tmp_path / "net.npz", tmp_path / "t.csv")[1])[1:]
    assert np.array_equal(np.array(lines, dtype=np.float32), net.predict(X))


def test_network_from_python_names_its_classes(tmp_path):
    net = dl.Network([2, 1], loss="binary_cross_entropy")
    net.classes = ("no", "yes")
    net.W[0], net.b[0] = [[1.0, 0.0]], [0.0]
    net.save(tmp_path / "net.npz")
    path = write_csv(tmp_path / "t.csv", ["a", "b"], [[2, 0], [-3, 0]])
    lines = read_csv(call("predict", tmp_path / "net.npz", path)[1])
    assert [line[0] for line in lines] == ["class", "yes", "no"]
    assert float(lines[1][1]) == pytest.approx(1 / (1 + np.exp(-2)), rel=1e-5)
    assert float(lines[2][1]) == pytest.approx(1 / (1 + np.exp(-3)), rel=1e-5)


def test_network_from_python_takes_every_column(tmp_path):
    dl.Network([2, 1]).save(tmp_path / "net.npz")
    wide = write_csv(tmp_path / "wide.csv", ["a", "b", "y"], [[1, 2, 3]])
    wider = write_csv(tmp_path / "wider.csv", ["a", "b", "c", "y"], [[1, 2, 3, 4]])
    text = write_csv(tmp_path / "text.csv", ["a", "b"], [[1, 2], [3, "x"]])
    line = refused("predict", tmp_path / "net.npz", wide)
    assert "3 columns" in line
    assert "remove the column of the target" in line
    assert "4 columns" in refused("predict", tmp_path / "net.npz", wider)
    assert "'b'" in refused("predict", tmp_path / "net.npz", text)


def test_output_is_whole_or_not_there(flowers, tmp_path):
    net, out = tmp_path / "net.npz", tmp_path / "out.csv"
    assert call("train", flowers, "--simple", "--save", net)[0] == 0
    out.write_text("before")
    bad = write_csv(tmp_path / "bad.csv", ["length", "width", "colour"], [[1, "wide", "red"]])
    assert "wide" in refused("predict", net, bad, "-o", out)
    assert out.read_text() == "before"
    assert call("predict", net, flowers, "-o", out) == (0, "")
    assert len(read_csv(out)) == 121
    assert not list(tmp_path.glob(".*"))


def test_missing_column_is_named(flowers, tmp_path):
    net = tmp_path / "net.npz"
    assert call("train", flowers, "--simple", "--save", net)[0] == 0
    path = write_csv(tmp_path / "t.csv", ["length", "colour"], [[1, "red"]])
    assert "no column 'width'" in refused("predict", net, path)


def test_inputs_are_never_replaced(flowers, tmp_path):
    net = tmp_path / "net.npz"
    assert call("train", flowers, "--simple", "--save", net)[0] == 0
    assert "would replace" in refused("predict", net, flowers, "-o", flowers)
    assert "would replace" in refused("predict", net, flowers, "-o", net)
    assert "would replace" in refused("train", flowers, "--save", flowers)


def test_files_in_the_wrong_order(flowers, tmp_path):
    net = tmp_path / "net.npz"
    assert call("train", flowers, "--simple", "--save", net)[0] == 0
    assert "flowers.csv" in refused("predict", flowers, net)
    assert "No such file" in refused("predict", tmp_path / "no.npz", flowers)


def predicted(folder, classes, *options):
    """What is written for a network with these classes, each of which is predicted once."""
    net = dl.Network([len(classes)] * 2, loss="cross_entropy")
    net.W[0], net.b[0] = np.eye(len(classes)), np.zeros(len(classes))
    net.classes, net.metadata = tuple(classes), {"target": "=1+1"}
    net.save(folder / "net.npz")
    names = [f"x{k}" for k in range(len(classes))]
    path = write_csv(folder / "t.csv", names, np.eye(len(classes)).tolist())
    status, output = call("predict", folder / "net.npz", path, *options)
    assert status == 0
    return output


@pytest.mark.parametrize("written", ["printed", "file"])
def test_no_cell_is_run_by_a_spreadsheet(tmp_path, written):
    formulas = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\uff1d1+1", "  =1"]
    others = ["-1.5", "+1e5", "-1e-3", "a=b", "'=1", "no", "", "-"]
    if written == "file":
        assert predicted(tmp_path, formulas + others, "-o", tmp_path / "out.csv") == ""
        text = (tmp_path / "out.csv").read_text("utf-8")
    else:
        text = predicted(tmp_path, formulas + others)
    header, *lines = csv.reader(io.StringIO(text, newline=""))
    assert header[:2] == ["'=1+1", "probability"]
    assert not any(name.startswith(("=", "+", "-", "@")) for name in header)
    expected = [f"'{name}" for name in formulas] + others[:-1] + ["'-"]
    assert [line[0] for line in lines] == expected


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_no_part_of_a_cell_is_run_by_a_spreadsheet_that_divides_elsewhere(tmp_path, delimiter):
    names = [f"a{delimiter}=1+1", f'say "{delimiter}=1"', "plain"]
    text = predicted(tmp_path, names)
    _, *lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    assert not any(cell.startswith("=") for line in lines for cell in line)
    _, *lines = csv.reader(io.StringIO(text, newline=""))
    assert [line[0] for line in lines] == names


@pytest.mark.parametrize("written", ["printed", "file"])
def test_no_name_moves_the_cursor(tmp_path, written):
    names = [
        "\x1b[31mred",
        "a\rb",
        "bell\x07",
        "\x9b2J",
        "\u202eleft",
        "half \ud800",
        "two\nlines",
        "\u00e4",
    ]
    if written == "file":
        assert predicted(tmp_path, names, "-o", tmp_path / "out.csv") == ""
        text = (tmp_path / "out.csv").read_text("utf-8")
    else:
        text = predicted(tmp_path, names)
    lines = list(csv.reader(io.StringIO(text, newline="")))
    assert [line[0] for line in lines[1:]] == [
        r"\x1b[31mred", r"a\rb", r"bell\x07", r"\x9b2J", r"\u202eleft", r"half \ud800",
        "two\nlines", "\u00e4",
    ]  # fmt: skip


def test_file_of_the_first_version_still_predicts(tmp_path):
    net = dl.Network([3, 4, 1], activation="tanh", seed=1)
    X = np.array([[1.7e9 + 1, 0, 1], [1.7e9 + 3, 1, 0], [1.7e9 + 2, 0, 1]])  # no float32 has these
    net.scaling = dl.Scaling.standardize(X, np.array([[1.0], [2.0], [4.0]]))
    columns = [{"name": "t", "categories": None}, {"name": "kind", "categories": ["a", "b"]}]
    net.metadata = {"encoding": {"columns": columns}, "target": "y", "task": "regression"}
    net.save(tmp_path / "net.npz")
    lines = [["b", 1, 1700000001], ["a", 2, 1700000003], ["b", 3, 1700000002]]
    path = write_csv(tmp_path / "t.csv", ["kind", "other", "t"], lines)
    header, *given = read_csv(call("predict", tmp_path / "net.npz", path)[1])
    assert header == ["y"]
    np.testing.assert_allclose(np.array(given, dtype=float), net.predict(X), atol=1e-6)
    found = rows(call("info", tmp_path / "net.npz")[1])
    assert found["inputs"] == "'t', 'kind=a', 'kind=b'"
    assert found["target"] == "'y'"


def test_large_values_are_rounded_to_the_units_that_float32_tells(tmp_path):
    random = np.random.default_rng(0)
    X = random.normal(size=60)  # y is learned in units of 5e7, with an error of some 5e7 / 2^23
    write_csv(tmp_path / "t.csv", ["x", "y"], np.column_stack([X, 5e7 * X]).tolist())
    net = tmp_path / "net.npz"
    assert call("train", tmp_path / "t.csv", "--epochs", 2, "--save", net)[0] == 0
    lines = read_csv(call("predict", net, tmp_path / "t.csv")[1])[1:]
    assert any(abs(float(line[0])) < 2**22 for line in lines)  # where float32 has halves
    assert all(cell.endswith(".0") for line in lines for cell in line)
