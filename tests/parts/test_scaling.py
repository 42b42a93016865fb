"""Standardisation that travels with a network: the maps, the edges, and training through it."""

import copy

import numpy as np
import pytest

import deltaloop as dl

rng = np.random.default_rng(5)
X = rng.normal([1e4, -3, 0], [2e3, 1e-4, 5], (200, 3))
Y = rng.normal([300, 1], [70, 0.01], (200, 2))


def test_standardised_columns_have_mean_0_and_deviation_1():
    scaling = dl.Scaling.standardize(X, Y)
    for values in (scaling.inputs(X), scaling.targets(Y)):
        assert values.mean(axis=0) == pytest.approx(np.zeros(values.shape[1]), abs=1e-9)
        assert values.std(axis=0) == pytest.approx(np.ones(values.shape[1]))


@pytest.mark.parametrize("unit", [5e-324, 1e-300, 1e-170, 1.0, 1e150, 1e300])
def test_deviations_are_those_in_any_unit(unit):
    values = np.array([[0.0, 8.0], [4.0, -8.0], [8.0, 0.0], [4.0, 0.0]]) * unit
    scaling = dl.Scaling.standardize(values, values[:, :1])
    expected = np.array([8, 32]) ** 0.5
    assert scaling.x_scale / unit == pytest.approx(expected, rel=0.2 if unit < 1e-300 else 1e-14)
    assert scaling.targets(values[:, :1]).std() == pytest.approx(1, rel=0.2)


def test_outputs_undo_targets():
    scaling = dl.Scaling.standardize(X, Y)
    assert scaling.outputs(scaling.targets(Y)) == pytest.approx(Y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scaled_outputs_are_float64_and_others_keep_their_dtype(dtype):
    out, net = np.zeros((2, 2), dtype), dl.Network([3, 2], dtype=dtype)
    for scaling, expected in (
        (dl.Scaling.standardize(X, Y), "float64"),
        (dl.Scaling.standardize(X), dtype),
    ):
        net.scaling = scaling
        assert scaling.outputs(out).dtype == net.predict(X).dtype == expected


def test_units_of_the_user_may_need_more_digits_than_float32_has():
    net = dl.Network([1, 1], init="zeros")
    net.scaling = dl.Scaling([0.0], [1.0], [16777217.0], [1.0])  # 2^24 + 1
    assert net.predict([[0.0]]).item() == 16777217.0


def test_targets_stay_as_they_are_without_their_own_scaling():
    scaling = dl.Scaling.standardize(X)
    assert scaling.targets(Y) is Y
    assert scaling.outputs(Y) is Y


@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 1e-300, 1e9, 16777217.0])
def test_constant_column_keeps_scale_one(value):
    scaling = dl.Scaling.standardize(np.full((37, 1), value))
    assert scaling.x_scale.tolist() == [1]
    assert scaling.inputs(np.full((2, 1), value)) == pytest.approx(np.zeros((2, 1)), abs=1e-6)


def test_small_spread_about_a_large_mean_is_not_taken_for_constant():
    column = 1e6 + np.arange(10.0)[:, None] * 1e-3
    assert dl.Scaling.standardize(column).x_scale[0] == pytest.approx(column.std())


def test_images_and_single_targets_are_standardised_per_value():
    scaling = dl.Scaling.standardize(rng.normal(size=(10, 2, 2)), rng.normal(size=10))
    assert scaling.x_mean.shape == (4,)
    assert scaling.y_mean.shape == (1,)


