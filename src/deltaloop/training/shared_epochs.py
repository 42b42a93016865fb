"""The book of a training on several ranks: rank 0 is asked, and all do what it says."""

import numpy as np

from .epochs import Epochs
from .measuring import Metrics


class SharedEpochs(Epochs):
    """As Epochs. Callbacks, progress, checkpoints and clocks are those of rank 0.

    Attributes
    ----------
    watches : bool
        Whether somebody on this rank looks in.
    """

    def __init__(self, net, run, settings, last, *, ranks, **more):
        super().__init__(net, run, settings, last, **more)
        self.ranks = ranks
        self.watches, self.looks = self.looks, True
        if self.validation is not None:
            self.n_watched = len(self.validation[0])

    def between(self, fraction, position):
        """As `Epochs.between`; all ranks agree."""
        if self.watches:
            super().between(fraction, position)
        self.reason = self.ranks.agree(self.reason, self.net._theta)
        if self.reason is not None:
            self.history.stop_reason, self.run.position = self.reason, position
        return self.reason is not None

    def _look(self, reason):
        if self.watches:
            reason = super()._look(reason)
        return self.ranks.agree(reason or self.reason, self.net._theta)

    def _validation_loss(self):
        # sum_r n_r C_r / sum_r n_r, added up in the same order everywhere
        mine = np.array([super()._validation_loss(), self.n_watched])
        losses, counts = self.ranks.gather(mine).T
        return float(losses @ counts / counts.sum())

    def __exit__(self, kind, error, traceback):
        if kind is not None and issubclass(kind, KeyboardInterrupt) and not self.ranks.is_over:
            others = [one for one in self.ranks.fail(error) if "KeyboardInterrupt" not in one[1]]
            if others:
                raise self.ranks.error_of(others) from None
        return super().__exit__(kind, error, traceback)


class SharedMetrics(Metrics):
    """Metrics of the rows of all ranks, whose predictions are brought together.

    Parameters as those of Metrics, and `ranks`.
    """

    def __init__(self, net, functions, X, Y, ranks):
        super().__init__(net, functions, X, Y)
        self.ranks = ranks
        counts = ranks.gather(np.array([len(X)], np.int64))[:, 0]
        self.first, self.n_rows = int(counts[: ranks.rank].sum()), int(counts.sum())
        self.Y = self._all(self.Y)

    def _predicted(self):
        return self._all(super()._predicted())

    def _all(self, rows):
        """The rows of all ranks, one rank after the other."""
        found = np.zeros((self.n_rows, *rows.shape[1:]), rows.dtype)
        found[self.first : self.first + len(rows)] = rows
        self.ranks.add(found)
        return found
