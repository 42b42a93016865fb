"""Many networks of one shape in one call: the contract, and how it is laid out.

The lanes of a vector are networks. `lanes` of them, as many as a vector of the processor has, are
a *block*, whose parameters are theta[block], shape (n_parameters, lanes): every operation of a
step is one on vectors, whatever the shape of the network, and has no sum over lanes. A block runs
all its steps before the next one begins, so its parameters stay in the caches, and the number of
networks does not matter. Blocks share nothing, so threads take them one after the other, and the
result does not depend on their number.

The parameters of a layer lie as in `Plan.theta`, but without padding: W input by input, (n_in,
n_out), then b.

    one sample a step     A few blocks are trained side by side, so that the chain of operations of
                          one hides behind those of the others. Plain SGD moves W in the pass that
                          reads it for dC/da; every other rule has the gradient of all parameters
                          first, then one pass over them.
    mini-batches          Three products a layer as in cython/tiles.pxd, of which each element is a
                          vector, over pieces of the mini-batch that stay in the first-level cache.

Per sample and network, w weights cost about 3 w / lanes fused multiply-adds, of which two may start
in a cycle, and as many loads; a sample of its own for each network costs (n_in + n_out) loads and
stores of single numbers. Lanes do not pay where the parameters of a block leave the second-level
cache, or where the kernels for one network fill vectors themselves: see `pays`.

A backend has these functions:

    lanes(dtype) -> int
        Networks of a block.
    train_networks(training, first, stop, n_epochs, n_threads)
        Trains the networks of the blocks first to stop - 1, which have `reason` 0, for up to
        n_epochs epochs. What ends the training of one is told by its `reason`; its parameters are
        those at that moment. Releases the GIL.
    forward_networks(training, first, stop, X, rows, out, n_threads)
        out[network, t] = outputs for X[rows[network] + t], rows None: for X[t].

The reference, ensemble_reference.py, is the loop over networks, each trained as one alone, with
blocks of one network.
"""

from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np

from . import functions
from .interface import LAYER, RULES, Plan, Rule
from .memory import aligned_zeros

REASONS = ("", "epochs", "patience", "tol", "target_loss", "diverged")

NETWORK = np.dtype(
    [
        ("learning_rate", np.float64),
        ("momentum", np.float64),  # of the rules momentum and nesterov
        ("weight_decay", np.float64),
        ("first_row", np.intp),  # of X and Y: where its samples begin
        ("first_weight", np.intp),  # of weights
        ("first_watched", np.intp),  # of X_watched and Y_watched
        ("generator", np.uintp),  # address of its bit generator, for orders
        ("last", np.intp),  # epochs to train
        ("done", np.intp),  # epochs that were trained and finite
        ("reason", np.intp),  # index into REASONS
        ("best", np.float64),  # as parts of training/stopping.py
        ("without", np.intp),
        ("lowest", np.float64),
        ("best_epoch", np.intp),
    ],
    align=True,
)

# A layer: where its W, b (or -1) and blocks z, a and delta begin, counted in vectors; those of the
# blocks per sample.
PLACE = np.dtype([(name, np.intp) for name in ("W", "b", "z", "a", "delta")], align=True)


def refusal(plan: Plan) -> str:
    """Why networks of this plan cannot be trained in lanes; '' if they can."""
    if plan.heads is not None:
        return "heads"
    if plan.drops:
        return "dropout or noise in the inputs"
    if plan.mask is not None:
        return "masks"
    if plan.joins:
        return "shortcuts"
    if plan.has_rates:
        return "learning rates of layers"
    if plan.layers["frozen"].any():
        return "frozen layers"
    known = len(functions.ACTIVATIONS)
    if (plan.layers["activation"] >= known).any():
        return "activations of your own"
    if not 0 <= plan.loss < len(functions.LOSSES):
        return "losses of your own"
    return ""


def refused_rule(rule: Rule) -> str:
    """The same for a rule."""
    regular = rule.regularization
    for name, left_out in (("clip_norm", np.inf), ("max_norm", np.inf), ("weight_noise", 0)):
        if getattr(regular, name) != left_out:
            return name
    return ""


