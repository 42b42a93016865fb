"""Docstrings name the arguments that there are."""

import importlib
import inspect
import re

import pytest

PLACES = [
    "", "callbacks", "datasets", "formats", "metrics", "parallel", "plot", "schedules", "sklearn",
    "tables", "tabular",
]  # fmt: skip
SECTION = re.compile(r"\nParameters\n-+\n(.*?)(?:\n\n[A-Z]\w+\n-{3,}|\Z)", re.DOTALL)


def public(place):
    """Functions, classes and methods of a module, by name."""
    module = importlib.import_module(f"deltaloop.{place}".rstrip("."))
    for name in module.__all__:
        value = getattr(module, name)
        if not (inspect.isfunction(value) or inspect.isclass(value)):
            continue
        yield name, value
        if inspect.isclass(value):
            methods = inspect.getmembers(value, lambda of: callable(of) or inspect.ismethod(of))
            for method, function in methods:
                if not method.startswith("_") and hasattr(function, "__code__"):
                    yield f"{name}.{method}", function


def described(text):
    """Names in the section Parameters of a docstring; None without one."""
    found = SECTION.search(inspect.cleandoc(text or ""))
    if found is None:
        return None
    heads = [line.split(" :")[0] for line in found[1].splitlines() if line[:1].strip()]
    return {name.strip(" *") for head in heads for name in head.split(",")}


@pytest.mark.parametrize("place", PLACES)
def test_parameters_are_those_of_the_signature(place):
    wrong, n_described = {}, 0
    for name, value in public(place):
        names = described(value.__doc__)
        if names is not None:
            n_described += 1
            taken = set(inspect.signature(value).parameters) - {"self", "cls"}
            if names != taken:
                wrong[name] = sorted(names ^ taken)
    assert wrong == {}
    assert n_described
