"""The local gradient delta = dC/dz of a unit, and the terms that it is made of."""

from dataclasses import dataclass

from ..kernels.functions import ACTIVATIONS, LOSSES
from ..kernels.interface import CUSTOM
from .kinds import has_slope, jacobian_of_outputs, kinds_of
from .names import factor, number, of, weight
from .passes import Passes, entering

# pairs of output and loss whose slopes cancel each other: delta = a - y
CANCEL = (
    ("sigmoid", "binary_cross_entropy"), ("exp", "poisson"), ("exp", "generalized_kullback_leibler")
)  # fmt: skip

FEW = 3  # products that are named one by one
EVERYWHERE = "sum of w delta over all that it enters"  # dC/da of a unit that shortcuts start from


@dataclass(frozen=True)
class Term:
    """One product of a sum: names and numbers of its two factors."""

    names: tuple[str, str]
    numbers: tuple[float, float]

    @property
    def value(self) -> float:
        """The product."""
        return self.numbers[0] * self.numbers[1]


@dataclass(frozen=True)
class Delta:
    """delta = dC/dz of one unit.

    Attributes
    ----------
    layer, unit : int
        Counted from 1; layer 1 are the inputs, which have no delta.
    value : float
        That of the kernels.
    kind : str
        'hidden': the terms are w delta of the next layer, whose sum dC/da is multiplied by f'(z).
        'output': dC/da f'(z), with the slope of the loss. 'cancelled': the slopes of loss and
        activation cancel each other, and `formula` is all. 'coupled': every output depends on
        this z, and the terms are dC/da_k da_k/dz.
    a, z : float
    y : float or None
        The target, of an output.
    formula : str
        Of dC/da; of delta itself where it is 'cancelled'.
    why, numbers : str
        What to say of a delta that is 'cancelled', and its formula with numbers.
    dC_da : float or None
        None where delta does not come from it.
    slope : float or None
        f'(z), likewise.
    slope_formula : str
    activation : str
    terms : tuple of Term
    """

    layer: int
    unit: int
    value: float
    kind: str
    a: float
    z: float
    y: float | None
    formula: str
    dC_da: float | None
    slope: float | None
    slope_formula: str
    activation: str
    terms: tuple[Term, ...] = ()
    why: str = ""
    numbers: str = ""

    @property
    def name(self) -> str:
        """delta^layer_unit"""
        return of("delta", self.layer, self.unit)


def delta_of(net, found: Passes, k: int, j: int) -> Delta:
    """Of unit j of weight layer k, both from 0; the passes are those of one sample."""
    if k == len(net.layers) - 1:
        return _of_output(net, found, j)
    layer, record = net.layers[k], net.plan.layers[k]
    later = [one for one in range(k + 1, len(net.layers)) if _column(net, one, k, j) is not None]
    terms = tuple(term for one in later for term in _of_layer(net, found, one, k, j))
    few = len(terms) <= FEW
    formula = " + ".join(" ".join(term.names) for term in terms) if few else EVERYWHERE
    if later == [k + 1]:
        i = "i" if net.layers[k + 1].n_out > 1 else "1"
        formula = f"{weight(k + 2, i, j + 1)} {of('delta', k + 3, i)}"
        formula = f"sum_i {formula}" if i == "i" else formula
    about = _about(found, k, j, layer.activation, record)
    slopes = found.slope[k]
    return Delta(
        kind="hidden", formula=formula, y=None,
        dC_da=sum(term.value for term in terms), terms=terms,
        slope=None if slopes is None else float(slopes[0, j]), **about,
    )  # fmt: skip


def _about(found, k, j, activation, record):
    is_own = record["activation"] == CUSTOM
    formula = "slope(z, a)" if is_own else ACTIVATIONS[activation.name].slope_formula
    return {
        "layer": k + 2, "unit": j + 1, "value": float(found.delta[k][0, j]),
        "a": float(found.a[k + 1][0, j]), "z": float(found.z[k][0, j]), "slope_formula": formula,
        "activation": str(activation),
    }  # fmt: skip


