"""Activation functions f(z) and their slopes over arrays, and what they are made of.

The functions are the rows of kernels/functions.py; their primitives are polynomials as in
`exponentials.pxd`, accurate to a few ulp; NaN in, NaN out.
"""

import math

import numpy as np
from llvmlite import ir

from .. import functions
from .compiling import REAL, REALS, WHOLE, kernel
from .lanes import DOUBLE_TYPE, HAS_FMA, Value, constant, where_above

_ROWS = tuple(functions.ACTIVATIONS.values())
_NAMES = [row.name for row in _ROWS]
IDENTITY, SIGMOID, RELU, SOFTMAX = map(_NAMES.index, ("identity", "sigmoid", "relu", "softmax"))
# with a loop of their own
CODES = tuple(k for k, row in enumerate(_ROWS) if row.f is not None and k != IDENTITY)

LOG2_E = math.log2(math.e)
TANH_MOST = 20  # tanh of more is 1 in float and in double


class _Constants:
    """What depends on the element type; see exponentials.pxd for the errors."""

    def __init__(self, is_double: bool):
        # expm1(r) = r + c_2 r^2 + c_3 r^3 + ...: Taylor, or of least maximal relative error
        self.exp_coefficient = (
            [1 / math.factorial(k) for k in range(14)]
            if is_double
            else [1, 1, 0.49999998154, 0.16666543621, 0.04166719986, 0.0083665205774, 0.00138825215]
        )
        self.log_terms = 17 if is_double else 8
        self.exp_lowest = -708.3964185322642 if is_double else -87.336548
        # see exponentials.pxd
        self.fuses = HAS_FMA and not is_double
        high, low = (
            ("0x1.62e42feep-1", "0x1.a39ef35793c76p-33")
            if is_double
            else ("0x1.62e43p-1", "-0x1.05c61p-29")
            if self.fuses
            else ("0x1.63p-1", "-0x1.bd0106p-13")
        )
        self.ln2_high, self.ln2_low = float.fromhex(high), float.fromhex(low)
        self.mantissa, exponent_of_1 = (52, 1023) if is_double else (23, 127)
        self.bits_of_root_half = 0x3FE6A09E667F3BCD if is_double else 0x3F3504F3
        self.ln_terms = 12 if is_double else 6
        limits = np.finfo(np.float64 if is_double else np.float32)
        self.epsilon, self.largest = float(limits.eps), float(limits.max)
        self.smallest_normal = float(limits.smallest_normal)
        # adding it rounds to an integer n, and the low bits are the exponent of 2^n
        self.rounder = 1.5 * 2**self.mantissa + exponent_of_1


_SINGLE, _DOUBLE = _Constants(False), _Constants(True)


def _constants(x: Value) -> _Constants:
    return _DOUBLE if isinstance(x.ir.type.element, ir.DoubleType) else _SINGLE


def _same(x: Value, value: float) -> Value:
    """A constant of the type of x."""
    return constant(x.builder, x.ir.type, value)


def _pow2(rounded: Value) -> Value:
    """2^n for rounded = n + rounder and n a normal exponent; 0 for the one before these."""
    c, builder, kind = _constants(rounded), rounded.builder, rounded.ir.type
    whole = ir.VectorType(ir.IntType(64 if c is _DOUBLE else 32), kind.count)
    shift = constant(builder, whole, c.mantissa).ir
    bits = builder.shl(builder.bitcast(rounded.ir, whole), shift)
    return Value(builder, builder.bitcast(bits, kind))


def _clipped(x: Value, lowest: float, highest: float) -> Value:
    """x, but at least the one and at most the other; NaN where x is NaN."""
    low, high = _same(x, lowest), _same(x, highest)
    x = where_above(low, x, low, x)
    return where_above(x, high, high, x)


def _pair(k: int, r: Value) -> Value:
    """c_k + c_(k+1) r; c_k alone where that is the last one."""
    c = _constants(r).exp_coefficient
    return r * c[k + 1] + c[k] if k + 1 < len(c) else _same(r, c[k])


def _expm1_of_rest(r: Value, rest: Value) -> Value:
    """expm1(r) for |r| <= ln(2) / 2; `rest` is r once more, see exponentials.pxd."""
    terms = len(_constants(r).exp_coefficient) - 1
    square, last = r * r, terms // 4 * 4
    fourth, q = square * square, _pair(last, r)
    if last + 2 <= terms:
        q = square * _pair(last + 2, r) + q
    for k in range(last - 4, 3, -4):
        q = fourth * q + (square * _pair(k + 2, r) + _pair(k, r))
    return fourth * q + (square * _pair(2, r) + rest)


