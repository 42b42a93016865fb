"""The settings of `fit`, checked."""

from ..errors import InvalidInputError
from ..inputs.checks import number, switch, whole_number
from ..parts.optimizers import check_optimizer
from ..parts.whole_batch import WholeBatch
from .listing import check_mode
from .whole_batch import check_whole_batch


def check_settings(
    n_samples, epochs, batch_size, optimizer, shuffle, tol, patience, target_loss, sparse, n_threads
):
    """The settings of `fit`, checked; batch_size None becomes min(10, n_samples)."""
    epochs = whole_number("epochs", epochs)
    if isinstance(check_optimizer(optimizer), WholeBatch):
        batch_size = check_whole_batch(optimizer, n_samples, batch_size, n_threads)
        whole = True
    else:
        whole = optimizer.rule().row.whole_batch
    if batch_size is None:
        batch_size = n_samples if whole else min(10, n_samples)
    batch_size = whole_number("batch_size", batch_size)
    if batch_size > n_samples:
        raise InvalidInputError(
            f"batch_size must be from 1 to n_samples = {n_samples}, got {batch_size}; "
            f"use batch_size={n_samples} for all samples at once"
        )
    if whole and batch_size < n_samples:
        raise InvalidInputError(
            f"{type(optimizer).__name__} needs all samples in one batch, got batch_size="
            f"{batch_size} of {n_samples}: it compares the signs of gradients, which change by "
            "chance between mini-batches; leave batch_size out"
        )
    n_threads = whole_number("n_threads", n_threads)
    if n_threads > 1 and batch_size == 1:
        raise InvalidInputError(
            f"n_threads={n_threads} cannot be used with batch_size=1: every sample needs the "
            "weights that the one before it has left; use n_threads=1 or a larger batch_size"
        )
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "optimizer": optimizer,
        "shuffle": switch("shuffle", shuffle),
        "tol": None if tol is None else number("tol", tol, low=0.0),
        "patience": None if patience is None else whole_number("patience", patience),
        "target_loss": None if target_loss is None else number("target_loss", target_loss),
        "sparse": check_mode(sparse),
        "n_threads": n_threads,
    }
