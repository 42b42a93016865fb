"""A compiled epoch; the compilation is not cached."""

from time import perf_counter

begin = perf_counter()
import numba  # noqa: E402
import numpy as np  # noqa: E402

imported = perf_counter() - begin

generator = np.random.default_rng(0)
X = generator.standard_normal((1000, 4)).astype(np.float32)
Y = generator.random((1000, 1)).astype(np.float32)
theta = generator.standard_normal((3, 4, 5)).astype(np.float32)


@numba.njit
def _epoch(X, Y, theta, a, delta):
    rate = np.float32(0.01)
    sizes = (4, 4, 4, 1)
    for t in range(len(X)):
        for i in range(4):
            a[0, i] = X[t, i]
        for k in range(3):
            for o in range(sizes[k + 1]):
                z = theta[k, o, 4]
                for i in range(4):
                    z += theta[k, o, i] * a[k, i]
                a[k + 1, o] = z if k == 2 else 1 / (1 + np.exp(-z))
        delta[2, 0] = a[3, 0] - Y[t, 0]
        for k in range(2, -1, -1):
            for i in range(4):
                s = np.float32(0)
                for o in range(sizes[k + 1]):
                    s += theta[k, o, i] * delta[k, o]
                    theta[k, o, i] -= rate * delta[k, o] * a[k, i]
                if k:
                    delta[k - 1, i] = s * a[k, i] * (1 - a[k, i])
            for o in range(sizes[k + 1]):
                theta[k, o, 4] -= rate * delta[k, o]


_epoch(X, Y, theta, np.zeros((4, 4), np.float32), np.zeros((3, 4), np.float32))

print(imported, flush=True)
input()  # waits until its memory has been looked at
