"""How good networks become: deltaloop and, where it is installed, PyTorch, trained in the same way.

    python benchmarks/accuracy.py
    python benchmarks/accuracy.py --seeds 20

The same layers, loss, optimiser, epochs, size of mini-batches, data in float32 and kind of initial
values: those of PyTorch, uniform with |w| < 1 / sqrt(n_in), biases too. Each draws its own values
and orders from the same seeds, so single results differ; their means should not by more than
chance. What counts is the accuracy, or R2, on the test part of the data.
"""

import argparse
import sys
import warnings
from collections.abc import Callable
from itertools import pairwise
from math import sqrt
from statistics import mean, stdev
from typing import NamedTuple

import numpy as np

import deltaloop as dl
from deltaloop.errors import MissingDependencyError


class Job(NamedTuple):
    """One training."""

    hidden: tuple[int, ...]
    activation: str
    loss: str
    optimizer: dl.SGD | dl.Adam
    epochs: int
    batch_size: int
    options: dict = {}  # noqa: RUF012 - of the data; a tuple


JOBS = {
    "digits": Job((30,), "relu", "cross_entropy", dl.SGD(0.05, momentum=0.9), 30, 32),
    "iris": Job((8,), "tanh", "cross_entropy", dl.Adam(0.01), 100, 16),
    "two_spirals": Job((64, 64), "relu", "binary_cross_entropy", dl.Adam(0.003), 1000, 16),
    "sine": Job((16,), "tanh", "mse", dl.Adam(0.01), 100, 16, {"n_samples": 400, "noise": 0.1}),
}


class Data(NamedTuple):
    """Standardised inputs and targets, both parts."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray

    @classmethod
    def of(cls, name: str) -> "Data":
        data = dl.datasets.load(name, **JOBS[name].options)
        center, scale = data.X_train.mean(0), data.X_train.std(0)
        scale[scale == 0] = 1
        X, X_test = ((part - center) / scale for part in (data.X_train, data.X_test))
        return cls(X, data.y_train, X_test, data.y_test)


def n_outputs(job: Job, y: np.ndarray) -> int:
    return int(y.max()) + 1 if job.loss == "cross_entropy" else 1


def quality(job: Job, y: np.ndarray, predicted: np.ndarray) -> float:
    """Accuracy of classes, R2 of numbers; `predicted` as a network gives it, (n_samples, n_out)."""
    if job.loss == "cross_entropy":
        return float((predicted.argmax(axis=1) == y).mean())
    if job.loss == "binary_cross_entropy":
        return float(((predicted[:, 0] > 0.5) == y).mean())
    return float(1 - ((predicted[:, 0] - y) ** 2).mean() / y.var())


def of_deltaloop(job: Job, data: Data, seed: int) -> float:
    net = dl.Network(
        [data.X.shape[1], *job.hidden, n_outputs(job, data.y)],
        activation=job.activation, loss=job.loss, init="pytorch", seed=seed,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dl.DeltaloopWarning)  # the loss still falls
        net.fit(
            data.X, data.y, epochs=job.epochs, batch_size=job.batch_size, optimizer=job.optimizer
        )
    return quality(job, data.y_test, net.predict(data.X_test))


def of_pytorch(job: Job, data: Data, seed: int) -> float:
    """The loop that its tutorials have, on tensors that are in memory."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    widths = [data.X.shape[1], *job.hidden, n_outputs(job, data.y)]
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), {"relu": nn.ReLU, "tanh": nn.Tanh}[job.activation]()]
    model = nn.Sequential(*layers[:-1])
    loss = {
        "cross_entropy": nn.CrossEntropyLoss(),
        "binary_cross_entropy": nn.BCEWithLogitsLoss(),
        "mse": lambda a, y: nn.functional.mse_loss(a, y) / 2,
    }[job.loss]
    X, y = torch.from_numpy(data.X), torch.from_numpy(data.y)
    if job.loss != "cross_entropy":
        y = y.float().reshape(-1, 1)
    optimizer = torch_optimizer(job.optimizer, model.parameters())
    for _ in range(job.epochs):
        for batch in torch.randperm(len(X)).split(job.batch_size):
            optimizer.zero_grad()
            loss(model(X[batch]), y[batch]).backward()
            optimizer.step()
    with torch.no_grad():
        predicted = model(torch.from_numpy(data.X_test))
        if job.loss == "binary_cross_entropy":
            predicted = torch.sigmoid(predicted)
    return quality(job, data.y_test, predicted.numpy())


def torch_optimizer(ours, parameters):
    """The same optimiser in PyTorch."""
    import torch

    if isinstance(ours, dl.SGD):
        return torch.optim.SGD(parameters, ours.learning_rate, ours.momentum)
    betas = ours.beta1, ours.beta2
    return torch.optim.Adam(parameters, ours.learning_rate, betas, ours.epsilon)


def libraries() -> dict[str, Callable]:
    """What can be compared here, by name."""
    found = {"deltaloop": of_deltaloop}
    try:
        require_torch()
    except MissingDependencyError as error:
        print(error, file=sys.stderr)
    else:
        found["PyTorch"] = of_pytorch
    return found


def require_torch():
    try:
        import torch  # noqa: F401
    except ImportError:
        raise MissingDependencyError(
            "the comparison with PyTorch needs the package 'torch', which is not installed; "
            "install it with: pip install torch"
        ) from None


def with_deviation(values) -> str:
    return f"{mean(values):.4f} ± {stdev(values):.4f}"


def difference(ours, theirs) -> str:
    """Of the means, with its standard error."""
    error = sqrt((stdev(ours) ** 2 + stdev(theirs) ** 2) / len(ours))
    return f"{mean(ours) - mean(theirs):+.4f} ± {error:.4f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each (default 5)")
    n_seeds = parser.parse_args().seeds
    if n_seeds < 2:
        parser.error("a standard deviation needs --seeds of at least 2")
    compared = libraries()
    columns = ["", *compared] + ["difference ± standard error"] * (len(compared) == 2)
    print("|", " | ".join(columns), "|")
    print("|---" * len(columns) + "|")
    for name, job in JOBS.items():
        data = Data.of(name)
        found = [[train(job, data, s) for s in range(n_seeds)] for train in compared.values()]
        measure = "R2" if job.loss == "mse" else "accuracy"
        cells = [f"{name}, {measure}", *map(with_deviation, found)]
        cells += [difference(*found)] if len(found) == 2 else []
        print("|", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
