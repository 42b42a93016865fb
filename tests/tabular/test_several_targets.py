"""Several targets of which some are classes: one network with a head for each; and groups."""

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.errors import FileFormatError, InvalidInputError
from deltaloop.tabular.arrays import Targets, group_numbers, parts
from deltaloop.tabular.lengths import held_parts
from deltaloop.tabular.recipe import Recipe, trained_member


def frame(n=160, seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n))
    return {
        "a": a, "b": b, "who": rng.integers(0, 12, n) + 0.5,
        "kind": np.where(a > 0.5, "hi", np.where(a < -0.5, "lo", "mid")),
        "ok": b > 0, "price": 5000 + 100 * a,
    }  # fmt: skip


@pytest.fixture(scope="module", params=["simple", "recipe"])
def mixed(request):
    is_simple = request.param == "simple"
    return dl.tabular.fit(frame(), ["kind", "price"], ignore=["ok", "who"], simple=is_simple)


def test_a_budget_is_spent_on_several_targets_too():
    columns = frame()
    model = dl.tabular.fit(columns, ["kind", "price"], ignore=["ok", "who"], budget=0.3)
    assert any(note.startswith("the average of") for note in model.notes)
    assert model.predict(columns)["price"].shape == (160,)
    assert model.scores["RMSE of price"] < 2 * model.scores["RMSE of price of the constant"]


@pytest.mark.parametrize("targets", ["kind", ["kind", "price"]])
def test_a_budget_that_is_too_short_is_told_in_the_report(targets):
    model = dl.tabular.fit(frame(), targets, ignore=["ok", "who"], budget=1e-4)
    assert "was enough for 1 epoch of each network" in model.report()


def test_a_budget_that_suffices_is_not_spoken_of():
    model = dl.tabular.fit(frame(), "kind", ignore=["ok", "who"], budget=1.0)
    assert "was enough" not in model.report()


def test_every_target_has_its_answers(mixed):
    later = frame(100, seed=1)
    found = mixed.predict(later)
    assert mixed.task == "mixed" and mixed.classes == {"kind": ("hi", "lo", "mid")}
    assert np.mean(found["kind"] == later["kind"]) > 0.85
    assert np.sqrt(np.mean((found["price"] - later["price"]) ** 2)) < 40  # of 100
    P = mixed.predict_proba(later)
    assert list(P) == ["kind"] and P["kind"].shape == (100, 3)
    np.testing.assert_allclose(P["kind"].sum(axis=1), 1, atol=1e-5)
    assert (np.array(["hi", "lo", "mid"])[P["kind"].argmax(axis=1)] == found["kind"]).all()


def test_scores_name_their_target(mixed):
    later = frame(100, seed=1)
    scores, found = mixed.score(later), mixed.predict(later)
    assert scores["accuracy of kind"] == np.mean(found["kind"] == later["kind"])
    error = np.sqrt(np.mean((found["price"] - later["price"]) ** 2))
    assert scores["RMSE of price"] == pytest.approx(error)
    assert scores["RMSE of price of the constant"] == pytest.approx(np.std(later["price"]))
    assert "classes of kind: hi, lo, mid" in mixed.report()


def test_file_keeps_all_targets(mixed, tmp_path):
    mixed.save(tmp_path / "net.npz")
    later, again = frame(20, seed=1), dl.tabular.load(tmp_path / "net.npz")
    for other in (again, dl.load(tmp_path / "net.npz")):
        for name, expected in mixed.predict(later).items():
            np.testing.assert_array_equal(other.predict(later)[name], expected)
    assert again.report() == mixed.report() and again.task == "mixed"
    net = dl.load(tmp_path / "net.npz")
    net.metadata["kinds"] = [["hi", "lo"], None]
    net.save(tmp_path / "net.npz")
    with pytest.raises(FileFormatError, match="the network gives 4 outputs, which is not what it"):
        dl.tabular.load(tmp_path / "net.npz")


