"""Activations and losses of users: the built-in ones once more, written in Python."""

import copy
import math
import pickle
import sys

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.inputs.threads import processors
from watching import noting_threads

pytest.importorskip("numba")

SIZES = [5, 19, 6, 3]
N_SAMPLES = 40
OPTIMIZERS = [
    dl.SGD(learning_rate=0.05),
    dl.SGD(learning_rate=0.02, momentum=0.9),
    dl.SGD(learning_rate=0.02, momentum=0.9, nesterov=True),
    dl.Adam(learning_rate=0.01),
]


def tanh(z):
    return math.tanh(z)


def slope_of_tanh(z, a):
    return 1 - a * a


def softplus(z):
    return max(z, 0) + math.log1p(math.exp(-abs(z)))


def slope_of_softplus(z, a):
    return 1 / (1 + math.exp(-z))  # from z, not from a as the built-in one


def leaky(z):
    return z if z > 0 else 0.1 * z


def slope_of_leaky(z, a):
    return 1.0 if z > 0 else 0.1


def squares(a, y):
    return 0.5 * (a - y) ** 2


def slope_of_squares(a, y):
    return a - y


def entropy(a, y):
    return -(y * math.log(a) + (1 - y) * math.log(1 - a))


def slope_of_entropy(a, y):
    return (a - y) / (a * (1 - a))


OWN = {
    "tanh": dl.custom_activation("own_tanh", tanh, slope_of_tanh),
    "softplus": dl.custom_activation("own_softplus", softplus, slope_of_softplus),
    dl.Activation("leaky_relu", 0.1): dl.custom_activation("own_leaky", leaky, slope_of_leaky),
    "mse": dl.custom_loss("own_mse", squares, slope_of_squares),
    "binary_cross_entropy": dl.custom_loss(
        "own_entropy", entropy, slope_of_entropy, a_range=(0.01, 0.99), y_range=(0, 1)
    ),
}
ACTIVATIONS = ["tanh", "softplus", dl.Activation("leaky_relu", 0.1)]


def network(activation, output, loss, dtype, backend=None, sizes=SIZES):
    net = dl.Network(sizes, activation=activation, output=output, loss=loss, dtype=dtype, seed=3)
    if backend is not None:
        net.use_backend(backend)
    return net


def pair(activation, output, loss, dtype, backend=None, sizes=SIZES):
    """A network of built-in functions, and the same one of functions of a user."""
    settings = (dtype, backend, sizes)
    yield network(activation, output, loss, *settings)
    yield network(
        OWN.get(activation, activation), OWN.get(output, output), OWN.get(loss, loss), *settings
    )


def samples(n=N_SAMPLES, n_in=SIZES[0], n_out=SIZES[-1]):
    generator = np.random.default_rng(1)
    X = generator.normal(size=(n, n_in))
    X[generator.random(X.shape) < 0.4] = 0
    return X, generator.uniform(0.1, 0.9, (n, n_out))


