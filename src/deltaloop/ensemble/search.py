"""Random search with successive halving: settings that do badly get no more epochs."""

import math
import warnings
from dataclasses import dataclass, replace

import numpy as np

from ..errors import DeltaloopWarning, DivergenceError, InvalidInputError, InvalidTypeError, shown
from ..inputs import validation
from ..inputs.calls import explained
from ..inputs.checks import as_numbers, number, one_per_sample, whole_number
from ..network import Network
from ..parts.losses import Loss, check_loss
from ..parts.optimizers import SGD, check_optimizer
from ..text import aligned
from .ensemble import Ensemble
from .progress import reporter

_NUMBERS = ("learning_rate", "momentum", "weight_decay")
_CHOICES = ("hidden", "activation", "batch_size")
_LOGARITHMIC = ("learning_rate", "weight_decay")


@dataclass(repr=False, eq=False)
class Search:
    """What `search` has found.

    Attributes
    ----------
    best : Network
        The trained network with the lowest validation loss among those that were trained longest.
    candidates : list of dict
        The settings that were tried, the best first: those that were trained longer before those
        that were left earlier, then by `validation_loss`, which is inf where training diverged.
        `epochs` is how long each was trained, and `seed` that of its network.
    epochs : int
        Epochs of all candidates together.
    """

    best: Network
    candidates: list[dict]
    epochs: int

    def __repr__(self) -> str:
        n = len(self.candidates)
        head = f"Search: {n} candidates, {self.epochs} epochs in all; the best:"
        names = [name for name in self.candidates[0] if name != "seed"]
        rows = [tuple(names)]
        rows += [tuple(_text(one[name]) for name in names) for one in self.candidates[:5]]
        return "\n".join([head, *aligned(rows, ">" * len(names))])


def _text(value):
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)


