"""Many networks of one shape: made, trained, asked, saved."""

import copy
from collections.abc import Iterator
from time import perf_counter

import numpy as np

from ..errors import InvalidInputError
from ..inputs import validation
from ..inputs.calls import explained
from ..inputs.checks import check_memory, number, parameter, switch, whole_number
from ..kernels import ensembles
from ..network import Network
from ..parts.construction import initial
from ..parts.initializers import initial_values
from . import files, lanes, one_by_one
from .answering import Answering
from .arguments import Rows, epochs_of, seeds_of, weights_of
from .history import EnsembleHistory
from .progress import reporter
from .results import take
from .rules import rule_of


class Ensemble(Answering):
    """Networks of one shape, each with its seed, which learn and answer together.

    Every network is what `Network(sizes, ..., seed=its seed)` is, and `fit` trains it as that
    would be trained, up to rounding. But the arithmetic of 8 or 16 networks at once fills the
    vectors of the processor (16 in float32 with AVX-512), so that small networks take a tenth to a
    thirtieth of the time. Wide ones are trained one by one, on all threads.

    Parameters
    ----------
    sizes, layers, activation, output, loss, dtype, init, bias_init, backend
        As in `Network`. An ensemble has no heads, dropout, noise, masks, shortcuts, frozen layers,
        learning rates of layers, and no functions of your own; the backend 'numba' has none.
    n : int, optional
        How many networks; left out, as many as there are seeds, or 16.
    seeds : int or sequence of int, optional
        The seed of every network; a single number s stands for s, s + 1, ... Left out: 0, 1, ...

    Attributes
    ----------
    parameters : ndarray, shape (n, n_parameters)
        Those of every network as `Network.parameters` has them. They can be changed in place.
    seeds : ndarray of int, shape (n,)
    sizes : tuple of int
    layers : tuple of Dense
    loss_name : str
    dtype : numpy.dtype
    n_parameters : int
        Of one network.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        As `Network`, and for what an ensemble does not have.

    Examples
    --------
    >>> import deltaloop as dl
    >>> X, y = dl.datasets.load("xor")
    >>> ens = dl.Ensemble([2, 4, 1], n=64, activation="tanh", loss="binary_cross_entropy")
    >>> history = ens.fit(X, y, learning_rate=1.0, epochs=500, batch_size=1)
    >>> ens.predict(X).shape
    (64, 4, 1)
    >>> best = ens.best(X, y)  # a Network
    >>> best.loss(X, y) < 0.05
    True
    """

    @explained(
        "write Ensemble([4, 8, 3], n=100) or Ensemble(4, [Dense(8), Dense(3)], n=100)",
        seed="write seeds=0 for the seeds 0, 1, 2, ..., or seeds=[...]",
        n_networks="write n=100", n_estimators="write n=100", size="write n=100",
        optimizer="write ens.fit(X, Y, optimizer=Adam(0.001))",
        learning_rate="write ens.fit(X, Y, learning_rate=0.1)",
    )  # fmt: skip
    def __init__(
        self, sizes, layers=None, *, n=None, seeds=None, activation=None, output=None, loss="mse",
        dtype="float32", init="glorot_uniform", bias_init=None, backend="auto",
    ):  # fmt: skip
        self.seeds = seeds_of(n, seeds)
        if isinstance(layers, Iterator):
            layers = list(layers)
        first = Network(
            sizes, layers, activation=activation, output=output, loss=loss, dtype=dtype, init=init,
            bias_init=bias_init, seed=int(self.seeds[0]), backend=backend,
        )  # fmt: skip
        self._take(first)
        n_bytes = len(self.seeds) * self.n_parameters * self.dtype.itemsize
        check_memory(f"{len(self.seeds)} networks", n_bytes, "use a smaller n")
        self._parameters = np.empty((len(self.seeds), self.n_parameters), self.dtype)
        self.parameters[0] = first.parameters
        self._generators = [first.generator]
        # the layers of `first` have lost the arrays that those that were given may have brought
        asked = initial(self.sizes[0], first.layers if layers is None else layers, init, bias_init)
        for row, seed in zip(self.parameters[1:], self.seeds[1:], strict=True):
            generator, start = np.random.default_rng(int(seed)), 0
            for index, (of_W, of_b, place) in enumerate(asked):
                W, b = initial_values(of_W, of_b, index + 1, place, self.dtype, generator)
                for part in (W, b) if place.bias else (W,):
                    row[start : start + part.size] = part.ravel()
                    start += part.size
            self._generators.append(generator)

    def _take(self, template: Network) -> None:
        """Everything that the networks have in common."""
        refused = ensembles.refusal(template.plan)
        if refused:
            raise InvalidInputError(
                f"an ensemble has no {refused}; leave that out, or train the networks one by one: "
                "[Network(..., seed=k) for k in range(n)]"
            )
        if template.backend_name == "numba":
            raise InvalidInputError(
                "an ensemble has the backends 'cython' and 'reference', got 'numba'; write "
                "backend='cython'"
            )
        self._template = template

    sizes = property(lambda self: self._template.sizes)
    layers = property(lambda self: self._template.layers)
    loss_name = property(lambda self: self._template.loss_name)
    dtype = property(lambda self: self._template.dtype)
    n_parameters = property(lambda self: self._template.n_parameters)

    @property
    def parameters(self) -> np.ndarray:
        """Those of every network, shape (n, n_parameters)."""
        return self._parameters

    @parameters.setter
    def parameters(self, values):
        found = parameter("parameters", values, self._parameters.shape, self.dtype)
        self._parameters = np.array(found, self.dtype, order="C")

    def __len__(self) -> int:
        """Number of networks."""
        return len(self.parameters)

    def __repr__(self) -> str:
        shape = "-".join(map(str, self.sizes))
        return (
            f"Ensemble: {len(self)} networks {shape}, loss {self._template._loss}, {self.dtype}, "
            f"{self.n_parameters} parameters each"
        )

    def __getitem__(self, which):
        """A `Network` of its own by number; an Ensemble by a slice or a list of numbers."""
        if hasattr(which, "__index__") and not isinstance(which, bool | np.bool_ | np.ndarray):
            index = which.__index__()
            if not -len(self) <= index < len(self):
                raise IndexError(f"there are {len(self)} networks, got number {index}")
            return self._network(index % len(self))
        try:
            if not isinstance(which, slice):
                which = np.asarray(which)
                which = which if which.size else which.astype(int)
            chosen = np.arange(len(self))[which]
            if chosen.ndim != 1:
                raise IndexError(f"got an array of {chosen.ndim} dimensions")
        except (IndexError, ValueError) as error:
            raise IndexError(
                f"an ensemble takes a number, a slice or a list of numbers: {error}"
            ) from None
        if not len(chosen):
            raise InvalidInputError("an ensemble has one network at least, but none was chosen")
        found = copy.copy(self)
        found._parameters, found.seeds = self.parameters[chosen], self.seeds[chosen]
        found._generators = [copy.deepcopy(self._generators[index]) for index in chosen]
        return found

    def __iter__(self) -> Iterator[Network]:
        """The networks one by one."""
        return (self._network(index) for index in range(len(self)))

    def _network(self, index, optimizer=None) -> Network:
        net = Network.__new__(Network)
        like = self._template
        net._build(
            like.sizes[0], like.layers, like._loss, like.dtype, like.backend_name,
            copy.deepcopy(self._generators[index]), (0.0, 0.0),
        )  # fmt: skip
        net.parameters = self.parameters[index]
        net.optimizer = like.optimizer if optimizer is None else optimizer
        return net

    @explained(
        "write ens.fit(X, Y), or ens.fit(*dataset)",
        lr="write learning_rate=0.1, or an array with one for every network",
        n_jobs="write n_threads=2",
        validation_split="give validation_data=(X, Y)",
        schedule="an ensemble has constant learning rates",
        class_weight="give sample_weight",
        callbacks="write progress=f, which is called with the fraction that is done",
        max_iter="write epochs=200",
        early_stopping="write validation_data=(X, Y), patience=10, restore_best=True",
    )  # fmt: skip
    def fit(
        self, X, Y, *, epochs=30, batch_size: int | None = None, optimizer=None,
        learning_rate=None, momentum=None, weight_decay=None, shuffle: bool = True,
        sample_weight=None, validation_data=None, tol: float | None = None,
        patience: int | None = None, restore_best: bool = False,
        target_loss: float | None = None, progress=False, n_threads: int = 1,
    ) -> EnsembleHistory:  # fmt: skip
        """Train every network by gradient descent on mini-batches.

        Parameters
        ----------
        X : array_like, shape (n_samples, n_in), or (n, n_samples, n_in)
            Samples that all networks share, or those of every network.
        Y : array_like, shape (n_samples, n_out), or (n, n_samples, n_out)
            As in `Network.fit`; class numbers for cross_entropy may have no last axis.
        epochs : int, or sequence of n, default 30
            Passes over the data, at most.
        batch_size : int, optional
            Samples per update; default 10, or all where there are fewer.
        optimizer : SGD, Adam, ..., optional
            Default SGD(learning_rate=0.1). Its state starts afresh in every call.
        learning_rate, weight_decay : float, or array of n, optional
            Instead of those of the optimiser, for all networks or one for each.
        momentum : float, or array of n, optional
            The same for SGD.
        shuffle : bool, default True
            Every network draws an order of the samples for every epoch, which is that of a Network
            with its seed. False: the order of the rows, for all, which saves up to two thirds of
            the time of small networks.
        sample_weight : array_like, shape (n_samples,) or (n, n_samples), optional
            As in `Network.fit`; the second form makes folds (0 and 1) and bootstrap samples
            (how often each was drawn).
        validation_data : (X, Y), optional
            Watched after every epoch, shared or one for each network as X and Y.
        tol, patience, restore_best, target_loss
            As in `Network.fit`, for every network alone. What has ended costs nothing more.
        progress : bool or callable, default False
            True draws a bar (needs rich). A callable gets the fraction that is done, from 0 to 1,
            after every call of the kernels (about 50 ms).
        n_threads : int, default 1
            Threads that share the networks; the result is the same bit for bit.

        Returns
        -------
        EnsembleHistory
            Ctrl-C ends training and returns normally, with stop_reason 'interrupted'.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            Data or settings are not accepted; nothing was changed.
        DivergenceError
            No network has a finite loss. Where some have, the others end with stop_reason
            'diverged' and their parameters after the last finite epoch, and a warning tells it.

        Examples
        --------
        Ten folds of a cross-validation in one call:

        >>> import deltaloop as dl
        >>> import numpy as np
        >>> X, y = dl.datasets.load("iris")
        >>> fold = np.arange(len(X)) % 10
        >>> weights = fold != np.arange(10)[:, None]
        >>> ens = dl.Ensemble([4, 8, 3], n=10, loss="cross_entropy")
        >>> history = ens.fit(X, y, epochs=20, sample_weight=weights)
        >>> ens.predict(X).shape
        (10, 150, 3)
        """
        n = len(self)
        if not np.isfinite(self.parameters).all():
            raise InvalidInputError(
                "the ensemble has parameters that are nan or infinite, so it cannot be trained; "
                "assign finite ones, or make a new ensemble"
            )
        rows = Rows(X, Y, self._template, n)
        weights = weights_of(sample_weight, rows.n, n)
        watched = None
        if validation_data is not None:
            pair = validation.pair(validation_data)
            watched = Rows(*pair, self._template, n, "validation ")
        rule, numbers, optimizers = rule_of(n, optimizer, learning_rate, momentum, weight_decay)
        batch_size = min(10, rows.n) if batch_size is None else whole_number(
            "batch_size", batch_size, high=rows.n
        )  # fmt: skip
        if rule.row.whole_batch and batch_size < rows.n:
            raise InvalidInputError(
                f"{type(optimizers(0)).__name__} compares gradients of all samples; write "
                f"batch_size={rows.n}"
            )
        last = epochs_of(epochs, n)
        shuffle, n_threads = switch("shuffle", shuffle), whole_number("n_threads", n_threads)
        networks = np.zeros(n, ensembles.NETWORK)
        networks["learning_rate"], networks["momentum"], networks["weight_decay"] = numbers
        networks["first_row"], networks["first_weight"] = rows.first, weights[1]
        networks["first_watched"] = 0 if watched is None else watched.first
        networks["last"], networks["best"], networks["lowest"] = last, np.inf, np.inf
        check_memory("the losses", 16 * n * int(last.max()), "use fewer epochs at a time")
        generators = self._generators
        losses = np.full((int(last.max()), n), np.nan)
        training = ensembles.Training(
            self._template.plan, rule, networks, self.parameters.copy(), rows.X, rows.Y, rows.n,
            batch_size, losses, weights=weights[0], shuffle=shuffle, generators=generators,
            watched=None if watched is None else (watched.X, watched.Y, watched.n),
            watched_losses=None if watched is None else losses.copy(),
            patience=None if patience is None else whole_number("patience", patience),
            tol=None if tol is None else number("tol", tol, low=0.0),
            target_loss=None if target_loss is None else number("target_loss", target_loss),
            best=self.parameters.copy() if switch("restore_best", restore_best) else None,
        )  # fmt: skip
        began, interrupted = perf_counter(), False
        with reporter(progress) as report:
            try:
                if self._goes_in_lanes(training):
                    if shuffle and self._template.backend_name != "reference":
                        address_of = self._template.backend.many(self.dtype).address_of
                        networks["generator"] = [address_of(each) for each in generators]
                    lanes.train(training, self._template.backend, n_threads, report)
                else:
                    given = [optimizers(index) for index in range(n)]
                    one_by_one.train(
                        self, rows, weights, watched, training, given, shuffle, n_threads, report
                    )
            except KeyboardInterrupt:
                interrupted = True
        return take(self.parameters, training, perf_counter() - began, interrupted)

    def _goes_in_lanes(self, training) -> bool:
        backend, plan = self._template.backend, self._template.plan
        if self._template.backend_name == "reference":
            return True
        if ensembles.refused_rule(training.rule):
            return False
        if training.shuffle and not ensembles.alike_orders():
            return False
        if not ensembles.has_room(plan, training.Y):
            return False
        n_lanes = backend.lanes(plan.dtype)
        few = len(self) * 4 < n_lanes  # most lanes would be empty
        return not few and ensembles.pays(plan, training.rule, training.batch_size, n_lanes)

    def save(self, path) -> None:
        """Write all networks to one file, whole or not at all; see `Ensemble.load`.

        Kept are layers, parameters and seeds.

        Parameters
        ----------
        path : str or path-like
            Used as it is; '.npz' is customary. An existing file is replaced in one step.

        Raises
        ------
        InvalidInputError
            Parameters that are not finite.
        InvalidTypeError
            `path` is no path.
        OSError
            The file cannot be written; what was there before is untouched.
        """
        files.save(self, path)

    @classmethod
    def load(cls, path, backend: str = "auto") -> "Ensemble":
        """Read an ensemble that `save` wrote. No code of the file is ever run.

        The random generators, which draw orders of samples, begin at the seeds.

        Parameters
        ----------
        path : str or path-like
        backend : str, default 'auto'
            As in `Network`.

        Raises
        ------
        FileFormatError
            The file is damaged, no ensemble, or of a newer version.
        InvalidInputError, InvalidTypeError
            Unknown backend, or no path.
        OSError
            The file cannot be opened.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> import deltaloop as dl
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "ensemble.npz"
        ...     dl.Ensemble([2, 3, 1], n=5).save(path)
        ...     dl.Ensemble.load(path)
        Ensemble: 5 networks 2-3-1, loss mse, float32, 13 parameters each
        """
        sizes, layers, keywords, parameters, seeds = files.load(path, backend)
        found = cls.__new__(cls)
        found._take(Network(sizes, layers, init="zeros", backend=backend, **keywords))
        found._parameters, found.seeds = parameters, seeds
        found._generators = [np.random.default_rng(int(seed)) for seed in seeds]
        return found
