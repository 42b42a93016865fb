"""`deltaloop export`: a saved network as a C header."""

import deltaloop as dl
from command_line import call, refused


def saved(folder):
    path = folder / "net.npz"
    dl.Network([3, 4, 2], activation="tanh", seed=1).save(path)
    return path


def test_header_is_that_of_to_c(tmp_path):
    net, header = saved(tmp_path), tmp_path / "net.h"
    assert call("export", net, header) == (0, f"C header: {header}\n")
    dl.load(net).to_c(tmp_path / "expected.h", name="net")
    assert header.read_text() == (tmp_path / "expected.h").read_text()


def test_name_and_learn(tmp_path):
    net, header = saved(tmp_path), tmp_path / "net.h"
    assert call("export", net, header, "--name", "valve", "--learn")[0] == 0
    assert "float valve_learn_one(" in header.read_text()


def test_errors_are_one_line_and_leave_no_file(tmp_path):
    net, header = saved(tmp_path), tmp_path / "net.h"
    assert "must be a C identifier" in refused("export", net, header, "--name", "2nd")
    assert "none.npz" in refused("export", tmp_path / "none.npz", header)
    assert "nowhere" in refused("export", net, tmp_path / "nowhere" / "net.h")
    assert not header.exists()


def test_what_is_read_is_not_replaced(tmp_path):
    net, samples = saved(tmp_path), tmp_path / "samples.csv"
    samples.write_text("a,b,c\n1,2,3\n")
    (tmp_path / "link.npz").symlink_to(net)
    before = net.read_bytes(), samples.read_bytes()
    whole = ("--weights", "int16", "--samples", samples)
    assert "would replace what is read" in refused("export", net, net)
    assert "would replace what is read" in refused("export", tmp_path / "link.npz", net)
    assert "would replace what is read" in refused("export", net, samples, *whole)
    assert (net.read_bytes(), samples.read_bytes()) == before


def test_header_for_a_small_chip(tmp_path):
    net, header = saved(tmp_path), tmp_path / "net.h"
    assert call("export", net, header, "--weights", "int8", "--progmem")[0] == 0
    dl.load(net).to_c(tmp_path / "expected.h", name="net", weights="int8", progmem=True)
    assert header.read_text() == (tmp_path / "expected.h").read_text()
    assert call("export", net, header, "--learn", "--momentum")[0] == 0
    assert "float momentum)" in header.read_text()
    assert "give both" in refused("export", net, header, "--momentum")
    (tmp_path / "samples.csv").write_text("a,b,c\n1,2,3\n0,-1,4\n")
    whole = ("--weights", "int16", "--samples", tmp_path / "samples.csv")
    assert call("export", net, header, *whole)[0] == 0
    X = [[1, 2, 3], [0, -1, 4]]
    dl.load(net).to_c(tmp_path / "expected.h", name="net", weights="int16", samples=X)
    assert header.read_text() == (tmp_path / "expected.h").read_text()
    assert "needs samples (--samples)" in refused("export", net, header, *whole[:2])
    (tmp_path / "samples.csv").write_text("a,b\n1,2\n")
    assert "the network takes 3 inputs" in refused("export", net, header, *whole)
    assert "int4" in refused("export", net, header, "--weights", "int4")
