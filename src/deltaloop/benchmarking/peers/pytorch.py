"""What the three PyTorch peers share: tensors, batches, the clock's one run."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from ..data import Parameters
from ..jobs import Job

ADAM: dict[str, Any] = {"lr": 0.001, "betas": (0.9, 0.999), "eps": 1e-8}


def limit_threads(job: Job) -> None:
    """Use as many threads as the job says."""
    torch.set_num_threads(job.n_threads)


def tensors(parameters: Parameters) -> list[torch.Tensor]:
    """Copies of the parameters that may be changed in place."""
    return [torch.from_numpy(array.copy()) for array in parameters]


def batches(job: Job, X, Y) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """(x, y) of every step, made before the clock starts."""
    return [
        (torch.from_numpy(X[k : k + job.batch_size]), torch.from_numpy(Y[k : k + job.batch_size]))
        for k in range(0, len(X), job.batch_size)
    ]


def rows(job: Job, X) -> list[torch.Tensor]:
    """The input of every call of a prediction job."""
    return [torch.from_numpy(X[k : k + job.batch_size]) for k in range(0, len(X), job.batch_size)]


class Training:
    """Epochs of `step(x, y) -> loss of the batch`, a tensor that is read once per epoch."""

    def __init__(self, job: Job, parameters: Sequence[torch.Tensor], X, Y, step: Callable):
        self.parameters, self.step = parameters, step
        self.batches = batches(job, X, Y)

    def run(self) -> float:
        """Mean loss of the epoch."""
        step = self.step
        return torch.stack([step(x, y) for x, y in self.batches]).mean().item()

    def arrays(self) -> list[np.ndarray]:
        """Parameters as they are now."""
        return [p.detach().numpy().copy() for p in self.parameters]


class Prediction:
    """Calls of `predict(x)` with tensors that are there already."""

    def __init__(self, job: Job, X, predict: Callable):
        self.rows, self.predict = rows(job, X), predict

    @torch.inference_mode()
    def run(self) -> None:
        """One call per batch."""
        predict = self.predict
        for x in self.rows:
            predict(x)

    @torch.inference_mode()
    def arrays(self) -> list[np.ndarray]:
        """All predictions, one below the other."""
        return [np.concatenate([self.predict(x).numpy() for x in self.rows])]