def assert_same(one, other, steps=1):
    tolerance = 100 * math.sqrt(steps) * np.finfo(one.dtype).eps
    np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("batch_size", [1, 7])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=["sgd", "momentum", "nesterov", "adam"])
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_training_is_that_of_the_built_in_functions(
    backend, dtype, activation, optimizer, batch_size
):
    X, Y = samples()
    nets = list(pair(activation, "tanh", "mse", dtype, backend))
    losses = [
        net.fit(X, Y, epochs=2, batch_size=batch_size, optimizer=optimizer).loss for net in nets
    ]
    # Adam divides by what may be rounding alone
    steps = 1e4 if isinstance(optimizer, dl.Adam) else 100
    assert_same(nets[0].theta, nets[1].theta, steps)
    np.testing.assert_allclose(*losses, rtol=1e-4 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize(
    ("output", "loss"),
    [(output, "mse") for output in ("identity", "softplus", "sigmoid", "softmax")]
    # the logarithm of other outputs ends
    + [(output, "binary_cross_entropy") for output in ("sigmoid", "softmax")],
)
def test_passes_are_those_of_the_built_in_functions(backend, output, loss):
    X, Y = samples()
    one, other = pair("tanh", output, loss, "float64", backend)
    assert_same(one.predict(X), other.predict(X))
    assert_same(one.predict(X[:1]), other.predict(X[:1]))
    assert one.loss(X, Y) == pytest.approx(other.loss(X, Y), rel=1e-13)
    for ours, theirs in zip(one.gradients(X, Y)[1:], other.gradients(X, Y)[1:], strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert_same(a, b)


@pytest.mark.parametrize("sizes", [[4, 1], [2, 4, 1], [7, 8, 3], [3, 40, 33, 5], [3, 16, 17]])
@pytest.mark.parametrize("batch_size", [1, 5])
def test_layers_of_any_width(compiled, sizes, batch_size, dtype):
    """Among them those that would take the latency path."""
    X, Y = samples(23, sizes[0], sizes[-1])
    one, other = pair("softplus", "tanh", "mse", dtype, compiled, sizes)
    for net in (one, other):
        net.fit(X, Y, epochs=2, batch_size=batch_size, optimizer=dl.SGD(learning_rate=0.05))
    assert_same(one.theta, other.theta, 100)


def test_own_loss_on_the_latency_path(compiled, dtype):
    X, Y = samples(23, 2, 1)
    one, other = (
        network("tanh", "sigmoid", loss, dtype, compiled, [2, 4, 1]) for loss in ("mse", OWN["mse"])
    )
    for net in (one, other):
        net.fit(X, Y, epochs=2, batch_size=1)
    assert_same(one.theta, other.theta, 100)


def swish(z):
    return z / (1 + math.exp(-z))


def slope_of_swish(z, a):
    s = 1 / (1 + math.exp(-z))
    return s + a * (1 - s)


def huber(a, y):
    d = abs(a - y)
    return 0.5 * d * d if d < 1 else d - 0.5


def slope_of_huber(a, y):
    return min(max(a - y, -1.0), 1.0)


@pytest.fixture(scope="module")
def swish_and_huber():
    return (
        dl.custom_activation("swish", swish, slope_of_swish),
        dl.custom_loss("own_huber", huber, slope_of_huber),
    )


@pytest.fixture
def net(swish_and_huber):
    activation, loss = swish_and_huber
    return network(activation, activation, loss, "float64")


def test_gradient_is_that_of_differences(backend, net):
    net.use_backend(backend)
    X, Y = samples(6)
    _, dW, db, _ = net.gradients(X, 3 * Y)
    h = 1e-5
    for views, slopes in ((net.W, dW), (net.b, db)):
        for view, slope in zip(views, slopes, strict=True):
            place = np.unravel_index(np.abs(slope).argmax(), slope.shape)
            start, ends = view[place], []
            for step in (h, -h):
                view[place] = start + step
                ends.append(net.loss(X, 3 * Y))
            view[place] = start
            assert (ends[0] - ends[1]) / (2 * h) == pytest.approx(slope[place], rel=1e-6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS[:2], ids=["sgd", "momentum"])
@pytest.mark.parametrize("batch_size", [1, 8])
def test_sparse_inputs(backend, net, optimizer, batch_size):
    X, Y = samples()
    other = copy.deepcopy(net)
    for net_, sparse in ((net, False), (other, True)):
        net_.use_backend(backend)
        net_.fit(X, Y, epochs=2, batch_size=batch_size, optimizer=optimizer, sparse=sparse)
    assert_same(net.theta, other.theta, 100)


def test_threads_give_the_same_bits(threaded, net):
    X, Y = samples(600)
    other = copy.deepcopy(net)
    for net_, n_threads in ((net, 1), (other, 3)):
        net_.use_backend(threaded)
        asked = noting_threads(net_)
        net_.fit(X, Y, epochs=2, batch_size=300, n_threads=n_threads)
        assert asked[0] == ("train_epoch", min(n_threads, processors()))  # of these, as pay
        assert all(used <= n_threads for _, used in asked)
    np.testing.assert_array_equal(net.theta, other.theta)
    np.testing.assert_array_equal(net.predict(X), other.predict(X, n_threads=3))
    assert asked[-1] == ("forward", 3)


def test_one_sample_at_a_time(backend, net):
    net.use_backend(backend)
    X, Y = samples(5)
    other = copy.deepcopy(net)
    other.use_backend(backend)
    other.fit(X, Y, epochs=1, batch_size=1, shuffle=False, optimizer=net.optimizer)
    for x, y in zip(X, Y, strict=True):
        net.learn_one(x, y)
    assert_same(net.theta, other.theta)
    assert_same(net.predict_one(X[0]), net.predict(X)[0])
    net.learn_batch(X, Y)
    assert_same(net.predict_one(X[0]), net.predict(X)[0])


def test_a_session_of_its_own(net):
    X, _ = samples(5)
    assert_same(net.session().predict_one(X[0]), net.predict(X)[0])


def test_unpacked_for_functions_of_users(net):
    import numba

    import deltaloop.numba as dn

    @numba.njit
    def step(unpacked, x, y):
        return dn.train_step(unpacked, x, y, 0.1)

    X, Y = samples(5)
    other = copy.deepcopy(net)
    loss = step(dn.unpack(net, batch_size=5), X, Y)
    other.optimizer = dl.SGD(learning_rate=0.1)
    assert loss == pytest.approx(other.learn_batch(X, Y), rel=1e-12)
    assert_same(net.theta, other.theta)


def test_training_that_diverges_is_told(compiled):
    explosive = dl.custom_activation("explosive", lambda z: z * z * z, lambda z, a: 3 * z * z)
    net = network(explosive, "identity", "mse", "float32", compiled)
    before = net.theta.copy()
    X, Y = samples()
    with pytest.raises(dl.DivergenceError):
        net.fit(100 * X, Y, epochs=5)
    np.testing.assert_array_equal(net.theta, before)


def test_padding_stays_zero_where_f_of_zero_is_not_finite(compiled):
    pole = dl.custom_activation("pole", lambda z: 1 / z, lambda z, a: -a * a, z_range=(1, 5))
    X, Y = samples(30)
    net = network(pole, "identity", "mse", "float64", compiled)
    for b in net.b:
        b[:] = 20
    for batch_size in (1, 6):
        net.fit(X, Y, epochs=1, batch_size=batch_size, optimizer=dl.SGD(learning_rate=1e-9))
    used = np.zeros(len(net.theta), bool)
    for k in range(len(net.layers)):
        net.plan.W(used, k)[:] = True
        net.plan.b(used, k)[:] = True
    assert not net.theta[~used].any()


@pytest.mark.parametrize("output", ["identity", None])
def test_default_output_of_an_own_loss(swish_and_huber, output):
    _, loss = swish_and_huber
    net = dl.Network([2, 3, 1], loss=loss, output=output)
    assert (net.loss_name, net.layers[-1].activation.name) == ("own_huber", "identity")


def test_names_are_shown(net):
    text = repr(net)
    assert "loss own_huber" in text and text.count("swish") == 3
    assert str(net.layers[0].activation) == "swish"


@pytest.mark.parametrize("again", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies_compute_the_same(net, again):
    other = again(net)
    X, Y = samples()
    np.testing.assert_array_equal(net.predict(X), other.predict(X))
    assert other.loss_name == "own_huber"
    net.fit(X, Y, epochs=1)
    other.fit(X, Y, epochs=1)
    np.testing.assert_array_equal(net.theta, other.theta)


def test_files_and_c_are_refused(net, swish_and_huber, tmp_path):
    activation, loss = swish_and_huber
    for refused, word in (
        (net, "activation 'swish'"),
        (dl.Network([2, 1], loss=loss), "loss 'own_huber'"),
        (dl.Network([2, 1], output=activation), "activation 'swish'"),
    ):
        with pytest.raises(dl.InvalidInputError, match=word + r" is a function .* no code.*theta"):
            refused.save(tmp_path / "net.npz")
        with pytest.raises(dl.InvalidInputError, match=word + ".* C; use built-in"):
            refused.to_c(tmp_path / "net.h")
    assert not list(tmp_path.iterdir())


def test_functions_that_numba_has_compiled_already():
    import numba

    helper = numba.njit(swish)
    own = dl.custom_activation("mine", lambda z: helper(z), numba.njit(slope_of_swish))
    assert np.isfinite(dl.Network([2, 3, 1], activation=own).predict([[1.0, 2.0]])).all()


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda z, c=2.0: c * z, lambda z, a, c=2.0: c),
        (lambda z, c=None: 2 * z if c is None else c, lambda *at: 2.0),
    ],
)
def test_further_arguments_keep_their_defaults(every_backend, f, slope):
    twice = (
        dl.custom_activation("twice", f, slope),
        dl.custom_activation("doubled", lambda z: 2 * z, lambda z, a: 2.0),
    )
    X, Y = samples()
    for backend in every_backend:
        for dtype in ("float32", "float64"):
            nets = (network(own, "identity", "mse", dtype, backend) for own in twice)
            found, expected = (net.fit(X, Y, epochs=1).loss[0] for net in nets)
            assert found == expected


