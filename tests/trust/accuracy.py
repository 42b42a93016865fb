"""The largest error of every function of the kernels over all float32 numbers, in ulp.

One ulp is the distance between the float32 numbers around the exact value. A slope is computed from
the rounded f(z), so that its error is counted in ulp of 1 where it is smaller than 1: what it
multiplies is a sum of numbers of every size.
"""

from dataclasses import dataclass

import numpy as np

from . import truths

BLOCK = 1 << 16  # some arrays of float64 stay in the second cache
ALPHA = {"leaky_relu": 0.1, "elu": 1.0}
TINY = float(np.finfo(np.float32).tiny)
EVERY = 1 << 32


@dataclass
class Worst:
    """The largest error so far, where it occurred, and how many arguments have been seen."""

    error: float = -1.0
    argument: float = 0.0
    found: float = 0.0
    exact: float = 0.0
    n: int = 0

    def see(self, checker, x, found, exact, least, lost):
        """A block of them; returns where the largest error is, and that."""
        at, error = checker.worst(found, exact, least, lost)
        self.add(x, found, exact, at, error)
        return at, error

    def add(self, x, found, exact, at, error):
        """A block whose largest error is known."""
        self.n += x.size
        if error > self.error:
            self.error, self.argument = error, float(x[at])
            self.found, self.exact = float(found[at]), float(exact[at])


def every(step: int = 1):
    """Float32 numbers by their bits: all 2^32 of them, or every `step`-th. Blocks in one array."""
    span = BLOCK * step
    offsets = np.arange(0, span, step, dtype=np.int64)
    first, bits = offsets.astype(np.uint32), np.empty(BLOCK, np.uint32)
    for start in range(0, EVERY, span):
        if start + span <= EVERY:
            np.add(first, np.uint32(start), out=bits)
        else:
            bits[:] = (start + offsets).astype(np.uint32)  # around again
        yield bits.view(np.float32)


def limited(blocks, low, high):
    """The blocks with numbers from low to high, and `high` instead of what is beyond."""
    low, high = np.float32(low), np.float32(high)
    for x in blocks:
        if np.isinf(low) and np.isinf(high):
            yield x
            continue
        inside = (x >= low) & (x <= high)
        if inside.all():
            yield x
        elif inside.any():
            yield np.where(inside, x, high)


class _Last:
    """What was seen last: levels often have the same bits, which are not looked through again."""

    def __init__(self):
        self.found, self.result = np.empty(BLOCK, np.float32), None

    def see(self, worst, checker, x, found, exact, least, lost):
        """A block, by way of `Worst.see`."""
        if self.result and (self.found.view(np.uint32) == found.view(np.uint32)).all():
            worst.add(x, found, exact, *self.result)
        else:
            self.result = worst.see(checker, x, found, exact, least, lost)
            self.found[:] = found


def of_activation(name, functions, lost, limit, blocks, checker):
    """Worst of f and of the slope, for every pair of functions in `functions`.

    Of a pair that is (f, None) only f is measured.
    """
    f, slope = checker.exact("f", name), checker.exact("slope", name)
    alpha = float(np.float32(ALPHA.get(name, 0.0)))
    found = {key: (Worst(), Worst()) for key in functions}
    a, delta = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    exact, slopes = np.empty(BLOCK), np.empty(BLOCK)
    for z in limited(blocks, -limit, limit):
        f(z, alpha, exact)
        slope(z, alpha, slopes)
        last_f, last_slope = _Last(), _Last()
        for key, (of_z, times_slope) in functions.items():
            of_z(z, a)
            last_f.see(found[key][0], checker, z, a, exact, TINY, lost * TINY)
            if times_slope is not None:
                delta[:] = 1
                times_slope(z, a, delta)
                last_slope.see(found[key][1], checker, z, delta, slopes, 1.0, 0.0)
    return found


def of_primitive(name, functions, lost, blocks, checker):
    """Worst of one primitive, for every function in `functions`."""
    _, low, high = truths.PRIMITIVES[name]
    f = checker.exact("of", name)
    found = {key: Worst() for key in functions}
    y, exact = np.empty(BLOCK, np.float32), np.empty(BLOCK)
    for x in limited(blocks, low, high):
        f(x, 0.0, exact)
        last = _Last()
        for key, compute in functions.items():
            compute(x, y)
            last.see(found[key], checker, x, y, exact, TINY, lost * TINY)
    return found
