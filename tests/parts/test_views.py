"""Parameters as the user sees them: W[l], b[l] and theta are one and the same memory."""

import numpy as np
import pytest

import deltaloop as dl


def bits(net):
    return net.theta.tobytes()


def test_views_cover_every_parameter_once():
    net = dl.Network(7, [dl.Dense(5), dl.Dense(17, bias=False), dl.Dense(3)], init="zeros")
    for W, b in zip(net.W, net.b, strict=True):
        W += 1
        if b is not None:
            b += 1
    assert net.theta.sum() == net.n_parameters
    assert set(net.theta) == {0, 1}


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
    theta, W = net.theta, net.W[0]
    net.theta += 1.0
    net.theta -= 0.25 * net.theta
    assert net.theta is theta
    assert W.tolist() == [[0.75, 0.75]]
    assert net.b[0].item() == 0.75


def test_theta_can_be_assigned_by_value():
    net, other = dl.Network([2, 3, 1], seed=1), dl.Network([2, 3, 1], seed=2)
    view, theta = net.W[0], net.theta
    net.theta = other.theta
    assert bits(net) == bits(other)
    assert net.theta is theta
    assert np.shares_memory(view, net.theta)
    assert not np.shares_memory(net.theta, other.theta)
    net.theta = (2 * other.theta.astype("f8")).tolist()
    assert (view == 2 * other.W[0]).all()


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (np.zeros(13), dl.InvalidInputError, r"theta must have shape \(32,\), got shape \(13,\)"),
        (np.zeros((1, 32)), dl.InvalidInputError, r"theta must have shape.*\(1, 32\)"),
        (0.0, dl.InvalidInputError, r"theta must have shape \(32,\), got shape \(\)"),
        (np.full(32, np.nan), dl.InvalidInputError, "theta must be finite"),
        (np.full(32, 1e39), dl.InvalidInputError, "theta has values beyond the range of float32"),
        (["a"] * 32, dl.InvalidTypeError, "theta must contain real numbers"),
        (None, dl.InvalidTypeError, "theta must contain numbers"),
    ],
)
def test_wrong_value_for_theta_is_refused_and_changes_nothing(value, error, text):
    net = dl.Network([2, 3, 1])
    before = bits(net)
    with pytest.raises(error, match=text):
        net.theta = value
    assert bits(net) == before


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (np.zeros((2, 3)), dl.InvalidInputError, r"W\[0\] must have shape \(3, 2\), got.*\(2, 3\)"),
        (0.0, dl.InvalidInputError, r"W\[0\] must have shape \(3, 2\), got shape \(\)"),
        ([[0, 0]] * 2 + [[0, np.nan]], dl.InvalidInputError, r"W\[0\] must be finite"),
        (np.full((3, 2), 1e39), dl.InvalidInputError, r"W\[0\].*range of float32.*'float64'"),
        (np.full((3, 2), 1 + 2j), dl.InvalidTypeError, r"W\[0\] must contain real numbers.*compl"),
        ("three", dl.InvalidTypeError, r"W\[0\] must contain real numbers, got dtype <U5"),
        ([[1, 2], [3]], dl.InvalidInputError, r"W\[0\] cannot be read as an array of numbers"),
        (None, dl.InvalidTypeError, r"W\[0\] must contain numbers, found.*NoneType"),
    ],
)
def test_wrong_value_for_a_weight_is_refused_and_changes_nothing(value, error, text):
    net = dl.Network([2, 3])
    before = bits(net)
    with pytest.raises(error, match=text):
        net.W[0] = value
    assert bits(net) == before


def test_bias_that_only_float64_can_hold_is_refused_in_float32():
    single, double = (dl.Network([2, 3], dtype=dtype) for dtype in ("float32", "float64"))
    before = bits(single)
    with pytest.raises(dl.InvalidInputError, match=r"b\[0\] has values beyond the range of fl"):
        single.b[0] = [0, 0, 1e39]
    assert bits(single) == before
    double.b[0] = [0, 0, 1e39]
    assert double.b[0][2] == 1e39


def test_missing_bias_is_none_and_cannot_be_assigned():
    net = dl.Network(2, [dl.Dense(3, bias=False)])
    assert list(net.b) == [None]
    with pytest.raises(dl.InvalidInputError, match=r"has no bias.*bias=True"):
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
    before = bits(net)
    text = r"W is assigned layer by layer: W\[0\] = \.\.\.; or use theta for all at once"
    for values in ([np.zeros((3, 2)), np.zeros((1, 3))], net.W, 0):
        with pytest.raises(dl.InvalidTypeError, match=text):
            net.W[:] = values
    with pytest.raises(dl.InvalidTypeError, match=r"b is assigned layer by layer"):
        net.b[0:1] = [np.zeros(3)]
    assert bits(net) == before


# all layers at once


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_all_layers_are_assigned_at_once_by_value(dtype):
    layers = [dl.Dense(3), dl.Dense(4, bias=False), dl.Dense(1, "identity")]
    net, other = (dl.Network(2, layers, seed=s, bias_init="normal", dtype=dtype) for s in (1, 2))
    views, theta = list(net.W), net.theta
    net.W = other.W
    net.b = other.b
    assert bits(net) == bits(other)
    assert net.theta is theta
    assert all(one is two for one, two in zip(views, net.W, strict=True))
    other.W[0][:] = 0
    assert net.W[0].all()
    net.W = tuple((2 * W).tolist() for W in net.W)
    net.b = (each for each in (None if b is None else b - 1 for b in other.b))
    assert (net.b[2] == other.b[2] - 1).all()


