"""Training epochs of every backend against the NumPy reference.

Run with `pytest benchmarks`; a group is one job, its rows are the backends. Before a backend is
timed, its parameters after one epoch must agree with the reference.
"""

import numpy as np
import pytest

from deltaloop import kernels
from jobs import JOBS, Epoch


@pytest.mark.parametrize("backend", kernels.available())
@pytest.mark.parametrize("job", JOBS, ids=str)
def test_epoch(benchmark, job, backend):
    expected = Epoch(job, "reference")
    expected_loss = expected()
    epoch = Epoch(job, backend)
    assert epoch() == pytest.approx(expected_loss, rel=1e-4)
    np.testing.assert_allclose(epoch.theta, expected.theta, rtol=1e-3, atol=1e-4)

    benchmark.group = str(job)
    benchmark.extra_info.update(
        backend=epoch.backend.describe(),
        n_steps=job.n_steps,
        flops_per_step=job.flops_per_step,
        loss=expected_loss,
    )
    benchmark.pedantic(epoch, setup=epoch.restart, rounds=9, warmup_rounds=1)
    benchmark.extra_info["microseconds_per_step"] = benchmark.stats["min"] / job.n_steps * 1e6
