"""What training reports: one row per epoch."""

from dataclasses import dataclass, field

from ..text import aligned


@dataclass
class History:
    """Record of a call of `fit`, one entry per finished epoch.

    Attributes
    ----------
    loss : list of float
        Mean over the epoch of the sample losses (weighted, with sample_weight), each taken before
        the update that used the sample. With LevenbergMarquardt, SCG and LBFGS: the loss after the
        step, that of the parameters then.
    validation_loss : list of float
        Loss on the validation data after the epoch; empty without validation data.
    seconds : list of float
        Time spent in the kernels during the epoch.
    stop_reason : str
        'epochs' (all were run); what ended training before: 'patience' where it was given (with
        or without tol), 'tol' where that alone was, 'target_loss', 'target', 'max_seconds', or
        'callback NAME'; or 'interrupted'. With LevenbergMarquardt, SCG and LBFGS also 'gradient'
        (its norm is below min_gradient), and 'mu' or 'no_progress' (no step lowers the loss).
    learning_rate : list of float
        Of the first update of the epoch; it changes with a `schedule`.
    metrics : dict of str to list of float
        Those that `fit` was asked for, after the epoch, on the validation data if there are any,
        else on the training data.
    best_epoch : int or None
        The epoch, counted from 1, with the best value of what is monitored: the loss (of the
        validation data if there are any) or a metric. With restore_best the parameters are those
        after it.

    Examples
    --------
    >>> import deltaloop as dl
    >>> X, y = dl.datasets.load("xor")
    >>> history = dl.Network([2, 3, 1]).fit(X, y, epochs=2)
    >>> list(history.to_dict())
    ['loss', 'validation_loss', 'seconds', 'learning_rate', 'metrics', 'best_epoch', 'stop_reason']
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    stop_reason: str = "epochs"
    learning_rate: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    best_epoch: int | None = None

    def __len__(self) -> int:
        """Number of finished epochs."""
        return len(self.seconds)

    def to_dict(self) -> dict:
        """The record as plain lists and strings, ready for JSON."""
        return {
            "loss": list(self.loss),
            "validation_loss": list(self.validation_loss),
            "seconds": list(self.seconds),
            "learning_rate": list(self.learning_rate),
            "metrics": {name: list(values) for name, values in self.metrics.items()},
            "best_epoch": self.best_epoch,
            "stop_reason": self.stop_reason,
        }

    def copy(self) -> "History":
        """A record of its own with the same rows."""
        fresh = History(**self.__dict__)
        for name in ("loss", "validation_loss", "seconds", "learning_rate"):
            setattr(fresh, name, list(getattr(self, name)))
        fresh.metrics = {name: list(values) for name, values in self.metrics.items()}
        return fresh

    def columns(self) -> dict[str, list[float]]:
        """Everything that has a value per epoch, by its name; metrics come last."""
        found = {
            "loss": self.loss,
            "validation_loss": self.validation_loss,
            "learning_rate": self.learning_rate,
            "seconds": self.seconds,
        }
        return {name: column for name, column in found.items() if column} | self.metrics

    def plot(self, ax=None):
        """Draw the record over the epochs; needs matplotlib.

        Losses are on a logarithmic axis where they are above 0. A dotted line marks the best
        epoch, where that is not the last.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw the losses alone. Left out, a new figure, with panels below for every
            metric, and for the learning rate if it changes.

        Returns
        -------
        matplotlib Axes
            That of the losses; its `figure.axes` has all of them.

        Raises
        ------
        InvalidInputError
            No epoch was finished.
        MissingDependencyError
            matplotlib is not installed.
        """
        from .plots import plot_history

        return plot_history(self, ax)

    def __repr__(self) -> str:
        shown = _chosen(len(self), most=12)
        head = f"History: {len(self)} epoch" + ("" if len(self) == 1 else "s")
        head += "" if self.stop_reason == "epochs" else f", stopped: {self.stop_reason}"
        head += f"; {len(shown)} of them:" if len(shown) < len(self) else ""
        if not shown:
            return head
        columns = self._shown_columns()
        rows: list[tuple[str, ...]] = [("epoch", *columns)]
        for epoch in shown:
            values = (f"{column[epoch]:.{digits}g}" for column, digits in columns.values())
            rows.append((str(epoch + 1), *values))
        return "\n".join([head, *aligned(rows, ">" * len(rows[0]))])

    def _shown_columns(self):
        """(values, digits) by the head of the column; a rate that never changes is none."""
        columns = {"loss": (self.loss, 6)}
        if self.validation_loss:
            columns["validation loss"] = (self.validation_loss, 6)
        columns |= {name.replace("_", " "): (values, 4) for name, values in self.metrics.items()}
        if len(set(self.learning_rate)) > 1:
            columns["learning rate"] = (self.learning_rate, 4)
        return columns | {"seconds": (self.seconds, 3)}

    def __setstate__(self, state: dict) -> None:
        """Take what pickle kept; earlier versions had fewer columns."""
        self.__init__()  # type: ignore[misc]
        self.__dict__.update(state)


def _chosen(n, most):
    """Up to `most` of 0..n-1, evenly spread, the first and the last among them."""
    if n <= most:
        return list(range(n))
    return [round(k * (n - 1) / (most - 1)) for k in range(most)]
