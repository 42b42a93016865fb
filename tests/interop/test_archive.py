"""Saving and loading: every bit comes back, and what cannot come back is not saved."""

import json
import threading
import warnings

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels
from deltaloop.interop.archive import VERSION
from stored_networks import new_net, same


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.npz"


# there and back


def test_file_with_a_state_has_the_newest_version(path):
    new_net().save(path, state=True)
    with np.load(path) as archive:
        assert json.loads(str(archive["format"]))["version"] == VERSION


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_round_trip_keeps_every_bit(path, dtype):
    net = new_net(dtype)
    net.W[0][:] = np.finfo(dtype).max / np.arange(1, 16).reshape(5, 3)
    net.b[0][:] = [-0.0, np.finfo(dtype).smallest_subnormal, np.pi, -1e-30, 1]
    net.save(path)
    assert same(dl.load(path), net)


def test_round_trip_after_training_predicts_the_same(path):
    digits = dl.datasets.load("digits")
    net = dl.Network([64, 12, 10], loss="cross_entropy", activation="relu")
    net.scaling = dl.Scaling.standardize(digits.X_train)
    net.fit(digits.X_train[:200], digits.y_train[:200], epochs=2)
    net.save(path)
    assert dl.load(path).predict(digits.X_test).tobytes() == net.predict(digits.X_test).tobytes()


@pytest.mark.parametrize("targets", [False, True])
def test_scaling_comes_back_with_and_without_targets(path, targets):
    net = dl.Network([3, 2])
    X, Y = np.arange(12.0).reshape(4, 3), np.arange(8.0).reshape(4, 2)
    net.scaling = dl.Scaling.standardize(X, Y if targets else None)
    net.save(path)
    assert same(dl.load(path), net)
    assert (dl.load(path).scaling.y_mean is not None) is targets


@pytest.mark.parametrize(
    "optimizer",
    [dl.SGD(), dl.SGD(1 / 3, 0.9, nesterov=True), dl.SGD(0), dl.Adam(), dl.Adam(0.1, 0, 0.5, 1.0)],
    ids=repr,
)
def test_settings_of_the_optimizer_come_back(path, optimizer):
    net = dl.Network([2, 1])
    net.optimizer = optimizer
    net.save(path)
    loaded = dl.load(path)
    assert loaded.optimizer == optimizer
    assert type(loaded.optimizer) is type(optimizer)
    for one in (net, loaded):
        one.learn_one([1.0, 2.0], [3.0])
    assert loaded.theta.tobytes() == net.theta.tobytes()


def test_state_of_the_optimizer_starts_afresh_in_a_loaded_network(path):
    net = dl.Network([2, 1])
    net.optimizer = dl.SGD(0.1, momentum=0.9)
    net.learn_one([1.0, 2.0], [3.0])
    net.save(path)
    loaded = dl.load(path)
    net.optimizer = net.optimizer  # afresh
    for one in (net, loaded):
        one.learn_one([1.0, 2.0], [3.0])
    assert loaded.theta.tobytes() == net.theta.tobytes()


def test_optimizer_of_a_class_of_the_user_is_not_replaced_by_another(path, tmp_path):
    class Decaying(dl.SGD):
        pass

    net = dl.Network([2, 1])
    net.optimizer = Decaying(0.5)
    with pytest.raises(dl.InvalidInputError, match="an optimizer of your own class is code"):
        net.save(path)
    assert list(tmp_path.iterdir()) == []


def test_network_without_extras_comes_back_without(path):
    net = dl.Network([1, 1])
    net.save(path)
    loaded = dl.load(path)
    assert (loaded.scaling, loaded.classes, loaded.metadata) == (None, None, None)


def test_loaded_network_is_whole(path):
    new_net().save(path)
    net = dl.load(path)
    assert net.theta.ctypes.data % 64 == 0
    assert np.shares_memory(net.W[0], net.theta)
    net.scaling = None
    net.fit(np.ones((4, 3)), np.ones((4, 2)), epochs=1)
    net.save(path)
    assert same(dl.load(path), net)


@pytest.mark.parametrize("backend", kernels.available())
def test_loaded_network_uses_the_backend_asked_for(path, backend):
    dl.Network([2, 1], backend="reference").save(path)
    assert dl.load(path, backend=backend).backend_name == backend


