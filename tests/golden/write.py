"""Train the jobs with PyTorch and write what comes out, torch.npz beside this file.

    python -m golden.write          in tests/, with torch installed

Activations and losses that PyTorch has are its own; the others are written with its operations, so
that at least their derivatives are. Optimisers are its own too; penalties and decay act on weights
alone through its groups of parameters, and what it has otherwise (limits of norms, to which it adds
1e-6) or not at all (l1) is done to the gradient before, or to the parameters after its step.
"""

import math
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from .jobs import N_SAMPLES, PARAMETERS, Job, Problem, jobs, problem

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


def on_weights(kind, *args, weight_decay, **options):
    """An optimiser whose weight_decay leaves biases alone."""
    return lambda w: kind(
        [
            {"params": w[::2], "weight_decay": weight_decay},
            {"params": w[1::2], "weight_decay": 0.0},
        ],
        *args,
        **options,
    )


def clip_value(w, limit):
    torch.nn.utils.clip_grad_value_(w, limit)


def clip_norm(w, limit):
    norm = torch.sqrt(sum((values.grad**2).sum() for values in w))
    if norm > limit:
        for values in w:
            values.grad *= limit / norm


def l1(w, slope):
    for weights in w[::2]:
        weights.grad += slope * torch.sign(weights)


def l2(w, slope):
    for weights in w[::2]:
        weights.grad += slope * weights


def shrink(w, factor):
    for weights in w[::2]:
        weights *= factor


def max_norm(w, limit):
    for weights in w[::2]:
        norms = weights.norm(dim=1, keepdim=True)
        weights *= torch.where(norms > limit, limit / norms, 1.0)


def around(make, before=(), after=()):
    """An optimiser with (function, value) to apply to the parameters around its step."""

    def made(w):
        optimizer = make(w)
        optimizer.register_step_pre_hook(lambda *_: apply(before, w))
        optimizer.register_step_post_hook(lambda *_: apply(after, w))
        return optimizer

    return made


@torch.no_grad()
def apply(changes, w):
    for change, value in changes:
        change(w, value)


def sgd(rate, **options):
    return lambda w: torch.optim.SGD(w, rate, **options)


def adam(**options):
    return lambda w: torch.optim.Adam(w, 0.01, eps=1e-6, **options)


# (W, b of every layer): the optimiser
OPTIMIZERS = {
    "sgd": sgd(0.02),
    "momentum": sgd(0.01, momentum=0.9),
    "nesterov": sgd(0.01, momentum=0.9, nesterov=True),
    "adam": adam(betas=(0.9, 0.99)),
    "rmsprop": lambda w: torch.optim.RMSprop(w, 0.005, alpha=0.95, eps=1e-6),
    "amsgrad": adam(betas=(0.8, 0.9), amsgrad=True),
    "adamw": on_weights(torch.optim.AdamW, 0.01, eps=1e-6, weight_decay=0.3),
    "nadam": lambda w: torch.optim.NAdam(w, 0.01, betas=(0.9, 0.99), eps=1e-6, momentum_decay=0.02),
    "adagrad": lambda w: torch.optim.Adagrad(w, 0.05, eps=1e-6),
    "adagrad_decay": lambda w: torch.optim.Adagrad(w, 0.05, lr_decay=0.03, eps=1e-6),
    "adadelta": lambda w: torch.optim.Adadelta(w, 0.5, rho=0.8, eps=1e-5),
    "rprop": lambda w: torch.optim.Rprop(w, 0.01, etas=(0.4, 1.3), step_sizes=(1e-4, 0.1)),
    "sgd_l2": on_weights(torch.optim.SGD, 0.02, weight_decay=0.1),
    "momentum_l2": on_weights(torch.optim.SGD, 0.01, momentum=0.9, weight_decay=0.1),
    "adam_l2": on_weights(torch.optim.Adam, 0.01, eps=1e-6, weight_decay=0.1),
    "sgd_decay": around(sgd(0.02), before=[(shrink, 1 - 0.02 * 0.3)]),
    "sgd_l1": around(sgd(0.02), before=[(l1, 0.02)]),
    "sgd_clip_value": around(sgd(0.05), before=[(clip_value, 0.02)]),
    "sgd_clip_norm": around(sgd(0.05), before=[(clip_norm, 0.1)]),
    "adam_clip_norm": around(adam(), before=[(clip_norm, 0.1)]),
    "sgd_max_norm": around(sgd(0.05), after=[(max_norm, 0.6)]),
    "momentum_all": around(
        sgd(0.02, momentum=0.8),
        before=[
            (clip_value, 0.1),
            (clip_norm, 0.15),
            (l1, 0.01),
            (l2, 0.05),
            (shrink, 1 - 0.02 * 0.1),
        ],
        after=[(max_norm, 0.7)],
    ),
}


@contextmanager
def float64_by_default():
    """NAdam keeps the product of its momenta in the default dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@float64_by_default()
def trained(job: Job, given: Problem) -> np.ndarray:
    """What jobs.trained gives, by PyTorch."""
    X, Y = torch.tensor(given.X), torch.tensor(given.Y)
    flat = [torch.tensor(values) for layer in given.parameters for values in layer]
    for values in flat:
        values.requires_grad_()
    optimizer, losses = OPTIMIZERS[job.optimizer](flat), []
    for _ in range(job.epochs):
        total = 0.0
        for first in range(0, N_SAMPLES, job.batch_size):
            batch = slice(first, first + job.batch_size)
            a = X[batch]
            for k in range(0, len(flat), 2):
                z = a @ flat[k].T + flat[k + 1]
                a = ACTIVATIONS[job.hidden if k + 2 < len(flat) else job.output](z)
            loss = LOSSES[job.loss](z, a, Y[batch], PARAMETERS.get(job.loss))
            optimizer.zero_grad()
            (loss / job.batch_size).backward()
            optimizer.step()
            total += loss.item()
        losses.append(total / N_SAMPLES)
    return np.concatenate(
        [losses[job.shown], *(values.detach().numpy().ravel() for values in flat)]
    )


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
