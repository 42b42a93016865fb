"""Networks in whole numbers of 16 bits: what C computes, how near it is, what cannot overflow."""

import shutil

import numpy as np
import pytest
import scipy.sparse

import c_programs
import deltaloop as dl
from deltaloop.formats import in_fixed_point, rounded_to_int8
from deltaloop.interop.c_header.fixed_point import MOST, Table, _reach, best_table, shifted
from deltaloop.kernels.functions import ACTIVATIONS
from deltaloop.kernels.reference import activated
from tolerances import eps

needs_compiler = pytest.mark.skipif(c_programs.COMPILER is None, reason="no C compiler found")
HIDDEN = [row.name for row in ACTIVATIONS.values() if row.f and row.name not in ("softmax", "exp")]
rng = np.random.default_rng(4)


def network(sizes, activation="tanh", dtype="float32", bias=True, scaled=True, output="identity"):
    layers = [dl.Dense(n, activation, bias=bias) for n in sizes[1:-1]]
    net = dl.Network(
        sizes[0], [*layers, dl.Dense(sizes[-1], output, bias=bias)],
        dtype=dtype, seed=1, loss="cross_entropy" if output == "softmax" else "mse",
    )  # fmt: skip
    if scaled:
        X = inputs(net)
        net.scaling = dl.Scaling.standardize(X, X[:, :1] * np.arange(1, sizes[-1] + 1))
    return net


def inputs(net, n=60):
    return np.random.default_rng(0).normal(5, 3, (n, net.sizes[0]))


def everything(dtype):
    nets = {name: network([4, 9, 7, 2], name, dtype) for name in HIDDEN}
    nets["softmax"] = network([4, 9, 3], "relu", dtype, scaled=False, output="softmax")
    nets["no_bias"] = network([4, 17, 1, 3], "elu", dtype, bias=False)
    nets["one_layer"] = network([4, 3], dtype=dtype)
    nets["one_unit"] = network([4, 1, 1], "gelu", dtype)
    return nets


@needs_compiler
@pytest.mark.parametrize("options", [("-O1",), ("-O3", "-march=native"), ("-Os",)])
def test_c_computes_the_same_whole_numbers(tmp_path, dtype, options):
    """Outputs differ by the roundings of the last layer; a whole number more would show."""
    nets = everything(dtype)
    samples = inputs(nets["tanh"])
    exported = c_programs.load(tmp_path, nets, options=options, weights="int16", samples=samples)
    X = np.concatenate([samples, 30 * samples - 150, np.full((1, 4), 1e30)])
    for name, net in nets.items():
        expected = in_fixed_point(net, samples).predict(X)
        np.testing.assert_allclose(
            exported[name].predict(X), expected, atol=30 * eps(dtype) * abs(expected).max(), rtol=0
        )


@needs_compiler
@pytest.mark.parametrize("progmem", [False, True])
def test_header_is_clean_c_and_cpp(tmp_path, progmem):
    nets = everything("float32")
    writing = {"weights": "int16", "samples": inputs(nets["tanh"]), "progmem": progmem}
    source = c_programs.write_all(tmp_path, nets, **writing)
    c_programs.compiled(tmp_path, [source], *c_programs.STRICT, "-Wconversion", "-O0", "-c")
    cpp = shutil.which("g++") or shutil.which("c++")
    if cpp is not None:
        options = ("-x", "c++", "-std=c++11", "-Wall", "-Wextra", "-Werror", "-O0", "-c")
        c_programs.compiled(tmp_path, [source], *options, compiler=cpp)


@pytest.mark.parametrize("name", HIDDEN)
def test_outputs_are_near_those_of_the_network(name):
    """Each A is off by 2^-16 of its range by rounding, and by the lines of its table."""
    net = network([4, 30, 20, 3], name)
    X = inputs(net)
    expected = net.predict(X)
    spread = np.ptp(expected)
    worst = abs(in_fixed_point(net, X).predict(X) - expected).max()
    assert worst < 4e-3 * spread
    assert in_fixed_point(net, X).error < 1e-2
    if name in ("identity", "relu", "tanh", "sigmoid"):
        assert worst < abs(rounded_to_int8(net).predict(X) - expected).max() / 2


def test_digits_are_as_right_as_before():
    data = dl.datasets.load("digits")
    net = dl.Network([64, 30, 10], activation="tanh", loss="cross_entropy", seed=0)
    net.fit(data.X_train, data.y_train, epochs=5, optimizer=dl.SGD(0.01))
    fixed = in_fixed_point(net, data.X_train[:200])
    right, before = (
        (model.predict(data.X_test).argmax(1) == data.y_test).mean() for model in (fixed, net)
    )
    assert before > 0.9
    assert right > before - 0.01
    assert "64-30-10 in 16 bits" in repr(fixed)


