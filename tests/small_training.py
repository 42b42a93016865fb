"""A small network and samples for it, in two parts."""

import numpy as np

import deltaloop as dl

N = 7
rng = np.random.default_rng(11)
X, Y = rng.normal(size=(N, 3)), rng.normal(size=(N, 2))
X_OTHER, Y_OTHER = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))


def new_net(backend="auto", dtype="float64", seed=4):
    return dl.Network([3, 4, 2], activation="tanh", dtype=dtype, backend=backend, seed=seed)
