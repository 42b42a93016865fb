"""Results as a run leaves them."""

from dataclasses import replace

import pytest

from deltaloop.benchmarking import results
from small_benchmark import ADAM, MACHINE, SGD


@pytest.fixture(scope="module")
def found():
    """Results with one job, one curve, a peer that is missing and one that is wrong."""
    row = results.Row("deltaloop", "deltaloop", repeats=[2e-6, 3e-6, 4e-6], error=1e-6, loss=0.5)
    peer = results.Row("numba", "Numba loops", repeats=[4e-6, 5e-6], compile_seconds=1.5)
    slow = results.Row("jax-scan", "JAX scan", repeats=[1e-6])
    missing = results.Row("pytorch", "PyTorch eager", "missing", "torch is not installed")
    wrong = results.Row("numpy", "NumPy", "disagrees", "W of layer 1 off by 0.5 of its movement")
    point = results.JobResult(SGD, 1e-7, [row, slow], "width", 4.0)
    return results.Results(
        "0.1.0", "2030-01-01", False, MACHINE, {"deltaloop": "0.1.0", "PyTorch eager": None},
        [
            results.JobResult(replace(SGD, target=0.6), 1e-6, [row, peer, missing, wrong]),
            results.JobResult(replace(ADAM, target=0.1), 1e-9, [row, slow, missing]),
            point, replace(point, x=8.0),
        ],
        [results.Start("deltaloop", "deltaloop", 0.06, 0.1, 35.0, 1.2)],
    )  # fmt: skip
