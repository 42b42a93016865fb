"""What net.diagnose finds: planted faults, norms, and nothing in healthy networks."""

import copy

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.explain.diagnose import diagnose

RNG = np.random.default_rng(4)
X = RNG.normal(size=(2500, 3))  # more than are looked at in one go
Y = np.sin(X[:, :1]) + X[:, 1:2]


def network(activation="tanh", hidden=(6, 5), loss="mse", seed=1, **more):
    return dl.Network([3, *hidden, 1], activation=activation, loss=loss, seed=seed, **more)


def kinds(found):
    return [each.kind for each in found.findings]


def text(found, kind):
    return next(each.text for each in found.findings if each.kind == kind)


@pytest.mark.parametrize("backend", ["reference", "cython", "numba"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_loss_and_norms_are_those_of_the_gradient(backend, dtype):
    if backend == "numba":
        pytest.importorskip("numba")
    net = network(dtype=dtype, backend=backend)
    found, gradients = net.diagnose(X, Y), net.gradients(X, Y)
    assert found.n_samples == len(X)
    assert found.loss == pytest.approx(net.loss(X, Y), rel=1e-5)
    assert found.constant_loss == pytest.approx(Y.var() / 2, rel=1e-5)
    for layer, W, b, dW, db, delta in zip(
        found.layers, net.W, net.b, gradients.dW, gradients.db, gradients.delta, strict=True
    ):
        assert layer.gradient == pytest.approx(np.hypot(*map(np.linalg.norm, (dW, db))), rel=1e-4)
        assert layer.parameters == pytest.approx(np.hypot(*map(np.linalg.norm, (W, b))), rel=1e-5)
        assert layer.delta == pytest.approx(np.sqrt(np.mean(delta**2)), rel=1e-4)
    assert found.outputs[0] == pytest.approx(net.predict(X).min(axis=0))
    assert found.outputs[1] == pytest.approx(net.predict(X).max(axis=0))


def test_weights_count_in_the_losses():
    net, w = network(), RNG.integers(0, 4, len(X))
    found = net.diagnose(X, Y, sample_weight=w)
    assert found.loss == pytest.approx(net.loss(X, Y, sample_weight=w), rel=1e-6)
    repeated = net.diagnose(np.repeat(X, w, axis=0), np.repeat(Y, w, axis=0))
    assert found.constant_loss == pytest.approx(repeated.constant_loss, rel=1e-5)


def test_nothing_is_changed():
    net = network()
    before, generator = net.theta.tobytes(), copy.deepcopy(net.generator)
    net.diagnose(X, Y)
    assert net.theta.tobytes() == before
    assert net.generator.random() == generator.random()


def test_sparse_samples_give_the_same():
    sparse = pytest.importorskip("scipy.sparse")
    thin = np.where(RNG.random(X.shape) < 0.7, 0, X)
    net = network("relu")
    one, other = net.diagnose(sparse.csr_array(thin), Y), net.diagnose(thin, Y)
    assert repr(one) == repr(other)
    for name in ("mean", "deviation", "largest"):
        assert getattr(one.inputs, name) == pytest.approx(getattr(other.inputs, name), abs=1e-6)


# units


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "elu", "silu", "softplus"])
def test_units_that_are_switched_off_are_named(activation):
    net = network(activation, dtype="float64")
    net.b[0][[1, 4]] = -100
    found = net.diagnose(X, Y)
    layer = found.layers[0]
    dead = layer.dead.tolist() if activation == "relu" else layer.saturated.tolist()
    assert dead == [1, 4]
    assert not set(layer.dead) & set(layer.saturated)
    assert len(found.layers[1].dead) == len(found.layers[1].saturated) == 0
    kind = "dead" if activation == "relu" else "saturated"
    assert f"2 of 6 units of layer 1 {'give 0' if kind == 'dead' else 'are sat'}" in text(
        found, kind
    )


@pytest.mark.parametrize("activation", ["identity", "leaky_relu"])
def test_units_with_a_slope_everywhere_never_stop_learning(activation):
    net = network(activation)
    net.b[0][:] = -100
    layer = net.diagnose(X, Y).layers[0]
    assert len(layer.dead) == len(layer.saturated) == 0


@pytest.mark.parametrize(("n_flat", "expected"), [(95, []), (96, [0])])
def test_saturated_means_for_more_than_95_percent_of_the_samples(n_flat, expected):
    # slope of tanh: 1 - a^2 = 0.00098 at z = 4.15 and 0.0012 at z = 4.05, the largest is 1
    net = dl.Network(1, [dl.Dense(1, "tanh", init=([[1.0]], [0.0])), dl.Dense(1, "identity")])
    rows = np.where(np.arange(100) < n_flat, 4.15, 4.05)[:, None]
    layer = net.diagnose(rows, np.arange(100.0)).layers[0]
    assert layer.saturated.tolist() == expected


