"""`deltaloop info`: the installation, or the network in a file."""

import numpy as np
import pytest

import deltaloop as dl
from command_line import call, refused, rows


def test_installation():
    status, output = call("info")
    found = rows(output)
    assert status == 0
    assert found["deltaloop"] == dl.__version__
    assert found["NumPy"] == np.__version__
    assert found["backend reference"].startswith("NumPy")
    assert found["instruction set used"] in found["instruction sets found"]


def test_network(flowers, tmp_path):
    net = tmp_path / "net.npz"
    assert call("train", flowers, "--simple", "--save", net)[0] == 0
    status, output = call("info", net)
    found = rows(output)
    assert status == 0
    assert found["format version"] == "1"
    assert found["layers"] == "3 inputs - 30 tanh - 2 softmax"
    assert found["inputs"] == "'length', 'width', 'colour=red'"
    assert found["target"] == "'species'"
    assert found["classes"] == "'Größe, α', '[bold]小'"
    assert found["scaling"] == "inputs standardised"


def test_metadata_of_other_programs_are_no_trouble(tmp_path):
    net, path = dl.Network([2, 1]), tmp_path / "net.npz"
    net.save(path)
    expected = call("info", path)
    for notes in ("of 3 May", 3):
        half_width = {"half_width": [1.0]}
        net.metadata = {"notes": notes, "target": 5, "scores": [1], "interval": half_width}
        net.save(path)
        assert call("info", path) == expected


@pytest.mark.parametrize(
    ("targets", "kinds", "told"),
    [
        (["a", "b"], [["x", "y"], [1.0, 2.5]], {"a": "'x', 'y'", "b": "'1', '2.5'"}),
        (["a", "b"], [None, ["x", "y"]], {"b": "'x', 'y'"}),
        (["a", "b"], None, {}),
        (["a", "b"], [["x", "y"]], {}),
        (["a"], [None, ["x", "y"]], {}),
        ([3], [["x", "y"]], {}),
        (["a"], [[{"x": 1}]], {}),
        (["a"], [5], {}),
        (["a"], "ab", {}),
        ("a", 5, {}),
    ],
)
def test_classes_of_several_targets_are_told_where_they_are_ours(tmp_path, targets, kinds, told):
    net, path = dl.Network([2, 4]), tmp_path / "net.npz"
    net.metadata = {"target": targets, "kinds": kinds}
    net.save(path)
    status, output = call("info", path)
    found = rows(output)
    assert status == 0
    assert {key: value for key, value in found.items() if key.startswith("classes")} == {
        f"classes of {name}": values for name, values in told.items()
    }
    assert ("targets" in found) == (isinstance(targets, list) and targets != [3])


def test_file_of_a_network_is_read_once(tmp_path, monkeypatch):
    path, opened, load = tmp_path / "net.npz", [], np.load
    dl.Network([2, 1]).save(path)
    monkeypatch.setattr(np, "load", lambda *file, **how: opened.append(file) or load(*file, **how))
    assert call("info", path)[0] == 0
    assert len(opened) == 1


def test_foreign_file(tmp_path):
    np.savez(tmp_path / "x.npz", X=np.zeros(3))
    assert "not written by deltaloop" in refused("info", tmp_path / "x.npz")
