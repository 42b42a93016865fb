"""Which trainings list the values of X that are not zero, of their own accord."""

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.kernels.sparse_rows import SparseRows
from deltaloop.training import samples


@pytest.mark.parametrize(
    ("optimizer", "batch_size", "network", "lists"),
    [
        (dl.SGD(0.01), 10, {}, True),
        (dl.SGD(0.01), 1, {}, True),
        (dl.SGD(0.01, l2=0.001), 1, {}, True),  # flat: the gradient comes before any step
        (dl.RMSprop(0.001), 10, {}, True),
        (dl.SGD(0.01, momentum=0.9), 10, {}, True),
        (dl.Adam(0.001), 10, {}, True),
        (dl.SGD(0.01, momentum=0.9), 1, {}, False),  # fused, and every weight moves
        (dl.Adam(0.001), 1, {}, False),
        (dl.SGD(0.01), 10, {"input_dropout": 0.2}, False),  # every input is written out
        (dl.SGD(0.01), 10, {"input_noise": 0.2}, False),
    ],
    ids=str,
)
@pytest.mark.parametrize("density", [0.1, 0.9])
def test_lists_are_made_where_they_pay(optimizer, batch_size, network, lists, density, monkeypatch):
    generator, found = np.random.default_rng(0), []
    X = generator.random((50, 40)) * (generator.random((50, 40)) < density)
    arranged = samples.arranged

    def noted(*arguments):
        found.append(arranged(*arguments))
        return found[0]

    monkeypatch.setattr(samples, "arranged", noted)
    net = dl.Network([40, 3], **network)
    net.fit(X, X[:, :3], epochs=1, batch_size=batch_size, optimizer=optimizer)
    assert [isinstance(rows, SparseRows) for rows in found] == [lists and density < 0.3]
