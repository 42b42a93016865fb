"""The local gradient delta = dC/dz of a unit, and the terms that it is made of."""

from dataclasses import dataclass

from ..kernels.functions import ACTIVATIONS, LOSSES
from ..kernels.interface import CUSTOM
from .names import of, weight
from .passes import Passes, has_slope, jacobian_of_output

# pairs of output and loss whose slopes cancel each other: delta = a - y
_CANCEL = (
    ("sigmoid", "binary_cross_entropy"), ("exp", "poisson"), ("exp", "generalized_kullback_leibler")
)  # fmt: skip


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

    @property
    def name(self) -> str:
        """delta^layer_unit"""
        return of("delta", self.layer, self.unit)


def delta_of(net, found: Passes, k: int, j: int) -> Delta:
    """Of unit j of weight layer k, both from 0; the passes are those of one sample."""
    record, layer = net.plan.layers[k], net.layers[k]
    is_output = k == len(net.layers) - 1
    z, a, slope = found.z[k], found.a[k + 1], found.slope[k]
    about = {
        "layer": k + 2, "unit": j + 1, "value": float(found.delta[k][0, j]),
        "a": float(a[0, j]), "z": float(z[0, j]),
        "y": float(found.y[0, j]) if is_output else None,
        "slope": None if slope is None else float(slope[0, j]),
        "slope_formula": _slope_formula(record, layer), "activation": str(layer.activation),
    }  # fmt: skip
    if not is_output:
        terms = _of_next_layer(net, found, k, j)
        dC_da = sum(term.value for term in terms)
        i = "i" if net.layers[k + 1].n_out > 1 else "1"
        formula = f"w^{k + 2}_{i}{'' if j < 9 else ','}{j + 1} {of('delta', k + 3, i)}"
        formula = f"sum_i {formula}" if i == "i" else formula
        return Delta(kind="hidden", formula=formula, dC_da=dC_da, terms=terms, **about)
    cancelled = _cancelled(net, found, j)
    if cancelled:
        about["slope"] = None
        return Delta(kind="cancelled", formula=cancelled, dC_da=None, **about)
    formula = LOSSES[net.loss_name].slope_formula if net.loss_name in LOSSES else "dloss(a, y)"
    if has_slope(record):
        dC_da = float(found.dC_da[0, j])
        return Delta(kind="output", formula=formula, dC_da=dC_da, **about)
    J = jacobian_of_output(record, a[0])
    terms = tuple(
        Term(
            (f"dC/d{of('a', k + 2, i + 1)}", f"d{of('a', k + 2, i + 1)}/d{of('z', k + 2, j + 1)}"),
            (float(found.dC_da[0, i]), float(J[i, j])),
        )
        for i in range(len(J))
    )
    return Delta(kind="coupled", formula=formula, dC_da=None, terms=terms, **about)


def _of_next_layer(net, found, k, j):
    W, mask = net.plan.W(net._theta, k + 1), net.layers[k + 1].mask
    return tuple(
        Term(
            (weight(k + 2, i + 1, j + 1), of("delta", k + 3, i + 1)),
            (float(W[i, j]), float(found.delta[k + 1][0, i])),
        )
        for i in range(len(W))
        if mask is None or mask[i, j] or W[i, j]
    )


def _cancelled(net, found, j):
    """The formula of delta where the slopes of loss and output cancel each other, else ''."""
    output, p = net.layers[-1].activation.name, net.plan.loss_parameter
    if (output, net.loss_name) in _CANCEL:
        return "a - y"
    if (output, net.loss_name) == ("sigmoid", "binary_focal"):
        return "dC/da f'(z), from z alone"
    row = LOSSES.get(net.loss_name)
    if output != "softmax" or row is None or not row.with_softmax:
        return ""
    if p:
        n, sum_y = net.sizes[-1], float(found.y.sum())
        smoothed = (1 - p) * float(found.y[0, j]) + p * sum_y / n
        return f"a - y', y' = (1 - {p:g}) y + {p:g} / {n} = {smoothed:.6g}"
    return "a - y"


def _slope_formula(record, layer):
    if record["activation"] == CUSTOM:
        return "slope(z, a)"
    return ACTIVATIONS[layer.activation.name].slope_formula
