"""Rows of functions.py with NumPy as the namespace m, against the formulas of the reference.

What is compiled is printed from the rows while it is built; this looks at the rows themselves.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import special

import cases
from deltaloop.kernels import functions, reference

M = SimpleNamespace(
    exp=np.exp, exp_of_negative=np.exp, expm1_of_negative=np.expm1,
    exp_of_square=lambda x, c: np.exp(c * x * x),
    log=np.log, log1p=np.log1p, log1p_of_fraction=np.log1p,
    logistic=special.expit, tanh=np.tanh, magnitude=np.abs,
    lecun_tanh=lambda x: 1.7159 * np.tanh(2 / 3 * x),
    mish=lambda x: x * np.tanh(np.logaddexp(0, x)),
    gated=lambda w, x: w * special.expit(x),
    normal=special.ndtr, times_normal=lambda x: x * special.ndtr(x),
    sin=np.sin, cos=np.cos, clipped=np.clip, root=np.sqrt, power=np.power,
    where_above=lambda x, y, above, other: np.where(np.greater(x, y), above, other),
    over_root=lambda n, x, e: n / (np.sqrt(x) + e),
    epsilon=np.finfo(np.float64).eps,
)  # fmt: skip
CLOSE = {"rtol": 1e-12, "atol": 1e-14}
OF_UNITS = [name for name, row in functions.ACTIVATIONS.items() if row.f is not None]


@pytest.fixture(autouse=True)
def quiet():
    """A row computes both sides of `where_above`, as vectors do."""
    with np.errstate(all="ignore"):
        yield


@pytest.mark.parametrize("name", OF_UNITS)
def test_activations(name):
    row = functions.ACTIVATIONS[name]
    f, slope = reference.CURVES[name]
    alpha = 0.3 if row.alpha else 0.0
    z = np.concatenate([np.linspace(-40, 40, 1601), [-1e5, -3e4, 3e4, 1e5]])
    if name == "exp":
        z = z[np.abs(z) < 700]
    a = f(z, alpha)
    np.testing.assert_allclose(row.f(M, z, alpha) * np.ones_like(z), a, **CLOSE)
    of_row = row.slope(M, z, a, alpha) * np.ones_like(z)
    np.testing.assert_allclose(of_row, slope(z, a, alpha), **CLOSE)


def outputs_and_targets(row):
    """All pairs of some outputs and targets that a loss takes."""
    low, high = np.clip(row.targets, -3, 3)
    y = np.linspace(low, high, 13)
    if row.only_targets:
        y = np.array(row.only_targets)
    if row.targets_are_positive:
        y = y[y > 0]
    of_sigmoid, of_exp = np.linspace(0, 1, 23), np.geomspace(1e-6, 300, 31)
    a = {"sigmoid": of_sigmoid, "softmax": of_sigmoid, "exp": of_exp}.get(
        row.partner, np.concatenate([np.linspace(-4, 4, 33), [-60, -25, 25, 60]]))  # fmt: skip
    if row.needs_positive:
        a = of_exp
    return (grid.ravel() for grid in np.meshgrid(a, y))


@pytest.mark.parametrize("name", functions.LOSSES)
def test_losses_and_their_slopes(name):
    row, p = functions.LOSSES[name], cases.PARAMETER.get(name, 0.0)
    value, slope = reference.TERMS[name]
    a, y = outputs_and_targets(row)
    found = row.value(M, a, y, p)
    if isinstance(found, tuple):  # two factors
        found = found[0] * found[1]
    np.testing.assert_allclose(found, value(a, y, p), **CLOSE)
    np.testing.assert_allclose(row.slope(M, a, y, p), slope(a, y, p), **CLOSE)


@pytest.mark.parametrize("name", [n for n, row in functions.LOSSES.items() if row.logits_value])
def test_losses_from_z(name):
    row, p = functions.LOSSES[name], cases.PARAMETER.get(name, 0.0)
    loss_and_delta = reference._FROM_LOGITS[row.partner, name]
    _, y = outputs_and_targets(row)
    z, y = (grid.ravel() for grid in np.meshgrid(np.linspace(-30, 30, 121), np.unique(y)))
    a = reference.activated(row.partner, z)
    loss, delta = loss_and_delta(z, a, y, p)
    np.testing.assert_allclose(row.logits_value(M, z, y, p), loss, **CLOSE)
    np.testing.assert_allclose(row.logits_delta(M, z, a, y, p), delta, **CLOSE)


@pytest.mark.parametrize("name", [n for n, row in functions.LOSSES.items() if row.outer])
def test_functions_of_the_sum_over_the_units(name):
    sums = np.linspace(0, 30, 31)
    for p in (0.5, 1.0, 20.0):
        np.testing.assert_allclose(
            functions.LOSSES[name].outer(M, sums, p), reference._OUTER[name](sums, p), **CLOSE
        )


@pytest.mark.parametrize("name", functions.RULES)
def test_rules_for_some_steps(name):
    row = functions.RULES[name]
    given = {
        "learning_rate": 0.1, "momentum": 0.8, "rho": 0.9, "beta1": 0.85, "beta2": 0.95,
        "epsilon": 1e-3, "momentum_decay": 0.03, "rate_decay": 0.2, "shrink": 0.5, "grow": 1.2,
        "smallest": 0.02, "largest": 0.15,
    }  # fmt: skip
    generator = np.random.default_rng(5)
    w = expected = generator.normal(size=40)
    slots = [np.zeros(40) for _ in row.slots]
    kept, product = [slot.copy() for slot in slots], 1.0
    for t in range(1, 9):
        g = generator.normal(size=40)
        g[:5] *= t > 3  # the first gradients may be 0
        expected = reference._STEPS[name](*(given[key] for key in row.hyper), t, expected, g, *kept)
        h = SimpleNamespace(**given)
        if row.factor:
            product *= row.factor(M, h, t)
        if row.constants:
            vars(h).update(row.constants(M, h, t, product))
        w, *slots = row.step(M, h, w, g, *slots)
        np.testing.assert_allclose(w, expected, **CLOSE)
        np.testing.assert_allclose(slots, kept, **CLOSE)