async def waits(z):
    return z


async def yields(z):
    yield z


def returns_none(z):
    return z if z > 0 else None


@pytest.mark.parametrize(
    ("f", "slope", "error", "text"),
    [
        (lambda z: z * z, lambda z, a: z, ValueError, r"slope of bad is not .* at z = .*-?\d"),
        (tanh, lambda z, a: 1 - z * z, ValueError, "not the derivative"),
        (leaky, lambda z, a: 1.0, ValueError, "gives 1, but differences .* give 0.1"),
        (lambda z: [z], slope_of_tanh, ValueError, r"f of bad must return one number.*list"),
        (tanh, lambda z, a: (z, a), ValueError, "slope of bad must return one number"),
        (lambda z: np.ones(3) * z, slope_of_tanh, ValueError, "one number.*array"),
        (returns_none, slope_of_tanh, ValueError, "one number in every case"),
        (lambda z: 1j * z, slope_of_tanh, ValueError, "one number.*complex"),
        (lambda z: missing(z), slope_of_tanh, ValueError, "cannot be compiled.*'missing'"),  # noqa: F821
        (lambda z: z.real_part, slope_of_tanh, ValueError, "cannot be compiled by Numba: Unknown"),
        (tanh, lambda z, a: print, ValueError, "slope of bad cannot be compiled"),
        (lambda z: 1 / (z - z), slope_of_tanh, ValueError, "f of bad must be finite"),
        (lambda z: math.log(z), lambda z, a: 1 / z, ValueError, "f of bad must be finite.*range"),
        (math.tanh, slope_of_tanh, TypeError, r"must be a Python function.*as in lambda z: math"),
        (np.tanh, slope_of_tanh, TypeError, r"must be a Python function.*as in lambda z: math"),
        ("tanh", slope_of_tanh, TypeError, "must be a Python function, .* got 'tanh'"),
        (tanh, lambda a: 1 - a * a, TypeError, "must take 2 arguments"),
        (squares, slope_of_tanh, TypeError, "must take 1 argument:"),
        (waits, slope_of_tanh, TypeError, r"f\(z\) of bad must be a plain function, not an async"),
        (yields, slope_of_tanh, ValueError, "f of bad cannot be compiled by Numba: Use of unsupp"),
        (lambda z, **more: z, slope_of_tanh, ValueError, "f of bad cannot be compiled by Numba"),
    ],
)
def test_activations_that_are_refused(f, slope, error, text):
    with pytest.raises(error, match=text) as told:
        dl.custom_activation("bad", f, slope)
    assert isinstance(told.value, dl.DeltaloopError)


