"""PyTorch as most people write it: `nn.Sequential`, a loss, `backward`, `optimizer.step`.

The optimisers are the fused ones, the fastest of the three variants (single, foreach, fused).
Predictions run in inference mode.
"""

import torch
from torch import nn
from torch.nn import functional

from ..data import Parameters
from ..jobs import Job
from .pytorch import ADAM, Prediction, Training, limit_threads

_MODULES = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}


def module(job: Job, parameters: Parameters, logits: bool) -> nn.Sequential:
    """The network with these parameters; `logits` leaves the softmax to the loss."""
    parts: list[nn.Module] = []
    for index, (n_in, n_out, activation) in enumerate(job.layers):
        linear = nn.Linear(n_in, n_out)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(parameters[2 * index]))
            linear.bias.copy_(torch.from_numpy(parameters[2 * index + 1]))
        parts.append(linear)
        if activation == "softmax":
            if not logits:
                parts.append(nn.Softmax(dim=1))
        elif activation != "identity":
            parts.append(_MODULES[activation]())
    return nn.Sequential(*parts)


def loss_of(job: Job, outputs, y):
    """Mean over the batch of the loss per sample; classes come one-hot."""
    if job.loss == "cross_entropy":
        return functional.cross_entropy(outputs, y)
    return functional.mse_loss(outputs, y, reduction="sum") * (0.5 / job.batch_size)


def prepare(job: Job, parameters: Parameters, X, Y):
    """Autograd and a fused optimiser."""
    limit_threads(job)
    if job.kind == "predict":
        return Prediction(job, X, module(job, parameters, logits=False))
    net = module(job, parameters, logits=True)
    weights = list(net.parameters())
    if job.optimizer == "adam":
        optimizer: torch.optim.Optimizer = torch.optim.Adam(weights, fused=True, **ADAM)
    else:
        optimizer = torch.optim.SGD(weights, lr=job.learning_rate, fused=True)

    def step(x, y):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(job, net(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Training(job, weights, X, Y, step)
