"""The examples of other libraries that share out trainings run, where these are installed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from starting_ranks import mpiexec

FOLDER = Path(__file__).parents[1] / "benchmarks" / "examples"
EXAMPLES = {
    "joblib_fits": (["joblib"], r"loky: 4 networks, .* 0\.9\d\nthreading: 4 networks, .* 0\.9\d"),
    "joblib_fits threading dask": (["joblib", "distributed"], r"dask: 4 networks, .* 0\.9\d"),
    "joblib_fits threading ray": (["joblib", "ray"], r"ray: 4 networks, .* 0\.9\d"),
    "dask_fits": (["distributed"], r"4 networks of 2260 parameters, best accuracy 0\.9\d"),
    "dask_ml_search": (["dask_ml", "distributed"], r"6 candidates, .*\naccuracy 0\.\d\d"),
    "mpi_fit": (["mpi4py.MPI"], r"2 ranks, accuracy 0\.9\d"),
    "optuna_search": (["optuna"], r"\d+ complete, [1-9]\d* pruned, best error 0\.0\d"),
    "ray_fits": (["ray"], r"4 networks, best accuracy 0\.9\d\nthe actor learns on: True"),
    "ray_tune": (["ray.tune"], r"best learning rate 0\.1, epochs (\d|1\d|2[0-3]) of 24"),
}


def run(name):
    """What an example prints."""
    program, *arguments = name.split()
    command = [sys.executable, FOLDER / f"{program}.py", *arguments]
    if name.startswith("mpi"):
        command = [mpiexec(), "-n", "2", *command]
    done = subprocess.run(
        command,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.filterwarnings("ignore")  # what these libraries say while they are imported
@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs_and_says_what_it_should(name):
    packages, told = EXAMPLES[name]
    for package in packages:
        pytest.importorskip(package, exc_type=(ImportError, RuntimeError))
    if name == "dask_ml_search" and not sys.modules["distributed"].__version__.startswith("2025.1"):
        pytest.skip("Dask-ML 2025.1 does not run with this Dask")
    assert re.search(told, run(name))


def test_every_example_is_tested():
    assert {path.stem for path in FOLDER.glob("*.py")} == {
        *(name.split()[0] for name in EXAMPLES), "one_fit",
    }  # fmt: skip
