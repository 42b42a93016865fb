"""What a network computes, on the backend of its choice: predictions, losses and gradients."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .errors import InvalidInputError, InvalidTypeError
from .inputs import validation
from .inputs.calls import explained
from .inputs.checks import check_finite, check_memory
from .inputs.threads import check_threads, likely_threads, most_threads
from .kernels import load
from .kernels.interface import CUSTOM, Plan
from .kernels.memory import Work, aligned_zeros, round_up
from .kernels.session import checked_out
from .kernels.sparse_rows import SparseRows
from .kernels.turns import Turns
from .parts.construction import as_backend
from .parts.reproducible import reproducible_kernels
from .parts.scaling import Scaling
from .parts.whole_batch import with_optimizer

_BLOCK_ROWS = 192  # samples per block outside training: activations stay in cache


class Gradients(NamedTuple):
    """What `Network.gradients` returns; the lists have one entry per weight layer."""

    loss: float
    dW: list[np.ndarray]
    db: list[np.ndarray | None]
    delta: list[np.ndarray]


class Computing:
    """The part of `Network` that computes with the parameters and leaves them as they are."""

    __slots__ = ()

    # set by Network
    sizes: tuple[int, ...]
    layers: tuple[Any, ...]
    loss_name: str
    dtype: np.dtype
    plan: Plan
    _theta: np.ndarray
    _laid_out: Callable
    _turns: Turns
    _backend: Any
    _session: Any
    _noise: int
    _scaling: Scaling | None
    _optimizer: Any
    reproducible: bool

    def use_backend(self, backend) -> None:
        """Compute with another backend from now on; the state of `optimizer` starts afresh.

        Parameters
        ----------
        backend : str or module
            As `backend` of the class; or a module of the contract of `deltaloop.kernels`, such as
            one instruction set of Cython.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            There is no such backend, or it does not keep the bits of a network with
            reproducible=True.
        BusyError
            A thread trains this network.

        Examples
        --------
        >>> import deltaloop as dl
        >>> net = dl.Network([2, 3, 1])
        >>> net.use_backend("reference")
        >>> net.backend_name
        'reference'
        """
        backend = self._kernels(backend)
        self._turns.train(self._take_backend, backend, self._new_session(backend))

    def _kernels(self, backend):
        if isinstance(backend, str):
            name = as_backend(backend)
            backend = reproducible_kernels(name) if self.reproducible else load(name)
        if not hasattr(backend, "train_epoch"):
            raise InvalidTypeError(
                "use_backend takes a name such as 'reference', or a backend of "
                f"deltaloop.kernels.load, got {backend!r}"
            )
        if self.reproducible and not getattr(backend, "reproducible", False):
            raise InvalidInputError(
                f"this network has reproducible=True, which {backend.NAME!r} as given does not keep"
            )
        return backend

    def _new_session(self, backend):
        session = backend.session(self.plan, self._theta, turns=self._turns)
        return with_optimizer(session, self._optimizer, self._noise)

    def _take_backend(self, backend, session):
        self._backend, self._session = backend, session

    @property
    def backend(self):
        """The module that computes; see `use_backend`."""
        return self._backend

    @property
    def backend_name(self) -> str:
        """What computes: 'cython', 'numba' or 'reference'."""
        return self.backend.NAME

    def predict(self, X, n_threads: int | str = 1) -> np.ndarray:
        """Output activations for every sample, in the units of the targets.

        Parameters
        ----------
        X : array_like, shape (n_samples, ...)
            Or a matrix or array of scipy.sparse, which does not become dense.
        n_threads : int or 'auto', default 1
            Threads that share the samples; they pay from some thousand samples on. 'auto': one, or
            as many as there are processors where the work is large.

        Returns
        -------
        ndarray, shape (n_samples, n_out)
            In the dtype of the network; float64 where `scaling` scales the targets.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            X is not accepted.

        Examples
        --------
        >>> import deltaloop as dl
        >>> net = dl.Network(1, [dl.Dense(1, "identity", init=([[2.0]], [0.5]))])
        >>> net.predict([[3.0], [1.0]])
        array([[6.5],
               [2.5]], dtype=float32)
        """
        # the kernels tell whether all was finite; functions of users do not meet what is not
        X = validation.inputs(X, self, looks=CUSTOM in self.plan.layers["activation"])
        n_threads = check_threads(n_threads, self.backend)
        if isinstance(n_threads, str):
            most = most_threads(n_threads, self.backend)
            n_threads = likely_threads(most, len(X) * self.plan.n_parameters)
        out = np.empty((len(X), self.sizes[-1]), self.dtype)
        work = self._work(len(X), n_threads)
        is_finite = self._turns.read(self.backend.forward, self.plan, self._theta, X, out, work)
        if not (is_finite or isinstance(X, SparseRows)):  # finite numbers may overflow, though
            check_finite("X", X)
        return out if self._scaling is None else self._scaling.outputs(out)

    def loss(self, X, Y, *, sample_weight=None) -> float:
        """Mean over the samples of the loss, in the units of the network (see `scaling`).

        Parameters
        ----------
        X, Y, sample_weight
            As in `fit`.

        Returns
        -------
        float

        Raises
        ------
        InvalidInputError, InvalidTypeError
            X or Y are not accepted.

        Examples
        --------
        >>> import deltaloop as dl
        >>> net = dl.Network(1, [dl.Dense(1, "identity", init=([[2.0]], [0.0]))])
        >>> net.loss([[3.0], [1.0]], [5.0, 2.0])  # mean of 1/2 (6 - 5)^2 and 0
        0.25
        """
        X, Y = self._data(X, Y)
        return self._mean_loss(X, Y, validation.weights(sample_weight, len(X)))

    def gradients(self, X, Y) -> Gradients:
        """Loss and its gradient, layer by layer, by backpropagation.

        Parameters
        ----------
        X, Y
            As in `fit`.

        Returns
        -------
        Gradients
            A named tuple: loss, the mean over the samples; dW and db, the gradient of that
            loss, shapes of W[l] and b[l] (None without bias); delta, shape (n_samples, n_out)
            per layer, dC_t/dz for the loss C_t of each single sample t, so that
            dW[l] = mean over t of delta[l][t] a_prev[t]^T.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            X or Y are not accepted.

        Examples
        --------
        >>> import numpy as np
        >>> import deltaloop as dl
        >>> net = dl.Network(1, [dl.Dense(1, "identity", init=([[2.0]], [0.0]))])
        >>> loss, dW, db, delta = net.gradients([[3.0]], [[5.0]])  # 1/2 (2*3 - 5)^2
        >>> loss, dW[0].item(), db[0].item(), delta[0].item()
        (0.5, 3.0, 1.0, 1.0)
        """
        X, Y = self._data(X, Y)
        n, indices = len(X), range(len(self.layers))
        grad = aligned_zeros(len(self._theta), self.dtype)
        work = Work(self.plan, n, gathers=False)
        loss = self._turns.read(
            self.backend.loss_gradient, self.plan, self._theta, X, Y, grad, work
        )
        return Gradients(
            loss,
            [self.plan.W(grad, k) for k in indices],
            [self.plan.b(grad, k) for k in indices],
            [work.rows("delta", k, n).copy() for k in indices],
        )

    def gradient(self, X, Y, out=None, *, sample_weight=None) -> np.ndarray:
        """The gradient of `loss` by all parameters, flat as `theta`.

        Parameters
        ----------
        X, Y, sample_weight
            As in `fit`.
        out : ndarray, as many values as theta, optional
            Receives the gradient; contiguous, in the dtype of the network.

        Returns
        -------
        ndarray, shape of theta
            `out`, if it was given. dC/dw where theta has w, and 0 in its padding.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            X or Y are not accepted, or an `out` that does not fit; it is as it was then.

        Examples
        --------
        >>> import deltaloop as dl
        >>> net = dl.Network(1, [dl.Dense(1, "identity", init=([[2.0]], [0.0]))])
        >>> net.theta -= 0.1 * net.gradient([[3.0]], [[5.0]])  # 2 * 3 - 5 = 1, times 3 for W
        >>> round(net.W[0].item(), 4), round(net.b[0].item(), 4)
        (1.7, -0.1)
        """
        X, Y = self._data(X, Y)
        weights = validation.weights(sample_weight, len(X))
        return self._into(out, lambda grad: self._loss_gradient(self._theta, X, Y, grad, weights))

    @explained("write net.backward(X, dC_da), with dC/da of your cost as predict(X) has a")
    def backward(self, X, dC_da, out=None) -> np.ndarray:
        """The gradient of a cost of your own, from its slope at the outputs.

        For costs that are no loss of single samples, such as those of policy gradients. X passes
        forward once more; the loss of the network plays no part.

        Parameters
        ----------
        X : array_like, shape (n_samples, ...)
            As in `predict`.
        dC_da : array_like, shape (n_samples, n_out)
            dC/da for what `predict(X)` returns, of a cost C that is a *sum* over the samples;
            (n_samples,) for one output. Through a softmax it is carried, too.
        out : ndarray, as many values as theta, optional
            Receives the gradient; contiguous, in the dtype of the network.

        Returns
        -------
        ndarray, shape of theta
            dC/dtheta, laid out as theta, 0 in its padding; `out`, if it was given.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            X or dC_da are not accepted, or an `out` that does not fit; it is as it was then.

        Examples
        --------
        >>> import deltaloop as dl
        >>> net = dl.Network(1, [dl.Dense(1, "identity", init=([[2.0]], [0.0]))])
        >>> gradient = net.backward([[3.0], [1.0]], [[1.0], [-1.0]])  # C = a_1 - a_2
        >>> gradient[net.theta != 0].item()  # by W: 3 - 1
        2.0
        """
        X, dC_da = self._slopes(X, dC_da)
        return self._into(out, lambda grad: self._backward(X, dC_da, grad, None))

    @explained("write net.input_gradient(X, dC_da), with dC/da as predict(X) has a")
    def input_gradient(self, X, dC_da) -> np.ndarray:
        """The slope of a cost at the inputs, from its slope at the outputs.

        Parameters
        ----------
        X, dC_da
            As in `backward`. A row of dC_da with a single 1 gives the gradient of that output.

        Returns
        -------
        ndarray, shape (n_samples, n_in)
            dC/dx in the units of X; in the dtype of the network, float64 where `scaling` is set.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            X or dC_da are not accepted.

        Examples
        --------
        >>> import deltaloop as dl
        >>> net = dl.Network(2, [dl.Dense(1, "identity", init=[[2.0, 5.0]])])
        >>> net.input_gradient([[3.0, 1.0]], [[1.0]])
        array([[2., 5.]], dtype=float32)
        """
        X, dC_da = self._slopes(X, dC_da)
        size = len(X) * self.sizes[0] * self.dtype.itemsize
        check_memory("dC/dx", size, "give fewer samples at a time")
        out = np.empty((len(X), self.sizes[0]), self.dtype)
        self._turns.read(self._backward, X, dC_da, None, out)
        return out if self._scaling is None else self._scaling.slopes_by_inputs(out)

    def jacobian(self, X) -> np.ndarray:
        """The slope of every output by every parameter.

        What least squares, Gauss-Newton and the like are made of: with e = predict(X) - Y and
        loss='mse', the sum over samples and outputs of e J is n_samples times `gradient`.

        Parameters
        ----------
        X : array_like, shape (n_samples, ...)
            As in `predict`.

        Returns
        -------
        ndarray, shape (n_samples, n_out, theta.size)
            J[t, o] = d predict(X)[t, o] / dtheta, laid out as theta, 0 in its padding. In the dtype
            of the network; float64, and in the units of the targets, where `scaling` scales them.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            X is not accepted, or the result would not fit into memory.

        Examples
        --------
        >>> import deltaloop as dl
        >>> net = dl.Network(1, [dl.Dense(1, "identity", init=([[2.0]], [0.5]))])
        >>> J = net.jacobian([[3.0], [7.0]])
        >>> J[:, :, net.theta != 0].tolist()  # by W: x, by b: 1
        [[[3.0, 1.0]], [[7.0, 1.0]]]
        """
        X = validation.inputs(X, self)
        shape = (len(X), self.sizes[-1], self.plan.n_theta)
        size = math.prod(shape) * self.dtype.itemsize
        check_memory("the Jacobian", size, "give fewer samples at a time")
        J = np.empty(shape, self.dtype)
        work = Work(self.plan, min(len(X), _BLOCK_ROWS))
        self._turns.read(self.backend.jacobian, self.plan, self._theta, X, J, work)
        if self._scaling is None or self._scaling.y_scale is None:
            return J
        return J * self._scaling.y_scale[:, None]

    def loss_and_gradient(self, theta, X, Y, *, sample_weight=None) -> tuple[float, np.ndarray]:
        """`loss` and `gradient` where the parameters were `theta`; those of the network stay.

        What optimisers of other libraries ask for, such as scipy.optimize.minimize.

        Parameters
        ----------
        theta : array_like, shape of `Network.theta`
            Laid out like it; its padding does not matter. Or as `Network.parameters`.
        X, Y, sample_weight
            As in `fit`.

        Returns
        -------
        loss : float
        gradient : ndarray of float64, shape of theta
            0 in the padding, which so stays what it is.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            X, Y or theta are not accepted.

        Examples
        --------
        >>> import deltaloop as dl
        >>> net = dl.Network(1, [dl.Dense(1, "identity")], dtype="float64")
        >>> theta = 0 * net.theta
        >>> loss, gradient = net.loss_and_gradient(theta, [[3.0]], [[5.0]])  # 1/2 5^2
        >>> loss, gradient[net.theta != 0].tolist()  # by W: -5 * 3
        (12.5, [-15.0])
        """
        X, Y = self._data(X, Y)
        weights = validation.weights(sample_weight, len(X))
        at, grad = self._laid_out("theta", theta), aligned_zeros(self.plan.n_theta, self.dtype)
        return self._loss_gradient(at, X, Y, grad, weights), grad.astype(np.float64)

    def _loss_gradient(self, theta, X, Y, grad, weights) -> float:
        """Of rows that have passed the door already."""
        work = self._work(len(X))
        return self.backend.loss_gradient(self.plan, theta, X, Y, grad, work, weights)

    def _backward(self, X, dC_da, grad, dC_dx) -> None:
        """Of rows that have passed the door already."""
        work = self._work(len(X))
        self.backend.backward(self.plan, self._theta, X, dC_da, grad, dC_dx, work)

    def _into(self, out, compute) -> np.ndarray:
        """What compute(grad) writes, laid out as theta; in `out`, if it was given.

        `out` may be theta itself, or share memory with X: it is written when all was read.
        """
        grad = aligned_zeros(self.plan.n_theta, self.dtype)
        flat = grad if out is None else checked_out(out, self.plan.n_theta, self.dtype)
        self._turns.read(compute, grad)
        if out is None:
            return grad
        flat[:] = grad
        return out

    def _slopes(self, X, dC_da):
        """X and dC/da as rows, in the units of the network."""
        X = validation.inputs(X, self)
        return X, validation.slopes(dC_da, len(X), self)

    def _mean_loss(self, X, Y, weights=None) -> float:
        """`loss` of rows that have passed the door already."""
        return self._turns.read(self._loss_gradient, self._theta, X, Y, None, weights)

    def _work(self, n_samples, n_threads=1):
        share = -(-n_samples // n_threads)
        n_block = min(round_up(share) if n_threads > 1 else share, _BLOCK_ROWS)
        n_threads = min(n_threads, -(-n_samples // n_block))  # one block at least for each
        return Work(self.plan, n_threads * n_block, n_threads, gathers=False)

    def _data(self, X, Y, prefix=""):
        X = validation.inputs(X, self, f"{prefix}X")
        return X, validation.targets(Y, len(X), self, f"{prefix}Y")
