"""Networks as C headers: they compile without a warning, and compute what the network does."""

import platform
import re
import shutil
import subprocess
from itertools import cycle

import numpy as np
import pytest

import c_programs
import cases
import deltaloop as dl
import exact
from c_programs import STRICT
from cases import ALPHA, HIDDEN, PAIRS
from deltaloop.interop.c_header.functions import FUNCTIONS
from deltaloop.interop.c_header.whole_numbers import FIXED
from deltaloop.kernels.interface import ACTIVATIONS
from tolerances import (
    ULP,
    UNDERFLOW,
    are_useful,
    assert_within,
    eps,
    expected_within,
    most_ulp,
    sure,
)

needs_compiler = pytest.mark.skipif(c_programs.COMPILER is None, reason="no C compiler found")
unusual = pytest.mark.filterwarnings("ignore::deltaloop.DeltaloopWarning")  # pairs, targets


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.h"


def predictions(net, theta, X):
    net.theta[:] = theta
    return {"y": net.predict(X)}


# ---------------------------------------------------------------- predict


def every_activation(dtype):
    """{name: (net, X)}: every hidden and output activation, widths, biases, scaling."""
    outputs, widths, scalings = cycle(ACTIVATIONS), cycle([5, 1, 17]), cycle([0, 1, 2, 0, 1])
    found = {}
    for hidden in HIDDEN:
        for width in (1, 5, 17):
            output, n_out, scaling = next(outputs), next(widths), next(scalings)
            sizes, activations = [3, width, width, n_out], [hidden, hidden, output]
            biases = [True, False, len(found) % 2 == 0]
            case = cases.case(len(found), sizes, activations, "mse", dtype, 20, biases)
            net = c_programs.network_of(case, activations, ALPHA, "mse")
            if scaling:
                Y = np.random.default_rng(0).normal(3, 2, case.Y.shape)
                net.scaling = dl.Scaling.standardize(case.X, Y if scaling == 2 else None)
            found[f"{hidden}_{width}_{output}"] = net, case.X
    return found


@needs_compiler
@unusual
def test_outputs_of_every_activation_equal_predict(tmp_path, dtype):
    jobs = every_activation(dtype)
    assert {name.rsplit("_", 1)[1] for name in jobs} >= {"softmax", "identity", "softplus"}
    exported = c_programs.load(tmp_path, {name: net for name, (net, _) in jobs.items()})
    for name, (net, X) in jobs.items():
        n_terms = max(net.sizes) + 1
        expected, tolerance = expected_within(
            lambda theta, X, Y, net=net: predictions(net, theta, X), net.theta.copy(), X, X, n_terms
        )
        assert_within({"y": exported[name].predict(X)}, expected, tolerance)
        assert are_useful(expected, tolerance), name


def unit(activation, dtype, loss="mse"):
    """A network with a = f(x)."""
    layer = dl.Dense(1, dl.Activation(activation, ALPHA.get(activation)), bias=False)
    return dl.Network(1, [layer], loss=loss, dtype=dtype, init=[[[1.0]]])


