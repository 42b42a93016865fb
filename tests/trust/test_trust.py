"""The quick forms of what `python tests/trust.py` does at length; TESTING.md has its figures."""

import importlib.util
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import deltaloop as dl
import exact
from deltaloop.inputs.threads import processors
from deltaloop.kernels import cython, functions
from trust import (
    accuracy,
    backends,
    bits,
    checking,
    faults,
    guided,
    hostile,
    long_run,
    probe,
    truths,
)  # fmt: skip

HERE = Path(__file__).parent
COMPILER = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
# sampled errors of all float32 numbers; gelu_tanh alone loses what its exponent has rounded
MOST_ULP = 2.5


@pytest.fixture(scope="session")
def checker(tmp_path_factory):
    return checking.checker(tmp_path_factory.mktemp("checker"))


@pytest.mark.parametrize("name", truths.ACTIVATIONS)
def test_activations_are_as_accurate_as_testing_md_says(name, checker):
    row = functions.ACTIVATIONS[name]
    backends = {level: cython.backend(level) for level in cython.levels()}
    if cython.level not in (1, 2):
        backends["reproducible"] = cython.reproducible_backend()
    pairs = {
        level: probe.activation(
            backend.core(np.dtype("f4")), name, accuracy.ALPHA.get(name, 0), accuracy.BLOCK,
        )
        for level, backend in backends.items()
    }  # fmt: skip
    found = accuracy.of_activation(
        name, pairs, row.lost, row.sure[0], accuracy.every(20_011), checker
    )
    for level, (of_f, of_slope) in found.items():
        if name != "gelu_tanh":
            assert of_f.error <= MOST_ULP, f"level {level}: {of_f}"
        assert of_slope.error <= MOST_ULP, f"level {level}: {of_slope}"
        assert of_f.n > 100_000


COUNTED = {  # of pairs of an exact value and a result: the ulp between them
    "exact": (1, 1, 2, -2, 1e300, float(np.finfo("f4").max), np.nan, 1, np.nan, 1e-45, 0.9999999),
    "found": (1, 1 + 2**-23, 2 - 2**-23, -2 - 2**-22, np.inf, np.inf, np.nan, np.nan, 1, 0, 1),
    "errors": (0, 1, 0.5, 1, 0, 1, 0, np.inf, np.inf, 1e-45 / 2**-149, 1e-7 / 2**-24),
}


@pytest.mark.parametrize("plain", [True, pytest.param(False, marks=COMPILER)])
def test_errors_are_counted_in_ulp_of_the_exact_value(plain, checker):
    made = checking.Plain() if plain else checker
    truth = np.array(COUNTED["exact"])
    found, out = np.array(COUNTED["found"], np.float32), np.empty(len(truth))
    made.errors(found, truth, accuracy.TINY, 0.0, out)
    assert out[:9].tolist() == list(COUNTED["errors"][:9])
    assert out[9:] == pytest.approx(COUNTED["errors"][9:], rel=1e-6)
    assert made.worst(found[:7], truth[:7], accuracy.TINY, 0.0) == (1, 1.0)  # the first of three
    assert made.worst(found, truth, accuracy.TINY, 0.0) == (7, np.inf)
    many = np.zeros(5000, np.float32)
    many[4321] = 3 * 2.0**-149
    assert made.worst(many, np.zeros(5000), accuracy.TINY, 0.0) == (4321, 3.0)


def _arguments(low=-np.inf, high=np.inf):
    """Ends, numbers of every size, and many where functions bend."""
    generator = np.random.default_rng(0)
    special = np.array([0, -0.0, 1e-45, -1e-45, np.inf, -np.inf, np.nan, 1, -1, 3, -3], np.float32)
    of_any_size = generator.integers(0, 1 << 32, 20_000, np.uint64).astype(np.uint32)
    near = [generator.uniform(-size, size, 20_000).astype(np.float32) for size in (1, 12, 110)]
    x = np.concatenate([special, of_any_size.view(np.float32), *near])
    inside = (x >= np.float32(low)) & (x <= np.float32(high))
    return x if np.isinf(low) and np.isinf(high) else x[inside]


@COMPILER
@pytest.mark.parametrize("kind", checking.KINDS)
def test_compiled_truths_are_those_of_numpy(kind, checker):
    for name, row in checking.KINDS[kind].items():
        of_sines = "sin" in name and kind != "of"
        x = _arguments(*(row[1:] if kind == "of" else (-1e4, 1e4) if of_sines else ()))
        assert len(x) > 15_000
        here, there = np.empty(len(x)), np.empty(len(x))
        checker.exact(kind, name)(x, 0.1, here)
        checking.Plain().exact(kind, name)(x, 0.1, there)
        np.testing.assert_array_equal(np.isnan(here), np.isnan(there), err_msg=name)
        # both may end near e^-700 instead of going on, and go on to infinity beyond float32
        here, there = np.clip(here, -(2.0**128), 2.0**128), np.clip(there, -(2.0**128), 2.0**128)
        least = 1.0 if kind == "slope" else 1e-45
        close = np.abs(here - there) <= 1e-13 * np.maximum(np.abs(there), least)
        assert (close | np.isnan(there)).all(), f"{name}: {x[~close & ~np.isnan(there)][:3]}"


