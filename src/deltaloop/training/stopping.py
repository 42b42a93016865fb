"""When training ends by itself."""

import math


class Stopping:
    """When the watched loss (validation, else training) has stopped falling."""

    def __init__(self, tol, patience, target_loss):
        # with both given, tol only says what falling is: patience ends training
        self.watching = "patience" if patience is not None else "tol" if tol is not None else None
        self.tol, self.patience, self.target_loss = tol or 0.0, patience or 1, target_loss
        self.best, self.epochs_without = math.inf, 0

    def reason(self, history):
        """'target_loss', 'patience', 'tol', or None to go on."""
        loss = (history.validation_loss or history.loss)[-1]
        if self.target_loss is not None and loss <= self.target_loss:
            return "target_loss"
        if loss < self.best - self.tol:
            self.best, self.epochs_without = loss, 0
            return None
        self.epochs_without += 1
        return self.watching if self.epochs_without >= self.patience else None
