"""`dl.tabular.fit`: what it takes, what the model answers, and that its file answers the same."""

from dataclasses import replace

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.errors import DeltaloopWarning, FileFormatError, InvalidInputError, InvalidTypeError
from deltaloop.tables import Table
from deltaloop.tabular import search


def frame(n=90, seed=0):
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n)
    colour = rng.choice(["red", "green", "blue"], n)
    size[7 % n] = np.nan
    big = np.nan_to_num(size) + (colour == "red") > 0.2
    price = 100 + 20 * np.nan_to_num(size) + 5 * (colour == "blue")
    return {
        "row": np.arange(n),
        "size": size,
        "colour": colour,
        "price": price,
        "kind": np.where(big, "big", "small"),
    }


@pytest.fixture(scope="module")
def of_classes():
    return dl.tabular.fit(frame(), "kind", ignore=["price"])


@pytest.fixture(scope="module")
def of_values():
    return dl.tabular.fit(frame(), "price", ignore=["kind"])


def test_classes_are_learned_and_answered_in_the_type_of_the_table(of_classes):
    later = frame(200, seed=1)
    assert of_classes.task == "classification" and of_classes.classes == ("big", "small")
    assert np.mean(of_classes.predict(later) == later["kind"]) > 0.9
    numbers = dl.tabular.fit({**frame(), "kind": (frame()["kind"] == "big") * 3.0}, "kind")
    assert set(numbers.predict(later).tolist()) == {0.0, 3.0}


def test_probabilities_sum_to_1_and_choose_the_class(of_classes):
    P = of_classes.predict_proba(frame())
    np.testing.assert_allclose(P.sum(axis=1), 1, rtol=1e-5)
    chosen = np.array(of_classes.classes)[P.argmax(axis=1)]
    assert (chosen == of_classes.predict(frame())).all()


def test_values_are_learned_in_their_own_units(of_values):
    later = frame(200, seed=1)
    assert of_values.task == "regression"
    error = of_values.predict(later) - later["price"]
    assert np.sqrt(np.mean(error**2)) < 0.2 * later["price"].std()
    with pytest.raises(InvalidInputError, match="predicts values; use predict"):
        of_values.predict_proba(later)


def test_scores_of_held_out_rows_stand_beside_the_constant_answer(of_classes, of_values):
    scores = of_classes.scores
    assert scores["accuracy"] > 0.85 > scores["accuracy of the constant"]
    assert scores["log loss"] < scores["log loss of the constant"]
    assert of_values.scores["RMSE"] < 0.3 * of_values.scores["RMSE of the constant"]
    later = frame(200, seed=1)
    assert of_classes.score(later) == of_classes.score(later, later["kind"])


def test_report_says_what_was_done_to_every_column(of_classes):
    report = of_classes.report()
    for told in (
        "target kind (classification)", "row: counts rows, dropped",
        "size: number, scaled by median and quartiles; 1 missing cell becomes the median",
        "colour: 3 values, one-hot", "price: ignored", "guessed: target 'kind' is text",
        "accuracy", "constant answer",
    ):  # fmt: skip
        assert told in report


@pytest.mark.parametrize("which", ["of_classes", "of_values"])
def test_file_answers_as_the_model(which, request, tmp_path):
    model = request.getfixturevalue(which)
    model.save(tmp_path / "model.npz")
    again = dl.tabular.load(tmp_path / "model.npz")
    later = frame(50, seed=2)
    np.testing.assert_array_equal(again.predict(later), model.predict(later))
    assert again.report() == model.report() and again.classes == model.classes
    net = dl.load(tmp_path / "model.npz")
    X = model.preparation.transform(dl.tabular.as_table(later))
    np.testing.assert_array_equal(net.predict(X), model.net.predict(X))


