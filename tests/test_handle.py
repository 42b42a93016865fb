"""Handles for compiled code: the struct of deltaloop.h, from ctypes and from C."""

import ctypes
import gc
import re
import shutil
import weakref
from pathlib import Path

import numpy as np
import pytest

import c_programs
import deltaloop as dl
from handles import Called, Handle
from tolerances import eps

HEADER = Path(dl.get_include()) / "deltaloop.h"
OPTIMIZERS = [
    dl.SGD(learning_rate=0.05), dl.SGD(learning_rate=0.02, momentum=0.9), dl.Adam()
]  # fmt: skip
rng = np.random.default_rng(5)


def network(dtype, **more):
    return dl.Network([5, 9, 3], activation="tanh", dtype=dtype, backend="cython", **more)


def samples(n, dtype):
    return rng.normal(size=(n, 5)).astype(dtype), rng.normal(size=(n, 3)).astype(dtype)


def test_fields_are_those_of_the_network(dtype):
    net = network(dtype)
    handle = Handle.from_address(net.session(7, dl.SGD(learning_rate=0.25)).address)
    assert (handle.version, handle.itemsize) == (1, dtype.itemsize)
    assert (handle.n_in, handle.n_out, handle.batch_size) == (5, 3, 7)
    assert (handle.n_theta, handle.theta) == (len(net.theta), net.theta.ctypes.data)
    assert handle.learning_rate == 0.25


def test_version_is_that_of_the_header():
    header = HEADER.read_text()
    version = int(re.search(r"#define DELTALOOP_HANDLE_VERSION (\d+)", header)[1])
    session = network("float32").session()
    assert Handle.from_address(session.address).version == version


def test_capsule_holds_the_address_under_the_name_of_the_header():
    name = re.search(r'#define DELTALOOP_CAPSULE "(.*)"', HEADER.read_text())[1]
    session = network("float32").session()
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    assert pointer(session.capsule, name.encode()) == session.address
    with pytest.raises(ValueError, match="incorrect name"):
        pointer(session.capsule, b"deltaloop.handle.0")


@pytest.mark.parametrize("n", [1, 2, 8, 30])
def test_forward_is_predict_for_any_number_of_samples(compiled, dtype, n):
    net = network(dtype)
    net.use_backend(compiled)
    X, _ = samples(n, dtype)
    assert Called(net.session(8)).forward(X).tobytes() == net.predict(X).tobytes()


def test_forward_of_no_samples_does_nothing(dtype):
    X, _ = samples(0, dtype)
    assert Called(network(dtype).session()).forward(X).shape == (0, 3)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=["sgd", "momentum", "adam"])
def test_learn_is_learn_one_and_learn_batch(compiled, dtype, optimizer):
    nets = [network(dtype) for _ in range(2)]
    for net in nets:
        net.use_backend(compiled)
        net.optimizer = optimizer
    called = Called(nets[0].session(300))
    X, Y = samples(300, dtype)
    for start, stop in ((0, 1), (1, 2), (2, 9), (0, 300), (5, 6), (5, 8)):
        x, y = X[start:stop], Y[start:stop]
        assert called.learn(x, y) == nets[1].learn_batch(x, y)
    assert called.learn(X[:1], Y[:1]) == nets[1].learn_one(X[0], Y[0])
    assert nets[0].theta.tobytes() == nets[1].theta.tobytes()


def test_learning_rate_is_read_in_every_step(dtype):
    net, other = network(dtype), network(dtype)
    called = Called(net.session(optimizer=dl.SGD(learning_rate=0.5)))
    X, Y = samples(1, dtype)
    for rate in (0.3, 0.07):
        called.handle.learning_rate = rate
        other.optimizer = dl.SGD(learning_rate=rate)
        assert called.learn(X, Y) == other.learn_one(X[0], Y[0])
    assert net.theta.tobytes() == other.theta.tobytes()


@pytest.mark.parametrize(("n", "batch_size"), [(1, 1), (1, 8), (8, 8), (30, 8), (700, 300)])
def test_loss_gradient_is_gradients(dtype, n, batch_size):
    net = network(dtype)
    X, Y = samples(n, dtype)
    called, grad = Called(net.session(batch_size)), np.full(len(net.theta), 7, dtype)
    expected, limit = net.gradients(X, Y), 20 * eps(dtype)
    assert called.loss_gradient(X, Y, None) == pytest.approx(expected.loss, rel=limit)
    assert (grad == 7).all()
    assert called.loss_gradient(X, Y, grad) == pytest.approx(expected.loss, rel=limit)
    for k, dW in enumerate(expected.dW):
        assert np.allclose(net.plan.W(grad, k), dW, rtol=0, atol=10 * limit)
        assert np.allclose(net.plan.b(grad, k), expected.db[k], rtol=0, atol=10 * limit)


