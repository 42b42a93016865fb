"""What is trained here and by PyTorch: 100 steps on mini-batches of 8 (Rprop: on all).

A job is a network, a loss, an optimiser and a net of SIZES; its samples and initial parameters
follow from its name and the number of a draw.
"""

import zlib
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np

import deltaloop as dl
from deltaloop.kernels.functions import ACTIVATIONS, LOSSES

SIZES = {"5-4-3": (5, 4, 3), "7-9-13-2": (7, 9, 13, 2)}  # inputs, units, targets
N_SAMPLES, BATCH_SIZE, N_STEPS = 32, 8, 100
NEAR = 1e-10  # of two trainings in float64, in units of `scales`
PARAMETERS = {
    "huber": 0.5, "quantile": 0.375, "cross_entropy": 0.1, "binary_focal": 2.0, "exponential": 20.0,
}  # fmt: skip
# Losses whose slopes are constant, or jump. Their gradients may cancel but for a rounding, whose
# sign is what Rprop asks for: PyTorch's training with it is no better than any other.
JUMPS = ("mae", "quantile", "hinge", "huber")
GAUSSIAN = "gaussian_nll"  # no row of functions.py: a loss of heads, whose output is its own
# what torch_parts.py has under the same names
OPTIMIZERS = {
    "sgd": dl.SGD(0.02),
    "momentum": dl.SGD(0.01, momentum=0.9),
    "nesterov": dl.SGD(0.01, momentum=0.9, nesterov=True),
    "adam": dl.Adam(0.01, beta1=0.9, beta2=0.99, epsilon=1e-6),
    "rmsprop": dl.RMSprop(0.005, rho=0.95, epsilon=1e-6),
    "amsgrad": dl.Adam(0.01, beta1=0.8, beta2=0.9, epsilon=1e-6, amsgrad=True),
    "adamw": dl.AdamW(0.01, epsilon=1e-6, weight_decay=0.3),
    "nadam": dl.NAdam(0.01, beta1=0.9, beta2=0.99, epsilon=1e-6, momentum_decay=0.02),
    "adagrad": dl.Adagrad(0.05, rate_decay=0.03, epsilon=1e-6),
    "adadelta": dl.Adadelta(0.5, rho=0.8, epsilon=1e-5),
    "rprop": dl.Rprop(0.002, shrink=0.4, grow=1.3, smallest=1e-3, largest=0.005),
}
# further settings of them, for some jobs
SETTINGS = {
    "adagrad_plain": dl.Adagrad(0.05, epsilon=1e-6),
    "sgd_l2": dl.SGD(0.02, l2=0.1),
    "momentum_l2": dl.SGD(0.01, momentum=0.9, l2=0.1),
    "adam_l2": dl.Adam(0.01, epsilon=1e-6, l2=0.1),
    "sgd_decay": dl.SGD(0.02, weight_decay=0.3),
    "sgd_l1": dl.SGD(0.02, l1=0.02),
    "sgd_clip_value": dl.SGD(0.05, clip_value=0.02),
    "sgd_clip_norm": dl.SGD(0.05, clip_norm=0.1),
    "adam_clip_norm": dl.Adam(0.01, epsilon=1e-6, clip_norm=0.1),
    "sgd_max_norm": dl.SGD(0.05, max_norm=0.6),
    "momentum_all": dl.SGD(
        0.02,
        momentum=0.8,
        l1=0.01,
        l2=0.05,
        weight_decay=0.1,
        clip_value=0.1,
        clip_norm=0.15,
        max_norm=0.7,
    ),
}
FULL_BATCH = ("rprop",)  # one that compares signs of gradients
HIDDEN = tuple(row.name for row in ACTIVATIONS.values() if row.f is not None)
ALL_LOSSES = (*LOSSES, GAUSSIAN)
# Functions that PyTorch has, in torch or torch.nn.functional; all others are checked against
# central differences as well, with every partner: tests/kernels/test_gradient.py. (Its hardsigmoid
# has the slope 1/6 of float32 in float64 too.)
OWN = {
    "identity": "nn.Identity", "sigmoid": "sigmoid", "tanh": "tanh", "relu": "relu",
    "leaky_relu": "nn.functional.leaky_relu", "elu": "nn.functional.elu",
    "softplus": "nn.functional.softplus", "silu": "nn.functional.silu", "softmax": "softmax",
    "log_softmax": "log_softmax", "selu": "selu", "gelu": "nn.functional.gelu",
    "gelu_tanh": "nn.functional.gelu", "mish": "nn.functional.mish",
    "softsign": "nn.functional.softsign", "hard_tanh": "nn.functional.hardtanh",
    "sin": "sin", "exp": "exp",
    "mse": "nn.functional.mse_loss", "binary_cross_entropy": "nn.functional.binary_cross_entropy",
    "cross_entropy": "nn.functional.cross_entropy", "huber": "nn.functional.huber_loss",
    "mae": "nn.functional.l1_loss", "poisson": "nn.functional.poisson_nll_loss",
    "nll": "nn.functional.nll_loss", "kullback_leibler": "nn.functional.kl_div",
    "gaussian_nll": "nn.functional.gaussian_nll_loss",
}  # fmt: skip


