"""Fixtures: every backend that belongs to this machine, both dtypes, and files to read."""

import importlib
import os
from collections import Counter
from zlib import crc32

# before NumPy is imported: threads of its products, which are small, mostly wait for each other
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
from hypothesis import settings

from command_line import write_csv
from deltaloop import kernels

# the same examples in every run: what passed once passes again
settings.register_profile("deltaloop", deadline=None, derandomize=True, max_examples=25)
# pytest --hypothesis-profile=search: other examples in every run, and more of them
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile("deltaloop")


def _compiled_backends():
    try:
        levels = importlib.import_module("deltaloop.kernels.cython").levels()
    except (ImportError, AttributeError):
        return ["cython"]  # not built: loading it fails the test, as it should
    return [f"cython-{level}" for level in levels]


THREADED = _compiled_backends()
COMPILED = [*THREADED, "numba"]
_SAMPLED = {*THREADED[:-1], "numba"}


def pytest_addoption(parser):
    parser.addoption(
        "--every-level", action="store_true",
        help="the wide tables of tests/kernels with every instruction set and Numba in full, and "
        "every training of tests/golden",
    )  # fmt: skip
    parser.addoption(
        "--without-numba", action="store_true",
        help="for Pythons and processors that Numba has no build for",
    )  # fmt: skip


def pytest_collection_modifyitems(config, items):
    """Of wide tables, one case in eight for instruction sets but the newest, and for Numba.

    All instruction sets are compiled from one source, and Numba calls what the newest one lends.
    Every test is run with each of them, and tests that draw their cases are run in full.
    """
    if config.getoption("--without-numba"):
        gone = [item for item in items if "numba" in item.nodeid]
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if "numba" not in item.nodeid]
    if config.getoption("--every-level"):
        return
    left_out, seen = [], Counter()
    for item in items:
        given = getattr(item, "callspec", None)
        values = given.params.values() if given and _is_wide(item) else ()
        name = next((v for v in values if isinstance(v, str) and v in _SAMPLED), None)
        if name is not None:
            seen[item.function, name] += 1
            # by a hash: every eighth of a table would be the same value of its last parameter
            if seen[item.function, name] > 1 and crc32(item.nodeid.encode()) % 8:
                left_out.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]


def _is_wide(item):
    """Whether it is one of kernels or steps with a table, and draws no cases."""
    of_steps = item.path.parent.name == "kernels" or item.path.name == "test_embedding.py"
    return of_steps and not hasattr(item.function, "hypothesis")


def load(name):
    """The backend 'reference', 'cython', 'numba' or, of one instruction set, 'cython-3'."""
    name, _, level = name.partition("-")
    module = kernels.load(name)
    return module.backend(int(level)) if level else module


@pytest.fixture(scope="session", params=["reference", *COMPILED])
def backend(request):
    """Every backend."""
    return load(request.param)


@pytest.fixture(scope="session", params=COMPILED)
def compiled(request):
    """Every compiled backend."""
    return load(request.param)


@pytest.fixture(scope="session")
def every_compiled(pytestconfig):
    """All compiled backends, for tests that compute much before they ask the first of them."""
    without = pytestconfig.getoption("--without-numba")
    return [load(name) for name in COMPILED if name != "numba" or not without]


@pytest.fixture(scope="session")
def every_backend(every_compiled):
    """All backends, likewise."""
    return [load("reference"), *every_compiled]


@pytest.fixture(scope="session", params=THREADED)
def threaded(request):
    """Every backend that shares work between threads."""
    return load(request.param)


@pytest.fixture(scope="session", params=["float32", "float64"])
def dtype(request):
    """Both dtypes."""
    return np.dtype(request.param)


@pytest.fixture
def write(tmp_path):
    """Write a file and return its path."""

    def write(content, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def flowers(tmp_path):
    """120 rows, a text column among the inputs, two classes with names that need care."""
    generator = np.random.default_rng(1)
    size, colour = generator.normal(size=(120, 2)), generator.choice(["red", "blue"], 120)
    names = np.where(size[:, 0] + (colour == "red") > 0.5, "Größe, α", "[bold]小")
    lines = [[*s.round(4), c, n] for s, c, n in zip(size, colour, names, strict=True)]
    return write_csv(tmp_path / "flowers.csv", ["length", "width", "colour", "species"], lines)


@pytest.fixture
def prices(tmp_path):
    """150 rows, the target first, far from 0 and widely spread."""
    x = np.random.default_rng(2).normal(size=(150, 2))
    y = 50000 + 12000 * x[:, 0] - 3000 * x[:, 1]
    lines = [[f"{t:.2f}", *row.round(4)] for t, row in zip(y, x, strict=True)]
    return write_csv(tmp_path / "prices.csv", ["price", "area", "age"], lines)
