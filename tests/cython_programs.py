"""Cython modules that cimport deltaloop, built the way docs/cython.md says."""

import importlib.util
import subprocess
import sys
import sysconfig

import pytest

import c_programs
import deltaloop as dl


def built(folder, source, *options):
    """The module of a .pyx file; complaints of Cython or of the C compiler fail the test."""
    if importlib.util.find_spec("Cython") is None:
        pytest.skip("Cython is not installed")
    if c_programs.COMPILER is None:
        pytest.skip("there is no C compiler")
    name = source.stem
    done = subprocess.run(
        [sys.executable, "-m", "cython", "-Werror", str(source), "-o", f"{name}.c"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # every function of the .pxd is there, called or not
    options = [*options, "-Wall", "-Wno-unused-function", "-Werror", "-fPIC", "-shared"]
    include = [f"-I{sysconfig.get_path('include')}", f"-I{dl.get_include()}"]
    path = c_programs.compiled(
        folder, [f"{name}.c"], *options, *include,
        output=name + sysconfig.get_config_var("EXT_SUFFIX"),
    )  # fmt: skip
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
