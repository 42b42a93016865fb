"""A few hundred hostile calls of the public doors; tests/fuzz/run.py makes as many as one likes."""

import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parent / "fuzz" / "run.py"


@pytest.mark.parametrize("backend", ["cython", "numba"])
def test_hostile_calls_end_as_promised(backend):
    # a process of its own: its children are forks, and pytest has threads by now
    done = subprocess.run(
        [sys.executable, RUN, "--backend", backend, "--cases", "300"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