@needs_compiler
@pytest.mark.parametrize("options", [("-O1",), ("-O3", "-march=native"), ("-Os",)])
def test_activations_are_as_accurate_as_those_of_the_kernels(tmp_path, dtype, options):
    info = np.finfo(dtype)
    far = 120 if dtype == np.float32 else 760  # exp(-far) underflows
    sizes = np.geomspace(float(info.smallest_subnormal), float(info.max) / 2, 200)
    z = np.concatenate(
        [[0.0, float(info.max) * 0.9], sizes, np.linspace(0, 4, 500), np.linspace(4, far)]
    )
    z = np.unique(np.concatenate([z, -z]).astype(dtype))
    nets = {name: unit(name, dtype) for name in ULP}
    exported = c_programs.load(tmp_path, nets, options=options)
    for name in ULP:
        alpha, of_z = float(dtype.type(ALPHA.get(name, 0))), z[abs(z) <= sure(name, dtype)]
        truths = [exact.value(name, x, alpha) for x in of_z.tolist()]
        # the longest float of the machine holds what is needed of the 60 digits
        wanted = np.array([np.longdouble(str(truth)) for truth in truths])
        found = exported[name].predict(of_z[:, None])[:, 0].astype(np.longdouble)
        beyond = abs(wanted) > info.max
        assert (found[beyond] == np.copysign(np.inf, wanted[beyond])).all()
        wanted[beyond] = found[beyond] = 1
        most = [most_ulp(name, float(truth)) for truth in truths]
        ulp = np.spacing(np.maximum(abs(wanted), info.tiny).astype(dtype)).astype(np.longdouble)
        errors = np.maximum(abs(found - wanted) - UNDERFLOW[name] * info.tiny, 0) / ulp - most
        worst = np.argmax(np.where(np.isnan(errors), np.inf, errors))
        assert errors[worst] <= 0, f"{name}: {errors[worst]} ulp too many at {of_z[worst]}"


@needs_compiler
def test_softmax_of_large_values_equals_predict(tmp_path, dtype):
    net = dl.Network([1, 3], loss="cross_entropy", dtype=dtype, init=[[[1.0], [-1.0], [0.5]]])
    X = np.array([[0.0], [1], [-1], [90], [-800], [1e4], [-1e30], [1e37]])
    found = c_programs.load(tmp_path, {"net": net})["net"].predict(X)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, net.predict(X), rtol=100 * eps(dtype), atol=1e-37)


@needs_compiler
@pytest.mark.filterwarnings("ignore:x of the header is float")
def test_inputs_far_from_zero_keep_their_digits(tmp_path, dtype):
    net = dl.Network(2, [dl.Dense(2, "identity", False)], dtype=dtype, init=[np.eye(2)])
    net.scaling = dl.Scaling([1e6 + 0.123, -4e5 - 0.01], [0.7, 3.0])
    X = np.array([[1e6, -4e5], [1e6 + 1, -4e5 + 2], [0, 0], [1e6 - 8, 5]])
    found = c_programs.load(tmp_path, {"net": net})["net"].predict(X)
    np.testing.assert_allclose(found, net.predict(X), rtol=4 * eps(dtype))


# ---------------------------------------------------------------- learn_one


def learned(net, X, Y, learning_rate):
    """Sum of the losses and parameters after all samples, one by one."""
    net.optimizer = dl.SGD(learning_rate)
    loss = sum(net.learn_one(x, y) for x, y in zip(X, Y, strict=True))
    return {"loss": loss, **c_programs.arrays(net)}


def steps_of_every_pair(dtype):
    """{name: (net, case, learning rate, whether the test would see an error)}"""
    hidden, found = cycle(HIDDEN), {}
    for activation, loss in PAIRS:
        activations = [next(hidden), next(hidden), activation]
        biases = [True, False, len(found) % 2 == 0]
        case = cases.case(5, [6, 9, 17, 4], activations, loss, dtype, 24, biases)
        net = c_programs.network_of(case, activations, ALPHA, loss)
        found[f"{activation}_{loss}"] = net, case, cases.gentle(dl.SGD(0.01), case), True
    for activation in cases.UNBOUNDED:
        for loss in ("binary_cross_entropy", "cross_entropy"):
            case = cases.across_limits(activation, loss, dtype)
            net = c_programs.network_of(case, [activation], ALPHA, loss)
            found[f"limits_{activation}_{loss}"] = net, case, dl.SGD(1e-6).rule(), False
    return found


