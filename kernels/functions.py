"""One row per function: the mathematics of activations, losses and optimisers, with its facts.

A row calls primitives of a namespace m; what m is decides what the row becomes:

| target   | m                                 | what comes out                           |
|----------|-----------------------------------|------------------------------------------|
| Numba    | numba/activations.py, on vectors  | LLVM instructions                        |
| Cython   | expressions.py, which prints them | functions.pxd, written while it is built |
| C export | expressions.py, with names of C   | functions of the header                  |

Beside + - * / there are these, written by hand for every target, with the same bound in ulp:

    exp_of_negative(x), expm1_of_negative(x)    e^x and e^x - 1 for x <= 0
    log1p_of_fraction(u)                        log(1 + u) for 0 <= u <= 1
    log(x), log1p(u)                            log x for x > 0, log(1 + u) for u > -1
    logistic(x), tanh(x), magnitude(x)          1 / (1 + e^-x), tanh x, |x|
    where_above(x, y, above, other)             above where x > y, else other (x or y nan: other)
    root(x)                                     square root
    epsilon                                     the machine epsilon of the elements, a constant

They return NaN for NaN, except where_above, which compares. A row has no loop and no branch, and
may use plain numbers as constants. This file imports nothing but the standard library, since the
build runs it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any


@dataclass(frozen=True)
class Parameter:
    """A row's parameter: default, lower bound, whether the bound itself is accepted, name.

    advice: what to use instead of the lower bound, where that is not accepted.
    """

    default: float
    low: float
    may_be_low: bool
    name: str = "alpha"
    advice: str = ""


@dataclass(frozen=True)
class ActivationRow:
    """An activation function.

    Attributes
    ----------
    f, slope : callable or None
        f(m, z, alpha) and f'(z) as slope(m, z, a, alpha) with a = f(z). None: a unit's output
        depends on other units too (softmax), and each backend has the function by hand.
    keeps_z : bool
        Whether the slope needs z. Otherwise a overwrites z in memory.
    formula, slope_formula : str
        For docstrings, help texts and messages.
    range : (float, float)
        Infimum and supremum of the outputs; for alpha = 1 if they depend on alpha.
    rectifies : bool
        Whether large z pass nearly unchanged and negative z hardly at all, so that He's initial
        values suit it.
    scales : bool
        Whether alpha multiplies the lower end of the range.
    alpha : Parameter or None
    ulp : int
        Largest error of f, in units in the last place of the exact value.
    lost : float
        Results below this many times the smallest normal number may become 0.
    source : str
    """

    name: str
    f: Callable[..., Any] | None
    slope: Callable[..., Any] | None
    formula: str
    slope_formula: str
    range: tuple[float, float] = (-inf, inf)
    rectifies: bool = False
    scales: bool = False
    alpha: Parameter | None = None
    keeps_z: bool = False
    ulp: int = 0
    lost: float = 0
    source: str = "Goodfellow, Bengio & Courville, Deep Learning (2016), chapter 6"


ACTIVATIONS: dict[str, ActivationRow] = {}


def activation(formula: str, slope_formula: str, **facts):
    """Turn a class with f and slope into a row named after the class."""

    def add(functions):
        of_unit = vars(functions)
        ACTIVATIONS[functions.__name__] = ActivationRow(
            functions.__name__, of_unit.get("f"), of_unit.get("slope"), formula, slope_formula,
            **facts,
        )  # fmt: skip
        return functions

    return add


@activation("z", "1")
class identity:
    def f(m, z, alpha):
        return z

    def slope(m, z, a, alpha):
        return 1


@activation("1 / (1 + exp(-z))", "a (1 - a)", range=(0, 1), ulp=4, lost=1)
class sigmoid:
    def f(m, z, alpha):
        return m.logistic(z)

    def slope(m, z, a, alpha):
        return a * (1 - a)


@activation("tanh(z)", "1 - a^2", range=(-1, 1), ulp=4, lost=1)
class tanh:
    def f(m, z, alpha):
        return m.tanh(z)

    def slope(m, z, a, alpha):
        return 1 - a * a


@activation("max(z, 0)", "1 where a > 0, else 0", range=(0, inf), rectifies=True)
class relu:
    def f(m, z, alpha):
        return m.where_above(0, z, 0, z)  # not (z, 0, z, 0): that would turn NaN into 0

    def slope(m, z, a, alpha):
        return m.where_above(a, 0, 1, 0)


@activation(
    "z where z > 0, else alpha z", "1 where a > 0, else alpha",
    rectifies=True, alpha=Parameter(0.01, 0, True), ulp=1,
)  # fmt: skip
class leaky_relu:
    def f(m, z, alpha):
        return m.where_above(z, 0, z, z * alpha)

    def slope(m, z, a, alpha):
        return m.where_above(a, 0, 1, alpha)


@activation(
    "z where z > 0, else alpha (exp(z) - 1)", "1 where a > 0, else a + alpha",
    range=(-1, inf), rectifies=True, scales=True,
    alpha=Parameter(1.0, 0, False, advice="use 'relu'"), ulp=4, lost=1,
    source="elu: Clevert, Unterthiner & Hochreiter (2016)",
)  # fmt: skip
class elu:
    def f(m, z, alpha):
        below = m.expm1_of_negative(m.where_above(z, 0, 0, z)) * alpha
        return m.where_above(z, 0, z, below)

    def slope(m, z, a, alpha):
        return m.where_above(a, 0, 1, a + alpha)


@activation("log(1 + exp(z))", "1 - exp(-a)", range=(0, inf), rectifies=True, ulp=4, lost=1)
class softplus:
    def f(m, z, alpha):  # max(z, 0) + log(1 + e^-|z|)
        tail = m.log1p_of_fraction(m.exp_of_negative(-m.magnitude(z)))
        return m.where_above(0, z, 0, z) + tail

    def slope(m, z, a, alpha):
        return -m.expm1_of_negative(-a)


@activation(
    "z / (1 + exp(-z))", "s + a (1 - s), where s = 1 / (1 + exp(-z))",
    range=(-0.2784645427610738, inf), rectifies=True, keeps_z=True,
    ulp=5, lost=710,  # z e^z becomes 0 where e^z does: there |z| < 710
    source="silu: Elfwing, Uchibe & Doya (2018)",
)  # fmt: skip
class silu:
    def f(m, z, alpha):
        return m.where_above(-1e4, z, -1e4, z) * m.logistic(z)  # 0 at -inf, not nan

    def slope(m, z, a, alpha):
        s = m.logistic(z)
        return s + a * (1 - s)


@activation("exp(z_j) / sum_k exp(z_k)", "output layer only", range=(0, 1), ulp=4, lost=1)
class softmax:
    """By hand in each backend: an output depends on every z of the layer."""


@dataclass(frozen=True)
class LossRow:
    """A loss, which is a sum over the units of a sample.

    Attributes
    ----------
    value, slope : callable
        The term of one unit as value(m, a, y, p), and its derivative with respect to the output a
        as slope(m, a, y, p). A pair that value returns is multiplied in float64: the square of a
        float may be beyond the range of floats.
    logits_value, logits_delta : callable or None
        With the output activation `partner`: the same term from z as logits_value(m, z, y, p), and
        delta = dC/dz as logits_delta(m, z, a, y, p). None: value and slope serve this pair too.
    partner : str
        The output activation that belongs to the loss.
    formula, slope_formula : str
        Of a term, for docstrings, help texts and messages.
    parameter : Parameter or None
        What p is.
    targets : (float, float)
        The closed interval of accepted targets.
    targets_sum_to_1 : bool
        Whether the targets of a sample must sum to 1. A class number is then accepted too: it
        means 1 for this class and 0 for all others.
    outputs : tuple of str
        Output activations that the loss accepts; () means all.
    unfit : str
        Why the loss does not accept another one; OUTPUT stands for its name.
    with_softmax : bool
        Whether each backend has the pair of it and softmax by hand, from z; cross_entropy alone.
    is_distance : bool
        Whether the loss measures how far a is from y. Then targets may be scaled, and those beyond
        the range of the output activation cause a warning.
    source : str
    """

    name: str
    value: Callable[..., Any]
    slope: Callable[..., Any]
    logits_value: Callable[..., Any] | None
    logits_delta: Callable[..., Any] | None
    formula: str
    slope_formula: str
    partner: str = "identity"
    parameter: Parameter | None = None
    targets: tuple[float, float] = (-inf, inf)
    targets_sum_to_1: bool = False
    outputs: tuple[str, ...] = ()
    unfit: str = ""
    with_softmax: bool = False
    is_distance: bool = False
    source: str = "Bishop, Pattern Recognition and Machine Learning (2006), section 5.2"

    @property
    def is_canonical(self) -> bool:
        """Whether loss and delta are computed straight from z with the partner."""
        return self.logits_value is not None or self.with_softmax


LOSSES: dict[str, LossRow] = {}


def factors(term) -> tuple:
    """The pair that a `value` gives: one factor alone goes with 1."""
    return term if isinstance(term, tuple) else (term, 1)


def loss(formula: str, slope_formula: str, **facts):
    """Turn a class with value and slope into a row named after the class."""

    def add(functions):
        of_unit = vars(functions)
        LOSSES[functions.__name__] = LossRow(
            functions.__name__, of_unit["value"], of_unit["slope"], of_unit.get("logits_value"),
            of_unit.get("logits_delta"), formula, slope_formula, **facts,
        )  # fmt: skip
        return functions

    return add


@loss("1/2 (a - y)^2", "a - y", is_distance=True)
class mse:
    def value(m, a, y, p):
        d = a - y
        return 0.5 * d, d

    def slope(m, a, y, p):
        return a - y


@loss(
    "-y log a - (1 - y) log(1 - a)", "(a - y) / (a (1 - a))",
    partner="sigmoid", targets=(0, 1), outputs=("sigmoid", "softmax"),
    unfit="takes the logarithm of outputs, but OUTPUT leaves (0, 1), where the gradient is 0",
)  # fmt: skip
class binary_cross_entropy:
    def value(m, a, y, p):  # a limited to [eps, 1 - eps]; outside, the slope is 0
        low, high = m.epsilon, 1 - m.epsilon
        a = m.where_above(low, a, low, m.where_above(a, high, high, a))
        return -(y * m.log(a)) - (1 - y) * m.log1p(-a)

    def slope(m, a, y, p):
        inside = m.where_above(a, 1 - m.epsilon, 0, (a - y) / (a * (1 - a)))
        return m.where_above(m.epsilon, a, 0, inside)

    def logits_value(m, z, y, p):  # max(z, 0) - z y + log(1 + e^-|z|)
        tail = m.log1p_of_fraction(m.exp_of_negative(-m.magnitude(z)))
        return m.where_above(0, z, 0, z) - z * y + tail

    def logits_delta(m, z, a, y, p):
        return a - y


@loss(
    "-y log a", "-y / a",
    partner="softmax", with_softmax=True, targets=(0, 1), targets_sum_to_1=True,
    outputs=("softmax",),
    unfit="needs outputs that sum to 1, but OUTPUT does not give them: "
    "every output can grow to 1 or beyond",
)  # fmt: skip
class cross_entropy:
    def value(m, a, y, p):  # a limited to [eps, inf); below, the slope is 0
        return -(y * m.log(m.where_above(m.epsilon, a, m.epsilon, a)))

    def slope(m, a, y, p):
        return m.where_above(m.epsilon, a, 0, -y / a)


@loss(
    "1/2 (a - y)^2 where |a - y| <= d = threshold, else d (|a - y| - d / 2)",
    "a - y limited to [-d, d]",
    parameter=Parameter(1.0, 0, False, "threshold"), is_distance=True, source="huber: Huber (1964)",
)  # fmt: skip
class huber:
    def value(m, a, y, p):
        d, inside = a - y, huber.slope(m, a, y, p)
        return inside, d - 0.5 * inside

    def slope(m, a, y, p):
        d = a - y
        return m.where_above(d, p, p, m.where_above(-p, d, -p, d))


@dataclass(frozen=True)
class RuleRow:
    """An optimiser: the step of a parameter w, given its gradient g.

    A fused rule is written by hand as well, inside the products that compute g. Every other rule
    is *flat*, and so is a fused one under a regularisation: first the gradient of all parameters,
    then one pass over them.

    Attributes
    ----------
    step : callable
        step(m, h, w, g, *slots) gives the new w and slots; h has hyper-parameters and constants
        by name.
    constants : callable or None
        What follows from the hyper-parameters, once for a whole step and in float64:
        constants(m, h, t, product) gives them by name, 8 at most. t counts steps from 1; m has
        power(x, y), x^y.
    factor : callable or None
        factor(m, h, t) in [0, 1): `product` is the product of the factors of all steps up to t.
    hyper : tuple of str
        Names of the hyper-parameters, the learning rate first; 8 at most.
    slots : tuple of str
        What is kept for every parameter from step to step, at first 0; 3 at most.
    is_fused : bool
    whole_batch : bool
        Whether the rule compares gradients, so that all have to be of the same samples.
    source : str
    """

    name: str
    step: Callable[..., Any]
    constants: Callable[..., Any] | None
    factor: Callable[..., Any] | None
    hyper: tuple[str, ...]
    slots: tuple[str, ...]
    source: str
    is_fused: bool = False
    whole_batch: bool = False


RULES: dict[str, RuleRow] = {}


def rule(hyper: str, slots: str, source: str, **facts):
    """Turn a class with a step into a row named after it; names with blanks between."""

    def add(functions):
        of_rule = vars(functions)
        RULES[functions.__name__] = RuleRow(
            functions.__name__, of_rule["step"], of_rule.get("constants"), of_rule.get("factor"),
            tuple(hyper.split()), tuple(slots.split()), source, **facts,
        )  # fmt: skip
        return functions

    return add


_SUTSKEVER = "Sutskever, Martens, Dahl & Hinton (2013)"


@rule("learning_rate momentum", "", "Robbins & Monro (1951)", is_fused=True)
class sgd:
    def step(m, h, w, g):
        return (w - h.learning_rate * g,)


@rule("learning_rate momentum", "v", _SUTSKEVER, is_fused=True)
class momentum:
    def step(m, h, w, g, v):
        v = h.momentum * v + g
        return w - h.learning_rate * v, v


@rule("learning_rate momentum", "v", _SUTSKEVER, is_fused=True)
class nesterov:
    def step(m, h, w, g, v):
        v = h.momentum * v + g
        return w - h.learning_rate * (g + h.momentum * v), v


@rule("learning_rate beta1 beta2 epsilon", "mean v", "Kingma & Ba (2015)", is_fused=True)
class adam:
    def constants(m, h, t, product):
        return {
            "new_m": 1 - h.beta1,
            "new_v": 1 - h.beta2,
            "rate": h.learning_rate / (1 - m.power(h.beta1, t)),
            "unbias_v": 1 / (1 - m.power(h.beta2, t)),
        }

    def step(m, h, w, g, mean, v):
        mean = mean + h.new_m * (g - mean)  # beta1 mean + (1 - beta1) g
        v = v + h.new_v * (g * g - v)  # beta2 v + (1 - beta2) g^2
        return w - h.rate * mean / (m.root(h.unbias_v * v) + h.epsilon), mean, v


@rule("learning_rate rho epsilon", "v", "Tieleman & Hinton (2012), lecture 6.5")
class rmsprop:
    def constants(m, h, t, product):
        return {"new": 1 - h.rho}

    def step(m, h, w, g, v):
        v = v + h.new * (g * g - v)  # rho v + (1 - rho) g^2
        return w - h.learning_rate * g / (m.root(v) + h.epsilon), v


@rule("learning_rate rate_decay epsilon", "v", "Duchi, Hazan & Singer (2011)")
class adagrad:
    def constants(m, h, t, product):
        return {"rate": h.learning_rate / (1 + (t - 1) * h.rate_decay)}

    def step(m, h, w, g, v):
        v = v + g * g
        return w - h.rate * g / (m.root(v) + h.epsilon), v


@rule("learning_rate rho epsilon", "v u", "Zeiler (2012)")
class adadelta:
    def constants(m, h, t, product):
        return {"new": 1 - h.rho}

    def step(m, h, w, g, v, u):
        v = v + h.new * (g * g - v)
        d = m.root(u + h.epsilon) / m.root(v + h.epsilon) * g
        return w - h.learning_rate * d, v, u + h.new * (d * d - u)


@rule("learning_rate beta1 beta2 epsilon momentum_decay", "mean v", "Dozat (2016)")
class nadam:
    def factor(m, h, t):  # mu_t
        return h.beta1 * (1 - 0.5 * m.power(0.96, t * h.momentum_decay))

    def constants(m, h, t, product):
        mu, mu_next = nadam.factor(m, h, t), nadam.factor(m, h, t + 1)
        return {
            "new_m": 1 - h.beta1,
            "new_v": 1 - h.beta2,
            "of_g": h.learning_rate * (1 - mu) / (1 - product),
            "of_mean": h.learning_rate * mu_next / (1 - product * mu_next),
            "unbias_v": 1 / (1 - m.power(h.beta2, t)),
        }

    def step(m, h, w, g, mean, v):
        mean = mean + h.new_m * (g - mean)
        v = v + h.new_v * (g * g - v)
        ahead = h.of_g * g + h.of_mean * mean
        return w - ahead / (m.root(h.unbias_v * v) + h.epsilon), mean, v


@rule("learning_rate beta1 beta2 epsilon", "mean v top", "Reddi, Kale & Kumar (2018)")
class amsgrad:
    def constants(m, h, t, product):
        return adam.constants(m, h, t, product)

    def step(m, h, w, g, mean, v, top):
        mean = mean + h.new_m * (g - mean)
        v = v + h.new_v * (g * g - v)
        top = m.where_above(v, top, v, top)
        return w - h.rate * mean / (m.root(h.unbias_v * top) + h.epsilon), mean, v, top


@rule(
    "learning_rate shrink grow smallest largest", "before size",
    "iRprop-: Igel & Huesken (2003)", whole_batch=True,
)  # fmt: skip
class rprop:
    def step(m, h, w, g, before, size):
        sign = m.where_above(g, 0, 1, m.where_above(0, g, -1, 0))
        size = m.where_above(size, 0, size, h.learning_rate * m.magnitude(sign))  # at first
        turn = sign * before  # not g before, which may be less than any float
        size = size * m.where_above(turn, 0, h.grow, m.where_above(0, turn, h.shrink, 1))
        size = m.where_above(h.largest, size, size, h.largest)
        lowest = m.where_above(size, 0, h.smallest, 0)
        size = m.where_above(size, lowest, size, lowest)
        back = m.where_above(0, turn, 0, 1)  # after a change of sign w stays for one step
        return w - back * sign * size, back * g, size
