"""The one table of tolerances: how far two correct computations may lie apart, and why.

eps is the machine epsilon of the dtype (2^-23 in float32, 2^-52 in float64). One rounding is a
relative error of at most eps/2.

Sums, and everything made of sums
    In whatever order n terms are added, the result is the exact sum of terms that were each
    changed relatively by a little: at most n eps/2, and about eps sqrt(n)/2 as roundings are
    independent (Higham, Accuracy and Stability of Numerical Algorithms, section 4.2 and 2.8).
    So a correct backend returns the exact result for parameters and samples that were shaken by
    that much, and it may miss the true result by as much as the truth moves when they are
    shaken. `expected_within` measures this motion; nothing is assumed about how well conditioned
    a network, a loss or an epoch of training is, and nothing is tuned to what backends deliver.
    The tolerance is one number per array (the W of a layer, its b, its delta, ...): the
    largest motion of any of its entries.
Functions of one variable
    Bounds in ulp (units in the last place) of the exact value, in ULP.
    A result below the smallest normal number may be lost altogether: UNDERFLOW.
Central differences
    (C(w + h d) - C(w - h d)) / 2h has a truncation error of h^2/6 C''' and a rounding error of
    eps C / h; with h = eps^(1/3) both are of the order eps^(2/3).
"""

import math

import numpy as np

from deltaloop.kernels import functions

# SHAKE eps sqrt(n): relative size of the shaking, n being the longest sum plus the number of
# steps. eps sqrt(n)/2 for each of the two sides that are compared gives 1. Each value passes
# through two sums, the forward and the backward one, and through a function of up to 4 ulp.
SHAKE = 4
# Random shakes; the largest motion counts. A unit whose z is so close to a kink that rounding
# may flip its slope is flipped by about every second one.
DRAWS = 8
# Roundings that shaking parameters and samples does not reach, those of the last sum itself:
# an error of ROUNDINGS eps sqrt(n) times the largest entry of the array. What an optimiser keeps
# is a sum over steps whose terms may cancel, and where a slope is constant, as that of huber beyond
# its threshold, no shake shows it: with `terms_cancel` the largest entry of the slot counts.
ROUNDINGS = 2
# A test that tolerates more than this fraction of the largest entry would prove nothing.
USEFUL = 0.02

# Largest distance from the exact value of f(z), in ulp of that value, for every finite z: a fact of
# the row. 0: a copy or nothing; 1: one product; 4: two functions of up to 1.5 ulp (an exponential
# and a logarithm or a division) and an addition or two.
ROWS = [row for row in functions.ACTIVATIONS.values() if row.f is not None]
ULP = {row.name: row.ulp for row in ROWS}
ULP_OF_LOG = {row.name: row.ulp_of_log for row in ROWS}

# Absolute error that is accepted on top, in units of the smallest normal number (1.2e-38 in
# float32, 2.2e-308 in float64): exp(z) may end there, at z = -87.3 or -708.4, instead of going
# on through the subnormal numbers. Copies and products (bounds 0 and 1) must be right there too.
UNDERFLOW = {row.name: row.lost for row in ROWS}

STEP = np.finfo(np.float64).eps ** (1 / 3)  # h of central differences, 6.1e-6
# STEP^2/6 C''' and eps C / STEP are each about 1e-11 for values and derivatives of order 1;
# C''' of the sharpest pair, a logarithm at a = 0.3, is 2/a^3, about 75, and d has norm 1.
CENTRAL_DIFFERENCE = 100 * STEP**2


def eps(dtype) -> float:
    """Machine epsilon."""
    return float(np.finfo(dtype).eps)


def most_ulp(name, truth: float) -> float:
    """ULP, and where an exponent is rounded, as in gelu_tanh, what that adds: see functions.py."""
    if truth == 0 or abs(truth) > 1:
        return ULP[name]
    return ULP[name] - ULP_OF_LOG[name] * math.log(abs(truth))


def sure(name, dtype) -> float:
    """The largest |z| for which the bound holds."""
    return functions.ACTIVATIONS[name].sure[np.dtype(dtype).itemsize // 8]


def expected_within(compute, theta, X, Y, n_terms, terms_cancel=False, draws=DRAWS):
    """What `compute` gives, and by how much a correct backend may differ from it.

    Parameters
    ----------
    compute : callable
        compute(theta, X, Y) -> dict of name: array or number; trusted.
    theta, X, Y : ndarray
        Parameters and samples in the dtype whose roundings are to be allowed for.
    n_terms : int
        Length of the longest sum, plus the number of steps.
    terms_cancel : bool
        Whether what an optimiser keeps is rounded at the scale of its slot, see ROUNDINGS.
    draws : int
        Random shakes.

    Returns
    -------
    expected, tolerance : dict
        name: array, and name: largest absolute difference.
    """
    generator = np.random.default_rng(0)
    size = SHAKE * np.sqrt(n_terms) * eps(theta.dtype)

    def shake(array):
        return (array * (1 + size * generator.uniform(-1, 1, array.shape))).astype(array.dtype)

    expected = {k: np.array(v, np.float64) for k, v in compute(theta, X, Y).items()}
    rounding = ROUNDINGS * np.sqrt(n_terms) * eps(theta.dtype)
    scale = _scale if terms_cancel else lambda name, arrays: _largest(arrays[name])
    tolerance = {k: rounding * scale(k, expected) for k in expected}
    with np.errstate(all="ignore"):  # training that diverges gives inf - inf
        for _ in range(draws):
            shaken = compute(shake(theta), shake(X), shake(Y))
            for k, v in expected.items():
                tolerance[k] = np.maximum(tolerance[k], _largest(shaken[k] - v))
    return expected, tolerance


def are_useful(expected, tolerance) -> bool:
    """Whether all is finite and a wrong result would be noticed."""
    return all(
        np.isfinite(tolerance[k]) and tolerance[k] <= USEFUL * _largest(v)
        for k, v in expected.items()
    )


def cancels(expected) -> bool:
    """Whether all that an optimiser keeps in a slot is exactly 0.

    Then the terms of its sums have cancelled, as those of losses with constant slopes may, and
    nothing tells how large their roundings are.
    """
    largest: dict = {}
    for name, array in expected.items():
        slot, blank, of = name.partition(" ")
        if blank and of != "padding":
            largest[slot] = max(largest.get(slot, 0), _largest(array))
    return 0 in largest.values()


def assert_within(actual, expected, tolerance):
    """Every entry of every array, within the tolerance of its array."""
    assert actual.keys() == expected.keys()
    for k, v in expected.items():
        # not `allclose`: one number per array, and nan must fail
        difference = np.abs(np.asarray(actual[k], np.float64) - v)
        assert difference.shape == v.shape, k
        assert (difference <= tolerance[k]).all(), (
            f"{k} differs by {np.max(difference):.3g} at {np.argmax(difference)}, tolerance "
            f"{tolerance[k]:.3g}, largest entry {_largest(v):.3g}"
        )


def _scale(name, arrays):
    """The largest entry of an array, or of the slot that it is a part of: 'v0 W1', 'v0 b1', ..."""
    slot, blank, _ = name.partition(" ")
    if not blank or name.endswith("padding"):  # which is 0
        return _largest(arrays[name])
    same = [k for k in arrays if k.startswith(f"{slot} ")]
    return max(_largest(arrays[k]) for k in same)


def _largest(array):
    return float(np.max(np.abs(array), initial=0.0))
