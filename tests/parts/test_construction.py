"""Building a network: what may be said about it, what is refused, and how it begins."""

import pickle
import unittest.mock
import warnings

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels

BACKENDS = kernels.available()
rng = np.random.default_rng(7)


# sizes, layers, names


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
    [
        ("mse", "identity"),
        ("binary_cross_entropy", "sigmoid"),
        ("cross_entropy", "softmax"),
        ("huber", "identity"),
        (dl.Loss("huber", threshold=2), "identity"),
    ],
)
def test_output_left_out_is_the_one_that_belongs_to_the_loss(loss, output):
    assert dl.Network([3, 2], loss=loss).layers[-1].activation.name == output


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "sizes", [[1, 1], [1] * 13, [3, 1, 2], [2, 65, 1], [17, 16, 9, 8, 5, 4, 3], [1, 1, 33]]
)
def test_any_depth_and_width_from_one_trains(sizes, backend):
    net = dl.Network(sizes, backend=backend)
    X, Y = np.linspace(-1, 1, 6 * sizes[0]).reshape(6, -1), np.full((6, sizes[-1]), 0.5)
    before = net.loss(X, Y)
    history = net.fit(X, Y, epochs=2, batch_size=4, optimizer=dl.SGD(0.01))
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
    (([4, 8, 3], "relu"), {}, dl.InvalidTypeError, "^layers must be.*keyword: activation='relu'"),
    (([4, 8, 3], np.tanh), {}, dl.InvalidTypeError, "^layers must be.*by keyword: activation="),
    (([4, 3], dl.Activation("elu")), {}, dl.InvalidTypeError, "^layers must.*keyword: activation="),
    (([4, 3], ["relu", "tanh"]), {}, dl.InvalidTypeError, "got str 'relu'; activations are given"),
    ((4, 8), {}, dl.InvalidTypeError, r"^layers must.*got 8; widths alone.*Network\(\[4, 8, 3\]\)"),
    ((4, [8, 3]), {}, dl.InvalidTypeError, r"widths alone are one list: Network\(\[4, 8, 3\]\)"),
    ((4, dl.Dense(8)), {}, dl.InvalidTypeError, r"in brackets: Network\(4, \[Dense\(8\)\]\)"),
    ((4, ((8, "relu"), (3, "tanh"))), {}, dl.InvalidTypeError, r"tuple \(8, 'relu'\); write Dense"),
    ((4, [dl.Dense, dl.Dense]), {}, dl.InvalidTypeError, r"write Dense\(8, 'relu'\)"),
    ((4, {"a": dl.Dense(3)}), {}, dl.InvalidTypeError, r"write Network\(4, \[Dense\(8\)"),
    (([4, 8], [dl.Dense(3)]), {}, dl.InvalidTypeError, r"write Network\(4, \[Dense\(8\), Dense"),
    (([dl.Dense(8), dl.Dense(3)],), {}, dl.InvalidTypeError, r"stands before the list of layers"),
    (([4, dl.Dense(8)],), {}, dl.InvalidTypeError, r"stands before the list of layers"),
    (({4, 8, 3},), {}, dl.InvalidTypeError, r"list of widths.*got \{"),  # a set has no order
    (({4: 8, 8: 3},), {}, dl.InvalidTypeError, "list of widths"),
    (([4.0, 8, 3],), {}, dl.InvalidTypeError, "whole number, got 4.0 of type float; write 4"),
    (([4, 3],), {"activation": ["relu"]}, dl.InvalidTypeError, "got list; for several give the la"),
    (([4, 3],), {"loss": dl.SGD()}, dl.InvalidTypeError, "got SGD; an optimizer is given to fit"),
    (([4, 3],), {"loss": dl.Adam}, dl.InvalidTypeError, "an optimizer is given to fit"),
    (([4, 1],), {"loss": None}, dl.InvalidTypeError, "a name such as 'mse', got NoneType"),
    (([4, 1],), {"output": 3}, dl.InvalidTypeError, "a name such as 'relu'.*got int"),
    (([4, 1],), {"seed": -1}, dl.DeltaloopError, "seed must be a whole number >= 0.*got -1"),
    (([4, 1],), {"seed": 1.5}, dl.InvalidTypeError, "seed must be.*got 1.5"),
    (([4, 1],), {"seed": True}, dl.InvalidTypeError, "seed must be.*got True"),
    (([4, 1],), {"seed": np.array([[1.5]])}, dl.InvalidTypeError, r"seed must be.*1\.5"),
    (([4, 1],), {"seed": -(10**5000)}, dl.InvalidInputError, "seed must be.*got one of type int"),
    (([4, 1],), {"dtype": ","}, dl.InvalidInputError, "unknown dtype ','"),
    (([4, 1],), {"dtype": 10**5000}, dl.InvalidInputError, "unknown dtype one of type int"),
    (([10**30, 1],), {}, dl.InvalidInputError, r"whole number >= 1 and < 2\^63, got 10{30}"),
    ((2, [dl.Dense(2**62)]), {}, dl.InvalidInputError, "more than the memory.*narrower layers"),
    (([10**12, 1],), {}, dl.InvalidInputError, "network of 1,000,000,000,001 parameters"),
    (([10**6, 10**6, 1],), {}, dl.InvalidInputError, "more than the memory.*narrower layers"),
    (([4, 1],), {"seed": "a"}, dl.InvalidTypeError, "seed must be.*got 'a'"),
    (([4, 1],), {"init": ["zeros", "zeros"]}, dl.InvalidInputError, r"per layer \(1\), got 2"),
    (([4, 1],), {"init": None}, dl.InvalidTypeError, "init must be a name"),
    (([4, 1],), {"init": 5}, dl.InvalidTypeError, "init must be a name"),
    (
        ([4, 1],),
        {"backend": np.array(["auto", "numba"])},
        dl.InvalidInputError,
        "unknown backend a",
    ),
    (([4, 1],), {"loss": unittest.mock.Mock(__name__=3)}, dl.InvalidTypeError, "got Mock"),
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
    with pytest.raises(dl.InvalidInputError, match=r"activation 'sigmod'.*mean 'sigmoid'"):
        dl.Network([2, 1], activation="sigmod")
    with pytest.raises(dl.InvalidTypeError, match=r"such as 'relu'.*got int"):
        dl.Network([2, 1], activation=3)


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        ((4, 8, 3), {}, r"write Network\(\[4, 8, 3\]\) or .* by keyword: activation, output, loss"),
        ((4, dl.Dense(8), dl.Dense(3)), {}, r"or Network\(4, \[Dense\(8\), Dense\(3\)\]\)"),
        ((), {}, "missing 1 required positional argument: 'sizes'; write Network"),
        (([4, 1],), {"optimizer": dl.SGD()}, r"'optimizer'; write net.fit\(X, Y, optimizer=SGD\("),
        (([4, 1],), {"lr": 0.1}, r"'lr'; write net.fit\(X, Y, optimizer=SGD\("),
        (([4, 1],), {"random_state": 1}, "'random_state'; write seed=0"),
        (([4, 1],), {"hidden": 3}, "'hidden'; write Network.* by keyword: activation, output"),
    ],
)
def test_call_that_does_not_fit_is_told_what_to_write(arguments, options, text):
    with pytest.raises(dl.InvalidTypeError, match=text):
        dl.Network(*arguments, **options)


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
        (2, "relu", "binary_cross_entropy", "'relu' leaves.*use output='sigmoid'"),
        (2, "tanh", "cross_entropy", "sum to 1, but output='tanh'.*use output='softmax'"),
        # the loss is lowest where all outputs are 1
        (2, "sigmoid", "cross_entropy", "sum to 1, but output='sigmoid'.*use output='softmax'"),
    ],
)
def test_output_that_does_not_suit_the_loss_warns_at_the_line_of_the_user(
    n_out, output, loss, text
):
    with pytest.warns(dl.DeltaloopWarning, match=text) as caught:
        dl.Network([3, n_out], output=output, loss=loss)
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.warns(dl.DeltaloopWarning, match=text) as caught:
        dl.Network(3, [dl.Dense(n_out, output)], loss=loss)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    ("output", "loss"),
    [
        ("sigmoid", "mse"),
        ("relu", "mse"),
        ("softmax", "mse"),
        ("sigmoid", "binary_cross_entropy"),
        ("softmax", "binary_cross_entropy"),
        ("softmax", "cross_entropy"),
    ],
)
def test_output_that_suits_the_loss_does_not_warn(output, loss):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dl.Network([3, 2], output=output, loss=loss)


