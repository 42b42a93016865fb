"""Targets of any magnitude: refused in one line, or trained, scored and saved without a warning."""

import numpy as np
import pytest

import deltaloop as dl
from command_line import call, read_csv, refused, rows, write_csv

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(2, 80))
TARGET = 3 * A - B + 7


@pytest.fixture
def written(tmp_path):
    """A table of two inputs and a target of this magnitude."""

    def write(factor, target=TARGET):
        lines = [[f"{a:.6f}", f"{b:.6f}", repr(float(t * factor))]
                 for a, b, t in zip(A, B, target, strict=True)]  # fmt: skip
        return write_csv(tmp_path / "t.csv", ["a", "b", "size"], lines)

    return write


@pytest.mark.parametrize("options", [(), ("--simple",), ("--stream",), ("--log-target",)])
@pytest.mark.parametrize("exponent", [150, 200, 306])
def test_targets_beyond_all_squares_are_refused(written, tmp_path, options, exponent):
    positive = np.abs(TARGET)
    path, net = written(10.0**exponent, positive), tmp_path / "net.npz"
    line = refused("train", path, *options, "--save", net)
    assert (
        "target 'size'" in line
        and f"divide the column by a power of ten, such as 1e{exponent + 1}" in line
    )
    assert not net.exists()


def test_python_says_the_same():
    with pytest.raises(
        dl.InvalidInputError, match=r"target 'size' is 1\.\d+e\+201, more than 1e\+150"
    ):
        dl.tabular.fit({"a": A, "b": B, "size": TARGET * 1e200}, "size")


def test_a_later_piece_of_a_stream_is_refused_as_well(tmp_path, monkeypatch):
    from deltaloop.app import streaming

    monkeypatch.setattr(streaming, "ROWS", 40)
    target = np.where(np.arange(80) == 77, 1e160, TARGET)
    path = write_csv(tmp_path / "t.csv", ["a", "y"], np.column_stack([A, target]).tolist())
    assert "target 'y' is 1e+160" in refused("train", path, "--stream", "--epochs", 1)


@pytest.mark.parametrize("options", [(), ("--simple",)])
@pytest.mark.parametrize("factor", [2.0**490, 2.0**-1000])
def test_other_magnitudes_score_as_plain_ones(written, tmp_path, options, factor):
    """A warning of NumPy would be an error here."""
    plain = rows(call("train", written(1.0), *options)[1])
    net = tmp_path / "net.npz"
    status, output = call("train", written(factor), *options, "--save", net)
    assert status == 0
    told = rows(output)
    assert told["test R²"] == plain["test R²"]
    for name in ("test RMSE", "test MAE"):
        value, expected = (float(one[name].split()[0]) for one in (told, plain))
        assert value == pytest.approx(expected * factor, rel=1e-3)
    predicted = np.array(
        [float(row[0]) for row in read_csv(call("predict", net, tmp_path / "t.csv")[1])[1:]]
    )
    assert np.corrcoef(predicted / factor, TARGET)[0, 1] > 0.9


@pytest.mark.parametrize(
    ("factor", "limit"), [(1e40, "more than 1e+36"), (1e-40, "less than 1e-36")]
)
def test_values_beside_classes_are_those_of_float32(factor, limit):
    frame = {"a": A, "kind": np.where(A > 0, "hi", "lo"), "size": TARGET * factor}
    with pytest.raises(dl.InvalidInputError, match=f"target 'size' is .*{limit.replace('+', '.')}"):
        dl.tabular.fit(frame, ["kind", "size"])


def test_scores_that_no_file_holds_are_left_out(tmp_path):
    """A network of log(1 + y) can predict more than any float64."""
    frame = {"a": A, "y": np.exp(A)}
    model = dl.tabular.fit(frame, "y", log_target=True, simple=True)
    model.scores["RMSE"] = np.inf
    model.save(tmp_path / "net.npz")
    assert "RMSE" not in dl.tabular.load(tmp_path / "net.npz").scores
    model.net.W[-1] = model.net.W[-1] * 1e4
    assert np.isposinf(model.predict(frame)).any()
