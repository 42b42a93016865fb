"""Pickles of networks go from process to process: hardly larger than their parameters."""

import copy
import pickle
import sys
import threading
from dataclasses import fields

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.parts.optimizers import OPTIMIZERS
from stored_networks import earlier_state, new_net, same, with_everything

OVERHEAD = 800  # bytes: layers, optimizer, random generator


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


def _from_state(state):
    back = dl.Network.__new__(dl.Network)
    back.__setstate__(state)
    return back


@pytest.mark.parametrize("make", [new_net, with_everything])
def test_pickles_of_earlier_versions_are_read(make, dtype):
    net = make(dtype)
    if make is new_net:
        net.scaling = dl.Scaling(np.ones(3), np.full(3, 2.0), np.full(2, -2.0), np.ones(2))
        net.learn_one(np.ones(3), np.ones(2))  # the optimizer is somewhere
    back = _from_state(earlier_state(net))
    assert same(back, net)
    for each in (back, net):
        each.fit(np.eye(3), np.eye(3, net.plan.n_targets), epochs=1)
    assert same(back, net)


def test_pickle_of_an_earlier_version_with_padding_is_read():
    net = dl.Network([5, 17, 3], seed=1)
    back = _from_state(earlier_state(net) | {"_theta": net.theta.copy()})
    np.testing.assert_array_equal(back.theta, net.theta)


# another value than the default for whatever a layer can have
OTHER = {
    "n_out": 4, "activation": dl.Activation("elu", 0.3), "bias": False, "dropout": 0.2,
    "trainable": False, "rate_of_W": 0.5, "rate_of_b": 2.0, "shortcuts": (0,),
    "mask": np.eye(4, 3, dtype=bool),
}  # fmt: skip


@pytest.mark.parametrize("name", [field.name for field in fields(dl.Dense)])
def test_everything_of_a_layer_comes_back(name):
    if name == "heads":
        layers = [dl.Dense(3), dl.Dense(heads={"p": dl.Head(2), "v": dl.Head(1, weight=0.5)})]
    elif name in ("init", "bias_init"):  # nothing of the network that was made
        layers = [dl.Dense(3), dl.Dense(4, **{name: "zeros"}), dl.Dense(1)]
    else:
        layers = [dl.Dense(3), dl.Dense(**{"n_out": 4, name: OTHER[name]}), dl.Dense(1)]
    net = dl.Network(2, layers, seed=1)
    if name == "shortcuts":
        assert net.W[1].shape == (4, 5)
    back = pickle.loads(pickle.dumps(net))
    assert back.layers == net.layers
    assert str(back.layers[1].mask) == str(net.layers[1].mask)
    assert back.layers[-1].heads == net.layers[-1].heads
    assert back.plan.layers.tobytes() == net.plan.layers.tobytes()


@pytest.mark.parametrize("kind", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_every_setting_of_an_optimizer_comes_back(kind):
    for name, value in kind().settings().items():
        if isinstance(value, bool):
            other = {"momentum": 0.5, name: not value} if name == "nesterov" else {name: not value}
        else:
            other = {name: value + 1 if isinstance(value, int) else value * 0.95 + 0.0123}
        net = dl.Network([2, 1])
        net.optimizer = kind(**other)
        back = pickle.loads(pickle.dumps(net))
        assert back.optimizer == net.optimizer != kind()
        assert repr(back.optimizer) == repr(net.optimizer)
    for name in ("l1", "clip_norm"):
        if hasattr(kind(), name):
            net.optimizer = kind(**{name: 0.25})
            assert pickle.loads(pickle.dumps(net)).optimizer == net.optimizer != kind()


class Slower(dl.SGD):
    """A class of the user."""


def test_an_optimizer_of_the_user_comes_back_as_it_is():
    net = dl.Network([2, 1])
    net.optimizer = Slower(0.01)
    back = pickle.loads(pickle.dumps(net)).optimizer
    assert type(back) is Slower
    assert back == net.optimizer


@pytest.mark.parametrize("name", ["_kind", "_optimizer"])
def test_values_in_another_order_are_refused(name):
    state = dl.Network([2, 1]).__getstate__()
    with pytest.raises(dl.InvalidInputError, match="has format 99, and this version reads"):
        _from_state(state | {name: (99, *state[name][1:])})


@pytest.mark.parametrize("cut", [slice(0, -4), slice(0, -1), slice(0, 0)])
def test_parameters_of_another_number_are_refused(cut):
    state = dl.Network([2, 1]).__getstate__()
    with pytest.raises(dl.InvalidInputError, match="parameters do not fit the layers"):
        _from_state(state | {"_theta": state["_theta"][cut]})


def test_small_and_large_parameters_come_back_the_same():
    """Bytes up to a limit, an array beyond it: which may travel beside the pickle."""
    for n in (100, 200):
        net = dl.Network([n, 100], seed=n)
        beside = []
        data = pickle.dumps(net, protocol=5, buffer_callback=beside.append)
        assert len(beside) == (n == 200)
        assert pickle.loads(data, buffers=beside).theta.tobytes() == net.theta.tobytes()


def test_what_is_alike_is_checked_once_and_shared_where_it_cannot_change():
    net = dl.Network([3, 4, 1], seed=1)
    data = pickle.dumps(net)
    first, second = pickle.loads(data), pickle.loads(data)
    assert first.layers is second.layers
    assert first.optimizer is second.optimizer
    for name in ("theta", "plan", "_turns", "_views", "_kept"):
        assert getattr(first, name) is not getattr(second, name)
    first.trainable = (False, True)
    assert second.trainable == pickle.loads(data).trainable == (True, True)
    assert pickle.loads(pickle.dumps(first)).trainable == (False, True)
    first.fit(np.ones((2, 3)), np.zeros((2, 1)), epochs=1)
    second.fit(np.ones((2, 3)), np.zeros((2, 1)), epochs=1)
    assert (first.W[0] == net.W[0]).all()
    assert (second.W[0] != net.W[0]).any()


def test_children_of_a_generator_go_on_as_well():
    net = dl.Network([2, 1], seed=5)
    net.generator.spawn(2)
    back = pickle.loads(pickle.dumps(net))
    assert back.generator.spawn(1)[0].random() == net.generator.spawn(1)[0].random()


@pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))]
)
def test_every_kind_of_generator_comes_back_and_is_not_shared(kind, copied):
    net = new_net()
    net.generator = np.random.Generator(getattr(np.random, kind)(5))
    net.generator.random(3)
    back = copied(net)
    assert type(back.generator.bit_generator).__name__ == kind
    drawn = net.generator.random(4)
    np.testing.assert_array_equal(back.generator.random(4), drawn)


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


def test_pickles_from_before_reproducible_are_of_networks_without():
    net = dl.Network([2, 3, 1])
    state = net.__getstate__()
    del state["reproducible"]
    again = dl.Network.__new__(dl.Network)
    again.__setstate__(state)
    assert again.backend.describe() == net.backend.describe()
    assert not getattr(again.backend, "reproducible", False)
