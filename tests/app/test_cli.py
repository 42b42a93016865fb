"""The installed command, as a process: what it prints and where to, its status, signals."""

import os
import pty
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import deltaloop as dl
from command_line import call, number, read_csv, rows, run, start, write_csv


def test_learns_the_digits_in_seconds_and_reports():
    begin = time.perf_counter()
    status, out, err = run("train", "--simple", "--compare")
    assert time.perf_counter() - begin < 10
    assert (status, err) == (0, "")
    found = rows(out)
    assert number(found["test accuracy"]) >= 95
    assert found["data:"].startswith("digits, 1347 training + 450 test rows, 64 inputs, 10 cl")
    assert found["layers"] == "64 inputs - 30 tanh - 10 softmax"
    assert number(found["parameters"]) == 64 * 30 + 30 + 30 * 10 + 10
    assert number(found["epochs"]) == 50
    assert found["learning curve"].startswith("█")
    assert number(found["train loss"]) < number(found["test loss"])
    assert number(found["samples per second"]) > 100_000
    assert 0 < number(found["microseconds per step"]) < 100
    assert found["backend"].startswith("Cython")
    ratio = float(re.fullmatch(r".*, ratio (\S+)", found["one epoch, reference"])[1])
    assert ratio > 3
    assert "one epoch, cython" in found


def test_table_with_text_labels_round_trip(flowers, tmp_path):
    net, predicted = tmp_path / "net.npz", tmp_path / "out.csv"
    status, out, err = run("train", flowers, "--target", "species", "--simple", "--save", net)
    assert (status, err) == (0, "")
    found = rows(out)
    assert found["task:"] == "classification (guessed: target 'species' is text)"
    assert number(found["test accuracy"]) > 85
    assert found["saved"] == str(net)
    # columns in another order, the target not among them
    table = read_csv(flowers)
    new = write_csv(tmp_path / "new.csv", None, [[row[2], row[0], row[1]] for row in table])
    assert run("predict", net, new, "-o", predicted) == (0, "", "")
    header, *lines = read_csv(predicted)
    names = ["probability of Größe, α", "probability of [bold]小"]
    assert header == ["species", "probability", *names]
    hits = [line[0] == row[3] for line, row in zip(lines, table[1:], strict=True)]
    assert np.mean(hits) > 0.9
    P = np.array([line[1:] for line in lines], dtype=float)
    assert ((P[:, 0] >= 0.5) & (P[:, 0] == P[:, 1:].max(axis=1))).all()
    np.testing.assert_allclose(P[:, 1:].sum(axis=1), 1, atol=1e-5)
    # with the target, on stdout: the same
    assert run("predict", net, flowers) == (0, predicted.read_text("utf-8"), "")


def test_table_with_numeric_target_round_trip_in_its_units(prices, tmp_path):
    net = tmp_path / "net.npz"
    status, out, _ = run(
        "train", prices, "--target", "1", "--save", net, "--test-fraction", "0", "--simple"
    )
    found = rows(out)
    assert status == 0
    assert found["task:"] == "regression (guessed: target 'price' has 150 different numbers)"
    assert found["test"] == "no test part"
    assert float(found["train R²"]) > 0.98
    status, out, _ = run("predict", net, prices)
    header, *lines = read_csv(out)
    wanted = np.array([float(row[0]) for row in read_csv(prices)[1:]])
    given = np.array([float(line[0]) for line in lines])
    assert header == ["price"]
    rmse = np.sqrt(np.mean((given - wanted) ** 2))
    assert rmse == pytest.approx(number(found["train RMSE"]), rel=1e-3)
    assert rmse < 2000


def test_ctrl_c_reports_saves_and_gives_130(tmp_path):
    net = tmp_path / "net.npz"
    process = start("train", "--epochs", 10**8, "--save", net)
    for _ in range(2):  # the lines printed before training
        process.stdout.readline()
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")
    assert re.search(r"epochs +[\d,]+ of 100,000,000 \(stopped by Ctrl-C\)", out)
    assert number(rows(out)["test accuracy"]) > 95
    digits = dl.datasets.load("digits")
    predicted = dl.load(net).predict(digits.X_test).argmax(axis=1)
    assert np.mean(predicted == digits.y_test) > 0.95


def test_pipe_gets_plain_text_even_where_colour_is_forced():
    status, out, err = run("train", "--simple", "xor", env={"FORCE_COLOR": "1", "COLUMNS": "20"})
    assert (status, err) == (0, "")
    assert "\x1b" not in out
    assert "│" not in out
    assert len(rows(out)) == len(out.splitlines())  # nothing wrapped


def test_same_seed_gives_same_results():
    def scores(seed):
        out = run("train", "iris", "--simple", "--seed", seed)[1]
        return [v for k, v in rows(out).items() if k.startswith(("train", "test"))]

    assert scores(3) == scores(3)
    assert scores(3) != scores(4)


def test_terminal_gets_a_progress_bar_and_a_table():
    primary, secondary = pty.openpty()
    process = start("train", "iris", "--simple", stdout=secondary, stderr=secondary)
    os.close(secondary)
    shown = b""
    try:
        while block := os.read(primary, 65536):
            shown += block
    except OSError:  # the end, on Linux
        pass
    finally:
        os.close(primary)
    text = shown.decode()
    assert process.wait(timeout=20) == 0
    assert "epoch 182/182" in text
    assert "│" in text
    assert "test accuracy" in text


def test_reader_that_leaves_ends_it_quietly(flowers, tmp_path):
    net = tmp_path / "net.npz"
    assert call("train", flowers, "--simple", "--save", net)[0] == 0
    big = tmp_path / "big.csv"
    big.write_text("length,width,colour\n" + "1,2,red\n" * 20000, "utf-8")
    process = start("predict", net, big)
    assert process.stdout.readline().startswith("species,probability,")
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=20) in (0, -signal.SIGPIPE)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_full_disk_is_one_line():
    with open("/dev/full", "w") as full:
        status, _, err = run("train", "xor", "--simple", stdout=full)
    assert status == 2
    assert err == "error: cannot write the output: No space left on device\n"


@pytest.mark.skipif(os.name != "posix", reason="a shell of POSIX")
def test_closed_output_is_one_line():
    program = f"{sys.executable} -c 'import _deltaloop_command as d; d.main()'"
    done = subprocess.run(
        f"{program} train xor --simple --epochs 1 >&-", shell=True, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "error: standard output is closed; redirect it to a file\n"


def test_error_is_one_line_on_stderr():
    status, out, err = run("train", "nowhere.csv")
    assert (status, out) == (2, "")
    assert err.startswith("error: there is no file 'nowhere.csv'")
    assert err.count("\n") == 1


def test_instruction_set_that_is_not_there_is_one_line():
    status, _, err = run("train", env={"DELTALOOP_ISA": "9"})
    assert status == 2
    assert err.startswith("error: ")
    assert "DELTALOOP_ISA" in err
    assert err.count("\n") == 1


def test_version_and_help():
    assert run("--version") == (0, f"deltaloop {dl.__version__}\n", "")
    status, out, _ = run("--help")
    assert status == 0
    assert "deltaloop train flowers.csv --target species" in out
    assert run() == (0, out, "")


@pytest.mark.parametrize("package", ["click", "rich"])
def test_missing_package_is_one_line(package):
    program = (
        f"import sys; sys.modules[{package!r}] = None\nfrom deltaloop.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"{package!r}" in done.stderr
    assert 'pip install "deltaloop[cli]"' in done.stderr
    assert done.stderr.count("\n") == 1
