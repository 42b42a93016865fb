"""Networks and samples go to FANN and back, and compute the same there."""

import ctypes

import numpy as np
import pytest

import deltaloop as dl
from damaged_files import check_changes, check_cuts
from deltaloop.interop.fann import _FUNCTIONS
from fann_library import Fann

X = np.random.default_rng(0).uniform(-2, 2, (9, 3))
EXACT = [one.name for one in _FUNCTIONS if not one.approximates]
CLOSE = {"float32": 3e-6, "float64": 1e-13}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.net"


@pytest.fixture
def fann(dtype):
    return Fann(dtype.name)


def same_in_fann(fann, net, path, **options):
    assert dl.formats.write(net, path) == []
    found = fann.run(fann.load(path), X, **options)
    np.testing.assert_allclose(found, net.predict(X), rtol=0, atol=CLOSE[net.dtype.name])
    back = dl.formats.read(path)
    assert back.dtype == net.dtype
    return back


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("bias", [True, False])
def test_every_activation_of_fann_computes_the_same_there(fann, dtype, path, name, bias):
    layers = [dl.Dense(5, name, bias), dl.Dense(4, name, bias), dl.Dense(2, name, bias)]
    net = dl.Network(3, layers, dtype=dtype, seed=1)
    for b in net.b:
        if b is not None:
            b[:] = np.linspace(-0.5, 0.5, len(b))
    back = same_in_fann(fann, net, path)
    if name == "hard_sigmoid":  # its bias takes a 3 on the way
        np.testing.assert_allclose(back.predict(X), net.predict(X), atol=CLOSE[dtype.name])
    else:
        assert back.layers == net.layers
        assert back.parameters.tobytes() == net.parameters.tobytes()


def test_shortcuts_and_masks_go_along(fann, dtype, path):
    mask = np.random.default_rng(2).random((4, 8)) < 0.6
    mask[3] = False  # a unit without connections
    layers = [
        dl.Dense(5, "tanh"), dl.Dense(4, "sigmoid", mask=mask, shortcuts=[0]),
        dl.Dense(2, "identity", bias=False, shortcuts=[0, 1]),
    ]  # fmt: skip
    net = dl.Network(3, layers, dtype=dtype, seed=4)
    back = same_in_fann(fann, net, path)
    assert back.layers == net.layers
    np.testing.assert_array_equal(back.parameters, net.parameters)
    assert (back.layers[1].mask == mask).all()


def test_unit_without_any_connection_is_no_bias(fann, dtype, path):
    mask = np.array([[1, 0, 1], [0, 0, 0]])
    layers = [dl.Dense(2, "tanh", bias=False, mask=mask), dl.Dense(1, "identity")]
    net = dl.Network(3, layers, dtype=dtype, seed=4)
    back = same_in_fann(fann, net, path)
    np.testing.assert_array_equal(back.predict(X), net.predict(X))


def test_scaling_goes_along(fann, dtype, path):
    net = dl.Network([3, 4, 2], activation="tanh", dtype=dtype, seed=4)
    net.scaling = dl.Scaling([0.5, -2, 0.25], [0.5, 3, 1.5], [10, -4], [0.5, 2])
    assert dl.formats.write(net, path) == []
    found = fann.run(fann.load(path), X, scales=True)
    np.testing.assert_allclose(found, net.predict(X), atol=1e-5)  # FANN scales in float32
    back = dl.formats.read(path)
    for name in ("x_mean", "x_scale", "y_mean", "y_scale"):
        np.testing.assert_allclose(getattr(back.scaling, name), getattr(net.scaling, name))
    np.testing.assert_allclose(back.predict(X), net.predict(X), rtol=1e-6)


@pytest.mark.parametrize("kind", ["standard", "shortcut", "sparse"])
def test_network_that_fann_saved_is_read(fann, dtype, path, kind):
    more = [ctypes.c_float(0.6)] if kind == "sparse" else []
    net = fann.create(kind, [3, 6, 4, 2], *more)
    fann.call("set_activation_function_hidden", net, 5)
    fann.call("set_activation_function_output", net, 3)
    fann.call("set_activation_steepness_hidden", net, fann.number(0.75))
    fann.call("randomize_weights", net, fann.number(-2), fann.number(2))
    assert fann.call("save", net, str(path).encode()) == 0
    back = dl.formats.read(path)
    assert [layer.activation.name for layer in back.layers] == ["tanh", "tanh", "sigmoid"]
    assert (back.layers[2].shortcuts == (0, 1)) == (kind == "shortcut")
    assert (back.layers[0].mask is not None) == (kind == "sparse")
    # weights of float32, as the random ones of FANN are, make a network in float32
    atol = 1e-6 if back.dtype == np.float32 else 1e-13
    np.testing.assert_allclose(back.predict(X), fann.run(net, X), rtol=0, atol=atol)


@pytest.mark.parametrize("code", [4, 6])
def test_stepwise_function_is_read_with_a_warning_that_says_how_far_off(fann, path, code):
    net = fann.create("standard", [3, 1])
    fann.call("set_activation_function_output", net, code)
    assert fann.call("save", net, str(path).encode()) == 0
    with pytest.warns(dl.DeltaloopWarning, match="straight lines that are up to"):
        back = dl.formats.read(path)
    bound = next(one.approximates for one in _FUNCTIONS if one.code == code)
    many = np.random.default_rng(0).uniform(-60, 60, (4000, 3))
    off = np.abs(back.predict(many) - fann.run(net, many)).max()
    assert 0.5 * bound < off <= bound


