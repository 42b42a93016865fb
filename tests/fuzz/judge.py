"""The verdict on one call: refused as promised, or what the reference gives for plain data."""

from collections import Counter

import numpy as np

import cases
import deltaloop as dl
from tolerances import DRAWS, ROUNDINGS, are_useful, eps, expected_within

from . import draws, heads
from .callbacks import Finding, Stopped
from .liars import Lie

CHECKED = (dl.DeltaloopError, Lie, Stopped)
# of the calls for one sample, which leave the rest to NumPy
UNCHECKED = (*CHECKED, ValueError, TypeError, OverflowError)
SHAKES = (DRAWS, 20 * DRAWS)
# losses that are the differences of terms which are not small where they are
DIFFERENCES = ("itakura_saito", "kullback_leibler", "generalized_kullback_leibler")
NOTHING_CHANGED = (dl.InvalidInputError, dl.InvalidTypeError, dl.BusyError)


class Case:
    """One network on the backend under test, its twin on the reference, and a log."""

    def __init__(self, seed, number, backend, log):
        self.number, self.backend = number, backend
        self.draw = draws.Draw(seed, number)
        self.drawn = draws.network(self.draw)
        self.log, self.tally, self.stops = log, Counter(), False
        self.is_damaged = False  # a callback has changed what the network keeps
        log.append(str(self.drawn))
        self.net, self.twin = self.drawn.network(backend), self.drawn.network("reference")

    @property
    def is_compiled(self):
        return self.net.backend.NAME == "cython"

    @property
    def is_limited(self):
        """Whether the loss is a logarithm of outputs that need not lie in (0, 1)."""
        (name, loss), *more = self.drawn.losses
        return not more and loss in cases.LIMITED and name not in ("sigmoid", "softmax")

    def same_theta(self, theta):
        """The twin, with these parameters."""
        self.twin.theta[:] = theta
        return self.twin

    def in_range(self, Y):
        """Targets, moved back if a shake has taken them from where the loss wants them."""
        if self.drawn.heads:
            parts = heads.parts(Y, self.drawn.heads)
            return np.concatenate([_in_range(part, loss) for loss, part in parts], axis=-1)
        return _in_range(Y, self.drawn.loss)

    def blocks(self, net):
        return {k: v.copy() for k, v in cases.blocks(net.plan, net.theta).items()}


def _in_range(Y, loss):
    row = heads.row_of(loss)
    if row.only_targets:
        return np.where(np.abs(np.abs(Y) - 1) < 0.001, np.sign(Y), Y)
    return np.where((Y > 1) & (Y < 1.001), 1.0, Y) if row.targets == (0, 1) else Y


def attempt(call):
    """What a call returned, and what it raised."""
    try:
        return call(), None
    except Exception as error:
        return None, error


def judge(
    case, call, givens, compute=None, n_terms=1, allowed=CHECKED, may_refuse=False, changes=False,
):  # fmt: skip
    """Make a call, and raise Finding unless its end is a promised one.

    Parameters
    ----------
    call : callable
        Gives a dict of name: array or number.
    givens : list of Given
        X, or X and Y, and then whatever else the call is given.
    compute : callable, optional
        compute(theta, X, Y): the same from the twin. None: no value is known to be right.
    may_refuse : bool
        The backend, or another argument, is a reason to refuse.
    changes : bool
        A callback may have changed the parameters or what was given.

    Returns
    -------
    bool
        Whether the call was accepted.
    """
    theta = case.net.theta.copy()
    for given in givens:
        given.remember()
    case.log.append(" | ".join(given.what for given in givens))
    actual, error = attempt(call)
    if not changes and not all(given.is_unchanged() for given in givens):
        raise Finding("an argument was changed")
    known = all(given.clean is not None for given in givens) and compute is not None
    if error is not None:
        _check_error(case, error, allowed, theta, changes)
        must = known and not may_refuse and all(given.verdict == "same" for given in givens)
        if must and not isinstance(error, dl.DivergenceError):
            _, reason = attempt(lambda: compute(theta, *_cleans(givens)))
            if reason is None:
                raise Finding(f"refused what is right: {type(error).__name__}: {error}")
        case.tally[type(error).__name__] += 1
        return False
    case.tally["accepted"] += 1
    if any(_never(given, allowed) for given in givens):
        raise Finding("accepted what it has to refuse")
    if known:
        _check_values(case, actual, compute, theta, *_cleans(givens), n_terms)
    _check_padding(case)
    return True


def _cleans(givens):
    cleans = [given.clean for given in givens[:2]]
    return cleans if len(cleans) == 2 else [*cleans, cleans[0]]


