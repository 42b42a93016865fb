"""Weights of samples and slopes of one's own, through the doors of `Network`."""

import re

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels
from embedded_networks import SCALINGS, network, samples

BACKENDS = kernels.available()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("sparse", [False, True])
def test_fit_with_whole_weights_is_fit_on_repeated_samples(backend, sparse):
    X, Y = samples(12, dtype="float64")
    weights = np.arange(12) % 4
    often = np.repeat(np.arange(12), weights)
    options = {"epochs": 3, "shuffle": False, "sparse": sparse, "optimizer": dl.Adam(0.01)}
    nets = [network(backend=backend, dtype="float64", sizes=(5, 9, 3)) for _ in range(2)]
    expected = nets[0].fit(X[often], Y[often], batch_size=18, **options)
    found = nets[1].fit(X, Y, batch_size=12, sample_weight=weights.tolist(), **options)
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-12)
    np.testing.assert_allclose(nets[1].theta, nets[0].theta, rtol=1e-9, atol=1e-13)
    assert nets[1].loss(X, Y, sample_weight=weights) == pytest.approx(
        nets[0].loss(X[often], Y[often]), rel=1e-12
    )
    np.testing.assert_allclose(
        nets[1].gradient(X, Y, sample_weight=weights), nets[1].gradient(X[often], Y[often]),
        rtol=1e-11, atol=1e-15,
    )  # fmt: skip
    loss, gradient = nets[1].loss_and_gradient(nets[1].theta, X, Y, weights)
    assert loss == nets[1].loss(X, Y, weights)
    np.testing.assert_array_equal(gradient, nets[1].gradient(X, Y, sample_weight=weights))


