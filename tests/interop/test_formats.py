"""The table of formats, and what it promises of every one of them."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.interop import torch_files
from deltaloop.interop.formats import ALL, FORMATS, formats_table
from deltaloop.interop.plain_layers import Meant
from stored_networks import with_everything

CHECKOUT = Path(__file__).parents[2]
WRITTEN = [row.name for row in FORMATS.values() if row.writes]


@pytest.mark.parametrize("page", ["README.md", "docs/formats.md"])
def test_pages_have_the_table(page):
    assert formats_table() in (CHECKOUT / page).read_text("utf-8")


def test_formats_are_told_apart_by_the_ends_of_names():
    suffixes = [suffix for row in FORMATS.values() for suffix in row.suffixes]
    assert len(suffixes) == len(set(suffixes))


@pytest.mark.parametrize("name", WRITTEN)
def test_format_that_keeps_everything_loses_nothing(tmp_path, name):
    row = FORMATS[name]
    if row.needs:
        pytest.importorskip(row.needs)
    path = tmp_path / f"net{row.suffixes[0]}"
    net = with_everything()
    if row.keeps == ALL:
        assert dl.formats.write(net, path) == []
    else:
        with pytest.raises(dl.InvalidInputError, match="heads"):
            dl.formats.write(net, path)
        assert not path.exists()


@pytest.mark.parametrize("name", WRITTEN)
def test_parameters_that_are_not_finite_are_refused(tmp_path, name):
    row = FORMATS[name]
    if row.needs:
        pytest.importorskip(row.needs)
    net = dl.Network([2, 3, 1])
    net.theta[0] = np.nan
    path = tmp_path / f"net{row.suffixes[0]}"
    with pytest.raises(dl.InvalidInputError, match="nan or infinite"):
        dl.formats.write(net, path)
    assert not path.exists()


def test_network_with_code_is_refused(tmp_path):
    pytest.importorskip("numba")
    mine = dl.custom_activation("mine", lambda z: 2 * z, lambda z, a: 2.0)
    for row in FORMATS.values():
        with pytest.raises(dl.InvalidInputError, match="holds no code"):
            dl.formats.write(
                dl.Network([2, 3, 1], activation=mine), tmp_path / f"n{row.suffixes[0]}"
            )


@pytest.mark.parametrize("name", [row.name for row in FORMATS.values() if row.reads])
def test_missing_file_is_an_os_error_and_a_pipe_is_refused(tmp_path, name):
    import os

    row = FORMATS[name]
    if row.needs:
        pytest.importorskip(row.needs)
    path = tmp_path / f"net{row.suffixes[0]}"
    with pytest.raises(FileNotFoundError):
        dl.formats.read(path)
    os.mkfifo(path)
    with pytest.raises(dl.FileFormatError, match="no ordinary file"):
        dl.formats.read(path)


def test_unknown_names_are_told_with_the_known_ones(tmp_path):
    net = dl.Network([2, 3, 1])
    with pytest.raises(dl.InvalidInputError, match=r"'torch'.*did you mean 'onnx'"):
        dl.formats.write(net, tmp_path / "a", "onxx")
    with pytest.raises(dl.InvalidInputError, match=r"tells no format that can be read.*\.onnx"):
        dl.formats.read(tmp_path / "a.h")
    with pytest.raises(dl.InvalidTypeError, match="such as 'onnx'"):
        dl.formats.read(tmp_path / "a.h", 3)


def test_convert_writes_what_write_writes(tmp_path):
    net, path = dl.Network([2, 3, 1], seed=1), tmp_path / "net.npz"
    net.save(path)
    net.to_c(tmp_path / "expected.h", name="net")
    assert dl.formats.convert(path, tmp_path / "net.h") == dl.formats.write(net, tmp_path / "b.h")
    assert (tmp_path / "net.h").read_text() == (tmp_path / "expected.h").read_text()
    with pytest.raises(dl.InvalidInputError, match="tells no format that can be written"):
        dl.formats.convert(tmp_path / "missing.npz", tmp_path / "a.xyz")  # nothing was read


@pytest.mark.parametrize(("dtype", "n_bytes"), [("float16", 4), ("float32", 4), ("float64", 8)])
def test_tensors_may_claim_what_they_take_as_weights(dtype, n_bytes, monkeypatch):
    """A tensor of one number may claim any shape; those of 2 bytes become float32."""
    monkeypatch.setattr(torch_files, "package", lambda: None)  # of tensors, not of arrays
    meant = Meant("tanh", None, None)
    state = {"0.weight": np.broadcast_to(np.ones((), dtype), (20, 30))}
    contents = torch_files._of_state(state, "net.pt", meant, 600 * n_bytes)
    assert contents.arrays["W1"].shape == (20, 30)
    with pytest.raises(dl.FileFormatError, match="holds tensors: more than"):
        torch_files._of_state(state, "net.pt", meant, 600 * n_bytes - 1)


@pytest.mark.parametrize(
    "call",
    [
        lambda: dl.formats.write(5, "net.npz"), lambda: dl.formats.to_keras_weights(5),
        lambda: dl.formats.rounded_to_int8(5), lambda: dl.formats.in_fixed_point(5, [[1.0]]),
    ],
)  # fmt: skip
def test_what_is_no_network_is_refused(call):
    with pytest.raises(dl.InvalidTypeError, match=r"net must be a deltaloop\.Network, got int"):
        call()


def test_other_libraries_are_imported_where_they_are_used_alone():
    code = (
        "import sys, json, deltaloop as dl\n"
        "dl.formats.from_keras\n"
        "print(json.dumps([m for m in ('onnx', 'torch', 'sklearn', 'keras', 'safetensors')\n"
        "                  if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_parameters_have_the_places_of_their_layers_in_a_sequential(monkeypatch):
    """The names alone, for which a stand-in of PyTorch will do."""
    stand_in = SimpleNamespace(from_numpy=lambda values: values)
    monkeypatch.setattr(torch_files, "package", lambda: stand_in)
    layers = [dl.Dense(4, "tanh"), dl.Dense(5, "identity", bias=False), dl.Dense(2, "identity")]
    net = dl.Network(3, layers, loss="mse", seed=0)
    state = dl.formats.torch_state_dict(net)
    # Linear 0, tanh 1, Linear 2, Linear 3
    assert list(state) == ["0.weight", "0.bias", "2.weight", "3.weight", "3.bias"]
    for name, values in [("0.weight", net.W[0]), ("2.weight", net.W[1]), ("3.bias", net.b[2])]:
        np.testing.assert_array_equal(state[name], values)
