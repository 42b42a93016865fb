"""Numba with BLAS: the three products by `np.dot`, everything between them in loops."""

import numpy as np

from ...kernels.memory import aligned_zeros
from ..data import Parameters
from ..jobs import Job
from . import Unsupported
from .numba_functions import (
    FUNCTIONS,
    adam_update,
    aligned,
    aligned_like,
    fetch,
    jit,
    sgd_update,
    softmax_loss,
    weights,
)


def _forward(job: Job):
    """(W, b, X, A) -> None: activations of every layer of a batch; logits before a softmax."""
    n_layers = len(job.layers)
    hidden, output = FUNCTIONS[job.activation][0], FUNCTIONS[job.output][0]

    @jit
    def activate_hidden(z, b):
        for t in range(z.shape[0]):
            for o in range(z.shape[1]):
                z[t, o] = hidden(z[t, o] + b[o])

    @jit
    def activate_output(z, b):
        for t in range(z.shape[0]):
            for o in range(z.shape[1]):
                z[t, o] = output(z[t, o] + b[o])

    @jit
    def forward(W, b, X, A):
        np.dot(X, W[0], A[0])
        for k in range(1, n_layers):
            activate_hidden(A[k - 1], b[k - 1])
            np.dot(A[k - 1], W[k], A[k])
        activate_output(A[n_layers - 1], b[n_layers - 1])

    return forward


def _epoch(job: Job):
    """One epoch of mini-batches."""
    n_layers, n, is_adam = len(job.layers), job.batch_size, job.optimizer == "adam"
    scale, rate = np.float32(1 / n), np.float32(job.learning_rate / n)
    is_softmax = job.loss == "cross_entropy"
    forward = _forward(job)
    slope, output_slope = FUNCTIONS[job.activation][1], FUNCTIONS[job.output][1]

    @jit
    def output_delta(a, y, delta):
        loss = np.float32(0)
        for o in range(len(a)):
            error = a[o] - y[o]
            loss += np.float32(0.5) * error * error
            delta[o] = error * output_slope(a[o])
        return loss

    @jit
    def update(W, b, dW, delta, db, mW, mb, vW, vb, step):
        db[:] = 0
        for t in range(delta.shape[0]):
            for o in range(delta.shape[1]):
                db[o] += delta[t, o]
        if is_adam:
            adam_update(W.ravel(), dW.ravel(), mW.ravel(), vW.ravel(), scale, step)
            adam_update(b, db, mb, vb, scale, step)
        else:
            sgd_update(W.ravel(), dW.ravel(), rate)
            sgd_update(b, db, rate)

    @jit
    def epoch(X, Y, W, b, A, D, dW, db, mW, mb, vW, vb, step):
        total = 0.0
        last = n_layers - 1
        for first in range(0, len(X), n):
            step += 1
            x, y = X[first : first + n], Y[first : first + n]
            forward(W, b, x, A)
            for t in range(n):
                if is_softmax:
                    total += softmax_loss(A[last][t].copy(), y[t], A[last][t], D[last][t])
                else:
                    total += output_delta(A[last][t], y[t], D[last][t])
            for k in range(last, 0, -1):
                np.dot(A[k - 1].T, D[k], dW[k])
                np.dot(D[k], W[k].T, D[k - 1])
                d, a = D[k - 1], A[k - 1]
                for t in range(n):
                    for o in range(d.shape[1]):
                        d[t, o] *= slope(a[t, o])
                update(W[k], b[k], dW[k], D[k], db[k], mW[k], mb[k], vW[k], vb[k], step)
            np.dot(x.T, D[0], dW[0])
            update(W[0], b[0], dW[0], D[0], db[0], mW[0], mb[0], vW[0], vb[0], step)
        return total / len(X)

    return epoch


class Training:
    """Epochs of one compiled call."""

    def __init__(self, job: Job, parameters: Parameters, X, Y):
        self.W, self.b = weights(parameters)
        self.job, self.step = job, 0
        shapes = [(job.batch_size, n) for n in job.sizes[1:]]
        A, D = (tuple(aligned_zeros(s, np.float32) for s in shapes) for _ in range(2))
        more = [aligned_like(p) for _ in range(3) for p in (self.W, self.b)]
        self.arguments = (aligned(X), aligned(Y), self.W, self.b, A, D, *more)
        self.epoch = _epoch(job)

    def run(self) -> float:
        """Mean loss of the epoch."""
        loss = self.epoch(*self.arguments, self.step)
        self.step += self.job.n_steps
        return loss

    def arrays(self) -> list[np.ndarray]:
        """Parameters as they are now."""
        return fetch(self.W, self.b)


class Prediction:
    """Calls of a compiled function that returns a new array."""

    def __init__(self, job: Job, parameters: Parameters, X):
        W, b = weights(parameters)
        forward, last, is_softmax = _forward(job), len(job.layers) - 1, job.output == "softmax"
        shapes = [(job.batch_size, n) for n in job.sizes[1:]]
        scratch = tuple(aligned_zeros(s, np.float32) for s in shapes)
        unused = np.zeros(job.sizes[-1], np.float32), np.zeros(job.sizes[-1], np.float32)

        @jit
        def predict(W, b, A, unused, X):
            forward(W, b, X, A)
            if is_softmax:
                for t in range(len(X)):
                    softmax_loss(A[last][t].copy(), unused[0], A[last][t], unused[1])
            return A[last].copy()

        self.predict, self.fixed = predict, (W, b, scratch, unused)
        blocks = range(0, len(X), job.batch_size)
        self.batches = [aligned(X[k : k + job.batch_size]) for k in blocks]

    def run(self) -> None:
        """One call per batch."""
        predict, fixed = self.predict, self.fixed
        for x in self.batches:
            predict(*fixed, x)

    def arrays(self) -> list[np.ndarray]:
        """All predictions, one below the other."""
        return [np.concatenate([self.predict(*self.fixed, x) for x in self.batches])]


def prepare(job: Job, parameters: Parameters, X, Y):
    """Compiled at the first call, for the layers and activations of this job."""
    if job.batch_size == 1:
        raise Unsupported("products of matrices are for mini-batches; see Numba loops")
    if job.kind == "predict":
        return Prediction(job, parameters, X)
    return Training(job, parameters, X, Y)
