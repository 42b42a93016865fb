"""The network: made, trained, copied and saved; what it computes and holds comes from its bases."""

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .computing import Computing
from .embedding import Embedding
from .errors import InvalidInputError, InvalidTypeError, shown
from .explain.methods import Explaining
from .inputs.calls import explained
from .inputs.checks import switch
from .interop import archive
from .kernels.memory import aligned_zeros
from .kernels.turns import Turns
from .parts.alike import kind, kind_of, optimizer_with, settings_of
from .parts.construction import (
    as_backend,
    as_dtype,
    as_generator,
    checked_input_dropout,
    initial,
    layers_and_loss,
    parameters,
    plan_of,
    warn_about_output,
)  # fmt: skip
from .parts.custom import CustomLoss
from .parts.layers import Dense
from .parts.losses import Loss, check_loss
from .parts.optimizers import SGD
from .parts.parameters import Parameters, put, without_padding
from .parts.pickled import Pickled, dumped
from .parts.reproducible import Draws, check_inits, check_plan, reproducible_kernels
from .parts.scaling import Scaling
from .text import aligned
from .training.fitting import FOR_FIT, Fitting
from .training.samples import drawn_noise

_FIRST = SGD()  # the optimizer of new networks
# what follows from what is in a pickle, or belongs to one network alone
_DERIVED = frozenset((
    "layers", "loss_name", "_loss", "dtype", "sizes", "plan", "_theta", "_shown", "_views",
    "_turns", "_kept", "_generator", "_optimizer",
))  # fmt: skip


