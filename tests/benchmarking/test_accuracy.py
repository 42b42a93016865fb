"""benchmarks/accuracy.py trains its jobs, with and without PyTorch beside it."""

import importlib.util
import sys

import numpy as np
import pytest

import accuracy
import deltaloop as dl

HAS_TORCH = importlib.util.find_spec("torch") is not None


@pytest.mark.parametrize(
    ("name", "least"), [("digits", 0.95), ("iris", 0.8), ("two_spirals", 0.8), ("sine", 0.95)]
)
def test_every_job_learns(name, least):
    assert accuracy.of_deltaloop(accuracy.JOBS[name], accuracy.Data.of(name), 0) > least


@pytest.mark.skipif(not HAS_TORCH, reason="PyTorch is not installed")
@pytest.mark.parametrize(("name", "least"), [("iris", 0.8), ("sine", 0.95)])
def test_pytorch_learns(name, least):
    assert accuracy.of_pytorch(accuracy.JOBS[name], accuracy.Data.of(name), 0) > least


@pytest.mark.parametrize("name", accuracy.JOBS)
def test_inputs_of_training_are_standardised_and_those_of_the_test_with_the_same_numbers(name):
    data, raw = accuracy.Data.of(name), dl.datasets.load(name, **accuracy.JOBS[name].options)
    varies = raw.X_train.std(axis=0) > 0
    np.testing.assert_allclose(data.X.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(data.X.std(axis=0)[varies], 1, atol=1e-4)
    back = data.X_test * np.where(varies, raw.X_train.std(axis=0), 1) + raw.X_train.mean(axis=0)
    np.testing.assert_allclose(back, raw.X_test, atol=1e-4)


def test_quality_is_accuracy_or_r2():
    one_of_two = np.array([[0.9, 0.1], [0.8, 0.2]])
    assert accuracy.quality(accuracy.JOBS["iris"], np.array([0, 1]), one_of_two) == 0.5
    spirals = np.array([[0.2], [0.6], [0.7], [0.8]])
    y = np.array([0, 1, 0, 1])
    assert accuracy.quality(accuracy.JOBS["two_spirals"], y, spirals) == 0.75
    assert accuracy.quality(accuracy.JOBS["sine"], y, np.full((4, 1), 0.5)) == 0
    assert accuracy.quality(accuracy.JOBS["sine"], y, y[:, None]) == 1


def test_difference_has_its_standard_error():
    assert accuracy.difference([1.0, 3.0], [0.0, 2.0]) == "+1.0000 ± 1.4142"


def test_table_without_pytorch(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it is an ImportError
    monkeypatch.setattr(accuracy, "JOBS", {"iris": accuracy.JOBS["iris"]})
    monkeypatch.setattr("sys.argv", ["accuracy.py", "--seeds", "2"])
    accuracy.main()
    told = capsys.readouterr()
    assert "needs the package 'torch', which is not installed" in told.err
    header, _, row = told.out.splitlines()
    assert header == "|  | deltaloop |"
    assert row.startswith("| iris, accuracy | 0.")
