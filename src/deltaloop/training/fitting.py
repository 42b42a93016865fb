"""`fit`: the door through which samples and settings go to a training."""

from typing import Any

import numpy as np

from ..computing import Computing
from ..errors import InvalidInputError, InvalidTypeError
from ..inputs import validation
from ..inputs.calls import explained
from ..inputs.checks import number, whole_number
from ..parts.losses import Loss
from .company import ALONE, Company
from .history import History
from .loop import train
from .run import Run
from .samples import MappedSamples, Samples, n_held
from .settings import check_settings

FOR_FIT = "write net.fit(X, Y, optimizer=SGD(learning_rate=0.1, momentum=0.9)), or Adam(0.001)"


class Fitting(Computing):
    """The part of `Network` that trains."""

    __slots__ = ()

    # set by Network
    _loss: Any
    _run: Run | None
    optimizer: Any

    @explained(
        "write net.fit(X, Y), or net.fit(*dataset)",
        lr=FOR_FIT, learning_rate=FOR_FIT, momentum=FOR_FIT,
        loss="the loss belongs to the network: Network([4, 8, 3], loss='mse')",
        verbose="write progress=True",
        lr_scheduler="write schedule='cosine', or another one of deltaloop.schedules",
        scheduler="write schedule='cosine', or another one of deltaloop.schedules",
        early_stopping="write validation_split=0.1, patience=10, restore_best=True",
        restore_best_weights="write restore_best=True",
        validation_fraction="write validation_split=0.1",
        n_iter_no_change="write patience=10",
        max_iter="write epochs=200",
        max_time="write max_seconds=60",
        warm_start="write resume=True",
        initial_epoch="write resume=True",
        n_jobs="write n_threads=2",
    )  # fmt: skip
    def fit(
        self,
        X,
        Y=None,
        *,
        epochs: int = 30,
        batch_size: int | None = None,
        optimizer=None,
        schedule=None,
        shuffle: bool | str = True,
        sample_weight=None,
        class_weight=None,
        validation_data=None,
        validation_split: float | None = None,
        metrics=(),
        monitor: str | None = None,
        tol: float | None = None,
        min_delta: float | None = None,
        patience: int | None = None,
        restore_best: bool = False,
        target_loss: float | None = None,
        target: float | None = None,
        max_seconds: float | None = None,
        callbacks=(),
        checkpoint=None,
        checkpoint_every: float | None = None,
        resume: bool = False,
        progress=False,
        sparse: bool | str = "auto",
        n_threads: int | str = 1,
        comm=None,
        average_every: int | None = None,
    ) -> History:
        """Train by gradient descent on mini-batches.

        Parameters
        ----------
        X : array_like, shape (n_samples, ...)
            Flattened per sample to n_in values. Copied only where dtype or order demand it; a
            numpy.memmap is then read and converted block by block, and stays in its file.
            Or a matrix or array of scipy.sparse, which does not become dense.
            Or, without Y, batches as they come: an iterable of pairs (X, Y), or of
            (X, Y, sample_weight), that can be read once per epoch, or a function that returns one.
            Every batch is one update, or those of batch_size.
        Y : array_like, shape (n_samples, n_out)
            Targets; (n_samples,) for one output, or class numbers for cross_entropy.
        epochs : int, default 30
            Passes over the data, at most.
        batch_size : int, optional
            Samples per update, from 1 to n_samples; the last batch of an epoch holds what is
            left. Default 10, or all samples where there are fewer.
        optimizer : SGD, Adam, RMSprop, LevenbergMarquardt, ..., optional
            Default `net.optimizer`, which is SGD(learning_rate=0.1) unless it was assigned. Its
            state starts afresh in every call, but with `resume`. With LevenbergMarquardt, SCG and
            LBFGS an epoch is a step that lowers the loss of all samples; shuffle plays no part.
        schedule : str, Schedule or callable, optional
            What the learning rate of the optimiser is multiplied with: one of
            `deltaloop.schedules`, its name ('cosine'), or f(t) of the number of epochs that are
            finished. The state of the optimiser is kept.
        shuffle : bool or 'blocks', default True
            Draw a new order of the samples for every epoch (with batches as they come and
            batch_size: of those of every batch). 'blocks', for files that are larger than memory:
            megabytes of consecutive samples in a new order, those of 32 such blocks at a time
            shuffled; a file in which neighbours are alike has to be shuffled once before.
        sample_weight : array_like, shape (n_samples,), optional
            >= 0. A mini-batch counts with sum_t w_t C_t / sum_t w_t; one whose weights are all 0
            has the gradient 0. With batch_size=1 every other weight is as good as 1.
        class_weight : 'balanced' or mapping, optional
            Multiplies the weight of a sample with that of its class, by number or name; classes
            that are not in the mapping have 1. 'balanced': n_samples / (n_classes n_c) for a class
            with n_c samples.
        validation_data : (X, Y) or Dataset, optional
            Watched after every epoch, never trained on; its samples have no weights.
        validation_split : float, optional
            In (0, 1): instead of validation_data, ceil(validation_split n_samples) of the samples,
            drawn by `net.generator` before the first epoch.
        metrics : sequence of str or callable, default ()
            Names of `deltaloop.metrics`, or functions f(Y, Y_predicted) of rows as the network
            has them (see `scaling`): measured after every epoch, on the validation data if there
            are any, else on the training data, and recorded in `History.metrics`.
        monitor : str, default 'loss'
            What tol, patience, target, restore_best and reduce_on_plateau look at: 'loss' (of the
            validation data if there are any, else of training), or one of `metrics`.
        tol : float, optional
            Stop when what is monitored has not become better than its best value by more than tol
            in `patience` epochs in a row. Default with patience: 0.
        min_delta : float, optional
            Another name of tol.
        patience : int, optional
            See tol, and default with tol: 1. Where it is given, it is also the stop_reason.
        restore_best : bool, default False
            Leave the network with the parameters of the epoch in which what is monitored was best
            (`History.best_epoch`), however training ended.
        target_loss : float, optional
            Stop when the loss (of the validation data, if given) is at most this.
        target : float, optional
            Stop when what is monitored is as good as this, or better.
        max_seconds : float, optional
            Stop when so much time has passed since the call, also in the middle of an epoch (which
            then is not recorded), but not before the first slice of work (about 50 ms).
        callbacks : sequence of callable, default ()
            Each f(state) is called after every epoch with a `deltaloop.callbacks.State`, and ends
            training by returning True; see `deltaloop.callbacks.every` for one that is called
            after every n updates, and the logs there.
        checkpoint : str or path-like, optional
            A directory for a file `checkpoint.npz` from which training can go on after a crash,
            written whole or not at all: at once, then every `checkpoint_every` seconds, and at the
            end. An earlier one is not overwritten: see `resume`. Where a later one cannot be
            written, a warning tells why, and training goes on. `load` reads it as a network.
        checkpoint_every : float, optional
            Seconds; default 60.
        resume : bool, default False
            With a checkpoint: the same call again goes on where the file was written, to the same
            end, bit for bit; without a file it begins. `epochs` is the number of all.
            Without a checkpoint:
            go on where the last fit of this network ended, as if both were one: with the state of
            the optimiser, the number of updates, the record, the split of the samples, and the
            place in the epoch that `max_seconds` or a callback has ended. `epochs` more are run.
            Settings are not kept, but the optimiser: without the schedule, metrics or validation
            data of before, it is refused.
            In both cases History has all. (Without `resume`, only the generator goes on.)
        progress : bool or callable, default False
            True draws a progress bar with losses, speed and the time that is left (needs rich); a
            line every ten seconds where the output is no terminal and no notebook. A callable gets
            (epoch, fraction of the epoch, history) after every slice of work (about 50 ms) and at
            the end of an epoch.
        sparse : {'auto', True, False}, default 'auto'
            Whether the values of X that are not zero are listed, once, so that all others are
            skipped: by plain SGD and by rules that have the gradient first, as all with a penalty
            or a limit. 'auto': where that pays, judged from the share of zeros, and always for X
            of scipy.sparse. The result is the same up to rounding.
        n_threads : int or 'auto', default 1
            Threads that may share the work of a mini-batch; 'auto': as many as there are
            processors, which are the most that are used. As many of them as pay take part, judged
            by the clock from step to step; the result is the same bit for bit. See
            docs/threads.md.
        comm : mpi4py communicator, torch.distributed or deltaloop.parallel.Comm, optional
            Train one network on the samples of several processes, each of which calls `fit` with
            the same network, the same settings and its own part of the samples, of the validation
            data and of their weights; see docs/many_machines.md. batch_size counts the samples of
            all ranks for one update. Callbacks, progress, max_seconds and checkpoints are those of
            rank 0. All ranks end with the same parameters; where one fails, all end.
        average_every : int, optional
            With comm: ranks make that many updates alone, with their share of every mini-batch,
            before they go on from the mean of their parameters and of the optimiser's state. Left
            out, every update has the gradient of all ranks, whose result does not depend on their
            number, but for the samples that meet in a mini-batch.

        Returns
        -------
        History
            Ctrl-C ends training after the current slice of work (about 50 ms, but at least one
            mini-batch) and returns normally, with stop_reason 'interrupted'.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            Data or settings are not accepted; nothing was changed. (Batches as they come are
            checked as they come: the network has its parameters so far.)
        FileFormatError, OSError
            The checkpoint is damaged, or cannot be read or written; nothing was changed.
        BusyError
            Another thread is training this network.
        DivergenceError
            The loss stopped being finite. The parameters are those after the last finite epoch.
        RankError
            With comm: ranks differ in network or settings, or another one has failed or died.

        Examples
        --------
        >>> import deltaloop as dl
        >>> X, y = dl.datasets.load("xor")
        >>> net = dl.Network([2, 4, 1], activation="tanh", loss="binary_cross_entropy")
        >>> net.fit(X, y, epochs=500, optimizer=dl.SGD(learning_rate=1.0)).loss[-1] < 0.05
        True
        """
        if average_every is not None and comm is None:
            raise InvalidInputError("average_every is for the ranks of comm; give comm, too")
        company: Company = ALONE
        if comm is not None:
            from .shared import on_ranks

            company = on_ranks(comm, average_every)
        with company:
            weigh = None
            if class_weight is not None:
                from .class_weight import check_class_weight

                weigh = check_class_weight(class_weight, self)
            if Y is None:
                samples: Any = self._batches(
                    X, epochs, weigh,
                    sample_weight=sample_weight, validation_split=validation_split,
                    balanced=isinstance(class_weight, str),
                )  # fmt: skip
            else:
                samples = self._samples(X, Y)
            company.refuse(streams=Y is None, is_balanced=isinstance(class_weight, str))
            if sample_weight is not None or (weigh is not None and Y is not None):
                samples.weigh(_weights(sample_weight, weigh, samples))
            company.share_weights(samples, sample_weight, weigh)
            n_samples, watched = samples.n_samples, None
            if validation_data is not None:
                watched = self._data(*validation.pair(validation_data), "validation ")
            if validation_split is not None:
                n_samples = _n_trained(n_samples, validation_data, validation_split)
            n_samples = company.total(n_samples)
            settings = check_settings(
                n_samples, epochs=epochs, batch_size=batch_size, optimizer=optimizer,
                of_network=self.optimizer, schedule=schedule, shuffle=shuffle, tol=tol,
                min_delta=min_delta, patience=patience, target_loss=target_loss, metrics=metrics,
                monitor=monitor, target=target, restore_best=restore_best, max_seconds=max_seconds,
                callbacks=callbacks, checkpoint=checkpoint, checkpoint_every=checkpoint_every,
                resume=resume, sparse=sparse, n_threads=n_threads, backend=self.backend,
            )  # fmt: skip
            company.check(self, settings, validation_split, watched is not None)
            progress = progress if company.leads else False
            if (
                type(samples) is Samples
                and isinstance(self._loss, Loss)
                and self._loss.row.is_distance
            ):
                validation.warn_if_unreachable(samples.Y, self.layers[-1].activation)
            if progress is False or progress is None:
                return self._turns.train(
                    train, self, samples, settings, company, watched, validation_split
                )
            from .progress import reporter

            goes_on = settings.resume and settings.checkpoint is None and self._run is not None
            before = len(self._run.history) if goes_on else 0  # type: ignore[union-attr]
            with reporter(progress, before + settings.epochs, n_samples) as report:
                return self._turns.train(
                    train, self, samples, settings, company, watched, validation_split, report
                )

    def _samples(self, X, Y):
        """X and Y, which lie in arrays, as Samples."""
        if isinstance(X, np.memmap) and _holds_numbers(X) and not self._reads_in_place(X):
            return MappedSamples(X, Y, self)
        return Samples(*self._data(X, Y))

    def _reads_in_place(self, X):
        return X.dtype == self.dtype and self._scaling is None

    def _batches(self, X, epochs, weigh, *, sample_weight, validation_split, balanced):
        """X alone as Batches."""
        from .batches import Y_MISSING, Batches, is_stream

        if not is_stream(X):
            raise InvalidTypeError(Y_MISSING)
        for name, given, instead in (
            ("sample_weight", sample_weight is not None, "give batches (X, Y, sample_weight)"),
            ("validation_split", validation_split is not None, "give validation_data"),
            ("class_weight='balanced'", balanced, "give a mapping of classes to weights"),
        ):
            if given:
                raise InvalidInputError(
                    f"{name} needs all samples at once, but batches come one by one; {instead}"
                )
        return Batches(self, X, whole_number("epochs", epochs), weigh)


def _holds_numbers(array):
    return array.ndim and array.size and array.dtype.kind in "biuf"


def _weights(sample_weight, weigh, samples):
    """The product of the weights of samples and of their classes, checked."""
    n = len(samples.X)
    weights = validation.weights(sample_weight, n)
    if weigh is None:
        return weights
    from .class_weight import classes_of

    classes = samples.classes if isinstance(samples, MappedSamples) else classes_of(samples.Y)
    product = weigh(classes) if weights is None else weights * weigh(classes)
    return validation.weights(product, n, "sample_weight times class_weight")


def _n_trained(n_samples, validation_data, fraction):
    """How many samples are left where that share is held back."""
    if validation_data is not None:
        raise InvalidInputError(
            "validation_data and validation_split both say what is watched; give one"
        )
    fraction = number("validation_split", fraction)
    if not 0 < fraction < 1:
        raise InvalidInputError(f"validation_split must be in (0, 1), got {fraction:g}")
    n = n_samples - n_held(n_samples, fraction)
    if n < 1:
        raise InvalidInputError(
            f"validation_split={fraction:g} leaves none of {n_samples} samples for training; use a "
            "smaller one, or validation_data"
        )
    return n
