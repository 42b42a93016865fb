"""Results larger than the memory are refused by their size in bytes, and just smaller ones made."""

import numpy as np
import pytest

import deltaloop as dl

X = np.random.default_rng(0).normal(size=(400, 90))
Y = np.zeros((400, 3))
NET = dl.Network([90, 2, 3], seed=1)
MANY = dl.Ensemble([90, 2, 3], n=40)
WIDE, OUTPUTS = dl.Network([3000, 2, 3]), dl.Ensemble([90, 2, 60], n=40)

# what is asked for by name, the call, and the bytes of what it gives
RESULTS = {
    "40 networks": (lambda: dl.Ensemble([2000, 3], n=40), 40 * (2000 * 3 + 3) * 4),
    "all predictions": (lambda: OUTPUTS.predict(X), 40 * 400 * 60 * 4),
    "the losses": (lambda: MANY.fit(X[:2], Y[:2], epochs=3000), 16 * 40 * 3000),
    "gradients of every sample": (
        lambda: NET.per_sample_gradients(X, Y), 400 * NET.plan.n_theta * 4
    ),
    "dC/dx": (lambda: WIDE.input_gradient(np.ones((400, 3000)), Y), 400 * 3000 * 4),
    "the Jacobian": (lambda: NET.jacobian(X), 400 * 3 * NET.plan.n_theta * 4),
    "one_hot of": (lambda: dl.one_hot(np.zeros(400, int), 700, dtype="float32"), 400 * 700 * 4),
    "a network of": (lambda: dl.Network([2000, 30], dtype="float64"), (2000 * 30 + 30) * 16),
}  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_what_is_larger_than_the_memory_is_refused_and_no_more(monkeypatch, name):
    call, n_bytes = RESULTS[name]
    monkeypatch.setattr("deltaloop.inputs.checks._MEMORY", n_bytes - 1)
    with pytest.raises(dl.InvalidInputError, match=f"^{name}.* would take"):
        call()
    monkeypatch.setattr("deltaloop.inputs.checks._MEMORY", n_bytes)
    call()
