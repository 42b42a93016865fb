"""From the start of Python to the first epoch."""

import builtins
import os
import runpy
from types import SimpleNamespace

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.benchmarking import start


def test_start_script_of_deltaloop_trains():
    found = start.once("deltaloop", dict(os.environ))
    assert 0 < found["import_seconds"] < found["total_seconds"] < 60


def of_numba(monkeypatch):
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)
    generator = np.random.default_rng(0)
    X, Y = generator.standard_normal((1000, 4)), generator.random((1000, 1))
    theta = generator.standard_normal((3, 4, 5)).astype(np.float32)
    return X, Y, theta, lambda trained: trained["theta"]


def of_numpy(monkeypatch):
    generator = np.random.default_rng(0)
    X = generator.standard_normal((1000, 4), dtype=np.float32)
    Y = generator.random((1000, 1), dtype=np.float32)
    theta = np.zeros((3, 4, 5))
    for layer, n in zip(theta, (4, 4, 1), strict=True):
        layer[:n, :4] = generator.standard_normal((n, 4), dtype=np.float32)

    def found(trained):
        parts = zip(trained["W"], trained["b"], strict=True)
        return [np.column_stack(layer) for layer in parts]

    return X, Y, theta, found


@pytest.mark.parametrize("script", [of_numba, of_numpy])
def test_start_scripts_of_others_train_the_epoch_that_ours_trains(script, monkeypatch, capsys):
    X, Y, theta, found = script(monkeypatch)
    net = dl.Network([4, 4, 4, 1], activation="sigmoid", dtype="float64", backend="reference")
    for k, (layer, n) in enumerate(zip(theta, (4, 4, 1), strict=True)):
        net.W[k], net.b[k] = layer[:n, :4], layer[:n, 4]
    net.fit(X, Y, epochs=1, batch_size=1, shuffle=False, optimizer=dl.SGD(0.01))
    monkeypatch.setattr(builtins, "input", lambda: "")
    name = script.__name__.removeprefix("of_")
    trained = runpy.run_path(str(start._FOLDER / f"{name}.py"))
    assert float(capsys.readouterr().out) >= 0  # the seconds of its imports
    for k, layer in enumerate(found(trained)):
        n = len(net.b[k])
        np.testing.assert_allclose(layer[:n, :4], net.W[k], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(layer[:n, 4], net.b[k], rtol=1e-3, atol=1e-4)


def test_libraries_that_are_there_are_started_and_the_fastest_start_counts(monkeypatch):
    seconds = iter([3.0, 1.0, 2.0, 6.0, 5.0, 4.0])

    def once(script, environment):
        took = next(seconds)
        return {"import_seconds": took / 2, "total_seconds": took, "peak_mib": 10 * took}

    monkeypatch.setattr(start, "once", once)
    peers = [
        SimpleNamespace(library=name, available=lambda there=there: there)
        for name, there in [("numpy", True), ("torch", False), ("deltaloop", True)]
    ]
    found = start.measure(peers, {}, repeats=3)
    assert [(one.library, one.total_seconds) for one in found] == [("deltaloop", 1), ("numpy", 4)]
    assert found[1].installed_mib > 1
