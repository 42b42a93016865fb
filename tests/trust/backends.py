"""Activations of other targets than float32 on an instruction set: the reference, and float64."""

import numpy as np

import exact
from deltaloop.kernels import cython, functions, reference

from . import probe
from .accuracy import ALPHA


def reference_of(name, dtype=np.float32):
    """f(z, a) of the reference."""
    dtype = np.dtype(dtype)

    def of_z(z, a):
        with np.errstate(all="ignore"):
            a[:] = reference.activated(name, z.astype(dtype, copy=False), ALPHA.get(name, 0))

    return of_z


def compiled_of(name, width, dtype=np.float64):
    """f(z, a) of the installed kernels on the highest level, for arrays of `width`."""
    core = cython.backend(cython.levels()[-1]).core(np.dtype(dtype))
    return probe.activation(core, name, ALPHA.get(name, 0), width)[0]


def doubles(name, n, seed=0):
    """Arguments in float64: near 0, where functions bend, where they end, and of every size."""
    generator = np.random.default_rng(seed)
    most = functions.ACTIVATIONS[name].sure[1]
    parts = np.array_split(np.arange(n), 4)
    far = np.exp(generator.uniform(-700, min(700, np.log(most)), len(parts[3])))
    z = [
        generator.uniform(-size, size, len(part))
        for size, part in zip((4, 40, 750), parts[:3], strict=True)
    ]
    z = np.concatenate([*z, far * generator.choice([-1, 1], len(far))])
    return np.where(abs(z) <= most, z, 0.5)


def error_of_doubles(name, of_z, z):
    """The largest error of f in ulp of float64, against 60-digit decimals."""
    row, tiny = functions.ACTIVATIONS[name], np.finfo(np.float64).tiny
    a = np.empty(len(z))
    of_z(z, a)
    truths = [exact.value(name, x, ALPHA.get(name, 0.0)) for x in z.tolist()]
    # the longest float of the machine holds what is needed of them
    wide = np.array([np.longdouble(str(truth)) for truth in truths])
    beyond = abs(wide) > np.finfo(np.float64).max
    if not (a[beyond] == np.copysign(np.inf, wide[beyond]).astype(float)).all():
        return np.inf
    wide, a = wide[~beyond], a[~beyond]
    exponents = np.frexp(np.maximum(abs(wide), tiny))[1] - 53
    apart = abs(a.astype(np.longdouble) - wide)
    errors = np.where(apart <= row.lost * tiny, 0, apart / np.ldexp(np.longdouble(1), exponents))
    return float(np.where(np.isnan(errors), np.inf, errors).max())
