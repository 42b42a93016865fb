"""Initial values: the distributions of the table, the bias, and what is refused."""

import numpy as np
import pytest

import deltaloop as dl

N_IN, N_OUT = 300, 200
# half width of the uniform ones, standard deviation of the normal ones
UNIFORM = {
    "pytorch": (1 / N_IN) ** 0.5,
    "scikit_learn": (6 / (N_IN + N_OUT)) ** 0.5,
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
WITH_BIASES = {"pytorch", "scikit_learn"}


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


@pytest.mark.parametrize("name", [*UNIFORM, *NORMAL, "zeros", "ones", "orthogonal"])
def test_biases_start_at_zero_unless_the_name_sets_them(name):
    net = dl.Network([3, 4, 2], init=name)
    assert all(b.any() == (name in WITH_BIASES) for b in net.b)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*sorted(UNIFORM.keys() - WITH_BIASES), *NORMAL, "zeros"])
def test_values_are_those_that_the_generator_gives_in_order(name, dtype):
    net = dl.Network([5, 4, 3], init=name, seed=7, dtype=dtype)
    generator = np.random.default_rng(7)
    for W in net.W:
        n_out, n_in = W.shape
        scale = {
            "glorot": np.sqrt((6 if "uniform" in name else 2) / (n_in + n_out)),
            "he": np.sqrt((6 if "uniform" in name else 2) / n_in),
            "lecun": np.sqrt((3 if "uniform" in name else 1) / n_in),
            "uniform": 0.5, "normal": 1.0, "zeros": 0.0,
        }[name.partition("_")[0]]  # fmt: skip
        if "normal" in name:
            expected = generator.normal(0, scale, W.shape)
        else:
            expected = generator.uniform(-scale, scale, W.shape)
        assert (expected.astype(dtype) == W).all()
    assert net.generator.random() == generator.random()  # nothing else was drawn


# a name and its numbers


def filled(values, low, high):
    """Whether values lie in [low, high] and fill it evenly."""
    assert low <= values.min() < low + 0.001 * (high - low)
    assert high >= values.max() > high - 0.001 * (high - low)
    counts = np.histogram(values, 10, (low, high))[0]
    return counts == pytest.approx(values.size / 10, rel=0.06)


def test_uniform_takes_a_half_width_or_both_ends():
    assert filled(initial(("uniform", 0.3)), -0.3, 0.3)
    assert filled(initial(("uniform", -0.1, 0.3)), -0.1, 0.3)
    assert filled(initial([("uniform", 2)]), -2, 2)


def test_normal_takes_a_standard_deviation():
    assert (initial(("normal", 0.05)) == 0.05 * initial("normal")).all()
    assert initial(("normal", 0.05)).std() == pytest.approx(0.05, rel=0.02)


@pytest.mark.parametrize("name", [*sorted(UNIFORM.keys() - WITH_BIASES - {"uniform"}), *NORMAL])
def test_names_with_a_source_take_a_factor(name):
    np.testing.assert_allclose(initial((name, 4.0)), 4 * initial(name), rtol=1e-12)


def test_constants_are_constant():
    assert (initial(("constant", -0.25)) == -0.25).all()
    assert (initial("ones") == 1).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda init: dl.Network([3, 4, 2], init=init),
        lambda init: dl.Network([3, 4, 2], init=[init, init]),
        lambda init: dl.Network(3, [dl.Dense(4, init=init), dl.Dense(2, "identity", init=init)]),
    ],
)
def test_tuples_are_taken_where_names_are(make):
    net, expected = make(("uniform", 0.01)), dl.Network([3, 4, 2], init=("uniform", 0.01))
    assert 0 < np.abs(net.theta).max() < 0.01
    assert (net.theta == expected.theta).all()


def test_two_names_are_those_of_two_layers():
    net = dl.Network([3, 4, 2], init=("zeros", "ones"))
    assert (net.W[0] == 0).all()
    assert (net.W[1] == 1).all()


# biases


