"""`deltaloop train` by the recipe, which is the default."""

import re
import signal
import time

import numpy as np
import pytest

import deltaloop as dl
from command_line import call, number, read_csv, rows, start, write_csv


@pytest.fixture
def rings(tmp_path):
    """300 rows that no line divides."""
    X = np.random.default_rng(0).uniform(-1, 1, (300, 2)).round(4)
    names = np.where((X**2).sum(axis=1) < 0.6, "inside", "outside")
    return write_csv(
        tmp_path / "rings.csv",
        ["a", "b", "where"],
        [[*x, n] for x, n in zip(X, names, strict=True)],
    )


def test_table_is_learned_saved_and_predicted(rings, tmp_path):
    net = tmp_path / "net.npz"
    status, output = call("train", rings, "--save", net)
    assert status == 0
    found = rows(output)
    assert "networks of" in found["trained"]
    assert number(found["test accuracy"]) > 90
    assert found["learning curve"].startswith("█")
    header, *lines = read_csv(call("predict", net, rings)[1])
    assert header == ["where", "probability", "probability of inside", "probability of outside"]
    truth = [row[2] for row in read_csv(rings)[1:]]
    assert np.mean([line[0] == name for line, name in zip(lines, truth, strict=True)]) > 0.95
    model = dl.tabular.load(net)
    assert model.predict(str(rings)).tolist() == [line[0] for line in lines]
    assert model.scores["accuracy"] == pytest.approx(number(found["test accuracy"]) / 100, abs=1e-4)
    told = rows(call("info", net)[1])
    assert told["training"] == found["trained"]
    assert told["column 'a'"] == "number, scaled by median and quartiles"


def test_seed_decides_what_is_learned(rings, tmp_path):
    def theta(seed):
        net = tmp_path / "net.npz"
        assert call("train", rings, "--seed", seed, "--save", net)[0] == 0
        return dl.load(net).theta.tobytes()

    assert theta(1) == theta(1) != theta(2)


def test_values_have_intervals_from_rows_held_back_where_there_is_no_test_part(prices, tmp_path):
    found = rows(call("train", prices, "--target", "price", "--test-fraction", 0)[1])
    assert found["test"] == "no test part"
    assert re.search(r"from \d+ rows held back in training\)$", found["interval"])
    own, constant = found["held-out RMSE"].split(" (constant answer: ")
    assert number(own) < 0.3 * number(constant)


def test_four_rows_are_learned(tmp_path):
    path = write_csv(
        tmp_path / "xor.csv", ["a", "b", "y"], [[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]
    )
    found = rows(call("train", path)[1])
    assert found["train accuracy"] == "100.00 % (constant answer: 50.00 %)"
    assert found["test"] == "no test part"


@pytest.mark.parametrize("name", ["iris", "xor", "sine"])
def test_bundled_data_are_learned(name, tmp_path):
    net = tmp_path / "net.npz"
    status, output = call("train", name, "--save", net)
    assert status == 0
    found = rows(output)
    part = "train" if found.get("test") else "test"
    score = f"{part} R²" if name == "sine" else f"{part} accuracy"
    assert number(found[score]) > (0.95 if name == "sine" else 90)
    n = len(dl.datasets.load(name).X)
    assert len(read_csv(call("predict", net, name)[1])) == n + 1


def test_budget_is_spent(rings):
    begin = time.perf_counter()
    status, output = call("train", rings, "--budget", 1.5)
    assert status == 0
    assert 1 < time.perf_counter() - begin < 30  # on a busy machine
    assert number(rows(output)["test accuracy"]) > 90


@pytest.mark.parametrize("budget", [(), ("--budget", 30)])
def test_ctrl_c_reports_and_saves_what_was_learned(tmp_path, budget):
    generator = np.random.default_rng(0)
    X = generator.normal(size=(20000, 10)).round(3)
    lines = [[*x, int(x.sum() > 0)] for x in X]
    path = write_csv(tmp_path / "t.csv", [*"abcdefghij", "y"], lines)
    net = tmp_path / "net.npz"
    for seconds in (0.5, 2, 8):  # until the first networks train, which a busy machine puts off
        process = start("train", path, "--save", net, *budget)
        while not process.stdout.readline().startswith("columns:"):
            pass
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, err) == (130, "")
        if out:
            break
    assert "test accuracy" in rows(out)
    assert "stopped by Ctrl-C" in out
    assert dl.load(net).classes == ("0", "1")
