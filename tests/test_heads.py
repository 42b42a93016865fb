"""Outputs of several kinds on one trunk."""

import copy
import pickle

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels

BACKENDS = kernels.available()
HEADS = {
    "kind": dl.Head(3, loss="cross_entropy"),
    "size": dl.Head(1, weight=0.5),
    "yes": dl.Head(2, loss="binary_cross_entropy", weight=2.0),
    "far": dl.Head(2, "softplus", loss=dl.Loss("huber", threshold=0.3)),
    "spread": dl.Head(2, loss="gaussian_nll", weight=0.7),
}


def network(heads=HEADS, dtype="float64", hidden=9, **more):
    layers = [dl.Dense(hidden, "tanh"), dl.Dense(heads=heads)]
    return dl.Network(4, layers, dtype=dtype, seed=2, **more)


def data(n=30):
    generator = np.random.default_rng(0)
    X = generator.normal(size=(n, 4))
    Y = {
        "kind": generator.integers(0, 3, n),
        "size": X[:, 0] ** 2,
        "yes": (X[:, 1:3] > 0).astype(float),
        "far": abs(X[:, :2]),
        "spread": X[:, 2:] + 0.3 * generator.normal(size=(n, 2)),
    }
    return X, Y


def loss_by_hand(net, X, Y):
    """From what single networks with the same trunk give for each head."""
    total = 0.0
    for name, _ in net.layers[-1].heads:
        head = HEADS[name]
        out = net.part(net.predict(X))[name]
        if name == "spread":
            squares = (out.mean - Y[name]) ** 2 / out.variance
            total += head.weight * (0.5 * (np.log(out.variance) + squares)).sum(axis=1).mean()
            continue
        # a network of one layer whose weights are those of the head and whose inputs the hidden a
        first = sum(one.n_units for _, one in net.layers[-1].heads[: list(HEADS).index(name)])
        rows = slice(first, first + head.n_units)
        plain = dl.Network(9, [dl.Dense(head.n_out, head.activation)], loss=head.loss,
                           dtype="float64")  # fmt: skip
        plain.W[0], plain.b[0] = net.W[1][rows], net.b[1][rows]
        hidden = np.tanh(X @ net.W[0].T + net.b[0])
        np.testing.assert_allclose(out, plain.predict(hidden), rtol=1e-12)
        total += head.weight * plain.loss(hidden, Y[name])
    return total


@pytest.mark.parametrize("backend", BACKENDS)
def test_outputs_and_loss_are_those_of_the_heads_alone(backend):
    net, (X, Y) = network(backend=backend), data()
    assert net.sizes == (4, 9, 12) and net.plan.n_targets == 10
    assert net.loss(X, Y) == pytest.approx(loss_by_hand(net, X, Y), rel=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_are_differences(backend, weighted):
    net, (X, Y) = network(backend=backend), data()
    weights = np.random.default_rng(1).random(len(X)) if weighted else None
    theta, found = net.parameters.copy(), net.gradient(X, Y, sample_weight=weights)
    packed = net.plan.packed(found)
    for k in range(0, net.n_parameters, 3):
        ends = []
        for h in (1e-6, -1e-6):
            moved = theta.copy()
            moved[k] += h
            net.parameters = moved
            ends.append(net.loss(X, Y, sample_weight=weights))
        net.parameters = theta
        assert packed[k] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("backend", BACKENDS)
def test_backward_and_jacobian_go_through_the_heads(backend):
    net, (X, _) = network(backend=backend), data(6)
    slopes = np.random.default_rng(3).normal(size=(6, 12))
    grad, dC_dx = net.backward(X, slopes), net.input_gradient(X, slopes)
    summed = np.einsum("to,top->p", slopes, net.jacobian(X))
    np.testing.assert_allclose(
        net.plan.packed(grad), net.plan.packed(summed), rtol=1e-9, atol=1e-12
    )
    for i in range(4):
        moved = [X + h * np.eye(4)[i] for h in (1e-6, -1e-6)]
        difference = (net.predict(moved[0]) - net.predict(moved[1])) / 2e-6
        np.testing.assert_allclose(
            dC_dx[:, i], (slopes * difference).sum(axis=1), rtol=1e-5, atol=1e-7
        )


@pytest.mark.parametrize("optimizer", [dl.SGD(0.05), dl.Adam(0.01), dl.Adagrad(0.05, l2=0.01)])
@pytest.mark.parametrize("batch_size", [1, 7, 30])
def test_backends_learn_the_same(optimizer, batch_size):
    found = []
    for backend in BACKENDS:
        net = network(backend=backend)
        net.fit(*data(), epochs=3, batch_size=batch_size, optimizer=optimizer)
        found.append(net.theta.copy())
    for theta in found[1:]:
        np.testing.assert_allclose(theta, found[0], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("heads", [{"a": HEADS["spread"]}, {"a": dl.Head(8)}, HEADS])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tiny_nets_and_small_ones_learn_by_the_same_rule(heads, dtype):
    """Widths to which the fast path of tiny networks would apply."""
    X = np.random.default_rng(0).normal(size=(20, 4))
    Y = np.random.default_rng(1).random((20, sum(head.n_out for head in heads.values())))
    Y[:, :3] /= Y[:, :3].sum(axis=1, keepdims=True)
    found = []
    for backend in ("reference", "cython"):
        net = network(heads, dtype, hidden=5, backend=backend)
        for _ in range(2):
            net.fit(X, Y, epochs=1, batch_size=1, shuffle=False, optimizer=dl.SGD(0.02))
        net.learn_one(X[0], Y[0])
        net.learn_batch(X[:9], Y[:9])
        found.append((net.theta.copy(), net.loss(X, Y)))
    rtol, atol = (1e-4, 1e-5) if dtype == "float32" else (1e-9, 1e-11)
    np.testing.assert_allclose(found[1][0], found[0][0], rtol=rtol, atol=atol)
    assert found[1][1] == pytest.approx(found[0][1], rel=rtol)


def test_threads_change_no_bit():
    generator = np.random.default_rng(0)
    X, found = generator.normal(size=(300, 4)), []
    Y = np.c_[np.eye(3)[generator.integers(0, 3, 300)], generator.random((300, 7))]
    for n_threads in (1, 2, 3):
        net = network()
        net.fit(X, Y, epochs=2, batch_size=150, n_threads=n_threads, optimizer=dl.Adam(0.01))
        found.append(net.theta.copy())
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])


