"""Gradients of backpropagation held against central differences of the loss, in float64."""

from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInputError
from ..inputs import validation
from ..inputs.calls import explained
from ..inputs.checks import any_size, check_network, number, whole_number
from ..kernels.memory import aligned_zeros
from ..text import aligned
from .names import of, weight
from .twin import STEP, Twin

# of gradients in float64, and of what is rounded to float32
TOLERANCE = {"float64": 1e-6, "float32": 1e-3}
_SMALLER = (1, 1e-1, 1e-2)  # steps to try: a shorter one may not reach over a kink
_FLOOR = 1e-3  # of the largest part of the gradient: below this, an error counts as one of that


@dataclass(frozen=True)
class CheckedLayer:
    """W or b of one layer.

    Attributes
    ----------
    name : str
        'W^1', 'b^1', ...
    n_checked, n_parameters : int
    worst : float
        The largest relative error, |gradient - difference| / max(|gradient|, |difference|, s),
        with s a thousandth of the largest number in the whole gradient.
    where : str
        The parameter that has it; the first one, where several have.
    gradient, difference : float
        Its two numbers.
    n_kinks : int
        Parameters left out: a kink (of relu, say) lies so near that the two one-sided differences
        do not agree however short they are; the gradient lies between them.
    """

    name: str
    n_checked: int
    n_parameters: int
    worst: float
    where: str
    gradient: float
    difference: float
    n_kinks: int


@dataclass(frozen=True, repr=False)
class GradientCheck:
    """What `check_gradients` returns; printed, a table. `bool(check)` tells whether it passed.

    Attributes
    ----------
    passed : bool
    tolerance : float
    directions : tuple of float
        Relative errors of the slopes along random directions, through all parameters at once.
    layers : tuple of CheckedLayer
    """

    passed: bool
    tolerance: float
    directions: tuple[float, ...]
    layers: tuple[CheckedLayer, ...]

    def __bool__(self) -> bool:
        return self.passed

    @property
    def worst(self) -> float:
        """The largest relative error of all."""
        return max([*self.directions, *(layer.worst for layer in self.layers)], default=0.0)

    def __repr__(self) -> str:
        verdict = "passed" if self.passed else "FAILED"
        head = f"Gradient check: {verdict}, largest relative error {self.worst:.2g}"
        rows: list[tuple] = [
            ("", "checked", "worst error", "at", "backpropagation", "difference", "kinks")
        ]
        if self.directions:
            n, worst = len(self.directions), f"{max(self.directions):.2g}"
            rows.append(("directions", n, worst, "", "", "", ""))
        for layer in self.layers:
            rows.append(
                (
                    layer.name, f"{layer.n_checked} of {layer.n_parameters}", f"{layer.worst:.2g}",
                    layer.where, f"{layer.gradient:.7g}", f"{layer.difference:.7g}",
                    layer.n_kinks or "",
                )
            )  # fmt: skip
        return "\n".join([f"{head}, accepted {self.tolerance:g}", *aligned(rows, "<>><>>>")])


@explained("write check_gradients(net, X, Y)")
def check_gradients(
    net, X, Y, *, sample_weight=None, n_directions: int = 10, n_parameters: int = 200,
    tolerance: float | None = None, seed: int = 0,
) -> GradientCheck:  # fmt: skip
    """Hold the gradient of `Network.gradient` against central differences of the loss.

    The gradient is that of the backend and dtype of the network; the differences are of its loss
    in float64, (C(theta + h v) - C(theta - h v)) / 2 h. A derivative that is wrong, as that of an
    activation or loss of your own, does not agree with them.

    Parameters
    ----------
    net : Network
    X, Y, sample_weight
        As in `fit`; a few samples are enough.
    n_directions : int, default 10
        Random directions v through all parameters at once; 0 for none.
    n_parameters : int, default 200
        Parameters of every W and every b that are checked one by one, drawn at random where there
        are more; 0 for none.
    tolerance : float, optional
        Largest relative error that passes. Left out, 1e-6 in float64, 1e-3 in float32.
    seed : int, default 0
        Of directions and parameters.

    Returns
    -------
    GradientCheck
        True where it has passed; print it for a table by layers.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        X, Y or a number are not accepted, or net is no network.

    Examples
    --------
    >>> import deltaloop as dl
    >>> net = dl.Network([2, 3, 1], activation="tanh", dtype="float64")
    >>> check = dl.check_gradients(net, [[0.5, -1.0], [1.0, 2.0]], [1.0, 0.0])
    >>> check.passed, [layer.name for layer in check.layers]
    (True, ['W^1', 'b^1', 'W^2', 'b^2'])
    """
    check_network(net)
    n_directions = whole_number("n_directions", n_directions, 0)
    n_parameters = whole_number("n_parameters", n_parameters, 0)
    if not n_directions and not n_parameters:
        raise InvalidInputError("n_directions and n_parameters are both 0: nothing to check")
    if tolerance is None:
        tolerance = TOLERANCE[net.dtype.name]
    tolerance = number("tolerance", tolerance, above=0.0)
    rng = np.random.default_rng(whole_number("seed", seed, 0))
    X, Y = net._data(X, Y)
    weights = validation.weights(sample_weight, len(X))
    return net._turns.read(_check, net, X, Y, weights, n_directions, n_parameters, tolerance, rng)


