"""The Network object: how it is built, what it shows, what it computes, how it is copied."""

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


# how it is built


def test_sizes_build_hidden_layers_and_output():
    net = dl.Network([4, 3, 2], activation="relu", output="tanh")
    assert net.sizes == (4, 3, 2)
    assert [layer.activation.name for layer in net.layers] == ["relu", "tanh"]
    assert [W.shape for W in net.W] == [(3, 4), (2, 3)]
    assert [b.shape for b in net.b] == [(3,), (2,)]


def test_hidden_layers_are_sigmoid_by_default():
    assert dl.Network([2, 2, 1]).layers[0].activation.name == "sigmoid"


@pytest.mark.parametrize(
    ("loss", "output"),
    [("mse", "identity"), ("binary_cross_entropy", "sigmoid"), ("cross_entropy", "softmax")],
)
def test_output_left_out_is_the_one_that_belongs_to_the_loss(loss, output):
    assert dl.Network([3, 2], loss=loss).layers[-1].activation.name == output


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "sizes", [[1, 1], [1] * 13, [3, 1, 2], [2, 65, 1], [17, 16, 9, 8, 5, 4, 3], [1, 1, 33]]
)
def test_any_depth_and_width_from_one_trains(sizes, backend):
    net = dl.Network(sizes, backend=backend)
    X, Y = rng.normal(size=(6, sizes[0])), rng.normal(size=(6, sizes[-1]))
    before = net.loss(X, Y)
    history = net.fit(X, Y, epochs=2, batch_size=4)
    assert len(history) == 2
    assert net.loss(X, Y) < before
    assert net.predict(X).shape == (6, sizes[-1])


def test_layers_may_differ_in_everything():
    layers = [dl.Dense(2, "relu"), dl.Dense(3, dl.Activation("elu", 0.5), bias=False)]
    net = dl.Network(4, layers)
    assert net.sizes == (4, 2, 3)
    assert net.b[1] is None
    assert net.layers[1].activation.alpha == 0.5


@pytest.mark.parametrize(
    "sizes", [(4, 3, 1), np.array([4, 3, 1]), (n for n in (4, 3, 1)), [np.int64(4), 3, np.uint8(1)]]
)
def test_sizes_may_be_any_sequence_of_whole_numbers(sizes):
    net = dl.Network(sizes)
    assert net.sizes == (4, 3, 1)
    assert all(type(n) is int for n in net.sizes)


def test_layers_may_be_a_generator():
    assert dl.Network(2, (dl.Dense(n) for n in (3, 1))).sizes == (2, 3, 1)


@pytest.mark.parametrize("dtype", ["float32", "float64", np.float64, np.dtype("f4"), "f8", ">f4"])
def test_dtype_is_that_of_parameters_and_predictions(dtype):
    net = dl.Network([2, 1], dtype=dtype)
    expected = np.dtype(dtype).newbyteorder("=")
    assert net.dtype == net.theta.dtype == net.W[0].dtype == expected
    assert net.predict([[1, 2]]).dtype == expected


