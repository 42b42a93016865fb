"""One step of an optimiser on a vector of weights, for loops over all of them."""

from functools import lru_cache
from types import SimpleNamespace

import numpy as np

from ..functions import RULES as ROWS
from ..interface import RULES
from ..products import MOST_HYPER, rule_record
from .compiling import REALS, RULE, kernel, part
from .lanes import Pointer, Value, muladd

SGD, MOMENTUM, NESTEROV, ADAM = map(RULES.index, ("sgd", "momentum", "nesterov", "adam"))
ACCUMULATE = len(RULES)  # adds the gradient to m, in the layout of theta, and moves no weight
# flat rules: the gradient first, which lies in m, and then one pass over all parameters
FLAT = {code: ROWS[name] for code, name in enumerate(RULES) if ROWS[name].step is not None}
FIRST_FLAT = min(FLAT)  # they come last


@lru_cache
def _constants(rule, dtype, n_theta) -> np.ndarray:
    learning_rate, beta1, beta2, epsilon = (*rule.hyper[:4], 0, 0)[:4]
    record = np.zeros(1, rule_record(dtype))
    record[0] = (
        rule.code, beta1, beta2, learning_rate, beta1, 1 - beta1, 1 - beta2, epsilon, 0, 0, 0, 0,
        (*rule.hyper, *(0,) * (MOST_HYPER - len(rule.hyper))), rule.n_slots, n_theta,
    )  # fmt: skip
    return record


def bind_rule(_work, rule, theta, state) -> np.ndarray:
    """The record of products.py of an interface.Rule; valid as long as theta and state."""
    record = _constants(rule, theta.dtype, theta.size).copy()
    # a rule without an array gets an address all the same
    first = (state if rule.n_slots else theta).ctypes.data
    record["state"], record["squares"] = first, first
    if rule.n_slots > 1:
        record["squares"] = first + state.strides[0]
    return record


@part
def is_flat(code):
    """Whether it wants the whole gradient before its step."""
    return FIRST_FLAT <= code < ACCUMULATE


class _Primitives:
    """The namespace m of the rows."""

    @staticmethod
    def root(x: Value) -> Value:
        """Square root."""
        return x.function("llvm.sqrt")


@kernel
def descend_flat(e, rule: RULE, theta: REALS) -> None:
    """The step of a flat rule on all parameters, whose gradient lies in the first slot."""
    n, lanes = rule.n_theta, e.native
    g = e.pointer(rule.state)

    def by(row):
        def write():
            raw = rule.hyper
            hyper = SimpleNamespace(**{name: raw.get(k) for k, name in enumerate(row.hyper)})
            with e.loop(0, n, lanes) as k:
                slots = [g + (n * (index + 1) + k) for index in range(len(row.slots))]
                before = [slot.get(0, lanes) for slot in slots]
                w, *after = row.step(
                    _Primitives, hyper, theta.get(k, lanes), g.get(k, lanes), *before
                )
                for slot, value in zip(slots, after, strict=True):
                    slot.set(0, value)
                theta.set(k, w)

        return write

    e.cases(rule.code, {code: by(row) for code, row in FLAT.items()})


class Hyper:
    """The constants of a step, loaded before its loops."""

    def __init__(self, rule):
        self.eps, self.mu = rule.learning_rate, rule.momentum
        self.new_m, self.new_v, self.epsilon = rule.new_m, rule.new_v, rule.epsilon
        self.step, self.unbias_v = rule.learning_rate * rule.unbias_m, rule.unbias_v


def descended(rule: int, hyper: Hyper, w: Value, g: Value, m: Pointer, v: Pointer) -> Value:
    """The weights w after the step with gradient g; the state at m and v is updated."""
    lanes = w.ir.type.count
    if rule == ADAM:
        # m := beta1 m + (1 - beta1) g,  v := beta2 v + (1 - beta2) g^2
        mean = muladd(hyper.mu, m.get(0, lanes), hyper.new_m * g)
        square = v.get(0, lanes) + hyper.new_v * (g * g - v.get(0, lanes))
        m.set(0, mean)
        v.set(0, square)
        # w := w - eps m_hat / (sqrt(v_hat) + epsilon)
        root = (hyper.unbias_v * square).function("llvm.sqrt")
        return w - (hyper.step * mean) / (root + hyper.epsilon)
    velocity = muladd(hyper.mu, m.get(0, lanes), g)  # v := mu v + g
    m.set(0, velocity)
    if rule == NESTEROV:
        velocity = muladd(hyper.mu, velocity, g)
    return muladd(-hyper.eps, velocity, w)
