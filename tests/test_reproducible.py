"""`reproducible=True`: where it is kept, and what it refuses."""

import copy
import pickle
from functools import cache

import numpy as np
import pytest

import deltaloop as dl
from command_line import call
from deltaloop.kernels import cython
from deltaloop.training.own_numbers import cos_pi, own_numbers, power
from thread_ranks import on_ranks

pytestmark = pytest.mark.skipif(
    not [level for level in cython.levels() if level not in (1, 2)],
    reason="this processor has no fused products",
)


@pytest.fixture
def net():
    return dl.Network([5, 20, 2], seed=1, activation="tanh", reproducible=True)


X = np.random.default_rng(0).random((30, 5)).astype("f4")
Y = X[:, :2] * X[:, 2:4]


def test_networks_tell_whether_they_are(net):
    assert net.reproducible
    assert "reproducible" in repr(net).splitlines()[0]
    assert not dl.Network([2, 1]).reproducible
    with pytest.raises(AttributeError, match="reproducible is fixed"):
        net.reproducible = False
    with pytest.raises(dl.InvalidTypeError, match="reproducible must be True or False"):
        dl.Network([2, 1], reproducible="yes")


def test_it_is_kept_in_copies_pickles_and_files(net, tmp_path):
    net.optimizer = dl.Adam(0.01)
    net.fit(X, Y, epochs=2, batch_size=5)
    net.save(tmp_path / "net.npz", state=True)
    others = [
        copy.deepcopy(net), pickle.loads(pickle.dumps(net)), dl.load(tmp_path / "net.npz"),
    ]  # fmt: skip
    net.fit(X, Y, epochs=2, batch_size=5, resume=True)
    for other in others:
        assert other.reproducible
        assert "reproducible" in other.backend.describe()
    others[2].fit(X, Y, epochs=2, batch_size=5, resume=True)
    assert np.array_equal(others[2].theta, net.theta)
    assert not dl.load(_saved(dl.Network([2, 1]), tmp_path / "plain.npz")).reproducible


def _saved(net, path):
    net.save(path)
    return path


def test_files_are_converted_exported_and_told_of_without_its_kernels(net, tmp_path):
    path = tmp_path / "net.npz"
    net.save(path)
    assert dl.formats.convert(path, tmp_path / "net.safetensors") == []
    again = dl.formats.read(tmp_path / "net.safetensors")
    assert again.reproducible
    assert again.theta.tobytes() == net.theta.tobytes()
    assert call("convert", path, tmp_path / "again.npz")[0] == 0
    assert dl.load(tmp_path / "again.npz").reproducible
    assert call("export", path, tmp_path / "net.h")[0] == 0
    assert "reproducible" in call("info", path)[1]


def test_a_checkpoint_goes_on_in_a_reproducible_network_alone(net, tmp_path):
    path = tmp_path / "training.npz"
    settings = {"batch_size": 5, "checkpoint": path, "checkpoint_every": 1}
    net.fit(X, Y, epochs=2, **settings)
    again = dl.Network([5, 20, 2], seed=1, activation="tanh", reproducible=True)
    again.fit(X, Y, epochs=4, resume=True, **settings)
    whole = dl.Network([5, 20, 2], seed=1, activation="tanh", reproducible=True)
    whole.fit(X, Y, epochs=4, batch_size=5)
    assert np.array_equal(again.theta, whole.theta)
    ordinary = dl.Network([5, 20, 2], seed=1, activation="tanh")
    with pytest.raises(dl.DeltaloopError, match="reproducible"):
        ordinary.fit(X, Y, epochs=6, resume=True, **settings)


@pytest.mark.parametrize("backend", ["numba", "reference"])
def test_other_backends_are_refused(net, backend, monkeypatch, tmp_path):
    message = "reproducible=True is a mode of the backend 'cython'"
    with pytest.raises(dl.InvalidInputError, match=message):
        dl.Network([2, 1], backend=backend, reproducible=True)
    with pytest.raises(dl.InvalidInputError, match=message):
        net.use_backend(backend)
    with pytest.raises(dl.InvalidInputError, match="which 'cython' as given does not keep"):
        net.use_backend(cython)
    with pytest.raises(dl.InvalidInputError, match=message):
        dl.load(_saved(net, tmp_path / "net.npz"), backend=backend)
    monkeypatch.setenv("DELTALOOP_BACKEND", backend)
    with pytest.raises(dl.InvalidInputError, match=message):
        dl.Network([2, 1], reproducible=True)
    assert net.reproducible and net.backend.reproducible


def test_jacobians_are_refused(net):
    with pytest.raises(dl.InvalidInputError, match="does not cover jacobian"):
        net.jacobian(X)


