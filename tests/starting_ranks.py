"""The command that starts the ranks of MPI."""

import os
import shutil
import sys
from pathlib import Path

import pytest


def mpiexec() -> str:
    """That of the environment or of the machine; a test is skipped where there is none."""
    pytest.importorskip("mpi4py.MPI", exc_type=(ImportError, RuntimeError))
    folders = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = shutil.which("mpiexec", path=folders)
    if command is None:
        pytest.skip("there is no mpiexec")
    return command