ODD_ARGUMENTS = [
    (([4],), {}, dl.InvalidInputError, r"inputs and outputs at least.*got \[4\]"),
    (([],), {}, dl.InvalidInputError, "inputs and outputs at least"),
    ((4,), {}, dl.InvalidTypeError, r"such as \[784, 30, 10\].*got 4"),
    (("4-3-1",), {}, dl.InvalidTypeError, "list of widths.*got '4-3-1'"),
    (([4, 0],), {}, dl.InvalidInputError, "whole number >= 1, got 0"),
    (([4, -2, 1],), {}, dl.InvalidInputError, "whole number >= 1, got -2"),
    (([4, 2.0, 1],), {}, dl.InvalidTypeError, "whole number, got 2.0 of type float"),
    (([4, True],), {}, dl.InvalidInputError, "whole number >= 1, got True"),
    ((0, [dl.Dense(1)]), {}, dl.InvalidInputError, "number of inputs.*got 0"),
    (([4, 2], [dl.Dense(1)]), {}, dl.InvalidTypeError, r"number of inputs.*got \[4, 2\]"),
    ((4, []), {}, dl.InvalidInputError, "at least one Dense"),
    ((4, [3]), {}, dl.InvalidTypeError, r"layers\[0\] must be a Dense, got int"),
    ((4, dl.Dense(1)), {}, dl.InvalidTypeError, "list of.*Dense"),
    ((4, 7), {}, dl.InvalidTypeError, "list of.*Dense"),
    ((4, [dl.Dense(1)]), {"activation": "relu"}, dl.InvalidInputError, "into each Dense"),
    ((4, [dl.Dense(1)]), {"output": "tanh"}, dl.InvalidInputError, "into each Dense"),
    (([4, 1],), {"loss": None}, dl.InvalidTypeError, "a name such as 'mse', got NoneType"),
    (([4, 1],), {"output": 3}, dl.InvalidTypeError, "a name such as 'relu'.*got int"),
    (([4, 1],), {"seed": -1}, dl.DeltaloopError, "seed must be a whole number >= 0.*got -1"),
    (([4, 1],), {"seed": 1.5}, dl.InvalidTypeError, "seed must be.*got 1.5"),
    (([4, 1],), {"seed": "a"}, dl.InvalidTypeError, "seed must be.*got 'a'"),
    (([4, 1],), {"init": ["zeros", "zeros"]}, dl.InvalidInputError, r"per layer \(1\), got 2"),
    (([4, 1],), {"init": None}, dl.InvalidTypeError, "init must be a name"),
    (([4, 1],), {"init": 5}, dl.InvalidTypeError, "init must be a name"),
    (([4, 1],), {"dtype": None}, dl.DeltaloopError, "dtype"),
    (([4, 1],), {"dtype": "int32"}, dl.InvalidInputError, "'int32', expected.*'float32'"),
    (([4, 1],), {"dtype": "nonsense"}, dl.InvalidInputError, "unknown dtype 'nonsense'"),
]


@pytest.mark.parametrize(("arguments", "options", "error", "text"), ODD_ARGUMENTS)
def test_wrong_argument_is_refused(arguments, options, error, text):
    with pytest.raises(error, match=text):
        dl.Network(*arguments, **options)


@pytest.mark.parametrize(
    ("option", "value", "meant"),
    [
        ("activation", "sigmod", "sigmoid"),
        ("output", "relue", "relu"),
        ("loss", "cross_entrpy", "cross_entropy"),
        ("init", "glorot_unifrom", "glorot_uniform"),
        ("backend", "refrence", "reference"),
        ("dtype", "float63", "float6?4|float32"),
    ],
)
def test_unknown_name_is_refused_with_the_nearest_one(option, value, meant):
    with pytest.raises(
        dl.InvalidInputError, match=f"unknown .*'{value}', expected one of .*did you mean '{meant}'"
    ):
        dl.Network([2, 3, 1], **{option: value})


def test_unknown_activation_is_refused_without_hidden_layers_too():
    with pytest.raises(dl.InvalidInputError, match="'sigmod'"):
        dl.Network([2, 1], activation="sigmod")


def test_softmax_in_a_hidden_layer_is_refused():
    with pytest.raises(dl.InvalidInputError, match=r"layers\[1\] is hidden.*the last layer"):
        dl.Network(4, [dl.Dense(2), dl.Dense(3, "softmax"), dl.Dense(3, "softmax")])
    with pytest.raises(dl.InvalidInputError, match="softmax is an output activation"):
        dl.Network([4, 3, 2], activation="softmax")


@pytest.mark.parametrize(
    ("n_out", "output", "loss", "text"),
    [
        (1, "softmax", "cross_entropy", "single unit is always 1.*use 'sigmoid'"),
        (2, "identity", "binary_cross_entropy", "leaves.*use output='sigmoid'"),
        (2, "tanh", "cross_entropy", "leaves.*use output='softmax'"),
        (2, "relu", "binary_cross_entropy", "use output='sigmoid'"),
        (2, "sigmoid", "cross_entropy", "use output='softmax'"),  # lowest where all outputs are 1
    ],
)
def test_output_that_does_not_suit_the_loss_warns_at_the_line_of_the_user(
    n_out, output, loss, text
):
    with pytest.warns(dl.DeltaloopWarning, match=text) as caught:
        dl.Network([3, n_out], output=output, loss=loss)
    assert [warning.filename for warning in caught] == [__file__]


def test_backend_of_the_environment_is_used(monkeypatch):
    monkeypatch.setenv("DELTALOOP_BACKEND", "reference")
    assert dl.Network([2, 1]).backend_name == "reference"


def test_wrong_backend_in_the_environment_is_named_as_the_cause(monkeypatch):
    monkeypatch.setenv("DELTALOOP_BACKEND", "fortran")
    with pytest.raises(dl.InvalidInputError, match="DELTALOOP_BACKEND.*fortran"):
        dl.Network([2, 1])


