"""Trains an ensemble network by network with the kernels of one, where lanes do not pay."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np

from ..errors import DivergenceError
from ..kernels.ensembles import REASONS


def train(ensemble, rows, weights, watched, training, optimizers, shuffle, n_threads, report=None):
    """Train every network to its end; KeyboardInterrupt goes on to the caller.

    Results go to `training`, as those of the kernels would.
    """
    stop, n = Event(), len(training.networks)

    def one(index):
        if stop.is_set():
            return
        network = training.networks[index]
        net, sample_weight = ensemble._network(index, optimizers[index]), None
        net.generator = training.generators[index]
        if weights[0] is not None:
            start = weights[1][index]
            sample_weight = weights[0][start : start + rows.n]
        X, Y = rows.of(index)
        try:
            history = net.fit(
                X, Y, epochs=int(network["last"]), batch_size=training.batch_size, shuffle=shuffle,
                sample_weight=sample_weight,
                validation_data=None if watched is None else watched.of(index),
                patience=training.patience, tol=training.tol, target_loss=training.target_loss,
                restore_best=training.best is not None,
                callbacks=[lambda state: stop.is_set()] if n_threads > 1 else (),
            )  # fmt: skip
            reason = history.stop_reason
        except DivergenceError as error:
            history, reason = error.history, "diverged"
        done = len(history)
        training.losses[:done, index] = history.loss
        if watched is not None:
            training.watched_losses[:done, index] = history.validation_loss
        network["done"], network["best_epoch"] = done, history.best_epoch or 0
        network["reason"] = REASONS.index(reason) if reason in REASONS else 0
        training.parameters[index] = net.parameters
        if training.best is not None:
            training.best[index] = net.parameters
        if reason == "interrupted":
            stop.set()
        if report is not None:
            report(float(np.count_nonzero(training.networks["done"])) / n)

    # what a single network is warned of is no matter of all of them
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if n_threads == 1:
            for index in range(n):
                one(index)
        else:
            _share(one, n, n_threads, stop)
    if stop.is_set():
        raise KeyboardInterrupt


def _share(one, n, n_threads, stop):
    """Call one(0), ..., one(n - 1) in threads."""
    with ThreadPoolExecutor(n_threads) as threads:
        try:
            for _ in threads.map(one, range(n)):
                pass
        except BaseException:
            stop.set()  # the networks under way end after their epoch
            raise
