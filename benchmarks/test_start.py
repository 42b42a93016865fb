"""Import, cold start and peak memory of every library; the size of the wheel."""

import subprocess
import sys
from pathlib import Path

import pytest

from clock import CLOCK
from deltaloop.benchmarking import start, workers

CHECKOUT = Path(__file__).parents[1]
MOST_WHEEL_BYTES = 5e6


@pytest.fixture(scope="module", params=start.SCRIPTS)
def runs(request):
    """Label, packages and five fresh processes that train one epoch of 4-4-4-1."""
    label, packages = start.SCRIPTS[request.param]
    if not start.installed_mib(packages[0]):
        pytest.skip(f"missing: {packages[0]} is not installed")
    environment = workers.plain_environment()
    return label, packages, [start.once(request.param, environment) for _ in range(5)]


@pytest.mark.benchmark(timer=CLOCK, group="import")
def test_import(benchmark, replay, runs):
    label, packages, found = runs
    benchmark.extra_info.update(
        library=label, installed_mib=sum(map(start.installed_mib, packages))
    )
    replay(benchmark, [run["import_seconds"] for run in found])


@pytest.mark.benchmark(timer=CLOCK, group="process start to first epoch of 4-4-4-1")
def test_cold_start(benchmark, replay, runs):
    label, _, found = runs
    benchmark.extra_info.update(library=label, peak_mib=min(run["peak_mib"] for run in found))
    replay(benchmark, [run["total_seconds"] for run in found])


def test_wheel_is_small(tmp_path, record_property):
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, CHECKOUT],
        check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    record_property("wheel_bytes", wheel.stat().st_size)
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.2f} MB")
    assert wheel.stat().st_size < MOST_WHEEL_BYTES
