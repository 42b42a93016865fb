"""The Network object: what it shows, what it computes, how it is copied."""

import copy
import pickle
import warnings

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels

BACKENDS = kernels.available()
rng = np.random.default_rng(7)


def trained(backend="auto", dtype="float32", seed=3):
    net = dl.Network([5, 9, 4, 2], activation="tanh", dtype=dtype, seed=seed, backend=backend)
    data = np.random.default_rng(1).normal(size=(23, 7))
    net.fit(data[:, :5], data[:, 5:], epochs=3, batch_size=4)
    return net


def bits(net):
    return net.theta.tobytes()


# what it shows


def test_repr_is_a_table_of_layers_and_parameters():
    layers = [dl.Dense(2), dl.Dense(2), dl.Dense(1, "identity", bias=False)]
    assert repr(dl.Network(4, layers, backend="reference")) == (
        "Network: loss mse, float32, backend reference\n"
        "  layer  units  activation  parameters\n"
        "  input      4\n"
        "      1      2  sigmoid             10\n"
        "      2      2  sigmoid              6\n"
        "      3      1  identity    2  no bias\n"
        "  total                             18"
    )


def test_columns_of_the_repr_line_up_for_long_names():
    alpha = dl.Activation("leaky_relu", 0.125)
    net = dl.Network(3, [dl.Dense(100000, alpha), dl.Dense(1, "softplus")])
    *_, first, second, total = repr(net).splitlines()
    assert len(first) == len(second) == len(total)


def test_number_of_parameters_counts_weights_and_biases_without_padding():
    assert dl.Network([784, 30, 10]).n_parameters == 784 * 30 + 30 + 30 * 10 + 10
    assert dl.Network(3, [dl.Dense(5, bias=False)]).n_parameters == 15


@pytest.mark.parametrize("backend", BACKENDS)
def test_padding_stays_zero_in_training(backend):
    net = dl.Network([5, 6, 3], seed=1, backend=backend)
    data = rng.normal(size=(20, 8))
    for momentum in (0.0, 0.9):
        net.fit(data[:, :5], data[:, 5:], epochs=2, optimizer=dl.SGD(0.1, momentum))
    assert np.count_nonzero(net.theta) == net.n_parameters


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_stands_in_the_padding_of_theta_does_not_matter(backend):
    net = dl.Network([5, 6, 3], output="softmax", loss="cross_entropy", backend=backend)
    other = copy.deepcopy(net)
    other.theta[:] = 7.0
    for index in range(2):
        other.W[index], other.b[index] = net.W[index], net.b[index]
    X, y = rng.normal(size=(9, 5)), rng.integers(0, 3, 9)
    assert net.predict(X).tobytes() == other.predict(X).tobytes()
    assert net.loss(X, y) == other.loss(X, y)
    for a in (net, other):
        a.fit(X, y, epochs=2, batch_size=4)
    assert [W.tobytes() for W in net.W] == [W.tobytes() for W in other.W]


