"""Progress callbacks of `fit` that change what the network and its caller hold."""

import copy
import pickle

import numpy as np

import deltaloop as dl

from .liars import Orders


class Stopped(Exception):
    """Raised by a callback."""


class Finding(AssertionError):
    """Something that must not be."""


# name: (act(net, X, Y), whether the result is that of a fit without it). X and Y are what `fit`
# got; whatever NumPy, SciPy or Python refuse to do to them is left undone.
def _shape(array):
    array.shape = (array.size,)


def _flat_strides(array):
    array.strides = (0,) * array.ndim


def _bytes(array):
    array.dtype = np.int8


def _resize(array, refcheck):
    array.resize((1, 1) if array.size > 1 else (1000, 1000), refcheck=refcheck)


def _fill(array, value):
    array[...] = value


def _raise(error):
    raise error


def _busy(call):
    """A call that trains has to be refused while `fit` trains."""
    try:
        call()
    except dl.BusyError:
        return
    raise Finding("a call trained the network in the middle of fit")


def _one(net):
    n_targets = net.plan.n_targets
    return np.zeros(net.sizes[0]), np.full(n_targets, 1 / n_targets)


def _rows(net):
    x, y = _one(net)
    return x[None], y[None]


HARMLESS = {
    "nothing": lambda net, X, Y: None,
    "X.shape": lambda net, X, Y: _shape(X),
    "Y.shape": lambda net, X, Y: _shape(Y),
    "X.strides": lambda net, X, Y: _flat_strides(X),
    "Y.strides": lambda net, X, Y: _flat_strides(Y),
    "X.dtype": lambda net, X, Y: _bytes(X),
    "Y.dtype": lambda net, X, Y: _bytes(Y),
    "S.indptr = 0": lambda net, X, Y: setattr(X, "indptr", np.zeros(1, np.int32)),
    "S.indices = 0": lambda net, X, Y: setattr(X, "indices", np.zeros(0, np.int32)),
    "S.data = 0": lambda net, X, Y: setattr(X, "data", np.zeros(0, np.float32)),
    "S.shape": lambda net, X, Y: setattr(X, "_shape", (10**9, 10**9)),
    "predict": lambda net, X, Y: net.predict(_rows(net)[0]),
    "predict_one": lambda net, X, Y: net.predict_one(_one(net)[0]),
    "loss": lambda net, X, Y: net.loss(*_rows(net)),
    "gradients": lambda net, X, Y: net.gradients(*_rows(net)),
    "copy": lambda net, X, Y: copy.deepcopy(net).learn_one(*_one(net)),
    "pickle": lambda net, X, Y: pickle.loads(pickle.dumps(net)).learn_one(*_one(net)),
    "learn_one": lambda net, X, Y: _busy(lambda: net.learn_one(*_one(net))),
    "learn_batch": lambda net, X, Y: _busy(lambda: net.learn_batch(*_rows(net))),
    "stream": lambda net, X, Y: _busy(lambda: net.stream().learn(*_one(net))),
    "fit": lambda net, X, Y: _busy(lambda: net.fit(*_rows(net), epochs=1)),
}
TAMPERING = {
    "X.resize": lambda net, X, Y: _resize(X, True),
    "Y.resize": lambda net, X, Y: _resize(Y, True),
    # NumPy frees the memory whoever else may use it
    "X.resize unchecked": lambda net, X, Y: _resize(X, False),
    "Y.resize unchecked": lambda net, X, Y: _resize(Y, False),
    "theta.resize unchecked": lambda net, X, Y: _resize(net.theta, False),
    "X = 0.5": lambda net, X, Y: _fill(X, 0.5),
    "Y = 0.5": lambda net, X, Y: _fill(Y, 0.5),
    "S.indices[:]": lambda net, X, Y: _fill(X.indices, 10**6),
    "S.indptr[:]": lambda net, X, Y: _fill(X.indptr, 10**8),
    "S.data[:]": lambda net, X, Y: _fill(X.data, 0.5),
    "S.resize": lambda net, X, Y: X.resize((1, 1)),
    "theta.shape": lambda net, X, Y: setattr(net.theta, "shape", (-1, 1)),
    "theta.strides": lambda net, X, Y: _flat_strides(net.theta),
    "theta.dtype": lambda net, X, Y: _bytes(net.theta),
    "theta.resize": lambda net, X, Y: _resize(net.theta, True),
    "theta read-only": lambda net, X, Y: net.theta.setflags(write=False),
    "theta = nan": lambda net, X, Y: _fill(net.theta, np.nan),
    "W.shape": lambda net, X, Y: _shape(net.W[0]),
    "W.strides": lambda net, X, Y: _flat_strides(net.W[0]),
    "b.strides": lambda net, X, Y: _flat_strides(net.b[0]),
    "optimizer": lambda net, X, Y: setattr(net, "optimizer", dl.Adam()),
    "scaling": lambda net, X, Y: setattr(net, "scaling", None),
    "generator": lambda net, X, Y: setattr(net, "generator", Orders(0, "far")),
    "use_backend": lambda net, X, Y: net.use_backend("reference"),
    "raise": lambda net, X, Y: _raise(Stopped()),
    "Ctrl-C": lambda net, X, Y: _raise(KeyboardInterrupt()),
}
KINDS = HARMLESS | TAMPERING
DAMAGES_THETA = ("theta", "W.", "b.", "use_backend", "scaling", "generator", "optimizer")
# what Python, NumPy and SciPy say to a change that they refuse
_REFUSED = (AttributeError, TypeError, ValueError, IndexError, NotImplementedError, KeyError)


class Callback:
    """Does something once, when it is called for the n-th time."""

    def __init__(self, kind, net, X, Y, turn):
        self._act, self._left = KINDS[kind], turn
        self.kind, self._held = kind, (net, X, Y)
        self.acted = False

    def __call__(self, epoch, fraction, history):
        if self._left == 0:
            try:
                self._act(*self._held)
                self.acted = True
            except (dl.DeltaloopError, *_REFUSED):
                pass
        self._left -= 1
