"""The progress bar of a training run, drawn by rich."""

from contextlib import contextmanager
from time import perf_counter

from ..errors import InvalidTypeError, missing

_SECONDS_BETWEEN = 0.05  # updates of the bar


@contextmanager
def reporter(progress, epochs: int):
    """A callable (epoch, fraction, history) -> None for `train`, or None.

    `progress` is False, True for a bar, or the callable itself.
    """
    if progress is False or progress is None:
        yield None
    elif progress is True:
        with bar(epochs) as report:
            yield report
    elif callable(progress):
        yield progress
    else:
        raise InvalidTypeError(
            f"progress must be True, False or a callable, got {type(progress).__name__}"
        )


@contextmanager
def bar(epochs: int, console=None):
    """A bar over all epochs with the latest losses beside it."""
    try:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        raise missing("rich", "cli", "a progress bar") from None
    columns = (
        TextColumn("epoch {task.fields[epoch]}/{task.total:.0f}"),
        BarColumn(),
        TextColumn("{task.fields[losses]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, refresh_per_second=10) as shown:
        task = shown.add_task("training", total=epochs, epoch=0, losses="")

        drawn, latest = 0.0, None

        def draw(epoch, fraction, history):
            shown.update(task, completed=epoch - 1 + fraction, epoch=epoch, losses=_losses(history))

        def report(*state):
            nonlocal drawn, latest
            latest, now = state, perf_counter()
            if now - drawn >= _SECONDS_BETWEEN:
                drawn = now
                draw(*state)

        try:
            yield report
        finally:
            if latest is not None:
                draw(*latest)


def _losses(history):
    if not history.loss:
        return ""
    text = f"loss {history.loss[-1]:.4g}"
    if history.validation_loss:
        text += f", validation {history.validation_loss[-1]:.4g}"
    return text
