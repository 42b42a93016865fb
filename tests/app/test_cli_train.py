"""`deltaloop train`: what the options do, and the report."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

import deltaloop as dl
from command_line import call, number, read_csv, rows, write_csv
from deltaloop.app import modelling
from deltaloop.app.holdout import Choice
from deltaloop.app.problems import Reading, open_problem
from deltaloop.inputs import checks, validation
from deltaloop.tabular import Preparation


@pytest.mark.parametrize("name", dl.datasets.names())
def test_every_bundled_data_set_trains(name):
    status, output = call("train", name, "--epochs", 2)
    assert status == 0
    assert f"data: {name}, " in output


@pytest.mark.parametrize("name", ["xor", "parity", "symmetry"])
def test_complete_tables_are_learned_by_default(name):
    assert rows(call("train", "--simple", name)[1])["train accuracy"].split(" (")[0] == "100.00 %"


def test_scores_of_a_regression_are_in_units_of_the_target(prices):
    found = rows(call("train", prices, "--target", "price", "--simple")[1])
    assert 10 < number(found["test RMSE"]) < 3000
    assert "of standardised targets" in found["test loss"]


@pytest.mark.parametrize(
    ("loss", "output"),
    [
        ("mse", "2 sigmoid"),
        ("cross_entropy", "2 softmax"),
        ("binary_cross_entropy", "1 sigmoid"),
        ("binary_focal", "1 sigmoid"),
        ("nll", "2 log_softmax"),
        ("mae", "2 sigmoid"),
    ],
)
def test_losses_of_classes(flowers, tmp_path, loss, output):
    net = tmp_path / "net.npz"
    status, printed = call("train", flowers, "--loss", loss, "--save", net)
    assert status == 0
    assert rows(printed)["layers"].endswith(output)
    assert number(rows(printed)["train accuracy"]) > 90
    header, *lines = read_csv(call("predict", net, flowers)[1])
    assert header[1] == ("output" if loss in ("mse", "mae") else "probability")
    assert header[2:] == [f"{header[1]} of Größe, α", f"{header[1]} of [bold]小"]
    given = np.array([line[1:] for line in lines], dtype=float)
    assert ((given >= 0) & (given <= 1)).all()
    assert (given[:, 0] == given[:, 1:].max(axis=1)).all()
    truth = [row[3] for row in read_csv(flowers)[1:]]
    hits = [line[0] == name for line, name in zip(lines, truth, strict=True)]
    assert np.mean(hits) > 0.85


def test_counts_are_learned_with_the_loss_of_poisson(tmp_path):
    generator = np.random.default_rng(0)
    x = generator.uniform(-1, 1, 400)
    counts = generator.poisson(np.exp(1 + x))
    path = write_csv(tmp_path / "counts.csv", ["x", "n"], [*zip(x, counts, strict=True)])
    status, printed = call(
        "train", path, "--target", "n", "--task", "regression", "--loss", "poisson",
        "--epochs", 60, "--save", tmp_path / "net.npz",
    )  # fmt: skip
    assert status == 0
    assert rows(printed)["layers"].endswith("1 exp")
    _, *lines = read_csv(call("predict", tmp_path / "net.npz", path)[1])
    assert np.array(lines, float)[:, 0] == pytest.approx(np.exp(1 + x), rel=0.3)


def test_options_reach_the_network(flowers, tmp_path):
    net = tmp_path / "net.npz"
    status, output = call(
        "train", flowers, "--save", net, "--layers", "7, 5", "--activation", "relu",
        "--dtype", "float64", "--no-standardize", "--momentum", 0.5, "--nesterov",
        "--epochs", 3, "--batch-size", 16, "--learning-rate", 0.01, "--ignore", "colour",
    )  # fmt: skip
    assert status == 0
    loaded = dl.load(net)
    assert loaded.sizes == (2, 7, 5, 2)
    assert loaded.metadata["preparation"]["dropped"] == {"colour": "ignored, as asked for"}
    assert [str(layer.activation) for layer in loaded.layers] == ["relu", "relu", "softmax"]
    assert loaded.dtype == np.float64
    assert loaded.scaling is None
    assert loaded.optimizer == dl.SGD(0.01, 0.5, nesterov=True)
    assert rows(output)["epochs"] == "3"
    assert rows(output)["microseconds per step"].endswith("(batch size 16)")


def test_no_hidden_layer(flowers):
    assert rows(call("train", flowers, "--layers", "none")[1])["layers"] == "3 inputs - 2 softmax"


def test_reference_backend_is_not_compared_with_itself():
    status, output = call("train", "iris", "--backend", "reference", "--epochs", 2, "--compare")
    assert status == 0
    assert "ratio" not in output
    assert rows(output)["backend"].startswith("NumPy")


def test_standardises_by_the_training_rows_alone(prices, tmp_path):
    net = tmp_path / "net.npz"
    assert call("train", prices, "--target", 1, "--save", net, "--seed", 5, "--simple")[0] == 0
    problem = open_problem(str(prices), Reading(target=("price",)), Choice(seed=5))
    X = Preparation.fit(problem.train, ["price"]).transform(problem.train)
    scaling = dl.load(net).scaling
    np.testing.assert_allclose(scaling.x_mean, X.mean(axis=0, dtype=float))
    np.testing.assert_allclose(scaling.y_scale, problem.y_train.std(axis=0))


def test_divergence_is_one_line_and_status_1(prices):
    status, output = call(
        "train", prices, "--target", 1, "--no-standardize", "--activation", "identity",
        "--learning-rate", 1000,
    )  # fmt: skip
    assert status == 1
    assert re.match(r"error: loss became (nan|inf) in epoch \d+", output.splitlines()[-1])


def test_interrupted_comparison_still_reports(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(modelling, "compare", interrupted)
    status, output = call("train", "iris", "--compare", "--backend", "cython")
    assert status == 130
    assert "test accuracy" in output


def test_interrupt_before_training_is_quiet(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(modelling, "build", interrupted)
    status, output = call("train", "iris", "--simple")
    assert status == 130
    assert "error" not in output


def test_fastest_epoch_of_each_is_compared(monkeypatch):
    seconds = {"reference": [9.0, 6.0, 8.0], "cython": [0.5, 0.25, 0.75]}
    monkeypatch.setattr(
        dl.Network, "fit", lambda net, *_, **__: dl.History(seconds=seconds[net.backend_name])
    )
    X, y = np.zeros((40, 2)), np.zeros((40, 1))
    found = modelling.compare(
        dl.Network([2, 1], backend="cython"), modelling.Examples(X, y, y),
        SimpleNamespace(y_train=y), modelling.Settings(batch_size=10), dl.SGD(),
    )  # fmt: skip
    # of the 40 rows, 10 take the reference 1.5 seconds, and 20 would take it more than 2
    assert found == modelling.Comparison(0.25, 6.0, 0.25)


def test_large_epochs_are_compared_in_part(monkeypatch):
    monkeypatch.setattr(modelling, "_COMPARISON_SECONDS", 0.0)
    status, output = call("train", "iris", "--epochs", 2, "--backend", "cython", "--compare")
    assert status == 0
    assert "9.5 % of an epoch, reference" in output  # 10 of 105 rows


def test_report_comes_first_when_saving_fails(monkeypatch, tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device", "net.npz")

    monkeypatch.setattr(dl.Network, "save", full)
    status, output = call("train", "iris", "--simple", "--save", tmp_path / "net.npz")
    assert status == 2
    assert "test accuracy" in output
    assert output.endswith("error: net.npz: No space left on device\n")


def test_rows_of_a_table_pass_the_door_once(flowers, monkeypatch):
    seen, as_numbers = [], validation.as_numbers

    def counted(name, values):
        seen.append((name, len(values)))
        return as_numbers(name, values)

    for module in (validation, checks):
        monkeypatch.setattr(module, "as_numbers", counted)
    status, output = call("train", flowers, "--simple", "--compare")
    assert status == 0
    assert "one epoch, reference" in output  # which trains copies of the network
    passed = sorted((name, n) for name, n in seen if name in ("X", "Y"))
    assert passed == [("X", 24), ("X", 96), ("Y", 24), ("Y", 96)]


@pytest.mark.parametrize("name", ["levenbergmarquardt", "scg", "lbfgs"])
def test_optimisers_of_all_samples_take_all_rows_and_are_saved(name, tmp_path):
    path = tmp_path / "net.npz"
    options = ["--loss", "mse", "--optimizer", name, "--save", path]
    status, output = call("train", "iris", *options)
    assert status == 0
    assert number(rows(output)["train loss"]) < 1e-3
    assert " of 200 (" in rows(output)["epochs"]
    assert "(batch size 105)" in rows(output)["microseconds per step"]
    assert type(dl.load(path).optimizer).__name__.casefold() == name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "LevenbergMarquardt needs a loss that is a sum of squares"),
        (["--loss", "mse", "--learning-rate", 0.1], "has no learning_rate"),
        (["--loss", "mse", "--batch-size", 10], "batch_size must be left out, or n_samples = 105"),
    ],
)
def test_least_squares_says_what_it_does_not_take(options, message):
    status, output = call("train", "iris", "--optimizer", "levenbergmarquardt", *options)
    assert status != 0
    assert message in output
