"""Initial values: the distributions of the table, the bias, and what is refused."""

import numpy as np
import pytest

import deltaloop as dl

N_IN, N_OUT = 300, 200
# half width of the uniform ones, standard deviation of the normal ones
UNIFORM = {
    "glorot_uniform": (6 / (N_IN + N_OUT)) ** 0.5,
    "he_uniform": (6 / N_IN) ** 0.5,
    "lecun_uniform": (3 / N_IN) ** 0.5,
    "uniform": 0.5,
}
NORMAL = {
    "glorot_normal": (2 / (N_IN + N_OUT)) ** 0.5,
    "he_normal": (2 / N_IN) ** 0.5,
    "lecun_normal": (1 / N_IN) ** 0.5,
    "normal": 1.0,
}


def initial(init, seed=1):
    return dl.Network([N_IN, N_OUT], init=init, seed=seed, dtype="float64").W[0]


@pytest.mark.parametrize("name", UNIFORM)
def test_uniform_values_fill_the_interval_evenly(name):
    W, half = initial(name), UNIFORM[name]
    assert 0.999 * half < np.abs(W).max() <= half
    counts = np.histogram(W, 10, (-half, half))[0]
    assert counts == pytest.approx(W.size / 10, rel=0.06)  # 4.6 standard deviations


@pytest.mark.parametrize("name", NORMAL)
def test_normal_values_have_the_moments_and_tails(name):
    W = initial(name) / NORMAL[name]
    assert W.mean() == pytest.approx(0, abs=0.02)
    assert W.var() == pytest.approx(1, abs=0.03)
    assert np.mean(np.abs(W) < 1) == pytest.approx(0.6827, abs=0.01)
    assert np.abs(W).max() > 3.5


def test_no_two_weights_are_drawn_alike():
    W = initial("glorot_uniform")
    assert len(np.unique(W)) == W.size
    other = initial("glorot_uniform", seed=2)
    assert not np.equal(W, other).any()


def test_zeros_are_zeros():
    assert not initial("zeros").any()


@pytest.mark.parametrize("name", [*UNIFORM, *NORMAL, "zeros"])
def test_biases_start_at_zero(name):
    assert not dl.Network([3, 4, 2], init=name).b[0].any()


def test_given_array_draws_no_random_values():
    given = dl.Network([2, 3, 1], init=[np.zeros((3, 2)), "normal"], seed=5)
    drawn = dl.Network([3, 1], init="normal", seed=5)
    assert (given.W[1] == drawn.W[0]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64", "i4", "?", "O", ">f8"])
def test_array_of_any_real_dtype_is_taken_by_value(dtype):
    W = np.array([[1, 0], [1, 1], [0, 1]]).astype(dtype)
    assert dl.Network([2, 3], init=[W]).W[0].tolist() == [[1, 0], [1, 1], [0, 1]]


@pytest.mark.parametrize(
    ("init", "error", "text"),
    [
        ("glorot", dl.InvalidInputError, "unknown initializer 'glorot', expected one of"),
        ([np.zeros((2, 3))], dl.InvalidInputError, r"W.*must have shape \(3, 2\), got.*\(2, 3\)"),
        ([(np.zeros((3, 2)), np.zeros(2))], dl.InvalidInputError, r"b.*shape \(3,\), got.*\(2,\)"),
        ([np.full((3, 2), np.inf)], dl.InvalidInputError, "W of layer 1 must be finite"),
        ([np.full((3, 2), "a")], dl.InvalidTypeError, "must contain real numbers, got dtype <U1"),
        ([np.full((3, 2), 1j)], dl.InvalidTypeError, "must contain real numbers.*complex128"),
        ([None], dl.InvalidTypeError, "must contain numbers, found.*NoneType"),
        ([[[1, 2], [3], [4]]], dl.InvalidInputError, "cannot be read as an array of numbers"),
        ([5], dl.InvalidInputError, r"must have shape \(3, 2\), got shape \(\)"),
        ([[]], dl.InvalidInputError, r"W of layer 1 is empty, got shape \(0,\)"),
    ],
)
def test_wrong_initial_value_is_refused(init, error, text):
    with pytest.raises(error, match=text):
        dl.Network([2, 3], init=init)


@pytest.mark.parametrize(
    ("init", "name"),
    [
        (np.full((3, 2), 1e39), "initial W of layer 1"),
        ((np.zeros((3, 2)), [0, 1e39, 0]), "initial b of layer 1"),
        ((np.zeros((3, 2)), [0, -1e300, 0]), "initial b of layer 1"),
    ],
)
def test_values_that_only_float64_can_hold_are_refused_in_float32(init, name):
    text = rf"{name} has values beyond the range of float32 \(largest.* 1e\+\d+\).*'float64'"
    with pytest.raises(dl.InvalidInputError, match=text):
        dl.Network([2, 3], init=[init])
    with pytest.raises(dl.InvalidInputError, match=text):
        dl.Network(2, [dl.Dense(3, init=init)])
    assert np.abs(dl.Network([2, 3], init=[init], dtype="float64").theta).max() >= 1e39


def test_wrong_initial_value_names_its_layer():
    with pytest.raises(dl.InvalidInputError, match="initial W of layer 2 must have shape"):
        dl.Network([2, 3, 3], init=["zeros", np.zeros((3, 2))])
    with pytest.raises(dl.InvalidInputError, match="initial b of layer 2 must have shape"):
        dl.Network([2, 3, 3], init=["zeros", (np.zeros((3, 3)), np.zeros(2))])


def test_initial_bias_of_a_layer_without_bias_is_refused():
    layer = dl.Dense(3, bias=False, init=(np.zeros((3, 2)), np.zeros(3)))
    with pytest.raises(dl.InvalidInputError, match="bias=False, but its init gives biases"):
        dl.Network(2, [layer])
