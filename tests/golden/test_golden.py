"""100 steps of training in float64 are those of PyTorch, to ten digits."""

import importlib.util
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from deltaloop import kernels
from deltaloop.kernels.functions import ACTIVATIONS, LOSSES

from . import jobs
from .jobs import Job

BACKENDS = kernels.available()
NEAR = 1e-10  # relative; and absolute in units of the largest value of a job
pytestmark = pytest.mark.filterwarnings("ignore::deltaloop.DeltaloopWarning")  # targets, pairs
BY_LOSS = {loss: [job for job in jobs.jobs() if job.loss == loss] for loss in LOSSES}


@pytest.fixture(scope="module")
def of_torch() -> dict[Job, np.ndarray]:
    """The committed results."""
    with np.load(Path(__file__).with_name("torch.npz")) as file:
        names, values = file["jobs"].item().split("\n"), file["values"]
    found, first = {}, 0
    for name in names:
        job = Job(*name.split())
        sizes = jobs.SIZES[job.net]
        n = jobs.N_LOSSES + sum(n_out * (n_in + 1) for n_in, n_out in pairwise(sizes))
        found[job] = values[first : first + n]
        first += n
    assert first == len(values)
    return found


def assert_near(found, expected, job):
    most = NEAR * (np.abs(expected) + np.abs(expected).max())
    assert found.shape == expected.shape
    worst = np.argmax(np.abs(found - expected) - most)
    assert abs(found[worst] - expected[worst]) <= most[worst], (
        f"{job}: value {worst} is {found[worst]!r}, of PyTorch {expected[worst]!r}"
    )


def test_the_file_has_every_job(of_torch):
    assert list(of_torch) == jobs.jobs(), "write it again: python -m golden.write"
    used = {(job.hidden, job.output) for job in of_torch}
    assert {name for pair in used for name in pair} == ACTIVATIONS.keys()
    assert {job.loss for job in of_torch} == LOSSES.keys()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("loss", LOSSES)
def test_training_is_that_of_pytorch(loss, backend, of_torch):
    # all with what trains by default; the others are compared with each other elsewhere
    for job in BY_LOSS[loss][:: 1 if backend == "cython" else 3]:
        assert_near(jobs.trained(job, jobs.problem(job), backend), of_torch[job], job)


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("loss", LOSSES)
def test_training_from_other_values_is_that_of_the_installed_pytorch(loss):
    from . import write

    assert write.OPTIMIZERS.keys() == jobs.OPTIMIZERS.keys()
    assert write.LOSSES.keys() == LOSSES.keys()
    assert write.ACTIVATIONS.keys() == ACTIVATIONS.keys()
    for job in BY_LOSS[loss][::5]:
        given = jobs.problem(job, seed=1)
        assert_near(jobs.trained(job, given, "cython"), write.trained(job, given), job)
