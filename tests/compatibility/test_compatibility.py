"""Files that earlier versions wrote load and compute what they did; earlier C code still runs.

A folder for each version: networks, and in outputs.npz what they gave for X. With a release comes
another folder; none is ever changed.
"""

import ctypes
import warnings
from pathlib import Path

import numpy as np
import pytest

import c_programs
import deltaloop as dl
from deltaloop import formats

VERSIONS = sorted(path for path in Path(__file__).parent.iterdir() if (path / "plain.npz").exists())
NAMES = {
    "plain": "plain.npz",
    "state": "state.npz",
    "state as safetensors": "plain.safetensors",
    "checkpoint": "checkpoint.npz",
    "fann": "plain.net",
}


@pytest.fixture(params=VERSIONS, ids=lambda path: path.name)
def version(request):
    return request.param


def kept(version):
    with np.load(version / "outputs.npz") as archive:
        return dict(archive)


def test_there_is_a_folder_for_every_version_so_far():
    assert "0.1.0" in [path.name for path in VERSIONS]


@pytest.mark.parametrize("name", NAMES)
def test_network_of_an_earlier_version_predicts_what_it_did(version, name):
    outputs = kept(version)
    net = formats.read(version / NAMES[name])
    expected = outputs[name.partition(" ")[0]]
    # exponentials may gain or lose digits between versions
    np.testing.assert_allclose(net.predict(outputs["X"]), expected, rtol=2e-6, atol=2e-7)


def test_masks_shortcuts_and_heads_of_an_earlier_version_are_there(version):
    outputs = kept(version)
    net = dl.load(version / "everything.npz")
    assert net.dtype == np.float64
    found = net.predict(outputs["X"])
    found = np.hstack(list(found.values())) if isinstance(found, dict) else found
    np.testing.assert_allclose(found, outputs["everything"], rtol=1e-12, atol=1e-14)


def test_training_of_an_earlier_version_goes_on(version):
    outputs = kept(version)
    net = dl.load(version / "state.npz")
    net.fit(outputs["X"], outputs["Y"], epochs=2, batch_size=2, resume=True)
    np.testing.assert_allclose(net.theta, outputs["state_and_2_epochs"], rtol=2e-4, atol=2e-6)


def test_files_of_an_earlier_version_raise_no_warning(version):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dl.load(version / "plain.npz")


PROGRAM = """
#include "deltaloop.h"

int version(void) { return DELTALOOP_HANDLE_VERSION; }

double step(void *address, const float *x, const float *y, float *out)
{
    deltaloop_handle *net = (deltaloop_handle *)address;
    double loss;
    if (net->version < DELTALOOP_HANDLE_VERSION || net->itemsize != (int)sizeof(float)) return -1;
    loss = net->learn(net, x, y, 1);
    net->forward(net, x, 1, out);
    return loss;
}
"""


@pytest.mark.skipif(c_programs.COMPILER is None, reason="there is no C compiler")
def test_c_that_was_compiled_with_an_earlier_header_runs(version, tmp_path):
    (tmp_path / "step.c").write_text(PROGRAM)
    options = (*c_programs.STRICT, "-O1", "-fPIC", "-shared", f"-I{version}")
    library = ctypes.CDLL(str(c_programs.compiled(tmp_path, [tmp_path / "step.c"], *options)))
    pointer = ctypes.c_void_p
    library.step.restype, library.step.argtypes = ctypes.c_double, [pointer] * 4
    nets = [dl.Network([3, 4, 2], activation="tanh", dtype="float32", seed=1) for _ in range(2)]
    x, y, out = np.ones(3, "f4"), np.zeros(2, "f4"), np.empty(2, "f4")
    session = nets[0].session()
    loss = library.step(session.address, x.ctypes.data, y.ctypes.data, out.ctypes.data)
    assert loss == nets[1].learn_one(x, y)
    assert nets[0].theta.tobytes() == nets[1].theta.tobytes()
    assert out.tobytes() == nets[1].predict_one(x).tobytes()
