"""`deltaloop explain`: the worked example, rows of tables, and what is refused."""

import numpy as np
import pytest

import deltaloop as dl
from command_line import call, refused, write_csv
from deltaloop import tabular
from deltaloop.app import problems
from deltaloop.tables import read


@pytest.fixture
def net(tmp_path):
    made = dl.Network([2, 3, 1], activation="tanh", dtype="float64", seed=1)
    made.save(tmp_path / "net.npz")
    return made, tmp_path / "net.npz"


def test_worked_example_needs_nothing():
    status, printed = call("explain")
    assert status == 0
    assert printed.splitlines()[0].endswith("= 2.25")
    assert printed.splitlines()[5].split()[:1] == ["dC/dw^2_22"]
    assert call("explain", "--b", "1,2")[1].splitlines()[0].endswith("= 1.5")
    assert "where delta^4_1 comes from" in call("explain", "--W", "1,1,1", "--recursive")[1]


def test_worked_example_with_other_numbers():
    printed = call("explain", "--x", "1,0,2,-1", "--y", "2", "--W", "2,2,2")[1]
    assert printed.splitlines()[0].endswith("= 1.125")


def test_it_prints_what_the_method_gives(net):
    made, path = net
    for option, place in (("--W", (1, 3, 2)), ("--b", (2, 1))):
        printed = call(
            "explain", path, "--x", "0.5,-1", "--y", "2", option, ",".join(map(str, place))
        )
        assert printed == (0, repr(made.explain([0.5, -1], [2.0], **{option[2:]: place})) + "\n")
    assert (
        call("explain", path, "--x", "0.5,-1", "--y", "2")[1] == f"{made.trace([0.5, -1], [2])}\n"
    )


def prepared(net, path):
    """The inputs that the network makes of a table."""
    return tabular.of_metadata(net.metadata).transform(read(path))


def test_rows_of_a_table_are_encoded_as_in_training(tmp_path, flowers):
    saved = tmp_path / "flowers.npz"
    assert call("train", flowers, "--epochs", "2", "--save", saved)[0] == 0
    made = dl.load(saved)
    printed = call("explain", saved, flowers, "--row", "2", "--b", "2,1")[1]
    line = flowers.read_text("utf-8").splitlines()[2].split(",")
    target = made.classes.index(",".join(line[3:]).strip('"'))
    x = prepared(made, flowers)[1]
    assert x[2] == (1 if line[2] == "red" else -1)
    assert printed == repr(made.explain(x, target, b=(2, 1))) + "\n"


def test_rows_of_values_and_bundled_data(tmp_path, prices):
    saved = tmp_path / "prices.npz"
    assert call("train", prices, "--target", "price", "--epochs", "2", "--save", saved)[0] == 0
    made = dl.load(saved)
    y = float(prices.read_text().splitlines()[5].split(",")[0])
    expected = repr(made.explain(prepared(made, prices)[4], [y], W=(1, 2, 1))) + "\n"
    assert call("explain", saved, prices, "--row", "5", "--W", "1,2,1") == (0, expected)
    assert call("train", "iris", "--epochs", "1", "--save", saved)[0] == 0
    data, made = dl.datasets.load("iris"), dl.load(saved)
    expected = repr(made.explain(data.X[7], int(data.y[7]), b=(2, 3))) + "\n"
    assert call("explain", saved, "iris", "--row", "8", "--b", "2,3") == (0, expected)


