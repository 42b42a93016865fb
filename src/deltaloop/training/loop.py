"""A training, put together: samples and settings become a descent and its book."""

import copy
from contextlib import nullcontext

import numpy as np

from ..errors import InvalidInputError
from ..explain.after_fit import warn_after_fit
from ..inputs.checks import all_finite
from ..parts.reproducible import check_optimizer
from ..parts.whole_batch import WholeBatch
from . import run as runs
from .company import ALONE, Company
from .history import History
from .samples import Samples, drawn_noise, n_held, new_order, split_off

_NOTHING = nullcontext()


def train(
    net, samples, settings, company: Company = ALONE, validation=None, split=None, progress=None
) -> History:
    """Train `net` on `samples`; see `Network.fit` for the meaning of the settings.

    `company` is who trains, `validation` a pair of checked rows, `split` the share of the samples
    that are held back instead. Everything is checked before anything is changed.
    """
    _refuse(net, settings)
    whole = isinstance(settings.optimizer, WholeBatch)
    checkpoint, found = _checkpoint(net, samples, settings, company, validation, split)
    run, rule, last, is_new = _start(net, settings, found, bool(validation or split))
    run.schedule = None if settings.schedule is None else settings.schedule.told
    if samples.n_samples is not None:
        size = settings.batch_size
        needs_zeros = whole or rule.needs_zeros(size) or net.plan.changes_inputs
        samples.arrange(settings.sparse, net.backend, needs_zeros, company.share(size))
    n_samples, held = samples.n_samples, run.held
    if split is not None:
        if held is None:
            # from a copy: what is drawn here is drawn again when nothing can be refused any more
            generator = copy.deepcopy(net.generator if found is None else found.generator)
            if is_new:
                drawn_noise(net.plan, generator, rule)
            held = split_off(company.generator(generator), n_samples, split)
        else:
            _check_held(held, n_samples, split)
        validation = samples.hold_back(held)
    descent = company.descent(net, samples, settings, run, rule, last)
    metrics = None
    if settings.metrics:
        metrics = company.metrics(net, settings.metrics, *(validation or samples.all_rows()))
        metrics.measure({})  # what does not fit these targets is told now
    callbacks = None
    if settings.callbacks:
        from .callbacks import Callbacks

        callbacks = Callbacks(settings.callbacks, net, run.history)
    with callbacks if callbacks is not None else _NOTHING:
        if is_new:
            run.noise = drawn_noise(net.plan, net.generator, rule)
        if found is not None:
            found.give(net)
        elif checkpoint is not None:
            checkpoint.begin(net, run)
        if held is not run.held:
            run.held = held
            new_order(company.generator(net.generator), n_samples)
        with company.epochs(
            net, run, settings, last, validation=validation, metrics=metrics, progress=progress,
            callbacks=callbacks, checkpoint=checkpoint, owners=_owners(samples, validation),
        ) as epochs:  # fmt: skip
            if whole:
                descent.descend(epochs)
            while epochs.go_on() and not whole:
                done = descent.epoch(epochs)
                if done is None:
                    break
                epochs.ended(*done)
    if not whole and type(samples) is Samples and company.leads:  # in memory
        warn_after_fit(net, samples, run.history, settings.batch_size)
    return run.history


def _refuse(net, settings):
    """Refuse networks that cannot be trained, or not with these settings."""
    if not all_finite(net._theta):
        raise InvalidInputError(
            "the network has parameters that are nan or infinite, so it cannot be trained; "
            "assign finite W and b, or make a new network"
        )
    if net.plan.by_batches and isinstance(settings.optimizer, WholeBatch):
        raise InvalidInputError(
            f"{type(settings.optimizer).__name__} compares losses of the same network and moves "
            "all parameters: it has no dropout, noise, masks, shortcuts, frozen layers or learning "
            "rates of layers; use SGD or Adam"
        )
    if net.reproducible:
        check_optimizer(settings.optimizer)
    if net.plan.by_batches and not any(net.trainable):
        raise InvalidInputError(
            "all layers are frozen, so there is nothing to train; assign net.trainable = True"
        )
    if settings.metrics and net.layers[-1].heads is not None:
        raise InvalidInputError(
            "metrics look at one kind of outputs, but the last layer has heads; leave metrics out, "
            "and compute them from net.part(net.predict(X))"
        )


def _checkpoint(net, samples, settings, company, validation, split):
    """Where checkpoints go, None for who writes none; and what was found there, or None."""
    if settings.checkpoint is None:
        return None, None
    from .checkpoints import checkpoint_for

    n_all = company.total(samples.n_samples)
    look = company.look_of(samples, validation)
    checkpoint = checkpoint_for(settings, n_all, split, validation is not None, look)
    found = company.read_checkpoint(checkpoint, net, settings.resume)
    return checkpoint if company.leads else None, found


def _check_held(held, n_samples, split):
    """Refuse samples that are not those of which the fit before held some back."""
    if len(held) != n_held(n_samples, split) or held.max() >= n_samples:
        raise InvalidInputError(
            "resume=True goes on with the samples that the fit before held back, but there are "
            f"{n_samples} samples now, with validation_split={split:g}; give the same"
        )


def _start(net, settings, found, watches):
    """The run, the rule of its steps, its last epoch, and whether it begins."""
    rule, last = settings.rule, settings.epochs
    if found is not None:
        return found.run, rule, last, False
    if not settings.resume or settings.checkpoint is not None:
        return runs.fresh(settings.given_optimizer, rule, net._theta), rule, last, True
    run, settings.optimizer, rule = runs.resumed(
        net._run, settings.given_optimizer, net.optimizer, settings.schedule
    )
    runs.check_same_columns(run.history, watches, settings.metrics)
    return run, rule, len(run.history) + last, False


def _owners(samples, validation):
    """Arrays whose memory is read through views, and their bytes."""
    arrays = [samples.X, getattr(samples, "Y", None), *(validation or ())]
    return [(array.base, array.base.nbytes) for array in arrays if _is_view(array)]


def _is_view(array):
    return isinstance(getattr(array, "base", None), np.ndarray)