def _never(given, allowed):
    """Whether a door has to refuse it; those that leave checks to NumPy refuse complex alone."""
    if given.verdict != "never":
        return False
    return allowed is CHECKED or getattr(given.value, "dtype", np.dtype("f4")).kind == "c"


def _check_error(case, error, allowed, theta, changes):
    if isinstance(error, Finding):
        raise error
    if not isinstance(error, allowed):
        raise Finding(f"raised {type(error).__name__}: {error}") from error
    unchanged = isinstance(error, NOTHING_CHANGED) and not changes
    if unchanged and case.net.theta.tobytes() != theta.tobytes():
        raise Finding(f"changed the parameters, and then refused: {error}")


def _check_values(case, actual, compute, theta, X, Y, n_terms):
    """Every array within its tolerance; the tolerance is measured only where it is needed."""
    expected, error = attempt(lambda: compute(theta, X, Y))
    if error is not None:
        if isinstance(error, dl.DivergenceError):
            case.tally["not judged"] += 1
            return
        raise Finding(f"accepted what the reference refuses: {error}") from error
    if actual.keys() != expected.keys():
        raise Finding(f"gave {sorted(actual)}, expected {sorted(expected)}")
    actual = {k: np.asarray(v, np.float64) for k, v in actual.items()}
    expected = {k: np.asarray(v, np.float64) for k, v in expected.items()}
    for k, v in expected.items():
        if actual[k].shape != v.shape:
            raise Finding(f"{k} has shape {actual[k].shape}, expected {v.shape}")
    known = all(np.isfinite(v).all() for v in expected.values()) and not _is_chance(case, X)
    if not known or ("out" not in expected and _is_sharp(case, theta, X)):
        case.tally["not judged"] += 1
        return
    rounding = ROUNDINGS * np.sqrt(n_terms) * eps(case.net.dtype)
    if all(_distance(actual[k], v) <= rounding * np.abs(v).max(initial=0)
           for k, v in expected.items()):  # fmt: skip
        return
    for n_shakes in SHAKES:  # the most that a few move is below what many do
        expected, tolerance = expected_within(compute, theta, X, Y, n_terms, draws=n_shakes)
        far = _far(case, actual, expected, tolerance)
        if not far:
            break
    case.tally["not judged"] += not are_useful(expected, tolerance)
    if far:
        raise Finding("; ".join(far))


def _far(case, actual, expected, tolerance):
    """What is further from the expected values than it may be, in words."""
    found = []
    # softmax' (z) = a (g - sum g a) cancels where all g are nearly equal; no shake moves that
    cancels = any(a == "softmax" and (a, loss) not in cases.CANONICAL for a, loss in
                  case.drawn.losses)  # fmt: skip
    is_difference = any(loss in DIFFERENCES for _, loss in case.drawn.losses)
    for k, v in expected.items():
        distance, largest, most = _distance(actual[k], v), np.abs(v).max(initial=0), tolerance[k]
        if is_difference and k in {"loss", "losses", "watched"}:
            most += 2 * eps(case.net.dtype) * case.drawn.sizes[-1]
        if most > largest or cancels:  # roundings of terms that cancel: only their size is known
            most *= 10
        if not (distance <= most or np.isnan(most)):
            found.append(
                f"{k} differs by {distance:.3g}, tolerance {most:.3g}, largest entry {largest:.3g}"
            )
    return found


def _is_sharp(case, theta, X):
    """Whether outputs are where a logarithm ends, and with it every tolerance."""
    if not case.is_limited or X.shape[-1] != case.drawn.sizes[0]:
        return False
    out = case.same_theta(theta).predict(np.atleast_2d(X))
    has_upper = case.drawn.loss in ("binary_cross_entropy", "binary_focal")
    return out.min() < 0.01 or (has_upper and out.max() > 0.99)


def _is_chance(case, X):
    """Whether there are sines of numbers whose roundings are longer than a period."""
    names = [layer.activation.name for layer in case.drawn.layers]
    has_sine = "sin" in [*names, *(name for name, _ in case.drawn.losses)]
    return has_sine and np.abs(X).max(initial=0) > 1e5


def _distance(a, b):
    return float(np.abs(a - b).max(initial=0))


def _check_padding(case):
    """What belongs to no unit stays 0."""
    theta, plan = case.net.theta.copy(), case.net.plan
    if theta.shape != (plan.n_theta,) or not np.isfinite(theta).all() or case.is_damaged:
        return
    for index in range(len(plan.layers)):
        plan.W(theta, index)[:] = 0
        if plan.b(theta, index) is not None:
            plan.b(theta, index)[:] = 0
    if theta.any():
        raise Finding("the padding of theta is no longer 0")