def has_room(plan: Plan, Y: np.ndarray) -> bool:
    """Whether losses of a few samples can be added up in the elements' type.

    Lanes do so, where the kernels for one network have float64: 1e17^2, 16 times, is finite.
    """
    return plan.dtype == np.float64 or bool(Y.min() > -1e17 and Y.max() < 1e17)


def pays(plan: Plan, rule: Rule, batch_size: int, lanes: int) -> bool:
    """Whether lanes are expected to be faster than the kernels for one network.

    Measured with 10-W-W-1, W up to 48, and 64-30-10. Vectors of 64 bytes take mini-batches as
    long as the parameters of a block, their gradient and a slot stay in the second-level cache.
    """
    widest = int(max(plan.layers["n_in"].max(), plan.layers["n_out"].max()))
    if batch_size == 1:
        return widest <= (48 if RULES[rule.code] in ("sgd", "momentum", "nesterov") else 96)
    n_bytes = lanes * plan.dtype.itemsize
    if n_bytes < 64:
        return widest <= 16
    return int(plan.layers["n_out"].max()) <= 48 and plan.n_parameters * n_bytes <= 200_000


@cache
def places(words: bytes, n_layers: int) -> np.ndarray:
    """PLACE of every layer of a plan, from the bytes of its layers."""
    layers = np.frombuffer(words, LAYER)
    found = np.zeros(n_layers, PLACE)
    parameters = units = 0
    for place, layer in zip(found, layers, strict=True):
        n_out = int(layer["n_out"])
        place["W"] = parameters
        parameters += int(layer["n_in"]) * n_out
        place["b"] = parameters if layer["b"] >= 0 else -1
        parameters += n_out if layer["b"] >= 0 else 0
        place["z"], place["a"], place["delta"] = units, units + n_out, units + 2 * n_out
        if layer["z"] == layer["a"]:  # the slope does not need z
            place["z"] = place["a"]
        units += 3 * n_out
    return found


def positions(plan: Plan) -> np.ndarray:
    """Where parameter k of a block is in `Plan.packed`: W input by input, not unit by unit."""
    numbers = np.arange(plan.n_parameters)
    found, start = [], 0
    for layer in plan.layers:
        n_in, n_out = int(layer["n_in"]), int(layer["n_out"])
        found.append(numbers[start : start + n_in * n_out].reshape(n_out, n_in).T.ravel())
        start += n_in * n_out
        if layer["b"] >= 0:
            found.append(numbers[start : start + n_out])
            start += n_out
    return np.concatenate(found)


