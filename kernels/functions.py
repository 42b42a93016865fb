"""One row per function: the mathematics of activations, losses and optimisers, with its facts.

A row calls primitives of a namespace m; what m is decides what the row becomes:

| target   | m                                 | what comes out                           |
|----------|-----------------------------------|------------------------------------------|
| Cython   | expressions.py, which prints them | functions.pxd, written while it is built |
| C export | expressions.py, with names of C   | functions of the header                  |

Beside + - * / there are these, written by hand for every target, with the same bound in ulp:

    exp(x)                                      e^x
    exp_of_negative(x), expm1_of_negative(x)    e^x and e^x - 1 for x <= 0
    exp_of_square(x, c)                         e^(c x^2) for c = -1 or -1/2
    log1p_of_fraction(u)                        log(1 + u) for 0 <= u <= 1
    log(x), log1p(u)                            log x for x > 0, log(1 + u) for u > -1
    logistic(x), tanh(x), magnitude(x)          1 / (1 + e^-x), tanh x, |x|
    lecun_tanh(x), mish(x)                      1.7159 tanh(2/3 x), x tanh(log(1 + e^x))
    gated(w, x)                                 w / (1 + e^-x), 0 where e^x is too small
    normal(x), times_normal(x)                  the normal distribution function F(x), and x F(x)
    sin(x), cos(x)                              up to |x| = 10^4 in float32 and 10^6 in float64;
                                                beyond, only the range of the result is right
    clipped(x, low, high)                       x limited to [low, high], which are numbers
    where_above(x, y, above, other)             above where x > y, else other (x or y nan: other)
    root(x)                                     square root
    over_root(n, x, e)                          n / (sqrt(x) + e) for x >= 0 and a number e
    epsilon                                     the machine epsilon of the elements, a constant

They return NaN for NaN, except where_above, which compares. A row has no loop and no branch, and
may use plain numbers as constants. This file imports nothing but the standard library, since the
build runs it.
"""

from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple


class Parameter(NamedTuple):
    """A row's parameter: default, lower bound, whether the bound itself is accepted, name.

    advice: what to use instead of the lower bound, where that is not accepted; below: what it has
    to be less than.
    """

    default: float
    low: float
    may_be_low: bool
    name: str = "alpha"
    advice: str = ""
    below: float = inf