def test_targets_that_are_all_classes_are_classification():
    model = dl.tabular.fit(frame(), ["kind", "ok"], ignore=["price", "who"], simple=True)
    assert model.task == "classification" and model.classes["ok"] == ("false", "true")
    assert model.net.sizes[-1] == 5
    few = {"a": [1, 2, 3, 4], "b": [0, 1, 0, 1], "c": ["p", "q", "q", "p"]}
    assert dl.tabular.fit(few, ["b", "c"], task="classification", simple=True).kinds[0] == (
        0.0,
        1.0,
    )
    with pytest.raises(
        InvalidInputError, match="log_target is for values >= 0, and the target is c"
    ):
        dl.tabular.fit(frame(), ["kind", "price"], log_target=True)


def test_targets_side_by_side_are_what_each_is_alone():
    y = np.column_stack([[0, 2, 1, 0], [5.0, 7.0, 9.0, 7.0]])
    found, values = Targets.of(y, (("k", 3), ("v", None))), Targets.of(y[:, 1:], None)
    np.testing.assert_array_equal(found.y[:, :3], np.eye(3)[[0, 2, 1, 0]])
    np.testing.assert_array_equal(found.y[:, 3:], values.y)
    np.testing.assert_allclose(found.in_units(found.y)[:, 3], y[:, 1])


def test_a_network_of_heads_speaks_in_the_units_of_its_targets():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2)).astype(np.float32)
    y = np.column_stack([X[:, 0] > 0, 300 + 20 * X[:, 1]])
    Y = Targets.of(y, (("k", 2), ("v", None)))
    net = trained_member(X, Y, Recipe(epochs=2, widths=(4,)), np.zeros(0, int), 0).net
    before = net.predict(X)
    Y.give(net)
    np.testing.assert_allclose(net.predict(X)[:, 2], Y.in_units(before)[:, 2], rtol=1e-5)
    np.testing.assert_array_equal(net.predict(X)[:, :2], before[:, :2])


def test_rows_of_one_group_are_in_one_part():
    rng = np.random.default_rng(0)
    groups = group_numbers(rng.integers(0, 30, 300).tolist())
    found = parts(np.zeros(300), 5, True, 0, groups)
    assert sorted(np.concatenate(found)) == list(range(300))
    of = [set(groups[rows].tolist()) for rows in found]
    assert sum(map(len, of)) == len(set.union(*of))
    assert max(map(len, found)) - min(map(len, found)) <= 20
    assert len(parts(np.zeros(6), 5, True, 0, np.array([0, 0, 0, 1, 1, 1]))) == 2
    assert group_numbers(["a", None, "a", None]).tolist() == [0, 1, 0, 2]


def test_networks_are_held_back_whole_groups():
    groups = np.repeat(np.arange(3), 20)
    Y = Targets.of(np.arange(60) % 2, 2)
    held = held_parts(Y, Recipe(members=4), 0, groups)
    assert len(held) == 4 and all(len(set(groups[rows])) == 1 for rows in held)


def test_scores_with_groups_are_those_of_new_ones():
    """Each group has a label of its own, which only its own rows tell: new groups are guessed."""
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(40), 6)
    label = rng.integers(0, 2, 40)[who]
    columns = {"place": [f"place {k}" for k in who], "who": who.astype(float), "label": label}
    apart = dl.tabular.fit(columns, "label", group="who", encode={})
    mixed_up = dl.tabular.fit(columns, "label", ignore=["who"])
    assert apart.preparation.names == ("place",)
    assert apart.scores["accuracy"] < mixed_up.scores["accuracy"] - 0.1
    assert dl.tabular.fit(columns, "label", group="who", budget=0.3).scores["accuracy"] < 0.75


def test_a_group_is_nothing_else():
    columns = frame()
    with pytest.raises(InvalidInputError, match="'kind' is the group, and can be no target"):
        dl.tabular.fit(columns, "kind", group="kind")
    with pytest.raises(InvalidInputError, match="'who' is the group, and can be no"):
        dl.tabular.fit(columns, "kind", group="who", keep=["who"])
    one = {"a": np.arange(30.0), "g": ["x"] * 30, "y": ["p", "q"] * 15}
    assert dl.tabular.fit(one, "y", group="g").scores["accuracy"] >= 0  # a single group: any rows