def test_layers_can_be_exchanged():
    net = dl.Network([3, 3, 3], dtype="float64")
    one, two = (W.copy() for W in net.W)
    net.W = [net.W[1], net.W[0].T]
    assert (net.W[0] == two).all()
    assert (net.W[1] == one.T).all()
    before = bits(net)
    net.W = net.W
    assert bits(net) == before


@pytest.mark.parametrize(
    ("name", "values", "error", "text"),
    [
        ("W", [np.ones((3, 2))], dl.InvalidInputError, r"one array per layer \(2\), got 1"),
        ("W", [np.ones((3, 2)), np.ones((2, 3))], dl.InvalidInputError, r"W\[1\] must have shape"),
        ("W", [np.ones((3, 2)), [[1, np.inf, 1]]], dl.InvalidInputError, r"W\[1\] must be finite"),
        ("W", np.ones((2, 3)), dl.InvalidTypeError, r"W must be a list .*net\.W\[0\] = "),
        ("W", 1, dl.InvalidTypeError, "W must be a list with one array per layer, got 1"),
        ("W", None, dl.InvalidTypeError, "W must be a list with one array per layer, got None"),
        ("b", [np.ones(3), np.ones(1)], dl.InvalidInputError, "layer 1 has no bias, so.*bias=True"),
        ("b", [None, None], dl.InvalidTypeError, r"b\[0\] must contain numbers.*NoneType"),
        ("b", [[1, 2], None], dl.InvalidInputError, r"b\[0\] must have shape \(3,\)"),
    ],
)
def test_wrong_layers_are_refused_and_nothing_is_changed(name, values, error, text):
    net = dl.Network(2, [dl.Dense(3), dl.Dense(1, bias=False)])
    before = bits(net)
    with pytest.raises(error, match=text):
        setattr(net, name, values)
    assert bits(net) == before


# the vector without padding


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_vector_has_rows_of_w_then_b_layer_by_layer(dtype):
    net = dl.Network(2, [dl.Dense(3), dl.Dense(2, bias=False), dl.Dense(1)], dtype=dtype)
    net.parameters = np.arange(1.0, net.n_parameters + 1)
    assert net.W[0].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert net.b[0].tolist() == [7, 8, 9]
    assert net.W[1].tolist() == [[10, 11, 12], [13, 14, 15]]
    assert net.W[2].tolist() == [[16, 17]]
    assert net.b[2].tolist() == [18]
    assert net.parameters.tolist() == list(range(1, 19))
    assert net.parameters.dtype == dtype
    assert net.theta.sum() == sum(range(1, 19))  # the padding is still 0


def test_vector_is_a_copy_and_steps_on_it_are_taken_over():
    net = dl.Network([2, 3, 1], dtype="float64")
    before, vector = bits(net), net.parameters
    vector[:] = 0
    assert bits(net) == before
    theta = net.theta.copy()
    net.parameters *= 2
    assert (net.theta == 2 * theta).all()
    net.parameters = net.theta[: net.n_parameters][::-1]  # overlaps with what it is written to
    assert (net.parameters == 2 * theta[: net.n_parameters][::-1]).all()


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (np.zeros(32), dl.InvalidInputError, r"parameters must have shape \(13,\), got shape \(32"),
        (np.zeros((13, 1)), dl.InvalidInputError, r"parameters must have shape \(13,\)"),
        (np.full(13, np.nan), dl.InvalidInputError, "parameters must be finite"),
        (
            np.full(13, 1e39),
            dl.InvalidInputError,
            "parameters has values beyond the range of float3",
        ),
        (None, dl.InvalidTypeError, "parameters must contain numbers"),
    ],
)
def test_wrong_vector_is_refused_and_nothing_is_changed(value, error, text):
    net = dl.Network([2, 3, 1])
    before = bits(net)
    with pytest.raises(error, match=text):
        net.parameters = value
    assert bits(net) == before


def test_order_is_that_of_pytorch():
    torch = pytest.importorskip("torch")
    layers = [torch.nn.Linear(2, 3), torch.nn.Linear(3, 1)]
    net = dl.Network([2, 3, 1])
    vector = torch.nn.utils.parameters_to_vector([p for each in layers for p in each.parameters()])
    net.parameters = vector.detach().numpy()
    for W, b, theirs in zip(net.W, net.b, layers, strict=True):
        assert (W == theirs.weight.detach().numpy()).all()
        assert (b == theirs.bias.detach().numpy()).all()


@pytest.mark.parametrize("name", ["W", "b", "parameters"])
def test_assignment_waits_for_who_reads(name):
    net, calls = dl.Network([2, 3, 1]), []
    write = net._turns.write
    net._turns.write = lambda f, *values: calls.append(f) or write(f, *values)
    setattr(net, name, {"W": list(net.W), "b": list(net.b)}.get(name, net.parameters))
    assert len(calls) == 1
