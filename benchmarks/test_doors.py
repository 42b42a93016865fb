"""Small calls from Python: one sample, one mini-batch, and what the call adds to the step."""

import numpy as np
import pytest

import deltaloop as dl

NETWORKS = {"4-4-4-1": [4, 4, 4, 1], "10-64-64-1": [10, 64, 64, 1], "784-128-10": [784, 128, 10]}
OPTIMIZERS = {"sgd": dl.SGD(0.001), "momentum": dl.SGD(0.001, momentum=0.9), "adam": dl.Adam(1e-5)}


def samples(sizes, n):
    generator = np.random.default_rng(0)
    X = generator.standard_normal((n, sizes[0]), dtype=np.float32)
    return X, generator.random((n, sizes[-1]), dtype=np.float32)


@pytest.fixture(params=NETWORKS)
def net(request):
    return dl.Network(NETWORKS[request.param], activation="tanh")


@pytest.mark.benchmark(group="predict one sample")
def test_predict_one(benchmark, net):
    x, _ = samples(net.sizes, 1)
    benchmark(net.predict_one, x[0])


@pytest.mark.benchmark(group="predict one sample")
def test_predict(benchmark, net):
    x, _ = samples(net.sizes, 1)
    benchmark(net.predict, x)


@pytest.mark.benchmark(group="learn one sample")
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_learn_one(benchmark, net, optimizer):
    x, y = samples(net.sizes, 1)
    net.optimizer = OPTIMIZERS[optimizer]
    benchmark(net.learn_one, x[0], y[0])


@pytest.mark.benchmark(group="learn a mini-batch of 32")
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_learn_batch(benchmark, net, optimizer):
    X, Y = samples(net.sizes, 32)
    net.optimizer = OPTIMIZERS[optimizer]
    benchmark(net.learn_batch, X, Y)


@pytest.mark.benchmark(group="1000 samples learned in a loop of @njit")
@pytest.mark.parametrize("door", ["deltaloop.numba", "numba_handles"])
def test_learn_in_njit(benchmark, net, door):
    numba = pytest.importorskip("numba")
    import deltaloop.numba
    from deltaloop import numba_handles

    X, Y = samples(net.sizes, 1000)
    if door == "deltaloop.numba":
        handle, step = deltaloop.numba.unpack(net), deltaloop.numba.train_step

        @numba.njit
        def loop(handle, X, Y):
            for t in range(len(X)):
                step(handle, X[t], Y[t], 0.001)
    else:
        session = net.session(optimizer=OPTIMIZERS["sgd"])
        handle, learn = session.address, numba_handles.learn

        @numba.njit
        def loop(handle, X, Y):
            for t in range(len(X)):
                learn(handle, X[t], Y[t])

    loop(handle, X, Y)
    benchmark(loop, handle, X, Y)
