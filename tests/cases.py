"""Networks and samples for the tests of the kernels."""

from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from deltaloop import SGD, Adadelta, Adagrad, Adam, NAdam, RMSprop, Rprop
from deltaloop.kernels import functions
from deltaloop.kernels.interface import ACTIVATIONS, LOSSES, Plan, Rule
from deltaloop.kernels.memory import Work, aligned_zeros
from deltaloop.parts.losses import Loss, loss_with
from oracle import Layer

ROWS = functions.ACTIVATIONS
HIDDEN = [name for name in ACTIVATIONS if ROWS[name].f is not None]
ALPHA = {"leaky_relu": 0.1, "elu": 0.7}
PARAMETER = {  # of losses; errors lie on both sides of that of huber
    "huber": 0.5, "cross_entropy": 0.25, "quantile": 0.375, "binary_focal": 1.5,
    "exponential": 20.0,
}  # fmt: skip
DISTANCES = [name for name in LOSSES if functions.LOSSES[name].is_distance]
# whose slopes are the same numbers in many samples: of samples that are equal, all 0, they cancel
# exactly, or up to a rounding that no other number tells the size of
CONSTANT = ("huber", "mae", "quantile", "hinge", "nll")
# what they do with a has an end at 0, or at 0 and 1
LIMITED = [
    name
    for name in LOSSES
    if functions.LOSSES[name].needs_positive
    or name in ("binary_cross_entropy", "cross_entropy", "binary_focal")
]
# every rule of the interface, with numbers for which rounding does not decide a step: with an
# epsilon of 1e-8, adam and rmsprop would divide a gradient next to 0 by itself. None is another
# one, nor 1 - another one, so that each has to be where it belongs.
RULES = {
    "sgd": SGD(0.01),
    "momentum": SGD(0.01, momentum=0.9),
    "nesterov": SGD(0.01, momentum=0.9, nesterov=True),
    "adam": Adam(0.01, beta1=0.8, beta2=0.95, epsilon=0.1),
    "rmsprop": RMSprop(0.01, rho=0.9, epsilon=0.2),
    "adagrad": Adagrad(0.01, rate_decay=0.3, epsilon=0.2),
    "adadelta": Adadelta(0.5, rho=0.8, epsilon=0.01),
    "nadam": NAdam(0.01, beta1=0.8, beta2=0.95, epsilon=0.1, momentum_decay=0.3),
    "amsgrad": Adam(0.01, beta1=0.8, beta2=0.95, epsilon=0.1, amsgrad=True),
    "rprop": Rprop(0.001, shrink=0.4, grow=1.3, smallest=1e-4, largest=0.002),
}
CANONICAL = [(row.partner, row.name) for row in functions.LOSSES.values() if row.is_canonical]
# outputs that leave (0, 1), where a logarithm of them ends
UNBOUNDED = tuple(
    name
    for name in ACTIVATIONS
    if ROWS[name].f
    and ROWS[name].is_common
    and (ROWS[name].range[0] < 0 or ROWS[name].range[1] > 1)
)
# z where f(z) is about 1/2, for those of them with which it is not z
HALF = {"softplus": -0.43, "silu": 0.74}


def _is_tried(activation, loss) -> bool:
    """Every output with mse, and whatever a step of its own may be written for."""
    output, row = ROWS[activation], functions.LOSSES[loss]
    if loss == "mse" or activation == row.partner or activation in row.outputs:
        return True
    if row.needs_positive:
        return output.is_positive
    return output.is_common and row.is_common and activation != "log_softmax"


PAIRS = [(output, loss) for output in ACTIVATIONS for loss in LOSSES if _is_tried(output, loss)]


def parameter_of(loss, output) -> float | None:
    """The parameter of these tests; label smoothing goes with softmax alone."""
    if loss == "cross_entropy" and output != "softmax":
        return None
    return PARAMETER.get(loss)


def loss_named(name, output="softmax") -> Loss:
    """The loss with the parameter of these tests."""
    return loss_with(name, parameter_of(name, output))


class Case(NamedTuple):
    """A network with samples that it can learn."""

    plan: Plan
    theta: np.ndarray  # (n_theta,), aligned
    X: np.ndarray  # (n_samples, n_in)
    Y: np.ndarray  # (n_samples, n_out)

    def __repr__(self):
        layers = self.plan.layers
        names = [ACTIVATIONS[code] for code in layers["activation"]]
        return (
            f"<{[int(layers[0]['n_in']), *layers['n_out'].tolist()]} {names} "
            f"biases={(layers['b'] >= 0).tolist()} {LOSSES[self.plan.loss]} {self.plan.dtype} "
            f"n_samples={len(self.X)}>"
        )


