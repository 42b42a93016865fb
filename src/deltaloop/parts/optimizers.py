"""Optimisers: the rule that turns a gradient g = dC/dw into a step of w."""

from dataclasses import KW_ONLY, FrozenInstanceError, dataclass, fields
from functools import cached_property
from math import inf

from ..errors import InvalidInputError, InvalidTypeError, shown
from ..inputs.calls import explained
from ..inputs.checks import number, switch
from ..kernels.functions import RULES
from ..kernels.interface import Regularization, Rule
from .compared import Compared
from .whole_batch import LBFGS, SCG, LevenbergMarquardt, WholeBatch

_FROM_0, _UP_TO_1 = {"low": 0.0}, {"low": 0.0, "below": 1.0}
_ABOVE_0 = {"above": 0.0}
_ACCEPTED = {
    "learning_rate": _FROM_0,
    **dict.fromkeys(("momentum", "beta1", "beta2", "rho"), _UP_TO_1),
    # the smallest normal number of float32: one that rounds to 0 would divide 0 by 0
    "epsilon": {"low": 2.0**-126},
    **dict.fromkeys(
        ("l1", "l2", "weight_decay", "weight_noise", "rate_decay", "momentum_decay"), _FROM_0
    ),
    **dict.fromkeys(("clip_value", "clip_norm", "max_norm", "smallest", "largest"), _ABOVE_0),
    "shrink": {"above": 0.0, "below": 1.0},
    "grow": {"low": 1.0},
}
_LIMITS = ("clip_value", "clip_norm", "max_norm")


