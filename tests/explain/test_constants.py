"""The loss of the best constant prediction, against formulas and against a minimisation."""

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.explain.constants import best_constant, constant_loss
from deltaloop.kernels.functions import LOSSES

RNG = np.random.default_rng(3)
N = 41
W = RNG.integers(0, 4, N).astype(float)


def network(loss, n_out, output=None, dtype="float64"):
    if output is None:
        name = loss if isinstance(loss, str) else getattr(loss, "name", None)
        output = LOSSES[name].partner if name in LOSSES else "identity"
    return dl.Network(1, [dl.Dense(n_out, output, init="zeros")], loss=loss, dtype=dtype)


def n_out_of(name):
    return 1 if LOSSES[name].outer else 3


def targets(row, n_out):
    rng = np.random.default_rng(3)  # the same ones, whichever test asks
    if row.targets_sum_to_1:
        return np.eye(n_out)[rng.integers(0, n_out, N)]
    low, high = row.targets
    if np.isfinite([low, high]).all():
        return np.where(rng.random((N, n_out)) < 0.3, low, high).astype(float)
    Y = rng.normal(size=(N, n_out)) * [1, 5, 0.1][:n_out] + [0, 3, -2][:n_out]
    return np.abs(Y) + 0.01 if low == 0 else Y


def best(net, Y, weights=None):
    return best_constant(net, net._data(np.zeros((len(Y), 1)), Y)[1], weights)


@pytest.mark.parametrize("weights", [None, W], ids=["alike", "weighted"])
@pytest.mark.parametrize("name", LOSSES)
def test_no_bias_has_a_lower_loss(name, weights):
    optimize = pytest.importorskip("scipy.optimize")
    n_out, X = n_out_of(name), np.zeros((N, 1))
    net, Y = network(name, n_out), targets(LOSSES[name], n_out)
    if name == "hellinger":  # its partner gives no more than 1
        Y /= Y.max()
    found, outputs = best(net, Y, weights)

    def loss(b):
        net.b[0] = b
        return net.loss(X, Y, sample_weight=weights)

    for start in (np.zeros(n_out), [1.0, 2, -1][:n_out]):
        for _ in range(3):  # a simplex may collapse on the way
            least = optimize.minimize(
                loss, start, method="Nelder-Mead",
                options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 5000, "maxfev": 5000},
            )  # fmt: skip
            start = least.x
        assert found == pytest.approx(least.fun, rel=1e-6, abs=1e-9)
        if name not in ("mae", "hinge", "quantile"):  # where an interval may be the best
            assert outputs == pytest.approx(net.predict(X[:1])[0], rel=1e-3, abs=1e-3)


def test_smoothed_labels_count():
    net = network(dl.Loss("cross_entropy", label_smoothing=0.3), 3, "softmax")
    y = np.array([0, 0, 0, 1])
    loss, outputs = best(net, y)
    expected = 0.7 * np.array([0.75, 0.25, 0]) + 0.1
    assert outputs == pytest.approx(expected, rel=1e-12)
    net.b[0] = np.log(expected)
    assert loss == pytest.approx(net.loss(np.zeros((4, 1)), y), rel=1e-12)


def test_mean_and_half_the_variance_are_those_of_squared_errors():
    Y = targets(LOSSES["mse"], 3)
    loss, outputs = best(network("mse", 3), Y)
    assert outputs == pytest.approx(Y.mean(axis=0), rel=1e-12)
    assert loss == pytest.approx(Y.var(axis=0).sum() / 2, rel=1e-12)


def test_frequencies_and_their_entropy_are_those_of_cross_entropies():
    y = np.array([0, 0, 0, 1])
    loss, outputs = best(network("cross_entropy", 3), y)
    assert outputs.tolist() == [0.75, 0.25, 0]
    assert loss == pytest.approx(-0.75 * np.log(0.75) - 0.25 * np.log(0.25), rel=1e-12)
    loss, outputs = best(network("binary_cross_entropy", 1), y)
    assert outputs.tolist() == [0.25]
    assert loss == pytest.approx(-0.75 * np.log(0.75) - 0.25 * np.log(0.25), rel=1e-12)


