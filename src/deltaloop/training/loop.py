"""A training, put together: samples and settings become a descent and its book."""

import numpy as np

from ..errors import InvalidInputError
from ..explain.after_fit import warn_after_fit
from ..kernels.interface import RULES
from . import run as runs
from .callbacks import Callbacks
from .descent import Descent, StreamDescent
from .epochs import Epochs
from .history import History
from .measuring import Metrics
from .samples import Samples, split_off


def train(net, samples, settings, validation=None, split=None, progress=None) -> History:
    """Train `net` on `samples`; see `Network.fit` for the meaning of the settings.

    `validation` is a pair of checked rows, `split` the share of the samples that are held back
    instead.
    """
    theta = net._theta
    if not np.isfinite(theta).all():
        raise InvalidInputError(
            "the network has parameters that are nan or infinite, so it cannot be trained; "
            "assign finite W and b, or make a new network"
        )
    run = _begun(net, settings, validation is not None or split is not None)
    rule = settings.optimizer.rule()
    last = len(run.history) + settings.epochs
    streams = samples.n_samples is None
    if not streams:
        samples.arrange(
            settings.sparse, net.backend, RULES[rule.code] != "sgd" or rule.is_flat,
            settings.batch_size,
        )  # fmt: skip
    if split is not None:
        if run.held is None:
            run.held = split_off(net.generator, samples.n_samples, split)
        validation = samples.hold_back(run.held)
    kind = StreamDescent if streams else Descent
    descent = kind(net, samples, settings, run, rule, last)
    read = [samples.X, *((samples.Y,) if not streams else ()), *(validation or ())]
    owners = [(array.base, array.base.nbytes) for array in read if _is_view(array)]
    metrics = None
    if settings.metrics:
        metrics = Metrics(net, settings.metrics, *(validation or samples.all_rows()))
        metrics.measure({})  # what does not fit these targets is told before anything is changed
    callbacks = None
    if settings.callbacks:
        callbacks = Callbacks(settings.callbacks, net, run.history)
    epochs = Epochs(
        net, run, settings, last, validation=validation, metrics=metrics, progress=progress,
        callbacks=callbacks, owners=owners,
    )  # fmt: skip
    if callbacks is None:
        _descend(descent, epochs)
    else:
        with callbacks:
            _descend(descent, epochs)
    if type(samples) is Samples:  # in memory
        warn_after_fit(net, samples, run.history, settings.batch_size)
    return run.history


def _begun(net, settings, validates) -> runs.Run:
    """A new training, or the one before, which goes on."""
    if not settings.resume:
        return runs.fresh(settings.given_optimizer, settings.optimizer.rule(), net._theta)
    run, settings.optimizer = runs.resumed(net._run, settings.given_optimizer, net.optimizer)
    runs.check_same_columns(run.history, validates, settings.metrics)
    return run


def _descend(descent, epochs):
    with epochs:
        while epochs.go_on():
            done = descent.epoch(epochs)
            if done is None:
                break
            epochs.ended(*done)


def _is_view(array):
    return isinstance(getattr(array, "base", None), np.ndarray)
