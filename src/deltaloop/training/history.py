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
        the update that used the sample.
    validation_loss : list of float
        Loss on the validation data after the epoch; empty without validation data.
    seconds : list of float
        Time spent in the kernels during the epoch.
    stop_reason : str
        'epochs' (all were run); what ended training before: 'patience' where it was given (with
        or without tol), 'tol' where that alone was, or 'target_loss'; or 'interrupted'.

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
        from .plots import plot_history

        return plot_history(self, ax)

    def __repr__(self) -> str:
        shown = _chosen(len(self), most=12)
        head = f"History: {len(self)} epoch" + ("" if len(self) == 1 else "s")
        head += "" if self.stop_reason == "epochs" else f", stopped: {self.stop_reason}"
        head += f"; {len(shown)} of them:" if len(shown) < len(self) else ""
        rows: list[tuple[str, ...]] = [("epoch", "loss", "validation loss", "seconds")]
        for epoch in shown:
            watched = f"{self.validation_loss[epoch]:.6g}" if self.validation_loss else ""
            rows.append(
                (str(epoch + 1), f"{self.loss[epoch]:.6g}", watched, f"{self.seconds[epoch]:.3g}")
            )
        if not self.validation_loss:
            rows = [(row[0], row[1], row[3]) for row in rows]
        return "\n".join([head, *aligned(rows, ">" * len(rows[0]))] if shown else [head])


def _chosen(n, most):
    """Up to `most` of 0..n-1, evenly spread, the first and the last among them."""
    if n <= most:
        return list(range(n))
    return [round(k * (n - 1) / (most - 1)) for k in range(most)]
