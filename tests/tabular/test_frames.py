"""Frames without rows, with a name twice, and with names of several levels."""

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.tables import from_frame

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
pyarrow = pytest.importorskip("pyarrow")

RNG = np.random.default_rng(0)
FRAME = pandas.DataFrame({"a": RNG.normal(size=50), "b": RNG.normal(size=50)})
FRAME["kind"] = np.where(FRAME.a > 0, "x", "y")
FRAME["size"] = 2 * FRAME.b


def model_of(target):
    return dl.tabular.fit(FRAME[["a", "b", *np.atleast_1d(target)]], target, simple=True)


@pytest.fixture(scope="module")
def model():
    return model_of("kind")


NONE = FRAME.iloc[:0]
NO_ROWS = {
    "pandas": NONE,
    "polars": polars.from_pandas(NONE),
    "pyarrow": pyarrow.Table.from_pandas(NONE),
    "dict": {"a": [], "b": np.zeros(0)},
    "array": np.zeros((0, 2)),
    "fields": np.zeros(0, [("a", float), ("b", float)]),
}


@pytest.mark.parametrize("frame", NO_ROWS.values(), ids=NO_ROWS)
def test_a_batch_without_rows_gives_a_result_without_rows(model, frame):
    assert model.predict(frame).shape == (0,)
    assert model.predict(frame).dtype == model.predict(FRAME).dtype
    assert model.predict_proba(frame).shape == (0, 2)


def test_of_values_and_of_several_targets_as_well():
    assert model_of("size").predict(NONE).shape == (0,)
    both = dl.tabular.fit(FRAME, ["kind", "size"]).predict(NONE)
    assert {name: one.shape for name, one in both.items()} == {"kind": (0,), "size": (0,)}


@pytest.mark.parametrize("frame", NO_ROWS.values(), ids=NO_ROWS)
def test_nothing_is_learned_or_scored_without_rows(model, frame):
    with pytest.raises(dl.InvalidInputError, match=r"no rows|one row at least"):
        dl.tabular.fit(frame)
    with pytest.raises(dl.InvalidInputError, match=r"no rows|one row at least"):
        model.score(frame)


def test_a_frame_without_columns_is_no_batch(model):
    with pytest.raises(dl.InvalidInputError, match=r"no columns"):
        model.predict(pandas.DataFrame())


@pytest.mark.parametrize(
    "frame",
    [
        pandas.concat([FRAME, FRAME[["a"]]], axis=1),
        pyarrow.table([FRAME.a, FRAME.kind, FRAME.a], names=["a", "kind", "a"]),
        pandas.DataFrame({1: FRAME.a, "1": FRAME.b}),
        {1: FRAME.a, "1": FRAME.b},
    ],
    ids=["pandas", "pyarrow", "1 and '1'", "dict"],
)
def test_a_name_twice_is_named_with_advice(frame):
    with pytest.raises(
        dl.InvalidInputError, match=r"has several columns named '[a1]'; give every column its own"
    ):
        from_frame(frame)


def test_names_of_several_levels_are_tuples():
    frame = FRAME.copy()
    frame.columns = pandas.MultiIndex.from_tuples(
        [("in", "a"), ("in", "b"), ("out", "kind"), ("out", "size")]
    )
    kind, size = ("out", "kind"), ("out", "size")
    model = dl.tabular.fit(frame, kind, ignore=[size], simple=True)
    assert model.targets == (str(kind),) and model.classes == ("x", "y")
    assert [column.name for column in model.preparation.columns] == [
        str(("in", "a")),
        str(("in", "b")),
    ]
    assert np.mean(model.predict(frame) == FRAME.kind) > 0.9
    assert dl.tabular.fit(frame, [kind, size]).targets == (str(kind), str(size))


def test_a_wrong_name_among_several_is_named():
    with pytest.raises(dl.InvalidInputError, match=r"no column 'sizee'.*did you mean 'size'"):
        dl.tabular.fit(FRAME, ["kind", "sizee"])
    with pytest.raises(dl.InvalidInputError, match=r"no column 'out'"):
        dl.tabular.fit(FRAME, ("out", "kind"))