@pytest.mark.parametrize("backend", BACKENDS)
def test_samples_without_weight_leave_no_trace(backend):
    X, Y = data(10)
    weights = np.r_[np.ones(6), np.zeros(4)]
    nets = network(backend=backend), network(backend=backend)
    nets[0].fit(X, Y, epochs=3, batch_size=10, sample_weight=weights, shuffle=False)
    few = {name: values[:6] for name, values in Y.items()}
    nets[1].fit(X[:6], few, epochs=3, batch_size=6, shuffle=False)
    np.testing.assert_allclose(nets[0].theta, nets[1].theta, rtol=1e-9, atol=1e-12)


def test_mean_and_variance_are_learned():
    generator = np.random.default_rng(0)
    X = generator.uniform(-1, 1, (2000, 1))
    Y = np.sin(3 * X[:, 0]) + (0.1 + 0.4 * (X[:, 0] > 0)) * generator.normal(size=2000)
    net = dl.Network([1, 16, 1], activation="tanh", loss="gaussian_nll", seed=0)
    net.fit(X, Y, epochs=60, batch_size=20, optimizer=dl.Adam(0.01))
    at = np.array([[-0.6], [-0.3], [0.3], [0.6]])
    mean, variance = net.part(net.predict(at))["y"]
    np.testing.assert_allclose(mean[:, 0], np.sin(3 * at[:, 0]), atol=0.15)
    np.testing.assert_allclose(np.sqrt(variance[:, 0]), [0.1, 0.1, 0.5, 0.5], rtol=0.35)


def test_one_number_by_hand():
    net = dl.Network(1, [dl.Dense(heads={"y": dl.Head(1, loss="gaussian_nll")},
                                  init=([[2.0], [0.5]], [0.0, 0.1]))], dtype="float64")  # fmt: skip
    mean, variance = net.part(net.predict_one([3.0]))["y"]
    assert (mean.item(), variance.item()) == pytest.approx((6.0, np.exp(1.6)))
    expected = 0.5 * (1.6 + (5 - 6) ** 2 / np.exp(1.6))
    assert net.loss([[3.0]], [[5.0]]) == pytest.approx(expected, rel=1e-14)


def test_targets_of_a_dict_and_of_one_array_are_the_same():
    net, (X, Y) = network(), data()
    side_by_side = np.c_[np.eye(3)[Y["kind"]], Y["size"], Y["yes"], Y["far"], Y["spread"]]
    assert net.loss(X, Y) == net.loss(X, side_by_side)
    history = net.fit(X, Y, epochs=2, validation_data=(X, Y), patience=5)
    assert len(history.validation_loss) == 2
    split = network().fit(X, Y, epochs=2, validation_split=0.2)
    assert len(split.validation_loss) == 2


def test_files_and_copies_keep_them(tmp_path):
    net, (X, _) = network(), data()
    net.save(tmp_path / "net.npz")
    for other in (
        dl.load(tmp_path / "net.npz"), copy.deepcopy(net), pickle.loads(pickle.dumps(net))
    ):  # fmt: skip
        assert other.layers[-1].heads == net.layers[-1].heads
        assert str(other._loss) == str(net._loss) and "0.5 mse(size)" in str(net._loss)
        np.testing.assert_array_equal(other.predict(X), net.predict(X))