@pytest.mark.parametrize("name", truths.ACTIVATIONS)
def test_truths_are_those_of_decimals(name):
    most = min(functions.ACTIVATIONS[name].sure[0], 1e30)
    x = _arguments(-most, most)[::600]
    here = np.empty(len(x))
    checking.Plain().exact("f", name)(x, 0.25, here)
    here, there = np.minimum(here, 1e300), np.minimum(exact.values(name, x, 0.25), 1e300)
    assert (np.abs(here - there) <= 4e-13 * np.maximum(np.abs(there), 1e-300)).all()


def test_truths_are_there_for_every_activation_and_every_float_is_met_once():
    of_units = [name for name, row in functions.ACTIVATIONS.items() if row.f is not None]
    assert list(truths.ACTIVATIONS) == list(truths.SLOPES) == of_units
    assert probe.PRIMITIVES.keys() == truths.PRIMITIVES.keys()
    assert probe.OF_HEADER.keys() < truths.PRIMITIVES.keys()
    first, *_, last = [x.view(np.uint32).copy() for x in accuracy.every(1 << 12)]
    assert (first[0], last[-1]) == (0, (1 << 32) - (1 << 12))
    *_, last = [x.view(np.uint32).copy() for x in accuracy.every((1 << 12) + 1)]
    assert (np.diff(last.astype(np.int64)) % (1 << 32) == (1 << 12) + 1).all()


@COMPILER
def test_functions_of_a_header_are_measured_as_they_are(tmp_path, checker):
    of_x, units = probe.header(tmp_path, "f4", "-O2")
    row = functions.ACTIVATIONS["tanh"]
    for pair in (units["tanh"], (lambda z, a: of_x["tanh"](z, a), None)):
        found = accuracy.of_activation(
            "tanh", {1: pair}, row.lost, row.sure[0], accuracy.every(40_009), checker
        )
        assert 0.5 < found[1][0].error <= row.ulp
    of_z = probe.header(tmp_path, "f8", "-O2")[1]["tanh"][0]
    z = backends.doubles("tanh", 64)
    assert 0 < backends.error_of_doubles("tanh", of_z, z) <= row.ulp
    assert 0 < backends.error_of_doubles("tanh", backends.reference_of("tanh", "f8"), z) < 2
    assert backends.error_of_doubles("tanh", lambda z, a: of_z(z * (1 + 1e-12), a), z) > 1000


@pytest.mark.parametrize("row", bits.PROMISED)
def test_the_same_bits_where_they_are_promised(row):
    if "Numba" in row:
        pytest.importorskip("numba")
    found = bits.PROMISED[row]()
    assert len(set(found.values())) == 1, found


@pytest.mark.parametrize("row", bits.NOT_PROMISED)
def test_what_is_not_promised_is_said_to_differ_because_it_does(row):
    assert len(set(bits.NOT_PROMISED[row]().values())) > 1


@pytest.mark.skipif(not {3, 4} <= set(cython.levels()), reason="one of levels 3 and 4 is not here")
@pytest.mark.parametrize(("batch_size", "optimizer"), bits.SAME_ON_LEVELS)
def test_levels_from_3_on_give_the_same_bits(batch_size, optimizer):
    found = bits.of_levels(batch_size, optimizer)
    assert found["level 3"] == found["level 4"]


