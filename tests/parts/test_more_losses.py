"""Losses beside the usual ones: values worked out by hand, targets and outputs they accept."""

import math
import re

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels

BACKENDS = kernels.available()
E = math.e
LOG_2 = math.log(2)


def passing(n, loss, output="identity", **options):
    """A network whose logits are its inputs."""
    return dl.Network(n, [dl.Dense(n, output, init=np.eye(n))], loss=loss, **options)


# loss, output, z, y, C, dC/dz; sigmoid(-log 3) = 1/4 and exp(log 2) = 2
VALUES = [
    ("mae", "identity", [3, -1, 2], [1, 1, 2], 4, [1, -1, 0]),
    ("quadratic", "identity", [3, -1], [1, 0], 2.5, [2, -1]),
    (dl.Loss("quantile", tau=0.75), "identity", [3, -1, 2], [1, 1, 2], 0.5 + 1.5, [0.25, -0.75, 0]),
    ("log_cosh", "identity", [LOG_2, 0], [0, 0], math.log(5 / 4), [3 / 5, 0]),
    ("log_cosh", "identity", [1e3, -1e3], [0, 0], 2e3 - 2 * LOG_2, [1, -1]),
    ("hinge", "identity", [0.5, 2, -3], [1, 1, 1], 4.5, [-1, 0, -1]),
    ("hinge", "identity", [0.5, -2], [-1, -1], 1.5, [1, 0]),
    ("squared_hinge", "identity", [0.5, 2, -3], [1, 1, 1], 16.25, [-1, 0, -8]),
    ("poisson", "exp", [LOG_2, 0], [3, 0], 3 - 3 * LOG_2, [-1, 1]),
    ("poisson", "softplus", [math.log(E**2 - 1)], [1], 2 - LOG_2, [(1 - E**-2) / 2]),
    ("nll", "log_softmax", [0, 0], [0, 1], LOG_2, [0.5, -0.5]),
    (dl.Loss("binary_focal", gamma=2), "sigmoid", [-math.log(3)], [1],
     (9 / 16) * math.log(4), [-(9 / 16) * (2 * math.log(4) / 4 + 3 / 4)]),
    (dl.Loss("binary_focal", gamma=0), "sigmoid", [-math.log(3)], [0],
     math.log(4 / 3), [1 / 4]),
    (dl.Loss("exponential", tau=2), "identity", [2, 1], [1, 0], 2 * E, [2 * E, 2 * E]),
    ("hellinger", "exp", [math.log(4)], [1], 1 / 2**0.5, [4 * (1 - 0.5) / 2**0.5]),
    ("kullback_leibler", "softmax", [0, 0], [0.25, 0.75],
     math.log(2) - 0.25 * math.log(4) + 0.75 * math.log(3 / 4), [0.25, -0.25]),
    ("generalized_kullback_leibler", "exp", [LOG_2, 0], [1, 0], 1 - LOG_2 + 1, [1, 1]),
    ("generalized_kullback_leibler", "softplus", [math.log(E**2 - 1)], [1],
     1 - LOG_2, [(1 - E**-2) / 2]),
    ("itakura_saito", "exp", [LOG_2], [1], 1 / 2 + LOG_2 - 1, [1 / 2]),
    (dl.Loss("cross_entropy", label_smoothing=0.5), "softmax", [math.log(3), 0], [1, 0],
     0.75 * math.log(4 / 3) + 0.25 * math.log(4), [0, 0]),
]  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("dtype", "near"), [("float32", 3e-6), ("float64", 1e-13)])
@pytest.mark.parametrize(("loss", "output", "z", "y", "C", "delta"), VALUES)
def test_value_and_delta_are_those_of_the_formula(
    loss, output, z, y, C, delta, dtype, near, backend
):
    net = passing(len(z), loss, output, dtype=dtype, backend=backend)
    found = net.gradients([z], [y])
    assert found.loss == pytest.approx(C, rel=near)
    assert found.delta[0][0] == pytest.approx(delta, rel=near, abs=near)
    assert net.loss([z], [y]) == found.loss


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("loss", ["log_cosh", "generalized_kullback_leibler", "itakura_saito"])
def test_small_differences_are_not_lost(loss, backend):
    """They are about e^2 / 2 for outputs 1 + e and targets 1."""
    output = "identity" if loss == "log_cosh" else "exp"
    target = 0 if loss == "log_cosh" else 1
    net = passing(1, loss, output, backend=backend)
    for z in (1e-3, -1e-3):
        e = math.expm1(float(np.float32(z))) if output == "exp" else float(np.float32(z))
        assert net.loss([[z]], [[target]]) == pytest.approx(e * e / 2, rel=2e-3)


@pytest.mark.parametrize("backend", BACKENDS)
def test_label_smoothing_0_is_cross_entropy_itself(backend):
    X, Y = np.random.default_rng(0).normal(size=(9, 4)), np.arange(9) % 4
    smooth = passing(4, dl.Loss("cross_entropy", label_smoothing=0.0), "softmax", backend=backend)
    plain = passing(4, "cross_entropy", "softmax", backend=backend)
    assert smooth.loss(X, Y) == plain.loss(X, Y)
    assert str(smooth._loss) == "cross_entropy"


