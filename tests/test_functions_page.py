"""docs/functions.md has every function, as its row is now, with a picture."""

import importlib.util
from pathlib import Path
from xml.etree import ElementTree

import pytest

from deltaloop.kernels.functions import ACTIVATIONS, LOSSES

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def script():
    """docs/write_functions.py"""
    spec = importlib.util.spec_from_file_location("write_docs", DOCS / "write_functions.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_are_those_of_the_rows(script):
    text = (DOCS / "functions.md").read_text(encoding="utf-8")
    assert script.page(text) == text, "write them again: python docs/write_functions.py"
    assert script.USES.keys() == ACTIVATIONS.keys() | LOSSES.keys()


@pytest.mark.parametrize("name", [*ACTIVATIONS, *LOSSES])
def test_every_function_has_a_small_picture_with_its_curves(script, name):
    text = (DOCS / "pictures" / "functions" / f"{name}.svg").read_text(encoding="utf-8")
    assert len(text) < 6000
    now = script.picture(name)
    shapes = [[child.tag for child in ElementTree.fromstring(svg)] for svg in (text, now)]
    assert shapes[0] == shapes[1]
    assert shapes[0].count("{http://www.w3.org/2000/svg}path") >= 3


def test_no_picture_is_left_of_a_function_that_is_gone():
    assert {
        path.stem for path in (DOCS / "pictures" / "functions").iterdir()
    } == ACTIVATIONS.keys() | LOSSES.keys()