def test_same_seed_same_answers():
    one, other = (dl.tabular.fit(frame(40), "price", seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.predict(frame()), other.predict(frame()))


def test_targets_may_be_given_apart():
    columns = frame()
    y = columns.pop("kind")
    model = dl.tabular.fit(columns, y, ignore=["price"], simple=True)
    assert model.targets == ("target",) and np.mean(model.predict(columns) == y) > 0.9


def test_targets_may_be_rows_of_a_list():
    columns = frame()
    y = np.c_[columns.pop("price"), columns["size"]].tolist()
    model = dl.tabular.fit(columns, y, ignore="kind", simple=True)
    assert model.targets == ("target 1", "target 2")


def test_targets_of_pandas_may_be_missing():
    pandas = pytest.importorskip("pandas")
    columns = frame()
    kind = pandas.Series(columns.pop("kind"), dtype="string")
    kind[3] = pandas.NA
    model = dl.tabular.fit(columns, kind, ignore=["price"], simple=True)
    assert model.classes == ("big", "small")
    assert "1 row without target left out" in model.notes


def test_arrays_are_tables():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    model = dl.tabular.fit(X, X[:, 0] > 0, simple=True)
    assert model.classes == ("0", "1") and np.mean(model.predict(X) == (X[:, 0] > 0)) > 0.9


@pytest.mark.parametrize("package", ["pandas", "polars", "pyarrow"])
def test_data_frames_are_tables(package):
    library = pytest.importorskip(package)
    make = library.table if package == "pyarrow" else library.DataFrame
    model = dl.tabular.fit(make(frame()), "kind", ignore=["price"], simple=True)
    turned = {name: frame()[name] for name in ("colour", "size")}
    expected = model.predict(frame())
    assert (model.predict(make(turned)) == expected).all()
    assert np.mean(expected == frame()["kind"]) > 0.9


def test_file_is_a_table(tmp_path):
    path = tmp_path / "table.csv"
    columns = frame()
    lines = [
        "size,kind",
        *(f"{s},{k}" for s, k in zip(columns["size"], columns["kind"], strict=True)),
    ]
    path.write_text("\n".join(lines))
    assert dl.tabular.fit(path, simple=True).targets == ("kind",)


def test_several_targets_are_one_network():
    columns = frame()
    model = dl.tabular.fit(columns, ["price", "size"], simple=True)
    assert model.net.sizes[-1] == 2 and model.predict(columns).shape == (90, 2)
    assert any("1 row without target left out" in note for note in model.notes)
    with pytest.raises(InvalidInputError, match="'kind' holds text, such as"):
        dl.tabular.fit(columns, ["price", "kind"], task="regression")


def test_log_of_the_target():
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 3, 80)
    model = dl.tabular.fit({"x": x, "y": np.exp(3 * x)}, "y", log_target=True)
    np.testing.assert_allclose(
        np.log(model.predict({"x": [0.5, 2.5]})), [1.5, 7.5], rtol=0.2, atol=0.2
    )
    with pytest.raises(InvalidInputError, match="values >= 0"):
        dl.tabular.fit({"x": x, "y": -x}, "y", log_target=True)
    told = dl.tabular.fit({"x": x, "y": np.exp(5 * x)}, "y", simple=True).notes
    assert any("heavy tail" in note for note in told)


def test_progress_of_a_budget_ends_with_the_choice_among_kinds():
    told = []
    model = dl.tabular.fit(
        frame(), "kind", budget=1.0, progress=lambda fraction, text: told.append((fraction, text))
    )
    assert told[-1][0] == 1.0 and "kinds are averaged" in told[-1][1]
    assert len(told) >= 6 and set(model.scores) >= {"accuracy", "log loss"}


def test_budget_is_spent_on_kinds_that_it_has_time_for(monkeypatch):
    now = [0.0]

    def slow(X, Y, recipe, held, seed, weights=None):
        now[0] += 0.02 * recipe.epochs
        return member(X, Y, replace(recipe, epochs=min(recipe.epochs, 3)), held, seed, weights)

    member = search.trained_member
    monkeypatch.setattr(search, "trained_member", slow)
    monkeypatch.setattr(search, "perf_counter", lambda: now[0])
    dl.tabular.fit(frame(), "kind", budget=3.0)
    assert now[0] <= 3.0
    told = []
    dl.tabular.fit(frame(), "kind", budget=100.0, progress=lambda _, text: told.append(text))
    assert 50 < now[0] <= 103.0
    assert len({text.partition(": ")[2] for text in told[:-1]}) > 1  # kinds


def test_four_rows_are_enough():
    xor = {"a": [0.0, 0, 1, 1], "b": [0.0, 1, 0, 1], "y": [0.0, 1, 1, 0]}
    model = dl.tabular.fit(xor, "y")
    assert model.predict(xor).tolist() == xor["y"] and model.scores == {}


def test_rows_weigh_what_they_are_given():
    x = np.tile([0.0, 1.0], 20)
    y = np.repeat([0.0, 1.0], 20)
    weights = np.where(y == 1, 3.0, 1.0)
    columns = {"x": x, "z": np.tile([1.0, 1, 0, 0], 10), "y": y}
    model = dl.tabular.fit(columns, "y", task="regression", sample_weight=weights)
    assert model.predict(columns).mean() == pytest.approx(0.75, abs=0.1)


def test_text_column_becomes_means_of_its_targets():
    columns = frame()
    encode = {"colour": "target"}
    classes = dl.tabular.fit(columns, "kind", ignore=["price"], encode=encode, simple=True)
    colours = classes.preparation.columns[1]
    assert np.shape(colours.means) == (4, 2)  # three colours and missing cells, two classes
    assert np.mean(classes.predict(columns) == columns["kind"]) > 0.85
    # the deviation of a constant is not exactly 0
    columns["price"] = np.full(90, 0.1)
    constant = dl.tabular.fit(columns, "price", ignore=["kind"], encode=encode, simple=True)
    np.testing.assert_allclose(constant.preparation.columns[1].means, 0, atol=1e-6)


