"""Aligned arrays, and the scratch memory that a backend computes in."""

import ctypes
import math
from typing import Any

import numpy as np

from ..inputs.checks import check_memory
from ..inputs.threads import processors
from .sparse_rows import SparseRows

ALIGNMENT = 64  # bytes: one cache line, one vector of x86-64-v4
PIECE = 256  # samples of a batch that one thread computes at once, so that they stay in cache
SHARE = 16  # threads take samples and rows of W in multiples of this: whole cache lines
CUT = 352 * 1024  # bytes per thread for copies of parts of large products, see products.pxi
GROUPS = 8  # of samples of a mini-batch, at most, whose gradients are computed apart
MOST_GROUPED = 2**17  # bytes of theta: sums of larger gradients cost more than they save
LISTED = 16  # bytes: two numbers
BLOCK = 16  # elements: the arrays in theta and Work.buffer start at multiples of this

# Where the arrays in Work.buffer begin, in elements; -1: the array is not there.
WORK = np.dtype(
    [
        ("batch_size", np.intp),  # samples that there is room for
        ("turned", np.intp),  # (widest, round_up(batch_size)): delta, transposed
        ("turned_prev", np.intp),  # the same for dC/da of the layer before
        ("partial", np.intp),  # (n_theta,): sums over the pieces of a batch so far
        ("groups", np.intp),  # (GROUPS, n_theta): gradients of groups of samples
        ("n_theta", np.intp),
        ("parts", np.intp),  # CUT bytes for every thread: copies of parts of large products
        ("gathered", np.intp),  # (batch_size, round_up(n_in)): rows of X, in order
        # LISTED bytes for round_up(batch_size) samples per thread: what is left of sparse rows
        ("listed", np.intp),
    ],
    align=True,
)


def round_up(n: int) -> int:
    """The smallest multiple of BLOCK that is at least n."""
    return -(-n // BLOCK) * BLOCK


def aligned_zeros(shape: int | tuple[int, ...], dtype) -> np.ndarray:
    """Zeros whose first byte sits on a 64-byte boundary."""
    dtype = np.dtype(dtype)
    n_bytes = math.prod(shape if isinstance(shape, tuple) else (shape,)) * dtype.itemsize
    if n_bytes == 0:  # as the state of rules without slots
        return np.zeros(shape, dtype)
    check_memory("this", n_bytes, "use a smaller batch_size, or narrower layers")
    buffer = np.zeros(n_bytes + ALIGNMENT, np.uint8)
    # a quarter of the time of buffer.ctypes.data
    address = ctypes.addressof(ctypes.c_char.from_buffer(buffer.data))
    return np.ndarray(shape, dtype, buffer, -address % ALIGNMENT)


class Work:
    """Scratch memory for mini-batches of up to `batch_size` samples, and the threads to use.

    `plan` is a Plan, `rule` a Rule of interface.py.

    `buffer` is laid out here, once, and `places` (one record of WORK) tells the backends where
    each array begins. First come the blocks z, a and delta of every layer, (batch_size, width)
    each, at batch_size times their offsets in LAYER. `costs`, (batch_size,) float64, receives the
    loss of every sample.

    train_epoch copies a mini-batch of X to `gathered` if X is dense and `order` is given, if X is
    SparseRows, batch_size is 1 and the rule, not a flat one, also moves the weights of inputs that
    are zero, and if inputs are dropped or noisy.

    `helpers` are the threads that a backend has started for it, or None; it keeps them here, and
    another Work may take them over. If the Work `chooses`, as many take part in a step as pay, by
    the clock; else all.

    With room for PIECE samples or more, dense mini-batches may be larger than the room: they are
    computed piece by piece, with the same result bit for bit.
    """

    def __init__(self, plan: Any, batch_size: int, n_threads: int = 1, gathers: bool = True):
        self.plan, self.batch_size, self.n_threads = plan, batch_size, n_threads
        self.chooses, self.helpers = False, None
        itemsize = plan.dtype.itemsize
        # W of hidden layers is laid out anew on the way back; other small products have both
        # factors in L1, or read the larger one only once
        cuts = batch_size >= 16 and (len(plan.layers) > 1 or plan.n_theta * itemsize > 2**15)
        turned = plan.widest * round_up(batch_size)
        partial = plan.n_theta if batch_size >= PIECE else 0
        groups = GROUPS * partial if plan.n_theta * itemsize <= MOST_GROUPED else 0
        parts = n_threads * CUT // itemsize if cuts else 0
        gathered = batch_size * round_up(plan.n_in) if gathers else 0
        listed = n_threads * round_up(batch_size) * LISTED // itemsize
        words, end = [batch_size], batch_size * plan.n_work
        for length in (turned, turned, partial, groups, parts, gathered, listed):
            words.append(end if length else -1)
            end += length
        words.insert(5, plan.n_theta)
        self.words = np.array(words, np.intp)
        self.buffer = aligned_zeros(end, plan.dtype)
        # with heads, the losses of one of them come after those of all
        self.costs = np.zeros(batch_size if plan.heads is None else 2 * batch_size)

    @property
    def places(self) -> np.ndarray:
        """`words` as one record of WORK, shape (1,)."""
        return self.words.view(WORK)

    @classmethod
    def for_batches(cls, plan: Any, X, rule: Any, batch_size: int, n_threads: int) -> "Work":
        """Room for mini-batches of X: one piece of dense ones, or whole ones of SparseRows.

        Threads that would get no samples, or no processor, are left out; of the others, as many
        as pay take part.
        """
        n_threads = min(n_threads, -(-batch_size // SHARE))
        if n_threads > 1:
            n_threads = min(n_threads, processors())
        if isinstance(X, SparseRows):
            gathers = rule.needs_zeros(batch_size) or plan.changes_inputs
            work = cls(plan, batch_size, n_threads, gathers=gathers)
        else:
            work = cls(plan, batch_size if batch_size <= PIECE else PIECE * n_threads, n_threads)
        work.chooses = True
        return work

    def rows(self, kind: str, layer: int, n_samples: int) -> np.ndarray:
        """View of 'z', 'a' or 'delta' of weight layer `layer`, shape (n_samples, n_out)."""
        record = self.plan.layers[layer]
        start, width = self.batch_size * int(record[kind]), int(record["width"])
        block = self.buffer[start : start + self.batch_size * width].reshape(-1, width)
        return block[:n_samples, : int(record["n_out"])]