def test_training_through_a_scaling_is_training_on_scaled_data():
    scaling = dl.Scaling.standardize(X, Y)
    net, twin = dl.Network([3, 4, 2], seed=1), dl.Network([3, 4, 2], seed=1)
    net.scaling = scaling
    history = net.fit(X, Y, epochs=3, validation_data=(X[:50], Y[:50]))
    other = twin.fit(
        scaling.inputs(X), scaling.targets(Y), epochs=3,
        validation_data=(scaling.inputs(X[:50]), scaling.targets(Y[:50])),
    )  # fmt: skip
    assert net.theta.tobytes() == twin.theta.tobytes()
    assert history.validation_loss == other.validation_loss
    assert net.loss(X, Y) == twin.loss(scaling.inputs(X), scaling.targets(Y))
    assert (net.predict(X) == scaling.outputs(twin.predict(scaling.inputs(X)))).all()


def test_scaled_regression_learns_in_the_units_of_the_user():
    target = 300 + X @ [[0.01], [1e5], [4.0]]
    net = dl.Network([3, 1])
    net.scaling = dl.Scaling.standardize(X, target)
    net.fit(X, target, epochs=100)
    assert net.predict(X) == pytest.approx(target, rel=1e-3, abs=0.1)


def test_images_pass_through_a_scaling():
    images = rng.normal(size=(10, 2, 2))
    net = dl.Network([4, 1])
    net.scaling = dl.Scaling.standardize(images)
    assert (net.predict(images) == net.predict(images.reshape(10, 4))).all()


# what is refused


def fitting(**changes):
    """Arguments of a scaling for a network of three inputs and two outputs."""
    plain = {
        "x_mean": np.zeros(3), "x_scale": np.ones(3), "y_mean": np.zeros(2), "y_scale": np.ones(2)
    }  # fmt: skip
    return plain | changes


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"x_scale": np.zeros(3)}, dl.InvalidInputError, "x_scale must not contain 0; use 1 for"),
        ({"y_scale": [1, 0]}, dl.InvalidInputError, "y_scale must not contain 0; use 1 for"),
        ({"x_scale": np.ones(2)}, dl.InvalidInputError, r"same shape, got \(3,\) and \(2,\)"),
        ({"y_scale": np.ones(3)}, dl.InvalidInputError, r"same shape, got \(2,\) and \(3,\)"),
        ({"x_mean": np.full(3, np.nan)}, dl.InvalidInputError, "x_mean must be finite"),
        ({"y_scale": [1, np.inf]}, dl.InvalidInputError, "y_scale must be finite"),
        ({"x_mean": np.zeros((1, 3))}, dl.InvalidInputError, r"shape \(n,\), got shape \(1, 3\)"),
        ({"x_mean": 0.0}, dl.InvalidInputError, r"x_mean must have shape \(n,\), got shape \(\)"),
        ({"x_mean": []}, dl.InvalidInputError, "x_mean is empty"),
        ({"x_scale": ["a"] * 3}, dl.InvalidTypeError, "x_scale must contain real numbers"),
        ({"x_scale": np.ones(3) * 1j}, dl.InvalidTypeError, "x_scale must contain real numbers"),
        ({"x_scale": None}, dl.InvalidTypeError, "x_scale must contain numbers.*NoneType"),
        ({"y_scale": None}, dl.InvalidTypeError, "y_scale must contain numbers.*NoneType"),
        ({"y_mean": None}, dl.InvalidTypeError, "y_mean must contain numbers.*NoneType"),
    ],
)
def test_scaling_that_makes_no_sense_is_refused(changes, error, text):
    with pytest.raises(error, match=text):
        dl.Scaling(**fitting(**changes))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"x_mean": np.zeros(2), "x_scale": np.ones(2)}, "must have 3 input columns, got 2"),
        ({"x_mean": np.zeros(1), "x_scale": np.ones(1)}, "must have 3 input columns, got 1"),
        ({"x_mean": np.zeros(4), "x_scale": np.ones(4)}, "must have 3 input columns, got 4"),
        ({"y_mean": np.zeros(1), "y_scale": np.ones(1)}, "must have 2 output columns, got 1"),
        ({"y_mean": np.zeros(3), "y_scale": np.ones(3)}, "must have 2 output columns, got 3"),
    ],
)
def test_scaling_of_other_shapes_cannot_be_set(changes, text):
    net, before = dl.Network([3, 4, 2]), dl.Scaling(**fitting())
    net.scaling = before
    with pytest.raises(dl.InvalidInputError, match=text):
        net.scaling = dl.Scaling(**fitting(**changes))
    assert net.scaling is before


