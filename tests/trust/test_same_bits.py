"""`reproducible=True`: one hash of every job, on this processor and as it is kept."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.kernels import cython
from trust import same_bits

HERE = Path(__file__).parent
LEVELS = [level for level in cython.levels() if level not in (1, 2)]
pytestmark = pytest.mark.skipif(not LEVELS, reason="this processor has no fused products")


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_gives_the_hashes_that_are_kept(level):
    environment = {**os.environ, "DELTALOOP_ISA": str(level), "DELTALOOP_BACKEND": "cython"}
    done = subprocess.run(
        [sys.executable, str(HERE / "same_bits.py")], env=environment, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.stdout, done.stderr
    different = json.loads(done.stdout)["different"]
    assert not different, "changed on purpose? python tests/trust/same_bits.py --write"


@pytest.mark.parametrize("batch_size", [10, 256])
@pytest.mark.parametrize("sparse", [False, True])
def test_threads_change_no_bit(batch_size, sparse):
    found = {
        same_bits.trained([40, 48, 10], batch_size, "Adam", n_threads=n, sparse=sparse)
        for n in (1, 2)
    }
    assert len(found) == 1


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "RMSprop"])
def test_the_values_are_those_of_ordinary_networks_to_rounding(optimizer):
    X, Y = same_bits.data(12, 3, "float64")
    nets = [
        dl.Network([12, 30, 3], activation="tanh", dtype="float64", seed=4, reproducible=mode)
        for mode in (False, True)
    ]
    for net in nets:
        net.fit(X, Y, epochs=3, batch_size=10, optimizer=same_bits.OPTIMIZERS[optimizer]())
    assert not np.array_equal(nets[0].theta, 0 * nets[0].theta)
    np.testing.assert_allclose(nets[1].theta, nets[0].theta, rtol=1e-9, atol=1e-11)


def test_no_function_of_the_c_library_rounds_in_these_kernels():
    """exp, log and pow are in ordinary kernels, by their names, and not in these."""
    found = {
        kind: set().union(
            *(
                set(text.split(b"\0"))
                for size in (4, 8)
                for text in [Path(backend._core[size].__file__).read_bytes()]
            )
        )
        for kind, backend in (
            ("ordinary", cython.backend(LEVELS[-1])),
            ("same", cython.reproducible_backend(LEVELS[-1])),
        )
    }  # fmt: skip
    names = {b"exp", b"log", b"pow", b"sin", b"cos", b"tanh", b"expm1", b"log1p", b"lgamma"}
    assert names & found["ordinary"]
    assert not names & found["same"]


def test_moments_below_the_smallest_normal_number_become_0():
    """As in ordinary kernels, where the processor does it."""
    net = dl.Network([3, 4, 1], seed=1, reproducible=True, activation="relu", output="identity")
    X = np.zeros((1, 3), "f4")
    Y = net.predict(X)  # a gradient of 0 from the first step on
    net.fit(np.ones((1, 3), "f4"), Y + 1e-30, epochs=1, batch_size=1, optimizer=dl.Adam(1e-9))
    net.fit(X, net.predict(X), epochs=1200, batch_size=1, resume=True)
    slots = net._run.slots
    tiny = np.finfo("f4").tiny
    assert ((slots == 0) | (np.abs(slots) >= tiny)).all()
