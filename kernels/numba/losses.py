"""The loss of one sample and its derivative by z (canonical pairs) or by a (all others).

Every loss is added up in float64.
"""

import math

from ..functions import LOSSES
from ..interface import ACTIVATIONS
from .activations import exp_of_difference, term, term_of_logits
from .compiling import DOUBLE, REAL, REALS, TRUTH, WHOLE, kernel, part
from .lanes import DOUBLE_TYPE, total, where_above

_ROWS = tuple(LOSSES.values())
N_LOSSES = len(_ROWS)
# codes of losses and activations that have a shorter way from z to the loss
_CANONICAL = [
    (code, ACTIVATIONS.index(row.partner)) for code, row in enumerate(_ROWS) if row.is_canonical
]


@part
def is_built_in(loss):
    """Whether it is a row; else it is the address of a function."""
    return 0 <= loss < N_LOSSES


def is_canonical(plan) -> bool:
    """Whether the loss and dC/dz are computed from the logits z."""
    return (plan.loss, int(plan.layers[-1]["activation"])) in _CANONICAL


@part
def softmax(net, n_out, width, z, a):
    """A = exp(z - max z) / sum, (width,), padding 0; returns log sum_k exp(z_k)."""
    top, norm = z[0], 0 * z[0]
    for j in range(n_out):
        a[j], top = z[j], z[j] if z[j] > top else top
    exp_of_difference(net, width, top, a)
    for j in range(n_out):
        norm += a[j]
    for j in range(width):
        a[j] = a[j] / norm if j < n_out else 0
    return float(top) + math.log(float(norm))


@part
def through_softmax(n_out, a, delta):
    """delta, (n_out,): dC/da in, dC/dz out: a_j (dC/da_j - sum_k dC/da_k a_k)."""
    mean = 0 * a[0]
    for j in range(n_out):
        mean += delta[j] * a[j]
    for j in range(n_out):
        delta[j] = a[j] * (delta[j] - mean)


@part
def softmax_cross_entropy(n_out, z, a, log_sum, y, delta):
    """The loss sum_j y_j (log sum_k exp(z_k) - z_j), and delta = dC/dz = (sum_k y_k) a - y."""
    cost, sum_y = 0.0, 0.0
    for j in range(n_out):
        sum_y += y[j]
        if y[j] != 0:
            cost += y[j] * (log_sum - z[j])
    for j in range(n_out):
        delta[j] = sum_y * a[j] - y[j]
    return cost


@kernel
def terms(
    e, loss: WHOLE, from_logits: TRUTH, p: REAL, n_out: WHOLE, z: REALS, a: REALS, y: REALS,
    delta: REALS,
) -> DOUBLE:  # fmt: skip
    """The loss of a sample; dC/da, or dC/dz from logits, into delta[:n_out]."""
    sums = e.variable(e.vector(0, 4).as_real(DOUBLE_TYPE))
    width = (n_out + 3) // 4 * 4
    with e.loop(0, n_out) as j:  # all the others have padding
        delta.set(j, y.get(j))
    with e.loop(n_out, width) as j:
        delta.set(j, 0)

    def of(row, found):
        def write():
            with e.loop(0, width, 4) as j:
                value, slope = found(row, p, *(x.get(j, 4) for x in (z, a, delta)))
                left, nothing = (n_out - j).as_real(e.real).fill(4), 0 * sums.get()
                value = where_above(left, e.positions(4), value, nothing)
                sums.set(sums.get() + value)
                delta.set(j, slope)

        return write

    def general():
        e.cases(loss, {code: of(row, term) for code, row in enumerate(_ROWS)})

    def logits():
        rows = {code: row for code, row in enumerate(_ROWS) if row.logits_value}
        e.cases(loss, {code: of(row, term_of_logits) for code, row in rows.items()})

    e.cases(from_logits, {1: logits}, general)
    return total(sums.get())