# what it computes


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_linear_network_gives_the_closed_forms(backend, dtype):
    net = dl.Network([4, 3], dtype=dtype, backend=backend, init="normal")
    net.b[0] = [0.5, -1, 2]
    X, Y = rng.normal(size=(300, 4)).astype(dtype), rng.normal(size=(300, 3)).astype(dtype)
    out = X @ net.W[0].T + net.b[0]
    near = 1e-5 if dtype == "float32" else 1e-13
    assert net.predict(X) == pytest.approx(out, rel=near, abs=near)
    assert net.loss(X, Y) == pytest.approx(((out - Y) ** 2).sum() / 600, rel=near)
    loss, dW, db, delta = net.gradients(X, Y)
    assert loss == pytest.approx(net.loss(X, Y), rel=near)
    assert delta[0] == pytest.approx(out - Y, rel=near, abs=near)
    assert dW[0] == pytest.approx((out - Y).T @ X / 300, rel=near, abs=near)
    assert db[0] == pytest.approx((out - Y).mean(axis=0), rel=near, abs=near)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_have_the_shapes_of_the_parameters_and_samples(backend):
    net = dl.Network(4, [dl.Dense(7), dl.Dense(2, bias=False)], backend=backend)
    loss, dW, db, delta = net.gradients(rng.normal(size=(11, 4)), rng.normal(size=(11, 2)))
    assert isinstance(loss, float)
    assert [a.shape for a in dW] == [(7, 4), (2, 7)]
    assert db[0].shape == (7,)
    assert db[1] is None
    assert [a.shape for a in delta] == [(11, 7), (11, 2)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradient_is_the_mean_of_delta_times_activation(backend):
    net = dl.Network([4, 6, 2], activation="tanh", dtype="float64", backend=backend)
    X, Y = rng.normal(size=(11, 4)), rng.normal(size=(11, 2))
    hidden = np.tanh(X @ net.W[0].T + net.b[0])
    _, dW, db, delta = net.gradients(X, Y)
    assert dW[0] == pytest.approx(delta[0].T @ X / 11, rel=1e-12)
    assert dW[1] == pytest.approx(delta[1].T @ hidden / 11, rel=1e-12)
    assert db[0] == pytest.approx(delta[0].mean(axis=0), rel=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_belong_to_the_caller_and_change_nothing(backend):
    net = trained(backend)
    X, Y = rng.normal(size=(5, 5)), rng.normal(size=(5, 2))
    before = bits(net)
    first = net.gradients(X, Y)
    kept = [a.copy() for a in (*first.dW, *first.db, *first.delta)]
    net.gradients(-X, Y)
    net.predict(X)
    net.loss(X, Y)
    assert bits(net) == before
    pairs = zip(kept, (*first.dW, *first.db, *first.delta), strict=True)
    assert all((a == b).all() for a, b in pairs)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n_samples", [1, 2, 127, 128, 129, 300])
def test_blocks_of_samples_agree_with_single_samples(n_samples, backend):
    net = dl.Network([3, 9, 2], dtype="float64", backend=backend)
    X, Y = rng.normal(size=(n_samples, 3)), rng.normal(size=(n_samples, 2))
    rows = [net.predict(x[None])[0] for x in X]
    losses = [net.loss(x[None], y[None]) for x, y in zip(X, Y, strict=True)]
    assert net.predict(X) == pytest.approx(np.array(rows), rel=1e-12)
    assert net.loss(X, Y) == pytest.approx(np.mean(losses), rel=1e-12)


def test_warning_for_targets_out_of_reach_points_at_the_line_of_the_user():
    net = dl.Network([1, 1], output="sigmoid")
    with pytest.warns(dl.DeltaloopWarning, match="from 0 to 5.*between 0 and 1") as caught:
        net.fit([[0], [1]], [0, 5], epochs=1)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    ("output", "Y"), [("sigmoid", [0, 1]), ("tanh", [-1, 1]), ("relu", [0, 9])]
)
def test_targets_on_the_border_of_the_reach_do_not_warn(output, Y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dl.Network([1, 1], output=output).fit([[0], [1]], Y, epochs=1)


# the same again


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_seed_gives_the_same_bits_also_after_training(backend, dtype):
    nets = [trained(backend, dtype) for _ in range(2)]
    assert bits(nets[0]) == bits(nets[1])
    assert bits(nets[0]) != bits(trained(backend, dtype, seed=4))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
@pytest.mark.parametrize("backend", BACKENDS)
def test_copy_keeps_every_bit_and_goes_its_own_way(duplicate, backend):
    net = trained(backend)
    net.classes, net.metadata = ("a", "b"), {"columns": ["x"]}
    net.scaling = dl.Scaling(np.zeros(5), np.ones(5))
    twin = duplicate(net)
    X, Y = rng.normal(size=(12, 5)), rng.normal(size=(12, 2))
    assert bits(twin) == bits(net)
    assert (twin.classes, twin.metadata, repr(twin)) == (net.classes, net.metadata, repr(net))
    assert twin.scaling.x_scale.tolist() == [1] * 5
    for one in (net, twin):  # sample order continues alike
        one.fit(X, Y, epochs=2)
    assert bits(twin) == bits(net)
    twin.W[0][:] = 0
    assert net.W[0].all()
    assert not np.shares_memory(net.theta, twin.theta)
    assert np.shares_memory(twin.W[0], twin.theta)


@pytest.mark.parametrize("sizes", [[1, 1], [3, 5, 2], [7, 31, 33, 1]])
def test_theta_begins_at_64_bytes_also_in_copies(sizes):
    net = dl.Network(sizes)
    for one in (net, copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert one.theta.ctypes.data % 64 == 0
        assert one.theta.flags.c_contiguous


@pytest.mark.parametrize("name", ["sizes", "layers", "loss_name", "dtype", "plan"])
def test_what_the_parameters_were_laid_out_for_cannot_be_reassigned(name):
    net = dl.Network([4, 3], seed=0)
    with pytest.raises(AttributeError, match=f"{name} is fixed when a network is made"):
        setattr(net, name, getattr(net, name))


def test_networks_that_no_memory_holds_are_refused():
    with pytest.raises(dl.InvalidInputError, match=r"000 parameters would take.*narrower layers"):
        dl.Network([10**8, 10**8])
    with pytest.raises(dl.InvalidInputError, match="more than the memory of this machine"):
        dl.Network([4, 2**62])


def test_the_backend_that_was_put_in_place_is_the_one_that_is_named():
    net = dl.Network([2, 1], backend="cython")
    net.use_backend(kernels.load("reference"))
    assert net.backend_name == "reference"
    assert "backend reference" in repr(net)
    assert pickle.loads(pickle.dumps(net)).backend_name == "reference"
    with pytest.raises(dl.InvalidInputError, match=r"needs backend='cython'.*'reference'"):
        net.session()


def test_a_backend_is_not_exchanged_while_a_network_is_trained():
    net = dl.Network([2, 1], backend="reference")
    cython = kernels.load("cython")

    def exchange(*_):
        with pytest.raises(dl.BusyError):
            net.use_backend(cython)

    net.fit([[0.0, 1.0]], [[1.0]], epochs=2, progress=exchange)
    assert net.backend_name == "reference"
    net.use_backend(cython)
    net.fit([[0.0, 1.0]], [[1.0]], epochs=2)
    assert net.backend_name == "cython"


def test_backend_by_name():
    net = dl.Network([2, 1])
    net.use_backend("reference")
    assert net.backend_name == "reference"
    with pytest.raises(dl.InvalidInputError, match=r"unknown backend 'cyton'.*mean 'cython'"):
        net.use_backend("cyton")
    with pytest.raises(dl.InvalidTypeError, match="use_backend takes a name such as 'reference'"):
        net.use_backend(np)
    assert net.backend_name == "reference"


@pytest.mark.parametrize(
    ("change", "before"),
    [
        (lambda net: setattr(net, "scaling", dl.Scaling([1.0, 1.0], [2.0, 2.0])), "scaling"),
        (lambda net: setattr(net, "trainable", False), "trainable"),
    ],
    ids=["scaling", "trainable"],
)
def test_what_a_fit_has_begun_with_does_not_change_while_it_lasts(change, before):
    net = dl.Network([2, 1])
    kept = getattr(net, before)

    def callback(state):
        with pytest.raises(dl.BusyError):
            change(state.net)

    net.fit([[0.0, 1.0]], [[1.0]], epochs=2, callbacks=[callback])
    assert getattr(net, before) == kept


def test_classes_have_a_name_each():
    net = dl.Network([2, 3])
    net.classes = np.array(["a", "b", "c"])
    assert net.classes == ("a", "b", "c")
    for names, said in ((["a", "b", "a"], "'a' twice"), ("abc", "a list of names"), (3, "list")):
        with pytest.raises(dl.DeltaloopError, match=said):
            net.classes = names
    assert net.classes == ("a", "b", "c")
    assert pickle.loads(pickle.dumps(net)).classes == net.classes
    net.classes = None
