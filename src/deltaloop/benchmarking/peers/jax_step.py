"""JAX as it is usually written: one compiled call per step or prediction, parameters donated."""

import jax
import numpy as np

from ..data import Parameters
from ..jobs import Job
from .jax import fetch, initial_state, outputs, place, step


class Training:
    """One call per step; the losses are read at the end of the epoch."""

    def __init__(self, job: Job, parameters: Parameters, X, Y):
        self.input_major = job.batch_size > 1
        self.state = initial_state(job, place(parameters, self.input_major))
        self.step = jax.jit(
            lambda state, x, y: step(job, state, x, y, self.input_major), donate_argnums=0
        )
        blocks = [
            slice(k, k + job.batch_size) if job.batch_size > 1 else k
            for k in range(0, len(X), job.batch_size)
        ]
        self.batches = [(jax.numpy.asarray(X[k]), jax.numpy.asarray(Y[k])) for k in blocks]

    def run(self) -> float:
        """Mean loss of the epoch."""
        state, step, losses = self.state, self.step, []
        for x, y in self.batches:
            state, loss = step(state, x, y)
            losses.append(loss)
        self.state = state
        return float(np.mean(jax.device_get(losses)))

    def arrays(self) -> list[np.ndarray]:
        """Parameters as they are now."""
        return fetch(self.state["P"], self.input_major)


class Prediction:
    """One call per batch, with arrays of JAX that are there already."""

    def __init__(self, job: Job, parameters: Parameters, X):
        P = place(parameters, input_major=True)
        self.predict = jax.jit(lambda x: outputs(job, P, x, input_major=True, logits=False))
        blocks = range(0, len(X), job.batch_size)
        self.batches = [jax.numpy.asarray(X[k : k + job.batch_size]) for k in blocks]

    def run(self) -> None:
        """Wait for every result before the next call."""
        predict = self.predict
        for x in self.batches:
            predict(x).block_until_ready()

    def arrays(self) -> list[np.ndarray]:
        """All predictions, one below the other."""
        return [np.concatenate([np.asarray(self.predict(x)) for x in self.batches])]


def prepare(job: Job, parameters: Parameters, X, Y):
    """Compiled at the first call."""
    if job.kind == "predict":
        return Prediction(job, parameters, X)
    return Training(job, parameters, X, Y)