@pytest.mark.parametrize("batch_size", [1, 6])
@pytest.mark.parametrize("optimizer", [dl.SGD(0.1), dl.Adam(0.01)])
def test_sessions_and_handles_give_the_bits_of_fit(net, batch_size, optimizer):
    learn = _learn()
    nets = [copy.deepcopy(net) for _ in range(3)]
    nets[0].fit(X, Y, epochs=1, batch_size=batch_size, shuffle=False, optimizer=optimizer)
    one, other = (n.session(batch_size, optimizer=optimizer) for n in nets[1:])
    for start in range(0, len(X), batch_size):
        x, y = X[start : start + batch_size], Y[start : start + batch_size]
        if batch_size == 1:
            one.learn_one(x[0], y[0])
        else:
            one.learn_batch(x, y)
        learn(other.address, x, y)
    for trained in nets[1:]:
        assert np.array_equal(trained.theta, nets[0].theta)
    ordinary = dl.Network([5, 20, 2], seed=1, activation="tanh")
    ordinary.fit(X, Y, epochs=1, batch_size=batch_size, shuffle=False, optimizer=optimizer)
    np.testing.assert_allclose(nets[0].theta, ordinary.theta, rtol=1e-3, atol=1e-5)


@cache
def _learn():
    numba = pytest.importorskip("numba")
    from deltaloop import numba_handles

    @numba.njit
    def learn(address, x, y):
        return numba_handles.learn(address, x, y)

    return learn


def test_functions_of_the_user_are_refused():
    pytest.importorskip("numba")
    own = dl.custom_activation("own", lambda z: z * 0.5, lambda z, a: 0.5)
    with pytest.raises(dl.InvalidInputError, match="functions of your own"):
        dl.Network([3, 4, 1], activation=own, reproducible=True)
    loss = dl.custom_loss("own_loss", lambda a, y: (a - y) ** 2, lambda a, y: 2 * (a - y))
    with pytest.raises(dl.InvalidInputError, match="functions of your own"):
        dl.Network([3, 4, 1], loss=loss, reproducible=True)


@pytest.mark.parametrize("optimizer", [dl.LBFGS, dl.LevenbergMarquardt, dl.SCG])
def test_optimizers_of_whole_batches_are_refused(net, optimizer):
    before = net.theta.copy()
    with pytest.raises(dl.InvalidInputError, match=f"does not cover {optimizer.__name__}"):
        net.fit(X, Y, epochs=2, optimizer=optimizer())
    assert np.array_equal(net.theta, before)


def test_ranks_and_unpacked_networks_are_refused(net):
    def work(comm):
        dl.Network([5, 2], reproducible=True).fit(X, Y, epochs=1, comm=comm)

    assert all("several ranks" in str(error) for error in on_ranks(2, work))
    pytest.importorskip("numba")
    import deltaloop.numba

    with pytest.raises(dl.InvalidInputError, match="cannot be unpacked"):
        deltaloop.numba.unpack(net)


@pytest.mark.parametrize("init", ["orthogonal", ("orthogonal", 2.0), "nguyen_widrow"])
def test_initial_values_of_libraries_are_refused(init):
    with pytest.raises(dl.InvalidInputError, match="computes with libraries"):
        dl.Network([3, 4, 1], init=init, reproducible=True)
    with pytest.raises(dl.InvalidInputError, match="computes with libraries"):
        dl.Network(3, [dl.Dense(4, init=init), dl.Dense(1)], reproducible=True)


def test_uniform_weights_are_those_of_ordinary_networks():
    nets = [
        dl.Network([5, 20, 2], init="he_uniform", seed=9, reproducible=mode)
        for mode in (False, True)
    ]
    np.testing.assert_allclose(nets[1].theta, nets[0].theta, rtol=2e-7)
    nets = [
        dl.Network([5, 20, 2], init="he_normal", seed=9, dtype="float64", reproducible=mode)
        for mode in (False, True)
    ]
    np.testing.assert_allclose(nets[1].theta, nets[0].theta, rtol=1e-7)


def test_level_2_is_refused(monkeypatch):
    monkeypatch.setattr(cython, "_chosen_level", lambda: 2)
    cython.reproducible_backend.cache_clear()
    with pytest.raises(ImportError, match="fused products"):
        dl.Network([2, 1], reproducible=True)
    cython.reproducible_backend.cache_clear()


def test_own_numbers_are_those_of_numpy_to_rounding():
    u = np.linspace(0, 1, 2001)
    x, y = np.meshgrid([1e-300, 0.1, 0.7, 0.9999, 1.5, 1e10], [-2.5, -0.5, 0.3, 1, 3, 7.25, 30])
    with own_numbers(True):
        cosines, powers = cos_pi(u), power(x, y)
        assert power(0.0, np.array([0, 0.5, 2])).tolist() == [1, 0, 0]
    np.testing.assert_allclose(cosines, np.cos(np.pi * u), atol=4e-16, rtol=0)
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(powers, x**y, rtol=3e-14)
    with own_numbers(False):
        assert np.array_equal(cos_pi(u), np.cos(np.pi * u))
        assert np.array_equal(power(0.7, u), 0.7**u)
