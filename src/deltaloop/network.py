"""The network: flat parameters, live views of them, and the doors to the kernels."""

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from . import kernels, validation
from .errors import DeltaloopWarning, InvalidInputError, InvalidTypeError, unknown_name
from .history import History
from .initializers import check_parameter, initial_values
from .kernels.interface import Plan, Work, aligned_zeros
from .layers import Dense, check_width
from .losses import CANONICAL_OUTPUT, check_loss
from .scaling import Scaling
from .training import check_settings, train

_BLOCK_ROWS = 128  # samples per block outside training: activations stay in cache


class Gradients(NamedTuple):
    """What `Network.gradients` returns; the lists have one entry per weight layer."""

    loss: float
    dW: list[np.ndarray]
    db: list[np.ndarray | None]
    delta: list[np.ndarray]


class Network:
    """A fully connected feed-forward network.

    Parameters
    ----------
    sizes : sequence of int, or int
        Units of every layer, inputs first: [784, 30, 10]; or the number of inputs alone,
        followed by `layers`.
    layers : sequence of Dense, optional
        The layers one by one, where they differ in more than their width.
    activation : str or Activation, default 'sigmoid'
        Of the hidden layers; only with a list of sizes. See `deltaloop.activations`.
    output : str or Activation, optional
        Of the last layer; left out, the one that belongs to the loss (identity for mse,
        sigmoid for binary_cross_entropy, softmax for cross_entropy).
    loss : {'mse', 'binary_cross_entropy', 'cross_entropy'}, default 'mse'
        Mean over samples of a sum over outputs; mse has the factor 1/2. See
        `deltaloop.losses`.
    dtype : {'float32', 'float64'}, default 'float32'
        Of parameters and arithmetic.
    init : str or sequence, default 'glorot_uniform'
        Initial weights: a name (see `deltaloop.initializers`), or one entry per layer, each
        a name, an array W of shape (n_out, n_in), or a pair (W, b).
    seed : int or numpy.random.Generator, default 0
        Of initial values and sample order. Same seed, same machine: same bits.
    backend : {'auto', 'cython', 'reference'}, default 'auto'
        What computes. 'auto' is what the environment variable DELTALOOP_BACKEND names, else
        'cython'.

    Attributes
    ----------
    W : sequence of ndarray
        W[l], shape (n_out, n_in), weights of weight layer l (0-based): live views of theta.
        W[l][j, k] leads from unit k to unit j of the next layer. Assigning copies into them.
    b : sequence of ndarray or None
        b[l], shape (n_out,): live views of theta; None for a layer without bias.
    theta : ndarray
        All parameters in one flat aligned array; weights are stored input-major in rows
        padded to 4, 8 or a multiple of 16 units, and the padding stays zero.
    n_parameters : int
        Weights and biases, padding not counted.
    scaling : Scaling or None
        Standardisation applied to all data on its way in and out; saved with the network.
    classes : tuple of str or None
        Names of the classes, for reports; saved with the network.
    table : dict or None
        How columns of a table become inputs, kept for the command line; saved with the network.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        Unknown names, widths below 1, arrays that do not fit.

    Examples
    --------
    >>> import deltaloop as dl
    >>> net = dl.Network(4, [dl.Dense(2, "sigmoid"), dl.Dense(2, "sigmoid"),
    ...                      dl.Dense(1, "identity", bias=False)], loss="mse")
    >>> net
    Network: loss mse, float32, backend cython
      layer    units  activation  parameters
      input        4
          1        2  sigmoid             10
          2        2  sigmoid              6
          3        1  identity             2  no bias
      total                               18
    >>> net.W[2].shape
    (1, 2)
    """

    def __init__(
        self,
        sizes: Sequence[int] | int,
        layers: Sequence[Dense] | None = None,
        *,
        activation=None,
        output=None,
        loss: str = "mse",
        dtype="float32",
        init="glorot_uniform",
        seed=0,
        backend: str = "auto",
    ):
        loss = check_loss(loss)
        if layers is None:
            n_in, layers = _layers_from_sizes(sizes, activation, output, loss)
        else:
            if activation is not None or output is not None:
                raise InvalidInputError(
                    "activation and output belong to a list of sizes; with layers given, "
                    "write them into each Dense"
                )
            n_in, layers = check_width("sizes (number of inputs)", sizes), tuple(layers)
        _check_layers(layers, loss)
        backend = _backend_name(backend)
        generator = _generator(seed)
        values = _initial_values(n_in, layers, init, generator)
        self._build(n_in, layers, loss, _dtype(dtype), backend, generator)
        for index, (W, b) in enumerate(values):
            self.W[index] = W
            if layers[index].bias:
                self.b[index] = b

    def _build(self, n_in, layers, loss, dtype, backend, generator):
        self.layers = layers
        self.loss_name = loss
        self.dtype = dtype
        self.backend_name = backend
        self.backend = kernels.load(backend)
        self.generator = generator
        self.sizes = (n_in, *(layer.n_out for layer in layers))
        units = [
            (d.n_out, d.activation.name, d.activation.alpha or 0.0, d.bias) for d in layers
        ]  # fmt: skip
        self.plan = Plan.build(n_in, units, loss, dtype)
        self._theta = aligned_zeros(self.plan.n_theta, dtype)
        self.scaling: Scaling | None = None
        self.classes: tuple[str, ...] | None = None
        self.table: dict | None = None

    @property
    def theta(self) -> np.ndarray:
        """All parameters, flat; see the class."""
        return self._theta

    @property
    def W(self) -> "_Views":
        """Weights per layer; see the class."""
        return _Views("W", [self.plan.W(self._theta, k) for k in range(len(self.layers))])

    @property
    def b(self) -> "_Views":
        """Biases per layer; see the class."""
        return _Views("b", [self.plan.b(self._theta, k) for k in range(len(self.layers))])

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases."""
        return sum(
            layer.n_out * (n_in + layer.bias)
            for n_in, layer in zip(self.sizes, self.layers, strict=False)
        )

    def fit(
        self,
        X,
        Y,
        *,
        epochs: int = 30,
        batch_size: int | None = None,
        optimizer=None,
        shuffle: bool = True,
        validation_data=None,
        tol: float | None = None,
        patience: int | None = None,
        target_loss: float | None = None,
        progress=False,
    ) -> History:
        """Train by gradient descent on mini-batches.

        Parameters
        ----------
        X : array_like, shape (n_samples, ...)
            Flattened per sample to n_in values. Copied only where dtype or order demand it.
        Y : array_like, shape (n_samples, n_out)
            Targets; (n_samples,) for one output, or class numbers for cross_entropy.
        epochs : int, default 30
            Passes over the data, at most.
        batch_size : int, optional
            Samples per update, from 1 to n_samples; the last batch of an epoch holds what is
            left. Default 10, or all samples where there are fewer.
        optimizer : SGD, optional
            Default SGD(learning_rate=0.1). Its state starts afresh in every call.
        shuffle : bool, default True
            Draw a new order of the samples for every epoch.
        validation_data : (X, Y), optional
            Watched after every epoch, never trained on.
        tol : float, optional
            Stop when the loss (of the validation data, if given) has not fallen below its best
            value by more than tol in `patience` epochs in a row. Default with patience: 0.
        patience : int, optional
            Default with tol: 1.
        target_loss : float, optional
            Stop when the loss (of the validation data, if given) is at most this.
        progress : bool or callable, default False
            True draws a progress bar (needs rich). A callable gets (epoch, fraction of the
            epoch, history) about 20 times a second.

        Returns
        -------
        History
            Ctrl-C ends training after the current slice of work (about 50 ms) and returns
            normally, with stop_reason 'interrupted'.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            Data or settings are not accepted; nothing was changed.
        DivergenceError
            The loss stopped being finite. The parameters are those after the last finite epoch.

        Examples
        --------
        >>> import deltaloop as dl
        >>> X, y = dl.datasets.load("xor")
        >>> net = dl.Network([2, 4, 1], activation="tanh", loss="binary_cross_entropy")
        >>> net.fit(X, y, epochs=500, optimizer=dl.SGD(learning_rate=1.0)).loss[-1] < 0.05
        True
        """
        X, Y = self._data(X, Y)
        watched = None
        if validation_data is not None:
            try:
                watched = self._data(*validation_data)
            except TypeError:
                raise InvalidTypeError("validation_data must be a pair (X, Y)") from None
        epochs, batch_size, optimizer, tol, patience, target_loss = check_settings(
            len(X), epochs, batch_size, optimizer, tol, patience, target_loss
        )
        if self.loss_name == "mse":
            validation.warn_if_unreachable(Y, self.layers[-1].activation.name)
        from .progress import reporter

        with reporter(progress, epochs) as report:
            return train(
                self, X, Y, epochs=epochs, batch_size=batch_size, optimizer=optimizer,
                shuffle=bool(shuffle), validation=watched, tol=tol, patience=patience,
                target_loss=target_loss, progress=report,
            )  # fmt: skip

    def predict(self, X) -> np.ndarray:
        """Output activations for every sample, in the units of the targets.

        Parameters
        ----------
        X : array_like, shape (n_samples, ...)

        Returns
        -------
        ndarray, shape (n_samples, n_out), dtype of the network

        Raises
        ------
        InvalidInputError, InvalidTypeError
            X is not accepted.
        """
        X = validation.inputs(X, self.sizes[0], self.dtype, self.scaling)
        out = np.empty((len(X), self.sizes[-1]), self.dtype)
        self.backend.forward(self.plan, self._theta, X, out, self._work(len(X)))
        return out if self.scaling is None else self.scaling.outputs(out)

    def loss(self, X, Y) -> float:
        """Mean loss of the samples, in the units of the network (see `scaling`).

        Shapes and errors as in `fit`.
        """
        return self.mean_loss(*self._data(X, Y))

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
        work = Work(self.plan, n)
        loss = self.backend.loss_gradient(self.plan, self._theta, X, Y, grad, work)
        return Gradients(
            loss,
            [self.plan.W(grad, k) for k in indices],
            [self.plan.b(grad, k) for k in indices],
            [work.rows("delta", k, n).copy() for k in indices],
        )

    def save(self, path) -> None:
        """Write the network to one file, whole or not at all; see `deltaloop.load`.

        Parameters
        ----------
        path : str or path-like
            Used as it is; '.npz' is customary. An existing file is replaced in one step.

        Raises
        ------
        OSError
            The file cannot be written; what was there before is untouched.
        """
        from .storage import save

        save(self, path)

    def mean_loss(self, X, Y) -> float:
        """`loss` of rows that have passed the door already."""
        return self.backend.loss_gradient(self.plan, self._theta, X, Y, None, self._work(len(X)))

    def _work(self, n_samples):
        return Work(self.plan, min(n_samples, _BLOCK_ROWS))

    def _data(self, X, Y):
        X = validation.inputs(X, self.sizes[0], self.dtype, self.scaling)
        return X, validation.targets(Y, len(X), self, self.dtype)

    def __repr__(self) -> str:
        head = f"Network: loss {self.loss_name}, {self.dtype}, backend {self.backend_name}"
        lines = [head, "  layer    units  activation  parameters", f"  input {self.sizes[0]:>8}"]
        for index, layer in enumerate(self.layers):
            count = layer.n_out * (self.sizes[index] + layer.bias)
            lines.append(
                f"{index + 1:>7} {layer.n_out:>8}  {layer.activation!s:<10} {count:>11}"
                + ("" if layer.bias else "  no bias")
            )
        return "\n".join([*lines, f"  total {self.n_parameters:>32}"])

    def __getstate__(self) -> dict:
        state = self.__dict__.copy()
        del state["backend"], state["plan"]  # a module; and what follows from the layers
        return state

    def __setstate__(self, state: dict) -> None:
        theta = state.pop("_theta")
        self._build(
            state["sizes"][0], state["layers"], state["loss_name"], state["dtype"],
            state["backend_name"], state["generator"],
        )  # fmt: skip
        self.__dict__.update(state)
        self._theta[:] = theta


class _Views(Sequence):
    """Views of theta, one per layer; assigning to an entry copies into the view."""

    def __init__(self, name, views):
        self._name, self._views = name, views

    def __len__(self):
        return len(self._views)

    def __getitem__(self, index):
        return self._views[index]

    def __setitem__(self, index, value):
        view = self._views[index]
        if view is None:
            raise InvalidInputError(
                f"layer {index} has no bias to assign to; build it with bias=True"
            )
        if value is not view:  # net.b[0] -= step has already changed the view
            view[:] = check_parameter(f"{self._name}[{index}]", value, view.shape)

    def __repr__(self):
        return repr(self._views)


def _layers_from_sizes(sizes, activation, output, loss):
    if isinstance(sizes, (str, bytes)) or not np.iterable(sizes):
        raise InvalidTypeError(
            "sizes must be a list of widths such as [784, 30, 10], or the number of inputs "
            f"followed by a list of layers; got {sizes!r}"
        )
    sizes = [check_width("every size", size) for size in sizes]
    if len(sizes) < 2:
        raise InvalidInputError(
            f"sizes must name inputs and outputs at least, such as [4, 1], got {sizes}"
        )
    hidden = "sigmoid" if activation is None else activation
    last = CANONICAL_OUTPUT[loss] if output is None else output
    return sizes[0], (
        *(Dense(width, hidden) for width in sizes[1:-1]),
        Dense(sizes[-1], last),
    )


def _check_layers(layers, loss):
    if not layers:
        raise InvalidInputError("layers is empty; give at least one Dense")
    for index, layer in enumerate(layers):
        if not isinstance(layer, Dense):
            raise InvalidTypeError(f"layers[{index}] must be a Dense, got {type(layer).__name__}")
        if layer.activation.name == "softmax" and index < len(layers) - 1:
            raise InvalidInputError(
                f"softmax is an output activation, but layers[{index}] is hidden; "
                "use it in the last layer"
            )
    output = layers[-1]
    if output.activation.name == "softmax" and output.n_out == 1:
        _warn("softmax of a single unit is always 1, so nothing can be learned; use 'sigmoid'")
    elif loss != "mse" and output.activation.name not in ("sigmoid", "softmax"):
        _warn(
            f"loss={loss!r} takes the logarithm of outputs, but output={output.activation.name!r} "
            f"leaves (0, 1), where the gradient is 0; use output={CANONICAL_OUTPUT[loss]!r}"
        )


def _warn(text):
    import warnings

    warnings.warn(text, DeltaloopWarning, stacklevel=4)


def _initial_values(n_in, layers, init, generator):
    per_layer = [init] * len(layers) if isinstance(init, str) else list(init)
    if len(per_layer) != len(layers):
        raise InvalidInputError(
            f"init must be a name or have one entry per layer ({len(layers)}), "
            f"got {len(per_layer)} entries"
        )
    values = []
    for layer, common in zip(layers, per_layer, strict=True):
        own = common if layer.init is None else layer.init
        values.append(initial_values(own, n_in, layer.n_out, layer.bias, generator))
        n_in = layer.n_out
    return values


def _generator(seed):
    if isinstance(seed, np.random.Generator):
        return seed
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(
            f"seed must be a whole number >= 0 or a numpy Generator, got {seed!r}: {error}"
        ) from None


def _dtype(dtype):
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = str(dtype)
    if name not in ("float32", "float64"):
        raise unknown_name("dtype", name, ("float32", "float64"))
    return np.dtype(name)


def _backend_name(name):
    if name == "auto":
        name = os.environ.get("DELTALOOP_BACKEND", "cython")
    if name not in kernels.available():
        raise unknown_name("backend", name, ("auto", *kernels.available()))
    return name
