"""A look at a network that has just been trained: silent, unless something is plainly wrong.

What is judged is the loss against that of the best constant prediction. It comes with the targets
alone, so that healthy trainings cost one pass over them and no pass through the network. What
looks further is imported when it is needed.
"""

import math

from ..errors import DeltaloopWarning
from ..inputs.checks import any_size
from ..kernels.functions import LOSSES
from .constants import best_constant, constant_loss, is_no_better, loss_of_constant

# What was trained less than this is not judged: a few steps prove nothing
EPOCHS, UPDATES, SAMPLES = 10, 300, 20
PRODUCTS = 1_000_000  # of weights and values in all epochs; with fewer the look would cost too much
THOROUGH = 50_000_000  # products from which units are looked at, and best constants searched for
LEARNED = 0.4  # a loss below this part of the constant one is not looked at any further
STILL = 0.05  # what it lost in the last quarter of the epochs, where it still falls clearly
SHARE = 0.1  # and as a part of all that it lost
MOST = 0.5  # of the units of a layer
PER_PARAMETER = 5  # targets; with fewer, a loss may fall without anything general being learned
LOOKED_AT = 128  # samples, for the units
TARGETS, STEPS = 500, 25  # for the best constant of a loss that has no formula for it


def warn_after_fit(net, samples, history, batch_size) -> None:
    """Warn, once, about a training that has learned nothing, or was ended while it learned.

    `samples` are the `training.samples.Samples` of a network.
    """
    try:
        texts = _texts(net, samples, history, batch_size)
    except (KeyboardInterrupt, MemoryError):  # training is done, and nobody asked for this
        return
    if texts:
        import warnings

        warnings.warn(
            "; ".join(texts) + "; net.diagnose(X, Y) tells more",
            DeltaloopWarning,
            stacklevel=_outside(),
        )


@any_size
def _texts(net, samples, history, batch_size):
    n, epochs = samples.n_samples, len(history)
    if epochs < EPOCHS or n < SAMPLES or epochs * -(-n // batch_size) < UPDATES:
        return []
    products = epochs * n * net.n_parameters
    if products < PRODUCTS or history.stop_reason not in ("epochs", "patience", "tol"):
        return []
    Y, weights = samples.Y, samples.weights
    if samples.chosen is not None:
        Y, weights = Y[samples.chosen], None if weights is None else weights[samples.chosen]
    limit = constant_loss(net, Y, weights)
    if limit is None or not math.isfinite(limit) or limit == 0:
        return []
    # where a loss may fall below 0, as those of users, there is no part of it that is little
    row = LOSSES.get(net.loss_name)
    from_zero = row is not None and not row.may_be_negative
    if from_zero and history.loss[-1] < LEARNED * limit:
        return []
    thorough = products >= THOROUGH
    if thorough:
        limit = min(limit, _best(net, Y, weights, limit))
    if _no_better(net, samples, Y, weights, history, limit):
        return _causes(net, _inputs(samples), Y, history.loss[-1] > limit + 0.02 * abs(limit))
    if not from_zero:
        return []
    texts = _of_units(net, _inputs(samples), Y) if thorough else []
    if _still_falls(history) and (history.validation_loss or _determines(net, n)):
        texts.append(
            f"the loss was still falling clearly after {len(history)} epochs: train for more, or "
            "with a larger learning_rate"
        )
    return texts


def _inputs(samples):
    """The rows that were trained on."""
    from .units import rows_of

    return samples.X if samples.chosen is None else rows_of(samples.X, samples.chosen)


def _causes(net, X, Y, too_high):
    """What can be seen of the reasons of a loss that is no better."""
    from .columns import Columns
    from .diagnose import columns_text

    texts = _of_units(net, X, Y)
    cause = columns_text(Columns.of(X), "input", net)
    if not (cause or texts):
        cause = "lower learning_rate"
        if not too_high:
            cause = "try another learning_rate, or inputs that tell more"
    text = "the loss is no better than that of the best constant prediction"
    return [f"{text}: {cause}" if cause else text, *texts]


def _best(net, Y, weights, limit):
    """Loss of the constant prediction that is best for all, or for some of many samples."""
    step = max(1, len(Y) // TARGETS)
    some = None if weights is None else weights[::step]
    if some is not None and not some.any():
        return limit
    best = best_constant(net, Y[::step], some, STEPS)
    return limit if best is None else loss_of_constant(net, Y, weights, best[1])


def _no_better(net, samples, Y, weights, history, limit):
    """Of the last epochs, whose loss is a mean over steps, and of the network as it is now."""
    if not is_no_better(min(history.loss[-3:]), limit):
        return False
    return is_no_better(net._mean_loss(_inputs(samples), Y, weights), limit)


def _of_units(net, X, Y):
    from .units import look, rows_of

    some = slice(None, None, max(1, len(X) // LOOKED_AT))
    texts = []
    for layer in look(net, rows_of(X, some), Y[some]).layers:
        for units, word in ((layer.dead, "dead"), (layer.saturated, "saturated")):
            if len(units) > MOST * layer.n_out:
                texts.append(
                    f"{len(units)} of {layer.n_out} units of layer {layer.number} are {word}"
                )
    return texts


def _determines(net, n):
    """Whether there are so many samples that a falling loss is no learning by heart."""
    row = LOSSES.get(net.loss_name)
    n_out = 1 if row is not None and row.targets_sum_to_1 else net.sizes[-1]
    return n * n_out > PER_PARAMETER * net.n_parameters


def _still_falls(history):
    """Whether the last quarter of the epochs has a clear part in what was lost, and goes on."""
    losses = [history.loss, *([history.validation_loss] if history.validation_loss else [])]
    if history.stop_reason != "epochs":
        return False
    quarter = max(2, len(history) // 4)
    for column in losses:
        last, before = column[-1], column[-1 - quarter]
        middle = column[-1 - quarter // 2]
        falls = before - last
        if not (falls > STILL * before and falls > SHARE * (column[0] - last)):
            return False
        if not before > middle > last:
            return False
    return True


def _outside():
    """The stacklevel of the first frame that is not of this package."""
    import sys

    frame, level = sys._getframe(1), 1
    package = __name__.partition(".")[0]
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        frame, level = frame.f_back, level + 1
    return level