def _expm1_and_power(x: Value, x_log2_e: Value, negated=False, small=False) -> tuple[Value, Value]:
    """expm1(r), or expm1(-r) where it is negated, and 2^n, where x = n ln 2 + r."""
    c = _constants(x)
    rounded = x_log2_e + c.rounder
    n = rounded - c.rounder
    r = n * c.ln2_high - x if negated else x - n * c.ln2_high
    rest = n * c.ln2_low + r if negated else r - n * c.ln2_low
    if c.fuses and small:
        rest = r
    return _expm1_of_rest(r if c.fuses else rest, rest), _pow2(rounded)


def exp_of_negative(x: Value) -> Value:
    """exp(x) for x <= 0; results below the smallest normal number become 0."""
    p, power = _expm1_and_power(x, x * LOG2_E)
    lowest = _same(x, _constants(x).exp_lowest)
    return where_above(lowest, x, _same(x, 0), power * p + power)  # 2^n e^r


def expm1_of_negative(x: Value) -> Value:
    """exp(x) - 1 for x <= 0, to full relative accuracy near 0."""
    p, power = _expm1_and_power(x, x * LOG2_E)
    lowest = _same(x, _constants(x).exp_lowest)
    return where_above(lowest, x, _same(x, -1), power * p + (power - 1))  # 2^n e^r - 1


def logistic(z: Value) -> Value:
    """1 / (1 + e^-z) = 2^n / (2^n + e^-r) where z = n ln 2 + r."""
    lowest = _constants(z).exp_lowest
    z = _clipped(z, lowest - 1, -lowest)  # where 2^n is 0, and before it overflows
    p, power = _expm1_and_power(z, z * LOG2_E, negated=True)
    return power / (p + (power + 1))


def hyperbolic_tangent(z: Value) -> Value:
    """(e^2z - 1) / (e^2z + 1) = (2^n - e^-r) / (2^n + e^-r) where 2 z = n ln 2 + r."""
    z = _clipped(z, -TANH_MOST, TANH_MOST)
    p, power = _expm1_and_power(z + z, z * (2 * LOG2_E), negated=True, small=True)
    return ((power - 1) - p) / (p + (power + 1))


def log1p_of_fraction(u: Value) -> Value:
    """log(1 + u) for 0 <= u <= 1: 2 artanh(s) = 2 (s + s^3/3 + s^5/5 + ...), s = u / (2 + u)."""
    n = _constants(u).log_terms
    s = u / (u + 2)
    square = s * s
    q = _same(u, 1 / (2 * n - 1))
    for k in range(n - 2, 0, -1):
        q = q * square + 1 / (2 * k + 1)
    return s * 2 + (s * 2) * (square * q)


def log(x: Value) -> Value:
    """log(x) = n ln 2 + log(1 + f) where x = 2^n (1 + f); see `logarithm` in exponentials.pxd."""
    c, builder, kind = _constants(x), x.builder, x.ir.type
    whole = ir.VectorType(ir.IntType(64 if c is _DOUBLE else 32), kind.count)
    shift, x_bits = constant(builder, whole, c.mantissa).ir, builder.bitcast(x.ir, whole)
    from_root = builder.sub(x_bits, constant(builder, whole, c.bits_of_root_half).ir)
    exponent = builder.ashr(from_root, shift)
    m = Value(builder, builder.bitcast(builder.sub(x_bits, builder.shl(exponent, shift)), kind))
    n, f = Value(builder, builder.sitofp(exponent, kind)), m - 1
    s = f / (f + 2)
    square = s * s
    q = _same(x, 1 / (2 * c.ln_terms - 1))
    for k in range(c.ln_terms - 2, 0, -1):
        q = q * square + 1 / (2 * k + 1)
    log_x = n * c.ln2_high + ((n * c.ln2_low - s * (f - (square * q) * 2)) + f)
    below, high = _same(x, c.smallest_normal * (1 - c.epsilon)), _same(x, c.largest)
    log_x = where_above(x, high, x, log_x)
    return where_above(x, below, log_x, x.function("llvm.sqrt") - math.inf)