def test_biases_have_an_initializer_of_their_own():
    net = dl.Network([3, 4, 2], bias_init=("uniform", 0.1, 0.2), seed=3)
    plain = dl.Network([3, 4, 2], seed=3)
    assert (net.W[0] == plain.W[0]).all()
    assert all(0.1 <= b.min() < b.max() <= 0.2 for b in net.b)


@pytest.mark.parametrize("given", [0.25, ("constant", 0.25), np.float32(0.25), [0.25, 0.25]])
def test_bias_may_be_a_number(given):
    net = dl.Network([3, 4, 2], bias_init=given)
    assert all((b == 0.25).all() for b in net.b)
    assert (dl.Network([3, 4, 2]).W[1] == net.W[1]).all()  # it draws nothing


def test_biases_of_a_layer_take_what_weights_take():
    layers = [
        dl.Dense(400, bias_init="pytorch"),
        dl.Dense(3, bias_init=[1, 2, 3]),
        dl.Dense(2, bias_init=-1),
        dl.Dense(2, bias=False),
    ]
    net = dl.Network(4, layers, bias_init=5, dtype="float64")
    assert np.abs(net.b[0]).max() == pytest.approx(0.5, rel=0.05)  # sqrt(1 / n_in)
    assert np.abs(net.b[0]).max() <= 0.5
    assert net.b[1].tolist() == [1, 2, 3]
    assert net.b[2].tolist() == [-1, -1]
    assert net.b[3] is None


def test_bias_init_of_the_network_is_for_layers_that_say_nothing():
    layers = [dl.Dense(2, init=(np.ones((2, 1)), [7, 8])), dl.Dense(1, init="zeros")]
    net = dl.Network(1, layers, bias_init=5)
    assert net.b[0].tolist() == [7, 8]
    assert net.b[1].tolist() == [5]


def test_bias_init_takes_the_place_of_the_biases_of_a_name():
    net, plain = (dl.Network([3, 2], init="pytorch", bias_init=b) for b in ("zeros", None))
    assert not net.b[0].any()
    assert plain.b[0].any()
    assert (net.W[0] == plain.W[0]).all()


# names that need more than a distribution


@pytest.mark.parametrize(("n_in", "n_out"), [(6, 6), (9, 4), (4, 9), (1, 5), (5, 1)])
@pytest.mark.parametrize("gain", [1.0, 2.5])
def test_rows_or_columns_are_orthonormal(n_in, n_out, gain):
    W = dl.Network([n_in, n_out], init=("orthogonal", gain), dtype="float64").W[0] / gain
    product = W @ W.T if n_out <= n_in else W.T @ W
    assert product == pytest.approx(np.eye(min(n_in, n_out)), abs=1e-14)


def test_orthogonal_matrices_are_distributed_evenly():
    # Haar measure: entries have the mean 0 and the variance 1/n, determinants of either sign
    many = [dl.Network([3, 3], init="orthogonal", seed=s, dtype="float64").W[0] for s in range(999)]
    assert np.mean(many, axis=0) == pytest.approx(np.zeros((3, 3)), abs=0.08)
    assert np.var(many, axis=0) == pytest.approx(np.full((3, 3), 1 / 3), abs=0.04)
    assert np.mean(np.linalg.det(many)) == pytest.approx(0, abs=0.12)


@pytest.mark.parametrize(
    ("hidden", "before", "place", "half", "middle", "low", "high"),
    [
        ("tanh", None, 0, 2, 0, -1, 1),
        ("sigmoid", None, 0, 4, 0, -1, 1),
        ("tanh", "sigmoid", 1, 2, 0, 0, 1),
        ("sigmoid", "tanh", 1, 4, 0, -1, 1),
        ("tanh", "relu", 1, 2, 0, 0, 1),
        ("hard_tanh", "sigmoid", 1, 1, 0, 0, 1),
        ("gaussian", "hard_tanh", 1, 2, 0, -1, 1),
        ("lecun_tanh", None, 0, 3, 0, -1, 1),
        ("hard_sigmoid", "lecun_tanh", 1, 3, 0, -1.7159, 1.7159),
    ],
)
def test_nguyen_and_widrow_spread_active_regions(hidden, before, place, half, middle, low, high):
    n_in, n_out = 3, 7
    first = [dl.Dense(n_in, before)] if before else []
    layers = [*first, dl.Dense(n_out, hidden), dl.Dense(1, "identity")]
    net = dl.Network(n_in, layers, init="nguyen_widrow", dtype="float64")
    W, b = net.W[place], net.b[place]
    length = 0.7 * n_out ** (1 / n_in)
    # x = low + (high - low) (u + 1) / 2 for u in [-1, 1]: z = W' u + b'
    W_u, b_u = W * (high - low) / 2, b + W.sum(axis=1) * (high + low) / 2
    assert np.linalg.norm(W_u, axis=1) == pytest.approx(np.full(n_out, half * length))
    assert (b_u - middle) * np.sign(W[:, 0]) == pytest.approx(
        half * length * np.linspace(-1, 1, n_out)
    )


