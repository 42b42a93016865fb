"""Pickles of networks, which go between processes, are hardly larger than their parameters."""

import pickle

import numpy as np
import pytest

import deltaloop as dl
from stored_networks import new_net, same, with_everything

OVERHEAD = 1700  # bytes: layers, optimizer, random generator


@pytest.mark.parametrize("sizes", [[2, 4, 1], [64, 30, 10], [5, 17, 3, 9], [300, 129, 1]])
def test_pickle_is_as_small_as_the_parameters(sizes, dtype):
    net = dl.Network(sizes, dtype=dtype)
    n_bytes = len(pickle.dumps(net))
    assert 0 <= n_bytes - net.n_parameters * dtype.itemsize < OVERHEAD


@pytest.mark.parametrize("make", [new_net, with_everything])
def test_everything_comes_back(make, dtype):
    net = make(dtype)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        back = pickle.loads(pickle.dumps(net, protocol))
        assert same(back, net)
        assert back.theta.tobytes() == net.theta.tobytes()


def test_pickle_of_an_earlier_version_is_read():
    """It holds theta with its padding."""
    net = dl.Network([5, 17, 3], seed=1)
    state = net.__getstate__()
    state["_theta"] = net.theta.copy()
    back = dl.Network.__new__(dl.Network)
    back.__setstate__(state)
    np.testing.assert_array_equal(back.theta, net.theta)
