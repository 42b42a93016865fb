"""`deltaloop train` and `predict`: columns, parts, and what the report shows."""

import warnings
from decimal import Decimal

import numpy as np
import pytest

import deltaloop as dl
from command_line import call, number, read_csv, refused, rows, run, write_csv
from deltaloop.app import train_command


@pytest.fixture
def sales(tmp_path):
    """120 rows: a row number, an id, two inputs, a group, two targets and a class."""
    generator = np.random.default_rng(3)
    lines = []
    for k in range(120):
        area, kind = generator.normal(), generator.choice(["flat", "house"])
        price = 100 + 20 * area + 30 * (kind == "house")
        dear = "dear" if price > 135 else "cheap"
        lines.append([k, f"c{k:03}", f"{area:.4f}", kind, f"s{k % 8}", f"{price:.2f}",
                      f"{-2 * price:.2f}", dear])  # fmt: skip
    head = ["", "customer", "area", "kind", "seller", "price", "cost", "class"]
    return write_csv(tmp_path / "sales.csv", head, lines)


# --- columns ---


def test_several_targets_are_all_outputs(sales, tmp_path):
    net = tmp_path / "net.npz"
    status, output = call(
        "train", sales, "--target", "price", "--target", "cost", "--ignore", "class,seller",
        "--simple", "--save", net,
    )  # fmt: skip
    assert status == 0
    found = rows(output)
    assert found["task:"] == "regression (2 targets)"
    assert found["layers"].endswith("2 identity")
    for name in ("price", "cost"):
        assert number(found[f"test R² of {name}"]) > 0.9
        assert "constant answer" in found[f"test RMSE of {name}"]
    header, *lines = read_csv(call("predict", net, sales)[1])
    names = ["price", "price low", "price high", "cost", "cost low", "cost high"]
    assert header == names
    given = dict(zip(names, np.array(lines, dtype=float).T, strict=True))
    truth = np.array([[row[5], row[6]] for row in read_csv(sales)[1:]], dtype=float).T
    for name, true in zip(("price", "cost"), truth, strict=True):
        assert np.corrcoef(given[name], true)[0, 1] > 0.99
        assert ((given[f"{name} low"] < given[name]) & (given[name] < given[f"{name} high"])).all()
        inside = (given[f"{name} low"] <= true) & (true <= given[f"{name} high"])
        assert np.mean(inside) > 0.85
    assert rows(call("info", net)[1])["targets"] == "'price', 'cost'"


def test_several_targets_by_numbers_between_commas(sales):
    told = call("train", sales, "--target", "6,7", "--ignore", "class", "--epochs", 1)[1]
    assert "test RMSE of price" in told and "test RMSE of cost" in told


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (
            "--target price --target class --task regression",
            "target 'class' holds text, such as",
        ),
        ("--encode seller", "--encode takes a column and a way, such as city=hash; got 'seller'"),
        ("--encode seller=sum", "unknown --encode 'sum', expected one of 'hash', 'target'"),
        ("--encode nothing=hash", "no column 'nothing'"),
        ("--target class --encode class=hash", "'class' is the target and cannot be encoded"),
        ("--encode seller=hash --stream", "--stream has no --encode"),
        ("--target price --keep price", "'price' is the target and cannot be kept as an input"),
        ("--keep seller --ignore seller", "'seller' is ignored (--ignore) and cannot be kept"),
        ("--group class", "'class' is the target and cannot be the group"),
        ("--group buyer", "no column 'buyer'"),
        ("--keep nothing", "no column 'nothing'"),
        ("--ignore seller,nothing", "no column 'nothing'"),
        ("--test first", "unknown --test 'first'"),
        ("--test last --group seller", "leave one of them out"),
        ("--test-fraction 0 --group seller", "--test-fraction 0 leaves no test part for --group"),
        ("--budget 5 --simple", "--budget is for the recipe, --simple for the textbook network"),
        ("--budget 5 --batch-size 5", "--batch-size for the textbook network"),
        ("--plot curve.bmp", "--plot 'curve.bmp' must end in .png, .svg, .pdf"),
        ("--plot /nowhere/curve.png", "cannot be written"),
        ("--ignore 1,2,3,4,5,6,7", "no column of"),
    ],
)
def test_refusals_of_columns_and_parts(sales, options, part):
    assert part in refused("train", sales, *options.split())


