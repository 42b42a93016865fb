"""One step of an optimiser on a vector of weights, for loops over all of them."""

from ..interface import RULES
from .lanes import DOUBLE_TYPE, Pointer, Value, muladd

SGD, MOMENTUM, NESTEROV, ADAM = range(len(RULES))
ACCUMULATE = len(RULES)  # adds the gradient to m, in the layout of theta, and moves no weight
# where the constants of a step lie, see `Hyper`
LEARNING_RATE, MU, DECAY, NEW_M, NEW_V, EPSILON, UNBIAS_M, UNBIAS_V, N_HYPER = range(9)
# words of a Rule
CODE, HYPER, M, V, BETA1, BETA2, RULE_WORDS = range(7)


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
    beta1 = property(lambda self: self.words.reinterpreted(DOUBLE_TYPE).get(BETA1))
    beta2 = property(lambda self: self.words.reinterpreted(DOUBLE_TYPE).get(BETA2))

    @property
    def learning_rate(self) -> Value:
        """A real."""
        return self.hyper.get(LEARNING_RATE)


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
