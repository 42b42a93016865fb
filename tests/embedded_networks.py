"""Networks and samples for the doors that take one sample or one mini-batch at a time."""

import numpy as np

import deltaloop as dl
from deltaloop import kernels
from deltaloop.kernels.functions import LOSSES

OPTIMIZERS = {
    "sgd": dl.SGD(learning_rate=0.05),
    "momentum": dl.SGD(learning_rate=0.02, momentum=0.9),
    "nesterov": dl.SGD(learning_rate=0.02, momentum=0.9, nesterov=True),
    "adam": dl.Adam(learning_rate=0.003),
    "rmsprop": dl.RMSprop(learning_rate=0.003),
    "adagrad": dl.Adagrad(learning_rate=0.03),
    "adadelta": dl.Adadelta(learning_rate=0.5),
    "nadam": dl.NAdam(learning_rate=0.003),
    "amsgrad": dl.Adam(learning_rate=0.003, amsgrad=True),
    "rprop": dl.Rprop(learning_rate=0.003),
}
SCALINGS = {
    "inputs": dl.Scaling([1.0, -2, 3, 0, 5], [2.0, 0.5, 1, 3, -1]),
    "both": dl.Scaling([1.0, -2, 3, 0, 5], [2.0, 0.5, 1, 3, -1], [10.0, 20, 30], [5.0, 4, 3]),
}
BACKENDS = kernels.available()


def network(sizes=(5, 9, 3), activation="tanh", seed=1, **more):
    return dl.Network(list(sizes), activation=activation, seed=seed, **more)


def samples(n, sizes=(5, 9, 3), dtype="float32", seed=0, loss="mse"):
    """Targets between 0 and 1 that sum to 1, or, for losses that know no others, -1 and 1."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(n, sizes[0]))
    Y = generator.dirichlet(np.ones(sizes[-1]), n) if sizes[-1] > 1 else generator.random((n, 1))
    if LOSSES[loss].only_targets:
        Y = np.where(Y > 0.3, 1, -1)
    return X.astype(dtype), Y.astype(dtype)


def same_bits(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