@pytest.mark.filterwarnings("ignore:in whole numbers")  # biases that are very large hide the rest
@pytest.mark.parametrize("scale", [1e-25, 1e-3, 1.0, 1e3, 1e25])
@pytest.mark.parametrize("bias", [0.0, 1.0, 1e4])
def test_no_input_makes_a_sum_overflow(scale, bias):
    net = dl.Network([50, 8, 3], activation="relu", seed=2)
    net.W[0][:] *= scale
    net.b[0][:] = bias * scale * rng.normal(size=8)
    net.W[1][:] /= scale
    fixed = in_fixed_point(net, rng.normal(size=(20, 50)))
    for layer in fixed.layers:
        worst = MOST * abs(layer.W.astype(np.int64)).sum(axis=1) + abs(layer.B.astype(np.int64))
        assert (worst <= 2**31 - 2**26).all()
        assert (worst.max() > 2**26) or scale == 1.0 or bias
        A = MOST * np.sign(layer.W.astype(np.int64))
        assert abs(layer.sums(A)).max() < 2**31
    assert np.isfinite(fixed.predict(1e3 * rng.normal(size=(5, 50)))).all()


def test_twice_the_samples_is_represented_and_more_is_cut_off():
    net = dl.Network([1, 1], init=[[[1.0]]])
    fixed = in_fixed_point(net, [[-1.5], [3.0]])
    x = np.array([[0.0], [-3.0], [5.9], [6.0]])
    np.testing.assert_allclose(fixed.predict(x), x, atol=2e-3)
    largest = fixed.predict([[1e9]])[0, 0]
    assert 6 <= largest < 12.1
    assert fixed.predict([[-1e9]])[0, 0] == -largest


@pytest.mark.parametrize("name", HIDDEN)
def test_a_table_is_exact_at_its_values_and_near_between(name):
    alpha = 0.1 if name == "leaky_relu" else 1.0 if name == "elu" else 0.0
    table = best_table(name, alpha, np.linspace(-3, 3, 11))
    T = np.arange(-(2**15), 2**15, 256)
    assert (table.between(T) == table.values[:-1]).all()
    z = np.linspace(-5.9, 5.9, 1000)
    T = shifted(np.rint(z * 2.0**table.z_exponent), 0, table.reach)
    found = table.between(T) * 2.0**-table.exponent
    exact = activated(name, z, alpha)
    assert abs(found - exact).max() < 2e-3 * max(1.0, abs(exact).max())


@pytest.mark.parametrize("steep", [0, -1])
@pytest.mark.parametrize("slope", [0, 100, 4000, 20_000, 60_000])
def test_lines_at_the_ends_go_as_far_as_products_have_32_bits(steep, slope):
    values = np.zeros(257, np.int64)
    values[:: steep or 1][0] = slope - MOST if slope > MOST else slope
    values[[1, -2]] = -MOST if slope > MOST else 0
    values[0 if steep else -1] = values[1]
    assert sorted(abs(np.diff(values)[[0, -1]])) == [0, slope]
    reach = _reach(values.astype(np.int16), 100.0)
    assert slope * reach < 2**31
    assert reach == 2**18 or (slope + 1) * 2 * (reach + 1) >= 2**31  # and no less far
    assert _reach(values.astype(np.int16), 1.0) == MOST
    T = np.array([-reach, reach])
    assert abs(Table(values.astype(np.int16), 15, reach, 0).between(T)).max() <= MOST


def test_shifts_round_half_up_and_are_cut_off():
    S = np.array([5, 6, 7, -5, -6, -7, 2**30, -(2**30)])
    assert shifted(S, 2, MOST).tolist() == [1, 2, 2, -1, -1, -2, MOST, -MOST]
    assert shifted(S, -3, 50).tolist() == [40, 48, 50, -40, -48, -50, 50, -50]
    assert shifted(S, 0, 6).tolist() == [5, 6, 6, -5, -6, -6, 6, -6]


@needs_compiler
@pytest.mark.filterwarnings("ignore:in whole numbers")  # sigmoids of about 0 hardly move
@pytest.mark.parametrize("scale", [1e-9, 1e-10, 1e-15])
@pytest.mark.parametrize("name", ["tanh", "gelu", "sigmoid"])
def test_tiny_sums_meet_tables_within_their_range(tmp_path, scale, name):
    net = network([4, 9, 2], name, scaled=False)
    net.W[0][:] *= scale
    samples = inputs(net)
    fixed = in_fixed_point(net, samples)
    assert fixed.error < 0.01 or name == "sigmoid"  # whose outputs then hardly move
    options = ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover")
    exported = c_programs.load(
        tmp_path, {"net": net}, options=options, weights="int16", samples=samples
    )["net"]
    expected = fixed.predict(samples)
    np.testing.assert_allclose(
        exported.predict(samples), expected, atol=30 * eps("float32") * abs(expected).max()
    )


