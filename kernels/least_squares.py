"""What a search for least squares keeps between two calls of a backend.

levenberg_marquardt walks over the samples again and again, and may be interrupted between any two
blocks of them: a Search says where it is. Everything is float64, whatever the network has.
"""

import math
import struct

import numpy as np

from ..inputs.checks import check_memory
from .interface import LAYER, Plan
from .memory import PIECE, aligned_zeros, round_up

SMALLEST_MU = 1e-20  # below, increases would have to begin where mu makes no difference
# why a search has ended, by the code in SEARCH
REASONS = ("", "gradient", "mu", "target_loss", "not finite")
_PART = 128  # samples that pass forward at once: PART in least_squares.pxi
_MOST_ROWS = 2**15  # elements of the Jacobian that are computed before they are multiplied
_FIRST = 10**8  # multiplications of J^T J in the first slice: about ten milliseconds
_ROOM = 2**17  # elements of z, a and delta that stay in cache

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
        ("width", np.intp),  # of a row of the Jacobian, with the error behind it, padded
        ("J_row", np.intp),  # from one such row to the next
        ("n_rows", np.intp),  # samples whose rows are computed at a time
        # where the arrays in Search.buffer begin, in elements
        ("trial", np.intp),  # (n_theta,): theta after the step that is tried
        ("normal", np.intp),  # (n_parameters, width): sums of J^T (J, e), upper triangle
        ("factor", np.intp),  # the same, on its way to the triangle U of Cholesky
        ("step", np.intp),  # (width,)
        ("rows", np.intp),  # (n_rows, J_row): (J, e)
        ("targets", np.intp),  # (room, n_out): of samples in float32
    ]
)
_N_IN, _N_OUT, _BIAS = (list(LAYER.names or ()).index(name) for name in ("n_in", "n_out", "b"))
_PACKED = struct.Struct("@10d15n")
_REASON, _REASON_AT = struct.Struct("@n"), 12 * 8  # and where it is in SEARCH
_FLOAT64 = np.dtype(np.float64)


class Search:
    """State and scratch memory of one search by Levenberg and Marquardt.

    For the kernels it is a Work, too: z, a and delta are in the same buffer.

    Parameters
    ----------
    plan : Plan
        In float64.
    n_samples : int
    mu, decrease, increase, max_mu, min_gradient, target, sum_of_weights
        As in SEARCH.
    copies : bool
        Whether samples may be SparseRows, or in float32: they are copied, block by block.

    Attributes
    ----------
    record : bytearray
        One record of SEARCH.
    batch_size : int
        Samples that there is room for.
    words, buffer, costs
        As in Work; `costs` is not used.
    first_guess : int
        Blocks of samples for the first call.
    """

    def __init__(
        self, plan: Plan, n_samples: int, *, mu=1e-3, decrease=0.1, increase=10.0, max_mu=1e10,
        min_gradient=1e-7, target=-math.inf, sum_of_weights=None, copies=True,
    ):  # fmt: skip
        layers = plan.layers.tolist()
        n = sum((layer[_N_IN] + (layer[_BIAS] >= 0)) * layer[_N_OUT] for layer in layers)
        n_in, n_out = layers[-1][_N_IN], layers[-1][_N_OUT]
        width = _whole_vectors(n + 1)
        # vectors that write the last layer reach beyond it: a row of W, or all of W for one unit
        last = n_out if n_out > 1 else n_in + (layers[-1][_BIAS] >= 0)
        beyond = n - last + _whole_vectors(n_out if n_out > 1 else n_in)
        J_row = _whole_vectors(max(n + 1, beyond))
        # whole parts of the room, so that no sum depends on how much room there is
        n_rows = _PART
        while n_rows > 16 and n_rows * width > _MOST_ROWS:
            n_rows //= 2
        n_rows = min(n_rows, round_up(n_samples))
        self.batch_size = room = min(n_samples, max(PIECE, _ROOM // plan.n_work // _PART * _PART))
        turned, gathered = plan.widest * round_up(room), room * round_up(layers[0][_N_IN])
        own = plan.n_theta, n * width, n * width, width, n_rows * J_row, room * n_out * copies
        places, end = [], 0
        for length in (room * plan.n_work, turned, turned, gathered * copies, *own):
            places.append(end)
            end += _whole_vectors(length)
        advice = "use SCG() or LBFGS(), which need no matrix"
        check_memory(f"J^T J of {n} parameters, twice,", 8 * end, advice)
        _, *turned_places, gathered_place = places[:4]
        self.words = np.array([room, *turned_places, -1, -1, gathered_place], np.intp)
        total = n_samples if sum_of_weights is None else sum_of_weights
        settings = mu, decrease, increase, max_mu, min_gradient, target, total
        begin = 0.0, 0.0, 0.0, 0, 0, 0, 0
        sizes = n_samples, n, width, J_row, n_rows
        self.record = bytearray(_PACKED.pack(*settings, *begin, *sizes, *places[4:]))
        self.buffer = aligned_zeros(end, _FLOAT64)
        self.costs = self.buffer[:0]
        self.first_guess = max(1, _FIRST // (room * n * width))

    @property
    def state(self) -> np.ndarray:
        """`record` as an array of SEARCH, shape (1,)."""
        return np.frombuffer(self.record, SEARCH)

    def array(self, name: str, *shape: int) -> np.ndarray:
        """View of an array in `buffer`."""
        first = int(self.state[name][0])
        return self.buffer[first : first + math.prod(shape)].reshape(shape)

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


def _whole_vectors(n: int) -> int:
    """The smallest multiple of 8 that is at least n: the longest vector of float64."""
    return -(-n // 8) * 8


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