@explained(
    "write search({'learning_rate': (0.01, 1)}, X, Y)",
    n_iter="write n=64", n_trials="write n=64", max_epochs="write budget=64 * epochs",
    random_state="write seed=0", n_jobs="write n_threads=2",
)  # fmt: skip
def search(
    space, X, Y, *, n: int = 81, budget: int | None = None, eta: int = 3, validation_data=None,
    validation_split: float = 0.2, optimizer=None, loss="mse", output=None, dtype="float32",
    seed: int = 0, n_threads: int = 1, progress=False,
) -> Search:  # fmt: skip
    """Look for settings of a network: random candidates, of which the best go on.

    All candidates are trained for a few epochs; the best third of them for more, and so on, until
    few are left: every round costs about as much as the one before. Candidates of one shape are
    trained as one `Ensemble`. (A round goes on with the parameters of the one before; the state of
    the optimiser starts afresh.)

    Parameters
    ----------
    space : dict
        What is tried. 'learning_rate', 'weight_decay' (both drawn evenly on a logarithmic scale),
        'momentum' (evenly): a pair (low, high), a list of choices, or one number. 'hidden': a list
        of choices, each a list of widths of hidden layers such as [8, 8]. 'activation',
        'batch_size': a list of choices, or one. Left out: those of `optimizer`, [16], 'tanh', 10.
    X, Y : array_like, shape (n_samples, n_in) and (n_samples, n_out) or (n_samples,)
        As in `Network.fit`.
    n : int, default 81
        Candidates.
    budget : int, optional
        Epochs of all candidates together, about; default 20 n.
    eta : int, default 3
        Every round leaves the best 1/eta.
    validation_data : (X, Y), optional
        What candidates are judged by.
    validation_split : float, default 0.2
        Without validation_data: this share of the samples, drawn at random.
    optimizer : SGD, Adam, ..., optional
        Default SGD().
    loss, output, dtype
        As in `Network`.
    seed : int, default 0
        Of candidates, their networks, and the split.
    n_threads : int, default 1
    progress : bool or callable, default False
        As in `Ensemble.fit`.

    Returns
    -------
    Search

    Raises
    ------
    InvalidInputError, InvalidTypeError
        The space, the data or the settings are not accepted.
    DivergenceError
        All candidates diverged.

    References
    ----------
    Jamieson & Talwalkar (2016), Non-stochastic best arm identification and hyperparameter
    optimization; Bergstra & Bengio (2012), Random search for hyper-parameter optimization.

    Examples
    --------
    >>> import deltaloop as dl
    >>> X, y = dl.datasets.load("iris")
    >>> found = dl.search({"learning_rate": (0.01, 1.0), "hidden": [[4], [8]]}, X, y,
    ...                   loss="cross_entropy", n=27, budget=200)
    >>> found.best.sizes[0], found.best.sizes[-1]
    (4, 3)
    >>> len(found.candidates)
    27
    """
    n, eta = whole_number("n", n), whole_number("eta", eta, low=2)
    budget = 20 * n if budget is None else whole_number("budget", budget)
    seed = whole_number("seed", seed, low=0)
    loss = check_loss(loss)
    used = check_optimizer(SGD() if optimizer is None else optimizer)
    generator = np.random.default_rng(seed)
    trained, watched = _split(X, Y, validation_data, validation_split, generator)
    candidates = _candidates(_checked(space, used), n, used, generator, seed)
    n_rounds = int(math.log(n, eta) + 1e-9) + 1
    if budget < n_rounds * n:
        raise InvalidInputError(
            f"budget={budget} does not give {n} candidates one epoch in each of {n_rounds} rounds; "
            f"give {n_rounds * n} at least, or a smaller n"
        )
    sizes = np.shape(trained[0])[1], _n_out(trained[1], watched[1], loss)
    groups = _groups(candidates, sizes, loss, output, dtype, len(trained[0]))
    left, spent = list(range(n)), 0
    with reporter(progress, "searching") as report, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeltaloopWarning)  # of those that diverge
        for k in range(n_rounds):
            epochs = max(1, budget // (n_rounds * len(left)))
            spent += epochs * len(left)
            for group in groups:
                group.train([c for c in left if c in group.place], trained, used, epochs, n_threads)
                group.judge(watched)
            if report is not None:
                report((k + 1) / n_rounds)
            left.sort(key=lambda c: (candidates[c]["validation_loss"], c))
            if k + 1 < n_rounds:
                left = left[: max(1, len(left) // eta)]
    order = sorted(
        range(n), key=lambda c: (-candidates[c]["epochs"], candidates[c]["validation_loss"], c)
    )
    if math.isinf(candidates[order[0]]["validation_loss"]):
        raise DivergenceError(
            "the loss of the candidates that were left became infinite or nan; lower the learning "
            "rates of the space, or scale X to unit variance"
        )
    best = next(g.network(order[0]) for g in groups if order[0] in g.place)
    best.optimizer = _optimizer(used, candidates[order[0]])
    return Search(best, [candidates[c] for c in order], spent)


class _Group:
    """The candidates of one shape and batch size, as one ensemble."""

    def __init__(self, members, candidates, ensemble, batch_size):
        self.candidates, self.ensemble, self.batch_size = candidates, ensemble, batch_size
        self.place = {c: index for index, c in enumerate(members)}
        self.left = []

    def train(self, left, data, optimizer, epochs, n_threads):
        """Some of them, for so many epochs more."""
        self.left = left
        if not left:
            return
        chosen = [self.place[c] for c in left]
        part = self.ensemble[chosen]
        numbers = {
            name: np.array([self.candidates[c][name] for c in left])
            for name in _NUMBERS
            if name in self.candidates[left[0]]
        }
        try:
            history = part.fit(
                *data, epochs=epochs, batch_size=self.batch_size, optimizer=optimizer,
                n_threads=n_threads, **numbers,
            )  # fmt: skip
            reasons = history.stop_reason
        except DivergenceError as error:
            reasons = error.history.stop_reason
        if (reasons == "interrupted").any():
            raise KeyboardInterrupt
        self.ensemble.parameters[chosen] = part.parameters
        for c, reason, generator in zip(left, reasons, part._generators, strict=True):
            self.ensemble._generators[self.place[c]] = generator
            self.candidates[c]["epochs"] += epochs
            self.candidates[c]["diverged"] |= bool(reason == "diverged")

    def judge(self, watched):
        """The validation loss of those that were trained last."""
        if not self.left:
            return
        losses = self.ensemble[[self.place[c] for c in self.left]].loss(*watched)
        for c, value in zip(self.left, losses, strict=True):
            candidate = self.candidates[c]
            lost = candidate["diverged"] or not math.isfinite(value)
            candidate["validation_loss"] = math.inf if lost else float(value)

    def network(self, c):
        """A candidate as a Network."""
        return self.ensemble[self.place[c]]


def _groups(candidates, sizes, loss, output, dtype, n_samples):
    shapes: dict[tuple, list[int]] = {}
    for c, candidate in enumerate(candidates):
        shapes.setdefault(tuple(candidate[name] for name in _CHOICES), []).append(c)
    return [
        _Group(
            members, candidates,
            Ensemble(
                [sizes[0], *hidden, sizes[1]], seeds=[candidates[c]["seed"] for c in members],
                activation=activation, output=output, loss=loss, dtype=dtype,
            ),
            min(batch_size, n_samples),
        )
        for (hidden, activation, batch_size), members in shapes.items()
    ]  # fmt: skip


def _optimizer(used, candidate):
    numbers = {name: candidate[name] for name in _NUMBERS if name in candidate}
    if isinstance(used, SGD) and not numbers.get("momentum", used.momentum):
        numbers["nesterov"] = False
    return replace(used, **numbers)


def _split(X, Y, validation_data, fraction, generator):
    X = as_numbers("X", X)
    if X.ndim != 2:
        raise InvalidInputError(f"X must have shape (n_samples, n_in), got shape {X.shape}")
    Y = one_per_sample("Y", Y, len(X))
    if validation_data is not None:
        return (X, Y), validation.pair(validation_data)
    fraction = number("validation_split", fraction, below=1.0, above=0.0)
    order = generator.permutation(len(X))
    n_held = math.ceil(fraction * len(X))
    if n_held == len(X):
        raise InvalidInputError(
            f"validation_split={fraction:g} leaves no sample of {len(X)} for training"
        )
    held, rest = np.sort(order[:n_held]), np.sort(order[n_held:])
    return (X[rest], Y[rest]), (X[held], Y[held])


def _n_out(Y, other, loss):
    """Outputs that the targets ask for."""
    if isinstance(loss, Loss) and loss.row.targets_sum_to_1 and Y.size == len(Y):
        return int(max(Y.max(), np.max(other))) + 1
    return Y.reshape(len(Y), -1).shape[1]


def _checked(space, used):
    """The space as functions of a generator."""
    if not isinstance(space, dict):
        raise InvalidTypeError(
            f"space must be a dict such as {{'learning_rate': (0.01, 1)}}, got {shown(space)}"
        )
    for name in space:
        if name not in (*_NUMBERS, *_CHOICES):
            raise InvalidInputError(
                f"unknown name {shown(name)} in space, expected some of "
                + ", ".join(map(repr, (*_NUMBERS, *_CHOICES)))
            )
    if "momentum" in space and not isinstance(used, SGD):
        raise InvalidInputError("momentum belongs to SGD; leave it out of the space")
    draws = {}
    for name in _NUMBERS:
        if name in space:
            draws[name] = _of_number(name, space[name])
    for name, default in zip(_CHOICES, ([[16]], ["tanh"], [10]), strict=True):
        draws[name] = _of_choice(name, space.get(name, default))
    return draws


def _of_number(name, given):
    if isinstance(given, list):
        values = [number(f"{name} in space", value, low=0.0) for value in given]
        if not values:
            raise InvalidInputError(f"{name} in space has no choices")
        return lambda generator: values[generator.integers(len(values))]
    if not isinstance(given, tuple):
        value = number(f"{name} in space", given, low=0.0)
        return lambda generator: value
    if len(given) != 2:
        raise InvalidInputError(
            f"{name} in space must be (low, high), a list, or a number, got {shown(given)}"
        )
    low, high = (number(f"{name} in space", value, low=0.0) for value in given)
    if low > high or (name in _LOGARITHMIC and low == 0):
        raise InvalidInputError(
            f"{name} in space must have low <= high"
            + (" and low > 0" if name in _LOGARITHMIC else "")
            + f", got {shown(given)}"
        )
    if name in _LOGARITHMIC:
        return lambda generator: float(np.exp(generator.uniform(np.log(low), np.log(high))))
    return lambda generator: float(generator.uniform(low, high))


def _of_choice(name, given):
    choices = given if isinstance(given, list) else [given]
    if not choices:
        raise InvalidInputError(f"{name} in space has no choices")
    if name == "hidden":
        if not all(isinstance(one, list | tuple) for one in choices):
            raise InvalidInputError(
                "hidden in space must be a list of choices, each a list of widths: [[8], [16, 8]], "
                f"got {shown(given)}"
            )
        choices = [tuple(whole_number("every width", width) for width in one) for one in choices]
    elif name == "batch_size":
        if any(isinstance(one, tuple) for one in choices):
            raise InvalidInputError(
                f"batch_size in space must be a number or a list of choices, got {shown(given)}; "
                "ranges (low, high) are for " + ", ".join(_NUMBERS)
            )
        choices = [whole_number(name, one) for one in choices]
    return lambda generator: choices[generator.integers(len(choices))]


def _candidates(draws, n, used, generator, seed):
    """As many settings as candidates."""
    found = []
    for k in range(n):
        drawn = {name: draw(generator) for name, draw in draws.items()}
        drawn.setdefault("learning_rate", used.learning_rate)
        found.append(
            {**drawn, "seed": seed + k, "epochs": 0, "validation_loss": math.inf, "diverged": False}
        )
    return found
