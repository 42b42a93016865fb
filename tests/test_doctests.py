"""Every example in the documentation gives what it says."""

import doctest
import importlib.util
import pkgutil
from pathlib import Path

import pytest

import deltaloop


def examples_in(name):
    """Whether the source of a module has examples; the module itself is not imported."""
    source = importlib.util.find_spec(name).origin
    return source.endswith(".py") and ">>> " in Path(source).read_text(encoding="utf-8")


# a module without examples may need a package that is not here: some measure other libraries
NAMES = [module.name for module in pkgutil.walk_packages(deltaloop.__path__, "deltaloop.")]
MODULES = sorted(name for name in ["deltaloop", *NAMES] if examples_in(name))
README = Path(__file__).parents[1] / "README.md"


@pytest.fixture(autouse=True)
def newcomer(monkeypatch, tmp_path):
    """A folder of their own and no settings in the environment."""
    for name in ("DELTALOOP_BACKEND", "DELTALOOP_ISA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module_are_right(name):
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert tried > 0
    assert failed == 0


def test_there_are_examples_for_what_is_public():
    lacking = []
    for name in deltaloop.__all__:
        value = getattr(deltaloop, name)
        if name.endswith(("Error", "Warning")) or name in ("datasets", "Gradients"):
            continue
        tests = doctest.DocTestFinder().find(value, name)
        if not any(test.examples for test in tests):
            lacking.append(name)
    assert lacking == []


def test_examples_of_the_readme_are_right():
    text = README.read_text(encoding="utf-8")
    examples = doctest.DocTestParser().get_examples(text)
    assert len(examples) >= 4
    failed, _ = doctest.testfile(str(README), module_relative=False, encoding="utf-8")
    assert failed == 0
