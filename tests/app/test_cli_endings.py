"""No file is written under a name that promises another format."""

import pytest

import deltaloop as dl
from command_line import call, read_csv, refused, write_csv


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.npz"
    dl.Network([2, 1], seed=1).save(path)
    return path


@pytest.fixture
def table(tmp_path):
    return write_csv(tmp_path / "t.csv", ["a", "b"], [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("out.csv.gz", "gzip"), ("out.CSV.ZST", "Zstandard"), ("out.parquet", "Parquet"),
        ("out.json", "JSON"), ("out.jsonl", "JSON lines"), ("out.npz", "a network"),
        ("out.npy", "NumPy"), ("out.xlsx", "a spreadsheet"), ("out.svm", "svmlight"),
        ("out.onnx", "ONNX"), ("out.png", "a picture"), ("out.zip", "ZIP"),
    ],
)  # fmt: skip
def test_predictions_are_csv(tmp_path, name, meaning):
    """Before anything is read: there is neither a network nor a table."""
    line = refused("predict", tmp_path / "none.npz", tmp_path / "none.csv", "-o", tmp_path / name)
    assert f"({meaning}" in line and "what is written is CSV" in line and ".csv" in line
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["o.csv", "o.tsv", "o.txt", "o", "o.2026-11", "o.dat", ".o"])
def test_other_names_of_predictions_stay(net, table, tmp_path, name):
    assert call("predict", net, table, "-o", tmp_path / name) == (0, "")
    assert len(read_csv(tmp_path / name)) == 3


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        (["train", "none.csv", "--save", "net.onnx"], "a network"),
        (["train", "none.csv", "--save", "net.npz.gz"], "a network"),
        (["train", "none.csv", "--save", "net.csv"], "a network"),
        (["export", "none.npz", "net.onnx"], "a C header"),
        (["export", "none.npz", "net.npz"], "a C header"),
        (["explain", "--html", "page.pdf"], "an HTML page"),
        (["bench", "--json", "found.csv"], "JSON"),
        (["bench", "--estimators", "--json", "found.html"], "JSON"),
        (["bench", "--tables", "--json", "found.html"], "JSON"),
    ],
)
def test_every_command_keeps_to_its_format(tmp_path, monkeypatch, arguments, written):
    monkeypatch.chdir(tmp_path)
    assert f"but what is written is {written}; give" in refused(*arguments)
    assert not list(tmp_path.iterdir())


def test_a_header_does_not_replace_what_is_read(net):
    before = net.read_bytes()
    assert "would replace what is read" in refused("export", net, net)
    assert net.read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "-"), ("train", "-", "--stream"), ("predict", "net.npz", "-"),
        ("predict", "net.npz", "-", "--id", "a"), ("explain", "net.npz", "-"),
        ("export", "net.npz", "net.h", "--samples", "-"),
    ],
)  # fmt: skip
def test_the_standard_input_is_no_table(net, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    assert "'-' would be the standard input" in refused(*arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["net.npz"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "iris", "--save", "-"), ("export", "net.npz", "-"), ("explain", "--html", "-"),
        ("convert", "net.npz", "-", "--to", "c"), ("bench", "--json", "-"),
    ],
)  # fmt: skip
def test_the_standard_output_is_for_predictions(net, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    assert "'-' would be the standard output" in refused(*arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["net.npz"]
