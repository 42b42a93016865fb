"""What random order costs: an epoch over 60,000 x 784, which no cache holds, both ways in turns."""

import time

import numpy as np
import pytest

import deltaloop as dl
from clock import CLOCK
from deltaloop.kernels.memory import Work, aligned_zeros

N = 60_000
JOBS = {
    "784-30-10, batch 1": ([784, 30, 10], "sigmoid", "mse", 1),
    "784-30-10, batch 10": ([784, 30, 10], "sigmoid", "mse", 10),
    "784-128-10, batch 1": ([784, 128, 10], "relu", "cross_entropy", 1),
    "784-128-10, batch 32": ([784, 128, 10], "relu", "cross_entropy", 32),
}


@pytest.fixture(scope="module")
def samples():
    generator = np.random.default_rng(0)
    X = generator.standard_normal((N, 784), dtype=np.float32)
    Y = np.eye(10, dtype=np.float32)[generator.integers(10, size=N)]
    return X, Y, generator.permutation(N)


@pytest.fixture(scope="module")
def epochs(samples):
    """job -> seconds of epochs in order and shuffled."""
    X, Y, order = samples
    known = {}

    def measured(name):
        if name not in known:
            sizes, activation, loss, batch_size = JOBS[name]
            net = dl.Network(sizes, activation=activation, loss=loss)
            rule, work = dl.SGD(0.001).rule(), Work(net.plan, batch_size)
            state = aligned_zeros((0, len(net.theta)), net.dtype)
            known[name] = ([], [])
            for _ in range(6):
                for seconds, rows in zip(known[name], (None, order), strict=True):
                    began = time.perf_counter()
                    net.backend.train_epoch(
                        net.plan, net.theta, state, rule, X, Y, rows, 0, N, batch_size, work
                    )
                    seconds.append(time.perf_counter() - began)
        return known[name]

    return measured


@pytest.mark.benchmark(timer=CLOCK)
@pytest.mark.parametrize("shuffled", [False, True], ids=["in order", "shuffled"])
@pytest.mark.parametrize("job", JOBS)
def test_epoch(benchmark, replay, epochs, job, shuffled):
    in_order, in_random_order = epochs(job)
    benchmark.group = f"60,000 x 784, {job}"
    benchmark.extra_info["shuffled over in order"] = min(in_random_order) / min(in_order)
    replay(benchmark, in_random_order if shuffled else in_order)