@dataclass(eq=False, repr=False)
class Training:
    """Networks, samples and settings of one training.

    Attributes
    ----------
    plan : Plan
        Of every network.
    rule : Rule
        What all have in common; learning_rate, momentum and weight_decay are those of `networks`.
    networks : ndarray of NETWORK, shape (n_networks,)
    parameters : ndarray, shape (n_networks, n_parameters), plan.dtype
        As `Plan.packed`; those of blocks come from it, and go back with `take_back`.
    X, Y : ndarray, shape (n_rows, n_in) and (n_rows, n_out), plan.dtype, C-contiguous
    weights : ndarray, shape (n_weights,) float64, or None
    n_samples : int
        Of every network.
    batch_size : int
    shuffle : bool
        Whether every network draws an order of its samples for every epoch, with its generator.
    generators : list of numpy.random.Generator
    losses : ndarray, shape (n_epochs, n_networks) float64
        Overwritten: the mean loss of every epoch that was trained.
    watched : tuple of ndarray, or None
        X and Y to watch, and how many samples of them belong to a network.
    watched_losses : ndarray as losses, or None
    patience, tol, target_loss : as in `Network.fit`, or None
    best : ndarray as parameters, or None
        Overwritten: those of the best epoch, where there is one.
    """

    plan: Plan
    rule: Rule
    networks: np.ndarray
    parameters: np.ndarray
    X: np.ndarray
    Y: np.ndarray
    n_samples: int
    batch_size: int
    losses: np.ndarray
    weights: np.ndarray | None = None
    shuffle: bool = False
    generators: list = field(default_factory=list)
    watched: tuple[np.ndarray, np.ndarray, int] | None = None
    watched_losses: np.ndarray | None = None
    patience: int | None = None
    tol: float | None = None
    target_loss: float | None = None
    best: np.ndarray | None = None

    @cached_property
    def places(self) -> np.ndarray:
        """PLACE of every layer."""
        return places(self.plan.layers.tobytes(), len(self.plan.layers))

    @cached_property
    def n_batches(self) -> int:
        """Updates of an epoch."""
        return -(-self.n_samples // self.batch_size)

    def pack(self, lanes: int, chosen: np.ndarray | None = None) -> None:
        """Put the chosen networks (None: all) into blocks, with fresh state."""
        chosen = np.arange(len(self.networks)) if chosen is None else chosen
        n_blocks = -(-len(chosen) // lanes)
        self.lane_of = np.full((n_blocks, lanes), -1, np.intp)  # the network of a lane; -1: none
        self.lane_of.reshape(-1)[: len(chosen)] = chosen
        self.positions = positions(self.plan)
        self.theta = self._in_blocks(self.parameters[:, self.positions])
        slots = len(self.rule.row.slots)
        shape = n_blocks, slots, self.plan.n_parameters, lanes
        self.state = aligned_zeros(shape, self.plan.dtype)

    def _in_blocks(self, rows):
        """(n_networks, n) to (n_blocks, n, lanes), with 0 where there is no network."""
        n_blocks, lanes = self.lane_of.shape
        found = aligned_zeros((n_blocks, rows.shape[1], lanes), rows.dtype)
        step = max(1, 2**20 // rows.shape[1] // lanes)
        for start in range(0, n_blocks, step):
            part = self.lane_of[start : start + step]
            found[start : start + step] = rows[part].transpose(0, 2, 1)
            found[start : start + step].transpose(0, 2, 1)[part < 0] = 0
        return found

    def take_back(self) -> None:
        """Copy the parameters of all blocks to `parameters`."""
        n_blocks, lanes = self.lane_of.shape
        step = max(1, 2**20 // self.plan.n_parameters // lanes)
        for start in range(0, n_blocks, step):
            part = self.lane_of[start : start + step]
            rows = self.theta[start : start + step].transpose(0, 2, 1)[part >= 0]
            found = np.empty_like(rows)
            found[:, self.positions] = rows
            self.parameters[part[part >= 0]] = found

    def going_on(self) -> np.ndarray:
        """Which lanes have a network that is not at its end, shape (n_blocks, lanes)."""
        return (self.lane_of >= 0) & (self.networks["reason"][self.lane_of] == 0)

    def repack(self) -> None:
        """Leave out the networks that are at their end; the state of the others goes on."""
        self.take_back()
        going_on, lanes = self.going_on(), self.lane_of.shape[1]
        chosen, before = self.lane_of[going_on], self.state
        state = before.transpose(0, 3, 1, 2)[going_on]  # (n_chosen, slots, n_parameters)
        self.pack(lanes, chosen)
        padding = -len(chosen) % lanes
        state = np.concatenate([state, np.zeros((padding, *state.shape[1:]), state.dtype)])
        n_blocks = len(self.state)
        self.state[:] = state.reshape(n_blocks, lanes, *state.shape[1:]).transpose(0, 2, 3, 1)


def alike_orders() -> bool:
    """Whether the compiled orders are those of this version of NumPy; tried once."""
    return _alike_orders()


@cache
def _alike_orders() -> bool:
    from .cython import many

    ours, theirs = np.random.default_rng(1), np.random.default_rng(1)
    found = many(np.dtype(np.float32)).orders(ours, 64)
    return all(np.array_equal(order, theirs.permutation(len(order))) for order in found) and bool(
        ours.integers(2**60) == theirs.integers(2**60)
    )


def takes_momentum(rule: Rule) -> bool:
    """Whether the second number of a rule is a momentum of each network's own."""
    return RULES[rule.code] in ("momentum", "nesterov")