@needs_compiler
@unusual
def test_learn_one_equals_that_of_python_for_every_pair_of_output_and_loss(tmp_path, dtype):
    jobs = steps_of_every_pair(dtype)
    # a hundred networks: gcc takes three times as long with -O1
    nets = {name: job[0] for name, job in jobs.items()}
    exported = c_programs.load(tmp_path, nets, learn=True, options=("-O0",))
    for name, (net, case, rule, useful) in jobs.items():
        _, tolerance = expected_within(
            lambda *shaken, net=net, case=case, rule=rule: cases.trained(
                net.backend, cases.Case(case.plan, *shaken), rule, None, 1
            ),
            *case[1:],
            cases.longest_sum(case.plan, 1) + len(case.X),
        )
        before, rate = exported[name].parameters(), rule.hyper[0]
        actual = {"loss": exported[name].epoch(case.X, case.Y, rate), **exported[name].parameters()}
        expected = {k: np.array(v) for k, v in learned(net, case.X, case.Y, rate).items()}
        tolerance = {k: tolerance[k] for k in expected}
        assert_within(actual, expected, tolerance)
        if useful:
            assert are_useful(expected, tolerance), name
            # the steps are far larger than what is tolerated
            assert any(abs(actual[k] - v).max() > 20 * tolerance[k] for k, v in before.items())


@needs_compiler
@pytest.mark.parametrize("output", ["tanh", "softplus"])
def test_learn_one_is_right_where_output_and_loss_do_not_cancel(tmp_path, output, dtype):
    generator = np.random.default_rng(3)
    X, Y = generator.normal(size=(20, 3)), generator.uniform(0, 0.8, (20, 2))
    net = dl.Network([3, 4, 2], activation="tanh", output=output, loss="mse", dtype=dtype)
    exported = c_programs.load(tmp_path, {"net": net}, learn=True, options=("-O0",))["net"]
    before = exported.parameters()
    loss, expected = exported.epoch(X, Y, 0.1), learned(net, X, Y, 0.1)
    assert loss == pytest.approx(expected.pop("loss"), rel=1000 * eps(dtype))
    for name, values in exported.parameters().items():
        np.testing.assert_allclose(values, expected[name], atol=200 * eps(dtype))
        assert abs(values - before[name]).max() > 0.01


@needs_compiler
@pytest.mark.parametrize("scaled_targets", [False, True])
def test_learn_one_takes_data_in_the_units_of_the_user(tmp_path, dtype, scaled_targets):
    generator = np.random.default_rng(1)
    X = generator.normal(50, 4, (30, 3)).astype(dtype)
    Y = X @ np.array([[1.0, 2], [3, -1], [0, 1]], dtype) / (1 if scaled_targets else 50)
    net = dl.Network([3, 5, 2], activation="tanh", dtype=dtype)
    net.scaling = dl.Scaling.standardize(X, Y if scaled_targets else None)
    exported = c_programs.load(tmp_path, {"net": net}, learn=True)["net"]
    loss, expected = exported.epoch(X, Y, 0.1), learned(net, X, Y, 0.1)
    assert loss == pytest.approx(expected.pop("loss"), rel=1000 * eps(dtype))
    for name, values in exported.parameters().items():
        np.testing.assert_allclose(values, expected[name], atol=200 * eps(dtype))
    outputs = net.predict(X)
    np.testing.assert_allclose(
        exported.predict(X), outputs, atol=500 * eps(dtype) * abs(outputs).max()
    )


@needs_compiler
@unusual
def test_logarithms_of_losses_are_right_from_end_to_end(tmp_path, dtype):
    nets = {
        loss: unit("identity", dtype, loss) for loss in ("cross_entropy", "binary_cross_entropy")
    }
    nets["logits"] = unit("sigmoid", dtype, "binary_cross_entropy")
    exported = c_programs.load(tmp_path, nets, learn=True)
    low, zero, one = eps(dtype), np.zeros((1, 1)), np.ones((1, 1))
    for a in np.concatenate([np.geomspace(low, 1e30, 300), np.linspace(0.5, 1.5, 101)]).astype(
        dtype
    ):
        loss = exported["cross_entropy"].epoch([[a]], one, 0.0)
        assert loss == pytest.approx(-np.log(float(a)), rel=2 * low, abs=low * low)
    for a in np.concatenate([np.geomspace(low, 0.99, 300), 1 - np.geomspace(low, 0.5)]).astype(
        dtype
    ):
        loss = exported["binary_cross_entropy"].epoch([[a]], zero, 0.0)
        assert loss == pytest.approx(-np.log1p(-float(a)), rel=3 * low)
    for z in np.array([0, 1e-6, 0.3, 17, 90, 800, 1e4, 1e30, -0.3, -17, -90, -800, -1e30], dtype):
        for target in (zero, one):
            loss, wanted = (
                exported["logits"].epoch([[z]], target, 0.0),
                nets["logits"].loss([[z]], target),
            )
            assert loss == pytest.approx(wanted, rel=4 * low, abs=1e-37)


