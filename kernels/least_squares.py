"""What a search for least squares keeps between two calls of a backend.

levenberg_marquardt walks over the samples again and again, and may be interrupted between any two
blocks of them: a Search says where it is. Everything is float64, whatever the network has.
"""

import math
import struct
from itertools import accumulate

import numpy as np

from ..inputs.checks import check_memory
from .interface import LAYER, Plan
from .memory import aligned_zeros

SMALLEST_MU = 1e-20  # below, increases would have to begin where mu makes no difference
# why a search has ended, by the code in SEARCH
REASONS = ("", "gradient", "mu", "target_loss", "not finite")
_PART = 144  # samples that are looked at together; their rows begin in different sets of a cache
_ACROSS, _MOST_DOTS, _DEEP = 4, 6, 144  # as in normal_equations.pxi and cholesky.pxi
_MOST_PAIRS = 512  # of inputs of a layer, whose rows are kept
_FIRST = 10**8  # multiplications of J^T J in the first slice: about ten milliseconds
_ROOM = 2**17  # elements of samples, z and a that stay in cache

# C's struct Search in least_squares.pxi
SEARCH = np.dtype(
    [
        ("mu", np.float64),
        ("decrease", np.float64),  # mu := decrease mu after a step, increase mu after a failure
        ("increase", np.float64),
        ("max_mu", np.float64),
        ("min_gradient", np.float64),
        ("target", np.float64),  # a mean loss
        ("sum_of_weights", np.float64),  # of the samples; n_samples without weights
        ("loss", np.float64),  # sum of the sample losses at theta
        ("total", np.float64),  # of those that were looked at in this phase
        ("gradient", np.float64),  # |dC/dtheta| at theta
        ("phase", np.intp),  # see least_squares.pxi
        ("first", np.intp),  # the next sample in this phase
        ("reason", np.intp),  # index into REASONS
        ("n_tries", np.intp),  # steps that were tried, accepted or not
        ("n_samples", np.intp),
        ("n_parameters", np.intp),
        ("width", np.intp),  # of a row of J^T (J, e), padded
        ("part", np.intp),  # samples that are looked at together
        ("n_units", np.intp),  # rows of z and a of all layers
        # where the arrays in Search.buffer begin, in elements, behind the sums of pairs
        ("normal", np.intp),  # (n_parameters, width): sums of J^T (J, e), upper triangle
        ("factor", np.intp),  # (n_parameters, width): the same, on its way to D U of Cholesky
        ("triangle", np.intp),  # (.., width): rows of U of Cholesky
        ("step", np.intp),  # (width,)
        ("trial", np.intp),  # (n_theta,): theta after the step that is tried
        # of these, samples are columns
        ("inputs", np.intp),  # (n_in + 1, room)
        ("targets", np.intp),  # (n_out, room)
        ("roots", np.intp),  # (room,) of the weights
        ("units", np.intp),  # (n_units, room): z and a
        ("deltas", np.intp),  # (units of all layers, part)
        ("rows", np.intp),  # (.., part): J and e for one output
        ("pairs", np.intp),  # (.., part): products of two inputs of a layer
        ("some", np.intp),  # (MOST_DOTS, part): products of two deltas, or rows of J
        # 0: the samples are all; 1: a part of them; 2: of a part of them all were looked at in this
        # phase, and `total` or `normal` becomes that of all before the next call
        ("shared", np.intp),
    ]
)
# C's struct Place in turned.pxi, one for every layer, behind the record of SEARCH
PLACE = np.dtype(
    [
        ("z", np.intp),  # rows: of units
        ("a", np.intp),
        ("delta", np.intp),  # of deltas
        ("first", np.intp),  # of the Jacobian: its first parameter
        ("sums", np.intp),  # in Search.buffer: of products of pairs; -1: it has none
    ]
)
_PACKED, _PLACE, _WORDS = (struct.Struct(words) for words in ("@10d23n", "@5n", "@7n"))
# n_in, n_out, width, W, b, z and a of a layer, which come first: quicker than a list of all fields
_LAYER = struct.Struct(f"@7n{LAYER.itemsize - 7 * LAYER['n_in'].itemsize}x")
_REASON, _REASON_AT = struct.Struct("@n"), 12 * 8  # and where it is in SEARCH
_FLOAT64 = np.dtype(np.float64)


