"""What a search for least squares keeps between two calls of a backend.

levenberg_marquardt walks over the samples again and again, and may be interrupted between any two
blocks of them: a Search says where it is. Everything is float64, whatever the network has.
"""

import numpy as np

from ..inputs.checks import check_memory
from .interface import PIECE, Plan, Work, aligned_zeros

SMALLEST_MU = 1e-20  # below, increases would have to begin where mu makes no difference
# why a search has ended, by the code in SEARCH
REASONS = ("", "gradient", "mu", "target_loss", "not finite")
_MOST_ROWS = 2**15  # elements of the Jacobian that are computed before they are multiplied
_ROOM = 2**17  # elements of z, a and delta that stay in cache

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
        ("n_rows", np.intp),  # samples whose rows are computed at a time
        # where the arrays in Search.buffer begin, in elements
        ("trial", np.intp),  # (n_theta,): theta after the step that is tried
        ("normal", np.intp),  # (n_parameters, width): sums of J^T (J, e), upper triangle
        ("factor", np.intp),  # the same, on its way to the triangle U of Cholesky
        ("step", np.intp),  # (width,)
        ("rows", np.intp),  # (n_rows, width) and one vector: (J, e)
        ("targets", np.intp),  # (room, n_out): of samples in float32
    ],
    align=True,
)


class Search:
    """State and scratch memory of one search by Levenberg and Marquardt.

    Attributes
    ----------
    record : ndarray of SEARCH, shape (1,)
    columns : ndarray of intp, shape (n_parameters,)
        Where in theta the parameters are, in ascending order: their places in a row of J.
    buffer : ndarray of float64
    work : Work
    """

    def __init__(
        self, plan: Plan, n_samples: int, *, mu=1e-3, decrease=0.1, increase=10.0, max_mu=1e10,
        min_gradient=1e-7, target=-np.inf, sum_of_weights=None,
    ):  # fmt: skip
        self.columns = columns_of(plan)
        n = len(self.columns)
        width = -(-(n + 1) // 8) * 8
        n_rows = min(-(-n_samples // 16) * 16, max(16, min(128, _MOST_ROWS // width // 16 * 16)))
        room = min(n_samples, max(PIECE, _ROOM // plan.n_work))
        lengths = {
            "trial": plan.n_theta,
            "normal": n * width,
            "factor": n * width,
            "step": width,
            "rows": n_rows * width + 16,
            "targets": room * int(plan.layers[-1]["n_out"]),
        }
        check_memory(
            f"J^T J of {n} parameters, twice,",
            8 * sum(lengths.values()),
            "use SCG() or LBFGS(), which need no matrix",
        )
        record = {
            "mu": mu, "decrease": decrease, "increase": increase, "max_mu": max_mu,
            "min_gradient": min_gradient, "target": target, "n_samples": n_samples,
            "sum_of_weights": n_samples if sum_of_weights is None else sum_of_weights,
            "n_parameters": n, "width": width, "n_rows": n_rows,
        }  # fmt: skip
        end = 0
        for name, length in lengths.items():
            record[name] = end
            end += -(-length // 8) * 8
        self.record = np.array([tuple(record.get(name, 0) for name in SEARCH.names)], SEARCH)
        self.buffer = aligned_zeros(end, np.float64)
        self.work = Work(plan, room)

    @property
    def loss(self) -> float:
        """Mean loss of theta."""
        return float(self.record["loss"][0] / self.record["sum_of_weights"][0])

    @property
    def reason(self) -> str:
        """Why the search has ended; '' while it goes on."""
        return REASONS[self.record["reason"][0]]

    def array(self, name: str, *shape: int) -> np.ndarray:
        """View of an array in `buffer`."""
        first = int(self.record[name][0])
        return self.buffer[first : first + int(np.prod(shape))].reshape(shape)


def columns_of(plan: Plan) -> np.ndarray:
    """Where the parameters are in theta, which has padding between them: ascending."""
    parts = []
    for layer in plan.layers:
        n_out, width = int(layer["n_out"]), int(layer["width"])
        n = int(layer["n_in"]) + (layer["b"] >= 0)  # b is the row after those of W
        rows = np.arange(int(layer["W"]), int(layer["W"]) + n * width, width)
        parts.append((rows[:, None] + np.arange(n_out)).ravel())
    return np.concatenate(parts)
