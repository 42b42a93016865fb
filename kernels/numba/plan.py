"""The records of kernels/interface.py as kernels see them: blocks of 8-byte words.

A record is filled by the doors and handed on as one pointer. A word is a whole number or an
address; what it is, its reader knows.
"""

from functools import reduce

from llvmlite import ir

from ..functions import LOSSES
from ..interface import ACTIVATIONS, BLOCK, LAYER, WORK
from .lanes import DOUBLE_TYPE, INT, Pointer, Value

# words of a layer: interface.LAYER
N_IN, N_OUT, WIDTH, W, B, Z, A, DELTA, ACTIVATION, ALPHA, F, SLOPE = range(len(LAYER.names))
LAYER_WORDS = len(LAYER.names)

# words of interface.WORK
(BATCH_SIZE, TURNED_PLACE, TURNED_PREV_PLACE, PARTIAL_PLACE, _, GATHERED_PLACE) = range(
    len(WORK.names)
)

# words of a Net and of Rows; see the attributes below
(LAYERS, N_LAYERS, LOSS, LOSS_PARAMETER, THETA, ROOM, BUFFER, GATHERED, TURNED, TURNED_PREV,
 PARTIAL, COSTS, ONE, NET_WORDS) = range(14)  # fmt: skip
(DENSE, ROW, STARTS, COLUMNS, VALUES, ORDER, FIRST, WEIGHTS, SHARE_OF_WEIGHT,
 ROWS_WORDS) = range(10)  # fmt: skip

COLUMN = ir.IntType(32)

# codes of losses and activations that have a shorter way from z to the loss
_CANONICAL = [
    (code, ACTIVATIONS.index(row.partner))
    for code, row in enumerate(LOSSES.values())
    if row.is_canonical
]


class Layer:
    """One weight layer of a Net; its blocks begin at a sample."""

    def __init__(self, net, k, first=0):
        self.net, self.words, self.first = net, net.layers + k * LAYER_WORDS, first
        self.n_in, self.n_out, self.width, self.offset = (
            self.words.get(name) for name in (N_IN, N_OUT, WIDTH, W)
        )
        self.W = net.theta + self.offset  # (n_in, width)

    @property
    def activation(self) -> Value:
        """Its code."""
        return self.words.get(ACTIVATION)

    @property
    def alpha(self) -> Value:
        """The parameter of leaky_relu and elu."""
        return self.words.reinterpreted(DOUBLE_TYPE).get(ALPHA).as_real(self.net.emitter.real)

    @property
    def f(self) -> Value:
        """The address of a user's f."""
        return self.words.get(F)

    @property
    def slope(self) -> Value:
        """The address of its slope."""
        return self.words.get(SLOPE)

    def _block(self, name) -> Pointer:
        """(room, width)"""
        return self.net.work + (self.net.room * self.words.get(name) + self.width * self.first)

    @property
    def z(self) -> Pointer:
        """Weighted inputs, (room, width)."""
        return self._block(Z)

    @property
    def a(self) -> Pointer:
        """Activations, (room, width)."""
        return self._block(A)

    @property
    def delta(self) -> Pointer:
        """dC/dz, (room, width)."""
        return self._block(DELTA)

    @property
    def b_offset(self) -> Value:
        """Of b in theta; negative without bias."""
        return self.words.get(B)

    @property
    def b(self) -> Pointer:
        """(width,), or null."""
        offset = self.b_offset
        return self.net.emitter.address_or_null(offset.compare("<", 0), self.net.theta, offset)