class Search:
    """State and scratch memory of one search by Levenberg and Marquardt.

    For the doors of a backend it is a Work, too.

    Parameters
    ----------
    plan : Plan
        In float64.
    n_samples : int
    mu, decrease, increase, max_mu, min_gradient, target, sum_of_weights
        As in SEARCH.
    is_shared : bool
        Whether others search with more samples: every phase then ends with a pause, see `waits`.
        sum_of_weights and the losses are those of all.

    Attributes
    ----------
    record : bytearray
        One record of SEARCH, and one of PLACE for every layer.
    batch_size : int
        Samples that there is room for.
    words, buffer, costs
        As in Work; of the arrays of a Work there is none.
    first_guess : int
        Blocks of samples for the first call.
    """

    def __init__(
        self, plan: Plan, n_samples: int, *, mu=1e-3, decrease=0.1, increase=10.0, max_mu=1e10,
        min_gradient=1e-7, target=-math.inf, sum_of_weights=None, is_shared=False,
    ):  # fmt: skip
        layers = list(_LAYER.iter_unpack(plan.layers.data))
        places, n_pairs = bytearray(), 0
        n = n_units = n_deltas = sums = 0
        for number, (n_in, n_out, _, _, b, z, a) in enumerate(layers, 1):
            entering = n_in + (b >= 0)
            # of a last layer every output has its own inputs alone
            pairs = _pairs(entering, n_out) if number < len(layers) else 0
            at_a, n_units = n_units, n_units + n_out + 1
            at_z, n_units = (at_a, n_units) if z == a else (n_units, n_units + n_out)
            places += _PLACE.pack(at_z, at_a, n_deltas, n, sums if pairs else -1)
            n_deltas += n_out
            n += entering * n_out
            sums += pairs * (-(-n_out * (n_out + 1) // 2 // _ACROSS) * _ACROSS)
            n_pairs = max(n_pairs, pairs)
        n_in, n_out = layers[0][0], layers[-1][1]
        width = n + 8 & -8  # whole vectors of the longest kind, that of 8 float64
        part = min(_PART, n_samples + 7 & -8)
        # whole parts of the room, so that no sum depends on how much room there is
        most = _ROOM // (n_in + n_out + 2 + n_units) // part * part
        self.batch_size = min(n_samples, max(part, most))
        room = self.batch_size + 7 & -8
        lengths = (
            n * width, n * width, min(n, _DEEP) * width, width, plan.n_theta + 7 & -8,
            (n_in + 1) * room, n_out * room, room, n_units * room,
            n_deltas * part, (n + _ACROSS) * part, n_pairs * part, _MOST_DOTS * part,
        )  # fmt: skip
        *begins, end = accumulate(lengths, initial=sums + 7 & -8)
        if end > 2**20:
            advice = "use SCG() or LBFGS(), which need no matrix"
            check_memory(f"J^T J of {n} parameters, twice,", 8 * end, advice)
        total = n_samples if sum_of_weights is None else sum_of_weights
        settings = mu, decrease, increase, max_mu, min_gradient, target, total
        start = 0.0, 0.0, 0.0, 0, 0, 0, 0
        sizes = n_samples, n, width, part, n_units
        self.record = bytearray(_PACKED.pack(*settings, *start, *sizes, *begins, is_shared)) + places
        self.words = _WORDS.pack(self.batch_size, 0, 0, -1, -1, -1, -1)
        self.buffer = aligned_zeros(end, _FLOAT64)
        self.costs = self.buffer[:0]
        self.first_guess = max(1, _FIRST // (room * n * width))

    @property
    def state(self) -> np.ndarray:
        """`record` as an array of SEARCH, shape (1,)."""
        return np.frombuffer(self.record, SEARCH, 1)

    def array(self, name: str, *shape: int) -> np.ndarray:
        """View of an array in `buffer`."""
        first = int(self.state[name][0])
        return self.buffer[first : first + math.prod(shape)].reshape(shape)

    def normal(self) -> np.ndarray:
        """View of the sums of J^T (J, e)."""
        state = self.state[0]
        return self.array("normal", int(state["n_parameters"] * state["width"]))

    @property
    def waits(self) -> bool:
        """Whether `total`, or with `has_products` `normal()`, has to become a sum over all."""
        return bool(self.state["shared"][0] == 2)

    @property
    def has_products(self) -> bool:
        """Whether what waits are the products."""
        return bool(self.state["phase"][0] == 1)

    @property
    def total(self) -> float:
        """Sum of the losses that were looked at in this phase."""
        return float(self.state["total"][0])

    @total.setter
    def total(self, value: float) -> None:
        self.state["total"] = value

    @property
    def reason(self) -> str:
        """Why the search has ended; '' while it goes on."""
        return REASONS[_REASON.unpack_from(self.record, _REASON_AT)[0]]

    @property
    def fraction(self) -> float:
        """Share of the samples that were looked at since theta, or what is tried, has changed."""
        state = self.state[0]
        return float(state["first"] / state["n_samples"])

    @property
    def loss(self) -> float:
        """Mean loss at theta."""
        state = self.state[0]
        return float(state["loss"] / state["sum_of_weights"])


def _pairs(n_in: int, n_out: int) -> int:
    """Pairs of inputs of a layer whose products are multiplied with those of units; or 0.

    0 where that saves little: the block of J^T J has n_in n_out (n_in n_out + 1) / 2 sums.
    """
    pairs, of_units, n = n_in * (n_in + 1) // 2, n_out * (n_out + 1) // 2, n_in * n_out
    return pairs if pairs <= _MOST_PAIRS and 8 * pairs * of_units <= 3 * n * (n + 1) else 0


def columns_of(plan: Plan) -> np.ndarray:
    """Where the parameters are in theta, which has padding between them, in ascending order.

    A row of the Jacobian that a search multiplies has them in this order, without padding.
    """
    parts = []
    for layer in plan.layers:
        n_out, width = int(layer["n_out"]), int(layer["width"])
        n = int(layer["n_in"]) + (layer["b"] >= 0)  # b is the row after those of W
        rows = np.arange(int(layer["W"]), int(layer["W"]) + n * width, width)
        parts.append((rows[:, None] + np.arange(n_out)).ravel())
    return np.concatenate(parts)