# ---------------------------------------------------------------- the text


@needs_compiler
def test_parameters_keep_every_bit(tmp_path, dtype):
    net = dl.Network([3, 5, 2], dtype=dtype, seed=3)
    info = np.finfo(dtype)
    net.W[0][:] = (info.max / np.arange(1, 16)).reshape(5, 3)
    net.b[0][:] = [-0.0, info.smallest_subnormal, np.pi, -1e-30, 1]
    exported = c_programs.load(tmp_path, {"net": net})["net"]
    for name, values in exported.parameters().items():
        assert values.tobytes() == c_programs.arrays(net)[name].tobytes(), name


@needs_compiler
@unusual
@pytest.mark.parametrize("learn", [False, True])
def test_every_header_is_cpp_as_well_and_promotes_no_float(tmp_path, learn):
    nets = {
        name: job[0] for name, job in steps_of_every_pair(np.dtype("float32")).items()
        if learn or job[0].loss_name == "mse"  # without steps, the loss is not written
    }  # fmt: skip
    source = c_programs.write_all(tmp_path, nets, learn)
    more = ("-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Wunused-macros")
    if not learn:  # the sum of losses is a double on purpose
        c_programs.compiled(tmp_path, [source], *STRICT, *more, "-O0", "-c")
    cpp = shutil.which("g++") or shutil.which("c++")
    if cpp is None:
        pytest.skip("no C++ compiler found")
    options = ("-x", "c++", "-std=c++11", "-Wall", "-Wextra", "-Werror", "-O0", "-c")
    c_programs.compiled(tmp_path, [source], *options, compiler=cpp)


@needs_compiler
def test_header_that_is_included_and_not_used_gives_no_warning(tmp_path, path):
    for learn in (False, True):
        dl.Network([2, 3, 1], activation="softplus").to_c(path, learn=learn)
        (tmp_path / "main.c").write_text('#include "net.h"\nint main(void) { return 0; }\n')
        c_programs.compiled(tmp_path, ["main.c"], *STRICT, "-O2")


@unusual
def test_library_is_what_sin_and_hellinger_need_and_what_makes_code_small(path, dtype):
    """sinf, cosf and sqrtf; expf and tanhf where code is to be small."""
    allowed = {"exp", "tanh", "sin", "cos", "sqrt"}
    if dtype == np.float32:
        allowed = {f"{name}f" for name in allowed}
    seen = set()
    for net, *_ in steps_of_every_pair(dtype).values():
        net.to_c(path, learn=True)
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        text = text.replace("__attribute__((always_inline))", "")
        called = set(re.findall(r"\b(\w+)\(", text)) - {"for", "if", "memcpy"}
        seen |= called
        library = {name for name in called if not name.startswith("net_")}
        assert library <= allowed
        for_bits = ["<stdint.h>", "<string.h>"] * ("memcpy(" in text)
        assert re.findall(r"#include (.*)", text) == ["<math.h> "] * bool(library) + for_bits
        assert ("double" in text) == (dtype == np.float64)
        assert ("float" in text) == (dtype == np.float32)
    elsewhere = {"standardize", "restore", "dense_int8", "descend_with_momentum", *FIXED}
    assert seen >= allowed | {f"net_{name}" for name in FUNCTIONS.keys() - elsewhere}


