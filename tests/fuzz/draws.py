"""What a case is about: its random numbers, a network, and samples as plain numbers."""

import random
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

import cases
import deltaloop as dl
from deltaloop import kernels

from .heads import GAUSSIAN, drawn_heads, loss_of, parts, row_of

WIDTHS = (1, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 48, 64, 65)
COUNTS = (1, 1, 2, 3, 4, 5, 8, 9, 16, 17, 31, 33)
# An epsilon of 1e-8 would divide a gradient that is rounding alone by itself: behind a softmax
# those of huber cancel where all errors are beyond the threshold.
OPTIMIZERS = (
    dl.SGD(0.02), dl.SGD(0.02), dl.SGD(0.01, momentum=0.9),
    dl.SGD(0.01, momentum=0.5, nesterov=True), dl.Adam(0.001, epsilon=1e-4),
    dl.RMSprop(0.0005, epsilon=1e-4), dl.Adagrad(0.01, epsilon=1e-4),
    dl.Adadelta(0.1, epsilon=1e-3), dl.NAdam(0.001, epsilon=1e-4),
    dl.Adam(0.001, epsilon=1e-4, amsgrad=True), dl.Rprop(1e-4, smallest=1e-5, largest=1e-3),
    dl.SGD(0.01, l1=0.01, l2=0.1, clip_value=1.0, clip_norm=2.0, max_norm=1.5),
    dl.AdamW(0.001, epsilon=1e-4, weight_decay=0.1),
)  # fmt: skip
WHOLE_BATCH = (
    dl.LevenbergMarquardt(), dl.LevenbergMarquardt(mu=1e-9, increase=2.0),
    dl.LevenbergMarquardt(mu=10.0), dl.SCG(),
)  # fmt: skip
REGULAR = {
    "l1": 0.01, "l2": 0.1, "weight_decay": 0.1, "clip_value": 1.0, "clip_norm": 2.0,
    "max_norm": 1.5, "weight_noise": 0.02,
}  # fmt: skip
SCHEDULES = {
    "of epochs": lambda epoch: 1 / (1 + epoch),
    "step": dl.schedules.step(1, 0.5),
    "exponential by step": dl.schedules.exponential(0.9, per="step"),
    "cosine by step": dl.schedules.cosine(warmup=0.5, per="step"),
    "of steps": dl.schedules.per_step(lambda k: 1 / (1 + k % 3)),
}
NOISE = (0.0, 0.0, 0.0, 0.05, 0.25)  # of inputs
RATES = (0.0, 0.5, 1.0, 1.0, 2.0)  # factors of the learning rate
DROPOUT = (0.0, 0.05, 0.25, 0.5)
# multiples of 1/16: every real dtype down to float16 holds them, so that the odd view
# and its plain copy are the same numbers, to the last bit
STEPS = 16


class Draw(random.Random):
    """The random numbers of one case."""

    def __init__(self, seed: int, number: int):
        super().__init__(f"{seed} {number}")
        self.arrays = np.random.default_rng([seed, number])

    def chance(self, share: float) -> bool:
        return self.random() < share

    def width(self) -> int:
        return self.randint(1, 70) if self.chance(0.3) else self.choice(WIDTHS)

    def count(self) -> int:
        return self.randint(1, 300) if self.chance(0.06) else self.choice(COUNTS)


class Drawn(NamedTuple):
    """A network and what belongs to it; `network` makes one more of it."""

    sizes: list
    layers: list
    loss: str  # "heads": each has its own
    dtype: np.dtype
    theta: np.ndarray
    scaling: dl.Scaling | None
    input_dropout: float
    input_noise: float

    @property
    def heads(self) -> tuple:
        """Of the last layer, or ()."""
        return tuple(head for _, head in self.layers[-1].heads or ())

    @property
    def of_targets(self):
        """What `whole` asks for: the heads, or the name of the loss."""
        return self.heads or self.loss

    @property
    def losses(self) -> list:
        """(activation, loss) of every head, or of the network."""
        if not self.heads:
            return [(self.layers[-1].activation.name, self.loss)]
        return [(head.activation.name, loss_of(head)) for head in self.heads]

    @property
    def n_targets(self) -> int:
        """Columns of Y."""
        return sum(head.n_out for head in self.heads) or self.sizes[-1]

    def network(self, backend) -> dl.Network:
        loss = {} if self.heads else {
            "loss": cases.loss_named(self.loss, self.layers[-1].activation.name)
        }  # fmt: skip
        net = dl.Network(
            self.sizes[0], self.layers, dtype=self.dtype, backend="reference", **loss,
            input_dropout=self.input_dropout, input_noise=self.input_noise,
        )  # fmt: skip
        net.use_backend(backend)
        net._noise = 7  # else drawn from its generator, which callbacks and files change
        net.theta[:] = self.theta
        net.scaling = self.scaling
        return net

    def __str__(self):
        layers = " > ".join(map(_told, self.layers))
        scaled = "" if self.scaling is None else ", scaled"
        dropped = f" drop {self.input_dropout:g}" if self.input_dropout else ""
        dropped += f" noise {self.input_noise:g}" if self.input_noise else ""
        return f"net {self.sizes[0]}{dropped} > {layers}, {self.loss}, {self.dtype}{scaled}"