def test_backend_of_the_environment_is_used(monkeypatch):
    monkeypatch.setenv("DELTALOOP_BACKEND", "reference")
    assert dl.Network([2, 1]).backend_name == "reference"


def test_wrong_backend_in_the_environment_is_named_as_the_cause(monkeypatch):
    monkeypatch.setenv("DELTALOOP_BACKEND", "fortran")
    with pytest.raises(
        dl.InvalidInputError,
        match=r"unknown backend in DELTALOOP_BACKEND 'fortran', expected one of 'cython', 'numba'",
    ):
        dl.Network([2, 1])
    assert dl.Network([2, 1], backend="reference").backend_name == "reference"


def test_backend_asked_for_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("DELTALOOP_BACKEND", "reference")
    assert dl.Network([2, 1], backend="cython").backend_name == "cython"


@pytest.mark.parametrize("value", ["auto", ""])
def test_backend_auto_or_empty_in_the_environment_is_the_default(monkeypatch, value):
    monkeypatch.setenv("DELTALOOP_BACKEND", value)
    assert dl.Network([2, 1]).backend_name == "cython"


# where it begins


def test_one_seed_starts_float32_from_the_rounded_float64_network():
    single, double = (dl.Network([4, 3, 2], seed=8, dtype=d) for d in ("float32", "float64"))
    for a, b in zip(single.W, double.W, strict=True):
        assert (a == b.astype(np.float32)).all()


@pytest.mark.parametrize("seed", [np.int8(5), np.array(5), [5], np.random.SeedSequence(5)])
def test_one_seed_in_any_form_is_the_same(seed):
    assert (dl.Network([3, 2], seed=seed).theta == dl.Network([3, 2], seed=5).theta).all()


def test_generator_given_as_seed_is_used_and_advanced():
    generator = np.random.default_rng(5)
    first, second = (dl.Network([3, 2], seed=generator) for _ in range(2))
    assert first.theta.tobytes() == dl.Network([3, 2], seed=5).theta.tobytes()
    assert first.theta.tobytes() != second.theta.tobytes()
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
