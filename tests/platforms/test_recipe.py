"""The recipe for conda says what pyproject.toml says."""

import re
import tomllib
from pathlib import Path

import pytest

from deltaloop.version import __version__

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "packaging" / "conda" / "recipe.yaml"
TEXT = RECIPE.read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def bounds(requirements):
    """Bounds of versions by the names of packages, without spaces."""
    pairs = (re.fullmatch(r"([\w-]+)\s*(.*)", text).groups() for text in requirements)
    return {name: bound.replace(" ", "") for name, bound in pairs}


def section(name):
    """The plain requirements of a section of the recipe, conditional ones included."""
    (text,) = re.findall(rf"^  {name}:\n((?:    .*\n)+)", TEXT, re.MULTILINE)
    items = re.findall(r"^ +- ([\w-][^:$\n]*)$", text, re.MULTILINE)
    return bounds(items)


def test_version_is_that_of_the_package():
    assert re.search(r'version: "(.*?)"', TEXT)[1] == __version__


def test_build_requirements_are_those_of_pyproject():
    wanted = bounds(PYPROJECT["build-system"]["requires"])
    assert {name: section("host").get(name) for name in wanted} == wanted
    assert section("build")["cython"] == wanted["cython"]
    (least,) = re.findall(
        r"cmake_minimum_required\(VERSION ([0-9.]+?)\.\.\.", (ROOT / "CMakeLists.txt").read_text()
    )
    assert section("build")["cmake"] == f">={least}"


def test_requirements_are_those_of_the_package_and_its_command_line():
    project = PYPROJECT["project"]
    extra = project["optional-dependencies"]["cli"]
    wanted = bounds([*project["dependencies"], *extra])
    wanted["python-duckdb"] = wanted.pop("duckdb")  # its name there
    found = section("run")
    assert found.pop("python") == ""
    assert found == wanted


def test_the_builder_understands_it():
    builder = pytest.importorskip("rattler_build")
    recipe = builder.Stage0Recipe.from_file(str(RECIPE))
    variants = builder.VariantConfig(
        {"python": ["3.11.* *_cpython", "3.13.* *_cp313"], "c_compiler": ["gcc"],
         "c_stdlib": ["sysroot"], "c_stdlib_version": ["2.17"]}
    )  # fmt: skip
    for system in ("linux-64", "linux-aarch64", "osx-arm64"):
        where = builder.PlatformConfig(target_platform=system, build_platform="linux-64")
        rendered = recipe.render(variants, builder.RenderConfig(platform=where))
        assert [str(one.recipe.package.version) for one in rendered] == [__version__] * 2
