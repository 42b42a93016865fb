"""Pictures of the pages in docs: what is shown is there; docs/pictures/draw.py draws some again."""

import importlib.util
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
NAMES = ["diagnose", "initial_values", "history"]  # those that take less than a second


def script(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / "pictures" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def draw():
    pytest.importorskip("matplotlib")
    return script("draw")


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


def test_pictures_of_the_kernels_are_what_the_script_draws():
    for name, made in script("data_flow").PICTURES.items():
        assert f"pictures/{name}.svg" in shown()
        file = DOCS / "pictures" / f"{name}.svg"
        assert file.read_text(encoding="utf-8") == made().svg(), "run docs/pictures/data_flow.py"


def test_picture_of_theta_shows_every_parameter_once():
    svg = (DOCS / "pictures" / "layout.svg").read_text(encoding="utf-8")
    cells = re.findall(r">([wb][0-9]+)</text>", svg)
    assert len(cells) == 3 * 5 + 5 + 5 * 2 + 2
    assert cells[:5] == ["w11", "w21", "w31", "w41", "w51"]  # a row leaves one input
