"""Many small calls on one network, with little around them.

The compiled backend has a class of its own with these methods; this one makes them of any
backend's contract functions, and the Numba backend puts shorter ways in the place of some.
"""

import threading

import numpy as np

from ..checks import any_size
from ..errors import BusyError, InvalidInputError, InvalidTypeError
from .interface import Plan, Rule, Work, aligned_zeros

BUSY = (
    "this network is being trained already, by another thread or by the fit that made this call, "
    "and two cannot train it at once; wait for the other to end, or train a copy"
)


class Session:
    """A network, room for `batch_size` samples, and the state of an optimiser.

    Inputs are checked for their length alone. Several threads may predict, one may learn:
    whoever trains has to `claim` the session first and to `release` it in the end.
    """

    def __init__(self, plan: Plan, theta, batch_size: int = 1, *, forward, train_epoch):
        self._plan, self._theta, self._forward, self._train = plan, theta, forward, train_epoch
        self._n_in, self._n_out = int(plan.layers[0]["n_in"]), int(plan.layers[-1]["n_out"])
        self._make_room(batch_size)
        self._training = threading.Lock()  # held by whoever trains
        self._stepping = threading.Lock()  # held in a step: rule and state change together

    def set_rule(self, rule: Rule) -> None:
        """Take an optimiser, with fresh state."""
        state = aligned_zeros((rule.n_slots, len(self._theta)), self._plan.dtype)
        if not self._stepping.acquire(blocking=False):
            raise BusyError(BUSY)
        try:
            self._rule, self._state, self._step = rule, state, 0
        finally:
            self._stepping.release()

    def progress(self) -> tuple[np.ndarray, int]:
        """How far the optimiser is: a copy of its state, and the number of its steps."""
        return self._state.copy(), self._step

    def resume(self, state: np.ndarray, step: int) -> None:
        """Go on from there, with the rule that was set."""
        self._state[:], self._step = state, step

    def claim(self) -> bool:
        """Whether nobody was training; from now on somebody is."""
        return self._training.acquire(blocking=False)

    def release(self) -> None:
        """Nobody is training any more."""
        self._training.release()

    def predict_one(self, x, out=None) -> np.ndarray:
        """Outputs (n_out,) for x (n_in,); into out, if it is given."""
        dtype = self._plan.dtype
        if out is None:
            out = np.empty(self._n_out, dtype)
        else:
            check_out(out, self._n_out, dtype)
        work = Work(self._plan, 1)
        self._forward(self._plan, self._theta, self._rows("x", x, 0, self._n_in),
                      out.reshape(1, -1), work)  # fmt: skip
        return out

    def learn_one(self, x, y) -> float:
        """One step on the sample x (n_in,), y (n_out,); its loss before the step."""
        return self._learn(self._rows("x", x, 0, self._n_in), self._rows("y", y, 0, self._n_out))

    def learn_batch(self, X, Y) -> float:
        """One step on the mini-batch X (n, n_in), Y (n, n_out); its mean loss before the step."""
        n = len(X)
        if n < 1:
            raise InvalidInputError("X is empty, give at least 1 sample")
        return self._learn(self._rows("X", X, n, self._n_in), self._rows("Y", Y, n, self._n_out))

    def _learn(self, X, Y):
        if not self.claim():
            raise BusyError(BUSY)
        try:
            with self._stepping:
                n = len(X)
                if n > self._work.batch_size:
                    self._make_room(n)
                total = self._descend(X, Y, n)
                self._step += 1
                return total / n
        finally:
            self.release()

    def _make_room(self, n: int) -> None:
        self._work = Work(self._plan, n)

    def _descend(self, X, Y, n: int) -> float:
        """One step; the sum of the losses."""
        return self._train(
            self._plan, self._theta, self._state, self._rule, X, Y, None, 0, n, n,
            self._work, 0.0, self._step,
        )  # fmt: skip

    def _rows(self, name, values, n, n_columns):
        return rows(name, values, n, n_columns, self._plan.dtype)


@any_size
def rows(name: str, values, n: int, n_columns: int, dtype) -> np.ndarray:
    """`values` as n rows of n_columns numbers, or as 1 row where n = 0 (one sample alone)."""
    array = np.asarray(values)
    if array.dtype.kind == "c":
        raise InvalidTypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    array = np.ascontiguousarray(array, dtype)
    if array.size != max(n, 1) * n_columns or (n and len(array) != n):
        expected = f"({n}, {n_columns})" if n else f"({n_columns},)"
        labels = name in ("y", "Y") and array.size == max(n, 1)
        hint = f"; for class numbers use deltaloop.one_hot({name}, {n_columns})" if labels else ""
        raise InvalidInputError(f"{name} must have shape {expected}, got shape {array.shape}{hint}")
    return array.reshape(max(n, 1), n_columns)


def check_out(out, n: int, dtype) -> None:
    """Refuse what cannot take n values of dtype in one piece."""
    if not (
        isinstance(out, np.ndarray) and out.size == n and out.dtype == dtype
        and out.flags.c_contiguous and out.flags.writeable
    ):  # fmt: skip
        raise InvalidInputError(f"out must be a writable contiguous array of {n} values of {dtype}")
