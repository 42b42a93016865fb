"""Pictures; matplotlib is imported only when one is drawn."""

from ..errors import InvalidInputError, InvalidTypeError, missing, shown


def plot_history(history, ax=None):
    """Losses, metrics and learning rates over the epochs; see `History.plot`."""
    if not hasattr(history, "best_epoch"):
        raise InvalidTypeError(f"expected the History that fit returned, got {shown(history)}")
    if not len(history):
        raise InvalidInputError("history has no finished epoch to draw; train for at least one")
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise missing("matplotlib", "plot", "drawing a history") from None
    panels = _panels(history)
    if ax is None:
        height = 2.4 + 1.6 * len(panels)
        _, axes = plt.subplots(
            len(panels), 1, sharex=True, squeeze=False, figsize=(6.4, height), layout="constrained"
        )
        axes = list(axes[:, 0])
    else:
        axes, panels = [ax], panels[:1]
    for each, (label, lines) in zip(axes, panels, strict=True):
        _draw(each, label, lines)
        if history.best_epoch is not None and history.best_epoch < len(history):
            each.axvline(history.best_epoch, color="grey", linestyle=":", linewidth=1)
    axes[-1].set_xlabel("epoch")
    axes[-1].locator_params(axis="x", integer=True)
    return axes[0]


def _panels(history):
    """What is drawn, from the top: label of the axis, and lines by their name."""
    losses = {"training": history.loss, "validation": history.validation_loss}
    panels = [("loss", {name: values for name, values in losses.items() if values})]
    for name, values in history.metrics.items():
        panels.append((name.replace("_", " "), {name: values}))
    if len(set(history.learning_rate)) > 1:
        panels.append(("learning rate", {"learning rate": history.learning_rate}))
    return panels


def _draw(ax, label, lines):
    for name, values in lines.items():
        ax.plot(range(1, len(values) + 1), values, label=name)
    if len(lines) > 1:
        ax.legend()
    every = [value for values in lines.values() for value in values]
    if min(every) > 0 and (label == "loss" or max(every) > 30 * min(every)):
        ax.set_yscale("log")
    ax.set_ylabel(label)
