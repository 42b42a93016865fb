"""Networks as .safetensors, held against the package of that name."""

import json
import re
import tracemalloc

import numpy as np
import pytest

import deltaloop as dl
from damaged_files import check_changes, check_cuts
from deltaloop.inputs import unpacking
from stored_networks import new_net, same, with_everything

safetensors = pytest.importorskip("safetensors.numpy")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.safetensors"


@pytest.mark.parametrize("make", [new_net, with_everything])
def test_everything_comes_back(path, dtype, make):
    net = make(dtype)
    assert dl.formats.write(net, path) == []
    back = dl.formats.read(path)
    assert same(back, net)
    for one, other in zip(back.layers, net.layers, strict=True):
        np.testing.assert_array_equal(one.mask, other.mask)


def test_package_reads_the_arrays(path, dtype):
    net = new_net(dtype)
    dl.formats.write(net, path)
    found = safetensors.load_file(path)
    assert sorted(found) == ["W1", "W2", "W3", "b1", "b3", "x_mean", "x_scale", "y_mean", "y_scale"]
    for k, W in enumerate(net.W, 1):
        assert found[f"W{k}"].dtype == dtype
        np.testing.assert_array_equal(found[f"W{k}"], W)
    np.testing.assert_array_equal(found["x_mean"], net.scaling.x_mean)


def test_file_that_the_package_writes_of_our_arrays_is_read(path, dtype):
    net = new_net(dtype)
    dl.formats.write(net, path)
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
    safetensors.save_file(safetensors.load_file(path), path, metadata)
    assert same(dl.formats.read(path), net)


LAYERS = {
    "body.10.weight": np.ones((2, 4)), "body.2.weight": np.full((4, 3), 0.5),
    "body.2.bias": np.arange(4.0),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["float32", "float64", "float16"])
def test_layers_of_other_tools_are_read(path, kind):
    safetensors.save_file({k: v.astype(kind) for k, v in LAYERS.items()}, path)
    net = dl.formats.read(path, activation="relu", loss="cross_entropy")
    assert net.sizes == (3, 4, 2)
    assert [str(layer.activation) for layer in net.layers] == ["relu", "softmax"]
    assert net.dtype == ("float64" if kind == "float64" else "float32")
    np.testing.assert_array_equal(net.W[1], LAYERS["body.10.weight"])
    np.testing.assert_array_equal(net.b[0], LAYERS["body.2.bias"])
    assert net.b[1] is None


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 12])
def test_tensors_that_are_no_layers_are_told_up_to_eight(path, n):
    safetensors.save_file({f"layer{k}.scale": np.ones(k) for k in range(1, n + 1)}, path)
    with pytest.raises(dl.FileFormatError) as caught:
        dl.formats.read(path, activation="tanh")
    told = str(caught.value).partition(", got ")[2]
    shown = re.findall(r"layer(\d+)\.scale \[(\d+)\]", told)
    assert len(shown) == len(set(shown)) == min(n, 8)
    assert all(name == length for name, length in shown)
    assert told.endswith(", ...") == (n > 8)


def test_layers_in_bfloat16_are_read(path):
    values = np.array([[1.5, -2.0, 3.0]], np.float32)
    upper = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    header = {"0.weight": {"dtype": "BF16", "shape": [1, 3], "data_offsets": [0, 6]}}
    path.write_bytes(file_of(header, upper))
    np.testing.assert_array_equal(dl.formats.read(path).W[0], values)


def test_weights_alone_ask_for_the_activation(path):
    safetensors.save_file(LAYERS, path)
    with pytest.raises(dl.InvalidInputError, match="say which activation"):
        dl.formats.read(path)


@pytest.mark.parametrize(
    "tensors",
    [
        {}, {"0.weight": np.ones(3)}, {"0.weight": np.ones((2, 3)), "0.bias": np.ones(3)},
        {"0.weight": np.ones((2, 3)), "1.running_mean": np.ones(2)}, {"0.bias": np.ones(3)},
        {"0.weight": np.ones((2, 3)), "1.weight": np.ones((2, 3))},
        {"0.weight": np.full((2, 3), np.nan)}, {"0.weight": np.ones((0, 3))},
        {"0.weight": np.ones((2, 3), np.int64)},
    ],
)  # fmt: skip
def test_tensors_that_are_no_chain_of_layers_are_refused(path, tensors):
    safetensors.save_file(tensors, path)
    with pytest.raises(dl.FileFormatError, match=r"net\.safetensors"):
        dl.formats.read(path, activation="tanh")


