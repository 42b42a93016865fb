"""Networks out of files that know the columns of a table: `predict` takes tables and arrays."""

import copy
import pickle

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.errors import FileFormatError, InvalidInputError
from deltaloop.tabular import TableNetwork


def frame(n=60, seed=0):
    rng = np.random.default_rng(seed)
    size, colour = rng.uniform(0, 1, n), rng.choice(["red", "blue"], n)
    return {"size": size, "colour": colour, "kind": np.where(size > 0.5, "big", "small")}


@pytest.fixture(scope="module")
def model():
    return dl.tabular.fit(frame(), "kind", simple=True)


@pytest.fixture
def saved(model, tmp_path):
    model.save(tmp_path / "net.npz")
    return tmp_path / "net.npz"


def test_loaded_network_predicts_tables_as_the_model(model, saved):
    net, later = dl.load(saved), frame(20, seed=1)
    np.testing.assert_array_equal(net.predict(later), model.predict(later))
    np.testing.assert_array_equal(net.predict_proba(later), model.predict_proba(later))
    shuffled = {name: later[name] for name in reversed(later)}
    np.testing.assert_array_equal(net.predict(shuffled), model.predict(later))
    assert net.model.report() == model.report()


@pytest.mark.parametrize("package", ["pandas", "polars", "pyarrow"])
def test_loaded_network_takes_data_frames(package, model, saved):
    library = pytest.importorskip(package)
    make = library.table if package == "pyarrow" else library.DataFrame
    later = frame(20, seed=1)
    np.testing.assert_array_equal(dl.load(saved).predict(make(later)), model.predict(later))


def test_loaded_network_takes_a_file_and_named_fields(model, saved, tmp_path):
    pytest.importorskip("duckdb")
    (tmp_path / "new.csv").write_text("colour,size\nred,0.9\nblue,0.1\n")
    assert dl.load(saved).predict(tmp_path / "new.csv").tolist() == ["big", "small"]
    fields = np.array([("red", 0.9), ("blue", 0.1)], [("colour", "U4"), ("size", "f8")])
    assert dl.load(saved).predict(fields).tolist() == ["big", "small"]


def test_arrays_are_inputs_as_for_any_network(model, saved):
    net = dl.load(saved)
    X = model.preparation.transform(dl.tabular.as_table(frame()))
    assert isinstance(net, dl.Network)
    np.testing.assert_array_equal(net.predict(X), model.net.predict(X))
    np.testing.assert_array_equal(net.predict(X.tolist()), model.net.predict(X))


def test_missing_column_is_named(saved):
    with pytest.raises(InvalidInputError, match="has no column 'colour'"):
        dl.load(saved).predict({"size": [0.1]})


def test_copies_know_the_columns(saved):
    net, later = dl.load(saved), frame(5, seed=1)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert isinstance(other, TableNetwork)
        np.testing.assert_array_equal(other.predict(later), net.predict(later))
    net.save(saved)
    np.testing.assert_array_equal(dl.load(saved).predict(later), net.predict(later))


@pytest.mark.parametrize(
    "metadata", [None, {"encoding": "one-hot"}, {"preparation": ["a"]}, {"columns": [1]}]
)
def test_metadata_of_users_makes_no_table(metadata, tmp_path):
    net = dl.Network([2, 1])
    net.metadata = metadata
    net.save(tmp_path / "net.npz")
    assert type(dl.load(tmp_path / "net.npz")) is dl.Network


def test_damaged_columns_are_told_when_a_table_comes(saved):
    net = dl.load(saved)
    net.metadata["preparation"]["columns"] = [{"kind": "nothing"}]
    net.save(saved)
    assert dl.load(saved).sizes == net.sizes
    with pytest.raises(FileFormatError, match="preparation of the columns is damaged"):
        dl.load(saved).predict(frame())
