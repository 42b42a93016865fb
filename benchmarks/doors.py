"""One pass over samples, one step of plain descent each, through every door into the package.

A door takes a network, samples, a learning rate and an empty folder for what it builds. It gives a
function that learns the samples in their order, and one that tells the parameters by name, as
`c_programs.arrays` does. Nothing but the loop and one call of it is left to that function.
"""

import ctypes
from functools import partial
from pathlib import Path

import pytest

import c_programs
import cython_programs
import deltaloop as dl
from deltaloop import kernels

LOOPS = Path(__file__).with_name("loops")


def learn_one(net, X, Y, rate, folder):
    net.optimizer = dl.SGD(rate)

    def epoch():
        for x, y in zip(X, Y, strict=True):
            net.learn_one(x, y)

    return epoch, partial(c_programs.arrays, net)


def fit(net, X, Y, rate, folder):
    epoch = partial(
        net.fit, X, Y, epochs=1, batch_size=1, shuffle=False, optimizer=dl.SGD(rate)
    )  # fmt: skip
    return epoch, partial(c_programs.arrays, net)


def fit_in_numba(net, X, Y, rate, folder):
    pytest.importorskip("numba")
    net.use_backend(kernels.load("numba"))
    return fit(net, X, Y, rate, folder)


def in_njit(net, X, Y, rate, folder):
    numba = pytest.importorskip("numba")
    import deltaloop.numba

    train_step, unpacked = deltaloop.numba.train_step, deltaloop.numba.unpack(net)

    @numba.njit
    def epoch(unpacked, X, Y):
        for t in range(len(X)):
            train_step(unpacked, X[t], Y[t], rate)

    return partial(epoch, unpacked, X, Y), partial(c_programs.arrays, net)


def handle_in_njit(net, X, Y, rate, folder):
    numba = pytest.importorskip("numba")
    from deltaloop import numba_handles

    learn, session = numba_handles.learn, net.session(optimizer=dl.SGD(rate))

    @numba.njit
    def epoch(address, X, Y):
        for t in range(len(X)):
            learn(address, X[t], Y[t])

    return lambda: epoch(session.address, X, Y), partial(c_programs.arrays, net)


def in_cython(net, X, Y, rate, folder):
    epoch = cython_programs.built(folder, LOOPS / "in_cython.pyx", "-O2").epoch
    session = net.session(optimizer=dl.SGD(rate))
    return partial(epoch, session, X, Y), partial(c_programs.arrays, net)


def handle_in_c(net, X, Y, rate, folder):
    options = [*c_programs.STRICT, "-O2", "-fPIC", "-shared", f"-I{dl.get_include()}"]
    epoch = ctypes.CDLL(str(c_programs.compiled(folder, [LOOPS / "in_c.c"], *options))).epoch
    epoch.argtypes, epoch.restype = [ctypes.c_void_p] * 3 + [ctypes.c_ssize_t], None
    session = net.session(optimizer=dl.SGD(rate))
    at_X, at_Y = (rows.ctypes.data_as(ctypes.c_void_p) for rows in (X, Y))
    return lambda: epoch(session.address, at_X, at_Y, len(X)), partial(c_programs.arrays, net)


def exported_to_c(net, X, Y, rate, folder):
    options = "-O3", "-march=native"
    exported = c_programs.load(folder, {"net": net}, learn=True, options=options)["net"]
    return exported.epoch_of(X, Y, rate), exported.parameters


DOORS = {
    "Python loop over learn_one": learn_one,
    "fit, batch_size=1, backend cython": fit,
    "fit, batch_size=1, backend numba": fit_in_numba,
    "@njit, deltaloop.numba": in_njit,
    "@njit, numba_handles": handle_in_njit,
    "Cython, embedding.pxd": in_cython,
    "C, deltaloop.h": handle_in_c,
    "C, net.to_c": exported_to_c,
}
