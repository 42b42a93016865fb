"""Sessions called from @njit code, cached and not."""

import json
import subprocess
import sys

import numpy as np
import pytest

import deltaloop as dl

numba = pytest.importorskip("numba")

from deltaloop import numba_handles as handles  # noqa: E402

rng = np.random.default_rng(8)


@numba.njit(nogil=True)
def epoch(address, X, Y):
    total = 0.0
    for t in range(len(X)):
        total += handles.learn(address, X[t], Y[t])
    return total


def network(dtype, **more):
    return dl.Network([5, 9, 3], activation="tanh", dtype=dtype, backend="cython", **more)


def samples(n, dtype):
    return rng.normal(size=(n, 5)).astype(dtype), rng.normal(size=(n, 3)).astype(dtype)


def test_learn_is_learn_one(dtype):
    nets, (X, Y) = [network(dtype) for _ in range(2)], samples(30, dtype)
    session = nets[0].session()
    total = epoch(session.address, X, Y)
    assert total == sum(nets[1].learn_one(x, y) for x, y in zip(X, Y, strict=True))
    assert nets[0].theta.tobytes() == nets[1].theta.tobytes()


def test_batches_and_forward(dtype):
    nets, (X, Y) = [network(dtype) for _ in range(2)], samples(30, dtype)
    session, out = nets[0].session(30), np.empty((30, 3), dtype)
    assert handles.learn(session.address, X, Y) == nets[1].learn_batch(X, Y)
    handles.forward(session.address, X, out)
    assert out.tobytes() == nets[1].predict(X).tobytes()
    handles.forward(session.address, X[4], out[0])
    assert out[0].tobytes() == nets[1].predict_one(X[4]).tobytes()


def test_what_does_not_fit_is_refused_and_changes_nothing(dtype):
    net, (X, Y) = network(dtype), samples(4, dtype)
    session, before = net.session(3), net.theta.copy()
    other = np.float64 if dtype == np.float32 else np.float32
    cases = [
        (X[:, :4].copy(), Y, ValueError, "n_in and n_out values"),
        (X, Y[:3], ValueError, "n_in and n_out values"),
        (X[0], Y[:2], ValueError, "n_in and n_out values"),
        (X.T.copy(), Y, ValueError, "n_in and n_out values"),
        (X.reshape(2, 10), Y[:2], ValueError, "n_in and n_out values"),
        (X[:2].reshape(2, 5, 1), Y[:2].reshape(2, 3, 1), ValueError, "n_in and n_out values"),
        (X[:0], Y[:0], ValueError, "from 1 to batch_size"),
        (X, Y, ValueError, "from 1 to batch_size"),
        (X[:3].astype(other), Y[:3], TypeError, "dtype of the network"),
        (X[:3], Y[:3].astype(other), TypeError, "dtype of the network"),
        (X[:3], Y[:3].astype(int), numba.TypingError, "arrays of float32 or float64 are needed"),
        (X[:3][::-1], Y[:3], numba.TypingError, "contiguous arrays"),
    ]
    for x, y, error, text in cases:
        with pytest.raises(error, match=text):
            handles.learn(session.address, x, y)
    with pytest.raises(ValueError, match="n_in and n_out values"):
        handles.forward(session.address, X, Y[:3])
    Y.flags.writeable = False
    with pytest.raises(numba.TypingError, match="readonly"):
        handles.forward(session.address, X, Y)
    assert net.theta.tobytes() == before.tobytes()


CACHED = """
import json, sys
import numba, numpy as np
import deltaloop as dl
from deltaloop import numba_handles

@numba.njit(cache=True)
def outputs(address, x, out):
    numba_handles.forward(address, x, out)

nets = [dl.Network([2, 3, 1], seed=seed) for seed in (1, 2)]
sessions = [net.session() for net in nets]
x, out = np.ones(2, np.float32), np.empty(1, np.float32)
right = []
for net, session in zip(nets, sessions):
    outputs(session.address, x, out)
    right.append(bool(out[0] == net.predict_one(x)[0]))
print(json.dumps([right, sum(outputs.stats.cache_hits.values())]))
"""


def test_callers_can_be_cached(tmp_path):
    (tmp_path / "cached.py").write_text(CACHED)
    found = []
    for _ in range(2):  # another process, other addresses
        done = subprocess.run(
            [sys.executable, "cached.py"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))
    assert found == [[[True, True], 0], [[True, True], 1]]
