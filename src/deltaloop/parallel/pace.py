"""How long a step and an exchange take, and what follows for the number of steps in between."""

import copy
import math
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidInputError
from ..inputs.checks import whole_number
from .comms import as_comm

_SHARE = 0.05  # of the time that exchanges may take
_MOST = 100  # steps alone
_TIMES = 30  # exchanges that are measured


class Pace(NamedTuple):
    """What `measure` returns; times are in seconds, those of the slowest rank.

    Attributes
    ----------
    step : float
        One update alone, with the share of a mini-batch that a rank has.
    exchange : float
        The sum of an array as long as the parameters over all ranks.
    size : int
        Number of ranks.
    """

    step: float
    exchange: float
    size: int

    def efficiency(self, average_every: int | None = None) -> float:
        """The share of the time that is spent on steps: k step / (k step + exchange).

        Examples
        --------
        >>> import deltaloop as dl
        >>> pace = dl.parallel.Pace(step=200e-6, exchange=50e-6, size=2)
        >>> pace.efficiency(), round(pace.efficiency(10), 2)
        (0.8, 0.98)
        """
        steps = (average_every or 1) * self.step
        return steps / (steps + self.exchange)

    @property
    def average_every(self) -> int | None:
        """What to give to `fit`: None where exchanges take a twentieth or less of every update.

        Else the smallest number of steps alone, up to 100, for which they do.
        """
        if self.efficiency() >= 1 - _SHARE:
            return None
        return min(_MOST, math.ceil(self.exchange / self.step * (1 / _SHARE - 1)))


def measure(net, X, Y, *, comm, batch_size: int, optimizer=None) -> Pace:
    """Time steps and exchanges of a training that `fit` would make; all ranks call it.

    Parameters
    ----------
    net : Network
        Is left as it is.
    X, Y
        Some samples of this rank, as for `fit`: the more, the better the measurement.
    comm, batch_size, optimizer
        As in `fit`.

    Returns
    -------
    Pace

    Raises
    ------
    InvalidInputError, InvalidTypeError
        As `fit`.
    """
    comm = as_comm(comm)
    size = whole_number("batch_size", batch_size)
    if size < comm.size:
        raise InvalidInputError(
            f"batch_size={size} counts the samples of all {comm.size} ranks; give more"
        )
    share = min(-(-size // comm.size), len(X))
    settings: dict[str, Any] = {"batch_size": share, "optimizer": optimizer, "epochs": 3}
    history = copy.deepcopy(net).fit(X, Y, **settings)
    step = min(history.seconds) / -(-len(X) // share)
    flat, best = np.zeros(net.theta.size, net.dtype), math.inf
    for _ in range(_TIMES):
        began = perf_counter()
        comm.allreduce(flat)
        best = min(best, perf_counter() - began)
    slowest = np.zeros(2 * comm.size)
    slowest[2 * comm.rank : 2 * comm.rank + 2] = step, best
    comm.allreduce(slowest)
    step, best = slowest.reshape(-1, 2).max(axis=0)
    return Pace(float(step), float(best), comm.size)
