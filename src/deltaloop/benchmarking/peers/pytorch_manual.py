"""PyTorch without autograd: the backward pass written out, in inference mode.

Plain SGD updates inside the product, W.addmm_(delta^T, a); Adam gets the gradients and one fused
call. Predictions are chains of addmm and in-place activations.
"""

from collections.abc import Callable

import torch
from torch.optim.adam import adam

from ..data import Parameters
from ..jobs import Job
from .pytorch import ADAM, Prediction, Training, limit_threads, tensors

_aten = torch.ops.aten

_ACTIVATE: dict[str, Callable] = {
    "identity": lambda z: z,
    "sigmoid": torch.sigmoid_,
    "tanh": torch.tanh_,
    "relu": torch.relu_,
    "softmax": lambda z: torch.softmax(z, 1),
}
# (dC/da, a) -> dC/da f'(z)
_SLOPE: dict[str, Callable] = {
    "identity": lambda dC_da, a: dC_da,
    "sigmoid": _aten.sigmoid_backward,
    "tanh": _aten.tanh_backward,
    "relu": lambda dC_da, a: _aten.threshold_backward(dC_da, a, 0),
}


def prepare(job: Job, parameters: Parameters, X, Y):
    """Forward, backward and update by hand."""
    limit_threads(job)
    P = tensors(parameters)
    W, b = P[::2], P[1::2]
    activations = [activation for _, _, activation in job.layers]
    if job.kind == "predict":
        return Prediction(job, X, _forward_alone(W, b, activations))
    if job.optimizer == "adam":
        return Training(job, P, X, Y, _adam_step(job, P, activations))
    return Training(job, P, X, Y, _sgd_step(job, W, b, activations))


def _forward_alone(W, b, activations) -> Callable:
    layers = [(w.t(), v, _ACTIVATE[name]) for w, v, name in zip(W, b, activations, strict=True)]

    def predict(x):
        for Wt, b, activate in layers:
            x = activate(torch.addmm(b, x, Wt))
        return x

    return predict


def _forward(x, W, b, activations):
    """Logits of the last layer and the activations of all."""
    A = [x]
    for w, v, name in zip(W, b, activations, strict=True):
        z = torch.addmm(v, A[-1], w.t())
        A.append(z if name == "softmax" else _ACTIVATE[name](z))
    return A


def _output(job, activation, a, y):
    """Mean loss of the batch and delta of the output layer, from its activation or logits."""
    if job.loss == "cross_entropy":
        log_p = torch.log_softmax(a, 1)
        return -(log_p * y).sum() / job.batch_size, log_p.exp_() - y  # delta = a - y
    error = a - y
    loss = torch.dot(error.view(-1), error.view(-1)) * (0.5 / job.batch_size)
    return loss, _SLOPE[activation](error, a)


def _sgd_step(job, W, b, activations) -> Callable:
    scale = -job.learning_rate / job.batch_size

    @torch.inference_mode()
    def step(x, y):
        A = _forward(x, W, b, activations)
        loss, delta = _output(job, activations[-1], A[-1], y)
        for k in range(len(W) - 1, -1, -1):
            before = _SLOPE[activations[k - 1]](delta @ W[k], A[k]) if k else None
            W[k].addmm_(delta.t(), A[k], alpha=scale)  # W := W - eps delta^T a / n
            b[k].add_(delta[0] if len(delta) == 1 else delta.sum(0), alpha=scale)
            delta = before
        return loss

    return step


def _adam_step(job, P, activations) -> Callable:
    W, b = P[::2], P[1::2]
    gradients = [torch.zeros_like(p) for p in P]
    m, v = [torch.zeros_like(p) for p in P], [torch.zeros_like(p) for p in P]
    steps = [torch.tensor(0.0) for _ in P]

    @torch.inference_mode()
    def step(x, y):
        A = _forward(x, W, b, activations)
        loss, delta = _output(job, activations[-1], A[-1], y)
        delta = delta / job.batch_size
        for k in range(len(W) - 1, -1, -1):
            torch.mm(delta.t(), A[k], out=gradients[2 * k])
            torch.sum(delta, 0, out=gradients[2 * k + 1])
            delta = _SLOPE[activations[k - 1]](delta @ W[k], A[k]) if k else None
        adam(
            P, gradients, m, v, [], steps, fused=True, amsgrad=False, lr=ADAM["lr"],
            beta1=ADAM["betas"][0], beta2=ADAM["betas"][1], eps=ADAM["eps"], weight_decay=0.0,
            maximize=False,
        )  # fmt: skip
        return loss

    return step
