"""The network: made, trained, copied and saved; what it computes and holds comes from its bases."""

import copy
from collections.abc import Sequence

from .computing import Computing
from .embedding import Embedding
from .inputs import validation
from .inputs.calls import explained
from .interop import archive
from .kernels.interface import Plan, aligned_zeros
from .kernels.turns import Turns
from .parts.construction import (
    as_backend,
    as_dtype,
    as_generator,
    as_layers,
    parameters,
    warn_about_output,
)  # fmt: skip
from .parts.custom import CustomLoss
from .parts.layers import Dense
from .parts.losses import Loss, check_loss
from .parts.optimizers import SGD
from .parts.parameters import Parameters
from .parts.scaling import Scaling
from .parts.views import Views
from .parts.whole_batch import with_optimizer
from .text import aligned
from .training.history import History
from .training.loop import train
from .training.settings import check_settings

_FOR_FIT = "write net.fit(X, Y, optimizer=SGD(learning_rate=0.1, momentum=0.9)), or Adam(0.001)"


class Network(Embedding, Computing, Parameters):
    """A fully connected feed-forward network.

    Parameters
    ----------
    sizes : sequence of int, or int
        Units of every layer, inputs first: [784, 30, 10]; or the number of inputs alone,
        followed by `layers`.
    layers : sequence of Dense, optional
        The layers one by one, where they differ in more than their width.
    activation : str or Activation, default 'sigmoid'
        Of the hidden layers; only with a list of sizes. See `deltaloop.activations`, and
        `deltaloop.custom_activation` for one of your own.
    output : str or Activation, optional
        Of the last layer; left out, the one that belongs to the loss (identity for mse,
        sigmoid for binary_cross_entropy, softmax for cross_entropy, identity for huber).
    loss : str, Loss or CustomLoss, default 'mse'
        Mean over samples of a sum over outputs; mse has the factor 1/2. See
        `deltaloop.losses`, `deltaloop.Loss` for one with a parameter, and
        `deltaloop.custom_loss` for one of your own.
    dtype : {'float32', 'float64'}, default 'float32'
        Of parameters and arithmetic.
    init : str or sequence, default 'glorot_uniform'
        Initial weights: a name (see `deltaloop.initializers`), or one entry per layer, each
        a name, an array W of shape (n_out, n_in), or a pair (W, b).
    seed : int or numpy.random.Generator, default 0
        Of initial values and sample order. Same seed, same machine: same bits.
    backend : {'auto', 'cython', 'numba', 'reference'}, default 'auto'
        What computes. 'auto' is what the environment variable DELTALOOP_BACKEND names, else
        'cython'. 'numba' is about as fast, but compiles for some seconds when it is first used
        (then Numba keeps it on disk), and uses one thread; it needs the package numba.

    Attributes
    ----------
    W : sequence of ndarray
        W[l], shape (n_out, n_in), weights of weight layer l (0-based): live views of theta.
        W[l][j, k] leads from unit k to unit j of the next layer. Assigning copies into them.
    b : sequence of ndarray or None
        b[l], shape (n_out,): live views of theta; None for a layer without bias.
    sizes : tuple of int
        Units of every layer, inputs first. This and the next three cannot be reassigned.
    layers : tuple of Dense
    loss_name : str
    dtype : numpy.dtype
    theta : ndarray
        All parameters in one flat aligned array; weights are stored input-major in rows
        padded to 4, 8 or a multiple of 16 units, and the padding stays zero.
    n_parameters : int
        Weights and biases, padding not counted.
    scaling : Scaling or None
        Standardisation applied to all data on its way in and out; saved with the network.
    classes : tuple of str or None
        Names of the classes, for reports; saved with the network.
    optimizer : SGD, Adam or RMSprop
        What `learn_one` and `learn_batch` descend with, and `fit` where it is given none.
    generator : numpy.random.Generator
        Draws the order of the samples; what `seed` became.
    metadata : dict or None
        What else belongs to it, as far as JSON holds it; saved with the network. The command line
        keeps there how the columns of a table become inputs.

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
      layer  units  activation  parameters
      input      4
          1      2  sigmoid             10
          2      2  sigmoid              6
          3      1  identity    2  no bias
      total                             18
    >>> net.W[2].shape
    (1, 2)
    """

    @explained(
        "write Network([4, 8, 3]) or Network(4, [Dense(8), Dense(3)])",
        optimizer=_FOR_FIT, lr=_FOR_FIT, learning_rate=_FOR_FIT,
        random_state="write seed=0",
        activations="write Network(4, [Dense(8, 'relu'), Dense(3, 'tanh')])",
        output_activation="write output='sigmoid'",
    )  # fmt: skip
    def __init__(
        self,
        sizes: Sequence[int] | int,
        layers: Sequence[Dense] | None = None,
        *,
        activation=None,
        output=None,
        loss: str | Loss | CustomLoss = "mse",
        dtype="float32",
        init="glorot_uniform",
        seed=0,
        backend: str = "auto",
    ):
        loss = check_loss(loss)
        n_in, layers = as_layers(sizes, layers, activation, output, loss)
        self._initialize(n_in, layers, loss, dtype, init, seed, backend)
        warn_about_output(self.layers[-1], loss)

    def _initialize(self, n_in, layers, loss, dtype, init, seed, backend):
        """Everything that `Network()` does, but without its warnings."""
        dtype, backend, generator = as_dtype(dtype), as_backend(backend), as_generator(seed)
        values, layers = parameters(n_in, layers, init, dtype, generator)
        self._build(n_in, layers, loss, dtype, backend, generator)
        for index, (W, b) in enumerate(values):
            self.W[index] = W
            if layers[index].bias:
                self.b[index] = b

    def _build(self, n_in, layers, loss, dtype, backend, generator):
        self.layers = layers
        self.loss_name = loss.name
        self._loss = loss
        self.dtype = dtype
        self.generator = generator
        self.sizes = (n_in, *(layer.n_out for layer in layers))
        units = [
            (d.n_out, d.activation.for_plan(dtype), d.activation.alpha or 0.0, d.bias)
            for d in layers
        ]
        code, parameter = loss.for_plan(dtype)
        self.plan = Plan.build(n_in, units, code, dtype, parameter)
        self._theta = aligned_zeros(self.plan.n_theta, dtype)
        self._shown = self._theta.view()  # whoever assigns its shape changes that of no other
        self._turns, self._kept = Turns(), []
        self._views: dict[str, Views] = {}
        self._optimizer, self._session = SGD(), None
        self.use_backend(backend)
        self._scaling: Scaling | None = None
        self.classes: tuple[str, ...] | None = None
        self.metadata: dict | None = None

    @explained(
        "write net.fit(X, Y), or net.fit(*dataset)",
        lr=_FOR_FIT, learning_rate=_FOR_FIT, momentum=_FOR_FIT,
        loss="the loss belongs to the network: Network([4, 8, 3], loss='mse')",
        verbose="write progress=True",
        callbacks="write progress=f for a function f(epoch, fraction, history)",
        n_jobs="write n_threads=2",
    )  # fmt: skip
    def fit(
        self,
        X,
        Y,
        *,
        epochs: int = 30,
        batch_size: int | None = None,
        optimizer=None,
        shuffle: bool = True,
        sample_weight=None,
        validation_data=None,
        tol: float | None = None,
        patience: int | None = None,
        target_loss: float | None = None,
        progress=False,
        sparse: bool | str = "auto",
        n_threads: int = 1,
    ) -> History:
        """Train by gradient descent on mini-batches.

        Parameters
        ----------
        X : array_like, shape (n_samples, ...)
            Flattened per sample to n_in values. Copied only where dtype or order demand it.
            Or a matrix or array of scipy.sparse, which does not become dense.
        Y : array_like, shape (n_samples, n_out)
            Targets; (n_samples,) for one output, or class numbers for cross_entropy.
        epochs : int, default 30
            Passes over the data, at most.
        batch_size : int, optional
            Samples per update, from 1 to n_samples; the last batch of an epoch holds what is
            left. Default 10, or all samples where there are fewer.
        optimizer : SGD, Adam or RMSprop, optional
            Default `net.optimizer`, which is SGD(learning_rate=0.1) unless it was assigned. Its
            state starts afresh in every call.
        shuffle : bool, default True
            Draw a new order of the samples for every epoch.
        sample_weight : array_like, shape (n_samples,), optional
            >= 0. A mini-batch counts with sum_t w_t C_t / sum_t w_t; one whose weights are all 0
            has the gradient 0. With batch_size=1 every other weight is as good as 1.
        validation_data : (X, Y) or Dataset, optional
            Watched after every epoch, never trained on; its samples have no weights.
        tol : float, optional
            Stop when the loss (of the validation data, if given) has not fallen below its best
            value by more than tol in `patience` epochs in a row. Default with patience: 0.
        patience : int, optional
            See tol, and default with tol: 1. Where it is given, it is also the stop_reason.
        target_loss : float, optional
            Stop when the loss (of the validation data, if given) is at most this.
        progress : bool or callable, default False
            True draws a progress bar (needs rich). A callable gets (epoch, fraction of the
            epoch, history) after every slice of work (about 50 ms) and at the end of an epoch.
        sparse : {'auto', True, False}, default 'auto'
            Whether the values of X that are not zero are listed, once, so that plain SGD skips
            the weights of all others. 'auto': where that pays, judged from the share of zeros,
            and always for X of scipy.sparse. The result is the same up to rounding.
        n_threads : int, default 1
            Threads that share the work of a mini-batch; the result is the same bit for bit. They
            pay from about a million multiplications per mini-batch on.

        Returns
        -------
        History
            Ctrl-C ends training after the current slice of work (about 50 ms, but at least one
            mini-batch) and returns normally, with stop_reason 'interrupted'.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            Data or settings are not accepted; nothing was changed.
        BusyError
            Another thread is training this network.
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
        weights, watched = validation.weights(sample_weight, len(X)), None
        if validation_data is not None:
            watched = self._data(*validation.pair(validation_data), "validation ")
        settings = check_settings(
            len(X), epochs, batch_size, self.optimizer if optimizer is None else optimizer,
            shuffle, tol, patience, target_loss, sparse, n_threads,
        )  # fmt: skip
        self._check_threads(n_threads)
        if isinstance(self._loss, Loss) and self._loss.row.is_distance:
            validation.warn_if_unreachable(Y, self.layers[-1].activation)
        from .training.progress import reporter

        with reporter(progress, settings["epochs"]) as report:
            return self._turns.train(
                train, self, X, Y, weights=weights, validation=watched, progress=report, **settings
            )

    def save(self, path) -> None:
        """Write the network to one file, whole or not at all; see `deltaloop.load`.

        Kept are the layers, the parameters, `scaling`, `classes`, `metadata` and the settings of
        `optimizer`; not its state, nor that of `generator`.

        Parameters
        ----------
        path : str or path-like
            Used as it is; '.npz' is customary. An existing file is replaced in one step.

        Raises
        ------
        InvalidInputError
            Parameters that are not finite, `metadata` that JSON cannot hold, or an activation or
            loss of your own, which is code; so is an optimizer of a class of your own.
        InvalidTypeError
            `path` is no path.
        OSError
            The file cannot be written; what was there before is untouched.
        """
        archive.save(self, self._turns.read(self._theta.copy), path)

    def to_c(self, path, name: str | None = None, learn: bool = False) -> None:
        """Write the network as one C header that needs nothing but itself.

        The header holds the parameters as static arrays and the functions that compute with
        them, in C99 that is C++11 as well: no memory from the heap, and of the library expf
        and tanhf at most (exp and tanh in float64). `real` below is float or, for a network in
        float64, double.

            #define NAME_N_IN, NAME_N_OUT
            void NAME_predict(const real *x, real *y);
            real NAME_learn_one(const real *x, const real *target, real learning_rate);

        NAME_predict gives what `predict` gives, `scaling` included, up to rounding.
        NAME_learn_one is there with learn=True only. It is one step of plain SGD on one sample,
        as in `fit` with batch_size=1, and returns the loss before the step, in the units of the
        network. Parameters NAME_W1, NAME_b1, ... lie as in `W`: row j holds the n_in weights
        that lead to unit j.

        Parameters
        ----------
        path : str or path-like
            Used as it is; '.h' is customary. An existing file is replaced in one step.
        name : str, optional
            What every name in the header begins with (macros in capitals). Left out, it is made
            of the name of the file.
        learn : bool, default False
            Whether the parameters can be changed, and NAME_learn_one is written.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            A name that is no C identifier; parameters that are not finite; a scaling beyond the
            range of the dtype; an activation or loss of your own.
        OSError
            The file cannot be written; what was there before is untouched.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> import deltaloop as dl
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "gate.h"
        ...     dl.Network([2, 3, 1]).to_c(path)
        ...     "void gate_predict(const float *x, float *y)" in path.read_text()
        True
        """
        from .interop.c_header import write

        write(self, path, name, learn)

    def __repr__(self) -> str:
        head = f"Network: loss {self._loss}, {self.dtype}, backend {self.backend_name}"
        rows: list[tuple] = [("layer", "units", "activation", "parameters")]
        rows.append(("input", self.sizes[0], "", ""))
        for index, layer in enumerate(self.layers):
            count = layer.n_out * (self.sizes[index] + layer.bias)
            note = "" if layer.bias else "  no bias"
            rows.append((index + 1, layer.n_out, layer.activation, f"{count}{note}"))
        rows.append(("total", "", "", self.n_parameters))
        return "\n".join([head, *aligned(rows, ">><>")])

    def __getstate__(self) -> dict:
        return self._turns.read(self._state)

    def _state(self):
        state = self.__dict__ | {"_backend": self.backend_name, "_scaling": self._scaling}
        state["generator"] = copy.deepcopy(self.generator)  # copy.copy would share it
        state["_theta"] = self._theta.copy()
        state["_progress"] = self._session.progress()
        # what follows from the layers, and what belongs to this network alone
        for name in ("plan", "_views", "_shown", "_turns", "_kept"):
            del state[name]
        return state

    def __setstate__(self, state: dict) -> None:
        theta, backend, scaling, progress = (
            state.pop(k) for k in ("_theta", "_backend", "_scaling", "_progress")
        )
        state["_loss"] = check_loss(state["_loss"])  # a name in pickles of earlier versions
        self._build(
            state["sizes"][0], state["layers"], state["_loss"], state["dtype"],
            backend, state["generator"],
        )  # fmt: skip
        self.__dict__.update(state)
        self._theta[:], self._scaling = theta, scaling
        self._session = with_optimizer(self._session, self._optimizer)
        self._session.resume(*progress)
