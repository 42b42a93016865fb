"""From nothing to the first trained epoch: a fresh process per library, and what it leaves behind.

The scripts in `starts` train 4-4-4-1 for one epoch of 1000 samples, one at a time, each in the way
that its library is quickest to start. They import nothing else.
"""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from time import perf_counter

from .peers import Peer
from .results import Start

# script: label, and the packages whose files are counted (NumPy, which all but PyTorch need, apart)
SCRIPTS = {
    "deltaloop": ("deltaloop", ("deltaloop",)),
    "numpy": ("NumPy", ("numpy",)),
    "numba": ("Numba", ("numba", "llvmlite")),
    "jax": ("JAX", ("jax", "jaxlib", "scipy", "ml-dtypes", "opt-einsum")),
    "scikit_learn": ("scikit-learn", ("scikit-learn", "scipy", "joblib")),
    "torch": ("PyTorch", ("torch", "sympy", "networkx")),
}
_FOLDER = Path(__file__).with_name("starts")


def measure(peers: list[Peer], environment: dict[str, str], repeats: int = 5) -> list[Start]:
    """Start every library of the peers that is installed, `repeats` times; the fastest counts.

    Files are read from the disk only the first time, which is not the fastest.
    """
    wanted = {peer.library for peer in peers if peer.available()}
    return [
        _fastest(script, label, packages, environment, repeats)
        for script, (label, packages) in SCRIPTS.items()
        if packages[0] in wanted
    ]


def _fastest(
    script: str, label: str, packages: tuple[str, ...], environment: dict[str, str], repeats: int
) -> Start:
    runs = [once(script, environment) for _ in range(repeats)]
    return Start(
        label,
        packages[0],
        min(run["import_seconds"] for run in runs),
        min(run["total_seconds"] for run in runs),
        min(run["peak_mib"] for run in runs),
        sum(map(installed_mib, packages)),
    )


def once(script: str, environment: dict[str, str]) -> dict[str, float]:
    """One process: it tells its import time when the epoch is over, and waits to be looked at."""
    begin = perf_counter()
    with subprocess.Popen(
        [sys.executable, "-P", "-W", "ignore", str(_FOLDER / f"{script}.py")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=environment, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        line = process.stdout.readline()
        total = perf_counter() - begin
        peak = _peak_mib(process.pid)
        process.communicate("\n")
    if not line:
        raise OSError(f"{script} cannot be started: status {process.returncode}")
    return {"import_seconds": float(line), "total_seconds": total, "peak_mib": peak}


def _peak_mib(pid: int) -> float:
    """Largest resident memory of a process so far; 0 where the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def installed_mib(package: str) -> float:
    """Size of the installed files of one package, without its dependencies, in MiB."""
    try:
        files = distribution(package).files or []
    except PackageNotFoundError:
        return 0.0
    paths = [Path(str(file.locate())) for file in files if file.suffix != ".pyc"]
    return sum(path.stat().st_size for path in paths if path.is_file()) / 2**20