def test_what_a_file_says_itself_is_not_to_be_said(path):
    dl.formats.write(new_net(), path)
    with pytest.raises(dl.InvalidInputError, match="leave activation, loss out"):
        dl.formats.read(path, activation="tanh", loss="mse")


# damaged files


def file_of(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def test_file_cut_anywhere_is_refused(path):
    dl.formats.write(new_net(), path)
    n = path.stat().st_size
    check_cuts(path, [*range(0, n, 11), *range(12), *range(n - 9, n)])


def test_changed_byte_is_refused_or_another_network(path):
    dl.formats.write(new_net(), path)
    check_changes(path, 2, (dl.FileFormatError, dl.InvalidInputError), activation="tanh")


def entry(shape, start, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (b"", "header"),
        (b"{", "header"),
        (b"[]", "header"),
        (b"\xff\xfe", "header"),
        (b"[" * 100_000, "header"),
        (b'{"a": ' * 9999, "header"),
        (b'{"0.weight": 1, "0.weight": 2}', "twice"),
        ({"0.weight": entry([2, 1], 0, 4)}, "has 8 bytes, not 4"),
        ({"0.weight": entry([1, 1], 4, 8)}, "expected 0"),
        ({"0.weight": entry([1, 1], 0, 4)}, "8 follow"),
        ({"0.weight": entry([1, 1], 0, 4), "1.weight": entry([1, 1], 0, 4)}, "overlap"),
        ({"0.weight": entry([3, 1], 0, 12)}, "8 follow"),
        ({"0.weight": entry([2**62, 2**62], 0, 8)}, "no array has"),
        ({"0.weight": entry([2**63, 0], 0, 0)}, "no array has"),
        ({"0.weight": entry([-1, -2], 0, 8)}, "no array has"),
        ({"0.weight": entry([1.0, 2.0], 0, 8)}, "no array has"),
        ({"0.weight": entry([True, 2], 0, 8)}, "no array has"),
        ({"0.weight": entry([1] * 99_999, 0, 8)}, "no array has"),
        ({"0.weight": entry([1, 2], 8, 0)}, "not -8"),
        ({"0.weight": entry([1, 2], 0, 8, "F8")}, "dtype 'F8'"),
        ({"0.weight": {"dtype": "F32", "shape": [1, 2]}}, "makes no sense"),
        ({"0.weight": entry([1, 2], 0, 8), "__metadata__": {"a": 1}}, "more than texts"),
        ({"0.weight": entry([1, 2], 0, 8), "__metadata__": []}, "makes no sense"),
        ({"0.weight": entry([1, 2], 0, 8), "__metadata__": {"deltaloop": "{}"}}, "not written by"),
    ],
)
def test_header_that_makes_no_sense_is_refused(path, header, told):
    path.write_bytes(file_of(header, bytes(8)))
    with pytest.raises(dl.FileFormatError, match=told):
        dl.formats.read(path)


def test_length_of_a_header_beyond_the_file_takes_no_memory(path):
    for n in (17, 2**40, 2**64 - 1):
        path.write_bytes(n.to_bytes(8, "little") + b"{}" + bytes(5))
        tracemalloc.start()
        with pytest.raises(dl.FileFormatError, match="cannot have"):
            dl.formats.read(path)
        assert tracemalloc.get_traced_memory()[1] < 1e6
        tracemalloc.stop()


def test_holes_of_a_file_take_no_memory(path, monkeypatch):
    """A sparse file claims any size and takes no room on the disk."""
    monkeypatch.setattr(unpacking, "DEFAULT_GIB", 0.01)
    n = 2**28
    path.write_bytes(file_of({"0.weight": entry([1, n // 4], 0, n)}))
    with open(path, "r+b") as file:
        file.truncate(path.stat().st_size + n)
    tracemalloc.start()
    with pytest.raises(dl.FileFormatError, match="holds arrays: more than the"):
        dl.formats.read(path)
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()
