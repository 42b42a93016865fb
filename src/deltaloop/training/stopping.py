"""When training ends by itself, and which epoch was the best."""

import math


class Stopping:
    """Watches what is monitored: the loss (of the validation data, else of training) or a metric.

    Everything here follows from the record of the epochs, so that a training that is resumed
    only has to be shown its record again.

    Attributes
    ----------
    best_epoch : int or None
        The epoch, counted from 1, with the best value so far.
    """

    def __init__(self, tol, patience, target_loss, monitor="loss", sign=1.0, target=None):
        # with both given, tol only says what falling is: patience ends training
        self.watching = "patience" if patience is not None else "tol" if tol is not None else None
        self.tol, self.patience, self.target_loss = tol or 0.0, patience or 1, target_loss
        self.monitor, self.sign = monitor, sign  # sign * value: the lower the better
        self.target = None if target is None else sign * target
        self.best, self.epochs_without = math.inf, 0
        self.lowest, self.best_epoch = math.inf, None

    def may_stop(self) -> bool:
        """Whether there is anything that can end training."""
        return not (self.watching is self.target_loss is self.target is None)

    def monitored(self, history):
        """What is monitored of every epoch, the lower the better."""
        column = (
            _loss(history) if self.monitor == "loss" else history.metrics.get(self.monitor, [])
        )  # no entry before the first epoch
        return column if self.sign > 0 else [-value for value in column]

    def is_best(self, history) -> bool:
        """Whether the last epoch is better than all before it; nan is not."""
        value = self._last(history)
        if not value < self.lowest:
            return False
        self.lowest, self.best_epoch = value, len(history)
        return True

    def reason(self, history):
        """'target_loss', 'target', 'patience', 'tol', or None to go on."""
        value = self._last(history)
        if self.target_loss is not None and _loss(history)[-1] <= self.target_loss:
            return "target_loss"
        if self.target is not None and value <= self.target:
            return "target"
        if value < self.best - self.tol:
            self.best, self.epochs_without = value, 0
            return None
        self.epochs_without += 1
        return self.watching if self.epochs_without >= self.patience else None

    def replay(self, history) -> None:
        """Watch the epochs of an earlier training; when it should have ended does not count."""
        for epoch, value in enumerate(self.monitored(history), 1):
            if value < self.lowest:
                self.lowest, self.best_epoch = value, epoch
            if value < self.best - self.tol:
                self.best, self.epochs_without = value, 0
            else:
                self.epochs_without += 1
        if self.epochs_without >= self.patience:
            self.epochs_without = 0

    def _last(self, history):
        if self.monitor == "loss":
            return _loss(history)[-1]
        return self.sign * history.metrics[self.monitor][-1]


def _loss(history):
    return history.validation_loss or history.loss
