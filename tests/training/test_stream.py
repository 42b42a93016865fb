"""Learning from samples as they come."""

import math

import numpy as np
import pytest

import deltaloop as dl

rng = np.random.default_rng(4)
X, Y = rng.normal(size=(40, 3)), rng.normal(size=(40, 2))


def network(**more):
    return dl.Network([3, 6, 2], activation="tanh", **more)


def test_stream_learns_and_predicts_as_the_network_does():
    net, other = network(), network()
    stream = net.stream()
    for x, y in zip(X, Y, strict=True):
        assert (stream.predict(x) == other.predict_one(x)).all()
        assert stream.learn(x, y) == other.learn_one(x, y)
    assert (net.theta == other.theta).all()
    assert stream.n_samples == 40


@pytest.mark.parametrize("half_life", [0.1, 1, 7.5, 1000])
def test_loss_is_the_mean_weighted_by_age(half_life):
    stream, losses = network().stream(half_life), []
    for x, y in zip(X, Y, strict=True):
        losses.append(stream.learn(x, y))
        weights = 2.0 ** (-np.arange(len(losses))[::-1] / half_life)
        assert stream.loss == pytest.approx(np.average(losses, weights=weights), rel=1e-12)


def test_losses_count_half_after_one_half_life():
    stream = network().stream(half_life=1)
    old, new = stream.learn(X[0], Y[0]), stream.learn(X[1], Y[1])
    assert stream.loss == pytest.approx((old / 2 + new) / 1.5)


@pytest.mark.parametrize(
    ("half_life", "expected"), [(1e-320, lambda losses: losses[-1]), (1e300, np.mean)]
)
def test_half_lives_at_the_limits(half_life, expected):
    stream = network().stream(half_life)
    losses = [stream.learn(x, y) for x, y in zip(X, Y, strict=True)]
    assert stream.loss == pytest.approx(expected(losses))


def test_loss_before_the_first_sample_is_nan():
    stream = network().stream()
    assert math.isnan(stream.loss)
    assert stream.n_samples == 0


@pytest.mark.parametrize("wrong", [0, -1, -0.0, math.nan, math.inf])
def test_half_life_is_positive_and_finite(wrong):
    with pytest.raises(dl.InvalidInputError, match="half_life must be"):
        network().stream(wrong)


@pytest.mark.parametrize("wrong", ["10", None, [1], True])
def test_half_life_is_a_number(wrong):
    with pytest.raises(dl.InvalidTypeError, match="half_life must be a number"):
        network().stream(half_life=wrong)


@pytest.mark.parametrize("value", [math.nan, math.inf, None])
def test_samples_that_are_not_finite_are_refused_and_change_nothing(backend, value):
    net = network()
    net.use_backend(backend)
    stream, before = net.stream(), net.theta.copy()
    with pytest.raises(dl.InvalidInputError, match="x of sample 0 has a value that is not finite"):
        stream.learn([value, 1, 2], Y[0])
    with pytest.raises(dl.InvalidInputError, match=r"y of sample 0 .* leave this sample out"):
        stream.learn(X[0], [0, value])
    assert (net.theta == before).all()
    assert stream.n_samples == 0


def test_loss_that_is_not_finite_is_an_error(backend):
    net = network()
    net.use_backend(backend)
    stream = net.stream()
    for x, y in zip(X[:3], Y[:3], strict=True):
        stream.learn(x, y)
    loss = stream.loss
    net.W[1][:] = math.inf
    with pytest.raises(
        dl.DivergenceError,
        match=r"the loss of sample 3 is (nan|inf) \(running loss so far \d.*lower the lea",
    ) as caught:
        stream.learn(X[3], Y[3])
    assert caught.value.last_loss == loss == stream.loss
    assert stream.n_samples == 3


def test_divergence_in_the_first_sample_has_no_loss_before():
    net = network()
    net.W[1][:] = math.inf
    with pytest.raises(dl.DivergenceError, match=r"the loss of sample 0 is \w+; lower") as caught:
        net.stream().learn(X[0], Y[0])
    assert caught.value.last_loss is None


def test_learning_rate_that_is_too_high_diverges():
    net = dl.Network([3, 2])
    net.optimizer = dl.SGD(learning_rate=100)
    stream = net.stream()

    def learn():
        for _ in range(100):
            stream.learn(X[0], Y[0])

    with pytest.raises(dl.DivergenceError, match="lower the learning_rate"):
        learn()


def test_wrong_sample_is_not_counted():
    stream = network().stream()
    with pytest.raises(dl.InvalidInputError, match="x must have shape"):
        stream.learn(X[0, :2], Y[0])
    assert stream.n_samples == 0
    assert math.isnan(stream.loss)


@pytest.mark.parametrize("scaled", [False, True])
def test_a_value_beyond_float32_is_refused_with_the_sample_it_belongs_to(scaled):
    net = network()
    if scaled:
        net.scaling = dl.Scaling(np.zeros(3), np.full(3, 1e-10), np.zeros(2), np.full(2, 1e-10))
    stream, before = net.stream(), net.theta.copy()
    large = 1e30 if scaled else 1e39
    with pytest.raises(dl.InvalidInputError, match="x of sample 0 has a value that is not finite"):
        stream.learn([large, 0, 0], Y[0])
    with pytest.raises(dl.InvalidInputError, match=r"y of sample 0 .* or not in float32"):
        stream.learn([0, 0, 0], [large, 0])
    assert (net.theta == before).all()
    assert stream.n_samples == 0
    assert np.isfinite(stream.learn(X[0] * 0, Y[0] * 0))


def test_parameters_that_become_infinite_end_a_stream():
    net = dl.Network(1, [dl.Dense(1, "identity", bias=False)])
    net.optimizer = dl.SGD(learning_rate=3e38)
    with pytest.raises(dl.DivergenceError, match="the loss of sample 0 is nan; lower"):
        net.stream().learn([1.0], [100.0])