def _script(name, *arguments):
    # a process of its own: its children are forks, and pytest has threads by now
    done = subprocess.run(
        [sys.executable, HERE / name, *arguments], capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and signals")
def test_nothing_is_lost_where_processes_are_killed():
    out = _script("kills.py", "--kills", "6", "--seed", str(random.Random(4).randrange(100)))
    assert "training: 6 kills" in out
    assert "saves: 6 kills" in out


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_processes_do_not_get_in_each_other_s_way():
    out = _script("together.py", "--seconds", "1.5")
    assert re.search(r"one file: [1-9]\d+ saves, [1-9]\d* loads", out)
    assert re.search(r"threads train: [1-9]\d* children trained", out)


@COMPILER
@pytest.mark.skipif(
    not sys.platform.startswith("linux") or cython.levels()[-1] == 0, reason="the shim is of Linux"
)
def test_one_failed_allocation_write_or_thread_loses_nothing():
    done = faults.start(["--most", "150", "--quick"], timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    told = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert len(told) == 16
    assert all(line.endswith(" 0 findings") for line in told.values())
    for name in ("disk full", "quota", "closed pipe"):
        assert told[f"save, {name}"].startswith("6 errors, 0 usual results")
    # the system is asked again
    assert told["save, interrupted"].startswith(("0 errors, 6", "1 errors, 5"))
    assert told["save, half written"].startswith("0 errors, 6")
    if processors() > 1:  # a thread that is refused is done without
        assert told["threads of predict"].startswith("0 errors, 2")
    assert re.match("0 errors, [1-9]", told["threads of an ensemble"])


@pytest.mark.parametrize("path", sorted(hostile.ATTACKS.iterdir()), ids=lambda path: path.name)
def test_attacks_are_refused(path):
    name = path.name.partition("-")[0]
    began = time.process_time()
    if name == "csv" or path.name == "json-number_of_5000_digits.jsonl":  # odd, and tables
        assert hostile.read(name, path) == ""
    else:
        with pytest.raises(dl.errors.DeltaloopError, match=re.escape(path.name)):
            hostile.READERS[name][1](path)
    assert time.process_time() - began < hostile.SECONDS


@pytest.mark.skipif(sys.platform == "win32", reason="alarms are of POSIX")
def test_files_changed_at_random_are_read_or_refused():
    names = ["load", "safetensors", "fann", "npy", "npz", "svmlight", "pairs", "gzip"]
    counts, findings = hostile.run(names, 0.8, seed=3)
    assert findings == []
    assert min(counts.values()) > 0


def test_a_file_that_takes_too_long_is_a_finding(tmp_path, monkeypatch):
    def for_ever(path):
        while True:
            pass

    monkeypatch.setitem(hostile.READERS, "load", (".npz", for_ever))
    monkeypatch.setattr(hostile, "SECONDS", 0.05)
    assert hostile.read("load", tmp_path).startswith("TooLong")
    monkeypatch.setitem(hostile.READERS, "load", (".npz", lambda path: time.sleep(60)))
    monkeypatch.setattr(hostile, "PATIENCE", 0.2)
    assert hostile.read("load", tmp_path).startswith("TooLong")


def test_a_finding_is_kept_once_of_its_kind(tmp_path, monkeypatch):
    def door(path):
        raise KeyError("a")

    monkeypatch.setitem(hostile.READERS, "load", (".npz", door))
    counts, findings = hostile.run(["load"], 0.1, seed=1, keep=tmp_path / "kept")
    assert counts["load"] > 1
    assert findings == [("load", 0, "KeyError: 'a'")]
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["load-0.npz"]


def test_changed_archives_have_sums_that_fit(tmp_path):
    (whole,) = hostile.seeds("npz", tmp_path)
    at = whole.index(b"NUMPY") + 200
    broken = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
    (tmp_path / "case.npz").write_bytes(hostile.with_sums(broken))
    with np.load(tmp_path / "case.npz") as archive:
        assert {name: archive[name].shape for name in archive.files} == {"X": (6, 3), "y": (6,)}


def test_lines_that_files_reach_are_counted(tmp_path):
    (tmp_path / "whole").write_bytes(b"2 2 1\n0 1\n1\n1 0\n0\n")
    files = guided.reached("pairs", tmp_path)
    hit, there = files[guided.PACKAGE / "tables" / "fann.py"]
    assert len(hit) > 10
    assert hit < there  # it raises nothing
    (tmp_path / "damaged").write_bytes(b"2 2 1\n0 1\n1\n1 0\nx\n")
    assert hit < guided.reached("pairs", tmp_path)[guided.PACKAGE / "tables" / "fann.py"][0]


def test_coverage_guides_files(tmp_path):
    pytest.importorskip("atheris")
    n, kept, hit, _, findings = guided.run("pairs", 1, tmp_path / "corpus", tmp_path / "kept")
    assert (n > 100, kept > 5, hit > 50, findings) == (True, True, True, [])


def test_memory_does_not_grow():
    n, tenths = long_run.rounds(1.0)
    assert n >= 10
    assert tenths[-1][0] - tenths[2][0] < 4 << 20
    assert tenths[-1][1] < 3 * tenths[1][1]  # the fastest of each, on a machine with other work


@pytest.fixture
def command(monkeypatch):
    """tests/trust.py, whose name is that of this folder."""
    spec = importlib.util.spec_from_file_location("trust_command", HERE.with_suffix(".py"))
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    spec.loader.exec_module(module)
    return module


def test_every_part_of_the_command_has_its_place_in_testing_md(command):
    found = re.findall(r"<!-- (\w+) -->\n(.*?)<!-- end -->", command.TESTING.read_text(), re.S)
    assert [name for name, _ in found] == list(command.PARTS)
    for name, text in found:
        assert f"--only {name}`" in text, name
        assert not re.search(r"[1-9]\d* findings", text), name


def test_a_part_is_written_between_its_marks(tmp_path, command):
    command.TESTING = tmp_path / "TESTING.md"
    before, after = "a\n<!-- bits -->\n", "<!-- end -->\nb\n<!-- long -->\n<!-- end -->\n"
    command.TESTING.write_text(f"{before}old\n{after}")
    command.write("bits", ["new \\1", "lines"])
    assert command.TESTING.read_text() == f"{before}new \\1\nlines\n{after}"
    with pytest.raises(SystemExit, match="no part 'kills'"):
        command.write("kills", [])