def _told(layer):
    """A layer in a few words."""
    kind = layer.activation if layer.heads is None else dict(layer.heads)
    told = f"{layer.n_out}{'' if layer.bias else '-'} {kind}"
    told += f" drop {layer.dropout:g}" if layer.dropout else ""
    if (layer.rate_of_W, layer.rate_of_b) != (1, 1):
        told += f" rates {layer.rate_of_W:g} {layer.rate_of_b:g}"
    told += "" if layer.trainable else " frozen"
    told += f" joins {list(layer.shortcuts)}" if layer.shortcuts else ""
    return told + ("" if layer.mask is None else " masked")


def network(draw: Draw) -> Drawn:
    """Any activations, loss, dtype, widths and biases; and what training drops, or leaves."""
    activation, loss = draw.choice(cases.PAIRS)
    dtype = np.dtype(draw.choice(("float32", "float64")))
    sizes = [draw.width() for _ in range(draw.choice((1, 1, 2, 2, 2, 3, 4)) + 1)]
    names = [*(draw.choice(cases.HIDDEN) for _ in sizes[2:]), activation]
    biases = [draw.chance(0.8) for _ in names]
    heads = drawn_heads(draw) if draw.chance(0.12) else None
    if heads:
        names[-1], loss = "identity", "mse"
        sizes[-1] = sum(head.n_units for head in heads.values())
    made = cases.case(draw.getrandbits(32), sizes, names, loss, dtype, 1, biases)
    shortcuts = _shortcuts(draw, sizes)
    entering = [
        n + sum(sizes[s] for s in more) for n, more in zip(sizes[:-1], shortcuts, strict=True)
    ]
    dropout, trained = _dropout(draw, sizes), trainable(draw, sizes)
    masks = _masks(draw, entering, sizes)
    rates = [_rates(draw) if draw.chance(0.15) else {} for _ in names]
    gives = [{"activation": name} for name in names[:-1]]
    gives.append({"heads": heads} if heads else {"activation": activation})
    layers = [
        dl.Dense(n_out, bias=bool(record["b"] >= 0), dropout=p, mask=mask, trainable=moves,
                 shortcuts=more, **factors, **given)
        for n_out, record, p, mask, moves, more, factors, given in zip(
            sizes[1:], made.plan.layers, dropout[1:], masks, trained, shortcuts, rates,
            gives, strict=True,
        )
    ]  # fmt: skip
    loss = "heads" if heads else loss
    scaling = _scaling(draw, sizes, loss)
    noise = draw.choice(NOISE) if draw.chance(0.2) else 0.0
    drawn = Drawn(sizes, layers, loss, dtype, made.theta, scaling, dropout[0], noise)
    plan = drawn._replace(theta=0).network(kernels.load("reference")).plan
    if any(shortcuts):  # W has more columns than those of the case
        drawn = drawn._replace(theta=_theta(draw, plan))
    if draw.chance(0.8):  # else there is something where no connection is, until the first step
        for index, mask in enumerate(masks):
            if mask is not None:
                plan.W(drawn.theta, index)[~np.array(mask, bool)] = 0
    return drawn


def _theta(draw, plan):
    """Parameters of the size of Glorot's."""
    theta = np.zeros(plan.n_theta, plan.dtype)
    for view in plan.views(theta):
        view[:] = draw.arrays.normal(size=view.shape) / np.sqrt(view.shape[-1])
    return theta


def _shortcuts(draw, sizes):
    """Which earlier layers enter every layer, beside the one before."""
    n = len(sizes) - 1
    if draw.chance(0.85):
        return [()] * n
    return [tuple(s for s in range(index) if draw.chance(0.5)) for index in range(n)]


def _dropout(draw, sizes):
    """Of the inputs and of every layer; the last one has none."""
    if draw.chance(0.8):
        return [0.0] * len(sizes)
    return [*(draw.choice(DROPOUT) for _ in sizes[1:]), 0.0]


def _rates(draw):
    return {"rate_of_W": draw.choice(RATES), "rate_of_b": draw.choice(RATES)}


def _masks(draw, entering, sizes):
    """The connections of every layer; None: all."""
    if draw.chance(0.85):
        return [None] * (len(sizes) - 1)
    pairs = zip(entering, sizes[1:], strict=True)
    return [_mask(draw, pair) if draw.chance(0.7) else None for pair in pairs]


def _mask(draw, pair):
    n_in, n_out = pair
    mask = draw.arrays.random((n_out, n_in)) < draw.choice((0.0, 0.1, 0.5, 0.9, 1.0))
    mask = np.asfortranarray(mask) if draw.chance(0.3) else mask
    kind = draw.choice(("bool", "bool", "int", "float", "list"))
    return mask.tolist() if kind == "list" else mask.astype(kind)