def test_network_from_python_takes_plain_columns(net, tmp_path):
    made, path = net
    table = write_csv(tmp_path / "t.csv", ["p", "q", "r"], [[1, 2, 3], [4, 5, 6]])
    printed = call("explain", path, table, "--row", "2", "--y", "6", "--b", "1,1")[1]
    assert printed == repr(made.explain(np.array([4.0, 5.0]), [6.0], b=(1, 1))) + "\n"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "needs a sample"),
        (("--x", "1,2"), "needs a sample"),
        (("--x", "1,two", "--y", "1"), "--x must be numbers with commas between"),
        (("--x", "1,2,3", "--y", "1"), "2 values per sample, got 3"),
        (("--x", "1,2", "--y", "1", "--W", "1,1"), "--W must be 3 whole numbers"),
        (("--x", "1,2", "--y", "1", "--b", "1,-1"), "--b must be 2 whole numbers"),
        (("--x", "1,2", "--y", "1", "--W", "3,1,1"), "has weight layers 1 to 2"),
        (("--x", "1,2", "--y", "1", "--W", "1,1,1", "--b", "1,1"), "one of them"),
        (("xor", "--row", "5"), "--row must be at most 4"),
        (("xor", "--x", "1,2"), "give one of them"),
    ],
)
def test_errors_are_one_line(net, arguments, text):
    assert text in refused("explain", net[1], *arguments)


def test_table_without_a_known_target_needs_y(net, tmp_path):
    table = write_csv(tmp_path / "t.csv", ["p", "q"], [[1, 2], [4, 5]])
    assert "give --y" in refused("explain", net[1], table)


def test_row_is_explained_whatever_is_in_others(tmp_path, monkeypatch):
    lines = [[k / 3, "" if k == 2 else 1.5 * k] for k in range(30)]
    path, saved = write_csv(tmp_path / "t.csv", ["a", "y"], lines), tmp_path / "net.npz"
    assert call("train", path, "--epochs", 1, "--save", saved)[0] == 0
    read_files = []

    def counted(*args, **options):
        read_files.append(args[0])
        return read(*args, **options)

    monkeypatch.setattr(problems, "read", counted)
    made = dl.load(saved)
    expected = repr(made.explain(prepared(made, path)[3], [4.5], b=(1, 1))) + "\n"
    assert call("explain", saved, path, "--row", 4, "--b", "1,1") == (0, expected)
    assert read_files == [str(path)]
    assert "target 'y' is missing in row 3 of" in refused("explain", saved, path, "--row", 3)
    assert call("explain", saved, path, "--row", 3, "--y", 1)[0] == 0


@pytest.mark.parametrize(
    ("cell", "of_classes", "part"),
    [
        ("dear", False, "the target is 'dear', but the network predicts numbers"),
        ("2024-05-06", False, "but the network predicts numbers"),
        ("c", True, "the target is 'c', which is no class of this network; they are 'a', 'b'"),
        ("2024-05-06", True, "which is no class of this network"),
        ("7", True, "the target is '7', which is no class of this network"),
    ],
)
def test_target_that_the_network_does_not_know_is_refused(tmp_path, cell, of_classes, part):
    lines = [[k / 3, "ab"[k % 2] if of_classes else k / 7] for k in range(30)]
    path, saved = write_csv(tmp_path / "t.csv", ["a", "y"], lines), tmp_path / "net.npz"
    assert call("train", path, "--epochs", 1, "--save", saved)[0] == 0
    other = write_csv(tmp_path / "other.csv", ["a", "y"], [[1, cell], [2, cell]])
    assert part in refused("explain", saved, other)


def test_page_is_written(net, tmp_path):
    made, path = net
    page = tmp_path / "net.html"
    given = ("--x", "0.5,-1", "--y", "2", "--html", page)
    assert call("explain", path, *given) == (0, f"page: {page}\n")
    made.explain_page(tmp_path / "expected.html", [0.5, -1], [2.0])
    assert page.read_text("utf-8") == (tmp_path / "expected.html").read_text("utf-8")
    assert call("explain", "--html", page)[0] == 0
    assert '"W": [[1.0, 3.0, 1.0, 4.0]' in page.read_text("utf-8")


def test_page_that_cannot_be_is_one_line(net, tmp_path):
    assert "would replace what is read" in refused("explain", net[1], "--html", net[1])
    wide = tmp_path / "wide.npz"
    dl.Network([30, 1]).save(wide)
    given = ("--x", ",".join("1" * 30), "--y", "1", "--html", tmp_path / "w.html")
    assert "has room for 16 units" in refused("explain", wide, *given)
    assert not (tmp_path / "w.html").exists()
