"""One sample and one mini-batch at a time: the same numbers as predict and fit."""

from functools import reduce
from operator import add

import numpy as np
import pytest

import deltaloop as dl
from cases import ALPHA, HIDDEN, PAIRS, case, loss_named
from deltaloop.kernels.interface import LOSSES
from embedded_networks import BACKENDS, OPTIMIZERS, SCALINGS, network, same_bits, samples
from tolerances import assert_within, eps

# fit refuses mini-batches for those that compare gradients of all samples
BY_BATCHES = [name for name, of in OPTIMIZERS.items() if not of.rule().row.whole_batch]


def of_case(backend, dtype, activation, loss, hidden="tanh", n=7):
    """A network that computes with `backend`, and samples that suit its output and loss."""
    found = case(3, [6, 11, 3], [hidden, activation], loss, dtype, n)
    layers = [
        dl.Dense(n_out, dl.Activation(name, ALPHA.get(name)))
        for n_out, name in ((11, hidden), (3, activation))
    ]
    # made with the loss that goes with every output, so that no pair is warned of
    net = dl.Network.__new__(dl.Network)
    net._initialize(
        6, tuple(layers), loss_named(loss, activation), dtype, "glorot_uniform", 0, "reference"
    )
    net.use_backend(backend)
    net.theta = found.theta
    return net, found.X, found.Y


@pytest.mark.parametrize(("activation", "loss"), PAIRS)
def test_predict_one_is_predict(backend, dtype, activation, loss):
    net, X, _ = of_case(backend, dtype, activation, loss)
    for row in X:
        assert same_bits(net.predict_one(row), net.predict(row[None])[0])


@pytest.mark.parametrize("hidden", HIDDEN)
def test_predict_one_is_predict_for_hidden_activations(backend, dtype, hidden):
    net, X, _ = of_case(backend, dtype, "identity", "mse", hidden)
    for row in X:
        assert same_bits(net.predict_one(row), net.predict(row[None])[0])


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("name", BACKENDS)
def test_predict_one_with_scaling_is_predict(name, dtype, scaling):
    net = network(dtype=dtype, backend=name)
    net.scaling = SCALINGS[scaling]
    X, _ = samples(5, dtype=dtype)
    for row in X:
        expected = net.predict(row[None])[0]
        assert same_bits(net.predict_one(row), expected)
        assert same_bits(net.predict_one(row.tolist()), expected)
        out = np.full(3, 7, expected.dtype)
        assert net.predict_one(row, out) is out
        assert same_bits(out, expected)


@pytest.mark.parametrize("name", BACKENDS)
def test_out_receives_the_outputs(name, dtype):
    net = network(dtype=dtype, backend=name)
    (row,), _ = samples(1, dtype=dtype)
    for shape in (3, (1, 3), (3, 1)):
        out = np.full(shape, 7, dtype)
        assert net.predict_one(row, out=out) is out
        assert same_bits(out.ravel(), net.predict_one(row))


# every optimiser with one loss, every loss with one optimiser
@pytest.mark.parametrize(
    ("optimizer", "loss"),
    [*((name, "mse") for name in BY_BATCHES), *(("adam", loss) for loss in LOSSES)],
)
@pytest.mark.parametrize("hidden", ["tanh", "relu"])
def test_learn_one_is_fit_sample_by_sample(backend, dtype, optimizer, hidden, loss):
    X, Y = samples(30, (5, 33, 3), dtype, loss=loss)
    if loss in ("exponential", "itakura_saito"):  # which grow beyond all bounds
        X, Y = X / 4, (Y + 1).astype(dtype)
    made = loss_named(loss)
    nets = [network((5, 33, 3), hidden, loss=made, dtype=dtype) for _ in range(2)]
    for net in nets:
        net.use_backend(backend)
        net.optimizer = OPTIMIZERS[optimizer]
    history = nets[0].fit(X, Y, epochs=1, batch_size=1, shuffle=False)
    losses = [nets[1].learn_one(x, y) for x, y in zip(X, Y, strict=True)]
    assert same_bits(nets[1].theta, nets[0].theta)
    # not sum(), which carries what rounding loses from Python 3.12 on
    assert reduce(add, losses) / 30 == history.loss[0]
    assert all(isinstance(loss, float) for loss in losses)


@pytest.mark.parametrize("optimizer", BY_BATCHES)
@pytest.mark.parametrize("batch_size", [1, 2, 16, 60, 300])
def test_learn_batch_is_fit_batch_by_batch(backend, dtype, optimizer, batch_size):
    X, Y = samples(600 if batch_size == 300 else 60, dtype=dtype)
    nets = [network(dtype=dtype) for _ in range(2)]
    for net in nets:
        net.use_backend(backend)
        net.optimizer = OPTIMIZERS[optimizer]
    history = nets[0].fit(X, Y, epochs=1, batch_size=batch_size, shuffle=False)
    total = 0.0
    for start in range(0, len(X), batch_size):
        part = slice(start, start + batch_size)
        total += nets[1].learn_batch(X[part], Y[part]) * len(X[part])
    assert same_bits(nets[1].theta, nets[0].theta)
    assert total / len(X) == pytest.approx(history.loss[0], rel=1e-12)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_batches_may_grow_and_shrink(backend, dtype, optimizer):
    X, Y = samples(400, dtype=dtype)
    net, plain = network(dtype=dtype), network(dtype=dtype)
    for each in (net, plain):
        each.use_backend(backend)
        each.optimizer = OPTIMIZERS[optimizer]
    for n in (1, 3, 2, 40, 7, 300, 1, 257, 400):
        # with room for exactly n samples, and the state that was there before
        before = plain.theta.copy()
        loss = net.learn_batch(X[:n], Y[:n])
        assert loss == pytest.approx(plain.loss(X[:n], Y[:n]), rel=100 * eps(dtype))
        plain.theta = net.theta
        assert not same_bits(before, plain.theta)


@pytest.mark.parametrize("n", [1, 2, 5, 300])
def test_step_of_a_batch_is_the_gradient(backend, n):
    net = network(dtype="float64")
    net.use_backend(backend)
    net.optimizer = dl.SGD(learning_rate=1.0)
    X, Y = samples(n, dtype="float64")
    gradients, before = net.gradients(X, Y), [W.copy() for W in net.W]
    loss = net.learn_batch(X, Y)
    assert loss == pytest.approx(gradients.loss, rel=1e-13)
    for k, dW in enumerate(gradients.dW):
        assert_within({"W": before[k] - net.W[k]}, {"W": dW}, {"W": 1e-13})


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("scaling", SCALINGS)
def test_learning_in_the_units_of_the_data(name, dtype, scaling):
    X, Y = samples(20, dtype=dtype)
    X, Y = 3 * X - 1, 10 * Y + 30
    nets = [network(dtype=dtype, backend=name) for _ in range(2)]
    for net in nets:
        net.scaling = SCALINGS[scaling]
    nets[0].fit(X, Y, epochs=1, batch_size=1, shuffle=False)
    for x, y in zip(X, Y, strict=True):
        nets[1].learn_one(x, y)
    assert same_bits(nets[1].theta, nets[0].theta)
    nets[0].fit(X, Y, epochs=1, batch_size=20, shuffle=False)
    nets[1].learn_batch(X.tolist(), Y.tolist())
    assert same_bits(nets[1].theta, nets[0].theta)