@needs_compiler
def test_inputs_of_unlike_size_have_powers_of_two_of_their_own(tmp_path, dtype):
    net = network([3, 8, 1], dtype=dtype, scaled=False)
    net.W[0][:, 0] *= 1e-5
    X = rng.normal(size=(200, 3)) * [1e5, 1.0, 0.0]
    fixed = in_fixed_point(net, X)
    assert len(set(fixed.exponents.tolist())) > 1
    assert fixed.error < 2e-3
    for progmem in (False, True) if dtype == "float32" else (False,):
        (folder := tmp_path / str(progmem)).mkdir()  # a library is loaded once by its path
        exported = c_programs.load(
            folder, {"net": net}, weights="int16", samples=X, progmem=progmem
        )["net"]
        expected = fixed.predict(X)
        np.testing.assert_allclose(
            exported.predict(X), expected, atol=30 * eps(dtype) * abs(expected).max()
        )


def test_what_is_lost_is_told(tmp_path):
    net = network([3, 8, 1], scaled=False)
    X = rng.normal(size=(200, 3))
    X[0] = 1e6  # all others are below one step of 16 bits
    with pytest.warns(dl.DeltaloopWarning, match="change by .*% of their standard deviation"):
        assert in_fixed_point(net, X).error > 0.05
    with pytest.warns(dl.DeltaloopWarning, match="leave out samples far from all others"):
        net.to_c(tmp_path / "net.h", weights="int16", samples=X)


def test_zeros_samples_of_zeros_and_sparse_samples():
    net = dl.Network([3, 4, 2], init="zeros", seed=0)
    X = np.eye(3)
    assert (in_fixed_point(net, np.zeros((1, 3))).predict(X) == 0).all()
    assert in_fixed_point(net, np.zeros((1, 3))).error == 0
    net = network([3, 4, 2], scaled=False)
    sparse = in_fixed_point(net, scipy.sparse.csr_array(X))
    assert sparse.predict(X).tobytes() == in_fixed_point(net, X).predict(X).tobytes()


def test_a_fixed_point_keeps_what_the_network_was():
    net = network([3, 4, 2])
    fixed, before = in_fixed_point(net, inputs(net)), net.predict(inputs(net))
    found = fixed.predict(inputs(net))
    net.theta[:] = 0
    assert (fixed.predict(inputs(net)) == found).all()
    assert abs(found - before).max() < 0.05
    assert net.scaling is not None


def refused():
    nan = network([3, 4, 2], scaled=False)
    nan.W[0][0, 0] = np.nan
    return {
        "nan or infinite": nan,
        "shortcuts": dl.Network(3, [dl.Dense(4, "tanh"), dl.Dense(2, shortcuts=[0])]),
        "heads": dl.Network(3, [dl.Dense(heads={"a": dl.Head(1), "b": dl.Head(2)})]),
    }


@pytest.mark.parametrize("told", ["nan or infinite", "shortcuts", "heads"])
def test_networks_without_whole_numbers_are_refused(told, tmp_path):
    net = refused()[told]
    with pytest.raises(dl.InvalidInputError, match=told):
        in_fixed_point(net, np.ones((2, 3)))
    with pytest.raises(dl.InvalidInputError, match=told):
        net.to_c(tmp_path / "net.h", weights="int16", samples=np.ones((2, 3)))
    assert not list(tmp_path.iterdir())


def test_numbers_without_an_exponent_are_refused():
    with pytest.raises(dl.InvalidInputError, match=r"as small as .* have no exponent"):
        in_fixed_point(network([3, 2], scaled=False), np.full((4, 3), 1e-37))
    with pytest.raises(dl.InvalidInputError, match=r"as large as .* have no exponent"):
        in_fixed_point(network([3, 2], scaled=False, dtype="float64"), np.full((4, 3), 1e300))
    net = network([3, 2, 1], "relu", "float64", scaled=False)
    net.W[0][:], net.b[0][:] = 1e-30, 1e300  # with the exponent of W they overflow
    with pytest.raises(dl.InvalidInputError, match=r"as large as 2e\+300 have no exponent"):
        in_fixed_point(net, np.ones((4, 3)))


def test_inputs_are_checked():
    net = network([3, 4, 2])
    with pytest.raises(dl.InvalidInputError, match="samples must have 3 values per sample"):
        in_fixed_point(net, np.ones((2, 4)))
    with pytest.raises(dl.InvalidInputError, match="samples must be finite"):
        in_fixed_point(net, [[np.nan, 0, 0]])
    with pytest.raises(dl.InvalidInputError, match="X must have 3 values per sample"):
        in_fixed_point(net, inputs(net)).predict(np.ones((2, 2)))
