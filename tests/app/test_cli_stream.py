"""`deltaloop train --stream`: a file in pieces is learned as a table is."""

import numpy as np
import pytest

import deltaloop as dl
from command_line import call, number, read_csv, refused, rows, write_csv
from deltaloop.app import streaming


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(streaming, "ROWS", 250)


@pytest.fixture
def stream(tmp_path):
    """500 rows: a row number, three inputs, one of them text, a class and a value."""
    generator = np.random.default_rng(0)
    lines = []
    for k in range(500):
        a, b, kind = generator.normal(), generator.normal(), generator.choice(["x", "y"])
        total = a + b + (kind == "x")
        lines.append([k, f"{a:.4f}", f"{b:.4f}", kind, "up" if total > 0.5 else "down", 9 * total])
    return write_csv(tmp_path / "t.csv", ["n", "a", "b", "kind", "class", "value"], lines)


def test_classes_are_learned_from_pieces(stream, tmp_path):
    net = tmp_path / "net.npz"
    status, output = call(
        "train", stream, "--stream", "--target", "class", "--ignore", "value", "--epochs", 6,
        "--optimizer", "adam", "--learning-rate", 0.02, "--explain", "--save", net,
    )  # fmt: skip
    assert status == 0
    found = rows(output)
    n_test = int(found["data:"].split(" + ")[1].split()[0])
    assert f"{500 - n_test} training + {n_test} test rows, read in pieces, 3 inputs" in output
    assert n_test == 100
    assert "rows: columns are judged by the first 250 rows" in output
    assert "columns: 'n': counts rows, dropped" in output
    assert number(found["test accuracy"]) > 90
    assert "of the first 200 training rows" in found["train scores"]
    assert "with a column shuffled" in output
    header, *lines = read_csv(call("predict", net, stream)[1])
    assert header[:2] == ["class", "probability"]
    truth = [row[4] for row in read_csv(stream)[1:]]
    assert np.mean([line[0] == name for line, name in zip(lines, truth, strict=True)]) > 0.9


def test_values_are_learned_from_pieces(stream, tmp_path):
    net = tmp_path / "net.npz"
    options = ("--ignore", "class", "--stream", "--optimizer", "adam", "--save", net)
    options += ("--learning-rate", 0.02, "--epochs", 8)
    found = rows(call("train", stream, *options)[1])
    assert number(found["test R²"]) > 0.95
    assert "from 100 test rows" in found["interval"]
    y = np.array([row[5] for row in read_csv(stream)[1:]], dtype=float)
    scaling = dl.load(net).scaling
    assert scaling.y_mean[0] == pytest.approx(y.mean(), abs=1)  # of all pieces, not of the first


def test_every_row_trains_where_there_is_no_test_part(stream):
    output = call(
        "train", stream, "--ignore", "class", "--stream", "--test-fraction", 0, "--epochs", 1
    )[1]
    assert "500 training + 0 test rows" in output
    assert rows(output)["test"] == "no test part"


def test_pieces_are_those_of_the_seed(stream, tmp_path):
    def theta(seed):
        net = tmp_path / "net.npz"
        options = ("--ignore", "class", "--stream", "--epochs", 1, "--seed", seed)
        assert call("train", stream, *options, "--save", net)[0] == 0
        return dl.load(net).theta.tobytes()

    assert theta(1) == theta(1) != theta(2)


def test_classes_of_later_pieces_and_rows_without_target(tmp_path):
    lines = [[k % 7, "" if k % 10 == 0 else "c" if k > 300 else "ab"[k % 2]] for k in range(400)]
    path = write_csv(tmp_path / "t.csv", ["x", "y"], lines)
    output = call("train", path, "--stream", "--epochs", 1)[1]
    assert "3 classes" in output
    assert "288 training + 72 test rows" in output


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ("--stream iris", "--stream reads a file that is larger than memory"),
        ("--stream --query 'SELECT'", "--stream reads a file that is larger than memory"),
        ("--stream {} --test last", "leave --test last out, or --stream"),
        ("--stream {} --group kind", "leave --group out, or --stream"),
        ("--stream {} --budget 5", "--stream for the textbook network"),
        ("--stream {} --validation 0.2", "needs all samples at once"),
        ("--stream {} --target nothing", "no column 'nothing'"),
    ],
)
def test_refusals(stream, options, part):
    arguments = options.format(stream).replace("'", "").split()
    assert part in refused("train", *arguments)


def test_file_that_is_sorted_by_class_is_refused(tmp_path):
    path = write_csv(tmp_path / "t.csv", ["x", "y"], [[k % 7, "ab"[k > 299]] for k in range(400)])
    told = refused("train", path, "--stream")
    assert "in the first 250 rows, by which --stream judges: target 'y' has the value a" in told
    assert "has to be shuffled first" in told


@pytest.mark.parametrize(
    ("cell", "more", "told"),
    [
        ("inf", [], "target 'y' is infinite in row 401; correct the cell"),
        ("-2", ["--log-target"], "target 'y' is below 0 (--log-target) in row 401"),
    ],
)
def test_targets_of_later_pieces_are_looked_at(tmp_path, cell, more, told):
    lines = [[k % 7, k % 50 + 0.5] for k in range(500)]
    lines[400][1] = cell
    path = write_csv(tmp_path / "t.csv", ["a", "y"], lines)
    assert told in refused("train", path, "--stream", *more)


def test_the_file_is_looked_through_once(stream, monkeypatch):
    """Pieces of 250 rows: the first one, all of them, and all of them in every epoch."""
    n_pieces = []

    def counted(*arguments, **options):
        n_pieces.append(0)
        for table in batches(*arguments, **options):
            n_pieces[-1] += 1
            yield table

    batches = streaming.batches
    monkeypatch.setattr(streaming, "batches", counted)
    status, _ = call("train", stream, "--stream", "--target", "class", "--epochs", 3)
    assert status == 0 and n_pieces == [1, 2, 2, 2, 2]


def test_a_class_that_a_later_piece_brings_is_sorted_among_the_others(tmp_path):
    lines = [[k % 7, "pq"[k % 2] if k < 300 else "apq"[k % 3]] for k in range(500)]
    path = write_csv(tmp_path / "t.csv", ["a", "y"], lines)
    net = tmp_path / "net.npz"
    assert call("train", path, "--stream", "--epochs", 1, "--save", net)[0] == 0
    assert dl.load(net).classes == ("a", "p", "q")


@pytest.mark.parametrize("most", [1, 2])
def test_a_target_has_no_more_classes_than_can_be_told_apart(stream, monkeypatch, most):
    monkeypatch.setattr(streaming, "_MOST_CLASSES", most)
    arguments = ("train", stream, "--stream", "--target", "class", "--ignore", "value",
                 "--epochs", 1)  # fmt: skip
    if most == 2:
        assert call(*arguments)[0] == 0
    else:
        assert "'class' has more than 1 classes" in refused(*arguments)
