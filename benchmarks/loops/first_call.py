"""Seconds from a network to its first result in this process: first_call.py CALL SIZE...

With the making of the network, in which the Numba backend compiles as well; without imports.
"""

import gc
import sys
from time import perf_counter

import numba  # noqa: F401 - the backend would import it inside the clock
import numpy as np

import deltaloop as dl

call, *sizes = sys.argv[1:]
sizes = [int(size) for size in sizes]
X, Y = np.zeros((100, sizes[0]), np.float32), np.zeros((100, sizes[-1]), np.float32)
gc.disable()  # a full collection takes 0.1 s after these imports, and falls where it likes

begin = perf_counter()
net = dl.Network(sizes, activation="tanh", backend="numba")
if call == "predict":
    net.predict(X)
else:
    net.fit(X, Y, epochs=1, batch_size=1)
print(perf_counter() - begin)
