"""The training jobs that are timed: sizes people train, from a handful of weights to a million."""

from dataclasses import dataclass

import numpy as np

import deltaloop as dl
from deltaloop import kernels
from deltaloop.kernels.interface import Work, aligned_zeros


@dataclass(frozen=True)
class Job:
    """One network, one loss, one batch size; data are standard normal."""

    sizes: tuple[int, ...]
    activation: str
    output: str
    loss: str
    batch_size: int
    n_steps: int  # in one timed epoch

    def __str__(self):
        return f"{'-'.join(map(str, self.sizes))} {self.activation} batch {self.batch_size}"

    @property
    def flops_per_step(self):
        """Multiplications and additions of the three products; the first layer has two."""
        products = [n_in * n_out for n_in, n_out in zip(self.sizes, self.sizes[1:], strict=False)]
        return 2 * self.batch_size * (3 * sum(products) - products[0])

    def network(self):
        return dl.Network(
            self.sizes, activation=self.activation, output=self.output, loss=self.loss
        )

    def data(self):
        generator = np.random.default_rng(1)
        n_samples = self.batch_size * self.n_steps
        X = generator.standard_normal((n_samples, self.sizes[0]), dtype=np.float32)
        Y = generator.random((n_samples, self.sizes[-1]), dtype=np.float32)
        if self.loss == "cross_entropy":
            Y = dl.one_hot(Y.argmax(axis=1), self.sizes[-1])
        return X, Y


class Epoch:
    """One epoch of a job on one backend, ready to be called again and again."""

    def __init__(self, job, backend):
        self.job, self.backend = job, kernels.load(backend)
        net = job.network()
        self.plan, self.start = net.plan, net.theta.copy()
        self.theta = net.theta
        self.X, self.Y = job.data()
        self.work = Work(net.plan, job.batch_size)
        self.rule = dl.SGD(learning_rate=0.01).rule()
        self.state = aligned_zeros((self.rule.n_slots, len(net.theta)), net.dtype)
        self.order = np.random.default_rng(2).permutation(len(self.X))

    def restart(self):
        self.theta[:] = self.start

    def __call__(self):
        """Mean loss of the epoch."""
        total = self.backend.train_epoch(
            self.plan, self.theta, self.state, self.rule, self.X, self.Y, self.order,
            0, len(self.X), self.job.batch_size, self.work,
        )  # fmt: skip
        return total / len(self.X)


JOBS = (
    Job((2, 4, 1), "sigmoid", "sigmoid", "mse", 1, 2000),
    Job((4, 4, 4, 1), "sigmoid", "identity", "mse", 1, 2000),
    Job((8, 3, 8), "sigmoid", "sigmoid", "mse", 1, 2000),
    Job((784, 30, 10), "sigmoid", "sigmoid", "mse", 1, 500),
    Job((784, 30, 10), "sigmoid", "sigmoid", "mse", 10, 100),
    Job((784, 128, 10), "relu", "softmax", "cross_entropy", 1, 300),
    Job((784, 128, 10), "relu", "softmax", "cross_entropy", 32, 40),
    Job((784, 128, 10), "relu", "softmax", "cross_entropy", 128, 10),
    Job((784, 512, 512, 10), "relu", "softmax", "cross_entropy", 1, 50),
    Job((784, 512, 512, 10), "relu", "softmax", "cross_entropy", 64, 10),
    Job((784, 512, 512, 10), "relu", "softmax", "cross_entropy", 256, 4),
    Job((784, 512, 512, 10), "relu", "softmax", "cross_entropy", 1024, 2),
    Job((10, 64, 64, 1), "tanh", "identity", "mse", 32, 40),
    Job((10, 64, 64, 1), "tanh", "identity", "mse", 128, 20),
    Job((10, 32, 32, 10), "relu", "identity", "mse", 128, 20),
    Job((10, 46, 46, 10), "relu", "identity", "mse", 128, 20),
    Job((10, 64, 64, 10), "relu", "identity", "mse", 128, 20),
    Job((10, 256, 256, 10), "relu", "identity", "mse", 128, 10),
)