class ActivationRow(NamedTuple):
    """An activation function.

    Attributes
    ----------
    f, slope : callable or None
        f(m, z, alpha) and f'(z) as slope(m, z, a, alpha) with a = f(z). None: a unit's output
        depends on other units too (softmax, log_softmax), and each backend has the function by
        hand.
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
    ulp_of_log : int
        This many times -log |f(z)| comes on top where |f(z)| < 1: the exponent of an exponential
        is rounded.
    lost : float
        Results below this many times the smallest normal number may become 0.
    sure : (float, float)
        The largest |z| for which the error is bounded, in float32 and in float64.
    is_positive : bool
        Whether every output is > 0, which some losses need.
    is_common : bool
        Whether the loop of tiny networks has its code inside; others are called from there.
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
    ulp_of_log: int = 0
    lost: float = 0
    sure: tuple[float, float] = (inf, inf)
    is_positive: bool = False
    is_common: bool = True
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


@activation("1 / (1 + exp(-z))", "a (1 - a)", range=(0, 1), is_positive=True, ulp=3, lost=1)
class sigmoid:
    def f(m, z, alpha):
        return m.logistic(z)

    def slope(m, z, a, alpha):
        return a * (1 - a)


@activation("tanh(z)", "1 - a^2", range=(-1, 1), ulp=3, lost=1)
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
    alpha=Parameter(1.0, 0, False, advice="use 'relu'"), ulp=3, lost=1,
    source="elu: Clevert, Unterthiner & Hochreiter (2016)",
)  # fmt: skip
class elu:
    def f(m, z, alpha):
        below = m.expm1_of_negative(m.where_above(z, 0, 0, z)) * alpha
        return m.where_above(z, 0, z, below)

    def slope(m, z, a, alpha):
        return m.where_above(a, 0, 1, a + alpha)


@activation(
    "log(1 + exp(z))", "1 - exp(-a)", range=(0, inf), rectifies=True, is_positive=True,
    ulp=3, lost=1,
)  # fmt: skip
class softplus:
    def f(m, z, alpha):  # max(z, 0) + log(1 + e^-|z|)
        tail = m.log1p_of_fraction(m.exp_of_negative(-m.magnitude(z)))
        return m.where_above(0, z, 0, z) + tail

    def slope(m, z, a, alpha):
        return -m.expm1_of_negative(-a)


@activation(
    "z / (1 + exp(-z))", "s + z s (1 - s), where s = 1 / (1 + exp(-z))",
    range=(-0.2784645427610738, inf), rectifies=True, keeps_z=True,
    ulp=3, lost=710,  # z e^z becomes 0 where e^z does: there |z| < 710
    source="silu: Elfwing, Uchibe & Doya (2018)",
)  # fmt: skip
class silu:
    def f(m, z, alpha):
        return m.gated(z, z)

    def slope(m, z, a, alpha):
        z = m.clipped(z, -1e4, 1e4)
        e = m.exp_of_negative(-m.magnitude(z))
        r = 1 / (1 + e)  # s and 1 - s are r and e r, both without cancellation
        return m.where_above(z, 0, 1, e) * r + z * (e * r * r)


@activation(
    "exp(z_j) / sum_k exp(z_k)", "output layer only", range=(0, 1), is_positive=True,
    ulp=4, lost=1,
)  # fmt: skip
class softmax:
    """By hand in each backend: an output depends on every z of the layer."""


@activation("z_j - log(sum_k exp(z_k))", "output layer only", range=(-inf, 0))
class log_softmax:
    """By hand in each backend, as softmax."""


_SELU, _SELU_BELOW = 1.0507009873554805, 1.7580993408473768  # s and s t


@activation(
    "s z where z > 0, else s t (exp(z) - 1); s = 1.0507, t = 1.67326",
    "s where a > 0, else a + s t", range=(-_SELU_BELOW, inf), ulp=4, lost=2,
    is_common=False, source="selu: Klambauer, Unterthiner, Mayr & Hochreiter (2017)",
)  # fmt: skip
class selu:
    def f(m, z, alpha):
        below = m.expm1_of_negative(m.where_above(z, 0, 0, z)) * _SELU_BELOW
        return m.where_above(z, 0, z * _SELU, below)

    def slope(m, z, a, alpha):
        return m.where_above(a, 0, _SELU, a + _SELU_BELOW)


@activation(
    "z F(z), F the normal distribution function", "F(z) + z exp(-z^2 / 2) / sqrt(2 pi)",
    range=(-0.16997120747990366, inf), rectifies=True, keeps_z=True,
    ulp=4, lost=1, is_common=False, source="gelu: Hendrycks & Gimpel (2016)",
)  # fmt: skip
class gelu:
    def f(m, z, alpha):
        return m.times_normal(z)

    def slope(m, z, a, alpha):
        bell = m.exp_of_square(z, -0.5)
        return m.normal(z) + m.clipped(z, -1e4, 1e4) * bell * 0.3989422804014327


_ROOT_8_PI, _CUBIC = 1.5957691216057308, 0.044715  # sqrt(8 / pi)


@activation(
    "z / (1 + exp(-w)), w = sqrt(8 / pi) (z + 0.044715 z^3)",
    "s + z s (1 - s) w', where s = 1 / (1 + exp(-w))",
    range=(-0.17004075057125406, inf), rectifies=True, keeps_z=True,
    ulp=6, ulp_of_log=3, lost=710, is_common=False,
    source="gelu_tanh, which is 1/2 z (1 + tanh(w / 2)): Hendrycks & Gimpel (2016)",
)  # fmt: skip
class gelu_tanh:
    def f(m, z, alpha):
        w = z * (_ROOT_8_PI + (_ROOT_8_PI * _CUBIC) * (z * z))
        return m.gated(z, w)

    def slope(m, z, a, alpha):
        z = m.clipped(z, -1e4, 1e4)
        square = (_ROOT_8_PI * _CUBIC) * (z * z)
        w = z * (_ROOT_8_PI + square)
        e = m.exp_of_negative(-m.magnitude(w))
        r = 1 / (1 + e)  # s and 1 - s are r and e r, both without cancellation
        return m.where_above(w, 0, 1, e) * r + z * (_ROOT_8_PI + 3 * square) * (e * r * r)


@activation(
    "z tanh(log(1 + exp(z)))", "(n d + 4 z e (1 + e)) / d^2; e = exp(z), n = e (e + 2), d = n + 2",
    range=(-0.30884341301725043, inf), rectifies=True, keeps_z=True,
    ulp=4, lost=1500, is_common=False, source="mish: Misra (2020)",
)  # fmt: skip
class mish:
    def f(m, z, alpha):
        return m.mish(z)

    def slope(m, z, a, alpha):
        z = m.clipped(z, -1e4, 20)
        e = m.exp(z)
        n = e * (e + 2)
        d = n + 2
        return (n * d + z * (4 * e * (1 + e))) / (d * d)


@activation(
    "z / (1 + |z|)", "(1 - |a|)^2", range=(-1, 1), ulp=2, is_common=False,
    source="softsign: Bergstra, Desjardins, Lamblin & Bengio (2009)",
)  # fmt: skip
class softsign:
    def f(m, z, alpha):
        z = m.clipped(z, -1e30, 1e30)  # not inf / inf
        return z / (1 + m.magnitude(z))

    def slope(m, z, a, alpha):
        rest = 1 - m.magnitude(a)
        return rest * rest


@activation(
    "(z + 3) / 6 limited to [0, 1]", "1/6 where 0 < a < 1, else 0", range=(0, 1), ulp=2,
    is_common=False, source="hard_sigmoid: Howard et al. (2019), as in PyTorch",
)  # fmt: skip
class hard_sigmoid:
    def f(m, z, alpha):
        return m.clipped((z + 3) * (1 / 6), 0, 1)

    def slope(m, z, a, alpha):
        return m.where_above(a, 0, m.where_above(1, a, 1 / 6, 0), 0)


@activation(
    "z limited to [-1, 1]", "1 where |a| < 1, else 0", range=(-1, 1), is_common=False,
    source="hard_tanh: Collobert (2004)",
)  # fmt: skip
class hard_tanh:
    def f(m, z, alpha):
        return m.clipped(z, -1, 1)

    def slope(m, z, a, alpha):
        return m.where_above(1, m.magnitude(a), 1, 0)


@activation(
    "1.7159 tanh(2/3 z)", "2/3 (1.7159 - a^2 / 1.7159)", range=(-1.7159, 1.7159), ulp=3, lost=2,
    is_common=False, source="lecun_tanh: LeCun, Bottou, Orr & Müller (1998)",
)  # fmt: skip
class lecun_tanh:
    def f(m, z, alpha):
        return m.lecun_tanh(z)

    def slope(m, z, a, alpha):
        return (1.7159 - a) * ((1.7159 + a) * (2 / 3 / 1.7159))  # without cancellation


@activation(
    "exp(-z^2)", "-2 z a", range=(0, 1), keeps_z=True, is_positive=True, ulp=3, lost=1,
    is_common=False, source="gaussian: Broomhead & Lowe (1988)",
)  # fmt: skip
class gaussian:
    def f(m, z, alpha):
        return m.exp_of_square(z, -1)

    def slope(m, z, a, alpha):
        return -2 * m.clipped(z, -1e4, 1e4) * a


@activation(
    "sin(z)", "cos(z)", range=(-1, 1), keeps_z=True, ulp=3, sure=(1e4, 1e6), is_common=False,
    source="sin: Sitzmann, Martel, Bergman, Lindell & Wetzstein (2020)",
)  # fmt: skip
class sin:
    def f(m, z, alpha):
        return m.sin(z)

    def slope(m, z, a, alpha):
        return m.cos(z)


@activation("exp(z)", "a", range=(0, inf), is_positive=True, ulp=3, lost=2, is_common=False)
class exp:
    def f(m, z, alpha):
        return m.exp(z)

    def slope(m, z, a, alpha):
        return a


class LossRow(NamedTuple):
    """A loss, which is a sum over the units of a sample, or a function of that sum.

    Attributes
    ----------
    value, slope : callable
        The term of one unit as value(m, a, y, p), and its derivative with respect to the output a
        as slope(m, a, y, p). A pair that value returns is multiplied in float64: the square of a
        float may be beyond the range of floats.
    logits_value, logits_delta : callable or None
        With the output activation `partner`: the same term from z as logits_value(m, z, y, p), and
        delta = dC/dz as logits_delta(m, z, a, y, p). None: value and slope serve this pair too.
    outer : callable or None
        From the sum s of a sample to its loss, as outer(m, s, p): the loss and its derivative by s,
        with exp(x) the only primitive of m, in float64.
    partner : str
        The output activation that belongs to the loss.
    formula, slope_formula : str
        Of a term, for docstrings, help texts and messages.
    parameter : Parameter or None
        What p is.
    targets : (float, float)
        The closed interval of accepted targets.
    targets_are_positive : bool
        Whether 0 is not accepted, though it is the lower end.
    only_targets : tuple of float
        The numbers that targets may be; () means all of the interval.
    targets_sum_to_1 : bool
        Whether the targets of a sample must sum to 1. A class number is then accepted too: it
        means 1 for this class and 0 for all others.
    outputs : tuple of str
        Output activations that the loss accepts; () means all.
    unfit : str
        Why the loss does not accept another one; OUTPUT stands for its name.
    needs_positive : bool
        Whether outputs have to be > 0. Activations that do not see to that are refused.
    with_softmax : bool
        Whether each backend has the pair of it and softmax by hand, from z: cross_entropy, and
        kullback_leibler, which is the same with sum_j y_j log y_j on top.
    is_distance : bool
        Whether the loss measures how far a is from y. Then targets may be scaled, and those beyond
        the range of the output activation cause a warning.
    is_half_square : bool
        Whether a term is 1/2 (a - y)^2, which methods of least squares ask for.
    may_be_negative : bool
        Whether the loss has no lower bound of 0.
    is_common : bool
        As that of an activation.
    source : str
    """

    name: str
    value: Callable[..., Any]
    slope: Callable[..., Any]
    logits_value: Callable[..., Any] | None
    logits_delta: Callable[..., Any] | None
    formula: str
    slope_formula: str
    outer: Callable[..., Any] | None = None
    partner: str = "identity"
    parameter: Parameter | None = None
    targets: tuple[float, float] = (-inf, inf)
    targets_are_positive: bool = False
    only_targets: tuple[float, ...] = ()
    targets_sum_to_1: bool = False
    outputs: tuple[str, ...] = ()
    unfit: str = ""
    needs_positive: bool = False
    with_softmax: bool = False
    is_distance: bool = False
    is_half_square: bool = False
    may_be_negative: bool = False
    is_common: bool = True
    source: str = "Bishop, Pattern Recognition and Machine Learning (2006), section 5.2"

    @property
    def is_canonical(self) -> bool:
        """Whether loss and delta are computed straight from z with the partner."""
        return self.logits_value is not None or self.with_softmax


LOSSES: dict[str, LossRow] = {}
OTHER_NAMES = {"quadratic": "mse"}  # of losses: as good as the name of the row


def factors(term) -> tuple:
    """The pair that a `value` gives: one factor alone goes with 1."""
    return term if isinstance(term, tuple) else (term, 1)


def loss(formula: str, slope_formula: str, **facts):
    """Turn a class with value and slope into a row named after the class."""

    def add(functions):
        of_unit = vars(functions)
        LOSSES[functions.__name__] = LossRow(
            functions.__name__, of_unit["value"], of_unit["slope"], of_unit.get("logits_value"),
            of_unit.get("logits_delta"), formula, slope_formula, of_unit.get("outer"), **facts,
        )  # fmt: skip
        return functions

    return add


@loss("1/2 (a - y)^2", "a - y", is_distance=True, is_half_square=True)
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


_SUM_TO_1 = (
    "needs outputs that sum to 1, but OUTPUT does not give them: "
    "every output can grow to 1 or beyond"
)


@loss(
    "-y log a", "-y / a",
    partner="softmax", with_softmax=True, targets=(0, 1), targets_sum_to_1=True,
    parameter=Parameter(0.0, 0, True, "label_smoothing", below=1),
    outputs=("softmax",), unfit=_SUM_TO_1,
)  # fmt: skip
class cross_entropy:
    # label smoothing, which makes (1 - p) y + p sum_k y_k / n of y, goes with softmax alone
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


@loss("|a - y|", "the sign of a - y, or 0", is_distance=True, is_common=False)
class mae:
    def value(m, a, y, p):
        return m.magnitude(a - y)

    def slope(m, a, y, p):
        d = a - y
        return m.where_above(d, 0, 1, m.where_above(0, d, -1, d))  # 0 and nan remain


@loss(
    "log cosh(a - y)", "tanh(a - y)", is_distance=True, is_common=False,
    source="log_cosh: Green (1990)",
)  # fmt: skip
class log_cosh:
    def value(m, a, y, p):  # with u = e^-c - 1, cosh c = 1 + u^2 / (2 e^-c)
        far = m.magnitude(a - y)
        c = m.clipped(far, 0, 20)  # beyond, the slope of log cosh is 1
        u = m.expm1_of_negative(-c)
        return m.log1p(u * u / (2 * m.exp_of_negative(-c))) + (far - c)

    def slope(m, a, y, p):
        return m.tanh(a - y)


@loss(
    "(1 - tau) (a - y) where a > y, else tau (y - a)", "1 - tau where a > y, -tau where a < y",
    parameter=Parameter(0.5, 0, False, "tau", below=1), is_distance=True, is_common=False,
    source="quantile: Koenker & Bassett (1978)",
)  # fmt: skip
class quantile:
    def value(m, a, y, p):
        d = a - y
        return m.where_above(d, 0, (1 - p) * d, -p * d)

    def slope(m, a, y, p):
        d = a - y
        return m.where_above(d, 0, 1 - p, m.where_above(0, d, -p, d))


@loss(
    "a - y log a", "1 - y / a", partner="exp", needs_positive=True, targets=(0, inf),
    may_be_negative=True, is_common=False, source="poisson: Nelder & Wedderburn (1972)",
)  # fmt: skip
class poisson:
    def value(m, a, y, p):  # a limited to [eps, inf) here and below; outside, the slope is 0
        return a - y * m.log(m.where_above(m.epsilon, a, m.epsilon, a))

    def slope(m, a, y, p):
        return m.where_above(m.epsilon, a, 0, (a - y) / a)

    def logits_value(m, z, y, p):
        return m.exp(z) - z * y

    def logits_delta(m, z, a, y, p):
        return a - y


@loss(
    "-y a, a being a logarithm", "-y", partner="log_softmax", targets=(0, 1),
    targets_sum_to_1=True, outputs=("log_softmax",),
    unfit="takes outputs for logarithms of probabilities, but OUTPUT gives none", is_common=False,
)  # fmt: skip
class nll:
    def value(m, a, y, p):
        return -(y * a)

    def slope(m, a, y, p):
        return -y


@loss(
    "-y (1 - a)^gamma log a - (1 - y) a^gamma log(1 - a)",
    "y q^gamma (gamma log(a) / q - 1 / a) + (1 - y) a^gamma (1 / q - gamma log(q) / a), q = 1 - a",
    partner="sigmoid", targets=(0, 1), outputs=("sigmoid", "softmax"),
    unfit="takes the logarithm of outputs, but OUTPUT leaves (0, 1), where the gradient is 0",
    parameter=Parameter(2.0, 0, True, "gamma"), is_common=False,
    source="binary_focal: Lin, Goyal, Girshick, He & Dollár (2017)",
)  # fmt: skip
class binary_focal:
    def value(m, a, y, p):  # a limited to [eps, 1 - eps]; outside, the slope is 0
        a = m.clipped(a, m.epsilon, 1 - m.epsilon)
        log_a, log_q = m.log(a), m.log1p(-a)
        of_one = y * (m.exp_of_negative(log_q * p) * log_a)
        return -of_one - (1 - y) * (m.exp_of_negative(log_a * p) * log_q)

    def slope(m, a, y, p):
        b = m.clipped(a, m.epsilon, 1 - m.epsilon)
        q, log_b, log_q = 1 - b, m.log(b), m.log1p(-b)
        of_one = y * (m.exp_of_negative(log_q * p) * (log_b * p / q - 1 / b))
        of_zero = (1 - y) * (m.exp_of_negative(log_b * p) * (1 / q - log_q * p / b))
        inside = m.where_above(a, 1 - m.epsilon, 0, of_one + of_zero)
        return m.where_above(m.epsilon, a, 0, inside)

    def logits_value(m, z, y, p):  # log(1 - a) = -max(z, 0) - log(1 + e^-|z|)
        tail = m.log1p_of_fraction(m.exp_of_negative(-m.magnitude(z)))
        log_q = -m.where_above(0, z, 0, z) - tail
        log_a = m.where_above(z, 0, -tail, z - tail)
        of_one = y * (m.exp_of_negative(log_q * p) * log_a)
        return -of_one - (1 - y) * (m.exp_of_negative(log_a * p) * log_q)

    def logits_delta(m, z, a, y, p):
        tail = m.log1p_of_fraction(m.exp_of_negative(-m.magnitude(z)))
        log_q = -m.where_above(0, z, 0, z) - tail
        log_a = m.where_above(z, 0, -tail, z - tail)
        q = m.logistic(-z)
        of_one = y * (m.exp_of_negative(log_q * p) * (a * log_a * p - q))
        return of_one + (1 - y) * (m.exp_of_negative(log_a * p) * (a - q * log_q * p))


@loss(
    "max(0, 1 - y a)", "-y where y a < 1, else 0", targets=(-1, 1), only_targets=(-1, 1),
    is_common=False, source="hinge: Cortes & Vapnik (1995)",
)  # fmt: skip
class hinge:
    def value(m, a, y, p):
        short = 1 - y * a
        return m.where_above(0, short, 0, short)

    def slope(m, a, y, p):
        short = 1 - y * a
        return m.where_above(short, 0, -y, m.where_above(0, short, 0, short))  # nan remains


@loss(
    "max(0, 1 - y a)^2", "-2 y max(0, 1 - y a)", targets=(-1, 1), only_targets=(-1, 1),
    is_common=False, source="squared_hinge: Rosasco et al. (2004)",
)  # fmt: skip
class squared_hinge:
    def value(m, a, y, p):
        short = hinge.value(m, a, y, p)
        return short, short

    def slope(m, a, y, p):
        return -2 * y * hinge.value(m, a, y, p)


@loss(
    "tau exp(s / tau), s = the sum over all units of (a - y)^2", "2 (a - y) exp(s / tau)",
    parameter=Parameter(1.0, 0, False, "tau"), is_distance=True, is_common=False,
    source="exponential, hellinger, generalized_kullback_leibler, itakura_saito: Cichocki & "
    "Amari (2010)",
)  # fmt: skip
class exponential:
    def value(m, a, y, p):
        d = a - y
        return d, d

    def slope(m, a, y, p):
        return 2 * (a - y)

    def outer(m, s, p):
        e = m.exp(s / p)
        return p * e, e


_ROOT_HALF = 0.7071067811865476


@loss(
    "(sqrt a - sqrt y)^2 / sqrt 2", "(1 - sqrt(y / a)) / sqrt 2", partner="sigmoid",
    needs_positive=True, targets=(0, inf), is_common=False,
)  # fmt: skip
class hellinger:
    def value(m, a, y, p):
        d = m.root(m.where_above(m.epsilon, a, m.epsilon, a)) - m.root(y)
        return _ROOT_HALF * d, d

    def slope(m, a, y, p):
        root = m.root(m.where_above(m.epsilon, a, m.epsilon, a))
        return m.where_above(m.epsilon, a, 0, _ROOT_HALF * (root - m.root(y)) / root)


def _log_of_ratio(m, x, y):
    """log(x / y); where that is near 0 as accurate as x - y, so that divergences do not cancel."""
    ratio = x / y
    lost = (x - y) / y - (ratio - 1)  # by rounding
    return m.log(ratio) + m.where_above(ratio, 0.5, lost / ratio, 0)


@loss(
    "y log(y / a)", "-y / a", partner="softmax", with_softmax=True, needs_positive=True,
    targets=(0, 1), targets_sum_to_1=True, outputs=("softmax",), unfit=_SUM_TO_1,
    is_common=False, source="kullback_leibler: Kullback & Leibler (1951)",
)  # fmt: skip
class kullback_leibler:
    def value(m, a, y, p):
        a = m.where_above(m.epsilon, a, m.epsilon, a)
        return m.where_above(y, 0, y * _log_of_ratio(m, y, a), y)

    def slope(m, a, y, p):
        return m.where_above(m.epsilon, a, 0, -y / a)


@loss(
    "y log(y / a) - y + a", "1 - y / a", partner="exp", needs_positive=True, targets=(0, inf),
    is_common=False,
)  # fmt: skip
class generalized_kullback_leibler:
    def value(m, a, y, p):
        return kullback_leibler.value(m, a, y, p) + (a - y)

    def slope(m, a, y, p):
        return poisson.slope(m, a, y, p)

    def logits_value(m, z, y, p):
        a = m.exp(z)
        near = _log_of_ratio(m, y, a)
        return m.where_above(y, 0, y * m.where_above(z, -10, near, m.log(y) - z), y) + (a - y)

    def logits_delta(m, z, a, y, p):
        return a - y


@loss(
    "y / a - log(y / a) - 1", "(1 - y / a) / a", partner="exp", needs_positive=True,
    targets=(0, inf), targets_are_positive=True, is_common=False,
)  # fmt: skip
class itakura_saito:
    def value(m, a, y, p):
        a = m.where_above(m.epsilon, a, m.epsilon, a)
        return (y - a) / a - _log_of_ratio(m, y, a)

    def slope(m, a, y, p):
        return m.where_above(m.epsilon, a, 0, (1 - y / a) / a)


class RuleRow(NamedTuple):
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
        return w - m.over_root(h.rate * mean, h.unbias_v * v, h.epsilon), mean, v


@rule("learning_rate rho epsilon", "v", "Tieleman & Hinton (2012), lecture 6.5")
class rmsprop:
    def constants(m, h, t, product):
        return {"new": 1 - h.rho}

    def step(m, h, w, g, v):
        v = v + h.new * (g * g - v)  # rho v + (1 - rho) g^2
        return w - m.over_root(h.learning_rate * g, v, h.epsilon), v


@rule("learning_rate rate_decay epsilon", "v", "Duchi, Hazan & Singer (2011)")
class adagrad:
    def constants(m, h, t, product):
        return {"rate": h.learning_rate / (1 + (t - 1) * h.rate_decay)}

    def step(m, h, w, g, v):
        v = v + g * g
        return w - m.over_root(h.rate * g, v, h.epsilon), v


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
        return w - m.over_root(ahead, h.unbias_v * v, h.epsilon), mean, v


@rule("learning_rate beta1 beta2 epsilon", "mean v top", "Reddi, Kale & Kumar (2018)")
class amsgrad:
    def constants(m, h, t, product):
        return adam.constants(m, h, t, product)

    def step(m, h, w, g, mean, v, top):
        mean = mean + h.new_m * (g - mean)
        v = v + h.new_v * (g * g - v)
        top = m.where_above(v, top, v, top)
        return w - m.over_root(h.rate * mean, h.unbias_v * top, h.epsilon), mean, v, top


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
