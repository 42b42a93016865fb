"""The largest error of every function of the kernels over all float32 numbers, in ulp.

One ulp is the distance between the float32 numbers around the exact value. A slope is computed from
the rounded f(z), so that its error is counted in ulp of 1 where it is smaller than 1: what it
multiplies is a sum of numbers of every size.
"""

from dataclasses import dataclass

import numpy as np

from . import truths

BLOCK = 1 << 15  # a few arrays of float64 stay in the second cache
ALPHA = {"leaky_relu": 0.1, "elu": 1.0}
TINY = float(np.finfo(np.float32).tiny)


@dataclass
class Worst:
    """The largest error so far, where it occurred, and how many arguments have been seen."""

    error: float = -1.0
    argument: float = 0.0
    found: float = 0.0
    exact: float = 0.0
    n: int = 0

    def see(self, errors, x, found, exact):
        """A block of them."""
        worst = int(errors.argmax())
        self.n += x.size
        if errors[worst] > self.error:
            self.error, self.argument = float(errors[worst]), float(x[worst])
            self.found, self.exact = float(found[worst]), float(exact[worst])


def every(step: int = 1):
    """Blocks of float32 numbers by their bits: all 2^32 of them, or every `step`-th."""
    span = BLOCK * step
    offsets = np.arange(0, span, step, dtype=np.int64)
    for start in range(0, 1 << 32, span):
        yield (start + offsets).astype(np.uint32).view(np.float32)


def limited(blocks, low, high):
    """The blocks with numbers from low to high, and these instead of numbers beyond."""
    low, high = np.float32(low), np.float32(high)
    for x in blocks:
        if np.isinf(low) and np.isinf(high):
            yield x
        elif ((x >= low) & (x <= high)).any():
            yield np.where((x >= low) & (x <= high), x, high)


def of_activation(name, functions, lost, limit, blocks, errors):
    """Worst of f and of the slope, for every pair of functions in `functions`."""
    f, slope = truths.ACTIVATIONS[name], truths.SLOPES[name]
    alpha = float(np.float32(ALPHA.get(name, 0.0)))
    found = {key: (Worst(), Worst()) for key in functions}
    a, delta = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    out = np.empty(BLOCK)
    with np.errstate(all="ignore"):
        for z in limited(blocks, -limit, limit):
            wide = z.astype(np.float64)
            exact, slopes = f(wide, alpha), slope(wide, alpha)
            for key, (of_z, times_slope) in functions.items():
                of_z(z, a)
                delta[:] = 1
                times_slope(z, a, delta)
                errors(a, exact, TINY, lost * TINY, out)
                found[key][0].see(out, z, a, exact)
                errors(delta, slopes, 1.0, 0.0, out)
                found[key][1].see(out, z, delta, slopes)
    return found


def of_primitive(name, functions, lost, blocks, errors):
    """Worst of one primitive, for every function in `functions`."""
    f, low, high = truths.PRIMITIVES[name]
    found = {key: Worst() for key in functions}
    y, out = np.empty(BLOCK, np.float32), np.empty(BLOCK)
    with np.errstate(all="ignore"):
        for x in limited(blocks, low, high):
            exact = f(x.astype(np.float64))
            for key, compute in functions.items():
                compute(x, y)
                errors(y, exact, TINY, lost * TINY, out)
                found[key].see(out, x, y, exact)
    return found