@pytest.mark.parametrize("backend", BACKENDS)
def test_quantile_learns_the_quantile_and_mae_the_median(backend):
    y = np.random.default_rng(0).exponential(size=1000)
    for loss, share in ((dl.Loss("quantile", tau=0.9), 0.9), ("mae", 0.5)):
        net = dl.Network(1, [dl.Dense(1, "identity")], loss=loss, backend=backend, seed=1)
        net.fit(np.zeros((1000, 1)), y, epochs=400, batch_size=1000, optimizer=dl.SGD(0.1))
        assert np.mean(y < net.b[0]) == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("backend", BACKENDS)
def test_poisson_learns_the_mean_of_counts(backend):
    y = np.random.default_rng(0).poisson(3.0, 500)
    for output in ("exp", "softplus"):
        net = dl.Network(1, [dl.Dense(1, output)], loss="poisson", backend=backend, seed=1)
        net.fit(np.zeros((500, 1)), y, epochs=300, batch_size=500, optimizer=dl.SGD(0.2))
        assert net.predict([[0.0]]).item() == pytest.approx(y.mean(), rel=1e-3)


@pytest.mark.parametrize("backend", BACKENDS)
def test_hinge_separates(backend):
    X = np.random.default_rng(0).normal(size=(200, 2))
    Y = np.where(X[:, 0] + X[:, 1] > 0, 1, -1)
    net = dl.Network([2, 1], loss="hinge", backend=backend, seed=0)
    net.fit(X, Y, epochs=50)
    assert (np.sign(net.predict(X)[:, 0]) == Y).mean() > 0.97


@pytest.mark.parametrize(
    ("loss", "Y", "says"),
    [
        ("hinge", [[0.0], [1]], "Y must be -1 or 1 for hinge, got 0 at sample 0; of classes 0"),
        ("squared_hinge", [[1.0], [0.5]], "must be -1 or 1 for squared_hinge, got 0.5 at sample 1"),
        ("poisson", [[1.0], [-1]], "Y must lie in [0, inf) for poisson, got values from -1 to 1"),
        ("itakura_saito", [[1.0], [0]], "Y must be > 0 for itakura_saito, got 0"),
        ("binary_focal", [[1.0], [2]], "Y must lie in [0, 1] for binary_focal"),
    ],
)
def test_targets_that_a_loss_cannot_take_are_refused(loss, Y, says):
    with pytest.raises(dl.InvalidInputError, match=re.escape(says)):
        dl.Network([1, 1], loss=loss).fit([[0.0], [1]], Y)


@pytest.mark.parametrize("loss", ["poisson", "hellinger", "itakura_saito", "kullback_leibler"])
@pytest.mark.parametrize("output", ["identity", "tanh", "relu", "log_softmax", "hard_sigmoid"])
def test_outputs_that_may_be_0_or_less_are_refused_where_they_must_not(loss, output):
    with pytest.raises(dl.InvalidInputError, match=f"needs outputs > 0, which output='{output}'"):
        dl.Network([2, 2], loss=loss, output=output)


def test_label_smoothing_of_other_outputs_is_refused():
    with pytest.raises(dl.InvalidInputError, match="label_smoothing of cross_entropy goes with"):
        dl.Network([2, 2], loss=dl.Loss("cross_entropy", label_smoothing=0.1), output="sigmoid")


@pytest.mark.parametrize(
    ("name", "parameter", "says"),
    [
        ("quantile", {"tau": 0}, "tau of quantile must be > 0, got 0"),
        ("quantile", {"tau": 1}, "tau of quantile must be < 1, got 1"),
        ("cross_entropy", {"label_smoothing": 1}, "must be < 1, got 1"),
        ("cross_entropy", {"label_smoothing": -0.1}, "must be finite and >= 0, got -0.1"),
        ("binary_focal", {"gamma": -1}, "must be finite and >= 0, got -1"),
        ("exponential", {"tau": 0}, "must be > 0, got 0"),
    ],
)
def test_a_parameter_out_of_its_range_is_refused(name, parameter, says):
    with pytest.raises(dl.InvalidInputError, match=re.escape(says)):
        dl.Loss(name, **parameter)


def test_a_parameter_that_becomes_its_bound_in_float32_is_refused():
    with pytest.raises(dl.InvalidInputError, match="tau of quantile is 1, which is 1 in float32"):
        dl.Network([1, 1], loss=dl.Loss("quantile", tau=1 - 1e-12))


def test_quadratic_is_mse():
    assert dl.Loss("quadratic") == dl.Loss("mse")
    assert dl.Network([1, 1], loss="quadratic").loss_name == "mse"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_log_softmax_of_far_logits_is_finite(dtype, backend):
    net = passing(3, "nll", "log_softmax", dtype=dtype, backend=backend)
    assert net.predict([[1e4, 0, -1e4]])[0].tolist() == [0, -1e4, -2e4]
    assert net.loss([[1e4, 0, -1e4]], [2]) == 2e4
    z = np.random.default_rng(0).normal(size=(20, 3))
    expected = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    near = 20 * float(np.finfo(dtype).eps)
    assert net.predict(z) == pytest.approx(expected, rel=near, abs=near)


@pytest.mark.parametrize("backend", BACKENDS)
def test_nll_with_log_softmax_is_cross_entropy_with_softmax(backend):
    X, Y = np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) % 3
    found = []
    for loss, output in (("nll", "log_softmax"), ("cross_entropy", "softmax")):
        net = dl.Network(
            [4, 8, 3], loss=loss, output=output, dtype="float64", backend=backend, seed=3
        )
        net.fit(X, Y, epochs=5)
        found.append(net.theta.copy())
    assert found[0] == pytest.approx(found[1], rel=1e-10, abs=1e-12)
