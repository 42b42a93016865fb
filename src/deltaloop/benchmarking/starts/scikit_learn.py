"""One epoch of partial_fit."""

from time import perf_counter

begin = perf_counter()
import numpy as np  # noqa: E402
from sklearn.neural_network import MLPRegressor  # noqa: E402

imported = perf_counter() - begin

generator = np.random.default_rng(0)
X = generator.standard_normal((1000, 4)).astype(np.float32)
Y = generator.random(1000).astype(np.float32)
model = MLPRegressor(
    hidden_layer_sizes=(4, 4), activation="logistic", solver="sgd", alpha=0.0, batch_size=1,
    learning_rate_init=0.01, momentum=0.0, nesterovs_momentum=False, shuffle=False, random_state=0,
)  # fmt: skip
model.partial_fit(X, Y)

print(imported, flush=True)
input()  # waits until its memory has been looked at
