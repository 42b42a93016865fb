"""Pictures; matplotlib is imported only when one is drawn."""

from ..errors import InvalidInputError, missing


def plot_history(history, ax=None):
    """Losses over the epochs on a logarithmic axis; see `History.plot`."""
    if not len(history):
        raise InvalidInputError("history has no finished epoch to draw; train for at least one")
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise missing("matplotlib", "plot", "drawing a history") from None
    if ax is None:
        _, ax = plt.subplots()
    epochs = range(1, len(history) + 1)
    ax.plot(epochs, history.loss, label="training")
    if history.validation_loss:
        ax.plot(epochs, history.validation_loss, label="validation")
        ax.legend()
    if min(history.loss + history.validation_loss) > 0:
        ax.set_yscale("log")
    ax.set_xlabel("epoch")
    ax.set_ylabel("loss")
    return ax
