"""One step of an optimiser on a vector of weights, for loops over all of them."""

from types import SimpleNamespace

import numpy as np

from ..functions import RULES as ROWS
from ..interface import RULES
from .compiling import REALS, RECORD, kernel
from .lanes import DOUBLE_TYPE, Pointer, Value, muladd

SGD, MOMENTUM, NESTEROV, ADAM = map(RULES.index, ("sgd", "momentum", "nesterov", "adam"))
ACCUMULATE = len(RULES)  # adds the gradient to m, in the layout of theta, and moves no weight
# flat rules: the gradient first, which lies in m, and then one pass over all parameters
FLAT = {code: ROWS[name] for code, name in enumerate(RULES) if ROWS[name].step is not None}
MOST_HYPER = 8
# where the constants of a step lie, see `Hyper`; from RAW on those that the rule was made with
LEARNING_RATE, MU, DECAY, NEW_M, NEW_V, EPSILON, UNBIAS_M, UNBIAS_V, RAW = range(9)
N_HYPER = RAW + MOST_HYPER
# words of a Rule
CODE, HYPER, M, V, BETA1, BETA2, N_THETA, RULE_WORDS = range(8)


def given(rule) -> np.ndarray:
    """The hyper-parameters of an interface.Rule, (MOST_HYPER,), those that it lacks 0."""
    values = np.zeros(MOST_HYPER)
    values[: len(rule.hyper)] = rule.hyper
    return values


class Rule:
    """An optimiser with its state."""

    def __init__(self, emitter, words: Pointer):
        self.emitter, self.words = emitter, words

    def _reals(self, k) -> Pointer:
        return self.words.address(k, self.emitter.real)

    code = property(lambda self: self.words.get(CODE))
    hyper = property(lambda self: self._reals(HYPER))  # (N_HYPER,)
    m = property(lambda self: self._reals(M))  # (n_theta,): velocity, mean
    v = property(lambda self: self._reals(V))  # (n_theta,), or any address
    n_theta = property(lambda self: self.words.get(N_THETA))  # of flat rules
    beta1 = property(lambda self: self.words.reinterpreted(DOUBLE_TYPE).get(BETA1))
    beta2 = property(lambda self: self.words.reinterpreted(DOUBLE_TYPE).get(BETA2))

    @property
    def learning_rate(self) -> Value:
        """A real."""
        return self.hyper.get(LEARNING_RATE)

    @property
    def is_flat(self) -> Value:
        """Whether it wants the whole gradient before its step."""
        found = self.emitter.whole(0).compare("!=", 0)
        for code in FLAT:
            found = found.either(self.code.compare("==", code))
        return found


class _Primitives:
    """The namespace m of the rows."""

    @staticmethod
    def root(x: Value) -> Value:
        """Square root."""
        return x.function("llvm.sqrt")


@kernel
def descend_flat(e, how: RECORD, theta: REALS) -> None:
    """The step of a flat rule on all parameters, whose gradient lies in the first slot."""
    rule = Rule(e, how)
    n, g, lanes = rule.n_theta, rule.m, e.native

    def by(row):
        def write():
            raw = rule.hyper + RAW
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
    """The constants of a step, loaded before its loops: see plan.pxd."""

    def __init__(self, hyper: Pointer):
        self.eps, self.mu, self.decay = (hyper.get(k) for k in (LEARNING_RATE, MU, DECAY))
        self.new_m, self.new_v = hyper.get(NEW_M), hyper.get(NEW_V)
        self.epsilon, self.unbias_v = hyper.get(EPSILON), hyper.get(UNBIAS_V)
        self.step = self.eps * hyper.get(UNBIAS_M)


def descended(rule: int, hyper: Hyper, w: Value, g: Value, m: Pointer, v: Pointer) -> Value:
    """The weights w after the step with gradient g; the state at m and v is updated."""
    lanes = w.ir.type.count
    if rule == ADAM:
        # m := beta1 m + (1 - beta1) g,  v := beta2 v + (1 - beta2) g^2
        mean = muladd(hyper.mu, m.get(0, lanes), hyper.new_m * g)
        square = muladd(hyper.decay, v.get(0, lanes), hyper.new_v * (g * g))
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
