"""Loss functions by name. Every loss is the mean over samples of a sum over outputs.

TABLE

With the output activation it belongs to, mse, binary_cross_entropy, cross_entropy,
kullback_leibler, poisson and generalized_kullback_leibler have delta = a - y (cross_entropy and
kullback_leibler: (sum_j y_j) a - y, the same for targets that sum to 1), and all but mse, and
binary_focal, are computed from the logits z without ever taking the logarithm of a rounded output:

    binary_cross_entropy           max(z, 0) - z y + log(1 + exp(-|z|))
    cross_entropy                  sum_j y_j (log sum_k exp(z_k) - z_j)
    kullback_leibler               the same, and sum_j y_j log y_j
    poisson                        exp(z) - z y
    generalized_kullback_leibler   exp(z) - z y, and y log y - y

`fit`, `loss` and `gradients` want the targets of a sample of cross_entropy, kullback_leibler and
nll to sum to 1; where nothing is checked, as in `learn_one`, any other sum weights the sample.
Targets of hinge and squared_hinge are -1 and 1, those of itakura_saito are > 0, those of poisson,
hellinger and generalized_kullback_leibler >= 0. label_smoothing = s makes
(1 - s) y + s sum_k y_k / n of the targets, n being the number of outputs.

With any other output the delta is the general product dC/da f'(z), and logarithms, roots and
denominators see a limited to [eps, 1 - eps] (binary_...) or [eps, inf), eps being the machine
epsilon of the dtype; where the limit acts, the gradient of the term is 0.

Note the factor 1/2 in mse: its delta at a linear output is a - y, without a 2; squared_hinge and
exponential have none. `quadratic` is another name for mse. poisson is PyTorch's PoissonNLLLoss, of
sums instead of means: with log_input=False for the output a, with log_input=True for the z of
output='exp'. nll with log_softmax is cross_entropy with softmax in other words.
Sources: SOURCES.
"""

from dataclasses import dataclass

from ..errors import InvalidInputError, InvalidTypeError, instead, unknown_name
from ..inputs.calls import explained
from ..inputs.checks import check_held, within
from ..kernels.functions import LOSSES, OTHER_NAMES, LossRow
from ..text import table
from .custom import CustomLoss
from .optimizers import is_optimizer

_SOURCES = dict.fromkeys(row.source for row in LOSSES.values())
__doc__ = (__doc__ or "").replace(
    "TABLE",
    table(
        ("name", "loss of one output", "dC/da", "parameter", "belongs to"),
        [
            (
                row.name, row.formula, row.slope_formula,
                f"{row.parameter.name} = {row.parameter.default:g}" if row.parameter else "",
                row.partner,
            )
            for row in LOSSES.values()
        ],
    ),
).replace("SOURCES", "; ".join(_SOURCES))  # fmt: skip


@explained("write Loss('huber', threshold=0.5)")
@dataclass(frozen=True, init=False)
class Loss:
    """A loss, where its name alone does not say everything.

    Parameters
    ----------
    name : str
        One of the names in the table of this module.
    **parameter : float
        By the name that the table gives it: threshold of huber (> 0, default 1), tau of quantile
        (> 0 and < 1, default 1/2), label_smoothing of cross_entropy (>= 0 and < 1, default 0, with
        output='softmax' only), gamma of binary_focal (>= 0, default 2), tau of exponential (> 0,
        default 1).

    Raises
    ------
    InvalidInputError, InvalidTypeError
        Unknown name, or a parameter that the loss does not accept; in `Network`, one that its
        dtype cannot hold.

    Examples
    --------
    >>> import deltaloop as dl
    >>> loss = dl.Loss("huber", threshold=0.5)
    >>> net = dl.Network(1, [dl.Dense(1, "identity", init=([[2.0]], [0.0]))], loss=loss)
    >>> net.loss([[1.0]], [[5.0]])  # |2 - 5| is above: 0.5 (3 - 0.5 / 2)
    1.375
    """

    name: str
    parameter: float | None

    def __init__(self, name: str, **parameter: float):
        if not isinstance(name, str):
            raise InvalidTypeError(
                f"a loss has a name such as 'mse', got {type(name).__name__}"
                + instead("loss", name, LOSSES)
            )
        name = OTHER_NAMES.get(name, name)
        if name not in LOSSES:
            raise unknown_name("loss", name, LOSSES)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "parameter", _parameter(LOSSES[name], parameter))

    @property
    def row(self) -> LossRow:
        """Its facts."""
        return LOSSES[self.name]

    def for_plan(self, dtype):
        """What Plan.build takes: a name and the parameter."""
        bounds = self.row.parameter
        if bounds is not None and self.parameter is not None:
            check_held(f"{bounds.name} of {self.name}", self.parameter, bounds, dtype)
        return self.name, self.parameter or 0.0

    def __repr__(self):
        parameter = self.row.parameter
        given = f", {parameter.name}={self.parameter!r}" if parameter else ""
        return f"Loss({self.name!r}{given})"

    def __str__(self):
        parameter = self.row.parameter
        if parameter is None or self.parameter == parameter.default:
            return self.name
        return f"{self.name}({self.parameter:g})"

    def __reduce__(self):
        return loss_with, (self.name, self.parameter)


def loss_with(name: str, parameter: float | None) -> Loss:
    """The Loss of that name, with the value of its parameter, if it has one; None: the default.

    Files of versions in which a loss had no parameter yet have none.
    """
    bounds = LOSSES[name].parameter if name in LOSSES else None
    if bounds is None and parameter is not None:
        raise InvalidInputError(f"loss {name!r} has no parameter, got {parameter!r}")
    given: dict = {bounds.name: parameter} if bounds and parameter is not None else {}
    return Loss(name, **given)


def _parameter(row, given) -> float | None:
    """The value of the parameter of a loss, checked; None where it has none."""
    bounds = row.parameter
    unknown = sorted(given.keys() - {bounds.name} if bounds else given)
    if unknown:
        has = f"only {bounds.name}" if bounds else "nor any other parameter; leave it out"
        raise InvalidInputError(f"loss {row.name!r} has no {unknown[0]}, {has}")
    if bounds is None:
        return None
    name = f"{bounds.name} of {row.name}"
    return within(name, given.get(bounds.name, bounds.default), bounds)


def check_loss(spec) -> Loss | CustomLoss:
    """The loss meant by a name, a Loss, or what `custom_loss` made."""
    if isinstance(spec, Loss | CustomLoss):
        return spec
    if isinstance(spec, str):
        return Loss(spec)
    if is_optimizer(spec):
        hint = "; an optimizer is given to fit: net.fit(X, Y, optimizer=SGD(learning_rate=0.1))"
    else:
        hint = instead("loss", spec, LOSSES)
    raise InvalidTypeError(
        "loss is what custom_loss returned, a Loss or a name such as 'mse', got "
        f"{type(spec).__name__}{hint}"
    )
