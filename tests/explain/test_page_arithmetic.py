"""The JavaScript of the page computes what the package computes: run by Node, where it is."""

import json
import shutil
import subprocess

import numpy as np
import pytest

import cases
import deltaloop as dl
from deltaloop.explain.page.writing import arithmetic, model_of
from explain.test_explain import TARGETS, X, Y, network, with_heads, worked

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="Node is not here")


def computed(jobs):
    """What the page's `compute` gives for (net, x, y, learning_rate)."""
    given = [[model_of(net), list(x), list(y), rate] for net, x, y, rate in jobs]
    script = (
        f"{arithmetic()}\nconst jobs = {json.dumps(given)};\n"
        "console.log(JSON.stringify(jobs.map((job) => compute(...job))));\n"
    )
    done = subprocess.run(
        [NODE, "-"], input=script, capture_output=True, text=True, check=False, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_same(found, net, x, y, rate):
    """To 1e-12 of the numbers of the package."""
    net.optimizer = dl.SGD(rate)
    expected = net.trace(x, y)
    close = {"rel": 1e-12, "abs": 1e-12}
    assert found["loss"] == pytest.approx(expected.loss, **close)
    assert found["a"][0] == pytest.approx(expected.x, **close)
    for k in range(len(net.layers)):
        assert found["z"][k] == pytest.approx(expected.z[k], **close)
        assert found["a"][k + 1] == pytest.approx(expected.a[k], **close)
        assert found["delta"][k] == pytest.approx(expected.delta[k], **close)
        for name in ("dW", "W_after"):
            array = getattr(expected, name)[k]
            assert np.array(found[name][k]) == pytest.approx(array, **close), name
        for name in ("db", "b_after"):
            array = getattr(expected, name)[k]
            assert (found[name][k] is None) == (array is None)
            if array is not None:
                assert found[name][k] == pytest.approx(array, **close), name
        if expected.slope[k] is None:
            assert found["slope"][k] is None
        else:
            slope = [np.nan if one is None else one for one in found["slope"][k]]
            assert slope == pytest.approx(expected.slope[k], nan_ok=True, **close)


@needs_node
def test_worked_example():
    (found,) = computed([(worked(), X, Y, 0.1)])
    assert_same(found, worked(), X, Y, 0.1)
    assert found["dW"][1][1][1] == pytest.approx(9 / 4, rel=1e-14)


@needs_node
def test_every_pair_of_output_and_loss():
    jobs = []
    for output, loss in cases.PAIRS:
        for seed in (3, 4):
            net, x, y = network("tanh", output, loss, seed=seed)
            jobs.append((net, x[0], y[0], 0.25))
    for job, found in zip(jobs, computed(jobs), strict=True):
        assert_same(found, *job)


@needs_node
def test_every_activation_over_its_range():
    jobs = []
    for name in cases.HIDDEN:
        for scale in (0.01, 1.0, 4.0):
            units = np.linspace(-3, 3, 13)
            hidden = dl.Dense(
                13, dl.Activation(name, cases.ALPHA.get(name)), init=(scale * units[:, None], units)
            )
            net = dl.Network(1, [hidden, dl.Dense(1, "identity")], dtype="float64", seed=1)
            jobs.append((net, [0.7], [0.3], 0.5))
    for job, found in zip(jobs, computed(jobs), strict=True):
        assert_same(found, *job)


@needs_node
def test_masks_missing_biases_frozen_layers_and_rates_of_layers():
    mask = [[True, False], [True, True]]
    layers = [
        dl.Dense(2, "tanh", mask=mask, bias=False, rate_of_W=0.5),
        dl.Dense(2, "tanh", trainable=False),
        dl.Dense(2, "softmax", rate_of_b=2.0),
    ]
    net = dl.Network(2, layers, loss="cross_entropy", dtype="float64", seed=1)
    (found,) = computed([(net, [1.0, 2.0], [0.0, 1.0], 0.1)])
    assert_same(found, net, [1.0, 2.0], [0.0, 1.0], 0.1)
    assert found["db"][0] is None


@needs_node
def test_shortcuts_and_heads():
    layers = [
        dl.Dense(3, "tanh"),
        dl.Dense(2, "sigmoid", shortcuts=[0], bias=False),
        dl.Dense(2, "tanh", shortcuts=[0, 1]),
        dl.Dense(2, "identity", shortcuts=[2]),
    ]
    chain, heads, x = dl.Network(2, layers, dtype="float64", seed=4), with_heads(), [0.4, -0.7]
    y = heads.trace(x, TARGETS).y
    found = computed([(chain, x, [0.5, 1.0], 0.1), (heads, x, y, 0.25)])
    assert_same(found[0], chain, x, [0.5, 1.0], 0.1)
    assert_same(found[1], heads, x, TARGETS, 0.25)
