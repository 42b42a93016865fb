"""What the two JAX peers share: the network as a function, its loss and one step of training.

The weights are kept as (n_out, n_in) or (n_in, n_out): which of them XLA multiplies faster depends
on the sizes, and the peers try both.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..data import Parameters
from ..jobs import Job

_ACTIVATE = {
    "identity": lambda z: z,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
}
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


def place(parameters: Parameters, input_major: bool) -> list[jax.Array]:
    """The parameters as arrays of JAX."""
    return [
        jnp.array(array.T if input_major and array.ndim == 2 else array, copy=True)
        for array in parameters
    ]


def fetch(P, input_major: bool) -> list[np.ndarray]:
    """The parameters as NumPy arrays, W of shape (n_out, n_in)."""
    arrays = [np.array(p) for p in P]
    return [a.T if input_major and a.ndim == 2 else a for a in arrays]


def outputs(job: Job, P, x, input_major: bool, logits: bool):
    """Activations of the last layer, or logits before the softmax."""
    for k, (_, _, name) in enumerate(job.layers):
        W, b = P[2 * k], P[2 * k + 1]
        z = (x @ W if input_major else x @ W.T if x.ndim == 2 else W @ x) + b
        if name == "softmax":
            return z if logits else jax.nn.softmax(z)
        x = _ACTIVATE[name](z)
    return x


def loss(job: Job, P, x, y, input_major: bool):
    """Mean over the batch of the loss per sample."""
    a = outputs(job, P, x, input_major, logits=True)
    if job.loss == "cross_entropy":
        return -jnp.sum(jax.nn.log_softmax(a) * y) / job.batch_size
    error = a - y
    return 0.5 * jnp.sum(error * error) / job.batch_size


def initial_state(job: Job, P) -> dict[str, Any]:
    """Parameters, and what Adam keeps."""
    if job.optimizer == "sgd":
        return {"P": P}
    zeros = [jnp.zeros_like(p) for p in P]
    return {"P": P, "m": zeros, "v": [jnp.zeros_like(p) for p in P], "t": jnp.zeros((), jnp.int32)}


def step(job: Job, state, x, y, input_major: bool):
    """One update; the new state and the loss before it."""
    value, G = jax.value_and_grad(lambda P: loss(job, P, x, y, input_major))(state["P"])
    if job.optimizer == "sgd":
        return {"P": [p - job.learning_rate * g for p, g in zip(state["P"], G, strict=True)]}, value
    t = state["t"] + 1
    m = [_BETA1 * m + (1 - _BETA1) * g for m, g in zip(state["m"], G, strict=True)]
    v = [_BETA2 * v + (1 - _BETA2) * g * g for v, g in zip(state["v"], G, strict=True)]
    scale1, scale2 = 1 / (1 - _BETA1**t), 1 / (1 - _BETA2**t)
    P = [
        p - job.learning_rate * (m * scale1) / (jnp.sqrt(v * scale2) + _EPSILON)
        for p, m, v in zip(state["P"], m, v, strict=True)
    ]
    return {"P": P, "m": m, "v": v, "t": t}, value


def as_batches(job: Job, X) -> jax.Array:
    """Shape (n_steps, batch_size, n); (n_steps, n) where a batch is one sample."""
    shape = (job.n_steps, job.batch_size, X.shape[1])
    return jnp.asarray(X.reshape(shape) if job.batch_size > 1 else X)