def test_directions_of_nguyen_and_widrow_are_those_of_uniform_values():
    net = dl.Network([2, 5, 1], activation="tanh", init="nguyen_widrow", seed=2, dtype="float64")
    V = np.random.default_rng(2).uniform(-1, 1, (5, 2))
    cosines = (net.W[0] * V).sum(axis=1) / np.linalg.norm(V, axis=1)
    assert cosines == pytest.approx(np.linalg.norm(net.W[0], axis=1))


def test_single_unit_of_nguyen_and_widrow_has_no_bias():
    net = dl.Network([3, 1], output="tanh", init="nguyen_widrow", dtype="float64")
    assert net.b[0].tolist() == [0]
    assert np.linalg.norm(net.W[0]) == pytest.approx(1.4)


@pytest.mark.parametrize("layer", [dl.Dense(300, "relu"), dl.Dense(300, "tanh", bias=False)])
def test_nguyen_and_widrow_need_an_active_region_and_a_bias(layer):
    net = dl.Network(200, [layer], init="nguyen_widrow", dtype="float64")
    assert filled(net.W[0], -1, 1)
    assert (net.b[0] is None) == (not layer.bias)
    if layer.bias:
        assert 0.9 < np.abs(net.b[0]).max() <= 1


@pytest.mark.parametrize(
    ("activation", "factor"), [("sigmoid", 2), ("relu", 6), ("tanh", 6), ("elu", 6)]
)
def test_factor_of_scikit_learn_is_that_of_the_hidden_layers(activation, factor):
    net = dl.Network([400, 500, 300], activation=activation, init="scikit_learn", dtype="float64")
    for W, b in zip(net.W, net.b, strict=True):
        half = np.sqrt(factor / sum(W.shape))
        assert 0.999 * half < np.abs(W).max() <= half
        assert 0.9 * half < np.abs(b).max() <= half


def test_bound_of_scikit_learn_is_the_one_that_it_uses():
    networks = pytest.importorskip("sklearn.neural_network")
    X, y = np.zeros((10, 300)), np.arange(10.0)
    for activation, ours in (("logistic", "sigmoid"), ("relu", "relu")):
        theirs = networks.MLPRegressor(
            hidden_layer_sizes=(200,), activation=activation, solver="sgd", max_iter=1,
            learning_rate_init=1e-300, random_state=0,
        )  # fmt: skip
        with pytest.warns(UserWarning, match="Maximum iterations"):
            theirs.fit(X, y)
        net = dl.Network([300, 200, 1], activation=ours, init="scikit_learn")
        for W, b, coefs, intercepts in zip(
            net.W, net.b, theirs.coefs_, theirs.intercepts_, strict=True
        ):
            assert np.abs(W).max() == pytest.approx(np.abs(coefs).max(), rel=0.02)
            if len(b) > 1:
                assert np.abs(b).max() == pytest.approx(np.abs(intercepts).max(), rel=0.05)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", ["pytorch", "scikit_learn", "nguyen_widrow"])