def test_parameters_are_constant_unless_they_can_learn(path):
    net = dl.Network([2, 3, 1], activation="relu")
    net.to_c(path)
    assert "static const float net_W1[2 * 3]" in path.read_text()
    assert "learn_one" not in path.read_text()
    net.to_c(path, learn=True)
    assert "static float net_W1[2 * 3]" in path.read_text()


def test_one_network_gives_one_header_byte_for_byte(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        dl.Network([2, 3, 1], seed=5).to_c(tmp_path / folder / "net.h")
    assert (tmp_path / "a/net.h").read_bytes() == (tmp_path / "b/net.h").read_bytes()


# several units at once, in a compiler that may not change the order of sums
LANES = (
    "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "silu", "selu", "gelu",
    "hard_sigmoid", "hard_tanh", "lecun_tanh",
)  # fmt: skip


@needs_compiler
@pytest.mark.skipif(platform.machine() != "x86_64", reason="looks for vectors of x86-64")
def test_units_are_computed_several_at_once(tmp_path):
    """gcc tells which loops it vectorised; a branch or a call in one would end that."""
    version = subprocess.run(
        [c_programs.COMPILER, "--version"], capture_output=True, text=True, check=True
    ).stdout
    if "Free Software Foundation" not in version:
        pytest.skip("not gcc")
    layers = [dl.Dense(32, dl.Activation(name, ALPHA.get(name))) for name in LANES]
    net = dl.Network(16, [*layers, dl.Dense(1, "identity")])
    source = c_programs.write_all(tmp_path, {"net": net}, learn=True)
    options = ("-std=c99", "-O3", "-march=x86-64-v3", "-fopt-info-vec-optimized", "-c")
    told = subprocess.run(
        [c_programs.COMPILER, *options, str(source), "-o", str(tmp_path / "out")],
        capture_output=True, text=True, check=True,
    ).stderr  # fmt: skip
    lines, found = (tmp_path / "net.h").read_text().split("\n"), set()
    for number in re.findall(r"net\.h:(\d+):.* vectorized", told):
        above = reversed(lines[: int(number)])
        found.add(next(filter(None, (re.match(r"\w.* net_(\w+)\(", line) for line in above)))[1])
    slopes = {f"{name}_slope" for name in LANES}
    assert found >= {"dense", "backward", "descend", *LANES, *slopes}


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("file", "name"),
    [("gate.h", "gate"), ("my-net v2.h", "my_net_v2"), ("3d.h", "net_3d"), ("float.h", "float"),
     ("größe.h", "gr_e"), ("_x__y_.h", "x_y"), ("∂.h", "net"), ("a.b.h", "a_b"), ("Net", "Net")],
)  # fmt: skip
def test_name_is_made_of_the_name_of_the_file(tmp_path, file, name):
    for path in (tmp_path / file, str(tmp_path / file)):
        dl.Network([2, 1]).to_c(path)
        text = (tmp_path / file).read_text(encoding="utf-8")
        assert f"void {name}_predict(" in text
        assert f"#define {name.upper()}_N_IN 2\n#define {name.upper()}_N_OUT 1\n" in text


@pytest.mark.parametrize("name", ["Valve_2", "NAME", "UPPER_NAME_x", "x"])
def test_name_that_is_given_is_taken(path, name):
    dl.Network([2, 1]).to_c(path, name=name)
    assert f"void {name}_predict(" in path.read_text()
    assert re.search(f"#ifndef {name.upper()}_[0-9A-F]{{8}}_H", path.read_text())


def test_networks_of_one_name_are_told_apart_by_the_compiler(tmp_path):
    for folder, seed in (("left", 1), ("right", 2)):
        (tmp_path / folder).mkdir()
        dl.Network([2, 1], seed=seed).to_c(tmp_path / folder / "net.h")
    left, right = ((tmp_path / folder / "net.h").read_text() for folder in ("left", "right"))
    guards = [re.search(r"#ifndef (\w+)", text)[1] for text in (left, right)]
    assert guards[0] != guards[1]
    dl.Network([2, 1], seed=1).to_c(tmp_path / "again.h", name="net")
    assert (tmp_path / "again.h").read_text() == left


