"""Initial weights, inputs and targets of a job: the same for every peer, from fixed seeds."""

import numpy as np

from .jobs import Job

Parameters = list[np.ndarray]  # W^1, b^1, W^2, b^2, ...: shapes (n_out, n_in) and (n_out,)


def parameters(job: Job) -> Parameters:
    """Initial weights (Glorot, uniform) and biases (zero), float32."""
    generator = np.random.default_rng(3)
    arrays = []
    for n_in, n_out, _ in job.layers:
        bound = np.sqrt(6 / (n_in + n_out))
        arrays.append(generator.uniform(-bound, bound, (n_out, n_in)).astype(np.float32))
        arrays.append(np.zeros(n_out, np.float32))
    return arrays


def inputs_and_targets(job: Job) -> tuple[np.ndarray, np.ndarray]:
    """X of shape (n_samples, n_in) and Y of shape (n_samples, n_out), float32, C-contiguous.

    Inputs are standard normal; where a part of them is zero, the others are uniform in (0, 1], as
    the brightness of a pixel is. Targets are uniform, or one class per sample.
    """
    generator = np.random.default_rng(1)
    shape = (job.n_samples, job.sizes[0])
    if job.density < 1:
        X = 1 - generator.random(shape, dtype=np.float32)
        X *= generator.random(shape, dtype=np.float32) < job.density
    else:
        X = generator.standard_normal(shape, dtype=np.float32)
    Y = generator.random((job.n_samples, job.sizes[-1]), dtype=np.float32)
    if job.loss == "cross_entropy":
        Y = np.eye(job.sizes[-1], dtype=np.float32)[Y.argmax(axis=1)]
    return X, Y
