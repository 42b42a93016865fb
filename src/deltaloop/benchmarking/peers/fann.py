"""FANN in C, through the package cynn: one sample per call, as its Python door offers it.

Only what FANN has: no ReLU, no softmax, plain gradient descent. It is told to take the difference
of output and target for the error, and not its arctanh-like default. Parameters go in and out
through its own files. `train_batch` of cynn was slower than calls of `train`.
"""

import tempfile
from pathlib import Path

import numpy as np
from cynn.fann import FannNetwork

from ... import formats
from ...kernels import load
from ..data import Parameters
from ..jobs import Job
from . import Unsupported
from .deltaloop import network

_ACTIVATIONS = {"sigmoid", "tanh", "identity"}
_ERROR = ("train_error_function=1", "train_error_function=0")


class _Network:
    """The network of the job in FANN."""

    def __init__(self, job: Job, parameters: Parameters, X):
        self.X = X
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "job.net"
            formats.write(network(job, parameters, load("reference")), path)
            path.write_text(path.read_text().replace(*_ERROR))
            self.net = FannNetwork.load(str(path))
        self.net.learning_rate = job.learning_rate


class Training(_Network):
    """Epochs by `train`, sample after sample."""

    def __init__(self, job: Job, parameters: Parameters, X, Y):
        super().__init__(job, parameters, X)
        self.pairs = list(zip(X, Y, strict=True))

    def run(self) -> None:
        """Tell no loss: its scale is another one."""
        train = self.net.train
        for x, y in self.pairs:
            train(x, y)

    def arrays(self) -> list[np.ndarray]:
        """Parameters as they are now."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "job.net"
            self.net.save(str(path))
            net = formats.read(path)
        return [
            np.array(array)
            for W, b in zip(net.W, net.b, strict=True)
            for array in (W, b)
        ]  # fmt: skip


class Prediction(_Network):
    """Calls of `predict`."""

    def run(self) -> None:
        """One call per sample."""
        predict = self.net.predict
        for x in self.X:
            predict(x)

    def arrays(self) -> list[np.ndarray]:
        """All predictions, one below the other."""
        return [np.array([self.net.predict(x) for x in self.X], np.float32)]


def prepare(job: Job, parameters: Parameters, X, Y):
    """One sample per step or call."""
    for _, _, activation in job.layers:
        if activation not in _ACTIVATIONS:
            raise Unsupported(f"has no {activation}")
    if job.batch_size > 1:
        raise Unsupported("takes one sample per step or call")
    if job.optimizer != "sgd":
        raise Unsupported(f"has no {job.optimizer.capitalize()}")
    return Prediction(job, parameters, X) if job.kind == "predict" else Training(
        job, parameters, X, Y
    )  # fmt: skip
