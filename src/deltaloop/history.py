"""What training reports: one row per epoch."""

import math
from dataclasses import dataclass, field


@dataclass
class History:
    """Record of a call of `fit`, one entry per finished epoch.

    Attributes
    ----------
    loss : list of float
        Mean over the epoch of the sample losses, each taken before the update that used the
        sample.
    validation_loss : list of float
        Loss on the validation data after the epoch; empty without validation data.
    seconds : list of float
        Duration of the epoch, training alone.
    stop_reason : str
        'epochs' (all were run), 'tol', 'target_loss' or 'interrupted'.

    Examples
    --------
    >>> import deltaloop as dl
    >>> X, y = dl.datasets.load("xor")
    >>> history = dl.Network([2, 3, 1]).fit(X, y, epochs=2)
    >>> sorted(history.to_dict())
    ['loss', 'seconds', 'stop_reason', 'validation_loss']
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    stop_reason: str = "epochs"

    def __len__(self) -> int:
        """Number of finished epochs."""
        return len(self.seconds)

    def to_dict(self) -> dict:
        """The record as plain lists and strings, ready for JSON."""
        return {
            "loss": list(self.loss),
            "validation_loss": list(self.validation_loss),
            "seconds": list(self.seconds),
            "stop_reason": self.stop_reason,
        }

    def plot(self, ax=None):
        """Draw the losses over the epochs; needs matplotlib.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; left out, a new figure.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        MissingDependencyError
            matplotlib is not installed.
        """
        from .plotting import plot_history

        return plot_history(self, ax)

    def __repr__(self) -> str:
        rows = _chosen(range(len(self)), most=12)
        lines = [f"History: {len(self)} epochs, stopped by {self.stop_reason}"]
        if len(self):
            head = f"{'epoch':>7} {'loss':>12}"
            head += f" {'validation':>12}" if self.validation_loss else ""
            lines.append(head + f" {'seconds':>9}")
        previous = -1
        for row in rows:
            if row != previous + 1:
                lines.append(f"{'...':>7}")
            text = f"{row + 1:>7} {self.loss[row]:>12.6g}"
            if self.validation_loss:
                text += f" {self.validation_loss[row]:>12.6g}"
            lines.append(text + f" {self.seconds[row]:>9.3g}")
            previous = row
        return "\n".join(lines)


def _chosen(rows, most):
    """Up to `most` of the rows, evenly spread, the first and the last among them."""
    if len(rows) <= most:
        return list(rows)
    step = (len(rows) - 1) / (most - 1)
    return [rows[math.floor(k * step + 0.5)] for k in range(most)]
