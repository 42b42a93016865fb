"""What is installed to build and to test is pinned; licences of all in a wheel are told."""

import re
import tomllib
from importlib.metadata import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PINNED = re.compile(r"^([\w.-]+)==([^ ;\\]+)(?: ; ([^\\]+?))? \\\n((?:    --hash=.*\n)+)", re.M)


def name_of(text):
    return re.sub(r"[-_.]+", "-", text).lower()


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def pinned():
    """{name: versions}, of which markers choose."""
    text, found = (ROOT / ".ci" / "requirements.txt").read_text(), {}
    for name, version, _, hashes in PINNED.findall(text):
        assert re.fullmatch(r"(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", hashes), name
        found.setdefault(name_of(name), []).append(version)
    others = [line for line in text.splitlines() if line[:1] not in ("#", " ", "")]
    assert len(others) == sum(map(len, found.values())), "a line without a hash"
    return found


def asked(project):
    """What the build, the tests and .ci/run ask for."""
    extras = project["project"]["optional-dependencies"]
    asked = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    waiting, seen = ["test"], set()
    while waiting:
        extra = waiting.pop()
        if extra in seen:
            continue
        seen.add(extra)
        for line in extras[extra]:
            own = re.match(r"deltaloop\[(.*)\]", line)
            if own:
                waiting += own[1].split(",")
            else:
                asked.append(line)
    run = (ROOT / ".ci" / "run").read_text()
    for line in re.findall(r"^pip install --quiet (.*)$", run, re.M):
        asked += line.replace('"', "").split()
    return asked


def test_all_that_ci_installs_is_pinned_within_its_range(project, pinned):
    requirements = pytest.importorskip("packaging.requirements")
    found = [requirements.Requirement(line) for line in asked(project)]
    assert {"cython", "numpy", "pytest", "ruff", "sphinx"} <= {one.name for one in found}
    for one in found:
        versions = pinned.get(name_of(one.name))
        assert versions, f"{one.name} is not pinned: .ci/pin"
        assert all(one.specifier.contains(version) for version in versions), (one, versions)


def test_licences_of_code_data_and_font_are_in_the_metadata(project):
    told = metadata("deltaloop")
    expression = told["License-Expression"]
    assert set(expression.split(" AND ")) == {"BSD-3-Clause", "CC-BY-4.0", "OFL-1.1"}
    files = told.get_all("License-File")
    assert sorted(files) == sorted(project["project"]["license-files"])
    sources = (ROOT / "src" / "deltaloop" / "data" / "SOURCES.md").read_text()
    for path in (ROOT / "src" / "deltaloop" / "data").iterdir():
        if path.suffix in (".csv", ".npz", ".gz"):
            assert path.name in sources, f"where {path.name} is from, and its licence, is not told"
    assert "CC BY 4.0" in sources or "CC-BY-4.0" in sources