@any_size
def _check(net, X, Y, weights, n_directions, n_parameters, tolerance, rng):
    twin, flat = Twin(net, X, Y, weights), aligned_zeros(net.plan.n_theta, net.dtype)
    net._loss_gradient(net._theta, X, Y, flat, weights)
    grad = twin.laid_out(net.plan, flat)
    floor = _FLOOR * float(np.abs(grad).max())
    allowed = _places(twin.plan)
    directions = tuple(
        _error(*_along(twin, grad, allowed, rng), floor)[0] for _ in range(n_directions)
    )
    layers = []
    if n_parameters:
        loss = twin.loss(twin.theta)
        for name, places in _groups(twin.plan):
            if len(places):
                layers.append(_checked(name, places, twin, grad, loss, floor, n_parameters, rng))
    worst = max([*directions, *(layer.worst for layer in layers)], default=0.0)
    return GradientCheck(worst <= tolerance, tolerance, directions, tuple(layers))


def _groups(plan):
    """Of every W and b the places in theta that hold a parameter, with their names."""
    numbers = np.arange(plan.n_theta)
    for k in range(len(plan.layers)):
        W, b = plan.W(numbers, k), plan.b(numbers, k)
        names = [weight(k + 1, j + 1, i + 1) for j in range(W.shape[0]) for i in range(W.shape[1])]
        pairs = list(zip(W.ravel().tolist(), names, strict=True))
        if plan.mask is not None:
            pairs = [pair for pair in pairs if plan.mask[pair[0]]]
        yield f"W^{k + 1}", pairs
        if b is not None:
            names = [of("b", k + 1, j + 1) for j in range(len(b))]
            yield f"b^{k + 1}", list(zip(b.tolist(), names, strict=True))


def _places(plan):
    """1 where theta has a parameter, 0 in its padding and where a mask is."""
    ones = np.zeros(plan.n_theta)
    for view in plan.views(ones):
        view[:] = 1
    return ones if plan.mask is None else ones * plan.mask


def _along(twin, grad, allowed, rng):
    """Slopes along a random direction of length 1: of the gradient, and the difference."""
    v = rng.normal(size=len(grad)) * allowed
    v /= np.linalg.norm(v)
    exact = float(grad @ v)
    found = [twin.along(v, STEP * step) for step in _SMALLER]
    return exact, min(found, key=lambda difference: abs(difference - exact))


def _error(gradient, difference, floor):
    """The relative error; 0 where both are 0."""
    apart, size = abs(gradient - difference), max(abs(gradient), abs(difference), floor)
    return (apart / size if apart else 0.0), gradient, difference


def _checked(name, places, twin, grad, loss, floor, most, rng):
    n, kinks, worst = len(places), 0, (-1.0, "", 0.0, 0.0)
    chosen = range(n) if n <= most else sorted(rng.choice(n, most, replace=False).tolist())
    for place, where in (places[k] for k in chosen):
        gradient = float(grad[place])
        error, difference, is_kink = _by(twin, place, gradient, loss, floor)
        kinks += is_kink
        if not is_kink and not error <= worst[0]:  # nan is worse than all
            worst = error, where, gradient, difference
    return CheckedLayer(
        name, len(chosen) - kinks, n, max(worst[0], 0.0), *worst[1:], n_kinks=kinks
    )  # fmt: skip


def _by(twin, place, gradient, loss, floor):
    """Relative error and difference by theta[place], and whether a kink spoils them."""
    best, spoiled = (np.inf, np.nan), True
    theta, here = twin.theta, twin.theta[place]
    try:
        for step in _SMALLER:
            h = STEP * step * max(1.0, abs(here))
            theta[place] = here + h
            up = twin.loss(theta)
            theta[place] = here - h
            down = twin.loss(theta)
            difference, sides = (up - down) / (2 * h), ((up - loss) / h, (loss - down) / h)
            error = _error(gradient, difference, floor)[0]
            if not error >= best[0]:
                best = error, difference
            low, high = sorted(sides)
            # where f is smooth the sides differ by h f'': a few times h
            apart = high - low > 1e-2 * max(abs(low), abs(high), floor)
            spoiled = spoiled and apart and low <= gradient <= high
            if not apart:
                break
    finally:
        theta[place] = here
    return *best, spoiled
