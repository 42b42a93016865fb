"""Weights, inputs and targets that every peer gets."""

from dataclasses import replace

import numpy as np
import pytest

from deltaloop.benchmarking import data
from small_benchmark import ADAM, SGD


@pytest.mark.parametrize("job", [SGD, ADAM, replace(SGD, density=0.3)], ids=str)
def test_data_are_the_same_every_time(job):
    for first, second in zip(
        [*data.parameters(job), *data.inputs_and_targets(job)],
        [*data.parameters(job), *data.inputs_and_targets(job)],
        strict=True,
    ):
        np.testing.assert_array_equal(first, second)
        assert first.dtype == np.float32


def test_density_is_the_share_of_inputs_that_are_not_zero():
    X, _ = data.inputs_and_targets(replace(SGD, density=0.19, batch_size=1000))
    assert np.count_nonzero(X) / X.size == pytest.approx(0.19, abs=0.01)
