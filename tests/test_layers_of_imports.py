"""Imports lead down, from the command line to the texts of errors, and never in a circle."""

import ast
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]

# From the top; who shares a line may import one another. A folder stands for all that is in it.
LAYERS = [
    "__main__",
    "app",
    "benchmarking",
    "deltaloop",  # the public names
    "sklearn saved formats",
    "tabular",
    "ensemble",
    "loading numba numba_handles callbacks schedules plot",
    "network",
    "embedding console",
    "training",
    "explain",
    "computing interop",
    "parts metrics parallel",
    "inputs kernels tables datasets",
    "errors text version synonyms",
]
HEIGHT = {name: -k for k, names in enumerate(LAYERS) for name in names.split()}


def sources():
    """Text of every module, by its name; the kernels lie beside src/ in a checkout."""
    found = {}
    for folder, package in (("src/deltaloop", ""), ("kernels", ".kernels")):
        for path in sorted((CHECKOUT / folder).rglob("*.py")):
            parts = path.relative_to(CHECKOUT / folder).with_suffix("").parts
            if folder != "kernels" and parts[0] == "kernels":
                continue  # a link to the other folder
            name = ".".join([f"deltaloop{package}", *parts]).removesuffix(".__init__")
            found[name] = (path.read_text(encoding="utf-8"), path.name == "__init__.py")
    return found


def imports(modules):
    """Pairs (importing, imported) of modules, also of imports inside functions."""
    pairs = set()
    for name, (text, is_package) in modules.items():
        package = name if is_package else name.rpartition(".")[0]
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                above = package.split(".")[: len(package.split(".")) + 1 - node.level]
                base = ".".join([*(above if node.level else []), *filter(None, [node.module])])
                # `from . import module` imports the module, `from . import name` the package
                inner = [f"{base}.{alias.name}" for alias in node.names]
                targets = [one if one in modules else base for one in inner]
            else:
                continue
            pairs |= {(name, one) for one in targets if one.partition(".")[0] == "deltaloop"}
    return pairs - {(name, name) for name in modules}


def folder(name):
    return name.split(".")[1] if "." in name else name


def wrong(pairs):
    """Imports that lead up, as text."""
    return sorted(f"{a} imports {b}" for a, b in pairs if HEIGHT[folder(a)] < HEIGHT[folder(b)])


def circle(pairs):
    """The modules of a circle in the order of their imports; none: an empty list."""
    leads_to = {}
    for one, other in sorted(pairs):
        leads_to.setdefault(one, []).append(other)
    done = set()

    def search(name, way):
        if name in way:
            return [*way[way.index(name) :], name]
        if name not in done:
            for other in leads_to.get(name, []):
                if found := search(other, [*way, name]):
                    return found
            done.add(name)
        return []

    return next(filter(None, (search(name, []) for name in sorted(leads_to))), [])


def test_every_module_has_a_layer():
    assert {folder(name) for name in sources()} == set(HEIGHT)


def test_nothing_imports_upwards():
    assert wrong(imports(sources())) == []


def test_imports_go_in_no_circle():
    assert circle(imports(sources())) == []


PLANTED = {
    "deltaloop.parts.views": ("def f():\n    from ..network import Network", False),
    "deltaloop.network": ("from . import kernels", False),
    "deltaloop.kernels": ("import deltaloop.network", True),
    "deltaloop.errors": ("import os\nfrom . import __version__", False),
    "deltaloop": ("from .errors import BusyError", True),
}


@pytest.mark.parametrize(
    "told",
    [
        "deltaloop.parts.views imports deltaloop.network",
        "deltaloop.kernels imports deltaloop.network",
        "deltaloop.errors imports deltaloop",
    ],
)
def test_import_that_leads_up_is_named(told):
    assert told in wrong(imports(PLANTED))


def test_circle_is_named():
    assert circle({("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")}) == ["b", "c", "b"]
    assert circle({("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")}) == []
