"""The training of a job by deltaloop."""

import numpy as np

import deltaloop as dl
from deltaloop.kernels.functions import LOSSES

from .jobs import GAUSSIAN, OPTIMIZERS, PARAMETERS, SETTINGS, Job, Problem, numbers


def network(job: Job, given: Problem, dtype, backend) -> dl.Network:
    """The network of a job, untrained; backend is a module."""
    *hidden, last = job.n_units
    layers = [dl.Dense(n, job.hidden, init=start)
              for n, start in zip(hidden, given.parameters, strict=False)]  # fmt: skip
    start, loss = given.parameters[-1], "mse"
    if job.loss == GAUSSIAN:
        heads = {"y": dl.Head(last // 2, loss=GAUSSIAN)}
        layers.append(dl.Dense(heads=heads, init=start))
    else:
        layers.append(dl.Dense(last, job.output, init=start))
        parameter = LOSSES[job.loss].parameter
        loss = dl.Loss(
            job.loss, **({} if parameter is None else {parameter.name: PARAMETERS[job.loss]})
        )
    net = dl.Network(len(given.X[0]), layers, loss=loss, dtype=dtype, backend="reference")
    net.use_backend(backend)
    return net


def trained(job: Job, given: Problem, dtype, backend) -> np.ndarray:
    """The numbers of its training."""
    net = network(job, given, dtype, backend)
    history = net.fit(
        given.X.astype(dtype), given.Y.astype(dtype), epochs=job.epochs, batch_size=job.batch_size,
        shuffle=False, optimizer={**OPTIMIZERS, **SETTINGS}[job.optimizer],
    )  # fmt: skip
    of_layers = [values for W, b in zip(net.W, net.b, strict=True) for values in (W, b)]
    return numbers(np.asarray(history.loss)[job.shown], of_layers)