def case(seed, sizes, activations, loss, dtype, n_samples, biases=None) -> Case:
    """Random values for a network of these sizes (inputs first), activations and biases."""
    generator = np.random.default_rng(seed)
    biases = [True] * len(activations) if biases is None else list(biases)
    limited = loss in LIMITED and (activations[-1], loss) not in CANONICAL
    shifted = limited and activations[-1] in UNBOUNDED
    biases[-1] = biases[-1] or shifted
    units = [
        (n_out, name, ALPHA.get(name, 0.0), bias)
        for n_out, name, bias in zip(sizes[1:], activations, biases, strict=True)
    ]
    plan = Plan.build(sizes[0], units, loss, dtype, parameter_of(loss, activations[-1]))
    theta = aligned_zeros(plan.n_theta, dtype)
    for index, (n_in, n_out) in enumerate(pairwise(sizes)):
        plan.W(theta, index)[:] = generator.uniform(-1.5, 1.5, (n_out, n_in)) / n_in**0.5
        if biases[index]:
            plan.b(theta, index)[:] = generator.uniform(-0.5, 0.5, n_out)
    if limited:  # outputs not too close to 0 and 1: a (1 - a) in a denominator magnifies roundings
        plan.W(theta, len(units) - 1)[:] *= 0.1
    if shifted:  # outputs near 1/2
        plan.b(theta, len(units) - 1)[:] = HALF.get(activations[-1], 0.5)
    # weighted inputs of order 1: slopes that are taken from activations, such as 1 - a^2, lose
    # all their digits where units saturate
    X = generator.uniform(-1.5, 1.5, (n_samples, sizes[0]))
    rows = generator.random(n_samples) < 0.1
    zeros = generator.random(X.shape) < generator.choice([0.0, 0.2, 0.8])  # invite short cuts
    zeros[rows] = True
    if loss not in CONSTANT:
        X[zeros] = 0
    Y = _targets(generator, n_samples, sizes[-1], activations[-1], loss, limited)
    return Case(plan, theta, X.astype(dtype), Y.astype(dtype))


def across_limits(activation, loss, dtype) -> Case:
    """Outputs on both sides of 0 and 1, but none where 1 - tanh(z) is all rounding."""
    found = case(2, [4, 3], [activation], loss, dtype, 40)
    found.plan.W(found.theta, 0)[:] *= 8 if activation == "tanh" else 40
    return found


def gentle(rule, case_) -> Rule:
    """The rule, with steps so small that outputs do not run into the limits of a logarithm."""
    output = ACTIVATIONS[case_.plan.layers[-1]["activation"]]
    loss = LOSSES[case_.plan.loss]
    if loss == "exponential" or (loss in LIMITED and (output, loss) not in CANONICAL):
        rule = replace(rule, learning_rate=rule.learning_rate / 10)
    return rule.rule()


def _targets(generator, n_samples, n_out, activation, loss, limited):
    if loss in DISTANCES:
        # targets out of reach would drive these to where a (1 - a) and 1 - a^2 are rounding alone
        bounded = np.isfinite(ROWS[activation].range).all()
        draw = generator.random if bounded else generator.normal
        return draw(size=(n_samples, n_out))
    row = functions.LOSSES[loss]
    if row.only_targets:
        return generator.choice(row.only_targets, (n_samples, n_out))
    if row.targets == (0, np.inf):
        Y = generator.uniform(
            0.1, 1 if activation in ("sigmoid", "softmax") else 3, (n_samples, n_out)
        )
        return Y if row.targets_are_positive else np.where(generator.random(Y.shape) < 0.2, 0, Y)
    if row.targets == (0, 1) and not row.targets_sum_to_1:
        if limited:
            return generator.uniform(0.2, 0.8, (n_samples, n_out))
        Y = generator.random((n_samples, n_out))
        return np.where(generator.random(Y.shape) < 0.5, Y.round(), Y)
    one_hot = np.eye(n_out)[generator.integers(n_out, size=n_samples)]
    spread = generator.dirichlet(np.ones(n_out), n_samples)
    weights = generator.choice([0, 0.25, 1, 1, 1, 3], (n_samples, 1))
    return weights * np.where(generator.random((n_samples, 1)) < 0.5, one_hot, spread)


# widths around those of vectors and of their multiples come often
WIDTHS = st.sampled_from([1, 3, 4, 5, 8, 9, 16, 17, 31, 33, 48]) | st.integers(1, 70)