@pytest.mark.parametrize("value", ["auto", ""])
def test_backend_auto_or_empty_in_the_environment_is_the_default(monkeypatch, value):
    monkeypatch.setenv("DELTALOOP_BACKEND", value)
    assert dl.Network([2, 1]).backend_name == "cython"


# what it shows


def test_repr_is_a_table_of_layers_and_parameters():
    layers = [dl.Dense(2), dl.Dense(2), dl.Dense(1, "identity", bias=False)]
    assert repr(dl.Network(4, layers, backend="reference")) == (
        "Network: loss mse, float32, backend reference\n"
        "  layer    units  activation  parameters\n"
        "  input        4\n"
        "      1        2  sigmoid             10\n"
        "      2        2  sigmoid              6\n"
        "      3        1  identity             2  no bias\n"
        "  total                               18"
    )


def test_columns_of_the_repr_line_up_for_long_names():
    alpha = dl.Activation("leaky_relu", 0.125)
    net = dl.Network(3, [dl.Dense(100000, alpha), dl.Dense(1, "softplus")])
    *_, first, second, total = repr(net).splitlines()
    assert len(first) == len(second) == len(total)


def test_number_of_parameters_counts_weights_and_biases_without_padding():
    assert dl.Network([784, 30, 10]).n_parameters == 784 * 30 + 30 + 30 * 10 + 10
    assert dl.Network(3, [dl.Dense(5, bias=False)]).n_parameters == 15


def test_views_cover_every_parameter_once():
    net = dl.Network(7, [dl.Dense(5), dl.Dense(17, bias=False), dl.Dense(3)], init="zeros")
    for W, b in zip(net.W, net.b, strict=True):
        W += 1
        if b is not None:
            b += 1
    assert net.theta.sum() == net.n_parameters
    assert set(net.theta) == {0, 1}


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


# live views


def test_change_through_a_view_is_seen_by_theta_and_predict():
    net = dl.Network([2, 1], init="zeros")
    net.W[0][0, 1] = 3.0
    net.b[0][:] = 0.5
    assert sorted(net.theta[net.theta != 0]) == [0.5, 3.0]
    assert net.predict([[1, 10]]).tolist() == [[30.5]]


def test_change_of_theta_is_seen_by_the_views():
    net = dl.Network([2, 1])
    W, b = net.W[0], net.b[0]
    net.theta[:] = 2.0
    assert W.tolist() == [[2, 2]]
    assert b.tolist() == [2]


def test_views_taken_before_training_show_what_was_learned():
    net = dl.Network(1, [dl.Dense(1, "identity", bias=False)])
    W = net.W[0]
    net.fit([[1], [2]], [3, 6], epochs=100)
    assert W.item() == pytest.approx(3, abs=1e-5)


def test_assignment_copies_into_the_view():
    net, given = dl.Network([2, 3]), np.arange(6.0).reshape(3, 2)
    view = net.W[0]
    net.W[0] = given
    net.b[-1] = [1, 2, 3]
    given[:] = -1
    assert view.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert net.b[0].tolist() == [1, 2, 3]


def test_assignment_from_an_overlapping_view_is_right():
    net = dl.Network([3, 3], dtype="float64")
    before = net.W[0].copy()
    net.W[0] = net.W[0].T
    assert (net.W[0] == before.T).all()


def test_augmented_assignment_changes_the_parameters_in_place():
    net = dl.Network([2, 3, 1], init="zeros")
    net.b[0] -= 0.5
    net.W[1] += np.ones((1, 3))
    net.W[0] *= 2
    assert net.b[0].tolist() == [-0.5] * 3
    assert net.W[1].tolist() == [[1, 1, 1]]


def test_augmented_assignment_to_theta_works():
    net = dl.Network([2, 1], init="zeros")
    net.theta += 1.0
    assert net.b[0].item() == 1


