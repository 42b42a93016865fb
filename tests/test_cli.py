"""The command line: through the installed command, and inside the process where that is quicker."""

import csv
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import deltaloop as dl
from deltaloop import modelling, report
from deltaloop.cli import command
from deltaloop.problems import open_problem

COMMAND = Path(sys.executable).with_name("deltaloop")


def start(*arguments, **options):
    """The installed command as a process; missing, it fails the test."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DELTALOOP_")}
    environment.update(options.pop("env", {}))
    return subprocess.Popen(
        [COMMAND, *map(str, arguments)], env=environment, text=True, encoding="utf-8",
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )  # fmt: skip


def run(*arguments, **options):
    """(exit status, stdout, stderr) of the installed command."""
    process = start(*arguments, **options)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def call(*arguments):
    """(exit status, everything printed) of the command inside this process."""
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def refused(*arguments):
    """The line that is printed for something wrong; status 2 and that line is all there is."""
    status, output = call(*arguments)
    lines = output.splitlines()
    assert status == 2
    assert lines
    assert lines[-1].startswith("error: ")
    assert sum(line.startswith("error: ") for line in lines) == 1
    assert "Traceback" not in output
    return lines[-1]


def rows(output):
    """The report as a dict."""
    lines = (
        re.split(r"\s{2,}|(?<=data:) |(?<=task:) ", line, maxsplit=1)
        for line in output.splitlines()
    )
    return {line[0]: line[1] for line in lines if len(line) == 2}


def number(text):
    """The first number of a text."""
    return float(re.search(r"-?[0-9][0-9,.]*(e[-+]?[0-9]+)?", text)[0].replace(",", ""))


def write_csv(path, header, lines):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([header, *lines] if header else lines)
    return path


def read_csv(path_or_text):
    text = path_or_text.read_text("utf-8") if isinstance(path_or_text, Path) else path_or_text
    return list(csv.reader(text.splitlines()))


@pytest.fixture
def flowers(tmp_path):
    """120 rows, a text column among the inputs, two classes with names that need care."""
    generator = np.random.default_rng(1)
    size, colour = generator.normal(size=(120, 2)), generator.choice(["red", "blue"], 120)
    names = np.where(size[:, 0] + (colour == "red") > 0.5, "Größe, α", "[bold]小")
    lines = [[*s.round(4), c, n] for s, c, n in zip(size, colour, names, strict=True)]
    return write_csv(tmp_path / "flowers.csv", ["length", "width", "colour", "species"], lines)


@pytest.fixture
def prices(tmp_path):
    """150 rows, the target first, far from 0 and widely spread."""
    x = np.random.default_rng(2).normal(size=(150, 2))
    y = 50000 + 12000 * x[:, 0] - 3000 * x[:, 1]
    lines = [[f"{t:.2f}", *row.round(4)] for t, row in zip(y, x, strict=True)]
    return write_csv(tmp_path / "prices.csv", ["price", "area", "age"], lines)


class TestInstalledCommand:
    def test_learns_the_digits_in_seconds_and_reports(self):
        begin = time.perf_counter()
        status, out, err = run("train")
        assert time.perf_counter() - begin < 10
        assert (status, err) == (0, "")
        found = rows(out)
        assert number(found["test accuracy"]) >= 95
        assert found["data:"].startswith("digits, 1347 training + 450 test rows, 64 inputs, 10 cl")
        assert found["layers"] == "64 inputs - 30 tanh - 10 softmax"
        assert number(found["parameters"]) == 64 * 30 + 30 + 30 * 10 + 10
        assert number(found["epochs"]) == 50
        assert number(found["train loss"]) < number(found["test loss"])
        assert number(found["samples per second"]) > 100_000
        assert 0 < number(found["microseconds per step"]) < 100
        assert found["backend"].startswith("Cython")
        ratio = float(re.fullmatch(r".*, ratio (\S+)", found["one epoch, reference"])[1])
        assert ratio > 3
        assert "one epoch, cython" in found

    def test_table_with_text_labels_round_trip(self, flowers, tmp_path):
        net, predicted = tmp_path / "net.npz", tmp_path / "out.csv"
        status, out, err = run("train", flowers, "--target", "species", "--save", net)
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
        assert header == ["species", "probability"]
        hits = [line[0] == row[3] for line, row in zip(lines, table[1:], strict=True)]
        assert np.mean(hits) > 0.9
        assert all(0.5 <= float(line[1]) <= 1 for line in lines)
        # with the target, on stdout: the same
        assert run("predict", net, flowers) == (0, predicted.read_text("utf-8"), "")

    def test_table_with_numeric_target_round_trip_in_its_units(self, prices, tmp_path):
        net = tmp_path / "net.npz"
        status, out, _ = run(
            "train", prices, "--target", "1", "--save", net, "--test-fraction", "0"
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

    def test_ctrl_c_reports_saves_and_gives_130(self, tmp_path):
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

    def test_pipe_gets_plain_text_even_where_colour_is_forced(self):
        status, out, err = run("train", "xor", env={"FORCE_COLOR": "1", "COLUMNS": "20"})
        assert (status, err) == (0, "")
        assert "\x1b" not in out
        assert "│" not in out
        assert len(rows(out)) == len(out.splitlines())  # nothing wrapped

    def test_same_seed_gives_same_results(self):
        def scores(seed):
            out = run("train", "iris", "--seed", seed)[1]
            return [v for k, v in rows(out).items() if k.startswith(("train", "test"))]

        assert scores(3) == scores(3)
        assert scores(3) != scores(4)

    def test_terminal_gets_a_progress_bar_and_a_table(self):
        primary, secondary = pty.openpty()
        process = start("train", "iris", stdout=secondary, stderr=secondary)
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

    def test_reader_that_leaves_ends_it_quietly(self, flowers, tmp_path):
        net = tmp_path / "net.npz"
        assert call("train", flowers, "--save", net)[0] == 0
        big = tmp_path / "big.csv"
        big.write_text("length,width,colour\n" + "1,2,red\n" * 20000, "utf-8")
        process = start("predict", net, big)
        assert process.stdout.readline() == "species,probability\n"
        process.stdout.close()
        assert process.stderr.read() == ""
        process.stderr.close()
        assert process.wait(timeout=20) in (0, -signal.SIGPIPE)

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
    def test_full_disk_is_one_line(self):
        with open("/dev/full", "w") as full:
            status, _, err = run("train", "xor", stdout=full)
        assert status == 2
        assert err == "error: cannot write the output: No space left on device\n"

    def test_error_is_one_line_on_stderr(self):
        status, out, err = run("train", "nowhere.csv")
        assert (status, out) == (2, "")
        assert err.startswith("error: there is no file 'nowhere.csv'")
        assert err.count("\n") == 1

    def test_instruction_set_that_is_not_there_is_one_line(self):
        status, _, err = run("train", env={"DELTALOOP_ISA": "9"})
        assert status == 2
        assert err.startswith("error: ")
        assert "DELTALOOP_ISA" in err
        assert err.count("\n") == 1

    def test_version_and_help(self):
        assert run("--version") == (0, f"deltaloop {dl.__version__}\n", "")
        status, out, _ = run("--help")
        assert status == 0
        assert "deltaloop train flowers.csv --target species" in out
        assert run() == (0, out, "")

    @pytest.mark.parametrize("package", ["click", "rich"])
    def test_missing_package_is_one_line(self, package):
        program = (
            f"import sys; sys.modules[{package!r}] = None\n"
            "from deltaloop.__main__ import main; main()"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert done.stdout == ""
        assert f"{package!r}" in done.stderr
        assert 'pip install "deltaloop[cli]"' in done.stderr
        assert done.stderr.count("\n") == 1


class TestTrain:
    @pytest.mark.parametrize("name", dl.datasets.names())
    def test_every_bundled_data_set_trains(self, name):
        status, output = call("train", name, "--epochs", 2)
        assert status == 0
        assert f"data: {name}, " in output

    @pytest.mark.parametrize("name", ["xor", "parity", "symmetry"])
    def test_complete_tables_are_learned_by_default(self, name):
        assert rows(call("train", name)[1])["train accuracy"] == "100.00 %"

    def test_scores_of_a_regression_are_in_units_of_the_target(self, prices):
        found = rows(call("train", prices, "--target", "price")[1])
        assert 10 < number(found["test RMSE"]) < 3000
        assert "of standardised targets" in found["test loss"]

    @pytest.mark.parametrize(
        ("loss", "output"),
        [
            ("mse", "2 sigmoid"),
            ("cross_entropy", "2 softmax"),
            ("binary_cross_entropy", "1 sigmoid"),
        ],
    )
    def test_losses_of_classes(self, flowers, tmp_path, loss, output):
        net = tmp_path / "net.npz"
        status, printed = call("train", flowers, "--loss", loss, "--save", net)
        assert status == 0
        assert rows(printed)["layers"].endswith(output)
        assert number(rows(printed)["train accuracy"]) > 90
        header, *lines = read_csv(call("predict", net, flowers)[1])
        assert header[1] == ("output" if loss == "mse" else "probability")
        truth = [row[3] for row in read_csv(flowers)[1:]]
        hits = [line[0] == name for line, name in zip(lines, truth, strict=True)]
        assert np.mean(hits) > 0.85

    def test_options_reach_the_network(self, flowers, tmp_path):
        net = tmp_path / "net.npz"
        status, output = call(
            "train", flowers, "--save", net, "--layers", "7, 5", "--activation", "relu",
            "--dtype", "float64", "--no-standardize", "--momentum", 0.5, "--nesterov",
            "--epochs", 3, "--batch-size", 16, "--learning-rate", 0.01, "--ignore", "colour",
        )  # fmt: skip
        assert status == 0
        loaded = dl.load(net)
        assert loaded.sizes == (2, 7, 5, 2)
        assert [str(layer.activation) for layer in loaded.layers] == ["relu", "relu", "softmax"]
        assert loaded.dtype == np.float64
        assert loaded.scaling is None
        assert rows(output)["epochs"] == "3"
        assert rows(output)["microseconds per step"].endswith("(batch size 16)")

    def test_no_hidden_layer(self, flowers):
        assert rows(call("train", flowers, "--layers", "none")[1])["layers"] == (
            "4 inputs - 2 softmax"
        )

    def test_reference_backend_is_not_compared_with_itself(self):
        status, output = call("train", "iris", "--backend", "reference", "--epochs", 2)
        assert status == 0
        assert "ratio" not in output
        assert rows(output)["backend"].startswith("NumPy")

    def test_standardises_by_the_training_rows_alone(self, prices, tmp_path):
        net = tmp_path / "net.npz"
        assert call("train", prices, "--target", 1, "--save", net, "--seed", 5)[0] == 0
        problem = open_problem(str(prices), target="price", seed=5)
        scaling = dl.load(net).scaling
        np.testing.assert_allclose(scaling.x_mean, problem.X_train.mean(axis=0))
        np.testing.assert_allclose(scaling.y_scale, problem.y_train.std(axis=0))

    def test_divergence_is_one_line_and_status_1(self, prices):
        status, output = call(
            "train", prices, "--target", 1, "--no-standardize", "--activation", "identity",
            "--learning-rate", 1000,
        )  # fmt: skip
        assert status == 1
        assert re.match(r"error: loss became (nan|inf) in epoch \d+", output.splitlines()[-1])

    def test_interrupted_comparison_still_reports(self, monkeypatch):
        def interrupted(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(modelling, "compare", interrupted)
        status, output = call("train", "iris", "--backend", "cython")
        assert status == 130
        assert "test accuracy" in output

    def test_interrupt_before_training_is_quiet(self, monkeypatch):
        def interrupted(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(modelling, "build", interrupted)
        status, output = call("train", "iris")
        assert status == 130
        assert "error" not in output

    def test_large_epochs_are_compared_in_part(self, monkeypatch):
        monkeypatch.setattr(modelling, "_COMPARISON_SECONDS", 0.0)
        status, output = call("train", "iris", "--epochs", 2, "--backend", "cython")
        assert status == 0
        assert "9.5 % of an epoch, reference" in output  # 10 of 105 rows

    def test_report_comes_first_when_saving_fails(self, monkeypatch, tmp_path):
        def full(*_):
            raise OSError(28, "No space left on device", "net.npz")

        monkeypatch.setattr(dl.Network, "save", full)
        status, output = call("train", "iris", "--save", tmp_path / "net.npz")
        assert status == 2
        assert "test accuracy" in output
        assert output.endswith("error: net.npz: No space left on device\n")


class TestTables:
    @pytest.mark.parametrize("target", ["text", "number"])
    def test_five_rows(self, tmp_path, target):
        values = {"text": "pqpqr", "number": [1.5, 2.5, 0.5, 3.5, 1.0]}[target]
        lines = [[i, 5 - i, value] for i, value in enumerate(values)]
        path = write_csv(tmp_path / "five.csv", ["a", "b", "y"], lines)
        status, output = call("train", path, "--save", tmp_path / "net.npz")
        assert status == 0
        assert "4 training + 1 test row," in output
        assert call("predict", tmp_path / "net.npz", path)[0] == 0

    def test_two_rows(self, tmp_path):
        path = write_csv(tmp_path / "two.csv", ["a", "y"], [[1, 2.5], [2, 3.5]])
        assert call("train", path)[0] == 0

    def test_every_class_is_trained_even_those_of_one_row(self, tmp_path):
        names = [*"ABCDEFGH", *["common"] * 32]
        path = write_csv(tmp_path / "t.csv", ["a", "y"], list(enumerate(names)))
        problem = open_problem(str(path))
        assert set(problem.y_train) == set(range(9))
        assert 6 <= len(problem.y_test) <= 8  # 0.2 of 32
        assert set(problem.y_test) == {problem.classes.index("common")}

    @pytest.mark.parametrize("fraction", [0.05, 0.2, 0.5, 0.9])
    def test_test_part_has_every_class_in_proportion(self, tmp_path, fraction):
        names = ["a"] * 100 + ["b"] * 60 + ["c"] * 40
        path = write_csv(tmp_path / "t.csv", ["x", "y"], list(enumerate(names)))
        problem = open_problem(str(path), test_fraction=fraction)
        counts = np.bincount(problem.y_test)
        np.testing.assert_allclose(counts, fraction * np.array([100, 60, 40]), atol=1)
        rows_of_both = np.concatenate([problem.X_train, problem.X_test])[:, 0]
        assert sorted(rows_of_both) == list(range(200))

    def test_many_classes(self, tmp_path):
        lines = [[i % 7, i % 11, f"class {i % 300}"] for i in range(900)]
        path = write_csv(tmp_path / "t.csv", ["a", "b", "y"], lines)
        status, output = call("train", path, "--epochs", 1)
        assert status == 0
        assert "300 classes" in output

    def test_constant_columns(self, tmp_path):
        path = write_csv(tmp_path / "t.csv", ["a", "y"], [[7, i % 2] for i in range(30)])
        status, output = call("train", path)
        assert status == 0
        assert "guessed: target 'y' has only 2 different whole numbers" in output

    def test_constant_numeric_target_is_warned_of(self, tmp_path):
        path = write_csv(tmp_path / "t.csv", ["a", "y"], [[i, 3.5] for i in range(30)])
        status, output = call("train", path)
        assert status == 0
        assert "warning: target 'y' is 3.5 in every row, so there is nothing to learn\n" in output
        assert "undefined" in rows(output)["train R²"]

    def test_mistyped_number_in_the_target_is_warned_of(self, tmp_path):
        lines = [[i, "12..5" if i == 3 else i % 5 + 0.5] for i in range(30)]
        path = write_csv(tmp_path / "t.csv", ["a", "y"], lines)
        status, output = call("train", path)
        assert status == 0
        assert "warning: target 'y' counts as text because of 1 cell such as '12..5'" in output

    def test_file_without_header(self, tmp_path):
        lines = [[i, -i, "yes" if i % 2 else "no"] for i in range(30)]
        path, net = write_csv(tmp_path / "t.csv", None, lines), tmp_path / "net.npz"
        status, output = call("train", path, "--save", net)
        assert status == 0
        assert "target 'x3' is text" in output
        bare = write_csv(tmp_path / "bare.csv", None, [line[:2] for line in lines])
        assert call("predict", net, bare) == call("predict", net, path)

    def test_numeric_classes_keep_their_names(self, tmp_path):
        lines = [[i, [-1, 1, 2.5][i % 3]] for i in range(30)]
        path, net = write_csv(tmp_path / "t.csv", ["a", "y"], lines), tmp_path / "net.npz"
        assert call("train", path, "--task", "classification", "--save", net)[0] == 0
        assert dl.load(net).classes == ("-1", "1", "2.5")

    def test_other_files(self, tmp_path):
        X = np.random.default_rng(0).normal(size=(60, 3))
        np.save(tmp_path / "t.npy", np.c_[X, X[:, 0]])
        np.savez(tmp_path / "t.npz", X=X, y=X[:, 0] > 0)
        (tmp_path / "t.svm").write_text("".join(f"{x[0] > 0:d} 2:{x[0]:.3f}\n" for x in X))
        for name in ("t.npy", "t.npz", "t.svm"):
            net = tmp_path / "net"
            assert call("train", tmp_path / name, "--save", net)[0] == 0, name
            assert call("predict", net, tmp_path / name)[1].count("\n") == 61, name


class TestPredict:
    def test_bundled_data(self, tmp_path):
        net = tmp_path / "net.npz"
        assert call("train", "iris", "--save", net)[0] == 0
        header, *lines = read_csv(call("predict", net, "iris")[1])
        assert header == ["class", "probability"]
        assert {line[0] for line in lines} == {"setosa", "versicolor", "virginica"}

    def test_several_outputs(self, tmp_path):
        net = tmp_path / "net.npz"
        assert call("train", "encoder", "--save", net)[0] == 0
        header, *lines = read_csv(call("predict", net, "encoder")[1])
        assert header == [f"y{k}" for k in range(1, 9)]
        given = np.array(lines, dtype=float)
        assert np.array_equal(given.argmax(axis=1), np.arange(8))

    def test_numbers_read_back_bit_for_bit(self, tmp_path):
        net = dl.Network([2, 3, 1], seed=1)
        net.save(tmp_path / "net.npz")
        X = np.random.default_rng(0).normal(size=(50, 2)) * 10.0 ** np.arange(-25, 25)[:, None]
        write_csv(tmp_path / "t.csv", ["a", "b"], X.tolist())
        lines = read_csv(call("predict", tmp_path / "net.npz", tmp_path / "t.csv")[1])[1:]
        assert np.array_equal(np.array(lines, dtype=np.float32), net.predict(X))

    def test_network_from_python_names_its_classes(self, tmp_path):
        net = dl.Network([2, 1], loss="binary_cross_entropy")
        net.classes = ("no", "yes")
        net.W[0], net.b[0] = [[1.0, 0.0]], [0.0]
        net.save(tmp_path / "net.npz")
        path = write_csv(tmp_path / "t.csv", ["a", "b"], [[2, 0], [-3, 0]])
        lines = read_csv(call("predict", tmp_path / "net.npz", path)[1])
        assert [line[0] for line in lines] == ["class", "yes", "no"]
        assert float(lines[1][1]) == pytest.approx(1 / (1 + np.exp(-2)), rel=1e-5)
        assert float(lines[2][1]) == pytest.approx(1 / (1 + np.exp(-3)), rel=1e-5)

    def test_network_from_python_takes_every_column(self, tmp_path):
        dl.Network([2, 1]).save(tmp_path / "net.npz")
        wide = write_csv(tmp_path / "wide.csv", ["a", "b", "y"], [[1, 2, 3]])
        wider = write_csv(tmp_path / "wider.csv", ["a", "b", "c", "y"], [[1, 2, 3, 4]])
        text = write_csv(tmp_path / "text.csv", ["a", "b"], [[1, 2], [3, "x"]])
        line = refused("predict", tmp_path / "net.npz", wide)
        assert "3 columns" in line
        assert "remove the column of the target" in line
        assert "4 columns" in refused("predict", tmp_path / "net.npz", wider)
        assert "'b'" in refused("predict", tmp_path / "net.npz", text)

    def test_output_is_whole_or_not_there(self, flowers, tmp_path):
        net, out = tmp_path / "net.npz", tmp_path / "out.csv"
        assert call("train", flowers, "--save", net)[0] == 0
        out.write_text("before")
        bad = write_csv(tmp_path / "bad.csv", ["length", "width", "colour"], [[1, 2, "mauve"]])
        assert "mauve" in refused("predict", net, bad, "-o", out)
        assert out.read_text() == "before"
        assert call("predict", net, flowers, "-o", out) == (0, "")
        assert len(read_csv(out)) == 121
        assert not list(tmp_path.glob(".*"))

    def test_missing_column_is_named(self, flowers, tmp_path):
        net = tmp_path / "net.npz"
        assert call("train", flowers, "--save", net)[0] == 0
        path = write_csv(tmp_path / "t.csv", ["length", "colour"], [[1, "red"]])
        assert "no column 'width'" in refused("predict", net, path)

    def test_inputs_are_never_replaced(self, flowers, tmp_path):
        net = tmp_path / "net.npz"
        assert call("train", flowers, "--save", net)[0] == 0
        assert "would replace" in refused("predict", net, flowers, "-o", flowers)
        assert "would replace" in refused("predict", net, flowers, "-o", net)
        assert "would replace" in refused("train", flowers, "--save", flowers)

    def test_files_in_the_wrong_order(self, flowers, tmp_path):
        net = tmp_path / "net.npz"
        assert call("train", flowers, "--save", net)[0] == 0
        assert "flowers.csv" in refused("predict", flowers, net)
        assert "No such file" in refused("predict", tmp_path / "no.npz", flowers)


class TestInfo:
    def test_installation(self):
        status, output = call("info")
        found = rows(output)
        assert status == 0
        assert found["deltaloop"] == dl.__version__
        assert found["NumPy"] == np.__version__
        assert found["backend reference"].startswith("NumPy")
        assert found["instruction set used"] in found["instruction sets found"]

    def test_network(self, flowers, tmp_path):
        net = tmp_path / "net.npz"
        assert call("train", flowers, "--save", net)[0] == 0
        status, output = call("info", net)
        found = rows(output)
        assert status == 0
        assert found["format version"] == "1"
        assert found["layers"] == "4 inputs - 30 tanh - 2 softmax"
        assert found["inputs"] == "'length', 'width', 'colour=blue', 'colour=red'"
        assert found["target"] == "'species'"
        assert found["classes"] == "'Größe, α', '[bold]小'"
        assert found["scaling"] == "inputs standardised"

    def test_foreign_file(self, tmp_path):
        np.savez(tmp_path / "x.npz", X=np.zeros(3))
        assert "not written by deltaloop" in refused("info", tmp_path / "x.npz")


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "part"),
        [
            ("digts", "did you mean 'digits'?"),
            ("nowhere.csv", "no file 'nowhere.csv'"),
            (".", "directory"),
            ("iris --layers 3x", "--layers must be widths"),
            ("iris --layers 0", "--layers must be widths"),
            ("iris --layers 1000000,1000000,1000000", "memory"),
            ("iris --task regress", "did you mean 'regression'?"),
            ("iris --activation rleu", "did you mean 'relu'?"),
            ("iris --activation softmax", "softmax is an output activation"),
            ("iris --loss mae", "'mse'"),
            ("iris --loss binary_cross_entropy", "needs 2 classes, the target has 3"),
            ("sine --loss cross_entropy", "needs classes"),
            ("sine --task classification", "use --task regression"),
            ("iris --optimizer sdg", "did you mean 'sgd'?"),
            ("iris --learning-rate -1", "got -1"),
            ("iris --learning-rate nan", "got nan"),
            ("iris --learning-rate fast", "'fast'"),
            ("iris --momentum 1", "got 1.0"),
            ("iris --nesterov", "momentum"),
            ("iris --batch-size 0", "whole number >= 1, got '0'"),
            ("iris --batch-size 106", "at most 105"),
            ("iris --epochs 1.5", "whole number >= 1, got '1.5'"),
            ("iris --seed -1", "whole number >= 0, got '-1'"),
            ("iris --dtype float16", "'float32'"),
            ("iris --backend cuda", "'cython'"),
            ("iris --target species", "--target is for tables"),
            ("iris --test-fraction 0.5", "--test-fraction is for tables"),
            ("iris --layer 3", "--layers"),
            ("iris iris", "unexpected extra argument"),
            ("iris --save /", "directory"),
            ("iris --save /nowhere/net.npz", "cannot be written"),
        ],
    )
    def test_of_train(self, arguments, part):
        assert part in refused("train", *arguments.split())

    @pytest.mark.parametrize(
        ("options", "part"),
        [
            ("--target speces", "did you mean 'species'?"),
            ("--target 5", "numbered 1 to 4"),
            ("--target 0", "numbered 1 to 4"),
            ("--ignore species", "cannot be ignored"),
            ("--ignore hue", "no column 'hue'"),
            ("--task regression", "holds text, such as"),
            ("--test-fraction 1", "[0, 1)"),
            ("--test-fraction nan", "[0, 1)"),
        ],
    )
    def test_of_options_for_a_table(self, flowers, options, part):
        assert part in refused("train", flowers, *options.split())

    @pytest.mark.parametrize(
        ("text", "part"),
        [
            ("", "empty"),
            ("a,y\n", "header"),
            ("a,y\n1,2\n", "at least 2"),
            ("y\n1\n2\n", "no feature column"),
            ("a,y\n1,no\n2,no\n3,no\n", "has the value no in every row"),
            ("a,y\n1,2\n,3\n4,5\n", "missing value"),
            ("a,y\n1,2\n3,\n4,5\n", "missing value"),
            ("a,y\n1,2\n3,inf\n4,5\n", "infinite"),
            ("a,y\n1,2\n3\n", "cells"),
            ("a;y\n1;2,5\n2;3,5\n", "numbers with a comma"),
            ("a,y\n" + "".join(f"{i},n{i}\n" for i in range(40)), "it is no class"),
        ],
    )
    def test_of_tables(self, tmp_path, text, part):
        path = tmp_path / "t.csv"
        path.write_text(text)
        assert part in refused("train", path)

    def test_of_binary_files(self, tmp_path):
        path = tmp_path / "t.csv"
        path.write_bytes(bytes(range(256)))
        assert "not UTF-8" in refused("train", path)

    def test_of_commands(self):
        assert "did you mean 'train'?" in refused("tran").casefold()
        assert "'NET'" in refused("predict")
        assert "'DATA'" in refused("predict", "net.npz")

    def test_of_an_unwritable_file_come_before_training(self, monkeypatch, tmp_path):
        def never(*_):
            pytest.fail("trained before the file was tried")

        monkeypatch.setattr(modelling, "train", never)
        assert "directory" in refused("train", "iris", "--save", tmp_path)
        (tmp_path / "file").touch()
        assert "cannot be written" in refused("train", "iris", "--save", tmp_path / "file/net.npz")
        assert list(tmp_path.iterdir()) == [tmp_path / "file"]

    def test_a_pipe_is_never_replaced(self, flowers, tmp_path):
        pipe, net = tmp_path / "pipe", tmp_path / "net.npz"
        os.mkfifo(pipe)  # stands for devices too: a test that fails must not harm the machine
        assert "no ordinary file" in refused("train", "iris", "--save", pipe)
        assert call("train", flowers, "--save", net)[0] == 0
        received = []
        reader = threading.Thread(target=lambda: received.append(pipe.read_text("utf-8")))
        reader.start()
        assert call("predict", net, flowers, "-o", pipe) == (0, "")
        reader.join(timeout=10)
        assert received == [call("predict", net, flowers)[1]]
        assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (1234567, "1230000"), (0.00123456, "0.00123"), (9.999, "10.0"),
        (99.96, "100"), (1e-9, "1e-09"), (1e20, "1e+20"), (31.25, "31.2"), (-2.5, "-2.50"),
    ],
)  # fmt: skip
def test_numbers_of_the_report_have_three_digits(value, text):
    assert report.significant(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.5, "2.50 s"), (0.0123, "12.3 ms"), (1.234e-5, "12.3 µs")]
)
def test_durations_have_a_fitting_unit(seconds, text):
    assert report.duration(seconds) == text
