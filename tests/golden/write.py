"""Train the jobs with PyTorch and write what comes out, torch.npz beside this file.

    python -m golden.write          in tests/, with torch installed (about ten minutes)

| array     | shape                    | what it is                                           |
|-----------|--------------------------|------------------------------------------------------|
| float64   | (n_jobs, jobs.N_NUMBERS) | jobs.numbers of the training in float64              |
| float32   | the same                 | those of the training in float32                     |
| tolerance | the same                 | how far another correct training in float32 may be   |
| draws     | (n_jobs,)                | which draw of samples and parameters a job has       |
| jobs      | scalar                   | jobs.fingerprint                                     |
| version   | scalar                   | that of PyTorch                                      |

The tolerance is measured, as in tolerances.py: beside the training run, in float64, copies of it
whose samples and initial parameters were shaken by SHAKE eps sqrt(n) with the eps of float32, n
being the longest sum plus the number of steps. It is the largest motion of any copy, and ROUNDINGS
eps sqrt(n) of a number's scale on top for the roundings of the last sum.

Other copies are shaken with the eps of float64. A draw is not taken if these move by more than a
tenth of what test_golden.py allows, or those of float32 by more than USEFUL of the scale: then
rounding decides a training, as where Rprop asks for the sign of a gradient that is 0 but for
rounding. Nor is one taken that is not finite. The next draw has other samples and parameters.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

import tolerances
from tolerances import DRAWS, ROUNDINGS, SHAKE

from . import jobs
from .jobs import N_SAMPLES, N_STEPS, NEAR, PARAMETERS, Job, Problem, problem, scales
from .torch_parts import ACTIVATIONS, LOSSES, OPTIMIZERS

USEFUL = 1e-3
MOST_DRAWS = 250
_N_TERMS = N_SAMPLES + 1 + N_STEPS  # the longest sum of all jobs, and the steps


class Trained(NamedTuple):
    """What PyTorch has made of a job: see the table above."""

    float64: np.ndarray
    float32: np.ndarray
    tolerance: np.ndarray
    draw: int


@contextmanager
def default_dtype(dtype) -> Iterator[None]:
    """NAdam keeps the product of its momenta in the default dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def copies(group: list[Job], given: list[list[Problem]], dtype) -> np.ndarray:
    """jobs.numbers of jobs of one shape with several problems each, which train side by side.

    Shape (n_jobs, n_problems, N_NUMBERS).
    """
    with default_dtype(dtype):
        return _copies(group, given, dtype)


def _copies(group, given, dtype):
    every = [problem for problems in given for problem in problems]
    of_job = np.arange(len(every)).reshape(len(group), -1)  # which of them
    X = torch.tensor(np.stack([one.X for one in every]), dtype=dtype)
    Y = torch.tensor(np.stack([one.Y for one in every]), dtype=dtype)
    theta = [torch.tensor(values, dtype=dtype) for values in _stacked(every)]
    slopes = [torch.zeros_like(values) for values in theta]
    optimizers = _optimizers(group, of_job, theta, slopes)
    functions = _members(group, of_job, lambda job: (job.hidden, job.output, job.loss))
    losses, job = [], group[0]
    for _ in range(job.epochs):
        total = torch.zeros(len(every), dtype=torch.float64)
        for first in range(0, N_SAMPLES, job.batch_size):
            batch = slice(first, first + job.batch_size)
            for (hidden, output, loss), members in functions.items():
                w = [values[members].requires_grad_() for values in theta]
                sums = _losses(hidden, output, loss, w, X[members, batch], Y[members, batch])
                of_w = torch.autograd.grad(sums.sum() / job.batch_size, w)
                for slope, found in zip(slopes, of_w, strict=True):
                    slope[members] = found
                total[members] += sums.detach()
            for optimizer in optimizers:
                optimizer.step()
        losses.append((total / N_SAMPLES).numpy())
    shown, arrays = np.array(losses)[job.shown], [values.numpy() for values in theta]
    found = [jobs.numbers(shown[:, k], [values[k] for values in arrays]) for k in of_job.ravel()]
    return np.array(found).reshape(*of_job.shape, -1)


def _stacked(problems) -> list[np.ndarray]:
    """W, b of every layer of all copies."""
    return [
        np.stack([one.parameters[layer][k] if k == 0 else one.parameters[layer][k][None]
                  for one in problems])
        for layer in range(len(problems[0].parameters)) for k in (0, 1)
    ]  # fmt: skip


def _members(group, of_job, key) -> dict:
    """Which copies belong to jobs that have the same key."""
    found: dict = {}
    for job, members in zip(group, of_job, strict=True):
        found.setdefault(key(job), []).append(members)
    return {name: torch.tensor(np.concatenate(parts)) for name, parts in found.items()}