@pytest.mark.parametrize(
    ("loss", "dloss", "error", "text"),
    [
        (squares, lambda a, y: y - a, ValueError, r"dloss of bad is not .* at a = .*, y = "),
        (squares, lambda a, y: 2 * (a - y), ValueError, "not the derivative"),
        (entropy, slope_of_entropy, ValueError, "loss of bad must be finite.* at a = .*, y ="),
        (lambda a, y: np.array([a]), slope_of_squares, ValueError, "must return one number"),
        (lambda a, y: a.sum(), slope_of_squares, ValueError, "loss of bad cannot be compiled"),
        (lambda a: a, slope_of_squares, TypeError, "must take 2 arguments"),
        (None, slope_of_squares, TypeError, "must be a Python function"),
    ],
)
def test_losses_that_are_refused(loss, dloss, error, text):
    with pytest.raises(error, match=text):
        dl.custom_loss("bad", loss, dloss)


def test_function_that_raises_is_refused():
    def f(z):
        if z > 2:
            raise ValueError("too much")
        return z

    with pytest.raises(dl.InvalidInputError, match=r"raised ValueError at z = .*too much"):
        dl.custom_activation("bad", f, lambda z, a: 1.0)


@pytest.mark.parametrize("name", ["", None, 3])
def test_name_that_is_none(name):
    with pytest.raises(dl.InvalidTypeError, match="name must be a text"):
        dl.custom_activation(name, tanh, slope_of_tanh)


def test_functions_in_the_wrong_place_are_told_the_order():
    with pytest.raises(dl.InvalidTypeError, match=r"name must .* comes before the functions, got"):
        dl.custom_activation(tanh, slope_of_tanh, slope_of_tanh)
    with pytest.raises(dl.InvalidTypeError, match=r"write custom_activation\('mine', f, slope\)"):
        dl.custom_activation(tanh, slope_of_tanh)
    with pytest.raises(dl.InvalidTypeError, match=r"write custom_loss\('mine', loss, dloss\)"):
        dl.custom_loss("mine", squares)


