"""Results as a picture."""

from dataclasses import replace

import pytest

from deltaloop.benchmarking import plots
from deltaloop.errors import InvalidInputError


def test_picture_is_written(found, tmp_path):
    pytest.importorskip("matplotlib")
    plots.save(found, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_picture_of_nothing_is_refused(found):
    pytest.importorskip("matplotlib")
    with pytest.raises(InvalidInputError, match="nothing was timed"):
        plots.draw(replace(found, jobs=[]))


def test_picture_that_cannot_be_written_leaves_what_was_there(found, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "picture.bmpx"
    path.write_text("before")
    with pytest.raises(InvalidInputError, match=r"--plot .*bmpx"):
        plots.save(found, path)
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_a_panel_of_bars_shows_the_fastest_turns_and_the_floor(found):
    pytest.importorskip("matplotlib")
    figure = plots.draw(found)
    first, second, _, *rest = figure.axes
    assert [panel.axison for panel in rest] == [False] * len(rest)
    assert [bar.get_width() for bar in first.patches] == [2.0, 4.0]  # µs
    assert [label.get_text() for label in first.get_yticklabels()] == ["deltaloop", "Numba loops"]
    assert [label.get_fontweight() for label in first.get_yticklabels()] == ["bold", "normal"]
    assert [text.get_text() for text in first.texts] == ["2.00", "4.00"]
    (floor,) = first.lines
    assert list(floor.get_xdata()) == [1.0, 1.0]
    assert first.get_xlim() == (0.5, 20.0)
    assert not second.lines  # 1 ns says nothing beside the latency
    for panel, end, color in ((first, "0.50", "black"), (second, "2.00", plots._OURS)):
        text = panel.get_title(loc="left")
        assert text.endswith(f"{end} of the fastest peer")
        (title,) = panel.findobj(lambda one, text=text: getattr(one, "_text", None) == text)
        assert title.get_color() == color


def test_a_panel_of_a_curve_has_a_line_for_each_peer_and_the_floor(found):
    pytest.importorskip("matplotlib")
    *_, panel = [axes for axes in plots.draw(found).axes if axes.get_xlabel() == "width"]
    ours, peer, floor = panel.lines
    assert [line.get_label() for line in panel.lines] == ["deltaloop", "JAX scan", "floor"]
    for line, value in ((ours, 2.0), (peer, 1.0), (floor, 0.1)):
        assert list(line.get_xdata()) == [4.0, 8.0]
        assert list(line.get_ydata()) == pytest.approx([value, value])
    assert ours.get_linewidth() > peer.get_linewidth()
    assert (panel.get_xscale(), panel.get_yscale()) == ("log", "log")


def test_curves_alone_make_a_picture_of_their_own(found):
    pytest.importorskip("matplotlib")
    figure = plots.draw(replace(found, jobs=found.jobs[2:]))
    assert [axes.get_xlabel() for axes in figure.axes] == ["width"]