@pytest.mark.parametrize(("slope", "expected"), [(0.99999e-3, [0]), (1.00001e-3, [])])
def test_saturated_means_a_slope_below_a_thousandth_of_that_at_0(slope, expected):
    z = np.arctanh(np.sqrt(1 - slope))  # tanh'(z) = 1 - tanh(z)^2, and 1 at z = 0
    layers = [dl.Dense(1, "tanh", init=([[1.0]], [0.0])), dl.Dense(1, "identity")]
    found = dl.Network(1, layers, dtype="float64").diagnose(np.full((20, 1), z), np.arange(20.0))
    assert found.layers[0].saturated.tolist() == expected


def test_one_sample_that_switches_a_unit_on_keeps_it_alive():
    net = dl.Network(1, [dl.Dense(1, "relu", init=([[1.0]], [0.0])), dl.Dense(1, "identity")])
    rows = np.full((2000, 1), -1.0)
    assert net.diagnose(rows, np.arange(2000.0)).layers[0].dead.tolist() == [0]
    rows[1500] = 0.1
    assert net.diagnose(rows, np.arange(2000.0)).layers[0].dead.tolist() == []


def test_outputs_at_the_end_of_their_range_are_not_saturated():
    net = dl.Network(1, [dl.Dense(1, "sigmoid", init=([[50.0]], [0.0]))])
    found = net.diagnose([[-1.0], [1.0]] * 10, [0, 1] * 10)
    assert len(found.layers[0].saturated) == 0
    assert kinds(found) == []


def test_activation_of_your_own_is_judged_by_its_slope():
    pytest.importorskip("numba")
    step = dl.custom_activation(
        "clipped", lambda z: min(max(z, -1.0), 1.0), lambda z, a: 1.0 if -1 < z < 1 else 0.0
    )
    net = network(step)
    net.b[0][:] = [0, 30, 0, -30, 0, 0]
    assert net.diagnose(X, Y).layers[0].saturated.tolist() == [1, 3]


# data


def columns(*numbers):
    rows = X[:200].copy()
    for column, (mean, deviation) in enumerate(numbers):
        rows[:, column] = mean + deviation * rows[:, column]
    return rows


@pytest.mark.parametrize(
    ("mean", "deviation"), [(2000, 10), (0, 100), (0, 1e-4), (3, 0.01), (-50, 0), (7, 7)]
)
def test_inputs_far_from_standard_are_named(mean, deviation):
    rows = columns((0, 1), (mean, deviation), (0.3, 0.5))
    found = network().diagnose(rows, Y[:200])
    assert found.inputs.off.tolist() == [1]
    assert found.inputs.mean == pytest.approx(rows.mean(axis=0), rel=1e-4, abs=1e-7)
    assert found.inputs.deviation == pytest.approx(rows.std(axis=0), rel=1e-3, abs=1e-7)
    assert kinds(found)[0] == "inputs"
    told = text(found, "inputs")
    assert "1 of 3 inputs is far from mean 0 and deviation 1 (number 1 has mean" in told
    assert "net.scaling = deltaloop.Scaling.standardize(X)" in told


def test_one_of_two_inputs_has_a_number_and_a_single_one_has_none():
    for n, which in ((2, "(number 1 has mean"), (1, "(it has mean")):
        rows = columns((0, 1), (2000, 10))[:, 2 - n : 2]
        found = dl.Network([n, 3, Y.shape[1]], seed=0).diagnose(rows, Y[:200])
        assert which in text(found, "inputs")


@pytest.mark.parametrize(("mean", "deviation"), [(0, 1), (1, 2), (-2, 0.5), (0.5, 0.05), (1, 0)])
def test_inputs_near_standard_are_not(mean, deviation):
    found = network().diagnose(columns((0, 1), (mean, deviation), (0.3, 0.5)), Y[:200])
    assert "inputs" not in kinds(found)


def test_rare_features_are_no_small_ones():
    rows = columns((0, 1), (0, 1), (0, 1))
    rows[:, 1] = np.arange(200) == 3
    assert "inputs" not in kinds(network().diagnose(rows, Y[:200]))


def test_advice_cures_the_inputs_and_targets():
    rows, values = columns((2000, 10), (0, 1e4), (0, 1)), 1e5 + 1e4 * Y[:200]
    net = network()
    found = net.diagnose(rows, values)
    assert "Scaling.standardize(X, Y)" in text(found, "targets")
    assert "step" in kinds(found)
    net.scaling = dl.Scaling.standardize(rows, values)
    assert {"inputs", "targets", "step"}.isdisjoint(kinds(net.diagnose(rows, values)))
    other = net.diagnose(rows + 1e6, values)
    assert "net.scaling was taken from other data" in text(other, "inputs")


def test_classes_have_no_scale():
    net = dl.Network([3, 20], loss="cross_entropy")
    assert "targets" not in kinds(net.diagnose(X, RNG.integers(0, 20, len(X))))


