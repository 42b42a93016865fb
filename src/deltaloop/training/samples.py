"""Where mini-batches come from: arrays in memory, or large ones that stay in their file."""

import sys

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError
from ..inputs import validation
from ..inputs.checks import one_per_sample
from ..kernels.sparse_rows import SparseRows
from .draws import permutation
from .listing import arranged

_MOST_BYTES = 2**23  # of X that are converted at a time
_BLOCK_BYTES = 2**20  # of X that lie together in a block
_MIXED = 32  # blocks from all over the file whose samples are mixed


class Samples:
    """Checked rows X and Y in memory.

    Attributes
    ----------
    n_samples : int
        Those that are trained on: without those that are held back for validation.
    sum_of_weights : float
        Of these.
    most : int
        Samples that one call of the kernels may have.
    """

    most = sys.maxsize

    def __init__(self, X, Y, weights=None):
        self.X, self.Y = X, Y
        self.chosen, self.n_samples = None, len(X)
        self.weigh(weights)

    def weigh(self, weights) -> None:
        """Take checked weights of the samples, or None."""
        self.weights = weights
        self.sum_of_weights = self.n_samples if weights is None else float(weights.sum())

    def arrange(self, mode, backend, needs_zeros: bool, batch_size: int) -> None:
        """List the values that are not zero, or not: see `arranged`."""
        if mode == "auto" and is_mapped(self.X):
            mode = False  # the list would be in memory
        self.X = arranged(self.X, mode, backend, needs_zeros, batch_size)

    def hold_back(self, held: np.ndarray):
        """Train without these samples; their rows X and Y."""
        self.chosen = np.setdiff1d(np.arange(len(self.X)), held, assume_unique=True)
        self.n_samples = len(self.chosen)
        self.sum_of_weights = (
            self.n_samples if self.weights is None else float(self.weights[self.chosen].sum())
        )
        if not self.sum_of_weights:
            raise InvalidInputError(
                "sample_weight is 0 for every sample that validation_split leaves for training; "
                "give validation_data"
            )
        return self.rows(held)

    def rows(self, which):
        """X and Y of some samples."""
        X = self.X.dense(which) if isinstance(self.X, SparseRows) else self.X[which]
        return X, self.Y[which]

    def all_rows(self):
        """X and Y of all samples that are trained on."""
        return (self.X, self.Y) if self.chosen is None else self.rows(self.chosen)

    def order(self, generator, shuffle: bool | str):
        """The order of an epoch; None: that of the rows."""
        if not shuffle:
            return self.chosen
        if shuffle == "blocks":
            order = order_in_blocks(generator, self.n_samples, self._block())
        else:
            order = new_order(generator, self.n_samples)
        return order if self.chosen is None else self.chosen[order]

    def _block(self):
        """Samples of a block."""
        X = self.X
        size = X.values.nbytes + X.columns.nbytes if isinstance(X, SparseRows) else X.nbytes
        return max(1, _BLOCK_BYTES * len(X) // max(1, size))

    def piece(self, order, start: int, stop: int):
        """X, Y, order, start, stop and weights for the kernels, of the samples start to stop."""
        return self.X, self.Y, order, start, stop, self.weights

    def weight_of(self, order, stop: int) -> float:
        """Sum of the weights of the first `stop` samples of an epoch."""
        if self.weights is None:
            return stop
        some = slice(stop) if order is None else order[:stop]
        return float(self.weights[some].sum())


class MappedSamples(Samples):
    """X and Y of a file, of which the kernels cannot read X where it lies: block by block.

    Every block goes through the door when it is needed. All of them are looked through here, so
    that what is wrong is told before anything is changed.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        As the door, of the first block that is not accepted.
    """

    def __init__(self, X, Y, net):
        if isinstance(Y, dict):  # of heads
            Y = {key: one_per_sample(f"Y[{key!r}]", part, len(X)) for key, part in Y.items()}
        else:
            Y = one_per_sample("Y", Y, len(X))
        super().__init__(np.asarray(X), Y)
        self.net = net
        self.most = max(1, _MOST_BYTES // (8 * net.sizes[0]))
        self.classes = np.zeros(len(X), np.intp)
        for start in range(0, len(X), self.most):
            self._look(start, min(start + self.most, len(X)))

    def _look(self, start, stop):
        """Check the samples start to stop, and see what targets there are."""
        validation.inputs(self.X[start:stop], self.net, f"X[{start}:{stop}]")
        some = self._targets(slice(start, stop))
        Y = validation.targets(some, stop - start, self.net, f"Y[{start}:{stop}]")
        from .class_weight import classes_of

        self.classes[start:stop] = classes_of(Y)

    def arrange(self, mode, backend, needs_zeros, batch_size):
        """Refuse to list what lies in a file."""
        if mode is True:
            raise InvalidInputError(
                "sparse=True lists the values of X in memory, but X lies in a file; leave sparse "
                "out, or give X as a matrix of scipy.sparse"
            )

    def rows(self, which):
        """As `Samples.rows`."""
        X = validation.inputs(self.X[which], self.net)
        return X, validation.targets(self._targets(which), len(X), self.net)

    def _targets(self, which):
        """Those of some samples, as they were given."""
        if isinstance(self.Y, dict):
            return {key: part[which] for key, part in self.Y.items()}
        return self.Y[which]

    def all_rows(self):
        """Refuse to bring everything into memory."""
        raise InvalidInputError(
            "metrics of X that lies in a file need validation_data, or validation_split"
        )

    def piece(self, order, start, stop):
        """As `Samples.piece`."""
        some = slice(start, stop) if order is None else order[start:stop]
        X, Y = self.rows(some)
        return X, Y, None, 0, len(X), None if self.weights is None else self.weights[some]


def is_mapped(array) -> bool:
    """Whether an array lies in a file, which memory only shows."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False


def n_held(n_samples: int, fraction: float) -> int:
    """How many samples are held back of that many."""
    return int(np.ceil(fraction * n_samples))


def split_off(generator, n_samples: int, fraction: float) -> np.ndarray:
    """Numbers, ascending, of ceil(fraction n_samples) samples that are drawn at random."""
    return np.sort(new_order(generator, n_samples)[: n_held(n_samples, fraction)])


def new_order(generator, n_samples):
    """A new order of the samples, which nobody else holds."""
    if type(generator) is np.random.Generator:
        return permutation(generator, n_samples)
    if not isinstance(generator, np.random.Generator):
        raise InvalidTypeError(f"net.generator must be a numpy Generator, got {generator!r}")
    order = np.array(permutation(generator, n_samples))
    whole = order.dtype.kind in "iu" and order.ndim == 1
    if not (whole and np.array_equal(np.sort(order), np.arange(n_samples))):
        raise InvalidInputError(
            f"net.generator.permutation({n_samples}) must give every number below {n_samples} "
            "once; use numpy.random.default_rng(seed)"
        )
    return order.astype(np.intp, copy=False)


def order_in_blocks(generator, n_samples: int, n_block: int) -> np.ndarray:
    """A new order of blocks of so many consecutive samples; those of _MIXED blocks are shuffled.

    So an epoch reads a file in long pieces, and has little of it at hand at a time.
    """
    blocks = new_order(generator, -(-n_samples // n_block))
    parts = []
    for first in range(0, len(blocks), _MIXED):
        starts = blocks[first : first + _MIXED, None] * n_block
        some = (starts + np.arange(n_block)).ravel()
        some = some[some < n_samples]
        parts.append(some[new_order(generator, len(some))])
    return np.concatenate(parts)


def drawn_noise(plan, generator, rule=None) -> int:
    """The seed of dropout and noise; nothing is drawn where there is none."""
    noisy = rule is not None and rule.regularization.weight_noise > 0
    return int(generator.integers(2**63)) if plan.drops or noisy else 0
