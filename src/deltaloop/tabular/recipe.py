"""The network for tables and its training, after RealMLP-TD-S.

z = W a / sqrt(n_in) + b with W and b from N(0, 1) is the parametrisation there. Adam moves a
parameter by a multiple of its learning rate, whatever the size of its gradient, so this is the same
as z = V a + b with V from N(0, 1 / n_in) and the learning rate divided by sqrt(n_in).

Source: Holzmüller, Grinsztajn & Steinwart (2024), Better by default: strong pre-tuned MLPs and
boosted trees on tabular data, arXiv 2407.04491, table A.2.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from ..errors import DeltaloopWarning, DivergenceError
from ..network import Network
from ..parts.heads import Head
from ..parts.layers import Dense
from ..parts.losses import Loss
from ..parts.optimizers import SGD, Adam
from ..training.history import History
from ..training.schedules import Schedule, cosine
from .arrays import Heads, Targets


@dataclass(frozen=True)
class four_waves(Schedule):
    """(1 - cos(2 pi log2(1 + 15 u))) / 2 at the part u of the training that is over.

    Four waves from 0 to 1 and back, each twice as long as the one before. "coslog4" in the source.
    """

    per = "step"

    def factors(self, t, epochs, unit=1.0):
        """As `Schedule.factors`."""
        return (1 - np.cos(2 * math.pi * np.log2(1 + 15 * t / epochs))) / 2


@dataclass(frozen=True)
class Recipe:
    """How one network is made and trained, and how many of them are averaged.

    Attributes
    ----------
    widths : tuple of int
        Of the hidden layers.
    activation : str
    learning_rate : float
        eta0: of weights of a layer divided by sqrt(n_in).
    epochs, batch_size : int
    smoothing : float
        Label smoothing, for classes.
    dropout : float
        Of the hidden layers.
    of_biases, of_scales : float
        What the learning rate is multiplied with; of_scales 0 leaves the input scales out.
    initial_bias : float
        Standard deviation.
    weight_decay : float
        Of AdamW: W := (1 - eta weight_decay) W in every step, with the eta of the layer.
    waves : bool
        Whether the learning rate goes up and down in four waves, or down on one cosine.
    lengths : tuple of float
        Parts of `epochs` that are tried, ascending, as long as the longer is the better one.
    tried : int
        Networks of every length that are trained to find out.
    worth : float
        By what part of itself the loss of held rows has to fall that the next length is tried.
    members : int
        Networks that are averaged where the longest training is best.
    of_shorter : int
        Networks that are averaged where a shorter one is, at least `tried`.
    held : int
        Each network is trained without another one of so many parts of the rows, which tell how
        good it is.
    keeps : {'last', 'best'}
        Which parameters: those of the last epoch, or of the epoch with the least loss of the rows
        that a network was trained without.
    """

    widths: tuple[int, ...] = (128, 128)
    activation: str = "mish"
    learning_rate: float = 0.04
    epochs: int = 128
    batch_size: int = 32
    smoothing: float = 0.1
    dropout: float = 0.15
    of_biases: float = 0.1
    of_scales: float = 0.0
    initial_bias: float = 1.0
    weight_decay: float = 0.0
    waves: bool = False
    lengths: tuple[float, ...] = (1 / 32, 1 / 8, 1 / 2, 1.0)
    tried: int = 3
    worth: float = 0.05
    members: int = 8
    of_shorter: int = 6
    held: int = 10
    keeps: str = "last"

    def epochs_of(self, lengths: Sequence[float]) -> list[int]:
        """Epochs of trainings of these lengths, ascending, each once."""
        return sorted({max(1, round(part * self.epochs)) for part in lengths})

    @property
    def text(self) -> str:
        """In words."""
        hidden = "-".join(map(str, self.widths))
        dropped = f", dropout {self.dropout:g}" if self.dropout else ""
        return f"{hidden} {self.activation} units{dropped}, {self.epochs} epochs"


# Batches of 32 take eight times the steps of an epoch of 256, so fewer epochs do. Above 5000 rows
# there are steps enough, and large batches are for several threads.
OF_MANY_ROWS = Recipe(
    epochs=256, batch_size=256, lengths=(1 / 16, 1 / 4, 1.0), tried=2, members=2,
    of_shorter=2,
)  # fmt: skip
OF_VALUES = replace(OF_MANY_ROWS, learning_rate=0.02, dropout=0.0, of_scales=6.0, members=4)


def network(
    n_in: int, n_out: int, is_classes: bool, recipe: Recipe, seed: int, heads: Heads = ()
) -> Network:
    """The network before training, with the learning rates of its layers."""
    layers, n_before = [], n_in
    if recipe.of_scales:
        layers.append(
            Dense(
                n_in, "identity", bias=False, init=np.eye(n_in), mask=np.eye(n_in, dtype=bool),
                rate_of_W=recipe.of_scales,
            )
        )  # fmt: skip
    for width in recipe.widths:
        layers.append(
            Dense(
                width, recipe.activation, init="lecun_normal", dropout=recipe.dropout,
                bias_init=("normal", recipe.initial_bias),
                rate_of_W=1 / math.sqrt(n_before), rate_of_b=recipe.of_biases,
            )
        )  # fmt: skip
        n_before = width
    loss = Loss("cross_entropy", label_smoothing=recipe.smoothing) if is_classes else Loss("mse")
    last: dict[str, Any] = {"n_out": n_out, "activation": loss.row.partner}
    if heads:
        last = {"heads": heads_of(heads, recipe.smoothing)}
    layers.append(
        Dense(
            **last, init="zeros", bias_init="zeros",
            rate_of_W=1 / math.sqrt(n_before), rate_of_b=recipe.of_biases,
        )
    )  # fmt: skip
    net = Network(n_in, layers, seed=seed, **({} if heads else {"loss": loss}))
    net.optimizer = Adam(recipe.learning_rate, 0.9, 0.95, weight_decay=recipe.weight_decay)
    return net


def heads_of(heads: Heads, smoothing: float = 0.0) -> dict[str, Head]:
    """The outputs of several targets, each with the loss that belongs to it."""
    of_classes = Loss("cross_entropy", label_smoothing=smoothing)
    return {
        name: Head(1) if n_classes is None else Head(n_classes, loss=of_classes)
        for name, n_classes in heads
    }


@dataclass(frozen=True, eq=False)
class Member:
    """One trained network.

    Attributes
    ----------
    net : Network
    recipe : Recipe
    held : ndarray of int
        The rows that it has not seen.
    history : History
    loss : float
        Of these rows, weighted as they are: log loss or mean squared error; nan where there are
        none.
    """

    net: Network
    recipe: Recipe
    held: np.ndarray
    history: History
    loss: float = math.nan

    @property
    def epochs(self) -> int:
        """Of its training."""
        return self.recipe.epochs

    @property
    def is_interrupted(self) -> bool:
        """Whether Ctrl-C ended its training."""
        return self.history.stop_reason == "interrupted"


def trained_member(
    X: np.ndarray, Y: Targets, recipe: Recipe, held: np.ndarray, seed: int, weights=None
) -> Member:
    """Train one network without the rows `held`, which may be none.

    A training that diverges is repeated with a quarter of the learning rate.

    Raises
    ------
    DivergenceError
        It does so five times.
    """
    rows = np.setdiff1d(np.arange(len(X)), held)
    watched: dict[str, Any] = {}
    # the loss of held rows has no weights, and would choose what they speak against
    if len(held) and weights is None and recipe.keeps == "best":
        watched = {"validation_data": (X[held], Y.y[held]), "restore_best": True}
    given = None if weights is None else weights[rows]
    size = min(recipe.batch_size, len(rows))
    schedule = four_waves() if recipe.waves else cosine(per="step")
    for attempt in range(5):
        net = network(X.shape[1], Y.n_out, Y.is_classes, recipe, seed, Y.heads)
        try:
            with warnings.catch_warnings():
                # whether it is better than a constant is seen in the average, on held out rows
                warnings.simplefilter("ignore", DeltaloopWarning)
                history = net.fit(
                    X[rows], Y.y[rows], epochs=recipe.epochs, batch_size=size, schedule=schedule,
                    sample_weight=given, **watched,
                )  # fmt: skip
            break
        except DivergenceError:
            if attempt == 4:
                raise
            recipe = replace(recipe, learning_rate=recipe.learning_rate / 4)
    return Member(net, recipe, held, history, _held_loss(net, X, Y, held, weights))


def _held_loss(net, X, Y, held, weights):
    if not len(held) or (weights is not None and not weights[held].sum() > 0):
        return math.nan
    out, y = net.predict(X[held]).astype(np.float64), Y.y[held]
    if Y.is_classes:  # without the smoothing of labels
        losses = -np.log(np.maximum(out[np.arange(len(y)), y], 1e-12))
    else:
        losses = np.square(out - y).mean(axis=1)
    return float(np.average(losses, weights=None if weights is None else weights[held]))


# Floating-point operations that 256 epochs of one network may take for a table of up to 600 rows,
# about 0.2 s on one core; larger tables may take more in proportion, up to six times.
_WORK, _ROWS, _MOST = 1e10, 600, 6
_FEWEST_EPOCHS = 4
FEW = 20  # rows, below which none are held back


def chosen_recipe(n: int, n_in: int, n_out: int, is_classes: bool) -> Recipe:
    """The recipe that belongs to a table of this size.

    Large tables get fewer epochs, and fewer networks. Values are learned more slowly than classes,
    without dropout, and with scales of the inputs.
    """
    recipe = OF_VALUES if not is_classes else Recipe() if n <= 5_000 else OF_MANY_ROWS
    if n < FEW:  # that tell nothing about the length: dropout alone is against learning by heart
        recipe = replace(recipe, dropout=Recipe.dropout)
    if n > 20_000:
        recipe = replace(recipe, members=1)
    elif n > 5_000:
        recipe = replace(recipe, members=2)
    widths = (n_in, *recipe.widths, n_out)
    per_epoch = 6 * n * sum(a * b for a, b in pairwise(widths))
    work = _WORK * recipe.epochs / 256
    epochs = int(work * min(max(1, n / _ROWS), _MOST) / per_epoch)
    return replace(recipe, epochs=min(max(_FEWEST_EPOCHS, epochs), recipe.epochs))


def simple_network(X, y, n_classes, seed, weights=None) -> Network:
    """The network of a textbook: 30 tanh units, plain gradient descent in batches of 10."""
    Y = Targets.of(y, n_classes)
    if Y.heads:
        net = Network(
            X.shape[1], [Dense(30, "tanh"), Dense(heads=heads_of(Y.heads))], seed=seed
        )  # fmt: skip
    else:
        net = Network(
            [X.shape[1], 30, Y.n_out], activation="tanh",
            loss="cross_entropy" if Y.is_classes else "mse", seed=seed,
        )  # fmt: skip
    steps = math.ceil(len(X) / 10)
    net.optimizer = SGD(0.05)
    net.fit(
        X, Y.y, batch_size=min(10, len(X)), sample_weight=weights,
        epochs=max(50, math.ceil((2000 if Y.is_classes else 500) / steps)),
    )  # fmt: skip
    Y.give(net)
    return net
