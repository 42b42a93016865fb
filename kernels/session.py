"""Many small calls on one network, with little overhead.

The compiled backends share a class of their own with the same methods, in cython/session.pxi. This
one builds them from the contract functions of any backend.
"""

import math
from dataclasses import replace

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError
from ..inputs.checks import any_size
from .interface import Plan, Rule
from .memory import PIECE, Work, aligned_zeros
from .turns import Turns


def looks_every(plan: Plan) -> int:
    """In every how many steps to check that theta is finite, so that checking costs little."""
    return plan.n_theta // 1024 + 1


class Session:
    """A network, room for mini-batches, and the state of an optimiser.

    Inputs are checked for shape and dtype, not for finite values. Any number of threads may
    predict and one may learn: `turns` keeps their calls apart. A step that finds theta not finite
    returns nan instead of its loss; in large networks not every step checks.
    """

    def __init__(
        self, plan: Plan, theta, batch_size: int = 1, turns: Turns | None = None, *, forward,
        train_epoch, apply_gradient,
    ):  # fmt: skip
        self._apply = apply_gradient
        self._plan, self._theta, self._forward, self._train = plan, theta, forward, train_epoch
        self._n_in, self._n_out = int(plan.layers[0]["n_in"]), int(plan.layers[-1]["n_out"])
        self._n_y = plan.n_targets
        self._turns, self._looks_every = turns or Turns(), looks_every(plan)
        self._take_work(Work(plan, min(batch_size, PIECE)))

    def set_rule(self, rule: Rule, noise: int = 0) -> None:
        """Take an optimiser, with fresh state; noise: the seed of dropout."""
        state = aligned_zeros((rule.n_slots, self._plan.n_theta), self._plan.dtype)
        self._turns.change(self._take_rule, rule, state, noise)

    def _take_rule(self, rule, state, noise):
        # one pair: an interrupt cannot mix two
        self._how, self._step, self._noise = (rule, state), 0, noise

    def set_rate(self, learning_rate: float) -> None:
        """Another learning rate for the steps to come; the state goes on."""
        rule, *more = self._how
        rule = replace(rule, hyper=(learning_rate, *rule.hyper[1:]))
        self._turns.change(setattr, self, "_how", (rule, *more))

    def descend(self, gradient: np.ndarray) -> None:
        """One step with a gradient from elsewhere, laid out as theta, which is overwritten."""
        rule, state = self._how[:2]
        self._turns.train(
            self._turns.write, self._apply, self._plan, self._theta, state, rule, gradient,
            self._step,
        )  # fmt: skip
        self._step += 1

    def progress(self) -> tuple[np.ndarray, int]:
        """How far the optimiser is: a copy of its state, and how many steps it has made."""
        return self._how[1].copy(), self._step

    def resume(self, state: np.ndarray, step: int) -> None:
        """Go on from a result of `progress`, with the rule that was set."""
        self._how[1][:], self._step = state, step

    def predict_one(self, x, out=None) -> np.ndarray:
        """Outputs (n_out,) for x (n_in,); into out, if it is given."""
        if out is None:
            out = flat = np.empty(self._n_out, self._plan.dtype)
        else:
            flat = checked_out(out, self._n_out, self._plan.dtype)
        self._turns.read(
            self._forward, self._plan, self._theta, self._rows("x", x, 0, self._n_in),
            flat.reshape(1, -1), Work(self._plan, 1),
        )  # fmt: skip
        return out

    def predict_batch(self, X, out=None) -> np.ndarray:
        """Outputs (n, n_out) for X (n, n_in); into out, if it is given."""
        n = len(X)
        if n < 1:
            raise InvalidInputError("X is empty, give at least 1 sample")
        if out is None:
            out = np.empty((n, self._n_out), self._plan.dtype)
        flat = checked_out(out, n * self._n_out, self._plan.dtype)
        self._turns.read(
            self._forward, self._plan, self._theta, self._rows("X", X, n, self._n_in),
            flat.reshape(n, -1), Work(self._plan, min(n, PIECE)),
        )  # fmt: skip
        return out

    def learn_one(self, x, y) -> float:
        """One step on the sample x (n_in,), y (n_targets,); its loss before the step."""
        return self._learn(self._rows("x", x, 0, self._n_in), self._rows("y", y, 0, self._n_y))

    def learn_batch(self, X, Y) -> float:
        """One step on X (n, n_in), Y (n, n_targets); its mean loss before the step."""
        n = len(X)
        if n < 1:
            raise InvalidInputError("X is empty, give at least 1 sample")
        return self._learn(self._rows("X", X, n, self._n_in), self._rows("Y", Y, n, self._n_y))

    def _learn(self, X, Y):
        turns, key, n = self._turns, object(), len(X)
        try:
            try:
                turns.claim(key)
                room = min(n, PIECE)  # larger mini-batches are taken in pieces
                if self._work.batch_size < room:
                    self._take_work(Work(self._plan, room))
                turns.wait(key, True)
                looks = (self._step + 1) % self._looks_every == 0
                total = self._descend(X, Y, n, looks)
                self._step += 1
                return total / n
            finally:
                turns.queue.pop(key, None)
        finally:
            turns.claims.pop(key, None)

    def _take_work(self, work: Work) -> None:
        self._work = work

    def _descend(self, X, Y, n: int, looks: bool) -> float:
        """One step; the sum of the losses, or nan if it looks at theta and that is not finite."""
        rule, state = self._how
        total = self._train(
            self._plan, self._theta, state, rule, X, Y, None, 0, n, n, self._work, 0.0, self._step,
            None, None, self._noise,
        )  # fmt: skip
        return math.nan if looks and not np.isfinite(self._theta).all() else total

    def _rows(self, name, values, n, n_columns):
        return rows(name, values, n, n_columns, self._plan.dtype)


def rows(name: str, values, n: int, n_columns: int, dtype) -> np.ndarray:
    """`values` as an array (n, n_columns); n = 0: one sample, as (1, n_columns)."""
    array = np.asarray(values)
    if array.dtype.kind == "c":
        raise InvalidTypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if array.dtype != dtype:
        array = in_dtype(array, dtype)
    array = np.ascontiguousarray(array)
    if array.size != max(n, 1) * n_columns or (n and len(array) != n):
        expected = f"({n}, {n_columns})" if n else f"({n_columns},)"
        labels = name in ("y", "Y") and array.size == max(n, 1)
        hint = f"; for class numbers use deltaloop.one_hot({name}, {n_columns})" if labels else ""
        raise InvalidInputError(f"{name} must have shape {expected}, got shape {array.shape}{hint}")
    return array.reshape(max(n, 1), n_columns)


@any_size
def in_dtype(array, dtype):
    """The array in dtype; values beyond its range become infinite."""
    return array.astype(dtype)


def checked_out(out, n: int, dtype) -> np.ndarray:
    """The memory of `out` as a plain array, shape (n,); an error if it is not contiguous."""
    plain = np.asarray(out)  # a subclass may misreport its shape
    if not (
        isinstance(out, np.ndarray) and plain.size == n and plain.dtype == dtype
        and plain.flags.c_contiguous and plain.flags.writeable
    ):  # fmt: skip
        raise InvalidInputError(f"out must be a writable contiguous array of {n} values of {dtype}")
    return plain.reshape(-1)