class Net:
    """Plan, theta and Work of one call."""

    def __init__(self, emitter, words: Pointer):
        self.emitter, self.words = emitter, words

    def _address(self, k, element=None) -> Pointer:
        return self.words.address(k, element or self.emitter.real)

    layers = property(lambda self: self._address(LAYERS, INT))  # (n_layers, LAYER_WORDS)
    n_layers = property(lambda self: self.words.get(N_LAYERS))
    loss = property(lambda self: self.words.get(LOSS))
    theta = property(lambda self: self._address(THETA))  # (n_theta,)
    room = property(lambda self: self.words.get(ROOM))  # samples that work has room for
    work = property(lambda self: self._address(BUFFER))  # blocks z, a, delta: at room * offset
    gathered = property(lambda self: self._address(GATHERED))  # (room, round_up(n_in))
    turned = property(lambda self: self._address(TURNED))  # (widest, round_up(room)): delta^T
    turned_prev = property(lambda self: self._address(TURNED_PREV))  # the same for its image
    partial = property(lambda self: self._address(PARTIAL))  # (n_theta,), if room >= PIECE
    costs = property(lambda self: self._address(COSTS, DOUBLE_TYPE))  # (room,)
    one = property(lambda self: self._address(ONE))  # the number 1: the input of every bias
    # the positions of what is not zero, beside their values in turned_prev
    index = property(lambda self: self._address(TURNED, COLUMN))

    def layer(self, k, first=0) -> Layer:
        """Layer k, with blocks that begin at sample `first`."""
        return Layer(self, k, first)

    @property
    def loss_parameter(self) -> Value:
        """What the row of the loss calls p."""
        words = self.words.reinterpreted(DOUBLE_TYPE)
        return words.get(LOSS_PARAMETER).as_real(self.emitter.real)

    @property
    def last(self) -> Value:
        """Number of the last layer."""
        return self.n_layers - 1


class Rows:
    """Samples, dense or, as interface.SparseRows, sparse; sample t is row order[first + t]."""

    def __init__(self, emitter, words: Pointer):
        self.emitter, self.words = emitter, words

    dense = property(lambda self: self.words.address(DENSE, self.emitter.real))  # null: sparse
    row = property(lambda self: self.words.get(ROW))  # elements from row to row
    starts = property(lambda self: self.words.address(STARTS, INT))
    columns = property(lambda self: self.words.address(COLUMNS, COLUMN))
    values = property(lambda self: self.words.address(VALUES, self.emitter.real))
    order = property(lambda self: self.words.address(ORDER, INT))  # or null
    first = property(lambda self: self.words.get(FIRST))
    # of targets: one per row, or null where all are 1
    weights = property(lambda self: self.words.address(WEIGHTS, DOUBLE_TYPE))

    @property
    def share_of_weight(self) -> Value:
        """N / sum of the weights of the mini-batch."""
        return self.words.reinterpreted(DOUBLE_TYPE).get(SHARE_OF_WEIGHT)

    @property
    def are_sparse(self) -> Value:
        """Truth value."""
        return self.dense.is_null()

    def number(self, t) -> Value:
        """Where sample t lies."""
        k = self.first + t
        found = self.emitter.variable(k)
        with self.emitter.unless(self.order.is_null()):
            found.set(self.order.get(k))
        return found.get()

    def dense_row(self, t) -> Pointer:
        """Sample t of dense rows: (n_columns,)."""
        return self.dense + self.number(t) * self.row

    def listed(self, t) -> tuple[Value, Pointer, Pointer]:
        """Sample t of sparse rows: how many values, their columns, the values."""
        number = self.number(t)
        start = self.starts.get(number)
        n = self.starts.get(number + 1) - start
        return n, self.columns + start, self.values + start

    def from_sample(self, first) -> Pointer:
        """A record of the same rows, counted from `first` on."""
        words = self.emitter.words(ROWS_WORDS)
        for k in range(ROWS_WORDS):
            words.set(k, self.words.get(k))
        words.set(FIRST, first)
        return words


def round_up(n: Value) -> Value:
    """The smallest multiple of interface.BLOCK that is at least n."""
    return (n + (BLOCK - 1)) // BLOCK * BLOCK


def padded_width(n: Value) -> Value:
    """4, 8 or the next multiple of 16, as in the interface."""
    eight = n.compare("<=", 8).choose(8, round_up(n))
    return n.compare("<=", 4).choose(4, eight)


def is_canonical(loss: Value, activation: Value) -> Value:
    """Whether the loss and dC/dz are computed from the logits z."""
    pairs = [
        loss.compare("==", one).both(activation.compare("==", other)) for one, other in _CANONICAL
    ]
    return reduce(Value.either, pairs)
