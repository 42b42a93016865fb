"""Which threads compute: an activation at an address of ours, a = z, that notes who calls it."""

import ctypes
import math
import threading
import time
from types import SimpleNamespace

import numpy as np

from deltaloop import Activation
from deltaloop.kernels.interface import Plan
from deltaloop.kernels.memory import aligned_zeros

_F = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t)
_SLOPE = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t
)  # fmt: skip


class Watched(Activation):
    """f(z) = z, slope 1.

    `calls`: how many samples each thread has taken through it; `units`: the numbers of units that
    f and slope were given. Where work is for whoever comes first, the first of `n_threads` wait
    in f until all have come. f takes so many seconds, in which other threads run.
    """

    def __init__(self, dtype="float32", n_threads=1, seconds=0.0):
        object.__setattr__(self, "name", "watched")
        object.__setattr__(self, "n_threads", n_threads)
        come = threading.Condition()
        itemsize, calls, units = np.dtype(dtype).itemsize, {}, {"f": set(), "slope": set()}

        def f(z, a, n):
            me = threading.get_native_id()
            with come:
                calls[me] = calls.get(me, 0) + 1
                come.notify_all()
                if not come.wait_for(lambda: len(calls) >= self.n_threads, timeout=20):
                    object.__setattr__(self, "n_threads", 1)  # not a wait for every sample
            if seconds:
                time.sleep(seconds)
            units["f"].add(n)
            ctypes.memmove(a, z, n * itemsize)

        def slope(z, a, delta, n):
            units["slope"].add(n)

        object.__setattr__(self, "units", units)
        object.__setattr__(self, "calls", calls)
        object.__setattr__(self, "_kept", (_F(f), _SLOPE(slope)))

    @property
    def range(self):
        return -math.inf, math.inf

    def for_plan(self, dtype):
        return tuple(ctypes.cast(function, ctypes.c_void_p).value for function in self._kept)

    def __deepcopy__(self, memo):
        return self

    def assert_shared(self, n_threads):
        """So many threads have worked since the last time, this one among them."""
        assert len(self.calls) == n_threads
        assert threading.get_native_id() in self.calls
        self.calls.clear()


def watched_case(dtype, n_samples, sizes=(30, 20, 3)):
    """The activation, and a plan with it in the first layer, parameters and samples."""
    watched, generator = Watched(dtype), np.random.default_rng(4)
    n_in, *hidden, n_out = sizes
    units = [(n, watched.for_plan(dtype), 0.0, True) for n in hidden]
    plan = Plan.build(n_in, [*units, (n_out, "identity", 0.0, True)], "mse", dtype)
    theta = aligned_zeros(plan.n_theta, dtype)
    for layer in range(len(sizes) - 1):
        W = plan.W(theta, layer)
        W[:] = generator.normal(size=W.shape) / 10
    X = generator.normal(size=(n_samples, n_in)).astype(dtype)
    Y = generator.normal(size=(n_samples, n_out)).astype(dtype)
    return watched, plan, theta, X, Y


def noting_threads(net):
    """The network computes as before; the list gets the threads that every call has asked for."""
    asked, backend = [], net.backend

    def noted(call):
        def wrapped(*arguments):
            work = next(a for a in arguments if hasattr(a, "n_threads"))
            asked.append((call.__name__, work.n_threads))
            return call(*arguments)

        return wrapped

    net._backend = SimpleNamespace(
        NAME=backend.NAME,
        forward=noted(backend.forward),
        train_epoch=noted(backend.train_epoch),
        loss_gradient=backend.loss_gradient,
        sparse_rows=backend.sparse_rows,
    )
    return asked
