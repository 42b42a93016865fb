"""Files: every bit comes back, and what is not a whole network file is refused."""

import io
import json
import pickle
import threading
import warnings
import zipfile

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels, storage


def new_net(dtype="float32", **options):
    layers = [dl.Dense(5, dl.Activation("leaky_relu", 0.3)), dl.Dense(17, "elu", bias=False)]
    net = dl.Network(3, [*layers, dl.Dense(2, "softplus")], dtype=dtype, seed=6, **options)
    net.classes = ("first", "zweite, größer")
    net.table = {"columns": ["a", "b"], "target": "c", "levels": {"b": ["x", "y"]}, "width": 1.5}
    net.scaling = dl.Scaling(
        np.array([1.0, 1e300, -0.0]), np.array([1 / 3, 5e-324, 2.0]), np.ones(2), np.full(2, 0.1)
    )
    return net


def same(a, b):
    """Whether two networks compute the same and say the same, bit for bit."""
    scalings = [
        None
        if net.scaling is None
        else [np.asarray(v).tobytes() for v in vars(net.scaling).values()]
        for net in (a, b)
    ]
    return (
        a.theta.tobytes() == b.theta.tobytes()
        and repr(a) == repr(b)
        and a.layers == b.layers
        and (a.loss_name, a.dtype, a.classes, a.table) == (b.loss_name, b.dtype, b.classes, b.table)
        and scalings[0] == scalings[1]
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.npz"


# there and back


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


def test_network_without_extras_comes_back_without(path):
    net = dl.Network([1, 1])
    net.save(path)
    loaded = dl.load(path)
    assert (loaded.scaling, loaded.classes, loaded.table) == (None, None, None)


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


def test_table_that_is_no_json_is_refused_and_nothing_is_written(path, tmp_path):
    net = dl.Network([2, 2])
    for table in ({"a": np.arange(2)}, {"a": {1, 2}}, {("a", "b"): 1}):
        net.table = table
        with pytest.raises(dl.InvalidInputError, match="table must hold plain lists, dicts"):
            net.save(path)
    assert list(tmp_path.iterdir()) == []


def test_file_can_be_read_by_numpy_alone(path):
    net = new_net()
    net.save(path)
    with np.load(path) as archive:
        assert (archive["W1"] == net.W[0]).all()
        assert (archive["b3"] == net.b[2]).all()
        assert "b2" not in archive
        assert json.loads(str(archive["format"]))["version"] == storage.VERSION


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


# damage


def test_file_cut_anywhere_is_refused(path):
    new_net().save(path)
    whole = path.read_bytes()
    cuts = {*range(0, len(whole), 13), *range(len(whole) - 120, len(whole)), *range(70)}
    for cut in sorted(cuts):
        path.write_bytes(whole[:cut])
        with pytest.raises(dl.FileFormatError, match=r"net\.npz"):
            dl.load(path)


def test_changed_byte_is_refused_or_harmless(path):
    net = new_net()
    net.save(path)
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    # the directory at the end, byte for byte; elsewhere every seventh
    directory = whole.index(b"PK\x01\x02")
    silent = []
    for at in sorted({*range(0, directory, 7), *range(directory, len(whole))}):
        for flip in (1, 4, 32, 128, int(random.integers(1, 256))):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
            try:
                loaded = dl.load(path)
            except dl.FileFormatError:
                continue
            if not same(loaded, net):
                silent.append((at, flip))
    assert silent == []


def archive_bytes(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def array_bytes(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def zip_bytes(name, content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


FOREIGN = {
    "empty": b"",
    "one byte": b"P",
    "text": b"a,b,c\n1,2,3\n" * 9,
    "zeros": bytes(5000),
    "array": array_bytes(np.zeros(3)),
    "array of objects": array_bytes(np.array([{}], object)),
    "archive": archive_bytes(a=np.zeros(3)),
    "empty archive": archive_bytes(),
    "archive of objects": archive_bytes(format=np.array([{"magic": 1}], object)),
    "zip": zip_bytes("hello.txt", "hello"),
    "zip with the name of the format": zip_bytes("format.npy", "hello"),
    "pickle": pickle.dumps({"magic": storage.MAGIC}),
    "format is no JSON": archive_bytes(format=np.array("magic")),
    "format is another JSON": archive_bytes(format=np.array('{"magic": "other", "version": 1}')),
    "format is a list": archive_bytes(format=np.array("[1, 2]")),
    "format is a number": archive_bytes(format=np.array(3.5)),
    "format without version": archive_bytes(format=np.array(f'{{"magic": "{storage.MAGIC}"}}')),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_file_is_refused(path, kind):
    path.write_bytes(FOREIGN[kind])
    with pytest.raises(dl.FileFormatError, match=r"net\.npz") as caught:
        dl.load(path)
    assert "allow_pickle" not in str(caught.value)  # no advice to load it unsafely


def edited(path, edit, arrays=None):
    """Save a network with its description changed by `edit` and its arrays by `arrays`."""
    new_net().save(path)
    with np.load(path) as archive:
        content = {name: archive[name] for name in archive.files}
    description = json.loads(str(content["format"]))
    edit(description)
    content["format"] = np.array(json.dumps(description))
    content.update(arrays or {})
    np.savez(path, **{name: array for name, array in content.items() if array is not None})


def test_file_without_an_entry_says_which_one(path):
    edited(path, lambda d: d.pop("loss"))
    with pytest.raises(dl.FileFormatError, match=r"net\.npz is damaged: it lacks 'loss'"):
        dl.load(path)


@pytest.mark.parametrize("version", [0, -1, None, "1", 1.5, [1]])
def test_version_that_never_was_is_no_file_of_deltaloop(path, version):
    edited(path, lambda d: d.update(version=version))
    with pytest.raises(dl.FileFormatError, match=r"net\.npz was not written by deltaloop"):
        dl.load(path)


def test_newer_version_asks_for_a_newer_deltaloop(path):
    edited(path, lambda d: d.update(version=storage.VERSION + 1))
    with pytest.raises(dl.FileFormatError, match=r"format version 2.*up to 1; update deltaloop"):
        dl.load(path)


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: d.pop("layers"),
        lambda d: d.pop("loss"),
        lambda d: d.pop("classes"),
        lambda d: d.update(layers=[]),
        lambda d: d.update(layers="three"),
        lambda d: d.update(layers=7),
        lambda d: d.update(layers=[3]),
        lambda d: d["layers"].append(d["layers"][0]),
        lambda d: d["layers"].pop(),
        lambda d: d["layers"][0].update(n_out=6),
        lambda d: d["layers"][0].update(n_out=10**15),
        lambda d: d["layers"][0].update(n_out="many"),
        lambda d: d["layers"][0].update(activation="sine"),
        lambda d: d["layers"][0].update(activation=["relu"]),
        lambda d: d["layers"][0].update(alpha="x"),
        lambda d: d["layers"][0].update(bias="no"),
        lambda d: d["layers"][0].pop("bias"),
        lambda d: d["layers"][1].update(bias=True),
        lambda d: d["layers"][2].update(bias=False),
        lambda d: d.update(n_in=4),
        lambda d: d.update(n_in=None),
        lambda d: d.update(loss="hinge"),
        lambda d: d.update(loss=3),
        lambda d: d.update(dtype="int32"),
        lambda d: d.update(dtype=None),
        lambda d: d.update(classes=3),
        lambda d: d.pop("arrays"),
        lambda d: d.update(arrays=None),
        lambda d: d["arrays"].pop(),
        lambda d: d["arrays"].append("b2"),
    ],
)
def test_description_that_makes_no_sense_is_refused(path, edit):
    edited(path, edit)
    with pytest.raises(dl.FileFormatError, match=r"net\.npz"):
        dl.load(path)


def test_array_too_many_or_too_few_is_named(path):
    listed = r"expected the arrays \['W1', 'W2', 'W3', 'b1', 'b3', 'x_mean', .*\], got \["
    edited(path, lambda d: None, {"x_mean": None})
    with pytest.raises(dl.FileFormatError, match=listed + ".*'b3', 'x_scale'"):
        dl.load(path)
    edited(path, lambda d: None, {"b2": np.zeros(17)})
    with pytest.raises(dl.FileFormatError, match=listed + ".*'b1', 'b2', 'b3'"):
        dl.load(path)
    edited(path, lambda d: d.update(arrays=sorted([*d["arrays"], "b2"])), {"b2": np.zeros(17)})
    with pytest.raises(dl.FileFormatError, match=r"the arrays \['b2'\] belong to no layer"):
        dl.load(path)


@pytest.mark.parametrize(
    "arrays",
    [
        {"W1": None},
        {"b1": None},
        {"W1": np.zeros((3, 5))},
        {"W1": np.full((5, 3), np.nan)},
        {"W1": np.full((5, 3), "a")},
        {"W1": np.full((5, 3), 1j)},
        {"b3": np.zeros(3)},
        {"b2": np.zeros(17)},
        {"b4": np.zeros(2)},
        {"W4": np.zeros((2, 2))},
        {"other": np.zeros(3)},
        {"x_mean": np.zeros(4)},
        {"x_mean": np.array(["a", "b", "c"])},
        {"x_mean": None},
        {"x_scale": None},
        {"x_mean": None, "x_scale": None},
        {"y_mean": None, "y_scale": None},
        {"x_mean": None, "x_scale": None, "y_mean": None, "y_scale": None},
        {"x_scale": np.zeros(3)},
        {"x_scale": np.full(3, np.nan)},
        {"y_mean": None},
        {"y_scale": np.ones((2, 2))},
    ],
)
def test_arrays_that_do_not_fit_the_description_are_refused(path, arrays):
    edited(path, lambda d: None, arrays)
    with pytest.raises(dl.FileFormatError, match=r"net\.npz"):
        dl.load(path)


class Malicious:
    """Writes a file when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (open, (str(self.trace), "w"))


@pytest.mark.parametrize("name", ["format", "W1", "x_mean", "other"])
def test_no_code_of_a_file_is_run(path, tmp_path, name):
    trace = tmp_path / "was run"
    edited(path, lambda d: None, {name: np.array([Malicious(trace)], object)})
    with pytest.raises(dl.FileFormatError):
        dl.load(path)
    path.write_bytes(pickle.dumps(Malicious(trace)))
    with pytest.raises(dl.FileFormatError):
        dl.load(path)
    assert not trace.exists()


def test_file_that_cannot_be_opened_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        dl.load(tmp_path / "missing.npz")
    with pytest.raises(OSError, match=tmp_path.name):
        dl.load(tmp_path)
