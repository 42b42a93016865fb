"""C headers for small chips: weights of one byte, parameters in flash, steps with momentum."""

import re
import shutil
import subprocess

import numpy as np
import pytest

import c_programs
import deltaloop as dl
from c_programs import STRICT
from deltaloop.formats import in_fixed_point, rounded_to_int8
from tolerances import eps

needs_compiler = pytest.mark.skipif(c_programs.COMPILER is None, reason="no C compiler found")


def network(sizes, dtype="float32", bias=True, scaled=True):
    """A network with weights of very different sizes, one unit of zeros, and a scaling."""
    layers = [dl.Dense(n, "tanh", bias=bias) for n in sizes[1:-1]]
    layers.append(dl.Dense(sizes[-1], "identity", bias=bias))
    net = dl.Network(sizes[0], layers, dtype=dtype, seed=3)
    net.W[0][:] *= np.geomspace(1e-3, 10, sizes[1])[:, None]
    net.W[0][-1] = 0
    if scaled:
        X = np.random.default_rng(0).normal(5, 3, (50, sizes[0]))
        net.scaling = dl.Scaling.standardize(X, X[:, :1] * np.arange(1, sizes[-1] + 1))
    return net


def samples(net, n=20):
    return np.random.default_rng(1).normal(5, 3, (n, net.sizes[0]))


@needs_compiler
@pytest.mark.parametrize("options", [("-O1",), ("-O3", "-march=native"), ("-Os",)])
def test_int8_header_computes_the_rounded_network(tmp_path, dtype, options):
    nets = {
        "plain": network([3, 5, 2], dtype, scaled=False),
        "odd": network([7, 17, 1, 3], dtype, bias=False),
        "scaled": network([1, 9, 4], dtype),
        "one_layer": network([6, 3], dtype),
    }
    exported = c_programs.load(tmp_path, nets, options=options, weights="int8")
    for name, net in nets.items():
        X, rounded = samples(net), rounded_to_int8(net)
        expected = rounded.predict(X)
        assert abs(expected - net.predict(X)).max() > 1e-4, "rounding would not be seen"
        np.testing.assert_allclose(
            exported[name].predict(X), expected, atol=300 * eps(dtype) * abs(expected).max()
        )


def test_rounding_to_int8_moves_a_weight_by_half_a_step_and_nothing_else(dtype):
    net = network([7, 17, 3], dtype)
    rounded = rounded_to_int8(net)
    for W, found in zip(net.W, rounded.W, strict=True):
        step = abs(W).max(axis=1, keepdims=True) / 127
        assert (abs(found - W) <= step / 2 * (1 + 600 * eps(dtype))).all()
        assert len(np.unique(found[0])) > 2
    assert (rounded.W[0][-1] == 0).all()
    for b, found in zip(net.b, rounded.b, strict=True):
        assert found.tobytes() == b.tobytes()
    assert rounded.W[0] is not net.W[0]
    assert rounded.scaling.x_mean.tolist() == net.scaling.x_mean.tolist()


def test_smallest_and_largest_weights_stay_finite_in_int8(tmp_path):
    net = dl.Network([2, 2], activation="tanh", init=[[[3.4e38, -3.4e38], [1e-45, 0]]])
    W = rounded_to_int8(net).W[0]
    assert np.isfinite(W).all()
    np.testing.assert_allclose(W[0], [3.4e38, -3.4e38], rtol=1e-6)
    net.to_c(tmp_path / "net.h", weights="int8")


@needs_compiler
def test_progmem_changes_nothing_where_there_is_no_avr(tmp_path):
    net = network([7, 17, 3])
    for folder, writing in (("plain", {}), ("flash", {"progmem": True})):
        (tmp_path / folder).mkdir()
        exported = c_programs.load(tmp_path / folder, {"net": net}, **writing)["net"]
        X = samples(net)
        if folder == "plain":
            expected = exported.predict(X)
    assert exported.predict(X).tobytes() == expected.tobytes()


