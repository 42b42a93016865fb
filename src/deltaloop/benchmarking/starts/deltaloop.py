"""One call of the compiled epoch."""

from time import perf_counter

begin = perf_counter()
import numpy as np  # noqa: E402

import deltaloop as dl  # noqa: E402

imported = perf_counter() - begin

generator = np.random.default_rng(0)
X, Y = generator.standard_normal((1000, 4)), generator.random((1000, 1))
net = dl.Network([4, 4, 4, 1])
net.fit(X, Y, epochs=1, batch_size=1, optimizer=dl.SGD(learning_rate=0.01))

print(imported, flush=True)
input()  # waits until its memory has been looked at
