"""torch.compile of a whole step as one graph: forward, backward written out, update.

That is faster than compiling model and loss alone and leaving backward pass and optimiser to
PyTorch, which is the customary use (on small networks by a factor of two to eight).
"""

from collections.abc import Callable

import torch

from ..data import Parameters
from ..jobs import Job
from .pytorch import ADAM, Prediction, Training, limit_threads, tensors
from .pytorch_eager import module

_ACTIVATE: dict[str, Callable] = {
    "identity": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
}
_SLOPE: dict[str, Callable] = {  # f'(z) in terms of a = f(z)
    "identity": torch.ones_like,
    "sigmoid": lambda a: a * (1 - a),
    "tanh": lambda a: 1 - a * a,
    "relu": lambda a: (a > 0).to(a.dtype),
}


def prepare(job: Job, parameters: Parameters, X, Y):
    """One graph per step; shapes are fixed."""
    limit_threads(job)
    torch._dynamo.reset()
    if job.kind == "predict":
        net = module(job, parameters, logits=False).eval()
        return Prediction(job, X, torch.compile(net, fullgraph=True, dynamic=False))
    P = tensors(parameters)
    m, v = [torch.zeros_like(p) for p in P], [torch.zeros_like(p) for p in P]
    t = torch.zeros(())
    activations = [activation for _, _, activation in job.layers]
    rate, (beta1, beta2), epsilon = ADAM["lr"], ADAM["betas"], ADAM["eps"]

    def gradients(x, y):
        W, b = P[::2], P[1::2]
        A = [x]
        for k, name in enumerate(activations):
            z = torch.addmm(b[k], A[-1], W[k].t())
            A.append(z if name == "softmax" else _ACTIVATE[name](z))
        if job.loss == "cross_entropy":
            log_p = torch.log_softmax(A[-1], 1)
            loss, delta = -(log_p * y).sum() / len(x), log_p.exp() - y
        else:
            error = A[-1] - y
            loss = (error * error).sum() * (0.5 / len(x))
            delta = error * _SLOPE[activations[-1]](A[-1])
        delta = delta / len(x)
        G = []
        for k in range(len(W) - 1, -1, -1):
            G = [delta.t() @ A[k], delta.sum(0), *G]
            if k:
                delta = (delta @ W[k]) * _SLOPE[activations[k - 1]](A[k])
        return loss, G

    def sgd(x, y):
        loss, G = gradients(x, y)
        for p, g in zip(P, G, strict=True):
            p.sub_(g, alpha=job.learning_rate)
        return loss

    def adam(x, y):
        loss, G = gradients(x, y)
        t.add_(1)
        for p, g, mean, square in zip(P, G, m, v, strict=True):
            mean.mul_(beta1).add_(g, alpha=1 - beta1)
            square.mul_(beta2).addcmul_(g, g, value=1 - beta2)
            root = (square / (1 - beta2**t)).sqrt_().add_(epsilon)
            p.sub_(rate * (mean / (1 - beta1**t)) / root)
        return loss

    compiled = torch.compile(
        adam if job.optimizer == "adam" else sgd, fullgraph=True, dynamic=False
    )
    return Training(job, P, X, Y, torch.inference_mode()(compiled))
