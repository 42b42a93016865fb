"""A training, put together: samples and settings become a descent and its book."""

import copy
from contextlib import nullcontext
from typing import Any

import numpy as np

from ..errors import InvalidInputError
from ..explain.after_fit import warn_after_fit
from ..inputs.checks import all_finite
from ..parts.whole_batch import WholeBatch
from . import run as runs
from .descent import Descent, StreamDescent
from .epochs import Epochs
from .history import History
from .measuring import Metrics
from .samples import Samples, drawn_noise, n_held, new_order, split_off
from .whole_batch import WholeBatchDescent

_NOTHING = nullcontext()


def train(net, samples, settings, validation=None, split=None, progress=None) -> History:
    """Train `net` on `samples`; see `Network.fit` for the meaning of the settings.

    `validation` is a pair of checked rows, `split` the share of the samples that are held back
    instead. Everything is checked before anything is changed.
    """
    if not all_finite(net._theta):
        raise InvalidInputError(
            "the network has parameters that are nan or infinite, so it cannot be trained; "
            "assign finite W and b, or make a new network"
        )
    whole, rule = isinstance(settings.optimizer, WholeBatch), settings.rule
    if whole and net.plan.by_batches:
        raise InvalidInputError(
            f"{type(settings.optimizer).__name__} compares losses of the same network and moves "
            "all parameters: it has no dropout, noise, masks, shortcuts, frozen layers or learning "
            "rates of layers; use SGD or Adam"
        )
    if net.plan.by_batches and not any(net.trainable):
        raise InvalidInputError(
            "all layers are frozen, so there is nothing to train; assign net.trainable = True"
        )
    if settings.metrics and net.layers[-1].heads is not None:
        raise InvalidInputError(
            "metrics look at one kind of outputs, but the last layer has heads; leave metrics out, "
            "and compute them from net.part(net.predict(X))"
        )
    ranks = settings.ranks
    n_all = samples.n_samples if ranks is None else settings.n_total
    checkpoint, found, is_new, has_file = None, None, False, False
    if settings.checkpoint is not None:
        from .checkpoints import checkpoint_for

        checkpoint = checkpoint_for(settings, n_all, split, validation is not None)
        if ranks is None:
            found = checkpoint.read(net, settings.resume)
        else:
            from .shared import read_checkpoint

            found = read_checkpoint(ranks, checkpoint, net, settings.resume)
            checkpoint = checkpoint if ranks.rank == 0 else None
        has_file = True
    if found is not None:
        run, last = found.run, settings.epochs
    elif settings.resume and not has_file:
        run, settings.optimizer, rule = runs.resumed(
            net._run, settings.given_optimizer, net.optimizer
        )
        runs.check_same_columns(run.history, bool(validation or split), settings.metrics)
        last = len(run.history) + settings.epochs
    else:
        run, last = runs.fresh(settings.given_optimizer, rule, net._theta), settings.epochs
        is_new = True
    streams = samples.n_samples is None
    if ranks is not None:
        from .shared_descent import AveragedDescent, SharedDescent, of_rank
        from .shared_epochs import SharedEpochs, SharedMetrics
        from .shared_squares import SharedWholeBatchDescent
    if not streams:
        needs_zeros = whole or rule.needs_zeros(settings.batch_size) or net.plan.changes_inputs
        size = settings.batch_size if ranks is None else -(-settings.batch_size // ranks.size)
        samples.arrange(settings.sparse, net.backend, needs_zeros, size)
    n_samples, held = samples.n_samples, run.held
    if split is not None:
        if held is None:
            # from a copy: what is drawn here is drawn again when nothing can be refused any more
            generator = copy.deepcopy(net.generator if found is None else found.generator)
            if is_new:
                drawn_noise(net.plan, generator, rule)
            if ranks is not None:
                generator = of_rank(generator, ranks.rank)
            held = split_off(generator, n_samples, split)
        elif len(held) != n_held(n_samples, split) or held.max() >= n_samples:
            raise InvalidInputError(
                "resume=True goes on with the samples that the fit before held back, but there are "
                f"{n_samples} samples now, with validation_split={split:g}; give the same"
            )
        validation = samples.hold_back(held)
    if whole and ranks is not None:
        descent: Any = SharedWholeBatchDescent(net, samples, settings.optimizer, run, ranks)
    elif whole:
        descent = WholeBatchDescent(net, samples, settings.optimizer, run)
    else:
        kind = StreamDescent if streams else Descent
        if ranks is not None:
            kind = AveragedDescent if settings.average_every else SharedDescent
        descent = kind(net, samples, settings, run, rule, last)
    metrics = None
    if settings.metrics:
        X, Y = validation or samples.all_rows()
        if ranks is None:
            metrics = Metrics(net, settings.metrics, X, Y)
        else:
            metrics = SharedMetrics(net, settings.metrics, X, Y, ranks)
        metrics.measure({})  # what does not fit these targets is told now
    callbacks = None
    if settings.callbacks:
        from .callbacks import Callbacks

        callbacks = Callbacks(settings.callbacks, net, run.history)
    book = Epochs if ranks is None else SharedEpochs
    read = [samples.X, *(() if streams else (samples.Y,)), *(validation or ())]
    owners = [(array.base, array.base.nbytes) for array in read if _is_view(array)]
    with callbacks if callbacks is not None else _NOTHING:
        if is_new:
            run.noise = drawn_noise(net.plan, net.generator, rule)
        if found is not None:
            found.give(net)
        elif checkpoint is not None:
            checkpoint.begin(net, run)
        if held is not run.held:
            run.held = held
            if ranks is None:
                new_order(net.generator, n_samples)
            else:
                of_rank(net.generator, ranks.rank)
        with book(
            net, run, settings, last, validation=validation, metrics=metrics, progress=progress,
            callbacks=callbacks, checkpoint=checkpoint, owners=owners,
        ) as epochs:  # fmt: skip
            if whole:
                descent.descend(epochs)
            while epochs.go_on() and not whole:
                done = descent.epoch(epochs)
                if done is None:
                    break
                epochs.ended(*done)
    if whole:
        net._run = None  # nothing is left to go on with but the parameters
    elif type(samples) is Samples and (ranks is None or ranks.rank == 0):  # in memory
        warn_after_fit(net, samples, run.history, settings.batch_size)
    return run.history


def _is_view(array):
    return isinstance(getattr(array, "base", None), np.ndarray)
