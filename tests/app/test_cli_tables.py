"""Tables that the command line learns from: small, large, odd, and in every format."""

import numpy as np
import pytest

import deltaloop as dl
from command_line import call, rows, write_csv
from deltaloop.app.holdout import Choice
from deltaloop.app.problems import Reading, open_problem


@pytest.mark.parametrize("target", ["text", "number"])
def test_five_rows(tmp_path, target):
    values = {"text": "pqpqr", "number": [1.5, 2.5, 0.5, 3.5, 1.0]}[target]
    lines = [[i, 5 - i, value] for i, value in enumerate(values)]
    path = write_csv(tmp_path / "five.csv", ["a", "b", "y"], lines)
    status, output = call("train", path, "--simple", "--save", tmp_path / "net.npz")
    assert status == 0
    assert "5 training rows, too few for a test part (--test-fraction 0.2 makes one)," in output
    assert rows(output)["test"] == "no test part"
    assert "4 training + 1 test row," in call("train", path, "--test-fraction", 0.2, "--simple")[1]
    assert call("predict", tmp_path / "net.npz", path)[0] == 0


def test_two_rows(tmp_path):
    path = write_csv(tmp_path / "two.csv", ["a", "y"], [[1, 2.5], [2, 3.5]])
    assert call("train", path)[0] == 0


def test_every_class_is_trained_even_those_of_one_row(tmp_path):
    names = [*"ABCDEFGH", *["common"] * 32]
    path = write_csv(tmp_path / "t.csv", ["a", "y"], list(enumerate(names)))
    problem = open_problem(str(path), Reading(), Choice())
    assert set(problem.y_train) == set(range(9))
    assert 6 <= len(problem.y_test) <= 8  # 0.2 of 32
    assert set(problem.y_test) == {problem.classes.index("common")}


@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.5, 0.9])
def test_test_part_has_every_class_in_proportion(tmp_path, fraction):
    names = ["a"] * 100 + ["b"] * 60 + ["c"] * 40
    path = write_csv(tmp_path / "t.csv", ["x", "y"], list(enumerate(names)))
    problem = open_problem(str(path), Reading(), Choice(fraction))
    counts = np.bincount(problem.y_test)
    np.testing.assert_allclose(counts, fraction * np.array([100, 60, 40]), atol=1)
    rows_of_both = np.concatenate([part.column("x") for part in (problem.train, problem.test)])
    assert sorted(rows_of_both) == list(range(200))


def test_many_classes(tmp_path):
    lines = [[i % 7, i % 11, f"class {i % 300}"] for i in range(900)]
    path = write_csv(tmp_path / "t.csv", ["a", "b", "y"], lines)
    status, output = call("train", path, "--epochs", 1)
    assert status == 0
    assert "300 classes" in output


def test_constant_columns(tmp_path):
    lines = [[7, i / 2, "same", i % 2] for i in range(30)]
    path = write_csv(tmp_path / "t.csv", ["a", "b", "c", "y"], lines)
    status, output = call("train", path, "--simple")
    assert status == 0
    assert "columns: 'a': dropped: 7 in every row\n" in output
    assert "columns: 'c': dropped: 'same' in every row\n" in output
    assert "guessed: target 'y' has only 2 different whole numbers" in output


def test_constant_numeric_target_is_warned_of(tmp_path):
    path = write_csv(tmp_path / "t.csv", ["a", "y"], [[i, 3.5] for i in range(30)])
    status, output = call("train", path)
    assert status == 0
    assert "warning: target 'y' is 3.5 in every row, so there is nothing to learn\n" in output
    assert "undefined" in rows(output)["train R²"]


def test_mistyped_number_in_the_target_is_warned_of(tmp_path):
    lines = [[i, "12..5" if i == 3 else i % 5 + 0.5] for i in range(30)]
    path = write_csv(tmp_path / "t.csv", ["a", "y"], lines)
    status, output = call("train", path)
    assert status == 0
    assert (
        "reading: column 'y' counts as text because of 1 cell such as '12..5' in row 4;" in output
    )


def test_mistyped_number_in_an_input_is_warned_of(tmp_path):
    lines = [[i / 2, "12..5" if i == 3 else i, i % 2] for i in range(30)]
    path = write_csv(tmp_path / "t.csv", ["a", "b", "y"], lines)
    status, output = call("train", path)
    assert status == 0
    assert (
        "reading: column 'b' counts as text because of 1 cell such as '12..5' in row 4;" in output
    )
    assert "column 'a'" not in output


def test_file_without_header(tmp_path):
    lines = [[i, -i, "yes" if i % 2 else "no"] for i in range(30)]
    path, net = write_csv(tmp_path / "t.csv", None, lines), tmp_path / "net.npz"
    status, output = call("train", path, "--save", net)
    assert status == 0
    assert "target 'x3' is text" in output
    bare = write_csv(tmp_path / "bare.csv", None, [line[:2] for line in lines])
    assert call("predict", net, bare) == call("predict", net, path)


def test_numeric_classes_keep_their_names(tmp_path):
    lines = [[i, [-1, 1, 2.5][i % 3]] for i in range(30)]
    path, net = write_csv(tmp_path / "t.csv", ["a", "y"], lines), tmp_path / "net.npz"
    assert call("train", path, "--task", "classification", "--save", net)[0] == 0
    assert dl.load(net).classes == ("-1", "1", "2.5")


def test_other_files(tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 3))
    np.save(tmp_path / "t.npy", np.c_[X, X[:, 0]])
    np.savez(tmp_path / "t.npz", X=X, y=X[:, 0] > 0)
    (tmp_path / "t.svm").write_text("".join(f"{x[0] > 0:d} 2:{x[0]:.3f}\n" for x in X))
    for name in ("t.npy", "t.npz", "t.svm"):
        net = tmp_path / "net"
        assert call("train", tmp_path / name, "--save", net)[0] == 0, name
        assert call("predict", net, tmp_path / name)[1].count("\n") == 61, name