@needs_compiler
@pytest.mark.parametrize("options", [("-O1",), ("-O3", "-march=native"), ("-Os",)])
@pytest.mark.parametrize("bias", [True, False])
def test_steps_with_momentum_are_those_of_python(tmp_path, dtype, bias, options):
    net = network([3, 9, 5, 2], dtype, bias, scaled=False)
    X = np.random.default_rng(2).normal(size=(40, 3)).astype(dtype)
    Y = np.sin(X[:, :2])
    exported = c_programs.load(tmp_path, {"net": net}, learn=True, momentum=True, options=options)[
        "net"
    ]
    losses = [exported.epoch(X, Y, 0.01, 0.9) for _ in range(3)]
    plain = network([3, 9, 5, 2], dtype, bias, scaled=False)
    for model, momentum in ((net, 0.9), (plain, 0.0)):
        optimizer = dl.SGD(0.01, momentum=momentum)
        history = model.fit(X, Y, epochs=3, batch_size=1, shuffle=False, optimizer=optimizer)
        if momentum:
            np.testing.assert_allclose(losses, np.array(history.loss) * 40, rtol=3000 * eps(dtype))
    found = exported.parameters()
    for name, values in c_programs.arrays(net).items():
        np.testing.assert_allclose(found[name], values, atol=1000 * eps(dtype))
    assert abs(found["W1"] - plain.W[0]).max() > 1e-3  # momentum shows


