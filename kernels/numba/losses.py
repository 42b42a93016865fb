"""The loss of one sample, and its derivative by z (canonical pairs) or by a (all others).

Every loss is added up in float64.
"""

import numpy as np

from .activations import SIGMOID, SOFTMAX, exp_of_difference, largest, sum_of, tail
from .compiling import DOUBLE, REAL, REALS, WHOLE, call, kernel, part
from .lanes import DOUBLE_TYPE, Value
from .plan import BINARY_CROSS_ENTROPY, CROSS_ENTROPY, MSE


def _double(x: Value) -> Value:
    return x.as_real(DOUBLE_TYPE)


def _epsilon(e) -> float:
    """Machine epsilon of the elements."""
    return float(np.finfo(np.float64 if e.is_double else np.float32).eps)


def _zero_padding(e, n_out, width, x) -> None:
    with e.loop(n_out, width) as j:
        x.set(j, 0)


@part
def is_canonical(loss, activation):
    """Whether dC/dz is known, a - y or like it, and computed with the loss from the logits z."""
    if loss == CROSS_ENTROPY:
        return activation == SOFTMAX
    return loss == BINARY_CROSS_ENTROPY and activation == SIGMOID


@kernel
def softmax(e, n_out: WHOLE, width: WHOLE, z: REALS, a: REALS) -> DOUBLE:
    """A = exp(z - max z) / sum, (width,), padding 0; returns log sum_k exp(z_k)."""
    with e.loop(0, n_out) as j:
        a.set(j, z.get(j))
    with e.loop(n_out, width) as j:
        a.set(j, z.get(0))  # padding takes no part in the maximum
    top = call(e, largest, width, a)
    call(e, exp_of_difference, width, top, a)
    _zero_padding(e, n_out, width, a)
    norm = call(e, sum_of, width, a)
    with e.loop(0, n_out) as j:
        a.set(j, a.get(j) / norm)
    return _double(top) + _double(norm).function("llvm.log")


@kernel
def through_softmax(e, n_out: WHOLE, a: REALS, delta: REALS) -> None:
    """delta, (n_out,): dC/da in, dC/dz out: a_j (dC/da_j - sum_k dC/da_k a_k)."""
    mean = e.variable(e.number(0))
    with e.loop(0, n_out) as j:
        mean.set(mean.get() + delta.get(j) * a.get(j))
    with e.loop(0, n_out) as j:
        delta.set(j, a.get(j) * (delta.get(j) - mean.get()))


@kernel
def canonical_delta(
    e, loss: WHOLE, n_out: WHOLE, width: WHOLE, z: REALS, a: REALS, log_sum: DOUBLE, y: REALS,
    delta: REALS,
) -> DOUBLE:  # fmt: skip
    """Delta = dC/dz, (width,), padding 0; returns the loss of the sample."""
    cost, sum_y, whole = e.variable(e.double(0)), e.variable(e.double(0)), e.variable(e.number(1))
    with e.either(loss.compare("==", CROSS_ENTROPY)) as (cross_entropy, binary):
        with cross_entropy:
            with e.loop(0, n_out) as j:  # y (log sum_k exp(z_k) - z)
                y_j = _double(y.get(j))
                sum_y.set(sum_y.get() + y_j)
                with e.unless(y_j.compare("==", 0)):
                    cost.set(cost.get() + y_j * (log_sum - _double(z.get(j))))
            whole.set(sum_y.get().as_real(e.real))
        with binary:
            call(e, tail, width, z, delta)  # log(1 + exp(-|z|)), kept in delta
            with e.loop(0, n_out) as j:  # max(z, 0) - z y + log(1 + exp(-|z|))
                z_j = _double(z.get(j))
                positive = z_j.compare(">", 0).choose(z_j, e.double(0))
                term = positive - z_j * _double(y.get(j)) + _double(delta.get(j))
                cost.set(cost.get() + term)
    with e.loop(0, n_out) as j:  # cross_entropy: (sum_k y_k) a - y
        delta.set(j, whole.get() * a.get(j) - y.get(j))
    _zero_padding(e, n_out, width, delta)
    return cost.get()


@kernel
def general_slope(
    e, loss: WHOLE, n_out: WHOLE, width: WHOLE, a: REALS, y: REALS, dC_da: REALS
) -> DOUBLE:
    """dC/da, (width,), padding 0; returns the loss of the sample."""
    cost = e.variable(e.double(0))

    def squared():
        with e.loop(0, n_out) as j:  # 1/2 (a - y)^2
            d = a.get(j) - y.get(j)
            dC_da.set(j, d)
            cost.set(cost.get() + _double(d) * _double(d))
        cost.set(cost.get() * 0.5)

    def limited(kind):
        def write():
            with e.loop(0, n_out) as j:
                cost.set(cost.get() + call(e, kind, a.get(j), y.get(j), dC_da + j))

        return write

    def custom():  # the code is the address of a user's function
        cost.set(e.call_address(loss, DOUBLE_TYPE, a, y, dC_da, n_out))

    e.cases(
        loss,
        {
            MSE: squared,
            CROSS_ENTROPY: limited(limited_cross_entropy),
            BINARY_CROSS_ENTROPY: limited(limited_binary_cross_entropy),
        },
        custom,
    )
    _zero_padding(e, n_out, width, dC_da)
    return cost.get()


@kernel
def limited_cross_entropy(e, a: REAL, y: REAL, dC_da: REALS) -> DOUBLE:
    """-y log a with a limited to [eps, inf)"""
    eps = _epsilon(e)
    below = a.compare("<", eps)
    dC_da.set(0, below.choose(e.number(0), -y / a))
    p = _double(below.choose(e.number(eps), a))
    cost = e.variable(p * 0)  # nan comes through
    with e.unless(y.compare("==", 0)):
        cost.set(-(_double(y) * p.function("llvm.log")))
    return cost.get()


@kernel
def limited_binary_cross_entropy(e, a: REAL, y: REAL, dC_da: REALS) -> DOUBLE:
    """-y log a - (1 - y) log(1 - a) with a limited to [eps, 1 - eps]"""
    eps = _epsilon(e)
    low, high = a.compare("<", eps), a.compare(">", 1 - eps)
    # a nan is neither below nor above
    dC_da.set(0, low.either(high).choose(e.number(0), (a - y) / (a * (1 - a))))
    p = _double(low.choose(e.number(eps), high.choose(e.number(1 - eps), a)))
    other = (1 - _double(y)) * (-p).function("log1p")
    return -(_double(y) * p.function("llvm.log")) - other
