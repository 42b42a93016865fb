"""The shell scripts of packaging/, as far as they run in no time."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "packaging"
needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


@needs_bash
@pytest.mark.parametrize("script", sorted(FOLDER.glob("*.sh")), ids=lambda path: path.name)
def test_bash_reads_the_script(script):
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@needs_bash
@pytest.mark.parametrize(
    "options",
    [
        [],
        ["-Cbuild-dir=/a/b"],
        ["-C", "build-dir=/a/b", "-v"],
        ["--config-settings=build-dir=/a/b"],
    ],
    ids=" ".join,
)
def test_manylinux_takes_a_folder_to_build_in(tmp_path, options):
    """pip refuses two of them. A stand-in for Python prints what it is called with."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    done = subprocess.run(
        ["bash", FOLDER / "manylinux.sh", tmp_path / "wheels", *options],
        env=os.environ | {"PYTHON": str(python)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    called = done.stdout.splitlines()[0]
    found = re.findall(r"build-dir=(\S+)", called)
    assert len(found) == 1
    assert (found == ["/a/b"]) == bool(options)
    for option in options:
        assert option in called
