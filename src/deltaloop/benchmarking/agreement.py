"""Whether a peer computes what the job says, before anybody times it.

The judge is the NumPy reference in float64: the same initial weights, the same batches, one epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..kernels import load
from .data import Parameters, inputs_and_targets, parameters
from .jobs import Job
from .peers.deltaloop import Prediction, Training, network

_EPS = float(np.finfo(np.float32).eps)
# Error of an array relative to how far it has moved from its initial values. A learning rate or a
# gradient that is wrong by a hundredth, a bias that is forgotten or a batch out of order are beyond
# it. Adam divides by the root of the mean squared gradient: where a gradient is near zero, rounding
# alone decides the sign of the step.
_MOVEMENT = {"sgd": 1e-3, "adam": 1e-2}
_LOSS = 1e-4  # relative
_OUTPUT = 1e-4  # absolute and relative, of predictions


@dataclass(frozen=True)
class Truth:
    """What every peer has to find: parameters and loss after one epoch, or predictions."""

    arrays: Parameters
    start: Parameters
    epoch_loss: float | None
    loss: float | None


@dataclass(frozen=True)
class Verdict:
    """Largest error relative to the movement, loss after the epoch, and what is wrong, if any."""

    error: float
    loss: float | None
    complaint: str | None


def truth(job: Job) -> Truth:
    """Run the job with the float64 reference."""
    X, Y = (array.astype(np.float64) for array in inputs_and_targets(job))
    start = [array.astype(np.float64) for array in parameters(job)]
    reference = load("reference")
    if job.kind == "predict":
        return Truth(Prediction(job, start, X, reference).arrays(), start, None, None)
    training = Training(job, start, X, Y, reference)
    epoch_loss = training.run()
    arrays = training.arrays()
    return Truth(arrays, start, epoch_loss, _loss(job, arrays))


def check(
    job: Job, expected: Truth, arrays: Sequence[np.ndarray], epoch_loss: float | None
) -> Verdict:
    """Compare every array, the loss after the epoch and the peer's own mean loss of the epoch.

    Parameters
    ----------
    job : Job
    expected : Truth
    arrays : sequence of ndarray
        What the peer has after its first epoch, in the order of `Truth.arrays`.
    epoch_loss : float or None
        Mean loss of the epoch as the peer computed it; None where it tells none.
    """
    shapes = [np.shape(array) for array in arrays]
    wanted = [array.shape for array in expected.arrays]
    if shapes != wanted:
        return Verdict(np.inf, None, f"shapes {shapes} in place of {wanted}")
    found = [np.asarray(array, np.float64) for array in arrays]
    if not all(np.isfinite(array).all() for array in found):
        return Verdict(np.inf, None, "values that are not finite")
    if job.kind == "predict":
        scale = 1 + np.abs(expected.arrays[0])
        error = float((np.abs(found[0] - expected.arrays[0]) / scale).max())
        return Verdict(error, None, None if error <= _OUTPUT else f"predictions off by {error:.2g}")
    worst, complaint = _parameters(job, expected, found)
    loss = _loss(job, found)
    if complaint is None and expected.loss is not None:
        complaint = _differs("loss after the epoch", loss, expected.loss)
    if complaint is None and epoch_loss is not None and expected.epoch_loss is not None:
        complaint = _differs("mean loss of the epoch", epoch_loss, expected.epoch_loss)
    return Verdict(worst, loss, complaint)


def _parameters(job: Job, expected: Truth, found) -> tuple[float, str | None]:
    """The worst error relative to the movement of its array, and a complaint about it."""
    rounding = _EPS * np.sqrt(job.n_steps)
    worst, complaint = 0.0, None
    for index, (array, right, start) in enumerate(
        zip(found, expected.arrays, expected.start, strict=True)
    ):
        moved = float(np.linalg.norm(right - start))
        error = float(np.linalg.norm(array - right))
        relative = error / moved if moved else 0.0
        allowed = _MOVEMENT[job.optimizer] * moved + rounding * float(np.linalg.norm(right))
        if error > allowed and complaint is None:
            name = f"{'Wb'[index % 2]} of layer {index // 2 + 1}"
            complaint = f"{name} off by {relative:.2g} of its movement"
        worst = max(worst, relative)
    return worst, complaint


def _differs(what: str, found: float, right: float) -> str | None:
    if abs(found - right) <= _LOSS * abs(right) + _EPS:
        return None
    return f"{what} {found:.6g} in place of {right:.6g}"


def _loss(job: Job, arrays: Parameters) -> float:
    """Mean loss of all samples with these parameters, in float64."""
    X, Y = (array.astype(np.float64) for array in inputs_and_targets(job))
    return network(job, arrays, load("reference"), np.float64).loss(X, Y)
