"""Activations, losses and optimisers of PyTorch, by the names of rows of functions.py.

Activations and losses that PyTorch has are its own (jobs.OWN lists them); the others are written
with its operations, so that at least their derivatives are. Optimisers are its own too; penalties
and decay act on weights alone through its groups of parameters, and what it has otherwise (limits
of norms, to which it adds 1e-6) or not at all (l1) is done to the gradient before, or to the
parameters after its step.

Several copies of a network train at once: W (copies, n_out, n_in), b (copies, 1, n_out).
"""

import math

import torch
import torch.nn.functional as F

ACTIVATIONS = {
    "identity": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "softplus": F.softplus,
    "silu": F.silu,
    "softmax": lambda z: torch.softmax(z, -1),
    "log_softmax": lambda z: torch.log_softmax(z, -1),
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


def of_terms(function, **options):
    """A loss of PyTorch, term by term."""
    return lambda z, a, y, p: function(a, y, reduction="none", **options)


def cross_entropy(z, a, y, p):
    """From z, as PyTorch has it."""
    return F.cross_entropy(z, y, reduction="none", label_smoothing=p or 0.0)


def quantile(z, a, y, p):
    return torch.maximum((1 - p) * (a - y), p * (y - a))


def binary_focal(z, a, y, p):
    return -y * (1 - a) ** p * torch.log(a) - (1 - y) * a**p * torch.log(1 - a)


def exponential(z, a, y, p):
    return p * torch.exp(((a - y) ** 2).sum(1) / p)


def gaussian_nll(z, a, y, p):
    """Means, then logarithms of variances."""
    mean, log_v = z.chunk(2, dim=1)
    return F.gaussian_nll_loss(mean, y, torch.exp(log_v), reduction="none")


# (z, a, y, parameter), all (samples, n): terms of samples, or of samples and units
LOSSES = {
    "mse": lambda z, a, y, p: F.mse_loss(a, y, reduction="none") / 2,
    "binary_cross_entropy": of_terms(F.binary_cross_entropy),
    "cross_entropy": cross_entropy,
    "huber": lambda z, a, y, p: F.huber_loss(a, y, reduction="none", delta=p),
    "mae": of_terms(F.l1_loss),
    "log_cosh": lambda z, a, y, p: torch.log(torch.cosh(a - y)),
    "quantile": quantile,
    "poisson": of_terms(F.poisson_nll_loss, log_input=False, eps=0),
    "nll": lambda z, a, y, p: F.nll_loss(a, y.argmax(1), reduction="none"),
    "binary_focal": binary_focal,
    "hinge": lambda z, a, y, p: torch.relu(1 - y * a),
    "squared_hinge": lambda z, a, y, p: torch.relu(1 - y * a) ** 2,
    "exponential": exponential,
    "hellinger": lambda z, a, y, p: (a.sqrt() - y.sqrt()) ** 2 / math.sqrt(2),
    "kullback_leibler": lambda z, a, y, p: F.kl_div(a.log(), y, reduction="none"),
    "generalized_kullback_leibler": lambda z, a, y, p: y * torch.log(y / a) - y + a,
    "itakura_saito": lambda z, a, y, p: y / a - torch.log(y / a) - 1,
    "gaussian_nll": gaussian_nll,
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
    norm = torch.sqrt(sum((values.grad**2).sum(dim=(1, 2), keepdim=True) for values in w))
    for values in w:
        values.grad *= torch.where(norm > limit, limit / norm, 1.0)


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
        norms = weights.norm(dim=2, keepdim=True)
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
    "adagrad_plain": lambda w: torch.optim.Adagrad(w, 0.05, eps=1e-6),
    "adagrad": lambda w: torch.optim.Adagrad(w, 0.05, lr_decay=0.03, eps=1e-6),
    "adadelta": lambda w: torch.optim.Adadelta(w, 0.5, rho=0.8, eps=1e-5),
    "rprop": lambda w: torch.optim.Rprop(w, 0.002, etas=(0.4, 1.3), step_sizes=(1e-3, 0.005)),
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
