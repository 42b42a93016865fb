"""deltaloop itself: one compiled call per epoch; `Network.predict` from Python.

The epoch is what `Network.fit` calls, without its checks and bookkeeping.
"""

from collections.abc import Callable

import numpy as np

from ...kernels import load
from ...kernels.memory import Work, aligned_zeros
from ...network import Network
from ...parts import optimizers
from ...parts.layers import Dense
from ...training.listing import arranged
from ..data import Parameters
from ..jobs import Job


def network(job: Job, parameters: Parameters, backend, dtype=np.float32) -> Network:
    """The network of the job with these parameters on this backend."""
    values = zip(parameters[::2], parameters[1::2], strict=True)
    layers = [
        Dense(n_out, activation, init=(W, b))
        for (_, n_out, activation), (W, b) in zip(job.layers, values, strict=True)
    ]
    net = Network(job.sizes[0], layers, loss=job.loss, dtype=dtype)
    net.use_backend(backend)
    return net


class Training:
    """Epochs of one job on one backend; float64 where the data are."""

    def __init__(self, job: Job, parameters: Parameters, X, Y, backend):
        self.net = network(job, parameters, backend, X.dtype)
        self.Y, self.job = Y, job
        self.X = arranged(X, "auto", backend, job.optimizer != "sgd", job.batch_size)
        optimizer = {"sgd": "SGD", "adam": "Adam"}[job.optimizer]
        self.rule = getattr(optimizers, optimizer)(learning_rate=job.learning_rate).rule()
        self.state = aligned_zeros((self.rule.n_slots, len(self.net.theta)), X.dtype)
        self.work = Work.for_batches(
            self.net.plan, self.X, self.rule, job.batch_size, job.n_threads
        )  # fmt: skip
        self.step = 0

    def run(self) -> float:
        """Mean loss of the epoch."""
        total = self.net.backend.train_epoch(
            self.net.plan, self.net.theta, self.state, self.rule, self.X, self.Y, None,
            0, len(self.Y), self.job.batch_size, self.work, 0.0, self.step,
        )  # fmt: skip
        self.step += self.job.n_steps
        return total / len(self.Y)

    def arrays(self) -> list[np.ndarray]:
        """Parameters as they are now."""
        return [
            array.copy()
            for W, b in zip(self.net.W, self.net.b, strict=True)
            for array in (W, b)
        ]  # fmt: skip


class Prediction:
    """Calls of `Network.predict`, or of `Network.predict_one` where one row is predicted."""

    def __init__(self, job: Job, parameters: Parameters, X, backend):
        self.net = network(job, parameters, backend, X.dtype)
        self.batches = [X[k : k + job.batch_size] for k in range(0, len(X), job.batch_size)]
        self.predict: Callable = self.net.predict
        if job.batch_size == 1:
            self.batches, self.predict = list(X), self.net.predict_one

    def run(self) -> None:
        """One call per batch."""
        predict = self.predict
        for x in self.batches:
            predict(x)

    def arrays(self) -> list[np.ndarray]:
        """All predictions, one below the other."""
        return [np.vstack([self.predict(x) for x in self.batches])]


def prepare(
    job: Job, parameters: Parameters, X, Y, level: int | None = None, backend: str = "cython"
):
    """On a backend, and there on the instruction set in use or on the one of `level`."""
    kernels = load(backend) if level is None else load(backend).backend(level)
    if job.kind == "predict":
        return Prediction(job, parameters, X, kernels)
    return Training(job, parameters, X, Y, kernels)
