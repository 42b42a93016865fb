"""`deltaloop convert`: networks in the formats of other tools."""

import numpy as np
import pytest

import deltaloop as dl
from command_line import call, refused, rows
from deltaloop.interop.formats import FORMATS
from stored_networks import same

X = np.random.default_rng(0).normal(size=(5, 3))
NEEDED = {row.name: row.needs for row in FORMATS.values() if row.reads}


def saved(folder, **options):
    path = folder / "net.npz"
    net = dl.Network([3, 4, 2], activation="tanh", seed=1, **options)
    net.scaling = dl.Scaling([1.0, 2, 3], [1.0, 2, 3])
    net.save(path)
    return path, net


@pytest.mark.parametrize("name", NEEDED)
def test_every_format_goes_there_and_back(tmp_path, name):
    if NEEDED[name]:
        pytest.importorskip(NEEDED[name])
    path, net = saved(tmp_path)
    other = tmp_path / f"other{FORMATS[name].suffixes[0]}"
    back = tmp_path / "back.npz"
    status, out = call("convert", path, other)
    assert status == 0
    assert rows(out)["written"] == f"{other} ({name})"
    assert "not kept" not in out
    assert call("convert", other, back)[0] == 0
    np.testing.assert_array_equal(dl.load(back).predict(X), net.predict(X))
    if name != "fann":  # which keeps no optimizer, as told in the table
        assert same(dl.load(back), net)


def test_header_is_that_of_to_c(tmp_path):
    path, net = saved(tmp_path)
    assert call("convert", path, tmp_path / "net.h")[0] == 0
    net.to_c(tmp_path / "expected.h", name="net")
    assert (tmp_path / "net.h").read_text() == (tmp_path / "expected.h").read_text()


def test_format_may_be_said(tmp_path):
    path, net = saved(tmp_path)
    assert call("convert", path, tmp_path / "a.bin", "--to", "safetensors")[0] == 0
    assert call("convert", tmp_path / "a.bin", tmp_path / "b.npz", "--from", "safetensors")[0] == 0
    assert same(dl.load(tmp_path / "b.npz"), net)


def test_what_is_lost_is_told(tmp_path):
    path, net = saved(tmp_path, dropout=0.5)
    net.classes = ("a", "b")
    net.save(path)
    status, out = call("convert", path, tmp_path / "net.net")
    assert status == 0
    assert "names of classes" in out
    assert "dropout, noise, frozen layers, learning rates of layers or the optimizer" in out


def test_weights_alone_take_what_the_user_says(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "weights.safetensors"
    numpy.save_file({"0.weight": np.ones((4, 3)), "1.weight": np.ones((2, 4))}, path)
    assert "--activation relu" in refused("convert", path, tmp_path / "net.npz")
    options = ("--activation", "relu", "--loss", "cross_entropy")
    assert call("convert", path, tmp_path / "net.npz", *options)[0] == 0
    net = dl.load(tmp_path / "net.npz")
    assert [str(layer.activation) for layer in net.layers] == ["relu", "softmax"]


def test_table_goes_through_another_format(tmp_path, flowers):
    """The columns of a table are known to the network that comes back."""
    path = tmp_path / "net.npz"
    assert call("train", flowers, "--target", "species", "--simple", "--save", path)[0] == 0
    assert call("convert", path, tmp_path / "net.safetensors")[0] == 0
    assert call("convert", tmp_path / "net.safetensors", tmp_path / "back.npz")[0] == 0
    predicted = [call("predict", tmp_path / name, flowers) for name in ("net.npz", "back.npz")]
    assert predicted[0] == predicted[1]
    assert predicted[0][0] == 0


def test_errors_are_one_line_and_leave_no_file(tmp_path):
    path, _ = saved(tmp_path)
    target = tmp_path / "net.xyz"
    assert "tells no format that can be written; expected one of" in refused(
        "convert", path, target
    )
    assert "unknown format 'oonx'" in refused("convert", path, target, "--to", "oonx")
    assert "did you mean 'onnx'" in refused("convert", path, target, "--to", "oonx")
    assert "unknown format 'c'" in refused("convert", path, target, "--from", "c", "--to", "npz")
    assert "none.npz" in refused("convert", tmp_path / "none.npz", tmp_path / "a.npz")
    (tmp_path / "bad.onnx").write_bytes(b"nonsense")
    assert not list(tmp_path.glob("net.[xo]*"))
    assert refused("convert", path, path)
