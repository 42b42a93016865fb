"""The contract between the Python API and a backend.

A backend is a module with `NAME`, `describe()` and these functions:

    forward(plan, theta, X, out, work) -> bool
        out[t] = output activations of sample t. Returns True only if z of the first layer was
        found to be finite, and with it X; a backend that does not check returns False.
    loss_gradient(plan, theta, X, Y, grad, work, weights=None) -> loss
        Mean loss of the samples, weighted with `weights`; grad (None: not wanted) receives
        dC/dtheta in the layout of theta. If n_samples <= work.batch_size, `work.rows` then gives
        a and delta of every layer, and z of the last one and of those whose slope needs it.
        delta[t] = dC_t/dz is that of the cost C_t of sample t alone, so that
        dC/dW = mean over t of delta[t] a_prev[t]^T. (With weights w, delta[t] is multiplied by
        w_t n / sum_s w_s, which makes this the weighted mean.)
    backward(plan, theta, X, dC_da, grad, dC_dx, work)
        From dC/da (a: the outputs) of a cost C that is a sum over the samples: grad (or None)
        receives dC/dtheta in the layout of theta, dC_dx (or None) dC/dx of every sample.
    train_epoch(plan, theta, state, rule, X, Y, order, start, stop, batch_size, work,
                total=0.0, step=0, weights=None, rates=None, noise=0, squares=None) -> total
        Gradient descent over the samples order[start:stop] (None: start..stop-1) in
        mini-batches of batch_size, the last one possibly shorter. theta and state are
        updated in place. Returns `total` plus the *sum* of the sample losses, each taken
        before the update that used it. With `weights` w the cost of a mini-batch is
        sum_t w_t C_t / sum_t w_t, the total adds up w_t C_t, and a mini-batch whose weights are
        all 0 has the gradient 0. Calls on slices of an epoch that begin at multiples of
        batch_size give exactly the result of one call, if each gets the total of the one
        before. Stops early once the total is no longer finite. `step` is the number of updates
        made so far with this state (Adam's bias correction needs it). `rates` has the learning
        rate of every mini-batch of this call; None: that of the rule. `noise` is the seed of
        dropout and noise, from 0 to 2^64 - 1: the masks follow from it, the number of the step, the
        layer and the position of the sample in its mini-batch (see `reference.kept`).
        ||W||^2 of all weights, without biases, before every step is added to squares[0].
    apply_gradient(plan, theta, state, rule, grad, step)
        One step with a gradient from elsewhere: in the layout of theta, with 0 in its padding. It
        is overwritten. `step` as in train_epoch.
    jacobian(plan, theta, X, out, work)
        out[t, o] = da_o/dtheta of sample t, in the layout of theta, with 0 in its padding. Work
        gathers where X is SparseRows.
    levenberg_marquardt(plan, theta, X, Y, search, losses, n_blocks, weights=None) -> n_steps
        Steps of least squares, see least_squares.py: theta is updated in place, losses[k] receives
        the mean loss after accepted step k. Ends when losses is full, when search.reason says why,
        or after n_blocks blocks of samples (the reference: after a step); the next call with the
        same `search` goes on there. A shared search ends with every phase as well, where
        search.waits for sums over other samples (not in the reference). The plan has float64 and
        the loss mse, theta and losses float64; X and Y may have float32.
    sparse_rows(X) -> SparseRows
        The non-zero values of an array (n_samples, n_in): SparseRows.from_dense.
    session(plan, theta, batch_size=1, turns=None) -> kernels.session.Session, or the like
        For many small calls on one network; `turns` (kernels.turns.Turns) keeps the calls of
        several threads apart.

With work.n_threads > 1 forward and mini-batches of train_epoch split their work over up to that
many threads; every result is the same bit for bit. Dense mini-batches of PIECE samples or more
may be computed in groups, whose gradients are added up in order: they depend on the mini-batch
alone, never on work. A backend with a limit states it: MAX_THREADS. One whose attribute
`reproducible` is True gives the same bits on every processor that it runs on. It has no jacobian
and no levenberg_marquardt.

| argument | shape, dtype                                   | direction |
|----------|------------------------------------------------|-----------|
| plan     | Plan                                           | read      |
| theta    | (plan.n_theta,) plan.dtype, 64-byte aligned     | read; updated by train_epoch |
| state    | (rule.n_slots, plan.n_theta) plan.dtype         | updated   |
| rule     | Rule                                           | read      |
| X        | (n_samples, n_in) plan.dtype, unit stride in a row; or SparseRows | read |
| Y        | (n_samples, n_targets) plan.dtype, unit stride in a row | read |
| order    | (n_samples,) intp, or None                     | read      |
| dC_da    | (n_samples, n_out) plan.dtype, unit stride in a row | read     |
| dC_dx    | (n_samples, n_in) plan.dtype, C-contiguous, or None | overwritten |
| weights  | (n_samples,) float64 >= 0, row by row as Y; None: all 1 | read |
| rates    | (mini-batches of the call,) float64, or None    | read |
| squares  | (1,) float64, or None                           | added to |
| grad     | (plan.n_theta,) plan.dtype, or None             | overwritten |
| out      | (n_samples, n_out) plan.dtype, C-contiguous     | overwritten |
| work     | Work                                           | overwritten |

The distance from one row of X or Y to the next is a positive number of elements, at least
the length of a row.

Whatever the caller's floating-point environment is, the loops of kernels round to nearest and trap
nothing (hyper-parameters are converted, and the mean of loss_gradient taken, in the caller's). In
train_epoch, state whose magnitude is below the smallest normal number becomes 0.

A backend checks nothing: shapes, dtypes and finiteness were checked at the door. (Predictions may
leave the finiteness of X to the result of forward: a check of its own would cost a tenth more.) It
does not allocate, raise or touch Python objects between the first sample and the last, and it
releases the GIL. Trouble is reported by a value: a loss that is not finite.

What the words mean here and in the backends:

    batch     the samples of one step of gradient descent, a mini-batch
    piece     the samples of a large batch that are computed at once: PIECE of them per thread
    share     what one thread takes of a piece, or of the rows of W, in multiples of SHARE
    block     z, a or delta of one layer for all samples that there is room for
    room      samples that Work has memory for
    row       of X: a sample; of W: the weights that leave one input
    tile      a few rows and columns of a product, whose sums stay in registers
    strip     tiles side by side: as many rows as a tile, all columns
    panel     as many columns of B as a tile is wide, with all their rows
    part      of a product that is cut to fit the caches: some rows of A, some rows and columns of B
    session   a network, room and the state of an optimiser, for many small calls
    handle    how compiled code reaches a session: a struct of functions, deltaloop.h
    turn      a thread's time with a network that other threads use too
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from . import functions
from .memory import ALIGNMENT, BLOCK, aligned_zeros, round_up

# A code is the index in one of these tuples; the compiled code has the same order.
ACTIVATIONS = tuple(functions.ACTIVATIONS)
LOSSES = tuple(functions.LOSSES)
RULES = tuple(functions.RULES)

# Users' functions are called by address, once per sample and layer. They get the n_out units
# without padding, must not raise, and stay alive as long as the process:
#     f(z, a, n)                  a = f(z)
#     slope(z, a, delta, n)       delta: dC/da in, dC/dz = dC/da f'(z) out
#     loss(a, y, dC_da, n)        returns the loss of one sample, a float64; dC_da is overwritten
# z, a, y, delta and dC_da point to n elements of Plan.dtype, n is intp.
CUSTOM = len(ACTIVATIONS)  # the code of an activation with addresses
# The same in Python, by address, for one unit: f(z), slope(z, a), or (loss(a, y), dC/da(a, y)).
FUNCTIONS: dict[int, Callable | tuple[Callable, Callable]] = {}

# One weight layer. Offsets count elements: those of W and b from the start of theta, those of z, a
# and delta per sample (the block starts at Work.batch_size * offset in Work.buffer).
LAYER = np.dtype(
    [
        ("n_in", np.intp),
        ("n_out", np.intp),
        ("width", np.intp),  # n_out padded to 4, 8 or whole cache lines
        ("W", np.intp),  # (n_in, width): row i holds the weights that leave input i
        ("b", np.intp),  # (width,), or -1 without bias
        ("z", np.intp),  # (width,); the same as a where f(z) may overwrite z
        ("a", np.intp),  # (width,)
        ("delta", np.intp),  # (width,)
        ("activation", np.intp),  # index into ACTIVATIONS, or CUSTOM
        ("alpha", np.float64),  # parameter of leaky_relu and elu
        ("f", np.intp),  # address of the user's f and slope if the activation is CUSTOM, else 0
        ("slope", np.intp),
        ("dropped", np.intp),  # (width,): what dropout leaves of a in training, or a itself
        ("dropout", np.float64),  # probability that a unit is dropped
        ("frozen", np.intp),  # 1: training leaves W and b as they are
        ("rate_of_W", np.float64),  # what the learning rate is multiplied by for W, and for b
        ("rate_of_b", np.float64),
        # Shortcuts: bit s says that the activations of layer s (0: the inputs) enter as well, after
        # those of the layer before and in the order of s. n_in counts all of them.
        ("shortcuts", np.intp),
        ("joined", np.intp),  # (joined_row,): what enters, side by side
        ("returned", np.intp),  # (joined_row,): dC/d of it
        ("joined_row", np.intp),  # n_in padded to a multiple of BLOCK, or 0 without shortcuts
    ],
    align=True,
)

GAUSSIAN = -1  # the code of gaussian_nll, the loss of a head with n means and n variances

# One of the heads that share the units of the last layer. It is a layer whose z are some columns of
# that of the last layer, with a loss of its own: C = sum of weight C_head. Those fields of its
# layer that belong to W and b are not used.
HEAD = np.dtype(
    [
        ("layer", LAYER),
        ("first", np.intp),  # column of its first output
        ("first_target", np.intp),  # column of its first target; it has n_targets
        ("n_targets", np.intp),  # n_out, or half of that with GAUSSIAN
        ("loss", np.intp),  # index into LOSSES, the address of a function, or GAUSSIAN
        ("loss_parameter", np.float64),
        ("weight", np.float64),
    ],
    align=True,
)


def _keeps_z(activation) -> bool:
    return not isinstance(activation, str) or functions.ACTIVATIONS[activation].keeps_z


def _parted(heads, work, dtype) -> tuple[np.ndarray | None, int]:
    """Records of HEAD, and the elements of work per sample with theirs."""
    if not heads:
        return None, work
    found = np.zeros(len(heads), HEAD)
    first = first_target = 0
    for record, (n_out, activation, alpha, loss, parameter, weight) in zip(
        found, heads, strict=True
    ):
        record["n_targets"], record["weight"] = n_out, weight
        record["loss_parameter"] = parameter
        record["loss"] = LOSSES.index(loss) if isinstance(loss, str) else loss
        n_units = 2 * n_out if loss == GAUSSIAN else n_out
        layer = record["layer"]
        layer["n_out"], layer["width"], layer["b"] = n_units, padded_width(n_units, dtype), -1
        layer["alpha"] = alpha
        if isinstance(activation, str):
            layer["activation"] = ACTIVATIONS.index(activation)
        else:
            layer["activation"], (layer["f"], layer["slope"]) = CUSTOM, activation
        for block in ("z", "a", "delta"):
            layer[block] = work
            work += round_up(int(layer["width"]))
        layer["dropped"] = layer["a"]
        record["first"], record["first_target"] = first, first_target
        first, first_target = first + n_units, first_target + n_out
    found.flags.writeable = False
    return found, work


def padded_width(n: int, dtype) -> int:
    """Row length for n units: 4, 8, or whole cache lines of 64 bytes.

    >>> [padded_width(n, np.float32) for n in (1, 5, 9, 20)]
    [4, 8, 16, 32]
    >>> [padded_width(n, np.float64) for n in (1, 5, 9, 20)]
    [4, 8, 16, 24]
    """
    line = ALIGNMENT // np.dtype(dtype).itemsize
    return 4 if n <= 4 else 8 if n <= 8 else -(-n // line) * line


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """Where everything of a network lies in memory: the description a backend works from.

    Attributes
    ----------
    layers : ndarray of LAYER, shape (n_layers,)
    loss : int
        Index into LOSSES, or the address of a function.
    loss_parameter : float
        p in the loss's row of functions.py.
    dtype : numpy.dtype
        float32 or float64.
    n_theta : int
        Length of theta, padding included.
    n_work : int
        Elements of z, a and delta per sample.
    widest : int
        Width of the widest layer, or of what enters one: rows of the largest delta, transposed.
    input_dropout : float
        Probability that an input is dropped in training.
    input_noise : float
        Standard deviation of what is added to every input in training, before any is dropped.
    mask : ndarray, shape (n_theta,) in dtype, or None
        1 where there is a parameter, 0 where a weight stays 0: in gradients, and after steps.
    heads : ndarray of HEAD, shape (n_heads,), or None
        How the units of the last layer are parted, which then is linear, and has no loss itself.
    inputs_at : int
        Where the block of the inputs begins, (round_up(n_in),) per sample, if shortcuts start
        there; else -1.
    plain : ndarray of intp, shape (1,)
        1: a step on one sample needs nothing but the sample, see `by_batches`.
    """

    layers: np.ndarray
    loss: int
    loss_parameter: float
    dtype: np.dtype
    n_theta: int
    n_work: int
    widest: int
    input_dropout: float = 0.0
    mask: np.ndarray | None = None
    plain: np.ndarray = field(default_factory=lambda: np.ones(1, np.intp))
    input_noise: float = 0.0
    heads: np.ndarray | None = None
    inputs_at: int = -1

    @classmethod
    def build(
        cls, n_in: int, units: Sequence, loss: str | int, dtype,
        loss_parameter: float | None = None, dropout: Sequence[float] = (),
        masks: Sequence[np.ndarray | None] = (), rates: Sequence[tuple[float, float]] = (),
        input_noise: float = 0.0, heads: Sequence = (), shortcuts: Sequence[Sequence[int]] = (),
    ) -> "Plan":  # fmt: skip
        """Lay out a network; `units` has (n_out, activation, alpha, bias) for every layer.

        An activation is a name or the addresses (f, slope); a loss is a name or an address;
        `dropout` has the probabilities for the inputs and every hidden layer, `masks` an array of
        bool (n_out, n_in) for every layer, or None: the connections that there are; `rates` has
        rate_of_W and rate_of_b of every layer; `heads` has
        (n_out, activation, alpha, loss, loss_parameter, weight) for every head, where a loss is as
        above, or GAUSSIAN, with n_out means and as many variances after them; `shortcuts` has
        the numbers of the layers (0: the inputs) that enter every layer beside the one before.
        """
        layers = np.zeros(len(units), LAYER)
        theta = work = 0
        input_dropout, *of_layers = dropout or (0.0,)
        of_layers += [0.0] * (len(units) - len(of_layers))
        n_units = [n_in, *(n_out for n_out, *_ in units)]
        for index, (n_out, activation, alpha, bias) in enumerate(units):
            sources = sorted(shortcuts[index]) if shortcuts else ()
            n_in = n_units[index] + sum(n_units[source] for source in sources)
            layer, width = layers[index], padded_width(n_out, dtype)
            layer["n_in"], layer["n_out"], layer["width"] = n_in, n_out, width
            layer["W"], layer["b"] = theta, theta + n_in * width if bias else -1
            theta += round_up((n_in + bias) * width)
            layer["z"] = layer["a"] = work
            layer["delta"] = work + round_up(width)
            work += 2 * round_up(width)
            layer["alpha"] = alpha
            if isinstance(activation, str):
                layer["activation"] = ACTIVATIONS.index(activation)
            else:
                layer["activation"], (layer["f"], layer["slope"]) = CUSTOM, activation
            # z is kept beside a for users' slopes, some of ours, and losses on logits
            if _keeps_z(activation) or index == len(units) - 1:
                layer["z"] = work
                work += round_up(width)
            layer["dropped"], layer["dropout"] = layer["a"], of_layers[index]
            if of_layers[index]:
                layer["dropped"] = work
                work += round_up(width)
            if sources:
                layer["shortcuts"] = sum(1 << source for source in sources)
                layer["joined_row"] = round_up(n_in)
                layer["joined"], layer["returned"] = work, work + round_up(n_in)
                work += 2 * round_up(n_in)
        if theta == ((layers["n_in"] + (layers["b"] >= 0)) * layers["n_out"]).sum():
            theta += BLOCK  # so that its length tells theta from the parameters without padding
        inputs_at = -1
        if (layers["shortcuts"] & 1).any():
            inputs_at, work = work, work + round_up(n_units[0])
        parted, work = _parted(heads, work, dtype)
        layers["rate_of_W"], layers["rate_of_b"] = zip(*rates, strict=True) if rates else (1, 1)
        layers.flags.writeable = False
        widest = int(max(layers["width"].max(), layers["joined_row"].max()))
        code = LOSSES.index(loss) if isinstance(loss, str) else loss
        if loss_parameter is None:
            row = functions.LOSSES[loss] if isinstance(loss, str) else None
            loss_parameter = row.parameter.default if row and row.parameter else 0.0
        dtype = np.dtype(dtype)
        plan = cls(
            layers, code, loss_parameter, dtype, theta, work, widest, input_dropout,
            input_noise=input_noise, heads=parted, inputs_at=inputs_at,
        )  # fmt: skip
        if any(mask is not None for mask in masks):
            ones = aligned_zeros(theta, dtype)
            ones[:] = 1
            for index, connections in enumerate(masks):
                if connections is not None:
                    plan.W(ones, index)[:] = connections
            object.__setattr__(plan, "mask", ones)
        plan.freeze([False] * len(units))
        return plan

    def copy(self) -> "Plan":
        """The same with a description of the layers of its own, which `freeze` may change."""
        plan = object.__new__(Plan)
        for name in _FOUND_ONCE:  # and kept by all copies
            getattr(self, name)
        layers = self.words.copy().view(LAYER)[:, 0]  # a fifth of the time of a copy of records
        plan.__dict__.update(self.__dict__, layers=layers, plain=self.plain.copy())
        del plan.__dict__["words"]
        plan.layers.flags.writeable = False
        return plan

    def freeze(self, which: Sequence[bool]) -> None:
        """Which layers training leaves as they are."""
        self.layers.flags.writeable = True
        self.layers["frozen"] = which
        self.layers.flags.writeable = False
        self.plain[0] = not (
            self.drops or self.has_rates or self.joins or any(which) or self.mask is not None
        )

    @property
    def by_batches(self) -> bool:
        """Whether one sample is learned as a mini-batch.

        With dropout, noise, masks, shortcuts, frozen layers, or learning rates of layers.
        """
        return not self.plain[0]

    @cached_property
    def drops(self) -> bool:
        """Whether there is dropout, or noise in the inputs."""
        return self.changes_inputs or bool(self.layers["dropout"].any())

    @property
    def changes_inputs(self) -> bool:
        """Whether the inputs of a step are not those of the sample."""
        return self.input_dropout > 0 or self.input_noise > 0

    @cached_property
    def has_rates(self) -> bool:
        """Whether a layer has a learning rate of its own."""
        return bool((self.layers["rate_of_W"] != 1).any() or (self.layers["rate_of_b"] != 1).any())

    @cached_property
    def joins(self) -> bool:
        """Whether there are shortcuts."""
        return bool(self.layers["shortcuts"].any())

    @cached_property
    def n_targets(self) -> int:
        """Targets of a sample: as many as outputs, but for variances, which have none."""
        if self.heads is None:
            return int(self.layers[-1]["n_out"])
        return int(self.heads["n_targets"].sum())

    @cached_property
    def n_in(self) -> int:
        """Inputs of the network."""
        return int(self.layers[0]["n_in"])

    @cached_property
    def words(self) -> np.ndarray:
        """The layers as intp, shape (n_layers, fields of LAYER); alpha is its bit pattern."""
        return self.layers.view(np.intp).reshape(len(self.layers), -1)

    def W(self, theta: np.ndarray, layer: int) -> np.ndarray:
        """View of theta: weights of weight layer `layer` (0-based), shape (n_out, n_in)."""
        n_in, n_out, width, start, _ = self._places[layer]
        return theta[start : start + n_in * width].reshape(n_in, width)[:, :n_out].T

    def b(self, theta: np.ndarray, layer: int) -> np.ndarray | None:
        """View of theta: biases of weight layer `layer`, shape (n_out,); None without bias."""
        _, n_out, _, _, start = self._places[layer]
        return None if start < 0 else theta[start : start + n_out]

    @cached_property
    def _places(self) -> list[tuple[int, ...]]:
        """n_in, n_out, width, W and b of every layer, which are read often."""
        return [tuple(map(int, of)) for of in self.layers[["n_in", "n_out", "width", "W", "b"]]]

    def views(self, theta: np.ndarray) -> Iterator[np.ndarray]:
        """W and, where there is one, b of every layer, in the order of `packed`."""
        for layer in range(len(self.layers)):
            yield self.W(theta, layer)
            b = self.b(theta, layer)
            if b is not None:
                yield b

    def rows(self, theta: np.ndarray) -> list[np.ndarray]:
        """Views of theta: the rows of every layer, shape (n_in, n_out), with b as the last one."""
        return [
            theta[start : start + n_rows * width].reshape(n_rows, width)[:, :n_out]
            for n_rows, n_out, width, start in self._rows
        ]

    @cached_property
    def _rows(self) -> list[tuple[int, ...]]:
        return [(n_in + (b >= 0), n_out, width, W) for n_in, n_out, width, W, b in self._places]

    @cached_property
    def n_parameters(self) -> int:
        """Weights and biases, padding not counted."""
        return int(((self.layers["n_in"] + (self.layers["b"] >= 0)) * self.layers["n_out"]).sum())

    def packed(self, theta: np.ndarray) -> np.ndarray:
        """A copy without padding, shape (n_parameters,): every W row by row, then its b."""
        return np.concatenate([view.ravel() for view in self.views(theta)])

    def unpack(self, vector: np.ndarray, theta: np.ndarray) -> None:
        """Copy what is laid out as `packed` into theta."""
        start = 0
        for view in self.views(theta):
            view[:] = vector[start : start + view.size].reshape(view.shape)
            start += view.size


_FOUND_ONCE = [name for name, of in vars(Plan).items() if isinstance(of, cached_property)]


@dataclass(frozen=True)
class Regularization:
    """What acts on the gradient g and the weights W, but no biases, in every step, in this order.

    Attributes
    ----------
    clip_value : float
        g is limited to [-clip_value, clip_value], element by element.
    clip_norm : float
        g, of all parameters together, is scaled down to this norm where its norm is larger.
    l1, l2 : float
        g := g + l1 sign(w) + l2 w, the slope of l1 |w| + l2/2 w^2.
    weight_decay : float
        w := (1 - learning_rate weight_decay) w before the step of the rule, which has its gradient
        from before.
    max_norm : float
        After the step the weights that lead to one unit are scaled down to this norm.
    weight_noise : float
        Standard deviation of what is added to the weights, but no biases, of trained layers while
        the gradient of a step is computed.
    """

    l1: float = 0.0
    l2: float = 0.0
    weight_decay: float = 0.0
    clip_value: float = math.inf
    clip_norm: float = math.inf
    max_norm: float = math.inf
    weight_noise: float = 0.0


NONE = Regularization()


@dataclass(frozen=True)
class Rule:
    """One optimiser as the kernels see it.

    Attributes
    ----------
    code : int
        Index into RULES.
    hyper : tuple of float
        Hyper-parameters in the order of the rule's row in functions.py, the learning rate first.
    regularization : Regularization
    """

    code: int
    hyper: tuple[float, ...]
    regularization: Regularization = NONE

    @classmethod
    def of(cls, name: str, *hyper: float, regularization: Regularization = NONE) -> "Rule":
        """The rule of that name in functions.py."""
        return cls(RULES.index(name), hyper, regularization)

    @cached_property
    def row(self) -> functions.RuleRow:
        """Its row in functions.py."""
        return functions.RULES[RULES[self.code]]

    @cached_property  # asked for in every call
    def is_flat(self) -> bool:
        """Whether the step is one pass over theta, after the gradient of all parameters.

        A fused rule with a state takes the penalty l2 along.
        """
        if not self.row.is_fused:
            return True
        others = replace(self.regularization, l2=0.0) if self.row.slots else self.regularization
        return others != NONE

    def needs_zeros(self, batch_size: int) -> bool:
        """Whether steps on sparse rows take them with their zeros.

        A fused rule with a state moves every weight straight from a single sample. Plain SGD moves
        those of the inputs that are not zero, all others have the gradient first.
        """
        return batch_size == 1 and not self.is_flat and bool(self.row.slots)

    @cached_property
    def n_slots(self) -> int:
        """Arrays of the size of theta that are kept between steps.

        Those of its row; before them, for a flat rule, one for the gradient; after them, with
        weight noise, one for the noisy parameters.
        """
        return len(self.row.slots) + self.is_flat + (self.regularization.weight_noise > 0)
