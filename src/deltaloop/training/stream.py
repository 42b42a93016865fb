"""Online learning: samples that come one by one, and a running loss."""

import math

import numpy as np

from ..errors import DivergenceError, InvalidInputError, shown
from ..inputs.checks import number
from ..kernels.session import in_dtype, rows


class Stream:
    """Learns every sample once, in the order in which they come.

    Each loss is taken before the sample is learned, so the running loss tells how well the
    network predicts what it has not seen (prequential evaluation: Dawid 1984).

    Parameters
    ----------
    net : Network
        Descends with `net.optimizer`.
    half_life : float
        Samples after which a loss counts half as much, > 0.

    Attributes
    ----------
    n_samples : int
        Samples learned so far.
    loss : float
        Mean of the losses, the one of k samples ago weighted by 2^(-k / half_life); nan before
        the first sample.

    Examples
    --------
    >>> import deltaloop as dl
    >>> net = dl.Network([1, 8, 1], activation="tanh", seed=1)
    >>> stream = net.stream(half_life=50)
    >>> for t in range(2000):
    ...     x = t % 10 / 10
    ...     _ = stream.learn([x], [x * x])
    >>> stream.n_samples, stream.loss < 0.01
    (2000, True)
    """

    def __init__(self, net, half_life: float = 100.0):
        half_life = number("half_life", half_life)
        if half_life <= 0:
            raise InvalidInputError(f"half_life must be > 0, got {half_life:g}")
        self.net, self.n_samples = net, 0
        self._keep = 0.5 ** (1 / half_life)
        self._sum = self._weight = 0.0

    @property
    def loss(self) -> float:
        """The running mean; see the class."""
        return self._sum / self._weight if self._weight else math.nan

    def predict(self, x):
        """Outputs (n_out,) for x (n_in,); as `Network.predict_one`."""
        return self.net.predict_one(x)

    def learn(self, x, y) -> float:
        """Learn one sample; returns its loss before, as `Network.learn_one`.

        Raises
        ------
        InvalidInputError
            A wrong length, or a value that is not finite; nothing was learned.
        BusyError
            As `Network.learn_one`.
        DivergenceError
            The loss or the parameters are not finite: the network is lost. Start again from a
            copy, with a lower learning_rate. `last_loss` is the running loss before.
        """
        net, scaling = self.net, self.net.scaling
        x_row = self._row("x", x, net.sizes[0], None if scaling is None else scaling.inputs)
        y_row = self._row("y", y, net.plan.n_targets, None if scaling is None else scaling.targets)
        loss = net._session.learn_one(x_row, y_row)
        if not math.isfinite(loss):
            before = f" (running loss so far {self.loss:g})" if self.n_samples else ""
            raise DivergenceError(
                f"the loss of sample {self.n_samples} is {loss:g}{before}; lower the learning_rate "
                "of net.optimizer, or scale x and y to unit variance",
                last_loss=self.loss if self.n_samples else None,
            )
        self.n_samples += 1
        self._sum = self._keep * self._sum + loss
        self._weight = self._keep * self._weight + 1
        return loss

    def _row(self, name, values, n, scaled):
        """`values` as the network takes them, shape (1, n), still finite."""
        row = rows(name, values, 0, n, np.float64 if scaled else self.net.dtype)
        if scaled:
            row = in_dtype(scaled(row), self.net.dtype)
        if not np.isfinite(row).all():
            raise InvalidInputError(
                f"{name} of sample {self.n_samples} has a value that is not finite, or not in "
                f"{self.net.dtype}: {shown(values)}; leave this sample out"
            )
        return row
