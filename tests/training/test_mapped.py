"""Samples in files that memory only shows: the same bits, and no copy of them in memory."""

import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels
from deltaloop.training import samples as samples_module
from small_training import new_net

BACKENDS = kernels.available()
rng = np.random.default_rng(6)
X, Y = rng.normal(size=(50, 3)), rng.normal(size=(50, 2))


@pytest.fixture
def mapped(tmp_path):
    """An array as numpy.load maps it."""

    def mapped(array, name="X.npy"):
        np.save(tmp_path / name, array)
        return np.load(tmp_path / name, mmap_mode="r")

    return mapped


@pytest.fixture(params=[3, 16, 10**6])
def block(request, monkeypatch):
    """Blocks of so many samples."""
    monkeypatch.setattr(samples_module, "_MOST_BYTES", request.param * 8 * 3)
    return request.param


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("form", ["float32", "float64"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_mapped_samples_train_the_same_network(
    shuffle, form, dtype, scaled, backend, mapped, block
):
    nets = [new_net(backend, dtype) for _ in range(2)]
    data = X.astype(form), Y.astype(form)
    if scaled:
        for net in nets:
            net.scaling = dl.Scaling.standardize(*data)
    options = {"epochs": 3, "batch_size": 4, "optimizer": dl.Adam(0.05), "shuffle": shuffle}
    expected = nets[0].fit(*data, **options)
    found = nets[1].fit(mapped(data[0]), mapped(data[1], "Y.npy"), **options)
    assert nets[1].theta.tobytes() == nets[0].theta.tobytes()
    assert found.loss == expected.loss


@pytest.mark.parametrize(
    "more",
    [
        {"validation_split": 0.2, "metrics": ["mse"], "restore_best": True},
        {"sample_weight": rng.uniform(size=50)},
        {"schedule": "one_cycle"},
        {"sparse": False},
    ],
    ids=str,
)
def test_mapped_samples_take_every_setting(more, mapped, block):
    nets = [new_net(dtype="float32") for _ in range(2)]
    expected = nets[0].fit(X, Y, epochs=3, batch_size=4, **more)
    found = nets[1].fit(mapped(X), Y, epochs=3, batch_size=4, **more)
    assert nets[1].theta.tobytes() == nets[0].theta.tobytes()
    assert found.loss == expected.loss
    assert found.validation_loss == expected.validation_loss


def test_mapped_samples_have_targets_of_heads(mapped, block):
    heads = {"size": dl.Head(1), "kind": dl.Head(3, loss="cross_entropy")}
    targets = {"kind": rng.integers(3, size=50), "size": Y[:, 0]}
    layers = [dl.Dense(4), dl.Dense(heads=heads)]
    nets = [dl.Network(3, layers, dtype="float32", seed=2) for _ in range(2)]
    expected = nets[0].fit(X, targets, epochs=3, batch_size=4)
    found = nets[1].fit(mapped(X), targets, epochs=3, batch_size=4)
    assert nets[1].theta.tobytes() == nets[0].theta.tobytes()
    assert found.loss == expected.loss
    for wrong, said in (
        (targets | {"kind": targets["kind"][1:]}, r"Y\['kind'\] .* \(50\), got shape \(49,\)"),
        ({"size": Y[:, 0]}, "must have the keys"),
        (targets | {"size": {}}, r"Y\['size'\]"),
    ):
        with pytest.raises(dl.DeltaloopError, match=said):
            nets[1].fit(mapped(X), wrong)


@pytest.mark.parametrize("weight", ["balanced", {1: 3.0}])
def test_mapped_samples_have_classes(weight, mapped, block):
    labels = rng.integers(2, size=50).astype(np.int8)
    nets = [dl.Network([3, 2], loss="cross_entropy") for _ in range(2)]
    for net, data in zip(nets, ((X, labels), (mapped(X), mapped(labels, "Y.npy"))), strict=True):
        net.fit(*data, epochs=2, batch_size=4, class_weight=weight)
    assert nets[1].theta.tobytes() == nets[0].theta.tobytes()


def test_images_of_bytes_stay_in_their_file(mapped, block):
    images = rng.integers(256, size=(50, 1, 3)).astype(np.uint8)
    nets = [new_net(dtype="float32") for _ in range(2)]
    nets[0].fit(images, Y, epochs=2, batch_size=5, optimizer=dl.SGD(1e-6))
    nets[1].fit(mapped(images), Y, epochs=2, batch_size=5, optimizer=dl.SGD(1e-6))
    assert nets[1].theta.tobytes() == nets[0].theta.tobytes()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda X, Y: (np.where(np.arange(50)[:, None] == 40, np.nan, X), Y),
            r"X\[.*finite, got na",
        ),
        (lambda X, Y: (X[:, :2], Y), "must have 3 values per sample, got 2"),
        (lambda X, Y: (X, Y[:40]), r"one entry per sample \(50\), got shape \(40"),
        (
            lambda X, Y: (X, np.where(np.arange(50)[:, None] == 49, np.inf, Y)),
            r"Y\[.*must be finite",
        ),
    ],
)
def test_wrong_samples_are_refused_before_anything_changes(change, text, mapped, block):
    net = new_net(dtype="float32")
    before = net.theta.tobytes()
    wrong_X, wrong_Y = change(X, Y)
    with pytest.raises(dl.InvalidInputError, match=text):
        net.fit(mapped(wrong_X), wrong_Y)
    assert net.theta.tobytes() == before


