"""Cosines and powers of schedules: those of NumPy or, for `reproducible=True`, our own.

Those of NumPy are as the C library and the processor have them, which differ in their last bit. Our
own are sums, products and quotients, which are the same everywhere.
"""

import threading
from contextlib import contextmanager

import numpy as np

_thread = threading.local()
# cos r = 1 - r^2 / 2! + r^4 / 4! - ... for r <= pi / 4, and sin r = r - r^3 / 3! + ...
_TERMS = 11


@contextmanager
def own_numbers(wanted: bool):
    """Whether the functions below are our own, in this thread."""
    before = getattr(_thread, "own", False)
    _thread.own = wanted
    try:
        yield
    finally:
        _thread.own = before


def cos_pi(u):
    """The cosine of pi u for numbers u from 0 to 1."""
    if not getattr(_thread, "own", False):
        return np.cos(np.pi * u)
    u = np.asarray(u, np.float64)
    v = np.where(u > 0.5, 1 - u, u)  # cos(pi u) = -cos(pi (1 - u))
    r = np.pi * np.where(v > 0.25, 0.5 - v, v)  # cos(pi v) = sin(pi (1/2 - v))
    square, cosine, sine = r * r, np.zeros_like(r), np.zeros_like(r)
    for k in range(2 * _TERMS, 0, -2):
        cosine = (1 - cosine) * square / ((k - 1) * k)
        sine = (1 - sine) * square / (k * (k + 1))
    found = np.where(v > 0.25, r * (1 - sine), 1 - cosine)
    return np.where(u > 0.5, -found, found)


def power(x, y):
    """The power x^y for x >= 0."""
    if not getattr(_thread, "own", False):
        return x**y
    x, y = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
    found = [_power(float(a), float(b)) for a, b in zip(x.ravel(), y.ravel(), strict=True)]
    return np.array(found).reshape(x.shape)


def _power(x, y):
    if abs(y) < 2**31 and y == int(y):  # by squares
        found, n = 1.0, abs(int(y))
        while n:
            if n & 1:
                found *= x
            x, n = x * x, n >> 1
        return found if y >= 0 else 1 / found if found else float("inf")
    if x == 0:
        return 0.0 if y > 0 else float("inf")
    return _exp(y * _log(x))


_LN2_HIGH, _LN2_LOW = float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33")


def _log(x):
    """As n log 2 + 2 artanh s where x = 2^n m, s = (m - 1) / (m + 1)"""
    m, n = np.frexp(x)  # exact, like ldexp
    m, n = float(m), int(n)
    if m < 0.7071067811865476:
        m, n = 2 * m, n - 1
    s = (m - 1) / (m + 1)
    q = 0.0
    for k in range(25, 1, -2):
        q = (q + 1 / k) * (s * s)
    return n * _LN2_HIGH + (n * _LN2_LOW + (2 * s + 2 * s * q))


def _exp(x):
    """As 2^n exp r where x = n log 2 + r"""
    if x > 709.0:
        return float("inf")
    if x < -745.0:
        return 0.0
    n = round(x * 1.4426950408889634)
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    total = 0.0
    for k in range(17, 0, -1):
        total = (total + 1) * r / k
    return float(np.ldexp(total + 1, n))
