"""The comparison of estimators, on small cases."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

from command_line import call, refused
from deltaloop.benchmarking import estimators


def small():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    return X, X[:, 0]


def small_cases(quick):
    settings = {"max_iter": 2, "n_iter_no_change": np.inf, "random_state": 0}
    return [
        estimators.Case("fit a", "regressor", small, settings),
        estimators.Case("predict a", "regressor", small, settings, "predict", 7.0),
    ]


def test_command_prints_and_keeps_a_table(monkeypatch, tmp_path):
    monkeypatch.setattr(estimators, "cases", small_cases)
    status, output = call("bench", "--estimators", "--quick", "--json", tmp_path / "kept.json")
    assert status == 0, output
    lines = output.splitlines()
    assert lines[0].split()[:4] == ["scikit-learn", "deltaloop", "times", "target"]
    assert [line.split()[:2] for line in lines[1:3]] == [["fit", "a"], ["predict", "a"]]
    kept = json.loads((tmp_path / "kept.json").read_text("utf-8"))
    assert kept["quick"] is True
    assert set(kept) >= {"date", "machine", "version", "scikit-learn"}
    assert kept["machine"]["n_cpus"] >= 1 and kept["machine"]["processor"]
    fit, predict = kept["rows"]
    assert len(fit["theirs"]) == len(fit["ours"]) == 1
    assert fit["epochs"] == [2, 2]
    assert fit["losses"][0] == pytest.approx(fit["losses"][1], rel=1e-6)
    assert predict["target"] == 7.0


def test_search_measures_both(monkeypatch):
    monkeypatch.setattr(estimators, "_BACKENDS", ("threading",))  # processes take seconds to start
    monkeypatch.setattr(estimators, "_GRID", {"alpha": [0.1, 1.0]})
    settings = {"max_iter": 1, "hidden_layer_sizes": (2,), "random_state": 0}
    case = estimators.Case("search", "regressor", small, settings, "search")
    monkeypatch.setattr(estimators, "cases", lambda quick: [case])
    (row,) = estimators.run(True, lambda done, total, name: None)
    assert row.ratio > 0
    (alone,) = row.alone
    *_, last = estimators.table([row]).splitlines()
    assert "the same, scikit-learn with 1" in last
    assert estimators.duration(alone) in last
    assert row.scores[0] == pytest.approx(row.scores[1], rel=1e-5)


def test_table_shows_the_fastest_of_each():
    row = estimators.Row("fit", 7.0, theirs=[3.0, 2.0, 4.0], ours=[0.5, 0.25], losses=[0.125, 0.5])
    row.alone = [5.0, 4.5]
    _, told, alone = (" ".join(line.split()) for line in estimators.table([row]).splitlines())
    assert told == "fit 2.00 s 250 ms 8.0 7 0.1250 / 0.5000"
    assert alone.endswith(" 1 4.50 s 250 ms 18.0")


def test_cases_are_those_of_the_page():
    names = [case.name for case in estimators.cases(False)]
    assert len(names) == len(set(names)) == 8
    assert [case.name for case in estimators.cases(True)] == names
    page = (Path(__file__).parents[2] / "docs" / "sklearn.md").read_text("utf-8")
    _, _, after = page.partition("| | scikit-learn | deltaloop |")
    told = [line.split(" | ")[0].removeprefix("| ") for line in after.splitlines()[2:9]]
    assert [name for name in names if name in told] == told


def test_other_options_are_refused():
    assert "goes with --quick and --json alone" in refused("bench", "--estimators", "--jobs", "xor")
