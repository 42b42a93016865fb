"""A table is read for `predict` as it was for `train`, without saying so again."""

import numpy as np
import pytest

import deltaloop as dl
from command_line import call, refused
from deltaloop.app.kept_reading import as_in_training
from deltaloop.app.problems import Reading

N = 60


@pytest.fixture
def table(tmp_path):
    """Where -999 is missing, fractions have a comma, a code is text and a mass has a unit."""
    random = np.random.default_rng(0)
    size = np.round(random.normal(size=N), 3)
    codes = random.choice(["01", "1", "2"], N)
    mass = random.integers(1, 9, N)
    y = 2 * size + (codes == "01") * 5 + mass
    path = tmp_path / "table.csv"
    lines = ["size;code;mass;y"]
    for k in range(N):
        cell = "-999" if k % 10 == 0 else f"{size[k]:.3f}".replace(".", ",")
        lines.append(f"{cell};{codes[k]};{mass[k]} kg;{y[k]:.3f}".replace(".", ","))
    path.write_text("\n".join(lines) + "\n")
    return path


OPTIONS = ("--missing", "-999", "--text", "code", "--numbers", "mass", "--decimal", ",")


@pytest.fixture
def net(table, tmp_path):
    path = tmp_path / "net.npz"
    options = ("--target", "y", *OPTIONS, "--save", path)
    assert call("train", table, *options, "--epochs", 2)[0] == 0
    return path


def test_options_of_training_are_known(table, net):
    known = call("predict", net, table)
    assert "read as in training: --text code --numbers mass --missing -999 --decimal ," in known[1]
    again = call("predict", net, table, *OPTIONS)
    assert known[1].splitlines()[-N:] == again[1].splitlines()[-N:]
    assert "as in training" not in again[1]


def test_one_that_is_given_counts(table, net):
    known = call("predict", net, table)[1].splitlines()[-N:]
    other = call("predict", net, table, "--missing", "nothing")[1].splitlines()[-N:]
    differing = [k for k in range(N) if known[k] != other[k]]
    assert differing == list(range(0, N, 10))  # where -999 is a number now


def test_targets_and_columns_that_are_no_inputs_are_not_asked_for(table, tmp_path):
    path = tmp_path / "net.npz"
    options = ("--target", "y", "--ignore", "code", "--text", "code", "--numbers", "3,y")
    code, _ = call("train", table, *options, "--missing", "-999", "--save", path, "--epochs", 2)
    assert code == 0
    assert dl.load(path).metadata["reading"] == {"numbers": ["mass"], "missing": ["-999"]}
    new = tmp_path / "new.csv"
    new.write_text("mass;size\n3 kg;0,5\n")
    assert call("predict", path, new)[0] == 0


def test_file_that_is_no_text_needs_none_of_them(net, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"size": [0.5], "code": ["01"], "mass": [3.0]})
    frame.to_parquet(tmp_path / "new.parquet")
    assert call("predict", net, tmp_path / "new.parquet")[0] == 0


def test_what_a_damaged_file_says_is_refused(net, table):
    damaged = dl.load(net)
    for kept in ({"missing": 3}, {"header": ["x"]}, ["missing"], {"text": [1]}):
        damaged.metadata = damaged.metadata | {"reading": kept}
        damaged.save(net)
        assert "makes no sense" in refused("predict", net, table)


def test_nothing_is_kept_where_nothing_was_asked(tmp_path):
    path = tmp_path / "net.npz"
    assert call("train", "iris", "--save", path, "--epochs", 2)[0] == 0
    assert "reading" not in dl.load(path).metadata


def test_answers_of_a_query_are_read_as_they_are(table, net):
    metadata = dl.load(net).metadata
    assert as_in_training(Reading(), metadata, str(table))[1]
    asked = Reading(query="SELECT * FROM data")
    assert as_in_training(asked, metadata, str(table)) == (asked, ())
