"""Pictures of the pages in docs: each is there, is shown, and can be drawn again."""

import importlib.util
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
FILES = {path.stem for path in (DOCS / "pictures").glob("*.svg")}


@pytest.fixture(scope="module")
def draw():
    pytest.importorskip("matplotlib")
    spec = importlib.util.spec_from_file_location("draw", DOCS / "pictures" / "draw.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_picture_is_shown_and_every_picture_that_is_shown_is_there():
    shown = set()
    for page in DOCS.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        shown |= set(re.findall(r"!\[[^\]]+\]\(pictures/(\w+)\.svg\)", text))
    assert shown == FILES


def test_every_picture_has_its_function(draw):
    assert set(draw.PICTURES) == FILES


@pytest.mark.parametrize("name", sorted(FILES))
def test_picture_can_be_drawn_again(draw, name, tmp_path):
    ax = draw.PICTURES[name]()
    try:
        assert ax.get_lines()
        ax.figure.savefig(tmp_path / "picture.svg")
        assert (tmp_path / "picture.svg").stat().st_size < 100_000
    finally:
        draw.plt.close(ax.figure)


def test_pictures_are_small():
    assert all((DOCS / "pictures" / f"{name}.svg").stat().st_size < 50_000 for name in FILES)
