"""What is installed: the right files, few of them, and one hard dependency."""

import json
import re
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import distribution

import pytest


@pytest.fixture(scope="module")
def dist():
    return distribution("deltaloop")


@pytest.fixture(scope="module")
def files(dist):
    """Paths of the installed files, as text; byte code left out."""
    paths = [str(path).replace("\\", "/") for path in dist.files]
    if any("_editable_" in path for path in paths):
        pytest.skip("editable installation: the files are those of the checkout")
    return [path for path in paths if not path.endswith(".pyc")]


def test_package_is_typed(files):
    assert "deltaloop/py.typed" in files


@pytest.mark.parametrize("name", ["digits.npz", "iris.csv", "SOURCES.md"])
def test_data_are_installed_with_their_sources(files, name):
    assert f"deltaloop/data/{name}" in files


@pytest.mark.parametrize("name", ["page.html", "page.css", "page.js", "arithmetic.js"])
def test_parts_of_the_page_are_installed(files, name):
    assert f"deltaloop/explain/page/{name}" in files


def test_sources_name_every_data_file(dist, files):
    text = next(f for f in dist.files if f.name == "SOURCES.md").read_text(encoding="utf-8")
    data = [f.rsplit("/", 1)[1] for f in files if f.startswith("deltaloop/data/")]
    assert [name for name in data if name != "SOURCES.md" and name not in text] == []


@pytest.mark.parametrize(
    "module", ["__init__.py", "network.py", "version.py", "app/commands.py", "console/terminal.py",
               "inputs/checks.py", "interop/archive.py", "parts/layers.py", "tables/readers.py",
               "training/loop.py", "kernels/__init__.py",
               "kernels/interface.py", "kernels/reference.py"],
)  # fmt: skip
def test_python_modules_are_installed(files, module):
    assert f"deltaloop/{module}" in files


def test_start_of_the_command_is_installed(files):
    own = [f for f in files if f.startswith("_deltaloop_command/")]
    assert own == ["_deltaloop_command/__init__.py"]


def test_licences_of_the_data_are_those_of_the_metadata(dist):
    text = next(f for f in dist.files if f.name == "SOURCES.md").read_text(encoding="utf-8")
    named = re.findall(r"Licence: .*\((CC BY [0-9.]+)\)", text)
    assert set(named) == {"CC BY 4.0"}
    assert len(named) == text.count("- Source:")


def test_compiled_modules_are_installed(files):
    compiled = [f for f in files if f.endswith(tuple(EXTENSION_SUFFIXES))]
    assert compiled
    assert all(f.startswith("deltaloop/kernels/cython/") for f in compiled)


LICENCES = {
    "LICENSE", "src/deltaloop/data/SOURCES.md", "docs/site/static/stix-two-math-LICENSE.txt",
}  # fmt: skip
DOORS = ["deltaloop/embedding.pxd", "deltaloop/include/deltaloop.h"]


def test_what_other_projects_compile_with_is_installed(files):
    assert [f for f in files if f.endswith((".pxd", ".h"))] == DOORS


@pytest.mark.parametrize(
    "leftover",
    [r"\.pyx$", r"\.pxi$", r"\.c$", r"\.o$", r"(^|/)tests?/", r"(^|/)test_",
     r"conftest", r"(^|/)benchmarks?/", r"CMake", r"(?<!explain/page/page)\.html$",
     r"\.orig$", r"\.sh$"],
)  # fmt: skip
def test_nothing_of_the_workshop_is_installed(files, leftover):
    assert [f for f in files if re.search(leftover, f)] == []


def test_nothing_is_installed_outside_the_package(files):
    own = ("deltaloop/", "deltaloop-", "_deltaloop_command/")
    outside = [f for f in files if not f.startswith(own)]
    assert [f for f in outside if not re.search(r"bin/deltaloop$|Scripts/deltaloop\.exe$", f)] == []


def test_installation_is_smaller_than_14_mb(dist, files):
    contents = [path.locate().read_bytes() for path in dist.files if path.locate().exists()]
    is_checked = any(b"__asan_init" in content for content in contents)  # DELTALOOP_CHECKED
    assert sum(map(len, contents)) < (60e6 if is_checked else 14e6)


def requirements(dist):
    """Requirement and extra (None: always) of every dependency."""
    pairs = []
    for line in dist.requires:
        requirement, _, condition = line.partition(";")
        extra = re.search(r"extra\s*==\s*['\"]([\w-]+)", condition)
        pairs.append((requirement.strip(), extra and extra[1]))
    return pairs


def test_numpy_is_the_only_hard_dependency(dist):
    hard = [re.match(r"[\w-]+", text)[0] for text, extra in requirements(dist) if extra is None]
    assert hard == ["numpy"]


def test_extras_are_the_promised_ones(dist):
    extras = {
        "cli", "frames", "numba", "sklearn", "plot", "tensorboard", "onnx", "torch", "mpi",
        "test", "bench", "docs", "all",
    }  # fmt: skip
    assert set(dist.metadata.get_all("Provides-Extra")) == extras


def test_command_is_registered(dist):
    commands = {e.name: e for e in dist.entry_points if e.group == "console_scripts"}
    assert list(commands) == ["deltaloop"]
    assert callable(commands["deltaloop"].load())


def test_metadata_name_licence_python_and_readme(dist):
    meta = dist.metadata
    assert meta["License-Expression"] == "BSD-3-Clause AND CC-BY-4.0 AND OFL-1.1"
    licences = meta.get_all("License-File")
    assert set(licences) == LICENCES
    shipped = [str(path) for path in dist.files if ".dist-info/licenses/" in str(path)]
    assert {path.partition("/licenses/")[2] for path in shipped} == LICENCES
    assert meta["Requires-Python"] == ">=3.11"
    assert meta["Summary"]
    assert len(meta.get_payload() or meta["Description"]) > 500
    assert sys.version_info >= (3, 11)


def test_bill_of_materials_names_what_is_installed(dist):
    """PEP 770; packaging/check_wheel.py compares the parts of the file with each other."""
    (path,) = [path for path in dist.files if ".dist-info/sboms/" in str(path)]
    bill = json.loads(path.locate().read_text(encoding="utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["version"] == dist.version
    parts = {part["name"]: part for part in bill["components"]}
    assert set(parts) == {"Cython", "deltaloop/data", "numpy"}
    tools = [tool["name"] for tool in bill["metadata"]["tools"]["components"]]
    assert tools[:2] == ["Cython", "CMake"]
    assert "" not in (*tools, parts["Cython"]["version"])
    assert "@" not in parts["Cython"]["version"]