class Network(Fitting, Embedding, Explaining, Computing, Parameters):
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
        Of the last layer; left out, the one that belongs to the loss: identity for mse and other
        distances, sigmoid for binary_cross_entropy, softmax for cross_entropy, exp for poisson; see
        the table of `deltaloop.losses`.
    loss : str, Loss or CustomLoss, default 'mse'
        Mean over samples of a sum over outputs; mse has the factor 1/2. See
        `deltaloop.losses`, `deltaloop.Loss` for one with a parameter, and
        `deltaloop.custom_loss` for one of your own. 'gaussian_nll', with a list of sizes, gives a
        mean and a variance for every output, see `Head`; outputs of several kinds have `heads`,
        see `Dense`.
    dtype : {'float32', 'float64'}, default 'float32'
        Of parameters and arithmetic.
    init : str, tuple or sequence, default 'glorot_uniform'
        Initial weights: a name (see `deltaloop.initializers`), a name with its numbers such as
        ("uniform", 0.3), or a list with one entry per layer, each of them one of these, an array W
        of shape (n_out, n_in), or a pair (W, b).
    bias_init : str, tuple, number or sequence, optional
        Initial biases, in the same way: a name, a number, or a list with one entry per layer. Left
        out, 0, or what `init` gives.
    seed : int or numpy.random.Generator, default 0
        Of initial values and sample order. Same seed, same machine: same bits.
    backend : {'auto', 'cython', 'numba', 'reference'}, default 'auto'
        What computes. 'auto' is what the environment variable DELTALOOP_BACKEND names, else
        'cython'. 'numba' is about as fast, but compiles for some seconds when it is first used
        (then Numba keeps it on disk), and uses one thread; it needs the package numba.
    dropout : float, default 0
        For a list of widths: `dropout` of every hidden layer, see `Dense`.
    input_dropout : float, default 0
        Probability, in [0, 1), that an input is 0 for a sample of a mini-batch in training; the
        others are divided by 1 - input_dropout.
    input_noise : float, default 0
        Standard deviation, >= 0, of noise that is added to the inputs of a sample of a mini-batch
        in training, after `scaling` and before `input_dropout`: sums of 8 uniform numbers, next to
        normal and within 4.9 deviations. Source: Bishop (1995), Training with noise is equivalent
        to Tikhonov regularization. (Noise in the weights: `weight_noise` of the optimisers.)
    reproducible : bool, default False
        Whether training and predictions give the same bits on every processor with fused products
        (x86-64 from level 3 on, 64-bit ARM), at up to 1.2 times the time. It is saved with the
        network. What it covers and what it refuses is in docs/reproducible.md.

    Attributes
    ----------
    W : sequence of ndarray
        W[l], shape (n_out, n_in), weights of weight layer l (0-based): live views of theta.
        W[l][j, k] leads from unit k to unit j of the next layer. Assigning copies into them:
        net.W[0] = array, or net.W = other.W, which changes nothing unless all of it fits.
    b : sequence of ndarray or None
        b[l], shape (n_out,): live views of theta; None for a layer without bias. Assigned as W.
    sizes : tuple of int
        Units of every layer, inputs first. This and the next three cannot be reassigned.
    layers : tuple of Dense
    loss_name : str
    dtype : numpy.dtype
    theta : ndarray
        All parameters in one flat aligned array; weights are stored input-major in rows
        padded to 4, 8 or whole cache lines of units, and the padding stays zero.
    parameters : ndarray, shape (n_parameters,)
        A copy of all parameters without padding: layer by layer W, row by row (as
        torch.nn.utils.parameters_to_vector has it), then b. Assigning copies them back. For
        evolution strategies and other optimisers that know a vector and a loss.
    n_parameters : int
        Weights and biases, padding not counted.
    scaling : Scaling or None
        Standardisation applied to all data on its way in and out; saved with the network.
    classes : tuple of str or None
        Names of the classes, for reports; saved with the network.
    optimizer : SGD, Adam, RMSprop, ...
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
        optimizer=FOR_FIT, lr=FOR_FIT, learning_rate=FOR_FIT,
        random_state="write seed=0",
        kernel_initializer="write init='he_normal'", bias_initializer="write bias_init='zeros'",
        activations="write Network(4, [Dense(8, 'relu'), Dense(3, 'tanh')])",
        output_activation="write output='sigmoid'", deterministic="write reproducible=True",
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
        bias_init=None,
        seed=0,
        backend: str = "auto",
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        input_noise: float = 0.0,
        reproducible: bool = False,
    ):
        of_inputs = checked_input_dropout(input_dropout, input_noise)
        n_in, layers, loss = layers_and_loss(sizes, layers, activation, output, loss, dropout)
        reproducible = switch("reproducible", reproducible)
        self._initialize(
            n_in, layers, loss, dtype, init, seed, backend, bias_init, of_inputs, reproducible
        )
        warn_about_output(self.layers[-1], loss)

    def _initialize(
        self, n_in, layers, loss, dtype, init, seed, backend, bias_init=None, of_inputs=(0.0, 0.0),
        reproducible=False,
    ):  # fmt: skip
        """Everything that `Network()` does, but without its warnings."""
        dtype, backend, generator = as_dtype(dtype), as_backend(backend), as_generator(seed)
        draws = generator
        if reproducible:
            reproducible_kernels(backend)  # refused before anything is drawn
            check_inits(initial(n_in, layers, init, bias_init))
            draws = Draws(generator)
        values, layers = parameters(n_in, layers, init, bias_init, dtype, draws)
        self._build(
            n_in, layers, loss, dtype, backend, generator, of_inputs, reproducible=reproducible
        )
        if self.plan.drops:
            self._noise = drawn_noise(self.plan, generator)
            self._session.set_rule(self._optimizer.rule(), self._noise)
        for index, (W, b) in enumerate(values):
            self.W[index] = W if layers[index].mask is None else W * layers[index].mask
            if layers[index].bias:
                self.b[index] = b

    @classmethod
    def _of_zeros(cls, n_in, layers, loss, dtype) -> "Network":
        """Network(n_in, layers, loss=loss, dtype=dtype, init="zeros") of plain layers, quickly."""
        if any(layer.dropout for layer in layers):
            return cls(n_in, layers, loss=loss, dtype=dtype, init="zeros")
        net = cls.__new__(cls)
        n_in, layers, loss = layers_and_loss(n_in, layers, None, None, loss, 0.0)
        net._build(n_in, layers, loss, dtype, as_backend("auto"), as_generator(0), (0.0, 0.0))
        warn_about_output(layers[-1], loss)
        return net

    def _build(self, n_in, layers, loss, dtype, backend, generator, of_inputs, reproducible=False):
        plan = plan_of(n_in, layers, loss, dtype, *of_inputs)
        if reproducible:
            check_plan(plan)
        self._put_together(plan, layers, loss, dtype, generator, reproducible)
        backend = self._kernels(backend)
        self._take_backend(backend, self._new_session(backend))

    def _put_together(
        self, plan, layers, loss, dtype, generator, reproducible=False, optimizer=None, noise=0
    ):
        """All but what computes."""
        theta = aligned_zeros(plan.n_theta, dtype)
        self.__dict__.update(  # at once: half of the time of __setattr__ for each
            layers=layers, loss_name=loss.name, _loss=loss, dtype=dtype, _generator=generator,
            sizes=(plan.n_in, *(layer.n_out for layer in layers)), reproducible=reproducible,
            plan=plan, _theta=theta,
            _noise=noise,  # the seed of dropout and noise for learn_one and learn_batch
            _shown=theta.view(),  # whoever assigns its shape changes that of no other
            _turns=Turns(), _kept=[], _views={}, _optimizer=optimizer or _FIRST, _run=None,
        )  # fmt: skip
        self._classes: tuple[str, ...] | None = None
        self.metadata: dict | None = None
        self._scaling: Scaling | None = None

    @property
    def generator(self) -> np.random.Generator:
        """Where random numbers come from; see the class."""
        found = self._generator
        return found.made() if isinstance(found, Pickled) else found

    @generator.setter
    def generator(self, generator: np.random.Generator) -> None:
        if not isinstance(generator, np.random.Generator):
            raise InvalidTypeError(
                f"net.generator must be a numpy Generator, got {shown(generator)}; use "
                "numpy.random.default_rng(seed)"
            )
        self._generator = generator

    @property
    def input_dropout(self) -> float:
        """Probability that an input is dropped in training; see the class."""
        return self.plan.input_dropout

    @property
    def input_noise(self) -> float:
        """Standard deviation of noise in the inputs of training; see the class."""
        return self.plan.input_noise

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Names of the classes; see the class."""
        return self._classes

    @classes.setter
    def classes(self, names) -> None:
        self._classes = archive.checked_classes(names)

    @property
    def trainable(self) -> tuple[bool, ...]:
        """Whether training moves the W and b of each layer.

        Assign one bool per layer, or one for all; between trainings only. Gradients are not
        concerned. Layers that are frozen below all others cost no backward pass.
        """
        return tuple(layer.trainable for layer in self.layers)

    @trainable.setter
    def trainable(self, which) -> None:
        which = [which] * len(self.layers) if isinstance(which, bool | np.bool_) else which
        if not np.iterable(which):
            raise InvalidTypeError(
                "trainable must be True or False, for all layers or one for each, got "
                + shown(which)
            )
        which = list(which)
        if len(which) != len(self.layers):
            raise InvalidInputError(
                f"trainable must have one bool per layer ({len(self.layers)}), got {which!r}"
            )
        layers = [replace(d, trainable=w) for d, w in zip(self.layers, which, strict=True)]
        self._turns.train(self._take_layers, tuple(layers))

    def _take_layers(self, layers):
        self.plan.freeze([not layer.trainable for layer in layers])
        self.__dict__["layers"] = layers  # alike but for what is trained: __setattr__ refuses more

    def _noise_for(self, optimizer) -> int:
        """The seed of dropout and noise in single steps."""
        if not self._noise and getattr(optimizer, "weight_noise", 0.0) > 0:
            # from a copy: the orders that the generator draws stay as they are
            generator = copy.deepcopy(self.generator)
            self._noise = drawn_noise(self.plan, generator, optimizer.rule())
        return self._noise

    def save(self, path, state: bool = False) -> None:
        """Write the network to one file, whole or not at all; see `deltaloop.load`.

        Kept are the layers, the parameters, `scaling`, `classes`, `metadata` and the settings of
        `optimizer`.

        Parameters
        ----------
        path : str or path-like
            Used as it is; '.npz' is customary. An existing file is replaced in one step.
        state : bool, default False
            Keep as well how far training is: the state of `optimizer`, of the last `fit` (which
            `resume` goes on with) and of `generator`. In a callback after an epoch that is the
            fit under way; in the middle of an epoch there is none, as `checkpoint` of `fit` has.

        Raises
        ------
        InvalidInputError
            Parameters that are not finite, `metadata` that JSON cannot hold, or an activation or
            loss of your own, which is code; so is an optimizer or generator of a class of your own.
        InvalidTypeError
            `path` is no path.
        OSError
            The file cannot be written; what was there before is untouched.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import deltaloop as dl
        >>> net = dl.Network([2, 3, 1], seed=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.save(pathlib.Path(folder, "net.npz"))
        ...     same = dl.load(pathlib.Path(folder, "net.npz"))
        >>> bool((same.theta == net.theta).all())
        True
        """
        theta, more = self._turns.read(self._to_save, switch("state", state))
        archive.save(self, theta, path, more)

    def _to_save(self, state):
        if not state:
            return self._theta.copy(), None
        from .training.kept import kept

        return self._theta.copy(), kept(self, self._run)

    def to_c(
        self,
        path,
        name: str | None = None,
        learn: bool = False,
        *,
        momentum: bool = False,
        weights: str | None = None,
        samples=None,
        progmem: bool = False,
    ) -> None:
        """Write the network as one C header that needs nothing but itself.

        The header holds the parameters as static arrays and the functions that compute with
        them, in C99 that is C++11 as well: no memory from the heap, and little of the library
        (see docs/c.md). `real` below is float or, for a network in float64, double.

            #define NAME_N_IN, NAME_N_OUT
            void NAME_predict(const real *x, real *y);
            real NAME_learn_one(const real *x, const real *target, real learning_rate);

        NAME_predict gives what `predict` gives, `scaling` included, up to rounding.
        NAME_learn_one is there with learn=True only. It is one step of plain SGD on one sample,
        as in `fit` with batch_size=1, and returns the loss before the step, in the units of the
        network. In NAME_W1, ..., row k holds the n_out weights that leave unit k: the transpose
        of `W`.

        Parameters
        ----------
        path : str or path-like
            Used as it is; '.h' is customary. An existing file is replaced in one step.
        name : str, optional
            What every name in the header begins with (macros in capitals). Left out, it is made
            of the name of the file.
        learn : bool, default False
            Whether the parameters can be changed, and NAME_learn_one is written.
        momentum : bool, default False
            With `learn`: the steps of SGD with momentum. NAME_learn_one takes one argument more,
            the momentum, and the header keeps a velocity, 0 at first, for every parameter.
        weights : {"int8", "int16"}, optional
            "int8": weights as whole numbers of one byte, with one scale for every unit,
            s_j = max_k |W_jk| / 127: a quarter of the memory. Activations and biases stay `real`.
            What it does to the outputs tells `deltaloop.formats.rounded_to_int8`, the same
            network in Python.
            "int16": for chips without a unit for floats. Weights, biases and activations of hidden
            layers are whole numbers, x and y stay `real`; what comes out tells
            `deltaloop.formats.in_fixed_point`.
        samples : array_like, shape (n_samples, n_in), optional
            With weights="int16": inputs as they will come, in the units of the data, which tell
            how large numbers grow; up to twice of that is represented.
        progmem : bool, default False
            For AVR (Arduino Uno and its like): parameters stay in flash, and are read from there,
            instead of filling the RAM. Elsewhere the header is the same as without.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            A name that is no C identifier; parameters that are not finite; a scaling beyond the
            range of the dtype; an activation or loss of your own; heads or shortcuts; momentum
            without learn, learn with int8, int16 or progmem, progmem in float64, int16 without
            samples.
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

        write(
            self, path, name, learn=learn, momentum=momentum, weights=weights, progmem=progmem,
            samples=samples,
        )  # fmt: skip

    def __repr__(self) -> str:
        head = f"Network: loss {self._loss}, {self.dtype}, backend {self.backend_name}"
        head += ", reproducible" if self.reproducible else ""
        rows: list[tuple] = [("layer", "units", "activation", "parameters")]
        noisy = f"noise {self.input_noise:g}" if self.input_noise else ""
        dropped = f"dropout {self.input_dropout:g}" if self.input_dropout else ""
        rows.append(("input", self.sizes[0], "", "  ".join(filter(None, (noisy, dropped)))))
        for index, layer in enumerate(self.layers):
            count = layer.n_out * (int(self.plan.layers[index]["n_in"]) + layer.bias)
            if layer.mask is not None:
                count -= int((~layer.mask).sum())
            note = "" if layer.bias else "  no bias"
            note += f"  dropout {layer.dropout:g}" if layer.dropout else ""
            note += "" if layer.trainable else "  frozen"
            rows.append((index + 1, layer.n_out, layer.activation, f"{count}{note}"))
        rows.append(("total", "", "", self.n_parameters))
        return "\n".join([head, *aligned(rows, ">><>")])

    def __getstate__(self) -> dict:
        return self._turns.read(self._state)

    def _state(self):
        state = {name: value for name, value in self.__dict__.items() if name not in _DERIVED}
        kind = kind_of(self)
        if kind is None:
            state |= {name: self.__dict__[name] for name in ("layers", "_loss", "dtype", "sizes")}
            state["_of_inputs"] = self.input_dropout, self.input_noise
        else:
            state["_kind"] = kind
        generator = self._generator
        state["generator"] = (
            generator.dumped() if isinstance(generator, Pickled) else dumped(generator)
        )
        state["_optimizer"] = settings_of(self._optimizer)
        state["_backend"] = self.backend_name
        state["_theta"] = without_padding(self.plan, self._theta)
        progress = self._session.progress()
        if progress[1] or progress[0].size:
            state["_progress"] = progress
        if self._scaling is not None:
            state["_scaling"] = self._scaling
        if self._run is not None:
            state["_run"] = self._run.copy()
        return state

    def __setstate__(self, state: dict) -> None:
        theta, backend, generator = (state.pop(k) for k in ("_theta", "_backend", "generator"))
        if "classes" in state:  # in pickles of earlier versions
            state["_classes"] = state.pop("classes")
        if not isinstance(generator, np.random.Generator):
            generator = Pickled(generator)
        optimizer = state.pop("_optimizer")
        if isinstance(optimizer, tuple):
            optimizer = optimizer_with(optimizer)
        progress, scaling = state.pop("_progress", None), state.pop("_scaling", None)
        loss: Loss | CustomLoss
        if "_kind" in state:
            found = kind(state.pop("_kind"))
            layers, loss, dtype, plan = found.layers, found.loss, found.dtype, found.plan.copy()
        else:
            # in pickles of earlier versions there is less, and the loss may be a name
            layers, loss, dtype = state["layers"], state["_loss"], state["dtype"]
            if isinstance(loss, str):
                loss = state["_loss"] = check_loss(loss)
            of_inputs = state.pop("_of_inputs", None) or (state.pop("_input_dropout", 0.0), 0.0)
            plan = plan_of(state["sizes"][0], layers, loss, dtype, *of_inputs)
        self._put_together(
            plan, layers, loss, dtype, generator, state.get("reproducible", False), optimizer,
            state.get("_noise", 0),
        )  # fmt: skip
        self.__dict__.update(state)
        self._scaling = scaling
        put(plan, theta, self._theta)
        backend = self._kernels(backend)
        self._take_backend(backend, self._new_session(backend))
        if progress is not None:
            self._session.resume(*progress)
