"""100 steps of training are those of PyTorch: to ten digits in float64, to rounding in float32.

The product of all activations (hidden, and on the output), losses and optimisers is in torch.npz.
By default a sample of it is trained, which has every pair of an activation, a loss and an
optimiser; `pytest --every-level` trains all of it, with every backend.
"""

import importlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from deltaloop import kernels
from deltaloop.kernels.functions import ACTIVATIONS, LOSSES

from . import jobs, training
from .jobs import NEAR, Job, scales

pytestmark = pytest.mark.filterwarnings("ignore::deltaloop.DeltaloopWarning")  # targets, pairs
HAS_TORCH = importlib.util.find_spec("torch") is not None
SOME = set(jobs.sample()) | set(jobs.settings())


def assert_near(found, expected, tolerance, job):
    excess = np.abs(found - expected) / tolerance
    worst = np.argmax(np.where(np.isnan(excess), np.inf, excess))
    assert excess[worst] <= 1, (
        f"{job}: number {worst} is {found[worst]!r}, of PyTorch {expected[worst]!r}, "
        f"tolerance {tolerance[worst]:.3g}"
    )


@pytest.fixture(scope="module")
def of_torch():
    """The committed results: job -> (draw, float64, float32, tolerance)."""
    with np.load(Path(__file__).with_name("torch.npz")) as file:
        assert file["jobs"] == jobs.fingerprint(), "write it again: python -m golden.write"
        names = ("draws", "float64", "float32", "tolerance")
        return dict(
            zip(jobs.jobs(), zip(*(file[name] for name in names), strict=True), strict=True)
        )


@pytest.fixture
def chosen(request):
    """The jobs of a loss that are trained."""
    every = request.config.getoption("--every-level")
    return lambda loss: [job for job in jobs.jobs() if job.loss == loss and (every or job in SOME)]


@pytest.mark.parametrize("loss", jobs.ALL_LOSSES)
def test_training_in_float64_is_that_of_pytorch(loss, backend, of_torch, chosen):
    for job in chosen(loss):
        draw, expected, _, _ = of_torch[job]
        found = training.trained(job, jobs.problem(job, draw), "float64", backend)
        assert_near(found, expected, NEAR * scales(expected), job)


@pytest.mark.parametrize("loss", sorted({*jobs.ALL_LOSSES} - {*jobs.JUMPS}))
def test_training_in_float32_is_that_of_pytorch(loss, backend, of_torch, chosen):
    """The tolerance is the motion that roundings of float32 cause, measured by PyTorch.

    Where slopes of a loss jump, one rounding may move a training further than any shaken copy.
    """
    few = backend.NAME == "reference" and len(chosen(loss)) < 100  # the slow one
    for job in chosen(loss)[:: 4 if few else 1]:
        draw, _, expected, tolerance = of_torch[job]
        found = training.trained(job, jobs.problem(job, draw), "float32", backend)
        assert_near(found, expected, tolerance, job)


def test_the_tolerances_of_float32_are_small(of_torch):
    relative = [tolerance / scales(of_64) for _, of_64, _, tolerance in of_torch.values()]
    assert np.max(relative) <= 1.1e-3
    assert np.median(relative) <= 1e-4


def test_the_product_has_every_activation_loss_and_optimiser():
    product = set(jobs.product())
    for loss in jobs.ALL_LOSSES:
        for optimizer in jobs.OPTIMIZERS:
            if loss in jobs.JUMPS and optimizer in jobs.FULL_BATCH:
                continue
            for hidden in jobs.HIDDEN:
                assert Job(hidden, jobs.partner_of(loss), loss, optimizer) in product
            for output in jobs.outputs_of(loss):
                assert Job("tanh", output, loss, optimizer) in product
    used = {name for job in product for name in (job.hidden, job.output)}
    assert used == ACTIVATIONS.keys()
    assert {job.loss for job in product} == {*LOSSES, jobs.GAUSSIAN}


def test_the_sample_has_every_pair_of_the_product():
    pairs = set().union(*(job.pairs for job in jobs.sample()))
    assert pairs >= set().union(*(job.pairs for job in jobs.product()))
    assert len(jobs.sample()) < len(jobs.product()) / 10
    assert set(jobs.jobs()) >= {*jobs.sample(), *jobs.product(), *jobs.settings()}


def test_no_parameter_can_move_unnoticed():
    values = np.random.default_rng(1).random(39)
    before = jobs.numbers([1.0, 2.0, 3.0], [values])
    for k in range(len(values)):
        moved = values.copy()
        moved[k] += 3 * NEAR
        distance = np.abs(jobs.numbers([1.0, 2.0, 3.0], [moved]) - before)
        assert (distance[-2:] > NEAR).all()
        assert (distance[:-2] == 0).all()


@pytest.mark.skipif(not HAS_TORCH, reason="PyTorch is not installed")
def test_the_tables_of_pytorch_are_complete():
    from . import torch_parts

    assert torch_parts.ACTIVATIONS.keys() == ACTIVATIONS.keys()
    assert torch_parts.LOSSES.keys() == set(jobs.ALL_LOSSES)
    assert torch_parts.OPTIMIZERS.keys() == jobs.OPTIMIZERS.keys() | jobs.SETTINGS.keys()
    torch = importlib.import_module("torch")
    for path in jobs.OWN.values():
        found = torch
        for name in path.split("."):
            found = getattr(found, name)


@pytest.mark.skipif(not HAS_TORCH, reason="PyTorch is not installed")
def test_training_from_other_values_is_that_of_the_installed_pytorch(request):
    from . import write

    every = request.config.getoption("--every-level")
    backend = kernels.load("cython")
    for group in write.groups(jobs.jobs() if every else sorted(SOME)[::60]):
        for job, of_torch in write.trained(group, first_draw=1000).items():
            given = jobs.problem(job, of_torch.draw)
            found = training.trained(job, given, "float64", backend)
            assert_near(found, of_torch.float64, NEAR * scales(of_torch.float64), job)
            if job.loss in jobs.JUMPS:
                continue
            found = training.trained(job, given, "float32", backend)
            assert_near(found, of_torch.float32, of_torch.tolerance, job)
