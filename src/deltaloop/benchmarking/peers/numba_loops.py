"""Numba, loops written by hand: flat arrays aligned to 64 bytes, all sizes compile-time constants.

Flat arrays rather than a tuple of them, because every array that changes hands costs two atomic
counts of references. The weights of a layer are kept input-major or output-major; which is faster
depends on the sizes, so both are compiled and the faster stays. Batch 1 updates in the same pass as
it computes the delta before it. Larger batches add up the gradient sample by sample.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from ...kernels.memory import aligned_zeros, round_up
from ..data import Parameters
from ..jobs import Job
from .numba_functions import FUNCTIONS, adam_update, aligned, jit, sgd_update, softmax_loss

_ZERO, _HALF = np.float32(0), np.float32(0.5)


@dataclass(frozen=True)
class _Layer:
    """Sizes, and where things begin: W and b in theta, a and delta in the scratch."""

    n_in: int
    n_out: int
    activation: str
    before: str | None  # activation of the layer before; None for the first
    W: int
    b: int
    a: int
    x: int  # where the inputs begin: in a, or at 0 of the sample
    input_major: bool

    @property
    def strides(self) -> tuple[int, int]:
        """Distance of two inputs and of two outputs in W."""
        return (self.n_out, 1) if self.input_major else (1, self.n_in)


def _layers(job: Job, input_major: bool) -> tuple[list[_Layer], int, int]:
    """All layers, length of theta, length of a (delta comes after it)."""
    layers, theta, a, x, before = [], 0, 0, 0, None
    for n_in, n_out, activation in job.layers:
        b = theta + round_up(n_in * n_out)
        layers.append(
            _Layer(n_in, n_out, activation, before, theta, b, a, x, input_major)
        )  # fmt: skip
        theta, x, before = b + round_up(n_out), a, activation
        a += round_up(n_out)
    return layers, theta, a


def _forward_layer(layer: _Layer) -> Callable:
    """(theta, x, a) -> None: f(W x + b) into its place in a; logits before a softmax.

    x is the sample for the first layer, and a for the others.
    """
    f = FUNCTIONS[layer.activation][0]
    n_in, n_out, w0, b0, a0, x0 = (
        layer.n_in, layer.n_out, layer.W, layer.b, layer.a, layer.x
    )  # fmt: skip
    by_in, by_out = layer.strides
    if layer.input_major:

        @jit
        def forward(theta, x, a):
            for o in range(n_out):
                a[a0 + o] = theta[b0 + o]
            for i in range(n_in):
                x_i = x[x0 + i]
                for o in range(n_out):
                    a[a0 + o] += x_i * theta[w0 + i * by_in + o]
            for o in range(n_out):
                a[a0 + o] = f(a[a0 + o])
    else:

        @jit
        def forward(theta, x, a):
            for o in range(n_out):
                z = theta[b0 + o]
                for i in range(n_in):
                    z += x[x0 + i] * theta[w0 + o * by_out + i]
                a[a0 + o] = f(z)

    return forward


def _backward_layer(layer: _Layer, in_place: bool, rate: np.float32) -> Callable:
    """(theta, G, x, delta) -> None: delta_prev = f'(x) W^T delta, and the gradient.

    In place the weights are updated at once, W -= rate delta x^T; else the gradient is added to G.
    """
    slope = FUNCTIONS[layer.before or "identity"][1]
    is_first, factor = layer.before is None, -rate if in_place else np.float32(1)
    n_in, n_out, w0, b0, d0, x0 = (
        layer.n_in, layer.n_out, layer.W, layer.b, layer.a, layer.x
    )  # fmt: skip
    by_in, by_out = layer.strides
    if layer.input_major:

        @jit
        def backward(theta, G, x, delta):
            for i in range(n_in):
                step, s = factor * x[x0 + i], _ZERO
                for o in range(n_out):
                    if not is_first:
                        s += theta[w0 + i * by_in + o] * delta[d0 + o]
                    if in_place:
                        theta[w0 + i * by_in + o] += step * delta[d0 + o]
                    else:
                        G[w0 + i * by_in + o] += step * delta[d0 + o]
                if not is_first:
                    delta[x0 + i] = s * slope(x[x0 + i])
            for o in range(n_out):
                if in_place:
                    theta[b0 + o] += factor * delta[d0 + o]
                else:
                    G[b0 + o] += delta[d0 + o]
    else:

        @jit
        def backward(theta, G, x, delta):
            if not is_first:
                for i in range(n_in):
                    delta[x0 + i] = _ZERO
            for o in range(n_out):
                d, step = delta[d0 + o], factor * delta[d0 + o]
                for i in range(n_in):
                    if not is_first:
                        delta[x0 + i] += theta[w0 + o * by_out + i] * d
                    if in_place:
                        theta[w0 + o * by_out + i] += step * x[x0 + i]
                    else:
                        G[w0 + o * by_out + i] += step * x[x0 + i]
                if in_place:
                    theta[b0 + o] += step
                else:
                    G[b0 + o] += step
            if not is_first:
                for i in range(n_in):
                    delta[x0 + i] *= slope(x[x0 + i])

    return backward


def _forward(layers: list[_Layer]) -> Callable:
    """(theta, x, a) -> None: all layers of one sample."""
    *before, layer = layers
    this = _forward_layer(layer)
    if not before:
        return this
    earlier = _forward(before)

    @jit
    def forward(theta, x, a):
        earlier(theta, x, a)
        this(theta, a, a)

    return forward


def _backward(layers: list[_Layer], in_place: bool, rate: np.float32) -> Callable:
    """(theta, G, x, a, delta) -> None: from the last layer to the first."""
    *before, layer = layers
    this = _backward_layer(layer, in_place, rate)
    if not before:

        @jit
        def first(theta, G, x, a, delta):
            this(theta, G, x, delta)

        return first
    earlier = _backward(before, in_place, rate)

    @jit
    def backward(theta, G, x, a, delta):
        this(theta, G, a, delta)
        earlier(theta, G, x, a, delta)

    return backward


def _output_delta(job: Job, layer: _Layer) -> Callable:
    """(a, y, delta) -> loss; with softmax, a holds the logits and stays so."""
    slope, n_out, a0 = FUNCTIONS[job.output][1], layer.n_out, layer.a
    if job.loss == "cross_entropy":

        @jit
        def output_delta(a, y, delta):
            d = delta[a0 : a0 + n_out]
            return softmax_loss(a[a0 : a0 + n_out], y, d, d)
    else:

        @jit
        def output_delta(a, y, delta):
            loss = _ZERO
            for o in range(n_out):
                error = a[a0 + o] - y[o]
                loss += _HALF * error * error
                delta[a0 + o] = error * slope(a[a0 + o])
            return loss

    return output_delta


def _epoch(job: Job, layers: list[_Layer]) -> Callable:
    """(X, Y, theta, a, delta, G, m, v, step) -> mean loss."""
    n = job.batch_size
    in_place, is_adam = n == 1 and job.optimizer == "sgd", job.optimizer == "adam"
    scale, rate = np.float32(1 / n), np.float32(job.learning_rate / n)
    forward, backward = _forward(layers), _backward(layers, in_place, rate)
    output_delta = _output_delta(job, layers[-1])

    @jit
    def epoch(X, Y, theta, a, delta, G, m, v, step):
        total = 0.0
        for first in range(0, len(X), n):
            if not in_place:
                for i in range(len(G)):
                    G[i] = _ZERO
            for t in range(first, first + n):
                x = X[t]
                forward(theta, x, a)
                total += output_delta(a, Y[t], delta)
                backward(theta, G, x, a, delta)
            step += 1
            if is_adam:
                adam_update(theta, G, m, v, scale, step)
            elif not in_place:
                sgd_update(theta, G, rate)
        return total / len(X)

    return epoch


class _Session:
    """Parameters in a flat array, in one of the two layouts."""

    compile_seconds = 0.0

    def __init__(self, job: Job, parameters: Parameters, input_major: bool):
        self.job = job
        self.layers, n_theta, self.n_a = _layers(job, input_major)
        self.theta = aligned_zeros(n_theta, np.float32)
        self.reset(parameters)

    def reset(self, parameters: Parameters) -> None:
        """Back to the start."""
        for array, value in zip(self._views(), parameters, strict=True):
            array[...] = value

    def _views(self) -> list[np.ndarray]:
        """W of shape (n_out, n_in) and b, layer by layer."""
        views = []
        for layer in self.layers:
            W = self.theta[layer.W : layer.W + layer.n_in * layer.n_out]
            shape = (layer.n_in, layer.n_out) if layer.input_major else (layer.n_out, layer.n_in)
            views.append(W.reshape(shape).T if layer.input_major else W.reshape(shape))
            views.append(self.theta[layer.b : layer.b + layer.n_out])
        return views


class Training(_Session):
    """Epochs of one compiled call."""

    def __init__(self, job: Job, parameters: Parameters, X, Y, input_major: bool):
        self.step, self.state = 0, []
        super().__init__(job, parameters, input_major)
        scratch = [aligned_zeros(self.n_a, np.float32) for _ in range(2)]
        self.state = [aligned_zeros(len(self.theta), np.float32) for _ in range(3)]
        self.epoch = _epoch(job, self.layers)
        self.arguments = (X, Y, self.theta, *scratch, *self.state)

    def run(self) -> float:
        """Mean loss of the epoch."""
        loss = self.epoch(*self.arguments, self.step)
        self.step += self.job.n_steps
        return loss

    def reset(self, parameters: Parameters) -> None:
        """Back to the start."""
        self.step = 0
        for array in self.state:
            array[:] = 0
        super().reset(parameters)

    def arrays(self) -> list[np.ndarray]:
        """Parameters as they are now."""
        return [array.copy() for array in self._views()]


class Prediction(_Session):
    """Calls of a compiled function that returns a new array."""

    def __init__(self, job: Job, parameters: Parameters, X, input_major: bool):
        super().__init__(job, parameters, input_major)
        forward, n_out = _forward(self.layers), job.sizes[-1]
        is_softmax, last = job.output == "softmax", self.layers[-1].a

        @jit
        def predict(theta, a, zeros, X):
            out = np.empty((len(X), n_out), np.float32)
            for t in range(len(X)):
                forward(theta, X[t], a)
                if is_softmax:
                    # with targets of zero, delta = a - y is a
                    softmax_loss(a[last : last + n_out], zeros, out[t], out[t])
                else:
                    for o in range(n_out):
                        out[t, o] = a[last + o]
            return out

        a, zeros = aligned_zeros(self.n_a, np.float32), np.zeros(n_out, np.float32)
        self.predict, self.fixed = predict, (self.theta, a, zeros)
        self.batches = [X[k : k + job.batch_size] for k in range(0, len(X), job.batch_size)]

    def run(self) -> None:
        """One call per batch."""
        predict, fixed = self.predict, self.fixed
        for x in self.batches:
            predict(*fixed, x)

    def arrays(self) -> list[np.ndarray]:
        """All predictions, one below the other."""
        return [np.concatenate([self.predict(*self.fixed, x) for x in self.batches])]


def prepare(job: Job, parameters: Parameters, X, Y):
    """Compile both layouts for the layers and activations of this job; keep the faster."""
    X, Y = aligned(X), aligned(Y)
    found: list[tuple[float, Training | Prediction]] = []
    for input_major in (False, True):
        begin = perf_counter()
        if job.kind == "predict":
            session: Training | Prediction = Prediction(job, parameters, X, input_major)
        else:
            session = Training(job, parameters, X, Y, input_major)
        session.run()
        seconds = [perf_counter() - begin]
        for _ in range(4):
            begin = perf_counter()
            session.run()
            seconds.append(perf_counter() - begin)
        session.compile_seconds = seconds[0] - min(seconds)
        found.append((min(seconds), session))
    session = min(found, key=lambda one: one[0])[1]
    session.reset(parameters)
    return session
