"""What is not a whole network file is refused, names what is wrong, and runs no code."""

import io
import json
import os
import pickle
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.inputs import unpacking
from deltaloop.interop.archive import MAGIC, VERSION
from stored_networks import new_net, same


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.npz"


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
    # the directory at the end, byte for byte; elsewhere every ninth
    directory = whole.index(b"PK\x01\x02")
    silent = []
    for at in sorted({*range(0, directory, 9), *range(directory, len(whole))}):
        for flip in (int(random.choice((1, 4, 32, 128))), int(random.integers(1, 256))):
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
    "pickle": pickle.dumps({"magic": MAGIC}),
    "format is no JSON": archive_bytes(format=np.array("magic")),
    "format is another JSON": archive_bytes(format=np.array('{"magic": "other", "version": 1}')),
    "format is a list": archive_bytes(format=np.array("[1, 2]")),
    "format is a number": archive_bytes(format=np.array(3.5)),
    "format without version": archive_bytes(format=np.array(f'{{"magic": "{MAGIC}"}}')),
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


def test_file_of_a_version_that_wrote_no_optimizer_is_read(path):
    edited(path, lambda d: d.pop("optimizer"))
    loaded, net = dl.load(path), new_net()
    assert loaded.optimizer == dl.SGD(learning_rate=0.1)
    net.optimizer = loaded.optimizer
    assert same(loaded, net)


def test_entry_of_a_later_version_is_no_damage(path):
    edited(path, lambda d: d.update(later={"a": 1}))
    assert same(dl.load(path), new_net())


@pytest.mark.parametrize("version", [0, -1, None, "1", 1.5, [1]])
def test_version_that_never_was_is_no_file_of_deltaloop(path, version):
    edited(path, lambda d: d.update(version=version))
    with pytest.raises(dl.FileFormatError, match=r"net\.npz was not written by deltaloop"):
        dl.load(path)


def test_newer_version_asks_for_a_newer_deltaloop(path):
    edited(path, lambda d: d.update(version=VERSION + 1))
    with pytest.raises(dl.FileFormatError, match=r"format version 3.*up to 2; update deltaloop"):
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
        lambda d: d.update(optimizer=None),
        lambda d: d.update(optimizer="adam"),
        lambda d: d.update(optimizer=[]),
        lambda d: d["optimizer"].pop("name"),
        lambda d: d["optimizer"].pop("beta1"),
        lambda d: d["optimizer"].update(name="sgd"),
        lambda d: d["optimizer"].update(name="lion"),
        lambda d: d["optimizer"].update(name=["adam"]),
        lambda d: d["optimizer"].update(momentum=0.5),
        lambda d: d["optimizer"].update(learning_rate="fast"),
        lambda d: d["optimizer"].update(learning_rate=float("nan")),
        lambda d: d["optimizer"].update(learning_rate=10**400),
        lambda d: d["optimizer"].update(beta1=1),
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


def test_pipe_is_refused_and_not_waited_for(path):
    os.mkfifo(path)
    with pytest.raises(dl.FileFormatError, match=r"net\.npz is no ordinary file"):
        dl.load(path)


def test_file_that_cannot_be_opened_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        dl.load(tmp_path / "missing.npz")
    with pytest.raises(OSError, match=tmp_path.name):
        dl.load(tmp_path)


@pytest.mark.parametrize("name", ["W1", "format", "other"])
def test_archive_that_would_unpack_to_much_is_refused_before(path, monkeypatch, name):
    arrays = {"format": np.array("{}"), "W1": np.zeros(1), name: np.zeros(4_000_000)}
    np.savez_compressed(path, **arrays)
    monkeypatch.setattr(unpacking, "DEFAULT_GIB", 0.01)
    tracemalloc.start()
    with pytest.raises(dl.FileFormatError, match=r"net\.npz' holds arrays: more than the 0"):
        dl.load(path)
    assert tracemalloc.get_traced_memory()[1] < 2e6
    tracemalloc.stop()


def test_text_that_is_no_unicode_is_damage(path):
    content = bytearray(archive_bytes(format=np.array("{}")))
    at = content.index("{}".encode("utf-32-le"))
    content[at + 4 : at + 8] = (0x110000).to_bytes(4, "little")
    crc = zlib.crc32(content[content.index(b"\x93NUMPY") : at + 8]).to_bytes(4, "little")
    old = zlib.crc32(archive_bytes(format=np.array("{}"))[content.index(b"\x93NUMPY") : at + 8])
    path.write_bytes(bytes(content).replace(old.to_bytes(4, "little"), crc))
    with pytest.raises(dl.FileFormatError, match=r"net\.npz is no readable NumPy archive"):
        dl.load(path)
    assert zipfile.ZipFile(path).testzip() is None  # that was not the checksum