def test_unseen_category_is_warned_of(of_classes):
    later = frame(5)
    later["colour"] = np.array(["red", "pink", "red", "pink", "blue"])
    with pytest.warns(DeltaloopWarning, match="'colour' has 2 cells with a value"):
        of_classes.predict(later)


def fit(target="kind", columns=None, **settings):
    return dl.tabular.fit(frame() if columns is None else columns, target, **settings)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fit("kinds"), InvalidInputError, "did you mean 'kind'"),
        (lambda: fit(task="clustering"), InvalidInputError, "unknown task"),
        (lambda: fit(task="regression"), InvalidInputError, "holds text"),
        (lambda: fit(np.ones(3)), InvalidInputError, r"one for every row, \(90,\)"),
        (lambda: fit(budget=0), InvalidInputError, "budget must be finite and > 0"),
        (lambda: fit(budget=1, simple=True), InvalidInputError, "leave budget"),
        (lambda: fit(random_state=1), InvalidTypeError, "seed=0"),
        (lambda: fit([[1], [1, 2]]), InvalidInputError, "targets cannot be read as an array"),
        (lambda: fit(columns=[[1], [1, 2]]), InvalidInputError, "table cannot be read as an array"),
        (lambda: fit(seed=-1), InvalidInputError, "seed must be a whole number >= 0, got -1"),
        (lambda: fit(seed=0.5), InvalidTypeError, "seed must be a whole number, got 0.5"),
        (lambda: fit(keep=0.5), InvalidTypeError, "keep must be a text, or several, got 0.5"),
        (lambda: fit(ignore=None), InvalidTypeError, "ignore must be a text, or several, got None"),
        (lambda: fit(keep="no"), InvalidInputError, "no column 'no'"),
        (lambda: fit(encode="colour"), InvalidTypeError, r"encode must be a dict .*, got 'colour'"),
        (lambda: fit(columns=3), InvalidTypeError, "frame"),
        (
            lambda: fit("b", {"a": [1.0, 2], "b": [1.0, 1]}, task="classification"),
            InvalidInputError,
            "the value 1 in every row",
        ),
        (
            lambda: fit("b", {"a": [1.0, 2], "b": [np.nan] * 2}),
            InvalidInputError,
            "missing in every row",
        ),
        (
            lambda: fit("b", {"a": [1.0, 2], "b": [np.inf, 1]}),
            InvalidInputError,
            "infinite in row 1",
        ),
        (lambda: fit("b", {"a": [1.0], "b": [1.0]}), InvalidInputError, "a single row"),
        (lambda: fit(sample_weight=[1.0]), InvalidInputError, "sample_weight must have shape"),
        (lambda: fit(sample_weight=["a"] * 90), InvalidTypeError, "sample_weight"),
        (
            # the first row has no target, and counts
            lambda: fit(
                "size",
                dict(frame(), size=[np.nan, *range(89)]),
                sample_weight=[1.0] * 80 + [-1.0] + [1.0] * 9,
            ),
            InvalidInputError,
            "must be >= 0, got -1 at sample 80",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_network_without_a_table_is_no_model(tmp_path):
    dl.Network([2, 3, 1]).save(tmp_path / "net.npz")
    with pytest.raises(FileFormatError, match="knows of no table"):
        dl.tabular.load(tmp_path / "net.npz")


def test_model_whose_columns_do_not_fit_the_network_is_refused(of_values, tmp_path):
    net = dl.Network([9, 3, 1])
    net.metadata = of_values.metadata()
    with pytest.raises(FileFormatError, match="the network takes 9 inputs"):
        dl.tabular.Model.of_network(net)


@pytest.mark.parametrize("n_out", [1, 3])
def test_model_of_classes_has_an_output_for_each(of_classes, n_out):
    net = dl.Network([of_classes.net.sizes[0], 3, n_out], output="sigmoid")
    net.metadata = of_classes.metadata()
    with pytest.raises(FileFormatError, match=f"gives {n_out} outputs"):
        dl.tabular.Model.of_network(net)


def test_table_is_taken_as_it_is():
    rows = Table(("a", "b"), [np.array([1.0, 5, 2]), np.array([1.0, 2, 2])])
    assert dl.tabular.as_table(rows) is rows


def test_rows_of_one_class_and_of_unknown_classes_have_scores(of_classes):
    later = frame(40, seed=1)
    big = {name: column[later["kind"] == "big"] for name, column in later.items()}
    scores = of_classes.score(big)
    assert scores["accuracy"] == np.mean(of_classes.predict(big) == "big")
    assert scores["accuracy of the constant"] == 1
    unknown = np.where(np.arange(len(big["kind"])) < 2, "huge", "big")
    assert of_classes.score(big, unknown)["accuracy"] <= 1 - 2 / len(unknown)
    assert of_classes.score(big, ["huge"] * len(unknown)) == {"accuracy": 0.0}
    with pytest.raises(InvalidInputError, match="'kind' is missing in every row"):
        of_classes.score(big, [""] * len(unknown))