def _optimizers(group, of_job, theta, slopes) -> list:
    """One of each kind, for its copies, which lie side by side: jobs are sorted by it."""
    found = []
    for name, members in _members(group, of_job, lambda job: job.optimizer).items():
        part = slice(int(members[0]), int(members[-1]) + 1)
        assert part.stop - part.start == len(members)
        w = [torch.nn.Parameter(values[part]) for values in theta]
        for values, slope in zip(w, slopes, strict=True):
            values.grad = slope[part]
        found.append(OPTIMIZERS[name](w))
    return found


def _losses(hidden, output, loss, w, X, Y) -> torch.Tensor:
    """The sum over the samples, of every copy."""
    a = X
    for k in range(0, len(w), 2):
        z = a @ w[k].mT + w[k + 1]
        a = ACTIVATIONS[hidden if k + 2 < len(w) else output](z)
    terms = LOSSES[loss](*(rows.flatten(0, 1) for rows in (z, a, Y)), PARAMETERS.get(loss))
    return terms.reshape(len(X), -1).sum(1)


def shaken(given: Problem, eps: float, generator) -> Problem:
    """The problem of a network whose parameters and samples were each changed by a little."""
    size = SHAKE * np.sqrt(_N_TERMS) * eps

    def shake(array):
        return array * (1 + size * generator.uniform(-1, 1, array.shape))

    def shaken_targets(Y):  # classes stay classes
        return Y if np.isin(Y, (-1, 0, 1)).all() else np.clip(shake(Y), Y.min(), Y.max())

    return Problem(
        shake(given.X), shaken_targets(given.Y), [(shake(W), shake(b)) for W, b in given.parameters]
    )


def trained(group: list[Job], first_draw: int = 0) -> dict[Job, Trained]:
    """The first draw of every job of a group that rounding does not decide, trained."""
    waiting, found = dict.fromkeys(group, first_draw), {}
    while waiting:
        of_jobs = [drawn(job, draw) for job, draw in waiting.items()]
        values = copies(list(waiting), of_jobs, torch.float64)
        taken = {job: tolerance(of_job) for job, of_job in zip(waiting, values, strict=True)}
        good = [k for k, job in enumerate(waiting) if taken[job] is not None]
        if good:
            named = [list(waiting)[k] for k in good]
            of_float32 = copies(named, [of_jobs[k][:1] for k in good], torch.float32)[:, 0]
            for k, job, in_float32 in zip(good, named, of_float32, strict=True):
                found[job] = Trained(values[k, 0], in_float32, taken[job], waiting.pop(job))
        waiting = {job: draw + 1 for job, draw in waiting.items()}
        if max(waiting.values(), default=0) == first_draw + MOST_DRAWS:
            raise SystemExit(f"rounding decides {', '.join(map(str, waiting))}; change settings")
    return found


def drawn(job: Job, draw: int) -> list[Problem]:
    """A problem, DRAWS copies shaken with the eps of float64, and DRAWS with that of float32."""
    given, generator = problem(job, draw), np.random.default_rng(draw)
    return [given] + [
        shaken(given, tolerances.eps(dtype), generator)
        for dtype in ("float64", "float32")
        for _ in range(DRAWS)
    ]


def tolerance(found: np.ndarray) -> np.ndarray | None:
    """That of float32, from the numbers of all copies; None: rounding decides them."""
    if not np.isfinite(found).all():
        return None
    scale, moved = scales(found[0]), np.abs(found - found[0])
    rounding = ROUNDINGS * np.sqrt(_N_TERMS) * tolerances.eps("float32")
    within = moved[DRAWS + 1 :].max(axis=0) + rounding * scale
    decided = (moved[1 : DRAWS + 1] > NEAR / 10 * scale).any() or (within > USEFUL * scale).any()
    return None if decided else within


def groups(all_jobs: list[Job]) -> list[list[Job]]:
    """Jobs of one shape, sorted by their optimisers."""
    found: dict[tuple, list[Job]] = {}
    for job in sorted(all_jobs, key=lambda job: job.optimizer):
        found.setdefault((job.net, *job.n_units, job.batch_size), []).append(job)
    return list(found.values())


def upwards(x: float) -> float:
    """x or a little more, in four binary digits, with which the file is smaller."""
    fraction, exponent = math.frexp(x)
    return math.ldexp(math.ceil(fraction * 16) / 16, exponent)


if __name__ == "__main__":
    torch.set_num_threads(1)
    results: dict[Job, Trained] = {}
    for group in groups(jobs.jobs()):
        print(f"{len(group)} like {group[0]}", flush=True)
        results |= trained(group)
    ordered = [results[job] for job in jobs.jobs()]
    np.savez_compressed(
        Path(__file__).with_name("torch.npz"),
        float64=np.array([one.float64 for one in ordered]),
        float32=np.array([one.float32 for one in ordered], np.float32),
        tolerance=np.array([[upwards(x) for x in one.tolerance] for one in ordered], np.float32),
        draws=np.array([one.draw for one in ordered], np.uint8),
        jobs=np.array(jobs.fingerprint()),
        version=np.array(torch.__version__),
    )
