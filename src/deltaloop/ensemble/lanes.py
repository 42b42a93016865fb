"""Trains an ensemble in lanes: blocks of networks, in calls short enough for Python to look in."""

from time import perf_counter

import numpy as np

from ..kernels import for_networks
from ..kernels.ensembles import Training

CALL_SECONDS = 0.05  # how long one compiled call may take
_GROUP = 8  # blocks that are trained side by side; calls are cut at multiples of it
_ROUNDS = 16  # in how many rounds networks that end early are left out
_PACKED = 0.75  # blocks are packed anew when this share of their lanes, or less, goes on


def train(training: Training, backend, n_threads: int, report=None) -> None:
    """Train all networks of `training` to their end.

    Ctrl-C ends it between two calls, after a KeyboardInterrupt that goes on to the caller; the
    parameters are those so far.
    """
    backend = for_networks(backend)
    networks = training.networks
    most = int(networks["last"].max())
    ends_early = (
        training.patience is not None
        or training.tol is not None
        or training.target_loss is not None
        or networks["last"].min() < most
    )
    training.pack(backend.lanes(training.plan.dtype))
    n_epochs = -(-most // _ROUNDS) if ends_early else most
    calls = _Calls(training, backend, n_threads)
    try:
        for start in range(0, most, n_epochs):
            target = min(start + n_epochs, most)
            calls.round(target, report, most)
            going_on = training.going_on()
            if not going_on.any():
                break
            if ends_early and going_on.mean() <= _PACKED:
                training.repack()
    finally:
        training.take_back()


class _Calls:
    """Chooses how many blocks and epochs a call gets, so that it takes about CALL_SECONDS."""

    def __init__(self, training, backend, n_threads):
        self.training, self.backend, self.n_threads = training, backend, n_threads
        self.most = 4 * _GROUP * n_threads  # blocks of a call
        self.per_second = 0.0  # epochs of a block

    def round(self, target, report, last) -> None:
        """Train every block up to epoch `target`."""
        training = self.training
        n_blocks = len(training.theta)
        for first in range(0, n_blocks, self.most):
            stop = min(first + self.most, n_blocks)
            done = self._done(first, stop)
            while done is not None and done < target:
                n = self._n_epochs(stop - first, target - done)
                began = perf_counter()
                self.backend.train_networks(training, first, stop, n, self.n_threads)
                elapsed = perf_counter() - began
                self.per_second = n * (stop - first) / max(elapsed, 1e-9)
                done = self._done(first, stop)
                if report is not None:
                    report(float(training.networks["done"].mean()) / last)

    def _done(self, first, stop):
        """Epochs of the networks of these blocks that go on; None without any."""
        lanes = self.training.lane_of[first:stop]
        lanes = lanes[lanes >= 0]
        networks = self.training.networks[lanes]
        going_on = networks["done"][networks["reason"] == 0]
        return int(going_on[0]) if len(going_on) else None

    def _n_epochs(self, n_blocks, left):
        if not self.per_second:
            return 1
        return int(np.clip(self.per_second * CALL_SECONDS / n_blocks, 1, left))