def test_what_makes_no_sense_is_refused(tmp_path):
    net, (X, Y) = network(), data()
    for wrong, told in (
        (Y["yes"], "dict"),
        ({**Y, "kind": Y["yes"]}, r"Y\['kind'\]"),
        ({**Y, "more": Y["yes"]}, "names of the heads"),
        ({**Y, "yes": 2 * Y["yes"]}, r"Y\['yes'\] must lie"),
        ({**Y, "size": [np.nan] * 30}, "finite"),
        (
            {**Y, "size": [1.0]},
            r"^Y\['size'\] must have one entry per sample \(30\), got shape \(1,\)$",
        ),
    ):
        before = net.theta.copy()
        with pytest.raises(dl.DeltaloopError, match=told):
            net.fit(X, wrong, epochs=1)
        np.testing.assert_array_equal(net.theta, before)
    head = dl.Head(2)
    for make, told in (
        (lambda: dl.Dense(heads=[head]), "dict of names"),
        (lambda: dl.Dense(heads={}), "at least one"),
        (lambda: dl.Dense(heads={"a": "mse"}), "must be a Head"),
        (lambda: dl.Dense(3, heads={"a": head}), "leave n_out out"),
        (lambda: dl.Dense(activation="relu", heads={"a": head}), "leave it out"),
        (lambda: dl.Head(2, weight=-1.0), "weight"),
        (lambda: dl.Head(2, loss="mes"), "mse"),
        (lambda: dl.Head(2, "tanh", loss="gaussian_nll"), "leave activation out"),
        (lambda: dl.Head(1, "identity", loss="poisson") and network(
            {"a": dl.Head(1, "identity", loss="poisson")}), "outputs > 0"),
        (lambda: dl.Network(2, [dl.Dense(heads={"a": head}), dl.Dense(1)]), "only the last"),
        (lambda: dl.Network(2, [dl.Dense(heads={"a": head})], loss="mae"), "leave loss out"),
        (lambda: dl.Network(2, [dl.Dense(1)], loss="gaussian_nll"), "list of sizes"),
        (lambda: dl.Network([2, 1], output="tanh", loss="gaussian_nll"), "list of sizes"),
        (lambda: net.to_c(tmp_path / "net.h"), "heads"),
        (lambda: dl.Network([2, 1]).part([[1.0]]), "no heads"),
        (lambda: net.part(np.ones((3, 5))), "12 columns"),
        (lambda: net.fit(X, Y, optimizer=dl.LevenbergMarquardt()), "sum of squares"),
    ):  # fmt: skip
        with pytest.raises(dl.DeltaloopError, match=told):
            make()


def test_whole_batch_optimisers_and_diagnosis_take_them():
    net, (X, Y) = network(), data()
    before = net.loss(X, Y)
    net.fit(X, Y, epochs=20, optimizer=dl.SCG())
    assert net.loss(X, Y) < before
    assert str(net.diagnose(X, Y))
    assert "heads" not in repr(net).splitlines()[0] and "mse(size)" in repr(net)


def test_single_steps_take_the_row_of_all_targets():
    X, _ = data(9)
    Y = np.random.default_rng(5).random((9, 2))
    scaling = dl.Scaling.standardize(X)
    for make in (
        lambda: network({"y": dl.Head(2, loss="gaussian_nll")}),
        lambda: network({"a": dl.Head(1), "b": dl.Head(1, loss="mae")}),
    ):
        nets = make(), make()
        nets[0].scaling = scaling
        scaled = scaling.inputs(X)
        for net, rows in zip(nets, (X, scaled), strict=True):
            net.learn_one(rows[0], Y[0])
            net.learn_batch(rows, Y)
            stream = net.stream()
            stream.learn(rows[1], Y[1])
        np.testing.assert_allclose(nets[0].theta, nets[1].theta, rtol=1e-9, atol=1e-12)
        with pytest.raises(dl.DeltaloopError, match="y"):
            nets[0].learn_one(X[0], Y[0, :1])


def test_handles_take_heads_but_no_variances():
    net = network({"a": dl.Head(1), "b": dl.Head(1, loss="mae")})
    assert net.session().address
    with pytest.raises(dl.InvalidInputError, match="variances have none"):
        network({"y": dl.Head(2, loss="gaussian_nll")}).session()


def test_batches_may_bring_dicts():
    X, Y = data()
    parts = [slice(0, 10), slice(10, 20), slice(20, 30)]
    batches = [(X[p], {name: values[p] for name, values in Y.items()}) for p in parts]
    nets = network(), network()
    nets[0].fit(batches, epochs=2)
    nets[1].fit(X, Y, epochs=2, batch_size=10, shuffle=False)
    np.testing.assert_allclose(nets[0].theta, nets[1].theta, rtol=1e-12)


def test_what_belongs_to_one_kind_of_outputs_is_refused():
    net, (X, Y) = network(), data()
    for options, told in (
        ({"class_weight": "balanced"}, "class_weight"),
        ({"metrics": ["accuracy"]}, "leave metrics out"),
    ):
        before = net.theta.copy()
        with pytest.raises(dl.DeltaloopError, match=told):
            net.fit(X, Y, epochs=1, **options)
        np.testing.assert_array_equal(net.theta, before)
    with pytest.raises(dl.DeltaloopError, match="heads"):
        net.scaling = dl.Scaling.standardize(X, np.ones((30, 12)) * np.arange(30)[:, None])
