"""One sample and one mini-batch at a time: the doors for loops that are not ours."""

import math
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .errors import DivergenceError, InvalidInputError
from .inputs.checks import whole_number
from .inputs.scipy_sparse import is_sparse, sparse_inputs
from .kernels.interface import Plan
from .kernels.session import checked_out, rows
from .kernels.turns import Turns
from .parts.optimizers import check_optimizer
from .parts.scaling import Scaling, check_scaling
from .parts.whole_batch import with_optimizer
from .training.stream import Stream

_GOES_ON = (
    "give fit a schedule, or end it by the callback and go on with resume=True and another "
    "optimizer"
)


class Embedding:
    """The part of `Network` that other programs call in their own loops.

    These calls check the length of what they get and nothing else: a nan that goes in comes out.
    Arrays that are contiguous and have the dtype of the network are read where they lie; anything
    else that NumPy can make an array of is copied first. Samples of scipy.sparse become dense; they
    are checked as in `fit`.

    Threads: any number may read a network, and one may train it meanwhile. Who reads waits for the
    step or, with `fit`, for the slice of about 50 ms that another thread is computing, and sees the
    parameters after it, never half of an update. A thread that trains while another one does gets a
    BusyError. Handles for compiled code (`session`) wait for nobody.
    """

    # Read in every call, so not from __dict__: once anybody has asked for that, CPython 3.11 takes
    # 90 ns longer per call to find them.
    __slots__ = ("_scaling", "_session")

    # set by Network
    sizes: tuple[int, ...]
    loss_name: str
    _loss: Any
    plan: Plan
    _backend: Any
    _theta: np.ndarray
    _session: Any
    _noise_for: Callable[[Any], int]
    _scaling: Scaling | None
    _optimizer: Any
    _turns: Turns
    _laid_out: Callable
    _kept: list  # sessions whose handle was asked for

    @property
    def scaling(self) -> Scaling | None:
        """Standardisation on the way in and out; see the class."""
        return self._scaling

    @scaling.setter
    def scaling(self, scaling: Scaling | None) -> None:
        if scaling is not None:
            check_scaling(scaling, self.sizes, self._loss)
        self._turns.train(self._take_scaling, scaling)  # a fit under way has samples of the old one

    def _take_scaling(self, scaling) -> None:
        self._scaling = scaling

    @property
    def optimizer(self):
        """What `learn_one` and `learn_batch` descend with.

        Assigning it starts its state (velocity, moments, number of steps) afresh. A copy, by
        copy.deepcopy or pickle, goes on where the network is; a file keeps the settings (the class
        and its numbers), and a network that is loaded starts its state afresh. In the middle of a
        step that another thread takes, and in callbacks of `fit`, which goes on as it began, it is
        refused with a BusyError.
        """
        return self._optimizer

    @optimizer.setter
    def optimizer(self, optimizer) -> None:
        self._turns.check_outside(_GOES_ON)
        self._turns.change(self._take_optimizer, check_optimizer(optimizer))

    def _take_optimizer(self, optimizer) -> None:
        self._session = with_optimizer(self._session, optimizer, self._noise_for(optimizer))
        self._optimizer = optimizer

    @property
    def learning_rate(self) -> float:
        """That of `optimizer`, for `learn_one`, `learn_batch` and `apply_gradient`.

        Assigning it leaves the state of the optimizer as it is. `fit` has schedules. nan: the
        optimizer has none. In callbacks of `fit` it is refused as `optimizer` is.
        """
        return getattr(self._optimizer, "learning_rate", math.nan)

    @learning_rate.setter
    def learning_rate(self, value) -> None:
        if not hasattr(self._optimizer, "learning_rate"):
            raise InvalidInputError(f"{self._optimizer!r} has no learning_rate")
        self._turns.check_outside(_GOES_ON)
        optimizer = replace(self._optimizer, learning_rate=value)
        self._session.set_rate(optimizer.learning_rate)
        self._optimizer = optimizer

    def apply_gradient(self, gradient) -> None:
        """One step of `optimizer` with a gradient that comes from elsewhere.

        For the mean over several processes, for costs that `backward` has differentiated, or for
        gradients of other libraries. The state of `optimizer` goes on as in `learn_batch`.

        Parameters
        ----------
        gradient : array_like, as many values as theta
            dC/dtheta, laid out as `gradient` returns it; its padding does not matter. Or as many
            values as `parameters`, in their order.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            It does not fit, or is not finite; nothing was changed.
        BusyError
            Another thread trains this network.
        DivergenceError
            Parameters are not finite after the step: the network is lost.

        Examples
        --------
        >>> import deltaloop as dl
        >>> net = dl.Network(1, [dl.Dense(1, "identity", init=([[2.0]], [0.0]))])
        >>> net.optimizer = dl.SGD(learning_rate=0.1)
        >>> net.apply_gradient(net.gradient([[3.0]], [[5.0]]))  # as net.learn_one([3.0], [5.0])
        >>> round(net.W[0].item(), 4), round(net.b[0].item(), 4)
        (1.7, -0.1)
        """
        self._session.descend(self._laid_out("gradient", gradient))
        if not np.isfinite(self._theta).all():
            raise DivergenceError(
                "parameters became infinite in this step; lower learning_rate, or limit the "
                "gradient: SGD(0.1, clip_norm=1.0)"
            )

    def predict_one(self, x, out=None) -> np.ndarray:
        """Output activations of one sample, in the units of the targets.

        Parameters
        ----------
        x : array_like, shape (n_in,)
            Or one row of scipy.sparse.
        out : ndarray, shape (n_out,), optional
            Receives the outputs; contiguous, in the dtype of the network (float64 where `scaling`
            scales the targets).

        Returns
        -------
        ndarray, shape (n_out,)
            `out`, if it was given.

        Raises
        ------
        InvalidInputError
            A wrong length, or an `out` that does not fit.
        ValueError, TypeError, OverflowError
            Of NumPy, for what it cannot make an array of numbers of.

        Examples
        --------
        >>> import deltaloop as dl
        >>> net = dl.Network(2, [dl.Dense(1, "identity", init=([[2.0, 3.0]], [1.0]))])
        >>> net.predict_one([1.0, 10.0])
        array([33.], dtype=float32)
        """
        try:
            if self._scaling is None:
                return self._session.predict_one(x, out)
            x = self._scaling.inputs(_rows("x", x, 0, self.sizes[0])[0])
        except (ValueError, TypeError):
            if not is_sparse(x):
                raise
            x = self._dense("x", x)
        return self._in_units(self._session.predict_one, x, out)

    def predict_batch(self, X, out=None) -> np.ndarray:
        """Output activations of some samples, with as few checks as `predict_one`.

        `predict` takes any data and checks them; this takes rows as `learn_batch` does.

        Parameters
        ----------
        X : array_like, shape (n, n_in)
            Or rows of scipy.sparse.
        out : ndarray, shape (n, n_out), optional
            Receives the outputs; contiguous, in the dtype of the network (float64 where `scaling`
            scales the targets).

        Returns
        -------
        ndarray, shape (n, n_out)
            `out`, if it was given.

        Raises
        ------
        InvalidInputError
            A wrong shape, or an `out` that does not fit.
        ValueError, TypeError, OverflowError
            Of NumPy, for what it cannot make an array of numbers of.

        Examples
        --------
        >>> import deltaloop as dl
        >>> net = dl.Network(2, [dl.Dense(1, "identity", init=([[2.0, 3.0]], [1.0]))])
        >>> net.predict_batch([[1.0, 10.0], [0.0, 1.0]]).tolist()
        [[33.0], [4.0]]
        """
        try:
            if self._scaling is None:
                return self._session.predict_batch(X, out)
            X = self._scaling.inputs(_rows("X", X, len(X), self.sizes[0]))
        except (ValueError, TypeError):
            if not is_sparse(X):
                raise
            X = self._dense("X", X)
        return self._in_units(self._session.predict_batch, X, out)

    def _in_units(self, predict, x, out):
        """What predict(x) gives in the units of the targets; in `out`, if it was given."""
        if self._scaling is None or self._scaling.y_mean is None:
            return predict(x, out)
        found = self._scaling.outputs(predict(x))
        if out is None:
            return found
        checked_out(out, found.size, np.float64)[:] = found.ravel()
        return out

    def learn_one(self, x, y) -> float:
        """One step of `optimizer` on one sample.

        Parameters
        ----------
        x : array_like, shape (n_in,)
            Or one row of scipy.sparse.
        y : array_like, shape (n_out,)
            Targets; for cross_entropy a row, not a class number. It sums to 1, or to the weight
            of the sample.

        Returns
        -------
        float
            Loss of the sample before the step, in the units of the network (see `loss`). It is
            not finite where training has diverged: nan, too, where parameters are found not to be
            finite after the step. Up to 1000 parameters every step looks at them, with more every
            second one, and so on.

        Raises
        ------
        InvalidInputError
            A wrong length.
        ValueError, TypeError, OverflowError
            Of NumPy, for what it cannot make an array of numbers of.
        BusyError
            Another thread is training this network.

        Examples
        --------
        >>> import deltaloop as dl
        >>> net = dl.Network(1, [dl.Dense(1, "identity", init=([[2.0]], [0.0]))])
        >>> net.optimizer = dl.SGD(learning_rate=0.5)
        >>> net.learn_one([1.0], [4.0])  # 1/2 (2 - 4)^2
        2.0
        >>> net.W[0].item(), net.b[0].item()  # both less 0.5 (2 - 4)
        (3.0, 1.0)
        """
        try:
            if self._scaling is None:
                return self._session.learn_one(x, y)
            x = self._scaling.inputs(_rows("x", x, 0, self.sizes[0])[0])
        except (ValueError, TypeError):
            if not is_sparse(x):
                raise
            x = self._dense("x", x)
        if self._scaling is not None:
            y = self._scaling.targets(_rows("y", y, 0, self.plan.n_targets)[0])
        return self._session.learn_one(x, y)

    def learn_batch(self, X, Y) -> float:
        """One step of `optimizer` on one mini-batch.

        Parameters
        ----------
        X : array_like, shape (n_samples, n_in)
            Or rows of scipy.sparse.
        Y : array_like, shape (n_samples, n_out)
            As in `learn_one`.

        Returns
        -------
        float
            Mean loss of the samples before the step; otherwise as `learn_one`. Other Python
            threads run meanwhile.

        Raises
        ------
        InvalidInputError
            A wrong shape.
        ValueError, TypeError, OverflowError
            Of NumPy, for what it cannot make an array of numbers of.
        BusyError
            Another thread is training this network.

        Examples
        --------
        >>> import deltaloop as dl
        >>> net = dl.Network(1, [dl.Dense(1, "identity", init=([[2.0]], [0.0]))])
        >>> net.optimizer = dl.SGD(learning_rate=0.1)
        >>> net.learn_batch([[3.0], [0.0]], [[5.0], [0.0]])  # mean of 1/2 (6 - 5)^2 and 0
        0.25
        >>> round(net.W[0].item(), 4)  # 2 - 0.1 times the mean of (6 - 5) 3 and 0
        1.85
        """
        try:
            if self._scaling is None:
                return self._session.learn_batch(X, Y)
            n = len(X)
            if n < 1:
                raise InvalidInputError("X is empty, give at least 1 sample")
            X = self._scaling.inputs(_rows("X", X, n, self.sizes[0]))
        except (ValueError, TypeError):
            if not is_sparse(X):
                raise
            X = self._dense("X", X)
        if self._scaling is not None:
            Y = self._scaling.targets(_rows("Y", Y, len(X), self.plan.n_targets))
        return self._session.learn_batch(X, Y)

    def _dense(self, name, X):
        """Samples of scipy.sparse as rows in the units and the dtype of the network."""
        X = X if len(X.shape) == 2 else X.reshape(1, -1)
        if name == "x" and X.shape[0] != 1:
            raise InvalidInputError(f"x must be one sample, got a sparse matrix of shape {X.shape}")
        return sparse_inputs(X, self, name).dense()

    def stream(self, half_life: float = 100.0) -> Stream:
        """Learn from samples as they come, and watch the loss; see `Stream`.

        Parameters
        ----------
        half_life : float
            Samples after which a loss counts half as much in the running mean, > 0.

        Returns
        -------
        Stream

        Raises
        ------
        InvalidInputError, InvalidTypeError
            half_life is no number > 0.
        """
        return Stream(self, half_life)

    def session(self, batch_size: int = 1, optimizer=None):
        """A handle for compiled code, with scratch memory and an optimiser state of its own.

        Parameters
        ----------
        batch_size : int, default 1
            Samples that one step may have.
        optimizer : SGD, Adam or RMSprop, optional
            Default `net.optimizer`, with fresh state.

        Returns
        -------
        Session
            Its `capsule` and `address` lead to the struct of `deltaloop.h` (see
            `deltaloop.get_include`): for C and Cython, and for @njit code through
            `deltaloop.numba_handles`. A session that was asked for one of them lives as long as
            this network, and as the capsule. Values go in and out in the units of
            the network: `scaling` is not applied. Not with the backend 'reference'.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            Settings that are not accepted, or another backend.
        """
        if self._backend.NAME == "reference":
            raise InvalidInputError(
                "a session for compiled code needs backend='cython' or 'numba', this network has "
                "'reference'"
            )
        if self.plan.n_targets != self.sizes[-1]:
            raise InvalidInputError(
                "a session for compiled code takes as many targets as outputs, but variances have "
                "none; use a network without gaussian_nll"
            )
        optimizer = check_optimizer(self._optimizer if optimizer is None else optimizer)
        session = self._backend.session(
            self.plan, self._theta, whole_number("batch_size", batch_size)
        )
        session.set_rule(optimizer.rule(), self._noise_for(optimizer))
        session.keeper = self._kept
        return session


def _rows(name, values, n, n_columns):
    """`values` in float64, in which `scaling` computes; otherwise as in a Session."""
    return rows(name, values, n, n_columns, np.float64)


def get_include() -> str:
    """Folder of `deltaloop.h`, for the compiler of what includes it or cimports deltaloop.

    Examples
    --------
    >>> import deltaloop as dl, pathlib
    >>> (pathlib.Path(dl.get_include()) / "deltaloop.h").is_file()
    True
    """
    return os.path.join(os.path.dirname(__file__), "include")