@needs_compiler
@pytest.mark.parametrize(
    "writing",
    [
        {"weights": "int8"},
        {"weights": "int8", "progmem": True},
        {"progmem": True},
        {"learn": True, "momentum": True},
    ],
)
def test_header_is_clean_c_and_cpp(tmp_path, writing):
    nets = {"net": network([7, 17, 3]), "small": network([1, 1], scaled=False)}
    source = c_programs.write_all(tmp_path, nets, **writing)
    more = () if "learn" in writing else ("-Wconversion", "-Wdouble-promotion")
    c_programs.compiled(tmp_path, [source], *STRICT, "-Wunused-macros", *more, "-O0", "-c")
    cpp = shutil.which("g++") or shutil.which("c++")
    if cpp is not None:
        options = ("-x", "c++", "-std=c++11", "-Wall", "-Wextra", "-Werror", "-O0", "-c")
        c_programs.compiled(tmp_path, [source], *options, compiler=cpp)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"weights": "int4"}, dl.InvalidInputError, "weights must be 'int8' or 'int16', or left"),
        ({"weights": 8}, dl.InvalidInputError, "weights must be 'int8'"),
        ({"weights": "int16"}, dl.InvalidInputError, "weights='int16' needs samples"),
        (
            {"samples": [[0, 0, 0]]},
            dl.InvalidInputError,
            "samples are for weights='int16'; give both",
        ),
        ({"weights": "int16", "samples": [[0, 0]]}, dl.InvalidInputError, "samples must have 3"),
        (
            {"weights": "int16", "samples": [[0, 0, 0]], "learn": True},
            dl.InvalidInputError,
            "weights='int16' makes weights that cannot change",
        ),
        ({"momentum": True}, dl.InvalidInputError, "learn=True writes; give both"),
        ({"momentum": 0.9, "learn": True}, dl.InvalidTypeError, "momentum"),
        ({"progmem": 1}, dl.InvalidTypeError, "progmem"),
        ({"weights": "int8", "learn": True}, dl.InvalidInputError, "weights that cannot change"),
        ({"progmem": True, "learn": True}, dl.InvalidInputError, "weights that cannot change"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        network([3, 2]).to_c(tmp_path / "net.h", **options)
    assert list(tmp_path.iterdir()) == []


def test_progmem_is_for_float32(tmp_path):
    with pytest.raises(dl.InvalidInputError, match="AVR, which computes in float"):
        network([3, 2], "float64").to_c(tmp_path / "net.h", progmem=True)


# ---------------------------------------------------------------- chips

CHIPS = {
    "avr": ("avr-gcc", "-mmcu=atmega328p"),
    "cortex-m0plus": ("arm-none-eabi-gcc", "-mcpu=cortex-m0plus", "-mthumb", "--specs=nosys.specs"),
    "cortex-m4": (
        "arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard",
        "-mfpu=fpv4-sp-d16", "--specs=nosys.specs",
    ),
}  # fmt: skip
MAIN = """
#include "net.h"
volatile float in[NET_N_IN], out[NET_N_OUT];
int main(void)
{
    float x[NET_N_IN], y[NET_N_OUT];
    for (int j = 0; j < NET_N_IN; j++)
        x[j] = in[j];
    net_predict(x, y);
    for (int j = 0; j < NET_N_OUT; j++)
        out[j] = y[j];
    return 0;
}
"""


def built(folder, chip, main=MAIN):
    """The program for that chip, and its bytes of flash and RAM."""
    compiler, *options = CHIPS[chip]
    (folder / "main.c").write_text(main)
    size = ["-std=c99", "-Os", "-ffunction-sections", "-Wl,--gc-sections", "main.c", "-lm"]
    warnings = ["-Wall", "-Wextra", "-Werror"]
    command = [compiler, *options, *warnings, *size, "-o", "main.elf"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    tool = compiler.replace("gcc", "size")
    line = subprocess.run(
        [tool, "main.elf"], capture_output=True, text=True, check=True, cwd=folder
    ).stdout.splitlines()[1]
    code, data, rest = map(int, line.split()[:3])
    return folder / "main.elf", code + data, data + rest


@pytest.mark.parametrize("chip", CHIPS)
def test_size_on_a_chip(tmp_path, chip):
    """Prints (`pytest -rP`) what the network takes; flash holds what RAM need not."""
    if shutil.which(CHIPS[chip][0]) is None:
        pytest.skip(f"no {CHIPS[chip][0]}")
    net = dl.Network([10, 16, 16, 3], activation="tanh", loss="cross_entropy")
    takes = {}
    X = np.random.default_rng(0).normal(size=(50, 10))
    for name, writing in {
        "float": {}, "progmem": {"progmem": True}, "int8": {"progmem": True, "weights": "int8"},
        "int16": {"progmem": True, "weights": "int16", "samples": X},
    }.items():  # fmt: skip
        net.to_c(tmp_path / "net.h", **writing)
        _, *takes[name] = built(tmp_path, chip)
        print(f"{chip}, 10-16-16-3, {name}: flash {takes[name][0]}, RAM {takes[name][1]} bytes")
    n_weights, n_units = sum(W.size for W in net.W), sum(net.sizes[1:])
    saved = 3 * n_weights - 4 * n_units
    assert takes["float"][0] - takes["int8"][0] > saved - 300  # the code has 300 bytes to grow
    # two tables, and code that grows by less than 800 bytes
    assert takes["int16"][0] - takes["float"][0] < 2 * 514 - 2 * n_weights + 800
    if chip == "avr":
        assert takes["progmem"][1] <= takes["float"][1] - 4 * net.n_parameters
    else:
        assert takes["progmem"] == takes["float"]


AVR_MAIN = """
#include <avr/io.h>
#include <avr/interrupt.h>
#include <avr/sleep.h>
#include <string.h>
#include "net.h"
static void put(char c)
{
    while (!(UCSR0A & (1 << UDRE0)))
        ;
    UDR0 = c;
}
static void put_word(uint32_t bits)
{
    for (int shift = 28; shift >= 0; shift -= 4)
        put("0123456789abcdef"[(bits >> shift) & 15]);
    put('\\n');
}
int main(void)
{
    const float x[NET_N_IN] = {X};
    float y[NET_N_OUT];
    UCSR0B = 1 << TXEN0;
    TCCR1B = 3; /* counts every 64 cycles */
    TCNT1 = 0;
    net_predict(x, y);
    put_word(TCNT1);
    for (int j = 0; j < NET_N_OUT; j++) {
        uint32_t bits;
        memcpy(&bits, &y[j], 4);
        put_word(bits);
    }
    cli();
    sleep_enable();
    sleep_cpu(); /* ends the simulation */
    return 0;
}
"""


@pytest.mark.parametrize("sizes", [[5, 9, 2], [10, 16, 16, 3]], ids=str)
def test_avr_computes_the_same(tmp_path, sizes):
    """In simavr, which prints what the program writes to its serial line."""
    if shutil.which("avr-gcc") is None or shutil.which("simavr") is None:
        pytest.skip("no avr-gcc with simavr")
    net = network(sizes)
    X, x = samples(net), samples(net, 1)[0].astype(np.float32)
    literals = ", ".join(f"{value!r}f" for value in x.tolist())
    cycles = {}
    for weights, model, more in (
        ("float", net, {}),
        ("int8", rounded_to_int8(net), {"weights": "int8"}),
        ("int16", in_fixed_point(net, X), {"weights": "int16", "samples": X}),
    ):
        net.to_c(tmp_path / "net.h", progmem=True, **more)
        program, *_ = built(tmp_path, "avr", AVR_MAIN.replace("{X}", "{" + literals + "}"))
        command = ["simavr", "-m", "atmega328p", "-f", "16000000", program.name]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60
        )
        words = re.findall(r"([0-9a-f]{8})\.", done.stdout + done.stderr)  # . for a new line
        assert len(words) == 1 + sizes[-1]
        ticks, *bits = (int(word, 16) for word in words)
        cycles[weights] = 64 * ticks
        print(f"{'-'.join(map(str, sizes))}, {weights}: {cycles[weights]:,} cycles of an AVR")
        expected = model.predict(x[None])[0]
        np.testing.assert_allclose(
            np.array(bits, np.uint32).view(np.float32), expected,
            rtol=2e-6, atol=2e-6 * abs(expected).max(),
        )  # fmt: skip
    assert cycles["int16"] < cycles["float"] / 2
