"""Every way to learn and predict in small steps, and what each adds to the step.

The column of a case in README.md is its network, the row is what else it is parametrised with.
"""

import copy
import subprocess
import sys

import numpy as np
import pytest

import deltaloop as dl
import tolerances
from clock import CLOCK
from deltaloop.benchmarking import workers
from doors import DOORS, LOOPS, fit

NETWORKS = {"4-4-4-1": [4, 4, 4, 1], "10-64-64-1": [10, 64, 64, 1], "784-128-10": [784, 128, 10]}
OPTIMIZERS = {"sgd": dl.SGD(0.001), "momentum": dl.SGD(0.001, momentum=0.9), "adam": dl.Adam(1e-5)}
RATE = 0.001
N_SAMPLES = 1000
N_STARTS = 3


def samples(sizes, n):
    generator = np.random.default_rng(0)
    X = generator.standard_normal((n, sizes[0]), dtype=np.float32)
    return X, generator.random((n, sizes[-1]), dtype=np.float32)


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    return request.param


@pytest.fixture
def net(network):
    return dl.Network(NETWORKS[network], activation="tanh", backend="cython")


def in_a_loop(benchmark, call, *arguments):
    """Many calls in a turn: the clock and its own call would cost as much as a small one."""

    def one(call, x):
        for _ in range(N_SAMPLES):
            call(x)

    def two(call, x, y):
        for _ in range(N_SAMPLES):
            call(x, y)

    benchmark.extra_info["calls"] = N_SAMPLES
    benchmark({1: one, 2: two}[len(arguments)], call, *arguments)


@pytest.mark.benchmark(group="predict one sample")
@pytest.mark.parametrize("call", ["predict_one", "predict_one, out", "predict"])
def test_predict(benchmark, net, call):
    x, out = samples(net.sizes, 1)
    name, _, into = call.partition(", ")
    arguments = [x if name == "predict" else x[0]] + ([out[0]] if into else [])
    in_a_loop(benchmark, getattr(net, name), *arguments)


@pytest.mark.benchmark(group="learn one sample")
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_learn_one(benchmark, net, optimizer):
    x, y = samples(net.sizes, 1)
    net.optimizer = OPTIMIZERS[optimizer]
    in_a_loop(benchmark, net.learn_one, x[0], y[0])


@pytest.mark.benchmark(group="learn a mini-batch of 32")
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_learn_batch(benchmark, net, optimizer):
    X, Y = samples(net.sizes, 32)
    net.optimizer = OPTIMIZERS[optimizer]
    in_a_loop(benchmark, net.learn_batch, X, Y)


@pytest.mark.benchmark(group="1000 samples learned in a loop")
@pytest.mark.parametrize("door", DOORS)
def test_learn_in_a_loop(benchmark, net, door, tmp_path):
    X, Y = samples(net.sizes, N_SAMPLES)
    epoch, expected = fit(copy.deepcopy(net), X, Y, RATE, tmp_path)
    epoch()
    epoch, parameters = DOORS[door](net, X, Y, RATE, tmp_path)
    epoch()
    assert_same_parameters(parameters(), expected())
    benchmark.extra_info["samples"] = N_SAMPLES
    benchmark(epoch)


def assert_same_parameters(actual, expected):
    """Within the rounding of sums of so many steps; one sample more or less is noticed.

    See tests/tolerances.py; a step moves a parameter by RATE times numbers of order 0.1 to 1.
    """
    rounding = tolerances.SHAKE * np.sqrt(N_SAMPLES) * tolerances.eps(np.float32)
    assert actual.keys() == expected.keys()
    for name, array in expected.items():
        scale = np.abs(array).max()
        np.testing.assert_allclose(
            actual[name], array, rtol=0, atol=rounding * scale, err_msg=name
        )  # fmt: skip


@pytest.fixture(scope="module", params=["predict", "fit"])
def call(request):
    return request.param


@pytest.fixture(scope="module")
def first_calls(network, call, tmp_path_factory):
    """Seconds of pairs of fresh processes: the first compiles, the second finds it in the cache."""
    pytest.importorskip("numba")
    command = [sys.executable, "-P", LOOPS / "first_call.py", call, *map(str, NETWORKS[network])]
    found = {"empty cache": [], "filled cache": []}
    for _ in range(N_STARTS):
        cache = str(tmp_path_factory.mktemp("cache"))
        environment = workers.plain_environment() | {"NUMBA_CACHE_DIR": cache}
        for seconds in found.values():
            done = subprocess.run(
                command, env=environment, check=True, capture_output=True, text=True
            )  # fmt: skip
            seconds.append(float(done.stdout))
    return found


@pytest.mark.benchmark(timer=CLOCK, group="first call of a network of the Numba backend")
@pytest.mark.parametrize("cache", ["empty cache", "filled cache"])
def test_first_call(benchmark, replay, first_calls, cache):
    replay(benchmark, first_calls[cache])