def log_of_one_more(u: Value) -> Value:
    """log(1 + u) for u > -1: log(w) with w = 1 + u as it was rounded, and what that lost over w."""
    w = u + 1
    return log(w) + (u - (w - 1)) / w


def magnitude(z: Value) -> Value:
    """|z|"""
    return z.function("llvm.fabs")


class _Primitives:
    """The namespace m of the rows, over vectors as long as one of them."""

    exp_of_negative = staticmethod(exp_of_negative)
    expm1_of_negative = staticmethod(expm1_of_negative)
    log1p_of_fraction = staticmethod(log1p_of_fraction)
    logistic = staticmethod(logistic)
    tanh = staticmethod(hyperbolic_tangent)
    magnitude = staticmethod(magnitude)
    log = staticmethod(log)
    log1p = staticmethod(log_of_one_more)

    @property
    def epsilon(self) -> float:
        """Of the elements."""
        return _constants(self.like).epsilon

    def __init__(self, like: Value):
        self.like = like

    def where_above(self, *arguments) -> Value:
        """See functions.py."""
        return where_above(*map(self.spread, arguments))

    def product(self, term) -> Value:
        """Of the factors of a loss."""
        one, other = (self.spread(x).as_real(DOUBLE_TYPE) for x in functions.factors(term))
        return one * other

    def spread(self, x) -> Value:
        """A number, a real or a vector as a vector."""
        return x.fill(self.like.ir.type.count) if isinstance(x, Value) else _same(self.like, x)


def f(activation: int, alpha: Value, z: Value) -> Value:
    """The activation of a vector."""
    m = _Primitives(z)
    return m.spread(_ROWS[activation].f(m, z, alpha))


def slope(activation: int, alpha: Value, z: Value, a: Value) -> Value:
    """The slope at z, where the activation is a."""
    m = _Primitives(a)
    return m.spread(_ROWS[activation].slope(m, z, a, alpha))


def term(row, p: Value, _z: Value, a: Value, y: Value) -> tuple[Value, Value]:
    """A loss of single units in float64, and its derivative by a."""
    m = _Primitives(a)
    return m.product(row.value(m, a, y, p)), m.spread(row.slope(m, a, y, p))


def term_of_logits(row, p: Value, z: Value, a: Value, y: Value) -> tuple[Value, Value]:
    """The same from z, and the derivative by z, with the output activation that belongs to it."""
    m = _Primitives(a)
    return m.product(row.logits_value(m, z, y, p)), m.spread(row.logits_delta(m, z, a, y, p))


def _over(e, n, write) -> None:
    """write(k, lanes) for k = 0, ... up to n, a multiple of 4."""
    whole = n // e.native * e.native
    with e.loop(0, whole, e.native) as k:
        write(k, e.native)
    with e.when(whole.compare("<", n)):
        done = whole
        if e.native > 8:
            eight = (n - whole).compare(">", 7)
            with e.when(eight):
                write(whole, 8)
            done = whole + Value(e.builder, e.builder.zext(eight.ir, whole.ir.type)) * 8
        with e.when(done.compare("<", n)):
            write(done, 4)


@kernel
def map_f(e, activation: WHOLE, alpha: REAL, n: WHOLE, z: REALS, a: REALS) -> None:
    """A = f(z), (n,) each, n a multiple of 4; a may be z."""

    def mapped(code):
        def write():
            _over(e, n, lambda k, lanes: a.set(k, f(code, alpha, z.get(k, lanes))))

        return write

    e.cases(activation, {code: mapped(code) for code in CODES}, mapped(IDENTITY))


@kernel
def map_slope(
    e, activation: WHOLE, alpha: REAL, n: WHOLE, z: REALS, a: REALS, delta: REALS
) -> None:
    """Delta = dC/da f'(z), (n,): dC/da in, dC/dz out; n a multiple of 4.

    z is a where the row does not keep it.
    """

    def mapped(code):
        def write(k, lanes):
            there = slope(code, alpha, z.get(k, lanes), a.get(k, lanes))
            delta.set(k, delta.get(k, lanes) * there)

        return lambda: _over(e, n, write)

    e.cases(activation, {code: mapped(code) for code in CODES})


@kernel
def exp_of_difference(e, n: WHOLE, top: REAL, x: REALS) -> None:
    """X := exp(x - top), (n,), n a multiple of 4."""
    _over(e, n, lambda k, lanes: x.set(k, exp_of_negative(x.get(k, lanes) - top)))