def test_theta_can_be_assigned_by_value():
    net, other = dl.Network([2, 3, 1], seed=1), dl.Network([2, 3, 1], seed=2)
    view = net.W[0]
    net.theta = other.theta
    assert bits(net) == bits(other)
    assert np.shares_memory(view, net.theta)
    assert not np.shares_memory(net.theta, other.theta)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (np.zeros((2, 3)), dl.InvalidInputError, r"W\[0\] must have shape \(3, 2\), got.*\(2, 3\)"),
        (0.0, dl.InvalidInputError, r"W\[0\] must have shape \(3, 2\), got shape \(\)"),
        ([[0, 0]] * 2 + [[0, np.nan]], dl.InvalidInputError, r"W\[0\] must be finite"),
        (np.full((3, 2), 1e39), dl.InvalidInputError, r"W\[0\].*float32"),
        (np.full((3, 2), 1 + 2j), dl.InvalidTypeError, r"W\[0\] must be an array of"),
        ("three", dl.InvalidTypeError, r"W\[0\] must be an array of numbers.*got str"),
        ([[1, 2], [3]], dl.InvalidTypeError, r"W\[0\] must be an array of numbers"),
    ],
)
def test_wrong_value_for_a_weight_is_refused_and_changes_nothing(value, error, text):
    net = dl.Network([2, 3])
    before = bits(net)
    with pytest.raises(error, match=text):
        net.W[0] = value
    assert bits(net) == before


def test_missing_bias_is_none_and_cannot_be_assigned():
    net = dl.Network(2, [dl.Dense(3, bias=False)])
    assert list(net.b) == [None]
    with pytest.raises(dl.InvalidInputError, match="has no bias.*bias=True"):
        net.b[0] = [0, 0, 0]


def test_index_beyond_the_layers_is_an_index_error():
    net = dl.Network([2, 3, 1])
    assert len(net.W) == len(net.b) == 2
    for index in (2, -3):
        with pytest.raises(IndexError):
            _ = net.W[index]
        with pytest.raises(IndexError):
            net.W[index] = 0


def test_assigning_to_a_slice_of_layers_is_refused_in_words():
    net = dl.Network([2, 3, 1])
    with pytest.raises((dl.DeltaloopError, TypeError), match=r"one layer|layer by layer|slice"):
        net.W[:] = [np.zeros((3, 2)), np.zeros((1, 3))]


# where it begins


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_seed_gives_the_same_bits_also_after_training(backend, dtype):
    nets = [trained(backend, dtype) for _ in range(2)]
    assert bits(nets[0]) == bits(nets[1])
    assert bits(nets[0]) != bits(trained(backend, dtype, seed=4))


def test_one_seed_starts_float32_from_the_rounded_float64_network():
    single, double = (dl.Network([4, 3, 2], seed=8, dtype=d) for d in ("float32", "float64"))
    for a, b in zip(single.W, double.W, strict=True):
        assert (a == b.astype(np.float32)).all()


def test_generator_given_as_seed_is_used_and_advanced():
    generator = np.random.default_rng(5)
    first, second = (dl.Network([3, 2], seed=generator) for _ in range(2))
    assert bits(first) == bits(dl.Network([3, 2], seed=5))
    assert bits(first) != bits(second)
    assert first.generator is generator


def test_arrays_given_as_initial_values_are_taken_over():
    W, b = rng.normal(size=(3, 2)), rng.normal(size=3)
    given = W.copy()
    net = dl.Network([2, 3, 1], init=[(given, b), "zeros"], dtype="float64")
    given[:] = 0
    assert (net.W[0] == W).all()
    assert (net.b[0] == b).all()
    assert not net.W[1].any()


def test_init_of_a_layer_wins_over_that_of_the_network():
    net = dl.Network(2, [dl.Dense(3, init="zeros"), dl.Dense(1)], init="normal")
    assert not net.W[0].any()
    assert net.W[1].all()


def test_network_keeps_no_second_copy_of_given_initial_values():
    W = rng.normal(size=(300, 200))
    net = dl.Network([200, 300], init=[W])
    by_layer = dl.Network(200, [dl.Dense(300, "identity", init=W)])
    assert len(pickle.dumps(by_layer)) < len(pickle.dumps(net)) + 1000


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


@pytest.mark.parametrize(("output", "Y"), [("sigmoid", [0, 1]), ("tanh", [-1, 1]), ("relu", [0, 9])])
def test_targets_on_the_border_of_the_reach_do_not_warn(output, Y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dl.Network([1, 1], output=output).fit([[0], [1]], Y, epochs=1)


# copies


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
@pytest.mark.parametrize("backend", BACKENDS)
def test_copy_keeps_every_bit_and_goes_its_own_way(duplicate, backend):
    net = trained(backend)
    net.classes, net.table = ("a", "b"), {"columns": ["x"]}
    net.scaling = dl.Scaling(np.zeros(5), np.ones(5))
    twin = duplicate(net)
    X, Y = rng.normal(size=(12, 5)), rng.normal(size=(12, 2))
    assert bits(twin) == bits(net)
    assert (twin.classes, twin.table, repr(twin)) == (net.classes, net.table, repr(net))
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