def test_unknown_backend_is_no_damage_of_the_file(path, monkeypatch):
    dl.Network([2, 1]).save(path)
    with pytest.raises(dl.InvalidInputError, match=r"unknown backend 'cyton'.*mean 'cython'"):
        dl.load(path, backend="cyton")
    monkeypatch.setenv("DELTALOOP_BACKEND", "fortran")
    with pytest.raises(dl.InvalidInputError, match=r"in DELTALOOP_BACKEND 'fortran'"):
        dl.load(path)


@pytest.mark.parametrize("labels", [[3, 1, 3], ["3", "1", "3"], [3.0, 1.0, 3.0]])
def test_class_names_of_numpy_are_saved_as_texts(path, labels):
    net = dl.Network([2, 2])
    net.classes = tuple(np.unique(labels))
    net.save(path)
    assert dl.load(path).classes == tuple(str(name) for name in sorted(set(labels)))


def test_metadata_that_is_no_json_is_refused_and_nothing_is_written(path, tmp_path):
    net = dl.Network([2, 2])
    for metadata in ({"a": np.arange(2)}, {"a": {1, 2}}, {("a", "b"): 1}):
        net.metadata = metadata
        with pytest.raises(dl.InvalidInputError, match="metadata must hold plain lists, dicts"):
            net.save(path)
    assert list(tmp_path.iterdir()) == []


def test_file_can_be_read_by_numpy_alone(path):
    net = new_net()
    net.save(path)
    with np.load(path) as archive:
        assert (archive["W1"] == net.W[0]).all()
        assert (archive["b3"] == net.b[2]).all()
        assert "b2" not in archive
        assert json.loads(str(archive["format"]))["version"] == 1


def test_name_is_used_as_it_is(tmp_path):
    for name in ("net", "net.model", "nétz ∂.npz", str(tmp_path / "as text.npz")):
        dl.Network([2, 1]).save(tmp_path / name)
        assert dl.load(tmp_path / name).sizes == (2, 1)
    assert len(list(tmp_path.iterdir())) == 4


def test_one_network_gives_one_file_byte_for_byte(tmp_path):
    for name in ("a", "b"):
        new_net().save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_network_with_parameters_that_are_not_finite_is_not_saved(path, tmp_path, bad):
    net = dl.Network([2, 1])
    net.b[0][0] = bad
    path.write_bytes(b"what was there")
    with pytest.raises(dl.InvalidInputError, match="parameters that are nan or infinite"):
        net.save(path)
    assert path.read_bytes() == b"what was there"
    assert [p.name for p in tmp_path.iterdir()] == ["net.npz"]


def test_loading_does_not_repeat_the_warnings_of_building(path):
    with pytest.warns(dl.DeltaloopWarning):
        net = dl.Network([2, 1], output="identity", loss="binary_cross_entropy")
    net.save(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert same(dl.load(path), net)


def test_loads_that_overlap_in_two_threads_leave_the_filters_of_warnings_alone(path, monkeypatch):
    dl.Network([2, 1]).save(path)
    inside, first_is_done = threading.Barrier(2, timeout=20), threading.Event()
    load = kernels.load

    def slowly(name):  # the first to come in goes out first, the second last
        if inside.wait() == 1:
            first_is_done.wait(20)
        return load(name)

    def work():
        dl.load(path)
        first_is_done.set()

    monkeypatch.setattr(kernels, "load", slowly)
    before = list(warnings.filters)
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


def test_file_of_the_first_version_is_read_and_its_table_is_metadata(path):
    layer = '{"n_out": 1, "activation": "identity", "alpha": null, "bias": true}'
    text = (
        f'{{"magic": "deltaloop network", "version": 1, "n_in": 2, "layers": [{layer}],'
        ' "loss": "mse", "dtype": "float64", "arrays": ["W1", "b1"], "classes": null,'
        ' "table": {"target": "y"}}'
    )
    with open(path, "wb") as file:
        np.savez(file, format=np.array(text), W1=np.array([[2.0, 3.0]]), b1=np.array([1.0]))
    net = dl.load(path)
    assert net.predict([[1.0, 10.0]]).item() == 33
    assert net.metadata == {"target": "y"}


def test_the_parameter_of_a_loss_is_kept(path):
    net = dl.Network([2, 3, 1], loss=dl.Loss("huber", threshold=0.25))
    net.save(path)
    assert dl.load(path).plan.loss_parameter == 0.25
    assert str(dl.load(path)._loss) == "huber(0.25)"