@pytest.mark.parametrize("offset", [0, 1, 3])
def test_any_alignment_of_elements_will_do(compiled, dtype, offset):
    def moved(array):
        other = np.empty(array.size + 32, dtype)
        first = -(other.ctypes.data // dtype.itemsize) % 16 + offset
        other = other[first : first + array.size].reshape(array.shape)
        other[:] = array
        return other

    nets = [network(dtype) for _ in range(2)]
    for net in nets:
        net.use_backend(compiled)
    called = [Called(net.session(20)) for net in nets]
    X, Y = samples(20, dtype)
    assert called[0].learn(X, Y) == called[1].learn(moved(X), moved(Y))
    grads = np.empty(len(net.theta), dtype), moved(np.empty(len(net.theta), dtype))
    called[0].loss_gradient(X, Y, grads[0])
    called[1].loss_gradient(moved(X), moved(Y), grads[1])
    assert grads[0].tobytes() == grads[1].tobytes()


def test_nan_goes_through(dtype):
    called = Called(network(dtype).session(2))
    X, Y = samples(2, dtype)
    X[0, 0] = np.nan
    assert np.isnan(called.forward(X[:1])).all()
    assert np.isnan(called.learn(X, Y))


def test_session_outlives_its_network(dtype):
    net, other = network(dtype), network(dtype)
    session, gone = net.session(4), weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None
    X, Y = samples(4, dtype)
    filler = [np.full(500, np.nan) for _ in range(100)]  # takes what was freed
    assert Called(session).learn(X, Y) == other.learn_batch(X, Y)
    assert (Called(session).forward(X) == other.predict(X)).all()
    assert len(filler) == 100


def test_handle_and_network_share_the_parameters(dtype):
    net = network(dtype)
    called = Called(net.session())
    X, Y = samples(1, dtype)
    called.learn(X, Y)
    assert (called.forward(X) == net.predict(X)).all()
    net.W[0] = np.zeros((9, 5))
    assert (called.forward(X) == net.predict(X)).all()
    net.scaling = dl.Scaling(np.ones(5), np.ones(5))  # is not applied
    assert (called.forward(X - 1) == net.predict(X)).all()


PROGRAM = """
#include "deltaloop.h"

double epoch(void *address, const REAL *X, const REAL *Y, ptrdiff_t n_samples, REAL *out)
{
    deltaloop_handle *net = (deltaloop_handle *)address;
    double total = 0;
    ptrdiff_t t;
    if (net->version < DELTALOOP_HANDLE_VERSION || net->itemsize != (int)sizeof(REAL))
        return -1;
    for (t = 0; t < n_samples; t++)
        total += net->learn(net, X + t * net->n_in, Y + t * net->n_out, 1);
    net->forward(net, X, n_samples, out);
    return total;
}
"""


@pytest.mark.skipif(c_programs.COMPILER is None, reason="there is no C compiler")
@pytest.mark.parametrize("language", ["c99", "c++"])
def test_handle_in_c(tmp_path, dtype, language):
    options, extension = list(c_programs.STRICT), "c"
    if language == "c++":
        if shutil.which("g++") is None:
            pytest.skip("there is no C++ compiler")
        options, extension = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-xc++"], "cpp"
    real = "float" if dtype == np.float32 else "double"
    linkage = 'extern "C" double epoch' if extension == "cpp" else "double epoch"
    source = tmp_path / f"epoch.{extension}"
    source.write_text(PROGRAM.replace("REAL", real).replace("double epoch", linkage))
    options += ["-O1", "-fPIC", "-shared", f"-I{HEADER.parent}"]
    path = c_programs.compiled(tmp_path, [source], *options)
    epoch = ctypes.CDLL(str(path)).epoch
    pointer = ctypes.c_void_p
    epoch.restype, epoch.argtypes = (
        ctypes.c_double, [pointer, pointer, pointer, ctypes.c_ssize_t, pointer],
    )  # fmt: skip
    nets, (X, Y) = [network(dtype) for _ in range(2)], samples(50, dtype)
    session, out = nets[0].session(), np.empty((50, 3), dtype)
    total = epoch(session.address, X.ctypes.data, Y.ctypes.data, 50, out.ctypes.data)
    assert total == sum(nets[1].learn_one(x, y) for x, y in zip(X, Y, strict=True))
    assert nets[0].theta.tobytes() == nets[1].theta.tobytes()
    assert out.tobytes() == Called(nets[1].session()).forward(X).tobytes()