class Job(NamedTuple):
    """One training."""

    hidden: str
    output: str
    loss: str
    optimizer: str = "sgd"
    net: str = "5-4-3"

    def __str__(self):
        return " ".join(self)

    @property
    def batch_size(self) -> int:
        """Samples of a step."""
        return N_SAMPLES if self.optimizer in FULL_BATCH else BATCH_SIZE

    @property
    def epochs(self) -> int:
        """As many as make N_STEPS steps."""
        return N_STEPS * self.batch_size // N_SAMPLES

    @property
    def shown(self) -> list[int]:
        """The epochs whose mean losses are kept: the first, one after some 10 steps, the last."""
        return [0, self.epochs // 10, self.epochs - 1]

    @property
    def n_units(self) -> list[int]:
        """Of every layer of weights."""
        *hidden, last = SIZES[self.net][1:]
        return [*hidden, 2 * last if self.loss == GAUSSIAN else last]

    @property
    def pairs(self) -> set[tuple[str, str]]:
        """What a sample of jobs has to cover: each two of its names, but two activations."""
        named = (f"hidden {self.hidden}", f"output {self.output}", self.loss, self.optimizer)
        return set(combinations(named, 2)) - {named[:2]}


def outputs_of(loss: str) -> list[str]:
    """The output activations with which a loss means something."""
    if loss == GAUSSIAN:
        return ["identity"]
    row = LOSSES[loss]
    return [
        name
        for name, activation in ACTIVATIONS.items()
        if (activation.is_positive or not row.needs_positive)
        and (not row.outputs or name in row.outputs)
    ]


def partner_of(loss: str) -> str:
    """The output activation that belongs to a loss."""
    return "identity" if loss == GAUSSIAN else LOSSES[loss].partner


def product() -> list[Job]:
    """Every activation, hidden and on the output, with every loss and every optimiser."""
    found = [
        Job(*functions, loss, optimizer)
        for loss in ALL_LOSSES
        for optimizer in OPTIMIZERS
        if not (optimizer in FULL_BATCH and loss in JUMPS)
        for functions in (
            *((name, partner_of(loss)) for name in HIDDEN),
            *(("tanh", name) for name in outputs_of(loss)),
        )
    ]
    return sorted(set(found))


def sample() -> list[Job]:
    """Some jobs that have every pair of `Job.pairs` which the product has.

    A row for each hidden activation and each loss, with an optimiser and an output that change from
    row to row; then what is still missing, from the product.
    """
    optimizers, found = list(OPTIMIZERS), []
    for number, loss in enumerate(ALL_LOSSES):
        outputs = outputs_of(loss)
        for k in range(max(len(HIDDEN), len(outputs))):
            hidden, output = HIDDEN[k % len(HIDDEN)], outputs[k % len(outputs)]
            found.append(Job(hidden, output, loss, optimizers[(k + number) % len(optimizers)]))
    found = [job for job in found if job.optimizer not in FULL_BATCH or job.loss not in JUMPS]
    missing = set().union(*(job.pairs for job in product()))
    missing -= set().union(*(job.pairs for job in found))
    for job in product():
        if job.pairs & missing:
            found.append(job)
            missing -= job.pairs
    return sorted(set(found))


def settings() -> list[Job]:
    """Jobs with other settings of optimisers, and on the larger net."""
    found = []
    for optimizer in {**OPTIMIZERS, **SETTINGS}:
        for net in SIZES:
            found.append(Job("tanh", "identity", "mse", optimizer, net))
            found.append(Job("gelu", "softmax", "cross_entropy", optimizer, net))
            found.append(Job("relu", "sigmoid", "binary_cross_entropy", optimizer, net))
            found.append(Job("silu", "exp", "poisson", optimizer, net))
    return found


def jobs() -> list[Job]:
    """All of them."""
    return sorted({*product(), *sample(), *settings()})


class Problem(NamedTuple):
    """The samples of a job, and its initial parameters: (W, b) for every layer."""

    X: np.ndarray
    Y: np.ndarray
    parameters: list


def problem(job: Job, draw: int = 0) -> Problem:
    """Uniform numbers alone are drawn: their bits have been the same in every NumPy so far."""
    generator = np.random.default_rng([draw, zlib.crc32(str(job).encode())])
    n_in, *_, n_targets = SIZES[job.net]
    parameters = [
        (generator.random((n, n_before)) - 0.5, generator.random(n) - 0.5)
        for n_before, n in pairwise([n_in, *job.n_units])
    ]
    X = 2 * generator.random((N_SAMPLES, n_in)) - 1
    Y = generator.random((N_SAMPLES, n_targets))
    if job.loss == GAUSSIAN:
        return Problem(X, Y, parameters)
    row = LOSSES[job.loss]
    if row.only_targets:
        Y = np.where(Y < 0.5, -1.0, 1.0)
    elif row.targets_sum_to_1 and row.name == "kullback_leibler":
        Y /= Y.sum(axis=1, keepdims=True)
    elif row.targets_sum_to_1:
        Y = np.eye(n_targets)[Y.argmax(axis=1)]
    elif row.name.startswith("binary"):
        Y = np.where(Y < 0.7, Y.round(), Y)
    elif row.targets == (0, np.inf):
        Y = 0.1 + 2 * Y
    return Problem(X, Y, parameters)


N_NUMBERS = 5  # that are kept of a training


def numbers(losses, parameters) -> np.ndarray:
    """Of a training: its losses, and two sums over all parameters.

    Factors of the sums have magnitudes from 1/2 to 1, so that no parameter can move unnoticed, and
    what two of them lose in one sum they do not lose in the other.
    """
    flat = np.concatenate([np.ravel(values) for values in parameters]).astype(np.float64)
    factors = 2 * np.random.default_rng(0).random((2, len(flat))) - 1
    return np.array([*losses, *((factors + np.sign(factors)) / 2 @ flat)], np.float64)


def scales(found: np.ndarray) -> np.ndarray:
    """What an error of `numbers` is compared with: the largest loss; 1, or the sum."""
    losses, sums = np.abs(found[:-2]), np.abs(found[-2:])
    return np.array([*np.full(len(losses), losses.max()), *np.maximum(1, sums)])


def fingerprint() -> int:
    """Of all jobs, and of whatever else decides their results."""
    text = "\n".join(map(str, [*jobs(), PARAMETERS, OPTIMIZERS, SETTINGS, SIZES, N_SAMPLES]))
    return zlib.crc32(text.encode())