def trainable(draw: Draw, sizes) -> list:
    """Whether each layer moves."""
    return [draw.chance(0.5) for _ in sizes[1:]] if draw.chance(0.15) else [True] * len(sizes[1:])


def optimizer(draw: Draw):
    """Any, with limits and penalties or without."""
    found = draw.choice(OPTIMIZERS)
    if draw.chance(0.7):
        return found
    names = draw.sample(sorted(REGULAR), draw.randint(1, 3))
    return replace(found, **{name: REGULAR[name] for name in names})


def _scaling(draw, sizes, loss):
    if draw.chance(0.75):
        return None
    mean = np.zeros(sizes[0]) if draw.chance(0.5) else draw.arrays.uniform(-0.5, 0.5, sizes[0])
    given = [mean, draw.arrays.uniform(1, 2, sizes[0])]
    if loss in cases.DISTANCES and draw.chance(0.6):
        given += [draw.arrays.normal(size=sizes[-1]), draw.arrays.uniform(0.5, 2, sizes[-1])]
    return dl.Scaling(*given)


def inputs(draw: Draw, n: int, n_in: int) -> np.ndarray:
    """Samples, shape (n, n_in): multiples of 1/16, many of them 0, and now and then a bad one."""
    most = 3 * STEPS // 2  # where units saturate, 1 - a^2 is rounding: see tests/cases.py
    X = draw.arrays.integers(-most, most + 1, (n, n_in)) / STEPS
    X[draw.arrays.random(X.shape) < draw.choice((0.0, 0.1, 0.5, 0.9))] = 0
    return _spoiled(draw, X)


def targets(draw: Draw, n: int, drawn: Drawn) -> np.ndarray:
    """Targets that the loss accepts, shape (n, n_targets), and now and then some it does not."""
    counts = [head.n_out for head in drawn.heads] or [drawn.n_targets]
    of_heads = [_targets(draw, n, n_out, *pair)
                for n_out, pair in zip(counts, drawn.losses, strict=True)]  # fmt: skip
    return _spoiled(draw, np.concatenate(of_heads, axis=1))


def _targets(draw, n, n_out, activation, loss):
    row = row_of(loss)
    if loss in (*cases.DISTANCES, GAUSSIAN):
        return draw.arrays.integers(0, STEPS + 1, (n, n_out)) / STEPS
    if row.only_targets:
        return draw.arrays.choice((-1.0, 1.0), (n, n_out))
    if row.targets == (0, np.inf):
        return draw.arrays.integers(1, STEPS + 1, (n, n_out)) / STEPS
    if not row.targets_sum_to_1:
        Y = draw.arrays.integers(4, 13, (n, n_out)) / STEPS
        return np.rint(Y) if activation == "sigmoid" and draw.chance(0.5) else Y
    if draw.chance(0.5):
        return np.eye(n_out)[draw.arrays.integers(n_out, size=n)]
    return draw.arrays.multinomial(STEPS, np.full(n_out, 1 / n_out), n) / STEPS


def slopes(draw: Draw, n: int, drawn: Drawn) -> np.ndarray:
    """dC/da of one's own, shape (n, n_out)."""
    if not drawn.heads:
        return targets(draw, n, drawn)
    most = 2 * STEPS
    return _spoiled(draw, draw.arrays.integers(-most, most, (n, drawn.sizes[-1])) / STEPS)


def whole(array: np.ndarray, loss) -> np.ndarray:
    """The same as whole numbers; rows that sum to 1 go on doing so.

    loss: a name, or heads, whose targets lie side by side.
    """
    array = np.nan_to_num(array, nan=0, posinf=1, neginf=0)
    if not isinstance(loss, str):
        return np.concatenate([whole(part, name) for name, part in parts(array, loss)], axis=-1)
    row = row_of(loss)
    if row.targets_sum_to_1 and array.size:
        return np.eye(array.shape[-1])[array.argmax(axis=-1)]
    if row.only_targets:
        return np.where(array < 0, -1.0, 1.0)
    return np.rint(np.clip(array, 1 if row.targets_are_positive else -2, 2))


def _spoiled(draw, array):
    if draw.chance(0.97):
        return array
    kind = draw.choice(("nan", "inf", "huge", "wide", "narrow", "long", "none"))
    if kind == "wide":
        return np.concatenate([array, array[:, :1]], axis=1)
    if kind == "narrow":
        return array[:, :-1].copy()
    if kind == "long":
        return np.concatenate([array, array[:1]])
    if kind == "none":
        return array[:0].copy()
    at = draw.randrange(len(array)), draw.randrange(array.shape[1])
    array[at] = {"nan": np.nan, "inf": np.inf, "huge": 1e39}[kind]
    return array


def longest_sum(drawn: Drawn, n: int) -> int:
    """Terms of the longest sum in one gradient."""
    if any(layer.shortcuts for layer in drawn.layers):
        return max(n, sum(drawn.sizes)) + 1
    return max(n, *(max(pair) for pair in pairwise(drawn.sizes))) + 1