def test_names_that_are_taken():
    with pytest.raises(dl.InvalidInputError, match="'tanh' is built in"):
        dl.custom_activation("tanh", tanh, slope_of_tanh)
    with pytest.raises(dl.InvalidInputError, match="'mse' is built in"):
        dl.custom_loss("mse", squares, slope_of_squares)


@pytest.mark.parametrize(
    ("z_range", "text"), [((1, 1), "low < high"), (3, "a pair"), ((0, "x"), "must be a number")]
)
def test_ranges_that_are_refused(z_range, text):
    with pytest.raises(dl.DeltaloopError, match=text):
        dl.custom_activation("bad", tanh, slope_of_tanh, z_range=z_range)


def test_kinks_are_allowed_where_a_point_meets_them():
    from deltaloop.parts.derivatives import points

    kink = points(-6, 6)[4]
    dl.custom_activation("kinked", lambda z: abs(z - kink), lambda z, a: 1.0 if z > kink else -1.0)


def test_without_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(dl.MissingDependencyError, match="activation 'mine' needs"):
        dl.custom_activation("mine", tanh, slope_of_tanh)
    with pytest.raises(dl.MissingDependencyError, match="loss 'mine' needs"):
        dl.custom_loss("mine", squares, slope_of_squares)


def test_registering_again_compiles_again():
    alpha = 0.1

    def f(z):
        return z if z > 0 else alpha * z

    def slope(z, a):
        return 1.0 if z > 0 else alpha

    def network(activation):
        return dl.Network(1, [dl.Dense(1, activation, init=([[1.0]], [0.0]))])

    first = dl.custom_activation("leaky", f, slope)
    nets = [network(first)]
    alpha = 0.5
    nets += [network(dl.custom_activation("leaky", f, slope)), copy.deepcopy(nets[0])]
    nets.append(network(first))
    assert [net.predict([[-1.0]]).item() for net in nets] == pytest.approx([-0.1, -0.5, -0.1, -0.1])


def test_built_in_networks_hold_no_addresses():
    plan = dl.Network(SIZES).plan
    assert not plan.layers["f"].any() and not plan.layers["slope"].any()


def test_backend_by_name(swish_and_huber):
    activation, loss = swish_and_huber
    X, Y = samples()
    found = [
        dl.Network(SIZES, activation=activation, loss=loss, backend=name).loss(X, Y)
        for name in ("reference", "cython", "numba")
    ]
    np.testing.assert_allclose(found, found[0], rtol=1e-6)


def step_activation():
    def f(z):
        return 1.0 if z > 0 else 0.0

    def slope(z, a):
        return 1.0 if abs(z) < 1 else 0.0

    return dl.custom_activation("step", f, slope, surrogate=True)


@pytest.mark.parametrize("backend", ["reference", "cython", "numba"])
def test_a_surrogate_takes_the_place_of_the_derivative(backend):
    """A layer of steps learns by the slope that it was given, as one written by hand."""
    X, Y = samples()
    layers = [dl.Dense(4, step_activation()), dl.Dense(Y.shape[1], "identity")]
    net = dl.Network(X.shape[1], layers, dtype="float64", seed=2, backend=backend)
    (W1, W2), (b1, b2) = [W.copy() for W in net.W], [b.copy() for b in net.b]
    z = X @ W1.T + b1
    delta2 = (z > 0) @ W2.T + b2 - Y
    delta1 = (delta2 @ W2) * (abs(z) < 1)
    found = net.gradients(X, Y)
    np.testing.assert_allclose(found.dW[0], delta1.T @ X / len(X), rtol=1e-6, atol=1e-9)
    assert np.any(found.dW[0])


def test_a_surrogate_is_one_by_word_alone_and_must_be_finite():
    with pytest.raises(ValueError, match="surrogate=True"):
        dl.custom_activation("step", lambda z: 1.0 if z > 0 else 0.0, lambda z, a: 1.0)
    with pytest.raises(ValueError, match="must be finite"):
        dl.custom_activation(
            "step", lambda z: 1.0, lambda z, a: math.inf if z > 0 else 0.0, surrogate=True
        )
    with pytest.raises(TypeError, match="surrogate"):
        dl.custom_activation("step", lambda z: z, lambda z, a: 1.0, surrogate=2)


def test_copies_of_a_surrogate_are_surrogates():
    assert copy.deepcopy(step_activation()).surrogate
    activation = dl.custom_activation("bent", tanh, bent_slope, surrogate=True)
    assert pickle.loads(pickle.dumps(activation)).surrogate


def bent_slope(z, a):
    return 1 - a * a + 0.1
