"""A loop over samples in plain NumPy."""

from time import perf_counter

begin = perf_counter()
import numpy as np  # noqa: E402

imported = perf_counter() - begin

generator = np.random.default_rng(0)
X = generator.standard_normal((1000, 4), dtype=np.float32)
Y = generator.random((1000, 1), dtype=np.float32)
W = [generator.standard_normal(s, dtype=np.float32) for s in ((4, 4), (4, 4), (1, 4))]
b = [np.zeros(n, np.float32) for n in (4, 4, 1)]
for x, y in zip(X, Y, strict=True):
    a1 = 1 / (1 + np.exp(-(W[0] @ x + b[0])))
    a2 = 1 / (1 + np.exp(-(W[1] @ a1 + b[1])))
    d3 = W[2] @ a2 + b[2] - y
    d2 = (d3 @ W[2]) * a2 * (1 - a2)
    d1 = (d2 @ W[1]) * a1 * (1 - a1)
    for k, (delta, a) in enumerate(((d1, x), (d2, a1), (d3, a2))):
        W[k] -= 0.01 * np.outer(delta, a)
        b[k] -= 0.01 * delta

print(imported, flush=True)
input()  # waits until its memory has been looked at
