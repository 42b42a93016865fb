"""Several targets on the command line, of which some are classes."""

import csv
import io

import numpy as np
import pytest

import deltaloop as dl
from command_line import call, refused, rows, write_csv


@pytest.fixture
def path(tmp_path):
    rng = np.random.default_rng(0)
    lines = []
    for k in range(120):
        a, b = rng.normal(size=2)
        lines.append([f"{a:.3f}", f"{b:.3f}", f"p{k % 9}", "hi" if a > 0.3 else "lo", "yes" if b > 0
                      else "no", f"{5000 + 100 * a:.2f}"])  # fmt: skip
    return write_csv(tmp_path / "t.csv", ["a", "b", "who", "kind", "ok", "price"], lines)


def test_classes_and_values_are_trained_reported_and_predicted(path, tmp_path):
    net = tmp_path / "net.npz"
    targets = ("--target", "kind", "--target", "price,ok")
    status, output = call("train", path, *targets, "--group", "who", "--save", net, "--explain")
    assert status == 0
    assert "2 classes of 'kind', 2 classes of 'ok'" in output
    assert "task: mixed (guessed: target 'kind' is text; target 'price' has" in output
    told = rows(output)
    for name in ("test accuracy of kind", "test RMSE of price", "test log loss of ok", "interval"):
        assert name in told
    status, output = call("predict", net, path, "--id", "who")
    read = list(csv.DictReader(io.StringIO(output)))
    assert list(read[0]) == [
        "who", "kind", "probability of kind", "probability of kind hi", "probability of kind lo",
        "price", "price low", "price high", "ok", "probability of ok", "probability of ok no",
        "probability of ok yes",
    ]  # fmt: skip
    truth = list(csv.DictReader(io.StringIO(path.read_text())))
    assert np.mean([r["kind"] == t["kind"] for r, t in zip(read, truth, strict=True)]) > 0.9
    predicted = dl.load(net).predict(path)
    np.testing.assert_allclose([float(r["price"]) for r in read], predicted["price"], rtol=1e-6)
    assert [r["ok"] for r in read] == predicted["ok"].tolist()
    width = dl.load(net).metadata["interval"]["half_width"]
    assert len(width) == 1
    for row in read[:5]:
        assert float(row["price"]) - float(row["price low"]) == pytest.approx(width[0], rel=1e-2)
    status, output = call("info", net)
    assert rows(output)["classes of kind"] == "'hi', 'lo'" and "classes of ok" in output


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--simple"], "--simple is for the textbook network, which learns one target"),
        (["--layers", "5"], "--layers is for the textbook network"),
        (["--stream"], "--stream learns one target, or several that are values"),
        (["--log-target"], "--log-target is for values, but the task is mixed"),
        (["--task", "regression"], "target 'kind' holds text"),
    ],
)
def test_what_several_targets_with_classes_do_not_take_is_refused(path, more, told):
    assert told in refused("train", path, "--target", "kind,price", *more)


def test_a_validation_part_at_random_would_divide_groups(path):
    told = refused("train", path, "--target", "kind", "--group", "who", "--validation", "0.1")
    assert "--validation draws rows at random, --group keeps them together" in told