@pytest.mark.parametrize("backend", BACKENDS)
def test_weights_go_with_their_samples_whatever_the_order(backend):
    """Two groups that contradict each other: the heavier one is learned."""
    X, Y = np.zeros((40, 1)), np.repeat([[1.0], [-1.0]], 20, axis=0)
    weights = np.repeat([3.0, 1.0], 20)
    net = dl.Network(1, [dl.Dense(1, "identity")], backend=backend, dtype="float64")
    history = net.fit(X, Y, epochs=300, batch_size=40, sample_weight=weights)
    assert net.b[0].item() == pytest.approx(0.5, abs=1e-6)
    assert history.loss[-1] == pytest.approx((3 * 0.125 + 1.125) / 4, abs=1e-6)
    small = net.fit(X, Y, epochs=50, batch_size=7, sample_weight=weights, optimizer=dl.SGD(0.01))
    assert 0.2 < net.b[0].item() < 0.8
    assert 0.3 < small.loss[-1] < 0.45


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("size", [1e308, 1e-300, 1e-45])
def test_the_size_of_all_weights_does_not_matter(backend, size):
    X, Y = samples(20)
    weights = np.linspace(0.5, 1, 20)
    nets = [network(backend=backend, sizes=(5, 9, 3)) for _ in range(2)]
    for net, factor in zip(nets, (1, size), strict=True):
        assert np.isfinite(net.fit(X, Y, epochs=2, sample_weight=weights * factor).loss).all()
    np.testing.assert_allclose(nets[1].theta, nets[0].theta, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_single_steps_leave_samples_of_weight_0_out(backend):
    X, Y = samples(20, dtype="float64")
    weights = np.where(np.arange(20) % 3 == 0, 0.0, 2.5)
    kept = weights > 0
    nets = [network(backend=backend, dtype="float64", sizes=(5, 9, 3)) for _ in range(2)]
    options = {"epochs": 2, "batch_size": 1, "shuffle": False}
    expected = nets[0].fit(X[kept], Y[kept], **options)
    found = nets[1].fit(X, Y, sample_weight=weights, **options)
    np.testing.assert_allclose(nets[1].theta, nets[0].theta, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-12)


@pytest.mark.parametrize(
    ("weights", "error", "says"),
    [
        ([1.0] * 3, dl.InvalidInputError, "sample_weight must have shape (4,), got shape (3,)"),
        ([[1.0]] * 4, dl.InvalidInputError, "must have shape (4,), got shape (4, 1)"),
        ([1, 1, -1, 1], dl.InvalidInputError, "must be >= 0, got -1 at sample 2"),
        ([1, np.nan, 1, 1], dl.InvalidInputError, "must be finite"),
        ([0, 0, 0, 0], dl.InvalidInputError, "is 0 for every sample"),
        ("balanced", dl.InvalidTypeError, "sample_weight"),
        ([1j] * 4, dl.InvalidTypeError, "sample_weight"),
    ],
)
def test_weights_that_are_none_are_refused_before_anything_changed(weights, error, says):
    net = network(sizes=(5, 9, 3))
    X, Y = samples(4)
    before = net.theta.copy()
    calls = (
        lambda: net.fit(X, Y, sample_weight=weights),
        lambda: net.loss(X, Y, weights),
        lambda: net.gradient(X, Y, sample_weight=weights),
        lambda: net.loss_and_gradient(net.theta, X, Y, weights),
    )
    for call in calls:
        with pytest.raises(error, match=re.escape(says)):
            call()
    assert np.array_equal(net.theta, before)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scaling", SCALINGS)
def test_backward_is_in_the_units_of_the_user(backend, scaling):
    net = network(sizes=(5, 9, 3), backend=backend, dtype="float64")
    net.scaling = SCALINGS[scaling]
    X, _ = samples(7, dtype="float64")
    C = np.random.default_rng(1).normal(size=(7, 3))
    gradient, of_inputs = net.backward(X, C), net.input_gradient(X, C)
    h = 1e-6
    for t, i in ((0, 0), (3, 4), (6, 2)):
        moved = np.zeros_like(X)
        moved[t, i] = h
        up, down = ((net.predict(X + sign * moved) * C).sum() for sign in (1, -1))
        assert of_inputs[t, i] == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-8)
    for k in np.flatnonzero(net.theta)[[0, 7, -1]]:
        ends = []
        for sign in (1, -1):
            net.theta[k] += sign * h
            ends.append((net.predict(X) * C).sum())
            net.theta[k] -= sign * h
        assert gradient[k] == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-6, abs=1e-8)
    out = np.full_like(net.theta, np.nan)
    assert net.backward(X, C, out) is out
    assert np.array_equal(out, gradient)


@pytest.mark.parametrize("backend", BACKENDS)
def test_backward_takes_flat_slopes_of_one_output_and_any_number_of_samples(backend):
    net = network(sizes=(5, 9, 1), backend=backend)
    X, _ = samples(1000)
    C = np.linspace(-1, 1, 1000)
    whole = net.backward(X, C)
    parts = sum(net.backward(X[k : k + 100], C[k : k + 100, None]) for k in range(0, 1000, 100))
    np.testing.assert_allclose(whole, parts, rtol=1e-3, atol=1e-4)
    assert net.input_gradient(X, C).shape == X.shape


@pytest.mark.parametrize(
    ("slopes", "error", "says"),
    [
        (np.ones(3), dl.InvalidInputError, "dC_da must have shape (4, 3), as predict(X) has"),
        (np.ones((3, 3)), dl.InvalidInputError, "got shape (3, 3)"),
        (np.full((4, 3), np.inf), dl.InvalidInputError, "dC_da must be finite"),
        ([["a"] * 3] * 4, dl.InvalidTypeError, "dC_da"),
    ],
)
def test_slopes_that_are_none_are_refused(slopes, error, says):
    net = network(sizes=(5, 9, 3))
    X, _ = samples(4)
    out = np.full_like(net.theta, 7)
    for call in (lambda: net.backward(X, slopes, out), lambda: net.input_gradient(X, slopes)):
        with pytest.raises(error, match=re.escape(says)):
            call()
    assert (out == 7).all()
    with pytest.raises(dl.InvalidInputError, match="out must be a writable contiguous array"):
        net.backward(X, np.ones((4, 3)), out[:-1])