def test_activation_that_fann_lacks_is_refused_with_the_list(path):
    with pytest.raises(dl.InvalidInputError, match="FANN has no activation 'gelu'; it has gauss"):
        dl.formats.write(dl.Network([3, 2, 1], activation="gelu"), path)
    assert not path.exists()


def test_heads_are_refused(path):
    with pytest.raises(dl.InvalidInputError, match="one kind of outputs"):
        dl.formats.write(dl.Network([3, 2, 1], loss="gaussian_nll"), path)


def test_what_fann_does_not_keep_is_told(path):
    net = dl.Network([3, 2, 2], loss="binary_cross_entropy", dropout=0.5)
    net.classes, net.metadata = ("a", "b"), {"x": 1}
    told = ["names of classes", "what it knows of columns", "the loss binary_cross_entropy",
            "dropout, noise, frozen layers, learning rates of layers or the optimizer"]  # fmt: skip
    assert dl.formats.write(net, path) == told


def test_samples_are_read_by_fann(fann, dtype, tmp_path):
    path = tmp_path / "data.train"
    Y = X[:, :2] ** 2
    dl.formats.write_fann_train(path, X, Y)
    data = fann.library.fann_read_train_from_file(str(path).encode())
    assert data
    other = tmp_path / "other.train"
    assert fann.library.fann_save_train(ctypes.c_void_p(data), str(other).encode()) == 0
    for one in (path, other):
        table = dl.tables.read(one)
        found = np.column_stack([table.column(name) for name in table.columns])
        atol = 1e-16 if one is path else 1e-6
        np.testing.assert_allclose(found, np.hstack([X, Y]), rtol=0, atol=atol)


def test_samples_that_make_no_sense_are_refused(tmp_path):
    path = tmp_path / "data.train"
    with pytest.raises(dl.InvalidInputError, match="as many rows"):
        dl.formats.write_fann_train(path, X, X[1:])
    with pytest.raises(dl.InvalidInputError, match="finite"):
        dl.formats.write_fann_train(path, X, X * np.nan)
    assert not path.exists()


# damaged files


def whole(path):
    mask = np.arange(12).reshape(4, 3) % 4 > 0
    net = dl.Network(3, [dl.Dense(4, "tanh", mask=mask), dl.Dense(2, "sigmoid")], seed=3)
    net.scaling = dl.Scaling([1.0, 2, 3], [1.0, 2, 3])
    dl.formats.write(net, path)
    return path.read_bytes()


def test_file_cut_anywhere_is_refused(path):
    last = whole(path).rstrip().rindex(b")")
    check_cuts(path, [*range(0, last, 17), *range(last - 8, last)])


@pytest.mark.filterwarnings("ignore::deltaloop.DeltaloopWarning")
def test_changed_byte_is_refused_or_another_network(path):
    whole(path)
    check_changes(path, 3)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("FANN_FLO_2.1", "FANN_FIX_2.1", "has the format FANN_FIX_2.1"),
        ("FANN_FLO_2.1", "something", "no network of FANN"),
        ("num_layers=3", "num_layers=2000000000", "are not its"),
        ("layer_sizes=4 5 3", "layer_sizes=4 5 2147483647", "are not its"),
        ("layer_sizes=4 5 3", "layer_sizes=4 5 -3", "whole numbers"),
        ("layer_sizes=4 5 3", "layer_sizes=1 8 3", "no neuron|a bias"),
        ("layer_sizes=4 5 3", "layer_sizes=nan 5 3", "whole numbers"),
        ("(0, -", "(8, -", "does not lead"),
        ("(0, -", "(99999, -", "not there"),
        ("(0, -", "(0.5, -", "not there"),
        ("(0, -", "(nan, -", "not there"),
        ("(0, -", "(0, nan", "no whole network|nan"),
        ("(0, -", "(0, 1e999 -", "groups of 2|wants"),
        ("(3, 5, 1.0", "(3, 9, 1.0", "activation_function"),
        ("(3, 5, 1.0", "(2000000000, 5, 1.0", "want 2e"),
        ("scale_included=1", "scale_included=0\nscale_included=1", "twice"),
        ("scale_mean_in=", "scale_mean_on=", "lacks 'scale_mean_in'"),
        ("scale_mean_in=", "scale_mean_in=7 ", "has not 3 values"),
        ("scale_factor_in=1.0", "scale_factor_in=0.0", "finite|nan|scale"),
        ("network_type=0", "network_type=1", "has the activation_function"),
    ],
)
def test_file_that_makes_no_sense_is_refused(path, old, new, told):
    content = whole(path).decode()
    assert old in content
    path.write_text(content.replace(old, new, 1))
    with pytest.raises(dl.FileFormatError, match=told):
        dl.formats.read(path)


def test_small_file_with_huge_layers_is_refused_before_memory_is_taken(path):
    n = 30_000
    neurons = "(0, 0, 0) " * (n + 1) + "(1, 5, 1) " * n + "(0, 0, 0) "
    text = f"FANN_FLO_2.1\nnum_layers=2\nnetwork_type=0\nlayer_sizes={n + 1} {n + 1}\n"
    text += "scale_included=0\n"
    text += f"neurons (num_inputs, activation_function, activation_steepness)={neurons}\n"
    text += f"connections (connected_to_neuron, weight)={'(0, 1) ' * n}\n"
    path.write_text(text)
    with pytest.raises(dl.FileFormatError, match="more than the 2 GiB"):
        dl.formats.read(path)