def pinball(share):
    pytest.importorskip("numba")
    return dl.custom_loss(
        "pinball",
        lambda a, y: max(share * (y - a), (share - 1) * (y - a)),
        lambda a, y: -share if y > a else 1 - share,
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.1])
@pytest.mark.parametrize("make", [lambda tau: dl.Loss("quantile", tau=tau), pinball])
def test_quantiles_are_those_of_absolute_errors(make, share, dtype):
    Y = RNG.normal(size=(N, 2)) * [1, 100]
    loss, outputs = best(network(make(share), 2, "identity", dtype=dtype), Y)
    expected = np.quantile(Y, share, axis=0, method="inverted_cdf")
    rel = 1e-9 if dtype == "float64" else 1e-5
    assert outputs == pytest.approx(expected, rel=rel)
    d = Y - expected
    expected = np.maximum(share * d, (share - 1) * d).mean(axis=0).sum()
    assert loss == pytest.approx(expected, rel=rel)


def test_median_is_that_of_absolute_errors():
    Y = RNG.exponential(size=(N, 1))
    loss, outputs = best(network("mae", 1), Y)
    assert outputs == pytest.approx(np.median(Y), rel=1e-9)
    assert loss == pytest.approx(np.abs(Y - np.median(Y)).mean(), rel=1e-9)


def test_best_constant_may_lie_beyond_the_targets():
    pytest.importorskip("numba")
    rates = dl.custom_loss(
        "rates", lambda a, y: np.exp(a) - y * a, lambda a, y: np.exp(a) - y, y_range=(0, 3)
    )
    for Y in ([[500.0], [300.0]], [[0.001], [0.002]]):
        loss, outputs = best(network(rates, 1, "identity"), Y)
        mean = np.mean(Y)
        assert outputs == pytest.approx(np.log(mean), rel=1e-6)
        assert loss == pytest.approx(mean - mean * np.log(mean), rel=1e-9)


@pytest.mark.parametrize("factor", [0.125, 8.0])
def test_best_constant_may_lie_above_the_targets_or_below(factor):
    pytest.importorskip("numba")
    scaled = dl.custom_loss(
        "scaled", lambda a, y: 1 + (a - factor * y) ** 2, lambda a, y: 2 * (a - factor * y)
    )
    loss, outputs = best(network(scaled, 1, "identity"), [[9.0], [10.0], [11.0]])
    assert outputs == pytest.approx(factor * 10, rel=1e-6)
    assert loss == pytest.approx(1 + factor**2 * 2 / 3, rel=1e-9)


@pytest.mark.parametrize("loss", ["mse", "huber"])
def test_constant_is_one_that_the_output_can_give(loss):
    Y = np.array([[-2.0], [-3.0], [-1.0]])
    found, outputs = best(network(loss, 1, "relu"), Y)
    assert outputs == pytest.approx([0], abs=1e-300)
    expected = {"mse": 0.5 * np.mean(Y**2), "huber": np.mean(np.abs(Y) - 0.5)}[loss]
    assert found == pytest.approx(expected, rel=1e-9)
    with pytest.warns(dl.DeltaloopWarning, match="targets reach"):  # of fit, to be sure of the case
        network(loss, 1, "relu").fit(np.zeros((3, 1)), Y, epochs=1)


@pytest.mark.parametrize("name", LOSSES)
def test_constant_that_is_quickly_found_is_at_least_the_best(name):
    n_out = n_out_of(name)
    net, Y = network(name, n_out), targets(LOSSES[name], n_out)
    Y = net._data(np.zeros((N, 1)), Y)[1]
    quick, (least, _) = constant_loss(net, Y), best_constant(net, Y)
    assert least - 1e-9 * abs(least) <= quick <= least + 2 * abs(least)


def test_many_samples_are_counted_once_each():
    Y = RNG.normal(size=(3000, 1))  # more than are computed at a time
    d = np.abs(Y)
    loss = constant_loss(network("huber", 1), Y - Y.mean())
    d = np.abs(Y - Y.mean())
    assert loss == pytest.approx(np.where(d > 1, d - 0.5, d**2 / 2).mean(), rel=1e-9)


def test_outputs_that_depend_on_each_other_are_left_alone():
    net = network("huber", 3, "softmax")
    assert best_constant(net, np.eye(3)) is None
    assert constant_loss(net, np.eye(3)) is None
    assert best_constant(network("exponential", 2), np.eye(2)) is None


def test_large_targets_have_no_second_copy():
    import tracemalloc

    Y = RNG.normal(size=(40_000, 100)).astype(np.float32)
    net = dl.Network([1, 100])
    tracemalloc.start()
    found = constant_loss(net, Y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == pytest.approx(Y.var(axis=0, dtype=np.float64).sum() / 2, rel=1e-12)
    assert peak < Y.nbytes / 2
