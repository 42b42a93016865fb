"""Optimisers that look at all samples before every step: least squares and conjugate gradients."""

from dataclasses import dataclass, fields
from typing import ClassVar, NoReturn

import numpy as np

from ..errors import InvalidInputError
from ..inputs.calls import explained
from ..inputs.checks import number, whole_number
from ..kernels.functions import LOSSES
from ..kernels.interface import Rule
from .compared import Compared

NO_RULE = Rule.of("sgd", 0.0)  # of optimisers that have none: one that keeps no state


@dataclass(frozen=True, eq=False)
class WholeBatch(Compared):
    """What such optimisers have in common: `fit` takes them, and it alone.

    They have no learning rate: each step finds its own length, and none is kept that does not
    lower the loss. All of them compute in float64, whatever the network has.
    """

    _BOUNDS: ClassVar[dict[str, dict[str, float]]] = {}  # of the settings, for `number`

    def __post_init__(self):
        for field in fields(self):
            name = field.name
            value = getattr(self, name)
            if field.type in (int, "int"):
                value = whole_number(name, value)
            else:
                value = number(name, value, **self._BOUNDS[name])
            object.__setattr__(self, name, value)

    def settings(self) -> dict:
        """All of them, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def rule(self) -> NoReturn:
        """There is none: no single gradient makes such a step.

        Raises
        ------
        InvalidInputError
            Always.
        """
        raise InvalidInputError(refusal(self))

    def check_loss(self, loss) -> None:
        """Refuse a loss that the optimiser cannot lower."""


@explained(
    "write LevenbergMarquardt(mu=0.001, decrease=0.1, increase=10, max_mu=1e10, min_gradient=1e-7)",
    mu_dec="write LevenbergMarquardt(decrease=0.1)",
    mu_inc="write LevenbergMarquardt(increase=10)",
    mu_max="write LevenbergMarquardt(max_mu=1e10)",
    min_grad="write LevenbergMarquardt(min_gradient=1e-7)",
    max_fail="write net.fit(X, Y, validation_data=..., patience=6)",
    damping="write LevenbergMarquardt(mu=0.001)",
)
@dataclass(frozen=True, eq=False)
class LevenbergMarquardt(WholeBatch):
    """Least squares: the fastest way to a small error for networks of up to some hundred weights.

    With e = a - y, the n_samples n_out errors of the outputs, J = da/dtheta their Jacobian and n
    the number of samples (with sample_weight: the sum of the weights, which J and e carry):

        step = (J^T J / n + mu I)^-1 J^T e / n
        theta - step lowers the loss:  theta := theta - step,  mu := decrease mu
        it does not:                   mu := increase mu, and once more

    J^T J / n approximates the second derivatives of the loss, and J^T e / n is its gradient: with
    a small mu this is a step of Gauss and Newton, with a large one a short step along the gradient.
    An epoch is an accepted step. `fit` ends with stop_reason 'gradient' where |J^T e / n| is below
    min_gradient, and 'mu' where mu has come above max_mu: no step lowers the loss.

    For loss='mse' alone, the sum of squares. All is computed in float64, also for a network in
    float32, whose parameters are rounded after every step. The time of a step grows with
    n_samples n_parameters^2 + n_parameters^3, the memory with n_parameters^2.

    Parameters
    ----------
    mu : float, default 0.001
        With which the first step is tried, > 0. MATLAB's mu.
    decrease : float, default 0.1
        In (0, 1). MATLAB's mu_dec. (mu stays above 1e-20.)
    increase : float, default 10
        > 1. MATLAB's mu_inc.
    max_mu : float, default 1e10
        > 0. MATLAB's mu_max.
    min_gradient : float, default 1e-7
        >= 0. MATLAB's min_grad. Its max_fail=6 is validation_data and patience=6 in `fit`.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        A value outside its range, or no number.

    References
    ----------
    Marquardt (1963), An algorithm for least-squares estimation of nonlinear parameters; Hagan &
    Menhaj (1994), Training feedforward networks with the Marquardt algorithm: MATLAB's trainlm.

    Examples
    --------
    >>> import numpy as np
    >>> import deltaloop as dl
    >>> X = np.linspace(-1, 1, 40).reshape(-1, 1)
    >>> net = dl.Network([1, 5, 1], activation="tanh", dtype="float64")
    >>> history = net.fit(X, np.sin(np.pi * X), optimizer=dl.LevenbergMarquardt(), epochs=100,
    ...                   target_loss=1e-3)
    >>> history.stop_reason, len(history) < 50
    ('target_loss', True)
    """

    mu: float = 1e-3
    decrease: float = 0.1
    increase: float = 10.0
    max_mu: float = 1e10
    min_gradient: float = 1e-7

    _BOUNDS = {  # noqa: RUF012 - of the base class
        "mu": {"above": 0.0},
        "decrease": {"above": 0.0, "below": 1.0},
        "increase": {"above": 1.0},
        "max_mu": {"above": 0.0},
        "min_gradient": {"low": 0.0},
    }

    def check_loss(self, loss) -> None:
        """Refuse a loss that is no sum of squares."""
        row = LOSSES.get(loss.name)
        if row is not None and row.is_half_square:
            return
        kind = f"{loss.name!r} is none" if loss.name in LOSSES else "one of your own is none"
        raise InvalidInputError(
            "LevenbergMarquardt needs a loss that is a sum of squares, loss='mse': it takes J^T J "
            f"for the second derivatives, and {kind}; use SCG() or LBFGS(), which take any loss"
        )


@explained(
    "write SCG(sigma=5e-5, lambda_=5e-7, min_gradient=1e-6)",
    min_grad="write SCG(min_gradient=1e-6)",
    max_fail="write net.fit(X, Y, validation_data=..., patience=6)",
)
@dataclass(frozen=True, eq=False)
class SCG(WholeBatch):
    """Scaled conjugate gradients: any loss, no matrix, and no line search.

    With g the gradient of the loss C over all samples, r = -g, p the direction (r at first), and
    sigma_k = sigma / |p|:

        delta = p (g(theta + sigma_k p) - g(theta)) / sigma_k + lambda |p|^2
        alpha = p r / delta
        theta + alpha p lowers the loss:  theta := theta + alpha p,  p := r_new + beta p,
                                          beta = (|r_new|^2 - r_new r) / (p r)

    delta is the curvature along p; lambda grows until it is positive, and adapts to how well the
    parabola along p has foretold the loss. Every n_parameters steps p starts again as r. A step
    takes two gradients. An epoch is a step that lowers the loss. `fit` ends with
    stop_reason 'gradient' where |g| is below min_gradient, and 'no_progress' where no step is
    found.

    All is computed in float64, also for a network in float32, whose parameters are rounded after
    every step.

    Parameters
    ----------
    sigma : float, default 5e-5
        > 0. How far along p the second gradient is taken. MATLAB's sigma.
    lambda_ : float, default 5e-7
        lambda of the first step, > 0. MATLAB's lambda.
    min_gradient : float, default 1e-6
        >= 0. MATLAB's min_grad. Its max_fail=6 is validation_data and patience=6 in `fit`.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        A value outside its range, or no number.

    References
    ----------
    Moller (1993), A scaled conjugate gradient algorithm for fast supervised learning: MATLAB's
    trainscg.

    Examples
    --------
    >>> import deltaloop as dl
    >>> X, y = dl.datasets.load("xor")
    >>> net = dl.Network([2, 4, 1], activation="tanh", loss="binary_cross_entropy")
    >>> net.fit(X, y, epochs=100, optimizer=dl.SCG()).loss[-1] < 1e-3
    True
    """

    sigma: float = 5e-5
    lambda_: float = 5e-7
    min_gradient: float = 1e-6

    _BOUNDS = {  # noqa: RUF012 - of the base class
        "sigma": {"above": 0.0},
        "lambda_": {"above": 0.0},
        "min_gradient": {"low": 0.0},
    }


@explained(
    "write LBFGS(memory=10, min_gradient=1e-6)",
    history_size="write LBFGS(memory=10)",
    maxcor="write LBFGS(memory=10)",
    max_iter="write net.fit(X, Y, optimizer=LBFGS(), epochs=100)",
    lr="it has none: every step finds its length",
)
@dataclass(frozen=True, eq=False)
class LBFGS(WholeBatch):
    """Quasi-Newton with limited memory: any loss, any size; by SciPy, which must be installed.

        theta := theta - alpha H g

    with g the gradient of the loss over all samples, alpha from a line search, and H an
    approximation of the inverse of the second derivatives, from the last `memory` steps and how
    they changed g. An epoch is such a step; it takes one gradient, or a few. `fit` ends with
    stop_reason 'gradient' where |g| is below min_gradient, and 'no_progress' where the line search
    finds no lower loss.

    All is computed in float64, also for a network in float32, whose parameters are rounded after
    every step.

    Parameters
    ----------
    memory : int, default 10
        Steps that are kept, >= 1. SciPy's maxcor.
    min_gradient : float, default 1e-6
        >= 0.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        A value outside its range, or no number.

    References
    ----------
    Liu & Nocedal (1989), On the limited memory BFGS method for large scale optimization;
    scipy.optimize.minimize(method="L-BFGS-B").

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.LBFGS(memory=20)
    LBFGS(memory=20, min_gradient=1e-06)
    """

    memory: int = 10
    min_gradient: float = 1e-6

    _BOUNDS = {"min_gradient": {"low": 0.0}}  # noqa: RUF012 - of the base class


def refusal(optimizer: WholeBatch) -> str:
    """Why single samples and mini-batches are not learned with it."""
    name = type(optimizer).__name__
    return (
        f"{name} looks at all samples before every step, so that only fit can use it: "
        f"net.fit(X, Y, optimizer={name}()); for steps of your own use SGD, Adam or RMSprop"
    )


class OnlyPredicts:
    """The session of a network whose optimiser is a WholeBatch: it predicts, and learns nothing."""

    def __init__(self, session, optimizer: WholeBatch):
        self.session, self._optimizer = session, optimizer
        self.predict_one, self.predict_batch = session.predict_one, session.predict_batch

    def learn_one(self, x, y) -> NoReturn:
        """Refused."""
        raise InvalidInputError(refusal(self._optimizer))

    def learn_batch(self, X, Y) -> NoReturn:
        """Refused."""
        raise InvalidInputError(refusal(self._optimizer))

    def set_rate(self, learning_rate: float) -> NoReturn:
        """Refused."""
        raise InvalidInputError(refusal(self._optimizer))

    def descend(self, gradient) -> NoReturn:
        """Refused."""
        raise InvalidInputError(refusal(self._optimizer))

    def progress(self) -> tuple[np.ndarray, int]:
        """An optimiser without state is always at its beginning."""
        return self.session.progress()[0][:0], 0

    def resume(self, state: np.ndarray, step: int) -> None:
        """Nothing to do."""


def with_optimizer(session, optimizer, noise: int = 0):
    """A session that learns with `optimizer`, or refuses to."""
    if isinstance(session, OnlyPredicts):
        session = session.session
    if isinstance(optimizer, WholeBatch):
        return OnlyPredicts(session, optimizer)
    session.set_rule(optimizer.rule(), noise)
    return session