def test_targets_beyond_the_output_are_counted():
    net = dl.Network([3, 4, 1], output="tanh")
    found = net.diagnose(X[:4], [0.5, 2, -1, -3])
    assert found.unreachable == 0.5
    assert "50 % of the targets lie outside of -1 to 1, which is all that output='tanh'" in text(
        found, "unreachable"
    )
    assert net.diagnose(X[:2], [1, -1]).unreachable == 0


# gradients and outputs


def test_gradient_that_vanishes_or_explodes_is_told():
    deep = dl.Network([3, *[4] * 6, 1], activation="sigmoid", init=("normal", 0.3), seed=0)
    found = deep.diagnose(X, Y)
    assert "vanishing" in kinds(found)
    assert found.layers[0].delta < 1e-3 * found.layers[-1].delta
    large = dl.Network([3, *[40] * 4, 1], activation="leaky_relu", init=("normal", 5.0), seed=0)
    assert "exploding" in kinds(large.diagnose(X, Y))
    assert {"vanishing", "exploding"}.isdisjoint(kinds(network().diagnose(X, Y)))


def test_step_that_is_longer_than_the_parameters_is_told():
    net = network()
    net.optimizer = dl.SGD(100.0)
    found = net.diagnose(X, Y)
    times = 100 * found.layers[0].gradient / found.layers[0].parameters
    assert f"moves layer 1 by {times:.2g} times its own length" in text(found, "step")
    net.optimizer = dl.Adam(100.0)
    assert "step" not in kinds(net.diagnose(X, Y))


def test_outputs_that_never_change_are_told():
    net = network()
    net.W[2][:] = 0
    net.b[2][:] = Y.mean()
    found = net.diagnose(X, Y)
    assert f"the output is the same for every sample, {Y.mean():.4g}" in text(
        found, "constant_outputs"
    )
    assert found.loss == pytest.approx(found.constant_loss, rel=1e-5)
    assert "no better than that of a constant prediction" in text(found, "loss")


def test_some_outputs_of_many():
    net = dl.Network([3, 4, 3])
    net.W[1][1] = 0
    told = text(net.diagnose(X, np.hstack([Y, Y, Y])), "constant_outputs")
    assert told.startswith("1 of 3 outputs is the same for every sample, number 1 always 0")


def test_parameters_that_are_not_finite_are_told():
    net = network()
    net.W[1][0, 0] = np.nan
    assert kinds(net.diagnose(X, Y)) == ["not_finite"]


def test_unknown_best_constant_is_none():
    with pytest.warns(dl.DeltaloopWarning):
        net = dl.Network([3, 4, 3], loss="binary_cross_entropy", output="relu")
    del net
    net = dl.Network([3, 4, 3], loss="huber", output="softmax")
    found = net.diagnose(X, np.eye(3)[RNG.integers(0, 3, len(X))])
    assert found.constant_loss is None
    assert "constant" not in repr(found).partition("\n")[0]


# healthy networks


@pytest.mark.parametrize("name", ["digits", "iris", "sine", "two_spirals"])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "elu"])
def test_healthy_network_has_no_findings(name, activation):
    data, y = dl.datasets.load(name)
    classes = y.dtype.kind == "i"
    n_out = int(y.max()) + 1 if classes else y.shape[1] if y.ndim == 2 else 1
    net = dl.Network(
        [data.shape[1], 20, n_out], activation=activation, init="glorot_normal",
        loss="cross_entropy" if classes else "mse",
    )  # fmt: skip
    net.scaling = dl.Scaling.standardize(data)
    net.fit(data, y, epochs=60, optimizer=dl.Adam(0.02))
    assert net.diagnose(data, y).findings == ()


def test_table_reads_well():
    net = dl.Network([3, 4, 1], activation="relu")
    net.b[0][:] = -100
    lines = repr(net.diagnose(X, Y)).splitlines()
    assert lines[0].startswith("Diagnosis: 2500 samples, loss ")
    assert "of the best constant prediction" in lines[0]
    assert lines[1].split() == [
        "layer", "units", "activation", "dead", "saturated", "|gradient|", "|parameters|", "dC/dz",
    ]  # fmt: skip
    assert lines[2].split()[:5] == ["1", "4", "relu", "4", "0"]
    assert lines[4].startswith("- 4 of 4 units of layer 1 give 0")
    assert repr(dl.Network([3, 1]).diagnose(X[:1], Y[:1])).startswith("Diagnosis: 1 sample, loss")


def test_data_that_does_not_fit_is_refused():
    with pytest.raises(dl.InvalidInputError, match="X must have 3 values per sample"):
        network().diagnose([[1.0]], [1.0])
    with pytest.raises(dl.InvalidInputError, match="sample_weight must be >= 0"):
        network().diagnose(X, Y, sample_weight=-np.ones(len(X)))


def test_it_reads_in_turn_with_who_trains():
    net, calls = network(), []
    read = net._turns.read
    net._turns.read = lambda f, *values: calls.append(f) or read(f, *values)
    net.diagnose(X, Y)
    assert calls == [diagnose]
