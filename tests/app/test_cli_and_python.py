"""A network of the command line says in Python what `deltaloop predict` writes."""

import numpy as np
import pytest

import deltaloop as dl
from command_line import call, read_csv, write_csv


@pytest.mark.parametrize(
    "loss", ["binary_cross_entropy", "binary_focal", "nll", "cross_entropy", "mse"]
)
def test_classes_of_every_output(tmp_path, loss):
    """One output unit for two classes, logarithms of probabilities, and one unit for each class."""
    a, b = np.random.default_rng(0).normal(size=(2, 80))
    lines = [[x, y, "hi" if x > 0 else "lo"] for x, y in zip(a, b, strict=True)]
    path, net = write_csv(tmp_path / "t.csv", ["a", "b", "kind"], lines), tmp_path / "net.npz"
    assert call("train", path, "--loss", loss, "--epochs", 50, "--save", net)[0] == 0
    written = read_csv(call("predict", net, path)[1])[1:]
    model = dl.tabular.load(net)
    assert model.predict(path).tolist() == [line[0] for line in written]
    P = model.predict_proba(path)
    assert P.shape == (80, 2)
    np.testing.assert_allclose(P, [[float(p) for p in line[2:]] for line in written], atol=1e-6)
    assert model.score(path)["accuracy"] > 0.8
