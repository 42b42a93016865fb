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
