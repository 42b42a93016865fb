"""Pictures of the pages in docs: what is shown is there; docs/pictures/draw.py draws some again."""

import importlib.util
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
NAMES = ["diagnose", "initial_values", "history"]  # those that take less than a second


@pytest.fixture(scope="module")
def draw():
    pytest.importorskip("matplotlib")
    spec = importlib.util.spec_from_file_location("draw", DOCS / "pictures" / "draw.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown():
    """Addresses of the pictures in all pages."""
    pages = [page.read_text(encoding="utf-8") for page in DOCS.glob("*.md")]
    return {found for text in pages for found in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)}


def test_every_picture_that_is_shown_is_there():
    assert [found for found in shown() if not (DOCS / found).is_file()] == []


def test_what_is_drawn_is_shown_and_small(draw):
    assert set(NAMES) <= set(draw.PICTURES)
    for name in draw.PICTURES:
        assert f"pictures/{name}.svg" in shown()
        assert (DOCS / "pictures" / f"{name}.svg").stat().st_size < 100_000


@pytest.mark.parametrize("name", NAMES)
def test_picture_can_be_drawn_again(draw, name, tmp_path):
    ax = draw.PICTURES[name]()
    try:
        assert ax.get_lines()
        ax.figure.savefig(tmp_path / "picture.svg")
        assert (tmp_path / "picture.svg").stat().st_size < 100_000
    finally:
        draw.plt.close(ax.figure)
