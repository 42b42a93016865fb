"""The PyTorch peer of tables: it learns, repeats itself, and gets none of our own inputs."""

import numpy as np
import pytest

from deltaloop.benchmarking import real_mlp
from deltaloop.tables import Table
from deltaloop.tabular import Preparation


def moons(n, seed=0):
    rng = np.random.default_rng(seed)
    t, y = rng.uniform(0, np.pi, n), np.arange(n) % 2
    x = np.stack([np.cos(t) + y, np.sin(t) * (1 - 2 * y) + y / 2]) + rng.normal(0, 0.1, (2, n))
    return Table(("a", "b"), list(x), "moons"), y


def test_inputs_for_every_value_of_a_number_are_left_out():
    few = np.arange(60) % 4.0
    table = Table(("few", "x"), [few, np.linspace(0, 1, 60)], "two")
    preparation = Preparation.fit(table)
    used = real_mlp._without_levels(preparation)
    assert [preparation.inputs[k] for k in used] == ["few", "x"]


@pytest.mark.parametrize("is_classes", [True, False])
def test_network_learns_and_repeats_itself(is_classes, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr(real_mlp, "EPOCHS", 40)
    monkeypatch.setattr(real_mlp, "WIDTHS", (32, 32, 32))
    table, y = moons(300)
    later, truth = moons(100, 1)
    if not is_classes:
        y, truth = (1000 + 10 * one.values[0][:, None] ** 2 for one in (table, later))
    n_classes = 2 if is_classes else None
    out = real_mlp.real_mlp(table, y, later, n_classes)
    assert (out == real_mlp.real_mlp(table, y, later, n_classes)).all()
    error = np.mean(out != truth) if is_classes else np.std(out - truth) / truth.std()
    assert error < 0.15