@pytest.mark.parametrize(
    "wrong",
    [
        lambda X: X.astype("S3"), lambda X: X.astype("U3"), lambda X: X * 1j,
        lambda X: X.astype("M8[s]"), lambda X: X[:, 0].astype([("a", "f8")]),
    ],
    ids=["bytes", "text", "complex", "dates", "fields"],
)  # fmt: skip
def test_what_holds_no_numbers_is_refused_as_an_array_in_memory(wrong, mapped):
    told = []
    for given in (wrong(X), mapped(wrong(X))):
        with pytest.raises(dl.InvalidTypeError) as caught:
            new_net(dtype="float32").fit(given, Y)
        told.append(str(caught.value))
    assert told[0] == told[1]


def test_no_sample_of_a_file_is_refused_as_no_sample_in_memory(mapped):
    told = []
    for given in (X[:0], mapped(X)[:0]):
        with pytest.raises(dl.InvalidInputError) as caught:
            new_net(dtype="float32").fit(given, Y[:0])
        told.append(str(caught.value))
    assert told[0] == told[1]


def test_what_would_need_all_of_it_in_memory_is_refused(mapped):
    net = new_net(dtype="float32")
    with pytest.raises(dl.InvalidInputError, match="sparse=True lists the values of X in memory"):
        net.fit(mapped(X), Y, sparse=True)
    with pytest.raises(dl.InvalidInputError, match="need validation_data, or validation_split"):
        net.fit(mapped(X), Y, metrics=["mse"])


SCRIPT = """
    import json, resource, sys
    import numpy as np
    import deltaloop as dl

    def data():
        "Bytes of memory that are no pages of files."
        with open("/proc/self/status") as file:
            sizes = dict(line.split(":", 1) for line in file)
        return 1024 * int(sizes["VmData"].split()[0])

    folder, form, n, room = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    X = np.lib.format.open_memmap(folder + "/X.npy", "w+", form, (n, 64))
    for start in range(0, n, 4096):
        X[start : start + 4096] = np.arange(64) % 7 - 3
    X.flush()
    X = np.load(folder + "/X.npy", mmap_mode="r")
    Y = np.zeros(n, np.float32)
    net = dl.Network([64, 4, 1])
    small = {"batch_size": 64, "epochs": 1}
    net.fit(X[:4096], Y[:4096], **small)  # what is loaded at the first call is loaded
    limit = data() + room
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    try:
        X + 0
    except MemoryError:
        print("no room for a copy")
    slices = []
    net.fit(X, Y, progress=lambda *_: slices.append(1), shuffle=eval(sys.argv[5]), **small)
    print(json.dumps([len(slices), X.nbytes]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    ("form", "shuffle"),
    [("float32", True), ("float64", True), ("uint8", True), ("float32", "blocks")],
)
def test_there_is_no_copy_of_the_file_in_memory(form, shuffle, tmp_path):
    n = 2**27 // (64 * np.dtype(form).itemsize)
    room = 2**25 + 16 * n  # 32 MiB, and two orders of the samples
    given = str(tmp_path), form, str(n), str(room), repr(shuffle)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), *given],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    told, found = done.stdout.splitlines()
    assert told == "no room for a copy"
    n_slices, size = json.loads(found)
    assert size == 2**27
    assert n_slices > 1
