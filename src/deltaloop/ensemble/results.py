"""What a training leaves behind: parameters, a history, and word of what has diverged."""

import warnings

import numpy as np

from ..errors import DeltaloopWarning, DivergenceError
from ..kernels.ensembles import REASONS, Training
from .history import EnsembleHistory


def take(parameters, training: Training, seconds: float, interrupted: bool) -> EnsembleHistory:
    """Parameters and history of a training; tells of networks that have diverged."""
    networks = training.networks
    names = np.array([name or "interrupted" for name in REASONS])
    reasons = names[networks["reason"]]
    if training.best is not None:
        found = networks["best_epoch"] > 0
        training.parameters[found] = training.best[found]
    parameters[:] = training.parameters
    most = int(networks["done"].max())
    watched = training.watched_losses
    history = EnsembleHistory(
        training.losses[:most], None if watched is None else watched[:most],
        networks["done"].copy(), networks["best_epoch"].copy(), reasons, seconds,
    )  # fmt: skip
    diverged = np.flatnonzero(reasons == "diverged")
    if len(diverged) == len(parameters):
        raise DivergenceError(
            "the loss or the parameters of every network became infinite or nan; lower "
            "learning_rate or scale X to unit variance; the networks have their parameters "
            "after the last finite epoch",
            1, None, history,
        )  # fmt: skip
    if len(diverged):
        warnings.warn(
            f"{len(diverged)} of {len(parameters)} networks have diverged (the first is number "
            f"{diverged[0]}, with learning_rate={networks['learning_rate'][diverged[0]]:g}); "
            "they have their parameters after the last finite epoch",
            DeltaloopWarning,
            stacklevel=4,
        )
    assert interrupted or not (reasons == "interrupted").any()
    return history
