"""What is trained here and by PyTorch: 100 steps in float64, on mini-batches of 8 (Rprop: on all).

A job is a network, a loss, an optimiser and a net of SIZES; its samples and initial parameters
follow from its name.
"""

import zlib
from itertools import pairwise
from typing import NamedTuple

import numpy as np

import deltaloop as dl
from deltaloop.kernels.functions import ACTIVATIONS, LOSSES

SIZES = {"5-4-3": (5, 4, 3), "7-9-13-2": (7, 9, 13, 2)}
N_SAMPLES, BATCH_SIZE, EPOCHS = 40, 8, 20
N_LOSSES = 5  # of a job that are kept
PARAMETERS = {
    "huber": 0.5, "quantile": 0.3, "cross_entropy": 0.1, "binary_focal": 2.0, "exponential": 20.0,
}  # fmt: skip
# what write.py has under the same names
OPTIMIZERS = {
    "sgd": dl.SGD(0.02),
    "momentum": dl.SGD(0.01, momentum=0.9),
    "nesterov": dl.SGD(0.01, momentum=0.9, nesterov=True),
    "adam": dl.Adam(0.01, beta1=0.9, beta2=0.99, epsilon=1e-6),
    "rmsprop": dl.RMSprop(0.005, rho=0.95, epsilon=1e-6),
    "amsgrad": dl.Adam(0.01, beta1=0.8, beta2=0.9, epsilon=1e-6, amsgrad=True),
    "adamw": dl.AdamW(0.01, epsilon=1e-6, weight_decay=0.3),
    "nadam": dl.NAdam(0.01, beta1=0.9, beta2=0.99, epsilon=1e-6, momentum_decay=0.02),
    "adagrad": dl.Adagrad(0.05, epsilon=1e-6),
    "adagrad_decay": dl.Adagrad(0.05, rate_decay=0.03, epsilon=1e-6),
    "adadelta": dl.Adadelta(0.5, rho=0.8, epsilon=1e-5),
    "rprop": dl.Rprop(0.01, shrink=0.4, grow=1.3, smallest=1e-4, largest=0.1),
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
FULL_BATCH = ("rprop",)
COMMON = ("sgd", "momentum", "nesterov", "adam", "rmsprop")  # with every job on the large net too


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
        """As many as make 100 steps."""
        return EPOCHS * self.batch_size // BATCH_SIZE

    @property
    def shown(self) -> slice:
        """The epochs whose losses are kept: every fifth of them."""
        return slice(self.epochs // N_LOSSES - 1, None, self.epochs // N_LOSSES)


def jobs() -> list[Job]:
    """Every hidden activation with every loss, every output that a loss takes, every optimiser."""
    hidden = [row.name for row in ACTIVATIONS.values() if row.f is not None]
    found = [Job(name, row.partner, row.name) for name in hidden for row in LOSSES.values()]
    found += [Job("tanh", name, row.name) for row in LOSSES.values() for name in _outputs(row)]
    for optimizer in OPTIMIZERS:
        for net in SIZES:
            found.append(Job("tanh", "identity", "mse", optimizer, net))
            if optimizer not in COMMON and net != "5-4-3":
                continue
            found.append(Job("gelu", "softmax", "cross_entropy", optimizer, net))
            found.append(Job("relu", "sigmoid", "binary_cross_entropy", optimizer, net))
            found.append(Job("silu", "exp", "poisson", optimizer, net))
    return sorted(set(found))


def _outputs(row):
    """The output activations with which a loss means something."""
    for activation in ACTIVATIONS.values():
        suits = activation.is_positive if row.needs_positive else True
        if suits and (not row.outputs or activation.name in row.outputs):
            yield activation.name


class Problem(NamedTuple):
    """The samples of a job, and its initial parameters: (W, b) for every layer."""

    X: np.ndarray
    Y: np.ndarray
    parameters: list


def problem(job: Job, seed: int = 0) -> Problem:
    """Uniform numbers alone are drawn: their bits have been the same in every NumPy so far."""
    generator = np.random.default_rng([seed, zlib.crc32(str(job).encode())])
    sizes = SIZES[job.net]
    parameters = [
        (generator.random((n, n_in)) - 0.5, generator.random(n) - 0.5)
        for n_in, n in pairwise(sizes)
    ]
    X = 2 * generator.random((N_SAMPLES, sizes[0])) - 1
    row, Y = LOSSES[job.loss], generator.random((N_SAMPLES, sizes[-1]))
    if row.only_targets:
        Y = np.where(Y < 0.5, -1.0, 1.0)
    elif row.targets_sum_to_1 and row.name == "kullback_leibler":
        Y /= Y.sum(axis=1, keepdims=True)
    elif row.targets_sum_to_1:
        Y = np.eye(sizes[-1])[Y.argmax(axis=1)]
    elif row.name.startswith("binary"):
        Y = np.where(Y < 0.7, Y.round(), Y)
    elif row.targets == (0, np.inf):
        Y = 0.1 + 2 * Y
    return Problem(X, Y, parameters)


def trained(job: Job, given: Problem, backend: str) -> np.ndarray:
    """Some mean losses of epochs, then the parameters."""
    *hidden, last = SIZES[job.net][1:]
    layers = [dl.Dense(n, job.hidden, init=start)
              for n, start in zip(hidden, given.parameters, strict=False)]  # fmt: skip
    layers.append(dl.Dense(last, job.output, init=given.parameters[-1]))
    value = PARAMETERS.get(job.loss)
    loss = dl.Loss(job.loss, **({} if value is None else {LOSSES[job.loss].parameter.name: value}))
    net = dl.Network(len(given.X[0]), layers, loss=loss, dtype="float64", backend=backend)
    history = net.fit(
        given.X, given.Y, epochs=job.epochs, batch_size=job.batch_size, shuffle=False,
        optimizer=OPTIMIZERS[job.optimizer],
    )  # fmt: skip
    flat = [values.ravel() for W, b in zip(net.W, net.b, strict=True) for values in (W, b)]
    return np.concatenate([history.loss[job.shown], *flat])
