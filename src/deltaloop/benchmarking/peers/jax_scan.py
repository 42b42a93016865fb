"""JAX in its strong form: the whole epoch one compiled scan, parameters donated.

Both layouts of the weights are tried, then the scan unrolled by four steps; the fastest stays. The
compilation that is reported is the one of that variant alone.
"""

from time import perf_counter

import jax
import numpy as np

from ..data import Parameters
from ..jobs import Job
from . import Unsupported
from .jax import as_batches, fetch, initial_state, place, step


class Training:
    """Epochs of the fastest variant."""

    def __init__(self, job: Job, parameters: Parameters, X, Y):
        self.X, self.Y = as_batches(job, X), as_batches(job, Y)
        plain = [self._tried(job, parameters, input_major, 1) for input_major in (False, True)]
        input_major = min(plain, key=lambda one: one[0])[2]
        unrolled = self._tried(job, parameters, input_major, 4)
        _, self.compile_seconds, self.input_major, self.epoch = min(
            [*plain, unrolled], key=lambda one: one[0]
        )
        self.state = initial_state(job, place(parameters, self.input_major))

    def _tried(self, job, parameters, input_major, unroll):
        """Seconds of an epoch and of its compilation, the layout, the epoch."""
        epoch, compile_seconds = self._compiled(job, parameters, input_major, unroll)
        state, seconds = initial_state(job, place(parameters, input_major)), []
        for _ in range(4):
            begin = perf_counter()
            state, loss = epoch(state, self.X, self.Y)
            loss.block_until_ready()
            seconds.append(perf_counter() - begin)
        return min(seconds), compile_seconds, input_major, epoch

    def _compiled(self, job, parameters, input_major, unroll):
        """The epoch as machine code, and the seconds that took."""

        def epoch(state, X, Y):
            state, losses = jax.lax.scan(
                lambda state, xy: step(job, state, *xy, input_major), state, (X, Y), unroll=unroll
            )
            return state, losses.mean()

        state = initial_state(job, place(parameters, input_major))
        begin = perf_counter()
        compiled = jax.jit(epoch, donate_argnums=0).lower(state, self.X, self.Y).compile()
        return compiled, perf_counter() - begin

    def run(self) -> float:
        """Mean loss of the epoch."""
        self.state, loss = self.epoch(self.state, self.X, self.Y)
        return float(loss)

    def arrays(self) -> list[np.ndarray]:
        """Parameters as they are now."""
        return fetch(self.state["P"], self.input_major)


def prepare(job: Job, parameters: Parameters, X, Y):
    """Compile; there is nothing to scan over in a prediction job."""
    if job.kind == "predict":
        raise Unsupported("predictions are timed with JAX step")
    return Training(job, parameters, X, Y)
