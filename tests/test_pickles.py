"""Pickles of networks go from process to process: hardly larger than their parameters."""

import copy
import pickle
import sys
import threading

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


def test_generator_goes_on_through_two_pickles():
    """The second is made before anybody asked the first for its generator."""
    net = dl.Network([2, 3, 1], seed=5)
    back = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(net))))
    other = copy.deepcopy(back)
    drawn = net.generator.integers(2**60, size=4)
    np.testing.assert_array_equal(back.generator.integers(2**60, size=4), drawn)
    np.testing.assert_array_equal(other.generator.integers(2**60, size=4), drawn)


def test_networks_of_one_shape_share_nothing():
    """Their layout is kept; what is trained is told to each of them."""
    net, other = dl.Network([2, 3, 1]), dl.Network([2, 3, 1], seed=1)
    net.trainable = (False, True)
    assert other.trainable == (True, True)
    W = other.W[0].copy(), net.W[0].copy()
    for each in (other, net):
        each.fit([[0.0, 1.0]], [[1.0]], epochs=1)
    assert (other.W[0] != W[0]).any() and (net.W[0] == W[1]).all()
    assert dl.Network([2, 3, 1]).trainable == (True, True)


def test_threads_that_ask_at_once_get_one_generator():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for seed in range(30):
            net = pickle.loads(pickle.dumps(dl.Network([2, 1], seed=seed)))
            meeting, found = threading.Barrier(4), []

            def ask(net=net, meeting=meeting, found=found):
                meeting.wait(20)
                found.append(net.generator)

            threads = [threading.Thread(target=ask) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(20)
            assert len(found) == 4
            assert all(one is net.generator for one in found)
    finally:
        sys.setswitchinterval(before)


def test_pickles_of_pickles_and_draws_before_one():
    net = dl.Network([2, 1], seed=3)
    twice = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(net))))
    assert twice.generator.integers(99) == net.generator.integers(99)
    assert pickle.loads(pickle.dumps(twice)).generator.integers(99) == net.generator.integers(99)


@pytest.mark.parametrize("given", [b"abc", None, 5, "x", np.random.RandomState(0)])
def test_what_is_no_generator_is_refused(given):
    net = dl.Network([2, 1], seed=3)
    before = net.generator
    with pytest.raises(dl.InvalidTypeError, match="must be a numpy Generator"):
        net.generator = given
    assert net.generator is before