def test_ignored_columns_are_no_inputs_and_are_told(sales, tmp_path):
    net = tmp_path / "net.npz"
    options = ["--ignore", "price,cost", "--ignore", "seller", "--epochs", 1, "--save", net]
    status, output = call("train", sales, *options)
    assert status == 0
    assert "columns: 'seller', 'price', 'cost': ignored, as asked for\n" in output
    assert rows(call("info", net)[1])["inputs"] == "'area', 'kind=house'"


def test_ids_and_row_numbers_are_dropped_unless_kept(sales):
    status, output = call("train", sales, "--epochs", 1, "--keep", "customer")
    assert status == 0
    assert "columns: 'x1': counts rows, dropped (keep it with keep= or --keep)\n" in output
    assert "columns: 'x1', 'area'" in call("train", sales, "--epochs", 1, "--keep", "x1")[1]
    assert "columns: 'customer': 96 values, one-hot: " in output
    assert "dropped as names or free text" in call("train", sales, "--epochs", 1)[1]


def test_column_whose_name_has_a_comma_is_found(tmp_path):
    path = write_csv(tmp_path / "t.csv", ["a,b", "a", "y"], [[k, k / 2, k % 2] for k in range(30)])
    output = call("train", path, "--ignore", "a,b", "--epochs", 1)[1]
    assert "columns: 'a,b': ignored" in output


def test_rows_without_target_are_left_out_and_counted(tmp_path):
    lines = [[k / 2, "" if k % 10 == 0 else k % 2] for k in range(60)]
    path = write_csv(tmp_path / "t.csv", ["a", "y"], lines)
    output = call("train", path, "--epochs", 1)[1]
    assert "rows: 6 rows without target left out\n" in output
    assert "43 training + 11 test rows" in output
    path = write_csv(tmp_path / "t.csv", ["a", "y"], [[k, "NA"] for k in range(9)])
    assert "target 'y' is missing in every row" in refused("train", path, "--simple")


# --- parts ---


def test_last_rows_are_tested(tmp_path):
    lines = [[k % 7, k % 2 if k < 80 else 1] for k in range(100)]
    path = write_csv(tmp_path / "t.csv", ["a", "y"], lines)
    output = call("train", path, "--test", "last", "--simple")[1]
    assert "80 training + 20 test rows" in output
    assert "rows: the test rows are the last ones" in output
    assert rows(output)["test AUC"].startswith("undefined, these rows are all of one class")
    output = call("train", path, "--test", "last", "--test-fraction", 0.5, "--epochs", 1)[1]
    assert "50 training + 50 test rows" in output


def test_class_of_the_last_rows_alone_is_warned_of(tmp_path):
    lines = [[k % 7, "new" if k >= 90 else "ab"[k % 2]] for k in range(100)]
    path = write_csv(tmp_path / "t.csv", ["a", "y"], lines)
    status, output = call("train", path, "--test", "last", "--simple")
    assert status == 0
    assert "warning: class 'new' occurs in the test rows alone" in output
    lines[-1][-1] = "newer"
    path = write_csv(tmp_path / "t.csv", ["a", "y"], lines)
    output = call("train", path, "--test", "last", "--simple")[1]
    assert "warning: classes 'new', 'newer' occur in the test rows alone" in output
    assert "nothing is learned of them" in output