def _of_output(net, found, j):
    """Of an output: what the loss of its kind gives."""
    k = len(net.layers) - 1
    kind = next(one for one in kinds_of(net) if one.units.start <= j < one.units.stop)
    first = kind.units.start
    own, targets = j - first, found.y[0, kind.targets]
    about = _about(found, k, j, kind.activation, kind.record)
    about["y"] = float(targets[own % len(targets)])
    weight = "" if kind.weight == 1 else f"{kind.weight:g} * "
    cancelled = _cancelled(kind, found.a[-1][0, kind.units], targets, own)
    if cancelled:
        formula, numbers, why = cancelled
        if weight:
            formula, numbers = f"{weight}({formula})", numbers and f"{weight}({numbers})"
        return Delta(
            kind="cancelled", formula=formula, why=why, numbers=numbers, dC_da=None, slope=None,
            **about,
        )  # fmt: skip
    row = LOSSES.get(kind.loss_name)
    formula = weight + (f"({row.slope_formula})" if weight else row.slope_formula) if row else ""
    formula = formula or f"{weight}dloss(a, y)"
    dC_da = found.dC_da[0, kind.units]
    if has_slope(kind.record):
        slope = float(found.slope[k][0, j])
        return Delta(
            kind="output", formula=formula, dC_da=float(dC_da[own]), slope=slope, **about
        )  # fmt: skip
    J, z = jacobian_of_outputs(kind.record, found.a[-1][0, kind.units]), of("z", k + 2, j + 1)
    terms = []
    for i in range(len(J)):
        a = of("a", k + 2, first + i + 1)
        terms.append(Term((f"dC/d{a}", f"d{a}/d{z}"), (float(dC_da[i]), float(J[i, own]))))
    return Delta(
        kind="coupled", formula=formula, dC_da=None, slope=None, terms=tuple(terms), **about
    )  # fmt: skip


def _column(net, later, k, j):
    """Column of W of a later layer that unit j of weight layer k enters by, or None."""
    first = 0
    for source, n in entering(net, later):
        if source == k + 1:
            return first + j
        first += n
    return None


def _of_layer(net, found, later, k, j):
    """The terms w delta of a layer that the unit enters."""
    column, mask = _column(net, later, k, j), net.layers[later].mask
    w = net.plan.W(net._theta, later)[:, column]
    return [
        Term(
            (weight(later + 1, i + 1, column + 1), of("delta", later + 2, i + 1)),
            (float(w[i]), float(found.delta[later][0, i])),
        )
        for i in range(len(w))
        if mask is None or mask[i, column] or w[i]
    ]


def _cancelled(kind, a, targets, j):
    """Formula of delta, with numbers, and why, where it does not go through dC/da; else None."""
    n = len(targets)
    y = factor(number(targets[j % n]))
    if kind.is_gaussian:
        m, v = number(a[j % n]), factor(number(a[n + j % n]))
        if j < n:
            return "(m - y) / v", f"({m} - {y}) / {v}", "of gaussian_nll"
        return "1/2 (1 - (y - m)^2 / v)", f"1/2 (1 - ({m} - {y})^2 / {v})", "of gaussian_nll"
    output, name, p = kind.activation.name, kind.loss_name, kind.plan.loss_parameter
    why = f"the slopes of loss and {output} cancel"
    if (output, name) in CANCEL:
        return "a - y", f"{number(a[j])} - {y}", why
    if (output, name) == ("sigmoid", "binary_focal"):
        return "dC/da f'(z), from z alone", "", why
    row = LOSSES.get(name)
    if output != "softmax" or row is None or not row.with_softmax:
        return None
    if p:
        goal = (1 - p) * float(targets[j]) + p / n  # targets have the sum 1
        smoothed = f"y' = (1 - {p:g}) y + {p:g} / {n} = {number(goal)}"
        return f"a - y', {smoothed}", f"{number(a[j])} - {number(goal)}", why
    return "a - y", f"{number(a[j])} - {y}", why