@dataclass(repr=False, eq=False)
class Optimizer(Compared):
    """What all optimisers share: limits of the gradient, and penalties of the weights.

    They act in every step on the mean gradient g of the mini-batch, in this order, and none of
    them is part of the losses that are reported. W are the weights without the biases.

        clip_value     g := g limited to [-clip_value, clip_value], element by element
        clip_norm      g := g clip_norm / |g| where |g| > clip_norm, of all parameters together
        l1, l2         g := g + l1 sign(w) + l2 w for W
        weight_decay   w := (1 - learning_rate weight_decay) w for W
        (the step of the optimiser)
        max_norm       the weights that lead to one unit are scaled down to this norm where theirs
                       is larger

    Parameters
    ----------
    l1, l2 : float, default 0
        >= 0. Slopes of the penalties l1 |w| and l2/2 w^2.
    weight_decay : float, default 0
        >= 0. "Decoupled": not divided by what Adam and its like divide g by.
    clip_value, clip_norm, max_norm : float, optional
        > 0. None: no limit.
    weight_noise : float, default 0
        >= 0. Standard deviation of noise that is added to W, another in every step, while its
        gradient is computed; the step moves W without it. Losses of training are those of the
        noisy network. The noise is a sum of 8 uniform numbers: next to normal, within 4.9
        deviations.

    References
    ----------
    Murray & Edwards (1994), Enhanced MLP performance and fault tolerance resulting from synaptic
    weight noise during training; Loshchilov & Hutter (2019), Decoupled weight decay
    regularization; Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent
    neural networks (clip_norm); Srivastava et al. (2014), Dropout (max_norm).

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.SGD(0.1, momentum=0.9, l2=1e-4, clip_norm=1.0)
    SGD(learning_rate=0.1, momentum=0.9, nesterov=False, l2=0.0001, clip_norm=1.0)
    """

    _: KW_ONLY
    l1: float = 0.0
    l2: float = 0.0
    weight_decay: float = 0.0
    clip_value: float | None = None
    clip_norm: float | None = None
    max_norm: float | None = None
    weight_noise: float = 0.0

    def __post_init__(self):
        """Make numbers of the settings, and refuse those out of range."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _LIMITS and value is None:
                continue
            if field.name in _ACCEPTED:
                value = number(field.name, value, **_ACCEPTED[field.name])
            else:
                value = switch(field.name, value)
            setattr(self, field.name, value)
        self.__dict__["_is_made"] = True

    def __setattr__(self, name, value):
        # as with frozen=True, which would write a function like this for every class
        if "_is_made" in self.__dict__:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        super().__setattr__(name, value)

    def __delattr__(self, name):
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    @property
    def rule_name(self) -> str:
        """The name of its row in kernels/functions.py."""
        names = (kind.__name__.lower() for kind in type(self).__mro__)
        return next(name for name in names if name in RULES)

    def rule(self) -> Rule:
        """What the kernels are told."""
        return self._rule

    def __getstate__(self) -> dict:
        """For pickles: a rule has the numbers of one version."""
        return {name: value for name, value in self.__dict__.items() if name != "_rule"}

    @cached_property  # made once for many fits
    def _rule(self) -> Rule:
        hyper = (getattr(self, name) for name in RULES[self.rule_name].hyper)
        limits = {name: getattr(self, name) for name in _LIMITS}
        regularization = Regularization(
            l1=self.l1, l2=self.l2, weight_decay=self.weight_decay,
            weight_noise=self.weight_noise,
            **{name: inf if limit is None else limit for name, limit in limits.items()},
        )  # fmt: skip
        return Rule.of(self.rule_name, *hyper, regularization=regularization)

    def settings(self) -> dict:
        """By name; those that can only be given by name are left out where they are the default."""
        own_first = sorted(fields(self), key=lambda field: bool(field.kw_only))
        values = {field.name: getattr(self, field.name) for field in own_first}
        defaults = {field.name: field.default for field in fields(self) if field.kw_only}
        return {
            name: value
            for name, value in values.items()
            if name not in defaults or value != defaults[name]
        }

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.settings().items())
        return f"{type(self).__name__}({given})"


@explained(
    "write SGD(learning_rate=0.1, momentum=0.9, nesterov=True)",
    lr="write SGD(learning_rate=0.1)",
)
@dataclass(repr=False, eq=False)
class SGD(Optimizer):
    """Stochastic gradient descent, with classical or Nesterov momentum.

    With g the mean gradient of the mini-batch, mu the momentum, eps the learning rate:

        plain      w := w - eps g
        momentum   v := mu v + g,  w := w - eps v
        nesterov   v := mu v + g,  w := w - eps (g + mu v)

    v starts at zero in every call of `fit`.

    Parameters
    ----------
    learning_rate : float, default 0.1
        eps >= 0.
    momentum : float, default 0
        mu, in [0, 1).
    nesterov : bool, default False
        Needs a momentum above 0.
    l1, l2, weight_decay, clip_value, clip_norm, max_norm, weight_noise
        See `Optimizer`.

    Raises
    ------
    InvalidInputError
        A value outside its range, or nesterov without momentum.

    References
    ----------
    Sutskever, Martens, Dahl & Hinton (2013), On the importance of initialization and momentum
    in deep learning; the velocity is kept in units of the gradient.

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.SGD(learning_rate=0.5, momentum=0.9)
    SGD(learning_rate=0.5, momentum=0.9, nesterov=False)
    """

    learning_rate: float = 0.1
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self):
        super().__post_init__()
        if self.nesterov and self.momentum == 0:
            raise InvalidInputError("nesterov=True needs a momentum in (0, 1), got momentum=0")

    @property
    def rule_name(self) -> str:
        """'sgd', 'momentum' or 'nesterov'."""
        return "nesterov" if self.nesterov else "momentum" if self.momentum else "sgd"


@explained(
    "write Adam(learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8)",
    lr="write Adam(learning_rate=0.001)",
)
@dataclass(repr=False, eq=False)
class Adam(Optimizer):
    """Gradient descent with a step size of its own for every parameter.

    With g the mean gradient of the mini-batch and t the number of the step, from 1:

        m := beta1 m + (1 - beta1) g          m_hat = m / (1 - beta1^t)
        v := beta2 v + (1 - beta2) g^2        v_hat = v / (1 - beta2^t)
        w := w - learning_rate m_hat / (sqrt(v_hat) + epsilon)

    epsilon is added after the bias correction, as in PyTorch and Optax. m, v and t start at
    zero in every call of `fit`.

    Parameters
    ----------
    learning_rate : float, default 0.001
        >= 0.
    beta1, beta2 : float, default 0.9 and 0.999
        In [0, 1).
    epsilon : float, default 1e-8
        >= 2^-126, the smallest normal number of float32.
    amsgrad : bool, default False
        Divide by the root of the largest v so far instead, corrected for its bias as v is.
    l1, l2, weight_decay, clip_value, clip_norm, max_norm, weight_noise
        See `Optimizer`.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        A value outside its range, or no number.

    References
    ----------
    Kingma & Ba (2015), Adam: a method for stochastic optimization, algorithm 1. amsgrad: Reddi,
    Kale & Kumar (2018), On the convergence of Adam and beyond; as in PyTorch.

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.Adam(learning_rate=0.01)
    Adam(learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-08)
    """

    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    _: KW_ONLY
    amsgrad: bool = False

    @property
    def rule_name(self) -> str:
        """'adam' or 'amsgrad'."""
        return "amsgrad" if self.amsgrad else "adam"


@explained(
    "write RMSprop(learning_rate=0.001, rho=0.99, epsilon=1e-8)",
    lr="write RMSprop(learning_rate=0.001)",
    alpha="write RMSprop(rho=0.99)",
)
@dataclass(repr=False, eq=False)
class RMSprop(Optimizer):
    """Gradient descent that divides by the root of a running mean of squares.

    With g the mean gradient of the mini-batch:

        v := rho v + (1 - rho) g^2
        w := w - learning_rate g / (sqrt(v) + epsilon)

    epsilon is added after the root, as in PyTorch. v starts at zero in every call of `fit`.

    Parameters
    ----------
    learning_rate : float, default 0.001
        >= 0.
    rho : float, default 0.99
        In [0, 1).
    epsilon : float, default 1e-8
        >= 2^-126, the smallest normal number of float32.
    l1, l2, weight_decay, clip_value, clip_norm, max_norm, weight_noise
        See `Optimizer`.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        A value outside its range, or no number.

    References
    ----------
    Tieleman & Hinton (2012), Neural networks for machine learning, lecture 6.5.

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.RMSprop(learning_rate=0.01)
    RMSprop(learning_rate=0.01, rho=0.99, epsilon=1e-08)
    """

    learning_rate: float = 0.001
    rho: float = 0.99
    epsilon: float = 1e-8


@explained(
    "write AdamW(learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.01)",
    lr="write AdamW(learning_rate=0.001)",
)
@dataclass(repr=False, eq=False)
class AdamW(Adam):
    """Adam with a decoupled weight decay that is not 0 unless it is asked for.

    w := (1 - learning_rate weight_decay) w for weights, but no biases, before each step of `Adam`.
    (PyTorch's class decays biases, too.)

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon, amsgrad
        As in `Adam`.
    l1, l2, clip_value, clip_norm, max_norm, weight_noise
        See `Optimizer`.
    weight_decay : float, default 0.01
        >= 0.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        A value outside its range, or no number.

    References
    ----------
    Loshchilov & Hutter (2019), Decoupled weight decay regularization.

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.AdamW(0.01, weight_decay=0.1)
    AdamW(learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-08, weight_decay=0.1)
    """

    _: KW_ONLY
    weight_decay: float = 0.01


@explained(
    "write NAdam(learning_rate=0.002, beta1=0.9, beta2=0.999, epsilon=1e-8, momentum_decay=0.004)",
    lr="write NAdam(learning_rate=0.002)",
)
@dataclass(repr=False, eq=False)
class NAdam(Optimizer):
    """Adam with Nesterov's look ahead.

    With g the mean gradient of the mini-batch and t the number of the step, from 1:

        mu_t := beta1 (1 - 0.96^(t momentum_decay) / 2)     M_t = mu_1 mu_2 ... mu_t
        m := beta1 m + (1 - beta1) g
        v := beta2 v + (1 - beta2) g^2                      v_hat = v / (1 - beta2^t)
        d = mu_t+1 m / (1 - M_t+1) + (1 - mu_t) g / (1 - M_t)
        w := w - learning_rate d / (sqrt(v_hat) + epsilon)

    Parameters
    ----------
    learning_rate : float, default 0.002
        >= 0.
    beta1, beta2 : float, default 0.9 and 0.999
        In [0, 1).
    epsilon : float, default 1e-8
        >= 2^-126, the smallest normal number of float32.
    momentum_decay : float, default 0.004
        >= 0.
    l1, l2, weight_decay, clip_value, clip_norm, max_norm, weight_noise
        See `Optimizer`.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        A value outside its range, or no number.

    References
    ----------
    Dozat (2016), Incorporating Nesterov momentum into Adam; mu_t as in PyTorch.

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.NAdam(0.01)
    NAdam(learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-08, momentum_decay=0.004)
    """

    learning_rate: float = 0.002
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    momentum_decay: float = 0.004


@explained(
    "write Adagrad(learning_rate=0.01, epsilon=1e-10)",
    lr="write Adagrad(learning_rate=0.01)",
    lr_decay="write Adagrad(rate_decay=0.01)",
)
@dataclass(repr=False, eq=False)
class Adagrad(Optimizer):
    """Gradient descent that divides by the root of the sum of all squares so far.

    With g the mean gradient of the mini-batch and t the number of the step, from 1:

        v := v + g^2
        w := w - learning_rate / (1 + (t - 1) rate_decay) g / (sqrt(v) + epsilon)

    Parameters
    ----------
    learning_rate : float, default 0.01
        >= 0.
    rate_decay : float, default 0
        >= 0.
    epsilon : float, default 1e-10
        >= 2^-126, the smallest normal number of float32.
    l1, l2, weight_decay, clip_value, clip_norm, max_norm, weight_noise
        See `Optimizer`.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        A value outside its range, or no number.

    References
    ----------
    Duchi, Hazan & Singer (2011), Adaptive subgradient methods for online learning and stochastic
    optimization; rate_decay as in PyTorch, where it is lr_decay.

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.Adagrad(0.1)
    Adagrad(learning_rate=0.1, rate_decay=0.0, epsilon=1e-10)
    """

    learning_rate: float = 0.01
    rate_decay: float = 0.0
    epsilon: float = 1e-10


@explained(
    "write Adadelta(learning_rate=1.0, rho=0.9, epsilon=1e-6)",
    lr="write Adadelta(learning_rate=1.0)",
)
@dataclass(repr=False, eq=False)
class Adadelta(Optimizer):
    """Gradient descent whose steps are as large as those before, whatever the scale of g.

    With g the mean gradient of the mini-batch:

        v := rho v + (1 - rho) g^2
        d = sqrt(u + epsilon) / sqrt(v + epsilon) g
        u := rho u + (1 - rho) d^2
        w := w - learning_rate d

    Parameters
    ----------
    learning_rate : float, default 1
        >= 0.
    rho : float, default 0.9
        In [0, 1).
    epsilon : float, default 1e-6
        Under the roots; >= 2^-126, the smallest normal number of float32.
    l1, l2, weight_decay, clip_value, clip_norm, max_norm, weight_noise
        See `Optimizer`.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        A value outside its range, or no number.

    References
    ----------
    Zeiler (2012), ADADELTA: an adaptive learning rate method.

    Examples
    --------
    >>> import deltaloop as dl
    >>> dl.Adadelta()
    Adadelta(learning_rate=1.0, rho=0.9, epsilon=1e-06)
    """

    learning_rate: float = 1.0
    rho: float = 0.9
    epsilon: float = 1e-6


@explained(
    "write Rprop(learning_rate=0.01, shrink=0.5, grow=1.2, smallest=1e-6, largest=50)",
    lr="write Rprop(learning_rate=0.01)",
    etas="write Rprop(shrink=0.5, grow=1.2)",
    step_sizes="write Rprop(smallest=1e-6, largest=50)",
)
@dataclass(repr=False, eq=False)
class Rprop(Optimizer):
    """Resilient backpropagation, iRprop-: the signs of g alone decide, for all samples at once.

    Every parameter has a step size s. With g the mean gradient of all samples:

        s := grow s where g has the sign of the step before, shrink s where it has changed,
             and then limited to [smallest, largest]
        w := w - sign(g) s; where the sign has changed w stays, and g counts as 0 next time

    It needs all samples in one batch: between mini-batches signs change by chance.

    Parameters
    ----------
    learning_rate : float, default 0.01
        s of the first step.
    shrink : float, default 0.5
        In (0, 1).
    grow : float, default 1.2
        >= 1.
    smallest, largest : float, default 1e-6 and 50
        > 0.
    l1, l2, weight_decay, clip_value, clip_norm, max_norm, weight_noise
        See `Optimizer`.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        A value outside its range, or no number.

    References
    ----------
    Igel & Huesken (2003), Empirical evaluation of the improved Rprop learning algorithms;
    defaults as in PyTorch.

    Examples
    --------
    >>> import deltaloop as dl
    >>> X, y = dl.datasets.load("xor")
    >>> net = dl.Network([2, 4, 1], activation="tanh", loss="binary_cross_entropy")
    >>> net.fit(X, y, epochs=100, batch_size=4, optimizer=dl.Rprop()).loss[-1] < 0.05
    True
    """

    learning_rate: float = 0.01
    shrink: float = 0.5
    grow: float = 1.2
    smallest: float = 1e-6
    largest: float = 50.0

    def __post_init__(self):
        super().__post_init__()
        if self.smallest > self.largest:
            raise InvalidInputError(
                f"smallest must be at most largest, got {self.smallest:g} and {self.largest:g}"
            )


AnyOptimizer = Optimizer | WholeBatch
OPTIMIZERS: dict[str, type[Optimizer] | type[WholeBatch]] = {
    kind.__name__.lower(): kind
    for kind in (
        SGD, Adam, AdamW, NAdam, RMSprop, Adagrad, Adadelta, Rprop, LevenbergMarquardt, SCG, LBFGS,
    )
}  # fmt: skip


def check_optimizer(optimizer):
    """`optimizer`, if it is one."""
    if isinstance(optimizer, tuple(OPTIMIZERS.values())):
        return optimizer
    raise InvalidTypeError(
        "optimizer must be an optimiser such as SGD(learning_rate=0.1), got "
        + shown(optimizer)
        + _instead(optimizer)
    )


def is_optimizer(value) -> bool:
    """Whether it is an optimiser, or the class of one."""
    classes = tuple(OPTIMIZERS.values())
    return isinstance(value, classes) or (isinstance(value, type) and issubclass(value, classes))


def _instead(value):
    """What to write for a name, a learning rate, or an optimiser of another library."""
    from ..synonyms import meant, same_as

    if isinstance(value, float):
        return f"; write SGD(learning_rate={value})"
    if isinstance(value, str):
        near = meant("optimizer", value, OPTIMIZERS)
    else:
        name = getattr(value, "__name__", type(value).__name__)
        near = same_as("optimizer", str(name), OPTIMIZERS) or []
    return "".join(f"; write {OPTIMIZERS[name].__name__}()" for name in near)