@pytest.mark.parametrize(("mean", "dtype", "warns"), [(1e3, "float32", False),
                         (1.7e9, "float32", True), (1.7e9, "float64", False)])  # fmt: skip
@pytest.mark.parametrize("side", ["x", "y"])
def test_data_far_from_zero_are_warned_of(path, mean, dtype, warns, side):
    net = dl.Network([1, 1], dtype=dtype)
    far, near = np.array([mean]), np.array([0.0])
    net.scaling = dl.Scaling(far if side == "x" else near, np.array([100.0]),
                             far if side == "y" else near, np.array([100.0]))  # fmt: skip
    if warns:
        with pytest.warns(dl.DeltaloopWarning, match=f"{side} of the header .* near 1.7e.09"):
            net.to_c(path)
    else:
        net.to_c(path)


@pytest.mark.parametrize("name", ["", "2nd", "_net", "a b", "a-b", "net\n", "größe", "*/"])
def test_name_that_is_no_identifier_is_refused(path, tmp_path, name):
    with pytest.raises(dl.InvalidInputError, match=r"name must (not )?be a .*C"):
        dl.Network([2, 1]).to_c(path, name=name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("argument", [{"name": 3}, {"name": b"net"}, {"learn": 1}])
def test_argument_of_a_wrong_type_is_refused(path, tmp_path, argument):
    with pytest.raises(dl.InvalidTypeError, match=next(iter(argument))):
        dl.Network([2, 1]).to_c(path, **argument)
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- whole or not at all


def net_with(change):
    net = dl.Network([2, 3, 1])
    change(net)
    return net


def set_scaling(*values):
    return lambda net: setattr(net, "scaling", dl.Scaling(*map(np.array, values)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda net: net.b[0].fill(np.nan), "parameters that are nan or infinite"),
        (lambda net: net.W[1].fill(-np.inf), "parameters that are nan or infinite"),
        (set_scaling([1e300, 0], [1, 1]), "x_mean has values beyond the range of float32"),
        (set_scaling([0, 0], [1, 1e39]), "x_scale has values beyond the range of float32"),
        (set_scaling([0, 0], [1, 1e-40]), "x_scale has values below the range of float32"),
        (set_scaling([0, 0], [1, 1], [0], [5e-324]), "y_scale has values below the range"),
    ],
)
def test_network_that_c_cannot_hold_is_refused_and_nothing_changes(path, tmp_path, change, message):
    path.write_text("what was there")
    with pytest.raises(dl.InvalidInputError, match=message):
        net_with(change).to_c(path)
    assert path.read_text() == "what was there"
    assert [p.name for p in tmp_path.iterdir()] == ["net.h"]


def test_alpha_beyond_the_range_is_refused(path):
    layers = [dl.Dense(1, dl.Activation("leaky_relu", 1e39)), dl.Dense(1, "identity")]
    with pytest.raises(dl.InvalidInputError, match=r"alpha of leaky_relu is 1e\+39, which is inf"):
        dl.Network(2, layers).to_c(path)
    dl.Network(2, layers, dtype="float64").to_c(path)


def test_scaling_that_float64_holds_is_written_in_float64(path):
    net = dl.Network([2, 1], dtype="float64")
    net.scaling = dl.Scaling([1e300, 0], [5e-324, 1e39])
    net.to_c(path)
    assert "5e-324, 1e+39," in path.read_text()


def test_file_that_cannot_be_replaced_stays(path, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    path.write_text("what was there")
    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        dl.Network([2, 1]).to_c(path)
    assert path.read_text() == "what was there"
    assert [p.name for p in tmp_path.iterdir()] == ["net.h"]


def test_folder_is_no_file(tmp_path):
    with pytest.raises(IsADirectoryError):
        dl.Network([2, 1]).to_c(tmp_path)
    with pytest.raises(TypeError):
        dl.Network([2, 1]).to_c(1)
