"""What the networks of an ensemble answer: outputs, their mean and interval, losses."""

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError
from ..inputs import validation
from ..inputs.checks import check_memory, number, whole_number
from ..kernels import ensembles, for_networks
from ..kernels.memory import PIECE, Work
from ..network import Network
from ..parts.optimizers import SGD
from .arguments import Rows, n_dimensions, weights_of

_ANSWERS = 2**24  # predicted values that are held at a time


class Answering:
    """The part of `Ensemble` that predicts."""

    # set by Ensemble
    parameters: property
    _template: Network
    sizes: property
    dtype: property

    def __len__(self) -> int:
        raise NotImplementedError

    def __getitem__(self, which):
        raise NotImplementedError

    def predict(self, X, n_threads: int = 1) -> np.ndarray:
        """Outputs of every network for every sample.

        Parameters
        ----------
        X : array_like, shape (n_samples, n_in), or (n, n_samples, n_in) with samples of each
        n_threads : int, default 1

        Returns
        -------
        ndarray, shape (n, n_samples, n_out)
            In the dtype of the networks.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            X is not accepted, or the result would be larger than the memory.
        """
        X, first, n_samples = self._inputs(X)
        n_threads = whole_number("n_threads", n_threads)
        n_values = len(self) * n_samples * self.sizes[-1]
        check_memory(
            "all predictions", n_values * self.dtype.itemsize,
            "use mean or interval, or fewer samples at a time",
        )  # fmt: skip
        return self._outputs(X, first, n_samples, n_threads)

    def _inputs(self, X):
        """Checked rows, where those of a network begin (None: shared), and samples of each."""
        if n_dimensions("X", X) != 3:
            X = validation.inputs(X, self._template)
            if not isinstance(X, np.ndarray):
                raise InvalidTypeError("an ensemble does not take matrices of scipy.sparse")
            return np.ascontiguousarray(X), None, len(X)
        shape = np.shape(X)
        if shape[0] != len(self):
            raise InvalidInputError(
                f"X must have shape (n_samples, {self.sizes[0]}) or ({len(self)}, n_samples, "
                f"{self.sizes[0]}), got {shape}"
            )
        X = validation.inputs(np.asarray(X).reshape(-1, shape[2]), self._template)
        return np.ascontiguousarray(X), np.arange(len(self)) * shape[1], shape[1]

    def _outputs(self, X, first, n_samples, n_threads):
        plan, backend = self._template.plan, for_networks(self._template.backend)
        out = np.empty((len(self), n_samples, self.sizes[-1]), self.dtype)
        if not ensembles.pays(plan, SGD().rule(), 1, backend.lanes(self.dtype)):
            work, theta = Work(plan, min(n_samples, PIECE)), np.zeros_like(self._template._theta)
            for index in range(len(self)):
                start = 0 if first is None else first[index]
                plan.unpack(self.parameters[index], theta)
                rows = X[start : start + n_samples]
                self._template.backend.forward(plan, theta, rows, out[index], work)
            return out
        training = ensembles.Training(
            plan, SGD().rule(), np.zeros(len(self), ensembles.NETWORK), self.parameters, X, X, 1,
            1, np.empty((0, len(self))),
        )  # fmt: skip
        training.pack(backend.lanes(self.dtype))
        backend.forward_networks(training, 0, len(training.theta), X, first, out, n_threads)
        return out

    def mean(self, X, n_threads: int = 1) -> np.ndarray:
        """Mean of the outputs over the networks, shape (n_samples, n_out) float64.

        Parameters
        ----------
        X : array_like, shape (n_samples, n_in)
        n_threads : int, default 1

        Raises
        ------
        InvalidInputError, InvalidTypeError
            X is not accepted.
        """
        return self._over_networks(X, n_threads, lambda out: out.mean(axis=0, dtype=np.float64))

    def interval(self, X, level: float = 0.9, n_threads: int = 1) -> np.ndarray:
        """The interval that holds the middle `level` of the networks' outputs.

        With networks that were trained on bootstrap samples this is the percentile interval of the
        prediction (not of the targets, whose noise comes on top).

        Parameters
        ----------
        X : array_like, shape (n_samples, n_in)
        level : float, default 0.9
            In (0, 1).
        n_threads : int, default 1

        Returns
        -------
        ndarray, shape (2, n_samples, n_out) float64
            Lower and upper ends: the quantiles (1 - level) / 2 and (1 + level) / 2.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            X or level is not accepted.

        References
        ----------
        Efron & Tibshirani (1993), An introduction to the bootstrap, chapter 13.
        """
        level = number("level", level, below=1.0, above=0.0)
        ends = [(1 - level) / 2, (1 + level) / 2]
        parts = self._over_networks(
            X, n_threads,
            lambda out: np.moveaxis(np.quantile(out.astype(np.float64), ends, axis=0), 0, -1),
        )  # fmt: skip
        return np.moveaxis(parts, -1, 0)

    def _over_networks(self, X, n_threads, f):
        """What f makes of the outputs, some samples at a time."""
        n_threads = whole_number("n_threads", n_threads)
        if n_dimensions("X", X) == 3:
            raise InvalidInputError(
                f"X must have shape (n_samples, {self.sizes[0]}), which all networks share, got "
                f"{np.shape(X)}"
            )
        X, _, n_samples = self._inputs(X)
        step = max(1, _ANSWERS // (len(self) * self.sizes[-1]))
        parts = [
            f(self._outputs(X[start : start + step], None, len(X[start : start + step]), n_threads))
            for start in range(0, n_samples, step)
        ]
        return np.concatenate(parts)

    def loss(self, X, Y, *, sample_weight=None) -> np.ndarray:
        """Mean loss of every network, shape (n,) float64.

        Parameters
        ----------
        X, Y, sample_weight
            As in `fit`.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            X or Y are not accepted.
        """
        rows = Rows(X, Y, self._template, len(self))
        weights, first = weights_of(sample_weight, rows.n, len(self))
        plan, backend = self._template.plan, self._template.backend
        work, theta = Work(plan, min(rows.n, PIECE)), np.zeros_like(self._template._theta)
        found = np.empty(len(self))
        for index in range(len(self)):
            plan.unpack(self.parameters[index], theta)
            own = slice(rows.first[index], rows.first[index] + rows.n)
            part = None if weights is None else weights[first[index] : first[index] + rows.n]
            found[index] = backend.loss_gradient(
                plan, theta, rows.X[own], rows.Y[own], None, work, part
            )
        return found

    def best(self, X, Y=None) -> Network:
        """The network with the lowest loss on these samples, as a Network of its own.

        Parameters
        ----------
        X, Y : array_like
            As in `fit`: samples that no network was trained on. X alone is a pair (X, Y), as
            `validation_data` is.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            X or Y are not accepted, or no network has a finite loss.
        """
        losses = self.loss(*(validation.pair(X, "X without Y") if Y is None else (X, Y)))
        if not np.isfinite(losses).any():
            raise InvalidInputError("no network has a finite loss on these samples")
        return self[int(np.nanargmin(losses))]
