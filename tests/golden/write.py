"""Train the jobs with PyTorch and write what comes out, torch.npz beside this file.

    python -m golden.write          in tests/, with torch installed

Activations and losses that PyTorch has are its own; the others are written with its operations, so
that at least their derivatives are.
"""

import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from .jobs import BATCH_SIZE, EPOCHS, N_SAMPLES, PARAMETERS, Job, Problem, jobs, problem

ACTIVATIONS = {
    "identity": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "softplus": F.softplus,
    "silu": F.silu,
    "softmax": lambda z: torch.softmax(z, 1),
    "log_softmax": lambda z: torch.log_softmax(z, 1),
    "selu": F.selu,
    "gelu": F.gelu,
    "gelu_tanh": lambda z: F.gelu(z, approximate="tanh"),
    "mish": F.mish,
    "softsign": F.softsign,
    # F.hardsigmoid has the slope 1/6 of float32, in float64 too
    "hard_sigmoid": lambda z: torch.clamp(z / 6 + 0.5, 0, 1),
    "hard_tanh": F.hardtanh,
    "lecun_tanh": lambda z: 1.7159 * torch.tanh(2 / 3 * z),
    "gaussian": lambda z: torch.exp(-z * z),
    "sin": torch.sin,
    "exp": torch.exp,
}


def of_sum(function, **options):
    """A loss of PyTorch, summed over everything."""
    return lambda z, a, y, p: function(a, y, reduction="sum", **options)


def cross_entropy(z, a, y, p):
    """From z, as PyTorch has it."""
    return F.cross_entropy(z, y, reduction="sum", label_smoothing=p)


def quantile(z, a, y, p):
    return torch.maximum((1 - p) * (a - y), p * (y - a)).sum()


def binary_focal(z, a, y, p):
    return (-y * (1 - a) ** p * torch.log(a) - (1 - y) * a**p * torch.log(1 - a)).sum()


def exponential(z, a, y, p):
    return (p * torch.exp(((a - y) ** 2).sum(1) / p)).sum()


# (z, a, y, parameter): the sum over outputs and samples
LOSSES = {
    "mse": lambda z, a, y, p: F.mse_loss(a, y, reduction="sum") / 2,
    "binary_cross_entropy": of_sum(F.binary_cross_entropy),
    "cross_entropy": cross_entropy,
    "huber": lambda z, a, y, p: F.huber_loss(a, y, reduction="sum", delta=p),
    "mae": of_sum(F.l1_loss),
    "log_cosh": lambda z, a, y, p: torch.log(torch.cosh(a - y)).sum(),
    "quantile": quantile,
    "poisson": of_sum(F.poisson_nll_loss, log_input=False, eps=0),
    "nll": lambda z, a, y, p: F.nll_loss(a, y.argmax(1), reduction="sum"),
    "binary_focal": binary_focal,
    "hinge": lambda z, a, y, p: torch.relu(1 - y * a).sum(),
    "squared_hinge": lambda z, a, y, p: (torch.relu(1 - y * a) ** 2).sum(),
    "exponential": exponential,
    "hellinger": lambda z, a, y, p: ((a.sqrt() - y.sqrt()) ** 2).sum() / math.sqrt(2),
    "kullback_leibler": lambda z, a, y, p: F.kl_div(a.log(), y, reduction="sum"),
    "generalized_kullback_leibler": lambda z, a, y, p: (y * torch.log(y / a) - y + a).sum(),
    "itakura_saito": lambda z, a, y, p: (y / a - torch.log(y / a) - 1).sum(),
}
OPTIMIZERS = {
    "sgd": lambda w: torch.optim.SGD(w, 0.02),
    "momentum": lambda w: torch.optim.SGD(w, 0.01, momentum=0.9),
    "nesterov": lambda w: torch.optim.SGD(w, 0.01, momentum=0.9, nesterov=True),
    "adam": lambda w: torch.optim.Adam(w, 0.01, betas=(0.9, 0.99), eps=1e-6),
    "rmsprop": lambda w: torch.optim.RMSprop(w, 0.005, alpha=0.95, eps=1e-6),
}


def trained(job: Job, given: Problem) -> np.ndarray:
    """What jobs.trained gives, by PyTorch."""
    X, Y = torch.tensor(given.X), torch.tensor(given.Y)
    flat = [torch.tensor(values) for layer in given.parameters for values in layer]
    for values in flat:
        values.requires_grad_()
    optimizer, losses = OPTIMIZERS[job.optimizer](flat), []
    for _ in range(EPOCHS):
        total = 0.0
        for first in range(0, N_SAMPLES, BATCH_SIZE):
            batch = slice(first, first + BATCH_SIZE)
            a = X[batch]
            for k in range(0, len(flat), 2):
                z = a @ flat[k].T + flat[k + 1]
                a = ACTIVATIONS[job.hidden if k + 2 < len(flat) else job.output](z)
            loss = LOSSES[job.loss](z, a, Y[batch], PARAMETERS.get(job.loss))
            optimizer.zero_grad()
            (loss / BATCH_SIZE).backward()
            optimizer.step()
            total += loss.item()
        losses.append(total / N_SAMPLES)
    return np.concatenate([losses[3::4], *(values.detach().numpy().ravel() for values in flat)])


if __name__ == "__main__":
    torch.set_num_threads(1)
    all_jobs = jobs()
    results = [trained(job, problem(job)) for job in all_jobs]
    for job, values in zip(all_jobs, results, strict=True):
        if not np.isfinite(values).all():
            raise SystemExit(f"{job} diverges")
    np.savez_compressed(
        Path(__file__).with_name("torch.npz"),
        jobs=np.array("\n".join(map(str, all_jobs))),
        values=np.concatenate(results),
        version=np.array(torch.__version__),
    )