@pytest.mark.parametrize("wrong", [3, "standard", (np.zeros(3), np.ones(3)), dl.Scaling])
def test_only_a_scaling_or_none_can_be_set(wrong):
    net = dl.Network([3, 2])
    with pytest.raises(dl.InvalidTypeError, match="scaling must be a Scaling or None, got"):
        net.scaling = wrong
    net.scaling = None
    assert net.scaling is None


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "cross_entropy"])
def test_targets_are_scaled_for_a_loss_of_distance_only(loss):
    net = dl.Network([3, 2], loss=loss)
    with pytest.raises(
        dl.InvalidInputError,
        match=f"for loss='mse', 'huber', .* only, not for '{loss}'; leave",
    ):
        net.scaling = dl.Scaling(**fitting())
    assert net.scaling is None
    net.scaling = dl.Scaling(**fitting(y_mean=None, y_scale=None))
    assert net.fit(X, [0, 1] * 100 if loss == "cross_entropy" else np.ones((200, 2)), epochs=1).loss


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_data_that_scaling_makes_infinite_are_refused_at_the_door(dtype):
    net = dl.Network([3, 2], dtype=dtype)
    before = net.theta.tobytes()
    net.scaling = dl.Scaling(**fitting(x_scale=[1, 5e-324, 1]))
    for call in (net.predict, lambda X: net.fit(X, Y), lambda X: net.loss(X, Y)):
        with pytest.raises(dl.InvalidInputError, match="X is no longer finite after scaling, its"):
            call(X)
    net.scaling = dl.Scaling(**fitting(y_scale=[1, 5e-324]))
    with pytest.raises(dl.InvalidInputError, match="Y is no longer finite after scaling"):
        net.fit(X, Y)
    with pytest.raises(dl.InvalidInputError, match="validation Y is no longer finite"):
        net.fit(X, np.zeros((200, 2)), validation_data=(X, Y))
    assert net.theta.tobytes() == before


@pytest.mark.parametrize("values", [[1e308] * 3, [-1e308, -1e308, 0.0]])
def test_values_too_large_to_be_standardised_are_refused_in_words(values):
    with pytest.raises(dl.InvalidInputError, match=r"values are too large.*1e\+308.*rescale"):
        dl.Scaling.standardize(np.array(values)[:, None])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_data_that_are_not_finite_cannot_be_standardised(bad):
    with pytest.raises(dl.InvalidInputError, match="finite"):
        dl.Scaling.standardize(np.where(np.equal(X, X[3, 1]), bad, X))


def test_scaling_keeps_a_copy_of_its_numbers():
    mean, scale = np.zeros(3), np.ones(3)
    scaling = dl.Scaling(mean, scale)
    mean[:], scale[:] = 7, 0
    assert scaling.x_mean.tolist() == [0, 0, 0]
    assert scaling.x_scale.tolist() == [1, 1, 1]
    assert dl.Scaling([0, 0], (1, 2)).x_scale.dtype == np.float64


def test_scaling_equals_itself_alone():
    scaling = dl.Scaling.standardize(X, Y)
    assert scaling == scaling
    assert scaling != copy.deepcopy(scaling)
    assert scaling != 3
    assert len({scaling, scaling}) == 1


@pytest.mark.parametrize("number", [3.0, np.array(3.0), np.float32(3)], ids=repr)
def test_single_number_has_no_mean_and_deviation(number):
    for name, given in (("X", (number,)), ("Y", ([[1.0], [2.0]], number))):
        with pytest.raises(dl.InvalidInputError, match=rf"{name} must have shape \(n_samples, "):
            dl.Scaling.standardize(*given)