def test_layers_without_biases_get_the_same_weights(name, bias):
    net = dl.Network(3, [dl.Dense(4, "relu", bias=bias)], init=name, dtype="float64")
    plain = dl.Network(3, [dl.Dense(4, "relu")], init=name, dtype="float64")
    assert (net.W[0] == plain.W[0]).all()


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
        (None, dl.InvalidTypeError, "init must be a name or a list with one entry per layer"),
        (("uniform", 1, 2, 3), dl.InvalidInputError, r"got \('uniform', 1, 2, 3\).*write \('unif"),
        (("uniform", -1), dl.InvalidInputError, "must be >= 0"),
        (("uniform", 2, 1), dl.InvalidInputError, r"low must be <= high in \('uniform', 2, 1\)"),
        (("normal", 1, 2), dl.InvalidInputError, r"write \('normal', 2\)"),
        ("constant", dl.InvalidInputError, r"got 'constant'.*write \('constant', 0.1\)"),
        (("zeros", 1), dl.InvalidInputError, r"got \('zeros', 1\) as initializer; write 'zeros'"),
        (("pytorch", 1), dl.InvalidInputError, "write 'pytorch'"),
        (("unifor", 1), dl.InvalidInputError, "'unifor'.*did you mean 'uniform'"),
        (("normal", None), dl.InvalidTypeError, "normal of the initializer must be a number"),
        (("normal", np.nan), dl.InvalidInputError, "normal of the initializer must be finite"),
        ([("normal", "zeros")], dl.InvalidTypeError, "write init='he_normal', bias_init='zeros'"),
        ([("normal", np.zeros(3))], dl.InvalidTypeError, "is a name or a pair of arrays"),
        ([(np.zeros((3, 2)), "zeros")], dl.InvalidTypeError, "is a name or a pair of arrays"),
        ("xavier_uniform", dl.InvalidInputError, "did you mean 'glorot_uniform'"),
        ("initnw", dl.InvalidInputError, "did you mean 'nguyen_widrow'"),
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


@pytest.mark.parametrize(
    ("bias_init", "error", "text"),
    [
        ("zero", dl.InvalidInputError, "unknown initializer 'zero'.*did you mean 'zeros'"),
        ("orthogonal", dl.InvalidInputError, "bias_init='orthogonal' is one for weights; use"),
        ("nguyen_widrow", dl.InvalidInputError, "init='nguyen_widrow' alone sets b too"),
        ([1, 2, 3], dl.InvalidInputError, r"bias_init must have one entry per layer \(1\), got 3"),
        (
            [[1, 2]],
            dl.InvalidInputError,
            r"initial b of layer 1 must have shape \(3,\), got.*\(2,\)",
        ),
        ([[[1], [2, 3]]], dl.InvalidInputError, "initial b of layer 1 cannot be read"),
        (np.inf, dl.InvalidInputError, "bias_init of layer 1 must be finite, got inf"),
        (np.zeros(3), dl.InvalidTypeError, "bias_init must be a name or a list with one entry per"),
        ({}, dl.InvalidTypeError, "bias_init of layer 1 must be a number"),
        (1e39, dl.InvalidInputError, "beyond the range of float32"),
    ],
)
def test_wrong_initial_bias_is_refused(bias_init, error, text):
    with pytest.raises(error, match=text):
        dl.Network([2, 3], bias_init=bias_init)


def test_biases_given_twice_are_refused():
    pair = (np.zeros((3, 2)), np.zeros(3))
    for make in (
        lambda: dl.Network(2, [dl.Dense(3, init=pair, bias_init=1)]),
        lambda: dl.Network([2, 3], init=[pair], bias_init=1),
    ):
        with pytest.raises(dl.InvalidInputError, match="biases of layer 1 are given twice"):
            make()


def test_bias_init_of_a_layer_without_bias_is_refused():
    for make in (
        lambda: dl.Network(2, [dl.Dense(3, bias=False, bias_init=1)]),
        lambda: dl.Network(2, [dl.Dense(3, bias=False)], bias_init=[1]),
    ):
        with pytest.raises(dl.InvalidInputError, match="bias=False, but a bias_init of its own"):
            make()


def test_names_of_keras_are_explained():
    with pytest.raises(dl.InvalidTypeError, match="write bias_init='zeros'"):
        dl.Network([2, 3], bias_initializer="zeros")
    with pytest.raises(dl.InvalidTypeError, match="write init='he_normal'"):
        dl.Dense(2, kernel_initializer="he_normal")