@st.composite
def cases(draw, dtype, widths=WIDTHS, max_depth=5, max_samples=150) -> Case:
    """Any network that the kernels accept."""
    activation, loss = draw(st.sampled_from(PAIRS))
    depth = draw(st.integers(1, max_depth))
    sizes = draw(st.lists(widths, min_size=depth + 1, max_size=depth + 1))
    hidden = draw(st.lists(st.sampled_from(HIDDEN), min_size=depth - 1, max_size=depth - 1))
    biases = draw(st.lists(st.booleans(), min_size=depth, max_size=depth))
    n_samples = draw(st.integers(1, max_samples))
    seed = draw(st.integers(0, 2**32 - 1))
    return case(seed, sizes, [*hidden, activation], loss, dtype, n_samples, biases)


def longest_sum(plan, n_samples) -> int:
    """Terms of the longest sum in one gradient."""
    return max(int(plan.layers["n_in"].max()), int(plan.layers["n_out"].max()), n_samples) + 1


def blocks(plan, theta, name="") -> dict:
    """Views of theta, or of anything in its layout: 'W1', 'b1', 'W2', ..."""
    found = {}
    for index in range(len(plan.layers)):
        found[f"{name}W{index + 1}"] = plan.W(theta, index)
        if plan.b(theta, index) is not None:
            found[f"{name}b{index + 1}"] = plan.b(theta, index)
    return found


def padding(plan, theta) -> np.ndarray:
    """The entries of theta that belong to no weight and no bias."""
    is_padding = np.ones(plan.n_theta, bool)
    for view in blocks(plan, is_padding).values():
        view[:] = False
    return theta[is_padding]


def oracle_layers(plan, theta) -> list[Layer]:
    """The network as the oracle reads it."""
    found = []
    for index, layer in enumerate(plan.layers):
        b = plan.b(theta, index)
        found.append(
            Layer(
                plan.W(theta, index).tolist(),
                None if b is None else b.tolist(),
                ACTIVATIONS[layer["activation"]],
                float(layer["alpha"]),
            )
        )
    return found


def oracle_loss(plan):
    """The loss as the oracle reads it."""
    name = LOSSES[plan.loss]
    return (name, plan.loss_parameter) if name in PARAMETER else name


def inside(array, generator) -> np.ndarray:
    """The same rows with unit stride inside a larger array of nan, off any alignment."""
    n_samples, n_values = array.shape
    before, after = generator.integers(1, 6, 2)
    frame = np.full((n_samples + 2, before + n_values + after), np.nan, array.dtype)
    view = frame[1:-1, before : before + n_values]
    view[:] = array
    return view


def gradient_of(backend, plan, theta, X, Y, batch_size=None, weights=None) -> dict:
    """Everything that loss_gradient gives: loss, gradient and, where readable, the passes."""
    grad = aligned_zeros(plan.n_theta, theta.dtype)
    grad[:] = np.nan
    work = Work(plan, len(X) if batch_size is None else batch_size)
    found = {"loss": backend.loss_gradient(plan, theta, X, Y, grad, work, weights)}
    found |= {name: view.copy() for name, view in blocks(plan, grad, "dC/d").items()}
    found["padding"] = padding(plan, grad)
    if len(X) <= work.batch_size:
        last = len(plan.layers) - 1
        found[f"z{last + 2}"] = work.rows("z", last, len(X)).copy()
        for kind in ("a", "delta"):
            for index in range(last + 1):
                found[f"{kind}{index + 2}"] = work.rows(kind, index, len(X)).copy()
    return found


def forward_of(backend, plan, theta, X, batch_size=None) -> np.ndarray:
    """Outputs, shape (n_samples, n_out)."""
    out = np.full((len(X), int(plan.layers[-1]["n_out"])), np.nan, theta.dtype)
    backend.forward(plan, theta, X, out, Work(plan, batch_size or len(X)))
    return out


def trained(backend, case_, rule, order, batch_size, slices=None, work=None, weights=None,
            squares=None) -> dict:  # fmt: skip
    """Parameters, optimiser state and loss after one epoch, in one or several slices."""
    plan, theta, X, Y = case_
    after = aligned_zeros(plan.n_theta, theta.dtype)
    after[:] = theta
    state = aligned_zeros((rule.n_slots, plan.n_theta), after.dtype)
    work = work or Work(plan, batch_size)
    total = 0.0
    for start, stop in slices or [(0, len(X))]:
        total += backend.train_epoch(
            plan, after, state, rule, X, Y, order, start, stop, batch_size, work, 0.0,
            start // batch_size, weights, squares=squares,
        )  # fmt: skip
    found = {"loss": total, **blocks(plan, after), "padding": padding(plan, after)}
    for k, slot in enumerate(state):
        found |= blocks(plan, slot, f"v{k} ")
        found[f"v{k} padding"] = padding(plan, slot)
    return found


def assert_same_bits(found, expected):
    """The same names, and arrays that are equal bit for bit."""
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert np.asarray(found[name]).tobytes() == np.asarray(array).tobytes(), name
