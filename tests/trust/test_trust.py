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
from deltaloop.inputs.threads import processors
from deltaloop.kernels import cython, functions
from trust import accuracy, bits, faults, hostile, long_run, probe, truths

HERE = Path(__file__).parent
COMPILER = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
# the sampled errors of all float32 numbers; gelu_tanh loses what its exponent has rounded
MOST_ULP = {"lecun_tanh": 5, "gelu": 7, "mish": 5, "sin": 5, "silu": 3.1}
MOST_OF_SLOPE = 3.5


@pytest.fixture(scope="session")
def errors(tmp_path_factory):
    return probe.errors(tmp_path_factory.mktemp("errors"))


@COMPILER
@pytest.mark.parametrize("name", truths.ACTIVATIONS)
def test_activations_are_as_accurate_as_testing_md_says(name, errors):
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
        name, pairs, row.lost, row.sure[0], accuracy.every(20_011), errors
    )
    for level, (of_f, of_slope) in found.items():
        most = MOST_ULP.get(name, 2.5)
        if name != "gelu_tanh":
            assert of_f.error <= most, f"level {level}: {of_f}"
        assert of_slope.error <= MOST_OF_SLOPE, f"level {level}: {of_slope}"
        assert of_f.n > 100_000


@COMPILER
def test_errors_are_counted_in_ulp_of_the_exact_value(errors):
    inf, nan, largest = np.inf, np.nan, float(np.finfo("f4").max)
    exact = np.array([1, 1, 2, -2, 1e300, largest, nan, 1, nan, 1e-45, 0.9999999])
    found = np.array(
        [1, 1 + 2**-23, 2 - 2**-23, -2 - 2**-22, inf, inf, nan, nan, 1, 0, 1], np.float32
    )
    out = np.empty(len(exact))
    errors(found, exact, accuracy.TINY, 0.0, out)
    assert out[:6].tolist() == [0, 1, 0.5, 1, 0, 1]
    assert out[6:9].tolist() == [0, inf, inf]
    assert out[9] == pytest.approx(1e-45 / 2**-149)
    assert out[10] == pytest.approx(1e-7 / 2**-24, rel=1e-6)


def test_truths_are_there_for_every_activation_and_every_float_is_met_once():
    of_units = [name for name, row in functions.ACTIVATIONS.items() if row.f is not None]
    assert list(truths.ACTIVATIONS) == list(truths.SLOPES) == of_units
    assert probe.PRIMITIVES.keys() == truths.PRIMITIVES.keys()
    first, *_, last = accuracy.every(1 << 12)
    seen = np.concatenate([first, last]).view(np.uint32)
    assert seen[0] == 0
    assert seen[-1] == (1 << 32) - (1 << 12)


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
    out = _script("kills.py", "--kills", "8", "--seed", str(random.Random(4).randrange(100)))
    assert "training: 8 kills" in out
    assert "saves: 8 kills" in out


@COMPILER
@pytest.mark.skipif(
    not sys.platform.startswith("linux") or cython.levels()[-1] == 0, reason="the shim is of Linux"
)
def test_one_failed_allocation_write_or_thread_loses_nothing():
    done = faults.start(["--most", "14"], timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" 0 findings") == 11
    assert "save, disk full: 13 errors" in done.stdout
    # a thread that is refused is done without; whether a training asks for one tells the clock
    assert re.search("threads of fit: 0 errors, [01] usual results", done.stdout)
    started = 1 if processors() > 1 else 0
    assert f"threads of predict: 0 errors, {started} usual results" in done.stdout


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
    counts, findings = hostile.run(names, 1.5, seed=3)
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
    monkeypatch.setattr(hostile, "PATIENCE", 1)
    assert hostile.read("load", tmp_path).startswith("TooLong")


def test_a_finding_is_kept_once_of_its_kind(tmp_path, monkeypatch):
    def door(path):
        raise KeyError("a")

    monkeypatch.setitem(hostile.READERS, "load", (".npz", door))
    counts, findings = hostile.run(["load"], 0.3, seed=1, keep=tmp_path / "kept")
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


def test_memory_does_not_grow():
    n, tenths = long_run.rounds(2.0)
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
