"""What the parameters of the estimators mean to the rest of the package."""

from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np

from ..errors import InvalidInputError
from ..kernels.functions import ACTIVATIONS, LOSSES
from ..kernels.interface import NONE, RULES, Regularization, Rule
from ..parts.activations import Activation, as_activation
from ..parts.custom import CustomLoss
from ..parts.losses import Loss, check_loss
from ..parts.optimizers import (
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    NAdam,
    Optimizer,
    RMSprop,
    Rprop,
)
from ..parts.whole_batch import LBFGS, SCG, LevenbergMarquardt, WholeBatch

# scikit-learn's names, where they are others
_ACTIVATION_NAMES = {"logistic": "sigmoid"}
_LOSS_NAMES = {
    "squared_error": "mse",
    "absolute_error": "mae",
    "poisson": "generalized_kullback_leibler",  # half of the deviance; `poisson` lacks a constant
}
_OUTPUT_NAMES = {"sigmoid": "logistic"}
_RATED: dict[str, Any] = {
    "adamw": AdamW, "nadam": NAdam, "rmsprop": RMSprop, "adagrad": Adagrad,
    "amsgrad": lambda learning_rate: Adam(learning_rate, amsgrad=True),
}  # fmt: skip
_SCALED = {"adadelta": Adadelta, "rprop": Rprop}  # find the size of their steps themselves
_WHOLE = {"scg": SCG, "levenberg_marquardt": LevenbergMarquardt}

SOLVERS = {"sgd", "adam", "lbfgs", *_RATED, *_SCALED, *_WHOLE}
HIDDEN = {"logistic", *(name for name, row in ACTIVATIONS.items() if row.f is not None)}
LOSS_NAMES = {*LOSSES, *_LOSS_NAMES}
PROBABILITIES = ("logistic", "softmax", "log_softmax")  # outputs that are, or give, probabilities
_SMALLEST = 2.0**-126  # an epsilon that float32 holds
_SHORT = 10_000


def hidden_activations(spec, n_hidden: int) -> list[Activation]:
    """The activation of every hidden layer, from one for all or one for each."""
    if isinstance(spec, str | Activation):
        return [_activation(spec)] * n_hidden
    specs = list(spec)
    if len(specs) != n_hidden:
        raise InvalidInputError(
            f"activation must be one name, or one for each of the {n_hidden} hidden layers, got "
            f"{len(specs)}"
        )
    return [_activation(one) for one in specs]


def _activation(spec) -> Activation:
    return as_activation(_ACTIVATION_NAMES.get(spec, spec) if isinstance(spec, str) else spec)


def hidden_dropout(spec, n_hidden: int) -> list[float]:
    """The dropout of every hidden layer."""
    if isinstance(spec, Real):
        return [float(spec)] * n_hidden
    values = [float(one) for one in spec]
    if len(values) != n_hidden:
        raise InvalidInputError(
            f"dropout must be one number, or one for each of the {n_hidden} hidden layers, got "
            f"{len(values)}"
        )
    return values


def loss_of(spec, of_classes: str = "log_loss") -> Loss | CustomLoss:
    """The loss of the package; 'log_loss' is the one that `of_classes` names."""
    if isinstance(spec, str):
        spec = of_classes if spec == "log_loss" else _LOSS_NAMES.get(spec, spec)
    return check_loss(spec)


def output_of(loss: Loss | CustomLoss) -> str:
    """The output activation of a loss, with scikit-learn's name."""
    partner = loss.row.partner if isinstance(loss, Loss) else "identity"
    return _OUTPUT_NAMES.get(partner, partner)


def output_activation(name: str) -> Activation:
    """The activation that an attribute `out_activation_` names."""
    return _activation(name)


def targets_of(loss: Loss | CustomLoss) -> tuple[float, float, float]:
    """What stands for the two sides of a class, and the output where one becomes the other."""
    if isinstance(loss, Loss) and loss.row.only_targets == (-1, 1):
        return -1.0, 1.0, 0.0
    return 0.0, 1.0, 0.5


def sums_to_1(loss: Loss | CustomLoss) -> bool:
    """Whether the loss needs an output for every class."""
    return isinstance(loss, Loss) and loss.row.targets_sum_to_1


@dataclass
class Solver:
    """A rule of gradient descent whose numbers may change between epochs.

    Attributes
    ----------
    name : str
        Of the row in kernels/functions.py.
    hyper : tuple of float
        Without the learning rate.
    learning_rate : float
    regularization : Regularization
        Without the penalty `alpha`.
    whole_batch : bool
        Whether it takes all samples in one batch.
    """

    name: str
    hyper: tuple[float, ...]
    learning_rate: float
    regularization: Regularization = NONE
    whole_batch: bool = False

    def rule(self, l2: float) -> Rule:
        """What the kernels are told, with this penalty on top."""
        of = self.regularization
        if l2:
            of = replace(of, l2=of.l2 + l2)
        return Rule(RULES.index(self.name), (self.learning_rate, *self.hyper), of)


def stochastic(estimator) -> Solver | None:
    """The rule of an estimator's solver; None for those that look at all samples."""
    solver, rate = estimator.solver, float(estimator.learning_rate_init)
    if solver == "sgd":
        momentum = float(estimator.momentum)
        name = "nesterov" if estimator.nesterovs_momentum else "momentum"
        return Solver(name if momentum else "sgd", (momentum,), rate)
    if solver == "adam":
        # scikit-learn accepts any epsilon > 0; one that rounds to 0 would divide 0 by 0
        epsilon = max(float(estimator.epsilon), _SMALLEST)
        return Solver("adam", (float(estimator.beta_1), float(estimator.beta_2), epsilon), rate)
    if solver in _RATED:
        return _of_optimizer(_RATED[solver](rate))
    if solver in _SCALED:
        return _of_optimizer(_SCALED[solver]())
    return _of_optimizer(solver) if isinstance(solver, Optimizer) else None


def _of_optimizer(optimizer: Optimizer) -> Solver:
    rule = optimizer.rule()
    rate, *hyper = rule.hyper
    row = rule.row
    return Solver(row.name, tuple(hyper), rate, rule.regularization, row.whole_batch)


def is_stochastic(solver: Any) -> bool:
    """Whether a solver makes its steps on mini-batches, so that there is `partial_fit`."""
    if isinstance(solver, str):
        return solver in SOLVERS - {"lbfgs", *_WHOLE}
    return isinstance(solver, Optimizer)


def whole_batch(solver: Any) -> WholeBatch:
    """The optimiser of a solver that looks at all samples before every step."""
    if solver == "lbfgs":
        return LBFGS()
    return _WHOLE[solver]() if isinstance(solver, str) else solver


def squares(theta: np.ndarray, biases: list[np.ndarray]) -> float:
    """||W||^2: the sum of the squares of all weights."""
    # BLAS takes threads for long vectors, which wait for each other where others compute
    total = theta.dot(theta) if len(theta) <= _SHORT else np.einsum("i,i->", theta, theta)
    for b in biases:
        total -= b.dot(b)
    return float(total)
