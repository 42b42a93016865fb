"""deltaloop.h as ctypes sees it."""

import ctypes
from ctypes import CFUNCTYPE, POINTER, Structure, c_double, c_int, c_ssize_t, c_void_p

import numpy as np


class Handle(Structure):
    """The struct of deltaloop.h."""


LEARN = CFUNCTYPE(c_double, POINTER(Handle), c_void_p, c_void_p, c_ssize_t)
FORWARD = CFUNCTYPE(None, POINTER(Handle), c_void_p, c_ssize_t, c_void_p)
LOSS_GRADIENT = CFUNCTYPE(c_double, POINTER(Handle), c_void_p, c_void_p, c_ssize_t, c_void_p)
Handle._fields_ = [
    ("version", c_int), ("itemsize", c_int),
    ("n_in", c_ssize_t), ("n_out", c_ssize_t), ("n_theta", c_ssize_t), ("batch_size", c_ssize_t),
    ("theta", c_void_p), ("learning_rate", c_double),
    ("forward", FORWARD), ("learn", LEARN), ("loss_gradient", LOSS_GRADIENT),
]  # fmt: skip


class Called:
    """A session, called through its address alone."""

    def __init__(self, session):
        self.session = session  # the handle lives as long
        self.handle = Handle.from_address(session.address)
        self.dtype = np.dtype(f"f{self.handle.itemsize}")

    def forward(self, X):
        """Outputs, shape (n_samples, n_out)."""
        out = np.empty((len(X), self.handle.n_out), self.dtype)
        self.handle.forward(self.handle, X.ctypes.data, len(X), out.ctypes.data)
        return out

    def learn(self, X, Y):
        """One step; the mean loss before."""
        return self.handle.learn(self.handle, X.ctypes.data, Y.ctypes.data, len(X))

    def loss_gradient(self, X, Y, grad):
        """Mean loss; the gradient into grad, unless that is None."""
        at = None if grad is None else grad.ctypes.data
        return self.handle.loss_gradient(
            self.handle, X.ctypes.data, Y.ctypes.data, len(X), at
        )  # fmt: skip


def capsule(handle, name=b"deltaloop.handle.1"):
    """A capsule with the address of a Handle."""
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [c_void_p, ctypes.c_char_p, c_void_p]
    return new(ctypes.addressof(handle), name, None)