def test_group_stays_together_and_is_no_input(sales, tmp_path):
    net = tmp_path / "net.npz"
    output = call("train", sales, "--group", "seller", "--ignore", "price,cost", "--save", net,
                  "--epochs", 1)[1]  # fmt: skip
    assert "90 training + 30 test rows" in output  # whole groups of 15
    assert "rows: rows of one 'seller' are in one part; it is no input\n" in output
    assert "columns: 'seller': tells the groups (--group), no input\n" in output
    assert "seller" not in rows(call("info", net)[1])["inputs"]


def test_group_may_be_named_as_ignored_too(sales, tmp_path):
    net = tmp_path / "net.npz"
    options = ("--ignore", "seller", "--group", "seller", "--epochs", 1, "--save", net)
    assert call("train", sales, *options)[0] == 0
    assert "seller" not in rows(call("info", net)[1])["inputs"]


def test_four_rows_are_learned_without_a_test_part(tmp_path):
    path = write_csv(
        tmp_path / "xor.csv", ["a", "b", "y"], [[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]
    )
    status, output = call("train", path, "--simple")
    assert status == 0
    assert "4 training rows, too few for a test part (--test-fraction 0.2 makes one)" in output
    found = rows(output)
    assert found["train accuracy"] == "100.00 % (constant answer: 50.00 %)"
    assert found["test"] == "no test part"
    assert "interval" not in found


def test_category_of_the_test_rows_alone_is_warned_of(tmp_path):
    lines = [[k / 7, "new" if k == 99 else "ab"[k % 2], k % 2] for k in range(100)]
    path = write_csv(tmp_path / "t.csv", ["x", "kind", "y"], lines)
    output = call("train", path, "--test", "last", "--epochs", 1)[1]
    assert f"warning: 'test rows of {path}': column 'kind' has 1 cell with a value that" in output


# --- the report ---


def test_constant_answer_stands_beside_every_score(sales):
    found = rows(call("train", sales, "--target", "price", "--ignore", "cost,class", "--simple")[1])
    for part in ("train", "test"):
        for score in ("RMSE", "MAE"):
            own, constant = found[f"{part} {score}"].split(" (constant answer: ")
            assert 0 < float(own) < 0.5 * number(constant)
        assert 0.8 < float(found[f"{part} R²"]) <= 1
    assert found["interval"].startswith("±")
    assert "holds 90 % of true values (from 24 test rows)" in found["interval"]


def test_two_classes_have_auc_and_log_loss(sales):
    found = rows(call("train", sales, "--ignore", "price,cost", "--simple")[1])
    assert number(found["test AUC"]) > 0.9
    assert found["test AUC"].endswith("(constant answer: 0.5000)")
    own, constant = found["test log loss"].split(" (constant answer: ")
    assert float(own) < number(constant)


def test_uneven_classes_have_recall_and_a_confusion_table(tmp_path):
    lines = [[k % 10, "rare" if k % 10 == 0 else "common"] for k in range(200)]
    path = write_csv(tmp_path / "t.csv", ["a", "y"], lines)
    output = call("train", path, "--simple")[1]
    tables = output[output.index("test rows by class") :].splitlines()
    assert tables == [
        "test rows by class",
        "  class   rows   recall  precision",
        "  common    36  100.0 %    100.0 %",
        "  rare       4  100.0 %    100.0 %",
        "test rows by true and predicted class",
        "  true \\ predicted  common  rare",
        "  common                36     0",
        "  rare                   0     4",
    ]


def test_even_classes_have_none(tmp_path):
    path = write_csv(
        tmp_path / "t.csv", ["a", "y"], [[k % 10, "no" if k % 2 else "yes"] for k in range(200)]
    )
    assert "by class" not in call("train", path, "--epochs", 1)[1]


def test_explain_tells_what_columns_are_worth(sales):
    output = call("train", sales, "--target", "price", "--ignore", "cost,class", "--simple",
                  "--explain")[1]  # fmt: skip
    at = output.index("test scores with a column shuffled")
    _, head, *lines = output[at:].splitlines()
    assert head.split()[:2] == ["column", "shuffled"]
    assert [line.split()[0] for line in lines[:3]] == ["(none)", "area", "kind"]
    errors = {line.split()[0]: float(line.split()[1]) for line in lines}
    assert errors["area"] > 3 * errors["(none)"]


def test_comparison_runs_only_where_it_is_asked_for():
    assert "one epoch" not in call("train", "iris", "--epochs", 2)[1]
    assert "ratio" in call("train", "iris", "--epochs", 2, "--compare", "--backend", "cython")[1]


@pytest.mark.parametrize("name", ["curve.png", "curve.SVG", "curve.pdf"])
def test_plot_draws_the_learning_curve(tmp_path, name):
    begin = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
    path = tmp_path / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of matplotlib and pyparsing
        status, output = call("train", "iris", "--epochs", 5, "--plot", path)
    assert status == 0
    assert rows(output)["drawn"] == str(path)
    assert path.read_bytes().startswith(begin[path.suffix.lower()])


def test_report_comes_first_when_drawing_fails(monkeypatch, tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device", "curve.png")

    monkeypatch.setattr(train_command, "draw", full)
    status, output = call("train", "iris", "--epochs", 1, "--plot", tmp_path / "curve.png")
    assert status == 2
    assert "test accuracy" in output and "drawn" not in output
    assert output.endswith("error: curve.png: No space left on device\n")


def test_plot_does_not_replace_what_is_read(flowers, tmp_path):
    table = tmp_path / "t.svg"
    table.write_bytes(flowers.read_bytes())
    assert "would replace" in refused("train", table, "--plot", table)


def test_learning_curve_is_plain_where_blocks_cannot_be_shown():
    status, out, err = run("train", "iris", "--epochs", 5, env={"PYTHONIOENCODING": "ascii"})
    assert (status, err) == (0, "")
    assert out.isascii()
    first, last = rows(out)["learning curve"].split(" to ")
    assert float(first) > float(last)


def test_guess_of_the_task_names_the_option_that_changes_it(tmp_path):
    def task(values):
        path = write_csv(tmp_path / "t.csv", ["a", "y"], [[k / 2, y] for k, y in enumerate(values)])
        return rows(call("train", path, "--epochs", 1)[1])["task:"]

    letters = task(list(range(1, 27)) * 20)
    assert letters.startswith("classification (guessed: target 'y' has only 26 different whole")
    assert letters.endswith("--task regression takes them for values)")
    squares = task([k**2 for k in range(10)] * 40)
    assert squares.startswith("regression (guessed: target 'y' has 10 different numbers; --task cl")
    assert task([k / 7 for k in range(100)]).endswith("has 100 different numbers)")


def test_help_has_sections():
    status, output = call("train", "--help")
    assert status == 0
    titles = [line for line in output.splitlines() if line.endswith(":") and line[0] != " "]
    assert titles == [
        "The table:", "The test part:", "The recipe:",
        "The textbook network (each of these options implies --simple):", "The result:", "Options:",
    ]  # fmt: skip
    for option in ("--target", "--test-fraction", "--budget", "--layers", "--explain", "--help"):
        assert output.count(f"  {option} ") + output.count(f"  -h, {option} ") == 1


# --- predict ---


def test_columns_are_kept_beside_predictions(sales, tmp_path):
    net = tmp_path / "net.npz"
    assert call("train", sales, "--ignore", "price,cost", "--simple", "--save", net)[0] == 0
    header, *lines = read_csv(call("predict", net, sales, "--id", "customer,1", "--id", "class")[1])
    assert header == [
        "customer", "x1", "class", "predicted class", "probability", "probability of cheap",
        "probability of dear",
    ]  # fmt: skip
    assert [line[:3] for line in lines] == [[row[1], row[0], row[7]] for row in read_csv(sales)[1:]]
    assert "no column 'client'" in refused("predict", net, sales, "--id", "client")


def test_missing_cell_of_a_kept_column_stays_empty(tmp_path):
    lines = [
        [k / 3, f"2024-01-{k + 1:02}" if k % 2 else "", "" if k % 3 else k, k % 2]
        for k in range(30)
    ]
    path, net = write_csv(tmp_path / "t.csv", ["a", "day", "n", "y"], lines), tmp_path / "n.npz"
    assert call("train", path, "--epochs", 1, "--ignore", "day", "--save", net)[0] == 0
    _, *given = read_csv(call("predict", net, path, "--id", "day,n")[1])
    assert [line[:2] for line in given] == [[row[1], row[2]] for row in read_csv(path)[1:]]


def test_category_that_was_not_seen_is_warned_of_once_with_its_count(flowers, tmp_path):
    net = tmp_path / "net.npz"
    assert call("train", flowers, "--simple", "--save", net)[0] == 0
    lines = [[1, 2, "mauve"], [1, 2, "red"], [1, 2, "green"]]
    path = write_csv(tmp_path / "new.csv", ["length", "width", "colour"], lines)
    status, out, err = run("predict", net, path)
    assert status == 0
    assert len(read_csv(out)) == 4
    assert err.count("warning: ") == 1
    assert "column 'colour' has 2 cells with a value that did not occur in training" in err


def test_values_of_a_float32_network_have_the_digits_it_tells(prices, tmp_path):
    net = tmp_path / "net.npz"
    assert call("train", prices, "--target", "price", "--simple", "--save", net)[0] == 0
    header, *lines = read_csv(call("predict", net, prices)[1])
    assert header == ["price", "price low", "price high"]
    for line in lines:  # the scale is 12,000, so that a float32 tells thousandths
        assert all(len(cell.partition(".")[2]) <= 3 for cell in line)
    values = np.array(lines, dtype=float)
    width = dl.load(net).metadata["interval"]["half_width"][0]
    np.testing.assert_allclose(values[:, 2] - values[:, 0], width, atol=2e-3)
    np.testing.assert_allclose(values[:, 0] - values[:, 1], width, atol=2e-3)


@pytest.mark.parametrize(
    ("scale", "digits"), [(12000.0, 3), (1.0, 7), (1e-9, 16), (1e-30, 37), (1e-200, 207)]
)
def test_predictions_have_no_digit_that_a_float32_network_does_not_tell(scale, digits, tmp_path):
    net = dl.Network([1, 1], seed=1)
    net.scaling = dl.Scaling([0], [1], [scale], [scale])
    net.save(tmp_path / "net.npz")
    X = np.linspace(-2, 2, 40)[:, None]
    path = write_csv(tmp_path / "t.csv", ["x"], X.tolist())
    _, *lines = read_csv(call("predict", tmp_path / "net.npz", path)[1])
    for (cell,), value in zip(lines, net.predict(X)[:, 0], strict=True):
        assert -Decimal(cell).normalize().as_tuple().exponent <= digits
        assert float(cell) == pytest.approx(value, abs=scale * 1e-7, rel=0)


@pytest.mark.parametrize(
    ("way", "note"), [("target", "each the mean of its targets"), ("hash", "hashed to 64 places")]
)
def test_a_column_of_many_values_is_encoded_as_asked_for(tmp_path, way, note):
    rng = np.random.default_rng(0)
    worth = rng.normal(size=30)
    lines = [[f"c{k % 30}", f"{worth[k % 30] + 0.1 * rng.normal():.3f}"] for k in range(240)]
    path = write_csv(tmp_path / "t.csv", ["city", "y"], lines)
    net = tmp_path / "net.npz"
    status, output = call("train", path, "--encode", f"city={way}", "--simple", "--save", net)
    assert status == 0 and note in output
    assert float(rows(output)["test R²"]) > 0.9
    assert call("predict", net, path)[0] == 0


def test_a_table_of_one_column_has_nothing_to_learn_from(tmp_path):
    path = write_csv(tmp_path / "t.csv", ["y"], [[k] for k in range(9)])
    assert "has no column beside the target, 'y'" in refused("train", path)
